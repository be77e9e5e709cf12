"""Admin index: each project with its numbers, and the latest changes.

A fixed number of queries, none of them over entries.
"""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from portal.admin.projects import counted
from portal.admin.site import administered
from synclogs.catalogue import Level, SyncStatus
from synclogs.models import ApiKey, AuditEvent, Facet, HourCount, Membership, Project, Sync

MOST_PROJECTS = 24
LAST_EVENTS = 8
AUDIT_RANGE = timedelta(days=30)
DAY = timedelta(hours=24)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: `entries` and `errors` of each project are those of the last 24 hours."""
    now, mine = timezone.now(), [project.pk for project in administered(request)]
    hours = HourCount.objects.filter(facet=Facet.TOTAL, hour__gte=now - DAY)
    projects = Project.objects.annotate(
        entries=counted(hours, "count"),
        errors=counted(hours.filter(level=Level.ERROR), "count"),
        stopped=counted(Sync.objects.filter(status=SyncStatus.ERRORED)),
        members=counted(Membership.objects.all()),
        keys=counted(ApiKey.objects.usable(now)),
    ).in_bulk(mine[:MOST_PROJECTS])
    events = AuditEvent.objects.filter(project__in=mine, at__gte=now - AUDIT_RANGE)
    return {
        **context,
        "title": "Administration",
        "projects": [projects[pk] for pk in mine[:MOST_PROJECTS]],
        "more": len(mine) - MOST_PROJECTS,
        "events": list(events.select_related("project").order_by("-at", "-pk")[:LAST_EVENTS]),
    }
