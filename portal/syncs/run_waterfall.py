"""Waterfall chart of a run: marks, bars and labels from its timeline. No query, no markup.

Positions come from portal.drawing.waterfall; each mark links to the row of its entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.drawing import waterfall
from portal.drawing.values import level_slug, visible_text
from portal.drawing.waterfall import Label, Point, Span
from synclogs import catalogue, explain
from synclogs.catalogue import Category, Level, Step, Tone
from synclogs.explain import Outcome
from synclogs.models import Trace
from synclogs.reading.timeline import PAUSE_AT_LEAST, Moment, Timeline, Wait

MINUTE = timedelta(minutes=1)
TOP, BARE_TOP, LANE, AXIS = 22, 4, 30, 22
LANES = {
    Category.LIFECYCLE: "Run",
    Category.RETRY: "Retries",
    Category.ERROR: "Errors",
    Category.WEBHOOK: "Webhooks",
    Category.OTHER: "Other",
}
OPEN = (Outcome.RUNNING, Outcome.NO_END, Outcome.LIMITED)
NAMED = 3


@dataclass(frozen=True, slots=True)
class Lane:
    words: str
    y: int


@dataclass(frozen=True, slots=True)
class Mark:
    """`shape` is a level, or what an entry without trouble does: started, completed. `words` read it out."""

    x: float
    y: int
    shape: str
    href: str
    words: str
    count: int
    is_first: bool


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    width: float
    y: int
    height: int
    label: Label
    words: str
    is_cut: bool = False
    is_open: bool = False

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 2)

    @property
    def text_y(self) -> int:
        return self.y + self.height // 2 + 4


@dataclass(frozen=True, slots=True)
class Stroke:
    x: float
    words: str
    anchor: str
    on_phone: bool


@dataclass(frozen=True, slots=True)
class Chart:
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    silences: tuple[Bar, ...]
    waits: tuple[Bar, ...]
    tail: Bar | None
    strokes: tuple[Stroke, ...]
    tone: Tone
    end: float
    height: int
    has_top: bool
    words: str
    shapes: tuple[str, ...]

    @property
    def floor(self) -> int:
        """Where the lanes end and the axis begins."""
        return self.height - AXIS

    @property
    def foot(self) -> int:
        return self.height - 6


def chart(trace: Trace, line: Timeline, *, now: datetime) -> Chart | None:
    """None when retention has removed all entries of the run."""
    if not line.moments:
        return None
    outcome = explain.trace_outcome(trace, now=now)
    used = [category for category in LANES if any(category_of(moment) == category for moment in line.moments)]
    seconds = [moment.offset.total_seconds() for moment in line.moments]
    quiet = _silences(line)
    tail = now - trace.last_at if outcome in OPEN else timedelta(0)
    drawn = waterfall.draw(
        [
            Point(second, used.index(category_of(moment)), _weight(moment))
            for second, moment in zip(seconds, line.moments, strict=True)
        ],
        [Span(seconds[n - 1], seconds[n], n) for n, moment in enumerate(line.moments) if moment.pause is not None],
        silences=[_span(start, end, number) for number, (start, end) in enumerate(quiet)],
        waits=[_span(wait.start, wait.end, number) for number, wait in enumerate(line.waits)],
        tail=max(0.0, tail.total_seconds()),
    )
    top = TOP if drawn.silences or drawn.tail else BARE_TOP
    lanes = tuple(Lane(LANES[category], top + LANE * number + LANE // 2) for number, category in enumerate(used))
    height = top + LANE * len(lanes) + AXIS
    lane_of_waits = [lanes[used.index(category_of(line.moments[wait.number]))].y for wait in line.waits]
    marks = tuple(_mark(mark, line.moments, lanes, is_first=not n) for n, mark in enumerate(drawn.marks))
    return Chart(
        lanes=lanes,
        marks=marks,
        silences=tuple(_silence(bar, quiet[bar.key], height=height) for bar in drawn.silences),
        waits=tuple(_wait(bar, line.waits[bar.key], y=lane_of_waits[bar.key] - 7, now=now) for bar in drawn.waits),
        tail=_tail(drawn.tail, tail, height=height) if drawn.tail else None,
        strokes=tuple(Stroke(s.x, _axis_words(s.offset), s.anchor, s.on_phone) for s in drawn.strokes),
        tone=explain.OUTCOME_TONES[outcome],
        end=drawn.end,
        height=height,
        has_top=top == TOP,
        words=_summary(trace, line, quiet, drawn),
        shapes=tuple(shape for shape in SHAPES if any(mark.shape == shape for mark in marks)),
    )


SHAPES = ("started", "completed", "debug", "info", "warning", "error", "other")


def _weight(moment: Moment) -> int:
    """How bad; among what is no trouble, that the run completed is the most telling."""
    return moment.entry.level + (catalogue.event(moment.entry.event).step == Step.COMPLETED)


def category_of(moment: Moment) -> Category:
    return Category(moment.entry.category) if moment.entry.category in LANES else Category.OTHER


def _span(start: timedelta, end: timedelta, key: int) -> Span:
    return Span(start.total_seconds(), end.total_seconds(), key)


def _silences(line: Timeline) -> list[tuple[timedelta, timedelta]]:
    """The stretches without a log in which nothing was waited for."""
    until = {wait.number: wait.end for wait in line.waits}
    found = []
    for number, moment in enumerate(line.moments):
        if moment.pause is not None:
            begin = max(moment.offset - moment.pause, until.get(number - 1, timedelta(0)))
            if moment.offset - begin >= PAUSE_AT_LEAST:
                found.append((begin, moment.offset))
    return found


def _mark(mark: waterfall.Mark, moments: Sequence[Moment], lanes: Sequence[Lane], *, is_first: bool) -> Mark:
    first, worst = moments[mark.first], moments[mark.worst].entry
    step = catalogue.event(worst.event).step
    shape = level_slug(worst.level)
    if worst.level < Level.WARNING and step in (Step.STARTED, Step.COMPLETED):
        shape = step.value
    target = moments[mark.worst] if mark.count > 1 else first
    return Mark(
        x=mark.x,
        y=lanes[mark.lane].y,
        shape=shape,
        href=f"#e-{target.entry.key}",
        words=visible_text(_mark_words(mark, moments)),
        count=mark.count,
        is_first=is_first,
    )


def _mark_words(mark: waterfall.Mark, moments: Sequence[Moment]) -> str:
    """+2.1 s: Sync started (info). For several: 37 entries, +2.1 s to +2.4 s, 1 of them an error: …"""
    first, last, worst = (moments[number] for number in (mark.first, mark.last, mark.worst))
    what = explain.one_line(explain.entry_headline(worst.entry), limit=120)
    if mark.count == 1:
        return f"+{offset_words(first.offset)}: {what} ({level_slug(first.entry.level)})"
    between = f"+{offset_words(first.offset)} to +{offset_words(last.offset)}"
    if first.offset == last.offset:
        between = f"all at +{offset_words(first.offset)}"
    worse = f", the worst ({level_slug(worst.entry.level)})" if worst.entry.level >= Level.WARNING else ", one of them"
    return f"{explain.plural(mark.count, 'entry', 'entries')}, {between}{worse}: {what}"


def _silence(bar: waterfall.Bar, span: tuple[timedelta, timedelta], *, height: int) -> Bar:
    length = length_words(span[1] - span[0])
    words = f"{length} without a log"
    spelled = waterfall.label(bar.width, words, length)
    more = " (drawn shorter than it was)" if bar.is_cut else ""
    return Bar(bar.x, bar.width, 0, height - AXIS, spelled, words + more, is_cut=bar.is_cut)


def _wait(bar: waterfall.Bar, wait: Wait, *, y: int, now: datetime) -> Bar:
    attempt = explain.attempt_words(wait.attempt, wait.most)
    length = length_words(wait.length)
    waited = f"next attempt due after {length}" if wait.is_open else f"waited {length}"
    words = f"{waited}, {attempt}" if attempt else waited
    spelled = waterfall.label(bar.width, words, waited, length)
    return Bar(bar.x, bar.width, y, 14, spelled, _capital(words), is_cut=bar.is_cut, is_open=wait.is_open)


def _tail(bar: waterfall.Bar, length: timedelta, *, height: int) -> Bar:
    words = f"no log for {explain.span(length)}"
    spelled = waterfall.label(bar.width, f"{words}, until now", words, explain.span(length))
    return Bar(bar.x, bar.width, 0, height - AXIS, spelled, f"{_capital(words)}, until now")


def _summary(
    trace: Trace, line: Timeline, quiet: Sequence[tuple[timedelta, timedelta]], drawn: waterfall.Waterfall
) -> str:
    """What the drawing shows, for who does not see it."""
    shown = len(line.moments)
    parts = [explain.plural(trace.entries if line.cut else shown, "entry", "entries")]
    if line.cut:
        parts[0] = f"{shown:,} of {parts[0]}"
    if shown > 1:
        parts[0] += f" in {length_words(line.moments[-1].offset)}"
    if line.waits:
        waited = sum((wait.length for wait in line.waits if not wait.is_open), timedelta(0))
        parts.append(f"{explain.plural(len(line.waits), 'wait')} for another attempt" + _in_all(waited))
    if quiet:
        lengths = [end - start for start, end in quiet]
        parts.append(f"{explain.plural(len(quiet), 'silence')}, the longest {length_words(max(lengths))}")
    if drawn.tail:
        parts.append("no end so far")
    return "; ".join(parts)


def _in_all(length: timedelta) -> str:
    return f", {length_words(length)} in all" if length else ""


def _axis_words(offset: float) -> str:
    return offset_words(timedelta(seconds=round(offset))) if offset >= 60 else f"{round(offset, 1):g} s"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def offset_words(offset: timedelta) -> str:
    """0.0 s, 8.2 s, 3 min 5 s, 2 h 5 min"""
    if offset < MINUTE:
        return f"{offset.total_seconds():.1f} s"
    return explain.duration_ms(offset // timedelta(milliseconds=1))


def length_words(length: timedelta) -> str:
    """30 s, 3 min 5 s, 2 h 5 min"""
    return explain.duration_ms(length // timedelta(milliseconds=1))
