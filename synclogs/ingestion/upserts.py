"""SQL of the projections: one Upsert for each table, with the rule which side of a conflict is newer.

The rows are passed as one JSON parameter: as quick as COPY into a temporary table, and it fits into a pipeline. In the SQL
EXCLUDED is the batch and `kept` the stored row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from synclogs.catalogue import EVENTS, Step
from synclogs.storage.pipeline import Send

SUMMARY = ("created", "updated", "deleted", "total_processed", "total_changes", "duration_ms")
TRACE_STEPS = {
    Step.STARTED: "run_started_at",
    Step.COMPLETED: "completed_at",
    Step.INTERRUPTED: "interrupted_at",
    Step.FAILED: "failed_at",
    Step.LIMITED: "limited_at",
}

IMPLIED_STATUS = msgspec.json.encode({name: kind.status for name, kind in EVENTS.items() if kind.status}).decode()


def _newest(at: str, order: str, columns: Iterable[str]) -> str:
    """SET clauses for columns that belong together: all from the side whose `order` is the later one."""
    wins = f"kept.{at} IS NULL OR ({order.format(side='EXCLUDED')}) >= ({order.format(side='kept')})"
    return ", ".join(f"{name} = CASE WHEN {wins} THEN EXCLUDED.{name} ELSE kept.{name} END" for name in columns)


@dataclass(frozen=True, slots=True)
class Upsert:
    """`changes` are the SET clauses for rows that are there already."""

    table: str
    columns: tuple[str, ...]
    unique: str
    changes: str

    def blank(self) -> dict[str, Any]:
        """A row to begin with: every column NULL."""
        return dict.fromkeys(self.columns)

    def run(self, send: Send, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes `rows`, made from `blank()`, in the order given, in which the function gives them out."""
        if rows:
            names = ", ".join(self.columns)
            statement = (
                f"INSERT INTO {self.table} AS kept ({names})"  # noqa: S608 - names of this file
                f" SELECT {names} FROM json_populate_recordset(NULL::{self.table}, %s)"
                f" ON CONFLICT ({self.unique}) DO UPDATE SET {self.changes}"
            )
            send(statement, [msgspec.json.encode(rows).decode()])


def _any_text(columns: Iterable[str]) -> str:
    """SET clauses for texts that never differ, though an entry may lack them; should they differ, the greater one."""
    return ", ".join(f'{name} = GREATEST(kept.{name} COLLATE "C", EXCLUDED.{name} COLLATE "C")' for name in columns)


def _by_value(columns: Iterable[str]) -> str:
    """What decides between two entries of the same instant: any rule that does not ask which came first."""
    return ", ".join(f"COALESCE({{side}}.{name}, {NO_NUMBER})" for name in columns)


def _extremes(*, least: Iterable[str] = (), greatest: Iterable[str] = ()) -> str:
    """SET clauses; LEAST and GREATEST pass over NULL."""
    return ", ".join(
        [f"{name} = LEAST(kept.{name}, EXCLUDED.{name})" for name in least]
        + [f"{name} = GREATEST(kept.{name}, EXCLUDED.{name})" for name in greatest]
    )


# Less than any count that an entry can tell.
NO_NUMBER = -(2**63)
IDENTITY = {
    "user_id": "user_at",
    "integration": "integration_at",
    "pipeline": "pipeline_at",
    "credential_id": "credential_at",
}
STATUS = ("status", "status_at", "status_key")
STATUS_ORDER = "{side}.status_at, {side}.status <> 'ACTIVE', {side}.status_key"
# A batch says since when its last state holds: `first_seen_at` when it knew only that one state, a later moment when the state
# changed within it. NULL stands for "read it from the entries": a late entry came, or the batch cannot tell. Reading takes
# long for a sync with a long past, so late entries that cannot change anything are sorted out first.
ONE_STATE = "EXCLUDED.status = kept.status AND EXCLUDED.status_since = EXCLUDED.first_seen_at"
STATUS_SINCE = f"""CASE
    WHEN EXCLUDED.status_at IS NULL THEN kept.status_since
    WHEN kept.status_at IS NULL THEN EXCLUDED.status_since
    WHEN EXCLUDED.status_at < kept.status_before_at THEN kept.status_since
    WHEN EXCLUDED.status_at < kept.status_since AND EXCLUDED.status <> kept.status THEN kept.status_since
    WHEN {ONE_STATE} AND EXCLUDED.first_seen_at >= kept.status_since THEN kept.status_since
    WHEN EXCLUDED.status_since IS NULL OR EXCLUDED.first_seen_at <= kept.status_at THEN NULL
    ELSE EXCLUDED.status_since END"""
