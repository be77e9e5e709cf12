"""Audit page of a project, newest first; for leads and administrators. Read only."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.access.projects import ProjectRequest, project_view
from portal.tables import lists
from portal.tables.filtersets import AuditFilters
from synclogs.models import Action, AuditEvent, Role

LABELS = {"action": "Action", "actor": "Person or key", "object": "Object"}


def label(name: str, value: str) -> tuple[str, str]:
    return LABELS.get(name, name), dict(Action.choices).get(value, value) if name == "action" else value


@project_view(role=Role.LEAD)
def audit(request: ProjectRequest) -> HttpResponse:
    now = timezone.now()
    rows = AuditEvent.objects.filter(project=request.project).select_related("actor")
    filters = AuditFilters(request.GET, rows, project=request.project, now=now)
    matching = rows.none() if filters.errors_by_name else filters.qs
    listing = lists.listing(filters, matching, column="at", label=label)
    context = {
        "now": now,
        "listing": listing,
        "actions": Action.choices,
        "chosen": {name: request.GET.getlist(name) for name in LABELS},
    }
    return render(request, "audit.html", context, status=listing.status)
