"""Cross-site requests: pages open by a link, everything else is refused; and what nobody may request.

Every URL of the portal is tested; a new one has to answer with a whole page, or to be entered in portal.access.cross_site as none.
"""

import itertools
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import resolve

from portal.access.cross_site import NOBODYS, SAME_SITE_ONLY, landing
from synclogs.models import Action, AuditEvent, Export
from tests import factories, places
from tests.denied import times
from tests.factories import PASSWORD, bearer
from tests.places import Place

pytestmark = pytest.mark.django_db
LINK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FROM_ELSEWHERE: tuple[dict[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site", **LINK},
    {"Sec-Fetch-Site": "same-site", **LINK},
    {"Sec-Fetch-Site": "cross-site, same-origin", **LINK},
    {"Sec-Fetch-Site": "", **LINK},
    {"Referer": "https://evil.example/p/alpha/logs/export"},
    {"Referer": "http://testserver.evil.example/"},
    {"Referer": "http://evil.example@testserver.evil.example/"},
    {"Origin": "null"},
    {"Origin": "http://[broken"},
)
FROM_HERE: tuple[dict[str, str], ...] = (
    {},
    {"Sec-Fetch-Site": "same-origin", **LINK},
    {"Sec-Fetch-Site": "none", **LINK},
    {"Sec-Fetch-Site": "same-origin", "Referer": "https://evil.example/"},
    {"Referer": "http://testserver/p/alpha/logs/export"},
    {"Origin": "http://testserver"},
)
BEHIND = (  # by one site in the background: an image, a frame, a script that asks, a form
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    {"Sec-Fetch-Site": "cross-site"},
)
ONLY_FORMS = set("logout wake reenable resolve saved-view-create saved-view-change".split())
# What nobody at all may open outside the demo, and what it answers.
OPEN_TO_ANYBODY = {
    "accounts/login/": 200,
    "healthz": 200,
    "readyz": 503,  # no worker runs beside the tests
    "api/v1/limits": 200,
}


@pytest.fixture
def where(db: None) -> Place:
    return places.place("alpha")


@pytest.fixture
def superuser(db: None) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(factories.UserFactory(is_superuser=True, is_staff=True))
    return client


def session_routes() -> list[str]:
    return [route for route in places.routes() if not route.startswith(("api/", "^(?:api"))]


def named(url: str) -> str:
    return resolve(url.partition("?")[0]).view_name


def test_every_address_is_a_page_or_none(where: Place, superuser: Client) -> None:
    """What a mail may link to is a whole page; the pages of the administration are Django's."""
    addresses = {named(url): url for url in (places.address(route, where) for route in session_routes())}
    none = ONLY_FORMS | NOBODYS | set(SAME_SITE_ONLY)
    assert none <= addresses.keys()
    ours = {name for name in addresses if name and not name.startswith("admin:")}
    pages = ours - none | {"export"}
    for name in sorted(pages):
        answer = superuser.get(addresses[name])
        assert answer.status_code == 302 or b"<main" in answer.content, name
    assert set(SAME_SITE_ONLY.values()) <= pages | {"admin:index"}


def test_a_link_of_another_site_opens_pages_and_starts_nothing(
    where: Place, superuser: Client, subtests: pytest.Subtests
) -> None:
    in_turn = itertools.cycle(BEHIND)
    for route in session_routes():
        if route.startswith("admin/auth/"):  # as those of the other models
            continue
        url = places.address(route, where)
        name = named(url)
        with subtests.test(url=url):
            linked = superuser.get(url, headers=FROM_ELSEWHERE[0]).status_code
            if name in SAME_SITE_ONLY and name != "export":
                assert linked == superuser.head(url, headers=FROM_ELSEWHERE[0]).status_code == 403
            else:
                assert linked != 403 or superuser.get(url).status_code == 403
            behind = superuser.get(url, headers=next(in_turn)).status_code
            assert (behind == 403) == (name not in NOBODYS | ONLY_FORMS)
    assert not Export.objects.exclude(pk=where.rows["synclogs/export"]).exists()


def test_a_form_of_another_site_is_refused(where: Place, superuser: Client) -> None:
    """Whatever its token is."""
    for url in (
        "/accounts/login/",
        "/accounts/logout/",
        f"/p/alpha/syncs/{where.names['sync']}/reenable",
        "/p/alpha/views",
    ):
        for headers in (FROM_ELSEWHERE[0], BEHIND[0]):
            assert superuser.post(url, headers=headers).status_code == 403
    assert superuser.get("/p/alpha/logs").status_code == 200  # nobody was signed out


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_export_starts_from_the_portals_own_pages_only(where: Place, superuser: Client, method: str) -> None:
    Export.objects.all().delete()
    AuditEvent.objects.all().delete()
    url = "/p/alpha/logs/export?level=error&since=7d&format=csv"
    for headers in FROM_ELSEWHERE:
        refused = superuser.generic(method, url, headers=headers)
        assert refused.status_code == 403, headers
    if method == "GET":
        assert "It starts only from the portal&#x27;s own page." in refused.content.decode()
        assert 'href="/p/alpha/logs/export?level=error&amp;since=7d"' in refused.content.decode()
    assert not Export.objects.exists()
    assert times(action=Action.ACCESS_DENIED, project=where.project) == AuditEvent.objects.count() - 2 + len(
        FROM_ELSEWHERE
    )
    assert superuser.get("/p/alpha/logs/export?level=error", headers=FROM_ELSEWHERE[0]).status_code == 200
    for headers in FROM_HERE:
        answer: Any = superuser.generic(method, url, headers=headers)
        assert answer.status_code == 200, headers
        assert answer["Content-Type"].startswith("text/csv")
        assert b"".join(answer) or method == "HEAD"
    assert Export.objects.count() == (len(FROM_HERE) if method == "GET" else 0)


def test_a_proxy_that_changes_the_host_is_known_by_its_origin(
    where: Place, superuser: Client, settings: LazySettings
) -> None:
    url = f"/p/alpha/logs/{where.names['key']}/json"
    behind = {"Referer": "https://portal.example.com/p/alpha/logs"}
    assert superuser.get(url, headers=behind).status_code == 403
    for trusted in ("https://portal.example.com", "https://*.example.com"):
        settings.CSRF_TRUSTED_ORIGINS = [trusted]
        assert superuser.get(url, headers=behind).status_code == 200
        assert superuser.get(url, headers={"Referer": "https://evil.test/"}).status_code == 403


def test_what_is_refused_leads_to_the_page_it_belongs_to(
    where: Place, superuser: Client, subtests: pytest.Subtests
) -> None:
    for route in session_routes():
        url = places.address(route, where)
        if named(url) in SAME_SITE_ONLY and named(url) != "export":
            with subtests.test(url=url):
                page = landing(url)
                assert page != url
                assert f'href="{page}"' in superuser.get(url, headers=FROM_ELSEWHERE[0]).content.decode()
                assert superuser.get(page, headers=FROM_ELSEWHERE[0]).status_code == 200


def test_a_sign_in_leads_to_the_page_and_not_to_the_start(where: Place, client: Client) -> None:
    """Whoever is sent to sign in by a link of another site has not asked for an export."""
    person = factories.UserFactory(with_password=True)
    factories.MembershipFactory(user=person, project=where.project, role=2)
    start = "/p/alpha/logs/export?format=csv&level=error"
    fields = {"username": person.username, "password": PASSWORD, "next": start}
    assert client.post("/accounts/login/", fields)["Location"] == "/p/alpha/logs/export?level=error"
    for wanted, leads_to in {
        start: "/p/alpha/logs/export?level=error",
        "/p/alpha/logs/tail?after=0-0&level=error": "/p/alpha/logs?level=error",
        "/p/alpha/logs?level=error": "/p/alpha/logs?level=error",
        "/no/such/page": "/no/such/page",
    }.items():
        assert client.get("/accounts/login/", {"next": wanted})["Location"] == leads_to


def test_the_api_is_not_concerned(where: Place, client: Client) -> None:
    """It knows keys only, which no browser adds by itself."""
    text = factories.api_key(where.project)[1]
    for headers in (*FROM_ELSEWHERE, *BEHIND):
        assert client.get("/api/v1/syncs", headers={**headers, **bearer(text)}).status_code == 200
        assert client.get("/healthz", headers=headers).status_code == 200


def test_nobody_finds_anything_open_outside_the_demo(
    where: Place, settings: LazySettings, subtests: pytest.Subtests
) -> None:
    """The crawl of every address by who has neither session nor key nor token; what is open is listed above and nothing else."""
    settings.DEMO = False
    nobody = Client(raise_request_exception=False, enforce_csrf_checks=True)
    for route in places.routes():
        url = places.address(route, where)
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            with subtests.test(url=url, method=method):
                response = nobody.generic(method, url)
                if method in ("GET", "HEAD") and route in OPEN_TO_ANYBODY:
                    assert response.status_code == OPEN_TO_ANYBODY[route]
                    continue
                assert response.status_code in (302, 401, 403, 404, 405)
                if response.status_code == 302:
                    assert response["Location"].startswith(("/accounts/login/", "/admin/"))
                assert b"canary" not in response.content
                assert not {"sessionid", "session"} & set(response.cookies)
