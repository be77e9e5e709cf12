"""State of the query input: its text and, when it cannot be parsed, the position of the mistake and a correction.

Returns one frozen object for `_ask.html` and `_ask_error.html`.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from portal.links import querystring
from portal.links.querystring import Pairs
from synclogs.catalogue import CATEGORY_SLUGS, LEVEL_SLUGS
from synclogs.query.fields import FIELDS
from synclogs.query.filters import parse_query
from synclogs.query.language import QUERY_LENGTH, Match, QueryError, Text, leaves, parse

# Fields that take nothing but these.
VALUES: Mapping[str, Collection[str]] = {"level": LEVEL_SLUGS, "category": CATEGORY_SLUGS}
SHOWN = 60  # characters on either side of a mistake
_HUNDRED = re.compile("([1-5])xx", re.IGNORECASE)
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
    meant: str  # the query with its keywords in capitals, "" when that changes nothing
    meant_url: str


def ask_of(query: Pairs, errors: Mapping[str, str]) -> Ask:
    text = next((value for name, value in query if name == "q"), "")
    sentence = errors.get("q", "")
    mistake = mistake_of(text, query) if sentence else None
    meant = "" if sentence else in_capitals(text.strip())
    return Ask(
        text=text,
        longest=QUERY_LENGTH,
        sentence=sentence,
        mistake=mistake,
        is_alone=set(errors) == {"q"},
        without=querystring.link(querystring.remove(query, "q")),
        meant=meant,
        meant_url=querystring.link(querystring.replace(query, "q", meant)) if meant else "",
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
    pairs = ((leaf, value.text) for leaf in matches for value in leaf.values if value.position == start)
    leaf, value = next(pairs, (None, ""))
    if leaf is None or value.startswith("-"):  # most likely meant to exclude: the nearest value would be the opposite
        return ""
    hundred = _HUNDRED.fullmatch(value)
    if hundred and leaf.field == "http_status" and len(leaf.values) == 1:
        first = int(hundred[1]) * 100
        below = f" http_status:<{first + 100}" if first < 500 else ""
        return f"{text[: leaf.position]}({leaf.field}:>={first}{below}){text[end:]}"
    near = get_close_matches(value.lower(), VALUES.get(str(leaf.field), ()), 1)
    return text[:start] + near[0] + text[end:] if near else ""


def in_capitals(text: str) -> str:
    """The query with or, and, not as the keywords that somebody may have meant; "" when none of them is in it."""
    try:
        tree = parse_query(text)
        words = [leaf for leaf in leaves(tree) if isinstance(leaf, Text) and not leaf.phrase] if tree else []
        for word in words:
            if word.text in ("or", "and", "not"):
                text = text[: word.position] + word.text.upper() + text[word.position + len(word.text) :]
        return text if parse_query(text) != tree else ""
    except QueryError:
        return ""
