"""Detail of one log entry for its page: properties with links, error and summary in words, the remaining payload.

Returns a frozen Reading. No query, no markup.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from django.urls import reverse

from portal.links import paths
from portal.links.payload_links import Links, Narrowing
from portal.links.querystring import Pairs, add, link, value_words
from portal.log import payload
from synclogs import explain
from synclogs.catalogue import Level
from synclogs.models import LogEntry, Project
from synclogs.moments import rfc3339
from synclogs.parsing import entry_keys
from synclogs.parsing.entry_keys import Key
from synclogs.query.filters import PRESETS

NEIGHBOURHOOD = timedelta(minutes=15)
# What stands above the properties, or beside them.
ENVELOPE = {"id", "timestamp", "level", "type", "message", "credentialId"}
PROPERTIES = tuple(key for key in entry_keys.ENTRY if key.wire not in ENVELOPE)
PAGES = {"sync", "trace", "user", "integration"}  # what has a page of its own, by its name in the URL
ERROR_PROPERTIES = tuple(entry_keys.NAMED[name] for name in ("error_code", "http_status", "recoverability"))
ERROR_KEYS = {key.wire for key in (*ERROR_PROPERTIES, entry_keys.ERROR_MESSAGE)}
RETRY_COUNTS = {key.wire for key in entry_keys.RETRY if key != entry_keys.NEXT_RETRY}
# In every spelling that senders use.
FIGURES = {spelling: key for key in entry_keys.SUMMARY for spelling in key.spellings}
LONGEST_ERROR_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Property:
    """`text` is the value as sent and what is copied; `words` say the same for people where they differ."""

    wire: str
    label: str
    name: str
    text: str
    words: str
    page: str
    include: str
    exclude: str


@dataclass(frozen=True, slots=True)
class Figure:
    label: str
    value: int
    is_duration: bool


@dataclass(frozen=True, slots=True)
class Reading:
    entry: LogEntry
    headline: str
    message: str  # "" when the headline says it already
    explanation: explain.Explanation
    retry: str
    properties: tuple[Property, ...]
    level: Property
    type: Property
    absent: tuple[str, ...]  # labels of the known properties that this entry does not have
    error: tuple[Property, ...]
    error_text: str
    retries: tuple[tuple[str, str], ...]
    figures: tuple[Figure, ...]
    rest: tuple[payload.Node, ...]
    credential: Links
    raw: str
    raw_cut: bool
    permalink: str
    whole: str
    ticket: str


def message_cell(entry: LogEntry) -> str:
    """What the line says beyond the event, which has a column of its own: counts, the cause, or the message."""
    headline = explain.entry_headline(entry)
    event = value_words("event", entry.event) if entry.event else ""
    tail = headline.removeprefix(event).lstrip(":, ") if event else headline
    message = explain.one_line(entry.message)
    if message.casefold() in (event.casefold(), headline.casefold()):
        message = ""
    if tail.startswith("("):
        tail = f"{message} {tail}" if message else tail.strip("()")
    tail = tail or message
    return tail[:1].upper() + tail[1:]


def read(entry: LogEntry, project: Project, query: Pairs, *, now: datetime) -> Reading:
    """`query` is the list's own filter, which the include and exclude links narrow further."""
    context = entry.context()
    headline = explain.entry_headline(entry)
    logs = reverse("logs", args=(project.slug,))
    query = query or since_pairs(entry.occurred_at, now=now)
    make = _PropertyMaker(entry, project, logs, query)
    narrow = Narrowing(logs, query).links
    known = [make.property(key) for key in PROPERTIES]
    raw = payload.as_json(context)
    return Reading(
        entry=entry,
        headline=headline,
        message="" if entry.message == headline else entry.message,
        explanation=explain.entry_explanation(entry),
        retry=explain.entry_retry_clock(entry, now=now),
        properties=tuple(item for item in known if item.text),
        level=make.made("level", "Level", "level", Level(entry.level).name.lower()),
        type=make.property(entry_keys.NAMED["type"]),
        absent=absent(known, context),
        error=tuple(item for item in (make.property(key) for key in ERROR_PROPERTIES) if item.text),
        error_text=_error_text(context.get("error"), entry.message),
        retries=retries(context.get("error"), now=now),
        figures=figures(context.get("summary")),
        rest=payload.tree(rest(context), narrow),
        credential=narrow("credential", "text", entry.credential_id),
        raw=raw[: payload.MAX_RAW],
        raw_cut=len(raw) > payload.MAX_RAW,
        permalink=reverse("log", args=(project.slug, entry.key)),
        whole=reverse("log-json", args=(project.slug, entry.key)),
        ticket=reverse("log-ticket", args=(project.slug, entry.key)),
    )


