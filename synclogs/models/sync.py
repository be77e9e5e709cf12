"""What the entries say about syncs, their runs and their owners. Only synclogs.projections writes the observed columns."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from synclogs.catalogue import SyncStatus
from synclogs.models.project import Project

SILENT_AT_LEAST = timedelta(minutes=10)
STUCK_AFTER = timedelta(hours=1)
LIMITED_FOR_LONG = timedelta(hours=1)


class SyncQuerySet(models.QuerySet["Sync"]):
    def of(self, project: Project) -> SyncQuerySet:
        return self.filter(project=project)

    def errored(self) -> SyncQuerySet:
        return self.filter(status=SyncStatus.ERRORED)

    def limited(self, now: datetime) -> SyncQuerySet:
        """Backing off for longer than a short provider limit explains."""
        return self.filter(
            status=SyncStatus.RATE_LIMITED, status_since__lt=now - LIMITED_FOR_LONG
        )

    def stuck(self, now: datetime) -> SyncQuerySet:
        """A run started, and nothing came for an hour since: neither progress nor an end."""
        return self.filter(
            Q(last_completed_at=None) | Q(last_completed_at__lt=F("last_started_at")),
            status__in=(SyncStatus.ACTIVE, SyncStatus.INITIALIZING),
            last_started_at__isnull=False,
            last_seen_at__lt=now - STUCK_AFTER,
        )

    def silent(self, now: datetime) -> SyncQuerySet:
        """At rest, but nothing came for twice the usual gap between its runs."""
        return self.filter(
            status=SyncStatus.IDLE,
            cadence_seconds__isnull=False,
            last_seen_at__lt=now - SILENT_AT_LEAST,
            last_seen_at__lte=Now() - 2 * F("cadence_seconds") * timedelta(seconds=1),
        )

    def undelivered(self) -> SyncQuerySet:
        """Data syncs, but the app's webhook endpoint missed notifications since the last good run before it."""
        return self.filter(webhook_failed_at__isnull=False)


class RunCounts(models.Model):
    """What a completed run said of itself; null where it did not say."""

    created = models.BigIntegerField(null=True)
    updated = models.BigIntegerField(null=True)
    deleted = models.BigIntegerField(null=True)
    total_processed = models.BigIntegerField(null=True)
    total_changes = models.BigIntegerField(null=True)
    duration_ms = models.BigIntegerField(null=True)

    class Meta:
        abstract = True


class Sync(RunCounts):
    """One sync of one connected user, as its entries describe it; all moments are event times."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    sync_id = models.UUIDField()
    user_id = models.CharField(max_length=256, default="")
    integration = models.CharField(max_length=128, default="")
    pipeline = models.CharField(max_length=128, default="")
    credential_id = models.CharField(max_length=128, default="")
    status = models.CharField(max_length=128, default="")
    status_since = models.DateTimeField(null=True)
    status_at = models.DateTimeField(null=True)
    status_key = models.UUIDField(null=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    initial_completed_at = models.DateTimeField(null=True)
    last_started_at = models.DateTimeField(null=True)
    last_completed_at = models.DateTimeField(null=True)
    last_warning_at = models.DateTimeField(null=True)
    last_error_at = models.DateTimeField(null=True)
    last_error_key = models.UUIDField(null=True)
    last_error_event = models.CharField(max_length=128, default="")
    last_error_code = models.CharField(max_length=128, default="")
    last_error_message = models.TextField(default="")
    last_error_http_status = models.PositiveSmallIntegerField(null=True)
    last_error_recoverability = models.CharField(max_length=64, default="")
    retry_seen_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    retry_attempt = models.BigIntegerField(null=True)
    retry_max_attempts = models.BigIntegerField(null=True)
    webhook_warning_at = models.DateTimeField(null=True)
    webhook_failed_at = models.DateTimeField(null=True)
    cadence_seconds = models.FloatField(null=True)

    objects = SyncQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("project", "sync_id"), name="sync_project_sync"
            ),
        )
        indexes = (
            # The syncs of a customer; of an integration; in a state: the three lists, newest sign of life first.
            models.Index(
                fields=("project", "user_id", "-last_seen_at"), name="sync_user"
            ),
            models.Index(
                fields=("project", "integration", "-last_seen_at"),
                name="sync_integration",
            ),
            models.Index(
                fields=("project", "status", "-last_seen_at"), name="sync_status"
            ),
            models.Index(fields=("project", "-last_seen_at", "-id"), name="sync_seen"),
        )

    def __str__(self) -> str:
        return f"{self.integration} · {self.pipeline} · {self.user_id}"


class TraceQuerySet(models.QuerySet["Trace"]):
    def of(self, project: Project) -> TraceQuerySet:
        return self.filter(project=project)


class Trace(RunCounts):
    """One iteration of a sync: all entries that share a traceId, whatever order they came in."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    trace_id = models.CharField(max_length=128)
    sync_id = models.UUIDField(null=True)
    user_id = models.CharField(max_length=256, default="")
    integration = models.CharField(max_length=128, default="")
    pipeline = models.CharField(max_length=128, default="")
    sync_type = models.CharField(max_length=128, default="")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    run_started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    interrupted_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    limited_at = models.DateTimeField(null=True)
    entries = models.PositiveIntegerField(default=0)
    warnings = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0)

    objects = TraceQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("project", "trace_id"), name="trace_project_trace"
            ),
        )
        indexes = (
            # The last runs of a sync, newest first.
            models.Index(fields=("project", "sync_id", "-first_at"), name="trace_sync"),
            # Retention and the list of runs.
            models.Index(fields=("project", "-last_at"), name="trace_last"),
        )

    def __str__(self) -> str:
        return self.trace_id


class ConnectedUserQuerySet(models.QuerySet["ConnectedUser"]):
    def of(self, project: Project) -> ConnectedUserQuerySet:
        return self.filter(project=project)


class ConnectedUser(models.Model):
    """An end customer whose data syncs. The first three texts come from the REST API, the rest from entries."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    user_id = models.CharField(max_length=256)
    name = models.CharField(max_length=200, default="", blank=True)
    email = models.CharField(max_length=254, default="", blank=True)
    company = models.CharField(max_length=200, default="", blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    first_seen_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    objects = ConnectedUserQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("project", "user_id"), name="connecteduser_project_user"
            ),
        )
        indexes = (
            models.Index(
                fields=("project", "-last_seen_at", "-id"), name="connecteduser_seen"
            ),
        )

    def __str__(self) -> str:
        return self.name or self.user_id
