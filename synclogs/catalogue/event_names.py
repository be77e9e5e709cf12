"""Which names of events have a meaning, for statements that cannot ask the catalogue row by row."""

from dataclasses import dataclass

from synclogs.catalogue.events import EVENTS, SUFFIXES
from synclogs.catalogue.terms import SIDE_RUNS, Step, SyncStatus


@dataclass(frozen=True, slots=True)
class Names:
    """The `known` events, and any name outside the list that `pattern` finds: a POSIX regular expression, letter case ignored."""

    known: tuple[str, ...]
    pattern: str


def _of_step(step: Step) -> Names:
    suffixes = "|".join(suffix for suffix, ends, _ in SUFFIXES if ends == step)
    return Names(tuple(name for name, kind in EVENTS.items() if kind.step == step), f"(^|_)({suffixes})$")


STARTS = _of_step(Step.STARTED)
COMPLETIONS = _of_step(Step.COMPLETED)
# Of runs beside the sync.
ASIDE = Names(tuple(name for name, kind in EVENTS.items() if kind.sync_type in SIDE_RUNS), f"^({'|'.join(SIDE_RUNS)})_")
# Of these the known ones alone: an unknown name implies no state and no cause.
LIMITS = tuple(name for name, kind in EVENTS.items() if kind.step == Step.LIMITED)
STOPS = tuple(name for name, kind in EVENTS.items() if kind.step == Step.FAILED and kind.status == SyncStatus.ERRORED)
CREATION_FAILURES = tuple(name for name, kind in EVENTS.items() if kind.is_creation)
