"""Which hours of a filter's range can hold an entry of it, told by the hour counts without reading an entry.

A LogFilter comes in, hours go out; hours without any of them are passed over by whoever looks for entries.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from synclogs.filters import LogFilter
from synclogs.language import And, Match, Operator
from synclogs.models import Facet, HourCount, Project
from synclogs.parameters import FACETS, FIELDS

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """The first moments of the hours that may hold an entry, oldest first."""

    starts: tuple[datetime, ...]

    def last_before(self, moment: datetime) -> datetime | None:
        """The end of the last stretch before `moment`, or `moment` itself inside of one; None when there is none."""
        index = bisect_left(self.starts, moment)
        return min(moment, self.starts[index - 1] + HOUR) if index else None

    def first_from(self, moment: datetime) -> datetime | None:
        """The start of the first stretch from `moment` on, or `moment` itself inside of one; None when there is none."""
        index = bisect_right(self.starts, moment - HOUR)
        return max(moment, self.starts[index]) if index < len(self.starts) else None


def hours(log_filter: LogFilter, project: Project) -> Hours | None:
    """None when the counts cannot tell, since no condition of the filter is on something that is counted."""
    counts = HourCount.objects.of(project).filter(hour__gt=log_filter.since - HOUR)
    if log_filter.until is not None:
        counts = counts.filter(hour__lt=log_filter.until)
    each = [
        counts.filter(facet=Facet.TOTAL, level__in=values)
        if name == "level"
        else counts.filter(facet=FACETS[name], value__in=[str(value) for value in values])
        for name, values in _conditions(log_filter)
    ]
    if not each:
        return None
    first, *rest = (found.values_list("hour", flat=True).order_by().distinct() for found in each)
    return Hours(tuple(sorted(first.intersection(*rest) if rest else first)))


def _conditions(log_filter: LogFilter) -> Iterator[tuple[str, list[object]]]:
    """Fields that have to have one of some values, whatever else the filter asks."""
    for term in log_filter.terms:
        if not term.negated and term.field.name in FACETS:
            yield term.field.name, [found for value in term.values for found in term.field.wanted(value)]
    tree = log_filter.tree
    for leaf in tree.children if isinstance(tree, And) else (tree,):
        if isinstance(leaf, Match) and leaf.operator == Operator.IS and isinstance(leaf.field, str):
            is_part = any(value.text.endswith("*") and not value.quoted for value in leaf.values)
            if leaf.field in FACETS and not is_part:
                yield leaf.field, [found for value in leaf.values for found in FIELDS[leaf.field].wanted(value.text)]
