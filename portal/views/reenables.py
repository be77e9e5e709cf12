"""Re-enable pages: the list of attempts, one attempt with its progress, and the forms of a sync's panel.

Answers a page, a fragment or a redirect. synclogs.recovery.reenable and synclogs.recovery.resolutions decide what is allowed; their
refusals are shown as sentences.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from portal.access.projects import ProjectRequest, actor_of, polled, project_view
from portal.links import paths
from portal.links.querystring import value_words
from portal.links.responses import SeeOther
from portal.log import rows as log_lines
from portal.recovery import attempt_cards, bulk_cards, sync_page
from portal.recovery.attempt_cards import Progress, Typed
from portal.syncs import sync_rows
from portal.tables import lists
from portal.tables.filtersets import UNDER_WAY, ReenableFilters
from synclogs.access.actors import NotAllowed, Refused, required_text
from synclogs.catalogue import Tone
from synclogs.catalogue.recovery import OPEN, Evidence, State
from synclogs.explain.reenables import source_words
from synclogs.models import ConnectedUser, LogEntry, Reenable, Role, Sync
from synclogs.parsing.identifiers import uuid_of
from synclogs.reading import timeline
from synclogs.recovery import provenance, reenable, resolutions

ENTRIES = 20
AFTERWARDS = timedelta(minutes=15)  # so long after its end entries still belong to the story
LABELS = {"state": "State", "integration": "Integration", "user": "User", "sync": "Sync", "who": "Who", "bulk": "Bulk"}


# What is done to a sync


def sync_of(request: ProjectRequest, sync_id: str) -> Sync | None:
    key = uuid_of(sync_id)
    return Sync.objects.of(request.project).select_related("project").filter(sync_id=key).first() if key else None


@project_view(role=Role.OPERATOR, methods=("POST",))
def request_one(request: ProjectRequest, sync_id: str) -> HttpResponse:
    """The confirmed click. A second one finds the first under way and says so."""
    now, found = timezone.now(), sync_of(request, sync_id)
    if found is None:
        return sync_rows.missing(request, "sync", sync_id)
    typed = Typed(reason=request.POST.get("reason", ""), override="override" in request.POST)
    try:
        reason = required_text("reason", typed.reason)
        attempt = reenable.request(found, actor=actor_of(request), reason=reason, override=typed.override, now=now)
    except Refused as refused:
        return again(request, found, typed, refused, now=now)
    except NotAllowed:
        raise PermissionDenied("Re-enabling against the evidence is for the role Lead and above.") from None
    except reenable.NotEligible as error:
        return not_eligible(request, found, error.evidence, typed, now=now)
    return SeeOther(reverse("attempt", args=(request.project.slug, attempt.pk)))


def not_eligible(
    request: ProjectRequest, found: Sync, evidence: Evidence, typed: Typed, *, now: datetime
) -> HttpResponse:
    """409: nothing was sent, with what stands in the way and the attempt that is under way."""
    running = Reenable.objects.of(request.project).filter(sync_id=found.sync_id).open().newest_first()[:1]
    attempts = attempt_cards.attempt_lines(request.project, running, now=now)
    context = {
        "now": now,
        "sync": found,
        "words": sync_rows.sync_words(found),
        "checks": attempt_cards.check_lines(evidence.failed, now=now),
        "running": attempts[0] if attempts else None,
        "reason": typed.reason,
    }
    return render(request, "reenable_refused.html", context, status=HTTPStatus.CONFLICT)


@project_view(role=Role.OPERATOR, methods=("POST",))
def resolve(request: ProjectRequest, sync_id: str) -> HttpResponse:
    """Somebody says that the cause is gone."""
    now, found = timezone.now(), sync_of(request, sync_id)
    if found is None:
        return sync_rows.missing(request, "sync", sync_id)
    typed = Typed(note=request.POST.get("note", ""), ticket=request.POST.get("ticket", ""))
    try:
        resolutions.resolve(found, actor=actor_of(request), note=typed.note, ticket=typed.ticket, now=now)
    except Refused as refused:
        return again(request, found, typed, refused, now=now)
    return SeeOther(f"{sync_rows.sync_url(request.project, found)}#reenable")


def again(request: ProjectRequest, found: Sync, typed: Typed, refused: Refused, *, now: datetime) -> HttpResponse:
    """The page of the sync with the form as it was typed and the words at its field."""
    typed = replace(typed, errors={refused.field: refused.sentence})
    return sync_page.show(request, found, now=now, typed=typed)


@project_view()
@polled
def evidence(request: ProjectRequest, sync_id: str) -> HttpResponse:
    """The panel again, this time with what the provider says; fetched after the page, which waits for nobody."""
    now, found = timezone.now(), sync_of(request, sync_id)
    if found is None:
        return sync_rows.missing(request, "sync", sync_id)
    owner = ConnectedUser.objects.of(request.project).filter(user_id=found.user_id).first() if found.user_id else None
    panel = attempt_cards.panel_of(request, found, owner=owner, now=now, ask_provider=True)
    response = render(request, "_reenable_panel.html", {"now": now, "sync": found, "panel": panel})
    response["X-Fragment"] = "panel"
    return response


# One attempt


def attempt_of(request: ProjectRequest, attempt: UUID) -> Reenable:
    found = Reenable.objects.of(request.project).select_related("bulk").filter(pk=attempt).first()
    if found is None:
        raise Http404("No such attempt.")
    return found


@project_view()
def attempt(request: ProjectRequest, attempt: UUID) -> HttpResponse:
    """How far it is, what it was based on, what the provider said, and what has been logged since the click."""
    now, found = timezone.now(), attempt_of(request, attempt)
    others = Reenable.objects.of(request.project).filter(sync_id=found.sync_id).exclude(pk=found.pk).newest_first()
    line, *past = attempt_cards.attempt_lines(request.project, (found, *others[: attempt_cards.LISTED]), now=now)
    context = {
        **state_context(request, line, now=now),
        "checks": attempt_cards.stored_check_lines(found),
        "past": past,
    }
    return render(request, "reenable.html", context)


@project_view()
@polled
def progress(request: ProjectRequest, attempt: UUID) -> HttpResponse:
    """What has changed of an attempt since the version that is shown; nothing (204) when nothing has."""
    now, found = timezone.now(), attempt_of(request, attempt)
    line = attempt_cards.attempt_lines(request.project, (found,), now=now)[0]
    on_sync = request.GET.get("on") == "sync"
    context = (
        {"now": now, "progress": attempt_cards.progress_of(line, now=now)}
        if on_sync
        else state_context(request, line, now=now)
    )
    shown: Progress = context["progress"]  # type: ignore[assignment]
    seen = request.GET.get("seen", "")
    if seen == shown.version:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    context |= {"is_fragment": True, "on_sync": on_sync, "is_changed": seen.partition("-")[0] != found.state}
    response = render(request, "_attempt.html", context)
    response["X-Fragment"] = "attempt"
    return response


def state_context(request: ProjectRequest, line: attempt_cards.AttemptLine, *, now: datetime) -> dict[str, object]:
    """The progress and the facts, with the newest entries of the sync since the click."""
    found = line.attempt
    until = min(now, found.ended_at + AFTERWARDS) if found.ended_at else now
    entries = timeline.latest(
        request.project, first=found.requested_at, last=until, size=ENTRIES, sync=str(found.sync_id)
    )
    newest = entries[0].key.hex if entries else ""
    ended_by = LogEntry.objects.of(request.project).at_key(found.ended_key).first() if found.ended_key else None
    return {
        "now": now,
        "line": line,
        "progress": attempt_cards.progress_of(line, now=now, newest=newest),
        "ended_by": ended_by,
        "ended_words": source_words(provenance.of(ended_by), now=now) if ended_by else "",
        "log_rows": log_lines.lines(entries, request.project, now=now),
        "all_logs": paths.logs(request.project.slug, sync=str(found.sync_id), since=paths.exact(found.requested_at)),
    }


# The list


def label(name: str, value: str) -> tuple[str, str]:
    if name == "state":
        return LABELS[name], "under way" if value == UNDER_WAY else dict(State.choices).get(value, value).lower()
    return LABELS.get(name, name), value_words(name, value)


@project_view()
def reenables(request: ProjectRequest) -> HttpResponse:
    """All attempts of the project, newest first."""
    now = timezone.now()
    everything = Reenable.objects.of(request.project)
    filters = ReenableFilters(request.GET, everything, project=request.project, now=now)
    matching = everything.none() if filters.errors_by_name else filters.qs
    shown = matching if filters.errors_by_name else filters.in_state(matching)
    listing = lists.listing(filters, shown, column="requested_at", label=label)
    integrations = everything.order_by().values_list("integration", flat=True).distinct()[: lists.OPTIONS]
    chosen = {name: request.GET.getlist(name) for name in LABELS}
    offered = dict.fromkeys((*sorted(filter(None, integrations)), *filter(None, chosen["integration"])))
    context = {
        "now": now,
        "listing": listing,
        "rows": attempt_cards.attempt_lines(request.project, listing.rows, now=now),
        "tabs": lists.tabs(request.GET, "state", state_tabs(request, filters.tally(matching))),
        "integrations": [(value, value_words("integration", value)) for value in offered],
        "chosen": chosen,
        "bulks": [] if request.GET else bulk_cards.recent(request.project, now=now),
    }
    return render(request, "reenables.html", context, status=listing.status)


def state_tabs(request: ProjectRequest, tally: dict[str, int]) -> list[tuple[str, str, int | None, str]]:
    """All, those under way, then each way to end that there is."""
    under_way = sum(tally.get(state, 0) for state in OPEN)
    found: list[tuple[str, str, int | None, str]] = [
        ("", "All", sum(tally.values()), ""),
        (UNDER_WAY, "Under way", under_way, Tone.ACTIVE if under_way else ""),
    ]
    chosen = request.GET.getlist("state")
    shown = [state for state in State if (state not in OPEN and tally.get(state)) or state in chosen]
    return [*found, *((state.value, state.label, tally.get(state, 0), attempt_cards.TONES[state]) for state in shown)]
