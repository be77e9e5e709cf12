"""The portal's own logs: one JSON object a line whatever was sent, without secrets."""

import io
import json
import logging
import logging.config
import signal
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest
import structlog
from django.db import IntegrityError

from portal.log_format import logging_config
from tests import server
from tests.factories import PASSWORD, entry
from tests.server import Served

CANARY = "canary7f3a"
FORGED = f'\r\n{{"event": "forged {CANARY}"}}\n\x1b[31m\x00\u2028'
KEY = f"ssp_{CANARY}xx_{'s' * 38}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("logs")
    with (
        server.own_database("logs") as url,
        server.serve(
            directory, database_url=url, workers=1, LOG_LEVEL="DEBUG", METRICS_TOKEN=f"metrics {CANARY}"
        ) as served,
    ):
        yield served


def raw(served: Served, request: bytes) -> None:
    """Bytes that no client library would send; whatever comes back."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def sign_in(served: Served, **fields: str) -> int:
    page = served.ask("/accounts/login/")
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    token = page.body.partition(b'name="csrfmiddlewaretoken" value="')[2].partition(b'"')[0].decode()
    body = urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    return served.ask("/accounts/login/", method="POST", body=body, headers=form).status


def provoke(served: Served) -> None:
    """Secrets at every place of a request, in requests that succeed and in those that fail."""
    secret = {
        "Authorization": f"Bearer {KEY}",
        "Cookie": f"session={CANARY}; csrf={CANARY}; other={CANARY}",
        "X-Api-Key": CANARY,
        "User-Agent": CANARY,
        "Referer": f"https://portal.example/{CANARY}?token={CANARY}",
        "Origin": f"https://{CANARY}.example",
        "X-Forwarded-For": CANARY,
        "X-Forwarded-Host": CANARY,
        "X-Request-ID": f"{CANARY} {CANARY}",
        "Accept-Language": CANARY,
        "HX-Current-URL": f"https://x/p/alpha/logs?user={CANARY}",
    }
    query = urlencode({"token": CANARY, "since": CANARY, CANARY: "1", "level": FORGED})
    mine = {**secret, "Cookie": f"{served.cookie}; other={CANARY}"}
    paths = (
        "",
        "logs",
        "syncs",
        "users",
        "search",
        f"users/{CANARY}",
        f"syncs/{CANARY}",
        f"traces/{quote(FORGED)}",
        CANARY,
    )
    for path in (
        *(f"/p/alpha/{path}" for path in paths),
        f"/p/{CANARY}/logs",
        "/admin/synclogs/logentry/",
        f"/{CANARY}",
    ):
        for headers in (secret, mine):
            for method in ("GET", "POST", "DELETE", CANARY.upper()):
                assert served.ask(f"{path}?{query}", method=method, body=CANARY.encode(), headers=headers).status < 500
    assert served.ask(f"/admin/synclogs/sync/?{CANARY}=1", headers={"Cookie": served.cookie}).status < 500
    bodies = (
        json.dumps(entry(message=CANARY, id=CANARY, error={"message": FORGED})).encode(),
        json.dumps([entry(level=CANARY), {CANARY: CANARY}]).encode(),
        f'{{"id": "{CANARY}'.encode(),
        CANARY.encode() + b"\xff",
    )
    for body in bodies:
        for key in (served.key, KEY):
            for kind in (
                "application/json",
                "application/x-ndjson",
                f"text/{CANARY}",
                f"application/json; charset={CANARY}",
            ):
                headers = {
                    **secret,
                    "Authorization": f"Bearer {key}",
                    "Content-Type": kind,
                    "Content-Encoding": "identity",
                }
                served.ask(f"/api/v1/logs?key={CANARY}", method="POST", body=body, headers=headers)
    served.ask(
        "/api/v1/logs",
        method="POST",
        body=b"x",
        headers={"Authorization": f"Bearer {served.key}", "Content-Encoding": CANARY},
    )
    for path in ("logs", f"logs/{CANARY}", f"users/{CANARY}", f"nothing/{CANARY}", f"webhooks/managed-sync/{CANARY}"):
        served.ask(f"/api/v1/{path}?{query}", headers={**secret, "Authorization": f"Bearer {served.key}"})
    served.ask("/metrics", headers={"Authorization": f"Bearer {CANARY}"})
    assert served.ask("/metrics", headers={"Authorization": f"Bearer metrics {CANARY}"}).status == 200


def provoke_sign_in(served: Served) -> None:
    assert sign_in(served, username="served", password=PASSWORD, next=f"/?{CANARY}") == 302
    assert sign_in(served, username="served", password=CANARY) == 200
    assert sign_in(served, username=CANARY, password=CANARY) == 200  # a password typed into the wrong field
    assert sign_in(served, username=FORGED, password=FORGED, extra=CANARY) == 200
    form = {"Content-Type": f"multipart/form-data; boundary={CANARY * 20}", "Referer": f"https://{CANARY}/"}
    served.ask("/accounts/login/", method="POST", body=CANARY.encode(), headers=form)
    served.ask("/accounts/login/", method="POST", body=b"x=" + CANARY.encode() * 300_000, headers=form)


def provoke_raw(served: Served) -> None:
    host = b"Host: 127.0.0.1\r\n"
    for request in (
        b"\x16\x03\x01" + CANARY.encode() + b"\r\n\r\n",
        b"GET /" + CANARY.encode() * 1000 + b" HTTP/1.1\r\n" + host + b"\r\n",
        b"GET / HTTP/1.1\r\n" + host + b"X-" + CANARY.encode() + b"\x00: " + CANARY.encode() + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + host + b"X: " + CANARY.encode() * 3000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: " + CANARY.encode() + b".example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \x1b" + CANARY.encode() + b"\r\n\r\n",
        b"GET /%0d%0a%1b" + CANARY.encode() + b"\x1b\xff HTTP/1.1\r\n" + host + b"\r\n",
        b"POST /api/v1/logs HTTP/1.1\r\n" + host + b"Transfer-Encoding: " + CANARY.encode() + b"\r\n\r\n",
        b"POST /api/v1/logs HTTP/1.1\r\n" + host + b"Content-Length: " + CANARY.encode() + b"\r\n\r\n",
        b"POST /api/v1/logs HTTP/1.1\r\n" + host + b"Expect: " + CANARY.encode() + b"\r\nContent-Length: 0\r\n\r\n",
        b"GET http://" + CANARY.encode() + b"@127.0.0.1/ HTTP/1.1\r\n" + host + b"\r\n",
    ):
        raw(served, request)


@pytest.mark.slow
def test_no_secret_and_no_forged_line_reaches_the_log(served: Served) -> None:
    provoke(served)
    provoke_sign_in(served)
    provoke_raw(served)
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(35) == 0
    lines = served.lines()
    assert len(lines) > 50
    for line in lines:
        told = json.loads(line)
        assert {"event", "level", "logger", "timestamp"} <= set(told)
        assert CANARY not in line.lower(), line
        assert served.key not in line
        assert served.cookie.partition("=")[2] not in line
        assert PASSWORD not in line
        assert "forged" not in line
    assert {json.loads(line).get("status") for line in lines} >= {400, 404, 405}


# The format by itself.


@pytest.fixture
def told() -> Iterator[Any]:
    """A logger in our format, and what it has written so far, parsed."""
    stream = io.StringIO()
    formatter = logging_config("INFO")["formatters"]["json"]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(**{key: formatter[key] for key in formatter if key != "()"})
    )
    logger = logging.getLogger("portal.tests.format")
    logger.addHandler(handler)
    logger.propagate = False
    yield SimpleNamespace(logger=logger, lines=lambda: [json.loads(line) for line in stream.getvalue().splitlines()])
    logger.removeHandler(handler)


def failing(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except type(error) as raised:
        return raised


@pytest.mark.parametrize("kind", [IntegrityError, psycopg.errors.UniqueViolation, psycopg.OperationalError])
def test_a_databases_words_stay_out_and_the_place_of_the_fault_is_there(told: Any, kind: type[Exception]) -> None:
    error = failing(RuntimeError("what we say"), kind(f"DETAIL: Key (email)=({CANARY}) already exists."))
    told.logger.error("It broke", exc_info=error)
    (line,) = told.lines()
    assert CANARY not in json.dumps(line)
    assert kind.__name__ in line["exception"]
    assert "builtins.RuntimeError: what we say" in line["exception"]
    assert "in failing" in line["exception"]


def test_a_line_about_a_request_tells_its_route_and_not_its_address(told: Any) -> None:
    request = SimpleNamespace(path=f"/{CANARY}", resolver_match=SimpleNamespace(route="p/<slug:project>/users/<id>"))
    more = {"status_code": 404, "request": request}
    told.logger.warning("%s: %s", "Not Found", request.path, extra=more, exc_info=failing(ValueError(CANARY)))
    told.logger.warning("odd", extra={"status_code": 299, "request": SimpleNamespace()})
    first, second = told.lines()
    assert (first["event"], first["status"], first["route"]) == ("Not Found", 404, "p/<slug:project>/users/<id>")
    assert "exception" not in first
    assert (second["event"], second["route"]) == ("Answered", "")


def test_causes_that_go_round_come_to_an_end(told: Any) -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    told.logger.error("loop", exc_info=first)
    assert told.lines()[0]["exception"].count("ValueError") == 10


@pytest.mark.parametrize("text", [FORGED, "\x1b[2J\x9b", "\r\r\n\n", "\u2028\u2029\x85"])
def test_a_text_never_becomes_a_line(told: Any, text: str) -> None:
    told.logger.warning("before %s after", text)
    told.logger.warning("next")
    first, second = told.lines()
    assert first["event"] == f"before {text} after"
    assert second["event"] == "next"
