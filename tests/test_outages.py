"""Outages: a database that is frozen, cut off, slow or full, and a web server that reloads; reported at once, recovered without help.

One portal on a private PostgreSQL behind a proxy that can be cut; its data are on a small disk where that is possible. The limits
are the promised ones; allowances for a busy machine are written beside them.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from portal.database.readiness import REASONS
from portal.runner import devdb
from tests import outage, server
from tests.outage import Line
from tests.server import Answer, Served, wait
from tests.test_crashes import House, Senders, answers, batch, crash

pytestmark = pytest.mark.slow
AWAY_SECONDS = 7
PAGE, INTAKE, READY, ALIVE = (
    3 * 2,
    5 + 1,
    2 * 2,
    1 * 2,
)  # seconds, and what a busy machine adds: all less than it is away
DISK = "320m"
# Next to no preparation for the write-ahead log, so that what is on the disk is the data.
SETTINGS = {**devdb.DURABLE, "max_wal_size": "64MB", "min_wal_size": "32MB", "shared_buffers": "32MB"}
LOADS = "from tests.programs.served import application\n"


@dataclass(frozen=True)
class Place:
    house: House
    line: Line
    code: Path  # what the server loads
    disk: Path | None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("outages")
    code = directory / "outages_application.py"
    code.write_text(LOADS)
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(directory))
        database = stack.enter_context(devdb.running_server((disk or directory) / "postgres", settings=SETTINGS))
        line = stack.enter_context(outage.line(database))
        url = f"postgresql://{devdb.DATABASE}@127.0.0.1:{line.port}/{devdb.DATABASE}"
        application = f"{code.stem}:application"
        serving = server.serve(directory, database_url=url, application=application, PYTHONPATH=str(directory))
        served = stack.enter_context(serving)
        for number in range(4):
            assert served.push(json.dumps(batch(900, number)).encode()).status == 200
            assert served.page("/p/alpha/logs").status == 200
        yield Place(House(database, served), line, code, disk)


@contextmanager
def small_disk(directory: Path) -> Iterator[Path | None]:
    """None where nothing may be mounted."""
    disk = directory / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", disk], check=False)
    if mounted.returncode:
        yield None
        return
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@dataclass
class Askers:
    """Clients that ask the same again and again, and when each was asked and answered."""

    asks: dict[str, Callable[[], Answer]]
    answered: list[tuple[str, float, float, Answer]] = field(default_factory=list)  # asked and answered at
    stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def asking(self) -> Iterator[None]:
        with ThreadPoolExecutor(len(self.asks)) as pool:
            running = [pool.submit(self.ask, name) for name in self.asks]
            try:
                yield
            finally:
                self.stop.set()
            for future in running:
                future.result()

    def ask(self, name: str) -> None:
        while not self.stop.is_set():
            asked = time.monotonic()
            answer = self.asks[name]()
            self.answered.append((name, asked, time.monotonic(), answer))
            time.sleep(0.05)

    def of(self, name: str, *, since: float = 0.0, until: float = float("inf")) -> list[Answer]:
        """What was asked and answered between those two moments."""
        return [answer for of, asked, at, answer in self.answered if of == name and since <= asked and at <= until]


def usual(served: Served) -> dict[str, Callable[[], Answer]]:
    key = {"Authorization": f"Bearer {served.key}"}
    return {
        "page": partial(served.page, "/p/alpha/logs", seconds=30),
        "overview": partial(served.page, "/p/alpha/", seconds=30),
        "read": partial(served.ask, "/api/v1/logs", seconds=30, headers=key),
        "readyz": partial(served.ask, "/readyz", seconds=30),
        "healthz": partial(served.ask, "/healthz", seconds=30),
    }


@contextmanager
def cut(place: Place) -> Iterator[None]:
    place.line.is_cut = True
    try:
        yield
    finally:
        place.line.is_cut = False


def frozen(place: Place) -> Any:
    return outage.stopped(*outage.processes(place.house.database))


@pytest.mark.parametrize("away", [frozen, cut])
def test_a_database_that_says_nothing_is_told_at_once_and_heals(place: Place, away: Any) -> None:
    house = place.house
    before, known = house.counts(), house.stored()
    one = batch(700 + house.counts()[0], 0)
    pushes = {"push": partial(house.served.push, json.dumps(one).encode(), seconds=30)}
    senders, askers = Senders(house), Askers(usual(house.served) | pushes)
    with senders.sending(), askers.asking():
        time.sleep(1)
        with away(place):
            began = time.monotonic()
            time.sleep(AWAY_SECONDS)
            ended = time.monotonic()
        for name in ("page", "overview", "read", "push"):
            wait(lambda name=name: any(one.status == 200 for one in askers.of(name, since=ended)), seconds=5)  # type: ignore[misc]
    told = {name: askers.of(name, since=began, until=ended) for name in askers.asks}
    assert all(told.values())
    assert {answer.status for answer in told.pop("healthz")} == {200}
    for name, found in told.items():
        assert {answer.status for answer in found} == {503}, name
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in found), name
    ready = askers.of("readyz", since=began + AWAY_SECONDS / 2, until=ended)[
        0
    ].json()  # it may believe its last look before
    assert ready["checks"]["database"] is False
    assert ready["reasons"] == {"database": REASONS["database"]}
    limits = dict.fromkeys(("page", "overview", "read"), PAGE) | {"push": INTAKE, "readyz": READY, "healthz": ALIVE}
    assert max(limits.values()) < AWAY_SECONDS  # whoever waits for the database has no answer before that
    for name, limit in limits.items():
        assert max(answer.seconds for answer in askers.of(name)) <= limit, name
    assert set(senders.statuses) <= {200, 429, 503}
    assert house.stored() == known | senders.sent | {made["id"] for made in one}
    assert house.counts() == tuple(count + len(senders.sent) + len(one) for count in before)


def test_what_still_answers_is_not_away(place: Place) -> None:
    """The postmaster alone is frozen: who has a connection goes on. One backend alone: others take its place."""
    house = place.house
    askers = Askers(usual(house.served))
    with askers.asking():
        with outage.stopped(outage.postmaster(house.database)):
            time.sleep(2.5)
        found = house.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'sync-support-portal' LIMIT 2")
        with outage.stopped(*[pid for (pid,) in found[:1]]):
            time.sleep(3)
    assert {answer.status for answer in askers.of("healthz")} == {200}
    for name in ("page", "overview", "read"):
        answers_ = askers.of(name)
        assert sum(answer.status == 200 for answer in answers_) > 0.8 * len(answers_), name
        assert max(answer.seconds for answer in answers_) <= PAGE, name
    assert max(answer.seconds for answer in askers.of("readyz")) <= 2.5  # less than either was frozen


def test_a_slow_line_is_not_away(place: Place) -> None:
    house = place.house
    away = sum("database away" in one for one in house.served.lines())
    place.line.delay = 0.3
    try:
        assert house.served.page("/p/alpha/help").status == 200
        assert house.served.ask("/readyz").json()["checks"]["database"] is True
    finally:
        place.line.delay = 0.0
    assert sum("database away" in one for one in house.served.lines()) == away


def test_a_full_disk_is_said_and_forgotten(place: Place) -> None:
    disk, house = place.disk, place.house
    if disk is None or not devdb._home(house.database.directory).is_relative_to(disk):
        pytest.skip("needs the right to mount a small disk")
    ballast = disk / "ballast"

    def is_full(served: Served) -> bool:
        told = served.ask("/readyz").json()
        return told["checks"]["storage"] is False and told["reasons"].get("storage") == REASONS["storage"]

    number = 0

    def push() -> Answer:
        nonlocal number
        number += 1
        return house.served.push(json.dumps(batch(720, number, size=1000)).encode())

    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(64 * 1024)):
            pass
    try:
        wait(lambda: push().status == 503, seconds=20)
        wait(partial(is_full, house.served), seconds=15)
    finally:
        ballast.unlink()
    assert wait(lambda: push().status == 200, seconds=10) < 5 + 2
    # Each of the two processes looks again by itself.
    wait(lambda: not any(is_full(house.served) for _ in range(4)), seconds=40)


def workers(served: Served) -> set[int]:
    return set(served.workers())


def test_a_new_start_leaves_no_gap(place: Place) -> None:
    """Two cores load the whole portal anew meanwhile, beside what else they do: some requests wait, none is lost."""
    house = place.house
    senders, askers = Senders(house), Askers(usual(house.served))
    old = workers(house.served)
    with senders.sending(), askers.asking():
        time.sleep(0.5)
        house.served.process.send_signal(signal.SIGHUP)
        loading = wait(lambda: not old & workers(house.served), seconds=60)
        time.sleep(0.5)
    assert senders.doubts == 0
    assert set(senders.statuses) == {200}
    for name in ("page", "overview", "read", "healthz"):
        times = [at for of, _, at, answer in askers.answered if of == name and answer.status == 200]
        assert len(times) == len(askers.of(name)), name  # nothing but 200
        # With nobody there meanwhile it would be all that time.
        assert max(later - earlier for earlier, later in pairwise(times)) < max(3, loading / 2), name


@pytest.mark.parametrize(
    "broken",
    [
        "from django.core.exceptions import ImproperlyConfigured\nraise ImproperlyConfigured('A setting is wrong.')\n",
        # Only within a worker, where gevent has changed the standard library: in the first look it loads.
        f"{LOADS}import gevent.monkey\nif gevent.monkey.is_module_patched('socket'):\n    raise RuntimeError('odd')\n",
    ],
    ids=["does not load", "fails in a worker"],
)
def test_what_does_not_start_leaves_the_old_ones(place: Place, broken: str) -> None:
    house = place.house
    old = workers(house.served)
    place.code.write_text(broken)
    said = sum("the old workers go on" in one for one in house.served.lines())
    try:
        house.served.process.send_signal(signal.SIGHUP)
        wait(lambda: sum("the old workers go on" in one for one in house.served.lines()) > said, seconds=60)
        wait(lambda: workers(house.served) == old)
        assert house.served.page("/p/alpha/logs").status == 200
    finally:
        place.code.write_text(LOADS)
    time.sleep(1.5)  # gunicorn looks after its workers every second
    assert workers(house.served) == old


def test_the_worker_stays_through_three_restarts_of_the_database(place: Place, tmp_path: Path) -> None:
    house = place.house
    environment = {**os.environ, **server.PRODUCTION, "DATABASE_URL": house.served.database_url, "DATABASE_POOL": "0"}
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"], cwd=server.ROOT, env=environment, stdout=output, stderr=output
        )

    def work() -> float:
        ((job,),) = house.sql(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
            " VALUES ('default', 'synclogs.jobs.refresh_cadence', '{\"timestamp\": 0}') RETURNING id"
        )
        left = f"SELECT count(*) FROM procrastinate_jobs WHERE id = {job} AND status IN ('todo', 'doing')"
        return wait(lambda: house.sql(left) == [(0,)], seconds=60)

    try:
        work()
        for seconds in (0.2, 2, 4):
            crash(house.database)
            time.sleep(seconds)
            house.database.revive()
            wait(lambda: answers(house), seconds=20)
            assert work() <= 5 + 3  # and what a busy machine adds
        with frozen(place):
            time.sleep(2)
        assert work() <= 5 + 3
        assert process.poll() is None
        assert log.read_text().count("database away, the worker waits") <= 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
