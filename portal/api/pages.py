"""Lists of the API: the parameters `limit` and `cursor` in, rows in a stable order and the next cursor out.

The order is a column that never changes, so a list that is read to its end is complete while it grows. Nothing is counted or skipped.
"""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import msgspec
from django.db.models import Q, QuerySet
from django.http import QueryDict

from portal.api.problems import Denied
from synclogs.parameters import blanks

MOST, USUAL = 200, 50
OWN = ("limit", "cursor")
# An entry may be a quarter of a mebibyte, so a first bite, the usual page, tells how many of them are enough.
BITE, PAGE_BYTES = USUAL, 2_000_000
SECONDS = 1.5
DAMAGED = "This cursor is damaged; start again without it."


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page: at most `limit` rows behind `cursor` ("" for the first page)."""

    limit: int
    cursor: str


def invalid(errors: dict[str, str]) -> Denied:
    """A 400 that names each parameter at fault."""
    return Denied(400, "Some parameters cannot be used; see errors.", errors=errors)


def asked(parameters: QueryDict, known: Collection[str] | None = ()) -> Asked:
    """Reads `limit` and `cursor`. Every other name has to be in `known`; None leaves them to somebody else."""
    errors = {}
    if known is not None:
        errors = {name: unknown(name, [*known, *OWN]) for name in parameters if name not in {*known, *OWN}}
        errors = blanks(parameters.lists()) | errors
    errors |= {name: "Give one value, not several." for name in OWN if len(parameters.getlist(name)) > 1}
    limit = parameters.get("limit", str(USUAL))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 10 and 1 <= int(limit) <= MOST):
        errors.setdefault("limit", f"A whole number from 1 to {MOST}.")
    if errors:
        raise invalid(errors)
    return Asked(int(limit), parameters.get("cursor", ""))


def unknown(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"There is no parameter “{name[:40]}”.{f' Did you mean {near[0]}?' if near else ''}"


def page(
    rows: QuerySet[Any], column: str, asked: Asked, *, parse: Callable[[str], object] = str
) -> tuple[list[Any], str | None]:
    """The rows behind the cursor in the order of `column`, and the cursor of the next page. `rows` may be values()."""
    if asked.cursor:
        rows = rows.filter(**{f"{column}__gt": _decoded(asked.cursor, parse)})
    found = list(rows.order_by(column)[: asked.limit + 1])
    more, found = len(found) > asked.limit, found[: asked.limit]
    if not more:
        return found, None
    last = found[-1]
    return found, _encoded(str(last[column] if isinstance(last, dict) else getattr(last, column)))


def newest(
    rows: QuerySet[Any],
    columns: tuple[str, str],
    asked: Asked,
    *,
    parse: tuple[Callable[[str], object], Callable[[str], object]],
) -> tuple[list[Any], str | None]:
    """The same from the newest on: by a moment that never changes, then by what tells apart what was at once."""
    moment, key = columns
    if asked.cursor:
        at, last = _decoded(asked.cursor, lambda text: _two(text, parse))
        rows = rows.filter(Q(**{f"{moment}__lte": at}) & (Q(**{f"{moment}__lt": at}) | Q(**{f"{key}__lt": last})))
    found = list(rows.order_by(f"-{moment}", f"-{key}")[: asked.limit + 1])
    more, found = len(found) > asked.limit, found[: asked.limit]
    if not more:
        return found, None
    return found, _encoded(f"{getattr(found[-1], moment).isoformat()} {getattr(found[-1], key)}")


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


def _two(text: str, parse: tuple[Callable[[str], object], Callable[[str], object]]) -> tuple[object, object]:
    first, second = text.split(" ")
    return parse[0](first), parse[1](second)


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded[T](cursor: str, parse: Callable[[str], T]) -> T:
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        if "\x00" in text or _encoded(text) != cursor:
            raise ValueError(cursor)
        return parse(text)
    except ValueError:
        raise invalid({"cursor": DAMAGED}) from None
