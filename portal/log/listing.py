"""The list of the log page: a page of entries for a question, or the state to show in its place.

Returns a frozen Listing for a Question. Reads only through synclogs.reading.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import OperationalError

from portal.links.querystring import Pairs
from portal.links.question import Question
from portal.log import columns, rows, saved_views_rail
from portal.log.columns import Column
from portal.log.rows import Row
from synclogs.models import HourCount, Project
from synclogs.parsing.identifiers import uuid_of
from synclogs.query.filters import FilterError, LogFilter
from synclogs.reading import neighbours, paging, tail

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Listing:
    """What the list shows: rows, or one of the states `invalid`, `failed`, `unmatched`, `end`, `empty` in their place.

    `question` has every error, also those of columns, view and cursor. `searched_to`: the time was up there, and `older` (or
    `newer`) goes on with the search.
    """

    state: str
    status: int
    question: Question
    rows: tuple[Row, ...] = ()
    newer: str = ""
    older: str = ""
    columns: tuple[Column, ...] = columns.DEFAULT
    tail: str = ""
    searched_to: datetime | None = None

    @property
    def page(self) -> Pairs:
        """What the URL says besides the filter: the columns and the saved view, so that every link keeps them."""
        view = tuple(pair for pair in self.question.page if pair[0] != columns.PARAMETER)
        return (*columns.canonical(self.columns), *view)


def listed(question: Question, project: Project, *, now: datetime) -> Listing:
    """The page of entries that the URL asks for, or the state to show instead."""
    chosen = columns.DEFAULT
    try:
        log_filter = question.readable
        chosen = columns.parse(question.values(columns.PARAMETER))
        saved_views_rail.parse(question.values(saved_views_rail.PARAMETER))
        before, after = cursors_of(question, log_filter, project)
        # Before the list is read, so that what arrives meanwhile counts as new.
        cursor = "" if before or after else tail.start(now=now)
        page = paging.page(log_filter, project, size=PAGE_SIZE, before=before, after=after)
    except FilterError as error:
        return Listing("invalid", 400, replace(question, errors=error.errors))
    except OperationalError:
        # Too slow (statement_timeout) or gone; the list says so itself and keeps the filters, so it can be tried again.
        return Listing("failed", 503, question, columns=chosen)
    if page.rows or page.searched_to:
        return Listing(
            "rows" if page.rows else "searching",
            200,
            question,
            rows.lines(page.rows, project, now=now, chosen=chosen),
            page.newer,
            page.older,
            chosen,
            cursor,
            page.searched_to,
        )
    if before or after:
        return Listing("end", 200, question, (), page.newer, page.older, chosen)
    anything = HourCount.objects.of(project).exists()
    return Listing("unmatched" if anything else "empty", 200, question, columns=chosen, tail=cursor)


def cursors_of(question: Question, log_filter: LogFilter, project: Project) -> tuple[str, str]:
    """Where the page begins: `before`, `after`, or `at` an entry that it is to have. Raises FilterError."""
    before, after = question.before, question.after
    if question.at and not before and not after:
        key = uuid_of(question.at)
        if key is None:
            raise FilterError({"at": "This is not the key of an entry."})
        before = neighbours.page_with(key, log_filter, project, size=PAGE_SIZE)
    return before, after
