"""GET /api/v1/limits: the numbers that the code itself uses, so that they cannot differ from it."""

from dataclasses import asdict
from typing import Any

from django.conf import settings

from portal.api import pages
from synclogs import keys
from synclogs.language import QUERY_LENGTH
from synclogs.limits import LIMITS
from synclogs.models import ApiKey


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def told(key: ApiKey | None) -> dict[str, Any]:
    """Ingest limits as in the contract, the rate of `key` (or of a key without one of its own), page sizes, and how long a query may be."""
    return {
        "ingest": {camel(name): value for name, value in asdict(LIMITS).items()},
        "rate": {
            "requestsPerMinute": keys.per_minute(key),
            "requestsPerMinuteOfProject": settings.PROJECT_REQUESTS_PER_MINUTE,
        },
        "pages": {"usual": pages.USUAL, "most": pages.MOST},
        "query": {"characters": QUERY_LENGTH},
    }
