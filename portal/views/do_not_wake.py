"""Do-not-wake list: its page, and the forms that add and remove.

A valid form redirects back; an invalid one is shown again with an error at its field. Rules are in synclogs.recovery.resolutions.
"""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from portal.access.projects import ProjectRequest, actor_of, project_view
from portal.links import paths, querystring
from portal.links.responses import SeeOther
from portal.recovery import attempt_cards
from portal.syncs import sync_rows
from synclogs.access.actors import Refused
from synclogs.catalogue import integration_words
from synclogs.models import ConnectedUser, Project, Role, Sleeper, Sync
from synclogs.parsing.identifiers import uuid_of
from synclogs.query.filters import FilterError
from synclogs.reading import keyset
from synclogs.recovery import resolutions

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class SleeperLine:
    """`words` name what sleeps, `url` leads to it; `is_over`: its time is up.

    `may_wake`: this person may take it off.
    """

    sleeper: Sleeper
    words: str
    url: str
    is_over: bool
    may_wake: bool


@project_view(role=Role.OPERATOR, methods=("GET", "HEAD", "POST"))
def sleepers(request: ProjectRequest) -> HttpResponse:
    """The list, the latest first; POST puts something on it."""
    if request.method == "POST":
        return put(request)
    now, errors = timezone.now(), querystring.refused(request.GET.lists(), keyset.CURSORS)
    everything = Sleeper.objects.of(request.project).select_related("by")
    page: keyset.Slice[Sleeper] = keyset.Slice([], "", "")
    if not errors:
        try:
            before, after = (request.GET.get(name, "") for name in keyset.CURSORS)
            page = keyset.page(everything, "at", size=PAGE_SIZE, before=before, after=after)
        except FilterError as error:
            errors = error.errors
    syncs = Sync.objects.of(request.project).filter(
        sync_id__in=[row.value for row in page.rows if row.kind == Sleeper.Kind.SYNC]
    )
    names = sync_rows.names_of(request.project, (row.value for row in page.rows if row.kind == Sleeper.Kind.USER))
    names |= {str(sync.sync_id): sync_rows.sync_words(sync) for sync in syncs}
    actor = actor_of(request)
    rows = [
        SleeperLine(
            row,
            integration_words(row.value) if row.kind == Sleeper.Kind.INTEGRATION else names.get(row.value, row.value),
            url_of(request.project, row.kind, row.value),
            row.until is not None and row.until <= now,
            resolutions.may_wake(row, actor),
        )
        for row in page.rows
    ]
    context = {"now": now, "rows": rows, "page": page, "errors": errors}
    return render(request, "sleepers.html", context, status=400 if errors else 200)


def put(request: ProjectRequest) -> HttpResponse:
    now = timezone.now()
    kind, value, reason = (request.POST.get(name, "") for name in ("kind", "value", "reason"))
    if kind == Sleeper.Kind.SYNC:
        value = str(uuid_of(value) or value)  # however it was written
    lengths = {name: length for name, _, length in attempt_cards.LENGTHS}
    errors: dict[str, str] = {}
    if kind not in Sleeper.Kind.values:
        errors["kind"] = "Choose a sync, a user or an integration."
    elif not is_known(request.project, kind, value):
        return sync_rows.missing(request, kind, value)
    chosen = request.POST.get("for", "")
    if chosen not in lengths:
        errors["for"] = "Choose how long."
    if not errors:
        length = lengths[chosen]
        try:
            resolutions.add_do_not_wake(
                request.project,
                Sleeper.Kind(kind),
                value,
                actor=actor_of(request),
                reason=reason,
                until=now + length if length else None,
                now=now,
            )
        except Refused as refused:
            errors["for" if refused.field == "until" else refused.field] = refused.sentence
        else:
            messages.success(request, "It is on the do-not-wake list now: only a lead with a reason wakes it.")
            return SeeOther(url_of(request.project, kind, value))
    context = {
        "now": now,
        "errors": errors,
        "typed": {"kind": kind, "value": value, "reason": reason, "for": chosen},
        "kinds": Sleeper.Kind.choices,
        "lengths": [(name, text) for name, text, _ in attempt_cards.LENGTHS],
    }
    return render(request, "sleeper_form.html", context, status=400)


def is_known(project: Project, kind: str, value: str) -> bool:
    """Whether a log has named it."""
    if "\x00" in value:
        return False
    match kind:
        case Sleeper.Kind.SYNC:
            key = uuid_of(value)
            return key is not None and Sync.objects.of(project).filter(sync_id=key).exists()
        case Sleeper.Kind.USER:
            return ConnectedUser.objects.of(project).filter(user_id=value).exists()
        case _:
            return Sync.objects.of(project).filter(integration=value).exists()


def url_of(project: Project, kind: str, value: str) -> str:
    if kind == Sleeper.Kind.SYNC:
        return reverse("sync", args=(project.slug, value))
    return paths.detail(project.slug, kind, value)


@project_view(role=Role.OPERATOR, methods=("POST",))
def wake(request: ProjectRequest, sleeper: int) -> HttpResponse:
    """Takes it off the list and leads back to where the button was."""
    found = Sleeper.objects.of(request.project).select_related("project").filter(pk=sleeper).first()
    if found is None:
        raise Http404("No such entry.")
    resolutions.wake(found, actor=actor_of(request))
    messages.success(request, "It is off the do-not-wake list.")
    if request.POST.get("back") == "list":
        return SeeOther(reverse("sleepers", args=(request.project.slug,)))
    return SeeOther(url_of(request.project, found.kind, found.value))
