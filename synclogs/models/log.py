"""Log entry model: one event of a sync as it was sent, in a table partitioned by day."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import models
from django.db.models import Q

from synclogs.catalogue import Category, Level
from synclogs.models.project import OfProjectQuerySet, Project
from synclogs.moments import EPOCH
from synclogs.parsing import records

MILLISECOND = timedelta(milliseconds=1)
LAST_MILLISECOND = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MILLISECOND
# The columns of an entry, in the order of the COPY lines in synclogs.ingestion.ingest.
COLUMNS = (
    "key",
    "project_id",
    "occurred_at",
    "received_at",
    "sent_by",
    "level",
    "category",
    "http_status",
    "sync_id",
    "entry_id",
    "type",
    "event",
    "trace_id",
    "integration",
    "pipeline",
    "sync_type",
    "status",
    "credential_id",
    "error_code",
    "recoverability",
    "user_id",
    "message",
    "detail",
)


def moment_of(key: uuid.UUID) -> datetime | None:
    """The millisecond that an entry's key carries in its first 48 bits; None when no calendar has it."""
    start = key.int >> 80
    return EPOCH + start * MILLISECOND if start < LAST_MILLISECOND else None


class LogEntryQuerySet(OfProjectQuerySet["LogEntry"]):
    def at_key(self, key: uuid.UUID) -> LogEntryQuerySet:
        """One entry by its key alone: the key tells the millisecond, so one partition is looked at."""
        return self.at_keys([key])

    def at_keys(self, keys: Iterable[uuid.UUID]) -> LogEntryQuerySet:
        """Entries by their keys alone, each looked for in its own millisecond."""
        found = {key: start for key in keys if (start := moment_of(key)) is not None}
        if not found:
            return self.none()
        each = Q()
        for key, start in found.items():
            each |= Q(key=key, occurred_at__gte=start, occurred_at__lt=start + MILLISECOND)
        # The range of all is said once more, for the planner to leave out the days beside it.
        starts = found.values()
        return self.filter(each, occurred_at__gte=min(starts), occurred_at__lt=max(starts) + MILLISECOND)

    def newest_first(self) -> LogEntryQuerySet:
        return self.order_by("-occurred_at", "-key")


class LogEntry(models.Model):
    """One event. Identity is (project, id of the sender, timestamp); the key is made from it (synclogs.ingestion.ingest).

    The database's primary key is (project, occurred_at, key): order of every list, duplicate check and permalink
    in one index. Django knows only `key`, which is unique by its making. Nothing updates a row.
    """

    key = models.UUIDField(primary_key=True)
    project = models.ForeignKey(
        Project,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    occurred_at = models.DateTimeField("time")
    received_at = models.DateTimeField()
    # The pk of the ApiKey; NULL: sent by a command, or before 0012. No foreign key, since entries outlive keys.
    sent_by = models.BigIntegerField(null=True)
    entry_id = models.CharField("id of the sender", max_length=128)
    level = models.PositiveSmallIntegerField(choices=Level)
    category = models.PositiveSmallIntegerField(choices=Category)
    type = models.CharField(max_length=64)
    event = models.CharField(max_length=128, default="")
    sync_id = models.UUIDField(null=True)
    trace_id = models.CharField(max_length=128, default="")
    user_id = models.CharField(max_length=256, default="")
    integration = models.CharField(max_length=128, default="")
    pipeline = models.CharField(max_length=128, default="")
    sync_type = models.CharField(max_length=128, default="")
    status = models.CharField(max_length=128, default="")
    credential_id = models.CharField(max_length=128, default="")
    message = models.TextField(default="")
    error_code = models.CharField(max_length=128, default="")
    http_status = models.PositiveSmallIntegerField(null=True)
    recoverability = models.CharField(max_length=64, default="")
    detail = models.JSONField(default=dict)

    objects = LogEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "log entries"
        # Made by the migrations on the partitioned table (0001, 0004, 0006, 0010), which say what each serves.
        indexes = ()

    def __str__(self) -> str:
        return f"{self.event or self.type} {self.occurred_at:%Y-%m-%d %H:%M:%S}"

    def context(self) -> dict[str, object]:
        """The entry as it was sent, cleaned: columns and detail put together again."""
        return records.context(self, self.detail)
