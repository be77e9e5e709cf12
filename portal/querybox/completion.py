"""Completion at the cursor of a query: the part to replace, its field, and the new text. Text only.

Works on half-written queries, so nothing here raises.
"""

import re
from dataclasses import dataclass

from portal.querybox.reference import COMPARISONS
from synclogs.query.fields import FIELDS
from synclogs.query.language import QUERY_LENGTH
from synclogs.query.tree import KEY, field_of

_NAME = re.compile(rf"\.?{KEY}(?:\.{KEY})*:", re.DOTALL)
_OPERATOR = re.compile(r">=|<=|>|<|=+")
_REST_OF_NAME = re.compile(r'[^\s"“”„():]*:?')
_REST_OF_VALUE = re.compile(r'[^\s"“”„(),]*')
_CLOSING = {'"': '"', "“": '“”"', "”": '“”"', "„": '“”"'}


@dataclass(frozen=True, slots=True)
class Spot:
    """`start` to `end` is what would be replaced; `field` is None while a name is typed, "" for a payload path."""

    start: int
    end: int
    prefix: str
    field: str | None
    is_first: bool = True  # no operator and no other value stands before it


def spot(text: str, at: int) -> Spot | None:
    """What is being typed at `at`; None inside a phrase, where nothing can be offered."""
    begin, marks = _term(text[:at])
    term = text[begin:at]
    minus = len(term) - len(term.lstrip("-"))
    named = _NAME.match(term, minus)
    if named is None:
        if marks:
            return None
        rest = _REST_OF_NAME.match(text, at)
        return Spot(begin + minus, rest.end() if rest else at, term[minus:], None)
    name = named.group()[:-1]
    field = "" if name.startswith(".") else field_of(name, fields=FIELDS)
    sign = _OPERATOR.match(term, named.end())
    # Where nothing is more or less than anything, the sign is replaced too.
    value_at = sign.end() if sign and (sign.group()[0] == "=" or field in COMPARISONS) else named.end()
    start, mark = _last_value(term, value_at)
    prefix = term[start:].lstrip('"“”„')
    return Spot(begin + start, _end_of_value(text, at, mark), prefix, field, start == named.end())


def _term(before: str) -> tuple[int, bool]:
    """Where the last term of the text begins, and whether it has quotation marks."""
    begin, mark, marks, place = 0, "", False, 0
    while place < len(before):
        character = before[place]
        if mark:
            place += character == "\\"
            mark = "" if character in _CLOSING[mark] else mark
        elif character in _CLOSING:
            mark, marks = character, True
        elif character.isspace() or character in "()":
            begin, marks = place + 1, False
        place += 1
    return begin, marks


def _last_value(term: str, start: int) -> tuple[int, str]:
    """Where the last of the values begins, and the quotation mark that is still open, or ""."""
    mark, place = "", start
    while place < len(term):
        character = term[place]
        if mark:
            place += character == "\\"
            mark = "" if character in _CLOSING[mark] else mark
        elif character in _CLOSING:
            mark = character
        elif character == ",":
            start = place + 1
        place += 1
    return start, mark


def _end_of_value(text: str, at: int, mark: str) -> int:
    if mark:
        close = next((place for place in range(at, len(text)) if text[place] in _CLOSING[mark]), None)
        return len(text) if close is None else close + 1
    rest = _REST_OF_VALUE.match(text, at)
    return rest.end() if rest else at


def put(text: str, where: Spot, part: str) -> tuple[str, int] | None:
    """The text with `part` at that spot and the cursor behind it; None when that would be too long."""
    made = text[: where.start] + part + text[where.end :]
    return (made, where.start + len(part)) if len(made) <= QUERY_LENGTH else None
