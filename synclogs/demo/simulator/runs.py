"""Steps and log entries of a simulated run after a re-enable. No clock: synclogs.demo.simulator.outbox runs them."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from synclogs.demo.simulator.state import ACTIVE, ERRORED, IDLE, Mode, SyncRecord
from synclogs.moments import rfc3339

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: from the call to the first entry, from there to the end of the run, and from one run to the next (0 = one only)."""

    start: float = 1.0
    run: float = 4.0
    every: float = 240.0


@dataclass(frozen=True, slots=True)
class Step:
    """`after` seconds the sync changes its status and says so in an entry, whose time is set then."""

    after: float
    status: str
    entry: Entry
    reason: str = ""


def steps(sync: SyncRecord, mode: Mode, pace: Pace, *, kind: str = "") -> Iterator[Step]:
    """One run: its start, and its end by what is wrong with the sync. A silent one says nothing at all."""
    if mode == Mode.SILENT:
        return
    kind = kind or ("INITIAL" if sync.is_new else "INCREMENTAL")
    trace = str(uuid.uuid4())
    common = {"traceId": trace, "syncType": kind}
    words = f"{kind.capitalize()} sync of {sync.pipeline}"
    entry = _entry(sync, f"{kind}_SYNC_STARTED", ACTIVE, message=f"{words} started", **common)
    yield Step(pace.start, ACTIVE, entry)
    end = pace.start + pace.run
    if mode == Mode.OK:
        summary = _summary(sync, kind, pace.run)
        done = _entry(sync, f"{kind}_SYNC_COMPLETED", IDLE, message=f"{words} completed", summary=summary, **common)
        yield Step(end, IDLE, done)
        return
    error, reason = _failure(sync, mode)
    failed = _entry(sync, "SYNC_RUN_ERROR", ERRORED, level="ERROR", message=error["message"], error=error, **common)
    yield Step(end, ERRORED, failed, reason)


def stamped(entry: Entry, now: datetime) -> Entry:
    return {**entry, "timestamp": rfc3339(now, "milliseconds")}


def _entry(sync: SyncRecord, event: str, status: str, *, message: str, level: str = "INFO", **more: object) -> Entry:
    entry: Entry = {
        "id": f"evt_{uuid.uuid4().hex}",
        "level": level,
        "type": "managed_sync",
        "syncEvent": event,
        "syncId": str(sync.sync_id),
        "userId": sync.user,
        "integration": sync.integration,
        "pipeline": sync.pipeline,
        "syncStatus": status,
        "credentialId": sync.credential_id,
        "message": message,
        **more,
    }
    return {name: value for name, value in entry.items() if value != ""}


def _summary(sync: SyncRecord, kind: str, seconds: float) -> Entry:
    rng = Random(f"{sync.sync_id}{kind}{sync.at}")  # noqa: S311 (made-up numbers)
    created, updated = rng.randint(0, 12), rng.randint(0, 30)
    seen = created + updated + (rng.randint(200, 4000) if kind != "INCREMENTAL" else 0)
    return {
        "created": created,
        "updated": updated,
        "deleted": 0,
        "totalProcessed": seen,
        "totalChanges": created + updated,
        "durationMs": int(seconds * 1000),
    }


def _failure(sync: SyncRecord, mode: Mode) -> tuple[Entry, str]:
    """The error of the log, and the reason that the API gives from then on."""
    if mode == Mode.ROOT_GONE:
        words = "The root resource of this sync is no longer accessible"
        status, code, reason = 404, "10007", f"{words}."
    else:
        words = "Credentials are no longer valid, please re-authenticate the account"
        name = f"Credential ID {sync.credential_id}" if sync.credential_id else "The credential"
        status, code, reason = 401, "invalid_grant", f"{name} is no longer valid or has been deleted."
    error = {"recoverability": "NON_RECOVERABLE", "httpStatus": status, "errorCode": code, "message": words}
    return error, reason
