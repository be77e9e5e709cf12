"""What a stored batch changes elsewhere: Sync, Trace, ConnectedUser, hour counts. Set-based, in key order.

Goes in: the records that were really inserted. Nothing comes out. Every change is by event time, so that the order of
arrival does not matter: a late entry adds to what is known and never turns a newer state back.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.db.backends.utils import CursorWrapper

from synclogs.catalogue import EVENTS, Category, Level, Step, SyncStatus, event
from synclogs.models import Facet
from synclogs.records import Record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR_US = 3_600_000_000
SUMMARY = (
    "created",
    "updated",
    "deleted",
    "total_processed",
    "total_changes",
    "duration_ms",
)
Row = dict[str, Any]

COUNTED = (
    (Facet.TYPE, "type"),
    (Facet.EVENT, "event"),
    (Facet.INTEGRATION, "integration"),
    (Facet.PIPELINE, "pipeline"),
    (Facet.SYNC_TYPE, "sync_type"),
    (Facet.STATUS, "status"),
    (Facet.ERROR_CODE, "error_code"),
    (Facet.RECOVERABILITY, "recoverability"),
)


def apply(cursor: CursorWrapper, project_id: int, fresh: Mapping[str, Record]) -> None:
    """Brings the projections up to date with `fresh` (key -> record), inside the caller's transaction.

    The tables are always locked in this order and each in its key order, so parallel batches wait but never deadlock.
    """
    # Of two entries at the same instant the one that ends a run is the later one; then the key decides.
    ordered = sorted(
        fresh.items(),
        key=lambda item: (
            item[1].occurred_us,
            status_of(item[1]) != SyncStatus.ACTIVE,
            item[0],
        ),
    )
    _apply_syncs(cursor, project_id, ordered)
    _upsert(
        cursor, UPSERT_TRACES, _traces(project_id, (record for _, record in ordered))
    )
    _upsert(cursor, UPSERT_USERS, _users(project_id, (record for _, record in ordered)))
    _upsert(cursor, UPSERT_COUNTS, _counts(project_id, fresh.values()))


def status_of(record: Record) -> str:
    """The state the sync is in after this entry: as sent, else as its event implies, else unknown."""
    return record.status or (event(record.event).status if record.sync_id else "")


def _text(microseconds: int) -> str:
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat()


def _upsert(cursor: CursorWrapper, statement: str, rows: list[Row]) -> None:
    """The rows go as one JSON text that PostgreSQL reads with the table's own types."""
    if rows:
        cursor.execute(statement, [msgspec.json.encode(rows).decode()])


# Syncs


def _apply_syncs(
    cursor: CursorWrapper, project_id: int, ordered: list[tuple[str, Record]]
) -> None:
    rows: dict[str, Row] = {}
    runs: dict[str, list[tuple[str, int]]] = {}
    for key, record in ordered:
        if record.sync_id:
            row = rows.get(record.sync_id)
            if row is None:
                row = rows[record.sync_id] = _new_sync(project_id, record)
            _fold(row, record, key)
            status = status_of(record)
            if status:
                row.update(
                    status=status, status_at=_text(record.occurred_us), status_key=key
                )
                history = runs.setdefault(record.sync_id, [])
                if not history or history[-1][0] != status:
                    history.append((status, record.occurred_us))
    if not rows:
        return
    late = _settle_since(cursor, project_id, rows, runs)
    _upsert(cursor, UPSERT_SYNCS, [rows[sync_id] for sync_id in sorted(rows)])
    if late:
        cursor.execute(
            RECOMPUTE_SINCE, [IMPLIED_STATUS, IMPLIED_STATUS, project_id, sorted(late)]
        )


