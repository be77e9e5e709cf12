"""One sync in; its verdict, freshness, next run and retry clock out, as sentences.

Only what the logs say goes in, so a sentence never claims more: what no log says is called not known.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db.models import TextChoices

from synclogs import catalogue, health
from synclogs.catalogue import Category, Side, SyncStatus, Tone, integration_words
from synclogs.explain.entries import attempt_words, retry_words
from synclogs.explain.phrases import about, ago, clock, moment_words, one_line, span


class Stopped(Protocol):
    """What says whether the last error on record is why a sync stands still, and what caused it."""

    @property
    def last_error_at(self) -> datetime | None: ...
    @property
    def last_error_event(self) -> str: ...
    @property
    def last_error_code(self) -> str: ...
    @property
    def last_error_http_status(self) -> int | None: ...
    @property
    def last_error_recoverability(self) -> str: ...
    @property
    def last_completed_at(self) -> datetime | None: ...


class SyncState(health.Observed, Protocol):
    """What is read of a sync; synclogs.models.Sync has all of it."""

    integration: str
    last_warning_at: datetime | None
    last_error_at: datetime | None
    last_error_code: str
    last_error_message: str
    last_error_http_status: int | None
    last_error_recoverability: str
    retry_seen_at: datetime | None
    retry_attempt: int | None
    retry_max_attempts: int | None


class Finding(TextChoices):
    """What a verdict found; the words are short enough for a lamp or a count."""

    WELL = "well", "Well"
    RUNNING = "running", "Syncing"
    FIRST_RUN = "first_run", "First sync"
    RETRYING = "retrying", "Retrying"
    LIMITED = "limited", "Rate limited"
    STUCK = "stuck", "Stuck"
    SILENT = "silent", "Silent"
    UNDELIVERED = "undelivered", "Webhooks failing"
    PAUSED = "paused", "Paused"
    ERRORED = "errored", "Stopped"
    NOT_CREATED = "not_created", "Not created"
    UNKNOWN = "unknown", "Not known"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`headline` stands alone; `text` adds what it means and what to do. `reenable` = re-enabling is the last step."""

    tone: Tone
    finding: Finding
    headline: str
    text: str
    side: Side = Side.UNKNOWN
    reenable: bool = False


def sync_verdict(sync: SyncState, *, now: datetime) -> Verdict:
    """The state of a sync in one verdict; trouble with the data comes before trouble with webhooks."""
    data = data_verdict(sync, now=now)
    if data.tone not in (Tone.OK, Tone.ACTIVE):
        return data
    delivery = delivery_verdict(sync, now=now)
    if delivery is None:
        return data
    return Verdict(
        tone=delivery.tone,
        finding=delivery.finding,
        headline=delivery.headline,
        text=f"{delivery.text} {data.headline}",
        side=delivery.side,
    )


def data_verdict(sync: SyncState, *, now: datetime) -> Verdict:
    """The data leg alone: does data come from the integration?"""
    match sync.status:
        case SyncStatus.ERRORED:
            return _errored(sync, now=now)
        case SyncStatus.DISABLED:
            return _paused(sync, now=now)
        case SyncStatus.RATE_LIMITED:
            return _limited(sync, now=now)
        case SyncStatus.ACTIVE | SyncStatus.INITIALIZING:
            return _running(sync, now=now)
        case SyncStatus.IDLE:
            return _resting(sync, now=now)
        case _:
            return _unclear(sync, now=now)


def delivery_verdict(sync: SyncState, *, now: datetime) -> Verdict | None:
    """The webhook leg alone; None when no failure of the last day is known."""
    failed, warned = sync.webhook_failed_at, sync.webhook_warning_at
    if failed is not None and health.delivery_lost(sync, now=now):
        return Verdict(
            tone=Tone.WARNING,
            finding=Finding.UNDELIVERED,
            headline=f"Data syncs, but our webhook endpoint missed a notification {ago(failed, now)}.",
            text="The retries for it were used up. Check our endpoint; the sync itself needs nothing. No log tells when "
            "webhooks arrive again.",
            side=Side.US,
        )
    if warned is not None and health.delivery_retried(sync, now=now):
        return Verdict(
            tone=Tone.WARNING,
            finding=Finding.UNDELIVERED,
            headline=f"Data syncs, but a webhook could not be delivered {ago(warned, now)}.",
            text="It is delivered again until the retries are used up. Check our endpoint; the sync itself needs "
            "nothing.",
            side=Side.US,
        )
    return None


