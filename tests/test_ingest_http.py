"""Ingest through the real web server, by raw bytes: framing, early answers, many slow senders, a database that is away."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from synclogs.models import AuditEvent, Denial, LogEntry, Project, RateBucket, Scope
from tests import factories
from tests.factories import entry

# The server sees only what is committed: what the fixture makes, not what a test makes.
pytestmark = [pytest.mark.slow, pytest.mark.django_db]
RATE = 20
OF_PROJECT = 120
ROOT = Path(__file__).resolve().parent.parent
MEBIBYTE = 1024 * 1024


@dataclass
class Web:
    port: int
    key: str = ""
    limited_key: str = ""
    many_keys: tuple[str, ...] = ()  # of a project of their own; the last has RATE
    database_url: str = ""
    log: Path = Path()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def head(self, *lines: str, method: str = "POST", path: str = "/api/v1/logs", key: str | None = None) -> bytes:
        key = self.key if key is None else key
        usual = [f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
        return "\r\n".join([*usual, *([f"Authorization: Bearer {key}"] if key else []), *lines, "", ""]).encode(
            "latin-1"
        )

    def ask(self, *parts: bytes, half_close: bool = False) -> tuple[int, dict[str, str], Any]:
        with self.connect() as peer:
            for part in parts:
                peer.sendall(part)
            if half_close:
                peer.shutdown(socket.SHUT_WR)
            return answer(peer)


def answer(peer: socket.socket) -> tuple[int, dict[str, str], Any]:
    """One response off a connection: status, headers (in lower case) and the body, read as JSON where it is that."""
    stream = peer.makefile("rb")
    while True:
        status = int(stream.readline().split()[1])
        headers: dict[str, str] = {}
        while line := stream.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if status != 100:
            break
    body = stream.read(int(headers["content-length"])) if "content-length" in headers else stream.read()
    return status, headers, json.loads(body) if "json" in headers.get("content-type", "") else body


@contextmanager
def serving(log: Path, **environment: str) -> Iterator[Web]:
    """A web server of its own process on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "portal.wsgi:application"]
    more = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "DEBUG": "0",
        "PORTAL_DEMO": "1",
        **environment,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | more, stdout=output, stderr=output)
    web = Web(port, log=log)
    try:
        for _ in range(200):
            try:
                if web.ask(web.head(method="GET", path="/healthz"))[0] == 200:
                    break
            except OSError:
                time.sleep(0.1)
        yield web
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)


@pytest.fixture(scope="module")
def web(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Web]:
    """The server on the database of the tests, with a project and a key that stay for the module."""
    with django_db_blocker.unblock():
        project = factories.ProjectFactory(slug="over-http")
        text = factories.api_key(project, Scope.LOGS_WRITE, Scope.LOGS_READ)[1]
        limited = factories.api_key(project, requests_per_minute=RATE)[1]
        other = factories.ProjectFactory(slug="many-keys")
        many = tuple(factories.api_key(other, requests_per_minute=rate)[1] for rate in (None, None, RATE))
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        try:
            with serving(tmp_path_factory.mktemp("web") / "log", DATABASE_URL=url) as running:
                running.key, running.limited_key = text, limited
                running.many_keys, running.database_url = many, url
                yield running
        finally:
            Project.objects.filter(pk__in=[project.pk, other.pk]).delete()
            LogEntry.objects.filter(project=project.pk)._raw_delete("default")
            for left in (RateBucket, Denial, AuditEvent):  # refused keys are told of in the audit
                left.objects.all().delete()
            connection.close()


def stored(*identifiers: str) -> set[str]:
    """Which of these ids are in the database."""
    return set(LogEntry.objects.filter(entry_id__in=identifiers).values_list("entry_id", flat=True))


def body_of(*names: str) -> bytes:
    return json.dumps([entry(id=name) for name in names]).encode()


def length(body: bytes) -> str:
    return f"Content-Length: {len(body)}"


