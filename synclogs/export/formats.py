"""Export formats: log entries as lines of NDJSON or CSV, as bytes. Input: rows as the database returns them. No query."""

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from synclogs.catalogue import CATEGORY_SLUGS, Level
from synclogs.moments import rfc3339
from synclogs.parsing import entry_keys, records


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
_COUNTS = tuple((key.snake, key.spellings) for key in entry_keys.SUMMARY)
CSV_COLUMNS = (
    "time", "level", "type", "category", "event", "sync", "trace", "user", "integration", "pipeline", "sync_type", "status",
    "error_code", "http_status", "recoverability", "error_message", "message", *(name for name, _ in _COUNTS), "credential",
    "id", "key", "payload",
)  # fmt: skip


def csv_head() -> bytes:
    return f"{BOM}{','.join(CSV_COLUMNS)}\r\n".encode()


def csv_lines(rows: Iterable[Row]) -> bytes:
    """Each entry as a line of CSV (RFC 4180), in the order of CSV_COLUMNS; no cell of it is a formula."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(
        [f"'{cell}" if type(cell) is str and cell[:1] in RISKY else cell for cell in _cells(row)] for row in rows
    )
    return text.getvalue().encode()


def _cells(row: Row) -> list[object]:
    rest: dict[str, Any] = _decode(row.detail)
    counts, error_message = _counts(rest), _error_message(rest)
    return [
        rfc3339(row.occurred_at, "fewest"), _LEVELS.get(row.level), row.type, _CATEGORIES.get(row.category), row.event, row.sync_id,
        row.trace_id, row.user_id, row.integration, row.pipeline, row.sync_type, row.status, row.error_code, row.http_status,
        row.recoverability, error_message, row.message, *counts, row.credential_id, row.entry_id, row.key,
        _encode(rest).decode() if rest else "",
    ]  # fmt: skip


def _counts(rest: dict[str, Any]) -> list[int | float | None]:
    """The numbers of the summary, taken out of it: what a column holds does not stand in the payload again."""
    counts: list[int | float | None] = [None] * len(_COUNTS)
    summary: dict[str, Any] | None = rest.get("summary")
    if summary is None:
        return counts
    for place, (_, names) in enumerate(_COUNTS):
        for name in names:
            if type(summary.get(name)) in (int, float):  # True is an int too
                counts[place] = summary.pop(name)
                break
    if not summary:
        del rest["summary"]
    return counts


def _error_message(rest: dict[str, Any]) -> str:
    error: dict[str, Any] = rest.get("error", {})
    message: str = error.pop("message") if isinstance(error.get("message"), str) else ""
    if not error:
        rest.pop("error", None)
    return message
