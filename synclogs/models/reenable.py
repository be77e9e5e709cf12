"""Re-enable models: an attempt to start a sync again and its outcome, causes marked as resolved, the do-not-wake list."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from synclogs.catalogue.recovery import OPEN, State
from synclogs.models.project import OfProjectQuerySet, Project


class ReenableQuerySet(OfProjectQuerySet["Reenable"]):
    def open(self) -> ReenableQuerySet:
        return self.filter(state__in=OPEN)

    def newest_first(self) -> ReenableQuerySet:
        return self.order_by("-requested_at", "-id")


class Reenable(models.Model):
    """One confirmed click. Only synclogs.recovery.reenable changes it; every change has its line in the audit.

    `error_at` and `error_code` are of the error that it answers. `sent_at` is committed before the one call leaves, so an
    attempt that has it is never sent again. `answer` is the other side's own words: cleaned, cut, not to be trusted.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    sync_id = models.UUIDField()
    user_id = models.CharField(max_length=256, default="")
    integration = models.CharField(max_length=128, default="")
    state = models.CharField(max_length=16, choices=State, default=State.REQUESTED)
    reason = models.TextField()
    is_override = models.BooleanField("against the evidence", default=False)
    evidence = models.JSONField(default=list)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    actor_text = models.CharField(max_length=200, default="")
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    error_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=128, default="")
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(default="")
    accepted_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    watch_until = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    found_status = models.CharField(max_length=128, default="")
    ended_at = models.DateTimeField(null=True)
    ended_key = models.UUIDField(null=True)
    bulk = models.ForeignKey("Bulk", on_delete=models.SET_NULL, null=True, blank=True, related_name="attempts")

    objects = ReenableQuerySet.as_manager()

    class Meta:
        verbose_name = "re-enable"
        verbose_name_plural = "re-enables"
        constraints = (
            models.UniqueConstraint(
                fields=("project", "sync_id"), condition=Q(state__in=OPEN), name="reenable_one_open"
            ),
        )
        indexes = (
            # The list of a project, and the attempts of one sync, newest first.
            models.Index(fields=("project", "-requested_at", "-id"), name="reenable_project"),
            models.Index(fields=("project", "sync_id", "-requested_at"), name="reenable_sync"),
            # What the jobs look at every few seconds: the open ones and those that may still be corrected.
            models.Index(fields=("state", "requested_at"), name="reenable_watched"),
        )

    def __str__(self) -> str:
        return f"{self.integration} {self.sync_id} {self.get_state_display()}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class Resolution(models.Model):
    """Somebody says that the cause of a sync's errors up to `error_at` is gone."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    sync_id = models.UUIDField()
    error_at = models.DateTimeField()
    note = models.TextField()
    ticket = models.CharField(max_length=200, default="", blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    by_text = models.CharField(max_length=200, default="")
    at = models.DateTimeField()

    objects = OfProjectQuerySet["Resolution"].as_manager()

    class Meta:
        indexes = (models.Index(fields=("project", "sync_id", "-at"), name="resolution_sync"),)

    def __str__(self) -> str:
        return f"{self.sync_id}: {self.note[:40]}"


class Sleeper(models.Model):
    """A sync, a customer or an integration that is not to be woken until `until` (None: until it is taken off the list)."""

    class Kind(models.TextChoices):
        SYNC = "sync", "Sync"
        USER = "user", "User"
        INTEGRATION = "integration", "Integration"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, choices=Kind)
    value = models.CharField(max_length=256)
    reason = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    objects = OfProjectQuerySet["Sleeper"].as_manager()

    class Meta:
        verbose_name = "do-not-wake entry"
        verbose_name_plural = "do-not-wake list"
        constraints = (models.UniqueConstraint(fields=("project", "kind", "value"), name="sleeper_value"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value}"
