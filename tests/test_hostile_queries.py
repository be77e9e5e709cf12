"""Hostile URLs: no query string and no path breaks a page: 200, 400 at the field, or 404; never 500, never injected."""

import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from synclogs.models import LogEntry, Project
from synclogs.query.fields import FIELDS
from tests import factories
from tests.factories import bearer, entry, store, sync_id
from tests.reader import MOST_BYTES, MOST_SECONDS, Page, shortly

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.mark.parametrize(
    "html",
    [
        "<p><x-canary>",
        '<p title="a" onclick="x()">',
        "<p style='color:red'>",
        "<script>1</script>",
        '<script src="https://evil.example/x.js"></script>',
        '<a href=" java\tscript:x">',
        '<a href="//evil.example">',
        '<a href="/\\evil.example">',
        '<form action="https://evil.example">',
        "<p>\u202e",
        '<p title="\x1b">',
        "<iframe>",
        "<style>p{}</style>",
    ],
)
def test_the_reader_of_pages_sees_faults(html: str) -> None:
    assert Page(html).faults


PLACES = (
    "",
    "audit",
    "help",
    "integrations",
    "integrations/googledrive",
    "logs",
    "logs/{key}",
    "logs/{key}/context",
    "logs/{key}/json",
    "logs/{key}/ticket",
    "logs/copy",
    "logs/rows",
    "logs/suggest",
    "logs/tail",
    "logs/export",
    "patterns",
    "search",
    "syncs",
    "syncs/{sync}",
    "traces",
    "traces/trace-1",
    "users",
    "users/acct_1",
)
ADMIN_PLACES = (
    "synclogs/logentry/",
    "synclogs/sync/",
    "synclogs/trace/",
    "synclogs/connecteduser/",
    "synclogs/hourcount/",
    "synclogs/auditevent/",
    "synclogs/export/",
    "synclogs/apikey/",
    "synclogs/membership/",
    "synclogs/project/",
    "synclogs/project/add/",
    "auth/user/",
    "search/",
)
API_PLACES = (
    "logs",
    "syncs",
    "users",
    "integrations",
    "limits",
    "logs/x",
    "syncs/{sync}",
    "traces/trace-1",
    "users/acct_1",
)
LISTS = ("logs", "syncs", "users", "integrations", "audit", "search", "logentry", "sync", "auditevent")
NAMES = (
    *FIELDS,
    *(f"-{name}" for name in FIELDS),
    *(
        "since",
        "until",
        "before",
        "after",
        "cursor",
        "limit",
        "q",
        "id",
        "attention",
        "range",
        "action",
        "actor",
        "object",
        "at",
        "key",
        "format",
    ),
    *("project", "facet", "state", "role", "o", "p", "all", "_popup", "_to_field", "_facets", "e", "page", "s", "next"),
)
VALUES = (
    "",
    "+",
    "%00",
    "a%00b",
    "%ED%A0%80",
    "%ff%fe",
    "%c0%ae%c0%ae",
    "%F4%90%80%80",
    "%",
    "%zz",
    "%0d%0aSet-Cookie:%20x=1",
    "\u0663\u0660".encode().decode("latin-1"),
    quote("٣٤"),
    quote("１２"),
    "1%20OR%201=1",
    quote("' UNION SELECT NULL--"),
    quote('"><x-canary data-canary="1">'),
    quote("{{7*7}}"),
    "null",
    "true",
    "[]",
    "-1",
    "0",
    "1e9",
    "99999999999999999999",
    "NaN",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00Z",
    "2026-13-45T99:99:99Z",
    "2026-11-23T12:00:00%2B99:99",
    "24h",
    "0s",
    "ffffffffffffffff-ffffffffffffffffffffffffffffffff",
    "ffffffffffffffff-999999999999999999",
    "0-00000000000000000000000000000000",
    "-5",
    "--5",
    quote("_" * 100 + "%" * 100),
    "a" * 256,
    "a" * 257,
    "a" * 8000,
    quote("\u202e" * 80),
    "00000000-0000-0000-0000-000000000000",
    "urn:uuid:5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9",
    "{5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9}",
)
QUERIES = (
    "",
    "&&&==&=;",
    "level=error&level=info&level=error",
    "level[]=error",
    "level[0]=error&level[a][b]=c",
    "level=error;level=info",
    "LEVEL=error",
    "level%00=error",
    "%ED%A0%80=1",
    "%ff=%ff",
    "__class__=1&__proto__=2&constructor=3",
    "project__slug=beta&project_id=1&pk=1&id__in=1",
    "user__password__startswith=x&secret_hash__gt=0",
    "occurred_at__gte=2026-01-01&detail__contains=x",
    "since=24h&since=7d",
    "since=2026-11-23T12:00Z&until=2026-11-22T12:00Z",
    "before=x&after=y",
    "before=0-1&after=0-1",
    "&".join(f"user=u{number}" for number in range(100)),
    "&".join(f"user=u{number}" for number in range(101)),
    "&".join(f"p{number}=x" for number in range(150)),
    "&".join(f"p{number}=x" for number in range(151)),
    "&".join(f"p{number}=x" for number in range(2001)),
    "&".join(f"p{number}={'x' * 48}" for number in range(150)),
    "&".join([f"user=u{number}" for number in range(100)] + [f"-user=v{number}" for number in range(50)]),
    "&".join(f"{'n' * 60}{number}=x" for number in range(100)),
    "&".join(["level=error"] * 2000),
    "x" * 8000,
    f"q={'a' * 8000}",
    f"{'q' * 4000}={'a' * 4000}",
)
ALLOWED = (200, 204, 302, 400, 404)


