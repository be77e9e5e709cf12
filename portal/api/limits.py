"""GET /api/v1/limits: the ingest limits, from the constants that the code uses."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from django.conf import settings

from portal.api import pagination
from synclogs.access import keys
from synclogs.models import ApiKey, Project
from synclogs.moments import rfc3339
from synclogs.parsing.limits import LIMITS
from synclogs.query.language import QUERY_LENGTH


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def limits_json(key: ApiKey | None, *, now: datetime) -> dict[str, Any]:
    """Ingest limits as in the contract, how far back entries are accepted, rates, page sizes, and how long a query may be.

    With `key` its own rate and what its project keeps, else the rate of a key without one and the most that any project keeps.
    """
    project = key.project if key else Project(retention_days=LIMITS.past_days)
    limits = replace(LIMITS, past_days=project.retention_days)
    return {
        "ingest": {camel(name): value for name, value in asdict(limits).items()},
        "retention": {
            "days": project.retention_days,
            "oldestAccepted": rfc3339(project.oldest_accepted(now), "fewest"),
        },
        "rate": {
            "requestsPerMinute": keys.per_minute(key),
            "requestsPerMinuteOfProject": settings.PROJECT_REQUESTS_PER_MINUTE,
        },
        "pages": {"usual": pagination.USUAL, "most": pagination.MOST},
        "query": {"characters": QUERY_LENGTH},
    }
