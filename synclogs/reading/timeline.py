"""Timeline of one run (trace): its entries in order with offsets, pauses and retry waits, and the neighbouring runs. Bounded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from django.db.models import QuerySet

from synclogs import catalogue, moments
from synclogs.catalogue import Step
from synclogs.models import LogEntry, Project, Sync, Trace
from synclogs.parsing import fields
from synclogs.query.filters import LogFilter
from synclogs.reading import keyset
from synclogs.reading.paging import page

LONGEST = 500
LAST = 100  # of these, in a longer run: how it ended is what people look for
PAUSE_AT_LEAST = timedelta(seconds=5)
PAUSE_USUALS = 3  # a run that logs each half minute pauses only where it is silent for three times as long
FEW = 20  # intervals; so few say nothing about what is usual
RUNS_NEAR = 60
RUNS_BACK = 3000  # so many earlier runs are looked at for the last good one, when it is not among those near
KINDS_BACK = 500
RECENT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Moment:
    """An entry of a run. `pause`: how long nothing came before it, None when that is not worth a line.

    `waited`: the entry before it announced another attempt, so the pause was a wait (or began as one) and no silence.
    """

    entry: LogEntry
    offset: timedelta
    pause: timedelta | None
    waited: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait for another attempt, as offsets from the start of the run. `number` counts the entry that announced it.

    `announced` is how long it was announced to take, None when nothing was said. `is_open`: nothing came after it.
    """

    number: int
    start: timedelta
    end: timedelta
    announced: timedelta | None
    attempt: int | None
    most: int | None
    is_open: bool

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Timeline:
    """`cut`: the number of the first moment behind entries that are left out; 0 when there are none."""

    moments: tuple[Moment, ...]
    cut: int = 0
    waits: tuple[Wait, ...] = ()

    @property
    def beginning(self) -> tuple[Moment, ...]:
        """As far as nothing is left out."""
        return self.moments[: self.cut or None]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Other runs of the same sync; None where there is none."""

    previous: Trace | None
    next: Trace | None
    last_good: Trace | None


def timeline(trace: Trace, project: Project) -> Timeline:
    """The entries of a trace, oldest first; of a long one those at both ends."""
    entries = LogEntry.objects.of(project).filter(
        trace_id=trace.trace_id, occurred_at__gte=trace.first_at, occurred_at__lt=trace.last_at + moments.MICROSECOND
    )
    rows = list(entries.order_by("occurred_at", "key")[: LONGEST + 1])
    if len(rows) <= LONGEST:
        shown, waits = _moments(rows, trace.first_at)
        return Timeline(shown, waits=waits)
    cut = LONGEST - LAST
    first, waits = _moments(rows[:cut], trace.first_at)
    last, late = _moments(list(entries.newest_first()[:LAST])[::-1], trace.first_at)
    known = [wait for wait in waits if not wait.is_open]  # the end of the open one may be left out
    return Timeline((*first, *last), cut, (*known, *(replace(wait, number=wait.number + cut) for wait in late)))


def _moments(rows: Sequence[LogEntry], start: datetime) -> tuple[tuple[Moment, ...], tuple[Wait, ...]]:
    gaps = [later.occurred_at - earlier.occurred_at for earlier, later in pairwise(rows)]
    shortest = PAUSE_AT_LEAST
    if len(gaps) > FEW:
        shortest = max(shortest, PAUSE_USUALS * sorted(gaps)[len(gaps) // 2])
    waits = tuple(wait for number in range(len(rows)) if (wait := _wait(rows, number, start=start)))
    waiting = {wait.number for wait in waits}
    shown = []
    for number, entry in enumerate(rows):
        gap = gaps[number - 1] if number else timedelta(0)
        waited = number - 1 in waiting
        is_pause = gap >= (PAUSE_AT_LEAST if waited else shortest)
        shown.append(Moment(entry, entry.occurred_at - start, gap if is_pause else None, waited))
    return tuple(shown), waits


def _wait(rows: Sequence[LogEntry], number: int, *, start: datetime) -> Wait | None:
    """What entry `number` announced: until the moment it named, or until the run took its next step, whichever is first."""
    entry = rows[number]
    retry = _announced(entry)
    if retry is None and catalogue.event(entry.event).step != Step.LIMITED:
        return None
    due = None
    if retry and retry.next_retry_us is not None:
        due = moments.moment(retry.next_retry_us)
    elif retry and retry.backoff_ms is not None:
        due = entry.occurred_at + timedelta(milliseconds=retry.backoff_ms)
    after = rows[number + 1 :]
    steps = (row for row in after if row.event == entry.event or catalogue.event(row.event).step != Step.NONE)
    step = next(steps, after[0] if after else None)
    ends = [moment for moment in (due, step.occurred_at if step else None) if moment is not None]
    if not ends or min(ends) <= entry.occurred_at:
        return None
    return Wait(
        number,
        start=entry.occurred_at - start,
        end=min(ends) - start,
        announced=due - entry.occurred_at if due else None,
        attempt=retry.attempt if retry else None,
        most=retry.max_attempts if retry else None,
        is_open=number == len(rows) - 1,
    )


def _announced(entry: LogEntry) -> fields.Retry | None:
    error = entry.detail.get("error") if isinstance(entry.detail, dict) else None
    return fields.error({"error": dict(error)})[3] if isinstance(error, dict) else None  # a copy: reading removes keys


def runs(sync: Sync, project: Project) -> QuerySet[Trace]:
    """The iterations of a sync, newest first."""
    return Trace.objects.of(project).filter(sync_id=sync.sync_id).order_by("-first_at", "-pk")


def recent(runs: QuerySet[Trace], *, most: int = RUNS_BACK) -> QuerySet[Trace]:
    """The first of them, to be narrowed further: so that a rare kind of run does not read all there ever were."""
    return Trace.objects.filter(pk__in=runs.values("pk")[:most]).order_by("-first_at", "-pk")


def _last(runs: QuerySet[Trace], **where: object) -> Trace | None:
    """The first of them with these values; near first, which is where it is most of the time."""
    near = recent(runs, most=RUNS_NEAR).filter(**where).first()
    return near or recent(runs).filter(**where).first()


def kinds(sync: Sync, project: Project) -> list[str]:
    """The sync types of its recent runs; "" stands for those that named none."""
    last = recent(runs(sync, project), most=KINDS_BACK).order_by()
    return sorted(last.values_list("sync_type", flat=True).distinct())


def beside(trace: Trace, project: Project) -> Neighbours:
    """The run before, the run after, and the last one of the same sync type among the RUNS_BACK before it that completed."""
    if trace.sync_id is None:
        return Neighbours(None, None, None)
    others = Trace.objects.of(project).filter(sync_id=trace.sync_id)
    earlier = others.filter(keyset.older_than("first_at", trace.first_at, trace.pk)).order_by("-first_at", "-pk")
    later = others.filter(keyset.newer_than("first_at", trace.first_at, trace.pk)).order_by("first_at", "pk")
    good = _last(earlier, sync_type=trace.sync_type, completed_at__isnull=False, failed_at=None)
    return Neighbours(earlier.first(), later.first(), good)


def last_good(sync: Sync, project: Project) -> Trace | None:
    """The run whose end the sync remembers as its last good one; None when its entries had no trace."""
    if sync.last_completed_at is None:
        return None
    begun = runs(sync, project).filter(first_at__lte=sync.last_completed_at)
    return _last(begun, completed_at=sync.last_completed_at)


def latest(project: Project, *, first: datetime, last: datetime, size: int, **where: str) -> list[LogEntry]:
    """The newest entries of a sync, user or integration, whose life `first` to `last` bounds what is read.

    Its last two days are tried first: that is a few partitions to plan instead of all that it lived through.
    """
    until = last + moments.MICROSECOND
    near = max(first, last - RECENT)
    rows = page(LogFilter.where(since=near, until=until, **where), project, size=size).rows
    if len(rows) < size and near > first:
        rows = page(LogFilter.where(since=first, until=until, **where), project, size=size).rows
    return rows
