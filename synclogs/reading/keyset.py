"""Pages of small tables by keyset: newest first, then by id, with cursors to both sides; rows without a time come last.

Takes a queryset and its time column. No COUNT and no OFFSET: one row more than asked for shows whether there is another page. The
log has pages of its own (synclogs.reading.paging).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Model, Q, QuerySet, UUIDField

from synclogs import moments

CURSOR = re.compile(r"([0-9a-f]{1,16}|-)-([0-9]{1,18}|[0-9a-f]{32})", re.ASCII)

CURSORS = ("before", "after")


class CursorError(Exception):
    """The cursor in the URL is not one of ours; the text is for the person who followed it."""


@dataclass(frozen=True, slots=True)
class Slice[M: Model]:
    """Rows in order, with the cursors of the neighbouring pages ("" where there is none)."""

    rows: list[M]
    newer: str
    older: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands in the order."""

    moment: datetime | None
    id: int | UUID

    @property
    def text(self) -> str:
        moment = "-" if self.moment is None else f"{moments.microseconds(self.moment):x}"
        return f"{moment}-{self.id.hex if isinstance(self.id, UUID) else self.id}"


def place(text: str, model: type[Model]) -> Place:
    """The inverse of Place.text, for rows of that model. Raises CursorError."""
    match = CURSOR.fullmatch(text)
    by_uuid = isinstance(model._meta.pk, UUIDField)
    if match and (len(match[2]) == 32) == by_uuid:
        try:
            moment = None if match[1] == "-" else moments.moment(int(match[1], 16))
            return Place(moment, UUID(match[2]) if by_uuid else int(match[2]))
        except OverflowError:
            pass
    raise CursorError("This page address is damaged; start again from the first page.")


def page[M: Model](queryset: QuerySet[M], column: str, *, size: int, before: str = "", after: str = "") -> Slice[M]:
    """`size` rows, newest first: the first page, those just older than `before`, or those just newer than `after`.

    Raises CursorError for a damaged cursor.
    """
    if after:
        found = _newer(queryset, column, place(after, queryset.model), size=size + 1)
        more, rows = len(found) > size, found[:size][::-1]
        return Slice(rows, _place_of(rows[0], column) if more else "", _place_of(rows[-1], column) if rows else after)
    found = _older(queryset, column, place(before, queryset.model) if before else None, size=size + 1)
    more, rows = len(found) > size, found[:size]
    newer = _place_of(rows[0], column) if before and rows else before
    return Slice(rows, newer, _place_of(rows[-1], column) if more else "")


def _place_of(row: Model, column: str) -> str:
    return Place(getattr(row, column), row.pk).text


def _nullable(queryset: QuerySet[Model], column: str) -> bool:
    return bool(getattr(queryset.model._meta.get_field(column), "null", False))


def _older[M: Model](queryset: QuerySet[M], column: str, start: Place | None, *, size: int) -> list[M]:
    rows: list[M] = []
    if start is None or start.moment is not None:
        known = queryset.filter(**{f"{column}__isnull": False})
        if start is not None:
            earlier = Q(**{f"{column}__lt": start.moment}) | Q(pk__lt=start.id)
            known = known.filter(Q(**{f"{column}__lte": start.moment}), earlier)
        rows = list(known.order_by(f"-{column}", "-pk")[:size])
    if len(rows) < size and _nullable(queryset, column):
        unknown = queryset.filter(**{f"{column}__isnull": True})
        if start is not None and start.moment is None:
            unknown = unknown.filter(pk__lt=start.id)
        rows += unknown.order_by("-pk")[: size - len(rows)]
    return rows


def _newer[M: Model](queryset: QuerySet[M], column: str, start: Place, *, size: int) -> list[M]:
    rows: list[M] = []
    if start.moment is None:
        rows = list(queryset.filter(**{f"{column}__isnull": True}, pk__gt=start.id).order_by("pk")[:size])
    if len(rows) < size:
        known = queryset.filter(**{f"{column}__isnull": False})
        if start.moment is not None:
            later = Q(**{f"{column}__gt": start.moment}) | Q(pk__gt=start.id)
            known = known.filter(Q(**{f"{column}__gte": start.moment}), later)
        rows += known.order_by(column, "pk")[: size - len(rows)]
    return rows