def _errored(sync: SyncState, *, now: datetime) -> Verdict:
    since = sync.status_since or sync.last_error_at
    when = f" {ago(since, now)}" if since else ""
    if not error_explains_stop(sync):
        return Verdict(
            tone=Tone.ERROR,
            finding=Finding.ERRORED,
            headline=f"Stopped with an error{when}; no log says why.",
            text="Find the cause first; the sync stays stopped until it is gone and the sync is re-enabled.",
            reenable=True,
        )
    cause = last_error_cause(sync)
    message = ""
    if cause.side == Side.UNKNOWN and sync.last_error_message:
        message = f' The log says: "{one_line(sync.last_error_message)}"'
    return Verdict(
        tone=Tone.ERROR,
        finding=Finding.ERRORED,
        headline=f"Stopped with an error{when}: {cause.words}.",
        text=f"{cause.action}{message}",
        side=cause.side,
        reenable=cause.reenable_cures,
    )


def error_explains_stop(sync: Stopped) -> bool:
    """Whether the last error on record is the reason for the stop: about the data, and newer than the last good run."""
    at = sync.last_error_at
    if at is None or catalogue.event(sync.last_error_event).category == Category.WEBHOOK:
        return False
    return sync.last_completed_at is None or at >= sync.last_completed_at


def last_error_cause(sync: Stopped) -> catalogue.ErrorCode:
    return catalogue.error_code(
        sync.last_error_code,
        http_status=sync.last_error_http_status,
        recoverability=sync.last_error_recoverability,
        event=sync.last_error_event,
    )


def _paused(sync: SyncState, *, now: datetime) -> Verdict:
    since = f" since {clock(sync.status_since, now=now)}" if sync.status_since else ""
    return Verdict(
        tone=Tone.PAUSED,
        finding=Finding.PAUSED,
        headline=f"Paused on purpose{since}.",
        text="Nothing syncs until it is re-enabled. Ask first who paused it and why: no log says so.",
        reenable=True,
    )


def _limited(sync: SyncState, *, now: datetime) -> Verdict:
    name = integration_words(sync.integration) or "the integration"
    since = sync.status_since
    headline = f"Waiting for the rate limit of {name}"
    if since:
        headline += f", for {span(now - since)}"
    text = [retry_clock(sync, now=now) or "When the next attempt comes is not known."]
    if health.retry_overdue(sync, now=now):
        text.append("Nothing has been heard of the sync since then.")
    else:
        text.append("It goes on by itself; there is nothing to re-enable.")
    if health.limited_for_long(sync, now=now):
        text.append("If it lasts, ask the customer what else uses the same account.")
    return Verdict(
        tone=Tone.WARNING,
        finding=Finding.LIMITED,
        headline=f"{headline}.",
        text=" ".join(text),
        side=Side.PROVIDER,
    )


def _running(sync: SyncState, *, now: datetime) -> Verdict:
    started = sync.last_started_at
    if health.stuck(sync, now=now):
        what = f"A run started {ago(started, now)}" if started else "It was created, its first run did not start"
        return Verdict(
            tone=Tone.ERROR,
            finding=Finding.STUCK,
            headline=f"Stuck: {_lower(what)} and nothing has been heard for {span(now - sync.last_seen_at)}.",
            text="The run neither ended nor failed. Pass it to an engineer or the platform's support; re-enabling is "
            "meant for stopped or paused syncs.",
        )
    retrying = _retrying(sync, now=now)
    if retrying:
        return retrying
    if health.never_finished(sync, now=now):
        began = f", started {ago(started, now)}" if started else ""
        return Verdict(
            tone=Tone.ACTIVE,
            finding=Finding.FIRST_RUN,
            headline=f"First sync not finished{began}.",
            text="Data is not complete yet; it comes in as the first run goes on. Large accounts take hours.",
        )
    began = f"; the run started {ago(started, now)}" if started else ""
    return Verdict(
        tone=Tone.ACTIVE,
        finding=Finding.RUNNING,
        headline=f"Syncing now{began}.",
        text=freshness(sync, now=now),
    )


