"""Comparison of a run with the last good one, for its page: a sentence, blocks of steps, totals.

Equal stretches are folded, repeated entries counted, everything bounded. One read of entries; no markup.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.urls import reverse
from django.utils.safestring import SafeString

from portal.drawing.values import level_badge
from portal.links.querystring import value_words
from portal.log import entry_detail
from portal.syncs import sync_rows
from portal.syncs.run_waterfall import length_words, offset_words
from synclogs import catalogue, explain
from synclogs.catalogue import Tone
from synclogs.explain import Outcome, comparison
from synclogs.explain.comparison import Change, Comparison, Kind, Row
from synclogs.models import Project, Sync, Trace
from synclogs.reading import timeline

BLOCKS = 40
SIDES = 12
ALIKE = 20
VALUE = 120
TOTALS = {
    "created": "Created",
    "updated": "Updated",
    "deleted": "Deleted",
    "total_processed": "Processed",
    "total_changes": "Changes",
    "entries": "Entries",
    "warnings": "Warnings",
    "errors": "Errors",
}


@dataclass(frozen=True, slots=True)
class Side:
    """An entry in one of the two columns; `times` counts how often it came in a row, up to the offset `until`."""

    url: str
    badge: SafeString
    event: str
    offset: str
    text: str
    times: int
    until: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A value of a step in words; "" where it was not there."""

    name: str
    good: str
    here: str
    is_path: bool


