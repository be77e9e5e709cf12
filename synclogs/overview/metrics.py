"""Prometheus numbers, read from the database so that every process tells the same."""

from datetime import datetime

from django.db.models import Count, Max, Sum
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from synclogs.models import Facet, HourCount, Project, Sync
from synclogs.moments import HOUR, floor

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(*, now: datetime) -> bytes:
    """The exposition text: entries of the current hour by level, syncs by state, age of the newest entry, per project."""
    registry = CollectorRegistry()
    entries = Gauge(
        "portal_entries_hour",
        "Entries whose event time is in the current hour",
        ["project", "level"],
        registry=registry,
    )
    syncs = Gauge("portal_syncs", "Syncs by state", ["project", "status"], registry=registry)
    newest = Gauge(
        "portal_newest_entry_timestamp_seconds",
        "Event time of the newest entry",
        ["project"],
        registry=registry,
    )
    slugs = dict(Project.objects.values_list("pk", "slug"))
    hour = floor(now, HOUR)
    totals = (
        HourCount.objects.filter(facet=Facet.TOTAL, hour=hour).values_list("project", "level").annotate(Sum("count"))
    )
    for project, level, count in totals:
        entries.labels(slugs[project], str(level)).set(count)
    for project, status, count in Sync.objects.order_by().values_list("project", "status").annotate(Count("pk")):
        syncs.labels(slugs[project], status).set(count)
    for project, moment in Sync.objects.order_by().values_list("project").annotate(Max("last_seen_at")):
        newest.labels(slugs[project]).set(moment.timestamp())
    return generate_latest(registry)
