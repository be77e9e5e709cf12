"""A whole portal run by gunicorn as in production, in processes of its own, for tests from outside.

Takes a database URL and a directory for the log; gives a Served to send requests to, kill and stop.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
SECRET = "a secret of served tests and of nothing else: 0123456789abcdefghijklmnopqrstuvwxyz"
PRODUCTION = {
    "DEBUG": "0",
    "PORTAL_DEMO": "0",
    "HTTPS": "0",
    "SECRET_KEY": SECRET,
    "ALLOWED_HOSTS": "127.0.0.1",
    "DJANGO_SETTINGS_MODULE": "portal.settings",
}
SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    key: str
    cookie: str
    project: int
    database_url: str

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        seconds: float = SECONDS,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:
        """One request on a connection of its own. Raises OSError or HTTPException when the answer does not come whole."""
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            data = response.read()
            return Answer(response.status, dict(response.headers), data, time.monotonic() - began)
        finally:
            connection.close()

    def push(self, body: bytes, *, seconds: float = SECONDS) -> Answer:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        return self.ask("/api/v1/logs", method="POST", body=body, seconds=seconds, headers=headers)

    def page(self, path: str, *, seconds: float = SECONDS) -> Answer:
        return self.ask(path, seconds=seconds, headers={"Cookie": self.cookie})

    def workers(self) -> list[int]:
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

    def lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait(condition: Callable[[], bool], *, seconds: float = 30.0) -> float:
    """How long it took until the condition held; fails when that was too long."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began


def is_up(served: Served) -> bool:
    try:
        return served.ask("/healthz", seconds=2).status == 200
    except (OSError, http.client.HTTPException):
        return False


@contextmanager
def serve(
    directory: Path,
    *,
    database_url: str,
    workers: int = 2,
    application: str = "tests.programs.served:application",
    **more: str,
) -> Iterator[Served]:
    """Migrates the database and serves it until the end of the block, which is a SIGTERM."""
    environment = {**os.environ, **PRODUCTION, "DATABASE_URL": database_url}
    prepared = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.programs.prepare"],
        cwd=ROOT,
        env={**environment, "DATABASE_POOL": "0"},
        capture_output=True,
        check=False,
    )
    assert prepared.returncode == 0, prepared.stderr.decode()[-2000:]
    port = free_port()
    log = directory / "web.log"
    environment |= {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": str(workers),
        "DATABASE_POOL": "10",
        **more,
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", application]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    served = Served(process, port, log, database_url=database_url, **json.loads(prepared.stdout))
    try:
        wait(lambda: is_up(served) or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield served
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def own_database(name: str) -> Iterator[str]:
    """The URL of a fresh database on the server that the tests use."""
    url = urlsplit(os.environ["DATABASE_URL"])
    database = f"test_portal_{os.getpid()}_{name}"
    with psycopg.connect(url._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        try:
            yield url._replace(path=f"/{database}").geturl()
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))
