"""Pages of a filtered set by keyset: a LogFilter and a cursor in, entries newest first and the neighbouring cursors out.

No COUNT and no OFFSET.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from synclogs import moments
from synclogs.filters import FilterError, LogFilter
from synclogs.models import LogEntry, Project

CURSOR = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{32})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first, with the cursors of the neighbouring pages ("" where there is none)."""

    rows: list[LogEntry]
    newer: str
    older: str


def cursor_of(entry: LogEntry) -> str:
    """Where an entry stands in the order: its microsecond and its key."""
    return f"{moments.microseconds(entry.occurred_at):x}-{entry.key.hex}"


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

    One row more than asked for tells whether there is a next page. Raises FilterError for a damaged cursor.
    """
    entries = log_filter.apply(LogEntry.objects.of(project))
    if after:
        moment_, key = parse_cursor(after)
        entries = entries.filter(Q(occurred_at__gte=moment_), Q(occurred_at__gt=moment_) | Q(key__gt=key))
        rows = list(entries.order_by("occurred_at", "key")[: size + 1])
        newer, rows = len(rows) > size, rows[:size][::-1]
        return Page(
            rows,
            cursor_of(rows[0]) if newer else "",
            cursor_of(rows[-1]) if rows else after,
        )
    if before:
        moment_, key = parse_cursor(before)
        entries = entries.filter(Q(occurred_at__lte=moment_), Q(occurred_at__lt=moment_) | Q(key__lt=key))
    rows = list(entries.newest_first()[: size + 1])
    older, rows = len(rows) > size, rows[:size]
    newer_cursor = cursor_of(rows[0]) if before and rows else before
    return Page(rows, newer_cursor, cursor_of(rows[-1]) if older else "")
