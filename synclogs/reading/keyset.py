"""Pages by keyset: cursors as text, the comparison of rows with one, and pages of small tables.

The order is a moment, then the id, newest first; rows without a moment come last. No COUNT and no OFFSET: one row more
than asked for tells whether there is another page. The log has its own pages in synclogs.reading.paging.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Model, Q, QuerySet, UUIDField

from synclogs import moments
from synclogs.parsing.identifiers import uuid_of
from synclogs.query.filters import FilterError

# Microseconds since 1970, of which fourteen digits reach to the year 4253, and what tells apart rows of one moment.
CURSOR = re.compile(r"([0-9a-f]{1,14}|-)-([0-9a-f]{1,32})", re.ASCII)
CURSORS = ("before", "after")
DAMAGED = "This page address is damaged; start again from the first page."


@dataclass(frozen=True, slots=True)
class Slice[M: Model]:
    """Rows in order, with the cursors of the neighbouring pages ("" where there is none)."""

    rows: list[M]
    newer: str
    older: str


@dataclass(frozen=True, slots=True)
class Place[K]:
    """Where a row is in the order. `id` is what tells apart the rows of one moment."""

    moment: datetime | None
    id: K

    @property
    def text(self) -> str:
        """The cursor."""
        moment = "-" if self.moment is None else f"{moments.microseconds(self.moment):x}"
        return f"{moment}-{self.id.hex if isinstance(self.id, UUID) else self.id}"


def place[K](text: str, read: Callable[[str], K | None]) -> Place[K]:
    """The inverse of Place.text; `read` gives the id of its text, or None for what is none. Raises FilterError."""
    match = CURSOR.fullmatch(text)
    found = read(match[2]) if match else None
    if match is None or found is None:
        raise FilterError({"cursor": DAMAGED})
    return Place(None if match[1] == "-" else moments.moment(int(match[1], 16)), found)


def whole(text: str) -> int | None:
    """The id of a row with a number."""
    return int(text) if text.isdecimal() and len(text) <= 18 else None


def older_than(column: str, moment: datetime | None, id: object) -> Q:
    """The rows behind this place, newest first; both halves together are what an index in this order answers."""
    return Q(**{f"{column}__lte": moment}) & (Q(**{f"{column}__lt": moment}) | Q(pk__lt=id))


def newer_than(column: str, moment: datetime | None, id: object) -> Q:
    """The rows before it."""
    return Q(**{f"{column}__gte": moment}) & (Q(**{f"{column}__gt": moment}) | Q(pk__gt=id))


type AnyPlace = Place[int] | Place[UUID]


def place_of(text: str, model: type[Model]) -> AnyPlace:
    """The place of a row of that model. Raises FilterError."""
    return place(text, uuid_of) if isinstance(model._meta.pk, UUIDField) else place(text, whole)


def page[M: Model](queryset: QuerySet[M], column: str, *, size: int, before: str = "", after: str = "") -> Slice[M]:
    """`size` rows, newest first: the first page, those just older than `before`, or those just newer than `after`.

    Raises FilterError for a damaged cursor.
    """
    if after:
        found = _newer(queryset, column, place_of(after, queryset.model), size=size + 1)
        more, rows = len(found) > size, found[:size][::-1]
        return Slice(rows, _cursor_of(rows[0], column) if more else "", _cursor_of(rows[-1], column) if rows else after)
    found = _older(queryset, column, place_of(before, queryset.model) if before else None, size=size + 1)
    more, rows = len(found) > size, found[:size]
    newer = _cursor_of(rows[0], column) if before and rows else before
    return Slice(rows, newer, _cursor_of(rows[-1], column) if more else "")


def _cursor_of(row: Model, column: str) -> str:
    return Place(getattr(row, column), row.pk).text


def _nullable(queryset: QuerySet[Model], column: str) -> bool:
    return bool(getattr(queryset.model._meta.get_field(column), "null", False))


def _older[M: Model](queryset: QuerySet[M], column: str, start: AnyPlace | None, *, size: int) -> list[M]:
    rows: list[M] = []
    if start is None or start.moment is not None:
        known = queryset.filter(**{f"{column}__isnull": False})
        if start is not None:
            known = known.filter(older_than(column, start.moment, start.id))
        rows = list(known.order_by(f"-{column}", "-pk")[:size])
    if len(rows) < size and _nullable(queryset, column):
        unknown = queryset.filter(**{f"{column}__isnull": True})
        if start is not None and start.moment is None:
            unknown = unknown.filter(pk__lt=start.id)
        rows += unknown.order_by("-pk")[: size - len(rows)]
    return rows


def _newer[M: Model](queryset: QuerySet[M], column: str, start: AnyPlace, *, size: int) -> list[M]:
    rows: list[M] = []
    if start.moment is None:
        rows = list(queryset.filter(**{f"{column}__isnull": True}, pk__gt=start.id).order_by("pk")[:size])
    if len(rows) < size:
        known = queryset.filter(**{f"{column}__isnull": False})
        if start.moment is not None:
            known = known.filter(newer_than(column, start.moment, start.id))
        rows += known.order_by(column, "pk")[: size - len(rows)]
    return rows
