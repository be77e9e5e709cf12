"""Waits for a database that is silent: each ends, and a slow one is left alone. Backends are really stopped."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from psycopg_pool import ConnectionPool

from portal.database.watch import Watch, WatchSession, cut
from synclogs.storage import connections, time_limits
from synclogs.storage.connections import Session, Silent
from tests.outage import stopped
from tests.server import wait

pytestmark = pytest.mark.django_db


@pytest.fixture
def parameters(db: None) -> dict[str, Any]:
    found: dict[str, Any] = connection.get_connection_params()
    return found | {"autocommit": True}


@pytest.fixture
def session(parameters: dict[str, Any]) -> Iterator[Session]:
    with Session.connect(**parameters) as made:
        yield made


def seconds_until_silent(session: Session, statement: str = "SELECT 1") -> float:
    began = time.monotonic()
    with stopped(session.pgconn.backend_pid), pytest.raises(Silent):
        session.execute(statement)
    assert session.closed
    return time.monotonic() - began


def test_the_client_waits_a_second_longer_than_the_server_may_take(session: Session) -> None:
    session.limit = 0.3
    assert 1.2 < seconds_until_silent(session) < 3


def test_a_request_has_an_end_however_many_statements_it_has(session: Session) -> None:
    session.begin()
    session.execute("SELECT 1")
    session.ends = time.monotonic() + 0.2
    assert seconds_until_silent(session) < 4  # a statement of its own would have six


def test_a_statement_with_a_long_limit_of_its_own_has_that(session: Session) -> None:
    session.ends = time.monotonic()
    with session.transaction():
        connections.allow(session, 60.0)
        assert session.execute("SELECT pg_sleep(0.5)").fetchall()
        assert session.limit == 60.0
    assert session.limit == connections.STATEMENT_SECONDS  # as SET LOCAL


def test_a_connection_that_comes_out_of_the_pool_is_there(session: Session) -> None:
    connections.check(session)
    began = time.monotonic()
    with stopped(session.pgconn.backend_pid), pytest.raises(psycopg.OperationalError):
        connections.check(session)
    assert time.monotonic() - began < 4  # a statement would have six


def test_both_sides_know_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the inner one ends in an error: the server forgets it with the savepoint."""
    plain: Any = connection.connection  # tests have no pool, so it only passes for a Session
    monkeypatch.setattr(connections, "Session", type(plain))
    monkeypatch.setattr(plain, "limit", 5.0, raising=False)
    with transaction.atomic(), connection.cursor() as cursor:
        with pytest.raises(time_limits.OutOfTime), time_limits.within(0.2):
            cursor.execute("SELECT pg_sleep(1), %s", [str(plain.limit)])
        assert plain.limit == 5.0
        with time_limits.within(0.2) as left:
            assert plain.limit == 0.2
            left.is_whole = False
            left.renew()
            assert plain.limit < 0.2
        assert plain.limit == 5.0


def test_a_wait_that_is_cut_ends_at_once(session: Session) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(session.execute, "SELECT pg_sleep(5)")
        time.sleep(0.3)
        cut(session)
        assert isinstance(waiting.exception(4), psycopg.OperationalError)  # before it would have ended by itself
    assert session.closed
    cut(session)  # nobody is there any more


@pytest.fixture
def watched(parameters: dict[str, Any]) -> Iterator[tuple[Watch, "ConnectionPool[Any]"]]:
    kind: Any = Session
    with ConnectionPool(
        kwargs=parameters, connection_class=kind, check=connections.check, min_size=3, open=True
    ) as pool:
        watch = Watch(pool, parameters)
        yield watch, pool
        watch._forget()


def rounds(watch: Watch, *ends: "Future[Any]", seconds: float = 6.0) -> set[bool]:
    """What the watch finds, again and again, until those have ended."""
    found = set()
    until = time.monotonic() + seconds
    while not all(end.done() for end in ends) and time.monotonic() < until:
        found.add(watch._ask())
        time.sleep(0.25)
    return found


def test_one_backend_that_stands_still_is_found_and_a_slow_one_is_not(
    watched: tuple[Watch, "ConnectionPool[Any]"],
) -> None:
    watch, pool = watched
    with ExitStack() as stack:
        slow, still = (stack.enter_context(pool.connection()) for _ in range(2))
        still.execute("BEGIN")
        waits = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'ClientRead'"
        wait(
            lambda: slow.execute(waits, [still.pgconn.backend_pid]).fetchone() is not None
        )  # it has answered, and says so
        threads = stack.enter_context(ThreadPoolExecutor(2))
        with stopped(still.pgconn.backend_pid):
            ends = [threads.submit(slow.execute, "SELECT pg_sleep(4)"), threads.submit(still.execute, "SELECT 1")]
            assert rounds(watch, ends[1]) == {True}
            assert not ends[0].done()  # far earlier than by its own limit
            assert isinstance(ends[1].exception(), psycopg.OperationalError)
        assert rounds(watch, ends[0]) == {True}
        assert ends[0].exception() is None


def test_the_watch_itself_standing_still_is_no_outage(watched: tuple[Watch, "ConnectionPool[Any]"]) -> None:
    watch, pool = watched
    assert watch._ask()
    assert isinstance(watch._session, WatchSession)
    done = threading.Event()

    def others() -> None:
        with pool.connection() as one:
            while not done.wait(0.1):
                one.execute("SELECT 1")

    with ThreadPoolExecutor(1) as threads, stopped(watch._session.pgconn.backend_pid):
        threads.submit(others)
        try:
            time.sleep(0.3)
            assert watch._ask()
            assert watch._ask()  # over a new one
        finally:
            done.set()


def test_no_place_for_the_watch_is_no_outage(
    watched: tuple[Watch, "ConnectionPool[Any]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, pool = watched
    monkeypatch.setattr(Session, "received_at", 0.0)
    monkeypatch.setitem(watch.parameters, "dbname", "there is none of this name")
    assert watch._ask()
    pool.close()
    monkeypatch.setattr(Session, "received_at", 0.0)
    assert not watch._ask()


def test_whoever_asks_learns_it_from_a_round_that_began_afterwards(
    watched: tuple[Watch, "ConnectionPool[Any]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, _ = watched
    began = time.monotonic()
    monkeypatch.setattr("portal.database.watch.ANSWER_SECONDS", 0.3)
    assert not watch.answers()  # nobody looks at all
    assert 0.25 < time.monotonic() - began < 2
