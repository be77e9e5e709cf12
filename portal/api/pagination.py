"""Pagination of API lists: the parameters `limit` and `cursor`, stable order, next cursor.

Ordered by a column that never changes, so a list read to its end is complete while it grows. Nothing is counted or skipped.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import QuerySet
from django.http import QueryDict

from portal.problems.documents import Denied
from synclogs.parsing.identifiers import hyphenated_uuid
from synclogs.query import advice
from synclogs.query.fields import blanks, text_of
from synclogs.query.filters import MAX_VALUES
from synclogs.reading import keyset, paging

MOST, USUAL = 200, 50
OWN = ("limit", "cursor")
# An entry may be a quarter of a mebibyte, so a first bite, the usual page, tells how many of them are enough.
BITE, PAGE_BYTES = USUAL, 2_000_000
SECONDS = 1.5
MARK = "."  # so that no cursor is blank, whatever a user is called
DAMAGED = "This cursor is damaged; start again without it."


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page: at most `limit` rows behind `cursor` ("" for the first page)."""

    limit: int
    cursor: str


def invalid(errors: dict[str, str]) -> Denied:
    """A 400 that names each parameter at fault."""
    return Denied(400, "Some parameters cannot be used; see errors.", errors=errors)


def page_request(parameters: QueryDict, known: Collection[str] | None = ()) -> PageRequest:
    """Reads `limit` and `cursor`. Every other name has to be in `known`; None leaves them to somebody else."""
    errors = {}
    if known is not None:
        errors = {name: unknown(name, [*known, *OWN]) for name in parameters if name not in {*known, *OWN}}
        many = (name for name, values in parameters.lists() if len(values) > MAX_VALUES)
        errors = blanks(parameters.lists()) | dict.fromkeys(many, f"At most {MAX_VALUES} values.") | errors
    errors |= {name: "Give one value, not several." for name in OWN if len(parameters.getlist(name)) > 1}
    limit = parameters.get("limit", str(USUAL))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 10 and 1 <= int(limit) <= MOST):
        errors.setdefault("limit", f"A whole number from 1 to {MOST}.")
    if errors:
        raise invalid(errors)
    return PageRequest(int(limit), parameters.get("cursor", ""))


def unknown(name: str, known: Collection[str]) -> str:
    return f"There is no parameter “{name[:40]}”.{advice.hint(name, known)}"


def page(
    rows: QuerySet[Any], column: str, requested: PageRequest, *, parse: Callable[[str], object]
) -> tuple[list[Any], str | None]:
    """The rows behind the cursor in the order of `column`, and the cursor of the next page. `rows` may be values().

    The cursor is what the last row has in that column, behind a mark; `parse` reads it and raises ValueError.
    """
    if requested.cursor:
        rows = rows.filter(**{f"{column}__gt": _place(requested.cursor, parse)})
    found = list(rows.order_by(column)[: requested.limit + 1])
    more, found = len(found) > requested.limit, found[: requested.limit]
    if not more:
        return found, None
    last = found[-1]
    return found, f"{MARK}{last[column] if isinstance(last, dict) else getattr(last, column)}"


def newest(rows: QuerySet[Any], moment: str, requested: PageRequest) -> tuple[list[Any], str | None]:
    """The same from the newest on: by a moment that never changes, then by the UUID that tells apart what was at once."""
    if requested.cursor:
        at, last = paging.parse_cursor(requested.cursor)
        rows = rows.filter(keyset.older_than(moment, at, last))
    found = list(rows.order_by(f"-{moment}", "-pk")[: requested.limit + 1])
    more, found = len(found) > requested.limit, found[: requested.limit]
    if not more:
        return found, None
    return found, paging.cursor_at(getattr(found[-1], moment), found[-1].pk)


def bounded[T](limit: int, start: str, read: Callable[[int, str], tuple[list[T], str]]) -> tuple[list[T], str]:
    """What `read(size, cursor)` gives from the cursor `start` on, until there is enough of it; and where to go on, or ""."""
    rows: list[T] = []
    cursor, size, bite, ends = start, 0, BITE, time.monotonic() + SECONDS
    while True:
        more, cursor = read(min(bite, limit - len(rows)), cursor)
        rows += more
        size += len(msgspec.json.encode(more))
        bite = max(1, (PAGE_BYTES - size) * len(rows) // size)
        if not cursor or len(rows) >= limit or size >= PAGE_BYTES or time.monotonic() >= ends:
            return rows, cursor


def _place[T](cursor: str, parse: Callable[[str], T]) -> T:
    try:
        if not cursor.startswith(MARK):
            raise ValueError(cursor)
        return parse(cursor.removeprefix(MARK))
    except ValueError:
        raise invalid({"cursor": DAMAGED}) from None


def text(value: str) -> str:
    """The place of a row whose order is a text."""
    if not value:
        raise ValueError(value)
    return text_of(value)


def uuid(value: str) -> UUID:
    """The place of a row whose order is a UUID, in its usual form."""
    found = hyphenated_uuid(value)
    if str(found) != value:  # a cursor of ours is in lower case
        raise ValueError(value)
    return found
