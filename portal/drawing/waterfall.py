"""Waterfall geometry of a run: offsets in seconds to positions in percent of the width. No markup, no words.

Time is proportional, with two exceptions: entries close together get room, and a very long silence is cut short.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

PERCENT = 100.0
MARGIN = 1.5  # a mark is wider than a point
ROOM = 1.2  # what each entry of a crowd gets at least
CROWDS = 60.0  # what all crowds together get at most
TOGETHER = 2.8  # marks nearer than this become one
CUT_AT_MOST = 3
CUT_FACTOR = 6.0
CUT_NEEDS = 4  # with fewer other gaps there is nothing that a long silence could hide
CUT_SHARE = 0.6
CUT_TO = 0.25
TAIL_LEAST, TAIL_MOST = 0.15, 0.5
VISIBLE = 0.8  # narrower bars than this are not drawn
WIDE, NARROW = 1000, 270  # the drawing's width in pixels on a desk and on a phone, for what fits
CHARACTER = 6.3
PADDING = 12
STROKES_APART = 9.0
NARROW_APART = 27.0
MOST_ENDS = 8


@dataclass(frozen=True, slots=True)
class Point:
    """An entry: when, in which lane, how bad (greater is worse)."""

    offset: float
    lane: int
    weight: int


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time; `key` comes back with it."""

    start: float
    end: float
    key: int

    @property
    def length(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Mark:
    """One entry or several drawn as one: the numbers of the first and last point, the worst of them, how many."""

    x: float
    lane: int
    first: int
    last: int
    worst: int
    count: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A pause or a wait. `is_cut`: drawn shorter than its time."""

    key: int
    x: float
    width: float
    is_cut: bool = False

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 2)


@dataclass(frozen=True, slots=True)
class Stroke:
    """A moment on the axis; `on_phone`: also when the drawing is narrow. `anchor` as in SVG."""

    x: float
    offset: float
    on_phone: bool
    anchor: str


@dataclass(frozen=True, slots=True)
class Label:
    """What is written into a bar on a wide screen and on a phone; "" where nothing has room."""

    wide: str
    narrow: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    marks: tuple[Mark, ...]
    silences: tuple[Bar, ...]
    waits: tuple[Bar, ...]
    strokes: tuple[Stroke, ...]
    end: float  # where the last entry stands
    tail: Bar | None  # from there until now, when the run has no end


def draw(
    points: Sequence[Point],
    pauses: Sequence[Span],
    *,
    silences: Sequence[Span] = (),
    waits: Sequence[Span] = (),
    tail: float = 0.0,
) -> Waterfall:
    """`points` in their order; a pause lies between two of them, silences and waits anywhere.

    `tail`: for how many seconds a run without an end has been silent.
    """
    moments = sorted({0.0, *(point.offset for point in points)})
    scale = Scale(moments, pauses, tail=tail)
    end = scale.at(moments[-1])
    return Waterfall(
        marks=_marks(points, scale.at),
        silences=_bars(silences, scale),
        waits=_bars(waits, scale),
        strokes=_strokes(moments, pauses, scale, taken=[PERCENT - MARGIN] if tail > 0 else []),
        end=end,
        tail=Bar(-1, end, round(PERCENT - MARGIN - end, 2)) if tail > 0 else None,
    )


def label(width: float, *words: str) -> Label:
    """The first of `words` (longest first) that goes into a bar of that width."""
    wide, narrow = (
        next((text for text in words if len(text) * CHARACTER + PADDING <= width * pixels / PERCENT), "")
        for pixels in (WIDE, NARROW)
    )
    return Label(wide, narrow)


class Scale:
    """From seconds to percent: straight between neighbouring moments."""

    def __init__(self, moments: Sequence[float], pauses: Sequence[Span], *, tail: float) -> None:
        gaps = list(pairwise(moments))
        paused = {(span.start, span.end) for span in pauses}
        lengths = [later - earlier for earlier, later in gaps]
        silent = [gap in paused for gap in gaps]
        cut = _cut(lengths, silent)
        self.cut = [gaps[number] for number in cut]
        whole = PERCENT - 2 * MARGIN
        length = moments[-1] - moments[0]
        if tail > 0:
            share = min(TAIL_MOST, max(TAIL_LEAST, tail / (tail + length))) if length else 1.0
            whole *= 1 - share
        widths = _widths([cut.get(number, length) for number, length in enumerate(lengths)], silent, whole=whole)
        self.moments, self.places = list(moments), [MARGIN]
        for width in widths:
            self.places.append(self.places[-1] + width)
        if tail > 0:
            self.moments.append(moments[-1] + tail)
            self.places.append(PERCENT - MARGIN)

    def at(self, moment: float) -> float:
        """Before the first and beyond the last moment everything stands at its place."""
        number = min(max(1, bisect_left(self.moments, moment)), len(self.moments) - 1)
        if not number:
            return MARGIN
        earlier, later = self.moments[number - 1 : number + 1]
        left, right = self.places[number - 1 : number + 1]
        share = min(1.0, max(0.0, (moment - earlier) / (later - earlier)))
        return round(left + (right - left) * share, 2)


def _cut(lengths: Sequence[float], silent: Sequence[bool]) -> dict[int, float]:
    """Silences that would leave no room for all the rest: number of the gap -> the length it is drawn with."""
    order = sorted((number for number, is_silent in enumerate(silent) if is_silent), key=lambda n: -lengths[n])
    for most in range(min(CUT_AT_MOST, len(order)), 0, -1):
        long, total = order[:most], sum(lengths)
        others = [length for number, length in enumerate(lengths) if number not in long]
        rest = sum(others)
        if len(others) < CUT_NEEDS or not rest or total - rest < CUT_SHARE * total:
            continue
        if lengths[long[-1]] >= CUT_FACTOR * max(others):
            drawn = max(1.2 * max(others), rest * CUT_TO / (1 - CUT_TO) / most)
            return dict.fromkeys(long, drawn)
    return {}


def _widths(lengths: Sequence[float], silent: Sequence[bool], *, whole: float) -> list[float]:
    """Shares of `whole`: in proportion, but a crowd (gaps that are no silences, side by side) gets room for its entries."""
    total = sum(lengths)
    if not total:
        return [whole / len(lengths) for _ in lengths]
    crowds = _crowds(silent)
    wished = {begin: ROOM * (end - begin) * whole / PERCENT for begin, end in crowds}
    shrink = min(1.0, CROWDS * whole / PERCENT / (sum(wished.values()) or 1.0))
    widths = [whole * length / total for length in lengths]
    grown = {
        (begin, end): wished[begin] * shrink for begin, end in crowds if sum(widths[begin:end]) < wished[begin] * shrink
    }
    inside = {number for begin, end in grown for number in range(begin, end)}
    left = sum(length for number, length in enumerate(lengths) if number not in inside)
    room = whole - sum(grown.values()) if left else 0.0
    widths = [room * length / left if left else 0.0 for length in lengths]
    for (begin, end), width in grown.items():
        length = sum(lengths[begin:end])
        stretch = whole / sum(grown.values()) if not left else 1.0
        for number in range(begin, end):
            widths[number] = stretch * (width * lengths[number] / length if length else width / (end - begin))
    return widths


def _crowds(silent: Sequence[bool]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    begin: int | None = None
    for number, is_silent in enumerate((*silent, True)):
        if is_silent and begin is not None:
            found.append((begin, number))
            begin = None
        elif not is_silent and begin is None:
            begin = number
    return found


def _bars(spans: Sequence[Span], scale: Scale) -> tuple[Bar, ...]:
    """Those that are wide enough to be seen."""
    found = []
    for span in spans:
        x, right = scale.at(span.start), scale.at(span.end)
        is_cut = any(span.start < end and begin < span.end for begin, end in scale.cut)
        if right - x >= VISIBLE:
            found.append(Bar(span.key, x, round(right - x, 2), is_cut=is_cut))
    return tuple(found)


def _marks(points: Sequence[Point], at: Callable[[float], float]) -> tuple[Mark, ...]:
    """The marks of all lanes, from left to right; neighbours in a lane that would cover each other are one."""
    placed = {point.offset: at(point.offset) for point in points}
    groups: list[list[int]] = []
    open_group: dict[int, list[int]] = {}
    for number, point in sorted(enumerate(points), key=lambda pair: (pair[1].offset, pair[0])):
        group = open_group.get(point.lane)
        if group and placed[point.offset] - placed[points[group[0]].offset] < TOGETHER:
            group.append(number)
        else:
            open_group[point.lane] = [number]
            groups.append(open_group[point.lane])
    marks = []
    for group in groups:
        left, right = placed[points[group[0]].offset], placed[points[group[-1]].offset]
        worst = max(group, key=lambda number: (points[number].weight, -number))
        marks.append(
            Mark(
                round((left + right) / 2, 2),
                points[group[0]].lane,
                first=group[0],
                last=group[-1],
                worst=worst,
                count=len(group),
            )
        )
    return tuple(sorted(marks, key=lambda mark: (mark.x, mark.lane, mark.first)))


def _strokes(
    moments: Sequence[float], pauses: Sequence[Span], scale: Scale, *, taken: Sequence[float]
) -> tuple[Stroke, ...]:
    """The start, the end, where silences end, and round offsets in between, as many as have room beside what is `taken`."""
    last = moments[-1]
    ends = sorted(span.end for span in pauses)
    even = [offset for offset in _round(last) if not any(begin < offset < end for begin, end in scale.cut)]
    offered = [0.0, last, *(ends + even if len(ends) <= MOST_ENDS else even + ends)]
    chosen: list[tuple[float, float]] = []
    on_phone = [*taken]
    for offset in dict.fromkeys(offered):
        x = scale.at(offset)
        if all(abs(x - other) >= STROKES_APART for other, _ in chosen):
            chosen.append((x, offset))
            if all(abs(x - other) >= NARROW_APART for other in on_phone):
                on_phone.append(x)
    return tuple(Stroke(x, offset, x in on_phone, _anchor(x)) for x, offset in sorted(chosen, key=itemgetter(0)))


STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def _round(length: float) -> list[float]:
    """At most eight round offsets in a run of that length."""
    step: float = next((step for step in STEPS if length / step <= 8), 0)
    if not step:
        step = 86400 * max(1, round(length / 86400 / 6))
    return [step * number for number in range(1, int(length / step) + 1)]


def _anchor(x: float) -> str:
    if x < 5:
        return "start"
    return "end" if x > 95 else "middle"


# Columns of the charts of many runs


ROOF_USUALS = 6
COLUMN_LEAST = 3.0


@dataclass(frozen=True, slots=True)
class Column:
    """In pixels from the top of a chart; `is_cut`: higher than the chart."""

    y: float
    height: float
    is_cut: bool


def roof(values: Sequence[float], *, usual: float) -> float:
    """What the upper edge stands for: the greatest value, but not so much more than usual that the others vanish."""
    most = max(values, default=0.0)
    return min(most, ROOF_USUALS * usual) if usual > 0 else most


def column(value: float, *, top: float, height: float) -> Column:
    """A value above zero is never invisible."""
    share = min(1.0, value / top) if top > 0 else 0.0
    tall = max(COLUMN_LEAST, share * height) if value > 0 else 0.0
    return Column(round(height - tall, 1), round(tall, 1), is_cut=top > 0 and value > top)
