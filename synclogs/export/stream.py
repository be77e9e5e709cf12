"""Stream of all entries of a filter, newest first, by short statements and in constant memory.

Yields lists of rows. No transaction or connection is held between two statements, so a slow reader blocks nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from django.db import connection, transaction
from django.db.models import Q

from synclogs.export.formats import Row
from synclogs.models import Project
from synclogs.models.log import LogEntryQuerySet
from synclogs.query.filters import LogFilter
from synclogs.reading import keyset
from synclogs.storage import partitions
from synclogs.storage.connections import release
from synclogs.storage.time_limits import OutOfTime, within

ROWS = 10_000  # a statement
BYTES = 4 * 1024 * 1024  # of text a statement; entries may be large
ROWS_AT_ONCE = 100  # from the database
SECONDS = 60.0  # a statement
SHORTEST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time within one day, from `since` until `until`, and the row `before` which reading goes on."""

    since: datetime
    until: datetime
    before: Row | None = None

    def condition(self) -> Q:
        condition = Q(occurred_at__gte=self.since, occurred_at__lt=self.until)
        if self.before is None:
            return condition
        return condition & keyset.older_than("occurred_at", self.before.occurred_at, self.before.key)

    def halves(self) -> list["Window"]:
        """The older half, then the newer one."""
        last = self.before.occurred_at if self.before else self.until
        middle = self.since + (last - self.since) / 2
        return [Window(self.since, middle), replace(self, since=middle)]


def chunks(log_filter: LogFilter, project: Project, *, received_until: datetime) -> Iterator[list[Row]]:
    """The entries in order, in lists that are never empty. What arrives after `received_until` is left out.

    Raises django.db.OperationalError, and OutOfTime when a minute of entries takes longer than a minute to find.
    """
    entries = log_filter.entries(project).filter(received_at__lte=received_until)
    waiting = _days(log_filter)
    while waiting:
        window = waiting.pop()
        try:
            rows, is_whole = _read(entries, window)
        except OutOfTime:
            if window.until - window.since <= SHORTEST:
                raise
            waiting += window.halves()
            continue
        if not is_whole:
            waiting.append(replace(window, before=rows[-1]))
        if rows:
            release()
            yield rows


def _days(log_filter: LogFilter) -> list[Window]:
    """The days of the range that have a partition, oldest first, cut to the range: a statement plans one partition."""
    found = []
    for day in sorted(partitions.existing()):
        midnight = datetime.combine(day, time(), UTC)
        until = midnight + timedelta(days=1)
        window = Window(max(midnight, log_filter.since), min(until, log_filter.until or until))
        if window.since < window.until:
            found.append(window)
    return found


def _read(entries: LogEntryQuerySet, window: Window) -> tuple[list[Row], bool]:
    """The newest rows of a window, at most ROWS and not much more than BYTES; and whether these were all."""
    query = entries.filter(window.condition()).newest_first().values_list(*Row._fields)[:ROWS]
    sql, parameters = query.query.sql_with_params()
    rows: list[Row] = []
    size = 0
    with within(SECONDS), transaction.atomic(), connection.cursor() as cursor, connection.wrap_database_errors:
        # Past Django's own cursor, which would read all rows at once.
        for found in cursor.cursor.stream(sql, parameters, size=ROWS_AT_ONCE):
            row = Row._make(found)
            rows.append(row)
            size += len(row.detail) + len(row.message)
            if size > BYTES:
                transaction.set_rollback(True)  # leaving the stream early cancels the statement
                return rows, False
    return rows, len(rows) < ROWS
