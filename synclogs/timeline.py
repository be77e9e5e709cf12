"""One iteration in the order it happened: its entries with offsets and pauses, and the runs beside it.

A trace comes in; entries, other traces and lengths of time go out. Always bounded; no words, no links.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from synclogs import catalogue
from synclogs.catalogue import Step
from synclogs.filters import LogFilter
from synclogs.models import LogEntry, Project, Sync, Trace
from synclogs.models.sync import TraceQuerySet
from synclogs.paging import page

LONGEST = 500
PAUSE_AT_LEAST = timedelta(seconds=5)
INSTANT = timedelta(microseconds=1)
RECENT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Moment:
    """An entry of a run. `pause`: how long nothing came before it, None when that is not worth a line.

    `waited`: the entry before it announced another attempt, so the pause was a wait and not a silence.
    """

    entry: LogEntry
    offset: timedelta
    pause: timedelta | None
    waited: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    moments: tuple[Moment, ...]
    cut: bool  # there are more entries than these


@dataclass(frozen=True, slots=True)
class Beside:
    """Other runs of the same sync; None where there is none."""

    previous: Trace | None
    next: Trace | None
    last_good: Trace | None


def timeline(trace: Trace, project: Project) -> Timeline:
    """The first entries of a trace, oldest first."""
    entries = LogEntry.objects.of(project).filter(
        trace_id=trace.trace_id, occurred_at__gte=trace.first_at, occurred_at__lt=trace.last_at + INSTANT
    )
    rows = list(entries.order_by("occurred_at", "key")[: LONGEST + 1])
    moments = []
    before: LogEntry | None = None
    for entry in rows[:LONGEST]:
        pause = entry.occurred_at - before.occurred_at if before else timedelta(0)
        moments.append(
            Moment(
                entry,
                offset=entry.occurred_at - trace.first_at,
                pause=pause if pause >= PAUSE_AT_LEAST else None,
                waited=before is not None and catalogue.event(before.event).step in (Step.LIMITED, Step.WARNED),
            )
        )
        before = entry
    return Timeline(tuple(moments), cut=len(rows) > LONGEST)


def runs(sync: Sync, project: Project) -> TraceQuerySet:
    """The iterations of a sync, newest first."""
    return Trace.objects.of(project).filter(sync_id=sync.sync_id).order_by("-first_at", "-pk")


def beside(trace: Trace, project: Project) -> Beside:
    """The run before, the run after, and the last one before it that completed with the same sync type."""
    if trace.sync_id is None:
        return Beside(None, None, None)
    others = Trace.objects.of(project).filter(sync_id=trace.sync_id)
    earlier = others.filter(_before(trace.first_at, trace.pk)).order_by("-first_at", "-pk")
    later = others.filter(_after(trace.first_at, trace.pk)).order_by("first_at", "pk")
    good = earlier.filter(sync_type=trace.sync_type, completed_at__isnull=False, failed_at=None)
    return Beside(earlier.first(), later.first(), good.first())


def last_good(sync: Sync, project: Project) -> Trace | None:
    """The run whose end the sync remembers as its last good one; None when its entries had no trace."""
    if sync.last_completed_at is None:
        return None
    return runs(sync, project).filter(completed_at=sync.last_completed_at, first_at__lte=sync.last_completed_at).first()


def _before(moment: datetime, pk: int) -> Q:
    return Q(first_at__lte=moment) & (Q(first_at__lt=moment) | Q(pk__lt=pk))


def _after(moment: datetime, pk: int) -> Q:
    return Q(first_at__gte=moment) & (Q(first_at__gt=moment) | Q(pk__gt=pk))


def latest(project: Project, *, first: datetime, last: datetime, size: int, **where: str) -> list[LogEntry]:
    """The newest entries of a sync, user or integration, whose life `first` to `last` bounds what is read.

    Its last two days are tried first: that is a few partitions to plan instead of all that it lived through.
    """
    until = last + INSTANT
    near = max(first, last - RECENT)
    rows = page(LogFilter.where(since=near, until=until, **where), project, size=size).rows
    if len(rows) < size and near > first:
        rows = page(LogFilter.where(since=first, until=until, **where), project, size=size).rows
    return rows