def chunks(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_a_body_by_length_and_by_chunks(web: Web):
    body = body_of("whole")
    assert web.ask(web.head(length(body)), body)[2]["accepted"] == 1
    body = body_of("in-chunks-1", "in-chunks-2")
    status, headers, account = web.ask(web.head("Transfer-Encoding: chunked"), chunks(body, 7))
    assert (status, account["accepted"]) == (200, 2)
    assert headers["ratelimit-policy"].startswith('"default"')
    assert stored("whole", "in-chunks-1", "in-chunks-2") == {"whole", "in-chunks-1", "in-chunks-2"}


def test_one_connection_takes_many_requests(web: Web):
    body = body_of("again")
    with web.connect() as peer:
        for accepted in (1, 0, 0):
            peer.sendall(web.head(length(body)) + body)
            assert answer(peer)[2]["accepted"] == accepted


def test_a_body_cut_off_stores_nothing(web: Web):
    """Each of these is whole JSON up to where it ends, so only the framing tells that something is missing."""
    whole = body_of("cut")
    cut = whole + b" " * 20
    assert web.ask(web.head(length(cut)), whole, half_close=True)[0] == 400
    assert web.ask(web.head("Transfer-Encoding: chunked"), chunks(whole, 50)[:-5], half_close=True)[0] == 400
    assert web.ask(web.head("Transfer-Encoding: chunked"), b"%x\r\n" % len(cut) + whole, half_close=True)[0] == 400
    with web.connect() as peer:  # gone without a word
        peer.sendall(web.head(length(cut)) + whole)
    assert web.ask(web.head(method="GET", path="/healthz"))[0] == 200
    assert stored("cut") == set()


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: five",),
        ("Content-Length: -1",),
        ("Content-Length: +2",),
        ("Transfer-Encoding: chunked, chunked",),
        ("Transfer-Encoding : chunked",),
    ],
)
def test_framing_in_two_minds_is_refused(web: Web, lines):
    status, headers, problem = web.ask(web.head(*lines), b"0\r\n\r\n[]")
    assert status in (400, 501)
    assert headers["content-type"] == "application/problem+json"
    assert problem["status"] == status


def test_no_length_is_411_and_none_at_all_400(web: Web):
    assert web.ask(web.head())[0] == 411
    assert web.ask(web.head("Content-Length: 0"))[2]["code"] == "empty_body"
    assert web.ask(web.head("Transfer-Encoding: chunked"), b"0\r\n\r\n")[2]["code"] == "empty_body"


def test_the_wire_limit_over_chunks_and_length(web: Web):
    exact = body_of("large").ljust(5 * MEBIBYTE)
    assert web.ask(web.head("Transfer-Encoding: chunked"), chunks(exact, 100_000))[0] == 200
    assert web.ask(web.head("Transfer-Encoding: chunked"), chunks(exact + b" ", 100_000))[0] == 413
    assert web.ask(web.head(length(exact + b" ")), exact + b" ")[0] == 413


def test_an_answer_before_the_body_arrives_whole_and_closes(web: Web):
    for key, status in (("", 401), ("ssp_wrong", 401), (None, 415)):
        head = web.head("Content-Length: 3000000", "Content-Encoding: br", key=key)
        found, headers, problem = web.ask(head, b"x" * 3_000_000)
        assert (found, problem["status"], headers["connection"]) == (status, status, "close")


def test_expect_continue(web: Web):
    body = body_of("expected")
    with web.connect() as peer:
        peer.sendall(web.head(length(body), "Expect: 100-continue"))
        assert peer.recv(100).startswith(b"HTTP/1.1 100")
        peer.sendall(body)
        assert answer(peer)[2]["accepted"] == 1
    assert web.ask(web.head(length(body), "Expect: 100-continue", key=""), body)[0] == 401


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=hex",
        "application/json; charset=\x00",
        "x" * 12_000,
        "application/json; charset*=x''y",
        "a; b*0*=%ff",
    ],
)
def test_no_content_type_is_a_fault_of_ours(web: Web, content_type):
    line = f"Content-Type: {content_type}"
    get = (
        f"GET /api/v1/logs?user=%C3%BC HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {web.key}\r\n{line}\r\n\r\n"
    )
    assert web.ask(get.encode())[0] in (200, 400, 431)
    post = f"POST /api/v1/logs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {web.key}\r\n{line}\r\nContent-Length: 2\r\n\r\n[]"
    assert web.ask(post.encode())[0] in (400, 415, 431)


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "CONNECT", "PURGE", "DELETE"])
def test_other_methods(web: Web, method):
    status, headers, problem = web.ask(web.head("Content-Length: 0", method=method))
    assert status == 405
    assert set(headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert problem["status"] == 405


def test_slow_senders_hold_neither_the_door_nor_the_database(web: Web):
    """More of them than the pool has connections; each has shown its key and then sends nothing more."""
    body = body_of("quick")
    peers = []
    try:
        for _ in range(40):
            peer = web.connect()
            peer.sendall(web.head("Content-Length: 1000") + b"[")
            peers.append(peer)
        for _ in range(3):
            assert web.ask(web.head(length(body)), body)[0] == 200
        assert web.ask(web.head(method="GET"))[0] == 200
    finally:
        for peer in peers:
            peer.close()


def test_eight_senders_of_one_batch_at_once(web: Web):
    names = [f"eight-{number}" for number in range(200)]
    body = body_of(*names)

    def send(_: int) -> tuple[int, Any, Any]:
        """Whoever is told to come back does so; on a busy machine eight at once are more than wait for their turn."""
        for _try in range(20):
            answer = web.ask(web.head(length(body)), body)
            if answer[0] != 503:
                break
            assert int(answer[1]["retry-after"]) > 0
            time.sleep(0.5)
        return answer

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert [status for status, _, _ in answers] == [200] * 8
    assert sum(account["accepted"] for _, _, account in answers) == 200
    assert sum(account["duplicates"] for _, _, account in answers) == 7 * 200
    assert stored(*names) == set(names)


def test_the_rate_is_exact_over_connections(web: Web):
    head = web.head("Content-Length: 2", key=web.limited_key)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: web.ask(head, b"[]")[0], range(2 * RATE)))
    assert RATE <= statuses.count(200) <= RATE + 2  # one comes back every three seconds
    assert statuses.count(429) == 2 * RATE - statuses.count(200)