def _settle_since(
    cursor: CursorWrapper,
    project_id: int,
    rows: dict[str, Row],
    runs: dict[str, list[tuple[str, int]]],
) -> set[str]:
    """Locks the syncs and gives each row the moment since when its state holds.

    Returns the syncs for which an entry came late, whose moment has to be read from the entries instead.
    """
    cursor.execute(LOCK_SYNCS, [project_id, sorted(rows)])
    known = {
        str(sync_id): (status, since, at)
        for sync_id, status, since, at in cursor.fetchall()
    }
    late = set()
    for sync_id, history in runs.items():
        status, since, at = known.get(sync_id, ("", None, None))
        first_us = history[0][1]
        if at is not None and EPOCH + timedelta(microseconds=first_us) < at:
            late.add(sync_id)
        kept = len(history) == 1 and status == history[0][0] and since is not None
        rows[sync_id]["status_since"] = (
            since.isoformat() if kept else _text(history[-1][1])
        )
    return late


def _new_sync(project_id: int, record: Record) -> Row:
    moment = _text(record.occurred_us)
    return (
        {"project_id": project_id, "sync_id": record.sync_id, "first_seen_at": moment}
        | dict.fromkeys(
            ("user_id", "integration", "pipeline", "credential_id", "status"), ""
        )
        | dict.fromkeys(
            (
                "last_error_event",
                "last_error_code",
                "last_error_message",
                "last_error_recoverability",
            ),
            "",
        )
    )


def _fold(row: Row, record: Record, key: str) -> None:
    """Adds one entry to the sync's row; entries come in event order, so the last one wins by being last."""
    moment = _text(record.occurred_us)
    row["last_seen_at"] = moment
    for name in ("user_id", "integration", "pipeline", "credential_id"):
        row[name] = getattr(record, name) or row[name]
    kind = event(record.event)
    if kind.step == Step.STARTED:
        row["last_started_at"] = moment
    elif kind.step == Step.COMPLETED:
        row["last_completed_at"] = moment
        if record.event == "INITIAL_SYNC_COMPLETED":
            row["initial_completed_at"] = moment
        for name in SUMMARY:
            row[name] = getattr(record.summary, name) if record.summary else None
    if record.category == Category.WEBHOOK:
        if record.level >= Level.WARNING:
            row[
                "webhook_failed_at"
                if record.level >= Level.ERROR
                else "webhook_warning_at"
            ] = moment
    elif record.level >= Level.ERROR:
        row.update(
            last_error_at=moment,
            last_error_key=key,
            last_error_event=record.event,
            last_error_code=record.error_code,
            last_error_message=record.message or _error_message(record.detail),
            last_error_http_status=record.http_status,
            last_error_recoverability=record.recoverability,
        )
    elif record.level >= Level.WARNING:
        row["last_warning_at"] = moment
        if record.retry:
            row.update(
                retry_seen_at=moment,
                retry_at=None
                if record.retry.next_retry_us is None
                else _text(record.retry.next_retry_us),
                retry_attempt=record.retry.attempt,
                retry_max_attempts=record.retry.max_attempts,
            )


def _error_message(detail: bytes) -> str:
    """`error.message` of an entry that has no message of its own."""
    error = msgspec.json.decode(detail).get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else ""


# Traces, users, counts

TRACE_STEPS = {
    Step.STARTED: "run_started_at",
    Step.COMPLETED: "completed_at",
    Step.INTERRUPTED: "interrupted_at",
    Step.FAILED: "failed_at",
    Step.LIMITED: "limited_at",
}


def _traces(project_id: int, ordered: Iterable[Record]) -> list[Row]:
    rows: dict[str, Row] = {}
    for record in ordered:
        if not record.trace_id:
            continue
        moment = _text(record.occurred_us)
        row = rows.get(record.trace_id)
        if row is None:
            row = rows[record.trace_id] = {
                "project_id": project_id,
                "trace_id": record.trace_id,
                "sync_id": None,
                "first_at": moment,
                **dict.fromkeys(
                    ("user_id", "integration", "pipeline", "sync_type"), ""
                ),
                **dict.fromkeys(("entries", "warnings", "errors"), 0),
            }
        row["last_at"] = moment
        row["sync_id"] = record.sync_id or row["sync_id"]
        for name in ("user_id", "integration", "pipeline", "sync_type"):
            row[name] = getattr(record, name) or row[name]
        row["entries"] += 1
        row["warnings"] += record.level == Level.WARNING
        row["errors"] += record.level >= Level.ERROR
        step = TRACE_STEPS.get(event(record.event).step)
        if step:
            row[step] = moment
        if step == "completed_at" and record.summary:
            row.update({name: getattr(record.summary, name) for name in SUMMARY})
    return [rows[trace_id] for trace_id in sorted(rows)]


