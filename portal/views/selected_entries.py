"""Selected log entries by key, as list rows, JSON, ticket text or links.

`key=…&key=…`, at most LONGEST of them; newest first. Unknown keys are left out.
"""

from collections.abc import Sequence
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from portal.access.projects import ProjectRequest, project_view
from portal.log import columns, entry_ticket, payload, rows
from synclogs.models import ConnectedUser, LogEntry
from synclogs.parsing.identifiers import uuid_of
from synclogs.query.filters import FilterError
from synclogs.reading import tail

LONGEST = 100
TEXT = "text/plain; charset=utf-8"
FORMATS = ("json", "ticket", "links")


def keys_of(request: ProjectRequest, *, most: int) -> list[UUID]:
    """The keys of the query. Raises FilterError."""
    given = request.GET.getlist("key")
    if not given or len(given) > most:
        raise FilterError({"key": f"Give 1 to {most} keys."})
    keys = {uuid_of(text): None for text in given}
    if None in keys:
        raise FilterError({"key": "This is not the key of an entry."})
    return [key for key in keys if key]


def found(request: ProjectRequest, keys: Sequence[UUID]) -> list[LogEntry]:
    entries = list(LogEntry.objects.of(request.project).at_keys(keys).newest_first())
    if not entries:
        raise Http404("No such entry.")
    return entries


def refused(error: FilterError) -> HttpResponse:
    return HttpResponse("\n".join(error.errors.values()), status=400, content_type=TEXT)


@project_view()
def lines(request: ProjectRequest) -> HttpResponse:
    """The lines of these entries as in the list, for the pill of the live tail."""
    try:
        entries = found(request, keys_of(request, most=tail.SIZE))
        chosen = columns.parse(request.GET.getlist("columns"))
    except FilterError as error:
        return refused(error)
    shown = rows.lines(entries, request.project, now=timezone.now(), chosen=chosen)
    response = render(request, "_rows.html", {"rows": shown})
    response["X-Fragment"] = "rows"
    return response


@project_view()
def copy(request: ProjectRequest) -> HttpResponse:
    """The ticked entries as one text to copy."""
    form = request.GET.get("format", "")
    try:
        if form not in FORMATS:
            raise FilterError({"format": f"The format is one of {', '.join(FORMATS)}."})
        entries = found(request, keys_of(request, most=LONGEST))
    except FilterError as error:
        return refused(error)
    if form == "json":
        return HttpResponse(payload.as_json([entry.context() for entry in entries]), content_type="application/json")
    text = ticket_text(request, entries) if form == "ticket" else "\n".join(links(request, entries))
    return HttpResponse(text, content_type=TEXT)


@project_view()
def ticket(request: ProjectRequest, key: UUID) -> HttpResponse:
    """One entry as text for a ticket."""
    return HttpResponse(ticket_text(request, found(request, [key])), content_type=TEXT)


def ticket_text(request: ProjectRequest, entries: Sequence[LogEntry]) -> str:
    who = {entry.user_id for entry in entries} - {""}
    people = ConnectedUser.objects.of(request.project).filter(user_id__in=who)
    names = {person.user_id: person.name or person.company for person in people}
    people_names = [names.get(entry.user_id, "") for entry in entries]
    return entry_ticket.tickets(zip(entries, people_names, links(request, entries), strict=True))


def links(request: ProjectRequest, entries: Sequence[LogEntry]) -> list[str]:
    return [request.build_absolute_uri(reverse("log", args=(request.project.slug, entry.key))) for entry in entries]
