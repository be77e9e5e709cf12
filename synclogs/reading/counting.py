"""Exact counts of filtered entries, by facet value and by bar of time, within a time limit.

Returns Numbers; what was not counted in time is None, never an estimate. Full hours and minutes come from the stored counts, the
ends of the range (less than an hour each) and what these cannot answer from the entries.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from synclogs.models import Facet, Project
from synclogs.moments import HOUR, MINUTE, floor
from synclogs.query.fields import FACETS
from synclogs.query.filters import LogFilter, Term
from synclogs.reading import count_sql
from synclogs.reading.count_sql import Bars, Fragment, Narrowing
from synclogs.storage import time_limits

NAMES = {facet: name for name, facet in FACETS.items()}
BARS = "bars"  # in `Numbers.read`, beside the names of facets
# More entries than this are not read for a page: it would take the whole limit of time and most likely not be enough.
READ_AT_ONCE = 100_000
# The same where counts know no bound and the planner is asked: entries of one user or sync lie on a page of the disk each.
READ_SCATTERED = 5_000
# A run belongs to one sync, a sync to one customer and integration. The planner takes such terms for independent, and together
# for far fewer entries than there are.
IMPLIED = {
    "trace": {"sync", "user", "integration", "pipeline", "sync_type"},
    "sync": {"user", "integration", "pipeline"},
}
# More than this are not read for bars alone where hours, of which counts know, will do.
READ_FOR_BARS = 30_000
FEWEST_HOURS = 4

type Heights = Mapping[tuple[datetime, int], int]  # (start of a bar, level) -> entries


@dataclass(frozen=True, slots=True)
class Values:
    """`counts`: value as it is stored -> entries, the most frequent first; `further` is how many more values there are."""

    counts: Mapping[str, int]
    further: int = 0


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was counted: `values` of each facet and the `heights` of the bars, None where the time was up.

    `bars` may be wider than those asked for. `read` names what needs entries read, which is what may not be in time.
    """

    values: Mapping[str, Values | None]
    heights: Heights | None
    bars: Bars
    read: frozenset[str]

    @property
    def is_complete(self) -> bool:
        return self.heights is not None and None not in self.values.values()


@dataclass
class CountQuery:
    """What is asked of one filter: the counts of `names`, and the heights of the bars when it is the whole filter."""

    log_filter: LogFilter
    names: list[str] = field(default_factory=list)
    with_bars: bool = False

    @property
    def counted(self) -> list[str]:
        return [*self.names, BARS] if self.with_bars else self.names


