"""Start of a sync's present state: the same whether entries come one by one, in batches, or late."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from synclogs.ingestion import upserts
from synclogs.models import Project, Sync
from tests.factories import ProjectFactory, entry, store, sync_id

pytestmark = pytest.mark.django_db
EVENTS = (
    ("INCREMENTAL_SYNC_STARTED", "ACTIVE"),
    ("INCREMENTAL_SYNC_COMPLETED", "IDLE"),
    ("SYNC_RUN_ERROR", "ERRORED"),
    ("RECORD_BATCH_SKIPPED", None),
)


def since_of(project: Project) -> dict[str, datetime | None]:
    return {str(sync.sync_id): sync.status_since for sync in Sync.objects.of(project)}


def read_from_entries(project: Project) -> dict[str, datetime | None]:
    """The slow way, which looks at every entry."""
    Sync.objects.of(project).update(status_since=None)
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {
            "implied": upserts.IMPLIED_STATUS,
            "project": project.pk,
            "syncs": list(since_of(project)),
        }
        cursor.execute(upserts.RECOMPUTE_SINCE, asked)
    return since_of(project)


def test_a_new_state_begins_with_the_entry_that_says_so():
    project, now = ProjectFactory(), timezone.now()
    for minutes, status in ((50, "IDLE"), (40, "IDLE"), (30, "ACTIVE"), (20, "ERRORED"), (10, "ERRORED")):
        store(project, entry(timestamp=now - timedelta(minutes=minutes), syncStatus=status, syncEvent="X"), now=now)
    assert since_of(project) == {sync_id(): now - timedelta(minutes=20)}


@pytest.mark.parametrize("seed", range(3))
def test_batches_and_late_entries_agree_with_the_entries_themselves(seed):
    project, now, chance = ProjectFactory(), timezone.now(), random.Random(seed)
    made = []
    for step in range(200):
        event, status = chance.choice(EVENTS)
        moment = now - timedelta(days=1) + timedelta(seconds=7 * step)
        made.append(entry(syncId=sync_id(chance.randrange(5)), syncEvent=event, syncStatus=status, timestamp=moment))
    for index in range(0, 200, 10):
        other = min(199, index + chance.randrange(40))
        made[index], made[other] = made[other], made[index]
    while made:
        size = chance.randrange(1, 20)
        store(project, *made[:size], now=now)
        made = made[size:]
    assert since_of(project) == read_from_entries(project)


def test_a_backfill_of_old_days_does_not_read_the_log():
    project, now = ProjectFactory(), timezone.now()
    for minutes, status in ((9, "IDLE"), (6, "ACTIVE"), (3, "IDLE")):
        store(project, entry(timestamp=now - timedelta(minutes=minutes), syncStatus=status, syncEvent="X"), now=now)
    old = [
        entry(timestamp=now - timedelta(days=1, minutes=minutes), syncStatus=status, syncEvent="X")
        for minutes, status in ((9, "ACTIVE"), (6, "IDLE"))
    ]
    store(project, *old[:1], now=now)  # makes the day's partition, and the temporary tables
    before = scans()
    store(project, *old[1:], now=now)
    assert scans() == before
    assert since_of(project) == {sync_id(): now - timedelta(minutes=3)} == read_from_entries(project)
    assert scans() > before


def scans() -> int:
    """How often this transaction has searched the log."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(seq_scan + coalesce(idx_scan, 0)) FROM pg_stat_xact_user_tables"
            r" WHERE relname LIKE 'synclogs\_logentry\_%'"
        )
        return int(cursor.fetchone()[0])
