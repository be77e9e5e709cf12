"""Sentences about a re-enable: what each check found, how far the attempt is, and what to write to the customer.

Pure. What is not known is called so.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from synclogs import catalogue
from synclogs.catalogue import SyncStatus
from synclogs.catalogue.recovery import Check, CheckName, Sign, Source, State
from synclogs.explain.phrases import ago, clock, moment_words, one_line, plural, span

# A log that comes so long after its time did not come by itself at once.
APART = timedelta(minutes=1)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=seconds) for seconds in (1, 60, 3600, 86400))
ONLY_STOPPED = "Only a stopped or paused sync can be re-enabled."


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
    """`words` is what a check found; `help` what would change it, "" where nothing has to; `source` the log that shows it."""

    words: str
    help: str = ""
    source: Source | None = None


CHECK_NAMES = {
    CheckName.PROVIDED: "Somebody can be asked to re-enable it",
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
    CheckName.PROVIDED: "no provider is set up for this project",
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
    return replace(_FINDINGS[check.name](check, now), source=Source.of_facts(check.facts))


def source_words(source: Source, *, now: datetime) -> str:
    """What follows the link to the log; a log that came long after its time, or before it, is said so."""
    late = source.received_at - source.occurred_at
    gap = ""
    if late > APART:
        gap = f", {span(late)} late"
    elif late < -APART:
        gap = f", stamped {span(-late)} ahead"
    sender = f"with the key {one_line(source.sent_by, limit=120)}" if source.sent_by else "with no key on record"
    return f"received at {clock(source.received_at, now=now)}{gap}, {sender}"


def _provided(check: Check, now: datetime) -> Finding:
    if check.passed:
        return Finding("A provider is set up for this project.")
    return Finding(_unprovided(check.facts), "Whoever runs this portal sets it up: the README names the settings.")


def _unprovided(facts: Mapping[str, str]) -> str:
    """Why nobody can be asked. Nothing of the other project, also not whether it knows the sync."""
    match facts.get("owner"):
        case "another":
            return (
                "The syncs of the provider belong to another project of this portal, so nobody can be asked from here."
            )
        case "undecided":
            return "It is not settled which project the syncs of the provider belong to, so nobody can be asked."
    return one_line(facts.get("provider", "")) or "No provider is set up for this project, so nobody can be asked."


def not_sent_sentence(missing: Mapping[str, str]) -> str:
    """Of an attempt that was to be sent when nobody could be asked any more; the facts are those of the check."""
    return f"{_unprovided(missing)} Nothing was sent."


def _stopped(check: Check, now: datetime) -> Finding:
    status = check.facts["status"]
    since = _moment(check, "since")
    when = f" since {moment_words(since, now=now)}" if since else ""
    if check.passed:
        return Finding(f"Stopped by an error{when}.")
    if status == SyncStatus.DISABLED:
        return Finding(f"Paused on purpose{when}.", "Ask who paused it, and why. A lead may wake it with a reason.")
    entry = catalogue.status(status)
    if not status:
        return Finding(entry.meaning, ONLY_STOPPED)
    words = f"{one_line(entry.words[:1].lower() + entry.words[1:], limit=60)}{when}"
    if status in SyncStatus:
        return Finding(f"Its state is: {words}.", f"{ONLY_STOPPED} This one goes on by itself.")
    return Finding(f"Its state is: {words}. {entry.meaning}", ONLY_STOPPED)


def _curable(check: Check, now: datetime) -> Finding:
    words = check.facts.get("words", "")
    if not words:
        return Finding("No log names an error that re-enabling would not cure.")
    if check.passed:
        return Finding(f"Nothing speaks against it. The error: {words}.")
    more = " A lead may re-enable it with a reason." if check.can_override else ""
    return Finding(f"It does not: {words}.", f"{check.facts['action']}{more}".strip())


def _cause(check: Check, now: datetime) -> Finding:
    if check.passed:
        return Finding(_sign(check, now))
    if check.facts.get("sign") == "no_error":
        if check.facts.get("status") == SyncStatus.ERRORED:
            return Finding(
                "Not known: no log says why it stopped.", "Find the cause first. A lead may re-enable it with a reason."
            )
        return Finding("No log says that an error stopped it.")
    if check.passed is False:
        return _BROKEN.get(check.facts.get("credential", ""), _BROKEN["INVALID"])
    text = "Nothing shows it yet."
    if check.facts.get("credential") == "ABSENT":
        text += " The provider names no account of this customer for the integration."
    elif check.facts.get("provider"):
        text += f" {one_line(check.facts['provider'])}"
    return Finding(text, "When you know that it is gone, mark the error as resolved and say how you know.")


_BROKEN: Mapping[str, Finding] = {
    "INVALID": Finding(
        "The provider says that the connected account is still not valid.",
        "The customer has to reconnect the account first.",
    ),
    "NONE": Finding(
        "The provider says that the customer has no account connected.",
        "The customer has to connect the account first.",
    ),
    "ANOTHER": Finding(
        "The customer has connected an account, but not the one that this sync uses.",
        "An engineer has to give the sync the new account at the provider first.",
    ),
}


def _sign(check: Check, now: datetime) -> str:
    """Why the cause looks gone."""
    facts, at = check.facts, _moment(check, "at")
    when = f" {ago(at, now)}" if at else ""
    match facts.get("sign"):
        case Sign.RESOLVED:
            ticket = f" ({one_line(facts['ticket'], limit=60)})" if facts.get("ticket") else ""
            who = one_line(facts.get("by", ""), limit=60) or "Somebody"
            return f"{who} marked it as resolved{when}{ticket}: “{one_line(facts['note'], limit=120)}”."
        case Sign.CREDENTIAL_VALID:
            return "The provider says that the connected account is valid now."
        case Sign.SAME_USER_COMPLETED:
            return f"Another sync of the same customer and integration completed{when}."
        case Sign.OTHERS_RECOVERED:
            count = int(facts["count"])
            syncs = plural(count, "sync")
            last = "" if count == 1 else ", the last"
            return f"{syncs} of other customers had the same error and completed since{last}{when}."
        case _:
            return "It was not stopped by an error."


def _in_flight(check: Check, now: datetime) -> Finding:
    if check.passed:
        return Finding("There is none.")
    at, by = _moment(check, "at"), one_line(check.facts.get("by", ""), limit=60)
    who = f", requested{f' by {by}' if by else ''} {ago(at, now)}" if at else ""
    return Finding(f"One is under way{who}; it is watched until it ends.", "Wait for its result.")


def _cooldown(check: Check, now: datetime) -> Finding:
    ended, until = _moment(check, "ended"), _moment(check, "until")
    if ended is None or until is None:
        return Finding("There was none lately.")
    text = f"The last one ended {ago(ended, now)}."
    return Finding(text) if check.passed else Finding(text, f"Try again at {clock(until, now=now)}.")


def _flapping(check: Check, now: datetime) -> Finding:
    count, days = int(check.facts["count"]), check.facts["days"]
    text = f"{plural(count, 'attempt')} in the last {days} days." if count else f"No attempt in the last {days} days."
    if check.passed:
        return Finding(text)
    return Finding(text, "Pass it to an engineer. A lead may try once more with a reason.")


def _awake(check: Check, now: datetime) -> Finding:
    if check.passed:
        return Finding("Nothing on the list is about it.")
    at, until = _moment(check, "at"), _moment(check, "until")
    what = _NOT_WOKEN[check.facts["kind"]]
    end = f" until {clock(until, now=now)}" if until else ""
    by = one_line(check.facts.get("by", ""), limit=60)
    who = f" {by or 'Somebody'} said so {ago(at, now)}." if at else ""
    return Finding(
        f"{what} is not to be woken{end}: “{one_line(check.facts['reason'], limit=120)}”.{who}",
        f"Ask {by or 'who put it there'}. A lead may wake it with a reason.",
    )


_NOT_WOKEN = {"sync": "This sync", "user": "This customer", "integration": "This integration"}


def _rate(check: Check, now: datetime) -> Finding:
    count, most = check.facts["count"], check.facts["most"]
    if check.passed:
        return Finding(f"{count} of {most} used.")
    return Finding(f"All {most} of this hour are used.", "Wait a little, or let a lead re-enable several at once.")


def _moment(check: Check, name: str) -> datetime | None:
    text = check.facts.get(name, "")
    return datetime.fromisoformat(text) if text else None


_FINDINGS: Mapping[CheckName, Callable[[Check, datetime], Finding]] = {
    CheckName.PROVIDED: _provided,
    CheckName.STOPPED: _stopped,
    CheckName.CURABLE: _curable,
    CheckName.CAUSE_GONE: _cause,
    CheckName.NONE_IN_FLIGHT: _in_flight,
    CheckName.COOLDOWN: _cooldown,
    CheckName.NOT_FLAPPING: _flapping,
    CheckName.AWAKE: _awake,
    CheckName.RATE: _rate,
}


def stored_findings(evidence: object, *, now: datetime) -> list[tuple[Check, Finding]]:
    """The checks stored with an attempt (Evidence.as_json); those in an older version's form are omitted."""
    found = []
    for row in evidence if isinstance(evidence, list) else []:
        try:
            if row["passed"] not in (True, False, None):
                continue
            check = Check(CheckName(row["name"]), row["passed"], row["canOverride"], row["facts"])
            found.append((check, check_finding(check, now=now)))
        except (KeyError, TypeError, ValueError):
            continue
    return found