# The last entry that said otherwise: what is older than that changes nothing, so a backfill of old days reads nothing.
STATUS_BEFORE_AT = f"""CASE
    WHEN EXCLUDED.status_at IS NULL THEN kept.status_before_at
    WHEN kept.status_at IS NULL THEN EXCLUDED.status_before_at
    WHEN EXCLUDED.status_at < kept.status_since AND EXCLUDED.status <> kept.status
        THEN GREATEST(kept.status_before_at, EXCLUDED.status_at)
    WHEN EXCLUDED.status_at < kept.status_before_at THEN kept.status_before_at
    WHEN {ONE_STATE} AND EXCLUDED.first_seen_at >= kept.status_since THEN kept.status_before_at
    ELSE COALESCE(EXCLUDED.status_before_at, kept.status_at) END"""
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
RETRY_ORDER = f"{{side}}.retry_seen_at, COALESCE({{side}}.retry_at, '-infinity'), {_by_value(RETRY[2:])}"
SYNC_MOMENTS = (
    "last_seen_at",
    "last_started_at",
    "last_completed_at",
    "initial_completed_at",
    "last_warning_at",
    "webhook_warning_at",
    "webhook_failed_at",
)
SYNCS = Upsert(
    "synclogs_sync",
    (
        "project_id",
        "sync_id",
        "first_seen_at",
        *IDENTITY,
        *IDENTITY.values(),
        *STATUS,
        "status_since",
        "status_before_at",
        *LAST_ERROR,
        *RETRY,
        *SYNC_MOMENTS,
        *SUMMARY,
    ),
    "project_id, sync_id",
    ", ".join(
        (
            _extremes(least=("first_seen_at",), greatest=SYNC_MOMENTS),
            *(_newest(at, f'{{side}}.{at}, {{side}}.{name} COLLATE "C"', (name, at)) for name, at in IDENTITY.items()),
            _newest("status_at", STATUS_ORDER, STATUS),
            f"status_since = {STATUS_SINCE}",
            f"status_before_at = {STATUS_BEFORE_AT}",
            _newest(
                "last_error_at",
                "{side}.last_error_at, {side}.last_error_key",
                LAST_ERROR,
            ),
            _newest("retry_seen_at", RETRY_ORDER, RETRY),
            _newest("last_completed_at", f"{{side}}.last_completed_at, {_by_value(SUMMARY)}", SUMMARY),
        )
    ),
)

TRACE_IDENTITY = ("user_id", "integration", "pipeline", "sync_type")
TRACES = Upsert(
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
            _extremes(least=("first_at",), greatest=("sync_id", "last_at", *TRACE_STEPS.values())),
            _any_text(TRACE_IDENTITY),
            _newest("completed_at", f"{{side}}.completed_at, {_by_value(SUMMARY)}", SUMMARY),
            *(f"{name} = kept.{name} + EXCLUDED.{name}" for name in ("entries", "warnings", "errors")),
        )
    ),
)

USERS = Upsert(
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

COUNTS = Upsert(
    "synclogs_hourcount",
    ("project_id", "facet", "hour", "value", "level", "count"),
    "project_id, facet, hour, value, level",
    "count = kept.count + EXCLUDED.count",
)

MINUTES = Upsert(
    "synclogs_minutecount",
    ("project_id", "minute", "level", "count"),
    "project_id, minute, level",
    "count = kept.count + EXCLUDED.count",
)

# Reads from the entries since when the syncs of a batch are in their state, where that is to be read. A function of the database
# (migration 0013), since only that keeps its plan over all days; most batches need nothing of it.
RECOMPUTE_SINCE = "SELECT synclogs_recompute_since(%(project)s, %(syncs)s::uuid[], %(implied)s::jsonb)"
