"""Filter sidebar of the log list: the values of each filter with counts, which are selected, and errors.

Uses the values counted under the other filters, or recently seen ones where counting took too long.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2s

from portal.links.querystring import Pairs, value_words
from synclogs import catalogue
from synclogs.catalogue import Category, Level
from synclogs.models import Facet
from synclogs.query import fields
from synclogs.query.fields import FIELDS
from synclogs.reading.counting import Values
from synclogs.reading.facet_values import Seen

SHOWN = 7
OFFERED = 60
CATEGORY_NAMES = {value: name for name, value in catalogue.CATEGORY_SLUGS.items()}
LEVEL_NAMES = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "info", Level.DEBUG: "debug"}
LEVEL_TONES = {"error": "error", "warning": "warning"}
# The level is no facet of its own: every facet is counted by it.
FACETS: Mapping[str, Facet] = {name: facet for name, facet in fields.FACETS.items() if facet != Facet.TOTAL}
# Names that are offered even before the first such entry has arrived.
KNOWN: Mapping[str, Sequence[str]] = {
    "type": (catalogue.SYNC_LOG,),
    "category": tuple(catalogue.CATEGORY_SLUGS),
    "level": tuple(LEVEL_NAMES.values()),
    "event": tuple(
        name
        for name, event in catalogue.EVENTS.items()
        if event.type == catalogue.SYNC_LOG and event.category != Category.OTHER
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
    """`key` is a part of element IDs: the same for the same value on every page."""

    key: str
    value: str
    words: str
    count: int | None  # entries in the range under all other filters; None where that is not known
    included: bool
    excluded: bool
    tone: str


@dataclass(frozen=True, slots=True)
class Group:
    """One filter: `options` in sight, `more` behind a fold, `further` values are not even there.

    `typed` says that values are written, not picked; `is_uncounted` that the time was up before the counts were known.
    """

    name: str
    label: str
    options: tuple[Option, ...]
    more: tuple[Option, ...]
    further: int
    typed: bool
    is_uncounted: bool
    example: str
    used: int
    is_open: bool
    error: str


def groups(
    query: Pairs, *, seen: Seen, errors: Mapping[str, str], counted: Mapping[str, Values | None] | None = None
) -> list[Group]:
    """Every filter of the list, in the order of the contract. Without `counted` nothing is said about counts at all."""
    return [group(name, query, seen=seen, errors=errors, counted=counted) for name in FIELDS]


def group(
    name: str,
    query: Pairs,
    *,
    seen: Seen,
    errors: Mapping[str, str],
    counted: Mapping[str, Values | None] | None = None,
) -> Group:
    included = [alias(name, value) for key, value in query if key == name]
    excluded = [alias(name, value) for key, value in query if key == f"-{name}"]
    typed = name not in FACETS and name not in KNOWN
    values = counted.get(name) if counted else None
    counts = counts_of(name, seen) if values is None else named(name, values.counts)
    chosen = list(dict.fromkeys((*included, *excluded)))
    options = [
        Option(
            key_of(name, value),
            value,
            value_words(name, value),
            None if values is None else counts.get(value, 0),
            value in included,
            value in excluded,
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
        further=values.further if values else 0,
        typed=typed,
        is_uncounted=not typed and counted is not None and values is None,
        example=EXAMPLES.get(name, ""),
        used=len(included) + len(excluded),
        is_open=name in ALWAYS_OPEN or bool(chosen or error),
        error=error,
    )


@lru_cache(maxsize=2048)
def key_of(name: str, value: str) -> str:
    return f"{name}-{blake2s(value.encode(), digest_size=6).hexdigest()}"


def always_offered(query: Pairs) -> dict[str, list[str]]:
    """The values that the rail offers however rare they are: those with a name of their own, and the ticked ones."""
    found = {name: [*KNOWN.get(name, ())] for name in FACETS if name != "category"}
    for name, value in query:
        if name.removeprefix("-") in found:
            found[name.removeprefix("-")].append(alias(name.removeprefix("-"), value))
    return found


def alias(name: str, value: str) -> str:
    """`WARN` and `warning` are one option, and so are `errored` and `ERRORED`; elsewhere a value is itself."""
    if name == "level" and value.lower() in catalogue.LEVEL_SLUGS:
        return LEVEL_NAMES[catalogue.LEVEL_SLUGS[value.lower()]]
    if name == "category":
        return value.lower()
    return value.upper() if value.upper() in FIELDS[name].known else value


def named(name: str, counts: Mapping[str, int]) -> Mapping[str, int]:
    """Counts by the names that stand in URLs, where the store has numbers."""
    if name == "level":
        return {LEVEL_NAMES[Level(int(value))]: count for value, count in counts.items()}
    if name == "category":
        return {CATEGORY_NAMES[Category(int(value))]: count for value, count in counts.items()}
    return counts


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
