"""Bulk re-enable pages: preview, list, one bulk, and the forms to control it.

Answers a page, a fragment or a redirect. synclogs.recovery.bulk decides what is allowed; its refusals are shown as sentences.
"""

from dataclasses import replace
from http import HTTPStatus
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from portal.access.projects import ProjectRequest, actor_of, polled, project_view
from portal.links import querystring
from portal.links.responses import SeeOther
from portal.recovery import bulk_cards
from portal.recovery.bulk_cards import BulkLine, Typed
from portal.tables import lists
from portal.tables.filtersets import BulkFilters, TickedFilters, sync_label
from synclogs.access.actors import Refused, allow
from synclogs.explain import bulks as words
from synclogs.models import Bulk, BulkItem, BulkState, Role, Sync
from synclogs.models.bulk import MOST_ITEMS
from synclogs.parsing.identifiers import uuid_of
from synclogs.recovery import bulk as verbs
from synclogs.recovery.bulk import RESULTS, Conflict, NothingSelected
from synclogs.recovery.selection import preview

FORM = ("GET", "HEAD", "POST")
PAGE_SIZE = 50
LONGEST_SOURCE = 8000
TEXT = "text/plain; charset=utf-8"


# Before it starts


@project_view(role=Role.LEAD, methods=FORM)
def new(request: ProjectRequest) -> HttpResponse:
    """The preview of the syncs that the address names, as the list of syncs does; by POST it is started as it was shown."""
    errors = wrong(request)
    if errors:
        return page(request, Typed(""), wrong=errors, status=HTTPStatus.BAD_REQUEST)
    if request.method != "POST":
        return page(request, Typed(str(uuid4())))
    typed = bulk_cards.typed_of(request.POST)
    try:
        made = start(request, typed)
    except Refused as refused:
        return page(request, replace(typed, errors={refused.field: refused.sentence}), status=HTTPStatus.BAD_REQUEST)
    except NothingSelected:
        return page(request, typed, is_empty=True, status=HTTPStatus.CONFLICT)
    return SeeOther(reverse("bulk", args=(request.project.slug, made.pk)))


def wrong(request: ProjectRequest) -> dict[str, str]:
    """What of the address cannot be read; a form of the list without a tick is no wish for everything."""
    found = dict(filters_of(request).errors_by_name)
    if "sync" in request.GET and not any(request.GET.getlist("sync")):
        found["sync"] = "Nothing was ticked. Tick at least one sync in the list."
    return found


def filters_of(request: ProjectRequest) -> TickedFilters:
    return TickedFilters(request.GET, Sync.objects.of(request.project), project=request.project, now=timezone.now())


def start(request: ProjectRequest, typed: Typed) -> Bulk:
    """Raises Refused, NothingSelected."""
    ids, key = bulk_cards.ids_of(request.POST.get("syncs", "")), uuid_of(typed.key)
    if ids is None or key is None:
        raise Refused("syncs", "The form came damaged, so nothing was started. Here is the preview again.")
    source = querystring.link(querystring.pairs(request.GET.lists()))[1:]
    return verbs.start(
        request.project,
        ids,
        plan=bulk_cards.plan_of(request.POST),
        actor=actor_of(request),
        reason=typed.reason,
        source=source if len(source) <= LONGEST_SOURCE else "",
        now=timezone.now(),
        key=key,
    )


