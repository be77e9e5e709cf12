"""The filter rail of the log list: which values each filter offers, which are ticked, what was wrong.

Comes in: the filter (or what could not be read of it) and the counts of values seen. Goes out: groups for the template.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from portal.querystring import Pairs, value_words
from synclogs import catalogue
from synclogs.catalogue import Category, Level
from synclogs.facets import Seen
from synclogs.filters import FIELDS
from synclogs.models import Facet

SHOWN = 7
OFFERED = 60
CATEGORY_NAMES = {value: name for name, value in catalogue.CATEGORY_SLUGS.items()}
LEVEL_NAMES = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "info", Level.DEBUG: "debug"}
LEVEL_TONES = {"error": "error", "warning": "warning"}
FACETS: Mapping[str, Facet] = {
    "type": Facet.TYPE,
    "category": Facet.CATEGORY,
    "event": Facet.EVENT,
    "sync_type": Facet.SYNC_TYPE,
    "status": Facet.STATUS,
    "integration": Facet.INTEGRATION,
    "pipeline": Facet.PIPELINE,
    "error_code": Facet.ERROR_CODE,
    "http_status": Facet.HTTP_STATUS,
    "recoverability": Facet.RECOVERABILITY,
}
# Names that are offered even before the first such entry has arrived.
KNOWN: Mapping[str, Sequence[str]] = {
    "type": (catalogue.SYNC_LOG,),
    "category": tuple(catalogue.CATEGORY_SLUGS),
    "level": tuple(LEVEL_NAMES.values()),
    "event": tuple(
        name for name, event in catalogue.EVENTS.items() if name.isupper() and event.category != Category.OTHER
    ),
    "sync_type": tuple(catalogue.SyncType.values),
    "status": tuple(catalogue.SyncStatus.values),
    "recoverability": (catalogue.RECOVERABLE,),
}
# These keep the order of KNOWN; all others show the most frequent first.
FIXED_ORDER = {"level", "category"}
ALWAYS_OPEN = {"type", "level", "event", "integration", "status", "user"}
EXAMPLES = {
    "user": "acct_4471",
    "sync": "5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9",
    "trace": "the trace's ID",
}


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    words: str
    count: int | None  # entries in the range, before any filter; None where counts do not know
    included: bool
    excluded: bool
    tone: str


@dataclass(frozen=True, slots=True)
class Group:
    """One filter: `options` in sight, `more` behind a fold; `typed` says that values are written, not picked."""

    name: str
    label: str
    options: tuple[Option, ...]
    more: tuple[Option, ...]
    typed: bool
    example: str
    used: int
    is_open: bool
    error: str


def groups(query: Pairs, *, seen: Seen, errors: Mapping[str, str]) -> list[Group]:
    """Every filter of the list, in the order of the contract."""
    return [group(name, query, seen=seen, errors=errors) for name in FIELDS]


def group(name: str, query: Pairs, *, seen: Seen, errors: Mapping[str, str]) -> Group:
    included = [value for key, value in query if key == name]
    excluded = [value for key, value in query if key == f"-{name}"]
    typed = name not in FACETS and name not in KNOWN
    counts = counts_of(name, seen)
    chosen = list(dict.fromkeys(alias(name, value) for value in (*included, *excluded)))
    options = [
        Option(
            value,
            value_words(name, value),
            None if typed else counts.get(value, 0),
            value in {alias(name, item) for item in included},
            value in {alias(name, item) for item in excluded},
            LEVEL_TONES.get(value, "") if name == "level" else "",
        )
        for value in ordered(name, counts, chosen)
    ]
    shown = max(SHOWN, len(chosen)) if len(options) > SHOWN + 1 else len(options)
    error = errors.get(name) or errors.get(f"-{name}") or ""
    return Group(
        name=name,
        label=FIELDS[name].label,
        options=tuple(options[:shown]),
        more=tuple(options[shown:]),
        typed=typed,
        example=EXAMPLES.get(name, ""),
        used=len(included) + len(excluded),
        is_open=name in ALWAYS_OPEN or bool(chosen or error),
        error=error,
    )


def alias(name: str, value: str) -> str:
    """`WARN` and `warning` are one option; elsewhere a value is itself."""
    if name == "level" and value.lower() in catalogue.LEVEL_SLUGS:
        return LEVEL_NAMES[catalogue.LEVEL_SLUGS[value.lower()]]
    return value.lower() if name == "category" else value


def counts_of(name: str, seen: Seen) -> Mapping[str, int]:
    if name == "level":
        return {LEVEL_NAMES[Level(level)]: count for level, count in seen.levels.items() if level in LEVEL_NAMES}
    if name == "category":
        found = seen.of(Facet.CATEGORY)
        return {slug: found.get(str(int(value)), 0) for value, slug in CATEGORY_NAMES.items()}
    return seen.of(FACETS[name]) if name in FACETS else {}


def ordered(name: str, counts: Mapping[str, int], chosen: Iterable[str]) -> list[str]:
    """Chosen values first where the list is long, then by count, then the known names; bounded."""
    known = KNOWN.get(name, ())
    if name in FIXED_ORDER:
        return list(dict.fromkeys((*known, *chosen)))
    by_count = sorted(counts, key=lambda value: -counts[value])[:OFFERED]
    everything = list(dict.fromkeys((*by_count, *known, *chosen)))
    if len(everything) <= SHOWN + 1:
        return everything
    return list(dict.fromkeys((*chosen, *everything)))
