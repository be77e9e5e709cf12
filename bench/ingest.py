"""Ingest end to end over HTTP with one web process, beside a bare COPY of the same rows into the same table.

Batches of 1 000 entries, rounds interleaved. Both sides write into the same indexed, partitioned table.
"""

import http.client
import itertools
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from portal.runner import devdb
from synclogs.access import keys
from synclogs.ingestion import ingest
from synclogs.models import Project, Scope
from synclogs.parsing import records
from synclogs.storage import partitions

BATCH, BATCHES = 1000, 20
SENDERS = (1, 2)
TARGET = 0.35


def measure(*, rounds: int) -> bool:
    project, _ = Project.objects.get_or_create(slug="bench-ingest", defaults={"name": "Ingest"})
    now = datetime.now(UTC)
    partitions.ahead(now.date())
    key, text = keys.create(project, f"bench {now.isoformat()}", scopes=[Scope.LOGS_WRITE])
    key.requests_per_minute = 1_000_000
    key.save()
    stream = _stream(random.Random(), now)
    took: dict[int, list[float]] = {count: [] for count in (0, *SENDERS)}  # 0: bare COPY
    with web() as port:
        for number in range(rounds + 1):
            for count in took:
                bodies = list(itertools.islice(stream, BATCHES))
                seconds = _send(port, text, bodies, senders=count) if count else _copy(project, bodies, now)
                if number:  # the first round warms up
                    took[count].append(seconds)
    print(f"\nIngest over HTTP, one web process, {BATCHES} batches of {BATCH} a round, {rounds} rounds, medians")
    print(f"bare COPY into the same table: {BATCH * BATCHES / statistics.median(took[0]):,.0f} entries/s")
    good = True
    for count in SENDERS:
        ratios = [copied / sent for copied, sent in zip(took[0], took[count], strict=True)]
        met = statistics.median(ratios) >= TARGET
        good &= met
        print(
            f"{count} sending: {BATCH * BATCHES / statistics.median(took[count]):,.0f} entries/s, {statistics.median(ratios):.2f}"
            f" of bare COPY (rounds {min(ratios):.2f} to {max(ratios):.2f}; target {TARGET}){'' if met else '   missed'}"
        )
    return good


@contextmanager
def web(*, workers: int = 1) -> Iterator[int]:
    """gunicorn as `make run` starts it; yields its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "WEB_CONCURRENCY": str(workers)}
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "portal.wsgi:application"],
        cwd=devdb.ROOT,
        env=environment,
    )
    try:
        for _ in range(100):
            try:
                probe = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
                probe.request("GET", "/healthz")
                probe.getresponse().read()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _stream(dice: random.Random, now: datetime) -> Iterator[bytes]:
    """Batch after batch as time goes on, a minute each, up to the present."""
    for minute in itertools.count(-9 * 60):
        yield _batch(dice, now + timedelta(minutes=minute))


def _batch(dice: random.Random, at: datetime) -> bytes:
    """A thousand entries of about 610 bytes: 500 runs with start and end, six per cent warnings, two per cent errors."""
    entries = []
    for number in range(BATCH // 2):
        person = int(5000 * dice.random() ** 3)
        integration = dice.choice(("googledrive", "salesforce", "jira", "sharepoint", "hubspot", "notion"))
        common = {
            "type": "managed_sync",
            "syncId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{person}-{integration}")),
            "traceId": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
            "userId": f"acct_{person}",
            "integration": integration,
            "pipeline": "files",
            "syncType": "INCREMENTAL",
            "credentialId": str(uuid.uuid5(uuid.NAMESPACE_URL, str(person))),
        }
        moment = at + timedelta(milliseconds=97 * number)
        entries.append(_entry(dice, common, moment, "INFO", "INCREMENTAL_SYNC_STARTED", "ACTIVE", {}))
        luck, end = dice.random(), moment + timedelta(seconds=8)
        if luck < 0.04:
            error = {
                "recoverability": "NON_RECOVERABLE",
                "httpStatus": 401,
                "errorCode": "credential_expired",
                "message": "Sign in again",
            }
            entries.append(_entry(dice, common, end, "ERROR", "SYNC_RUN_ERROR", "ERRORED", {"error": error}))
        elif luck < 0.16:
            error = {
                "recoverability": "RECOVERABLE",
                "httpStatus": 429,
                "backoffMs": 30000,
                "attempt": 2,
                "maxAttempts": 5,
            }
            entries.append(_entry(dice, common, end, "WARN", "SYNC_RUN_RATE_LIMITED", "RATE_LIMITED", {"error": error}))
        else:
            summary = {
                "created": 4,
                "updated": 11,
                "deleted": 0,
                "totalProcessed": 15,
                "totalChanges": 15,
                "durationMs": 8210,
            }
            entries.append(
                _entry(dice, common, end, "INFO", "INCREMENTAL_SYNC_COMPLETED", "IDLE", {"summary": summary})
            )
    return json.dumps(entries).encode()


def _entry(
    dice: random.Random,
    common: dict[str, str],
    at: datetime,
    level: str,
    event: str,
    status: str,
    more: dict[str, object],
) -> dict[str, object]:
    return {
        "id": f"evt_{dice.getrandbits(96):x}",
        "timestamp": at.isoformat(timespec="milliseconds"),
        "level": level,
        **common,
        "syncEvent": event,
        "syncStatus": status,
        "message": f"{event.replace('_', ' ').capitalize()} for {common['integration']}",
        **more,
    }


def _copy(project: Project, bodies: list[bytes], now: datetime) -> float:
    """Seconds for COPY of ready lines straight into the table, a commit a batch."""
    blocks = []
    for body in bodies:
        keyed = {
            ingest.key_of(project.pk, record.entry_id, record.occurred_us): record
            for record in records.read_json(body, now=now).records
        }
        assert len(keyed) == BATCH
        blocks.append("".join(ingest.lines(ingest.Batch(project.pk, keyed, ingest.Arrival(now, None)))))
    began = time.perf_counter()
    for block in blocks:
        statement = f"COPY {ingest.TABLE} ({ingest.COLUMN_LIST}) FROM STDIN"
        with transaction.atomic(), connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(block)
    return time.perf_counter() - began


def _send(port: int, key: str, bodies: list[bytes], *, senders: int) -> float:
    """Seconds for the batches over that many kept-alive connections."""
    began = time.perf_counter()
    with ThreadPoolExecutor(senders) as pool:
        list(pool.map(lambda part: _send_one(port, key, part), [bodies[first::senders] for first in range(senders)]))
    return time.perf_counter() - began


def _send_one(port: int, key: str, bodies: list[bytes]) -> None:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    for body in bodies:
        client.request("POST", "/api/v1/logs", body, headers)
        response = client.getresponse()
        answer = json.load(response)
        assert response.status == 200, answer
        assert answer["accepted"] == BATCH, answer
    client.close()
