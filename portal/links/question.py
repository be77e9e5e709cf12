"""What the address of a log page asks for, read once: list, numbers, filter rail, chart, live tail and export all take this value.

Returns one frozen Question for the parameters of a URL, also of one that cannot be read. No database, no markup.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.links import querystring
from portal.links.querystring import Pairs
from synclogs.query.filters import FilterError, LogFilter, Query


@dataclass(frozen=True, slots=True)
class Question:
    """`given`: the parameters as typed, without blanks and cursor. `page`: those of them that belong to the page, not
    to the filter. `before`, `after` and `at` are the cursor, "" where there is none.

    `log_filter` is None where it cannot be read; `errors` says why, a sentence for each parameter at fault. `query` is what was
    read of `q`, so that nobody has to parse it again.
    """

    given: Pairs
    page: Pairs
    before: str
    after: str
    at: str
    log_filter: LogFilter | None
    errors: Mapping[str, str]
    query: Query

    @classmethod
    def read(
        cls, parameters: Iterable[tuple[str, Sequence[str]]], *, now: datetime, besides: Collection[str] = ()
    ) -> "Question":
        """`parameters` as `QueryDict.lists()` gives them; `besides` are names that only this page takes."""
        parameters = [*parameters]
        given = querystring.pairs(parameters)
        last = {name: values[-1] for name, values in parameters}
        before, after, at = (last.get(name, "") for name in querystring.CURSORS)
        log_filter, errors = None, {}
        try:
            log_filter = LogFilter.parse(parameters, now=now, besides=(*besides, *querystring.BESIDES))
            query = Query(log_filter.q, log_filter.tree)
        except FilterError as error:
            errors, query = error.errors, error.query
        return cls(given, querystring.of_page(given), before, after, at, log_filter, errors, query)

    def values(self, name: str) -> tuple[str, ...]:
        """The values of one parameter, each once."""
        return tuple(value for key, value in self.given if key == name)

    @property
    def is_newest(self) -> bool:
        """Whether the page begins at the newest entry."""
        return not (self.before or self.after or self.at)

    @property
    def canonical(self) -> Pairs:
        """The filter and what is of the page as they stand in links; as typed where there is no filter."""
        return self.with_page(self.page)

    def with_page(self, page: Pairs) -> Pairs:
        """The same with other parameters of the page."""
        return querystring.canonical(self.log_filter, page) if self.log_filter else self.given

    @property
    def readable(self) -> LogFilter:
        """The filter. Raises FilterError."""
        if self.log_filter is None:
            raise FilterError(self.errors, self.query)
        return self.log_filter
