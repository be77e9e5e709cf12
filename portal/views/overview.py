"""Overview page of a project, and the redirect from / to it. Read only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from portal.access.projects import LAST_PROJECT, ProjectRequest, project_view, takes
from portal.links import paths
from portal.syncs import hours_chart, sync_rows
from synclogs import explain, moments
from synclogs.catalogue import Tone
from synclogs.explain import StateCounts
from synclogs.models import Attention, Project, Sync
from synclogs.overview import activity, freshness, state_counts

LISTED = 12
INTEGRATIONS = 8
NEW_FOR = timedelta(days=7)
NOTES = {
    Attention.ERRORED: "do nothing until re-enabled",
    Attention.STUCK: "a run is open, nothing comes",
    Attention.SILENT: "longer than twice the usual gap",
    Attention.LIMITED: "for more than an hour",
    Attention.UNDELIVERED: "in the last 24 hours",
}
TONES = {Attention.ERRORED: Tone.ERROR, Attention.STUCK: Tone.ERROR}
ICONS = {
    Attention.ERRORED: "error",
    Attention.STUCK: "interrupted",
    Attention.SILENT: "unknown",
    Attention.LIMITED: "limited",
    Attention.UNDELIVERED: "webhook",
}


@dataclass(frozen=True, slots=True)
class Tile:
    words: str
    count: int
    note: str
    url: str
    tone: Tone
    icon: str


@dataclass(frozen=True, slots=True)
class Share:
    """Errors of an integration beside those of the worst one; `width` of 100."""

    slug: str
    url: str
    errors: int
    errors_url: str
    width: float


@takes("GET", "HEAD")
@login_required
def start(request: HttpRequest) -> HttpResponse:
    """The overview of the project seen last, else of the first one that the person may open."""
    visible: Any = Project.objects.visible_to(request.user)  # type: ignore[arg-type]
    last = visible.filter(slug=request.session.get(LAST_PROJECT, "")).first() or visible.first()
    if last is None:
        return render(request, "no_project.html")
    return redirect("overview", last.slug)


@project_view()
def overview(request: ProjectRequest) -> HttpResponse:
    """Verdict, tiles, the syncs that need attention, entries by hour, errors by integration and by cause."""
    now, project = timezone.now(), request.project
    everything = Sync.objects.of(project)
    counts = state_counts.tally(everything, now=now).counts
    last_log_at = freshness.last_log_at(project, now=now)
    troubled = list(everything.needing(now=now).worst_first(now)[: LISTED + 1])
    rows = sync_rows.sync_rows(project, troubled[:LISTED], now=now)
    chart = hours_chart.chart(project, now=now)
    context = {
        "now": now,
        "counts": counts,
        "last_log_at": last_log_at,
        "verdict": explain.overview_verdict(counts, last_log_at=last_log_at, now=now),
        "tiles": tiles(project, counts),
        "rows": rows,
        "more": len(troubled) > LISTED,
        "attention_url": paths.syncs(project.slug, attention="any"),
        "chart": chart,
        "shares": shares(project, since=chart.since, now=now),
        "origin": f"{request.scheme}://{request.get_host()}",
        **last_hour(project, now=now),
    }
    return render(request, "overview.html", context)


def tiles(project: Project, counts: StateCounts) -> list[Tile]:
    """One tile for each kind of trouble; a zero is calm, not gone, so that the place of each stays the same."""
    made = []
    for kind in Attention:
        count = getattr(counts, kind.value)
        tone = TONES.get(kind, Tone.WARNING) if count else Tone.UNKNOWN
        url = paths.syncs(project.slug, attention=kind.value)
        made.append(Tile(kind.label, count, NOTES[kind] if count else "none", url, tone, ICONS[kind]))
    return made


def shares(project: Project, *, since: datetime, now: datetime) -> list[Share]:
    found = list(activity.errors_by_integration(project, since=since, until=now).items())[:INTEGRATIONS]
    most = max((errors for _, errors in found), default=1)
    return [
        Share(
            slug,
            paths.detail(project.slug, "integration", slug),
            errors,
            paths.logs(project.slug, integration=slug, level="error", since=paths.exact(since)),
            round(100 * errors / most, 1),
        )
        for slug, errors in found
    ]


def last_hour(project: Project, *, now: datetime) -> dict[str, object]:
    """The errors of the last hour by cause; a code that was not seen in the week before is marked as new."""
    since = now - moments.HOUR
    causes = activity.causes(project, since=since, until=now + moments.HOUR)
    known = activity.seen_codes(project, since=now - NEW_FOR, until=moments.floor(since, moments.HOUR))
    return {
        "causes": [
            (
                cause,
                sync_rows.cause_logs(project, cause, since="1h"),
                paths.users(project.slug, cause.users),
                bool(cause.error_code) and cause.error_code not in known,
            )
            for cause in causes.rows
        ],
        "causes_cut": causes.read if causes.cut else 0,
    }
