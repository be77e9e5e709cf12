"""Values of the log with their counts, from the hour counts and never from entries. Bounded."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db.models import Sum

from synclogs.models import Facet, HourCount, Project
from synclogs.moments import HOUR, floor

MAX_VALUES = 2000
CACHE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Seen:
    """`values`: facet -> value -> entries; `levels`: level -> entries."""

    values: Mapping[Facet, Mapping[str, int]]
    levels: Mapping[int, int]

    def of(self, facet: Facet) -> Mapping[str, int]:
        return self.values.get(facet, {})


def seen(project: Project, *, since: datetime, until: datetime) -> Seen:
    """What was logged in the hours from `since` to `until`, the most frequent values first; up to a minute old.

    Every list page offers these values, and adding up a week of hours costs more than the list itself.
    """
    first, last = floor(since, HOUR), floor(until, HOUR)
    name = f"seen:{project.pk}:{first.timestamp():.0f}:{last.timestamp():.0f}"
    found: Seen | None = cache.get(name)
    if found is None:
        found = _counted(project, first, last)
        cache.set(name, found, CACHE_SECONDS)
    return found


def _counted(project: Project, first: datetime, last: datetime) -> Seen:
    rows = (
        HourCount.objects.of(project)
        .filter(facet__in=Facet.values, hour__gte=first, hour__lte=last)
        .values("facet", "value", "level")
        .annotate(entries=Sum("count"))
        .order_by("-entries")[:MAX_VALUES]
    )
    values: dict[Facet, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    levels: dict[int, int] = defaultdict(int)
    for row in rows:
        facet = Facet(row["facet"])
        if facet == Facet.TOTAL:
            levels[row["level"]] += row["entries"]
        else:
            values[facet][row["value"]] += row["entries"]
    return Seen({facet: dict(found) for facet, found in values.items()}, dict(levels))
