"""Sentences about a bulk re-enable: progress, why it stopped, what a button would do.

Pure. Input: counts by result (synclogs.recovery.bulk.RESULTS).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from synclogs.catalogue.recovery import BulkState, CheckName
from synclogs.explain.phrases import joined, plural, span

RESULT_WORDS: Mapping[str, str] = {
    "recovered": "recovered",
    "under_way": "under way",
    "unknown": "not known yet",
    "failed_again": "failed again",
    "no_sign_of_life": "without a sign of life",
    "refused": "refused",
    "expired": "expired",
    "skipped": "skipped",
    "waiting": "waiting",
}
BAD = ("failed_again", "no_sign_of_life", "refused", "expired")
OPEN = ("under_way", "unknown")


@dataclass(frozen=True, slots=True)
class Progress:
    """`counts` of the whole bulk and `of_wave` of its current wave, by result; waves are counted from 1, the canary is 0."""

    wave: int
    waves: int
    counts: Mapping[str, int] = field(default_factory=dict)
    of_wave: Mapping[str, int] = field(default_factory=dict)

    @property
    def planned(self) -> int:
        """All but those that were left out."""
        return _total(self.counts) - self.counts.get("skipped", 0)

    @property
    def wave_planned(self) -> int:
        return _total(self.of_wave) - self.of_wave.get("skipped", 0)

    @property
    def bad(self) -> int:
        """Of the current wave."""
        return sum(self.of_wave.get(name, 0) for name in BAD)

    @property
    def waiting(self) -> int:
        return self.counts.get("waiting", 0)

    @property
    def open(self) -> int:
        return sum(self.counts.get(name, 0) for name in OPEN)


def _total(counts: Mapping[str, int]) -> int:
    return sum(counts.values())


def counted(counts: Mapping[str, int], names: tuple[str, ...] = tuple(RESULT_WORDS)) -> str:
    """12 recovered, 3 failed again and 1 skipped; "" for nothing."""
    return joined([f"{counts[name]:,} {RESULT_WORDS[name]}" for name in names if counts.get(name)])


def sentence(state: str, progress: Progress, *, note: str, expires_at: datetime | None, now: datetime) -> str:
    """What is going on, and what comes next."""
    match state:
        case BulkState.AWAITING_APPROVAL:
            deadline = f" within {span(expires_at - now)}" if expires_at and expires_at > now else ""
            return f"Waiting for a second person: another lead has to approve it{deadline}. Nothing is sent before."
        case BulkState.CANARY:
            return _canary(progress)
        case BulkState.WAVES:
            return f"Wave {progress.wave} of {progress.waves}: {_of(progress)}."
        case BulkState.PAUSED:
            return f"Paused. {_rest(progress)}{_watched(progress)}"
        case BulkState.STOPPED:
            return f"Stopped by itself. {note}"
        case BulkState.ABORTED:
            return f"Aborted. {_rest(progress)}{_watched(progress)}"
        case BulkState.EXPIRED:
            return "Expired: no second person approved it in time. Nothing was sent."
        case _:
            return f"Finished: of {plural(_total(progress.counts), 'sync')}, {counted(progress.counts)}."


def _canary(progress: Progress) -> str:
    planned, recovered = progress.wave_planned, progress.of_wave.get("recovered", 0)
    requested = planned - progress.of_wave.get("waiting", 0)
    if not requested:
        first = "the first sync is" if planned == 1 else f"the first {planned} are"
        return f"Canary: {first} about to be re-enabled; the others wait until {_they(planned)} recovered."
    rest = planned - recovered
    if not rest:
        return f"Canary: {_all(planned)} recovered. The first wave comes next."
    others = "it" if planned == 1 else "the other" if rest == 1 else f"the other {rest}" if recovered else "them"
    return f"Canary: {recovered} of {planned} recovered, waiting for {others}."


def _they(count: int) -> str:
    return "it has" if count == 1 else "all of them have"


def _all(count: int) -> str:
    return "it has" if count == 1 else f"all {count} have"


def _of(progress: Progress) -> str:
    recovered = f"{progress.of_wave.get('recovered', 0)} of {progress.wave_planned} recovered"
    names = ("under_way", "unknown", *BAD, "waiting")
    others = [f"{progress.of_wave[name]:,} {RESULT_WORDS[name]}" for name in names if progress.of_wave.get(name)]
    return joined([recovered, *others])


def _rest(progress: Progress) -> str:
    if not progress.waiting:
        return "Every sync had its turn. "
    of = f"{progress.waiting:,} of {plural(progress.planned, 'sync')}"
    return f"{of} {'has' if progress.waiting == 1 else 'have'} not been tried. "


def _watched(progress: Progress) -> str:
    if not progress.open:
        return "Nothing is under way."
    return f"{progress.open:,} under way {'is' if progress.open == 1 else 'are'} watched to the end."


# Why it stops by itself


def stopped_by_results(progress: Progress) -> str:
    """The canary did not recover: 1 failed again. The other 198 syncs were not tried."""
    ended = counted(progress.of_wave, BAD)
    what = f"In wave {progress.wave}, {progress.bad} of {progress.wave_planned} did not recover: {ended}"
    if progress.wave == 0:
        what = f"The canary did not recover: of {plural(progress.wave_planned, 'sync')}, {ended}"
    return f"{what}. {_untried(progress)}"


def stopped_by_person(name: str, progress: Progress) -> str:
    return f"{name or 'The person'} who asked for it is no longer a lead of this project. {_untried(progress)}"


def _untried(progress: Progress) -> str:
    if not progress.waiting:
        return "No sync was left to be tried."
    return f"{plural(progress.waiting, 'sync')} {'was' if progress.waiting == 1 else 'were'} not tried."


# Before it starts


def plan_sentence(count: int, largest: int, *, canary: int, wave: int, per_minute: int) -> str:
    """`largest`: how many are of the integration with the most. 2 first, then 8 waves of up to 25; at least 10 minutes."""
    rest = max(0, count - canary)
    waves = -(-rest // wave)
    then = f", then {plural(waves, 'wave')} of up to {wave}" if rest else ""
    least = timedelta(minutes=-(-largest // per_minute) - 1)
    takes = f" The calls alone take at least {span(least)}." if least else ""
    return f"{min(canary, count)} first{then}; each wave waits for the one before to end.{takes}"


def button(count: int, canary: int) -> str:
    """Re-enable 198 syncs, 2 first."""
    first = f", {canary} first" if count > canary else ""
    return f"Re-enable {plural(count, 'sync')}{first}"


# What can be done about those that are left out.
EXCLUDED_HELP: Mapping[CheckName, str] = {
    CheckName.PROVIDED: "Whoever runs this portal sets it up: the README names the settings.",
    CheckName.STOPPED: "Only a sync that an error has stopped needs it; one that was paused on purpose is woken by itself.",
    CheckName.CURABLE: "What helps instead stands on the page of each.",
    CheckName.CAUSE_GONE: "When you know that the cause is gone, mark the error as resolved on the page of the sync.",
    CheckName.NONE_IN_FLIGHT: "Wait for its result.",
    CheckName.COOLDOWN: "Make the preview again in a minute.",
    CheckName.NOT_FLAPPING: "Something else is wrong: pass these to an engineer.",
    CheckName.AWAKE: "Ask who put them there.",
    CheckName.RATE: "Wait a little.",
}


# What a button does


def verb_sentence(verb: str, progress: Progress) -> str:
    """What happens when this is confirmed."""
    planned = plural(progress.planned, "sync")
    waiting = f"{plural(progress.waiting, 'sync')} {'waits' if progress.waiting == 1 else 'wait'}"
    match verb:
        case "pause":
            return f"Nothing more is asked for until somebody resumes it: {waiting}. {_watched(progress)}"
        case "resume":
            where = f"wave {progress.wave}" if progress.wave else "the canary"
            return f"It goes on with {where}, at the same pace. {waiting} for {'its' if progress.waiting == 1 else 'their'} turn."
        case "abort":
            called_back = " What was sent cannot be called back." if progress.open else ""
            rest = f"{plural(progress.waiting, 'sync')} will not be tried by this bulk" if progress.waiting else ""
            return f"For good: {rest or 'every sync had its turn already'}. {_watched(progress)}{called_back}"
        case _:
            return f"It starts at once, with the canary: {planned} in all."
