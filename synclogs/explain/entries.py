"""Headline and explanation of one log entry, in words that support staff can pass on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from synclogs import catalogue
from synclogs.catalogue import (
    RECOVERABLE,
    SYNC_LOG,
    SYNC_WEBHOOK,
    Category,
    Level,
    Side,
)
from synclogs.explain.phrases import moment_words, one_line, run_counts, with_counts
from synclogs.parsing import entry_keys, fields
from synclogs.parsing.entry_keys import Key

SIDE_WORDS: Mapping[str, str] = {
    Side.CUSTOMER: "The customer's side",
    Side.PROVIDER: "The integration's side",
    Side.US: "Our side",
    Side.UNKNOWN: "Whose side it is, is not known",
}


class EntryState(Protocol):
    """What is read of a log entry; synclogs.models.LogEntry has all of it."""

    type: str
    event: str
    level: int
    message: str
    error_code: str
    http_status: int | None
    recoverability: str
    detail: Any


@dataclass(frozen=True, slots=True)
class Explanation:
    """`side` is "" and `cause` empty where nothing went wrong; `code` is what the log names: "code 10007, HTTP 404"."""

    meaning: str
    action: str
    cause: str = ""
    side: str = ""
    side_words: str = ""
    code: str = ""
    reenable_cures: bool = False


def is_sync_log(entry: EntryState) -> bool:
    return entry.type in (SYNC_LOG, SYNC_WEBHOOK)


def entry_headline(entry: EntryState) -> str:
    """The entry in one line: its event in words, then counts, or the cause with code and HTTP status."""
    if not is_sync_log(entry):
        return one_line(entry.message) or catalogue.event(entry.event or entry.type).words
    event = catalogue.event(entry.event)
    if event.category == Category.WEBHOOK:
        return _webhook_headline(entry)
    if went_wrong(entry):
        cause, code = _cause(entry).words, code_words(entry)
        is_in_words = event.category == Category.RETRY and cause in catalogue.CAUSES_IN_EVENT_WORDS
        return (event.words if is_in_words else f"{event.words}: {cause}") + (f" ({code})" if code else "")
    counts = _summary_words(entry.detail)
    if counts:
        return with_counts(event.words, counts)
    if event.name not in catalogue.EVENTS and entry.message:
        return f"{event.words}: {one_line(entry.message)}"
    return event.words


def went_wrong(entry: EntryState) -> bool:
    """Whether the entry tells of trouble: by its level, or by an event that always does."""
    return entry.level >= Level.WARNING or catalogue.event(entry.event).category in (
        Category.ERROR,
        Category.RETRY,
    )


def _webhook_headline(entry: EntryState) -> str:
    words = catalogue.event(entry.event).words
    state = "given up after all retries" if entry.level >= Level.ERROR else "will be retried"
    known = ", ".join(part for part in (code_words(entry), attempt_words(*_attempts(entry.detail))) if part)
    return f"{words}, {state} ({known})" if known else f"{words}, {state}"


def entry_explanation(entry: EntryState) -> Explanation:
    """What the entry means, whose side it is and what to do; says so where that is not known."""
    if not is_sync_log(entry):
        kind = catalogue.type_words(entry.type)
        return Explanation(
            meaning=f"An entry of {kind}. Only logs of syncs are explained; the context shows all that was sent.",
            action="",
        )
    event = catalogue.event(entry.event)
    if event.category == Category.WEBHOOK:
        return _webhook_explanation(entry)
    if not went_wrong(entry):
        return Explanation(meaning=event.meaning, action=event.action)
    cause = _cause(entry)
    return Explanation(
        meaning=f"{event.meaning} {cause.meaning}",
        action=cause.action if cause.side != Side.UNKNOWN or not event.action else event.action,
        cause=cause.words,
        side=cause.side.value,
        side_words=SIDE_WORDS[cause.side],
        code=code_words(entry),
        reenable_cures=cause.reenable_cures,
    )


def _webhook_explanation(entry: EntryState) -> Explanation:
    given_up = entry.level >= Level.ERROR
    rest = (
        "The retries are used up, so this notification is lost."
        if given_up
        else "It will be delivered again, so nothing is lost yet."
    )
    cause = _cause(entry)
    return Explanation(
        meaning=f"Data was synced, but our application did not take the notification about it. {rest}",
        action=cause.action,
        cause=cause.words,
        side=cause.side.value,
        side_words=SIDE_WORDS[cause.side],
        code=code_words(entry),
    )


def _cause(entry: EntryState) -> catalogue.ErrorCode:
    return catalogue.error_code(
        entry.error_code,
        http_status=entry.http_status,
        recoverability=entry.recoverability,
        event=entry.event,
    )


def code_words(entry: EntryState) -> str:
    """code 10007, HTTP 404; "" when the log names neither."""
    parts = []
    if entry.error_code and entry.error_code != str(entry.http_status):
        parts.append(f"code {one_line(entry.error_code)}")
    if entry.http_status is not None:
        parts.append(f"HTTP {entry.http_status}")
    return ", ".join(parts)


def attempt_words(attempt: int | None, max_attempts: int | None) -> str:
    """attempt 2 of 5; attempt 2; ""."""
    if attempt is None:
        return ""
    return f"attempt {attempt}" if max_attempts is None else f"attempt {attempt} of {max_attempts}"


def retry_words(retry_at: datetime | None, attempt: str, *, now: datetime) -> str:
    """When the platform tries again, as far as the log says; "" when it says nothing."""
    tail = f" ({attempt})" if attempt else ""
    if retry_at is None:
        return f"It is being retried{tail}; when the next attempt comes is not known." if attempt else ""
    if retry_at > now:
        return f"Next attempt at {moment_words(retry_at, now=now)}{tail}."
    return f"The next attempt was due at {moment_words(retry_at, now=now)}{tail}."


def entry_retry_clock(entry: EntryState, *, now: datetime) -> str:
    """The retry that one entry announces; "" when it announces none."""
    if not went_wrong(entry):
        return ""
    retry_at = _retry_at(entry.detail)
    if entry.level >= Level.ERROR and retry_at is None and entry.recoverability != RECOVERABLE:
        return ""  # the attempts it counts are those that were used up
    text = retry_words(retry_at, attempt_words(*_attempts(entry.detail)), now=now)
    return text or ("It is being retried; when is not known." if entry.recoverability == RECOVERABLE else "")


def _summary_words(detail: object) -> str:
    summary = _object(detail, "summary")
    if not summary:
        return ""
    found = {key.snake: _first_number(summary, key.spellings) for key in fields.TOTALS}
    return run_counts(
        found["created"],
        found["updated"],
        found["deleted"],
        total_processed=found["total_processed"],
        total_changes=found["total_changes"],
        duration=found["duration_ms"],
    )


def _retry(detail: object, key: Key) -> object:
    error = _object(detail, "error")
    return error.get(key.wire, _object(error, entry_keys.RETRY_OBJECT).get(key.wire))


def _attempts(detail: object) -> tuple[int | None, int | None]:
    return _number(_retry(detail, entry_keys.ATTEMPT)), _number(_retry(detail, entry_keys.MAX_ATTEMPTS))


def _retry_at(detail: object) -> datetime | None:
    text = _retry(detail, entry_keys.NEXT_RETRY)
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _object(value: object, key: str) -> Mapping[str, object]:
    """`value[key]` when both are objects, else an empty one: payloads are as senders made them."""
    inner = value.get(key) if isinstance(value, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def _first_number(values: Mapping[str, object], keys: tuple[str, ...]) -> int | None:
    return next((found for key in keys if (found := _number(values.get(key))) is not None), None)


def _number(value: object) -> int | None:
    """A whole number of zero or more; anything else is not shown as one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    return int(value) if 0 <= value <= 10**15 else None
