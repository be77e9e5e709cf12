"""Errors of the API as application/problem+json (RFC 9457), whatever the Accept header says.

Goes in: a status and words. Comes out: type, title, status, detail, instance, request_id. Never SQL, paths or class names.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from portal import reads

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER = "2"


class Denied(Exception):
    """An answer that is an error, raised where it is found; `more` are extension members such as `errors`."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    def answer(self, request: HttpRequest | Request) -> HttpResponse:
        return problem(request, status=self.status, detail=self.detail, headers=self.headers, **self.more)


def overloaded(detail: str) -> Denied:
    """A 503 that says when to come back."""
    return Denied(503, detail, headers={"Retry-After": RETRY_AFTER})


def document(request: HttpRequest | Request, *, status: int, detail: str, title: str = "") -> dict[str, Any]:
    """The members that every problem has."""
    return {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "request_id": getattr(request, "id", ""),
    }


def problem(
    request: HttpRequest | Request,
    *,
    status: int,
    detail: str,
    title: str = "",
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> HttpResponse:
    """A problem document as a response; `more` are extension members such as `errors`."""
    body = document(request, status=status, detail=detail, title=title) | more
    return HttpResponse(json.dumps(body), status=status, content_type=CONTENT_TYPE, headers=dict(headers or {}))


def too_many_reads(request: HttpRequest | Request) -> HttpResponse:
    return problem(
        request,
        status=429,
        detail=f"{settings.READS_AT_ONCE} reads of yours are going on; come back when one has ended.",
        headers={"Retry-After": str(reads.RETRY_AFTER)},
    )


def exception_handler(exception: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """REST framework's hook: its exceptions as problems; anything else goes on to the middleware."""
    request = context["request"]
    if isinstance(exception, Denied):
        return exception.answer(request)
    if isinstance(exception, reads.Busy):
        return too_many_reads(request)
    if isinstance(exception, Http404):
        exception = exceptions.NotFound("There is nothing here under that name.")
    elif isinstance(exception, PermissionDenied):
        exception = exceptions.PermissionDenied()
    if not isinstance(exception, exceptions.APIException):
        return None
    more: dict[str, Any] = {}
    detail: Any = exception.detail
    if isinstance(detail, dict):
        more["errors"] = {name: _plain(value) for name, value in detail.items()}
        detail = "Some values cannot be used; see errors."
    return problem(request, status=exception.status_code, detail=_plain(detail), **more)


def _plain(value: Any) -> str:
    return " ".join(_plain(item) for item in value) if isinstance(value, list | tuple) else str(value)


class AlwaysJson(BaseContentNegotiation):
    """The API speaks JSON; an odd Accept header is no reason to refuse an answer."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type
