"""Hostile entries: no accepted entry breaks a page; hostile values are ingested, then every page about them is read.

A page is right when it answers 200 under 2 MB, when its markup contains nothing of an entry, and when its own links work.
"""

import json
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synclogs.ingestion import ingest
from synclogs.models import ConnectedUser, LogEntry, Project, Scope, Sync, Trace
from synclogs.parsing import records
from tests import factories
from tests.factories import bearer, entry, rfc3339, sync_id
from tests.reader import MOST_BYTES, MOST_SECONDS, Page, browsers, shortly

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
# Whoever gets this element or attribute into a page could get any other.
CANARY = '<x-canary data-canary="1">'
TEXTS = {
    "markup": f'{CANARY}<script>window.__xss=1</script><img src=x onerror="window.__xss=1"><svg onload=alert(1)>',
    "attribute": '"><x-canary> " data-canary="1" onmouseover="alert(1)" x="',
    "apostrophe": "'><x-canary> ' data-canary='1' onfocus='alert(1)' autofocus x='",
    "no quotes": "x data-canary=1 onclick=alert(1) <x-canary data-canary=1/>",
    "end of everything": f"</script></style></textarea></title></pre></template>--><!--]]>{CANARY}",
    "template": "{{ 7 * 7 }}{% load x %}{% csrf_token %}{#${7*7}#} <%= 7*7 %> #{7*7} {{constructor.constructor('alert(1)')()}}",
    "alpine and htmx": 'x" x-data="alert(1)" @click="alert(1)" hx-get="/evil" hx-on:load="alert(1)" data-canary="1',
    "addresses": "javascript:alert(1) //evil.example/ https://evil.example/?a=1&b=2#c data:text/html,x vbscript:x",
    "entities": "&lt;x-canary&gt; &#60;x-canary&#62; &amp;amp; &quot;&apos; &nbsp;&bogus; &#0; &#x202e;",
    "bidi": "invoice\u202egnp.exe \u2066\u2067\u2068\u2069\u200e\u200f\u061c\u202a\u202b\u202c\u202d",
    "invisible": "a\u200bb\u200cc\u200dd\u2060e\ufefff\xadg\u180eh\u2028i\u2029j\U000e0041k\ufff9l\ufffb",
    "controls": "\x01\x02\x07\x08\x0b\x0c\x0e\x1b[31mred\x1b[0m\x1b]8;;http://evil.example\x07link\x7f\x80\x85\x9b",
    "lines": "first\nsecond\r\nthird\rfourth\ttab\u2028line\x0bvertical",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈😀🇪🇺 é e\u0301 ﷽ 𝕳𝖊𝖑𝖑𝖔 ｆｕｌｌ",
    "right to left": "שלום עולם مرحبا بالعالم 123 abc",
    "zalgo": "Z\u0351\u036b\u0343a" + "\u0300\u0489" * 40,
    "path": "../../../etc/passwd",
    "percent": "%2e%2e%2f%00%0d%0aSet-Cookie:x=1%E0%80%80%",
    "question": "a?b=c&d=e#f;g:h@i/j\\k+l m",
    "slashes": "//evil.example/a//b/./../c/",
    "quotes": "\"'`´‘’“”„«»\\'\\\"",
    "format": "%s%d%n{0}{} %(name)s $1 \\1 \\u0000",
    "sql": "' OR 1=1; DROP TABLE synclogs_logentry;-- \" UNION SELECT",
    "formula": "=cmd|'/c calc'!A1",
    "like": "100%_\\%",
    "blanks": "  lead and trail  ",
    "null": "null",
    "number": "0x10 1e400 NaN -0 ٣",
    "dot": ".",
    "dots": "..",
    "slash": "/",
    "one": "a",
}
PRINTABLE = re.compile(r"[^\x20-\x7e]")


@dataclass
class Crawl:
    """Reads pages with one client and follows their links; `faults` says what was wrong where."""

    client: Client
    seen: dict[str, int] = field(default_factory=dict)
    links: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def read(self, url: str, *statuses: int) -> Any:
        began = time.process_time()
        response = self.client.get(url, headers=self.headers)
        took = time.process_time() - began
        self.seen[url] = response.status_code
        if response.status_code not in (statuses or (200,)):
            self.faults.append(f"{response.status_code} {url}")
        size = len(response.getvalue()) if response.streaming else len(response.content)  # a stream is read to its end
        if took > MOST_SECONDS or (size > MOST_BYTES and not response.streaming):
            self.faults.append(f"{took:.1f} s, {size} bytes: {url}")
        if response["Content-Type"].startswith("text/html"):
            page = Page(response.content.decode())
            self.faults += [f"{fault} in {url}" for fault in page.faults]
            self.links |= {urljoin(url, link) for link in page.links if not link.startswith("#")}
        return response

    def follow(self, begin: Iterable[str], *, among: str) -> None:
        """Every page without a query that can be reached, and some of the narrowed lists."""
        waiting = deque(begin)
        known = set(waiting)
        narrowed = 0
        while waiting:
            url = browsers(waiting.popleft())
            if url in self.seen:
                continue
            self.links.clear()
            self.read(url, 200, 302)
            for link in sorted(self.links - known):
                known.add(link)
                parts = urlsplit(link)
                if not parts.netloc and parts.path.startswith(among):
                    narrowed += bool(parts.query)
                    if not parts.query or narrowed % 160 == 0 or parts.query.startswith("id="):
                        waiting.append(link)


