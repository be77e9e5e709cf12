"""Live tail of the log: entries of a filter that arrived since a cursor, as small JSON.

A page that follows the log polls every few seconds, so an answer without news is 204 with the next cursor in a header.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone

from portal.access.projects import ProjectRequest, polled, project_view
from portal.drawing.values import stamp
from portal.links import querystring
from synclogs.query.filters import FilterError, LogFilter
from synclogs.reading import tail
from synclogs.storage.budget import OutOfTime

CURSOR = "X-Tail-Cursor"
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


def live_of(request: ProjectRequest, log_filter: LogFilter | None, *, cursor: str, now: datetime) -> dict[str, object]:
    """Template context of a list that can follow; `cursor` was made before the list was read."""
    if log_filter is None:
        return {"live": Live(NOT_SHOWN)}
    if any(request.GET.get(name) for name in querystring.CURSORS):
        return {"live": Live(NOT_NEWEST)}
    if not cursor:
        return {"live": Live(NOT_SHOWN)}
    if tail.is_over(log_filter, now=now):
        return {"live": Live(OVER)}
    slug = request.project.slug
    columns = querystring.link(("columns", value) for value in request.GET.getlist("columns"))
    query = querystring.link(querystring.canonical(log_filter))
    return {
        "live": Live(
            "", reverse("logs-tail", args=(slug,)) + query, reverse("log-rows", args=(slug,)) + columns, cursor
        )
    }


@project_view()
@polled
def arrivals(request: ProjectRequest) -> HttpResponse:
    """204, or `{"entries": [[key, time], …], "cursor": …, "more": true|false}`, the newest arrival last."""
    now = timezone.now()
    try:
        log_filter = LogFilter.parse(request.GET.lists(), now=now, besides=querystring.BESIDES)
        found = tail.arrived(log_filter, request.project, request.GET.get("after", ""), now=now)
    except FilterError as error:
        return told({"errors": error.errors}, status=400)
    except OutOfTime:
        return told({"errors": {"": "Too much arrives to look through; narrow the filters."}}, status=503)
    if not found.arrivals:
        return HttpResponse(status=204, headers={CURSOR: found.cursor})
    entries = [[str(arrival.key), stamp(arrival.occurred_at)] for arrival in found.arrivals]
    return told({"entries": entries, "cursor": found.cursor, "more": found.has_more}, status=200)


def told(words: Mapping[str, object], *, status: int) -> JsonResponse:
    return JsonResponse(dict(words), status=status)