@pytest.fixture
def project(db: None) -> Project:
    return factories.ProjectFactory(slug="alpha")


@pytest.fixture
def asker(project: Project) -> "Asker":
    store(project, entry(), entry(level="ERROR", syncEvent="SYNC_RUN_ERROR"))
    names = {"key": str(LogEntry.objects.all()[0].key), "sync": sync_id()}
    pages = [f"/p/alpha/{path.format(**names)}" for path in PLACES]
    pages += [f"/admin/{path}" for path in ADMIN_PLACES]
    pages += [f"/api/v1/{path.format(**names)}" for path in API_PLACES]
    client = Client(raise_request_exception=False)
    client.force_login(factories.UserFactory(is_superuser=True, is_staff=True))
    return Asker(client, pages, bearer(factories.api_key(project, requests_per_minute=10**6)[1]))


@dataclass
class Asker:
    client: Client
    pages: list[str]
    headers: dict[str, str]

    def ask(self, url: str) -> str:
        """What was wrong with the answer, "" when nothing was."""
        began = time.process_time()
        response = self.client.get(url, headers=self.headers if url.startswith("/api") else {})
        took = time.process_time() - began
        short = url[:200]
        if response.status_code not in ALLOWED:
            return f"{response.status_code} {short}"
        if took > MOST_SECONDS or len(response.content) > MOST_BYTES:
            return f"{took:.1f} s, {len(response.content)} bytes {short}"
        if url.startswith("/api"):
            kind = "application/json" if response.status_code == 200 else "application/problem+json"
            return "" if response["Content-Type"] == kind else f"{response['Content-Type']} {short}"
        if not response["Content-Type"].startswith("text/html"):
            return ""
        if "Set-Cookie" in response.headers or (
            b"49" in response.content and "7*7" in url and b">49<" in response.content
        ):
            return f"obeyed {short}"
        page = Page(response.content.decode())
        return "; ".join(f"{fault} in {short}" for fault in page.faults[:3])


def test_no_query_string_breaks_a_page(asker: Asker) -> None:
    """Every query string at every list; the pages of one thing take turns, since they read little of it."""
    faults = []
    for number, page in enumerate(asker.pages):
        is_list = page.rstrip("/").rpartition("/")[2] in LISTS
        faults += [asker.ask(f"{page}?{query}") for query in QUERIES[:: 1 if is_list else 5][number % 2 :]]
    assert not any(faults), shortly([fault for fault in faults if fault])


def test_no_value_of_a_parameter_breaks_a_page(asker: Asker) -> None:
    """Each page meets a third of the values, the names taking turns."""
    faults = []
    for number, page in enumerate(asker.pages):
        for place, value in enumerate(VALUES[number % 3 :: 3]):
            faults.append(asker.ask(f"{page}?{NAMES[(7 * number + place) % len(NAMES)]}={value}"))
    assert not any(faults), shortly([fault for fault in faults if fault])


def test_every_filter_of_the_log_takes_or_refuses_a_value_at_its_field(asker: Asker) -> None:
    faults = []
    for number, name in enumerate((*FIELDS, "-level", "since", "until", "before", "after")):
        for value in VALUES[number % 3 :: 3]:
            url = f"/p/alpha/logs?{name}={value}"
            response = asker.client.get(url)
            page = Page(response.content.decode())
            faults += page.faults
            is_told = re.search(rf'id="filter-error-{name.strip("-")}"[^>]*>[^<]+<', response.content.decode())
            if response.status_code == 400 and name not in ("before", "after") and not is_told:
                faults.append(f"not said at the field: {url}")
            refused = asker.client.get(f"/api/v1/logs?{name}={value}", headers=asker.headers)
            if name not in ("before", "after") and refused.status_code != response.status_code:
                faults.append(f"{refused.status_code}, {response.status_code} {url}")
            if refused.status_code == 400 and list(refused.json()["errors"]) != [name]:
                faults.append(f"{refused.json()['errors']} {url}")
    assert not faults, shortly(faults)


PIECES = st.one_of(
    st.sampled_from(VALUES),
    st.text(max_size=40).map(lambda text: quote(text, safe="", errors="surrogatepass")),
    st.binary(max_size=20).map(quote),
)


@settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), pairs=st.lists(st.tuples(st.one_of(st.sampled_from(NAMES), PIECES), PIECES), max_size=5))
def test_made_up_query_strings_break_nothing(asker: Asker, data: Any, pairs: list[tuple[str, str]]) -> None:
    page = data.draw(st.sampled_from(asker.pages))
    assert asker.ask(f"{page}?{'&'.join(f'{name}={value}' for name, value in pairs)}") == ""


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(page=st.sampled_from(["syncs", "traces", "users", "integrations", "logs", "nothing", ""]), name=PIECES)
@example("users", "%00")
@example("syncs", "%ED%A0%80")
@example("integrations", "../../../admin/")
def test_made_up_paths_break_nothing(asker: Asker, page: str, name: str) -> None:
    for url in (
        f"/p/alpha/{page}/{name}",
        f"/p/{name}/logs",
        f"/api/v1/{page}/{name}",
        f"/admin/synclogs/sync/{name}/change/",
    ):
        assert asker.ask(url) == ""
