"""Project and role of a request; every page of a project goes through here.

A stranger gets the same 404 as for a project that does not exist; a member with too low a role gets a 403 that says so. One query
for each request, so a changed role acts at once.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from ipaddress import ip_address
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils.encoding import escape_uri_path
from django.views.decorators.http import require_http_methods
from django_htmx.middleware import HtmxDetails

from portal.access import read_limits
from portal.links import querystring
from synclogs.access import denials
from synclogs.access.actors import Actor, NotAllowed
from synclogs.models import Action, Membership, Project, Role

LAST_PROJECT = "last_project"
SAFE_METHODS = ("GET", "HEAD")


class ProjectRequest(HttpRequest):
    """What a view behind `project_view` receives."""

    id: str
    user: User
    project: Project
    role: Role
    projects: list[Project]
    htmx: HtmxDetails


P = ParamSpec("P")
View = Callable[Concatenate[ProjectRequest, P], HttpResponseBase]


def client_address(request: HttpRequest) -> str | None:
    """The socket's address, or the one the last trusted proxy saw (TRUSTED_PROXIES counts them)."""
    address = request.META.get("REMOTE_ADDR") or None
    if settings.TRUSTED_PROXIES:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
        address = hops[-settings.TRUSTED_PROXIES] if len(hops) >= settings.TRUSTED_PROXIES else address
    try:
        return str(ip_address((address or "").partition("%")[0]))  # without the zone of fe80::1%eth0
    except ValueError:  # a socket file, or a proxy that writes something else: no column would take it
        return None


def origin(request: HttpRequest) -> dict[str, Any]:
    """Where a request comes from, as the audit wants it."""
    return {"address": client_address(request), "request_id": getattr(request, "id", "")}


ACCESS = (
    Membership.objects.filter(user=OuterRef("pk"))
    .order_by("project__name", "project_id")
    .values(
        found=JSONObject(
            id="project_id",
            slug="project__slug",
            name="project__name",
            retention_days="project__retention_days",
            role="role",
        )
    )
)
PEOPLE = User.objects.annotate(access=ArraySubquery(ACCESS))


class Members(ModelBackend):
    """Django's sign-in, which also reads a person's projects and roles along with the person."""

    def get_user(self, user_id: int) -> User | None:
        user = PEOPLE.filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None


def projects_of(user: User) -> dict[str, tuple[Project, Role]]:
    """Slug -> project and role, by name; a superuser is administrator everywhere."""
    if user.is_superuser:
        return {project.slug: (project, Role.ADMIN) for project in Project.objects.all()}
    access: list[dict[str, Any]] | None = getattr(user, "access", None)
    if access is None:  # not read by a request, for example just signed in
        access = PEOPLE.values_list("access", flat=True).get(pk=user.pk)
    found = {}
    for item in access:
        columns = dict(item)
        role = Role(columns.pop("role"))
        found[item["slug"]] = (Project(**columns), role)
    return found


def actor_of(request: ProjectRequest) -> Actor:
    """The person who sends this request, in the project in view."""
    return Actor(request.user, request.user.get_username(), request.role, **origin(request))


def takes[F: Callable[..., HttpResponseBase]](*methods: str) -> Callable[[F], F]:
    """For these methods only. MethodGuard reads them too, so that any other is a 405 before the token of a form is asked for."""

    def decorate(view: F) -> F:
        guarded = require_http_methods(list(methods))(view)
        guarded.methods = methods  # type: ignore[attr-defined]
        return guarded

    return decorate


def polled[F: Callable[..., HttpResponseBase]](view: F) -> F:
    """An open page asks this by itself, which is no sign of a person: it does not keep the session alive (portal.sign_in.sessions)."""
    view.is_polled = True  # type: ignore[attr-defined]
    return view


def is_polled(view: object) -> bool:
    return getattr(view, "is_polled", False)


def enter(request: Any, slug: str) -> bool:
    """Puts the project of that name in view, with the person's role and other projects; False for a stranger."""
    projects = projects_of(request.user)
    if slug in projects:
        request.project, request.role = projects[slug]
        request.projects = [other for other, _ in projects.values()]  # a refusal shows the project's pages too
    return slug in projects


def note_stranger(request: Any, slug: str) -> None:
    """A request for a foreign project is audited in that project; for one that does not exist, outside of all projects.

    Both take the same time, so that the answer does not tell the one from the other.
    """
    project = Project.objects.filter(slug=slug).first()
    reason = "Not a member of this project." if project else "There is no such project."
    denials.note(
        Action.ACCESS_DENIED, request.path, project=project, actor=request.user, reason=reason, **origin(request)
    )


def project_view(
    *, role: Role = Role.VIEWER, methods: Iterable[str] = ("GET", "HEAD")
) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """Opens a view of a project to signed-in members of at least `role`, for `methods` only."""

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @takes(*methods)
        @login_required
        @wraps(view)
        def guarded(request: Any, project: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not enter(request, project):
                note_stranger(request, project)
                raise Http404("No such project.")
            found, mine = request.project, request.role
            if mine < role:
                raise PermissionDenied(
                    f"This page is for the role {role.label} and above. You are {mine.label} in {found.name}."
                    " An administrator of the project can give you more rights."
                )
            if request.session.get(LAST_PROJECT) != found.slug and not is_polled(view):
                request.session[LAST_PROJECT] = found.slug
            if querystring.FORM in request.GET and request.method in SAFE_METHODS:
                # A browser without scripts has sent a form's empty fields too. An empty value that stands in an address by
                # itself is refused by the view.
                filled = querystring.link(querystring.of_form(request.GET.lists())).rstrip("?")
                return HttpResponseRedirect(escape_uri_path(request.path) + filled)
            try:
                with turn_of(request):
                    return view(request, *args, **kwargs)
            except NotAllowed as error:
                raise PermissionDenied(str(error)) from None

        return guarded

    return decorate


def turn_of(request: HttpRequest) -> AbstractContextManager[None]:
    """A turn for making a page for this person; what they send has none, since a form may not be lost. Raises read_limits.Busy."""
    return read_limits.turn(f"person:{request.user.pk}") if request.method in SAFE_METHODS else nullcontext()


def navigation(request: HttpRequest) -> dict[str, object]:
    """Template context of every page: the project in view, the role, and the projects to switch to."""
    return {
        "project": getattr(request, "project", None),
        "role": getattr(request, "role", None),
        "projects": getattr(request, "projects", []),
        "Role": Role,
    }
