"""Attacks by clients without permission, over HTTP on two real web processes."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from tests import server
from tests.server import Answer, Served

pytestmark = pytest.mark.slow
TRIES = 400
CSRF = "c" * 32
TOLD = """
SELECT (SELECT count(*) FROM synclogs_auditevent WHERE action = %(action)s AND after IS NULL),
    (SELECT coalesce(sum((after->>'more')::int), 0) FROM synclogs_auditevent WHERE action = %(action)s)
    + (SELECT coalesce(sum(count - 1), 0) FROM synclogs_denial WHERE action = %(action)s),
    (SELECT count(DISTINCT minute) FROM synclogs_denial WHERE action = %(action)s)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory: Path = tmp_path_factory.mktemp("doors")
    with server.own_database("doors") as url, server.serve(directory, database_url=url, workers=2) as found:
        yield found


def told(served: Served, action: str) -> tuple[int, int, int]:
    """First rows, how many more are counted or told of, and in how many minutes."""
    with psycopg.connect(served.database_url) as connection:
        found: Any = connection.execute(TOLD, {"action": action}).fetchone()
    return found[0], int(found[1]), found[2]


def sign_in(served: Served, number: int) -> Answer:
    fields = {"username": f"name-{number % 50}", "password": "", "csrfmiddlewaretoken": CSRF}
    headers = {"Cookie": f"csrf={CSRF}", "Content-Type": "application/x-www-form-urlencoded"}
    return served.ask("/accounts/login/", method="POST", body=urlencode(fields).encode(), headers=headers)


def test_failed_sign_ins_do_not_flood_the_audit(served: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: sign_in(served, number), range(TRIES)))
    assert {answer.status for answer in answers} <= {200, 429}
    first, more, minutes = told(served, "sign_in_failed")
    assert first == minutes <= 3
    assert first + more == TRIES  # each is counted, whichever process answered


def test_guessed_keys_do_not_either(served: Served) -> None:
    forged = f"{served.key[:17]}{'x' * 38}"  # the id is no secret
    asks = [("/api/v1/logs", {"Authorization": f"Bearer {forged}"})] * 60
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda ask: served.ask(ask[0], headers=ask[1]), asks))
    assert {answer.status for answer in answers} == {401}
    first, more, minutes = told(served, "key_refused")
    assert first == minutes <= 2
    assert first + more == len(asks)
    with psycopg.connect(served.database_url) as connection:
        rows = connection.execute("SELECT object_text, project_id, a::text FROM synclogs_auditevent a").fetchall()
    refused = [row for row in rows if row[0].startswith("ssp_")]
    assert {row[:2] for row in refused} == {(served.key[:16], served.project)}
    assert not any("xxxx" in row[2] for row in refused)


def test_what_is_closed_stays_closed_behind_a_proxy_that_says_nothing(served: Served) -> None:
    """A proxy on this machine: the socket's address is 127.0.0.1, and no header tells of anybody else."""
    for path in ("/metrics", "/api/v1/schema", "/api/v1/docs"):
        refused = served.ask(path)
        assert refused.status == 401
        assert refused.headers["Content-Type"] == "application/problem+json"
    assert "METRICS_TOKEN" in served.ask("/metrics").json()["detail"]
    assert served.page("/api/v1/docs").status == 200
    with_key = served.ask("/api/v1/schema", headers={"Authorization": f"Bearer {served.key}"})
    assert with_key.json()["openapi"].startswith("3.1")


def test_no_foreign_page_starts_an_export(served: Served) -> None:
    start = "/p/alpha/logs/export?format=csv"
    foreign = {"Cookie": served.cookie, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    for more in ({"Sec-Fetch-Dest": "document"}, {"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}):
        assert served.ask(start, headers={**foreign, **more}).status == 403
    with psycopg.connect(served.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM synclogs_export").fetchone() == (0,)
    assert served.page(start).status == 200  # a script with the cookie


def test_who_reads_slowly_holds_no_connection_to_the_database(served: Served) -> None:
    """More of them than two processes have connections; each has answers on the way that it does not take."""
    head = f"GET /api/v1/schema HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {served.key}\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(30):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", served.port))
            reader.sendall(head.encode() * 100)
            time.sleep(0.1)
        time.sleep(12)  # until their buffers are full
        assert [served.page("/p/alpha/syncs").status for _ in range(6)] == [200] * 6
