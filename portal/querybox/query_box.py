"""State of the query input: its text and, when it cannot be parsed, the position of the mistake and a correction.

Returns one frozen object for `_ask.html` and `_ask_error.html`.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from portal.links import querystring
from portal.links.question import Question
from synclogs.catalogue import CATEGORY_SLUGS, LEVEL_SLUGS
from synclogs.query import advice
from synclogs.query.filters import Query
from synclogs.query.language import QUERY_LENGTH
from synclogs.query.tree import Match, Text, leaves

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


def ask_of(question: Question) -> Ask:
    query = question.given
    sentence = question.errors.get("q", "")
    meant = in_capitals(question.query)
    return Ask(
        text=next((value for name, value in query if name == "q"), ""),
        longest=QUERY_LENGTH,
        sentence=sentence,
        mistake=mistake_of(question),
        is_alone=set(question.errors) == {"q"},
        without=querystring.link(querystring.remove(query, "q")),
        meant=meant,
        meant_url=querystring.link(querystring.replace(query, "q", meant)) if meant else "",
    )


def mistake_of(question: Question) -> Mistake | None:
    """None when it is not the query itself that is wrong, such as two of them."""
    text, error = question.query.text, question.query.mistake
    if error is None:
        return None
    found = _MISTAKE.match(text, error.position)
    end = found.end() if found else error.position
    suggestion = error.suggestion or with_near_value(question.query, error.position, end)
    end = min(end, error.position + SHOWN)
    start = max(0, error.position - SHOWN)
    return Mistake(
        error.message,
        f"{'…' if start else ''}{text[start : error.position]}",
        text[error.position : end],
        f"{text[end : end + SHOWN]}{'…' if len(text) > end + SHOWN else ''}",
        suggestion,
        querystring.link(querystring.replace(question.given, "q", suggestion)) if suggestion else "",
    )


def with_near_value(query: Query, start: int, end: int) -> str:
    """The query with the nearest possible value in place of the one that stands there; "" when none is near."""
    text = query.text
    matches = (leaf for leaf in leaves(query.tree) if isinstance(leaf, Match)) if query.tree else ()
    pairs = ((leaf, value.text) for leaf in matches for value in leaf.values if value.position == start)
    leaf, value = next(pairs, (None, ""))
    if leaf is None or value.startswith("-"):  # most likely meant to exclude: the nearest value would be the opposite
        return ""
    hundred = _HUNDRED.fullmatch(value)
    if hundred and leaf.field == "http_status" and len(leaf.values) == 1:
        first = int(hundred[1]) * 100
        below = f" http_status:<{first + 100}" if first < 500 else ""
        return f"{text[: leaf.position]}({leaf.field}:>={first}{below}){text[end:]}"
    near = advice.nearest(value.lower(), VALUES.get(str(leaf.field), ()))
    return text[:start] + near + text[end:] if near else ""


def in_capitals(query: Query) -> str:
    """The query with or, and, not as the keywords that somebody may have meant; "" when none of them is in it."""
    leaves_of = leaves(query.tree) if query.tree and query.mistake is None else ()
    words = [
        leaf for leaf in leaves_of if isinstance(leaf, Text) and not leaf.phrase and leaf.text in ("or", "and", "not")
    ]
    text = query.text
    for word in words:
        text = text[: word.position] + word.text.upper() + text[word.position + len(word.text) :]
    meant = Query.parse(text) if words else query  # another query than the one of the address
    return text if meant.mistake is None and meant.tree != query.tree else ""
