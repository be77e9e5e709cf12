"""How many entries of a filtered set lie where in its range, by level: round bars of time, the ends cut at the range.

A LogFilter goes in, then what was counted for its bars; a Histogram comes out. No database of its own (synclogs.reading.counting).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from synclogs.catalogue import Level
from synclogs.moments import ceiling, floor
from synclogs.query.filters import LogFilter
from synclogs.reading.count_sql import Bars
from synclogs.reading.counting import Heights

# Round bars for the usual ranges (30 minutes for a day, 3 hours for a week), wide enough for a finger on a phone.
MOST = 62
DAY = timedelta(days=1)
# Each at most twice the one before, so that a range has 31 to 62 bars; from a few seconds on.
SECONDS = (1, 2, 3, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200)
WIDTHS = (
    *(timedelta(seconds=seconds) for seconds in SECONDS),
    *(timedelta(days=days) for days in (1, 2, 4, 7, 14, 28, 56, 112, 224, 448, 896)),
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Entries from `since` until `until` by level; the last one of a range without an end has None and all that is later."""

    since: datetime
    until: datetime | None
    levels: Mapping[int, int]

    @property
    def total(self) -> int:
        return sum(self.levels.values())

    def of(self, level: Level) -> int:
        return self.levels.get(level, 0)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Every bucket of the range, oldest first, those without entries too."""

    start: datetime  # of the first bar, were it not cut at the range
    buckets: tuple[Bucket, ...]
    width: timedelta
    until: datetime  # of the range; now where it has no end

    @property
    def total(self) -> int:
        return sum(bucket.total for bucket in self.buckets)

    @property
    def peak(self) -> int:
        return max(bucket.total for bucket in self.buckets)

    def of(self, level: Level) -> int:
        return sum(bucket.of(level) for bucket in self.buckets)


def bars(log_filter: LogFilter, *, now: datetime) -> Bars:
    """The narrowest bars of which the range needs at most MOST."""
    since, until = log_filter.since, _end(log_filter, now=now)
    width = next(
        (width for width in WIDTHS if (ceiling(until, width) - floor(since, width)) // width <= MOST), WIDTHS[-1]
    )
    last = floor(until, width)
    return Bars(width, last - width if last == until else last)


def of(heights: Heights, drawn: Bars, log_filter: LogFilter, *, now: datetime) -> Histogram:
    """`heights` are those of the bars `drawn`, which were made for this filter at this moment."""
    first = start = floor(log_filter.since, drawn.width)
    buckets = []
    levels: dict[datetime, dict[int, int]] = {}
    for (bar, level), entries in heights.items():
        levels.setdefault(bar, {})[level] = entries
    while start <= drawn.last:
        end = log_filter.until if start == drawn.last else start + drawn.width
        buckets.append(Bucket(max(start, log_filter.since), end, levels.get(start, {})))
        start += drawn.width
    return Histogram(first, tuple(buckets), drawn.width, _end(log_filter, now=now))


def _end(log_filter: LogFilter, *, now: datetime) -> datetime:
    """Where the last bar ends. A range that has not begun yet has one bar."""
    return log_filter.until or max(now, log_filter.since + timedelta(seconds=1))
