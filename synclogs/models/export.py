"""Export model: who exported which entries, the progress and the outcome."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

from synclogs.models.project import OfProjectQuerySet, Project

# A running export tells how far it is every second, except while the reader takes nothing, which ends it after a minute.
SILENCE = timedelta(minutes=2)


class ExportFormat(models.TextChoices):
    NDJSON = "ndjson", "NDJSON"
    CSV = "csv", "CSV"


class ExportState(models.TextChoices):
    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    STOPPED = "stopped", "Stopped"
    FAILED = "failed", "Failed"


class ExportQuerySet(OfProjectQuerySet["Export"]):
    def running(self, now: datetime) -> ExportQuerySet:
        return self.filter(state=ExportState.RUNNING, moved_at__gt=now - SILENCE)


class Export(models.Model):
    """One file. `query` is the filter as URL parameters; `total` is what was expected at the start, None where not known."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    format = models.CharField(max_length=8, choices=ExportFormat)
    query = models.TextField(default="", blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    started_at = models.DateTimeField()
    moved_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    entries = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True)
    is_cut = models.BooleanField("stopped at the limit of entries", default=False)
    state = models.CharField(max_length=8, choices=ExportState, default=ExportState.RUNNING)

    objects = ExportQuerySet.as_manager()

    class Meta:
        ordering = ("-started_at", "-id")
        indexes = (models.Index(fields=("project", "person", "-started_at"), name="export_person_started"),)

    def __str__(self) -> str:
        return f"{self.get_format_display()} of {self.project}, {self.started_at:%Y-%m-%d %H:%M}"

    def state_at(self, now: datetime) -> ExportState:
        """Where it stands: what has been silent for long broke off with its process."""
        if self.state == ExportState.RUNNING and self.moved_at <= now - SILENCE:
            return ExportState.FAILED
        return ExportState(self.state)
