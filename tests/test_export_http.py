"""Exports over HTTP: constant memory, slow readers, readers that leave, and broken-off files."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import server
from tests.factories import entry
from tests.server import Served, wait

pytestmark = pytest.mark.slow
ENTRIES = 30_000
TEXT = 3_000
MIB = 1024 * 1024
# Copies of the one entry that was sent, a microsecond apart; their texts are small on disk.
FILL = f"""
INSERT INTO synclogs_logentry (key, project_id, occurred_at, received_at, level, category, sync_id, entry_id, type, event,
    trace_id, integration, pipeline, sync_type, status, credential_id, error_code, recoverability, user_id, message, detail)
SELECT gen_random_uuid(), project_id, occurred_at + number * interval '1 microsecond', received_at, level, category, sync_id,
    'copy-' || number, type, event, trace_id, integration, pipeline, sync_type, status, credential_id, error_code,
    recoverability, user_id, repeat('x', {TEXT}), detail
FROM synclogs_logentry, generate_series(1, {ENTRIES - 1}) AS number
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        server.own_database("export") as url,
        server.serve(tmp_path_factory.mktemp("export"), database_url=url, workers=1) as served,
    ):
        assert served.push(json.dumps(entry()).encode()).status == 200
        sql(served, FILL)
        yield served


def sql(served: Served, statement: str) -> list[Any]:
    with psycopg.connect(served.database_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@contextmanager
def opened(served: Served, format: str = "ndjson") -> Iterator[http.client.HTTPResponse]:
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
        connection.request("GET", f"/p/alpha/logs/export?format={format}&since=7d", headers={"Cookie": served.cookie})
        with connection.getresponse() as response:
            assert response.status == 200
            yield response


def read_on(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while part := response.read(MIB):
        yield part


def state(served: Served) -> str:
    return str(sql(served, "SELECT state FROM synclogs_export ORDER BY id DESC LIMIT 1")[0][0])


def busy_sessions(served: Served) -> list[Any]:
    """What the portal's database connections do that an idle one does not."""
    return sql(
        served,
        "SELECT state, query FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'",
    )


@pytest.mark.parametrize("format", ["ndjson", "csv"])
def test_memory_does_not_grow_with_the_file(served: Served, format: str) -> None:
    (worker,) = served.workers()
    served.page("/p/alpha/logs/export")
    status = Path(f"/proc/{worker}/status")
    Path(f"/proc/{worker}/clear_refs").write_text("5")
    before = peak(status)
    size = lines = 0
    with opened(served, format) as response:
        for part in read_on(response):
            size += len(part)
            lines += part.count(b"\n")
    assert lines == ENTRIES + (format == "csv")
    assert size > ENTRIES * TEXT
    assert peak(status) - before < 40 < size // MIB
    assert state(served) == "finished"


def peak(status: Path) -> int:
    return int(status.read_text().partition("VmHWM:")[2].split()[0]) // 1024


def test_a_slow_reader_holds_nothing_and_one_who_leaves_stops_it(served: Served) -> None:
    with opened(served) as response:
        response.read(MIB)
        wait(lambda: not busy_sessions(served))  # it waits for the reader
        time.sleep(0.5)
        assert state(served) == "running"
        assert busy_sessions(served) == []
        assert served.page("/p/alpha/logs").status == 200
    wait(lambda: state(served) == "stopped")
    wait(lambda: not busy_sessions(served))


def test_what_breaks_off_is_cut_off(served: Served) -> None:
    with opened(served) as response:
        response.read(MIB)
        wait(lambda: not busy_sessions(served))
        sql(served, "ALTER TABLE synclogs_logentry RENAME TO away")
        try:
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                list(read_on(response))
            wait(lambda: state(served) == "failed")
        finally:
            sql(served, "ALTER TABLE away RENAME TO synclogs_logentry")
    assert served.page("/p/alpha/logs/export").status == 200
