"""When a sync needs a look: stuck, silent, limited for long, stopped. Each rule once: its threshold, its SQL and its Python form.

The SQL is a condition over one row of synclogs_sync: columns are written {column}, the present moment {now}. The Python form reads
attributes of the same names. tests/test_health_rules.py runs both over the same thousand syncs.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from synclogs.catalogue import CREATION_FAILURES, SyncStatus

SILENT_AT_LEAST = timedelta(minutes=10)  # a sync at rest is silent after twice its cadence, and after this at least
SILENT_CADENCES = 2
STUCK_AFTER = timedelta(hours=1)  # a run is stuck after five times its usual duration, and after this at least
STUCK_DURATIONS = 5
LONGEST_RUN = timedelta(days=30)  # a run may claim any duration; beyond this none is believed
LIMITED_FOR_LONG = timedelta(hours=1)  # longer than a short limit of the provider explains
RETRY_GRACE = timedelta(minutes=10)  # a retry this long overdue, without any log since, is worth a word
DELIVERY_RECENT = timedelta(hours=24)  # no log says that webhooks arrive again, so a failure fades by age
LOGS_SILENT_AFTER = timedelta(minutes=10)  # of a whole project
# The cadence is the median gap between the starts of the newest runs within the window; fewer gaps say nothing.
CADENCE_WINDOW = timedelta(days=7)
CADENCE_RUNS = 20
CADENCE_GAPS = 3

RUNNING = (SyncStatus.ACTIVE, SyncStatus.INITIALIZING)
MILLISECOND = timedelta(milliseconds=1)


class Observed(Protocol):
    """What the rules read of a sync; synclogs.models.Sync has all of it."""

    status: str
    status_since: datetime | None
    last_seen_at: datetime
    initial_completed_at: datetime | None
    last_started_at: datetime | None
    last_completed_at: datetime | None
    last_error_event: str
    retry_at: datetime | None
    webhook_warning_at: datetime | None
    webhook_failed_at: datetime | None
    duration_ms: int | None
    cadence_seconds: float | None


@dataclass(frozen=True, slots=True)
class Rule:
    """Called with a sync it answers in Python; `condition` gives the same as SQL, true or false and never null."""

    sql: str
    test: Callable[[Observed, datetime], bool]

    def __call__(self, sync: Observed, *, now: datetime) -> bool:
        return self.test(sync, now)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns and `now` in the order in which the SQL has them, each as often."""
        return tuple(re.findall(r"{(\w+)}", self.sql))

    def condition(self, written: Mapping[str, str]) -> str:
        """`written`: what stands in the statement for each of `names`."""
        return f"(({self.sql.format_map(written)}) IS TRUE)"


def rule(sql: str) -> Callable[[Callable[[Observed, datetime], bool]], Rule]:
    """Makes a rule of a Python test and the SQL that says the same."""
    return lambda test: Rule(" ".join(sql.split()), test)


def _interval(length: timedelta) -> str:
    return f"interval '{length // MILLISECOND} milliseconds'"


def _texts(values: Iterable[str]) -> str:
    return f"({', '.join(f"'{value}'" for value in values)})"


# A run

BELIEVED = f"LEAST(COALESCE({{duration_ms}}, 0), {LONGEST_RUN // MILLISECOND})"
RUN_PATIENCE = f"GREATEST({_interval(STUCK_AFTER)}, {BELIEVED} * {_interval(STUCK_DURATIONS * MILLISECOND)})"


