"""The live tail of the log: a filter and a cursor in; which entries have arrived since, as small JSON.

The page that follows asks every few seconds, so an answer without news is empty: 204, and the next cursor in a header.
"""

from collections.abc import Mapping

from django.http import HttpResponse, JsonResponse
from django.utils import timezone

from portal.access.projects import ProjectRequest, polled, project_view
from portal.links.question import Question
from synclogs.moments import rfc3339
from synclogs.query.filters import FilterError
from synclogs.reading import tail
from synclogs.storage.budget import OutOfTime

CURSOR = "X-Tail-Cursor"


@project_view()
@polled
def arrivals(request: ProjectRequest) -> HttpResponse:
    """204, or `{"entries": [[key, time], …], "cursor": …, "more": true|false}`, the newest arrival last."""
    now = timezone.now()
    try:
        log_filter = Question.read(request.GET.lists(), now=now).readable
        found = tail.arrived(log_filter, request.project, request.GET.get("after", ""), now=now)
    except FilterError as error:
        return told({"errors": error.errors}, status=400)
    except OutOfTime:
        return told({"errors": {"": "Too much arrives to look through; narrow the filters."}}, status=503)
    if not found.arrivals:
        return HttpResponse(status=204, headers={CURSOR: found.cursor})
    entries = [[str(arrival.key), rfc3339(arrival.occurred_at)] for arrival in found.arrivals]
    return told({"entries": entries, "cursor": found.cursor, "more": found.has_more}, status=200)


def told(words: Mapping[str, object], *, status: int) -> JsonResponse:
    return JsonResponse(dict(words), status=status)
