"""Around one entry: its neighbours in the trace, the lists that open at it; and copying: ticket text, several entries at once."""

import json
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from datetime import timezone as fixed
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.log import entry_ticket, listing
from synclogs.models import ConnectedUser, LogEntry, Project
from synclogs.reading import neighbours
from tests.factories import ProjectFactory, entry, error_entry, member, store, sync_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db: None) -> Project:
    return ProjectFactory(slug="demo")


@pytest.fixture
def signed_in(project: Project, client: Client) -> Client:
    client.force_login(member(project))
    return client


def the(name: str) -> LogEntry:
    return LogEntry.objects.get(entry_id=name)


def test_neighbours_are_those_of_the_trace_in_its_order(project: Project) -> None:
    at = timezone.now() - timedelta(hours=1)
    same = [entry(id=f"same-{number}", timestamp=at, traceId="t") for number in range(4)]
    store(
        project,
        entry(id="first", timestamp=at - timedelta(days=2), traceId="t"),
        entry(id="other", timestamp=at, traceId="u"),
        entry(id="loose", timestamp=at, traceId=None),
        *same,
        entry(id="last", timestamp=at + timedelta(seconds=3), traceId="t"),
    )
    order = list(LogEntry.objects.filter(trace_id="t").order_by("occurred_at", "key"))
    assert [one.entry_id for one in (order[0], order[-1])] == ["first", "last"]
    for number, one in enumerate(order):
        beside = neighbours.in_trace(one, project)
        assert beside.before == (order[number - 1] if number else None)
        assert beside.after == (order[number + 1] if number + 1 < len(order) else None)
    assert neighbours.in_trace(the("loose"), project) == neighbours.Neighbours()
    assert neighbours.in_trace(the("other"), project) == neighbours.Neighbours()


def test_the_neighbours_stand_in_words_in_the_context_and_on_the_page(project: Project, signed_in: Client) -> None:
    at = timezone.now() - timedelta(hours=1)
    store(
        project,
        entry(id="a", timestamp=at, syncEvent="INCREMENTAL_SYNC_STARTED"),
        error_entry(id="b", timestamp=at + timedelta(milliseconds=3200)),
        entry(id="loose", traceId=None, userId=None, syncId=None),
    )
    key = the("b").key
    for address in (f"/p/demo/logs/{key}", f"/p/demo/logs/{key}/context"):
        html = unescape(signed_in.get(address).content.decode())
        assert re.search(
            rf'/p/demo/logs/{the("a").key}"><bdi>Incremental sync started</bdi></a> .*3\.2 s earlier', html
        )
        assert "this is the last entry of its run" in html
        assert 'href="/p/demo/traces/trace-1"' in html
        for name, value in (("sync", sync_id()), ("user", "acct_1")):
            assert re.search(
                rf'href="/p/demo/logs\?{name}={value}&since=[^"]+&until=[^"]+&at={key.hex}#log-{key}"', html
            )
    bare = signed_in.get(f"/p/demo/logs/{the('loose').key}/context").content.decode()
    assert "Around this entry" not in bare


def test_a_list_opens_at_the_page_with_the_entry(
    project: Project, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 6)
    at = timezone.now() - timedelta(hours=1)
    store(project, *(entry(id=f"e{number:02}", timestamp=at + timedelta(seconds=number)) for number in range(30)))

    def shown(query: str) -> list[str]:
        keys = re.findall(r'data-log-key="([^"]+)"', signed_in.get(f"/p/demo/logs?{query}").content.decode())
        return [LogEntry.objects.get(key=key).entry_id for key in keys]

    assert shown(f"at={the('e15').key.hex}") == ["e18", "e17", "e16", "e15", "e14", "e13"]
    assert shown(f"at={the('e28').key}") == shown("") == ["e29", "e28", "e27", "e26", "e25", "e24"]
    assert shown(f"at={the('e01').key.hex}") == ["e04", "e03", "e02", "e01", "e00"]
    assert shown(f"at={the('e15').key.hex}&user=nobody") == []
    assert shown("at=00000000000000000000000000000000") == shown("")
    assert signed_in.get("/p/demo/logs?at=x").status_code == 400
    html = signed_in.get(f"/p/demo/logs?at={the('e15').key.hex}").content.decode()
    assert f'id="log-{the("e15").key}"' in html
    assert "at=" not in re.findall(r'<a[^>]*rel="next"[^>]*>', html)[0]


def test_the_text_for_a_ticket_says_it_all(project: Project, signed_in: Client) -> None:
    at = datetime(2026, 11, 23, 14, 3, 21, 123456, tzinfo=UTC)
    store(project, error_entry(id="e", timestamp=at, message="Refused.\nTwice."), now=at)
    ConnectedUser.objects.filter(user_id="acct_1").update(name="Acme")
    response = signed_in.get(f"/p/demo/logs/{the('e').key}/ticket")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    text = response.content.decode()
    lines = dict(line.split(":", 1) for line in text.splitlines()[2:] if ":" in line)
    told = {name: value.strip() for name, value in lines.items()}
    assert text.startswith("Sync stopped with an error: ")
    assert told["Time"] == "2026-11-23 14:03:21.123 UTC"
    assert told["Level"] == "Error"
    assert told["User"] == "Acme (acct_1)"
    assert told["Integration"] == "Google Drive (googledrive)"
    assert told["Sync"] == sync_id()
    assert told["Run (trace)"] == "trace-1"
    assert told["Error"] == "code invalid_grant, HTTP 401, NON_RECOVERABLE"
    assert "side" in told["Cause"]
    assert told["It means"]
    assert told["To do"]
    assert told["Link"] == f"http://testserver/p/demo/logs/{the('e').key}"
    assert "\nMessage:\n  Refused.\n  Twice.\n" in text


