"""Building blocks of generated entries: ids, timestamps, the entry of a run, its error, its summary, unknown keys."""

from dataclasses import dataclass
from random import Random
from typing import Any

from synclogs import moments
from synclogs.demo.generate.world import Plan

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 3600 * SECOND
DAY = 86400 * SECOND
REGIONS = ("eu-central-1", "us-east-1", "ap-southeast-2")

Entry = dict[str, Any]
Timed = tuple[int, Entry]  # microseconds since 1970, and the entry


@dataclass(frozen=True, slots=True)
class Run:
    """One iteration of a sync."""

    plan: Plan
    trace_id: str
    sync_type: str


@dataclass(frozen=True, slots=True)
class Retry:
    """What a warning says of the next attempt; `pause` in microseconds."""

    attempt: int
    most: int
    pause: int


def stamp(moment: int) -> str:
    """RFC 3339 with milliseconds, in UTC."""
    return moments.rfc3339(moments.moment(moment), "milliseconds")


def random_uuid(rng: Random) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"


def event_id(rng: Random, moment: int) -> str:
    return f"evt_{moment // 1000:011x}{rng.getrandbits(52):013x}"


def unknown_keys(rng: Random) -> Entry:
    """Keys that no contract names, nested, as real senders add them."""
    return {
        "worker": {"region": rng.choice(REGIONS), "version": "5.12.3", "shard": rng.randint(0, 15)},
        "requestStats": {"calls": rng.randint(1, 400), "bytes": rng.randint(500, 900_000), "retried": False},
    }


def of_run(
    rng: Random, run: Run, moment: int, *, event: str, status: str, message: str, level: str = "INFO", **parts: Entry
) -> Timed:
    """One entry of a run; `parts` are its summary, its error, or keys that nobody knows."""
    plan = run.plan
    made: Entry = {
        "id": event_id(rng, moment),
        "timestamp": stamp(moment),
        "level": level,
        "type": "managed_sync",
        "syncEvent": event,
        "syncId": plan.sync_id,
        "traceId": run.trace_id,
        "userId": plan.person.user_id,
        "integration": plan.integration,
        "pipeline": plan.pipeline,
        "syncStatus": status,
        "credentialId": plan.credential_id,
        "message": message,
    }
    if run.sync_type:
        made["syncType"] = run.sync_type
    made |= parts
    if rng.random() < 0.12:
        made |= unknown_keys(rng)
    return moment, made


def started(rng: Random, run: Run, moment: int, *, status: str = "ACTIVE") -> Timed:
    message = f"{run.sync_type.capitalize()} sync of {run.plan.pipeline} started"
    return of_run(rng, run, moment, event=f"{run.sync_type}_SYNC_STARTED", status=status, message=message)


def completed(rng: Random, run: Run, moment: int, *, duration: int) -> Timed:
    message = f"{run.sync_type.capitalize()} sync of {run.plan.pipeline} completed"
    counts = summary(rng, run.sync_type, duration // 1000)
    return of_run(
        rng, run, moment, event=f"{run.sync_type}_SYNC_COMPLETED", status="IDLE", message=message, summary=counts
    )


def warned(
    rng: Random,
    run: Run,
    moment: int,
    *,
    status: int | None,
    code: str = "",
    message: str,
    retry: Retry,
    **parts: Entry,
) -> Timed:
    """A temporary problem that is tried again; HTTP 429 makes it a rate limit."""
    limited = status == 429
    error = problem(status, code, message, recoverable=True)
    counts = {
        "backoffMs": retry.pause // 1000,
        "nextRetryAt": stamp(moment + retry.pause),
        "attempt": retry.attempt,
        "maxAttempts": retry.most,
    }
    error |= counts if limited else {"retry": counts}  # senders do both
    return of_run(
        rng,
        run,
        moment,
        event="SYNC_RUN_RATE_LIMITED" if limited else "SYNC_RUN_WARNING",
        status="RATE_LIMITED" if limited else "ACTIVE",
        message=message,
        level="WARN",
        error=error,
        **parts,
    )


def failed(rng: Random, run: Run, moment: int, *, status: int | None, code: str = "", message: str) -> Timed:
    """The error that suspends a sync."""
    error = problem(status, code, message, recoverable=False)
    return of_run(
        rng, run, moment, event="SYNC_RUN_ERROR", status="ERRORED", message=message, level="ERROR", error=error
    )


def problem(status: int | None, code: str, message: str, *, recoverable: bool) -> Entry:
    error: Entry = {"recoverability": "RECOVERABLE" if recoverable else "NON_RECOVERABLE", "message": message}
    if status is not None:
        error["httpStatus"] = status
    if code:
        error["errorCode"] = code
    return error


def summary(rng: Random, sync_type: str, milliseconds: int) -> Entry:
    """Many routine runs find nothing; a first run finds everything."""
    created = updated = deleted = 0
    if sync_type == "INITIAL":
        created = int(rng.paretovariate(0.9) * 300) % 80_000
    elif rng.random() < 0.55:
        created, updated = int(rng.paretovariate(1.2)) - 1, int(rng.paretovariate(1.1))
        deleted = int(rng.paretovariate(1.5)) - 1 if sync_type == "FULL" else 0
    changes = created + updated + deleted
    seen = changes if sync_type == "INCREMENTAL" else changes + rng.randint(200, 9000)
    return {
        "created": created,
        "updated": updated,
        "deleted": deleted,
        "totalProcessed": seen,
        "totalChanges": changes,
        "durationMs": milliseconds,
    }
