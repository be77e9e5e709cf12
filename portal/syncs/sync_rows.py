"""Rows of syncs and runs, status marks and 404 pages, for the pages of syncs, traces, users and integrations.

Returns frozen rows with words and links, or a response. No markup.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from portal.access.projects import ProjectRequest
from portal.links import paths
from synclogs import explain
from synclogs.catalogue import Tone, integration_words, pipeline_words
from synclogs.explain import OUTCOME_TONES, Finding, Outcome, StateCounts, Verdict
from synclogs.models import ConnectedUser, Project, Sync, Trace
from synclogs.overview.activity import Cause

NEEDING_ATTENTION = {Finding.STUCK, Finding.SILENT, Finding.UNDELIVERED, Finding.RETRYING, Finding.NOT_CREATED}


@dataclass(frozen=True, slots=True)
class SyncRow:
    """A sync in a list: what it is, whose it is, and the one sentence that matters."""

    sync: Sync
    words: str
    url: str
    user_name: str
    verdict: Verdict

    @property
    def needs_attention(self) -> bool:
        """Whether the verdict found what the reported state alone does not say."""
        return self.verdict.finding in NEEDING_ATTENTION


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list; `counts` and `duration` are "" when it did not say. `logs_url` can be narrowed further."""

    trace: Trace
    url: str
    logs_url: str
    outcome: Outcome
    tone: Tone
    counts: str
    duration: str


@dataclass(frozen=True, slots=True)
class Lamp:
    tone: Tone
    label: str
    words: str


def names_of(project: Project, user_ids: Iterable[str]) -> dict[str, str]:
    """user id -> the name of the customer, for those that have one."""
    ids = {user_id for user_id in user_ids if user_id}
    if not ids:
        return {}
    people = ConnectedUser.objects.of(project).filter(user_id__in=ids).exclude(name="")
    return dict(people.values_list("user_id", "name"))


def sync_rows(project: Project, syncs: Iterable[Sync], *, now: datetime) -> list[SyncRow]:
    found = list(syncs)
    names = names_of(project, (sync.user_id for sync in found))
    return [
        SyncRow(
            sync,
            sync_words(sync),
            sync_url(project, sync),
            names.get(sync.user_id, ""),
            explain.sync_verdict(sync, now=now),
        )
        for sync in found
    ]


def sync_words(sync: Sync | Trace) -> str:
    """Google Drive, files; what the logs do not name is left out."""
    parts = (integration_words(sync.integration), pipeline_words(sync.pipeline).lower())
    return ", ".join(part for part in parts if part) or "Sync without an integration"


def sync_url(project: Project, sync: Sync) -> str:
    return reverse("sync", args=(project.slug, sync.sync_id))


def run_row(project: Project, trace: Trace, *, now: datetime) -> RunRow:
    outcome = explain.trace_outcome(trace, now=now)
    length = explain.trace_duration(trace)
    milliseconds = trace.duration_ms
    if milliseconds is None and length is not None:
        milliseconds = int(length.total_seconds() * 1000)
    counts = explain.run_counts(
        trace.created,
        trace.updated,
        trace.deleted,
        total_processed=trace.total_processed,
        total_changes=trace.total_changes,
    )
    url = paths.detail(project.slug, "trace", trace.trace_id)
    logs_url = paths.logs(project.slug, trace=trace.trace_id, since=paths.since_of(trace.first_at, now=now))
    return RunRow(trace, url, logs_url, outcome, OUTCOME_TONES[outcome], counts, explain.duration_ms(milliseconds))


def cause_logs(project: Project, cause: Cause, *, since: str, integration: str = "") -> str:
    """The log entries behind a cause, as far as filters can say it."""
    http_status = "" if cause.error_code or cause.http_status is None else str(cause.http_status)
    return paths.logs(
        project.slug,
        integration=integration,
        level="error",
        type=cause.type,
        event=cause.event.name,
        error_code=cause.error_code,
        http_status=http_status,
        since=since,
    )


def counts_words(counts: StateCounts | None) -> str:
    """Of 5 syncs, 1 stopped and 1 silent; All 5 syncs work; No sync yet."""
    if counts is None or not counts.total:
        return "No sync yet"
    if counts.parts:
        return f"Of {explain.plural(counts.total, 'sync')}, {explain.joined(counts.parts)}"
    if counts.calm_parts:
        return f"No trouble known; of {explain.plural(counts.total, 'sync')}, {explain.joined(counts.calm_parts)}"
    return "The only sync works" if counts.total == 1 else f"All {counts.total:,} syncs work"


def missing(request: ProjectRequest, what: str, identifier: str) -> HttpResponse:
    """A 404 that names what was looked for. The same whether it never was, is gone, or belongs to another project."""
    context = {
        "what": what,
        "identifier": identifier[:300],
        "list_url": reverse(f"{what}s", args=(request.project.slug,)),
    }
    return render(request, "missing.html", context, status=404)
