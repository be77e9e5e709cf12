"""Comparison of two runs, step by step: rows that are equal, changed, or in one run only; the first difference is marked.

Pure: numbers, names and values, no sentences and no links. Bounded by the entries passed in.
"""

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from synclogs import catalogue
from synclogs.catalogue import Step
from synclogs.parsing import entry_keys, fields

LEAVES = 40  # values compared in a payload
DEPTH = 4
CHANGES = 12  # changes listed for one pair of entries
SLOWER = 3
SLOWER_AT_LEAST = timedelta(seconds=10)
COLUMNS = ("status", "http_status", "error_code", "recoverability", "credential_id", "integration", "pipeline", "sync_type", "user_id")  # fmt: skip
ERROR_COLUMNS = frozenset(key.column for key in entry_keys.ERROR if key.column)
SETTINGS = re.compile(r"^(config|setting)", re.IGNORECASE)
# Shown by rows or by the totals, or different in every run.
OF_THE_ERROR = entry_keys.RETRY_KEYS | {entry_keys.ERROR_MESSAGE.wire}
_VARIES = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b"
    r"|\d+(?:[.,:/_T-]\d+)*Z?",
    re.IGNORECASE,
)


class StepEntry(Protocol):
    """What is read of an entry; synclogs.models.LogEntry has all of it."""

    type: str
    event: str
    level: int
    message: str
    error_code: str
    http_status: int | None
    occurred_at: datetime
    detail: object


class Totals(Protocol):
    """What is read of a run as a whole; synclogs.models.Trace has all of it."""

    created: int | None
    updated: int | None
    deleted: int | None
    total_processed: int | None
    total_changes: int | None
    entries: int
    warnings: int
    errors: int


class Kind(StrEnum):
    ALIKE = "alike"
    CHANGED = "changed"
    HERE = "here"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Change:
    """A value that is not the same: `name` is a column, "pause", "message" or the path of a payload value.

    None = it is not there. `is_relevant`: it may explain something; the others differ from run to run anyway.
    """

    name: str
    good: object
    here: object
    is_relevant: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A step of one run or of both; the numbers count the entries handed in, None where the run has no such step."""

    kind: Kind
    good: int | None
    here: int | None
    changes: tuple[Change, ...] = ()

    @property
    def is_relevant(self) -> bool:
        return self.kind in (Kind.HERE, Kind.GOOD) or any(change.is_relevant for change in self.changes)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`first` is the number of the first row that tells something, None when every step is alike."""

    rows: tuple[Row, ...]
    first: int | None = None
    totals: tuple[tuple[str, int | None, int | None], ...] = field(default=())

    @property
    def steps_alike(self) -> int:
        """So many steps from the start on are alike."""
        return len(self.rows) if self.first is None else self.first


COUNTED = tuple(key.snake for key in fields.TOTALS if key != entry_keys.DURATION)
TOTALS = (*COUNTED, "entries", "warnings", "errors")


def compare(
    good: Sequence[StepEntry], here: Sequence[StepEntry], *, totals: tuple[Totals, Totals] | None = None, is_open: bool
) -> Comparison:
    """`good` and `here` oldest first. `is_open`: this run still goes on, so steps that have not come are no difference."""
    pairs = align([key_of(entry) for entry in good], [key_of(entry) for entry in here])
    rows = list(_rows(list(_paired(pairs, good, here)), good, here))
    first = next((number for number, row in enumerate(rows) if row.is_relevant), None)
    if is_open and first is not None and all(row.kind == Kind.GOOD for row in rows[first:]):
        rows, first = rows[:first], None
    return Comparison(
        tuple(rows),
        first,
        totals=tuple((name, getattr(totals[0], name), getattr(totals[1], name)) for name in TOTALS) if totals else (),
    )


def key_of(entry: StepEntry) -> tuple[str, str, str, int, str]:
    """What makes two entries the same step: numbers, ids and times in the message do not count."""
    return (entry.type, entry.event, entry.error_code, entry.level, masked(entry.message))


def masked(message: str) -> str:
    return _VARIES.sub("#", message[:500])


def align(good: Sequence[Hashable], here: Sequence[Hashable]) -> list[tuple[int | None, int | None]]:
    """Each number of both sides exactly once, in order; a pair has the same key. As many pairs as there can be.

    A longest common subsequence by bits (Hyyrö), since pages must not wait for what two odd runs make of difflib: 500 by
    500 keys take a millisecond, whatever they are. What is alike at both ends is taken off first, so that the first
    difference is the earliest.
    """
    head = 0
    while head < min(len(good), len(here)) and good[head] == here[head]:
        head += 1
    tail = 0
    while tail < min(len(good), len(here)) - head and good[-1 - tail] == here[-1 - tail]:
        tail += 1
    inner = _subsequence(good[head : len(good) - tail], here[head : len(here) - tail])
    found: list[tuple[int | None, int | None]] = [(number, number) for number in range(head)]
    left, right = head, head
    for one, other in [*((one + head, other + head) for one, other in inner), (len(good) - tail, len(here) - tail)]:
        found += [(None, number) for number in range(right, other)]
        found += [(number, None) for number in range(left, one)]
        if one < len(good) - tail:
            found.append((one, other))
        left, right = one + 1, other + 1
    return found + [(len(good) - number, len(here) - number) for number in range(tail, 0, -1)]