def run_patience(duration_ms: int | None) -> timedelta:
    """How long an open run may say nothing; `duration_ms`: what the last completed run took."""
    believed = min(duration_ms or 0, LONGEST_RUN // MILLISECOND)
    return max(STUCK_AFTER, believed * STUCK_DURATIONS * MILLISECOND)


@rule(
    f"""{{status}} IN {_texts(RUNNING)}
    AND ({{last_started_at}} IS NULL OR {{last_completed_at}} IS NULL OR {{last_completed_at}} < {{last_started_at}})
    AND {{last_seen_at}} < {{now}} - {RUN_PATIENCE}"""
)
def stuck(sync: Observed, now: datetime) -> bool:
    """A run is open, and nothing was heard for an hour and for five times the usual duration."""
    started, ended = sync.last_started_at, sync.last_completed_at
    if sync.status not in RUNNING or (started and ended and ended >= started):
        return False
    return now - sync.last_seen_at > run_patience(sync.duration_ms)


@rule("{initial_completed_at} IS NULL AND {last_completed_at} IS NULL")
def never_finished(sync: Observed, now: datetime) -> bool:
    return sync.initial_completed_at is None and sync.last_completed_at is None


# Rest

REST_PATIENCE = (
    f"GREATEST({_interval(SILENT_AT_LEAST)}, {{cadence_seconds}} * {_interval(SILENT_CADENCES * timedelta(seconds=1))})"
)


def rest_patience(cadence_seconds: float) -> timedelta:
    """How long a sync with this usual gap between its runs may say nothing."""
    return max(SILENT_AT_LEAST, timedelta(seconds=SILENT_CADENCES * cadence_seconds))


@rule(
    f"""{{status}} = '{SyncStatus.IDLE}' AND {{cadence_seconds}} IS NOT NULL
    AND {{last_seen_at}} < {{now}} - {REST_PATIENCE}"""
)
def silent(sync: Observed, now: datetime) -> bool:
    """At rest, and nothing was heard for more than twice the usual gap between runs, ten minutes at least."""
    if sync.status != SyncStatus.IDLE or sync.cadence_seconds is None:
        return False
    return now - sync.last_seen_at > rest_patience(sync.cadence_seconds)


# A rate limit


@rule(f"""{{status}} = '{SyncStatus.RATE_LIMITED}' AND {{status_since}} < {{now}} - {_interval(LIMITED_FOR_LONG)}""")
def limited_for_long(sync: Observed, now: datetime) -> bool:
    since = sync.status_since
    return sync.status == SyncStatus.RATE_LIMITED and since is not None and now - since > LIMITED_FOR_LONG


@rule(
    f"""{{status}} = '{SyncStatus.RATE_LIMITED}' AND {{last_seen_at}} <= {{retry_at}}
    AND {{retry_at}} < {{now}} - {_interval(RETRY_GRACE)}"""
)
def retry_overdue(sync: Observed, now: datetime) -> bool:
    """The end of the pause has passed, and nothing was heard of the sync since."""
    due = sync.retry_at
    if sync.status != SyncStatus.RATE_LIMITED or due is None:
        return False
    return sync.last_seen_at <= due and now - due > RETRY_GRACE


# Stopped, and not known


@rule(
    f"""{{status}} NOT IN {_texts(SyncStatus)} AND {{last_started_at}} IS NULL
    AND {{last_error_event}} IN {_texts(CREATION_FAILURES)}"""
)
def not_created(sync: Observed, now: datetime) -> bool:
    """It could not be set up and never ran, so no status says that it is stopped."""
    if sync.status in SyncStatus or sync.last_started_at is not None:
        return False
    return sync.last_error_event in CREATION_FAILURES


@rule(f"{{status}} = '{SyncStatus.ERRORED}' OR ({not_created.sql})")
def stopped(sync: Observed, now: datetime) -> bool:
    return sync.status == SyncStatus.ERRORED or not_created(sync, now=now)


@rule(f"{{status}} NOT IN {_texts(SyncStatus)} AND NOT ({not_created.sql})")
def unknown(sync: Observed, now: datetime) -> bool:
    """In no state, or in one that is not in the list of known ones."""
    return sync.status not in SyncStatus and not not_created(sync, now=now)


# Webhooks


@rule(f"{{webhook_failed_at}} > {{now}} - {_interval(DELIVERY_RECENT)}")
def delivery_lost(sync: Observed, now: datetime) -> bool:
    """The app's webhook endpoint missed a notification for good."""
    return sync.webhook_failed_at is not None and now - sync.webhook_failed_at < DELIVERY_RECENT


@rule(f"{{webhook_warning_at}} > {{now}} - {_interval(DELIVERY_RECENT)}")
def delivery_retried(sync: Observed, now: datetime) -> bool:
    return sync.webhook_warning_at is not None and now - sync.webhook_warning_at < DELIVERY_RECENT


@rule(f"{delivery_lost.sql} OR {delivery_retried.sql}")
def undelivered(sync: Observed, now: datetime) -> bool:
    return delivery_lost(sync, now=now) or delivery_retried(sync, now=now)
