"""Error responses of the API as application/problem+json (RFC 9457).

Members: type, title, status, detail, instance, request_id. Never SQL, paths or class names.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from portal.access import read_limits

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
        headers={"Retry-After": str(read_limits.RETRY_AFTER)},
    )
