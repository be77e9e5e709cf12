"""Cross-site requests: links to pages are allowed, everything else that another site makes a browser send is refused.

Decided by Sec-Fetch-Site and its kin, else by Origin or Referer. Programs send none of these; they need a cookie or a key anyway.
"""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, QueryDict
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.utils.http import is_same_domain

# What starts or costs something, or is only a piece of a page -> the page that it belongs to. Another site may not even link
# to these. An export starts by its format; without one it is the page that offers it.
SAME_SITE_ONLY: Mapping[str, str] = {
    "export": "export",
    "export-state": "export",
    "logs-copy": "logs",
    "logs-counts": "logs",
    "logs-suggest": "logs",
    "logs-tail": "logs",
    "log-rows": "logs",
    "saved-view-counts": "logs",
    "log-context": "log",
    "log-json": "log",
    "log-ticket": "log",
    "evidence": "sync",
    "attempt-progress": "attempt",
    "bulk-progress": "bulk",
    "admin:autocomplete": "admin:index",
    "admin:jsi18n": "admin:index",
}
# For machines that watch: no person's rights stand behind them.
NOBODYS = {"healthz", "readyz", "metrics"}
SAME_SITE = ("same-origin", "none")  # none: typed, from the bookmarks, from a program beside the browser


class CrossSite(PermissionDenied):
    """Refused; `page` is the address of the portal's own page that leads on."""

    def __init__(self, sentence: str, page: str) -> None:
        super().__init__(sentence)
        self.page = page


def check(request: HttpRequest) -> None:
    """Raises CrossSite for what no link may do. For resolved addresses that know sessions."""
    match = request.resolver_match
    if match is None or match.view_name in NOBODYS or not _is_from_elsewhere(request):
        return
    page = page_behind(match, request.GET)
    if page:
        raise CrossSite("Another site asked for this. It starts only from the portal's own page.", page)
    if "Sec-Fetch-Site" in request.headers and not _is_link(request):
        raise CrossSite("Another site asked for this in the background. Open it from the portal itself.", "")


def landing(address: str) -> str:
    """Where a sign-in leads that was to lead to `address`: to the page that starts something, and never to the start itself."""
    parts = urlsplit(address)
    try:
        match = resolve(unquote(parts.path))
    except Resolver404:
        return address
    return page_behind(match, QueryDict(parts.query)) or address


def page_behind(match: ResolverMatch, parameters: QueryDict) -> str:
    """The page that an address of SAME_SITE_ONLY belongs to, "" for every other address."""
    page = SAME_SITE_ONLY.get(match.view_name)
    if page is None or (match.view_name == "export" and not parameters.get("format", "").strip()):
        return ""
    address = reverse(page, kwargs={name: value for name, value in match.kwargs.items() if name != "number"})
    if page not in ("export", "logs"):
        return address
    remaining = parameters.copy()
    for name in ("format", "after", "key"):
        remaining.pop(name, None)
    return f"{address}?{remaining.urlencode()}" if remaining else address


def _is_from_elsewhere(request: HttpRequest) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site.strip().lower() not in SAME_SITE
    origin = request.headers.get("Origin") or request.headers.get("Referer")
    return bool(origin) and not _is_same_origin(str(origin), request)


def _is_same_origin(origin: str, request: HttpRequest) -> bool:
    try:
        host = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    trusted = [urlsplit(known).netloc.lstrip("*") for known in settings.CSRF_TRUSTED_ORIGINS]
    return host == request.get_host().lower() or any(is_same_domain(host, known) for known in trusted)


def _is_link(request: HttpRequest) -> bool:
    """Somebody follows a link in a window of their own."""
    target = [request.headers.get(f"Sec-Fetch-{name}", "").strip().lower() for name in ("Mode", "Dest")]
    return request.method in ("GET", "HEAD") and target == ["navigate", "document"]
