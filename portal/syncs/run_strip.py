"""Strip of a sync's last runs: status marks and two column charts with their words. No query, no markup.

Marks and columns are aligned, one run each, the newest on the right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_low

from portal.drawing import waterfall
from portal.drawing.values import visible_text
from portal.drawing.waterfall import Column
from portal.syncs import sync_rows
from synclogs import explain, health
from synclogs.catalogue import Tone, sync_type_words
from synclogs.explain import Outcome, times
from synclogs.models import Trace

RUNS = 60
FEWEST = 2
SIZES = (12, 24, 40, RUNS)  # few runs are not stretched over the whole width
TALL = 56
BAR = 0.68
USUAL_NEEDS = 5  # runs; fewer say nothing about what is usual
BELIEVED = health.LONGEST_RUN // timedelta(milliseconds=1)
ICONS = {
    Outcome.COMPLETED: "ok",
    Outcome.FAILED: "error",
    Outcome.INTERRUPTED: "interrupted",
    Outcome.LIMITED: "limited",
    Outcome.RUNNING: "active",
    Outcome.NO_END: "clock",
    Outcome.UNKNOWN: "unknown",
}
NOT_ENDED = (Outcome.RUNNING, Outcome.NO_END, Outcome.LIMITED)


@dataclass(frozen=True, slots=True)
class Lamp:
    """A run: how it ended as words, icon and tone; its columns, None where it said nothing. `words` read all of it out."""

    run: sync_rows.RunRow
    tone: Tone
    icon: str
    words: str
    x: float
    duration: Column | None
    processed: Column | None
    changes: Column | None
    is_newest: bool


@dataclass(frozen=True, slots=True)
class Key:
    icon: str
    tone: Tone
    words: str
    count: int


@dataclass(frozen=True, slots=True)
class Strip:
    """`usual_y` is where the line of the usual duration stands, None when nothing is usual.

    Tops are in words, "" for a chart that has nothing to show.
    """

    lamps: tuple[Lamp, ...]
    size: int
    bar: float
    keys: tuple[Key, ...]
    duration_top: str
    is_duration_cut: bool
    usual: str
    usual_y: float | None
    counts_top: str
    counts_cut: bool
    longer: str

    @property
    def first(self) -> Trace:
        return self.lamps[0].run.trace

    @property
    def last(self) -> Trace:
        return self.lamps[-1].run.trace


def strip(rows: Sequence[sync_rows.RunRow], *, now: datetime) -> Strip | None:
    """`rows` newest first, at most RUNS of them; None when there are too few to be compared."""
    if len(rows) < FEWEST:
        return None
    runs = list(reversed(rows))
    durations = [milliseconds(run.trace) for run in runs]
    usual = usual_of(runs, kind=runs[-1].trace.sync_type)
    duration_top = waterfall.roof([duration for duration in durations if duration is not None], usual=usual or 0)
    counts = [
        count for run in runs for count in (run.trace.total_processed, changes_of(run.trace)) if count is not None
    ]
    counts_top = waterfall.roof(counts, usual=_typical(counts))
    bar = BAR * 100 / max(len(runs), SIZES[0])
    lamps = []
    for number, (run, duration) in enumerate(zip(runs, durations, strict=True)):
        words, icon, tone = ending(run)
        lamp = Lamp(
            run=run,
            tone=tone,
            icon=icon,
            words=visible_text(run_words(run, words, duration)),
            x=round((number + 0.5) * 100 / len(runs) - bar / 2, 3),
            duration=_column(duration, duration_top),
            processed=_column(run.trace.total_processed, counts_top),
            changes=_column(changes_of(run.trace), counts_top),
            is_newest=number == len(runs) - 1,
        )
        lamps.append(lamp)
    return Strip(
        lamps=tuple(lamps),
        size=next(size for size in SIZES if len(runs) <= size),
        bar=round(bar, 3),
        keys=_keys(runs),
        duration_top=explain.duration_ms(int(duration_top)) if duration_top else "",
        is_duration_cut=any(lamp.duration and lamp.duration.is_cut for lamp in lamps),
        usual=_usual_words(runs, usual),
        usual_y=waterfall.column(usual, top=duration_top, height=TALL).y if usual else None,
        counts_top=f"{int(counts_top):,}" if counts_top else "",
        counts_cut=any(lamp.processed and lamp.processed.is_cut for lamp in lamps),
        longer=_longer(runs, now=now),
    )


def ending(run: sync_rows.RunRow) -> tuple[str, str, Tone]:
    """How a run ended: words, icon, tone. One that completed after trouble is not the same as one that just completed."""
    if run.outcome == Outcome.COMPLETED and (run.trace.warnings or run.trace.errors):
        return "Completed with warnings", "warning", Tone.WARNING
    return str(run.outcome.label), ICONS[run.outcome], run.tone


def run_words(run: sync_rows.RunRow, words: str, duration: int | None) -> str:
    """Failed, incremental, 2026-11-23 14:02:05 UTC, took 8.2 s, 4 created, 2 warnings."""
    trace = run.trace
    parts = [words]
    if trace.sync_type:
        parts.append(sync_type_words(trace.sync_type).lower())
    parts.append(times.exact(trace.first_at))
    if duration is not None:
        parts.append(f"took {explain.duration_ms(duration)}")
    parts += [run.counts] if run.counts else []
    parts += [
        explain.plural(count, word) for count, word in ((trace.warnings, "warning"), (trace.errors, "error")) if count
    ]
    return ", ".join(parts)


def milliseconds(trace: Trace) -> int | None:
    """How long a run took, by its own word or by its entries; None when it did not end or claims what cannot be."""
    duration = trace.duration_ms
    if duration is None and (length := explain.trace_duration(trace)) is not None:
        duration = length // timedelta(milliseconds=1)
    return duration if duration is not None and duration <= BELIEVED else None


def changes_of(trace: Trace) -> int | None:
    if trace.total_changes is not None:
        return trace.total_changes
    named = [count for count in (trace.created, trace.updated, trace.deleted) if count is not None]
    return sum(named) if named else None


def usual_of(runs: Sequence[sync_rows.RunRow], *, kind: str) -> int | None:
    """The median duration of completed runs of that sync type, without the newest run of all; None when there are few."""
    known = [
        duration
        for run in runs[:-1]
        if run.outcome == Outcome.COMPLETED and run.trace.sync_type == kind
        if (duration := milliseconds(run.trace)) is not None
    ]
    return median_low(known) if len(known) >= USUAL_NEEDS else None


def _usual_words(runs: Sequence[sync_rows.RunRow], usual: int | None) -> str:
    """8 s; with the sync type that it is of where the strip shows several."""
    if usual is None:
        return ""
    kind = runs[-1].trace.sync_type
    several = any(run.trace.sync_type != kind for run in runs)
    of = f" for {sync_type_words(kind).lower()} runs" if several and kind else ""
    return f"{explain.duration_ms(usual)}{of}"


def _typical(counts: Sequence[int]) -> int:
    return median_low([count for count in counts if count] or [0])


def _column(value: int | None, top: float) -> Column | None:
    return None if value is None else waterfall.column(value, top=top, height=TALL)


def _longer(runs: Sequence[sync_rows.RunRow], *, now: datetime) -> str:
    last = runs[-1]
    usual = usual_of(runs, kind=last.trace.sync_type)
    is_open = last.outcome in NOT_ENDED
    duration = (now - last.trace.first_at) // timedelta(milliseconds=1) if is_open else milliseconds(last.trace)
    return explain.longer_than_usual(duration, usual, is_open=is_open)


def _keys(runs: Sequence[sync_rows.RunRow]) -> tuple[Key, ...]:
    """What the lamps mean, most frequent first."""
    found: dict[tuple[str, str, Tone], int] = {}
    for run in runs:
        found[ending(run)] = found.get(ending(run), 0) + 1
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0][0]))
    return tuple(Key(icon, tone, words, count) for (words, icon, tone), count in ordered)
