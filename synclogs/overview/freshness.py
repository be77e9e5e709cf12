"""Time of a project's latest log entry, or None: silence is not health."""

from datetime import datetime, timedelta

from django.db.models import Max

from synclogs.models import Facet, HourCount, LogEntry, Project

AT_FIRST = timedelta(hours=24)
CLOCK_SKEW = timedelta(minutes=5)


def last_log_at(project: Project, *, now: datetime) -> datetime | None:
    """The time of the newest entry; entries dated ahead of `now` do not count, since they would hide a silence.

    Looks at one day of entries; for an older one the hour counts tell which hour to read.
    """
    entries = LogEntry.objects.of(project).newest_first().values_list("occurred_at", flat=True)
    latest = now + CLOCK_SKEW
    found = entries.filter(occurred_at__gte=now - AT_FIRST, occurred_at__lte=latest).first()
    if found is not None:
        return min(found, now)
    counted = HourCount.objects.of(project).filter(facet=Facet.TOTAL, hour__lte=now - AT_FIRST)
    hour = counted.aggregate(last=Max("hour"))["last"]
    if hour is None:
        return None
    in_hour = entries.filter(occurred_at__gte=hour, occurred_at__lt=hour + timedelta(hours=1)).first()
    return in_hour or hour
