"""Preview of a bulk re-enable over fifty thousand stopped syncs, beside a bare SELECT of the same rows.

A tenth has recovered since, so that the cause looks gone for most of the others; attempts, notes and the do-not-wake list are
filled too. Interleaved rounds, medians.
"""

import random
import statistics
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from bench import store
from synclogs.models import Membership, Project, Reenable, Resolution, Role, Sleeper, Sync
from synclogs.recovery.selection import preview

SYNCS = 50_000
USERS = 10_000
WITHIN_MS = 1000.0
BARE = """
SELECT sync_id, user_id, integration, status, last_error_at, last_error_event, last_error_code, last_error_http_status,
    last_error_recoverability, last_completed_at FROM synclogs_sync WHERE project_id = %s
"""


def measure(*, rounds: int) -> bool:
    now = datetime.now(UTC)
    project = _fill(now)
    user, _ = User.objects.get_or_create(username="bench")
    Membership.objects.update_or_create(user=user, project=project, defaults={"role": Role.LEAD})
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    times: dict[str, list[float]] = {"bare": [], "database": [], "preview": [], "page": []}
    eligible = 0
    for _ in range(rounds + 1):  # the first round warms up and is dropped
        times["bare"].append(_timed(lambda: _bare(project)))
        spent: list[float] = []
        with connection.execute_wrapper(_watch(spent)):
            began = time.perf_counter()
            found = preview(project, Sync.objects.of(project), now=now)
            times["preview"].append((time.perf_counter() - began) * 1000)
        eligible = len(found.eligible)
        times["database"].append(sum(spent))
        times["page"].append(_timed(lambda: _page(client, project)))
    bare, database, whole, page = (statistics.median(times[name][1:]) for name in times)
    good = database <= WITHIN_MS
    print(
        f"\nPreview of a bulk re-enable over {SYNCS:,} syncs, {eligible:,} eligible (medians; target: database ≤ {WITHIN_MS:.0f} ms)"
    )
    print(f"{'bare ms':>9}{'database ms':>13}{'db/bare':>9}{'preview ms':>12}{'page ms':>9}")
    print(
        f"{bare:>9.0f}{database:>13.0f}{database / bare:>9.1f}{whole:>12.0f}{page:>9.0f}{'' if good else '   missed'}"
    )
    return good


def _fill(now: datetime) -> Project:
    """Made anew each time: what stands in it depends on when."""
    Project.objects.filter(slug="bench-reenable").delete()
    project = Project.objects.create(slug="bench-reenable", name="Bench of re-enables")
    stopped_at, ids = now - timedelta(hours=3), [uuid.uuid5(uuid.NAMESPACE_URL, f"bench {n}") for n in range(SYNCS)]
    syncs, chance = [], random.Random(1)
    for number, sync_id in enumerate(ids):
        is_back = chance.random() < 0.1
        at = stopped_at + timedelta(milliseconds=number)
        syncs.append(
            Sync(
                project=project,
                sync_id=sync_id,
                user_id=f"acct_{number % USERS}",
                integration=store.INTEGRATIONS[number % len(store.INTEGRATIONS)],
                pipeline="files",
                credential_id=f"c-{number % (2 * USERS)}",
                status="IDLE" if is_back else "ERRORED",
                status_since=now - timedelta(hours=1) if is_back else at,
                status_at=now - timedelta(hours=1) if is_back else at,
                first_seen_at=now - timedelta(days=30),
                last_seen_at=now - timedelta(hours=1) if is_back else at,
                last_started_at=at,
                last_completed_at=now - timedelta(hours=1) if is_back else now - timedelta(days=1),
                last_error_at=at,
                last_error_event="SYNC_RUN_ERROR",
                last_error_code=store.CODES[number % len(store.CODES)],
                last_error_http_status=503,
                last_error_recoverability="NON_RECOVERABLE",
            )
        )
    Sync.objects.bulk_create(syncs, batch_size=2000)
    common = {"project": project, "reason": "bench", "expires_at": now}
    attempts = [
        Reenable(
            sync_id=ids[n],
            state="failed_again",
            requested_at=now - timedelta(hours=2),
            ended_at=now - timedelta(hours=1),
            **common,
        )
        for n in range(1, SYNCS, 20)
    ]
    Reenable.objects.bulk_create(attempts, batch_size=2000)
    notes = [
        Resolution(project=project, sync_id=ids[n], error_at=now, note="bench", at=now) for n in range(2, SYNCS, 20)
    ]
    Resolution.objects.bulk_create(notes, batch_size=2000)
    sleepers = [
        Sleeper(project=project, kind="user", value=f"acct_{n}", reason="bench", at=now) for n in range(0, USERS, 100)
    ]
    Sleeper.objects.bulk_create(sleepers)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE synclogs_sync, synclogs_reenable, synclogs_resolution, synclogs_sleeper")
    return project


def _watch(spent: list[float]) -> Callable[..., Any]:
    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent.append((time.perf_counter() - began) * 1000)

    return watch


def _bare(project: Project) -> None:
    with connection.cursor() as cursor:
        cursor.cursor.execute(BARE, [project.pk])
        cursor.cursor.fetchall()


def _page(client: Client, project: Project) -> None:
    response = client.get(f"/p/{project.slug}/reenables/bulk/new")
    assert response.status_code == 200, response.status_code


def _timed(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000
