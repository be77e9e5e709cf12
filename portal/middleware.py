"""Middleware: request id, strict framing limits, response headers, the reader's time zone, and a 503 while the database is away.

No view logic, no query.
"""

import re
import uuid
from collections.abc import Callable
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from portal.access import cross_site, read_limits
from portal.access.try_later import TryLater
from portal.problems.documents import problem
from portal.problems.pages import forbidden, is_machine, too_many, too_many_reads, unavailable
from portal.sign_in.views import refused_early
from synclogs.storage.connections import release

Respond = Callable[[HttpRequest], HttpResponseBase]

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OF_PAGES = ("GET", "HEAD", "POST", "OPTIONS")  # also of the administration
MAX_HEADERS = 100
MAX_HEADER_BYTES = 16 * 1024
MAX_SIGN_IN_BYTES = 16 * 1024
MAX_PARAMETERS = 150  # a page repeats its address in a link for each of them
REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")
PERMISSIONS_POLICY = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()"
RETRY_AFTER = "2"
ZONE_COOKIE = "zone"
IN_UTC = ("/api/", "/v1/", "/admin/", "/static/")

logger = structlog.get_logger(__name__)


def refuse(request: HttpRequest, status: int, title: str, detail: str) -> HttpResponseBase:
    if is_machine(request):
        return problem(request, status=status, title=title, detail=detail)
    return HttpResponse(f"{title}. {detail}\n", status=status, content_type="text/plain; charset=utf-8")


def refused(request: HttpRequest) -> HttpResponseBase | None:
    """What no honest client sends, answered before anything reads it; None when there is nothing to refuse."""
    if request.method not in METHODS and not is_machine(request):  # each address of the API says which it allows
        response = refuse(request, 405, "Method not allowed", "This server does not know that method.")
        response.headers["Allow"] = ", ".join(sorted(METHODS))
        return response
    headers = [(name, value) for name, value in request.META.items() if name.startswith("HTTP_")]
    if len(headers) > MAX_HEADERS or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        return refuse(
            request,
            431,
            "Request header fields too large",
            "At most 100 headers and 16 KiB are read.",
        )
    if request.META.get("QUERY_STRING", "").count("&") >= MAX_PARAMETERS:
        return refuse(request, 400, "Bad request", f"At most {MAX_PARAMETERS} parameters are read.")
    if "\x00" in request.path:
        return refuse(request, 400, "Bad request", "The address holds a NUL character.")
    if settings.HTTPS and is_machine(request) and not request.is_secure():
        # A redirect would make the client send its key a second time, so the API says no instead.
        return refuse(
            request,
            403,
            "HTTPS required",
            "Send this request over HTTPS. The key just sent is not safe any more.",
        )
    return None


def request_id(get_response: Respond) -> Respond:
    """Gives the request an id: its own if that is a plain one, for the logs, the answer and the audit. As the outermost, it also
    gives the database connection back before the answer is sent."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        header = request.headers.get("X-Request-ID", "")
        request.id = header if REQUEST_ID.fullmatch(header) else uuid.uuid4().hex  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        method = request.method if request.method in METHODS else "unknown"
        structlog.contextvars.bind_contextvars(request_id=request.id, method=method)  # type: ignore[attr-defined]
        response = get_response(request)
        release()  # the answer is made, and whoever reads it may take as long as they like
        response["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response

    return respond


def request_guard(get_response: Respond) -> Respond:
    """Refuses what no honest client sends, before anything reads it."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        return refused(request) or get_response(request)

    return respond


def sign_in_guard(get_response: Respond) -> Respond:
    """Answers a sender of sign-ins who has to wait, as early and as cheaply as can be; and reads no large forms for nobody."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        if request.method != "POST" or request.path != reverse(settings.LOGIN_URL):
            return get_response(request)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > MAX_SIGN_IN_BYTES:
            return refuse(request, 413, "Too large", "A name and a password never take more than 16 KiB.")
        return refused_early(request) or get_response(request)

    return respond


def response_headers(get_response: Respond) -> Respond:
    """Headers that Django does not set by itself; pages and API answers are never stored by a cache."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return respond


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The names that this machine knows; looking for them reads a directory tree."""
    return frozenset(available_timezones())


def time_zone(get_response: Respond) -> Respond:
    """Writes the times of pages in the zone that the cookie names; any other text in it, and no cookie, means UTC.

    The API and the administration always speak UTC.
    """

    def respond(request: HttpRequest) -> HttpResponseBase:
        name = request.COOKIES.get(ZONE_COOKIE, "")
        if not name or name not in zone_names() or f"{request.path}/".startswith(IN_UTC):
            return get_response(request)
        request.zone = name  # type: ignore[attr-defined]
        timezone.activate(ZoneInfo(name))
        try:
            response = get_response(request)
        finally:
            timezone.deactivate()
        patch_vary_headers(response, ["Cookie"])
        return response

    return respond


class MethodGuard:
    """Refuses methods that an address does not take. Before the token of a form is asked for, which would be a 403."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], _args: object, _kwargs: object
    ) -> HttpResponseBase | None:
        if is_machine(request):
            return None
        of_class = getattr(getattr(view, "view_class", None), "http_method_names", OF_PAGES)
        methods = getattr(view, "methods", [name.upper() for name in of_class])
        return None if request.method in methods else HttpResponseNotAllowed(methods)


class SiteGuard:
    """Refuses what another site makes a browser ask for, beyond following a link to a page."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: Callable[..., HttpResponseBase], _args: object, _kwargs: object
    ) -> HttpResponseBase | None:
        try:
            if not is_machine(request):  # which knows no session, and checks by itself
                cross_site.check(request)
        except cross_site.CrossSite as refusal:
            return forbidden(request, refusal)
        return None


class DatabaseGuard:
    """Turns a database that is away, overloaded or out of time into a 503 that says when to come back; and whoever reads too much
    at once, or has a password to hash when many have, into a 429."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        if isinstance(exception, OperationalError | InterfaceError):
            return database_away(request, exception)
        if isinstance(exception, read_limits.Busy):
            return too_many_reads(request)
        return too_many(request, exception) if isinstance(exception, TryLater) else None


def database_away(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """A 503 with Retry-After; the log line names the class only, since messages may hold addresses."""
    logger.warning("database unavailable", error=type(exception).__name__)
    if is_machine(request):
        response = problem(
            request,
            status=503,
            title="Service unavailable",
            detail="The database cannot be reached or is overloaded. Nothing of this request was stored; send it again.",
        )
    else:
        response = unavailable(request)
    response["Retry-After"] = RETRY_AFTER
    return response
