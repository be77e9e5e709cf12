"""Integration pages of a project: the list with the health of each, and the page of one. Read only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.access.projects import ProjectRequest, project_view
from portal.links import paths, querystring
from portal.log import rows as log_lines
from portal.recovery.attempt_cards import sleep_of
from portal.syncs import hours_chart, sync_rows
from portal.tables import lists
from synclogs import catalogue, explain, moments
from synclogs.catalogue import Tone
from synclogs.explain import Verdict
from synclogs.models import Facet, HourCount, Project, Sleeper, Sync
from synclogs.overview import activity, state_counts
from synclogs.overview.state_counts import IntegrationCounts
from synclogs.reading import timeline

RANGES = {"24h": (24, "24 hours"), "7d": (168, "7 days")}
ENTRIES = 20
USERS_HIT = 15


@dataclass(frozen=True, slots=True)
class SyncStatusCount:
    """How many syncs are in a state, with the list behind the number."""

    status: str
    words: str
    tone: Tone
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class IntegrationRow:
    slug: str
    url: str
    verdict: Verdict
    words: str
    syncs_url: str
    total: int
    states: list[SyncStatusCount]
    errors: int
    errors_url: str
    seen_at: datetime | None


@project_view()
def integrations(request: ProjectRequest) -> HttpResponse:
    """All of them, those in trouble first; `?id=` serves one whose slug cannot stand in a path."""
    if "id" in request.GET:
        return page(request, request.GET["id"])
    now, project = timezone.now(), request.project
    since = activity.first_hour(now)
    errors_by_name = querystring.refused(request.GET.lists(), ("id",))
    if errors_by_name:
        listing: lists.Listing[Sync] = lists.Listing("invalid", [], [], errors_by_name, request.path)
        return render(request, "integrations.html", {"now": now, "since": since, "listing": listing}, status=400)
    errors = activity.errors_by_integration(project, since=since, until=now)
    found = {item.slug: item for item in state_counts.by_integration(project, now=now)}
    for slug in errors:
        found.setdefault(slug, IntegrationCounts(slug, explain.StateCounts(0), {}, None))
    rows = [row(project, item, errors.get(item.slug, 0), since=since) for item in found.values() if item.slug]
    rows.sort(key=lambda item: (explain.SEVERITY.index(item.verdict.finding), -item.errors, item.slug.lower()))
    return render(request, "integrations.html", {"now": now, "rows": rows, "since": since})


def row(project: Project, item: IntegrationCounts, errors: int, *, since: datetime) -> IntegrationRow:
    verdict = explain.integration_verdict(item.counts, integration=item.slug)
    return IntegrationRow(
        slug=item.slug,
        url=paths.detail(project.slug, "integration", item.slug),
        verdict=verdict,
        words=sync_rows.counts_words(item.counts),
        syncs_url=paths.syncs(project.slug, integration=item.slug),
        total=item.counts.total,
        states=status_counts(project, item),
        errors=errors,
        errors_url=paths.logs(project.slug, integration=item.slug, level="error", since=paths.exact(since)),
        seen_at=item.seen_at,
    )


def status_counts(project: Project, item: IntegrationCounts) -> list[SyncStatusCount]:
    """Known states in the catalogue's order, then any other; a sync without a state has no list of its own."""
    order = [*catalogue.STATUSES, *sorted(set(item.statuses) - set(catalogue.STATUSES))]
    return [
        SyncStatusCount(
            status,
            catalogue.status(status).words,
            catalogue.status(status).tone,
            item.statuses[status],
            paths.syncs(project.slug, integration=item.slug, status=status),
        )
        for status in order
        if item.statuses.get(status)
    ]


def _with_links(
    project: Project, causes: activity.Causes, *, since: datetime, integration: str
) -> list[tuple[activity.Cause, str, str, bool]]:
    """Each cause with the addresses of its logs and of its customers, and whether it is new, which nobody asks here."""
    return [
        (
            cause,
            sync_rows.cause_logs(project, cause, since=paths.exact(since), integration=integration),
            paths.users(project.slug, cause.users),
            False,
        )
        for cause in causes.rows
    ]


@project_view()
def integration(request: ProjectRequest, slug: str) -> HttpResponse:
    return page(request, slug)


def page(request: ProjectRequest, slug: str) -> HttpResponse:
    """One integration: health, syncs by state, errors by cause, the customers hit, the logs."""
    now, project = timezone.now(), request.project
    chosen = request.GET.get("range", "24h")
    if "\x00" in slug:
        return sync_rows.missing(request, "integration", slug)
    standings = state_counts.by_integration(project, now=now, slugs=[slug])
    item = standings[0] if standings else IntegrationCounts(slug, explain.StateCounts(0), {}, None)
    first, last = span(project, item, now=now)
    if last is None or first is None:
        return sync_rows.missing(request, "integration", slug)
    length, words = RANGES.get(chosen, RANGES["24h"])
    since = activity.first_hour(now, hours=length)
    causes = activity.causes(project, since=since, until=now, integration=slug)
    hit = Sync.objects.of(project).filter(integration=slug).needing(now=now).worst_first(now)
    wrong = {"range": "Use 24h or 7d."} if not set(request.GET.getlist("range")) <= set(RANGES) else {}
    context = {
        "now": now,
        "slug": slug,
        **sleep_of(request, Sleeper.Kind.INTEGRATION, slug, now=now),
        "item": item,
        "verdict": explain.integration_verdict(item.counts, integration=slug),
        "states": status_counts(project, item),
        "errors": wrong,
        "ranges": [(name, text, name == chosen) for name, (_, text) in RANGES.items()],
        "range_words": words,
        "causes": _with_links(project, causes, since=since, integration=slug),
        "causes_cut": causes.read if causes.cut else 0,
        "chart": hours_chart.chart(project, now=now, integration=slug),
        "hit": sync_rows.sync_rows(project, hit[:USERS_HIT], now=now),
        "bulk_query": urlencode({"integration": slug}),
        "hit_url": paths.syncs(project.slug, integration=slug, attention="any"),
        "log_rows": log_lines.lines(
            timeline.latest(project, first=first, last=last, size=ENTRIES, integration=slug), project, now=now
        ),
        "all_logs": paths.logs(project.slug, integration=slug, since=paths.since_of(last, now=now)),
    }
    return render(request, "integration.html", context, status=400 if wrong else 200)


def span(project: Project, item: IntegrationCounts, *, now: datetime) -> tuple[datetime | None, datetime | None]:
    """From the first to the last hour in which the integration was logged; (None, None) for one never seen."""
    counted = HourCount.objects.of(project).filter(facet=Facet.INTEGRATION, value=item.slug)
    last = counted.order_by("-hour").values_list("hour", flat=True).first()
    if last is None:
        return (item.seen_at, item.seen_at)
    return last - timedelta(days=30), last + moments.HOUR