def page(
    request: ProjectRequest,
    typed: Typed,
    *,
    wrong: dict[str, str] | None = None,
    is_empty: bool = False,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    now = timezone.now()
    query = querystring.pairs(request.GET.lists())
    context: dict[str, object] = {
        "now": now,
        "errors": wrong or {},
        "typed": typed,
        "is_empty": is_empty,
        "query_text": querystring.link(query)[1:],
        "back": querystring.link(querystring.remove(query, "sync")),
        "chips": lists.chips(query, label),
    }
    if not wrong:
        filters = filters_of(request)
        found = preview(request.project, filters.needing(filters.qs), now=now)
        shown = bulk_cards.preview_page(request.project, found, query, typed, now=now)
        above = settings.BULK_APPROVAL_ABOVE
        context |= {
            "preview": shown,
            "most": MOST_ITEMS,
            "approval_above": above,
            "needs_approval": 0 < above < shown.count,
        }
    return render(request, "bulk_new.html", context, status=status)


def label(name: str, value: str) -> tuple[str, str]:
    return ("Sync", value[:8]) if name == "sync" else sync_label(name, value)


# All of them, and one


@project_view()
def every(request: ProjectRequest) -> HttpResponse:
    now = timezone.now()
    found = Bulk.objects.of(request.project)
    filters = BulkFilters(request.GET, found, project=request.project, now=now)
    matching = found.none() if filters.errors_by_name else filters.qs
    listing = lists.listing(filters, matching, column="created_at", label=state_label)
    context = {"now": now, "listing": listing, "bulks": bulk_cards.lines(request.project, listing.rows, now=now)}
    return render(request, "bulks.html", context, status=listing.status)


def state_label(name: str, value: str) -> tuple[str, str]:
    return "State", dict(BulkState.choices).get(value, value)


def bulk_of(request: ProjectRequest, key: UUID) -> Bulk:
    found = Bulk.objects.of(request.project).select_related("requested_by", "approved_by").filter(pk=key).first()
    if found is None:
        raise Http404("No such bulk re-enable.")
    return found


@project_view()
def bulk(request: ProjectRequest, bulk: UUID) -> HttpResponse:
    """How far it is, and the result of each sync."""
    return show(request, bulk_of(request, bulk))


def show(request: ProjectRequest, found: Bulk, *, conflict: str = "", status: int = HTTPStatus.OK) -> HttpResponse:
    """`conflict`: why what was just asked for did not happen."""
    now = timezone.now()
    context, errors = state_context(request, found, bulk_cards.line_of(request, found, now=now))
    context |= {"now": now, "conflict": conflict, "errors": errors, "preview_again": preview_again(request, found)}
    return render(request, "bulk.html", context, status=HTTPStatus.BAD_REQUEST if errors else status)


@project_view()
@polled
def progress(request: ProjectRequest, bulk: UUID) -> HttpResponse:
    """What has changed since the version that is shown; nothing (204) when nothing has."""
    found, now = bulk_of(request, bulk), timezone.now()
    line = bulk_cards.line_of(request, found, now=now)
    seen = request.GET.get("seen", "")
    if seen == line.version:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    context, errors = state_context(request, found, line)
    if errors:
        return HttpResponse(" ".join(errors.values()), status=HTTPStatus.BAD_REQUEST, content_type=TEXT)
    context |= {"now": now, "is_fragment": True, "is_changed": seen.partition("-")[0] != found.state}
    response = render(request, "_bulk.html", context)
    response["X-Fragment"] = "bulk"
    return response


def state_context(request: ProjectRequest, found: Bulk, line: BulkLine) -> tuple[dict[str, object], dict[str, str]]:
    """The progress and the page of syncs that the address asks for; and what of it cannot be read."""
    result, after = request.GET.get("result", ""), request.GET.get("after", "")
    errors = querystring.refused(request.GET.lists(), ("result", "after", "seen"))
    if result and result not in RESULTS:
        errors.setdefault("result", f"Use one of {', '.join(RESULTS)}.")
    if after and not (after.isascii() and after.isdigit() and len(after) < 7):
        errors.setdefault("after", "This page address is damaged; start again from the first page.")
    items = BulkItem.objects.filter(bulk=found).select_related("attempt").order_by("position")
    if result and not errors:
        items = items.filter(RESULTS[result])
    if after and not errors:
        items = items.filter(position__gt=int(after))
    rows = [] if errors else list(items[: PAGE_SIZE + 1])
    shown = rows[:PAGE_SIZE]
    query = tuple(pair for pair in (("result", result), ("after", after)) if pair[1])
    last = str(shown[-1].position) if len(rows) > PAGE_SIZE else ""
    context: dict[str, object] = {
        "line": line,
        "parts": bulk_cards.parts_of(line, result),
        "rows": bulk_cards.item_lines(request.project, found, shown, now=timezone.now()),
        "result": result,
        "result_words": bulk_cards.RESULTS[result][0].lower() if result in bulk_cards.RESULTS else "",
        "query_text": querystring.link(query)[1:],
        "first": querystring.link(querystring.remove(query, "after")) if after else "",
        "next": querystring.link(querystring.replace(query, "after", last)) if last else "",
    }
    return context, errors


def preview_again(request: ProjectRequest, found: Bulk) -> str:
    """The same preview, for those that were not tried."""
    address = reverse("bulk-new", args=(request.project.slug,))
    return f"{address}?{found.source}" if found.source else address


@project_view(methods=FORM)
def change_state(request: ProjectRequest, bulk: UUID, verb: str) -> HttpResponse:
    """Asks first, and says what will happen."""
    found = bulk_of(request, bulk)
    if verb not in bulk_cards.VERBS:
        raise Http404("No such verb.")
    sentence = f"To {verb} a bulk re-enable is for the role Lead and above. You are {request.role.label.lower()} here."
    allow(actor_of(request), Role.LEAD, sentence)
    if verb == "approve" and found.requested_by_id == request.user.pk:
        raise PermissionDenied("You asked for it yourself, so somebody else has to approve it: another lead.")
    if request.method == "POST":
        return perform(request, found, verb)
    line = bulk_cards.line_of(request, found, now=timezone.now())
    if found.state not in bulk_cards.VERBS[verb].states:
        return show(request, found, conflict="It cannot be changed like that any more.", status=HTTPStatus.CONFLICT)
    return ask(request, line, verb)


def ask(request: ProjectRequest, line: BulkLine, verb: str, *, reason: str = "", error: str = "") -> HttpResponse:
    context = {
        "now": timezone.now(),
        "line": line,
        "verb": bulk_cards.VERBS[verb],
        "words": words.verb_sentence(verb, line.progress),
        "reason": reason,
        "error": error,
    }
    return render(request, "bulk_act.html", context, status=HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK)


def perform(request: ProjectRequest, found: Bulk, verb: str) -> HttpResponse:
    actor, now, reason = actor_of(request), timezone.now(), request.POST.get("reason", "")
    try:
        match verb:
            case "approve":
                verbs.approve(found, actor=actor, now=now)
            case "pause":
                verbs.pause(found, actor=actor, now=now, reason=reason)
            case "resume":
                verbs.resume(found, actor=actor, now=now, reason=reason)
            case _:
                verbs.abort(found, actor=actor, now=now, reason=reason)
    except Refused as refused:
        return ask(request, bulk_cards.line_of(request, found, now=now), verb, reason=reason, error=refused.sentence)
    except Conflict as conflict:
        return show(request, bulk_of(request, found.pk), conflict=str(conflict), status=HTTPStatus.CONFLICT)
    return SeeOther(reverse("bulk", args=(request.project.slug, found.pk)))
