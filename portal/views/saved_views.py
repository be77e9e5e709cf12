"""Saved view forms: create, change, delete; and the counts of the sidebar, loaded after the page.

A valid form redirects to the list with the view open; an invalid one is shown again with an error at its field. Rules and
permissions are in synclogs.reading.saved_views.
"""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from portal.access.projects import ProjectRequest, actor_of, polled, project_view
from portal.links import querystring
from portal.links.querystring import Pairs
from portal.links.question import Question
from portal.log import columns, saved_views_rail
from portal.log.payload import escaped
from synclogs.access.actors import Refused
from synclogs.models import SavedView
from synclogs.query.fields import blanks
from synclogs.query.filters import FilterError
from synclogs.reading import saved_views

FORM = ("GET", "HEAD", "POST")


@project_view()
@polled
def counts(request: ProjectRequest) -> HttpResponse:
    """The inside of the rail, with how many entries each view matches."""
    errors = blanks(request.GET.lists())
    if errors:
        return HttpResponse(str(FilterError(errors)), status=400, content_type="text/plain; charset=utf-8")
    pairs = querystring.pairs(request.GET.lists())
    views = saved_views_rail.visible(request)
    found = saved_views_rail.rail_of(request, views, pairs)
    if found.ask:
        saved_views_rail.count_all(request.project, (*found.built_in, *found.yours, *found.team), now=timezone.now())
        found = saved_views_rail.rail_of(request, views, pairs)
    response = render(request, "_views_list.html", {"rail": found})
    response["X-Fragment"] = "views"
    return response


@project_view(methods=("POST",))
def create(request: ProjectRequest) -> HttpResponse:
    """A new view of what the list shows."""
    actor, is_shared = actor_of(request), "is_shared" in request.POST
    if is_shared:
        saved_views.allow_sharing(actor)
    name = request.POST.get("name", "")
    try:
        query = readable_query(request)
        view = saved_views.create(
            request.project, request.user, actor=actor, name=name, query=query, is_shared=is_shared
        )
    except Refused as refused:
        return again(request, None, refused, is_shared=is_shared)
    messages.success(request, f"The view “{escaped(view.name)}” is saved{' for the team' if is_shared else ''}.")
    return to_list(request, pairs_of(query), view)


@project_view(methods=("POST",))
def change(request: ProjectRequest, view: int) -> HttpResponse:
    """`act` keep: the view shows from now on what the list shows. `act` edit: another name, shared or not."""
    found = changeable(request, view)
    actor, is_shared = actor_of(request), "is_shared" in request.POST
    query = pairs_of(request.POST.get("query", ""))
    try:
        if request.POST.get("act") == "keep":
            saved_views.change(found, actor, query=readable_query(request))
        else:
            saved_views.change(found, actor, name=request.POST.get("name", ""), is_shared=is_shared)
    except Refused as refused:
        return again(request, found, refused, is_shared=is_shared)
    messages.success(request, f"The view “{escaped(found.name)}” is changed.")
    return to_list(request, query, found)


@project_view(methods=FORM)
def remove(request: ProjectRequest, view: int) -> HttpResponse:
    """Asks first."""
    found = changeable(request, view)
    if request.method != "POST":
        query = pairs_of(request.GET.get("query", ""))
        context = {
            "view": found,
            "owner": saved_views_rail.person_words(found),
            "query_text": querystring.link(query)[1:],
        }
        return render(request, "delete_view.html", {**context, "back": address(request, query, found)})
    saved_views.remove(found, actor_of(request))
    messages.success(request, f"The view “{escaped(found.name)}” is deleted.")
    return to_list(request, pairs_of(request.POST.get("query", "")), None)


def changeable(request: ProjectRequest, number: int) -> SavedView:
    """The view when this person may change it; one that they cannot see is as good as none."""
    views = SavedView.objects.of(request.project).visible_to(request.user).select_related("owner")
    found = views.filter(pk=number).first()
    if found is None:
        raise Http404("No such view.")
    if not saved_views.may_change(found, actor_of(request)):
        owner = escaped(saved_views_rail.person_words(found))
        raise PermissionDenied(f"Only {owner}, whose view it is, and leads can change this view of the team.")
    return found


def readable_query(request: HttpRequest) -> str:
    """The query of the form, read as the list reads it, in its canonical form. Raises Refused."""
    parameters = QueryDict(request.POST.get("query", ""))
    question = Question.read(parameters.lists(), now=timezone.now())
    try:
        if question.errors:
            raise FilterError(question.errors)
        chosen = columns.parse(parameters.getlist(columns.PARAMETER))
    except FilterError as error:
        raise Refused("query", f"These filters cannot be saved. {error}") from None
    return querystring.link(question.with_page(columns.canonical(chosen)))[1:]


def pairs_of(text: str) -> Pairs:
    """A query string as pairs, without cursor and view. What is wrong with it stays, for the list to say."""
    parameters = tuple((name, value) for name, values in QueryDict(text).lists() for value in dict.fromkeys(values))
    return tuple(pair for pair in parameters if pair[0] not in (*querystring.CURSORS, saved_views_rail.PARAMETER))


def address(request: ProjectRequest, query: Pairs, view: SavedView | None) -> str:
    shown = (*query, *((("view", str(view.pk)),) if view else ()))
    return reverse("logs", args=(request.project.slug,)) + querystring.link(shown).rstrip("?")


def to_list(request: ProjectRequest, query: Pairs, view: SavedView | None) -> HttpResponse:
    return HttpResponseRedirect(address(request, query, view))


def again(request: ProjectRequest, view: SavedView | None, refused: Refused, *, is_shared: bool) -> HttpResponse:
    """The form on a page of its own, with all that was typed, the errors at their fields, and a link back."""
    query = pairs_of(request.POST.get("query", ""))
    if view is not None:
        view.refresh_from_db()
    context = {
        "view": view,
        "act": request.POST.get("act", ""),
        "name": request.POST.get("name", view.name if view else ""),
        "is_shared": is_shared,
        "may_share": saved_views.may_share(actor_of(request)) or (view is not None and view.is_shared),
        "query_text": querystring.link(query)[1:],
        "errors": {refused.field: str(refused)},
        "back": address(request, query, view),
    }
    return render(request, "view_form.html", context, status=400)
