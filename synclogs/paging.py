"""Pages of a filtered set by keyset: a LogFilter and a cursor in, entries newest first and the neighbouring cursors out.

No COUNT and no OFFSET. What no index answers is looked for slice of time by slice of time under a budget, and the page
says how far it got; nothing is ever passed over.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from synclogs import budget, moments, occupied
from synclogs.catalogue import LEVEL_SLUGS, Level
from synclogs.filters import FilterError, LogFilter
from synclogs.models import LogEntry, Project
from synclogs.models.log import LogEntryQuerySet
from synclogs.occupied import Hours

CURSOR = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{32})", re.ASCII)
# Fields with an index of their own in the order of time: however the list is narrowed by them, it is quick.
INDEXED = {"integration", "user", "sync", "trace", "error_code"}
SECONDS = 1.5
FIRST_SLICE = timedelta(hours=1)
STEP = 8
TRIES = 3
WIDEST, NARROWEST = timedelta(days=400), timedelta(seconds=1)
LOWEST, HIGHEST = UUID(int=0), UUID(int=(1 << 128) - 1)
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first, with the cursors of the neighbouring pages ("" where there is none).

    `searched_to`: when the time was up before the page was full, how far the search got; the cursor goes on from there.
    """

    rows: list[LogEntry]
    newer: str
    older: str
    searched_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """`rows` in the order of the walk; `stopped`: the moment up to which all of them were found, None when none is left."""

    rows: list[LogEntry]
    stopped: datetime | None = None


def cursor_of(entry: LogEntry) -> str:
    """Where an entry stands in the order: its microsecond and its key."""
    return _cursor(entry.occurred_at, entry.key)


def _cursor(moment: datetime, key: UUID) -> str:
    return f"{moments.microseconds(moment):x}-{key.hex}"


def parse_cursor(text: str) -> tuple[datetime, UUID]:
    """The inverse of cursor_of. Raises FilterError."""
    match = CURSOR.fullmatch(text)
    if match:
        try:
            return moments.moment(int(match[1], 16)), UUID(match[2])
        except OverflowError:
            pass
    raise FilterError({"cursor": "This page address is damaged; start again from the first page."})


def page(
    log_filter: LogFilter,
    project: Project,
    *,
    size: int,
    before: str = "",
    after: str = "",
) -> Page:
    """`size` entries: the newest, those just older than the cursor `before`, or those just newer than `after`.

    One row more than asked for tells whether there is a next page. Raises FilterError for a damaged cursor, and
    budget.OutOfTime when not even an hour could be searched.
    """
    entries = log_filter.entries(project)
    if after:
        moment, key = parse_cursor(after)
        entries = entries.filter(Q(occurred_at__gte=moment), Q(occurred_at__gt=moment) | Q(key__gt=key))
        found = _walk(log_filter, project, entries, size + 1, upwards_from=moment)
        rows = found.rows[:size][::-1]
        newer = cursor_of(rows[0]) if len(found.rows) > size else ""
        if found.stopped and not newer:
            newer = _cursor(found.stopped - INSTANT, HIGHEST)
        return Page(rows, newer, cursor_of(rows[-1]) if rows else after, found.stopped)
    start = None
    if before:
        start, key = parse_cursor(before)
        entries = entries.filter(Q(occurred_at__lte=start), Q(occurred_at__lt=start) | Q(key__lt=key))
    found = _walk(log_filter, project, entries, size + 1, downwards_from=start)
    rows = found.rows[:size]
    older = cursor_of(rows[-1]) if len(found.rows) > size else ""
    if found.stopped and not older:
        older = _cursor(found.stopped, LOWEST)
    newer = cursor_of(rows[0]) if before and rows else before
    return Page(rows, newer, older, found.stopped)


def is_indexed(log_filter: LogFilter) -> bool:
    """Whether one statement finds the page quickly, wherever in the range its entries are."""
    return log_filter.tree is None and all(
        not term.negated
        and (
            term.field.name in INDEXED
            or (
                term.field.name == "level"
                and all(LEVEL_SLUGS[value.strip().lower()] >= Level.WARNING for value in term.values)
            )
        )
        for term in log_filter.terms
    )


type Reader = Callable[[datetime, datetime | None, int], list[LogEntry]]


def _walk(
    log_filter: LogFilter,
    project: Project,
    entries: LogEntryQuerySet,
    limit: int,
    *,
    downwards_from: datetime | None = None,
    upwards_from: datetime | None = None,
) -> Found:
    """The first `limit` entries in the order of the walk."""
    ordered = entries.order_by("occurred_at", "key") if upwards_from else entries.newest_first()
    if is_indexed(log_filter):
        return Found(list(ordered[:limit]))

    def read(first: datetime, end: datetime | None, rest: int) -> list[LogEntry]:
        return list((ordered.filter(occurred_at__lt=end) if end else ordered).filter(occurred_at__gte=first)[:rest])

    @cache
    def hours() -> Hours | None:
        return occupied.hours(log_filter, project)

    if upwards_from:
        return _upwards(read, limit, hours, first=upwards_from, end=log_filter.until)
    ends = [end for end in (downwards_from and downwards_from + INSTANT, log_filter.until) if end]
    return _downwards(read, limit, hours, first=log_filter.since, end=min(ends, default=None))


def _downwards(
    read: Reader, limit: int, hours: Callable[[], Hours | None], *, first: datetime, end: datetime | None
) -> Found:
    """From `end` (None: whatever is newest) back to `first`. Mostly the first slice is enough; then nobody asks for hours."""
    clock = _Clock()
    rows: list[LogEntry] = []
    at = end
    while len(rows) < limit and at != first:
        if at != end and at and (known := hours()):
            at = known.last_before(at)
            if at is None or at <= first:
                break
        start = max(first, (at or timezone.now()) - clock.width)
        try:
            with clock.slice():
                rows += read(start, at, limit - len(rows))
        except budget.OutOfTime:
            if clock.narrow():
                continue
            if at == end:
                raise
            return Found(rows, at)
        at = start
    return Found(rows)


def _upwards(
    read: Reader, limit: int, hours: Callable[[], Hours | None], *, first: datetime, end: datetime | None
) -> Found:
    """From `first` on until `end` (None: whatever is newest)."""
    clock = _Clock()
    rows: list[LogEntry] = []
    at: datetime | None = first
    while len(rows) < limit and at is not None:
        if at != first and (known := hours()):
            at = known.first_from(at)
            if at is None:
                break
        stop = at + clock.width
        after = None if stop >= (end or timezone.now()) else stop
        try:
            with clock.slice():
                rows += read(at, after or end, limit - len(rows))
        except budget.OutOfTime:
            if clock.narrow():
                continue
            if at == first:
                raise
            return Found(rows, at)
        at = after
    return Found(rows)


class _Clock:
    """How wide the next slice may be: ever wider as long as slices are quick, narrower when one was too slow."""

    def __init__(self) -> None:
        self.width = FIRST_SLICE
        self.ends = time.monotonic() + SECONDS

    @contextmanager
    def slice(self) -> Iterator[None]:
        """Reads one slice in a part of the time; raises OutOfTime when it takes longer."""
        began = time.monotonic()
        with budget.within(min(self.ends - began, SECONDS / TRIES)):
            yield
        ended = time.monotonic()
        wider = (self.ends - ended) / 2 / max(ended - began, 0.0001)
        self.width = min(self.width * min(STEP, max(wider, 1 / STEP)), WIDEST)

    def narrow(self) -> bool:
        """Whether there is time to try a narrower slice."""
        self.width = max(self.width / STEP**2, NARROWEST)
        return time.monotonic() < self.ends