def why_not(failed: Iterable[CheckName]) -> str:
    """One clause for a list: not stopped by an error; an attempt is under way."""
    return "; ".join(SKIPPED[name] for name in failed)


# How far an attempt is


def state_sentence(attempt: AttemptState, *, now: datetime) -> str:
    """What has happened so far, and what comes next."""
    match attempt.state:
        case State.REQUESTED:
            if attempt.sent_at is None:
                return f"Requested {ago(attempt.requested_at, now)}; it has not been sent to the provider yet."
            return f"Sent to the provider {ago(attempt.sent_at, now)}; waiting for its answer."
        case State.ACCEPTED:
            return f"{_accepted(attempt, now)} {_waiting(attempt, now)}"
        case State.STARTED:
            return f"A run started{_at(attempt.started_at, now)}. Waiting for it to complete."
        case State.RECOVERED:
            return f"Recovered: a run completed{_at(attempt.ended_at, now)}."
        case State.FAILED_AGAIN:
            return f"Failed again{_at(attempt.ended_at, now)}: the sync reported an error after it was re-enabled."
        case State.NO_SIGN_OF_LIFE:
            return _silent(attempt, now)
        case State.REFUSED:
            return f"Not carried out. {one_line(attempt.answer, limit=300)}".strip()
        case State.EXPIRED:
            return _expired(attempt)
        case _:
            return (
                "Not known whether it was carried out: no clear answer came back. It is not sent again; "
                f"the provider is asked how the sync is, and entries tell too{_at_most(attempt, now)}."
            )


