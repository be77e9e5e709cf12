"""Live tail: entries since a cursor by arrival and not by time; none lost behind a late commit; small answers."""

import threading
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from synclogs.ingestion import ingest
from synclogs.models import LogEntry, Project
from synclogs.query.filters import FilterError, LogFilter
from synclogs.reading import tail
from tests.factories import ProjectFactory, entry, error_entry, member, read, store, sync_id

# Committed for real: what is new is what other transactions have committed since.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="demo")


def everything(now: datetime, **parameters: str) -> LogFilter:
    return LogFilter.parse([(name, [value]) for name, value in parameters.items()], now=now)


def ids(found: tail.Tail) -> list[str]:
    names = dict(LogEntry.objects.values_list("key", "entry_id"))
    return [names[arrival.key] for arrival in found.arrivals]


class Follower:
    """Asks again and again with the cursor that it got, as the page does."""

    def __init__(self, project: Project, **parameters: str) -> None:
        self.project, self.parameters = project, parameters
        self.cursor = tail.start(now=timezone.now())
        self.seen: list[str] = []

    def ask(self, now: datetime | None = None) -> list[str]:
        now = now or timezone.now()
        found = tail.arrived(everything(now, **self.parameters), self.project, self.cursor, now=now)
        self.cursor = found.cursor
        news = [name for name in ids(found) if name not in self.seen]
        self.seen += news
        return news


def test_what_the_list_shows_is_not_new_and_late_entries_are(project: Project) -> None:
    now = timezone.now()
    store(project, entry(id="shown"))
    follower = Follower(project)
    assert follower.ask() == []
    store(project, entry(id="first"))
    store(project, entry(id="late", timestamp=now - timedelta(hours=5)), entry(id="ahead", timestamp=now))
    assert follower.ask() == ["first", "late", "ahead"]
    assert follower.ask() == []
    store(project, entry(id="first", timestamp=now - timedelta(hours=40)))  # outside of the range
    assert follower.ask() == []


def test_only_what_matches_in_this_project(project: Project) -> None:
    follower = Follower(project, level="error", sync=sync_id("mine"))
    store(project, error_entry(id="mine", syncId=sync_id("mine")), error_entry(), entry(syncId=sync_id("mine")))
    store(ProjectFactory(), error_entry(syncId=sync_id("mine")))
    assert follower.ask() == ["mine"]


def test_the_answer_is_bounded_and_says_that_there_is_more(project: Project) -> None:
    now = timezone.now()
    cursor = tail.start(now=now)
    store(project, *(entry() for _ in range(tail.SIZE)))
    found = tail.arrived(everything(now), project, cursor, now=now)
    assert (len(found.arrivals), found.has_more) == (tail.SIZE, False)
    store(project, entry())
    found = tail.arrived(everything(now), project, cursor, now=now)
    assert (len(found.arrivals), found.has_more) == (tail.SIZE, True)


def late_writer(project: Project, name: str, go: threading.Event, written: threading.Event) -> threading.Thread:
    """Writes an entry by the real path, received now, in a transaction that stays open until `go`."""

    def run() -> None:
        try:
            now = timezone.now()
            with transaction.atomic():
                ingest.write(project, read(entry(id=name), now=now), now=now)
                written.set()
                assert go.wait(20)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    assert written.wait(20)
    return thread


def test_an_entry_that_is_committed_after_later_ones_is_not_lost(project: Project) -> None:
    go = threading.Event()
    thread = late_writer(project, "slow", go, threading.Event())
    follower = Follower(project)  # the list was read while the writer was at it
    other = ProjectFactory()  # a batch of the same project would wait for the slow one's counts
    store(other, entry())
    with connection.cursor() as cursor:
        cursor.execute("SELECT txid_current()")  # later transactions come and go
    assert follower.ask() == []
    assert follower.ask() == []
    go.set()
    thread.join()
    assert follower.ask() == ["slow"]
    assert follower.ask() == []


def test_clocks_of_several_servers_differ_and_writing_takes_its_time(project: Project) -> None:
    follower = Follower(project)
    store(project, entry(id="behind"), now=timezone.now() - tail.OVERLAP + timedelta(seconds=5))
    assert follower.ask() == ["behind"]
    store(project, entry(id="before"), now=timezone.now() + timedelta(seconds=20))
    assert follower.ask() == ["before"]
    assert follower.ask() == []


