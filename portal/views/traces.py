"""Run page (trace): its timeline. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from portal.access.projects import ProjectRequest, project_view
from portal.log import entry_detail
from portal.syncs import run_diff, run_waterfall, sync_rows
from portal.syncs.run_waterfall import length_words, offset_words
from synclogs import explain
from synclogs.catalogue import Level, sync_type_words
from synclogs.models import LogEntry, Project, Sync, Trace
from synclogs.overview import activity
from synclogs.reading import timeline
from synclogs.reading.timeline import PAUSE_AT_LEAST


@dataclass(frozen=True, slots=True)
class Line:
    """A log row of the timeline with its offset, and the words of the pause before it ("" when there was none)."""

    entry: LogEntry
    url: str
    text: str
    offset: str
    pause: str
    retry: str
    waited: bool


@project_view()
def traces(request: ProjectRequest) -> HttpResponse:
    """There is no list of traces; `?id=` serves those whose ID cannot stand in a path."""
    if "id" in request.GET:
        return page(request, request.GET["id"])
    # With what was asked for, so that the list there narrows by it or says that it cannot.
    return redirect(reverse("syncs", args=(request.project.slug,)) + f"?{request.GET.urlencode()}".rstrip("?"))


@project_view()
def trace(request: ProjectRequest, trace_id: str) -> HttpResponse:
    return page(request, trace_id)


def page(request: ProjectRequest, trace_id: str) -> HttpResponse:
    """One trace: verdict, counts, its entries with offsets and pauses, and the runs beside it."""
    now, project = timezone.now(), request.project
    found = Trace.objects.of(project).filter(trace_id=trace_id).first() if "\x00" not in trace_id else None
    if found is None:
        return sync_rows.missing(request, "trace", trace_id)
    line = timeline.timeline(found, project)
    beside = timeline.beside(found, project)
    sync = Sync.objects.of(project).filter(sync_id=found.sync_id).first() if found.sync_id else None
    context = {
        "now": now,
        "trace": found,
        "title": f"{sync_type_words(found.sync_type)} run" if found.sync_type else "Run",
        "words": sync_rows.sync_words(found),
        "run": sync_rows.run_row(project, found, now=now),
        "verdict": explain.trace_verdict(found, now=now),
        "sync": sync,
        "owner_name": sync_rows.names_of(project, [found.user_id]).get(found.user_id, ""),
        "figures": figures(found),
        "lines": list(lines(line, project, omitted=found.entries - len(line.moments), now=now)),
        "chart": run_waterfall.chart(found, line, now=now),
        "changes": run_diff.changes(found, line, beside.last_good, project=project, sync=sync, now=now),
        "failure": failure(line),
        "cut": bool(line.cut),
        **neighbours(beside, project, now=now),
    }
    return render(request, "trace.html", context)


def neighbours(beside: timeline.Neighbours, project: Project, *, now: datetime) -> dict[str, sync_rows.RunRow | None]:
    found = {"previous": beside.previous, "next": beside.next, "last_good": beside.last_good}
    return {name: sync_rows.run_row(project, run, now=now) if run else None for name, run in found.items()}


def lines(line: timeline.Timeline, project: Project, *, omitted: int, now: datetime) -> Iterator[Line]:
    base = reverse("logs", args=(project.slug,))
    waits = {wait.number: wait for wait in line.waits}
    last = len(line.moments) - 1  # what earlier ones announced has come, and stands before the next line
    for number, moment in enumerate(line.moments):
        entry = moment.entry
        yield Line(
            entry,
            url=f"{base}/{entry.key}",
            text=entry_detail.message_cell(entry),
            offset=f"+{offset_words(moment.offset)}",
            pause=omitted_words(omitted)
            if line.cut and number == line.cut
            else pause_words(moment, waits.get(number - 1)),
            retry="" if number < last else explain.entry_retry_clock(entry, now=now),
            waited=moment.waited,
        )


def failure(line: timeline.Timeline) -> activity.SyncError | None:
    """The last error of the run, in words."""
    errors = [moment.entry for moment in line.moments if moment.entry.level >= Level.ERROR]
    return activity.SyncError(errors[-1], explain.entry_explanation(errors[-1]), 1) if errors else None


def omitted_words(count: int) -> str:
    return f"{explain.plural(count, 'entry', 'entries')} between these are left out here"


def pause_words(moment: timeline.Moment, wait: timeline.Wait | None) -> str:
    """The pause before an entry; `wait` is what the entry before it had announced."""
    if moment.pause is None:
        return ""
    if wait is None:
        return f"{length_words(moment.pause)} without a log"
    attempt = explain.attempt_words(wait.attempt, wait.most)
    waited = f"Waited {length_words(wait.length)} for the next attempt" + (f", {attempt}" if attempt else "")
    silent = moment.pause - wait.length
    return f"{waited}, then {length_words(silent)} without a log" if silent >= PAUSE_AT_LEAST else waited


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
