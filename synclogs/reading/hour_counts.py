"""Entries in each hour of a filter's range, by the hour counts: which hours can match, and time slices of about equal cost.

Reads no entries.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum

from synclogs.models import Facet, HourCount, Project
from synclogs.moments import HOUR
from synclogs.query.fields import FACETS, FIELDS
from synclogs.query.filters import LogFilter
from synclogs.query.tree import And, Match, Operator

type Stretch = tuple[datetime, datetime]  # from, until


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours with entries, oldest first: when they start, how many entries they have, whether the filter may find one there."""

    starts: tuple[datetime, ...]
    entries: tuple[int, ...]
    allowed: tuple[bool, ...]

    def between(self, first: datetime, end: datetime) -> float:
        """About how many entries there are."""
        return sum(
            entries * (max(timedelta(0), min(end, start + HOUR) - max(first, start)) / HOUR)
            for start, entries in zip(self.starts, self.entries, strict=True)
        )

    def back(self, moment: datetime, size: float) -> Stretch | None:
        """The last stretch before `moment` worth a look, with about `size` entries; None when there is none."""
        index = bisect_left(self.starts, moment) - 1
        while index >= 0 and not self.allowed[index]:
            index -= 1
        if index < 0:
            return None
        end = at = min(moment, self.starts[index] + HOUR)
        while index >= 0:
            at = min(at, self.starts[index] + HOUR)
            inside = self.entries[index] * ((at - self.starts[index]) / HOUR)
            if inside > size:
                return at - (at - self.starts[index]) * (size / inside), end
            at, size, index = self.starts[index], size - inside, index - 1
        return at, end

    def forth(self, moment: datetime, size: float) -> Stretch | None:
        """The first stretch from `moment` on worth a look, with about `size` entries; None when there is none."""
        index = bisect_right(self.starts, moment - HOUR)
        while index < len(self.starts) and not self.allowed[index]:
            index += 1
        if index == len(self.starts):
            return None
        first = at = max(moment, self.starts[index])
        while index < len(self.starts):
            at = max(at, self.starts[index])
            inside = self.entries[index] * ((self.starts[index] + HOUR - at) / HOUR)
            if inside > size:
                return first, at + (self.starts[index] + HOUR - at) * (size / inside)
            at, size, index = self.starts[index] + HOUR, size - inside, index + 1
        return first, at


def hours(log_filter: LogFilter, project: Project) -> Hours:
    counts = HourCount.objects.of(project).filter(hour__gt=log_filter.since - HOUR)
    if log_filter.until is not None:
        counts = counts.filter(hour__lt=log_filter.until)
    totals = counts.filter(facet=Facet.TOTAL).values_list("hour").annotate(entries=Sum("count")).order_by("hour")
    found = list(totals)
    each = [
        counts.filter(facet=Facet.TOTAL, level__in=values)
        if name == "level"
        else counts.filter(facet=FACETS[name], value__in=[str(value) for value in values])
        for name, values in _conditions(log_filter)
    ]
    allowed = {hour for hour, _ in found}
    if each:
        first, *rest = (some.values_list("hour", flat=True).order_by().distinct() for some in each)
        allowed = set(first.intersection(*rest) if rest else first)
    return Hours(
        tuple(hour for hour, _ in found),
        tuple(entries for _, entries in found),
        tuple(hour in allowed for hour, _ in found),
    )


def _conditions(log_filter: LogFilter) -> Iterator[tuple[str, list[Any]]]:
    """Fields that have to have one of some values, whatever else the filter asks."""
    for term in log_filter.terms:
        if not term.negated and term.field.name in FACETS:
            yield term.field.name, [found for value in term.values for found in term.field.values_of(value)]
    tree = log_filter.tree
    for leaf in tree.children if isinstance(tree, And) else (tree,):
        if isinstance(leaf, Match) and leaf.operator == Operator.IS and isinstance(leaf.field, str):
            is_part = any(value.text.endswith("*") and not value.quoted for value in leaf.values)
            if leaf.field in FACETS and not is_part:
                yield leaf.field, [found for value in leaf.values for found in FIELDS[leaf.field].values_of(value.text)]
