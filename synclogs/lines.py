"""Entries as lines of a file: NDJSON for programs, CSV for spreadsheets.

Rows as the database gives them come in, bytes go out. Pure: no query, no request.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from synclogs import records
from synclogs.catalogue import CATEGORY_SLUGS, Level


class Row(NamedTuple):
    """The columns of an entry that a line needs, under the names of synclogs.models.LogEntry; `detail` as JSON text."""

    key: UUID
    occurred_at: datetime
    level: int
    category: int
    http_status: int | None
    sync_id: UUID | None
    entry_id: str
    type: str
    event: str
    trace_id: str
    integration: str
    pipeline: str
    sync_type: str
    status: str
    credential_id: str
    error_code: str
    recoverability: str
    user_id: str
    message: str
    detail: str


_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def ndjson(rows: Iterable[Row]) -> bytes:
    """Each entry as it was sent, cleaned, one a line: what `import_logs` turns into the same entries again."""
    return b"".join(_encode(records.context(row, _decode(row.detail))) + b"\n" for row in rows)


# Excel reads a file without this mark in the encoding of its country, and names break.
BOM = "\ufeff"
# What a spreadsheet would take for a formula, and the full-width twins that some take for the same; and what it
# swallows before looking for one.
RISKY = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_CATEGORIES = {int(number): slug for slug, number in CATEGORY_SLUGS.items()}
_LEVELS = {int(level): level.name for level in Level}
# The columns of counts, and under which names a sender may have written each.
_COUNTS = (
    ("created", ("created",)),
    ("updated", ("updated",)),
    ("deleted", ("deleted",)),
    ("total_processed", ("totalProcessed", "total_processed")),
    ("total_changes", ("totalChanges", "total_changes")),
    ("duration_ms", ("durationMs", "duration_ms", "duration")),
)
_NO_COUNTS: list[int | float | None] = [None] * len(_COUNTS)
CSV_COLUMNS = (
    "time", "level", "type", "category", "event", "sync", "trace", "user", "integration", "pipeline", "sync_type", "status",
    "error_code", "http_status", "recoverability", "error_message", "message", *(name for name, _ in _COUNTS), "credential",
    "id", "key", "payload",
)  # fmt: skip


def csv_head() -> bytes:
    return (BOM + _written([CSV_COLUMNS])).encode()


def csv_lines(rows: Iterable[Row]) -> bytes:
    """Each entry as a line of CSV (RFC 4180), in the order of CSV_COLUMNS; no cell of it is a formula."""
    return _written(_cells(row) for row in rows).encode()


def _written(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _cells(row: Row) -> list[object]:
    rest: dict[str, Any] = _decode(row.detail)
    counts = _counts(rest)
    error_message = _error_message(rest)
    texts = (
        row.event, row.sync_id or "", row.trace_id, row.user_id, row.integration, row.pipeline, row.sync_type, row.status,
        row.error_code, row.http_status, row.recoverability, error_message, row.message,
    )  # fmt: skip
    return [
        records.rfc3339(row.occurred_at),
        _LEVELS.get(row.level, ""),
        harmless(row.type),
        _CATEGORIES.get(row.category, ""),
        *map(harmless, texts),
        *counts,
        harmless(row.credential_id),
        harmless(row.entry_id),
        row.key,
        _encode(rest).decode() if rest else "",
    ]


def harmless(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it; a real number stays one."""
    return f"'{value}" if isinstance(value, str) and value[:1] in RISKY else value


def _counts(rest: dict[str, Any]) -> list[int | float | None]:
    """The numbers of the summary, taken out of it: what a column holds does not stand in the payload again."""
    summary: dict[str, Any] | None = rest.get("summary")
    if summary is None:
        return _NO_COUNTS
    numbers: list[int | float | None] = []
    for _, names in _COUNTS:
        number = None
        for name in names:
            if type(summary.get(name)) in (int, float):  # True is an int too
                number = summary.pop(name)
                break
        numbers.append(number)
    if not summary:
        del rest["summary"]
    return numbers


def _error_message(rest: dict[str, Any]) -> str:
    error: dict[str, Any] = rest.get("error", {})
    message: str = error.pop("message") if isinstance(error.get("message"), str) else ""
    if not error:
        rest.pop("error", None)
    return message
