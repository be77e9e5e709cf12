"""Sentence about where two runs differ: what each did there, never why."""

from collections.abc import Sequence
from dataclasses import dataclass

from synclogs import catalogue
from synclogs.catalogue import Step
from synclogs.explain.comparison import COLUMNS, Change, Comparison, Kind
from synclogs.explain.entries import EntryState, code_words
from synclogs.explain.phrases import duration_ms, joined, plural
from synclogs.parsing import entry_keys

_LABELS = {key.column: key.label for key in entry_keys.KEYS if key.column in (*COLUMNS, "message")}
DIFFERENCE_NAMES = {
    **{column: label if label[:2].isupper() else label.lower() for column, label in _LABELS.items()},
    "status": "state of the sync",
    "pause": "time since the step before",
}
_STEPS = {  # beside a label, and after "this run"
    Step.STARTED: ("started", "started"),
    Step.COMPLETED: ("completed", "completed"),
    Step.INTERRUPTED: ("interrupted", "was interrupted"),
    Step.FAILED: ("failed", "failed"),
    Step.LIMITED: ("rate limited", "was rate limited"),
    Step.WARNED: ("a temporary problem", "met a temporary problem"),
}
NAMED = 3
LONGER = 3
MANY = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """`sentence` stands alone beside the verdict; `label` stands at the row where the runs part, "" when they do not."""

    sentence: str
    label: str


def difference(
    found: Comparison, good: Sequence[EntryState], here: Sequence[EntryState], *, is_good: bool, is_open: bool
) -> Difference:
    """`good` and `here` are the entries that were compared. `is_good`: this run completed too."""
    other = "the good run before it" if is_good else "the last good run"
    if found.first is None:
        return Difference(_no_difference(found, other, is_open=is_open), "")
    row = found.rows[found.first]
    begin = _begin(found.steps_alike, other)
    if row.kind == Kind.CHANGED:
        names = _named(row.changes)
        verb = "is" if len(names) == 1 else "are"
        step = step_words(here[row.here or 0])
        text = f"{joined(names)} {verb} not the same at the step “{step.what.strip('“”')}”"
        return Difference(f"{begin}{text}.", f"First difference: {text}")
    here_step, good_step = _there(found, good=good, here=here)
    what = here_step.what if here_step else "nothing more"
    then = good_step.what if good_step else "nothing more"
    did = f"this run {here_step.did}" if here_step else "this run logged nothing more"
    other_did = f"the good one {good_step.did}" if good_step else "the good one had ended"
    return Difference(f"{begin}{did}, {other_did}.", f"First difference: {what} here; {then} in the good run")


def _no_difference(found: Comparison, other: str, *, is_open: bool) -> str:
    so_far = "So far every" if is_open else "Every"
    details = "; only details differ" if any(row.changes for row in found.rows) else ""
    return f"{so_far} step is like in {other}{details}."


def _begin(alike: int, other: str) -> str:
    if not alike:
        return f"Unlike {other} from the first step on: "
    first = "The first step is" if alike == 1 else f"The first {plural(alike, 'step')} are"
    return f"{first} like in {other}, then they part: "


def _named(changes: Sequence[Change]) -> list[str]:
    names = [DIFFERENCE_NAMES.get(change.name, change.name) for change in changes if change.is_relevant]
    return names if len(names) <= NAMED else [*names[:NAMED], f"{len(names) - NAMED} more"]


def _there(
    found: Comparison, *, good: Sequence[EntryState], here: Sequence[EntryState]
) -> tuple["StepWords | None", "StepWords | None"]:
    """What either run did where they part; None for a run that had ended there, or went silent."""
    rest = found.rows[found.first or 0 :]
    here_step = next((row.here for row in rest if row.here is not None), None)
    good_step = next((row.good for row in rest if row.good is not None), None)
    return (
        None if here_step is None else step_words(here[here_step]),
        None if good_step is None else step_words(good[good_step]),
    )


@dataclass(frozen=True, slots=True)
class StepWords:
    """`what`: rate limited (HTTP 429); `did`: was rate limited (HTTP 429)."""

    what: str
    did: str


def step_words(entry: EntryState) -> StepWords:
    """One entry as a step of its run; events that are no steps are quoted."""
    event = catalogue.event(entry.event)
    name = event.words if entry.event else catalogue.type_words(entry.type)
    what, did = _STEPS.get(event.step) or (f"“{name}”", f"logged “{name}”")
    code = code_words(entry)
    return StepWords(f"{what} ({code})", f"{did} ({code})") if code else StepWords(what, did)


def longer_than_usual(duration: int | None, usual: int | None, *, is_open: bool) -> str:
    """What is said when the last run took more than three times the median of those before it; both in milliseconds."""
    if duration is None or not usual or duration <= LONGER * usual:
        return ""
    times = "more than 100 times" if duration > MANY * usual else f"{duration // usual} times"
    times += f" the usual {duration_ms(usual)}"
    if is_open:
        return f"Longer than usual: the run that has not ended goes on for {duration_ms(duration)}, {times}."
    return f"Longer than usual: the last run took {duration_ms(duration)}, {times}."