def _users(project_id: int, ordered: Iterable[Record]) -> list[Row]:
    rows: dict[str, Row] = {}
    for record in ordered:
        if record.user_id:
            moment = _text(record.occurred_us)
            blank = {"name": "", "email": "", "company": "", "metadata": {}}
            row = rows.setdefault(
                record.user_id,
                {
                    "project_id": project_id,
                    "user_id": record.user_id,
                    "first_seen_at": moment,
                    **blank,
                },
            )
            row["last_seen_at"] = moment
    return [rows[user_id] for user_id in sorted(rows)]


def _counts(project_id: int, fresh: Iterable[Record]) -> list[Row]:
    counts: Counter[tuple[int, int, str, int]] = Counter()
    for record in fresh:
        hour = record.occurred_us // HOUR_US
        level = record.level
        counts[Facet.TOTAL.value, hour, "", level] += 1
        counts[Facet.CATEGORY.value, hour, str(record.category), level] += 1
        for facet, name in COUNTED:
            value = getattr(record, name)
            if value:
                counts[facet, hour, value, level] += 1
        if record.http_status is not None:
            counts[Facet.HTTP_STATUS.value, hour, str(record.http_status), level] += 1
    return [
        {
            "project_id": project_id,
            "facet": facet,
            "hour": _text(hour * HOUR_US),
            "value": value,
            "level": level,
            "count": count,
        }
        for (facet, hour, value, level), count in sorted(counts.items())
    ]


# Statements. json_populate_recordset reads the rows with the table's own column types.

IMPLIED_STATUS = msgspec.json.encode(
    {name: kind.status for name, kind in EVENTS.items() if kind.status}
).decode()

LOCK_SYNCS = """
SELECT sync_id, status, status_since, status_at FROM synclogs_sync
WHERE project_id = %s AND sync_id = ANY(%s::uuid[]) ORDER BY sync_id FOR UPDATE
"""


def _newest(at: str, order: str, columns: Iterable[str]) -> str:
    """SET clauses for columns that belong together: all from the side whose `order` is the later one."""
    wins = f"kept.{at} IS NULL OR ({order.format(side='EXCLUDED')}) >= ({order.format(side='kept')})"
    return ", ".join(
        f"{name} = CASE WHEN {wins} THEN EXCLUDED.{name} ELSE kept.{name} END"
        for name in columns
    )


def _upsert_statement(
    table: str, columns: Iterable[str], unique: str, changes: str
) -> str:
    names = ", ".join(columns)
    return (
        f"INSERT INTO {table} AS kept ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s::json)"
        f" ON CONFLICT ({unique}) DO UPDATE SET {changes}"
    )


def _latest_text(columns: Iterable[str], at: str) -> str:
    """SET clauses for texts that an entry may lack: the later side wins if it has one."""
    return ", ".join(
        f"{name} = CASE WHEN EXCLUDED.{name} = '' OR (EXCLUDED.{at} < kept.{at} AND kept.{name} <> '')"
        f" THEN kept.{name} ELSE EXCLUDED.{name} END"
        for name in columns
    )


def _extremes(*, least: Iterable[str] = (), greatest: Iterable[str] = ()) -> str:
    """SET clauses for moments; LEAST and GREATEST pass over NULL."""
    return ", ".join(
        [f"{name} = LEAST(kept.{name}, EXCLUDED.{name})" for name in least]
        + [f"{name} = GREATEST(kept.{name}, EXCLUDED.{name})" for name in greatest]
    )


