"""SQL for exact counts of entries by value and by bar of time, from hour counts, minute counts and entries.

Returns statements with parameters for a LogFilter; executes nothing. synclogs.reading.counting chooses among them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DateTimeField, F, Func, Value
from django.db.models.functions import Least

from synclogs.catalogue import Level
from synclogs.models import Facet, Project
from synclogs.moments import EPOCH, HOUR, ceiling, floor
from synclogs.query.fields import FACETS
from synclogs.query.filters import LogFilter, Term

TOP = 40  # values of a facet, besides those asked for by name
EVERY_LEVEL = frozenset(int(level) for level in Level)
TEXT_OF = {"category": "category::text", "level": "level::text", "http_status": "http_status::text"}


@dataclass(frozen=True, slots=True)
class Fragment:
    """SQL with its parameters."""

    sql: str
    parameters: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one width, at multiples of it since 1970; the one that starts at `last` also takes all that is later."""

    width: timedelta
    last: datetime


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A filter that the hour counts can answer: some levels, and any or none of some values of one other facet."""

    levels: frozenset[int]
    name: str = ""
    included: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cut:
    """A range cut at full hours or minutes: what counts can say, from `first` (None: nothing) until `last` (None: no end),
    and the filter of what is left at the `edges`.
    """

    first: datetime | None
    last: datetime | None
    edges: tuple[LogFilter, ...]


def cut(log_filter: LogFilter, unit: timedelta) -> Cut:
    since, until = log_filter.since, log_filter.until
    first, last = ceiling(since, unit), floor(until, unit) if until else None
    if last is not None and first >= last:
        return Cut(None, None, (log_filter,))
    edges = [replace(log_filter, until=first)] if since < first else []
    if until and last and last < until:
        edges.append(replace(log_filter, since=last))
    return Cut(first, last, tuple(edges))


# What a filter asks


def stored(term: Term) -> list[str]:
    """The values of a term as the counts have them."""
    return list(dict.fromkeys(str(found) for value in term.values for found in term.field.values_of(value)))


def levels_of(log_filter: LogFilter) -> frozenset[int]:
    levels = EVERY_LEVEL
    for term in log_filter.terms:
        if term.field.name == "level":
            numbers = {int(value) for value in stored(term)}
            levels = levels - numbers if term.negated else levels & numbers
    return levels


def is_counted(log_filter: LogFilter) -> bool:
    """Whether each of its terms is counted, by itself at least."""
    return log_filter.tree is None and all(term.field.name in FACETS for term in log_filter.terms)


def narrowing(log_filter: LogFilter) -> Narrowing | None:
    """The filter as hour counts can answer it, or None when they cannot."""
    others = {term.field.name for term in log_filter.terms} - {"level"}
    if not is_counted(log_filter) or len(others) > 1:
        return None
    levels, name = levels_of(log_filter), "".join(others)
    included: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()
    for term in log_filter.terms:
        if term.field.name == name:
            values = frozenset(stored(term))
            if term.negated:
                excluded |= values
            else:
                included = values if included is None else included & values
    return Narrowing(levels, name, included, excluded)


# Rows of counts: facet, value, level, moment, count


def hours(project: Project, narrowed: Narrowing, facets: Iterable[Facet], span: Cut) -> Fragment | None:
    """Hour counts of `facets`; under a facet of its own `narrowed` can only tell the totals."""
    if span.first is None:
        return None
    if not narrowed.name:
        return _hours(project, narrowed, span, "facet = ANY(%s)", [[facet.value for facet in facets]])
    facet = FACETS[narrowed.name].value
    if narrowed.included is not None:
        values = [facet, sorted(narrowed.included - narrowed.excluded)]
        return _hours(
            project, narrowed, span, "facet = %s AND value = ANY(%s)", values, columns="0 AS facet, '' AS value"
        )
    whole = _hours(project, narrowed, span, "facet = 0", [])
    less = _hours(
        project,
        narrowed,
        span,
        "facet = %s AND value = ANY(%s)",
        [facet, sorted(narrowed.excluded)],
        columns="0 AS facet, '' AS value",
        count="-count",
    )
    return Fragment(f"{whole.sql} UNION ALL {less.sql}", (*whole.parameters, *less.parameters))


def _hours(
    project: Project,
    narrowed: Narrowing,
    span: Cut,
    which: str,
    values: Sequence[object],
    *,
    columns: str = "facet, value",
    count: str = "count",
) -> Fragment:
    limits, parameters = _limits("hour", narrowed, span)
    sql = (
        f"SELECT {columns}, level, hour AS moment, {count} AS entries FROM synclogs_hourcount"  # noqa: S608 - names of this file
        f" WHERE project_id = %s AND {which}{limits}"
    )
    return Fragment(sql, (project.pk, *values, *parameters))


def minutes(project: Project, narrowed: Narrowing, span: Cut) -> Fragment | None:
    """Minute counts, which know nothing but levels."""
    if span.first is None:
        return None
    limits, parameters = _limits("minute", narrowed, span)
    sql = (
        "SELECT 0 AS facet, '' AS value, level, minute AS moment, count AS entries FROM synclogs_minutecount"  # noqa: S608 - names of this file
        f" WHERE project_id = %s{limits}"
    )
    return Fragment(sql, (project.pk, *parameters))


def _limits(column: str, narrowed: Narrowing, span: Cut) -> tuple[str, list[object]]:
    sql, parameters = f" AND {column} >= %s", [span.first]
    if span.last is not None:
        sql, parameters = f"{sql} AND {column} < %s", [*parameters, span.last]
    if narrowed.levels == EVERY_LEVEL:
        return sql, [*parameters]
    return f"{sql} AND level = ANY(%s)", [*parameters, sorted(narrowed.levels)]


def of_terms(log_filter: LogFilter, project: Project, terms: Iterable[Term]) -> Fragment:
    """facet, value, level, entries of the hours that hold the range: of everything, and of the values of `terms`."""
    last = ceiling(log_filter.until, HOUR) if log_filter.until else None
    span = Cut(floor(log_filter.since, HOUR), last, ())
    narrowed = Narrowing(EVERY_LEVEL)
    parts = [_hours(project, narrowed, span, "facet = 0", [])]
    for term in terms:
        values = [FACETS[term.field.name].value, stored(term)]
        parts.append(_hours(project, narrowed, span, "facet = %s AND value = ANY(%s)", values))
    rows = " UNION ".join(part.sql for part in parts)  # each row once, though two terms may name it
    return Fragment(
        f"SELECT facet, value, level, sum(entries) FROM ({rows}) AS counts GROUP BY 1, 2, 3",  # noqa: S608 - names of this file
        tuple(parameter for part in parts for parameter in part.parameters),
    )


# Entries alike in everything that is asked, counted together first: a log has few kinds of entries


def kinds(log_filter: LogFilter, project: Project, names: Iterable[str], *, bars: Bars | None = None) -> Fragment:
    columns = list(names)
    entries = log_filter.entries(project).order_by()
    if bars is not None:
        columns = [*dict.fromkeys((*columns, "level")), "bar"]
        start = Func(
            Value(bars.width), F("occurred_at"), Value(EPOCH), function="date_bin", output_field=DateTimeField()
        )
        entries = entries.annotate(bar=Least(start, Value(bars.last, output_field=DateTimeField())))
    sql, parameters = entries.values(*columns).annotate(entries=Count("*")).query.sql_with_params()
    names_of_columns = ", ".join((*columns, "entries"))
    return Fragment(f"SELECT * FROM ({sql}) AS found ({names_of_columns})", tuple(parameters))  # noqa: S608 - made by Django


# Statements


def facet_statement(
    counts: Fragment | None,
    parts: Sequence[Fragment],
    names: Sequence[str],
    always: Sequence[tuple[int, str]],
    *,
    bars: Bars | None = None,
) -> Fragment:
    """Rows of facet, value, entries, how many values the facet has, and two blanks: the TOP of each facet and all `always`.

    With `bars`, whose entries have to be in `parts`, rows of two blanks, entries, a blank, bar and level too.
    """
    pieces, parameters = [], [value for part in parts for value in part.parameters]
    if counts is not None:
        pieces.append(
            "SELECT facet, CASE facet WHEN 0 THEN level::text ELSE value END AS value, sum(entries) AS entries"  # noqa: S608 - names of this file
            f" FROM ({counts.sql}) AS counts GROUP BY 1, 2"
        )
        parameters += counts.parameters
    if parts:
        values = ", ".join(f"({FACETS[name].value}, {TEXT_OF.get(name, name)})" for name in names)
        pieces.append(
            "SELECT facet, value, sum(entries) AS entries FROM kinds"  # noqa: S608 - names of this file
            f" CROSS JOIN LATERAL (VALUES {values}) AS seen (facet, value) WHERE value <> '' GROUP BY 1, 2"
        )
    always_sql = "false"
    if always:
        always_sql = "(facet, value) IN (SELECT * FROM unnest(%s::int[], %s::text[]))"
        parameters += [[facet for facet, _ in always], [value for _, value in always]]
    drawn = " UNION ALL SELECT NULL, NULL, sum(entries), NULL, bar, level FROM kinds GROUP BY 5, 6" if bars else ""
    read = " UNION ALL ".join(part.sql for part in parts)
    return Fragment(
        f"WITH {f'kinds AS MATERIALIZED ({read}), ' if parts else ''}"  # noqa: S608 - names of this file
        f"summed AS (SELECT facet, value, sum(entries) AS entries FROM ({' UNION ALL '.join(pieces)}) AS pieces"
        " GROUP BY 1, 2 HAVING sum(entries) > 0),"
        " ranked AS (SELECT facet, value, entries, row_number() OVER most AS place, count(*) OVER (PARTITION BY facet) AS many"
        " FROM summed WINDOW most AS (PARTITION BY facet ORDER BY entries DESC, value))"
        " (SELECT facet, value, entries, many, NULL::timestamptz, NULL::int FROM ranked"
        f" WHERE place <= {TOP} OR {always_sql} ORDER BY facet, place){drawn}",
        tuple(parameters),
    )


def bar_statement(counts: Fragment | None, parts: Sequence[Fragment], bars: Bars) -> Fragment:
    """Rows of bar, level, entries."""
    pieces = [f"SELECT bar, level, entries FROM ({part.sql}) AS kinds" for part in parts]  # noqa: S608 - names of this file
    parameters = [value for part in parts for value in part.parameters]
    if counts is not None:
        pieces.append(
            "SELECT LEAST(date_bin(%s, moment, %s), %s) AS bar, level, sum(entries) AS entries"  # noqa: S608 - names of this file
            f" FROM ({counts.sql}) AS counts GROUP BY 1, 2"
        )
        parameters += [bars.width, EPOCH, bars.last, *counts.parameters]
    return Fragment(
        f"SELECT bar, level, sum(entries) FROM ({' UNION ALL '.join(pieces)}) AS pieces"  # noqa: S608 - names of this file
        " GROUP BY 1, 2 HAVING sum(entries) > 0",
        tuple(parameters),
    )