class Work:
    """One round of counting: whose entries, what is left of its time, what was asked for, and what is known so far."""

    time: time_limits.TimeLeft

    def __init__(self, project: Project, bars: Bars, always: Mapping[str, Iterable[str]]) -> None:
        self.project = project
        self.bars = bars
        self.always = always
        self.values: dict[str, Values | None] = dict.fromkeys(FACETS)
        self.heights: Heights | None = None

    def run(self, statement: Fragment) -> list[tuple[Any, ...]]:
        """The rows. Raises OutOfTime."""
        self.time.renew()
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.parameters)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def always_of(self, names: Iterable[str]) -> list[tuple[int, str]]:
        return [(FACETS[name].value, value) for name in names for value in self.always.get(name, ())]

    def keep_values(self, names: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> None:
        counts: dict[str, dict[str, int]] = {name: {} for name in names}
        many: dict[str, int] = defaultdict(int)
        for facet, value, entries, values, *_ in rows:
            if facet is not None:
                counts[NAMES[facet]][value] = int(entries)
                many[NAMES[facet]] = values
        self.values |= {name: Values(found, many[name] - len(found)) for name, found in counts.items()}

    def keep_heights(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Rows of bar, level, entries."""
        self.heights = {(bar, level): int(entries) for bar, level, entries in rows}


def count(
    log_filter: LogFilter,
    project: Project,
    *,
    bars: Bars,
    seconds: float,
    always: Mapping[str, Iterable[str]] | None = None,
    is_patient: bool = False,
) -> Numbers:
    """Every facet counted under all terms but its own, and the heights of the bars of the whole filter.

    `always`: name -> stored values that are counted even when they are rare. `is_patient`: however many entries that reads.
    """
    work = Work(project, bars, always or {})
    read = frozenset({BARS, *FACETS})
    try:
        with time_limits.within(seconds) as work.time:
            whole, most = _reduced(log_filter, work)
            work.bars = _drawable(whole, bars) if most is not None and most > READ_FOR_BARS else bars
            rest = [_by_counts(question, work) for question in _questions(whole)]
            read = frozenset(name for question in rest for name in question.counted)
            for question in rest:
                if question.counted and (is_patient or not _is_much(question.log_filter, most, work)):
                    _by_entries(question, work)
    except time_limits.OutOfTime:
        pass
    return Numbers(work.values, work.heights, work.bars, read)


def _is_much(log_filter: LogFilter, most: int | None, work: Work) -> bool:
    """Whether its entries are too many to be read for a page; `most` is what the counts say, else the planner is asked."""
    if most is not None or not log_filter.terms:
        return most is not None and most > READ_AT_ONCE
    work.time.renew()
    return time_limits.estimate(_without_implied(log_filter).entries(work.project)) > READ_SCATTERED


def _without_implied(log_filter: LogFilter) -> LogFilter:
    """Without the terms that others of it imply."""
    names = {term.field.name for term in log_filter.terms if not term.negated}
    for name in set().union(*(IMPLIED.get(name, set()) for name in names)):
        log_filter = log_filter.without(name)
    return log_filter


def _questions(whole: LogFilter) -> list[CountQuery]:
    """The whole filter first; facets that it does not narrow share it."""
    first, own = CountQuery(whole, with_bars=True), []
    for name in FACETS:
        rest = whole.without(name)
        if len(rest.terms) == len(whole.terms):
            first.names.append(name)
        else:
            own.append(CountQuery(rest, [name]))
    return [first, *own]


def _reduced(log_filter: LogFilter, work: Work) -> tuple[LogFilter, int | None]:
    """The filter without the terms that every entry of the range fulfils; and how many entries it leaves at most.

    That is None where other terms than counted ones may leave far fewer.
    """
    counted = [term for term in log_filter.terms if term.field.name in FACETS and term.field.name != "level"]
    if not counted:
        return log_filter, None
    found: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    for facet, value, level, entries in work.run(count_sql.of_terms(log_filter, work.project, counted)):
        found[facet, value][level] = int(entries)
    totals = found[Facet.TOTAL.value, ""]

    def of_levels(term: Term, levels: Iterable[int]) -> int:
        values = (found[FACETS[term.field.name].value, value] for value in count_sql.stored(term))
        return sum(value.get(level, 0) for value in values for level in levels)

    every = sum(totals.values())
    idle = [term for term in counted if of_levels(term, count_sql.EVERY_LEVEL) == (0 if term.negated else every)]
    whole = replace(log_filter, terms=tuple(term for term in log_filter.terms if term not in idle))
    if not count_sql.is_counted(whole):
        return whole, None
    levels = count_sql.levels_of(whole)
    bounds = [of_levels(term, levels) for term in counted if term not in idle and not term.negated]
    return whole, min((*bounds, sum(totals.get(level, 0) for level in levels)))


def _drawable(whole: LogFilter, bars: Bars) -> Bars:
    """Bars of an hour, which the counts can tell, where finer ones would need many entries read."""
    narrowed = count_sql.narrowing(whole)
    if narrowed is None or not narrowed.name or bars.width >= HOUR:
        return bars
    wide = Bars(HOUR, floor(bars.last, HOUR))
    return wide if wide.last - whole.since >= FEWEST_HOURS * HOUR else bars


def _by_counts(question: CountQuery, work: Work) -> CountQuery:
    """Answers what the counts can; comes back with the rest."""
    narrowed = count_sql.narrowing(question.log_filter)
    if narrowed is None:
        return question
    countable = [name for name in question.names if not narrowed.name or name == "level"]
    if countable:
        _facets_by_counts(question.log_filter, narrowed, countable, work)
    unit = HOUR if narrowed.name else MINUTE
    is_drawn = question.with_bars and work.bars.width >= unit
    if is_drawn:
        _bars_by_counts(question.log_filter, narrowed, work, unit=unit)
    rest = [name for name in question.names if name not in countable]
    return CountQuery(question.log_filter, rest, with_bars=question.with_bars and not is_drawn)


def _facets_by_counts(log_filter: LogFilter, narrowed: Narrowing, names: Sequence[str], work: Work) -> None:
    span = count_sql.cut(log_filter, HOUR)
    parts = [count_sql.kinds(edge, work.project, names) for edge in span.edges]
    counts = count_sql.hours(work.project, narrowed, [FACETS[name] for name in names], span)
    work.keep_values(names, work.run(count_sql.facet_statement(counts, parts, names, work.always_of(names))))


def _bars_by_counts(log_filter: LogFilter, narrowed: Narrowing, work: Work, *, unit: timedelta) -> None:
    span = count_sql.cut(log_filter, unit)
    parts = [count_sql.kinds(edge, work.project, (), bars=work.bars) for edge in span.edges]
    counts = (
        count_sql.hours(work.project, narrowed, [Facet.TOTAL], span)
        if narrowed.name
        else count_sql.minutes(work.project, narrowed, span)
    )
    work.keep_heights(work.run(count_sql.bar_statement(counts, parts, work.bars)))


def _by_entries(question: CountQuery, work: Work) -> None:
    """One statement for the facets and the bars together, so that each entry is read once."""
    bars = work.bars if question.with_bars else None
    parts = [count_sql.kinds(question.log_filter, work.project, question.names, bars=bars)]
    if not question.names:
        work.keep_heights(work.run(count_sql.bar_statement(None, parts, work.bars)))
        return
    always = work.always_of(question.names)
    rows = work.run(count_sql.facet_statement(None, parts, question.names, always, bars=bars))
    work.keep_values(question.names, rows)
    if bars:
        work.keep_heights((row[4], row[5], row[2]) for row in rows if row[0] is None)