def _resting(sync: SyncState, *, now: datetime) -> Verdict:
    if health.silent(sync, now=now):
        usual = about(timedelta(seconds=sync.cadence_seconds or 0))
        return Verdict(
            tone=Tone.WARNING,
            finding=Finding.SILENT,
            headline=f"Silent: no log for {span(now - sync.last_seen_at)}, usually one comes every {usual}.",
            text=f"It did not report an error. Whether it still syncs is not known. {freshness(sync, now=now)}",
        )
    retrying = _retrying(sync, now=now)
    if retrying:
        return retrying
    if sync.last_completed_at is None:
        return Verdict(
            tone=Tone.UNKNOWN,
            finding=Finding.UNKNOWN,
            headline="At rest, but no finished run has been seen.",
            text="The logs here may begin after its last run.",
        )
    return Verdict(
        tone=Tone.OK,
        finding=Finding.WELL,
        headline=f"Working: the last run finished {ago(sync.last_completed_at, now)}.",
        text=f"{freshness(sync, now=now)} {next_expected(sync, now=now)}",
    )


def _retrying(sync: SyncState, *, now: datetime) -> Verdict | None:
    """A data warning after the last good run; None when the last run was good."""
    warned = sync.last_warning_at
    if warned is None or (sync.last_completed_at is not None and warned <= sync.last_completed_at):
        return None
    clock_words = retry_clock(sync, now=now)
    return Verdict(
        tone=Tone.WARNING,
        finding=Finding.RETRYING,
        headline=f"A warning came {ago(warned, now)} and no run has finished since.",
        text=f"{clock_words or 'Warnings usually pass by themselves.'} {freshness(sync, now=now)}",
    )


def _unclear(sync: SyncState, *, now: datetime) -> Verdict:
    if health.not_created(sync, now=now):
        cause = last_error_cause(sync)
        when = f" {ago(sync.last_error_at, now)}" if sync.last_error_at else ""
        return Verdict(
            tone=Tone.ERROR,
            finding=Finding.NOT_CREATED,
            headline=f"Could not be created{when}: {cause.words}.",
            text=cause.action,
            side=cause.side,
        )
    entry = catalogue.status(sync.status)
    named = f' "{sync.status}"' if sync.status else ""
    return Verdict(
        tone=Tone.UNKNOWN,
        finding=Finding.UNKNOWN,
        headline=f"State{named} not known.",
        text=f"{entry.meaning} The last log came {ago(sync.last_seen_at, now)}.",
    )


def freshness(sync: SyncState, *, now: datetime) -> str:
    """As of when the data is complete: the end of the last run that the logs report as completed."""
    done = sync.last_completed_at
    if done is None:
        if sync.status in (
            SyncStatus.ACTIVE,
            SyncStatus.INITIALIZING,
            SyncStatus.RATE_LIMITED,
        ):
            return "Data is not complete yet: no run has finished."
        return "No finished run has been seen, so how fresh the data is, is not known."
    text = f"Data is complete as of {moment_words(done, now=now)}"
    if sync.status in (SyncStatus.ERRORED, SyncStatus.DISABLED):
        return f"{text}; later changes are missing."
    return f"{text}."


def next_expected(sync: SyncState, *, now: datetime) -> str:
    """When the next run should start, from the usual gap between starts."""
    if sync.status in (SyncStatus.ERRORED, SyncStatus.DISABLED):
        return "No run comes until it is re-enabled."
    if sync.status == SyncStatus.RATE_LIMITED:
        return retry_clock(sync, now=now) or "When the next attempt comes is not known."
    if sync.status in (SyncStatus.ACTIVE, SyncStatus.INITIALIZING):
        return "A run has not ended; the next one follows it."
    if sync.cadence_seconds is None or sync.last_started_at is None:
        return "When the next run comes is not known."
    due = sync.last_started_at + timedelta(seconds=sync.cadence_seconds)
    if due >= now:
        return f"Next run expected around {moment_words(due, now=now)}."
    return f"The next run was expected around {moment_words(due, now=now)}."


def retry_clock(sync: SyncState, *, now: datetime) -> str:
    """The retry the sync announced last; "" when there is none, or a run ended or failed after it was announced."""
    seen = sync.retry_seen_at
    if seen is None or sync.status in (SyncStatus.ERRORED, SyncStatus.DISABLED):
        return ""
    if sync.last_completed_at is not None and sync.last_completed_at > seen:
        return ""
    return retry_words(
        sync.retry_at,
        attempt_words(sync.retry_attempt, sync.retry_max_attempts),
        now=now,
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
