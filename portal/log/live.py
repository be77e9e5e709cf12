"""Whether a log list can follow what arrives, and where it asks for it (portal.views.tail).

Returns one frozen Live for `_live.html`, made of a Question and the cursor of the tail.
"""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from portal.links import querystring
from portal.links.question import Question
from portal.log import columns
from synclogs.models import Project
from synclogs.reading import tail

OVER = "The time range has ended, so nothing new comes."
NOT_NEWEST = "Only the newest page can follow."
NOT_SHOWN = "A list that is not shown cannot follow."


@dataclass(frozen=True, slots=True)
class Live:
    """What `_live.html` shows: where to ask and from when on, or `why_not`."""

    why_not: str = ""
    tail: str = ""
    rows: str = ""
    cursor: str = ""


def live_of(question: Question, project: Project, *, cursor: str, now: datetime) -> Live:
    """`cursor` was made before the list was read; "" where it was not read."""
    log_filter = question.log_filter
    if log_filter is None:
        return Live(NOT_SHOWN)
    if not question.is_newest:
        return Live(NOT_NEWEST)
    if not cursor:
        return Live(NOT_SHOWN)
    if tail.is_over(log_filter, now=now):
        return Live(OVER)
    slug = project.slug
    chosen = querystring.link((columns.PARAMETER, value) for value in question.values(columns.PARAMETER))
    query = querystring.link(question.with_page(()))
    return Live("", reverse("logs-tail", args=(slug,)) + query, reverse("log-rows", args=(slug,)) + chosen, cursor)