def ascii_of(text: str, longest: int = 128) -> str:
    return PRINTABLE.sub("", text)[:longest] or "nothing left"


def user_of(text: str) -> str:
    return text.encode()[:256].decode(errors="ignore")


def deep(levels: int, bottom: Any = "bottom") -> Any:
    value = bottom
    for _ in range(levels):
        value = [value]
    return value


def nasty(name: str, text: str) -> dict[str, Any]:
    """An entry with the text wherever one can stand."""
    bare = ascii_of(text)
    error = {
        "message": text,
        "errorCode": bare,
        "recoverability": bare,
        "httpStatus": text[:20],
        "backoffMs": text[:20],
        "nextRetryAt": text,
        "attempt": text,
        text[:60]: text,
        "retry": {"maxAttempts": text, text[:60]: [text]},
    }
    return entry(
        id=f"{name}: {bare}"[:128],
        level="ERROR",
        type=ascii_of(text, 64),
        syncEvent=bare,
        syncStatus=bare,
        syncType=bare,
        syncId=sync_id(name),
        traceId=bare,
        userId=user_of(text),
        integration=bare,
        pipeline=bare,
        credentialId=bare,
        message=text,
        summary={"created": text, "durationMs": text, text[:60]: text},
        error=error,
        **{f"extra {text[:60]}": {text[:60]: [text, {"deeper": text}], "__proto__": text, "constructor": text}},
    )


def numbers() -> Iterator[dict[str, Any]]:
    """Numbers at their limits and written oddly; `entry` texts are put in as they stand, see `body`."""
    for index, number in enumerate(
        ("1e18", "-1e18", "1000000000000000000", "0.000000000000000001", "-0", "1E2", "4.29e2")
    ):
        whole = dict.fromkeys(("created", "updated", "deleted", "totalProcessed", "totalChanges"), f"@@{number}@@")
        yield entry(
            level="ERROR",
            syncEvent="SYNC_RUN_ERROR",
            syncId=sync_id(f"number {number}"),
            userId=f"number {index}",
            summary={**whole, "durationMs": f"@@{number}@@"},
            error={
                "httpStatus": f"@@{number}@@",
                "errorCode": f"@@{number}@@",
                "backoffMs": f"@@{number}@@",
                "attempt": f"@@{number}@@",
                "maxAttempts": f"@@{number}@@",
                "nextRetryAt": f"@@{number}@@",
            },
            other=f"@@{number}@@",
        )


def shapes() -> Iterator[dict[str, Any]]:
    """Known keys that hold what nobody expects, times at both borders, sizes at their limits."""
    now = timezone.now()
    value: Any
    for value in ("text", 5, True, [], {}, [{}], [[1]], "", None):
        if value in ({}, None):
            yield entry(level="ERROR", syncEvent="SYNC_RUN_ERROR", error=value, summary=value)
        yield entry(
            level="ERROR", syncEvent="SYNC_RUN_ERROR", error={"retry": value, "message": value, "httpStatus": value}
        )
        yield entry(summary={"created": value, "duration": value, "total_processed": value})
    for status in (
        0,
        1,
        99,
        100,
        101,
        199,
        302,
        418,
        451,
        500,
        599,
        600,
        999,
        65_535,
        65_536,
        -1,
        10**18,
        4.5,
        "429",
        " 429",
    ):
        yield entry(
            level="ERROR", error={"httpStatus": status}, syncId=sync_id(f"http {status}"), userId=f"http {status}"
        )
    for moment in (
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00Z",
        "2026-11-23T12:00:00",
        "now",
        "1e999",
        "٢٠٢٦-١١-٢٣",
    ):
        yield entry(
            level="WARN",
            syncEvent="SYNC_RUN_WARN",
            error={"nextRetryAt": moment, "backoffMs": 10**18, "attempt": 10**18},
        )
    yield entry(timestamp=now - timedelta(days=400) + timedelta(minutes=1), userId="oldest", syncId=sync_id("oldest"))
    yield entry(timestamp=now + timedelta(hours=24) - timedelta(minutes=1), userId="newest", syncId=sync_id("newest"))
    yield entry(timestamp=rfc3339(now)[:-1] + "0000000000000000000Z" if "." in rfc3339(now) else now)
    yield entry(type="t" * 64, syncEvent="E" * 128, syncStatus="S" * 128, syncType="Y" * 128, integration="I" * 128)
    yield entry(message="x" * 8192, userId="u" * 256, traceId="t" * 128, credentialId="c" * 128, pipeline="p" * 128)
    yield entry(message="\u202e" * 2700, userId="\u202e" * 84 + "u")
    yield entry(message="", extra=deep(30), userId="deep")
    yield entry(extra={f"key {number}": number for number in range(980)}, userId="wide")
    yield entry(**{"k" * 256: "a key as long as it may be", "\u202e" * 80: 1, CANARY: {CANARY: 1}, "": {"": ""}})
    yield entry(extra="'" * 260_000, userId="quotes")
    yield entry(extra=deep(28, list(range(1, 40_000))), userId="indented")
    yield entry(extra=deep(28, [1] * 120_000), userId="ones")
    yield entry(extra=["\x80"] * 40_000, userId="escapes")
    yield {
        name: value for name, value in entry(type="workflow").items() if name in ("id", "timestamp", "level", "type")
    }