def absent(known: Iterable[Property], context: Mapping[str, object]) -> tuple[str, ...]:
    """Which of the ten known properties were not sent."""
    missing = [item.label for item in known if not item.text]
    return (*missing, *(name.capitalize() for name in ("summary", "error") if name not in context))


@dataclass(frozen=True, slots=True)
class _PropertyMaker:
    entry: LogEntry
    project: Project
    logs: str
    query: Pairs

    def property(self, key: Key) -> Property:
        value: Any = getattr(self.entry, key.column)
        text = "" if value is None else str(value)
        return self.made(key.wire, key.label, key.name, text, key.name if key.name in PAGES else "")

    def made(self, wire: str, label: str, name: str, text: str, page: str = "") -> Property:
        words = value_words(name, text)
        return Property(
            wire=wire,
            label=label,
            name=name,
            text=text,
            words=words if words != text else "",
            page=paths.detail(self.project.slug, page, text) if page and text else "",
            include=self.logs + link(add(self.query, name, text)),
            exclude=self.logs + link(add(self.query, f"-{name}", text)),
        )


def since_pairs(moment: datetime, *, now: datetime) -> Pairs:
    """The smallest preset that still shows an entry of that moment; the default range when it does."""
    for preset, length in PRESETS.items():
        if length >= PRESETS["24h"] and now - length <= moment:
            return () if preset == "24h" else (("since", preset),)
    return (("since", rfc3339(moment - NEIGHBOURHOOD, "seconds")),)


def figures(summary: object) -> tuple[Figure, ...]:
    """The counts of a run, in the order of the entry keys; what is no number stays in the raw part."""
    if not isinstance(summary, Mapping):
        return ()
    return tuple(
        Figure(key.label, int(summary[spelling]), key.unit == entry_keys.MILLISECONDS)
        for spelling, key in FIGURES.items()
        if _is_count(summary.get(spelling))
    )


def _is_count(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 10**15


def _error_text(error: object, message: str) -> str:
    """The error's own text, unless the entry's message says the same."""
    text = error.get("message") if isinstance(error, Mapping) else error
    return text[:LONGEST_ERROR_TEXT] if isinstance(text, str) and text != message else ""


def retries(error: object, *, now: datetime) -> tuple[tuple[str, str], ...]:
    """What the error says about retrying, label and words: attempt, pause, next attempt."""
    if not isinstance(error, Mapping):
        return ()
    nested = error.get(entry_keys.RETRY_OBJECT)
    values = {**(nested if isinstance(nested, Mapping) else {}), **error}
    attempt, most, pause, moment = (values.get(key.wire) for key in entry_keys.RETRY)
    found = []
    if _is_count(attempt):
        found.append((entry_keys.ATTEMPT.label, f"{attempt} of {most}" if _is_count(most) else str(attempt)))
    elif _is_count(most):
        found.append((entry_keys.MAX_ATTEMPTS.label, f"at most {most}"))
    if _is_count(pause):
        found.append((entry_keys.BACKOFF.label, explain.duration_ms(int(pause))))
    if isinstance(moment, str) and (at := _moment(moment)):
        found.append((entry_keys.NEXT_RETRY.label, explain.moment_words(at, now=now)))
    return tuple(found)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def rest(context: Mapping[str, object]) -> dict[str, object]:
    """What is not spelled out above the raw part: unknown keys, and what summary and error hold beyond the known."""
    known = {key.wire for key in PROPERTIES} | ENVELOPE
    remaining = {key: value for key, value in context.items() if key not in known}
    for name, is_shown in (("summary", _is_figure), ("error", _is_fact)):
        part = remaining.get(name)
        if isinstance(part, Mapping):
            more = {key: value for key, value in part.items() if not is_shown(key, value)}
            remaining.pop(name)
            if more:
                remaining[name] = more
    return remaining


def _is_figure(key: str, value: object) -> bool:
    return key in FIGURES and _is_count(value)


def _is_fact(key: str, value: object) -> bool:
    if key in RETRY_COUNTS:
        return _is_count(value)
    if key == entry_keys.NEXT_RETRY.wire:
        return isinstance(value, str) and _moment(value) is not None
    return key in ERROR_KEYS and isinstance(value, str | int) and len(str(value)) <= LONGEST_ERROR_TEXT
