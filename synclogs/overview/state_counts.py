"""Counts of syncs by state: of a project, of each customer, of each integration.

Returns StateCounts. Numbers only; sentences are made by synclogs.explain, links by the portal.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q

from synclogs.catalogue import SyncStatus
from synclogs.explain import StateCounts
from synclogs.models import Attention, Project, Sync
from synclogs.models.sync import SyncQuerySet, in_unknown_state, needs, needs_any

MAX_GROUPS = 500


@dataclass(frozen=True, slots=True)
class IntegrationCounts:
    """One integration over all customers; `statuses`: status -> syncs; `seen_at` is None when it has no sync."""

    slug: str
    counts: StateCounts
    statuses: Mapping[str, int]
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tally:
    """`needing`: how many are in any kind of trouble, each counted once."""

    counts: StateCounts
    needing: int


def _aggregates(now: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {kind.value: Count("pk", filter=needs(kind, now=now)) for kind in Attention}
    hit = needs_any(now=now) & ~Q(user_id="")
    return found | {
        "total": Count("pk"),
        "paused": Count("pk", filter=Q(status=SyncStatus.DISABLED)),
        "unknown": Count("pk", filter=in_unknown_state(now=now) & ~needs_any(now=now)),
        "users": Count("user_id", filter=hit, distinct=True),
    }


def _counts(row: Mapping[str, Any]) -> StateCounts:
    names = ("total", "errored", "stuck", "silent", "limited", "undelivered", "paused", "unknown", "users")
    return StateCounts(**{name: row[name] for name in names})


def tally(syncs: SyncQuerySet, *, now: datetime) -> Tally:
    """All of `syncs` in one query."""
    row = syncs.aggregate(**_aggregates(now), needing=Count("pk", filter=needs_any(now=now)))
    return Tally(_counts(row), row["needing"])


def by_user(project: Project, user_ids: Iterable[str], *, now: datetime) -> dict[str, StateCounts]:
    """The counts of these customers; those without a sync are left out."""
    rows = Sync.objects.of(project).filter(user_id__in=list(user_ids)).values("user_id").annotate(**_aggregates(now))
    return {row["user_id"]: _counts(row) for row in rows.order_by()}


def by_integration(project: Project, *, now: datetime, slugs: Iterable[str] | None = None) -> list[IntegrationCounts]:
    """Every integration that has a sync, or only those of `slugs`; bounded, in no order."""
    syncs = Sync.objects.of(project)
    if slugs is not None:
        syncs = syncs.filter(integration__in=list(slugs))
    grouped = syncs.order_by().values("integration")
    statuses: dict[str, Counter[str]] = defaultdict(Counter)
    for row in grouped.values("integration", "status").annotate(count=Count("pk"))[: MAX_GROUPS * 10]:
        statuses[row["integration"]][row["status"]] = row["count"]
    rows = grouped.annotate(**_aggregates(now), seen_at=Max("last_seen_at"))[:MAX_GROUPS]
    return [
        IntegrationCounts(row["integration"], _counts(row), statuses[row["integration"]], row["seen_at"])
        for row in rows
    ]
