"""Live tail of the log: entries of a filter that arrived since a cursor, as small JSON.

A page that follows the log polls every few seconds, so an answer without news is 204 with the next cursor in a header.
"""

from collections.abc import Mapping

from django.http import HttpResponse, JsonResponse
from django.utils import timezone

from portal.access.projects import ProjectRequest, polled, project_view
from portal.links.question import Question
from synclogs.moments import rfc3339
from synclogs.query.filters import FilterError
from synclogs.reading import tail
from synclogs.storage.time_limits import OutOfTime

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
        return json_response({"errors": error.errors}, status=400)
    except OutOfTime:
        return json_response({"errors": {"": "Too much arrives to look through; narrow the filters."}}, status=503)
    if not found.arrivals:
        return HttpResponse(status=204, headers={CURSOR: found.cursor})
    entries = [[str(arrival.key), rfc3339(arrival.occurred_at)] for arrival in found.arrivals]
    return json_response({"entries": entries, "cursor": found.cursor, "more": found.has_more}, status=200)


def json_response(words: Mapping[str, object], *, status: int) -> JsonResponse:
    return JsonResponse(dict(words), status=status)
