"""A whole portal with worker and simulated provider as real processes, on a fresh database, for journey tests.

Gives a House: pages to click, a provider to control, rows to read.
"""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
from django.utils import timezone
from psycopg.rows import dict_row

from synclogs.provider.http_exchange import Answer as Reply
from synclogs.provider.http_exchange import Limits, Request, send, trusted
from tests import factories, reenabling, server
from tests.server import ROOT, Answer, Served, free_port, wait

AGO = timedelta(minutes=30)
CSRF = "c" * 32
WORKER = ("worker", "--concurrency", "6")


@dataclass
class House:
    directory: Path
    environment: dict[str, str]
    served: Served
    provider: str
    worker: subprocess.Popen[bytes] | None = None

    # The provider.

    def steer(self, method: str, path: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if body else b""
        answer: Reply = send(
            Request(method, f"{self.provider}/_simulator/{path}", {}, data), limits=Limits(), tls=trusted()
        )
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def posts(self, sync_id: str) -> int:
        return sum(call["method"] == "POST" and sync_id in call["path"] for call in self.calls())

    def calls(self) -> list[dict[str, Any]]:
        return list(self.steer("GET", "calls")["calls"])

    # The portal.

    def stopped(self, mode: str = "ok", *, only: str | None = None) -> str:
        """A sync of a customer of its own that stopped half an hour ago, and how the provider is about it."""
        sync_id = str(uuid.uuid4())
        user, integration = f"acct {sync_id[:6]}", f"i-{sync_id[:6]}"
        then = timezone.now() - AGO
        error = factories.error_entry(syncId=sync_id, userId=user, integration=integration, timestamp=then)
        assert self.served.push(json.dumps(error).encode()).status == 200
        known = {"userId": user, "integration": integration, "status": "ERRORED", "mode": mode}
        self.steer("PUT", f"syncs/{sync_id}", **known, **({"only": only} if only else {}))
        return sync_id

    def click(self, sync_id: str, **typed: str) -> Answer:
        """The form of the panel, as a browser sends it."""
        return self.submit(f"/p/alpha/syncs/{sync_id}/reenable", **typed)

    def submit(self, path: str, *, as_person: str = "", **typed: str) -> Answer:
        """A form, by the administrator or the person with this cookie."""
        body = urlencode({"csrfmiddlewaretoken": CSRF, "reason": "The customer has reconnected.", **typed}).encode()
        cookie = f"{as_person or self.served.cookie}; csrf={CSRF}"
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        return self.served.ask(path, method="POST", body=body, headers=headers, seconds=40)

    def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.served.database_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def attempt(self, sync_id: str) -> dict[str, Any]:
        """The only one of the sync."""
        (found,) = self.sql("SELECT * FROM synclogs_reenable WHERE sync_id = %(sync)s", sync=sync_id)
        return found

    def reaches(self, sync_id: str, *states: str, seconds: float = 45) -> dict[str, Any]:
        wait(lambda: self.attempt(sync_id)["state"] in states, seconds=seconds)
        return self.attempt(sync_id)

    def way(self, sync_id: str) -> list[str]:
        """The states that the attempt went through, by the audit."""
        rows = self.sql(
            "SELECT after->>'state' AS state FROM synclogs_auditevent WHERE object_text LIKE %(text)s"
            " AND action LIKE 'reenable%%' ORDER BY id",
            text=f"%{sync_id}%",
        )
        return [row["state"] for row in rows]

    def hire(self) -> None:
        """Another worker."""
        self.worker = started(self.directory, self.environment, *WORKER)

    def kill_worker(self) -> None:
        """As a crash does: nothing that it was about is finished."""
        if self.worker:
            self.worker.kill()
            self.worker.wait()


def started(directory: Path, environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    with (directory / f"{arguments[0]}.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output
        )


def ended(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def house(
    directory: Path, name: str, *, settings: Callable[[str], Mapping[str, str]] = reenabling.environment
) -> Iterator[House]:
    """`settings`: the environment that chooses the simulated provider at this address."""
    with ExitStack() as stack:
        url = stack.enter_context(server.own_database(name))
        made = stack.enter_context(without_worker(directory, url, settings=settings))
        made.hire()
        wait(lambda: made.served.ask("/readyz").status == 200)
        yield made


@contextmanager
def without_worker(
    directory: Path, url: str, *, settings: Callable[[str], Mapping[str, str]] = reenabling.environment
) -> Iterator[House]:
    """The same on the database at `url`, whatever is in it; who hires a worker has it killed at the end."""
    port = free_port()
    provider = f"http://127.0.0.1:{port}"
    provided = settings(provider)
    with ExitStack() as stack:
        served = stack.enter_context(server.serve(directory, database_url=url, workers=1, **provided))
        environment = {**os.environ, **server.PRODUCTION, **provided, "DATABASE_URL": url}
        known = {"SIMULATOR_PORTAL_URL": f"http://127.0.0.1:{served.port}", "SIMULATOR_PORTAL_KEY": served.key}
        pace = ("--start", "0.1", "--run", "0.2", "--every", "0", "--project", "alpha")
        simulator = started(directory, environment | known, "simulate_provider", "--port", str(port), *pace)
        stack.callback(ended, simulator)
        made = House(directory, environment, served, provider)
        stack.callback(made.kill_worker)
        wait(lambda: "answers at" in (directory / "simulate_provider.log").read_text())
        yield made
