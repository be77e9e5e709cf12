"""Error pages. Those for 500 and 503 need neither database nor template context."""

import re
import sys

from django.conf import settings
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string

from portal.access import read_limits
from portal.access.projects import SAFE_METHODS, enter, origin
from portal.access.try_later import TryLater
from portal.problems.documents import problem
from synclogs.access import denials
from synclogs.models import Action

IN_PROJECT = re.compile(r"/p/([^/]+)/")


def is_machine(request: HttpRequest) -> bool:
    """Machines get problem+json and never a page or a redirect."""
    return f"{request.path}/".startswith(("/api/", "/v1/"))


def unavailable(request: HttpRequest) -> HttpResponse:
    body = render_to_string("503.html", {"request_id": getattr(request, "id", "")})
    return HttpResponse(body, status=503, headers={"Retry-After": "2"})


def too_many_reads(request: HttpRequest) -> HttpResponse:
    """A person has as many pages under way as allowed; the browser comes back by itself."""
    body = render_to_string("too_many_reads.html", {"most": settings.READS_AT_ONCE})
    wait = str(read_limits.RETRY_AFTER)
    return HttpResponse(body, status=429, headers={"Retry-After": wait, "Refresh": wait})


def too_many(request: HttpRequest, refusal: TryLater) -> HttpResponse:
    body = render_to_string("429.html", {"refusal": str(refusal), "request_id": getattr(request, "id", "")})
    return HttpResponse(body, status=429, headers={"Retry-After": str(refusal.retry_after)})


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    if is_machine(request):
        return problem(request, status=400, detail="This request cannot be read.")
    return HttpResponse(
        render_to_string("400.html", {"request_id": getattr(request, "id", "")}),
        status=400,
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """Every refusal of a page ends here, and so does its line in the audit, when no transaction is open any more."""
    reason = str(exception or "") or "You may not do this."
    if is_machine(request):
        return problem(request, status=403, detail=reason)
    in_project(request)
    user = getattr(request, "user", None)
    person = user if isinstance(user, User) and user.is_authenticated else None
    if (
        person or request.method not in SAFE_METHODS
    ):  # nobody is refused nothing by reading: a page sends them to sign in
        project = getattr(request, "project", None)
        denials.note(
            Action.ACCESS_DENIED, request.path, project=project, actor=person, reason=reason, **origin(request)
        )
    return render(request, "403.html", {"reason": reason, "page": getattr(exception, "page", "")}, status=403)


def in_project(request: HttpRequest) -> None:
    """Puts the project of the address in view where no view did: the page shows the ways on."""
    match, user = IN_PROJECT.match(request.path), getattr(request, "user", None)
    if match and user and user.is_authenticated and not hasattr(request, "project"):
        enter(request, match[1])


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    return forbidden(
        request,
        PermissionError("This form is out of date. Go back, reload the page and send it again."),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    if is_machine(request):
        return problem(request, status=404, detail="There is nothing at this address.")
    in_project(request)
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Also reached when the database goes away inside a middleware: then it is a 503, not a fault of ours."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        if is_machine(request):
            return problem(
                request,
                status=503,
                detail="The database cannot be reached.",
                headers={"Retry-After": "2"},
            )
        return unavailable(request)
    request_id = getattr(request, "id", "")
    if is_machine(request):
        return problem(
            request,
            status=500,
            detail="Something went wrong here. The request id helps to find it.",
        )
    return HttpResponse(render_to_string("500.html", {"request_id": request_id}), status=500)
