"""Sync, trace and connected user models. Only projections and cadence of synclogs.ingestion write the observed columns."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, F, Func, Q, Value, When
from django.db.models.sql.compiler import SQLCompiler

from synclogs import health
from synclogs.models.project import OfProjectQuerySet, Project


class Attention(models.TextChoices):
    """Why a sync deserves a look now; the values are those of the `attention` parameter of the list of syncs."""

    ERRORED = "errored", "Stopped"
    STUCK = "stuck", "Stuck"
    SILENT = "silent", "Silent"
    LIMITED = "limited", "Rate limited for long"
    UNDELIVERED = "undelivered", "Webhooks failing"


RULES = {
    Attention.ERRORED: health.stopped,
    Attention.STUCK: health.stuck,
    Attention.SILENT: health.silent,
    Attention.LIMITED: health.limited_for_long,
    Attention.UNDELIVERED: health.undelivered,
}


class Holds(Func):
    """Whether a rule of synclogs.health holds for a sync, as a condition for querysets."""

    def __init__(self, rule: health.Rule, now: datetime) -> None:
        self.rule = rule
        moment = Value(now, models.DateTimeField())
        super().__init__(
            *(moment if name == "now" else F(name) for name in rule.names), output_field=models.BooleanField()
        )

    def as_sql(
        self,
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **extra_context: Any,
    ) -> tuple[str, tuple[Any, ...]]:
        parts = [compiler.compile(part) for part in self.get_source_expressions()]
        written = {name: sql for name, (sql, _) in zip(self.rule.names, parts, strict=True)}
        return self.rule.condition(written), tuple(value for _, values in parts for value in values)


def needs(attention: Attention, *, now: datetime) -> Q:
    """The syncs that are in this kind of trouble. A sync can be in several."""
    return Q(Holds(RULES[attention], now))


def needs_any(*, now: datetime) -> Q:
    """The syncs that are in any kind of trouble."""
    found = Q()
    for attention in Attention:
        found |= needs(attention, now=now)
    return found


def in_unknown_state(*, now: datetime) -> Q:
    return Q(Holds(health.unknown, now))


class SyncQuerySet(OfProjectQuerySet["Sync"]):
    def needing(self, *kinds: Attention, now: datetime) -> SyncQuerySet:
        """Those in any of these kinds of trouble; without a kind, in any kind at all."""
        condition = Q()
        for kind in kinds:
            condition |= needs(kind, now=now)
        return self.filter(condition if kinds else needs_any(now=now))

    def newest_first(self) -> SyncQuerySet:
        """By the last sign of life."""
        return self.order_by("-last_seen_at", "-id")

    def worst_first(self, now: datetime) -> SyncQuerySet:
        """By kind of trouble in the order of Attention, then by the last sign of life. Not for paging."""
        kinds = [When(needs(kind, now=now), then=rank) for rank, kind in enumerate(Attention)]
        rank = Case(*kinds, default=len(kinds), output_field=models.SmallIntegerField())
        return self.annotate(rank=rank).order_by("rank", "-last_seen_at", "-id")


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

    # Here and below without an index of its own, which each line would write: the unique one begins with it.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    sync_id = models.UUIDField()
    user_id = models.CharField(max_length=256, default="")
    integration = models.CharField(max_length=128, default="")
    pipeline = models.CharField(max_length=128, default="")
    credential_id = models.CharField(max_length=128, default="")
    # The event time of the entry that each of these four comes from.
    user_at = models.DateTimeField(null=True)
    integration_at = models.DateTimeField(null=True)
    pipeline_at = models.DateTimeField(null=True)
    credential_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=128, default="")
    status_since = models.DateTimeField(null=True)
    status_before_at = models.DateTimeField(null=True)
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
        constraints = (models.UniqueConstraint(fields=("project", "sync_id"), name="sync_project_sync"),)
        # Only columns that never change are indexed, so that the update at each entry stays within its page (HOT).
        # A project has some ten thousand syncs at most: lists by state or last sign of life sort them in memory.
        indexes = (
            models.Index(fields=("project", "user_id"), name="sync_user"),
            models.Index(fields=("project", "integration"), name="sync_integration"),
        )

    def __str__(self) -> str:
        return f"{self.integration} · {self.pipeline} · {self.user_id}"


class Trace(RunCounts):
    """One iteration of a sync: all entries that share a traceId, whatever order they came in."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
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

    objects = OfProjectQuerySet["Trace"].as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("project", "trace_id"), name="trace_project_trace"),)
        indexes = (
            # The last runs of a sync, newest first.
            models.Index(fields=("project", "sync_id", "-first_at"), name="trace_sync"),
            # Retention. Summaries of blocks, because a btree would be written at each entry of a run.
            BrinIndex(fields=("last_at",), name="trace_last"),
        )

    def __str__(self) -> str:
        return self.trace_id


class ConnectedUser(models.Model):
    """An end customer whose data syncs. The first three texts come from the REST API, the rest from entries."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    user_id = models.CharField(max_length=256)
    name = models.CharField(max_length=200, default="", blank=True)
    email = models.CharField(max_length=254, default="", blank=True)
    company = models.CharField(max_length=200, default="", blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    first_seen_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    objects = OfProjectQuerySet["ConnectedUser"].as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("project", "user_id"), name="connecteduser_project_user"),)

    def __str__(self) -> str:
        return self.name or self.user_id
