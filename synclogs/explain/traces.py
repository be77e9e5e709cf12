"""Outcome and verdict sentence of one run (trace)."""

from datetime import datetime, timedelta
from typing import Protocol

from django.db.models import TextChoices

from synclogs import health
from synclogs.catalogue import Tone, sync_type_words
from synclogs.explain.phrases import ago, moment_words, plural, run_counts, span, with_counts
from synclogs.explain.syncs import Finding, Verdict


class TraceState(Protocol):
    """What is read of a trace; synclogs.models.Trace has all of it."""

    sync_type: str
    first_at: datetime
    last_at: datetime
    run_started_at: datetime | None
    completed_at: datetime | None
    interrupted_at: datetime | None
    failed_at: datetime | None
    limited_at: datetime | None
    warnings: int
    errors: int
    created: int | None
    updated: int | None
    deleted: int | None
    total_processed: int | None
    total_changes: int | None
    duration_ms: int | None


class Outcome(TextChoices):
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    INTERRUPTED = "interrupted", "Interrupted"
    LIMITED = "limited", "Rate limited"
    RUNNING = "running", "Running"
    NO_END = "no_end", "No end seen"
    UNKNOWN = "unknown", "Not known"


OUTCOME_TONES = {
    Outcome.COMPLETED: Tone.OK,
    Outcome.FAILED: Tone.ERROR,
    Outcome.INTERRUPTED: Tone.WARNING,
    Outcome.LIMITED: Tone.WARNING,
    Outcome.RUNNING: Tone.ACTIVE,
    Outcome.NO_END: Tone.WARNING,
    Outcome.UNKNOWN: Tone.UNKNOWN,
}
_FINDINGS = {
    Outcome.COMPLETED: Finding.WELL,
    Outcome.FAILED: Finding.ERRORED,
    Outcome.INTERRUPTED: Finding.RETRYING,
    Outcome.LIMITED: Finding.LIMITED,
    Outcome.RUNNING: Finding.RUNNING,
    Outcome.NO_END: Finding.STUCK,
    Outcome.UNKNOWN: Finding.UNKNOWN,
}


def trace_outcome(trace: TraceState, *, now: datetime) -> Outcome:
    """The last thing that the run did; a pause for a rate limit counts only while nothing came after it."""
    ends = (
        (trace.completed_at, Outcome.COMPLETED),
        (trace.failed_at, Outcome.FAILED),
        (trace.interrupted_at, Outcome.INTERRUPTED),
    )
    seen = [(moment, outcome) for moment, outcome in ends if moment is not None]
    if seen:
        return max(seen, key=lambda end: end[0])[1]
    open_for = now - trace.last_at
    if trace.limited_at is not None and trace.limited_at >= trace.last_at:
        return Outcome.LIMITED
    if trace.run_started_at is None and trace.limited_at is None:
        return Outcome.UNKNOWN
    return Outcome.NO_END if open_for > health.STUCK_AFTER else Outcome.RUNNING


def trace_duration(trace: TraceState) -> timedelta | None:
    """From the first to the last entry, when the run has ended without saying how long it took."""
    start = trace.run_started_at or trace.first_at
    ends = [end for end in (trace.completed_at, trace.failed_at, trace.interrupted_at) if end is not None]
    return max(ends) - start if ends and max(ends) >= start else None


def trace_verdict(trace: TraceState, *, now: datetime) -> Verdict:
    """How the iteration ended, what it brought and what it met on the way."""
    outcome = trace_outcome(trace, now=now)
    return Verdict(
        tone=OUTCOME_TONES[outcome],
        finding=_FINDINGS[outcome],
        headline=_headline(trace, outcome, now=now),
        text=_text(trace, outcome, now=now),
    )


def _headline(trace: TraceState, outcome: Outcome, *, now: datetime) -> str:
    run = f"{sync_type_words(trace.sync_type)} run" if trace.sync_type else "Run"
    match outcome:
        case Outcome.COMPLETED:
            return f"{with_counts(f'{run} completed', _counts(trace))}."
        case Outcome.FAILED:
            return f"{run} failed {ago(trace.failed_at or trace.last_at, now)}."
        case Outcome.INTERRUPTED:
            return f"{run} interrupted {ago(trace.interrupted_at or trace.last_at, now)}."
        case Outcome.LIMITED:
            return f"{run} has waited for a rate limit for {span(now - trace.last_at)}."
        case Outcome.RUNNING:
            return f"{run} is going on, started {ago(trace.first_at, now)}."
        case Outcome.NO_END:
            return f"{run} has no end: started {ago(trace.first_at, now)}, silent for {span(now - trace.last_at)}."
        case _:
            return "No log says how this run began or ended."


def _counts(trace: TraceState) -> str:
    duration = trace_duration(trace)
    known = trace.duration_ms
    if known is None and duration is not None:
        known = int(duration.total_seconds() * 1000)
    return run_counts(
        trace.created,
        trace.updated,
        trace.deleted,
        total_processed=trace.total_processed,
        total_changes=trace.total_changes,
        duration=known,
    )


def _text(trace: TraceState, outcome: Outcome, *, now: datetime) -> str:
    parts = []
    if outcome == Outcome.INTERRUPTED:
        parts.append("It will be tried again; deletions may be missing until then.")
    if outcome == Outcome.LIMITED:
        parts.append("It goes on by itself when the limit resets.")
    if outcome == Outcome.NO_END:
        parts.append("It may have been interrupted without a log, or its logs did not arrive.")
    if trace.run_started_at is None and outcome not in (
        Outcome.UNKNOWN,
        Outcome.LIMITED,
    ):
        parts.append("Its start was not logged here.")
    problems = [plural(count, word) for count, word in ((trace.warnings, "warning"), (trace.errors, "error")) if count]
    if problems:
        parts.append(f"{' and '.join(problems)} on the way.")
    parts.append(f"Last log at {moment_words(trace.last_at, now=now)}.")
    return " ".join(parts)
