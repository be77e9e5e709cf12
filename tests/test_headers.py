"""Headers of every answer: content security policy, cookies, transport, hosts, methods, redirects to our own host only.

Every URL is requested anonymously and as a superuser, with the settings of production and of the demo.
"""

import re
import runpy
from collections.abc import Iterator
from http.cookies import Morsel
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import LazySettings
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from synclogs.models import Project, Scope
from synclogs.overview import state_counts
from synclogs.reading import paging
from tests import factories, places
from tests.factories import PASSWORD, bearer
from tests.places import Place
from tests.reader import form_token

pytestmark = pytest.mark.django_db
SETTINGS = Path(__file__).resolve().parent.parent / "portal" / "settings.py"
HOST = "portal.example.com"
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
OF_THE_ADMIN = STRICT.replace("script-src 'self'", "script-src 'self' 'unsafe-eval'")
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NEVER = ("X-Powered-By", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "X-AspNet-Version", "Via")


@pytest.fixture
def where(db: None) -> Place:
    return places.place("alpha")


@pytest.fixture
def superuser(db: None) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(factories.UserFactory(is_superuser=True, is_staff=True))
    return client


@pytest.fixture
def production(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[LazySettings]:
    """The settings that concern transport and cookies as production has them."""
    adopt(settings, monkeypatch, ALLOWED_HOSTS=HOST)
    return settings


def adopt(settings: LazySettings, monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
    for name in ("DEBUG", "PORTAL_DEMO", "HTTPS", "TRUST_FORWARDED_PROTO", "TRUSTED_PROXIES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name, value in runpy.run_path(str(SETTINGS)).items():
        if name in ("HTTPS", "ALLOWED_HOSTS") or name.startswith(
            ("SECURE_", "SESSION_COOKIE", "CSRF_COOKIE", "DEVICE_COOKIE")
        ):
            setattr(settings, name, value)


def is_guarded(response: Any, *policies: str) -> None:
    assert response["Content-Security-Policy"] in (policies or (STRICT,))
    assert "Content-Security-Policy-Report-Only" not in response.headers
    for name, value in ALWAYS.items():
        assert response[name] == value
    assert "camera=()" in response["Permissions-Policy"]
    assert "geolocation=()" in response["Permissions-Policy"]
    assert not set(NEVER) & set(response.headers)
    assert "Server" not in response.headers  # the web server says its bare name, see test_webworker
    assert "no-store" in response["Cache-Control"]
    assert len(response["X-Request-ID"]) == 32
    body = response.content if response["Content-Type"].startswith(("text/html", "application/problem+json")) else b""
    for inside in (b"Traceback", b"DoesNotExist", b"django.", b"psycopg", b"site-packages", b".html"):
        assert inside not in body, inside


def policies_of(url: str, response: Any) -> tuple[str, ...]:
    """Only the admin's own pages need its policy; its refusals and redirects may have either."""
    if not url.startswith("/admin/"):
        return (STRICT,)
    return (OF_THE_ADMIN,) if response.status_code == 200 else (STRICT, OF_THE_ADMIN)


@pytest.mark.parametrize("is_production", [False, True])
def test_every_answer_carries_the_headers(
    where: Place, superuser: Client, is_production: bool, request: pytest.FixtureRequest, subtests: pytest.Subtests
) -> None:
    more: dict[str, Any] = {}
    if is_production:
        cookie = superuser.cookies["session"].value
        request.getfixturevalue("production")
        superuser.cookies.clear()
        superuser.cookies["__Host-session"] = cookie
        more = {"secure": True, "headers": {"Host": HOST}}
    nobody = Client(raise_request_exception=False)
    for route in places.routes():
        url = places.address(route, where)
        for who, client in (("nobody", nobody), ("superuser", superuser)):
            for method in ("GET", "DELETE"):
                with subtests.test(url=url, who=who, method=method):
                    response = client.generic(method, url, **more)
                    assert response.status_code < 500 or url == "/readyz"
                    is_guarded(response, *policies_of(url, response))
                    assert ("Strict-Transport-Security" in response.headers) == is_production


@pytest.mark.parametrize(
    ("method", "url", "more", "status"),
    [
        ("GET", "/no/such/page", {}, 404),
        ("GET", "/admin/no/such/page", {}, 404),
        ("GET", "/p/nobody/logs", {}, 404),
        ("GET", "/p/alpha/logs?level=loud", {}, 400),
        ("GET", "/p/alpha/syncs/none", {}, 404),
        ("GET", "/p/alpha/logs%00", {}, 400),
        ("GET", "/healthz", {"HTTP_HOST": "evil.example"}, 400),
        ("GET", "/p/alpha/logs", {"HTTP_HOST": "a b"}, 400),
        ("GET", "/p/alpha/logs", {"HTTP_X": "x" * 17_000}, 431),
        ("TRACE", "/p/alpha/logs", {}, 405),
        ("BREW", "/", {}, 405),
        ("POST", "/accounts/logout/", {}, 403),
        ("GET", "/api/v1/nothing", {}, 404),
        ("POST", "/api/v1/logs", {}, 401),
        ("TRACE", "/api/v1/logs", {}, 405),
        ("GET", "/api/v1/logs", {"HTTP_HOST": "evil.example"}, 400),
        ("GET", "/api/v1/logs", {"HTTP_X": "x" * 17_000}, 431),
        ("GET", "/api/v1/logs%00", {}, 400),
    ],
)
def test_refusals_carry_the_headers(where: Place, method: str, url: str, more: dict[str, str], status: int) -> None:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.force_login(factories.UserFactory(is_superuser=True, is_staff=True))
    response = client.generic(method, url, **more)  # type: ignore[arg-type]
    assert response.status_code == status
    is_guarded(response)
    if url.startswith("/api"):
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["status"] == status


@pytest.mark.parametrize(("fault", "status"), [(RuntimeError, 500), (OperationalError, 503)])
def test_faults_carry_the_headers_and_say_nothing(
    where: Place, superuser: Client, monkeypatch: pytest.MonkeyPatch, fault: type[Exception], status: int
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise fault("canary of the inside: /etc/portal SELECT secret")

    monkeypatch.setattr(state_counts, "tally", fail)
    monkeypatch.setattr(paging, "page", fail)
    key = factories.api_key(where.project, Scope.LOGS_READ)[1]
    for url in ("/p/alpha/", "/api/v1/logs", "/admin/synclogs/logentry/"):
        response = superuser.get(url, headers=bearer(key))
        assert response.status_code == status
        is_guarded(response)
        assert b"canary" not in response.content
        assert b"Error" not in response.content.replace(b"Error 50", b"").replace(b"Server Error", b"")
        assert response["X-Request-ID"].encode() in response.content
        assert ("Retry-After" in response.headers) == (status == 503)


def test_static_files_are_guarded_too(client: Client) -> None:
    for path in ("portal.css", "js/portal.js", "icons.svg", "mark.svg"):
        response = client.get(f"/static/{path}")
        assert response.status_code == 200
        assert b"".join(response.streaming_content)  # type: ignore[attr-defined]
        response.close()
        assert {name: response[name] for name in ALWAYS} == ALWAYS
        assert response["Content-Security-Policy"] == STRICT
        assert not set(NEVER) & set(response.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/js/",
        "/static/../portal/settings.py",
        "/static/%2e%2e/manage.py",
        "/static//etc/passwd",
        "/.git/config",
        "/.env",
        "/manage.py",
        "/.data/secret_key",
        "/README.md",
        "/portal/settings.py",
        "/server-status",
        "/debug",
        "/__debug__/",
    ],
)
def test_nothing_but_the_manifest_is_a_file(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


# Cookies.


def sign_in(client: Client, **more: Any) -> Any:
    """Signs in as a browser does: the form first, then the form with its token."""
    person = factories.UserFactory(with_password=True)
    page = client.get(reverse("login"), **more)
    token = form_token(page)
    fields = {"username": person.username, "password": PASSWORD, "csrfmiddlewaretoken": str(token)}
    more = {**more, "headers": {**more.get("headers", {}), "Referer": f"https://{HOST}/accounts/login/"}}
    return client.post(reverse("login"), fields, **more)


def test_cookies_of_production_are_bound_to_host_and_https(production: LazySettings) -> None:
    client = Client(enforce_csrf_checks=True)
    response = sign_in(client, secure=True, headers={"Host": HOST})
    assert (response.status_code, response["Location"]) == (302, "/")
    device = next(name for name in response.cookies if name.startswith("__Host-device-"))  # one for each account
    assert set(response.cookies) == {"__Host-session", "__Host-csrf", device}
    for cookie in response.cookies.values():
        assert isinstance(cookie, Morsel)
        assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"]) == (True, True, "/", "")
        assert cookie["samesite"] in ("Lax", "Strict")


def test_cookies_of_the_demo_are_not_read_by_scripts_either(client: Client) -> None:
    response = sign_in(client)
    for cookie in response.cookies.values():
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_the_api_sets_no_cookie(client: Client, where: Place) -> None:
    key = factories.api_key(where.project)[1]
    client.force_login(factories.member(where.project))
    for url in ("/api/v1/logs", "/api/v1/limits", "/api/v1/docs", "/healthz", "/readyz", "/metrics"):
        assert not client.get(url, headers=bearer(key)).cookies


# Transport.


def test_pages_are_redirected_to_https_and_the_api_is_refused(production: LazySettings, where: Place) -> None:
    key = factories.api_key(where.project)[1]
    client = Client(headers={"Host": HOST})
    for url in ("/", "/p/alpha/logs?level=error", "/admin/", "/accounts/login/", "/no/such/page"):
        response = client.get(url)
        assert (response.status_code, response["Location"]) == (301, f"https://{HOST}{url}")
        is_guarded(response)
        assert "Strict-Transport-Security" not in response.headers
    for method, url in (
        ("POST", "/api/v1/logs"),
        ("GET", "/api/v1/limits"),
        ("GET", "/api/v1/nothing"),
        ("POST", "/v1/logs"),
    ):
        response = client.generic(method, url, headers=bearer(key))
        assert response.status_code == 403
        assert "Location" not in response.headers
        assert response["Content-Type"] == "application/problem+json"
        assert key not in response.content.decode()
        is_guarded(response)
    for url in ("/healthz", "/readyz"):
        assert client.get(url).status_code in (200, 503)


def test_hsts_is_a_year_with_subdomains(production: LazySettings) -> None:
    response = Client().get("/accounts/login/", secure=True, headers={"Host": HOST})
    assert response["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"


@pytest.mark.parametrize("is_trusted", [False, True])
def test_the_proxys_word_counts_only_when_it_was_named(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, is_trusted: bool
) -> None:
    adopt(settings, monkeypatch, ALLOWED_HOSTS=HOST, TRUST_FORWARDED_PROTO=str(int(is_trusted)))
    headers = {"Host": HOST, "X-Forwarded-Proto": "https"}
    assert Client().get("/accounts/login/", headers=headers).status_code == (200 if is_trusted else 301)
    assert Client().get("/api/v1/limits", headers=headers).status_code == (200 if is_trusted else 403)


@pytest.mark.parametrize(
    "host", ["evil.example", f"{HOST}.evil.example", f"evil.{HOST}", f"{HOST}@evil.example", "", "[::1", "127.0.0.1"]
)
def test_an_unknown_host_is_refused(production: LazySettings, host: str) -> None:
    for url in ("/accounts/login/", "/api/v1/limits", "/healthz"):
        response = Client().get(url, secure=True, headers={"Host": host, "X-Forwarded-Host": HOST})
        assert response.status_code == 400
        assert b"ALLOWED_HOSTS" not in response.content
        is_guarded(response)


def test_another_origin_gets_no_leave(client: Client, where: Place) -> None:
    asking = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for url in ("/api/v1/logs", "/p/alpha/logs", "/accounts/login/"):
        for method in ("OPTIONS", "GET"):
            response = client.generic(method, url, headers=asking)
            assert not [name for name in response.headers if name.startswith("Access-Control-")]
            assert method == "GET" or response.status_code == 405


# Where a sign-in leads.

ELSEWHERE = [
    "//evil.example",
    "//evil.example/p/",
    "\\\\evil.example",
    "\\evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:///evil.example",
    "///evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "https://testserver@evil.example",
    "https://testserver.evil.example",
    "\x00//evil.example",
    " //evil.example",
    "%2F%2Fevil.example\r\nSet-Cookie: x=1",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_next_leads_to_no_other_host(client: Client, target: str) -> None:
    person = factories.UserFactory(with_password=True)
    fields = {"username": person.username, "password": PASSWORD, "next": target}
    stays_here(client.post("/accounts/login/", fields))
    stays_here(client.get("/accounts/login/", {"next": target}))  # signed in already
    stays_here(client.get("/admin/login/", {"next": target}))


def stays_here(response: Any) -> None:
    """As a browser reads the address: backslashes are slashes, tabs and line feeds are not there."""
    assert response.status_code == 302
    location = re.sub(r"[\t\r\n]", "", response["Location"].replace("\\", "/")).strip("\x00 ")
    assert urlsplit(urljoin("http://testserver/accounts/login/", location))[:2] == ("http", "testserver")


def test_next_leads_to_our_own_pages(client: Client) -> None:
    person = factories.UserFactory(with_password=True)
    fields = {"username": person.username, "password": PASSWORD, "next": "/p/demo/logs?level=error"}
    assert client.post("/accounts/login/", fields)["Location"] == "/p/demo/logs?level=error"


def test_the_project_of_a_link_is_ours(where: Place, superuser: Client) -> None:
    """Redirects of pages never take a host from what was asked for."""
    Project.objects.create(slug="beta", name="https://evil.example")
    for url in ("/", "/p/beta//evil.example", f"/p/alpha/search?q={where.names['sync']}"):
        location = superuser.get(url).headers.get("Location", "/")
        assert location.startswith("/p/") or location == "/"
