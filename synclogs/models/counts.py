"""Count models: entries by hour, level and facet value, and by minute and level."""

from __future__ import annotations

from django.db import models

from synclogs.models.project import OfProjectQuerySet, Project


class Facet(models.IntegerChoices):
    """What is counted. TOTAL has the empty value; every other facet counts only entries that have the value."""

    TOTAL = 0
    TYPE = 1
    CATEGORY = 2
    EVENT = 3
    INTEGRATION = 4
    PIPELINE = 5
    SYNC_TYPE = 6
    STATUS = 7
    ERROR_CODE = 8
    RECOVERABILITY = 9
    HTTP_STATUS = 10


class HourCount(models.Model):
    """Entries of one hour (its first moment), one level and one value of one facet."""

    # Here and below without an index of its own, which each line would write: the unique one begins with it.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    facet = models.PositiveSmallIntegerField(choices=Facet)
    hour = models.DateTimeField()
    value = models.CharField(max_length=128)
    level = models.PositiveSmallIntegerField()
    count = models.PositiveBigIntegerField()

    objects = OfProjectQuerySet["HourCount"].as_manager()

    class Meta:
        constraints = (
            # Read as: one facet of one project over a range of hours.
            models.UniqueConstraint(
                fields=("project", "facet", "hour", "value", "level"),
                name="hourcount_facet_hour",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_facet_display()} {self.value} {self.hour:%Y-%m-%d %H:00} {self.count}"


class MinuteCount(models.Model):
    """Entries of one minute (its first moment) and one level."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    minute = models.DateTimeField()
    level = models.PositiveSmallIntegerField()
    count = models.PositiveBigIntegerField()

    objects = OfProjectQuerySet["MinuteCount"].as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("project", "minute", "level"), name="minutecount_minute"),)

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M} {self.count}"
