"""Maintenance: partitions ahead, old days dropped, rows beyond the limit of a project deleted, ended sessions purged."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import connection

from synclogs.models import HourCount, LogEntry, MinuteCount, Project, RateBucket, Trace
from synclogs.parsing.limits import LIMITS
from synclogs.storage import partitions

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
    oldest = {project: project.oldest_retained(now) for project in Project.objects.all()}
    before = min(oldest.values(), default=Project(retention_days=LIMITS.past_days).oldest_retained(now))
    dropped = partitions.due(partitions.existing(), before=before)
    for day in sorted({*dropped, *partitions.detached()}):
        partitions.drop(day)
    purged = sum(_purge(project, before) for project, before in oldest.items())
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
