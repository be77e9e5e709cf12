"""Sentences: every branch, told at one fixed moment."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from synclogs import explain, health
from synclogs.catalogue import Level, Side, Tone
from synclogs.explain import Finding, Outcome, StateCounts

NOW = datetime(2026, 5, 4, 14, 8, 30, tzinfo=UTC)


def before(**units: float) -> datetime:
    return NOW - timedelta(**units)


@dataclass
class FakeSync:
    status: str = "IDLE"
    status_since: datetime | None = field(default_factory=lambda: before(minutes=6))
    integration: str = "googledrive"
    pipeline: str = "files"
    last_seen_at: datetime = field(default_factory=lambda: before(minutes=6))
    initial_completed_at: datetime | None = field(default_factory=lambda: before(days=30))
    last_started_at: datetime | None = field(default_factory=lambda: before(minutes=7))
    last_completed_at: datetime | None = field(default_factory=lambda: before(minutes=6))
    last_warning_at: datetime | None = None
    last_error_at: datetime | None = None
    last_error_event: str = ""
    last_error_code: str = ""
    last_error_message: str = ""
    last_error_http_status: int | None = None
    last_error_recoverability: str = ""
    retry_seen_at: datetime | None = None
    retry_at: datetime | None = None
    retry_attempt: int | None = None
    retry_max_attempts: int | None = None
    webhook_warning_at: datetime | None = None
    webhook_failed_at: datetime | None = None
    duration_ms: int | None = 8210
    cadence_seconds: float | None = 600.0


@dataclass
class FakeTrace:
    sync_type: str = "INCREMENTAL"
    first_at: datetime = field(default_factory=lambda: before(minutes=7))
    last_at: datetime = field(default_factory=lambda: before(minutes=6))
    run_started_at: datetime | None = field(default_factory=lambda: before(minutes=7))
    completed_at: datetime | None = None
    interrupted_at: datetime | None = None
    failed_at: datetime | None = None
    limited_at: datetime | None = None
    warnings: int = 0
    errors: int = 0
    created: int | None = None
    updated: int | None = None
    deleted: int | None = None
    total_processed: int | None = None
    total_changes: int | None = None
    duration_ms: int | None = None


@dataclass
class FakeEntry:
    type: str = "managed_sync"
    event: str = "INCREMENTAL_SYNC_COMPLETED"
    level: int = Level.INFO
    message: str = ""
    error_code: str = ""
    http_status: int | None = None
    recoverability: str = ""
    detail: Any = field(default_factory=dict)


# Phrases


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=-3), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=119), "119 seconds"),
        (timedelta(seconds=120), "2 minutes"),
        (timedelta(minutes=119, seconds=59), "119 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(hours=47, minutes=59), "47 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=4000), "4,000 days"),
    ],
)
def test_span(length: timedelta, words: str) -> None:
    assert explain.span(length) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (59.6, "60 seconds"),
        (299.1, "5 minutes"),
        (1794.9, "30 minutes"),
        (10787, "3 hours"),
        (21586.3, "6 hours"),
        (86399, "24 hours"),
        (1.6 * 86400, "38 hours"),
        (2.4 * 86400, "2 days"),
    ],
)
def test_about(seconds: float, words: str) -> None:
    assert explain.about(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (NOW, "just now"),
        (before(milliseconds=900), "just now"),
        (before(seconds=1), "1 second ago"),
        (before(hours=3), "3 hours ago"),
        (before(minutes=-5), "in 5 minutes"),
    ],
)
def test_ago(then: datetime, words: str) -> None:
    assert explain.ago(then, NOW) == words


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (before(minutes=6), "14:02 UTC"),
        (before(hours=20), "18:08 UTC yesterday"),
        (before(days=2), "14:08 UTC on 2 May"),
        (before(days=200), "14:08 UTC on 16 Oct 2025"),
        (before(hours=-20), "10:08 UTC on 5 May"),
        (datetime(2026, 5, 4, 1, 0, tzinfo=UTC).astimezone(), "01:00 UTC"),
    ],
)
def test_clock(moment: datetime, words: str) -> None:
    assert explain.clock(moment, now=NOW) == words


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (None, ""),
        (-1, ""),
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1 s"),
        (8210, "8.2 s"),
        (59_949, "59.9 s"),
        (59_960, "1 min"),
        (75_000, "1 min 15 s"),
        (3_599_400, "59 min 59 s"),
        (3_600_000, "1 h"),
        (7_500_000, "2 h 5 min"),
    ],
)
def test_duration(milliseconds: int | None, words: str) -> None:
    assert explain.duration_ms(milliseconds) == words


def test_plural_and_joined() -> None:
    assert explain.plural(1, "entry", "entries") == "1 entry"
    assert explain.plural(1204, "entry", "entries") == "1,204 entries"
    assert explain.plural(0, "sync") == "0 syncs"
    assert explain.joined([]) == ""
    assert explain.joined(["a"]) == "a"
    assert explain.joined(["a", "b", "c"]) == "a, b and c"
    assert explain.one_line("a\n b\t c") == "a b c"
    assert explain.one_line("x" * 200) == "x" * 159 + "…"


@pytest.mark.parametrize(
    ("counts", "more", "words"),
    [
        ((4, 11, 0), {"duration": 8210}, "4 created, 11 updated in 8.2 s"),
        ((0, 0, 1200), {}, "1,200 deleted"),
        ((0, 0, 0), {"duration": 800}, "no changes in 800 ms"),
        ((0, 0, 0), {"total_processed": 1500}, "no changes among 1,500 records"),
        ((None, None, None), {"total_changes": 3}, "3 changes"),
        ((None, None, None), {"total_changes": 0, "total_processed": 1}, "no changes among 1 record"),
        ((None, None, None), {"total_processed": 15}, "15 records processed"),
        ((None, None, None), {"duration": 2000}, "in 2 s"),
        ((None, None, None), {}, ""),
    ],
)
def test_run_counts(counts: tuple[int | None, int | None, int | None], more: dict[str, int], words: str) -> None:
    assert explain.run_counts(*counts, **more) == words


# Syncs

STOPPED = FakeSync(
    status="ERRORED",
    status_since=before(hours=3),
    last_seen_at=before(hours=3),
    last_completed_at=before(hours=4),
    last_error_at=before(hours=3),
    last_error_event="SYNC_RUN_ERROR",
    last_error_http_status=401,
    last_error_recoverability="NON_RECOVERABLE",
)
LIMITED = FakeSync(
    status="RATE_LIMITED",
    status_since=before(minutes=20),
    integration="zohocrm",
    last_warning_at=before(minutes=1),
    last_seen_at=before(minutes=1),
    retry_seen_at=before(minutes=1),
    retry_at=before(minutes=-4),
    retry_attempt=2,
    retry_max_attempts=5,
)
RUNNING = FakeSync(
    status="ACTIVE",
    last_started_at=before(minutes=2),
    last_seen_at=before(minutes=2),
    last_completed_at=before(hours=1),
)

VERDICTS = {
    "well": (
        FakeSync(),
        Tone.OK,
        Finding.WELL,
        "Working: the last run finished 6 minutes ago.",
        "Data is complete as of 14:02 UTC, 6 minutes ago. Next run expected around 14:11 UTC, in 3 minutes.",
    ),
    "errored, credential": (
        STOPPED,
        Tone.ERROR,
        Finding.ERRORED,
        "Stopped with an error 3 hours ago: the connected account is no longer valid.",
        "The customer has to reconnect the account; then re-enable the sync. Reconnecting alone does not restart it.",
    ),
    "errored, root gone": (
        replace(STOPPED, last_error_code="10007", last_error_http_status=404),
        Tone.ERROR,
        Finding.ERRORED,
        "Stopped with an error 3 hours ago: the chosen folder, drive or project is no longer accessible.",
        "Create the sync anew with a root that exists. Re-enabling this one does not help.",
    ),
    "errored, cause unknown": (
        replace(STOPPED, last_error_http_status=None, last_error_message="Backend\nsays no"),
        Tone.ERROR,
        Finding.ERRORED,
        "Stopped with an error 3 hours ago: the cause is not known.",
        'Read the message and the context of the entry, and ask an engineer if they do not say enough. The log says: "'
        'Backend says no"',
    ),
    "errored, no error on record": (
        replace(STOPPED, last_error_at=None),
        Tone.ERROR,
        Finding.ERRORED,
        "Stopped with an error 3 hours ago; no log says why.",
        "Find the cause first; the sync stays stopped until it is gone and the sync is re-enabled.",
    ),
    "errored, only an older error on record": (
        replace(STOPPED, last_error_at=before(days=3)),
        Tone.ERROR,
        Finding.ERRORED,
        "Stopped with an error 3 hours ago; no log says why.",
        "Find the cause first; the sync stays stopped until it is gone and the sync is re-enabled.",
    ),
    "errored, only a webhook error on record": (
        replace(STOPPED, last_error_event="SYNC_WEBHOOK_FAILED"),
        Tone.ERROR,
        Finding.ERRORED,
        "Stopped with an error 3 hours ago; no log says why.",
        "Find the cause first; the sync stays stopped until it is gone and the sync is re-enabled.",
    ),
    "errored, never completed, since unknown": (
        replace(STOPPED, status_since=None, last_completed_at=None, last_error_at=before(days=3)),
        Tone.ERROR,
        Finding.ERRORED,
        "Stopped with an error 3 days ago: the connected account is no longer valid.",
        "The customer has to reconnect the account; then re-enable the sync. Reconnecting alone does not restart it.",
    ),
    "errored, nothing else known": (
        replace(STOPPED, status_since=None, last_error_at=None),
        Tone.ERROR,
        Finding.ERRORED,
        "Stopped with an error; no log says why.",
        "Find the cause first; the sync stays stopped until it is gone and the sync is re-enabled.",
    ),
    "paused": (
        FakeSync(status="DISABLED", status_since=before(hours=20)),
        Tone.PAUSED,
        Finding.PAUSED,
        "Paused on purpose since 18:08 UTC yesterday.",
        "Nothing syncs until it is re-enabled. Ask first who paused it and why: no log says so.",
    ),
    "paused, since unknown": (
        FakeSync(status="DISABLED", status_since=None),
        Tone.PAUSED,
        Finding.PAUSED,
        "Paused on purpose.",
        "Nothing syncs until it is re-enabled. Ask first who paused it and why: no log says so.",
    ),
    "limited": (
        LIMITED,
        Tone.WARNING,
        Finding.LIMITED,
        "Waiting for the rate limit of Zoho CRM, for 20 minutes.",
        "Next attempt at 14:12 UTC, in 4 minutes (attempt 2 of 5). It goes on by itself; there is nothing to "
        "re-enable.",
    ),
    "limited for long": (
        replace(LIMITED, status_since=before(hours=7)),
        Tone.WARNING,
        Finding.LIMITED,
        "Waiting for the rate limit of Zoho CRM, for 7 hours.",
        "Next attempt at 14:12 UTC, in 4 minutes (attempt 2 of 5). It goes on by itself; there is nothing to "
        "re-enable. If it lasts, ask the customer what else uses the same account.",
    ),
    "limited, retry overdue": (
        replace(
            LIMITED,
            retry_at=before(minutes=30),
            retry_seen_at=before(hours=1),
            last_seen_at=before(hours=1),
            last_completed_at=before(hours=2),
        ),
        Tone.WARNING,
        Finding.LIMITED,
        "Waiting for the rate limit of Zoho CRM, for 20 minutes.",
        "The next attempt was due at 13:38 UTC, 30 minutes ago (attempt 2 of 5). Nothing has been heard of the sync "
        "since then.",
    ),
    "limited, nothing known": (
        replace(LIMITED, status_since=None, integration="", retry_seen_at=None, retry_at=None),
        Tone.WARNING,
        Finding.LIMITED,
        "Waiting for the rate limit of the integration.",
        "When the next attempt comes is not known. It goes on by itself; there is nothing to re-enable.",
    ),
    "running": (
        RUNNING,
        Tone.ACTIVE,
        Finding.RUNNING,
        "Syncing now; the run started 2 minutes ago.",
        "Data is complete as of 13:08 UTC, 60 minutes ago.",
    ),
    "running, start not seen": (
        replace(RUNNING, last_started_at=None),
        Tone.ACTIVE,
        Finding.RUNNING,
        "Syncing now.",
        "Data is complete as of 13:08 UTC, 60 minutes ago.",
    ),
    "first sync": (
        replace(RUNNING, initial_completed_at=None, last_completed_at=None),
        Tone.ACTIVE,
        Finding.FIRST_RUN,
        "First sync not finished, started 2 minutes ago.",
        "Data is not complete yet; it comes in as the first run goes on. Large accounts take hours.",
    ),
    "first sync, start not seen": (
        replace(
            RUNNING, status="INITIALIZING", initial_completed_at=None, last_completed_at=None, last_started_at=None
        ),
        Tone.ACTIVE,
        Finding.FIRST_RUN,
        "First sync not finished.",
        "Data is not complete yet; it comes in as the first run goes on. Large accounts take hours.",
    ),
    "stuck": (
        replace(
            RUNNING,
            last_started_at=before(hours=26),
            last_seen_at=before(hours=26),
            last_completed_at=before(hours=27),
        ),
        Tone.ERROR,
        Finding.STUCK,
        "Stuck: a run started 26 hours ago and nothing has been heard for 26 hours.",
        "The run neither ended nor failed. Pass it to an engineer or the platform's support; re-enabling is meant for "
        "stopped or paused syncs.",
    ),
    "stuck before the first run": (
        replace(
            RUNNING,
            status="INITIALIZING",
            last_started_at=None,
            last_completed_at=None,
            last_seen_at=before(hours=2),
        ),
        Tone.ERROR,
        Finding.STUCK,
        "Stuck: it was created, its first run did not start and nothing has been heard for 2 hours.",
        "The run neither ended nor failed. Pass it to an engineer or the platform's support; re-enabling is meant for "
        "stopped or paused syncs.",
    ),
    "long, but usually long": (
        replace(
            RUNNING,
            last_started_at=before(hours=2),
            last_seen_at=before(hours=2),
            last_completed_at=before(hours=9),
            duration_ms=3_600_000,
        ),
        Tone.ACTIVE,
        Finding.RUNNING,
        "Syncing now; the run started 2 hours ago.",
        "Data is complete as of 05:08 UTC, 9 hours ago.",
    ),
    "active, retrying": (
        replace(
            RUNNING,
            last_warning_at=before(minutes=1),
            retry_seen_at=before(minutes=1),
            retry_at=before(seconds=-30),
        ),
        Tone.WARNING,
        Finding.RETRYING,
        "A warning came 60 seconds ago and no run has finished since.",
        "Next attempt at 14:09 UTC, in 30 seconds. Data is complete as of 13:08 UTC, 60 minutes ago.",
    ),
    "idle, warned since": (
        FakeSync(last_warning_at=before(minutes=2)),
        Tone.WARNING,
        Finding.RETRYING,
        "A warning came 2 minutes ago and no run has finished since.",
        "Warnings usually pass by themselves. Data is complete as of 14:02 UTC, 6 minutes ago.",
    ),
    "silent": (
        FakeSync(last_seen_at=before(hours=9), last_completed_at=before(hours=9), cadence_seconds=300),
        Tone.WARNING,
        Finding.SILENT,
        "Silent: no log for 9 hours, usually one comes every 5 minutes.",
        "It did not report an error. Whether it still syncs is not known. Data is complete as of 05:08 UTC, 9 hours "
        "ago.",
    ),
    "idle, no run seen": (
        FakeSync(last_completed_at=None),
        Tone.UNKNOWN,
        Finding.UNKNOWN,
        "At rest, but no finished run has been seen.",
        "The logs here may begin after its last run.",
    ),
    "webhooks given up": (
        FakeSync(webhook_failed_at=before(minutes=40), webhook_warning_at=before(minutes=41)),
        Tone.WARNING,
        Finding.UNDELIVERED,
        "Data syncs, but our webhook endpoint missed a notification 40 minutes ago.",
        "The retries for it were used up. Check our endpoint; the sync itself needs nothing. No log tells when "
        "webhooks arrive again. Working: the last run finished 6 minutes ago.",
    ),
    "webhooks late": (
        FakeSync(webhook_failed_at=before(days=2), webhook_warning_at=before(minutes=41)),
        Tone.WARNING,
        Finding.UNDELIVERED,
        "Data syncs, but a webhook could not be delivered 41 minutes ago.",
        "It is delivered again until the retries are used up. Check our endpoint; the sync itself needs nothing. "
        "Working: the last run finished 6 minutes ago.",
    ),
    "webhooks failed long ago": (
        FakeSync(webhook_failed_at=before(days=2), webhook_warning_at=before(days=2)),
        Tone.OK,
        Finding.WELL,
        "Working: the last run finished 6 minutes ago.",
        "Data is complete as of 14:02 UTC, 6 minutes ago. Next run expected around 14:11 UTC, in 3 minutes.",
    ),
    "creation failed": (
        FakeSync(
            status="",
            last_started_at=None,
            last_completed_at=None,
            last_error_at=before(hours=5),
            last_error_event="SYNC_CREATION_FAILED",
        ),
        Tone.ERROR,
        Finding.NOT_CREATED,
        "Could not be created 5 hours ago: the request to set up the sync was refused.",
        "Correct the request that enables the sync and send it again. Re-enabling does not apply.",
    ),
    "state unknown": (
        FakeSync(status=""),
        Tone.UNKNOWN,
        Finding.UNKNOWN,
        "State not known.",
        "No log has said what state this sync is in. The last log came 6 minutes ago.",
    ),
    "state of a new kind": (
        FakeSync(status="ON_HOLD"),
        Tone.UNKNOWN,
        Finding.UNKNOWN,
        'State "ON_HOLD" not known.',
        "This state is not in the list of known ones. The last log came 6 minutes ago.",
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_sync_verdict(name: str) -> None:
    sync, tone, finding, headline, text = VERDICTS[name]
    verdict = explain.sync_verdict(sync, now=NOW)
    assert verdict.headline == headline
    assert verdict.text == text
    assert (verdict.tone, verdict.finding) == (tone, finding)


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("errored, credential", True),
        ("errored, no error on record", True),
        ("errored, root gone", False),
        ("paused", True),
        ("webhooks given up", False),
        ("creation failed", False),
        ("stuck", False),
        ("limited", False),
        ("well", False),
    ],
)
def test_reenable_is_offered_only_where_it_can_help(name: str, offered: bool) -> None:
    assert explain.sync_verdict(VERDICTS[name][0], now=NOW).reenable is offered


def test_side_of_a_verdict() -> None:
    assert explain.sync_verdict(STOPPED, now=NOW).side is Side.CUSTOMER
    assert explain.sync_verdict(LIMITED, now=NOW).side is Side.PROVIDER
    assert explain.sync_verdict(VERDICTS["webhooks given up"][0], now=NOW).side is Side.US
    assert explain.sync_verdict(RUNNING, now=NOW).side is Side.UNKNOWN


def test_trouble_with_data_hides_trouble_with_webhooks() -> None:
    sync = replace(STOPPED, webhook_failed_at=before(minutes=5))
    assert explain.sync_verdict(sync, now=NOW).finding is Finding.ERRORED
    assert explain.delivery_verdict(sync, now=NOW) is not None


@pytest.mark.parametrize(
    ("cadence", "silent_for", "expected"),
    [
        (60, timedelta(minutes=10), False),
        (60, timedelta(minutes=10, seconds=1), True),
        (600, timedelta(minutes=20), False),
        (600, timedelta(minutes=20, seconds=1), True),
        (None, timedelta(days=9), False),
    ],
)
def test_silent_after_twice_the_cadence(cadence: float | None, silent_for: timedelta, expected: bool) -> None:
    assert health.silent(FakeSync(cadence_seconds=cadence, last_seen_at=NOW - silent_for), now=NOW) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"last_seen_at": before(hours=1)}, False),
        ({"last_seen_at": before(hours=1, seconds=1)}, True),
        ({"last_seen_at": before(hours=3), "duration_ms": 3_000_000}, False),
        ({"last_seen_at": before(hours=5), "duration_ms": 3_000_000}, True),
        ({"last_seen_at": before(hours=5), "duration_ms": None}, True),
        ({"last_seen_at": before(hours=5), "status": "IDLE"}, False),
        ({"last_seen_at": before(hours=5), "last_completed_at": before(minutes=1)}, False),
    ],
)
def test_stuck(changes: dict[str, Any], expected: bool) -> None:
    assert health.stuck(replace(RUNNING, **changes), now=NOW) is expected


@pytest.mark.parametrize(
    ("sync", "words"),
    [
        (FakeSync(), "Data is complete as of 14:02 UTC, 6 minutes ago."),
        (STOPPED, "Data is complete as of 10:08 UTC, 4 hours ago; later changes are missing."),
        (
            FakeSync(status="DISABLED"),
            "Data is complete as of 14:02 UTC, 6 minutes ago; later changes are missing.",
        ),
        (replace(RUNNING, last_completed_at=None), "Data is not complete yet: no run has finished."),
        (FakeSync(last_completed_at=None), "No finished run has been seen, so how fresh the data is, is not known."),
    ],
)
def test_freshness(sync: FakeSync, words: str) -> None:
    assert explain.freshness(sync, now=NOW) == words


@pytest.mark.parametrize(
    ("sync", "words"),
    [
        (STOPPED, "No run comes until it is re-enabled."),
        (FakeSync(status="DISABLED"), "No run comes until it is re-enabled."),
        (LIMITED, "Next attempt at 14:12 UTC, in 4 minutes (attempt 2 of 5)."),
        (replace(LIMITED, retry_seen_at=None), "When the next attempt comes is not known."),
        (RUNNING, "A run has not ended; the next one follows it."),
        (FakeSync(cadence_seconds=None), "When the next run comes is not known."),
        (FakeSync(last_started_at=None), "When the next run comes is not known."),
        (FakeSync(cadence_seconds=60), "The next run was expected around 14:02 UTC, 6 minutes ago."),
    ],
)
def test_next_expected(sync: FakeSync, words: str) -> None:
    assert explain.next_expected(sync, now=NOW) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Next attempt at 14:12 UTC, in 4 minutes (attempt 2 of 5)."),
        ({"retry_max_attempts": None}, "Next attempt at 14:12 UTC, in 4 minutes (attempt 2)."),
        ({"retry_attempt": None}, "Next attempt at 14:12 UTC, in 4 minutes."),
        ({"retry_at": None}, "It is being retried (attempt 2 of 5); when the next attempt comes is not known."),
        ({"retry_at": None, "retry_attempt": None}, ""),
        ({"retry_seen_at": None}, ""),
        ({"last_completed_at": NOW}, ""),
        ({"last_completed_at": None}, "Next attempt at 14:12 UTC, in 4 minutes (attempt 2 of 5)."),
        ({"status": "ERRORED"}, ""),
    ],
)
def test_retry_clock(changes: dict[str, Any], words: str) -> None:
    assert explain.retry_clock(replace(LIMITED, **changes), now=NOW) == words


# Traces

TRACES = {
    "completed": (
        FakeTrace(completed_at=before(minutes=6), created=4, updated=11, deleted=0, duration_ms=8210, warnings=1),
        Outcome.COMPLETED,
        "Incremental run completed: 4 created, 11 updated in 8.2 s.",
        "1 warning on the way. Last log at 14:02 UTC, 6 minutes ago.",
    ),
    "completed, said nothing": (
        FakeTrace(completed_at=before(minutes=6), sync_type=""),
        Outcome.COMPLETED,
        "Run completed in 1 min.",
        "Last log at 14:02 UTC, 6 minutes ago.",
    ),
    "completed, clocks disagree": (
        FakeTrace(completed_at=before(minutes=9), errors=2),
        Outcome.COMPLETED,
        "Incremental run completed.",
        "2 errors on the way. Last log at 14:02 UTC, 6 minutes ago.",
    ),
    "failed after a warning": (
        FakeTrace(failed_at=before(minutes=6), limited_at=before(minutes=6.5), warnings=2, errors=1),
        Outcome.FAILED,
        "Incremental run failed 6 minutes ago.",
        "2 warnings and 1 error on the way. Last log at 14:02 UTC, 6 minutes ago.",
    ),
    "interrupted": (
        FakeTrace(sync_type="FULL", interrupted_at=before(minutes=6), warnings=1),
        Outcome.INTERRUPTED,
        "Full run interrupted 6 minutes ago.",
        "It will be tried again; deletions may be missing until then. 1 warning on the way. Last log at 14:02 UTC, 6 "
        "minutes ago.",
    ),
    "interrupted, then completed": (
        FakeTrace(interrupted_at=before(minutes=6.5), completed_at=before(minutes=6), run_started_at=None, created=1),
        Outcome.COMPLETED,
        "Incremental run completed: 1 created in 1 min.",
        "Its start was not logged here. Last log at 14:02 UTC, 6 minutes ago.",
    ),
    "limited": (
        FakeTrace(limited_at=before(minutes=6), warnings=1),
        Outcome.LIMITED,
        "Incremental run has waited for a rate limit for 6 minutes.",
        "It goes on by itself when the limit resets. 1 warning on the way. Last log at 14:02 UTC, 6 minutes ago.",
    ),
    "running": (
        FakeTrace(limited_at=before(minutes=6.5)),
        Outcome.RUNNING,
        "Incremental run is going on, started 7 minutes ago.",
        "Last log at 14:02 UTC, 6 minutes ago.",
    ),
    "no end": (
        FakeTrace(first_at=before(hours=26), run_started_at=before(hours=26), last_at=before(hours=25)),
        Outcome.NO_END,
        "Incremental run has no end: started 26 hours ago, silent for 25 hours.",
        "It may have been interrupted without a log, or its logs did not arrive. Last log at 13:08 UTC yesterday, 25 "
        "hours ago.",
    ),
    "unknown": (
        FakeTrace(run_started_at=None),
        Outcome.UNKNOWN,
        "No log says how this run began or ended.",
        "Last log at 14:02 UTC, 6 minutes ago.",
    ),
}


@pytest.mark.parametrize("name", TRACES)
def test_trace(name: str) -> None:
    trace, outcome, headline, text = TRACES[name]
    assert explain.trace_outcome(trace, now=NOW) is outcome
    verdict = explain.trace_verdict(trace, now=NOW)
    assert (verdict.headline, verdict.text) == (headline, text)
    assert verdict.tone is explain.OUTCOME_TONES[outcome]


# Entries

RETRY = {"error": {"backoffMs": 30000, "nextRetryAt": "2026-05-04T14:09:00.000Z", "attempt": 2, "maxAttempts": 5}}
ENTRIES = [
    (
        FakeEntry(detail={"summary": {"created": 4, "updated": 11, "deleted": 0, "durationMs": 8210}}),
        "Incremental sync completed: 4 created, 11 updated in 8.2 s",
    ),
    (
        FakeEntry(detail={"summary": {"total_processed": 3, "total_changes": 2.0, "duration": 10}}),
        "Incremental sync completed: 2 changes in 10 ms",
    ),
    (
        FakeEntry(detail={"summary": {"created": True, "updated": "x", "deleted": -1, "durationMs": float("nan")}}),
        "Incremental sync completed",
    ),
    (FakeEntry(detail={"summary": {"durationMs": 9000}}), "Incremental sync completed in 9 s"),
    (FakeEntry(detail={"summary": [1]}), "Incremental sync completed"),
    (FakeEntry(detail=None), "Incremental sync completed"),
    (FakeEntry(event="FULL_SYNC_STARTED", message="ignored, the event says it"), "Full sync started"),
    (
        FakeEntry(event="SYNC_RUN_ERROR", level=Level.ERROR, http_status=404, error_code="10007"),
        "Sync stopped with an error: the chosen folder, drive or project is no longer accessible (code 10007, HTTP "
        "404)",
    ),
    (
        FakeEntry(event="SYNC_RUN_ERROR", level=Level.ERROR, http_status=401, error_code="401"),
        "Sync stopped with an error: the connected account is no longer valid (HTTP 401)",
    ),
    (
        FakeEntry(event="SYNC_RUN_WARNING", level=Level.WARNING, recoverability="RECOVERABLE"),
        "Sync run had a temporary problem",
    ),
    (
        FakeEntry(event="SYNC_RUN_RATE_LIMITED", level=Level.INFO, http_status=429, detail=RETRY),
        "Slowed down by a rate limit (HTTP 429)",
    ),
    (
        FakeEntry(event="SYNC_WEBHOOK_FAILED", level=Level.WARNING, http_status=503, detail=RETRY),
        "Webhook could not be delivered, will be retried (HTTP 503, attempt 2 of 5)",
    ),
    (
        FakeEntry(event="SYNC_WEBHOOK_FAILED", level=Level.ERROR),
        "Webhook could not be delivered, given up after all retries",
    ),
    (FakeEntry(event="SYNC_CURSOR_RESET", message="Cursor\nwas reset"), "Sync cursor reset: Cursor was reset"),
    (FakeEntry(event="SYNC_CURSOR_RESET"), "Sync cursor reset"),
    (FakeEntry(type="workflow", event="", message="Workflow ran\ntwice"), "Workflow ran twice"),
    (FakeEntry(type="workflow", event="STEP_DONE"), "Step done"),
    (FakeEntry(type="actionkit", event=""), "ActionKit"),
    (FakeEntry(type="managed_sync_webhook", event="record_created"), "Record created"),
]


@pytest.mark.parametrize(("entry", "words"), ENTRIES)
def test_entry_headline(entry: FakeEntry, words: str) -> None:
    assert explain.entry_headline(entry) == words


def test_explanation_of_a_good_run() -> None:
    told = explain.entry_explanation(FakeEntry())
    assert told.meaning.startswith("A routine look for changes finished")
    assert (told.action, told.side, told.cause) == ("Nothing to do.", "", "")


def test_explanation_of_an_error() -> None:
    entry = FakeEntry(event="SYNC_RUN_ERROR", level=Level.ERROR, http_status=401)
    told = explain.entry_explanation(entry)
    assert told.cause == "the connected account is no longer valid"
    assert told.action.startswith("The customer has to reconnect")
    assert (told.side, told.side_words, told.code) == ("customer", "The customer's side", "HTTP 401")
    assert told.reenable_cures


def test_explanation_without_a_known_cause_tells_what_the_event_asks_for() -> None:
    told = explain.entry_explanation(FakeEntry(event="SYNC_RUN_ERROR", level=Level.ERROR))
    assert told.action == "Remove the cause first, then re-enable the sync. Neither step replaces the other."
    assert told.side == "unknown"
    unknown = explain.entry_explanation(FakeEntry(event="FETCH_ERROR", level=Level.ERROR))
    assert unknown.action.startswith("Read the message")


@pytest.mark.parametrize(
    ("level", "part"), [(Level.WARNING, "nothing is lost yet"), (Level.ERROR, "this notification is lost")]
)
def test_explanation_of_a_webhook(level: Level, part: str) -> None:
    told = explain.entry_explanation(FakeEntry(event="SYNC_WEBHOOK_FAILED", level=level, http_status=401))
    assert part in told.meaning
    assert told.side == "us"
    assert not told.reenable_cures


def test_explanation_of_other_types() -> None:
    told = explain.entry_explanation(FakeEntry(type="workflow", event="X", level=Level.ERROR))
    assert told.meaning.startswith("An entry of Workflow.")
    assert told.side == ""


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            FakeEntry(event="SYNC_RUN_WARNING", level=Level.WARNING, detail=RETRY),
            "Next attempt at 14:09 UTC, in 30 seconds (attempt 2 of 5).",
        ),
        (
            FakeEntry(
                event="SYNC_RUN_WARNING",
                level=Level.WARNING,
                detail={"error": {"retry": {"nextRetryAt": "2026-05-04T16:00:00+02:00", "attempt": 1}}},
            ),
            "The next attempt was due at 14:00 UTC, 8 minutes ago (attempt 1).",
        ),
        (
            FakeEntry(event="SYNC_RUN_WARNING", level=Level.WARNING, recoverability="RECOVERABLE"),
            "It is being retried; when is not known.",
        ),
        (FakeEntry(event="SYNC_RUN_ERROR", level=Level.ERROR, detail={"error": {"nextRetryAt": "soon"}}), ""),
        (FakeEntry(event="SYNC_RUN_ERROR", level=Level.ERROR, detail={"error": {"nextRetryAt": 5}}), ""),
        (
            FakeEntry(
                event="SYNC_WEBHOOK_FAILED", level=Level.ERROR, detail={"error": {"attempt": 4, "maxAttempts": 4}}
            ),
            "",
        ),
        (FakeEntry(event="SYNC_RUN_ERROR", level=Level.ERROR, detail={"error": {"nextRetryAt": "2026-05-04"}}), ""),
        (FakeEntry(detail=RETRY), ""),
    ],
)
def test_entry_retry_clock(entry: FakeEntry, words: str) -> None:
    assert explain.entry_retry_clock(entry, now=NOW) == words


# Many syncs


@pytest.mark.parametrize(
    ("syncs", "finding", "headline", "text"),
    [
        ([], Finding.UNKNOWN, "No sync of this user has been seen.", "Syncs appear with their first log."),
        (
            [FakeSync()],
            Finding.WELL,
            "The only sync works.",
            "The oldest data is complete as of 14:02 UTC, 6 minutes ago.",
        ),
        (
            [FakeSync(), RUNNING],
            Finding.RUNNING,
            "All 2 syncs work.",
            "The oldest data is complete as of 13:08 UTC, 60 minutes ago.",
        ),
        (
            [FakeSync(), STOPPED, LIMITED],
            Finding.ERRORED,
            "2 of 3 syncs need attention.",
            "Google Drive files: Stopped with an error 3 hours ago: the connected account is no longer valid. "
            "The customer has to reconnect the account; then re-enable the sync. Reconnecting alone does not restart "
            "it.",
        ),
        (
            [replace(STOPPED, last_error_at=None, integration="", pipeline="")],
            Finding.ERRORED,
            "The only sync needs attention.",
            "A sync: Stopped with an error 3 hours ago; no log says why. Find the cause first; the sync stays stopped "
            "until it is gone and the sync is re-enabled.",
        ),
        (
            [
                FakeSync(),
                FakeSync(status="DISABLED"),
                replace(RUNNING, initial_completed_at=None, last_completed_at=None),
            ],
            Finding.PAUSED,
            "No trouble is known; of 3 syncs, 1 paused on purpose and 1 in the first sync.",
            "The oldest data is complete as of 14:02 UTC, 6 minutes ago.",
        ),
        (
            [FakeSync(status="", last_completed_at=None)],
            Finding.UNKNOWN,
            "No trouble is known; of 1 sync, 1 in a state that is not known.",
            "",
        ),
    ],
)
def test_user_verdict(syncs: list[FakeSync], finding: Finding, headline: str, text: str) -> None:
    verdict = explain.user_verdict(syncs, now=NOW)
    assert (verdict.headline, verdict.text) == (headline, text)
    if finding is not Finding.RUNNING:
        assert verdict.finding is finding


def test_one_of_two_needs_attention() -> None:
    assert explain.user_verdict([FakeSync(), STOPPED], now=NOW).headline == "1 of 2 syncs needs attention."


@pytest.mark.parametrize(
    ("counts", "tone", "headline", "text"),
    [
        (StateCounts(total=0), Tone.UNKNOWN, "No sync of Zoho CRM has been seen.", ""),
        (StateCounts(total=1), Tone.OK, "Zoho CRM: the only sync works.", ""),
        (StateCounts(total=14), Tone.OK, "Zoho CRM: all 14 syncs work.", ""),
        (
            StateCounts(total=14, paused=2),
            Tone.OK,
            "Zoho CRM: no trouble is known in 14 syncs.",
            "2 paused on purpose.",
        ),
        (
            StateCounts(total=14, limited=3, undelivered=1, users=3),
            Tone.WARNING,
            "Zoho CRM: of 14 syncs, 3 waiting for a rate limit and 1 with failing webhooks.",
            "3 users affected.",
        ),
        (
            StateCounts(total=14, errored=6, stuck=1, silent=1, users=1),
            Tone.ERROR,
            "Zoho CRM: of 14 syncs, 6 stopped, 1 stuck and 1 silent.",
            "So many at once is seldom the customers' doing: look at the integration first. 1 user affected.",
        ),
        (StateCounts(total=2, errored=2), Tone.ERROR, "Zoho CRM: of 2 syncs, 2 stopped.", ""),
    ],
)
def test_integration_verdict(counts: StateCounts, tone: Tone, headline: str, text: str) -> None:
    verdict = explain.integration_verdict(counts, integration="zohocrm")
    assert (verdict.tone, verdict.headline, verdict.text) == (tone, headline, text)


def test_integration_without_a_name() -> None:
    verdict = explain.integration_verdict(StateCounts(total=2, silent=1), integration="")
    assert verdict.headline == "This integration: of 2 syncs, 1 silent."
    assert verdict.finding is Finding.SILENT


@pytest.mark.parametrize(
    ("counts", "last", "tone", "headline", "text"),
    [
        (
            StateCounts(total=0),
            None,
            Tone.UNKNOWN,
            "No log has arrived yet.",
            "Send the first one to see syncs here.",
        ),
        (
            StateCounts(total=61),
            before(minutes=42),
            Tone.WARNING,
            "No log has arrived for 42 minutes: silence is not health.",
            "As far as the logs went, no trouble is known.",
        ),
        (
            StateCounts(total=61, errored=3),
            before(minutes=42),
            Tone.ERROR,
            "No log has arrived for 42 minutes: silence is not health.",
            "As far as the logs went, of 61 syncs, 3 stopped.",
        ),
        (
            StateCounts(total=61, errored=3, silent=2),
            before(seconds=4),
            Tone.ERROR,
            "Of 61 syncs, 3 stopped and 2 silent.",
            "The last log arrived 4 seconds ago.",
        ),
        (
            StateCounts(total=61, undelivered=1),
            before(seconds=4),
            Tone.WARNING,
            "Of 61 syncs, 1 with failing webhooks.",
            "The last log arrived 4 seconds ago.",
        ),
        (
            StateCounts(total=61),
            before(seconds=4),
            Tone.OK,
            "No trouble is known in 61 syncs.",
            "The last log arrived 4 seconds ago.",
        ),
        (
            StateCounts(total=0),
            before(seconds=4),
            Tone.UNKNOWN,
            "Logs arrive, but none of a sync yet.",
            "The last log arrived 4 seconds ago.",
        ),
    ],
)
def test_overview_verdict(counts: StateCounts, last: datetime | None, tone: Tone, headline: str, text: str) -> None:
    verdict = explain.overview_verdict(counts, last_log_at=last, now=NOW)
    assert (verdict.tone, verdict.headline, verdict.text) == (tone, headline, text)


def test_silence_is_quiet_while_logs_arrive() -> None:
    assert explain.silence(before(minutes=9), now=NOW) == ""
    assert explain.silence(before(minutes=10), now=NOW).startswith("No log has arrived for 10 minutes")
