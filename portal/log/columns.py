"""Columns of the log list: the available ones, and the choice and order in a URL.

Reads the parameter `columns` (repeated, or a comma list); an error names the parameter. Time and level are always first and not
chosen. No markup.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from portal.links.querystring import Pairs
from synclogs.parsing.entry_keys import NAMED
from synclogs.query import advice
from synclogs.query.fields import EMPTY, is_blank
from synclogs.query.filters import FilterError

PARAMETER = "columns"
ALWAYS = ("time", "level")
LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Column:
    """`size` is a class of views.css: xs, s, m, l, or rest for what takes the room that is left."""

    name: str
    words: str
    size: str
    about: str = ""

    @property
    def css(self) -> str:
        return f"cell cell-{self.size} cell-{self.name}"


# The least width of each size in rem, as in views.css; with what stands before the columns and between them.
SIZES: Mapping[str, float] = {"xs": 4.75, "s": 5.0, "m": 6.5, "l": 9.0, "rest": 8.0}
BEFORE, GAP = 15.75, 0.625
# Up to which width of all columns (rem) the list fits into which window: views.css scrolls it sideways below.
STEPS = (52, 60, 80)


def _column(name: str, size: str, about: str = "") -> Column:
    return Column(name, NAMED[name].label, size, about)


COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        _column("event", "l"),
        _column("sync", "xs"),
        _column("user", "s"),
        _column("integration", "s"),
        _column("message", "rest"),
        _column("type", "m"),
        _column("category", "m"),
        _column("pipeline", "xs"),
        _column("sync_type", "s"),
        _column("status", "m"),
        _column("trace", "s"),
        _column("error_code", "m"),
        Column("http_status", "HTTP", "xs", "HTTP status of the error"),
        _column("recoverability", "m"),
        _column("credential", "s", "ID of the credential"),
        Column("duration", "Duration", "xs", "From the summary of the run"),
        Column("changes", "Changes", "s", "From the summary of the run"),
        Column("received", "Received", "s", "When the entry arrived here"),
        Column("id", "ID", "m", "ID that the sender gave the entry"),
    )
}
DEFAULT = tuple(COLUMNS[name] for name in ("event", "sync", "user", "integration", "message"))


def parse(values: Iterable[str]) -> tuple[Column, ...]:
    """The chosen columns in their order; without any value the usual ones. Raises FilterError."""
    values = [*values]
    if is_blank(value.replace(",", " ") for value in values):
        raise FilterError({PARAMETER: EMPTY})
    names = [name.strip() for value in values for name in value[:LONGEST].split(",") if name.strip()]
    for name in names:
        if name not in COLUMNS and name not in ALWAYS:
            every = (*ALWAYS, *COLUMNS)
            hint = advice.hint(name.lower(), every) or f" There are {', '.join(every)}."
            raise FilterError({PARAMETER: f"There is no column “{name[:40]}”.{hint}"})
    if not names:
        return DEFAULT
    return tuple(COLUMNS[name] for name in dict.fromkeys(names) if name in COLUMNS)


def canonical(chosen: Sequence[Column]) -> Pairs:
    """The columns as they stand in a URL; nothing for the usual ones."""
    if tuple(chosen) == DEFAULT:
        return ()
    return ((PARAMETER, ",".join(column.name for column in chosen) or ALWAYS[0]),)


def width_class(chosen: Sequence[Column]) -> str:
    """How much room the columns need at least, as a class of the list."""
    needed = BEFORE + sum(SIZES[column.size] + GAP for column in chosen)
    step = next((number for number, most in enumerate(STEPS) if needed <= most), len(STEPS))
    return f"rows-step-{step}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the columns menu; `up` and `down` are the queries with the column moved by one, () where it cannot."""

    column: Column
    chosen: bool
    up: Pairs = ()
    down: Pairs = ()


def choices(chosen: Sequence[Column], rest: Pairs) -> list[Choice]:
    """Every column, the chosen ones first and in their order; `rest` is the query without its columns."""
    order = list(chosen)
    found = []
    for at, column in enumerate(order):
        up = moved(order, at, at - 1, rest) if at else ()
        down = moved(order, at, at + 1, rest) if at + 1 < len(order) else ()
        found.append(Choice(column, True, up, down))
    return found + [Choice(column, False) for column in COLUMNS.values() if column not in order]


def moved(order: Sequence[Column], at: int, to: int, rest: Pairs) -> Pairs:
    swapped = list(order)
    swapped[at], swapped[to] = swapped[to], swapped[at]
    # The usual order is named too, so that no pair of columns is mistaken for "nothing to move".
    return (*rest, *(canonical(swapped) or ((PARAMETER, ",".join(column.name for column in swapped)),)))
