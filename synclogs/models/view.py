"""Saved view model: a query of the log list under a name, for one person or for a whole project."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from synclogs.models.project import OfProjectQuerySet, Project

NAME_LENGTH = 60
QUERY_LENGTH = 8192


class SavedViewQuerySet(OfProjectQuerySet["SavedView"]):
    def visible_to(self, user: models.Model) -> SavedViewQuerySet:
        """One's own, and those that are shared."""
        return self.filter(Q(owner=user.pk) | Q(is_shared=True))


class SavedView(models.Model):
    """`query` is the canonical query string of the list: filters, range and columns. Only synclogs.reading.saved_views writes it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=NAME_LENGTH)
    query = models.CharField(max_length=QUERY_LENGTH, blank=True)
    is_shared = models.BooleanField("shared with the team", default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ("name", "pk")
        constraints = (
            # Read as: the views of one project, its person's own and the shared ones.
            models.UniqueConstraint("project", "owner", Lower("name"), name="savedview_own_name"),
            models.UniqueConstraint("project", Lower("name"), condition=Q(is_shared=True), name="savedview_team_name"),
        )

    def __str__(self) -> str:
        return self.name
