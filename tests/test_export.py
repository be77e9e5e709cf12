"""Exports: complete, in list order, safe in a spreadsheet, permitted, audited, never silently cut off."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from synclogs.access.actors import Actor, NotAllowed
from synclogs.export import formats, lifecycle, stream
from synclogs.models import Action, AuditEvent, Export, ExportFormat, ExportState, LogEntry, Project, Role
from synclogs.models.export import SILENCE
from synclogs.query.filters import LogFilter
from synclogs.storage import time_limits
from tests.factories import ProjectFactory, entry, error_entry, member, store, sync_id
from tests.test_hostile_pages import TEXTS, nasty, numbers, push, shapes

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "exports"}
PAGE = "/p/alpha/logs/export"


@pytest.fixture
def project(db: None) -> Project:
    return ProjectFactory(slug="alpha", name="Alpha", retention_days=400)


@pytest.fixture
def operator(client: Client, project: Project) -> Client:
    client.force_login(member(project, Role.OPERATOR))
    return client


def body(client: Client, query: str) -> bytes:
    response = client.get(f"{PAGE}?{query}")
    assert response.status_code == 200, response.content
    return bytes(response.getvalue())


def parts_of(response: Any) -> Iterator[bytes]:
    return iter(response.streaming_content)


def ids(text: bytes) -> list[str]:
    return [json.loads(line)["id"] for line in text.splitlines()]


def cells(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))


# What the file holds.


def test_ndjson_comes_back_as_the_same_entries(operator: Client, project: Project, tmp_path: Path) -> None:
    for entries in ([nasty(name, text) for name, text in TEXTS.items()], [*numbers()], *[[one] for one in shapes()]):
        push(operator, project, entries)
    since = (timezone.now() - timedelta(days=399, hours=23, minutes=50)).strftime("since=%Y-%m-%dT%H:%MZ")
    taken = body(operator, f"format=ndjson&{since}")
    rows = LogEntry.objects.of(project).newest_first()
    assert taken.splitlines() == [msgspec.json.encode(row.context()) for row in rows if row.entry_id in ids(taken)]
    assert len(taken.splitlines()) >= rows.count() - 1  # but the oldest that is accepted
    file = tmp_path / "taken.ndjson"
    file.write_bytes(taken)
    other = ProjectFactory(slug="beta", retention_days=400)
    call_command("import_logs", str(file), project="beta", verbosity=0)
    operator.force_login(member(other, Role.OPERATOR))
    assert operator.get(f"/p/beta/logs/export?format=ndjson&{since}").getvalue() == taken


def test_csv_holds_no_formula_and_loses_nothing(operator: Client, project: Project) -> None:
    risky = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1", "=cmd|'/c calc'!A1"]
    safe = ["a=1", "'", '"quoted", and\r\nbroken', "x;=1", " 1", "😀 é", "1"]
    store(
        project,
        *(entry(id=f"{number:02}", message=text, userId=text) for number, text in enumerate([*risky, *safe])),
        entry(id="=id", pipeline="@x", syncStatus="+x", credentialId="-x", traceId="=x", type="@type", syncEvent="-x"),
    )
    found = {row["id"]: row for row in cells(body(operator, "format=csv"))}
    for number, text in enumerate([*risky, *safe]):
        row = found[f"{number:02}"]
        assert row["message"] == row["user"] == (f"'{text}" if text in risky else text), text
    row = found["'=id"]
    assert [row[name] for name in ("type", "event", "trace", "pipeline", "status", "credential")] == [
        "'@type", "'-x", "'=x", "'@x", "'+x", "'-x",
    ]  # fmt: skip
    raw = body(operator, "format=csv")
    assert raw.startswith(b"\xef\xbb\xbftime,level,type,")
    assert raw.endswith(b"\r\n")


def test_csv_has_a_column_for_what_is_known_and_the_rest_as_json(operator: Client, project: Project) -> None:
    moment = timezone.now().replace(microsecond=123000) - timedelta(hours=1)
    summary = {"created": 4, "updated": -5, "deleted": "6", "total_processed": 1.5, "duration": 8000, "own": 1}
    error = {
        "httpStatus": 429,
        "errorCode": "10007",
        "message": "=Slow down",
        "attempt": 2,
        "recoverability": "RECOVERABLE",
    }
    values = {"summary": summary, "error": error, "plan": {"name": "gold"}, "level": "WARN", "message": "m"}
    store(project, entry(id="e", timestamp=moment, credentialId="c", syncStatus="ACTIVE", **values))
    (row,) = cells(body(operator, "format=csv"))
    rest = json.loads(row.pop("payload"))
    assert rest == {"plan": {"name": "gold"}, "summary": {"deleted": "6", "own": 1}, "error": {"attempt": 2}}
    assert row == {
        "time": moment.strftime("%Y-%m-%dT%H:%M:%S.123Z"), "level": "WARNING", "type": "managed_sync", "category": "lifecycle",
        "event": "INCREMENTAL_SYNC_COMPLETED", "sync": sync_id(), "trace": "trace-1", "user": "acct_1",
        "integration": "googledrive", "pipeline": "files", "sync_type": "INCREMENTAL", "status": "ACTIVE",
        "error_code": "10007", "http_status": "429", "recoverability": "RECOVERABLE", "error_message": "'=Slow down",
        "message": "m", "created": "4", "updated": "-5", "deleted": "", "total_processed": "1.5", "total_changes": "",
        "duration_ms": "8000", "credential": "c", "id": "e", "key": str(LogEntry.objects.get().key),
    }  # fmt: skip


def test_any_accepted_entry_makes_a_line_of_csv(operator: Client, project: Project) -> None:
    entries = [*(nasty(name, text) for name, text in TEXTS.items()), *numbers()]
    push(operator, project, entries)
    found = cells(body(operator, "format=csv&since=30d"))
    assert len(found) == len(entries)
    for row in found:
        assert None not in row
        assert not any(value and value[0] in formats.RISKY for name, value in row.items() if name not in NUMBERS)
        assert not row["payload"] or isinstance(json.loads(row["payload"]), dict)


NUMBERS = {"created", "updated", "deleted", "total_processed", "total_changes", "duration_ms"}


def story(now: datetime) -> Iterator[dict[str, Any]]:
    """Entries of four days, some at the same instant."""
    for number in range(12):
        moment = now - timedelta(hours=7 * (number // 2), minutes=1)
        made = error_entry if number % 3 == 0 else entry
        yield made(
            timestamp=moment, id=f"e{number}", userId=f"acct_{number % 4}", integration=("box", "jira")[number % 2]
        )


def late_yesterday() -> datetime:
    """From there on eight of the twelve are of one day, whatever the time is now: a day ends a piece of the file."""
    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(minutes=30)


@pytest.mark.parametrize(
    "query",
    [
        "", "since=30d", "since=7d&level=error", "since=30d&-level=error&integration=box", "since=30d&user=acct_1&user=acct_2",
        f"since=30d&sync={sync_id()}", "since=30d&trace=nobody", "since=30d&category=error&-user=acct_0",
    ],
)  # fmt: skip
def test_the_file_holds_what_the_list_shows(operator: Client, project: Project, query: str) -> None:
    store(project, *story(timezone.now()))
    html = operator.get(f"/p/alpha/logs?{query}").content.decode()
    with patch.object(stream, "ROWS", 2):
        taken = [row["key"] for row in cells(body(operator, f"format=csv&{query}"))]
    shown = [part.split('"')[0] for part in html.split('data-log-key="')[1:]]
    assert taken == shown


def test_however_it_is_cut_into_statements_it_is_the_same(operator: Client, project: Project) -> None:
    store(project, *story(timezone.now()))
    whole = body(operator, "format=ndjson&since=30d")
    assert len(whole.splitlines()) == 12
    for rows, size in ((1, 10**9), (5, 10**9), (10_000, 1), (10_000, 300), (12, 10**9)):
        with (
            patch.object(stream, "ROWS", rows),
            patch.object(stream, "BYTES", size),
            patch.object(stream, "ROWS_AT_ONCE", 2),
        ):
            assert body(operator, "format=ndjson&since=30d") == whole


def test_a_statement_that_takes_too_long_is_asked_in_halves(operator: Client, project: Project) -> None:
    store(project, *story(timezone.now()))
    whole, read, refused = body(operator, "format=ndjson&since=30d"), stream._read, 0

    def slow(entries: Any, window: stream.Window) -> Any:
        nonlocal refused
        if window.until - window.since > timedelta(hours=5):
            refused += 1
            raise time_limits.OutOfTime("out of time")
        return read(entries, window)

    with patch.object(stream, "_read", slow):
        assert body(operator, "format=ndjson&since=30d") == whole
    assert refused


def test_what_arrives_after_the_start_is_left_out(operator: Client, project: Project) -> None:
    now = timezone.now()
    store(project, *story(now), now=now)
    with patch.object(stream, "ROWS", 2):
        response = operator.get(f"{PAGE}?format=ndjson&since=30d")
        parts = parts_of(response)
        first = next(parts)
        later = [entry(id=f"late{hours}", timestamp=now - timedelta(hours=hours)) for hours in range(1, 40, 3)]
        store(project, *later, now=now + timedelta(seconds=5))
        taken = ids(first + b"".join(parts))
    assert sorted(taken) == sorted(f"e{number}" for number in range(12))


@pytest.mark.parametrize(("most", "cut"), [(5, True), (11, True), (12, False)])
def test_the_limit_cuts_at_the_newest_and_says_so(operator: Client, project: Project, most: int, cut: bool) -> None:
    store(project, *story(timezone.now()))
    with patch.object(lifecycle, "MOST", most), patch.object(stream, "ROWS", 4):
        response = operator.get(f"{PAGE}?format=ndjson&since=30d")
        taken = ids(response.getvalue())
    assert len(taken) == most
    assert (f"-newest-{most}.ndjson" in response["Content-Disposition"]) == cut
    done = Export.objects.get()
    assert (done.is_cut, done.entries, done.state) == (cut, most, ExportState.FINISHED)
    assert ("The newest only" in operator.get(PAGE).content.decode()) == cut


# Who, and what of it is told.


def test_the_file_is_a_download_and_never_a_page(operator: Client, project: Project) -> None:
    store(project, entry())
    for format, kind in (
        ("ndjson", "application/x-ndjson; charset=utf-8"),
        ("csv", "text/csv; charset=utf-8; header=present"),
    ):
        response = operator.get(f"{PAGE}?format={format}")
        response.getvalue()
        assert response["Content-Type"] == kind
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cache-Control"] == "no-store"
        assert response["Content-Disposition"].startswith('attachment; filename="alpha-logs-')
        assert response["Content-Disposition"].endswith(f'.{format}"')


@pytest.mark.parametrize(
    "query",
    ["levle=error", "level=loud", "since=soon", "format=xml", "format=csv&format=ndjson", "since=30d&until=90d"],
)
@pytest.mark.parametrize("more", ["", "&format=csv"])
def test_what_cannot_be_read_is_a_page_and_never_a_file(
    operator: Client, project: Project, query: str, more: str
) -> None:
    response = operator.get(f"{PAGE}?{query}{more}")
    assert response.status_code == 400
    assert not response.streaming
    assert 'data-state="invalid"' in response.content.decode()
    assert not Export.objects.exists()


def test_viewers_see_why_not(client: Client, project: Project) -> None:
    store(project, entry())
    client.force_login(member(project, Role.VIEWER))
    html = client.get("/p/alpha/logs").content.decode()
    assert "/logs/export" not in html
    assert "Exporting is for the role Operator and above. You are Viewer" in html
    for query in ("", "?format=csv", "?format=ndjson&level=error"):
        response = client.get(f"{PAGE}{query}")
        assert response.status_code == 403
        assert b"for the role Operator and above" in response.content
    assert not Export.objects.exists()
    client.force_login(member(project, Role.OPERATOR))
    html = client.get("/p/alpha/logs?level=info").content.decode()
    assert 'href="/p/alpha/logs/export?level=info"' in html


def test_asking_by_head_starts_nothing(operator: Client, project: Project) -> None:
    response = operator.head(f"{PAGE}?format=csv")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/csv")
    assert not Export.objects.exists()
    assert not AuditEvent.objects.exists()


def test_the_audit_tells_the_start_and_the_end(operator: Client, project: Project) -> None:
    store(project, entry(), error_entry())
    response = operator.get(f"{PAGE}?format=csv&level=error", headers={"X-Request-ID": "export-request-1"})
    (started,) = AuditEvent.objects.all()
    response.getvalue()
    ended, again = AuditEvent.objects.all()
    assert (again, started.action, ended.action) == (started, Action.EXPORT_STARTED, Action.EXPORT_ENDED)
    assert started.object_text == "CSV: level=error"
    assert ended.object_text == "1 entries as CSV, finished: level=error"
    assert ended.after == {
        "export": Export.objects.get().pk, "format": "csv", "query": "level=error", "entries": 1, "state": "finished", "is_cut": False,
    }  # fmt: skip
    for event in (started, ended):
        assert (event.project, event.address, event.request_id) == (project, "127.0.0.1", "export-request-1")


def test_an_export_that_nobody_reads_on_is_stopped(operator: Client, project: Project) -> None:
    now = timezone.now()
    store(project, *story(late_yesterday()))
    log_filter = LogFilter.where(since=now - timedelta(days=30))
    person = User.objects.get(memberships__project=project)
    actor, viewer = (Actor(person, "x", role, "127.0.0.1", "request-1") for role in (Role.OPERATOR, Role.VIEWER))
    common: dict[str, Any] = {"format": ExportFormat.NDJSON, "now": timezone.now()}
    with pytest.raises(NotAllowed):
        lifecycle.start(log_filter, project, person, actor=viewer, **common)
    begun = lifecycle.start(log_filter, project, person, actor=actor, **common)
    with patch.object(lifecycle, "LINES_AT_ONCE", 3):
        pieces = lifecycle.pieces(begun, log_filter, actor=actor)
        next(pieces), next(pieces)
        pieces.close()  # type: ignore[attr-defined]
    done = Export.objects.get()
    assert (done.state, done.entries, done.finished_at is None) == (ExportState.STOPPED, 3, False)
    assert AuditEvent.objects.filter(action=Action.EXPORT_ENDED, after__state="stopped").count() == 1
    assert "The file is not whole: its download was stopped after 3 entries" in operator.get(PAGE).content.decode()


def test_an_export_that_breaks_off_does_not_look_whole(operator: Client, project: Project) -> None:
    store(project, *story(timezone.now()))
    read, calls = stream._read, iter(range(10))

    def away(*args: Any) -> Any:
        if next(calls):
            raise OperationalError("the database went away")
        return read(*args)

    with patch.object(stream, "_read", away), patch.object(stream, "ROWS", 2):
        response = operator.get(f"{PAGE}?format=ndjson&since=30d")
        with pytest.raises(OperationalError):
            response.getvalue()
    assert Export.objects.get().state == ExportState.FAILED
    assert AuditEvent.objects.filter(action=Action.EXPORT_ENDED, after__state="failed").count() == 1
    assert "it broke off after 2 entries" in operator.get(PAGE).content.decode()


def test_two_at_once_and_no_more(operator: Client, project: Project) -> None:
    store(project, entry())
    running = [operator.get(f"{PAGE}?format=csv") for _ in range(lifecycle.AT_ONCE)]
    refused = operator.get(f"{PAGE}?format=csv")
    assert refused.status_code == 429
    assert "2 exports of yours are running already" in refused.content.decode()
    running[0].getvalue()
    assert body(operator, "format=csv")


def test_what_died_with_its_process_is_told_and_blocks_nobody(operator: Client, project: Project) -> None:
    store(project, entry())
    for _ in range(2):
        operator.get(f"{PAGE}?format=csv")  # never read, never closed
    long_ago = timezone.now() - SILENCE - timedelta(seconds=1)
    Export.objects.update(moved_at=long_ago)
    assert operator.get(PAGE).content.decode().count('data-export="failed"') == 2
    assert body(operator, "format=csv")
    lifecycle.settle(now=timezone.now())
    assert Export.objects.filter(state=ExportState.FAILED).count() == 2
    assert AuditEvent.objects.filter(action=Action.EXPORT_ENDED, after__state="failed").count() == 2
    Export.objects.update(started_at=timezone.now() - lifecycle.RETENTION - timedelta(days=1))
    lifecycle.settle(now=timezone.now())
    assert not Export.objects.exists()


# The page.


def test_the_page_says_what_it_will_be(operator: Client, project: Project) -> None:
    store(project, *story(timezone.now()))
    html = operator.get(f"{PAGE}?level=error&since=30d&-user=acct_1").content.decode()
    for words in (
        "3 entries", "Level is Error", "User is not acct_1", "Last 30 days", "None yet",
        'href="/p/alpha/logs/export?level=error&amp;-user=acct_1&amp;since=30d&amp;format=csv"',
        'href="/p/alpha/logs?level=error&amp;-user=acct_1&amp;since=30d"',
    ):  # fmt: skip
        assert words in html, words
    with patch.object(lifecycle, "MOST", 2):
        assert "A file holds at most" in operator.get(f"{PAGE}?since=30d").content.decode()
    with patch.object(lifecycle, "expected", return_value=None):
        assert "could not be counted in time" in operator.get(PAGE).content.decode()
    assert "Nothing matches just now" in operator.get(f"{PAGE}?user=nobody").content.decode()


def test_the_list_tells_how_far_each_is(operator: Client, project: Project) -> None:
    store(project, *story(late_yesterday()))
    with patch.object(lifecycle, "LINES_AT_ONCE", 3), patch.object(lifecycle, "PROGRESS_SECONDS", 0):
        response = operator.get(f"{PAGE}?format=csv&since=30d")
        parts = parts_of(response)
        for _ in range(4):  # the head, then nine lines, of which six are known to have gone
            next(parts)
        number = Export.objects.get().pk
        fragment = operator.get(f"{PAGE}?since=30d", headers=HTMX)
        assert fragment["X-Fragment"] == "exports"
        for html in (fragment.content.decode(), operator.get(f"/p/alpha/exports/{number}").content.decode()):
            assert "<html" not in html
            assert "6 of about 12 entries" in html
            assert f'hx-get="/p/alpha/exports/{number}"' in html
            assert 'value="500"' in html
        list(parts)
    html = operator.get(f"/p/alpha/exports/{number}").content.decode()
    assert "12 entries in" in html
    assert "hx-get" not in html
    assert "export-news" in html


def test_the_list_is_ones_own(operator: Client, project: Project) -> None:
    store(project, entry())
    body(operator, "format=csv")
    operator.force_login(member(project, Role.LEAD))
    assert "None yet" in operator.get(PAGE).content.decode()
