"""The page of one sync: its verdict, state, runs, errors and logs, and the panel of what can be done about it.

Shown by its address, and again by a form of the panel that was refused. What a sync's state means is said by synclogs.explain.
"""

from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render

from portal.access.projects import ProjectRequest
from portal.links import paths
from portal.log import rows as log_lines
from portal.recovery.attempt_cards import Typed, among, panel_of, sleep_of
from portal.syncs import run_strip, sync_rows
from synclogs import explain
from synclogs.catalogue import Tone, sync_type_words
from synclogs.models import ConnectedUser, LogEntry, Project, Sleeper, Sync
from synclogs.overview import activity
from synclogs.query.fields import blanks
from synclogs.reading import timeline

LISTED = 10
ENTRIES = 20
SIBLINGS = 25
NOT_NAMED = "-"  # in the address, runs that no log gives a sync type


def _latest(found: Sync, project: Project) -> list[LogEntry]:
    return timeline.latest(
        project, first=found.first_seen_at, last=found.last_seen_at, size=ENTRIES, sync=str(found.sync_id)
    )


def show(request: ProjectRequest, found: Sync, *, now: datetime, typed: Typed | None = None) -> HttpResponse:
    """`typed`: a form of the panel that cannot be taken like that, shown again with its errors."""
    project = request.project
    good = timeline.last_good(found, project)
    owner = ConnectedUser.objects.of(project).filter(user_id=found.user_id).first() if found.user_id else None
    errors = [
        (error, error_logs(project, error.entry, now=now, alike=True)) for error in activity.last_errors(found, project)
    ]
    # Without its word the form, at whose field an error stands, might not be there.
    ask = typed is not None or request.GET.get("ask") == "provider"
    panel = panel_of(request, found, owner=owner, now=now, typed=typed, ask_provider=ask)
    log_rows = log_lines.lines(_latest(found, project), project, now=now)
    runs = runs_of(found, request, now=now)
    context = {
        "now": now,
        "sync": found,
        "words": sync_rows.sync_words(found),
        "owner": owner,
        "verdict": explain.sync_verdict(found, now=now),
        "lamps": lamps(found, now=now),
        "freshness": explain.freshness(found, now=now),
        "next_expected": explain.next_expected(found, now=now),
        "retry_clock": explain.retry_clock(found, now=now),
        "last_counts": last_counts(found),
        "last_good": sync_rows.run_row(project, good, now=now) if good else None,
        **runs,
        "errors": errors[:1],
        "more_errors": errors[1:],
        "all_errors": error_logs(project, errors[0][0].entry, now=now) if errors else "",
        "log_rows": log_rows,
        "story": among(log_rows, panel.past),
        "all_logs": paths.logs(
            project.slug, sync=str(found.sync_id), since=paths.since_of(found.last_seen_at, now=now)
        ),
        **siblings(found, project, now=now),
        **sleep_of(request, Sleeper.Kind.SYNC, str(found.sync_id), now=now),
        "panel": panel,
    }
    return render(request, "sync.html", context, status=400 if typed or runs["runs_error"] else 200)


def siblings(found: Sync, project: Project, *, now: datetime) -> dict[str, object]:
    """The other syncs of the same customer."""
    if not found.user_id:
        return {"siblings": [], "more_siblings": False}
    others = Sync.objects.of(project).filter(user_id=found.user_id).exclude(pk=found.pk).newest_first()
    rows = list(others[: SIBLINGS + 1])
    return {"siblings": sync_rows.sync_rows(project, rows[:SIBLINGS], now=now), "more_siblings": len(rows) > SIBLINGS}


def lamps(found: Sync, *, now: datetime) -> list[sync_rows.Lamp]:
    """Two legs: does data come in, and do the notifications about it arrive at our application."""
    data, delivery = explain.data_verdict(found, now=now), explain.delivery_verdict(found, now=now)
    return [
        sync_rows.Lamp(data.tone, "Data", data.finding.label.lower()),
        sync_rows.Lamp(delivery.tone, "Webhooks", "failing")
        if delivery
        else sync_rows.Lamp(Tone.UNKNOWN, "Webhooks", "no failure logged in the last 24 hours"),
    ]


def last_counts(found: Sync) -> str:
    return explain.run_counts(
        found.created,
        found.updated,
        found.deleted,
        total_processed=found.total_processed,
        total_changes=found.total_changes,
        duration=found.duration_ms,
    )


def runs_of(found: Sync, request: ProjectRequest, *, now: datetime) -> dict[str, object]:
    """The last runs as strip and table, all or those of the sync type that the address names."""
    kinds = {kind or NOT_NAMED: kind for kind in timeline.kinds(found, request.project)}
    chosen, error = request.GET.get("sync_type"), blanks(request.GET.lists()).get("sync_type", "")
    runs = timeline.runs(found, request.project)
    if chosen in kinds:
        runs = timeline.recent(runs).filter(sync_type=kinds[chosen])
    rows = (
        [sync_rows.run_row(request.project, run, now=now) for run in runs[: run_strip.RUNS]]
        if chosen in (None, *kinds) and not error
        else []
    )
    choices = [("", "All", chosen is None)]
    choices += [
        (f"?{urlencode({'sync_type': name})}", sync_type_words(kind) or "Not named", name == chosen)
        for name, kind in kinds.items()
    ]
    return {
        "runs_error": error,
        "strip": run_strip.strip(rows, now=now),
        "runs": rows[:LISTED],
        "older_runs": rows[LISTED:],
        "run_kinds": choices if len(kinds) > 1 or chosen is not None else [],
        "run_kind": chosen,
    }


def error_logs(project: Project, entry: LogEntry, *, now: datetime, alike: bool = False) -> str:
    """The errors of the sync around that time; `alike`: only those of the same kind."""
    return paths.logs(
        project.slug,
        sync=str(entry.sync_id),
        level="error",
        event=entry.event if alike else "",
        error_code=entry.error_code if alike else "",
        since=paths.since_of(entry.occurred_at, now=now),
    )
