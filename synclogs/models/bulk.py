"""Bulk re-enable models: its syncs, waves and progress. The outcome for one sync is its attempt (Reenable)."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from synclogs.catalogue.recovery import BulkState
from synclogs.models.project import OfProjectQuerySet, Project
from synclogs.models.reenable import Reenable

MOST_ITEMS = 1000


class Bulk(models.Model):
    """`source` is the query string of the list it was made from. Wave 0 is the canary. Only synclogs.recovery.bulk changes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=20, choices=BulkState)
    reason = models.TextField()
    source = models.TextField(default="", blank=True)
    canary_size = models.PositiveSmallIntegerField()
    wave_size = models.PositiveSmallIntegerField()
    per_minute = models.PositiveSmallIntegerField("calls a minute and integration")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    actor_text = models.CharField(max_length=200, default="")
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    wave = models.PositiveIntegerField(default=0)
    note = models.TextField(default="", blank=True)

    objects = OfProjectQuerySet["Bulk"].as_manager()

    class Meta:
        verbose_name = "bulk re-enable"
        indexes = (models.Index(fields=("project", "-created_at"), name="bulk_project"),)

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M} {self.get_state_display()}"


class BulkItem(models.Model):
    """One sync of a bulk: skipped with the name of the check that failed, or in a wave, with its attempt once it was made."""

    bulk = models.ForeignKey(Bulk, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    sync_id = models.UUIDField()
    user_id = models.CharField(max_length=256, default="")
    integration = models.CharField(max_length=128, default="")
    wave = models.PositiveIntegerField(null=True)
    skipped = models.CharField(max_length=32, default="", blank=True)
    attempt = models.ForeignKey(Reenable, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = models.Manager["BulkItem"]()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("bulk", "sync_id"), name="bulkitem_sync"),
            models.UniqueConstraint(fields=("bulk", "position"), name="bulkitem_position"),
        )
        indexes = (models.Index(fields=("bulk", "wave"), name="bulkitem_wave"),)

    def __str__(self) -> str:
        return f"{self.position}: {self.sync_id}"
