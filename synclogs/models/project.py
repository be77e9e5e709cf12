"""Project, membership and API key models. Everything else in the store belongs to a Project."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from synclogs.parsing.limits import LIMITS


class Role(models.IntegerChoices):
    """Ordered: a higher role may do all that a lower one may."""

    VIEWER = 1, "Viewer"
    OPERATOR = 2, "Operator"
    LEAD = 3, "Lead"
    ADMIN = 4, "Administrator"


class Scope(models.TextChoices):
    """What an API key may do."""

    LOGS_WRITE = "logs:write", "Send logs"
    LOGS_READ = "logs:read", "Read logs"
    SYNCS_REENABLE = "syncs:reenable", "Re-enable syncs"
    USERS_WRITE = "users:write", "Write connected users"


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: models.Model) -> ProjectQuerySet:
        """The projects a person may open; a superuser may open all."""
        if getattr(user, "is_superuser", False):
            return self.all()
        return self.filter(memberships__user=user.pk)


class Project(models.Model):
    """One environment of one product (production, staging, …); nothing crosses its border."""

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    retention_days = models.PositiveSmallIntegerField(
        default=90,
        validators=[MinValueValidator(1), MaxValueValidator(LIMITS.past_days)],
        help_text="Entries older than this many days are deleted.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def retention_words(self) -> str:
        return "1 day" if self.retention_days == 1 else f"{self.retention_days} days"

    def oldest_accepted(self, now: datetime) -> datetime:
        """What happened before this moment is not taken in."""
        return now - timedelta(days=min(self.retention_days, LIMITS.past_days))

    def oldest_retained(self, now: datetime) -> datetime:
        """What happened before this moment is deleted: whole days, and a day later than it would be refused, so that what has just
        been accepted is there for a day at the least."""
        return datetime.combine(self.oldest_accepted(now).date() - timedelta(days=1), time(), UTC)


class OfProjectQuerySet[M: models.Model](models.QuerySet[M]):
    """Rows that belong to a project: every reading of them begins with `of`."""

    def of(self, project: Project) -> Self:
        return self.filter(project=project)


class Membership(models.Model):
    """A person's role in a project."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role, default=Role.VIEWER)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("project", "user"), name="membership_project_user"),)

    def __str__(self) -> str:
        return f"{self.user} · {self.project} · {self.get_role_display()}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self, now: datetime) -> ApiKeyQuerySet:
        return self.filter(revoked_at=None).exclude(expires_at__lte=now)


class ApiKey(models.Model):
    """A machine's key: the public id and a digest; the secret itself is shown once and never stored."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="api_keys")
    key_id = models.CharField(max_length=12, unique=True, editable=False)
    secret_hash = models.BinaryField(max_length=32, editable=False)
    name = models.CharField(max_length=100)
    scopes = ArrayField(models.CharField(max_length=32, choices=Scope))
    requests_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Empty: the default of this installation.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.name} (ssp_{self.key_id}_…)"


class RateBucket(models.Model):
    """Where a caller's request allowance stands: the moment at which it would be whole again (GCRA). Unlogged."""

    subject = models.CharField(max_length=100, primary_key=True)
    full_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.subject
