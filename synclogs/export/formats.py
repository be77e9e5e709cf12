"""Export formats: log entries as lines of NDJSON or CSV, as bytes. Input: rows as the database returns them. No query."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from synclogs.catalogue import CATEGORY_SLUGS, Level
from synclogs.parsing import records


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
_NO_COUNTS = "," * (len(_COUNTS) - 1)
CSV_COLUMNS = (
    "time", "level", "type", "category", "event", "sync", "trace", "user", "integration", "pipeline", "sync_type", "status",
    "error_code", "http_status", "recoverability", "error_message", "message", *(name for name, _ in _COUNTS), "credential",
    "id", "key", "payload",
)  # fmt: skip


def csv_head() -> bytes:
    return f"{BOM}{','.join(CSV_COLUMNS)}\r\n".encode()


def csv_lines(rows: Iterable[Row]) -> bytes:
    """Each entry as a line of CSV (RFC 4180), in the order of CSV_COLUMNS; no cell of it is a formula."""
    return "".join(map(_csv_line, rows)).encode()


def _csv_line(row: Row) -> str:
    rest: dict[str, Any] = _decode(row.detail)
    counts = _counts(rest)
    # What senders write; nothing else can hold a character that matters here.
    texts = [
        row.type, row.event, row.trace_id, row.user_id, row.integration, row.pipeline, row.sync_type, row.status,
        row.error_code, row.recoverability, _error_message(rest), row.message, row.credential_id, row.entry_id,
    ]  # fmt: skip
    (
        type_, event, trace, user, integration, pipeline, sync_type, status, code, recoverability, error_message, message,
        credential, entry_id,
    ) = map(_cell, texts)  # fmt: skip
    http_status = "" if row.http_status is None else row.http_status
    payload = _encode(rest).decode().replace('"', '""') if rest else ""
    return (
        f"{records.rfc3339(row.occurred_at)},{_LEVELS.get(row.level, '')},{type_},{_CATEGORIES.get(row.category, '')},{event}"
        f",{row.sync_id or ''},{trace},{user},{integration},{pipeline},{sync_type},{status},{code},{http_status}"
        f",{recoverability},{error_message},{message},{counts},{credential},{entry_id},{row.key}"
        f"{f',"{payload}"' if payload else ','}\r\n"
    )


def _cell(text: str) -> str:
    """A text as it stands in the file: never a formula, quoted where it has to be.

    Made by hand, since Python's csv looks at each character by itself, which takes longer than all the rest.
    """
    if text[:1] in RISKY:
        text = f"'{text}"
    if '"' in text:
        return f'"{text.replace('"', '""')}"'
    return f'"{text}"' if "," in text or "\n" in text or "\r" in text else text


def _counts(rest: dict[str, Any]) -> str:
    """The numbers of the summary as cells, taken out of it: what a column holds does not stand in the payload again."""
    summary: dict[str, Any] | None = rest.get("summary")
    if summary is None:
        return _NO_COUNTS
    cells = []
    for _, names in _COUNTS:
        cell = ""
        for name in names:
            if type(summary.get(name)) in (int, float):  # True is an int too
                cell = str(summary.pop(name))
                break
        cells.append(cell)
    if not summary:
        del rest["summary"]
    return ",".join(cells)


def _error_message(rest: dict[str, Any]) -> str:
    error: dict[str, Any] = rest.get("error", {})
    message: str = error.pop("message") if isinstance(error.get("message"), str) else ""
    if not error:
        rest.pop("error", None)
    return message