def body(entries: Iterable[dict[str, Any]]) -> bytes:
    text = json.dumps(list(entries), ensure_ascii=False, separators=(",", ":"))
    return re.sub(r'"@@([^"@]*)@@"', r"\1", text).encode()


@pytest.fixture
def project(db: None) -> Project:
    return factories.ProjectFactory(slug="alpha", name=f"A {CANARY} project", retention_days=400)


@pytest.fixture
def superuser(project: Project) -> Client:
    person = factories.UserFactory(is_superuser=True, is_staff=True, username=f"root{CANARY}", first_name=CANARY)
    client = Client()
    client.force_login(person)
    return client


def push(client: Client, project: Project, entries: Iterable[dict[str, Any]]) -> int:
    key = factories.api_key(project, Scope.LOGS_WRITE)[1]
    response = client.post("/api/v1/logs", body(entries), "application/json", headers=bearer(key))
    account = response.json()
    assert response.status_code == 200, account
    assert account["errors"] == []
    return int(account["accepted"])


LISTS = (
    "",
    "logs?since=30d",
    "syncs",
    "reenables",
    "reenables/asleep",
    "users",
    "integrations",
    "audit",
    "search?q=x",
    "help",
)
ADMIN_LISTS = (
    "logentry/?project=alpha&since=30d",
    "trace/?project=alpha&since=30d",
    "hourcount/?project=alpha&since=30d&facet=3",
    "auditevent/?project=alpha&since=30d",
    "sync/?project=alpha",
    "connecteduser/?project=alpha",
    "project/",
    "membership/",
    "apikey/",
)


def write_about(client: Client, project: Project) -> None:
    """The names that people and programs give: users by the API, a key, a line of the audit for each."""
    key = factories.api_key(project, Scope.USERS_WRITE)[1]
    for name, text in TEXTS.items():
        who = {
            "name": text[:200],
            "email": "a@example.com",
            "company": text[:200],
            "metadata": {text[:60]: text, "list": [text]},
        }
        user = quote(user_of(text), safe="")
        response = client.put(f"/api/v1/users/{user}", json.dumps(who), "application/json", headers=bearer(key))
        assert response.status_code in (200, 201), (name, response.content)


def test_every_page_about_hostile_entries_can_be_read(client: Client, superuser: Client, project: Project) -> None:
    entries = [nasty(name, text) for name, text in TEXTS.items()]
    assert push(client, project, entries) == len(entries)
    write_about(client, project)
    crawl = Crawl(superuser)
    crawl.follow((f"/p/alpha/{path}" for path in LISTS), among="/p/alpha/")
    for text in TEXTS.values():
        for path in ("search?q=", "users?q=", "syncs?q=", "logs?since=30d&user="):
            crawl.read(f"/p/alpha/{path}{quote(user_of(text))}", 200, 302)
    assert not crawl.faults, shortly(crawl.faults)
    # Whatever can be named was reached, by links alone.
    reached = {unquote(url) for url in crawl.seen}
    for user in ConnectedUser.objects.all():
        dotted = f"/p/alpha/users?id={user.user_id}"
        assert f"/p/alpha/users/{user.user_id}" in reached or dotted in reached, repr(user.user_id)
    for found in LogEntry.objects.all():
        assert {f"/p/alpha/logs/{found.key}", f"/p/alpha/logs/{found.key}/context"} <= reached
        assert f"/p/alpha/syncs/{found.sync_id}" in reached
        assert f"/p/alpha/traces/{found.trace_id}" in reached or f"/p/alpha/traces?id={found.trace_id}" in reached
        assert {f"/p/alpha/integrations/{found.integration}", f"/p/alpha/integrations?id={found.integration}"} & reached