def _subsequence(good: Sequence[Hashable], here: Sequence[Hashable]) -> list[tuple[int, int]]:
    places: dict[Hashable, int] = {}
    for number, key in enumerate(here):
        places[key] = places.get(key, 0) | 1 << number
    everything = (1 << len(here)) - 1
    state, states = everything, []
    for key in good:
        matching = state & places.get(key, 0)
        state = ((state + matching) | (state - matching)) & everything
        states.append(state)
    found = []
    row, column = len(good), len(here)
    while row and column:
        if states[row - 1] >> (column - 1) & 1:
            column -= 1
        else:
            row -= 1
            if not row or states[row - 1] >> (column - 1) & 1:
                column -= 1
                found.append((row, column))
    return found[::-1]


def _paired(
    pairs: Sequence[tuple[int | None, int | None]], good: Sequence[StepEntry], here: Sequence[StepEntry]
) -> Iterator[tuple[int | None, int | None]]:
    """Within a stretch that differs, entries of the same event and level are one step whose words changed."""
    waiting: list[tuple[int | None, int | None]] = []
    for pair in (*pairs, None):
        if pair is not None and None in pair:
            waiting.append(pair)
            continue
        here_numbers = [right for _, right in waiting if right is not None]
        good_numbers = [left for left, _ in waiting if left is not None]
        events = align(
            [(good[number].event, good[number].level, good[number].type) for number in good_numbers],
            [(here[number].event, here[number].level, here[number].type) for number in here_numbers],
        )
        for left, right in events:
            yield None if left is None else good_numbers[left], None if right is None else here_numbers[right]
        waiting = []
        if pair is not None:
            yield pair


def _rows(
    pairs: Sequence[tuple[int | None, int | None]], good: Sequence[StepEntry], here: Sequence[StepEntry]
) -> Iterator[Row]:
    pauses = _pauses(good), _pauses(here)
    for left, right in pairs:
        if left is None or right is None:
            yield Row(Kind.HERE if left is None else Kind.GOOD, left, right)
            continue
        changes = tuple(_changes(good[left], here[right], pauses=(pauses[0][left], pauses[1][right])))[:CHANGES]
        yield Row(Kind.CHANGED if changes else Kind.ALIKE, left, right, changes)


def _pauses(entries: Sequence[StepEntry]) -> list[timedelta]:
    return [timedelta(0), *(later.occurred_at - earlier.occurred_at for earlier, later in pairwise(entries))]


def _changes(good: StepEntry, here: StepEntry, *, pauses: tuple[timedelta, timedelta]) -> Iterator[Change]:
    """What differs between two entries of the same step; what tells something comes first."""
    for name in COLUMNS:
        before, after = getattr(good, name), getattr(here, name)
        if before != after:
            # Entries leave out what they like; only an error is known by being there.
            yield Change(
                name, before or None, after or None, is_relevant=bool(before and after) or name in ERROR_COLUMNS
            )
    if masked(good.message) != masked(here.message):
        yield Change("message", good.message or None, here.message or None, is_relevant=True)
    if far_apart(*pauses):
        yield Change("pause", pauses[0], pauses[1], is_relevant=True)
    before, after = (dict(leaves(entry.detail)) for entry in (good, here))
    found = [
        Change(path, before.get(path), after.get(path), is_relevant=bool(SETTINGS.match(path)))
        for path in dict.fromkeys((*before, *after))
        if not _same(before.get(path), after.get(path)) or (path in before) != (path in after)
    ]
    yield from sorted(found, key=lambda change: not change.is_relevant)


def far_apart(good: timedelta, here: timedelta) -> bool:
    """Whether a length of time is another order: three times and ten seconds."""
    short, long = sorted((good, here))
    return long - short >= SLOWER_AT_LEAST and long >= SLOWER * short


def _same(good: object, here: object) -> bool:
    if isinstance(good, str) and isinstance(here, str):
        return masked(good) == masked(here)
    return good == here and type(good) is type(here)


def leaves(detail: object) -> Iterator[tuple[str, object]]:
    """The first values of a payload by their path; lists and what lies deeper count as there or not there.

    Counts that a run reports of itself and the clock of its retries are left out: totals and pauses tell them.
    """
    for number, leaf in enumerate(_leaves(detail, (), 0)):
        if number == LEAVES:
            return
        yield leaf


def _leaves(value: object, path: tuple[str, ...], depth: int) -> Iterator[tuple[str, object]]:
    if not isinstance(value, Mapping) or depth == DEPTH:
        yield ".".join(path), value if isinstance(value, str | int | float | bool | None) else type(value).__name__
        return
    for key, inner in value.items():
        if path == ("error",) and key in OF_THE_ERROR:
            continue
        if not path and key == "summary" and fields.summary({"summary": inner}):
            continue
        yield from _leaves(inner, (*path, str(key)), depth + 1)


def ending(entries: Sequence[StepEntry]) -> int | None:
    """The number of the last entry that ends a run; None when none does."""
    ends = (Step.COMPLETED, Step.FAILED, Step.INTERRUPTED)
    return next((n for n in range(len(entries) - 1, -1, -1) if catalogue.event(entries[n].event).step in ends), None)