def test_a_crowd_of_writers_loses_nothing_and_tells_nothing_twice_to_one_who_drops_what_it_has(
    project: Project,
) -> None:
    writers, batches = 4, 12
    ends = timezone.now() + timedelta(seconds=30)

    def run(number: int) -> None:
        try:
            for batch in range(batches):
                # Each its own syncs and times: half of them late, and out of order.
                moment = timezone.now() - timedelta(minutes=(number + batch) % 7 * 11)
                store(project, entry(id=f"{number}-{batch}", timestamp=moment, userId=f"u{number}"))
        finally:
            connections.close_all()

    follower = Follower(project)
    threads = [threading.Thread(target=run, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and timezone.now() < ends:
        follower.ask()
    for thread in threads:
        thread.join()
    follower.ask()
    assert sorted(follower.seen) == sorted(f"{number}-{batch}" for number in range(writers) for batch in range(batches))


def test_transactions_are_numbered_in_a_circle(project: Project) -> None:
    """Rows know only the lower half of their transaction's number, and it wraps around after four billion."""
    store(project, entry(id="here"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text::bigint FROM synclogs_logentry")
        number = cursor.fetchone()[0]

    def found(transaction_number: int) -> bool:
        return LogEntry.objects.filter(tail._unseen(transaction_number)).exists()

    for turn in (0, 1, 7):
        base = turn * 2**32 + number
        assert found(base)
        assert found(base - 100 if base > 100 else 0)
        assert not found(base + 1)
        assert not found(base + 1000)


@pytest.mark.parametrize("cursor", ["", "x", "1-", "-1", "0-0-0", "g-1", "fffffffffffffff-1", "1" * 16 + "-1", "١-1"])
def test_a_damaged_cursor_is_said(project: Project, client: Client, cursor: str) -> None:
    now = timezone.now()
    with pytest.raises(FilterError):
        tail.arrived(everything(now), project, cursor, now=now)
    client.force_login(member(project))
    assert client.get("/p/demo/logs/tail", {"after": cursor}).status_code == 400


def test_it_looks_only_at_the_blocks_that_came_lately(project: Project) -> None:
    """On days with many entries the index by arrival is the one that is used."""
    now = timezone.now()
    for days in (0, 1, 2):
        store(project, entry(timestamp=now - timedelta(days=days)))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(column_name::text) FROM information_schema.columns WHERE table_name = %s"
            " AND column_name NOT IN ('key', 'occurred_at', 'received_at')",
            ["synclogs_logentry"],
        )
        others = ", ".join(cursor.fetchone()[0])
        for days in (0, 1, 2):
            # The same entry a few thousand times, received from two days to one hour ago.
            cursor.execute(
                f"INSERT INTO synclogs_logentry (key, occurred_at, received_at, {others})"
                f" SELECT gen_random_uuid(), occurred_at, %s::timestamptz - (4000 - i) * interval '20 seconds', {others}"
                " FROM synclogs_logentry, generate_series(1, 4000) i WHERE occurred_at::date = %s::date",
                [now - timedelta(hours=1), now - timedelta(days=days)],
            )
        cursor.execute("VACUUM ANALYZE synclogs_logentry")
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        number = cursor.fetchone()[0]
    log_filter = everything(now, since="7d")
    query = log_filter.entries(project).filter(tail._unseen(number), received_at__gte=now - tail.OVERLAP)
    plan = query.order_by("-received_at").explain()
    assert plan.count("received_at_idx") == 3, plan


@pytest.fixture
def signed_in(project: Project, client: Client) -> Client:
    client.force_login(member(project))
    return client


def cursor_of_page(client: Client, query: str = "") -> str:
    html = client.get(f"/p/demo/logs{query}").content.decode()
    return html.partition('data-cursor="')[2].partition('"')[0]


def test_the_page_starts_the_tail_and_the_address_answers(project: Project, signed_in: Client) -> None:
    store(project, entry())
    cursor = cursor_of_page(signed_in)
    quiet = signed_in.get("/p/demo/logs/tail", {"after": cursor})
    assert (quiet.status_code, quiet.content) == (204, b"")
    store(project, entry(id="new", timestamp=timezone.now() - timedelta(hours=1)), error_entry())
    answer = signed_in.get("/p/demo/logs/tail", {"after": quiet["X-Tail-Cursor"], "-level": "error"})
    told: dict[str, Any] = answer.json()
    new = LogEntry.objects.get(entry_id="new")
    assert told["entries"] == [[str(new.key), new.occurred_at.isoformat().replace("+00:00", "Z")]]
    assert told["more"] is False
    assert signed_in.get("/p/demo/logs/tail", {"after": told["cursor"]}).status_code == 204
    assert signed_in.get("/p/demo/logs/tail", {"after": told["cursor"], "level": "loud"}).status_code == 400


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?since=2026-01-01T00:00Z&until=2026-01-02T00:00Z", "The time range has ended"),
        ("?before=ffffffffffff-00000000000000000000000000000000", "Only the newest page"),
        ("?level=loud", "A list that is not shown"),
    ],
)
def test_a_list_that_cannot_follow_says_why(project: Project, signed_in: Client, query: str, words: str) -> None:
    html = signed_in.get(f"/p/demo/logs{query}").content.decode()
    assert words in html
    assert 'data-cursor=""' in html


def test_too_much_to_look_through_is_an_answer_of_its_own(
    project: Project, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "SECONDS", 0)
    assert signed_in.get("/p/demo/logs/tail", {"after": "0-0"}).status_code == 503


def test_lines_by_their_keys(project: Project, signed_in: Client) -> None:
    now = timezone.now()
    store(project, *(entry(id=f"e{hours}", timestamp=now - timedelta(hours=hours)) for hours in range(30)))
    keys = list(LogEntry.objects.filter(entry_id__in=("e3", "e1", "e29")).newest_first().values_list("key", flat=True))
    unknown = uuid.UUID(int=keys[0].int + 1)
    response = signed_in.get(
        "/p/demo/logs/rows",
        {"key": [str(key) for key in (keys[2], unknown, keys[0], keys[1], uuid.UUID(int=2**128 - 1))]},
    )
    html = response.content.decode()
    assert [html.index(f'data-log-key="{key}"') for key in keys] == sorted(
        html.index(f'data-log-key="{key}"') for key in keys
    )
    assert html.count("data-log-key") == 3
    assert response["X-Fragment"] == "rows"
    for bad, status in ((["x"], 400), ([], 400), ([unknown.hex] * 51, 400), ([unknown.hex], 404)):
        assert signed_in.get("/p/demo/logs/rows", {"key": bad}).status_code == status
