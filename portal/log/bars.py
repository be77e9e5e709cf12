"""The bars of the chart above the log list, drawn: what each shows, as SVG and as a line of the table behind it.

Counted buckets and their geometry come in, finished markup goes out; no query. A chart has up to 62 bars with two times, a
sentence and three links each, which as templates cost more than the fifty lines of the list below it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from django.utils.safestring import SafeString

from portal.drawing import charts
from portal.drawing.markup import fill, joined
from portal.links import querystring
from portal.links.querystring import Pairs
from synclogs.catalogue import Level
from synclogs.explain import phrases, times
from synclogs.moments import rfc3339
from synclogs.reading.histogram import Bucket

BAR = (
    '<a href="{0}" tabindex="{1}" aria-label="{2}"><title>{2}</title>'
    '<rect class="bar-ground" x="{3}" y="0" width="10" height="100"/></a>'
)
LINE = (
    '<tr><th scope="row"><a href="{}">{}</a></th>'
    '<td class="num">{}</td><td class="num">{}</td><td class="num">{}</td></tr>'
)
TICK = '<line x1="{0}%" x2="{0}%" y1="0" y2="4"/><text class="{1}" x="{0}%" y="14">{2}</text>'
ZERO = fill("0")
MINUTE = timedelta(minutes=1)


def drawn(buckets: Sequence[Bucket], shapes: charts.Bars, rest: Pairs) -> tuple[SafeString, SafeString]:
    """The bars, and a table row for each that is not empty. Every link keeps `rest`, a query without a range."""
    edges = [_edge(bucket.since) for bucket in buckets]  # where one ends the next begins
    last = buckets[-1].until
    made = [
        (bucket, _stretch(since, until), _range(since, until))
        for bucket, since, until in zip(buckets, edges, (*edges[1:], _edge(last) if last else None), strict=True)
    ]
    whole = querystring.head(rest)
    of_level = querystring.head(querystring.remove(querystring.remove(rest, "level"), "-level"))
    links = [
        fill(BAR, whole + between, "0" if bar is shapes.bars[-1] else "-1", _words(bucket, time), f"{bar.x:g}")
        for (bucket, time, between), bar in zip(made, shapes.bars, strict=True)
    ]
    paths = [fill('<path class="bar-{}" d="{}"/>', kind, path) for kind, path in shapes.paths.items()]
    lines = [
        fill(
            LINE,
            whole + between,
            time,
            f"{bucket.total:,}",
            _number(bucket.of(Level.ERROR), f"{of_level}{between}&level=error"),
            _number(bucket.of(Level.WARNING), f"{of_level}{between}&level=warning"),
        )
        for bucket, time, between in made
        if bucket.total
    ]
    return joined((*links, *paths)), joined(lines)


def axis(ticks: Iterable[tuple[float, str]]) -> SafeString:
    """Times at percents of its length; every other one may be left out where there is little room."""
    return joined(
        [fill(TICK, f"{x:g}", "minor" if number % 2 else "", words) for number, (x, words) in enumerate(ticks)]
    )


def _words(bucket: Bucket, time: str) -> str:
    """All that a bar shows."""
    counts = [phrases.plural(bucket.total, "entry", "entries")]
    for level, one, many in ((Level.ERROR, "error", "errors"), (Level.WARNING, "warning", "warnings")):
        if found := bucket.of(level):
            counts.append(phrases.plural(found, one, many))
    return f"{time}: {', '.join(counts)}"


def _number(count: int, url: str) -> SafeString:
    return fill('<a href="{}">{}</a>', url, f"{count:,}") if count else ZERO


@dataclass(frozen=True, slots=True)
class _Edge:
    """A moment as it is said, in the zone shown, and as it stands in a query."""

    here: datetime
    date: str
    clock: str
    zone: str
    wire: str


def _edge(moment: datetime) -> _Edge:
    here = times.local(moment)
    return _Edge(here, times.date(here), times.clock(here), times.zone_of(here), quote(rfc3339(moment)))


def _range(since: _Edge, until: _Edge | None) -> str:
    """Exactly this stretch of time, as the end of a query."""
    return f"since={since.wire}&until={until.wire}" if until else f"since={since.wire}"


def _stretch(since: _Edge, until: _Edge | None) -> str:
    """23 Nov, 14:00 to 14:20 UTC; from 14:00 UTC on; the date again where it changes, the time once within a minute."""
    if until is None:
        return f"{since.date}, from {since.clock} {since.zone} on"
    if since.clock == until.clock and len(since.clock) == len("00:00") and until.here - since.here < MINUTE:
        return f"{since.date}, {since.clock} {until.zone}"
    other_day = "" if since.here.date() == until.here.date() else f"{until.date}, "
    return f"{since.date}, {since.clock} to {other_day}{until.clock} {until.zone}"
