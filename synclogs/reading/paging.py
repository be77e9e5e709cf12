"""Pages of log entries by keyset (newest first), with cursors to both sides.

No COUNT and no OFFSET. What no index serves is searched time slice by time slice under a time limit, and the page says how far
it got; no entry is ever skipped.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from uuid import UUID

from django.utils import timezone

from synclogs import moments
from synclogs.catalogue import LEVEL_SLUGS, Level
from synclogs.models import LogEntry, Project
from synclogs.models.log import LogEntryQuerySet
from synclogs.parsing.identifiers import uuid_of
from synclogs.query.filters import FilterError, LogFilter
from synclogs.reading import hour_counts, keyset
from synclogs.reading.hour_counts import Hours
from synclogs.storage import time_limits

# Fields with an index of their own in the order of time: however the list is narrowed by them, it is quick.
INDEXED = {"integration", "user", "sync", "trace", "error_code"}
SECONDS = 1.5
FIRST_SLICE = timedelta(hours=1)
FEWEST, GROWTH = 4_000.0, 8.0
TRIES = 3  # as many slices may be too slow
FAR = datetime(9999, 1, 1, tzinfo=UTC)
LOWEST, HIGHEST = UUID(int=0), UUID(int=(1 << 128) - 1)


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
    return cursor_at(entry.occurred_at, entry.key)


def cursor_before(moment: datetime) -> str:
    """What comes after it begins with the entries of that very moment."""
    return cursor_at(moment - moments.MICROSECOND, HIGHEST)


def cursor_at(moment: datetime, key: UUID) -> str:
    """A position in the order of anything with a time and a UUID."""
    return keyset.Place(moment, key).text


def parse_cursor(text: str) -> tuple[datetime, UUID]:
    """The inverse of cursor_of. Raises FilterError."""
    place = keyset.place(text, uuid_of)
    if place.moment is None:
        raise FilterError({"cursor": keyset.DAMAGED})
    return place.moment, place.id


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
    time_limits.OutOfTime when not even an hour could be searched.
    """
    entries = log_filter.entries(project)
    if after:
        moment, key = parse_cursor(after)
        entries = entries.filter(keyset.newer_than("occurred_at", moment, key))
        found = _walk(log_filter, project, entries, size + 1, upwards_from=moment)
        rows = found.rows[:size][::-1]
        newer = cursor_of(rows[0]) if len(found.rows) > size else ""
        if found.stopped and not newer:
            newer = cursor_before(found.stopped)
        return Page(rows, newer, cursor_of(rows[-1]) if rows else after, found.stopped)
    start = None
    if before:
        start, key = parse_cursor(before)
        entries = entries.filter(keyset.older_than("occurred_at", start, key))
    found = _walk(log_filter, project, entries, size + 1, downwards_from=start)
    rows = found.rows[:size]
    older = cursor_of(rows[-1]) if len(found.rows) > size else ""
    if found.stopped and not older:
        older = cursor_at(found.stopped, LOWEST)
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

    if upwards_from:
        return _Walk(log_filter, project, read).upwards(limit, upwards_from, log_filter.until)
    ends = [end for end in (downwards_from and downwards_from + moments.MICROSECOND, log_filter.until) if end]
    return _Walk(log_filter, project, read).downwards(limit, min(ends, default=None))


class _Walk:
    """Slices of time, one after the other: the first is an hour, the next as large as half of the time left allows."""

    def __init__(self, log_filter: LogFilter, project: Project, read: Reader) -> None:
        self.log_filter = log_filter
        self.project = project
        self.read = read
        self.rows: list[LogEntry] = []
        self.ends = time.monotonic() + SECONDS
        self.size = FEWEST  # entries to look at in the next slice

    @cached_property
    def hours(self) -> Hours:
        """Only asked for when the first slice was not enough, which is rare."""
        return hour_counts.hours(self.log_filter, self.project)

    def downwards(self, limit: int, end: datetime | None) -> Found:
        """From `end` (None: whatever is newest) back to the start of the range."""
        first = self.log_filter.since
        start = max(first, (end or timezone.now()) - FIRST_SLICE)
        at = start if self.slice(limit, start, end) else end
        while len(self.rows) < limit and at != first:
            # Without an end the newest stretch is open: nothing that is later may be passed over.
            stretch = self.hours.back(at or FAR, self.size)
            if stretch is None:
                break
            start = max(first, stretch[0])
            if self.slice(limit, start, stretch[1] if at else None):
                at = start
            elif time.monotonic() >= self.ends:
                return self.stopped(at, begun=at != end)
        return Found(self.rows)

    def upwards(self, limit: int, first: datetime, end: datetime | None) -> Found:
        """From `first` on until `end` (None: whatever is newest)."""
        at = first + FIRST_SLICE
        if not self.slice(limit, first, min(at, end) if end else at):
            at = first
        while len(self.rows) < limit and (end is None or at < end):
            stretch = self.hours.forth(at, self.size)
            if stretch is None:
                break
            stop = min(stretch[1], end) if end else stretch[1]
            if self.slice(limit, stretch[0], stop):
                at = stop
            elif time.monotonic() >= self.ends:
                return self.stopped(at, begun=at != first)
        return Found(self.rows)

    def slice(self, limit: int, first: datetime, end: datetime | None) -> bool:
        """Whether it could be read in its part of the time."""
        began = time.monotonic()
        try:
            with time_limits.within(min(self.ends - began, SECONDS / TRIES)):
                self.rows += self.read(first, end, limit - len(self.rows))
        except time_limits.OutOfTime:
            self.size = max(FEWEST / 8, self.size / 32)
            return False
        ended = time.monotonic()
        self.size *= min(GROWTH, max(1 / GROWTH, (self.ends - ended) / 2 / max(ended - began, 0.0001)))
        return True

    def stopped(self, at: datetime | None, *, begun: bool) -> Found:
        if at is None or not begun:
            raise time_limits.OutOfTime("not even the first slice could be read in time")
        return Found(self.rows, at)
