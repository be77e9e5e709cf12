"""Ingest end to end over HTTP with one web process, beside a bare COPY of the same rows into the same table.

Batches of 1 000 entries, rounds interleaved. Both sides write into the same indexed, partitioned table.
"""

import http.client
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
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from portal import devdb
from synclogs import ingest, keys, partitions, records
from synclogs.models import Project, Scope

BATCH, BATCHES = 1000, 20
TARGET = 0.35


def measure(*, rounds: int) -> bool:
    project, _ = Project.objects.get_or_create(slug="bench-ingest", defaults={"name": "Ingest"})
    now = datetime.now(UTC)
    partitions.ahead(now.date())
    key, text = keys.create(project, "bench", scopes=[Scope.LOGS_WRITE])
    key.requests_per_minute = 1_000_000
    key.save()
    dice = random.Random(1)
    ratios, speeds = [], []
    with web() as port:
        for number in range(rounds + 1):
            copied = _copy(project, [_batch(dice, now) for _ in range(BATCHES)], now)
            sent = _send(port, text, [_batch(dice, now) for _ in range(BATCHES)])
            if number:  # the first round warms up
                ratios.append(copied / sent)
                speeds.append((BATCH * BATCHES / copied, BATCH * BATCHES / sent))
    ratio = statistics.median(ratios)
    copy_speed, http_speed = (statistics.median(side) for side in zip(*speeds, strict=True))
    print(
        f"\nIngest over HTTP, one web process, {BATCHES} batches of {BATCH} a round, {rounds} rounds (target: ≥ {TARGET} of bare COPY)"
    )
    print(
        f"bare COPY {copy_speed:,.0f} entries/s   over HTTP {http_speed:,.0f} entries/s   ratio {ratio:.2f}"
        f"   (rounds {min(ratios):.2f} to {max(ratios):.2f}){'' if ratio >= TARGET else '   missed'}"
    )
    return ratio >= TARGET


@contextmanager
def web() -> Iterator[int]:
    """One gunicorn worker as `make run` starts it; yields its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "WEB_CONCURRENCY": "1"}
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


def _batch(dice: random.Random, now: datetime) -> bytes:
    """A thousand entries of about 610 bytes: 500 runs with start and end, six per cent warnings, two per cent errors."""
    entries = []
    at = now - timedelta(minutes=dice.randrange(5, 600))
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
        blocks.append("".join(ingest.lines(project.pk, keyed, now=now)))
    began = time.perf_counter()
    for block in blocks:
        statement = f"COPY {ingest.TABLE} ({ingest.COLUMN_LIST}) FROM STDIN"
        with transaction.atomic(), connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(block)
    return time.perf_counter() - began


def _send(port: int, key: str, bodies: list[bytes]) -> float:
    """Seconds for the same number of batches over one kept-alive connection."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    began = time.perf_counter()
    for body in bodies:
        client.request("POST", "/api/v1/logs", body, headers)
        response = client.getresponse()
        answer = json.load(response)
        assert response.status == 200, answer
        assert answer["accepted"] == BATCH, answer
    took = time.perf_counter() - began
    client.close()
    return took
