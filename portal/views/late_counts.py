"""Late counts of a log page: the same query with more time, as fragments to swap in."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.access.projects import ProjectRequest, polled, project_view
from portal.links.question import Question
from portal.log import list_counts
from synclogs.query.filters import FilterError


@project_view()
@polled
def facets(request: ProjectRequest) -> HttpResponse:
    """Groups of the filter rail and the chart, those of them that the page may have shown without numbers."""
    now = timezone.now()
    question = Question.read(request.GET.lists(), now=now)
    if question.errors:
        return HttpResponse(str(FilterError(question.errors)), status=400, content_type="text/plain; charset=utf-8")
    numbers = list_counts.numbers_of(question, request.project, now=now, is_patient=True)
    response = render(request, "_counts.html", {"now": now, **numbers})
    response["X-Fragment"] = "counts"
    return response