IDENTITY = ("user_id", "integration", "pipeline", "credential_id")
STATUS = ("status", "status_since", "status_at", "status_key")
LAST_ERROR = tuple(
    f"last_error_{name}"
    for name in (
        "at",
        "key",
        "event",
        "code",
        "message",
        "http_status",
        "recoverability",
    )
)
RETRY = ("retry_seen_at", "retry_at", "retry_attempt", "retry_max_attempts")
SYNC_MOMENTS = (
    "last_seen_at",
    "last_started_at",
    "last_completed_at",
    "initial_completed_at",
    "last_warning_at",
    "webhook_warning_at",
    "webhook_failed_at",
)
UPSERT_SYNCS = _upsert_statement(
    "synclogs_sync",
    (
        "project_id",
        "sync_id",
        "first_seen_at",
        *IDENTITY,
        *STATUS,
        *LAST_ERROR,
        *RETRY,
        *SYNC_MOMENTS,
        *SUMMARY,
    ),
    "project_id, sync_id",
    ", ".join(
        (
            _extremes(least=("first_seen_at",), greatest=SYNC_MOMENTS),
            _latest_text(IDENTITY, "last_seen_at"),
            _newest(
                "status_at",
                "{side}.status_at, {side}.status <> 'ACTIVE', {side}.status_key",
                STATUS,
            ),
            _newest(
                "last_error_at",
                "{side}.last_error_at, {side}.last_error_key",
                LAST_ERROR,
            ),
            _newest("retry_seen_at", "{side}.retry_seen_at", RETRY),
            _newest("last_completed_at", "{side}.last_completed_at", SUMMARY),
        )
    ),
)

TRACE_IDENTITY = ("user_id", "integration", "pipeline", "sync_type")
UPSERT_TRACES = _upsert_statement(
    "synclogs_trace",
    (
        *(
            "project_id",
            "trace_id",
            "sync_id",
            *TRACE_IDENTITY,
            "first_at",
            "last_at",
            *TRACE_STEPS.values(),
        ),
        *("entries", "warnings", "errors", *SUMMARY),
    ),
    "project_id, trace_id",
    ", ".join(
        (
            "sync_id = COALESCE(EXCLUDED.sync_id, kept.sync_id)",
            _extremes(least=("first_at",), greatest=("last_at", *TRACE_STEPS.values())),
            _latest_text(TRACE_IDENTITY, "last_at"),
            _newest("completed_at", "{side}.completed_at", SUMMARY),
            *(
                f"{name} = kept.{name} + EXCLUDED.{name}"
                for name in ("entries", "warnings", "errors")
            ),
        )
    ),
)

UPSERT_USERS = _upsert_statement(
    "synclogs_connecteduser",
    (
        "project_id",
        "user_id",
        "name",
        "email",
        "company",
        "metadata",
        "first_seen_at",
        "last_seen_at",
    ),
    "project_id, user_id",
    _extremes(least=("first_seen_at",), greatest=("last_seen_at",)),
)

UPSERT_COUNTS = _upsert_statement(
    "synclogs_hourcount",
    ("project_id", "facet", "hour", "value", "level", "count"),
    "project_id, facet, hour, value, level",
    "count = kept.count + EXCLUDED.count",
)

EFFECTIVE_STATUS = (
    "COALESCE(NULLIF({entry}.status, ''), %s::jsonb ->> {entry}.event, '')"
)
# The state holds since the first entry that says so after the last entry that says otherwise.
RECOMPUTE_SINCE = f"""
UPDATE synclogs_sync SET status_since = found.since
FROM (
    SELECT s.id, (
        SELECT min(e.occurred_at) FROM synclogs_logentry e
        WHERE e.project_id = s.project_id AND e.sync_id = s.sync_id
        AND e.occurred_at BETWEEN s.first_seen_at AND s.status_at
        AND {EFFECTIVE_STATUS.format(entry="e")} = s.status
        AND e.occurred_at >= COALESCE((
            SELECT max(o.occurred_at) FROM synclogs_logentry o
            WHERE o.project_id = s.project_id AND o.sync_id = s.sync_id
            AND o.occurred_at BETWEEN s.first_seen_at AND s.status_at
            AND {EFFECTIVE_STATUS.format(entry="o")} NOT IN ('', s.status)
        ), s.first_seen_at)
    ) AS since
    FROM synclogs_sync s WHERE s.project_id = %s AND s.sync_id = ANY(%s::uuid[])
) found
WHERE found.id = synclogs_sync.id AND found.since IS NOT NULL
"""
