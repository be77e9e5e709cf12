"""Updates Sync, Trace, ConnectedUser, hour and minute counts from a stored batch. Set-based, in key order.

Input: the records that were really inserted. Ordered by event time, so that the order of arrival does not matter: a late entry
adds facts and never turns a newer state back.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec

from synclogs import moments
from synclogs.catalogue import Category, Level, Step, SyncStatus, SyncType, event
from synclogs.ingestion.upserts import (
    COUNTS,
    IDENTITY,
    IMPLIED_STATUS,
    MINUTES,
    NO_NUMBER,
    RECOMPUTE_SINCE,
    RETRY,
    SUMMARY,
    SYNCS,
    TRACE_IDENTITY,
    TRACE_STEPS,
    TRACES,
    USERS,
)
from synclogs.models import Facet
from synclogs.parsing.records import Record, Retry
from synclogs.storage.pipeline import Send

HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000
ERROR_MESSAGE_LENGTH = 8192  # an entry's own message has this limit too
Row = dict[str, Any]

COUNTED = (
    (Facet.TYPE.value, "type"),
    (Facet.EVENT.value, "event"),
    (Facet.INTEGRATION.value, "integration"),
    (Facet.PIPELINE.value, "pipeline"),
    (Facet.SYNC_TYPE.value, "sync_type"),
    (Facet.STATUS.value, "status"),
    (Facet.ERROR_CODE.value, "error_code"),
    (Facet.RECOVERABILITY.value, "recoverability"),
)
COUNTED_VALUES = attrgetter(*(name for _, name in COUNTED))


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows for each table, in key order."""

    syncs: list[Row]
    traces: list[Row]
    users: list[Row]
    counts: list[Row]
    minutes: list[Row]


def changes(project_id: int, fresh: Mapping[str, Record]) -> Changes:
    """What the entries of `fresh` (key -> record) say; no database yet, so it can be worked out while that is busy."""
    # Of two entries at the same instant the one that ends a run is the later one; then the key decides.
    ordered = sorted(
        fresh.items(), key=lambda item: (item[1].occurred_us, status_of(item[1]) != SyncStatus.ACTIVE, item[0])
    )
    in_order = [record for _, record in ordered]
    return Changes(
        syncs=_syncs(project_id, ordered),
        traces=_traces(project_id, in_order),
        users=_users(project_id, in_order),
        counts=_counts(project_id, in_order),
        minutes=_minutes(project_id, in_order),
    )


def apply(send: Send, project_id: int, found: Changes) -> None:
    """Brings the projections up to date, inside the caller's transaction and burst.

    The tables are always locked in this order and each in its key order, so parallel batches wait but never deadlock.
    """
    SYNCS.run(send, found.syncs)
    if found.syncs:
        syncs = [row["sync_id"] for row in found.syncs]
        send(RECOMPUTE_SINCE, {"project": project_id, "syncs": syncs, "implied": IMPLIED_STATUS})
    TRACES.run(send, found.traces)
    USERS.run(send, found.users)
    COUNTS.run(send, found.counts)
    MINUTES.run(send, found.minutes)


def status_of(record: Record) -> str:
    """The state the sync is in after this entry: as sent, else as its event implies, else unknown."""
    return record.status or (event(record.event).status if record.sync_id else "")


# Syncs

BLANK_SYNC: Row = SYNCS.blank() | dict.fromkeys(
    (*IDENTITY, "status", *(f"last_error_{name}" for name in ("event", "code", "message", "recoverability"))), ""
)


def _syncs(project_id: int, ordered: Iterable[tuple[str, Record]]) -> list[Row]:
    rows: dict[str, Row] = {}
    for key, record in ordered:
        if record.sync_id:
            row = rows.get(record.sync_id)
            if row is None:
                row = rows[record.sync_id] = _new_sync(project_id, record)
            _fold(row, record, key)
            _fold_status(row, record, key)
    return [rows[sync_id] for sync_id in sorted(rows)]


def _fold_status(row: Row, record: Record, key: str) -> None:
    """The state after this entry, and since when it holds as far as this batch can tell (see STATUS_SINCE)."""
    status = status_of(record)
    if not status:
        return
    moment = moments.text(record.occurred_us)
    if not row["status"]:
        row["status_since"] = moment if moment == row["first_seen_at"] else None
    elif status != row["status"]:
        row["status_since"] = moment if moment != row["first_seen_at"] else None
        row["status_before_at"] = row["status_at"]
    row.update(status=status, status_at=moment, status_key=key)


def _new_sync(project_id: int, record: Record) -> Row:
    return BLANK_SYNC | {
        "project_id": project_id,
        "sync_id": record.sync_id,
        "first_seen_at": moments.text(record.occurred_us),
    }


def _fold(row: Row, record: Record, key: str) -> None:
    """Adds one entry to the sync's row; entries come in event order, so the last one wins by being last."""
    moment = moments.text(record.occurred_us)
    row["last_seen_at"] = moment
    for name, at in IDENTITY.items():
        value = getattr(record, name)
        if value and (row.get(at) != moment or value > row[name]):
            row[name], row[at] = value, moment
    kind = event(record.event)
    if kind.step == Step.STARTED:
        row["last_started_at"] = moment
    elif kind.step == Step.COMPLETED:
        _fold_summary(row, record, at="last_completed_at")
        if kind.sync_type == SyncType.INITIAL:
            row["initial_completed_at"] = moment
    if record.level >= Level.WARNING:
        _fold_failure(row, record, key)