@dataclass(frozen=True, slots=True)
class Pair:
    good: Side
    here: Side
    changes: tuple[Changed, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """`steps` alike in both runs, the first of them as `pairs`; or one changed pair; or what only one of them has.

    `label` is set where the runs part. `more_*` count the entries that are not shown.
    """

    kind: str
    steps: int = 0
    pairs: tuple[Pair, ...] = ()
    details: int = 0
    good: tuple[Side, ...] = ()
    here: tuple[Side, ...] = ()
    more_good: int = 0
    more_here: int = 0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Total:
    label: str
    good: str
    here: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """`nothing` says in words why there is nothing to compare; then all else is empty."""

    nothing: str = ""
    sentence: str = ""
    tone: Tone = Tone.UNKNOWN
    good: sync_rows.RunRow | None = None
    is_good: bool = False
    is_open: bool = False
    blocks: tuple[Block, ...] = ()
    more_blocks: int = 0
    totals: tuple[Total, ...] = ()
    cut: bool = False
    is_expired: bool = False


def changes(
    trace: Trace,
    line: timeline.Timeline,
    good: Trace | None,
    *,
    project: Project,
    sync: Sync | None,
    now: datetime,
) -> Changes | None:
    """`good`: the last run before this one that completed. None when the run belongs to no sync."""
    if trace.sync_id is None:
        return None
    outcome = explain.trace_outcome(trace, now=now)
    is_good, is_open = outcome == Outcome.COMPLETED, outcome in (Outcome.RUNNING, Outcome.LIMITED)
    if good is None:
        return Changes(nothing=nothing_words(trace, sync, is_good=is_good), is_good=is_good)
    before = timeline.timeline(good, project)
    good_entries, here_entries = ([moment.entry for moment in side.beginning] for side in (before, line))
    found = comparison.compare(good_entries, here_entries, totals=(good, trace), is_open=is_open)
    row = sync_rows.run_row(project, good, now=now)
    difference = explain.difference(found, good_entries, here_entries, is_good=is_good, is_open=is_open)
    is_expired = not before.moments or not line.moments
    blocks = (
        [] if is_expired else _blocks(found, _Sides(project, before), _Sides(project, line), label=difference.label)
    )
    return Changes(
        sentence="" if is_expired else difference.sentence,
        tone=_tone(found, is_good=is_good, is_open=is_open),
        good=row,
        is_good=is_good,
        is_open=is_open,
        blocks=tuple(blocks[:BLOCKS]),
        more_blocks=max(0, len(blocks) - BLOCKS),
        totals=_totals(found, row, sync_rows.run_row(project, trace, now=now)),
        cut=bool(before.cut or line.cut),
        is_expired=is_expired,
    )


def nothing_words(trace: Trace, sync: Sync | None, *, is_good: bool) -> str:
    kind = f"{catalogue.sync_type_words(trace.sync_type).lower()} run" if trace.sync_type else "run"
    if is_good:
        return f"No earlier {kind} of this sync is known to have completed; nothing to compare with."
    if sync is not None and sync.last_completed_at is None:
        return "This sync has never completed a run; nothing to compare with."
    return f"This sync had never completed a {kind} before this one, as far as its logs tell; nothing to compare with."


def _tone(found: Comparison, *, is_good: bool, is_open: bool) -> Tone:
    if found.first is None or is_good:
        return Tone.UNKNOWN
    return Tone.WARNING if is_open else Tone.ERROR


class _Sides:
    """The entries of one run as cells of the comparison."""

    def __init__(self, project: Project, line: timeline.Timeline) -> None:
        self.base = reverse("logs", args=(project.slug,))
        self.moments = line.beginning

    def side(self, number: int, *, last: int | None = None, times: int = 1) -> Side:
        moment = self.moments[number]
        entry = moment.entry
        return Side(
            url=f"{self.base}/{entry.key}",
            badge=level_badge(entry.level),
            event=catalogue.event(entry.event or entry.type).words,
            offset=f"+{offset_words(moment.offset)}",
            text=explain.one_line(entry_detail.message_cell(entry), limit=VALUE),
            times=times,
            until="" if last is None or times == 1 else f"+{offset_words(self.moments[last].offset)}",
        )

    def repeated(self, numbers: Sequence[int]) -> list[Side]:
        """The entries, those that say the same one after the other as one."""
        found = []
        for _, group in groupby(numbers, key=lambda number: comparison.key_of(self.moments[number].entry)):
            same = list(group)
            found.append(self.side(same[0], last=same[-1], times=len(same)))
        return found


def _blocks(found: Comparison, good: _Sides, here: _Sides, *, label: str) -> list[Block]:
    """Alike, changed, alike, differing … in the order of the steps."""

    def kind(pair: tuple[int, Row]) -> tuple[str, int]:
        number, row = pair
        if row.kind in (Kind.HERE, Kind.GOOD):
            return "parts", 0
        return ("changed", number) if row.is_relevant else ("alike", 0)

    made = []
    for (name, _), group in groupby(enumerate(found.rows), key=kind):
        numbered = list(group)
        rows = [row for _, row in numbered]
        mark = label if found.first is not None and numbered[0][0] <= found.first <= numbered[-1][0] else ""
        if name == "parts":
            left = good.repeated([row.good for row in rows if row.good is not None])
            right = here.repeated([row.here for row in rows if row.here is not None])
            made.append(
                Block(
                    name,
                    good=tuple(left[:SIDES]),
                    here=tuple(right[:SIDES]),
                    more_good=max(0, len(left) - SIDES),
                    more_here=max(0, len(right) - SIDES),
                    label=mark,
                )
            )
        else:
            pairs = tuple(_pair(row, good, here) for row in rows[:ALIKE])
            details = sum(bool(row.changes) for row in rows)
            made.append(Block(name, steps=len(rows), pairs=pairs, details=details, label=mark))
    return made


def _pair(row: Row, good: _Sides, here: _Sides) -> Pair:
    return Pair(good.side(row.good or 0), here.side(row.here or 0), tuple(_changed(change) for change in row.changes))


def _changed(change: Change) -> Changed:
    name = explain.DIFFERENCE_NAMES.get(change.name)
    good, here = _value(change.name, change.good), _value(change.name, change.here)
    return Changed(name or change.name, good, here, is_path=name is None)


def _value(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, timedelta):
        return length_words(value)
    if isinstance(value, bool):
        return str(value).lower()
    text = explain.one_line(str(value), limit=VALUE)
    return value_words(name, text) if name in ("status", "integration", "pipeline", "sync_type") else text


def _totals(found: Comparison, good: sync_rows.RunRow, here: sync_rows.RunRow) -> tuple[Total, ...]:
    pairs = [("Took", good.duration, here.duration)]
    pairs += [(TOTALS[name], _count(left), _count(right)) for name, left, right in found.totals]
    return tuple(
        Total(words, left, right, differs=bool(left and right and left != right))
        for words, left, right in pairs
        if left or right
    )


def _count(count: int | None) -> str:
    return "" if count is None else f"{count:,}"
