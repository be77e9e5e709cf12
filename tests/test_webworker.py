"""The web worker from outside: raw bytes in, what comes back; with the configuration that production uses."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent
CLOSE = b"Host: x\r\nConnection: close\r\n"
CHUNKED = b"POST / HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    number = free_port()
    log = tmp_path_factory.mktemp("web") / "log"
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "tests.programs.echo:application"]
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres").geturl()  # a database that is there already
    environment = os.environ | {"HOST": "127.0.0.1", "PORT": str(number), "WEB_CONCURRENCY": "1", "DATABASE_URL": url}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", number), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield number
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
    for line in log.read_text().splitlines():
        assert json.loads(line)["level"] in {"info", "error"}


def ask(port: int, *parts: bytes, half_close: bool = False) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the last answer on a connection that the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while data := connection.recv(64 * 1024):
            received += data
    head, _, body = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


def test_bodies_arrive_whole_in_either_framing(port: int):
    assert ask(port, b"POST / HTTP/1.1\r\n" + CLOSE + b"Content-Length: 5\r\n\r\nhello")[2] == b"5 bytes over http"
    assert ask(port, CHUNKED, b"5\r\nhello\r\n", b"3;a=b\r\nabc\r\n0\r\n\r\n")[2] == b"8 bytes over http"
    assert ask(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n")[2] == b"0 bytes over http"


def test_a_body_that_ends_early_is_short_or_an_error_and_never_whole(port: int):
    short = b"POST / HTTP/1.1\r\n" + CLOSE + b"Content-Length: 50\r\n\r\nhello"
    assert ask(port, short, half_close=True)[2] == b"5 bytes over http"
    assert ask(port, CHUNKED + b"50\r\nhello", half_close=True)[2] == b"BrokenBody"
    assert ask(port, CHUNKED + b"5\r\nhello\r\n", half_close=True)[2] == b"BrokenBody"
    assert ask(port, CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n")[2] == b"BrokenBody"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST / HTTP/1.1\r\n" + CLOSE + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + CLOSE + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
        (b"POST / HTTP/1.1\r\n" + CLOSE + b"Content-Length: -5\r\n\r\n", 400),
        (b"\x16\x03\x01 canary-secret\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),  # no Host
        (b"get / HTTP/1.1\r\n" + CLOSE + b"\r\n", 400),
        (b"GET / HTTP/9.9\r\n" + CLOSE + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + CLOSE + b"X\x00: canary-secret\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + CLOSE + b"X: a\r\n canary-secret\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + CLOSE + b"\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + CLOSE + b"X: " + b"a" * 17000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + CLOSE + b"".join(b"X-%d: a\r\n" % n for n in range(110)) + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\n" + CLOSE + b"Expect: canary-secret\r\nContent-Length: 0\r\n\r\n", 417),
        (b"GET /broken HTTP/1.1\r\n" + CLOSE + b"\r\n", 500),
    ],
)
def test_what_the_server_itself_refuses_is_a_problem_document(port: int, request_bytes: bytes, status: int):
    code, headers, body = ask(port, request_bytes)
    assert code == status
    assert headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(json.loads(body))
    assert json.loads(body)["request_id"] == headers["X-Request-ID"]
    assert b"secret" not in body


@pytest.mark.parametrize("framing", [CLOSE, b"Host: x\r\n"])
def test_an_answer_before_the_body_was_read_is_not_destroyed(port: int, framing: bytes):
    head = b"POST /early HTTP/1.1\r\n" + framing + b"Content-Length: 8000000\r\n\r\n"
    assert ask(port, head, b"x" * 8_000_000)[::2] == (401, b"early")


def test_no_version_and_no_trust_in_forwarded_headers(port: int):
    _, headers, body = ask(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"X-Forwarded-Proto: https\r\n\r\n")
    assert headers["Server"] == "gunicorn"
    assert body == b"0 bytes over http"


def test_a_client_that_never_finishes_its_headers_is_dropped(port: int):
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET / HT")
        assert connection.recv(100) == b""
    assert 3 < time.monotonic() - began < 10


def test_requests_that_wait_for_the_database_do_not_wait_for_each_other(port: int):
    """One worker: its greenlets share it only if psycopg waits the way gevent can see."""
    request = b"GET /sleep HTTP/1.1\r\n" + CLOSE + b"\r\n"
    ask(port, request)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(port, request)[::2], range(8)))
    assert time.monotonic() - began < 3
    assert {status for status, _ in answers} == {200}
    assert all(waited.startswith(b"wait_") and waited != b"wait_c" for _, waited in answers)


def test_a_hundred_slow_clients_leave_the_door_open(port: int):
    slow = []
    try:
        for _ in range(100):
            connection = socket.create_connection(("127.0.0.1", port), timeout=20)
            connection.sendall(b"POST / HTTP/1.1\r\n" + CLOSE + b"Content-Length: 100\r\n\r\nx")
            slow.append(connection)
        began = time.monotonic()
        assert ask(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n")[0] == 200
        assert time.monotonic() - began < 5  # each of them has thirty
    finally:
        for connection in slow:
            connection.close()
