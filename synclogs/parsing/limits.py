"""Limits of the ingest contract, and the codes of what can be wrong with a body or an entry. Constants only."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Limits:
    """Every number of the ingest contract: the limit itself is accepted, limit + 1 is refused."""

    wire_bytes: int = 5 * 1024 * 1024
    inflated_bytes: int = 20 * 1024 * 1024
    entries: int = 10_000
    entry_bytes: int = 256 * 1024
    depth: int = 32  # objects and arrays inside each other, the entry itself being the first
    keys: int = 1_000  # of an entry, those of nested objects included
    key_bytes: int = 256
    number: int = 10**18  # either sign
    number_characters: int = 40  # as sent, and as written out without an exponent
    id_characters: int = 128
    type_characters: int = 64
    text_characters: int = 128  # traceId, integration, pipeline, ...
    recoverability_characters: int = 64  # longer ones are kept, but cannot be filtered by
    user_id_bytes: int = 256
    message_bytes: int = 8 * 1024
    past_days: int = 400
    ahead_hours: int = 24
    errors_listed: int = 100


LIMITS = Limits()


class Code(StrEnum):
    """Why a body or an entry was refused; part of the API, so never renamed."""

    # the whole body
    EMPTY_BODY = "empty_body"
    BAD_GZIP = "bad_gzip"
    NOT_AN_ENTRY = "not_an_entry"
    TOO_LARGE = "too_large"
    TOO_MANY_ENTRIES = "too_many_entries"
    # the whole body, or one line of NDJSON
    BAD_JSON = "bad_json"
    BAD_UTF8 = "bad_utf8"
    # one entry, by its form
    NOT_AN_OBJECT = "not_an_object"
    ENTRY_TOO_LARGE = "entry_too_large"
    TOO_DEEP = "too_deep"
    TOO_MANY_KEYS = "too_many_keys"
    KEY_TOO_LONG = "key_too_long"
    REPEATED_KEY = "repeated_key"
    NOT_A_NUMBER = "not_a_number"
    NUMBER_TOO_LARGE = "number_too_large"
    NUMBER_TOO_LONG = "number_too_long"
    # one field
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    TOO_LONG = "too_long"
    BAD_CHARACTERS = "bad_characters"
    BAD_TIMESTAMP = "bad_timestamp"
    BEYOND_RETENTION = "beyond_retention"
    TOO_FAR_AHEAD = "too_far_ahead"
    BAD_LEVEL = "bad_level"
    BAD_UUID = "bad_uuid"


class Unreadable(Exception):
    """Nothing in the body can be used; `code` is for programs, `detail` for people."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class TooMany(Unreadable):
    """More entries than one request may bring."""


class TooLarge(Unreadable):
    """More bytes than one request may bring."""
