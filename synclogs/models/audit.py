"""Audit model: who did what to which object, when and from where. Rows are only ever added."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from synclogs.models.project import Project


class Action(models.TextChoices):
    SIGNED_IN = "signed_in", "Signed in"
    SIGN_IN_FAILED = "sign_in_failed", "Sign-in failed"
    SIGNED_OUT = "signed_out", "Signed out"
    ACCESS_DENIED = "access_denied", "Access denied"
    KEY_REFUSED = "key_refused", "API key refused"
    KEY_CREATED = "key_created", "API key created"
    KEY_REVOKED = "key_revoked", "API key revoked"
    OBJECT_ADDED = "object_added", "Added"
    OBJECT_CHANGED = "object_changed", "Changed"
    OBJECT_DELETED = "object_deleted", "Deleted"
    USER_WRITTEN = "user_written", "Connected user written"
    EXPORT_STARTED = "export_started", "Export started"
    EXPORT_ENDED = "export_ended", "Export ended"
    REENABLE_REQUESTED = "reenable_requested", "Re-enable requested"
    REENABLE_MOVED = "reenable_moved", "Re-enable went on"
    RESOLVED = "resolved", "Marked as resolved"
    SLEEPER_ADDED = "sleeper_added", "Put on the do-not-wake list"
    SLEEPER_REMOVED = "sleeper_removed", "Taken off the do-not-wake list"
    BULK_REQUESTED = "bulk_requested", "Bulk re-enable requested"
    BULK_MOVED = "bulk_moved", "Bulk re-enable went on"


# Which come in great numbers: the first of a minute has a row, the others one row together (synclogs.access.denials).
REFUSALS = {Action.SIGN_IN_FAILED, Action.ACCESS_DENIED, Action.KEY_REFUSED}


class AuditEvent(models.Model):
    """One thing done, by a person (actor) or a machine (actor_text names the key)."""

    at = models.DateTimeField(auto_now_add=True)
    project = models.ForeignKey(Project, on_delete=models.SET_NULL, null=True, related_name="+")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    actor_text = models.CharField(max_length=200, default="")
    action = models.CharField(max_length=32, choices=Action)
    object_type = models.CharField(max_length=64, default="")
    object_text = models.CharField(max_length=300, default="")
    reason = models.TextField(default="")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, default="")

    class Meta:
        ordering = ("-at", "-id")
        indexes = (models.Index(fields=("project", "-at", "-id"), name="audit_project_at"),)

    def __str__(self) -> str:
        return f"{self.actor_text}: {self.get_action_display()} {self.object_text}"

    @property
    def words(self) -> str:
        """What was done: "Sign-in failed", or "Sign-in failed · 84 more within the minute"."""
        more = (self.after or {}).get("more", 0) if self.action in REFUSALS else 0
        return f"{self.get_action_display()} · {more:,} more within the minute" if more else self.get_action_display()


class Denial(models.Model):
    """How often one thing was refused within a minute, until that is a row of the audit; synclogs.access.denials has the meaning."""

    minute = models.DateTimeField()
    subject = models.TextField()
    who = models.TextField()
    action = models.CharField(max_length=32, choices=Action)
    network = models.CharField(max_length=64)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+", db_index=False
    )
    actor_text = models.CharField(max_length=200)
    count = models.PositiveBigIntegerField()
    names = ArrayField(models.TextField())

    class Meta:
        constraints = (models.UniqueConstraint(fields=("minute", "subject"), name="denial_minute_subject"),)

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M} {self.subject}: {self.count}"