def test_the_text_for_a_ticket_follows_the_zone_shown(project: Project) -> None:
    at = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    store(project, entry(id="e", timestamp=at, summary={"created": 4, "durationMs": 8200}), now=at)
    with timezone.override(fixed(timedelta(hours=2))):
        text = entry_ticket.ticket(the("e"), person="", link="https://x/")
    assert "2026-11-24 01:30:00.000 UTC+02:00" in text
    assert "created 4, took 8.2 s" in text


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    message=st.text(max_size=300)
    | st.just("a\nLink:  https://evil.example\r\nTo do: pay\u2028Level: Info\x0b\x85x" * 40),
    name=st.text(max_size=60),
    detail=st.dictionaries(
        st.sampled_from(["summary", "error", "x"]),
        st.none() | st.integers() | st.text() | st.dictionaries(st.just("created"), st.integers()),
    ),
)
def test_no_text_of_a_sender_breaks_or_forges_a_ticket(message: str, name: str, detail: dict[str, object]) -> None:
    one = LogEntry(
        key="00000000-0000-8000-8000-000000000000",
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
        level=40, category=0, type=name[:20], event=name, trace_id=name, user_id=message, integration=name, status=message,
        error_code=message, recoverability=name, message=message, detail=detail,
    )  # fmt: skip
    text = entry_ticket.ticket(one, person=message, link="https://portal.example/p/x/logs/1")
    assert not [mark for mark in text if mark != "\n" and unicodedata.category(mark) in ("Cc", "Cf", "Zl", "Zp", "Cs")]
    ours = [line for line in text.split("\n") if re.match(r"(Link|To do|Level|Time):", line)]
    assert [line.split(":")[0] for line in ours] in (["Time", "Level", "To do", "Link"], ["Time", "Level", "Link"])
    assert text.endswith("Link:          https://portal.example/p/x/logs/1\n")
    assert len(text) < 12_000


def test_several_are_copied_in_the_order_of_the_list(project: Project, signed_in: Client) -> None:
    now = timezone.now()
    store(project, *(entry(id=f"e{hours}", timestamp=now - timedelta(hours=hours)) for hours in (1, 30, 100)))
    foreign = ProjectFactory()
    store(foreign, entry(id="theirs", timestamp=now - timedelta(hours=2)))
    keys = [the(name).key.hex for name in ("e30", "theirs", "e100", "e1", "e30")]

    def copied(form: str) -> str:
        response = signed_in.get("/p/demo/logs/copy", {"format": form, "key": keys})
        assert response.status_code == 200
        return response.content.decode()

    assert [item["id"] for item in json.loads(copied("json"))] == ["e1", "e30", "e100"]
    assert copied("links").split("\n") == [
        f"http://testserver/p/demo/logs/{the(name).key}" for name in ("e1", "e30", "e100")
    ]
    text = copied("ticket")
    assert [text.index(str(the(name).key)) for name in ("e1", "e30", "e100")] == sorted(
        text.index(str(the(name).key)) for name in ("e1", "e30", "e100")
    )
    assert text.count("-" * 60) == 2


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"format": "xml", "key": "0" * 32}, 400),
        ({"key": "0" * 32}, 400),
        ({"format": "json"}, 400),
        ({"format": "json", "key": "x"}, 400),
        ({"format": "json", "key": ["0" * 32] * 101}, 400),
        ({"format": "json", "key": "0" * 32}, 404),
        ({"format": "links", "key": "f" * 32}, 404),
    ],
)
def test_what_cannot_be_copied_is_said(project: Project, signed_in: Client, query: dict[str, Any], status: int) -> None:
    response = signed_in.get("/p/demo/logs/copy", query)
    assert response.status_code == status


def test_keys_of_another_project_are_unknown(project: Project, signed_in: Client) -> None:
    store(ProjectFactory(), entry(id="theirs"))
    key = the("theirs").key.hex
    for address in (f"copy?format=json&key={key}", f"rows?key={key}", f"{the('theirs').key}/ticket"):
        assert signed_in.get(f"/p/demo/logs/{address}").status_code == 404


def test_a_hundred_keys_are_a_hundred_look_ups(project: Project) -> None:
    """Each key within its own millisecond by the primary key, whatever lies between them."""
    now = timezone.now()
    store(project, *(entry(timestamp=now - timedelta(minutes=number)) for number in range(100)))
    keys = LogEntry.objects.values_list("key", flat=True)
    assert LogEntry.objects.of(project).at_keys(keys).count() == 100
    condition = str(LogEntry.objects.of(project).at_keys(keys[:3]).query)
    assert condition.count("key") >= 3
