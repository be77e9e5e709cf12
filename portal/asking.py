"""The query box of the log list: what stands in it and, when it cannot be read, where the mistake is and a way out.

The parameters of the URL and their errors come in; one frozen object for `_ask.html` and `_ask_error.html` goes out.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from portal import querystring
from portal.querystring import Pairs
from synclogs.catalogue import CATEGORY_SLUGS, LEVEL_SLUGS
from synclogs.filters import parse_query
from synclogs.language import QUERY_LENGTH, Match, QueryError, leaves, parse
from synclogs.parameters import FIELDS

# Fields that take nothing but these.
VALUES: Mapping[str, Collection[str]] = {"level": LEVEL_SLUGS, "category": CATEGORY_SLUGS}
SHOWN = 60  # characters on either side of a mistake
_MISTAKE = re.compile(r'["“”„][^"“”„]*["“”]?|[^\s"“”„():,]+|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mistake:
    """The query in three parts, the middle one at fault ("" when something is missing there), and a query to use instead."""

    sentence: str
    before: str
    wrong: str
    after: str
    suggestion: str
    url: str


@dataclass(frozen=True, slots=True)
class Ask:
    text: str
    longest: int
    sentence: str
    mistake: Mistake | None
    is_alone: bool  # nothing else of the filter is wrong
    without: str  # the link that takes the query away


def ask_of(query: Pairs, errors: Mapping[str, str]) -> Ask:
    text = next((value for name, value in query if name == "q"), "")
    sentence = errors.get("q", "")
    mistake = mistake_of(text, query) if sentence else None
    return Ask(
        text, QUERY_LENGTH, sentence, mistake, set(errors) == {"q"}, querystring.link(querystring.remove(query, "q"))
    )


def mistake_of(text: str, query: Pairs) -> Mistake | None:
    """None when it is not the query itself that is wrong, such as two of them."""
    bare = text.strip()
    try:
        parse_query(bare)
    except QueryError as error:
        found = _MISTAKE.match(bare, error.position)
        end = found.end() if found else error.position
        suggestion = error.suggestion or with_near_value(bare, error.position, end)
        end = min(end, error.position + SHOWN)
        start = max(0, error.position - SHOWN)
        return Mistake(
            error.message,
            f"{'…' if start else ''}{bare[start : error.position]}",
            bare[error.position : end],
            f"{bare[end : end + SHOWN]}{'…' if len(bare) > end + SHOWN else ''}",
            suggestion,
            querystring.link(querystring.replace(query, "q", suggestion)) if suggestion else "",
        )
    return None


def with_near_value(text: str, start: int, end: int) -> str:
    """The query with the nearest possible value in place of the one that stands there; "" when none is near."""
    try:
        tree = parse(text, fields=FIELDS)
    except QueryError:
        return ""
    matches = (leaf for leaf in leaves(tree) if isinstance(leaf, Match)) if tree else ()
    values = ((str(leaf.field), value.text) for leaf in matches for value in leaf.values if value.position == start)
    field, value = next(values, ("", ""))
    near = get_close_matches(value.lower(), VALUES.get(field, ()), 1)
    return text[:start] + near[0] + text[end:] if near else ""
