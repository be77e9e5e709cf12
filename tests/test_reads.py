"""Concurrency limit of reads by person or key, over all web processes: waiting, and 429 beyond."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from portal.access import read_limits
from tests import server
from tests.factories import entry
from tests.server import Served, wait

MOST = 3


def test_turns_of_one_do_not_count_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_limits, "PATIENCE_SECONDS", 0.0)
    with read_limits.turn("person:1"), read_limits.turn("person:1"), read_limits.turn("person:1"):
        with pytest.raises(read_limits.Busy), read_limits.turn("person:1"):
            pass
        with read_limits.turn("person:2"):
            pass
    with read_limits.turn("person:1"):
        pass
    assert read_limits._readers.by_name == {}  # nobody is remembered who does not read


def test_whoever_waits_goes_on_when_a_turn_ends() -> None:
    entered = threading.Event()

    def read() -> None:
        with read_limits.turn("person:1"):
            entered.set()

    with read_limits.turn("person:1"), read_limits.turn("person:1"):
        with read_limits.turn("person:1"):
            waiting = threading.Thread(target=read)
            waiting.start()
            assert not entered.wait(0.2)
        assert entered.wait(5)
    waiting.join()


def test_no_more_wait_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_limits, "PATIENCE_SECONDS", 30.0)
    ended = threading.Event()
    refused = Counter[bool]()

    def read(_number: int) -> None:
        try:
            with read_limits.turn("person:1"):
                ended.wait(30)
        except read_limits.Busy:
            refused[True] += 1

    room = settings.READS_AT_ONCE * (1 + read_limits.WAITING)
    with ThreadPoolExecutor(room + 4) as pool:
        running = [pool.submit(read, number) for number in range(room + 4)]
        wait(lambda: refused[True] == 4)
        ended.set()
        for each in running:
            each.result()
    assert refused[True] == 4


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory: Path = tmp_path_factory.mktemp("reads")
    with server.own_database("reads") as url, server.serve(directory, database_url=url) as portal:
        yield portal


@contextmanager
def locked(served: Served, table: str) -> Iterator[Any]:
    """Every read of the table waits; yields a connection that can look at who does."""
    with (
        psycopg.connect(served.database_url) as holder,
        psycopg.connect(served.database_url, autocommit=True) as looker,
    ):
        holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield looker


def waiting_for_locks(looker: Any) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return int(looker.execute(query).fetchone()[0])


# A table that the page reads and the intake does not touch.
PATHS = {
    "person": ("/p/alpha/logs", "synclogs_savedview"),
    "key": ("/api/v1/users", "synclogs_connecteduser"),
    "administration": ("/admin/synclogs/savedview/", "synclogs_savedview"),
}


@pytest.mark.slow
@pytest.mark.parametrize("who", PATHS)
def test_reads_at_once_over_two_processes(served: Served, who: str) -> None:
    """Twelve at once: three are in the database and never more; whoever is told to come back and does so is answered."""
    path, table = PATHS[who]
    headers = {"Authorization": f"Bearer {served.key}"} if who == "key" else {"Cookie": served.cookie}
    assert served.ask(path, headers=headers).status == 200
    with ThreadPoolExecutor(12) as pool:
        with locked(served, table) as looker:
            asked = [pool.submit(served.ask, path, headers=headers) for _ in range(12)]
            wait(lambda: waiting_for_locks(looker) == MOST, seconds=5)
            seen = set()
            until = time.monotonic() + 0.6  # far from both limits: two seconds for a lock, and for a turn
            while time.monotonic() < until:
                seen.add(waiting_for_locks(looker))
            if who != "key":  # customers are also what the intake writes
                assert (
                    served.push(json.dumps([entry(id=f"{who}-{number}") for number in range(5)]).encode()).status == 200
                )
        answers = Counter(each.result().status for each in asked)
    assert seen == {MOST}
    assert answers[200] >= MOST
    assert answers.keys() <= {200, 429}
    for _ in range(answers[429]):
        wait(lambda: served.ask(path, headers=headers).status == 200, seconds=10)


@pytest.mark.slow
@pytest.mark.parametrize("who", ["person", "key"])
def test_what_has_no_room_is_told_and_comes_back(served: Served, who: str) -> None:
    path, table = PATHS[who]
    headers = {"Authorization": f"Bearer {served.key}"} if who == "key" else {"Cookie": served.cookie}
    count = 2 * MOST * (1 + read_limits.WAITING) + 16
    with ThreadPoolExecutor(count) as pool:
        with locked(served, table) as looker:
            asked = [pool.submit(served.ask, path, headers=headers) for _ in range(count)]
            wait(lambda: sum(each.done() for each in asked) >= 4, seconds=10)
            assert waiting_for_locks(looker) <= MOST
        answers = [each.result() for each in asked]
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert {answer.status for answer in answers} <= {200, 429}
    for answer in refused:
        assert answer.headers["Retry-After"] == "1"
        if who == "key":
            assert answer.json()["detail"].startswith("3 reads of yours are going on")
        else:
            assert answer.headers["Refresh"] == "1"  # a browser comes back by itself
            assert b"<h1>One moment</h1>" in answer.body
    assert served.ask(path, headers=headers).status == 200


@pytest.mark.slow
def test_connections_are_kept_for_the_intake(tmp_path: Path) -> None:
    """Readers of many names hold all that readers may hold, and more wait: a batch is stored meanwhile as if alone."""
    with (
        server.own_database("kept") as url,
        server.serve(
            tmp_path, database_url=url, workers=1, DATABASE_POOL="4", INGEST_CONCURRENCY="2", READS_AT_ONCE="9"
        ) as one,
    ):
        body = json.dumps([entry()]).encode()
        assert one.push(body).status == 200
        assert one.page("/p/alpha/logs").status == 200
        with ThreadPoolExecutor(6) as pool:
            with locked(one, "synclogs_savedview") as looker:
                asked = [pool.submit(one.page, "/p/alpha/logs") for _ in range(6)]
                wait(lambda: waiting_for_locks(looker) == 2, seconds=5)
                assert (
                    one.push(json.dumps([entry(id=f"meanwhile-{number}") for number in range(3)]).encode()).status
                    == 200
                )
                assert waiting_for_locks(looker) == 2
            answers = Counter(each.result().status for each in asked)
        assert answers[200] >= 2
        assert answers.keys() <= {200, 503}
        wait(lambda: one.page("/p/alpha/logs").status == 200, seconds=10)
