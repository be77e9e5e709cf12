"""Pages for what went wrong. The ones for 500 and 503 need neither database nor template context."""

import re
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string

from portal.access import enter
from portal.api.problems import problem
from portal.hashing import TryLater

IN_PROJECT = re.compile(r"/p/([^/]+)/")


def is_machine(request: HttpRequest) -> bool:
    """Machines get problem+json and never a page or a redirect."""
    return f"{request.path}/".startswith(("/api/", "/v1/"))


def unavailable(request: HttpRequest) -> HttpResponse:
    body = render_to_string("503.html", {"request_id": getattr(request, "id", "")})
    return HttpResponse(body, status=503, headers={"Retry-After": "2"})


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
    reason = str(exception or "") or "You may not do this."
    if is_machine(request):
        return problem(request, status=403, detail=reason)
    return render(request, "403.html", {"reason": reason}, status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    return forbidden(
        request,
        PermissionError("This form is out of date. Go back, reload the page and send it again."),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    if is_machine(request):
        return problem(request, status=404, detail="There is nothing at this address.")
    match, user = IN_PROJECT.match(request.path), getattr(request, "user", None)
    if match and user and user.is_authenticated and not hasattr(request, "project"):
        enter(request, match[1])  # no view did, and the page shows the ways on
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
