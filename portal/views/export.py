"""Export pages: description, download, progress.

Takes the parameters of the log list; answers a page, a stream or a fragment. Reads only through synclogs.export.lifecycle.
"""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from portal.access.projects import ProjectRequest, actor_of, polled, project_view
from portal.links import querystring
from portal.links.question import Question
from portal.log import exports
from synclogs.export import lifecycle
from synclogs.models import Export, ExportFormat, Role
from synclogs.query.filters import FilterError, LogFilter

RECENT = 10
CONTENT_TYPES = {
    ExportFormat.NDJSON: "application/x-ndjson; charset=utf-8",
    ExportFormat.CSV: "text/csv; charset=utf-8; header=present",
}


@project_view(role=Role.OPERATOR)
def export_page(request: ProjectRequest) -> HttpResponseBase:
    """With `format` the file, without it the page that offers it; with htmx aimed at #exports only the list of them."""
    question = Question.read(request.GET.lists(), now=timezone.now(), besides=("format",))
    try:
        log_filter = question.readable
        format = requested_format(question.values("format"))
    except FilterError as error:
        return page(request, replace(question, log_filter=None, errors=error.errors), status=HTTPStatus.BAD_REQUEST)
    if request.htmx and request.htmx.target == "exports":
        response = render(request, "_exports.html", recent(request))
        response["X-Fragment"] = "exports"
    elif format is None:
        response = page(request, question)
    else:
        return file(request, question, log_filter, format=format)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def requested_format(given: Sequence[str]) -> ExportFormat | None:
    """The format asked for, None for none. Raises FilterError."""
    try:
        return ExportFormat(given[0]) if len(given) == 1 else None if not given else ExportFormat(" ".join(given))
    except ValueError:
        raise FilterError({"format": f"Choose one format: {', '.join(ExportFormat.values)}."}) from None


def page(
    request: ProjectRequest, question: Question, *, is_busy: bool = False, status: int = HTTPStatus.OK
) -> HttpResponse:
    log_filter, query = question.log_filter, question.with_page(())
    context = {
        "errors": question.errors,
        "is_busy": is_busy,
        "at_once": lifecycle.AT_ONCE,
        "most": lifecycle.MOST,
        "back": querystring.link(querystring.remove(query, "format")),
        **recent(request),
    }
    if log_filter is not None:
        total = lifecycle.expected(log_filter, request.project)
        context |= {
            "total": total,
            "is_more": total is not None and total > lifecycle.MOST,
            "expected": exports.expected_words(total),
            "words": exports.filter_words(log_filter),
            "choices": exports.choices(query),
        }
    return render(request, "export.html", context, status=status)


def recent(request: ProjectRequest) -> dict[str, object]:
    """The person's own last exports."""
    now = timezone.now()
    rows = Export.objects.of(request.project).filter(person=request.user)[:RECENT]
    return {"now": now, "lines": [exports.line(row, now=now) for row in rows]}


def file(
    request: ProjectRequest, question: Question, log_filter: LogFilter, *, format: ExportFormat
) -> HttpResponseBase:
    """The stream; to HEAD only what it would be, since asking must not start one."""
    now = timezone.now()
    headers = {"X-Content-Type-Options": "nosniff"}
    if request.method == "HEAD":
        return HttpResponse(content_type=CONTENT_TYPES[format], headers=headers | disposition(request, format))
    actor = actor_of(request)
    try:
        begun = lifecycle.start(log_filter, request.project, request.user, actor=actor, format=format, now=now)
    except lifecycle.Busy:
        return page(request, question, is_busy=True, status=HTTPStatus.TOO_MANY_REQUESTS)
    return StreamingHttpResponse(
        lifecycle.pieces(begun, log_filter, actor=actor),
        content_type=CONTENT_TYPES[format],
        headers=headers | disposition(request, format, begun),
    )


def disposition(request: ProjectRequest, format: ExportFormat, begun: Export | None = None) -> dict[str, str]:
    """The name of the file: of which project, from when, and whether the limit cuts it."""
    at = begun.started_at if begun else timezone.now()
    cut = f"-newest-{lifecycle.MOST}" if begun and begun.total and begun.total > lifecycle.MOST else ""
    name = f"{request.project.slug}-logs-{at:%Y%m%dT%H%M%SZ}{cut}.{format.value}"
    return {"Content-Disposition": f'attachment; filename="{name}"'}


@project_view(role=Role.OPERATOR)
@polled
def export_state(request: ProjectRequest, number: int) -> HttpResponse:
    """One line of the list, asked for every second while it runs."""
    found = Export.objects.of(request.project).filter(pk=number).first()
    if found is None:
        raise Http404("No such export.")
    now = timezone.now()
    context = {"now": now, "line": exports.line(found, now=now), "is_fragment": True}
    response = render(request, "_export.html", context)
    response["X-Fragment"] = "export"
    return response
