"""Parses a request body or a line to Records and Refusals, by the rules of the ingest contract; and a Record back to its entry.

Input: bytes and the server's time. Every value of a Record is accepted by PostgreSQL; a Refusal names the rule that was broken and
where. No database.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from synclogs.catalogue import SYNC_LOG, Level, category_of
from synclogs.moments import microseconds, rfc3339
from synclogs.parsing import entry_keys, fields
from synclogs.parsing.bodies import Source
from synclogs.parsing.decoding import Problem, Scanner, cleaned, shown
from synclogs.parsing.fields import Invalid, Retry, Summary, Values
from synclogs.parsing.limits import LIMITS, Code, Limits, TooLarge, TooMany, Unreadable

__all__ = [
    "LIMITS", "Code", "Limits", "Reader", "Reading", "Record", "Refusal", "Retry", "Summary", "TooLarge", "TooMany",
    "Unreadable", "context", "read_json", "read_lines",
]  # fmt: skip


class Record(msgspec.Struct, frozen=True, gc=False):
    """An accepted entry. Absent texts are ""; moments are microseconds since 1970 in UTC."""

    index: int
    entry_id: str
    occurred_us: int
    level: int
    category: int
    type: str
    event: str
    sync_id: str  # a UUID in lower case
    trace_id: str
    user_id: str
    integration: str
    pipeline: str
    sync_type: str
    status: str
    credential_id: str
    message: str
    error_code: str
    recoverability: str
    http_status: int | None
    summary: Summary | None
    retry: Retry | None
    detail: bytes  # a JSON object of all that no column holds, as jsonb takes it; equal content gives equal bytes


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """An entry that was not taken: the first rule it broke. `index` counts entries, in NDJSON the lines with text."""

    index: int
    id: str | None
    code: str
    pointer: str
    detail: str


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What a body held; `sanitized` counts the records in which NUL or lone surrogates became U+FFFD."""

    records: list[Record]
    refusals: list[Refusal]
    sanitized: int


_EVENT, _TRACE, _INTEGRATION, _PIPELINE, _SYNC_TYPE, _STATUS, _CREDENTIAL = (
    entry_keys.NAMED[name].spellings
    for name in ("event", "trace", "integration", "pipeline", "sync_type", "status", "credential")
)
_LINE = re.compile(rb"[^ \t\n\r][^\n]*")
_encode = msgspec.json.Encoder(order="deterministic").encode


def read_json(body: bytes, *, now: datetime) -> Reading:
    """Reads an entry, an array of entries, or {"logs": [...]}: an object with such an array and no "id".

    Other keys beside "logs" are ignored. Raises Unreadable for what is no JSON or cannot be an entry, TooMany beyond
    10 000 entries.
    """
    reader = Reader(now=now)
    source = Source(body, reader.scanner)
    match source.peek():
        case "":
            raise Unreadable(Code.EMPTY_BODY, "The body is empty.")
        case "[":
            reading = reader.batch(source.items())
        case "{":
            reading = _object(source, reader)
        case _:
            detail = 'A body is one entry, an array of entries, or {"logs": [...]}; this one is a bare value.'
            raise Unreadable(Code.NOT_AN_ENTRY, detail)
    if source.peek():
        detail = "The body goes on after its JSON value; one entry a line needs Content-Type application/x-ndjson."
        raise Unreadable(Code.BAD_JSON, detail)
    return reading


def _object(source: Source, reader: "Reader") -> Reading:
    """Reads {"logs": [...]} as it goes, so that no size matters; back to the start when it is an entry after all."""
    reading = None
    for key in islice(source.members(), LIMITS.keys):
        if key == "id":
            reading = None
            break
        if key == "logs" and source.peek() == "[":
            if reading is not None:
                raise Unreadable(Code.REPEATED_KEY, 'The key "logs" comes more than once.')
            reading = reader.batch(source.items())
    if reading is None:
        source.rewind()
        return reader.batch([source.value()])
    return reading


def read_lines(body: bytes, *, now: datetime) -> Reading:
    """Reads NDJSON: an entry a line, blank lines passed over; a line that is no JSON costs only itself.

    Raises Unreadable when not one line is JSON, TooMany beyond 10 000 lines with text.
    """
    reader = Reader(now=now)
    reading = reader.batch(reader.scanner.line(line[0]) for line in _LINE.finditer(body))
    if not reading.records:
        if not reading.refusals:
            raise Unreadable(Code.EMPTY_BODY, "The body is empty.")
        if all(refusal.code in (Code.BAD_JSON, Code.BAD_UTF8) for refusal in reading.refusals):
            first = reading.refusals[0]
            raise Unreadable(Code(first.code), f"No line of the body can be read. {first.detail}")
    return reading