def _at(moment: datetime | None, now: datetime) -> str:
    return f" at {moment_words(moment, now=now)}" if moment else ""


def _accepted(attempt: AttemptState, now: datetime) -> str:
    when = f" {ago(attempt.accepted_at, now)}" if attempt.accepted_at else ""
    if attempt.found_status:  # no answer came; the sync's own state told
        words = one_line(catalogue.status(attempt.found_status).words, limit=60)
        return f"No clear answer came, but the provider reported the sync as “{words}”{when}."
    return f"The provider accepted it{when}."


def _waiting(attempt: AttemptState, now: datetime) -> str:
    return f"Waiting for a run to start{_at_most(attempt, now)}."


def _at_most(attempt: AttemptState, now: datetime) -> str:
    """How long it is still watched: never less than it really is."""
    if attempt.watch_until is None or attempt.watch_until <= now:
        return ""
    remaining = attempt.watch_until - now
    unit = next((unit for unit in (DAY, HOUR, MINUTE) if remaining >= 2 * unit), SECOND)
    return f", for {span(-(-remaining // unit) * unit)} at most"


def _silent(attempt: AttemptState, now: datetime) -> str:
    help_words = "Look at the sync at the provider, or ask an engineer."
    if attempt.started_at:
        return f"No sign of life: a run started{_at(attempt.started_at, now)}, but nothing says that it ended. {help_words}"
    if attempt.accepted_at:
        return f"No sign of life: the provider accepted it, but no run has started since. {help_words}"
    return f"No sign of life: no clear answer came back, and no run has started since. {help_words}"


def _expired(attempt: AttemptState) -> str:
    if attempt.sent_at is None:
        return "Expired: it was never sent. You can request it again."
    if attempt.found_status:
        words = one_line(catalogue.status(attempt.found_status).words, limit=60)
        return f"Nothing shows that it was carried out: the provider still reports the sync as “{words}”. You can request it again."
    return "Expired: nothing shows that it was carried out. You can request it again."


def customer_sentence(
    attempt: AttemptState,
    *,
    integration: str,
    completed_at: datetime | None,
    now: datetime,
    status: str | None = None,
) -> str:
    """Text for the customer; "" while nothing is certain.

    `completed_at` and `status` are the sync's own, as they are now: with them an old attempt claims nothing that is over.
    """
    name = one_line(catalogue.integration_words(integration), limit=60) or "your integration"
    is_stopped = status in (SyncStatus.ERRORED, SyncStatus.DISABLED)
    match attempt.state:
        case State.RECOVERED if attempt.ended_at and not is_stopped:
            since = clock(attempt.started_at or attempt.ended_at, now=now)
            # A log may be stamped ahead of its time; nobody's data is complete as of tomorrow.
            complete = clock(min(max(attempt.ended_at, completed_at or attempt.ended_at), now), now=now)
            return f"{name[:1].upper()}{name[1:]} has been syncing again since {since}; your data is complete as of {complete}."
        case State.ACCEPTED | State.STARTED:
            return (
                f"We have switched the sync of {name} on again and are watching it; "
                "we will tell you when it has caught up."
            )
        case State.FAILED_AGAIN if is_stopped or status is None:
            return f"The sync of {name} stopped again when we switched it on. We are looking into it."
        case _:
            return ""
