"""Admin index: each project with its numbers, and the latest changes.

A fixed number of queries, none of them over entries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone

from portal.admin import cells
from portal.admin.site import administered
from synclogs.catalogue import Level, SyncStatus
from synclogs.models import ApiKey, AuditEvent, Facet, HourCount, Membership, Project, Sync

MOST_PROJECTS = 24
LAST_EVENTS = 8
AUDIT_RANGE = timedelta(days=30)
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Card:
    """One project; entries and errors are those of the last 24 hours."""

    project: Project
    url: str
    entries: int
    errors: int
    stopped: int
    members: int
    keys: int


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK."""
    now = timezone.now()
    projects = administered(request)
    shown = projects[:MOST_PROJECTS]
    events = AuditEvent.objects.filter(project__in=[project.pk for project in projects], at__gte=now - AUDIT_RANGE)
    return {
        **context,
        "title": "Administration",
        "cards": cards(shown, now=now),
        "more": len(projects) - len(shown),
        "events": list(events.select_related("project").order_by("-at", "-pk")[:LAST_EVENTS]),
    }


def cards(projects: list[Project], *, now: datetime) -> list[Card]:
    mine = [project.pk for project in projects]
    hours = HourCount.objects.filter(project__in=mine, facet=Facet.TOTAL, hour__gte=now - DAY)
    entries = by_project(hours.values("project"), Sum("count"))
    errors = by_project(hours.filter(level=Level.ERROR).values("project"), Sum("count"))
    stopped = by_project(
        Sync.objects.filter(project__in=mine, status=SyncStatus.ERRORED).values("project"), Count("pk")
    )
    members = by_project(Membership.objects.filter(project__in=mine).values("project"), Count("pk"))
    keys = by_project(ApiKey.objects.usable(now).filter(project__in=mine).values("project"), Count("pk"))
    return [
        Card(
            project,
            cells.portal_url("overview", project),
            entries.get(project.pk, 0),
            errors.get(project.pk, 0),
            stopped.get(project.pk, 0),
            members.get(project.pk, 0),
            keys.get(project.pk, 0),
        )
        for project in projects
    ]


def by_project(rows: QuerySet[Any, Any], many: Sum | Count) -> Mapping[int, int]:
    return {row["project"]: row["many"] for row in rows.order_by().annotate(many=many)}