def _fold_summary(row: Row, record: Record, *, at: str) -> None:
    """What the last completed run said of itself, if anything; of two at the same instant the greater numbers."""
    values = {name: getattr(record.summary, name, None) for name in SUMMARY}
    moment = moments.text(record.occurred_us)
    if row.get(at) != moment or _by_value(values, SUMMARY) > _by_value(row, SUMMARY):
        row.update(values)
    row[at] = moment


def _by_value(row: Row, names: Iterable[str]) -> list[int]:
    """What decides between two entries of the same instant, as in the statements."""
    return [NO_NUMBER if row[name] is None else row[name] for name in names]


def _fold_failure(row: Row, record: Record, key: str) -> None:
    """Warnings and errors. Webhook delivery is a leg of its own: the data may well be in order."""
    moment = moments.text(record.occurred_us)
    if record.category == Category.WEBHOOK:
        row["webhook_failed_at" if record.level >= Level.ERROR else "webhook_warning_at"] = moment
    elif record.level >= Level.ERROR:
        if row.get("last_error_at") == moment and row["last_error_key"] > key:
            return
        row.update(
            last_error_at=moment,
            last_error_key=key,
            last_error_event=record.event,
            last_error_code=record.error_code,
            last_error_message=record.message or _error_message(record.detail),
            last_error_http_status=record.http_status,
            last_error_recoverability=record.recoverability,
        )
    else:
        row["last_warning_at"] = moment
        if record.retry:
            _fold_retry(row, record, record.retry)


def _fold_retry(row: Row, record: Record, retry: Retry) -> None:
    moment, again = moments.text(record.occurred_us), retry.next_retry_us
    at = None if again is None else moments.text(again)
    values = dict(zip(RETRY, (moment, at, retry.attempt, retry.max_attempts), strict=True))
    # Moments as text may have fractions or not; their numbers compare.
    order = [NO_NUMBER if again is None else again, *_by_value(values, RETRY[2:])]
    if row.get("retry_seen_at") != moment or order > row["retry_order"]:
        row.update(values, retry_order=order)


def _error_message(detail: bytes) -> str:
    """`error.message` of an entry that has no message of its own."""
    error = msgspec.json.decode(detail).get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return message[:ERROR_MESSAGE_LENGTH] if isinstance(message, str) else ""


# Traces, users, counts

BLANK_TRACE: Row = (
    TRACES.blank() | dict.fromkeys(TRACE_IDENTITY, "") | dict.fromkeys(("entries", "warnings", "errors"), 0)
)
BLANK_USER: Row = USERS.blank() | {"name": "", "email": "", "company": "", "metadata": {}}


def _traces(project_id: int, ordered: Iterable[Record]) -> list[Row]:
    rows: dict[str, Row] = {}
    for record in ordered:
        if not record.trace_id:
            continue
        moment = moments.text(record.occurred_us)
        row = rows.get(record.trace_id)
        if row is None:
            row = rows[record.trace_id] = BLANK_TRACE | {
                "project_id": project_id,
                "trace_id": record.trace_id,
                "first_at": moment,
            }
        row["last_at"] = moment
        row["sync_id"] = max(record.sync_id, row["sync_id"] or "") or None
        for name in TRACE_IDENTITY:
            row[name] = max(row[name], getattr(record, name))
        row["entries"] += 1
        row["warnings"] += record.level == Level.WARNING
        row["errors"] += record.level >= Level.ERROR
        step = TRACE_STEPS.get(event(record.event).step)
        if step == "completed_at":
            _fold_summary(row, record, at=step)
        elif step:
            row[step] = moment
    return [rows[trace_id] for trace_id in sorted(rows)]


def _users(project_id: int, ordered: Iterable[Record]) -> list[Row]:
    rows: dict[str, Row] = {}
    for record in ordered:
        if record.user_id:
            moment = moments.text(record.occurred_us)
            row = rows.get(record.user_id)
            if row is None:
                row = rows[record.user_id] = BLANK_USER | {
                    "project_id": project_id,
                    "user_id": record.user_id,
                    "first_seen_at": moment,
                }
            row["last_seen_at"] = moment
    return [rows[user_id] for user_id in sorted(rows)]


def _counts(project_id: int, fresh: Iterable[Record]) -> list[Row]:
    """Entries alike in everything that is counted are counted together first: a batch has few kinds."""
    kinds = Counter(
        (record.occurred_us // HOUR_US, record.level, record.category, record.http_status, COUNTED_VALUES(record))
        for record in fresh
    )
    counts: Counter[tuple[int, int, str, int]] = Counter()
    for (hour, level, category, http_status, values), number in kinds.items():
        counts[Facet.TOTAL.value, hour, "", level] += number
        counts[Facet.CATEGORY.value, hour, str(category), level] += number
        for (facet, _), value in zip(COUNTED, values, strict=True):
            if value:
                counts[facet, hour, value, level] += number
        if http_status is not None:
            counts[Facet.HTTP_STATUS.value, hour, str(http_status), level] += number
    return [
        {
            "project_id": project_id,
            "facet": facet,
            "hour": moments.text(hour * HOUR_US),
            "value": value,
            "level": level,
            "count": count,
        }
        for (facet, hour, value, level), count in sorted(counts.items())
    ]


def _minutes(project_id: int, fresh: Iterable[Record]) -> list[Row]:
    counts = Counter((record.occurred_us // MINUTE_US, record.level) for record in fresh)
    return [
        {"project_id": project_id, "minute": moments.text(minute * MINUTE_US), "level": level, "count": count}
        for (minute, level), count in sorted(counts.items())
    ]
