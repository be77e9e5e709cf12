"""Query strings with one parameter changed, and the active filters as words with remove links.

Takes the parameters of a URL (repeated keys preserved). No request, no database, no markup.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from synclogs import catalogue
from synclogs.explain import times
from synclogs.moments import EPOCH
from synclogs.query import advice
from synclogs.query.fields import FIELDS, blanks
from synclogs.query.filters import DEFAULT_SINCE, LogFilter, moment

Pairs = tuple[tuple[str, str], ...]
# A cursor belongs to one filter: every change of a filter starts again at the newest entry.
CURSORS = ("before", "after", "at")
# Of the page and not of the filter: they stay when a filter changes.
PAGE = ("columns", "view")
BESIDES = (*CURSORS, *PAGE)
# Sent along by the forms of the lists, whose empty fields mean nothing; no such field, no such leniency.
FORM = "form"
PRESET_WORDS: Mapping[str, str] = {
    "15m": "Last 15 minutes",
    "1h": "Last hour",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
}
AGO_WORDS: Mapping[str, str] = {
    "15m": "15 minutes ago",
    "1h": "1 hour ago",
    "24h": "24 hours ago",
    "7d": "7 days ago",
    "30d": "30 days ago",
}


def pairs(parameters: Iterable[tuple[str, Iterable[str]]]) -> Pairs:
    """`QueryDict.lists()` as (name, value) pairs, without blanks and without the cursor."""
    return tuple(
        (name, value)
        for name, values in parameters
        if name not in CURSORS
        for value in dict.fromkeys(values)
        if value.strip()
    )


def of_form(parameters: Iterable[tuple[str, Iterable[str]]]) -> Pairs:
    """What a form was filled with: without its empty fields, and without the field FORM.

    That one may name a field that the form is nothing without, which stays even when it is empty.
    """
    given = [(name, value) for name, values in parameters for value in values]
    needed = dict(given).get(FORM, "")
    filled = tuple(pair for pair in given if pair[1].strip() and pair[0] != FORM)
    is_missing = (needed, "") in given and needed not in dict(filled)
    return (*filled, (needed, "")) if is_missing else filled


def refused(parameters: Iterable[tuple[str, Iterable[str]]], known: Collection[str]) -> dict[str, str]:
    """What of a list's address cannot be used, each in a sentence: names that it does not know, and empty values."""
    given = [*parameters]
    found = blanks(given)
    for name, _ in given:
        if name not in known:
            found[name] = f"There is no such filter.{advice.hint(name, known)}"
    return found


def link(query: Iterable[tuple[str, str]]) -> str:
    """The pairs as "?a=1&a=2"; "?" alone means the page without parameters."""
    return "?" + urlencode(list(query), safe=",")


def head(query: Pairs) -> str:
    """The pairs as the beginning of links that all say more: "?a=1&" or "?"."""
    return link(query) + "&" if query else link(query)


def opposite(name: str) -> str:
    """level <-> -level"""
    return name[1:] if name.startswith("-") else f"-{name}"


def add(query: Pairs, name: str, value: str) -> Pairs:
    """One more value of `name`; the same value is taken out of the opposite, since both together match nothing."""
    without = remove(remove(query, opposite(name), value), name, value)
    return (*without, (name, value))


def remove(query: Pairs, name: str, value: str | None = None) -> Pairs:
    """Without one value of `name`, or without all of them."""
    return tuple(pair for pair in query if pair[0] != name or (value is not None and pair[1] != value))


def replace(query: Pairs, name: str, *values: str) -> Pairs:
    """`name` with exactly these values."""
    return (*remove(query, name), *((name, value) for value in values))


def canonical(log_filter: LogFilter, also: Pairs = ()) -> Pairs:
    """The filter as it stands in a URL; `also` is what the page itself keeps there."""
    return (*log_filter.parameters(), *also)


def of_page(query: Pairs) -> Pairs:
    """What of a query belongs to the page."""
    return tuple(pair for pair in query if pair[0] in PAGE)


@dataclass(frozen=True, slots=True)
class ChipValue:
    words: str
    without: str  # the link that takes this value away


@dataclass(frozen=True, slots=True)
class Chip:
    """One active filter as words: label "Level", verb "is", values ("Error", "Warning")."""

    label: str
    verb: str
    negated: bool
    values: tuple[ChipValue, ...]


WORDS: Mapping[str, Callable[[str], str]] = {
    "type": catalogue.type_words,
    "event": lambda text: catalogue.event(text).words,
    "sync_type": catalogue.sync_type_words,
    "status": lambda text: catalogue.status(text).words,
    "integration": catalogue.integration_words,
    "pipeline": catalogue.pipeline_words,
    "level": lambda text: catalogue.LEVEL_SLUGS[text.lower()].label,
    "category": lambda text: catalogue.CATEGORY_SLUGS[text.lower()].label,
    "recoverability": catalogue.humanise,
}


def value_words(name: str, value: str) -> str:
    """A value of the filter `name` as people say it; identifiers stay as they are."""
    words = WORDS.get(name)
    try:
        return (words(value) if words else value) or value
    except KeyError:
        return value


def range_words(since: str, until: str) -> str:
    """Last 24 hours; Since 2026-11-23 14:00 UTC; From 7 days ago until 2026-11-23 14:00 UTC."""
    if until:
        return f"From {readable(since)} until {readable(until)}"
    return PRESET_WORDS.get(since) or f"Since {readable(since)}"


def readable(time: str) -> str:
    """2026-11-23T14:03Z -> 2026-11-23 14:03 UTC, in the zone shown; presets are spelled out."""
    if time in AGO_WORDS:
        return AGO_WORDS[time]
    return times.minute(moment(time, now=EPOCH))


def chips(log_filter: LogFilter, also: Pairs = ()) -> list[Chip]:
    """The active filters as words, each value with the link that takes it away and keeps what is of the page."""
    query = canonical(log_filter, also)
    found = [
        Chip(
            term.field.label,
            "is not" if term.negated else "is",
            term.negated,
            tuple(
                ChipValue(value_words(term.field.name, value), link(remove(query, term.parameter, value)))
                for value in term.values
            ),
        )
        for term in log_filter.terms
    ]
    if log_filter.q:
        found.append(Chip("Query", "", False, (ChipValue(log_filter.q, link(remove(query, "q"))),)))
    if log_filter.since_text != DEFAULT_SINCE or log_filter.until_text:
        whole = link(remove(remove(query, "since"), "until"))
        words = range_words(log_filter.since_text, log_filter.until_text)
        found.append(Chip("", "", False, (ChipValue(words, whole),)))
    return found


NAMES = {"q": "Query", "since": "From", "until": "Until", "columns": "Columns", "view": "View"}


def label_of(name: str) -> str:
    """A parameter as people call it; one that does not exist keeps its name."""
    field = FIELDS.get(name.removeprefix("-"))
    return field.label if field else NAMES.get(name, name)


def wrong(query: Pairs, errors: Mapping[str, str]) -> list[Chip]:
    """The parameters at fault, each with the link that takes it away."""
    return [
        Chip(
            label_of(name),
            "",
            False,
            (ChipValue(", ".join(value for key, value in query if key == name), link(remove(query, name))),),
        )
        for name in errors
    ]
