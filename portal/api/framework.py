"""REST framework configuration: every exception becomes a problem document, every answer is JSON."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from portal.access import read_limits
from portal.problems.documents import Denied, problem, too_many_reads


def exception_handler(exception: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """REST framework's hook: its exceptions as problems; anything else goes on to the middleware."""
    request = context["request"]
    if isinstance(exception, Denied):
        return exception.answer(request)
    if isinstance(exception, read_limits.Busy):
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
