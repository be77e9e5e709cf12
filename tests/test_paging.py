"""Pages of log entries without an index: searched in time slices, both directions, stopped anywhere, nothing skipped."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from synclogs.models import Project
from synclogs.query.filters import LogFilter
from synclogs.reading import paging
from synclogs.reading.paging import page
from synclogs.storage import time_limits
from tests.factories import ProjectFactory, entry, store

NOW = datetime.now(UTC).replace(microsecond=0)
Q = "page -nothing"


@pytest.fixture
def project(db: None) -> Project:
    """Entries in clusters with long gaps between them, some in the same instant, some ahead of the clock."""
    found = ProjectFactory()
    dice = random.Random(3)
    minutes = [-30, *(dice.choice([0, 1, 300, 2000, 9000]) + dice.randrange(40) for _ in range(70))]
    store(
        found,
        *(
            entry(id=f"e{number}", timestamp=NOW - timedelta(minutes=at), message="A page")
            for number, at in enumerate(minutes)
        ),
    )
    return found


def wanted(*, until: datetime | None = None) -> LogFilter:
    parameters = [("q", [Q]), ("since", ["30d"])]
    return LogFilter.parse([*parameters, ("until", [until.isoformat()])] if until else parameters, now=NOW)


def everything(log_filter: LogFilter, project: Project) -> list[str]:
    return [found.entry_id for found in log_filter.entries(project).newest_first()]


def walked(log_filter: LogFilter, project: Project) -> list[str]:
    """All pages from the newest back, and then the same way up again."""
    down: list[str] = []
    upper: list[str] = []
    cursor = ""
    while True:
        found = page(log_filter, project, size=7, before=cursor)
        down += [row.entry_id for row in found.rows]
        if not found.older:
            break
        cursor = found.older
    cursor = paging.cursor_of(log_filter.entries(project).order_by("occurred_at", "key")[0])
    while cursor:
        found = page(log_filter, project, size=7, after=cursor)
        upper = [row.entry_id for row in found.rows] + upper
        cursor = found.newer
    assert upper == down[:-1]
    return down


@pytest.mark.parametrize("until", [None, NOW - timedelta(minutes=310)])
def test_slices_give_each_entry_once_in_both_directions(project: Project, until: datetime | None) -> None:
    log_filter = wanted(until=until)
    assert not paging.is_indexed(log_filter)
    assert walked(log_filter, project) == everything(log_filter, project) != []


def test_a_search_that_was_stopped_goes_on_where_it_was(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    real, dice, calls = time_limits.within, random.Random(5), [0]

    @contextmanager
    def stingy(seconds: float) -> Iterator[None]:
        calls[0] += 1
        if dice.random() < 0.4:
            raise time_limits.OutOfTime("told to")
        with real(seconds):
            yield

    def patient(*args: object, **options: object) -> paging.Page:
        while True:  # not even the first slice: the page says so, and a person tries again
            try:
                return paging.page(*args, **options)  # type: ignore[arg-type]
            except OperationalError:
                continue

    monkeypatch.setattr("synclogs.reading.paging.time_limits.within", stingy)
    monkeypatch.setattr("tests.test_paging.page", patient)
    log_filter = wanted()
    assert walked(log_filter, project) == everything(log_filter, project)
    assert calls[0] > 20


def test_a_page_says_how_far_it_got(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "SECONDS", 0.0)
    with pytest.raises(time_limits.OutOfTime):
        page(wanted(), project, size=50)
    ticks = iter([0.0, 0.0, 0.5, 9.0])
    monkeypatch.setattr("synclogs.reading.paging.time.monotonic", lambda: next(ticks, 9.0))
    monkeypatch.setattr(paging, "SECONDS", 1.0)
    found = page(wanted(), project, size=50)
    assert found.searched_to is not None
    assert 0 < len(found.rows) < 50
    assert all(row.occurred_at >= found.searched_to for row in found.rows)
    rest = page(wanted(), project, size=200, before=found.older)
    assert [row.entry_id for row in (*found.rows, *rest.rows)] == everything(wanted(), project)


@pytest.mark.parametrize(
    ("parameters", "indexed"),
    [
        ([], True),
        ([("level", "error"), ("user", "acct_1")], True),
        ([("level", "WARN")], True),
        ([("level", "info")], False),
        ([("-level", "error")], False),
        ([("status", "IDLE")], False),
        ([("q", "user:acct_1")], False),
    ],
)
def test_what_an_index_answers_is_one_statement(
    project: Project, parameters: list[tuple[str, str]], indexed: bool
) -> None:
    log_filter = LogFilter.parse([(name, [value]) for name, value in parameters], now=NOW)
    assert paging.is_indexed(log_filter) == indexed
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page(log_filter, project, size=50)
    reads = [query for query in queries.captured_queries if "synclogs_logentry" in query["sql"]]
    assert len(reads) == 1 if indexed else len(reads) <= 3


def test_the_limit_of_time_ends_with_the_block(db: None) -> None:
    def limit() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            return str(cursor.fetchone()[0])

    before = limit()
    with time_limits.within(0.2):
        assert limit() == "200ms"
    assert limit() == before
    with pytest.raises(time_limits.OutOfTime), time_limits.within(0.05), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    assert limit() == before


@pytest.mark.parametrize(
    "parameters",
    [
        [("status", "ERRORED"), ("q", Q)],
        [("q", f"status:ERRORED,GONE level:>=info {Q}")],
        [("level", "error"), ("pipeline", "deals")],
        [("q", "status:ERR*")],
        [("status", "NONE")],
    ],
)
def test_hours_without_any_are_passed_over_and_nothing_else(db: None, parameters: list[tuple[str, str]]) -> None:
    project = ProjectFactory()
    dice = random.Random(11)
    store(
        project,
        *(
            entry(
                timestamp=NOW - timedelta(minutes=dice.randrange(60 * 24 * 20)),
                syncStatus=dice.choice(["IDLE"] * 12 + ["ERRORED"]),
                level=dice.choice(["info"] * 5 + ["error"]),
                pipeline=dice.choice(["files"] * 8 + ["deals"]),
                message="A page",
            )
            for _ in range(250)
        ),
    )
    log_filter = LogFilter.parse([(name, [value]) for name, value in (*parameters, ("since", "30d"))], now=NOW)
    if everything(log_filter, project):
        assert walked(log_filter, project) == everything(log_filter, project)
    else:
        with CaptureQueriesContext(connection) as queries:
            assert page(log_filter, project, size=50).rows == []
        assert sum("synclogs_logentry" in query["sql"] for query in queries.captured_queries) == 1
