"""JSON Schema of the entries that the API accepts, from the numbers and characters that the parser uses. Plain data.

Three formats say what no pattern can: `utf8-256` (at most 256 bytes of UTF-8), `logs-query` (the query language) and
`ndjson` (an entry a line).
"""

from collections.abc import Iterable
from typing import Any

from portal.api import pagination
from portal.api.serializers import METADATA_CHARACTERS, METADATA_KEYS
from synclogs.access.actors import LONGEST_TEXT
from synclogs.catalogue import CATEGORY_SLUGS, LEVEL_SLUGS, SYNC_LOG
from synclogs.catalogue.recovery import State
from synclogs.parsing import entry_keys
from synclogs.parsing.entry_keys import Key
from synclogs.parsing.limits import LIMITS
from synclogs.query.fields import VALUE_LENGTH
from synclogs.query.filters import FIRST_YEAR, LAST_YEAR, MAX_VALUES, PRESETS
from synclogs.query.language import QUERY_LENGTH

type Schema = dict[str, Any]

# What str.strip() takes away, in the spelling that every dialect of patterns reads alike.
BLANK = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
NO_NUL = r"^[^\x00]*$"
NOT_BLANK = rf"^[^\x00]*[^\x00{BLANK}][^\x00]*$"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _moment() -> str:
    """RFC 3339 as the filters take it, days that there are in years that are read."""
    centuries = sorted({year // 100 for year in range(FIRST_YEAR, LAST_YEAR + 1)})
    years = "|".join(f"{century}\\d\\d" for century in centuries)
    leap = "0[48]|[2468][048]|[13579][26]"
    leaps = "|".join(f"{century}({f'00|{leap}' if century % 4 == 0 else leap})" for century in centuries)
    long, short = r"(0[13578]|1[02])-(0[1-9]|[12]\d|3[01])", r"(0[469]|11)-(0[1-9]|[12]\d|30)"
    day = rf"(({years})-({long}|{short}|02-(0[1-9]|1\d|2[0-8]))|({leaps})-02-29)"
    time = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
    return (rf"{day}[Tt ]{time}([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)?").replace(r"\d", "[0-9]")


def text(longest: int = VALUE_LENGTH) -> Schema:
    """Something to read, without NUL."""
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": NOT_BLANK}


def printable(longest: int, *, least: int = 0) -> Schema:
    """Of which at least one character is seen, if there are any."""
    seen = r"[ -~]*[!-~][ -~]*"
    return {
        "type": "string",
        "minLength": least,
        "maxLength": longest,
        "pattern": f"^{seen}$" if least else f"^({seen})?$",
    }


def several(one: Schema) -> Schema:
    return {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_VALUES}


IN_PATH: Schema = {"type": "string", "minLength": 1, "pattern": NO_NUL}
USER_ID: Schema = {**text(LIMITS.user_id_bytes), "pattern": NO_NUL, "format": "utf8-256"}
SYNC_ID: Schema = {"type": "string", "format": "uuid"}
SINCE: Schema = {"type": "string", "pattern": f"^({'|'.join(PRESETS)}|{_moment()})$"}
QUERY: Schema = {**text(QUERY_LENGTH), "format": "logs-query"}
LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": pagination.MOST, "default": pagination.USUAL}
# The cursors: a place in the log, that of a row with a UUID, that of a row with a text.
AT_ENTRY: Schema = {"type": "string", "pattern": "^[0-9a-f]{1,14}-[0-9a-f]{32}$"}
AT_UUID: Schema = {"type": "string", "pattern": rf"^\.{UUID}$"}
AT_TEXT: Schema = {"type": "string", "pattern": rf"^\.[^\x00]{{1,{VALUE_LENGTH}}}$"}

# The log's filters that take not just any text.
FILTERS: dict[str, Schema] = {
    "category": {"type": "string", "enum": list(CATEGORY_SLUGS)},
    "level": {"type": "string", "enum": list(LEVEL_SLUGS)},
    "sync": SYNC_ID,
    "http_status": {"type": "integer", "minimum": 100, "maximum": 599},
}
STATE: Schema = {"type": "string", "enum": State.values}

# JSON of a client's own. A number may be written with at most LIMITS.number_characters digits, so a very small one is nought or
# refused. In an entry NUL is replaced by U+FFFD, elsewhere it is refused.
SMALL = 1e-20
BYTES_OF_KEYS: Schema = {"maxLength": LIMITS.key_bytes, "format": "utf8-256"}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str, text: Schema, keys: Schema) -> Schema:
    """Any JSON with such texts and keys; `name` is that of the component itself."""
    return {
        "description": f"Any JSON, at most {LIMITS.depth} deep; numbers of at most {LIMITS.number_characters} digits.",
        "anyOf": [
            {"type": "string", **text},
            {"type": "boolean"},
            {"type": "null"},
            {"type": "number", "enum": [0]},
            {"type": "number", "minimum": SMALL, "maximum": LIMITS.number},
            {"type": "number", "minimum": -LIMITS.number, "maximum": -SMALL},
            {"type": "array", "items": ref(name)},
            {"type": "object", "propertyNames": keys, "additionalProperties": ref(name)},
        ],
    }


SENT = ref("EntryValue")
ENTRY_VALUE = _json("EntryValue", {}, BYTES_OF_KEYS)
KEYS: Schema = {**BYTES_OF_KEYS, "pattern": NO_NUL}
JSON_VALUE = _json("JsonValue", {"pattern": NO_NUL}, KEYS)
# What nobody can read is no reason; letters and digits of any script count.
REASON: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_TEXT,
    "pattern": r"^[^\x00]*[\p{L}\p{N}][^\x00]*$",
}
EMAIL: Schema = {
    "anyOf": [{"type": "string", "format": "email", "maxLength": 254}, {"type": "string", "maxLength": 0}],
    "description": 'An e-mail address, or "" for none.',
}
NAME: Schema = {"type": "string", "maxLength": 200, "pattern": NO_NUL, "default": ""}
USER: Schema = {
    "type": "object",
    "description": "All that the portal may know of a connected user. What is left out becomes empty.",
    "additionalProperties": False,
    "properties": {
        "name": NAME,
        "email": EMAIL,
        "company": NAME,
        "metadata": {
            "type": "object",
            "maxProperties": METADATA_KEYS,
            "propertyNames": KEYS,
            "additionalProperties": ref("JsonValue"),
            "description": f"Whatever else is worth knowing, at most {METADATA_CHARACTERS} characters of JSON.",
        },
    },
}
REENABLE: Schema = {
    "type": "object",
    "description": "A key acts like an operator: a lead goes against the checks on the sync's page.",
    "additionalProperties": False,
    "required": ["reason"],
    "properties": {
        "reason": {**REASON, "description": "Why, in words: for whoever looks later."},
        "override": {"type": "boolean", "enum": [False], "default": False},
    },
}

