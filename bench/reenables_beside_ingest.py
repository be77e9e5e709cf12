"""Ingest over HTTP while a worker watches a thousand re-enables of the same syncs recover, beside the same without them.

Small batches at a steady pace, one web process, a real worker with its usual jobs. Interleaved rounds, p95 of the requests.
"""

import http.client
import itertools
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import quantiles

from django.utils import timezone

from bench import ingest
from portal.runner import devdb
from synclogs.access import keys
from synclogs.catalogue.recovery import State
from synclogs.models import Project, Reenable, Scope, Sync
from synclogs.storage import partitions

ATTEMPTS = 1000
SENDERS, EVERY, WINDOW = 2, 0.1, 12.0  # seconds between two requests of one; the worker looks every ten
ENTRIES = 100
TARGET = 1.2


def measure(*, rounds: int) -> bool:
    project, _ = Project.objects.get_or_create(slug="bench-watch", defaults={"name": "Watch"})
    now = datetime.now(UTC)
    partitions.ahead(now.date())
    key, text = keys.create(project, f"bench {now.isoformat()}", scopes=[Scope.LOGS_WRITE])
    key.requests_per_minute = 1_000_000
    key.save()
    bodies = _bodies(now)
    took: dict[bool, list[float]] = {False: [], True: []}
    ended = 0
    with ingest.web() as port, worker():
        for number in range(rounds + 1):
            for watched in took:
                first = next(bodies)
                if watched and number:
                    _attempts(project, error_at=datetime.fromisoformat(json.loads(first)[0]["timestamp"]))
                found = _send(port, text, bodies)
                if number:  # the first round warms up, and makes the syncs
                    took[watched] += found
                    ended += Reenable.objects.of(project).filter(state=State.RECOVERED).count() if watched else 0
                Reenable.objects.of(project).delete()
    without, beside = (quantiles(took[watched], n=20)[-1] * 1000 for watched in (False, True))
    # Attempts that nobody looked at would make this easy.
    good = beside / without <= TARGET and ended >= rounds * ATTEMPTS * 0.25
    print(f"\nIngest beside {ATTEMPTS:,} re-enables, {ended // rounds:,} of which were seen to recover each round")
    print(
        f"{len(took[True]):,} requests of {ENTRIES} entries each, p95: {beside:.0f} ms, {without:.0f} ms without them"
    )
    print(f"{beside / without:.2f} of it (target {TARGET}){'' if good else '   missed'}")
    return good


@contextmanager
def worker() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "manage.py", "worker"], cwd=devdb.ROOT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _bodies(now: datetime) -> Iterator[bytes]:
    for body in ingest._stream(random.Random(), now):
        entries = json.loads(body)
        for start in range(0, len(entries), ENTRIES):
            yield json.dumps(entries[start : start + ENTRIES]).encode()


def _attempts(project: Project, *, error_at: datetime) -> None:
    """Sent a moment ago, for the syncs of which most will be heard; nothing was heard of them since their error."""
    now = timezone.now()
    syncs = Sync.objects.of(project).filter(user_id__in=[f"acct_{number}" for number in range(200)])[:ATTEMPTS]
    made = [
        Reenable(
            project=project,
            sync_id=sync.sync_id,
            user_id=sync.user_id,
            integration=sync.integration,
            state=State.ACCEPTED,
            reason="bench",
            requested_at=now,
            expires_at=now,
            sent_at=now,
            accepted_at=now,
            error_at=error_at,
            watch_until=now + timedelta(hours=1),
        )
        for sync in syncs
    ]
    assert len(made) == ATTEMPTS
    Reenable.objects.bulk_create(made)


def _send(port: int, text: str, bodies: Iterator[bytes]) -> list[float]:
    """The seconds that each request took, over one window."""
    count = int(WINDOW / EVERY)
    shares = [list(itertools.islice(bodies, count)) for _ in range(SENDERS)]
    together = threading.Barrier(SENDERS)
    with ThreadPoolExecutor(SENDERS) as pool:
        return [
            seconds for found in pool.map(lambda mine: _one(port, text, mine, together), shares) for seconds in found
        ]


def _one(port: int, text: str, bodies: list[bytes], together: threading.Barrier) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
    together.wait()
    start, took = time.perf_counter(), []
    for number, body in enumerate(bodies):
        time.sleep(max(0.0, start + number * EVERY - time.perf_counter()))
        began, status = time.perf_counter(), 503
        while status == 503:  # a machine that is busy with something else: sent again, and the wait counts
            connection.request("POST", "/api/v1/logs", body, headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        assert status == 200, status
        took.append(time.perf_counter() - began)
    connection.close()
    return took
