"""Connected user pages of a project: the list with its search, and the page of one. Read only."""

import json
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.access.projects import ProjectRequest, project_view
from portal.links import paths
from portal.log import rows as log_lines
from portal.recovery.attempt_cards import sleep_of
from portal.syncs import sync_rows
from portal.tables import lists
from portal.tables.filtersets import ANY, UserFilters
from synclogs import explain
from synclogs.explain import StateCounts
from synclogs.models import ConnectedUser, LogEntry, Project, Sleeper, Sync
from synclogs.overview import state_counts
from synclogs.reading import timeline

SYNCS = 200
ENTRIES = 25
METADATA = 12
LONGEST = 200
LABELS = {"q": "Text", "user": "User"}


@dataclass(frozen=True, slots=True)
class UserRow:
    user: ConnectedUser
    url: str
    syncs_url: str
    counts: StateCounts | None
    words: str


def label(name: str, value: str) -> tuple[str, str]:
    return ("Attention", "needed") if name == "attention" else (LABELS.get(name, name), value)


@project_view()
def users(request: ProjectRequest) -> HttpResponse:
    """The list, newest sign of life first; `?id=` serves users whose ID cannot stand in a path."""
    if "id" in request.GET:
        return page(request, request.GET["id"])
    now, project = timezone.now(), request.project
    everyone = ConnectedUser.objects.of(project)
    filters = UserFilters(request.GET, everyone, project=project, now=now)
    matching = everyone.none() if filters.errors_by_name else filters.qs
    listing = lists.listing(filters, matching, column="last_seen_at", label=label)
    counts = state_counts.by_user(project, [user.user_id for user in listing.rows], now=now)
    context = {
        "now": now,
        "listing": listing,
        "rows": [
            UserRow(
                user,
                paths.detail(project.slug, "user", user.user_id),
                paths.syncs(project.slug, user=user.user_id),
                counts.get(user.user_id),
                sync_rows.counts_words(counts.get(user.user_id)),
            )
            for user in listing.rows
        ],
        "tabs": lists.tabs(
            request.GET, "attention", [("", "All", None, ""), (ANY, "With a sync that needs attention", None, "")]
        ),
        "chosen": {
            "q": request.GET.getlist("q"),
            "attention": request.GET.getlist("attention"),
            "user": request.GET.getlist("user"),
        },
    }
    return render(request, "users.html", context, status=listing.status)


@project_view()
def user(request: ProjectRequest, user_id: str) -> HttpResponse:
    return page(request, user_id)


def page(request: ProjectRequest, user_id: str) -> HttpResponse:
    """One customer: who it is, what is wrong in one sentence, all syncs, the logs."""
    now, project = timezone.now(), request.project
    found = ConnectedUser.objects.of(project).filter(user_id=user_id).first() if "\x00" not in user_id else None
    if found is None:
        return sync_rows.missing(request, "user", user_id)
    syncs = list(Sync.objects.of(project).filter(user_id=found.user_id).newest_first()[: SYNCS + 1])
    rows = sync_rows.sync_rows(project, syncs[:SYNCS], now=now)
    last = found.last_seen_at
    context = {
        "now": now,
        "person": found,
        "verdict": explain.user_verdict(syncs[:SYNCS], now=now),
        "rows": sorted(rows, key=lambda row: explain.SEVERITY.index(row.verdict.finding)),
        "more": SYNCS if len(syncs) > SYNCS else 0,
        "syncs_url": paths.syncs(project.slug, user=found.user_id),
        "metadata": metadata(found),
        **sleep_of(request, Sleeper.Kind.USER, found.user_id, now=now),
        "log_rows": log_lines.lines(entries_of(found, project), project, now=now),
        "all_logs": paths.logs(
            project.slug, user=found.user_id, since=paths.since_of(last, now=now) if last else "30d"
        ),
    }
    return render(request, "user.html", context)


def entries_of(found: ConnectedUser, project: Project) -> list[LogEntry]:
    if found.first_seen_at is None or found.last_seen_at is None:
        return []
    return timeline.latest(
        project, first=found.first_seen_at, last=found.last_seen_at, size=ENTRIES, user=found.user_id
    )


def metadata(found: ConnectedUser) -> list[tuple[str, str]]:
    """Metadata that the API received beyond the known texts; nested values as JSON, all of it bounded."""
    if not isinstance(found.metadata, dict):
        return []
    values = list(found.metadata.items())[:METADATA]
    return [
        (str(key)[:LONGEST], (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:LONGEST])
        for key, value in values
    ]
