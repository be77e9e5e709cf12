"""Chart geometry: numbers to rectangles in the units of a viewBox. No markup, no colours, no words.

The templates draw SVG with them, by attributes only, since the content security policy forbids inline styles.
"""

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 100.0
BAR = 10.0
GAP = 2.0
LEAST = 3.0  # so that one error among thousands of entries can be seen


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar; `kind` is what the style sheet colours."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Stacked bars side by side. `top` is the value at the upper edge."""

    bars: tuple[Bar, ...]
    width: float
    top: int

    @property
    def view_box(self) -> str:
        return f"0 0 {self.width:g} {HEIGHT:g}"

    @property
    def paths(self) -> dict[str, str]:
        """All pieces of a kind as one SVG path, for charts with so many that an element each would be felt."""
        pieces: dict[str, list[str]] = {}
        for bar in self.bars:
            for part in bar.parts:
                pieces.setdefault(part.kind, []).append(f"M{bar.x:g} {part.y:g}h{BAR:g}v{part.height:g}h-{BAR:g}z")
        return {kind: "".join(drawn) for kind, drawn in pieces.items()}


def stacked(columns: Sequence[Sequence[tuple[str, int]]], *, top: int = 0) -> Bars:
    """A bar for each column of (kind, value), the first kind at the bottom; values above zero are never invisible.

    The upper edge is at `top`, by default at a round number above the highest bar.
    """
    top = top or nice(max((sum(value for _, value in column) for column in columns), default=0))
    step = BAR + GAP
    bars = tuple(Bar(round(index * step + GAP / 2, 2), _parts(column, top)) for index, column in enumerate(columns))
    return Bars(bars, width=max(step, len(columns) * step), top=top)


def _parts(column: Sequence[tuple[str, int]], top: int) -> tuple[Part, ...]:
    parts, floor = [], HEIGHT
    for kind, value in column:
        if value <= 0:
            continue
        height = min(max(LEAST, HEIGHT * value / top), floor)
        floor -= height
        parts.append(Part(kind, round(floor, 2), round(height, 2)))
    return tuple(parts)


def nice(value: int) -> int:
    """The next round number: 1, 2, 5, 10, 20, 50, …"""
    scale = 1
    while True:
        for step in (1, 2, 5):
            if value <= step * scale:
                return step * scale
        scale *= 10
