"""What was answered with 200 is there, once, whatever was killed meanwhile: web workers, database sessions, PostgreSQL itself.

A real web server with two workers on a PostgreSQL of its own that is as durable as the demo's. Senders resend until they get an
answer, as the contract says they may.
"""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from portal import devdb
from tests.factories import entry, sync_id
from tests.test_ingest_http import Web, serving

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent
BATCH = 50


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[devdb.Server]:
    with devdb.running(tmp_path_factory.mktemp("durable") / "postgres") as server:
        yield server


@pytest.fixture(scope="module")
def web(server, tmp_path_factory) -> Iterator[Web]:
    environment = {"DATABASE_URL": server.url, "PORTAL_DEMO": "1", "DEBUG": "0"}

    def manage(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    manage("migrate", "-v0")
    manage("create_project", "crash")
    key = manage("create_api_key", "--project", "crash", "--name", "crash", "--scope", "logs:write")
    with serving(tmp_path_factory.mktemp("web") / "log", WEB_CONCURRENCY="2", **environment) as web:
        web.key = key
        yield web


class Senders:
    """Threads that send batch after batch and resend each until it is answered; `acknowledged` are the ids of all answered."""

    def __init__(self, web: Web, *, name: str, count: int = 4) -> None:
        self.web, self.name = web, name
        self.stop = threading.Event()
        self.acknowledged: list[str] = []
        self.statuses: list[int] = []
        self.threads = [threading.Thread(target=self._send, args=(number,)) for number in range(count)]

    def __enter__(self) -> "Senders":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self.threads)

    def _send(self, sender: int) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            names = [f"{self.name}-{sender}-{number}-{index}" for index in range(BATCH)]
            # Runs and syncs are shared by all senders, so that their rows are what the batches meet at.
            body = json.dumps(
                [
                    entry(id=name, traceId=f"{self.name}-{number}-{index % 5}", syncId=sync_id(index % 7))
                    for index, name in enumerate(names)
                ]
            )
            while not self._answered(body):
                time.sleep(0.1)
            self.acknowledged += names

    def _answered(self, body: str) -> bool:
        client = http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=20)
        headers = {"Authorization": f"Bearer {self.web.key}", "Content-Type": "application/json"}
        try:
            client.request("POST", "/api/v1/logs", body, headers)
            response = client.getresponse()
            told = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            client.close()
        self.statuses.append(response.status)
        if response.status != 200:
            return False
        assert told["accepted"] + told["duplicates"] == BATCH, told
        return True


def kill_now_and_then(kill: Callable[[], bool], *, times: int, every: float) -> None:
    killed = 0
    for _ in range(times):
        time.sleep(every)
        killed += kill()
    assert killed > times // 2, "hardly anything was killed"


def workers_of(web: Web) -> list[int]:
    """The web server's workers, children of the process that listens."""
    found = subprocess.run(["pgrep", "-f", "gunicorn -c deploy"], capture_output=True, text=True, check=False).stdout
    children = []
    for pid in found.split():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
            parent = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if f"PORT={web.port}\0" in environment and parent in found.split():
            children.append(int(pid))
    return children


def kill_a_worker(web: Web) -> bool:
    workers = workers_of(web)
    try:
        os.kill(random.choice(workers), signal.SIGKILL)
    except (IndexError, ProcessLookupError):
        return False
    return True


def kill_a_session(server: devdb.Server) -> bool:
    """The everyday kind; kill -9 of a session makes PostgreSQL restart all of them, as the last test does."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
        )
        return ended.fetchone() == (True,)


def assert_all_there_once(server: devdb.Server, senders: Senders) -> None:
    """Entries, hour counts and runs all agree with what was answered; unanswered batches may be there too, but whole."""
    assert len(senders.acknowledged) > 10 * BATCH, "too little was sent to show anything"
    with psycopg.connect(server.url) as connection:
        rows = connection.execute(
            "SELECT entry_id FROM synclogs_logentry WHERE entry_id LIKE %s", [f"{senders.name}-%"]
        )
        found = [name for (name,) in rows]
        assert len(found) == len(set(found)), "doubled"
        assert set(senders.acknowledged) - set(found) == set(), "lost"
        assert len(found) % BATCH == 0, "a batch is stored in part"
        row = connection.execute("SELECT count(*) FROM synclogs_logentry").fetchone()
        counted = connection.execute("SELECT sum(count)::int FROM synclogs_hourcount WHERE facet = 0").fetchone()
        runs = connection.execute("SELECT sum(entries)::int FROM synclogs_trace").fetchone()
    assert row == counted == runs


def test_killed_workers_lose_and_double_nothing(web: Web, server: devdb.Server):
    with Senders(web, name="workers") as senders:
        kill_now_and_then(lambda: kill_a_worker(web), times=12, every=0.7)
    assert_all_there_once(server, senders)
    assert 500 not in senders.statuses


def test_ended_database_sessions_lose_and_double_nothing(web: Web, server: devdb.Server):
    with Senders(web, name="sessions") as senders:
        kill_now_and_then(lambda: kill_a_session(server), times=12, every=0.4)
    assert_all_there_once(server, senders)
    assert 500 not in senders.statuses


def test_a_killed_postgresql_loses_and_doubles_nothing(web: Web, server: devdb.Server):
    def crash() -> bool:
        postmaster = devdb._postmaster(devdb._home(server.directory))
        assert postmaster is not None
        os.kill(postmaster.pid, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while not server.revive() and time.monotonic() < deadline:
            time.sleep(0.2)
        return True

    with Senders(web, name="postgresql") as senders:
        kill_now_and_then(crash, times=2, every=2)
        until = time.monotonic() + 60
        while senders.statuses[-1:] != [200] and time.monotonic() < until:
            time.sleep(0.2)
        time.sleep(1)
    assert_all_there_once(server, senders)
    assert 500 not in senders.statuses
    assert 503 in senders.statuses
