"""Chart above the log list: heading, numbers with links, bars and axis from a counted Histogram. No query.

Every bar links to its range of time and every level to its entries; all keep the other filters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.safestring import SafeString

from portal.drawing import charts
from portal.links import querystring
from portal.links.querystring import Pairs
from portal.log import bars
from synclogs.catalogue import Level
from synclogs.explain import phrases, times
from synclogs.moments import rfc3339
from synclogs.query.filters import PRESETS, LogFilter
from synclogs.reading.histogram import Histogram

DAY = timedelta(days=1)
# From the bottom of a bar upwards, with the words for one and for several.
LEVELS = (
    (Level.ERROR, "error", "error", "errors"),
    (Level.WARNING, "warning", "warning", "warnings"),
    (Level.INFO, "info", "info", "info"),
    (Level.DEBUG, "debug", "debug", "debug"),
)
WIDER = {"15m": "1h", "1h": "24h", "24h": "7d", "7d": "30d"}
WIDEST = timedelta(days=90)
# Between two ticks of the axis: the shortest that leaves at most MOST_TICKS.
STEPS = (
    *(timedelta(seconds=seconds) for seconds in (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)),
    *(timedelta(hours=hours) for hours in (1, 2, 3, 4, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 14, 28, 56, 112, 224, 448, 896, 1792, 3584, 7168, 14336)),
)
MOST_TICKS = 7
UNITS = ((DAY, "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"), (timedelta(seconds=1), "second"))


@dataclass(frozen=True, slots=True)
class LevelTotal:
    kind: str
    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Chart:
    """`bars`, `lines` and `axis` are finished markup; `query` is the query that every stretch of time is added to, as "?…"; `wider` the link
    that zooms out, "" at the widest."""

    bars: SafeString
    lines: SafeString
    view_box: str
    top: int
    axis: SafeString
    total: int
    levels: tuple[LevelTotal, ...]
    width: str
    zone: str
    since: str
    until: str
    query: str
    wider: str


def chart(found: Histogram, log_filter: LogFilter, query: Pairs, *, now: datetime) -> Chart:
    """`query` is what stands in the URL, columns and view included."""
    rest = querystring.remove(querystring.remove(query, "since"), "until")
    drawn = charts.stacked(
        [[(kind, bucket.of(level)) for level, kind, _, _ in LEVELS] for bucket in found.buckets], top=found.peak
    )
    last = log_filter.until
    shapes, lines = bars.drawn(found.buckets, drawn, rest)
    return Chart(
        bars=shapes,
        lines=lines,
        view_box=drawn.view_box,
        top=drawn.top,
        axis=bars.axis(_ticks(found)),
        total=found.total,
        levels=tuple(
            LevelTotal(kind, phrases.plural(count, one, many), _of_level(query, kind))
            for level, kind, one, many in LEVELS
            if (count := found.of(level))
        ),
        width=_width(found.width),
        zone=times.zone(found.until),
        since=times.minute(log_filter.since.replace(microsecond=0)),
        until=times.minute(last.replace(microsecond=0)) if last else "now",
        query=querystring.link(rest),
        wider=_wider(log_filter, rest, now=now),
    )


def _width(width: timedelta) -> str:
    unit, words = next((unit, words) for unit, words in UNITS if width >= unit)
    return phrases.plural(width // unit, words)


def _of_level(query: Pairs, kind: str) -> str:
    return querystring.link(querystring.replace(querystring.remove(query, "-level"), "level", kind))


def between(rest: Pairs, since: datetime, until: datetime | None) -> Pairs:
    """The query for exactly this stretch of time."""
    end = (("until", rfc3339(until)),) if until else ()
    return (*rest, ("since", rfc3339(since)), *end)


def _ticks(found: Histogram) -> Iterator[tuple[float, str]]:
    """Round times of the zone shown, by percents of the axis. They stand where their bars do, which are all drawn equally wide."""
    start, length = found.start, found.width * len(found.buckets)
    step = next((step for step in STEPS if length // step <= MOST_TICKS), STEPS[-1])
    midnight = times.local(start).replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + -(-(start - midnight) // step) * step
    while at < start + length:
        x = round(100 * ((at - start) / length), 2)
        here = times.local(at)
        if 4 <= x <= 96:
            words = (
                times.date(here)
                if step >= DAY or (here.hour, here.minute, here.second) == (0, 0, 0)
                else times.clock(here)
            )
            yield x, words
        at += step


def _wider(log_filter: LogFilter, rest: Pairs, *, now: datetime) -> str:
    """A preset's next one; else three times the length around the same middle, up to now."""
    if not log_filter.until_text and log_filter.since_text in PRESETS:
        wider = WIDER.get(log_filter.since_text, "")
        return querystring.link((*rest, ("since", wider))) if wider else ""
    length = (log_filter.until or max(now, log_filter.since)) - log_filter.since
    if length >= WIDEST or log_filter.since < now - 4 * WIDEST:
        return ""
    until = log_filter.until + length if log_filter.until else None
    return querystring.link(between(rest, log_filter.since - length, until if until and until < now else None))
