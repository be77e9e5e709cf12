"""Detail of one log entry for its page: properties with links, error and summary in words, the remaining payload.

Returns a frozen Reading. No query, no markup.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from django.urls import reverse

from portal.links import paths
from portal.links.narrowing import Links, Narrowing
from portal.links.querystring import Pairs, add, link, value_words
from portal.log import payload
from synclogs import explain
from synclogs.catalogue import Level
from synclogs.models import LogEntry, Project
from synclogs.query.filters import PRESETS

NEIGHBOURHOOD = timedelta(minutes=15)
# Wire name, words, filter parameter, column, page (a URL name of the thing itself).
PROPERTIES = (
    ("syncId", "Sync", "sync", "sync_id", "sync"),
    ("traceId", "Trace", "trace", "trace_id", "trace"),
    ("userId", "User", "user", "user_id", "user"),
    ("integration", "Integration", "integration", "integration", "integration"),
    ("pipeline", "Pipeline", "pipeline", "pipeline", ""),
    ("syncEvent", "Event", "event", "event", ""),
    ("syncType", "Sync type", "sync_type", "sync_type", ""),
    ("syncStatus", "Sync status", "status", "status", ""),
)
ERROR_PROPERTIES = (
    ("errorCode", "Error code", "error_code", "error_code", ""),
    ("httpStatus", "HTTP status", "http_status", "http_status", ""),
    ("recoverability", "Recoverability", "recoverability", "recoverability", ""),
)
SUMMARY_WORDS = {
    "created": "Created",
    "updated": "Updated",
    "deleted": "Deleted",
    "totalProcessed": "Processed",
    "total_processed": "Processed",
    "totalChanges": "Changes",
    "total_changes": "Changes",
    "durationMs": "Took",
    "duration_ms": "Took",
    "duration": "Took",
}
ERROR_KEYS = {"errorCode", "httpStatus", "recoverability", "message"}
RETRY_KEYS = ("attempt", "maxAttempts", "backoffMs", "nextRetryAt")
ENVELOPE = {"id", "timestamp", "level", "type", "message", "credentialId"}
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
    known = [make.property(*names) for names in PROPERTIES]
    raw = payload.as_json(context)
    return Reading(
        entry=entry,
        headline=headline,
        message="" if entry.message == headline else entry.message,
        explanation=explain.entry_explanation(entry),
        retry=explain.entry_retry_clock(entry, now=now),
        properties=tuple(item for item in known if item.text),
        level=make.made("level", "Level", "level", Level(entry.level).name.lower()),
        type=make.property("type", "Type", "type", "type", ""),
        absent=absent(known, context),
        error=tuple(item for item in (make.property(*names) for names in ERROR_PROPERTIES) if item.text),
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

    def property(self, wire: str, label: str, name: str, column: str, page: str) -> Property:
        value: Any = getattr(self.entry, column)
        return self.made(wire, label, name, "" if value is None else str(value), page)

    def made(self, wire: str, label: str, name: str, text: str, page: str = "") -> Property:
        words = value_words(name, text)
        return Property(
            wire=wire,
            label=label,
            name=name,
            text=text,
            words=words if words != text else "",
            page=paths.thing(self.project.slug, page, text) if page and text else "",
            include=self.logs + link(add(self.query, name, text)),
            exclude=self.logs + link(add(self.query, f"-{name}", text)),
        )


def since_pairs(moment: datetime, *, now: datetime) -> Pairs:
    """The smallest preset that still shows an entry of that moment; the default range when it does."""
    for preset, length in PRESETS.items():
        if length >= PRESETS["24h"] and now - length <= moment:
            return () if preset == "24h" else (("since", preset),)
    return (("since", stamp(moment - NEIGHBOURHOOD)),)


def stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def figures(summary: object) -> tuple[Figure, ...]:
    """The counts of a run, in the order of SUMMARY_WORDS; what is no number stays in the raw part."""
    if not isinstance(summary, Mapping):
        return ()
    return tuple(
        Figure(label, int(summary[key]), label == "Took")
        for key, label in SUMMARY_WORDS.items()
        if _is_count(summary.get(key))
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
    nested = error.get("retry")
    told = {**(nested if isinstance(nested, Mapping) else {}), **error}
    attempt, most, pause, moment = (told.get(key) for key in RETRY_KEYS)
    found = []
    if _is_count(attempt):
        found.append(("Attempt", f"{attempt} of {most}" if _is_count(most) else str(attempt)))
    elif _is_count(most):
        found.append(("Attempts", f"at most {most}"))
    if _is_count(pause):
        found.append(("Pause", explain.duration_ms(int(pause))))
    if isinstance(moment, str) and (at := _moment(moment)):
        found.append(("Next attempt", explain.moment_words(at, now=now)))
    return tuple(found)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def rest(context: Mapping[str, object]) -> dict[str, object]:
    """What is not spelled out above the raw part: unknown keys, and what summary and error hold beyond the known."""
    known = {wire for wire, *_ in PROPERTIES} | ENVELOPE
    left = {key: value for key, value in context.items() if key not in known}
    for name, is_shown in (("summary", _is_figure), ("error", _is_fact)):
        part = left.get(name)
        if isinstance(part, Mapping):
            more = {key: value for key, value in part.items() if not is_shown(key, value)}
            left.pop(name)
            if more:
                left[name] = more
    return left


def _is_figure(key: str, value: object) -> bool:
    return key in SUMMARY_WORDS and _is_count(value)


def _is_fact(key: str, value: object) -> bool:
    if key in ("attempt", "maxAttempts", "backoffMs"):
        return _is_count(value)
    if key == "nextRetryAt":
        return isinstance(value, str) and _moment(value) is not None
    return key in ERROR_KEYS and isinstance(value, str | int) and len(str(value)) <= LONGEST_ERROR_TEXT
