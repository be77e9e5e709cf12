"""The admin site: who may enter, its sign-in, its content security policy, its navigation.

Signing in uses the portal's own page, so that it is audited. Permissions are decided in portal.admin.base.
"""

from collections.abc import Callable
from functools import wraps
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils.csp import CSP
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csp import csp_override
from unfold.forms import AdminOwnPasswordChangeForm
from unfold.sites import UnfoldAdminSite

from portal.access.projects import origin, projects_of, turn_of
from portal.sign_in import known_browsers, rate_limits
from portal.sign_in.views import SignOut
from synclogs.access import audit
from synclogs.models import Action, Project, Role

# Unfold's Alpine makes functions of the expressions in its attributes; nothing else is looser than on the pages.
POLICY: dict[str, Any] = {**settings.SECURE_CSP, "script-src": [CSP.SELF, CSP.UNSAFE_EVAL]}

READING, FORM = ("GET", "HEAD"), ("GET", "HEAD", "POST")
# How the names of pages that take a form end; every other page of the administration only reads.
FORMS = ("_add", "_change", "_delete", "_revoke", "synclogs_sync_changelist")  # the last has an action

type Page = Callable[..., HttpResponseBase]

# Heading, model, its words and its symbol (Material Symbols, a font served from here).
NAVIGATION = (
    ("Logs", "synclogs_logentry", "Log entries", "list_alt"),
    ("Logs", "synclogs_hourcount", "Hour counts", "bar_chart"),
    ("Logs", "synclogs_savedview", "Saved views", "bookmark"),
    ("Syncs and customers", "synclogs_sync", "Syncs", "sync"),
    ("Syncs and customers", "synclogs_trace", "Traces", "timeline"),
    ("Syncs and customers", "synclogs_connecteduser", "Connected users", "group"),
    ("Re-enables", "synclogs_reenable", "Re-enables", "restart_alt"),
    ("Re-enables", "synclogs_bulk", "Bulk re-enables", "dynamic_feed"),
    ("Re-enables", "synclogs_resolution", "Marked as resolved", "task_alt"),
    ("Re-enables", "synclogs_sleeper", "Do-not-wake list", "bedtime"),
    ("Projects and access", "synclogs_project", "Projects", "folder"),
    ("Projects and access", "synclogs_membership", "Members", "badge"),
    ("Projects and access", "synclogs_apikey", "API keys", "key"),
    ("Projects and access", "auth_user", "People", "person"),
    ("Audit", "synclogs_auditevent", "Audit events", "history"),
    ("Audit", "synclogs_export", "Exports", "download"),
)


class OwnPassword(PasswordChangeView):
    """A person's own password, with its line in the audit. Other browsers are signed out by it, this one stays known."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rate_limits.admit(rate_limits.limits_of(request.user))
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            audit.record(
                Action.OBJECT_CHANGED,
                actor=self.request.user,
                object_type="user",
                object_text=self.request.user.get_username(),
                after={"password": "changed"},
                **origin(self.request),
            )
        known_browsers.remember(response, form.user)
        return response


class PortalAdminSite(UnfoldAdminSite):
    """Django's admin for staff; see portal.apps for how it takes the place of the default one."""

    index_title = "Administration"

    def admin_view(self, view: Page, cacheable: bool = False) -> Page:
        """Every page passes here: the method, who it is, whether they may enter, and the policy on the way out."""
        guarded = super().admin_view(view, cacheable)

        @wraps(view)
        def entered(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
            name = request.resolver_match.url_name or ""
            methods = FORM if name.endswith(FORMS) else READING
            if request.method not in methods and name != "logout":  # which judges by itself
                return HttpResponseNotAllowed(methods)
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not self.has_permission(request):
                raise PermissionDenied("The administration is for staff. Ask an administrator if you need it.")
            with turn_of(request):
                response: HttpResponseBase = guarded(request, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse):
                    response.render()  # where a list of the administration asks the database
                return response

        return csp_override(POLICY)(entered)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one sign-in page, and `next` leads only to our own host."""
        if request.method not in READING:
            return HttpResponseNotAllowed(READING)
        target = request.GET.get("next", "")
        if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
            target = reverse("admin:index")
        return HttpResponseRedirect(target) if request.user.is_authenticated else redirect_to_login(target)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        return SignOut.as_view()(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        view = OwnPassword.as_view(
            form_class=AdminOwnPasswordChangeForm,
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Names of lists only; there is one page of them, and the base class breaks on any other."""
        if request.GET.get("page", "1") != "1":
            raise Http404
        response: HttpResponse = super().search(request, extra_context)
        return response


def administered(request: HttpRequest) -> list[Project]:
    """The projects that the person administers; a superuser does so everywhere. Read once a request, so changes act at once."""
    found: list[Project] | None = getattr(request, "administered_projects", None)
    if found is None:
        user: Any = request.user
        found = [project for project, role in projects_of(user).values() if role >= Role.ADMIN]
        request.administered_projects = found  # type: ignore[attr-defined]
    return found


def is_superuser(request: HttpRequest) -> bool:
    return request.user.is_active and bool(getattr(request.user, "is_superuser", False))


# What the UNFOLD setting names


def context(request: HttpRequest) -> dict[str, object]:
    """Unfold would write the colours into each page, which the content security policy forbids; they are in admin.css."""
    return {"colors": None}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The side bar: only what the person may open."""
    portal = {"title": "Open the portal", "icon": "arrow_back", "link": "/", "active": False}
    overview = {"title": "Overview", "icon": "dashboard", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"items": [portal, overview]}]
    if not administered(request) and not is_superuser(request):
        return groups
    for title, models in groupby(NAVIGATION, key=itemgetter(0)):
        items = [
            {"title": words, "icon": icon, "link": reverse(f"admin:{model}_changelist")}
            for _, model, words, icon in models
        ]
        groups.append({"title": title, "separator": True, "items": items})
    return groups
