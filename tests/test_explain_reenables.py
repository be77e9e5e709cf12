"""Sentences about re-enables: every check, every state, the text for the customer. None claims what is not known."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from synclogs.catalogue.recovery import Check, CheckName, Source, State
from synclogs.explain import reenables as words

NOW = datetime(2026, 11, 23, 14, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATER = NOW + 10 * MINUTE
HOSTILE = "<b>\nDrop\u2028all\r\n\ttables\x0b\x85" * 40
PROVIDED, STOPPED, CURABLE, CAUSE, IN_FLIGHT, COOLDOWN, FLAPPING, AWAKE, RATE = CheckName
SHOWS_NOT = "When you know that it is gone, mark the error as resolved and say how you know."


def at(minutes: float) -> str:
    return (NOW - minutes * MINUTE).isoformat()


# check, passed, can be overridden, facts -> what is said, and what would help
FINDINGS: list[tuple[CheckName, bool | None, bool, dict[str, str], str, str]] = [
    (PROVIDED, True, False, {}, "A provider is set up for this project.", ""),
    (PROVIDED, False, False, {}, "No provider is set up for this project, so nobody can be asked.",
     "Whoever runs this portal sets it up: the README names the settings."),
    (PROVIDED, False, False, {"owner": "another"},
     "The syncs of the provider belong to another project of this portal, so nobody can be asked from here.",
     "Whoever runs this portal sets it up: the README names the settings."),
    (PROVIDED, False, False, {"owner": "undecided"},
     "It is not settled which project the syncs of the provider belong to, so nobody can be asked.",
     "Whoever runs this portal sets it up: the README names the settings."),
    (PROVIDED, False, False, {"provider": "The provider is not set up: PROVIDER_PROJECT is not set."},
     "The provider is not set up: PROVIDER_PROJECT is not set.",
     "Whoever runs this portal sets it up: the README names the settings."),
    (STOPPED, True, False, {"status": "ERRORED", "since": at(6)}, "Stopped by an error since 14:02 UTC, 6 minutes ago.", ""),
    (STOPPED, True, False, {"status": "ERRORED"}, "Stopped by an error.", ""),
    (STOPPED, False, True, {"status": "DISABLED"}, "Paused on purpose.",
     "Ask who paused it, and why. A lead may wake it with a reason."),
    (STOPPED, False, False, {"status": "RATE_LIMITED", "since": at(6)},
     "Its state is: waiting for a rate limit since 14:02 UTC, 6 minutes ago.",
     "Only a stopped or paused sync can be re-enabled. This one goes on by itself."),
    (STOPPED, False, False, {"status": ""}, "No log has said what state this sync is in.",
     "Only a stopped or paused sync can be re-enabled."),
    (STOPPED, False, False, {"status": "ON_HOLD"}, "Its state is: on hold. This state is not in the list of known ones.",
     "Only a stopped or paused sync can be re-enabled."),
    (CURABLE, True, False, {}, "No log names an error that re-enabling would not cure.", ""),
    (CURABLE, True, True, {"words": "the cause is not known", "action": "Read it."},
     "Nothing speaks against it. The error: the cause is not known.", ""),
    (CURABLE, False, False, {"words": "the root is gone", "action": "Create it anew."},
     "It does not: the root is gone.", "Create it anew."),
    (CURABLE, False, True, {"words": "rate limit", "action": "Wait."},
     "It does not: rate limit.", "Wait. A lead may re-enable it with a reason."),
    (CAUSE, True, True, {"sign": "resolved", "by": "ada", "at": at(6), "note": "They connected\nanew", "ticket": "T-1"},
     "ada marked it as resolved 6 minutes ago (T-1): “They connected anew”.", ""),
    (CAUSE, True, True, {"sign": "resolved", "by": "", "at": at(6), "note": "ok", "ticket": ""},
     "Somebody marked it as resolved 6 minutes ago: “ok”.", ""),
    (CAUSE, True, True, {"sign": "credential_valid"}, "The provider says that the connected account is valid now.", ""),
    (CAUSE, True, True, {"sign": "same_user_completed", "at": at(6)},
     "Another sync of the same customer and integration completed 6 minutes ago.", ""),
    (CAUSE, True, True, {"sign": "others_recovered", "count": "1", "at": at(6)},
     "1 sync of other customers had the same error and completed since 6 minutes ago.", ""),
    (CAUSE, True, True, {"sign": "others_recovered", "count": "1204", "at": at(6)},
     "1,204 syncs of other customers had the same error and completed since, the last 6 minutes ago.", ""),
    (CAUSE, True, True, {"sign": "no_error", "status": "DISABLED"}, "It was not stopped by an error.", ""),
    (CAUSE, None, True, {"sign": "no_error", "status": "IDLE"}, "No log says that an error stopped it.", ""),
    (CAUSE, None, True, {"sign": "no_error", "status": "ERRORED"}, "Not known: no log says why it stopped.",
     "Find the cause first. A lead may re-enable it with a reason."),
    (CAUSE, None, True, {}, "Nothing shows it yet.", SHOWS_NOT),
    (CAUSE, None, True, {"provider": "The provider did not answer."},
     "Nothing shows it yet. The provider did not answer.", SHOWS_NOT),
    (CAUSE, None, True, {"credential": "ABSENT"},
     "Nothing shows it yet. The provider names no account of this customer for the integration.", SHOWS_NOT),
    (CAUSE, None, True, {"credential": ""}, "Nothing shows it yet.", SHOWS_NOT),
    (CAUSE, False, True, {"credential": "INVALID"}, "The provider says that the connected account is still not valid.",
     "The customer has to reconnect the account first."),
    (CAUSE, False, True, {"credential": "NONE"}, "The provider says that the customer has no account connected.",
     "The customer has to connect the account first."),
    (CAUSE, False, True, {"credential": "ANOTHER"},
     "The customer has connected an account, but not the one that this sync uses.",
     "An engineer has to give the sync the new account at the provider first."),
    (IN_FLIGHT, True, False, {}, "There is none.", ""),
    (IN_FLIGHT, False, False, {"by": "ada", "at": at(6), "state": "accepted"},
     "One is under way, requested by ada 6 minutes ago; it is watched until it ends.", "Wait for its result."),
    (IN_FLIGHT, False, False, {}, "One is under way; it is watched until it ends.", "Wait for its result."),
    (COOLDOWN, True, False, {}, "There was none lately.", ""),
    (COOLDOWN, True, False, {"ended": at(6), "until": at(5)}, "The last one ended 6 minutes ago.", ""),
    (COOLDOWN, False, False, {"ended": at(0.5), "until": at(-0.5)}, "The last one ended 30 seconds ago.",
     "Try again at 14:08 UTC."),
    (FLAPPING, True, True, {"count": "0", "days": "7"}, "No attempt in the last 7 days.", ""),
    (FLAPPING, True, True, {"count": "1", "days": "7"}, "1 attempt in the last 7 days.", ""),
    (FLAPPING, False, True, {"count": "3", "days": "7"}, "3 attempts in the last 7 days.",
     "Pass it to an engineer. A lead may try once more with a reason."),
    (AWAKE, True, True, {}, "Nothing on the list is about it.", ""),
    (AWAKE, False, True, {"kind": "user", "reason": "Trial is over", "at": at(6), "until": at(-52), "by": "ada"},
     "This customer is not to be woken until 15:00 UTC: “Trial is over”. ada said so 6 minutes ago.",
     "Ask ada. A lead may wake it with a reason."),
    (AWAKE, False, True, {"kind": "integration", "reason": "Outage", "at": at(6)},
     "This integration is not to be woken: “Outage”. Somebody said so 6 minutes ago.",
     "Ask who put it there. A lead may wake it with a reason."),
    (AWAKE, False, True, {"kind": "sync", "reason": "Outage"}, "This sync is not to be woken: “Outage”.",
     "Ask who put it there. A lead may wake it with a reason."),
    (RATE, True, False, {"count": "29", "most": "30"}, "29 of 30 used.", ""),
    (RATE, False, False, {"count": "30", "most": "30"}, "All 30 of this hour are used.",
     "Wait a little, or let a lead re-enable several at once."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "passed", "can_override", "facts", "told", "helped"),
    FINDINGS,
    ids=[f"{number}-{row[0]}" for number, row in enumerate(FINDINGS)],
)
def test_what_a_check_found(
    name: CheckName, passed: bool | None, can_override: bool, facts: dict[str, str], told: str, helped: str
) -> None:
    found = words.check_finding(Check(name, passed, can_override, facts), now=NOW)
    assert (found.words, found.help) == (told, helped)


@pytest.mark.parametrize(
    ("received", "sent_by", "told"),
    [
        (5.5, "laptop (ssp_1_…)", "received at 14:02 UTC, with the key laptop (ssp_1_…)"),
        (1, "laptop (ssp_1_…)", "received at 14:07 UTC, 5 minutes late, with the key laptop (ssp_1_…)"),
        (66, "", "received at 13:02 UTC, stamped 60 minutes ahead, with no key on record"),
        (6, HOSTILE, "received at 14:02 UTC, with the key <b> Drop all tables <b> Drop all"),
    ],
)
def test_how_a_log_came(received: float, sent_by: str, told: str) -> None:
    source = Source(UUID(int=7), NOW - 6 * MINUTE, NOW - received * MINUTE, sent_by)
    said = words.source_words(source, now=NOW)
    assert said.startswith(told)
    assert len(said) < 200
    assert "\n" not in said
    facts = {"sign": "same_user_completed", "at": at(6), **source.as_facts()}
    assert words.check_finding(Check(CAUSE, True, True, facts), now=NOW).source == source
    kept = [Check(CAUSE, True, True, {**facts, "received": "damaged"}).as_json()]
    assert words.stored_findings(kept, now=NOW) == []


def test_every_check_has_its_words() -> None:
    assert {row[0] for row in FINDINGS} == set(words.CHECK_NAMES) == set(words.SKIPPED) == set(CheckName)


def test_why_not_is_one_clause() -> None:
    assert words.why_not([]) == ""
    assert words.why_not([STOPPED, AWAKE]) == "not stopped by an error; on the do-not-wake list"


@pytest.mark.parametrize("row", FINDINGS, ids=range(len(FINDINGS)))
def test_texts_of_others_stay_on_one_short_line(
    row: tuple[CheckName, bool | None, bool, dict[str, str], str, str],
) -> None:
    free = ("by", "note", "ticket", "reason", "provider")
    name, passed, can_override, facts, *_ = row
    facts = {key: HOSTILE if key in free else value for key, value in facts.items()}
    if facts.get("status") == "ON_HOLD":
        facts["status"] = HOSTILE
    found = words.check_finding(Check(name, passed, can_override, facts), now=NOW)
    for text in (found.words, found.help):
        assert len(text.splitlines()) <= 1
        assert len(text) < 400


@dataclass
class Attempt:
    """Sent six minutes ago, accepted five minutes ago, watched for ten minutes more."""

    state: str
    requested_at: datetime = NOW - 7 * MINUTE
    sent_at: datetime | None = NOW - 6 * MINUTE
    accepted_at: datetime | None = NOW - 5 * MINUTE
    started_at: datetime | None = None
    ended_at: datetime | None = None
    watch_until: datetime | None = LATER
    answer: str = ""
    found_status: str = ""


STARTED_AT, ENDED_AT = NOW - 6 * MINUTE, NOW - 2 * MINUTE
HELP = "Look at the sync at the provider, or ask an engineer."
STATES: list[tuple[Attempt, str]] = [
    (Attempt("requested", sent_at=None), "Requested 7 minutes ago; it has not been sent to the provider yet."),
    (Attempt("requested"), "Sent to the provider 6 minutes ago; waiting for its answer."),
    (Attempt("accepted"),
     "The provider accepted it 5 minutes ago. Waiting for a run to start, for 10 minutes at most."),
    (Attempt("accepted", accepted_at=None, watch_until=NOW), "The provider accepted it. Waiting for a run to start."),
    (Attempt("accepted", found_status="ACTIVE", watch_until=None),
     "No clear answer came, but the provider reported the sync as “Syncing now” 5 minutes ago. "
     "Waiting for a run to start."),
    (Attempt("started", started_at=STARTED_AT), "A run started at 14:02 UTC, 6 minutes ago. Waiting for it to complete."),
    (Attempt("started"), "A run started. Waiting for it to complete."),
    (Attempt("recovered", ended_at=ENDED_AT), "Recovered: a run completed at 14:06 UTC, 2 minutes ago."),
    (Attempt("failed_again", ended_at=ENDED_AT),
     "Failed again at 14:06 UTC, 2 minutes ago: the sync reported an error after it was re-enabled."),
    (Attempt("no_sign_of_life"), f"No sign of life: the provider accepted it, but no run has started since. {HELP}"),
    (Attempt("no_sign_of_life", started_at=STARTED_AT),
     f"No sign of life: a run started at 14:02 UTC, 6 minutes ago, but nothing says that it ended. {HELP}"),
    (Attempt("no_sign_of_life", accepted_at=None),
     f"No sign of life: no clear answer came back, and no run has started since. {HELP}"),
    (Attempt("refused", answer="The provider\nsaid no."), "Not carried out. The provider said no."),
    (Attempt("refused"), "Not carried out."),
    (Attempt("expired", sent_at=None), "Expired: it was never sent. You can request it again."),
    (Attempt("expired", found_status="ERRORED"),
     "Nothing shows that it was carried out: the provider still reports the sync as “Stopped by an error”. You can request it again."),
    (Attempt("expired"), "Expired: nothing shows that it was carried out. You can request it again."),
    (Attempt("unknown"),
     "Not known whether it was carried out: no clear answer came back. It is not sent again; "
     "the provider is asked how the sync is, and entries tell too, for 10 minutes at most."),
    (Attempt("unknown", watch_until=NOW),
     "Not known whether it was carried out: no clear answer came back. It is not sent again; "
     "the provider is asked how the sync is, and entries tell too."),
    (Attempt("accepted", watch_until=NOW + 171 * MINUTE),
     "The provider accepted it 5 minutes ago. Waiting for a run to start, for 3 hours at most."),
]  # fmt: skip


@pytest.mark.parametrize(("attempt", "told"), STATES, ids=range(len(STATES)))
def test_how_far_an_attempt_is(attempt: Attempt, told: str) -> None:
    assert words.state_sentence(attempt, now=NOW) == told
    hostile = replace(attempt, answer=HOSTILE, found_status=HOSTILE)
    text = words.state_sentence(hostile, now=NOW)
    assert len(text.splitlines()) == 1
    assert len(text) < 400


def test_every_state_has_its_sentence() -> None:
    assert {attempt.state for attempt, _ in STATES} == set(State)


@pytest.mark.parametrize(
    ("attempt", "completed_at", "status", "told"),
    [
        (Attempt("recovered", started_at=STARTED_AT, ended_at=ENDED_AT), None, None,
         "Google Drive has been syncing again since 14:02 UTC; your data is complete as of 14:06 UTC."),
        (Attempt("recovered", started_at=STARTED_AT, ended_at=ENDED_AT), NOW - MINUTE, "IDLE",
         "Google Drive has been syncing again since 14:02 UTC; your data is complete as of 14:07 UTC."),
        (Attempt("recovered", ended_at=ENDED_AT), NOW - 9 * MINUTE, "ACTIVE",
         "Google Drive has been syncing again since 14:06 UTC; your data is complete as of 14:06 UTC."),
        (Attempt("recovered", ended_at=ENDED_AT), NOW, "ERRORED", ""),
        (Attempt("recovered", ended_at=ENDED_AT), NOW, "DISABLED", ""),
        *((Attempt(state), NOW, "ERRORED",
           "We have switched the sync of Google Drive on again and are watching it; "
           "we will tell you when it has caught up.") for state in ("accepted", "started")),
        *((Attempt("failed_again", ended_at=ENDED_AT), None, status,
           "The sync of Google Drive stopped again when we switched it on. We are looking into it.")
          for status in (None, "ERRORED")),
        (Attempt("failed_again", ended_at=ENDED_AT), NOW, "IDLE", ""),
        *((Attempt(state), NOW, "ERRORED", "")
          for state in ("requested", "unknown", "no_sign_of_life", "refused", "expired")),
    ],
    ids=range(15),
)  # fmt: skip
def test_what_the_customer_may_be_told(
    attempt: Attempt, completed_at: datetime | None, status: str | None, told: str
) -> None:
    more = {"completed_at": completed_at, "status": status, "now": NOW}
    assert words.customer_sentence(attempt, integration="googledrive", **more) == told  # type: ignore[arg-type]


def test_no_data_is_complete_as_of_a_moment_to_come() -> None:
    attempt = Attempt("recovered", started_at=STARTED_AT, ended_at=ENDED_AT)
    told = words.customer_sentence(attempt, integration="box", completed_at=NOW + 600 * MINUTE, now=NOW)
    assert told.endswith("your data is complete as of 14:08 UTC.")


def test_a_customer_is_told_of_an_integration_by_any_name() -> None:
    attempt = Attempt("recovered", ended_at=ENDED_AT)
    told = words.customer_sentence(attempt, integration="", completed_at=None, now=NOW)
    assert told.startswith("Your integration has been syncing again since")
    told = words.customer_sentence(attempt, integration=HOSTILE[:128], completed_at=None, now=NOW)
    assert len(told.splitlines()) == 1


def test_moments_are_in_the_zone_of_whoever_reads() -> None:
    attempt = Attempt("recovered", started_at=STARTED_AT, ended_at=ENDED_AT)
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert words.state_sentence(attempt, now=NOW) == "Recovered: a run completed at 15:06 CET, 2 minutes ago."
        told = words.customer_sentence(attempt, integration="box", completed_at=None, now=NOW)
        assert told == "Box has been syncing again since 15:02 CET; your data is complete as of 15:06 CET."
        found = words.check_finding(Check(STOPPED, True, facts={"status": "ERRORED", "since": at(6)}), now=NOW)
        assert found.words == "Stopped by an error since 15:02 CET, 6 minutes ago."
