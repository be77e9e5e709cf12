"""Who may see what: the typed request, the project behind a URL, roles. Every page of a project enters through here.

A stranger gets the same 404 as for a project that does not exist; a member with too low a role gets a 403 that says so.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_http_methods
from django_htmx.middleware import HtmxDetails

from synclogs import audit
from synclogs.models import Action, Membership, Project, Role

LAST_PROJECT = "last_project"


class ProjectRequest(HttpRequest):
    """What a view behind `project_view` receives."""

    id: str
    user: User
    project: Project
    role: Role
    htmx: HtmxDetails


P = ParamSpec("P")
View = Callable[Concatenate[ProjectRequest, P], HttpResponseBase]


def client_address(request: HttpRequest) -> str | None:
    """The socket's address, or the one the last trusted proxy saw (TRUSTED_PROXIES counts them)."""
    if settings.TRUSTED_PROXIES:
        hops = [
            hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")
        ]
        if len(hops) >= settings.TRUSTED_PROXIES and hops[-settings.TRUSTED_PROXIES]:
            return hops[-settings.TRUSTED_PROXIES]
    return request.META.get("REMOTE_ADDR") or None


def role_in(user: User, project: Project) -> Role | None:
    """The person's role; a superuser is administrator everywhere; None for strangers."""
    if user.is_superuser:
        return Role.ADMIN
    membership = Membership.objects.filter(user=user, project=project).first()
    return Role(membership.role) if membership else None


def project_view(
    *, role: Role = Role.VIEWER, methods: Iterable[str] = ("GET", "HEAD")
) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """Opens a view of a project to signed-in members of at least `role`, for `methods` only."""

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @require_http_methods(list(methods))
        @login_required
        @wraps(view)
        def guarded(
            request: Any, project: str, *args: Any, **kwargs: Any
        ) -> HttpResponseBase:
            found = Project.objects.filter(slug=project).first()
            mine = role_in(request.user, found) if found else None
            if found is None or mine is None:
                raise Http404("No such project.")
            if mine < role:
                audit.record(
                    Action.ACCESS_DENIED,
                    actor=request.user,
                    project=found,
                    object_text=request.path,
                    address=client_address(request),
                    request_id=request.id,
                )
                raise PermissionDenied(
                    f"This page is for the role {role.label} and above. You are {mine.label} in {found.name}."
                )
            request.project, request.role = found, mine
            if request.session.get(LAST_PROJECT) != found.slug:
                request.session[LAST_PROJECT] = found.slug
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def navigation(request: HttpRequest) -> dict[str, object]:
    """Template context of every page: the project in view, the role, and the projects to switch to (read lazily)."""
    project = getattr(request, "project", None)
    user = getattr(request, "user", None)
    return {
        "project": project,
        "role": getattr(request, "role", None),
        "projects": lambda: (
            list(Project.objects.visible_to(user))
            if user and user.is_authenticated
            else []
        ),
        "Role": Role,
    }


def text_response(text: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