def test_every_odd_shape_makes_a_page(client: Client, superuser: Client, project: Project) -> None:
    entries = [*shapes(), *numbers()]
    for start in range(0, len(entries), 40):  # five megabytes is what a body may have
        push(client, project, entries[start : start + 40])
    crawl = Crawl(superuser)
    crawl.follow((f"/p/alpha/{path}" for path in LISTS), among="/p/alpha/")
    for found in LogEntry.objects.all():
        for part in ("", "/context", "/json"):
            crawl.read(f"/p/alpha/logs/{found.key}{part}")
        assert crawl.client.get(f"/p/alpha/logs/{found.key}/json").json()["id"] == found.entry_id
    assert not crawl.faults, shortly(crawl.faults)


def test_the_administration_of_hostile_entries_can_be_read(client: Client, superuser: Client, project: Project) -> None:
    entries = [nasty(name, text) for name, text in TEXTS.items()] + [*shapes(), *numbers()]
    for start in range(0, len(entries), 40):
        push(client, project, entries[start : start + 40])
    write_about(client, project)
    crawl = Crawl(superuser)
    crawl.read("/admin/")
    for path in ADMIN_LISTS:
        crawl.read(f"/admin/synclogs/{path}")
    for found in LogEntry.objects.all():
        crawl.read(f"/admin/synclogs/logentry/{found.pk}/change/")
    for name, rows in (
        ("sync", Sync.objects.order_by("pk")[::2]),
        ("trace", Trace.objects.order_by("pk")[::2]),
        ("connecteduser", ConnectedUser.objects.all()),
    ):
        for row in rows:
            crawl.read(f"/admin/synclogs/{name}/{row.pk}/change/")
    for text, name in zip(TEXTS.values(), cycle(("logentry", "sync", "trace", "connecteduser", "auditevent"))):
        crawl.read(f"/admin/synclogs/{name}/?project=alpha&q={quote(text)}")
    assert not crawl.faults, shortly(crawl.faults)


def test_the_api_returns_what_was_sent(client: Client, project: Project) -> None:
    entries = [nasty(name, text) for name, text in TEXTS.items()]
    push(client, project, entries)
    headers = bearer(factories.api_key(project, Scope.LOGS_READ)[1])
    for sent in entries:
        response = client.get(f"/api/v1/logs/{quote(sent['id'], safe='')}", headers=headers)
        found = response.json()
        assert found["id"] == sent["id"]
        for name in ("userId", "message", "traceId", "integration", "error"):
            assert found[name] == sent[name], name
        user = client.get(f"/api/v1/users/{quote(sent['userId'], safe='')}", headers=headers)
        assert user.json()["userId"] == sent["userId"]
        trace = client.get(f"/api/v1/traces/{quote(sent['traceId'], safe='')}", headers=headers)
        assert trace.json()["traceId"] == sent["traceId"]
        found = client.get("/api/v1/logs", {"user": sent["userId"], "since": "30d"}, headers=headers)
        assert found.status_code == 200


# Entries that nobody thought of.

ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(-1e15, 1e15, allow_nan=False),
    st.text(max_size=30),
    st.sampled_from([*TEXTS.values(), "2026-11-23T12:00:00Z", "9999-12-31T23:59:59-12:00"]),
)
NAMES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        "created durationMs duration httpStatus errorCode message retry nextRetryAt attempt maxAttempts backoffMs"
        " recoverability totalProcessed total_changes summary error syncId".split()
    ),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=6)
ENTRIES = st.fixed_dictionaries(
    {"level": st.sampled_from(["INFO", "warn", "Error", "DEBUG"]), "type": ASCII, "syncEvent": ASCII},
    optional={
        "message": st.text(max_size=200),
        "userId": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60),
        "traceId": ASCII,
        "integration": ASCII,
        "pipeline": ASCII,
        "syncStatus": ASCII,
        "syncType": ASCII,
        "summary": OBJECTS,
        "error": OBJECTS,
        "extra": VALUES,
    },
)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=ENTRIES)
def test_any_entry_that_is_taken_can_be_read(superuser: Client, project: Project, made: dict[str, Any]) -> None:
    crawl = Crawl(superuser)
    sent = entry(**made)
    reading = records.read_json(json.dumps(sent).encode(), now=timezone.now())
    ingest.write(project, reading.records, now=timezone.now())
    if reading.records:
        found = LogEntry.objects.get(entry_id=sent["id"])
        for path in (
            f"logs/{found.key}/context",
            f"logs/{found.key}/json",
            "logs",
            f"syncs/{found.sync_id}",
            "users",
            "",
        ):
            crawl.read(f"/p/alpha/{path}")
        crawl.read(f"/admin/synclogs/logentry/{found.key}/change/")
    assert not crawl.faults, shortly(crawl.faults)
