"""What leaves and when: day partitions by the longest retention, rows of projects that keep less, stale projections, sessions that ended."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Max

from synclogs import partitions
from synclogs.models import HourCount, LogEntry, MinuteCount, Project, RateBucket, Trace

CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Maintained:
    """What one round did."""

    made: list[date]
    dropped: list[date]
    purged: int


def maintain(*, now: datetime) -> Maintained:
    """Makes the partitions ahead, drops the days that no project keeps, and purges what single projects do not keep."""
    made = partitions.ahead(now.date())
    longest = Project.objects.aggregate(longest=Max("retention_days"))["longest"] or settings.RETENTION_DAYS
    dropped = partitions.due(partitions.existing(), today=now.date(), keep_days=longest)
    for day in sorted({*dropped, *partitions.detached()}):
        partitions.drop(day)
    # On the hour, so that counts and entries end at the same moment; nothing is left of the days that were dropped.
    hour = now.replace(minute=0, second=0, microsecond=0)
    first = datetime.combine(now.date() - timedelta(days=longest), time(), UTC)
    purged = sum(
        _purge(project, max(first, hour - timedelta(days=project.retention_days + 1)))
        for project in Project.objects.all()
    )
    RateBucket.objects.filter(full_at__lt=now - timedelta(hours=1)).delete()
    Session.objects.filter(expire_date__lt=now).delete()
    return Maintained(made, dropped, purged)


def _purge(project: Project, before: datetime) -> int:
    """Deletes what is older than the project keeps, in small statements so that ingest never waits long."""
    HourCount.objects.of(project).filter(hour__lt=before).delete()
    MinuteCount.objects.of(project).filter(minute__lt=before).delete()
    return sum(_delete_in_chunks(table, column, project, before) for table, column in TARGETS)


TARGETS = ((LogEntry._meta.db_table, "occurred_at"), (Trace._meta.db_table, "last_at"))


def _delete_in_chunks(table: str, column: str, project: Project, before: datetime) -> int:
    deleted: int = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                f"DELETE FROM {table} WHERE (tableoid, ctid) IN"  # noqa: S608 - names from TARGETS
                f" (SELECT tableoid, ctid FROM {table} WHERE project_id = %s AND {column} < %s LIMIT %s)",
                [project.pk, before, CHUNK],
            )
            deleted += cursor.rowcount
            if cursor.rowcount < CHUNK:
                return deleted
