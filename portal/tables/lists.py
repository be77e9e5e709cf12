"""What the lists of small tables share: the page that a URL asks for, tabs, chips and the links to the neighbours.

A filter set comes in, a frozen Listing comes out; the rows are the views' own. No markup.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Model, QuerySet
from django.http import QueryDict

from portal.links.querystring import Chip, ChipValue, Pairs, link, pairs, remove, replace
from portal.tables.filtersets import ProjectFilters
from synclogs.query.filters import FilterError
from synclogs.reading import keyset

PAGE_SIZE = 50
OPTIONS = 300  # of a filter that is picked from the data present


@dataclass(frozen=True, slots=True)
class Tab:
    words: str
    url: str
    count: int | None
    current: bool
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Listing[M: Model]:
    """`state`: rows, invalid, end (beyond the last page), unmatched or empty, as for the log."""

    state: str
    rows: list[M]
    chips: list[Chip]
    errors: Mapping[str, str]
    newest: str
    newer: str = ""
    older: str = ""

    @property
    def status(self) -> int:
        return 400 if self.errors else 200


def listing[M: Model](
    filters: ProjectFilters,
    queryset: QuerySet[M],
    *,
    column: str,
    label: Callable[[str, str], tuple[str, str]],
) -> Listing[M]:
    """A page of `queryset` by the cursors in the URL; `label` gives a filter's label and its value in words."""
    query = pairs(filters.data.lists())
    before, after = filters.data.get("before", ""), filters.data.get("after", "")
    shown, errors = chips(query, label), dict(filters.errors_by_name)
    newest = link(query)
    if not errors:
        try:
            page = keyset.page(queryset, column, size=PAGE_SIZE, before=before, after=after)
        except FilterError as error:
            errors = error.errors
    if errors:
        return Listing("invalid", [], shown, errors, newest)
    state = "rows" if page.rows else "end" if before or after else "unmatched" if query else "empty"
    return Listing(
        state,
        page.rows,
        shown,
        {},
        newest,
        link((*query, ("after", page.newer))) if page.newer else "",
        link((*query, ("before", page.older))) if page.older else "",
    )


def chips(query: Pairs, label: Callable[[str, str], tuple[str, str]]) -> list[Chip]:
    """The active filters as words, each with the link that takes it away."""
    found = []
    for name, value in query:
        words, text = label(name, value)
        found.append(Chip(words, "is", False, (ChipValue(text, link(remove(query, name, value))),)))
    return found


def tabs(data: QueryDict, name: str, choices: Sequence[tuple[str, str, int | None, str]]) -> list[Tab]:
    """One tab for each (value, words, count, tone) of the parameter `name`; the value "" stands for all."""
    query = pairs(data.lists())
    current = tuple(value for key, value in query if key == name)
    return [
        Tab(
            words, link(replace(query, name, value) if value else remove(query, name)), count, _is(current, value), tone
        )
        for value, words, count, tone in choices
    ]


def _is(current: tuple[str, ...], value: str) -> bool:
    return current == ((value,) if value else ())