# Entries.

EXAMPLE: Schema = {
    "id": "evt_01",
    "timestamp": "2026-11-23T14:02:11.532Z",
    "level": "ERROR",
    "type": "managed_sync",
    "syncEvent": "SYNC_RUN_ERROR",
    "syncId": "5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9",
    "traceId": "7b1e40c2",
    "userId": "acct_4471",
    "integration": "sharepoint",
    "pipeline": "files",
    "syncType": "INCREMENTAL",
    "syncStatus": "ERRORED",
    "message": "The credential is no longer valid.",
    "error": {"recoverability": "NON_RECOVERABLE", "httpStatus": 401, "errorCode": "invalid_grant"},
}
ENTRY_REF = ref("EntryWrite")
# An object with an `id` is an entry. What else stands beside `logs` is passed over.
BATCH: Schema = {
    "anyOf": [
        ENTRY_REF,
        {"type": "array", "items": ENTRY_REF, "maxItems": LIMITS.entries},
        {
            "type": "object",
            "required": ["logs"],
            "properties": {"logs": {"type": "array", "items": ENTRY_REF, "maxItems": LIMITS.entries}, "id": False},
            "additionalProperties": True,
        },
    ]
}
LINES: Schema = {"type": "string", "minLength": 2, "format": "ndjson", "description": "An entry a line."}


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _optional(schema: Schema) -> Schema:
    """Also null, which means the same as leaving it out."""
    return {**schema, "type": [schema["type"], "null"]}


def _object(keys: Iterable[Key]) -> Schema:
    """An object whose keys are read where they are as described, and stored unchanged in any case."""
    return {
        "type": ["object", "null"],
        "properties": {key.wire: {**SENT, "description": key.takes} for key in keys},
        "propertyNames": BYTES_OF_KEYS,
        "additionalProperties": SENT,
    }


ENTRY: Schema = {
    "type": "object",
    "description": "A log entry as it is sent. Unknown fields are kept as they come and shown raw.",
    "required": ["id", "timestamp", "level", "type"],
    "propertyNames": BYTES_OF_KEYS,
    "additionalProperties": SENT,
    "properties": {
        "id": _described(
            printable(LIMITS.id_characters, least=1), "The sender's own event id, printable ASCII, not only blanks."
        ),
        "timestamp": {
            "type": "string",
            "format": "date-time",
            "description": f"RFC 3339 with an offset, from as far back as the project keeps entries (at most {LIMITS.past_days} days)"
            f" to {LIMITS.ahead_hours} hours ahead.",
        },
        "level": {
            "type": "string",
            "enum": ["DEBUG", "INFO", "WARN", "WARNING", "ERROR"],
            "description": "In any case.",
        },
        "type": _described(
            printable(LIMITS.type_characters, least=1),
            f"`{SYNC_LOG}` is the one with meaning; others are kept and listed.",
        ),
        "syncEvent": _described(_optional(printable(LIMITS.text_characters)), f"Required for `{SYNC_LOG}`."),
        "syncId": {
            "type": ["string", "null"],
            "pattern": rf"^(|{UUID.replace('a-f', 'A-Fa-f')})$",
            "description": "A UUID. Or `syncInstanceId`.",
        },
        **{
            key.wire: _described(_optional(printable(LIMITS.text_characters)), key.takes)
            for key in entry_keys.ENTRY
            if key.takes
        },
        "userId": _described(
            _optional({**USER_ID, "minLength": 0}), f"At most {LIMITS.user_id_bytes} bytes of UTF-8. Or `endUserId`."
        ),
        "message": {
            "type": ["string", "null"],
            "maxLength": LIMITS.message_bytes,
            "description": f"At most {LIMITS.message_bytes} bytes of UTF-8.",
        },
        "summary": _object(entry_keys.SUMMARY),
        "error": _object(entry_keys.ERROR),
    },
    "if": {"required": ["type"], "properties": {"type": {"const": SYNC_LOG}}},
    "then": {"required": ["syncEvent"], "properties": {"syncEvent": {"type": "string", "minLength": 1}}},
    "example": EXAMPLE,
}

COMPONENTS = {
    "EntryWrite": ENTRY,
    "EntryValue": ENTRY_VALUE,
    "JsonValue": JSON_VALUE,
    "UserWrite": USER,
    "ReenableWrite": REENABLE,
}
