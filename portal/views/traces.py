"""One iteration of a sync as a timeline. A URL comes in, a page goes out; nothing is changed here."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from portal import charts, paths, things
from portal.access import ProjectRequest, project_view
from portal.rows import Row
from portal.templatetags.portal import level_slug
from portal.views.logs import rows_of
from synclogs import explain, timeline, trouble
from synclogs.catalogue import Level, sync_type_words
from synclogs.models import Project, Sync, Trace

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Line:
    """A log row of the timeline with its offset, and the words of the pause before it ("" when there was none)."""

    row: Row
    offset: str
    pause: str
    retry: str


@project_view()
def traces(request: ProjectRequest) -> HttpResponse:
    """There is no list of traces; `?id=` serves those whose ID cannot stand in a path."""
    if "id" in request.GET:
        return page(request, request.GET["id"])
    return redirect(reverse("syncs", args=(request.project.slug,)))


@project_view()
def trace(request: ProjectRequest, trace_id: str) -> HttpResponse:
    return page(request, trace_id)


def page(request: ProjectRequest, trace_id: str) -> HttpResponse:
    """One trace: verdict, counts, its entries with offsets and pauses, and the runs beside it."""
    now, project = timezone.now(), request.project
    found = Trace.objects.of(project).filter(trace_id=trace_id).first() if "\x00" not in trace_id else None
    if found is None:
        return things.missing(request, "trace", trace_id)
    line = timeline.timeline(found, project)
    beside = timeline.beside(found, project)
    context = {
        "now": now,
        "trace": found,
        "title": f"{sync_type_words(found.sync_type)} run" if found.sync_type else "Run",
        "words": things.sync_words(found),
        "run": things.run_row(project, found, now=now),
        "verdict": explain.trace_verdict(found, now=now),
        "sync": Sync.objects.of(project).filter(sync_id=found.sync_id).first() if found.sync_id else None,
        "owner_name": things.names_of(project, [found.user_id]).get(found.user_id, ""),
        "figures": figures(found),
        "lines": lines(line, request, now=now),
        "failure": failure(line),
        "cut": timeline.LONGEST if line.cut else 0,
        "ticks": charts.ticks(
            [(moment.offset, level_slug(moment.entry.level)) for moment in line.moments],
            length=found.last_at - found.first_at,
        ),
        "length": offset_words(found.last_at - found.first_at),
        "all_logs": paths.logs(project.slug, trace=found.trace_id, since=paths.since_of(found.first_at, now=now)),
        **neighbours(beside, project, now=now),
    }
    return render(request, "trace.html", context)


def neighbours(beside: timeline.Beside, project: Project, *, now: datetime) -> dict[str, things.RunRow | None]:
    found = {"previous": beside.previous, "next": beside.next, "last_good": beside.last_good}
    return {name: things.run_row(project, run, now=now) if run else None for name, run in found.items()}


def lines(line: timeline.Timeline, request: ProjectRequest, *, now: datetime) -> list[Line]:
    rows = rows_of([moment.entry for moment in line.moments], request)
    return [
        Line(row, f"+{offset_words(moment.offset)}", pause_words(moment), explain.entry_retry_clock(row.entry, now=now))
        for row, moment in zip(rows, line.moments, strict=True)
    ]


def failure(line: timeline.Timeline) -> trouble.SyncError | None:
    """The last error of the run, in words."""
    errors = [moment.entry for moment in line.moments if moment.entry.level >= Level.ERROR]
    return trouble.SyncError(errors[-1], explain.entry_explanation(errors[-1]), 1) if errors else None


def offset_words(offset: timedelta) -> str:
    """0.0 s, 8.2 s, 3 min 5 s, 2 h 5 min"""
    if offset < MINUTE:
        return f"{offset.total_seconds():.1f} s"
    return explain.duration_ms(offset // timedelta(milliseconds=1))


def pause_words(moment: timeline.Moment) -> str:
    if moment.pause is None:
        return ""
    length = offset_words(moment.pause)
    return f"Waited {length} for the next attempt" if moment.waited else f"{length} without a log"


def figures(found: Trace) -> list[tuple[str, int]]:
    """The counts that the run reported."""
    named = (
        ("Created", found.created),
        ("Updated", found.updated),
        ("Deleted", found.deleted),
        ("Processed", found.total_processed),
        ("Changes", found.total_changes),
    )
    return [(words, count) for words, count in named if count is not None]
