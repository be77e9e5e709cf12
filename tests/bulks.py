"""Test data for bulk re-enables: many stopped syncs with a cured cause, a provider that accepts every call, entries of the outcome."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from synclogs import provider
from synclogs.access.actors import Actor
from synclogs.catalogue.recovery import State
from synclogs.models import Bulk, Project, Reenable, Role, Sync
from synclogs.recovery import bulk, reenable, watch
from synclogs.recovery.bulk import Plan
from tests.factories import entry, error_entry, store, sync_id
from tests.reenabling import actor

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Willing:
    """A provider that accepts everything; `asked` are the syncs it was asked for, in order."""

    reads = False

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self) -> "Willing":
        return self

    def credentials(self, user: str) -> None:
        return None

    def status(self, user: str, sync: object) -> None:
        return None

    def reenable(self, user: str, sync: object, *, attempt: object, reason: str) -> provider.Reply:
        self.asked.append(str(sync))
        return provider.Reply(True)


def crowd(project: Project, count: int, *, integration: str = "googledrive", name: str = "s") -> list[Sync]:
    """Syncs of as many customers that stopped an hour ago by an error that a further customer has got over since."""
    now = timezone.now()
    names = [f"{project.slug} {integration} {name} {number}" for number in range(count)]
    common = {"integration": integration, "timestamp": now - HOUR}
    stopped = [error_entry(syncId=sync_id(one), userId=f"user {one}", **common) for one in names]
    over = {"syncId": sync_id(f"{project.slug} {integration} over"), "userId": f"over {integration}"}
    store(project, *stopped, error_entry(**over, **common), now=now - HOUR)
    store(project, entry(**over, integration=integration, syncStatus="IDLE", timestamp=now - HOUR / 2), now=now - HOUR)
    return list(Sync.objects.of(project).filter(sync_id__in=[sync_id(one) for one in names]).order_by("id"))


def ids(syncs: Iterable[Sync]) -> list[UUID]:
    return [sync.sync_id for sync in syncs]


def started(project: Project, syncs: Iterable[Sync], *, now: datetime, by: Actor | None = None, **plan: int) -> Bulk:
    lead = by or actor(project, Role.LEAD)
    return bulk.start(
        project, ids(syncs), plan=Plan(**plan), actor=lead, reason="The outage is over.", source="q=x", now=now
    )


def send(*, now: datetime) -> int:
    """What the worker does with the jobs of attempts that were asked for; how many were sent."""
    waiting = Reenable.objects.filter(state=State.REQUESTED, sent_at=None)
    keys = list(waiting.order_by("requested_at").values_list("pk", flat=True))
    for key in keys:
        reenable.call(key, now=now)
    return len(keys)


def hear(project: Project, *, now: datetime, failed: Iterable[str] = (), but: Iterable[str] = ()) -> None:
    """Every attempt under way completes, those of the syncs in `failed` fail again, nothing is heard of those in `but`."""
    told: list[dict[str, Any]] = []
    for attempt in Reenable.objects.of(project).open():
        name = str(attempt.sync_id)
        common = {"syncId": name, "userId": attempt.user_id, "integration": attempt.integration, "timestamp": now}
        if name in failed:
            told.append(error_entry(**common))
        elif name not in but:
            told.append(entry(syncStatus="IDLE", **common))
    if told:
        store(project, *told, now=now)
    watch.observe(now=now)


def again(made: Bulk) -> Bulk:
    return Bulk.objects.get(pk=made.pk)


def results(made: Bulk) -> dict[str, int]:
    return dict(bulk.progress(made).counts)
