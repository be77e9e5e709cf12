"""No text of the query language breaks the log list, the API, the export or the suggestions: 200 or 400, and soon."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from django.db import OperationalError
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synclogs.query.fields import FIELDS
from synclogs.query.language import QUERY_LENGTH
from synclogs.reading import paging
from tests import factories
from tests.factories import bearer, entry, error_entry, store, sync_id
from tests.reader import MOST_BYTES, MOST_SECONDS, Page, shortly

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

WORDS = ("error", "level:error", "-level:info", '"rate limit"', "detail.a.b:1", "error.httpStatus:>=400", "user:acct_*")
SENTENCES = (
    "",
    " \n\t\x0b\x0c\x85\u2028\u3000",
    *(sign * count for sign in "()-\"*:\\/<>=!.,|&~^$+?[]{}%_;@#'`" for count in (1, QUERY_LENGTH)),
    *(
        "()" * 128,
        "(" * 128 + ")" * 128,
        ")(" * 128,
        "(a " * 64,
        "-(" * 100 + "a" + ")" * 20,
        "NOT " * 64,
        "NOT (" * 40,
    ),
    *("-" * 255 + "a", "--a", "- a", "-- --", "a - b", "NOT -NOT a", "-(-(-(a)))", "NOT NOT NOT level:error"),
    *("AND", "OR", "NOT", "AND AND", "a AND", "OR b", "a OR OR b", "a AND NOT", "a OR -", "and or not"),
    *(f"{'a OR ' * 50}b", f"{'a ' * 127}b", "-a " * 85, "a* " * 85, "*a* " * 64, '"a b" ' * 42, "level:error " * 21),
    *(
        "*",
        "**",
        "*a",
        "a**b",
        "a*b*c",
        "?*",
        "%",
        "_",
        "\\%",
        "\\_",
        "%' OR '1'='1",
        "';SELECT pg_sleep(9)--",
        "$$a$$",
        "a\\",
    ),
    *(
        "(.*)*",
        "^(a+)+$",
        "[[:alpha:]]",
        "(?i)a",
        "\\d{1,99999}",
        "a{2,1}",
        "[z-a]",
        "*+?",
        "&&||!!",
        "a & b | !c",
        "a:*",
        "<->",
    ),
    *(
        ":",
        ":a",
        "a:",
        "level:",
        "level::",
        "level:error:info",
        "level:(",
        "level:()",
        "level:(error",
        "level:(error OR info)",
    ),
    *("LEVEL:ERROR", "levle:error", "level :error", "level: error", "level:>error", "http_status:>", "http_status:>=x"),
    *("http_status:>=99999999999999999999", "http_status:1e999", "http_status:NaN", "http_status:-1", "http_status:٣٤"),
    *(
        "since:24h",
        "before:0-1",
        "project:beta",
        "project_id:1",
        "user__password:x",
        "occurred_at__gte:1",
        "detail__a:1",
    ),
    *(
        ".a:1",
        "a.:1",
        "a..b:1",
        "a.b.c.d.e.f.g.h.i.j.k.l:1",
        ".".join("a" * 100) + ":1",
        "detail.\x00:1",
        "a.0.1:x",
        "a.-1:x",
    ),
    *(
        "$.a[*]:1",
        "detail.'a':1",
        'detail."a b":1',
        "{a,b}:1",
        "detail.{}:1",
        "a.b:null",
        "a.b:true",
        "a.b:*",
        "a.b:>1e308",
    ),
    *(
        "sync:x",
        f"sync:{sync_id()}",
        f"sync:{{{sync_id()}}}",
        "sync:*",
        "trace:*" * 30,
        "user:" + "x" * 250,
        "user:*a*b*",
    ),
    *(
        "\x00",
        "a\x00b",
        "level:\x00",
        '"\x00"',
        "\ud800",
        "a\udfffb",
        "\ufffe\uffff",
        "\U0010ffff" * 64,
        "\u202e" * 80,
        "e\u0301" * 90,
    ),
    *(
        "\u0130" * 100,
        "ß" * 200,
        "ﬁ" * 200,
        "\U0001f9d1\u200d\U0001f4bb" * 60,
        "العربية level:error",
        "日本語 の ログ",
        "İstanbul ẞ ſ",
    ),
    *(
        "“a b”",
        "„a b“",
        "«a»",
        "a\u00a0b",
        "–a",
        "−a",
        "\ufeffa",
        "<x-canary>",
        "{{7*7}}",
        "{%if%}",
        "javascript:alert(1)",
    ),
    *("a" * QUERY_LENGTH, "a" * (QUERY_LENGTH + 1), "é" * QUERY_LENGTH, "a " * 4000, "(" * 7000, '"' + "a" * 7000),
)
DOORS = (
    "p/alpha/logs?q=",
    "api/v1/logs?q=",
    "p/alpha/logs/export?q=",
    "p/alpha/logs/export?format=csv&q=",
    "p/alpha/logs/suggest?at=9&q=",
)
LONGEST_WAIT = 4  # seconds, in all; less than what a statement alone may take


@dataclass
class Asker:
    client: Client
    headers: dict[str, str]


@pytest.fixture
def asker(db: None) -> Asker:
    project = factories.ProjectFactory(slug="alpha")
    store(project, entry(), error_entry(message="Token expired", detail={"a": [{"b": 1}]}))
    client = Client(raise_request_exception=False)
    client.force_login(factories.UserFactory(is_superuser=True))
    return Asker(client, bearer(factories.api_key(project, requests_per_minute=10**6)[1]))


def answer(asker: Asker, door: str, text: str) -> tuple[int, str]:
    """The status, and what was wrong with the answer, "" when nothing was."""
    url = f"/{door}{quote(text, safe='', errors='surrogatepass')}"
    began, before = time.monotonic(), time.process_time()
    response: Any = asker.client.get(url, headers=asker.headers if door.startswith("api") else {})
    body = b"".join(response.streaming_content) if response.streaming else response.content
    took, computed = time.monotonic() - began, time.process_time() - before
    status = response.status_code
    if status not in (200, 400) or took > LONGEST_WAIT or computed > MOST_SECONDS or len(body) > MOST_BYTES:
        return status, f"{status}, {took:.1f} s, {computed:.1f} s computing, {len(body)} bytes {door}{text[:120]!r}"
    faults = Page(body.decode()).faults if response["Content-Type"].startswith("text/html") else []
    return status, "; ".join(f"{fault} in {door}{text[:120]!r}" for fault in faults[:3])


def test_every_query_is_answered_or_refused_alike_at_every_door(asker: Asker) -> None:
    faults = []
    for number, text in enumerate(dict.fromkeys(SENTENCES)):
        # The API reads the same as the others for least, so it is asked for all of them; the others take turns.
        doors = (DOORS[1], (DOORS[0], *DOORS[2:])[number % 4])
        answers = [(door, *answer(asker, door, text)) for door in doors]
        faults += [fault for _, _, fault in answers]
        statuses = {status for door, status, _ in answers if "suggest" not in door}
        faults.append("" if len(statuses) == 1 else f"{statuses} {text[:120]!r}")
    assert not any(faults), shortly([fault for fault in faults if fault])


SCRAPS = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(("(", ")", "-", "NOT ", " AND ", " OR ", '"', "*", ":", ".", ">", " ", "\\", "%", "\x00")),
    st.sampled_from([f"{name}:" for name in FIELDS]),
    st.text(max_size=6),
)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(door=st.sampled_from(DOORS), scraps=st.lists(SCRAPS, max_size=24))
def test_made_up_queries_break_nothing(asker: Asker, door: str, scraps: list[str]) -> None:
    assert answer(asker, door, "".join(scraps))[1] == ""


def test_a_query_that_takes_too_long_is_given_up(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr(paging, "page", fail)
    for door in DOORS[:2]:
        assert answer(asker, door, "token -expired")[0] == 503