class Reader:
    """Reads entries by one clock. Quick to use, slow to make; not to be shared between threads.

    `sanitized` counts the records in which text was cleaned, from the start or from the last batch() on.
    """

    def __init__(self, *, now: datetime) -> None:
        self.scanner = Scanner()
        self.sanitized = 0
        now_us = microseconds(now)
        self._newest_us = now_us + LIMITS.ahead_hours * 3_600 * fields.SECOND_US

    def batch(self, values: Iterable[tuple[object, bool]]) -> Reading:
        """Reads values, each with its mark, as Scanner and Source give them."""
        records: list[Record] = []
        refusals: list[Refusal] = []
        self.sanitized = 0
        for index, (value, unsafe) in enumerate(values):
            if index == LIMITS.entries:
                detail = f"The body holds more than {LIMITS.entries} entries; send them in smaller batches."
                raise TooMany(Code.TOO_MANY_ENTRIES, detail)
            result = self.entry(value, index, unsafe=unsafe)
            if isinstance(result, Record):
                records.append(result)
            else:
                refusals.append(result)
        return Reading(records, refusals, self.sanitized)

    def line(self, line: bytes, index: int) -> Record | Refusal:
        """Reads one line; a blank one is refused, so pass it over."""
        value, unsafe = self.scanner.line(line)
        return self.entry(value, index, unsafe=unsafe)

    def entry(self, value: object, index: int, *, unsafe: bool) -> Record | Refusal:
        """Reads one value, which is used up; `unsafe` says that its texts may hold NUL or lone surrogates."""
        if isinstance(value, Problem):
            return Refusal(index, _known_id(value.value), value.code, value.pointer, value.detail)
        if not isinstance(value, dict):
            return Refusal(index, None, Code.NOT_AN_OBJECT, "", f"An entry is an object; found {shown(value)}.")
        entry_id = value.get("id")
        try:
            return self._record(value, index, unsafe=unsafe)
        except Invalid as refused:
            return Refusal(index, _known_id({"id": entry_id}), refused.code, refused.pointer, refused.detail)

    def _record(self, values: Values, index: int, *, unsafe: bool) -> Record:
        entry_id = fields.required(values, "id", LIMITS.id_characters)
        occurred_us = fields.timestamp(values, newest_us=self._newest_us)
        level = fields.level(values)
        type_ = fields.required(values, "type", LIMITS.type_characters)
        event = fields.optional(values, *_EVENT)
        if not event and type_ == SYNC_LOG:
            raise Invalid(Code.MISSING, "syncEvent", f"syncEvent is required for entries of type {SYNC_LOG}.")
        sync_id = fields.sync_id(values)
        trace_id = fields.optional(values, *_TRACE)
        user_id = fields.user_id(values)
        integration = fields.optional(values, *_INTEGRATION)
        pipeline = fields.optional(values, *_PIPELINE)
        sync_type = fields.optional(values, *_SYNC_TYPE)
        status = fields.optional(values, *_STATUS)
        credential_id = fields.optional(values, *_CREDENTIAL)
        message = fields.message(values)
        fields.check_objects(values)
        if unsafe:
            message, values = self._clean(message, values)
        error_code, recoverability, http_status, retry = fields.error(values)
        category = int(category_of(type=type_, name=event, level=level))
        summary = fields.summary(values)
        detail = _encode(values)
        return Record(
            index, entry_id, occurred_us, level, category, type_, event, sync_id, trace_id, user_id, integration, pipeline,
            sync_type, status, credential_id, message, error_code, recoverability, http_status, summary, retry, detail,
        )  # fmt: skip

    def _clean(self, message: str, values: Values) -> tuple[str, Values]:
        clean = cleaned(message), fields.without_unsafe(values)
        self.sanitized += clean != (message, values)
        return clean


def _known_id(value: object) -> str | None:
    """The sender's id of a refused entry, if it has a readable one."""
    try:
        return fields.required({"id": value["id"]}, "id", LIMITS.id_characters) if isinstance(value, dict) else None
    except (KeyError, Invalid):
        return None


_KEYS, _ERROR_KEYS = entry_keys.columns(entry_keys.ENTRY), entry_keys.columns(entry_keys.ERROR)
_SUMMARY_ORDER = tuple(key.wire for key in entry_keys.SUMMARY)


def context(entry: Any, detail: Mapping[str, Any]) -> Values:
    """The entry as it was sent, cleaned: what read_json and its like would turn into the same record again.

    `entry` has the columns of a log entry as attributes. Aliases come back under their own names, the level and the
    time in one spelling; known keys come first, in the order of the platform's documentation.
    """
    sent: Values = {name: getattr(entry, column) for name, column in _KEYS}
    sent["timestamp"] = rfc3339(entry.occurred_at, "fewest")
    sent["level"] = Level(entry.level).name
    sent["syncId"] = str(entry.sync_id or "")
    sent = {name: value for name, value in sent.items() if value != ""}
    if "summary" in detail:
        summary = detail["summary"]
        sent["summary"] = {name: summary[name] for name in _SUMMARY_ORDER if name in summary} | summary
    error = {name: getattr(entry, column) for name, column in _ERROR_KEYS}
    error = {name: value for name, value in error.items() if value not in (None, "")} | detail.get("error", {})
    if error or "error" in detail:
        sent["error"] = error
    return sent | {name: value for name, value in detail.items() if name not in ("summary", "error")}
