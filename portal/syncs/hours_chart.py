"""Chart and table of entries per hour and level: bars and linked numbers from hour counts. No markup."""

from dataclasses import dataclass
from datetime import datetime

from portal.drawing import charts
from portal.links import paths
from synclogs import moments
from synclogs.models import Facet, Project
from synclogs.overview import activity

HOURS = 24


@dataclass(frozen=True, slots=True)
class HourRow:
    """An hour of the chart; the addresses lead to exactly the entries that were counted."""

    hour: activity.Hour
    bar: charts.Bar
    url: str
    errors_url: str
    warnings_url: str


@dataclass(frozen=True, slots=True)
class Chart:
    bars: charts.Bars
    rows: tuple[HourRow, ...]
    total: int
    warnings: int
    errors: int
    since: datetime
    url: str
    warnings_url: str
    errors_url: str


def chart(project: Project, *, now: datetime, integration: str = "") -> Chart:
    """The last 24 hours, of all entries or of those of one integration."""
    facet = Facet.INTEGRATION if integration else Facet.TOTAL
    found = activity.hourly(project, now=now, hours=HOURS, facet=facet, value=integration)
    bars = charts.stacked([(("error", hour.errors), ("warning", hour.warnings), ("rest", hour.rest)) for hour in found])

    def logs(level: str = "", hour: activity.Hour | None = None) -> str:
        since = hour.start if hour else found[0].start
        until = paths.exact(hour.start + moments.HOUR) if hour else ""
        return paths.logs(project.slug, integration=integration, level=level, until=until, since=paths.exact(since))

    return Chart(
        bars=bars,
        rows=tuple(
            HourRow(hour, bar, logs(hour=hour), logs("error", hour), logs("warning", hour))
            for hour, bar in zip(found, bars.bars, strict=True)
        ),
        total=sum(hour.total for hour in found),
        warnings=sum(hour.warnings for hour in found),
        errors=sum(hour.errors for hour in found),
        since=found[0].start,
        url=logs(),
        warnings_url=logs("warning"),
        errors_url=logs("error"),
    )
