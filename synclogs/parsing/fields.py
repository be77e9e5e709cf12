"""Rules for the fields of a log entry: validation and normalisation of each value as sent.

Each function removes its own keys from the entry and returns text and numbers that fit their columns, or raises Invalid. Keys
that no function reads become the entry's detail; they are never refused.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import NoReturn
from unicodedata import category

import msgspec

from synclogs.catalogue import LEVEL_SLUGS
from synclogs.moments import microseconds
from synclogs.parsing import entry_keys
from synclogs.parsing.decoding import cleaned, shown
from synclogs.parsing.entry_keys import Key
from synclogs.parsing.identifiers import HYPHENATED
from synclogs.parsing.limits import LIMITS, Code

type Values = dict[str, object]

SECOND_US = 1_000_000
LAST_US = 253_402_214_400 * SECOND_US  # 9999-12-31: no time zone pushes it out of what datetime can hold
LONGEST_TIMESTAMP = 64
LONGEST_BACKOFF_MS = 10 * 366 * 86_400_000

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
# Letters, numbers, punctuation, symbols; marks that take a place of their own; private characters, which fonts draw.
_SEEN = frozenset("Lu Ll Lt Lm Lo Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Mc Co".split())
# Letters and symbols by their category, but drawn as nothing.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\U0001d159")
_LEVELS = {slug: int(level) for slug, level in LEVEL_SLUGS.items()}
_ATTEMPT, _MAX_ATTEMPTS, _BACKOFF, _NEXT_RETRY = (key.wire for key in entry_keys.RETRY)
_SYNC_ID, _USER_ID = (entry_keys.NAMED[name].spellings for name in ("sync", "user"))
_CODE, _HTTP_STATUS, _RECOVERABILITY = (
    entry_keys.NAMED[name].wire for name in ("error_code", "http_status", "recoverability")
)


class Summary(msgspec.Struct, frozen=True, gc=False):
    """The counts of a run that could be understood; each fits 64 bits."""

    created: int | None
    updated: int | None
    deleted: int | None
    total_processed: int | None
    total_changes: int | None
    duration_ms: int | None


_OF_A_SUMMARY = {key.snake: key for key in entry_keys.SUMMARY}
# The keys of a summary that runs have columns for, in the order of Summary.
TOTALS = tuple(_OF_A_SUMMARY[name] for name in Summary.__struct_fields__)
_COUNTS = tuple(key.spellings for key in TOTALS)


class Retry(msgspec.Struct, frozen=True, gc=False):
    """When and how often there will be another try, as far as that could be understood."""

    next_retry_us: int | None
    attempt: int | None
    max_attempts: int | None
    backoff_ms: int | None


class Invalid(Exception):
    """A field breaks its rule, and so its entry is not taken."""

    def __init__(self, code: Code, name: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.pointer = name and f"/{name}"
        self.detail = detail


def required(values: Values, name: str, longest: int) -> str:
    """A printable ASCII text that has to be there."""
    value = values.pop(name, None)
    if value is None or value == "":
        raise Invalid(Code.MISSING, name, f"{name} is required.")
    return _printable(name, value, longest)


def optional(values: Values, name: str, *aliases: str) -> str:
    """A printable ASCII text, "" when absent. `aliases` are read only when there is nothing under `name`."""
    value = values.pop(name, None)
    if aliases and (value is None or value == ""):
        name, value = _sent(values, aliases)
    return "" if value is None else _printable(name, value, LIMITS.text_characters)


def _sent(values: Values, spellings: Iterable[str]) -> tuple[str, object]:
    """What was sent, and under which spelling: the first under which there is something, else the last."""
    name, value = "", None
    for name in spellings:
        value = values.pop(name, None)
        if value is not None and value != "":
            break
    return name, value


def _printable(name: str, value: object, longest: int) -> str:
    # In ASCII, printable means 0x20 to 0x7e: the space is in, DEL is not.
    if isinstance(value, str) and len(value) <= longest and value.isascii() and value.isprintable():
        return value if not value.isspace() else _unseen(name, value)
    text = _text(name, value)
    if len(text) > longest:
        raise Invalid(Code.TOO_LONG, name, f"{name} is {len(text)} characters long; at most {longest} are accepted.")
    raise Invalid(Code.BAD_CHARACTERS, name, f"{name} takes printable ASCII characters only; found {shown(text)}.")


def is_seen(text: str) -> bool:
    """Whether anything of it is visible: an invisible identifier can neither be distinguished nor typed."""
    if text.isascii() and text.isprintable():
        return bool(text) and not text.isspace()
    return any(category(character) in _SEEN and character not in _FILLERS for character in text)


def _unseen(name: str, text: str) -> NoReturn:
    raise Invalid(Code.BAD_CHARACTERS, name, f"{name} needs a character that can be seen; found {shown(text)}.")


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise Invalid(Code.WRONG_TYPE, name, f"{name} has to be a text; found {shown(value)}.")


def sync_id(values: Values) -> str:
    """A UUID in its usual form, in lower case; "" when absent."""
    name, value = _sent(values, _SYNC_ID)
    if value is None or value == "":
        return ""
    text = _text(name, value)
    if not HYPHENATED.fullmatch(text):
        raise Invalid(Code.BAD_UUID, name, f"{name} has to be a UUID with its four hyphens; found {shown(text)}.")
    return text.lower()


def user_id(values: Values) -> str:
    """Any text without NUL and lone surrogates, since people name their customers as they like; "" when absent."""
    name, value = _sent(values, _USER_ID)
    if value is None:
        return ""
    text = _text(name, value)
    if (not text.isascii() or "\x00" in text) and cleaned(text) != text:
        raise Invalid(Code.BAD_CHARACTERS, name, f"{name} holds NUL or half a surrogate pair; found {shown(text)}.")
    if text and not is_seen(text):
        _unseen(name, text)
    size = len(text.encode())
    if size > LIMITS.user_id_bytes:
        raise Invalid(Code.TOO_LONG, name, f"{name} is {size} bytes long; at most {LIMITS.user_id_bytes} are accepted.")
    return text


def level(values: Values) -> int:
    value = values.pop("level", None)
    if value is None or value == "":
        raise Invalid(Code.MISSING, "level", "level is required.")
    found = _LEVELS.get(_text("level", value).lower())
    if found is None:
        raise Invalid(Code.BAD_LEVEL, "level", f"level is DEBUG, INFO, WARN, WARNING or ERROR; found {shown(value)}.")
    return found


def timestamp(values: Values, *, newest_us: int) -> int:
    """An RFC 3339 moment, how far back is for the project to say (synclogs.ingestion.ingest), in microseconds since 1970. No leap seconds, no blank in place of the T."""
    value = values.pop("timestamp", None)
    if value is None or value == "":
        raise Invalid(Code.MISSING, "timestamp", "timestamp is required.")
    text = _text("timestamp", value)
    try:
        if len(text) > LONGEST_TIMESTAMP or not _RFC3339.fullmatch(text):
            raise ValueError
        found = microseconds(datetime.fromisoformat(text.upper()))  # cuts what is finer than a microsecond
    except ValueError:
        detail = f"timestamp has to look like 2026-05-04T09:12:30.123Z, with Z or an offset; found {shown(text)}."
        raise Invalid(Code.BAD_TIMESTAMP, "timestamp", detail) from None
    if found > newest_us:
        detail = f"timestamp is more than {LIMITS.ahead_hours} hours ahead; found {shown(text)}."
        raise Invalid(Code.TOO_FAR_AHEAD, "timestamp", detail)
    return found


def message(values: Values) -> str:
    """Free text, still as it came; "" when absent."""
    value = values.pop("message", None)
    if value is None:
        return ""
    text = _text("message", value)
    if len(text) * 4 > LIMITS.message_bytes:
        size = len(text.encode(errors="surrogatepass"))
        if size > LIMITS.message_bytes:
            detail = f"message is {size} bytes long; at most {LIMITS.message_bytes} are accepted."
            raise Invalid(Code.TOO_LONG, "message", detail)
    return text


def check_objects(values: Values) -> None:
    """summary and error have to be objects where they are given; null counts as absent."""
    for name in ("summary", "error"):
        value = values.get(name)
        if value is None:
            values.pop(name, None)
        elif not isinstance(value, dict):
            raise Invalid(Code.WRONG_TYPE, name, f"{name} has to be an object; found {shown(value)}.")


def without_unsafe(values: Values) -> Values:
    """`values` with every text in it cleaned, keys too; two keys that become one are refused, not lost."""
    tidy = {cleaned(key): _without_unsafe(child) for key, child in values.items()}
    if len(tidy) < len(values):
        detail = "Two keys are the same once NUL and lone surrogates in them are replaced."
        raise Invalid(Code.REPEATED_KEY, "", detail)
    return tidy


def _without_unsafe(value: object) -> object:
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, list):
        return [_without_unsafe(child) for child in value]
    return without_unsafe(value) if isinstance(value, dict) else value


def summary(values: Values) -> Summary | None:
    """The counts under "summary", which stays as it came; None when there is none to be understood."""
    found = values.get("summary")
    if not isinstance(found, dict):
        return None
    read = Summary(*[_count_of(found, spellings) for spellings in _COUNTS])
    return None if read == _NO_SUMMARY else read


def nested_count(values: Values, key: Key) -> int | None:
    """The whole number under a key of an object such as the summary; None when there is none to be understood."""
    found = values.get(key.path[0])
    return _count_of(found, key.spellings) if isinstance(found, dict) else None


def error(values: Values) -> tuple[str, str, int | None, Retry | None]:
    """Code, recoverability, HTTP status and retry of "error".

    A value leaves the object only when its column gives the very same back: so nothing is stored twice and nothing is
    changed. A code sent as a number stays, for example, and has its text in the column too.
    """
    found = values.get("error")
    if not isinstance(found, dict) or not found:
        return "", "", None, None
    retry = None if entry_keys.RETRY_KEYS.isdisjoint(found) else _retry(found)
    number: object = found.get(_CODE)
    if isinstance(number, float) and number.is_integer():
        number = int(number)  # the database gives 1e18 back as a whole number, and the entry is to stay the same
    code = str(number) if type(number) is int else _moved(found, _CODE, LIMITS.text_characters)
    recoverability = _moved(found, _RECOVERABILITY, LIMITS.recoverability_characters)
    status = _http_status(found)
    if found == {}:
        del values["error"]
    return code, recoverability, status, retry


def _moved(found: Values, name: str, longest: int) -> str:
    """Takes the text out when it fits a column; "" and the value stays when it does not."""
    value = found.get(name)
    if isinstance(value, str) and len(value) <= longest and value.isascii() and value.isprintable() and is_seen(value):
        del found[name]
        return value
    return ""


def _http_status(found: Values) -> int | None:
    value = found.get(_HTTP_STATUS)
    if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isdigit():
        return int(value) if 100 <= int(value) <= 599 else None
    status = _count(value)
    if status is None or not 100 <= status <= 599:
        return None
    del found[_HTTP_STATUS]
    return status


def _retry(found: Values) -> Retry | None:
    """Retry data, beside the error's other keys or in an object of their own; None when none can be understood."""
    nested = found.get(entry_keys.RETRY_OBJECT)
    places = (found, nested) if isinstance(nested, dict) else (found,)
    read = Retry(
        next_retry_us=_first(_any_moment, (place.get(_NEXT_RETRY) for place in places)),
        attempt=_first(_count, (place.get(_ATTEMPT) for place in places)),
        max_attempts=_first(_count, (place.get(_MAX_ATTEMPTS) for place in places)),
        backoff_ms=_first(_backoff, (place.get(_BACKOFF) for place in places)),
    )
    return None if read == _NO_RETRY else read


def _first(read: Callable[[object], int | None], values: Iterable[object]) -> int | None:
    """The first of `values` that can be read."""
    return next((found for found in map(read, values) if found is not None), None)


def _count_of(found: Values, spellings: Iterable[str]) -> int | None:
    for name in spellings:
        if name in found and (count := _count(found[name])) is not None:
            return count
    return None


def _count(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and value >= 0 else None  # type(), since True is an int too


def _backoff(value: object) -> int | None:
    found = _count(value)
    return found if found is not None and found <= LONGEST_BACKOFF_MS else None


def _any_moment(value: object) -> int | None:
    """A moment between 1970 and 9999 however it is written: ISO 8601, seconds or milliseconds; else None."""
    found = 0
    if isinstance(value, str) and len(value) <= LONGEST_TIMESTAMP:
        try:
            moment = datetime.fromisoformat(value.upper())
        except ValueError:
            return None
        found = microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = int(value * (1_000 if value > 1e11 else SECOND_US))
    return found if 0 < found <= LAST_US else None


_NO_SUMMARY = Summary(None, None, None, None, None, None)
_NO_RETRY = Retry(None, None, None, None)