def test_a_projects_rate_is_one_over_four_web_processes_and_all_of_its_keys(web: Web, tmp_path: Path):
    """Exact, but for what comes back meanwhile; a key far over a rate of its own takes no more of it than that."""
    more = {"DATABASE_URL": web.database_url, "WEB_CONCURRENCY": "4", "PROJECT_REQUESTS_PER_MINUTE": str(OF_PROJECT)}
    with serving(tmp_path / "log", **more) as four, ThreadPoolExecutor(12) as pool:
        began = time.monotonic()
        heads = [four.head("Content-Length: 2", key=text) for text in web.many_keys] * OF_PROJECT
        statuses = list(pool.map(lambda head: four.ask(head, b"[]")[0], heads))
        back = (time.monotonic() - began) / 60
    loud = statuses[2::3].count(200)
    assert 1 <= loud <= RATE * (1.05 + back)
    assert OF_PROJECT * 0.95 <= statuses.count(200) <= OF_PROJECT * (1.05 + back)
    assert statuses.count(429) == len(statuses) - statuses.count(200)


def test_health(web: Web):
    assert web.ask(web.head(method="GET", path="/healthz"))[2] == {"status": "ok"}
    status, _, told = web.ask(web.head(method="GET", path="/readyz"))
    assert told["checks"]["database"]
    assert told["checks"]["migrations"]
    assert (status, told["checks"]["worker"]) == (503, False)
    assert b"portal_syncs" in web.ask(web.head(method="GET", path="/metrics", key=""))[2] + b"portal_syncs"


def test_logs_are_json_lines_without_secrets(web: Web):
    secret = "canary-of-the-tests"
    head = web.head(
        f"Cookie: session={secret}",
        f"X-Secret: {secret}",
        "Content-Length: 30",
        path=f"/api/v1/logs?key={secret}",
        key=secret,
    )
    web.ask(head, f'{{"id": "{secret}\\n\\u001b"}}'.encode().ljust(30))
    for line in web.log.read_text().splitlines():
        assert "event" in json.loads(line), line
        assert secret not in line
        assert web.key not in line


def test_a_database_that_is_away(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with serving(tmp_path / "log", DATABASE_URL=f"postgresql://nobody@127.0.0.1:{port}/none") as away:
        head = away.head("Content-Length: 2", key="ssp_" + "a" * 12 + "_" + "b" * 38)
        for _ in range(2):
            status, headers, problem = away.ask(head, b"[]")
            assert (status, problem["status"]) == (503, 503)
            assert int(headers["retry-after"]) >= 1
        status, headers, told = away.ask(away.head(method="GET", path="/readyz"))
        assert (status, told["checks"]["database"]) == (503, False)
        assert away.ask(away.head(method="GET", path="/healthz"))[0] == 200
        assert away.ask(away.head(method="GET", path="/api/v1/nothing"))[0] == 404
    events = [json.loads(line)["event"] for line in away.log.read_text().splitlines()]
    assert "database unavailable" in events


def test_head_has_no_body_and_the_connection_goes_on(web: Web):
    with web.connect() as peer:
        for path in ("/api/v1/logs", "/api/v1/limits", "/api/v1/schema", "/api/v1/nothing", "/healthz"):
            peer.sendall(web.head(method="HEAD", path=path))
            stream = peer.makefile("rb")
            assert int(stream.readline().split()[1]) in (200, 404)
            while stream.readline().strip():
                pass
            peer.sendall(web.head(method="GET", path="/healthz"))
            assert answer(peer)[2] == {"status": "ok"}
