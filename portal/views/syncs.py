"""Sync pages of a project: the list with its filters, and the page of one sync.

The meaning of a sync's state comes from synclogs.explain; nothing is changed here.
"""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.access.projects import ProjectRequest, project_view
from portal.links.querystring import value_words
from portal.recovery import sync_page
from portal.syncs import sync_rows
from portal.tables import lists
from portal.tables.filtersets import ANY, SYNC_LABELS, SyncFilters, sync_label
from synclogs.catalogue import SyncStatus, Tone
from synclogs.models import Attention, Role, Sync
from synclogs.models.sync import SyncQuerySet
from synclogs.overview import state_counts
from synclogs.parsing.identifiers import uuid_of


@project_view()
def syncs(request: ProjectRequest) -> HttpResponse:
    """The list, newest sign of life first."""
    now = timezone.now()
    everything = Sync.objects.of(request.project)
    filters = SyncFilters(request.GET, everything, project=request.project, now=now)
    matching: SyncQuerySet = everything.none() if filters.errors_by_name else filters.qs
    chosen = matching if filters.errors_by_name else filters.needing(matching)
    tally = state_counts.tally(matching, now=now)
    listing = lists.listing(filters, chosen.newest_first(), column="last_seen_at", label=sync_label)
    context = {
        "now": now,
        "listing": listing,
        "rows": sync_rows.sync_rows(request.project, listing.rows, now=now),
        "tabs": attention_tabs(request, tally),
        "may_tick": request.role >= Role.LEAD and bool(tally.counts.errored),
        "chosen": {name: request.GET.getlist(name) for name in SYNC_LABELS},
        "menus": menus(request),
    }
    return render(request, "syncs.html", context, status=listing.status)


def attention_tabs(request: ProjectRequest, tally: state_counts.Tally) -> list[lists.Tab]:
    """How many of the matching syncs are in each kind of trouble; kinds without any are left out unless chosen."""
    choices = [("", "All", tally.counts.total, ""), (ANY, "Need attention", tally.needing, "")]
    for kind in Attention:
        count = getattr(tally.counts, kind.value)
        if count or kind.value in request.GET.getlist("attention"):
            choices.append((kind.value, kind.label, count, Tone.ERROR if kind in SEVERE else Tone.WARNING))
    return lists.tabs(request.GET, "attention", choices)


SEVERE = (Attention.ERRORED, Attention.STUCK)


def menus(request: ProjectRequest) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """The filters that are picked from a list: (parameter, label, [(value, words)]), from the data present."""
    present = Sync.objects.of(request.project).order_by()
    found: dict[str, list[str]] = {"status": list(SyncStatus.values)}
    for name in ("integration", "pipeline"):
        values = present.values_list(name, flat=True).distinct()[: lists.OPTIONS]
        found[name] = sorted(filter(None, values), key=lambda value: value_words(name, value).lower())
    made = []
    for name, options in found.items():
        offered = dict.fromkeys((*options, *filter(None, request.GET.getlist(name))))
        made.append((name, SYNC_LABELS[name], [(value, value_words(name, value)) for value in offered]))
    return made


@project_view()
def sync(request: ProjectRequest, sync_id: str) -> HttpResponse:
    """One sync: its verdict, state, runs, errors and logs, and what can be done about it."""
    key = uuid_of(sync_id)
    found = Sync.objects.of(request.project).select_related("project").filter(sync_id=key).first() if key else None
    if found is None:
        return sync_rows.missing(request, "sync", sync_id)
    return sync_page.show(request, found, now=timezone.now())
