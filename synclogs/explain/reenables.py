"""What the checks before a re-enable found, and how far an attempt is: sentences for the person who decides, and for the customer.

Pure: facts in, words out. What is not known is said so.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from synclogs import catalogue
from synclogs.checks import Check, CheckName, State
from synclogs.explain.phrases import ago, clock, joined, moment_words, one_line, plural, span

COOLDOWN = timedelta(seconds=60)


class AttemptState(Protocol):
    """What is read of an attempt; synclogs.models.Reenable has all of it."""

    state: str
    requested_at: datetime
    sent_at: datetime | None
    accepted_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    watch_until: datetime | None
    answer: str
    found_status: str


@dataclass(frozen=True, slots=True)
class Finding:
    """`words` is what a check found; `help` what would change it, "" where nothing has to."""

    words: str
    help: str = ""


CHECK_NAMES = {
    CheckName.STOPPED: "The sync is stopped",
    CheckName.CURABLE: "Re-enabling cures this error",
    CheckName.CAUSE_GONE: "The cause is gone",
    CheckName.NONE_IN_FLIGHT: "No other attempt is under way",
    CheckName.COOLDOWN: "A minute has passed since the last attempt",
    CheckName.NOT_FLAPPING: "It has not failed again and again",
    CheckName.AWAKE: "It is not on the do-not-wake list",
    CheckName.RATE: "You have attempts left this hour",
}
# How a check is called where a sync is left out because of it.
SKIPPED = {
    CheckName.STOPPED: "not stopped by an error",
    CheckName.CURABLE: "re-enabling does not cure its error",
    CheckName.CAUSE_GONE: "nothing shows that the cause is gone",
    CheckName.NONE_IN_FLIGHT: "an attempt is under way",
    CheckName.COOLDOWN: "tried less than a minute ago",
    CheckName.NOT_FLAPPING: "failed again too often this week",
    CheckName.AWAKE: "on the do-not-wake list",
    CheckName.RATE: "too many attempts this hour",
}


def check_finding(check: Check, *, now: datetime) -> Finding:
    return _FINDINGS[check.name](check, now)


def _in_flight(check: Check, now: datetime) -> Finding:
    if check.passed:
        return Finding("None.")
    return Finding("One is under way; it is watched until it ends.", "Wait for its result.")


def _cooldown(check: Check, now: datetime) -> Finding:
    until = _moment(check, "until")
    if check.passed or until is None:
        return Finding("Yes, or there was none.")
    return Finding(f"The last one ended {ago(until - COOLDOWN, now)}.", f"Try again {ago(until, now)}.")


def _rate(check: Check, now: datetime) -> Finding:
    count, most = check.facts["count"], check.facts["most"]
    if check.passed:
        return Finding(f"{count} of {most} used.")
    return Finding(f"All {most} of this hour are used.", "Wait a little, or re-enable several at once as a lead.")


def _moment(check: Check, name: str) -> datetime | None:
    text = check.facts.get(name, "")
    return datetime.fromisoformat(text) if text else None


def _stopped(check: Check, now: datetime) -> Finding:
    status = check.facts["status"]
    since = _moment(check, "since")
    when = f" since {moment_words(since, now=now)}" if since else ""
    if check.passed:
        return Finding(f"Stopped by an error{when}.")
    if check.can_override:
        return Finding(f"Paused on purpose{when}.", "Ask who paused it, and why. A lead may wake it with a reason.")
    words = catalogue.status(status).words.lower() if status else "not known"
    return Finding(f"Its state is: {words}{when}.", "Only a sync that was stopped can be re-enabled.")


def _curable(check: Check, now: datetime) -> Finding:
    if "words" not in check.facts:
        return Finding("No error stands in the way.")
    words = check.facts["words"]
    if check.passed:
        return Finding(f"The error was: {words}.")
    return Finding(f"It does not: {words}.", check.facts["action"])


def _cause(check: Check, now: datetime) -> Finding:
    at = _moment(check, "at")
    when = f" {ago(at, now)}" if at else ""
    match check.facts.get("sign"):
        case "resolved":
            ticket = f" ({one_line(check.facts['ticket'], limit=60)})" if check.facts.get("ticket") else ""
            return Finding(
                f"{check.facts['by'] or 'Somebody'} marked it as resolved{when}{ticket}: "
                f"“{one_line(check.facts['note'], limit=120)}”."
            )
        case "credential_valid":
            return Finding("The provider says that the connected account is valid now.")
        case "same_user_completed":
            return Finding(f"Another sync of the same customer and integration completed{when}.")
        case "others_recovered":
            syncs = plural(int(check.facts["count"]), "sync")
            return Finding(f"{syncs} of other customers had the same error and completed since, the last{when}.")
        case "no_error" if check.passed:
            return Finding("It was not stopped by an error.")
    if check.passed is False:
        return Finding(
            "The provider says that the connected account is still not valid.",
            "The customer has to reconnect the account first.",
        )
    unasked = f" {check.facts['provider']}" if check.facts.get("provider") else ""
    return Finding(
        f"Nothing shows it yet.{unasked}",
        "When you know that it is gone, mark the error as resolved and say how you know.",
    )


def _flapping(check: Check, now: datetime) -> Finding:
    count = int(check.facts["count"])
    if check.passed:
        return Finding(
            f"{plural(count, 'attempt')} in the last {check.facts['days']} days." if count else "No attempt this week."
        )
    return Finding(
        f"{plural(count, 'attempt')} in the last {check.facts['days']} days.",
        "Something else is wrong: pass it to an engineer. A lead may try once more with a reason.",
    )


def _awake(check: Check, now: datetime) -> Finding:
    if check.passed:
        return Finding("It is not.")
    until = _moment(check, "until")
    what = {"sync": "This sync", "user": "This customer", "integration": "This integration"}[check.facts["kind"]]
    end = f" until {clock(until, now=now)}" if until else ""
    return Finding(
        f"{what} is not to be woken{end}: “{one_line(check.facts['reason'], limit=120)}”.",
        "Ask who put it there. A lead may wake it with a reason.",
    )


_FINDINGS: Mapping[CheckName, Callable[[Check, datetime], Finding]] = {
    CheckName.STOPPED: _stopped,
    CheckName.CURABLE: _curable,
    CheckName.CAUSE_GONE: _cause,
    CheckName.NONE_IN_FLIGHT: _in_flight,
    CheckName.COOLDOWN: _cooldown,
    CheckName.NOT_FLAPPING: _flapping,
    CheckName.AWAKE: _awake,
    CheckName.RATE: _rate,
}


def why_not(failed: Iterable[CheckName]) -> str:
    """One clause for a list: not stopped by an error; an attempt is under way."""
    return "; ".join(SKIPPED[name] for name in failed)


# How far an attempt is


def state_sentence(attempt: AttemptState, *, now: datetime) -> str:
    """What has happened so far, and what comes next."""
    match attempt.state:
        case State.REQUESTED:
            if attempt.sent_at is None:
                return f"Requested {ago(attempt.requested_at, now)}; it is about to be sent to the provider."
            return f"Sent to the provider {ago(attempt.sent_at, now)}; waiting for its answer."
        case State.ACCEPTED:
            return f"The provider accepted it {ago(attempt.accepted_at or now, now)}. {_waiting(attempt, now)}"
        case State.STARTED:
            return f"A run started at {moment_words(attempt.started_at or now, now=now)}. Waiting for it to complete."
        case State.RECOVERED:
            return f"Recovered: a run completed at {moment_words(attempt.ended_at or now, now=now)}."
        case State.FAILED_AGAIN:
            return f"Failed again at {moment_words(attempt.ended_at or now, now=now)}. The cause is not gone."
        case State.NO_SIGN_OF_LIFE:
            return (
                "No sign of life: the provider accepted it, but no run has started since. "
                "Look at the sync at the provider, or ask an engineer."
            )
        case State.REFUSED:
            return f"Not carried out. {one_line(attempt.answer, limit=300)}".strip()
        case State.EXPIRED:
            return _expired(attempt)
        case _:
            return (
                "Not known whether it was carried out: no clear answer came back. It is not sent again; "
                "the provider is asked how the sync is, and entries tell too."
            )


def _waiting(attempt: AttemptState, now: datetime) -> str:
    if attempt.watch_until is None or attempt.watch_until <= now:
        return "Waiting for a run to start."
    return f"Waiting for a run to start; within {span(attempt.watch_until - now)} one is expected."


def _expired(attempt: AttemptState) -> str:
    if attempt.sent_at is None:
        return "Expired: it was never sent. You can request it again."
    return "Not carried out: the provider still reports the sync as stopped. You can request it again."


def customer_sentence(attempt: AttemptState, *, integration: str, completed_at: datetime | None, now: datetime) -> str:
    """What may be told to the customer; "" while nothing certain can be said."""
    name = catalogue.integration_words(integration) or "Your integration"
    if attempt.state == State.RECOVERED and attempt.ended_at is not None:
        since = clock(attempt.started_at or attempt.ended_at, now=now)
        complete = clock(completed_at or attempt.ended_at, now=now)
        return f"{name} has been syncing again since {since}; your data is complete as of {complete}."
    if attempt.state in (State.ACCEPTED, State.STARTED):
        return (
            f"We have switched the sync of {name} on again and are watching it; we will tell you when it has caught up."
        )
    if attempt.state == State.FAILED_AGAIN:
        return f"The sync of {name} stopped again when we switched it on. We are looking into it."
    return ""


def summary(states: dict[str, int]) -> str:
    """3 recovered, 1 failed again."""
    return joined([f"{count:,} {State(name).label.lower()}" for name, count in states.items() if count])
