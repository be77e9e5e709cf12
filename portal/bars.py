"""The bars of the chart above the log list, drawn: what each shows, as SVG and as a line of the table behind it.

Counted buckets and their geometry come in, finished markup goes out; no query. A chart has up to 90 bars with two times, a
sentence and three links each, which as templates cost more than the fifty lines of the list below it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import quote

from django.utils.safestring import SafeString

from portal import charts, querystring
from portal.markup import fill, joined
from portal.querystring import Pairs
from portal.templatetags.portal import stamp
from synclogs.catalogue import Level
from synclogs.explain import phrases, times
from synclogs.histogram import Bucket

BAR = (
    '<a href="{0}" tabindex="{1}" aria-label="{2}"><title>{2}</title>'
    '<rect class="bar-ground" x="{3}" y="0" width="10" height="100"/></a>'
)
LINE = (
    '<tr><th scope="row"><a href="{}">{}</a></th>'
    '<td class="num">{}</td><td class="num">{}</td><td class="num">{}</td></tr>'
)
ZERO = fill("0")


def drawn(buckets: Iterable[Bucket], shapes: charts.Bars, rest: Pairs) -> tuple[SafeString, SafeString]:
    """The bars, and a table row for each that is not empty. Every link keeps `rest`, a query without a range."""
    made = [(bucket, _stretch(bucket), _range(bucket)) for bucket in buckets]
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


def _words(bucket: Bucket, time: str) -> str:
    """All that a bar shows."""
    counts = [phrases.plural(bucket.total, "entry", "entries")]
    for level, one, many in ((Level.ERROR, "error", "errors"), (Level.WARNING, "warning", "warnings")):
        if found := bucket.of(level):
            counts.append(phrases.plural(found, one, many))
    return f"{time}: {', '.join(counts)}"


def _number(count: int, url: str) -> SafeString:
    return fill('<a href="{}">{}</a>', url, f"{count:,}") if count else ZERO


def _range(bucket: Bucket) -> str:
    """Exactly this stretch of time, as the end of a query."""
    until = f"&until={quote(stamp(bucket.until))}" if bucket.until else ""
    return f"since={quote(stamp(bucket.since))}{until}"


def _stretch(bucket: Bucket) -> str:
    """23 Nov, 14:00 to 14:20 UTC; from 14:00 UTC on; whole days without the time."""
    start = times.local(bucket.since)
    if bucket.until is None:
        return f"{date(start)}, from {clock(start)} {times.zone(bucket.since)} on"
    end = times.local(bucket.until)
    first, second = clock(start), clock(end)
    if first == second and len(first) == len("00:00") and end - start < timedelta(minutes=1):
        return f"{date(start)}, {first} {times.zone(bucket.until)}"
    other_day = "" if start.date() == end.date() else f"{date(end)}, "
    return f"{date(start)}, {first} to {other_day}{second} {times.zone(bucket.until)}"


def date(here: datetime) -> str:
    return f"{here.day} {here:%b}"


def clock(here: datetime) -> str:
    return f"{here:%H:%M:%S}" if here.second else f"{here:%H:%M}"
