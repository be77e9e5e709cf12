"""Admin of users. Accounts are for superusers; an administrator of a project sees its members.

Permissions come from memberships and two flags (staff, superuser), so Django's own permissions are not shown.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from portal.admin import cells
from portal.admin.base import PortalInline, PortalModelAdmin
from portal.admin.cells import Cell, column, moment_column
from portal.admin.lists import Case, ProjectChoice, choice
from portal.admin.site import administered, is_superuser
from portal.sign_in import rate_limits, sessions
from synclogs.models import Action, AuditEvent, Membership, Project

# Importing Django's own classes has registered them. Groups only carry permissions, and no page asks for those.
admin.site.unregister([User, Group])

PRESERVED = ("is_active", "is_staff", "is_superuser")


class PersonForm(UserChangeForm):
    """Nobody locks themselves out."""

    actor: User

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean()
        if self.instance.pk == self.actor.pk and not all(values.get(name, True) for name in PRESERVED):
            raise ValidationError("You cannot take away your own access; ask another superuser.")
        return values


RIGHTS = {
    "superuser": ("Superuser", Q(is_superuser=True)),
    "staff": ("Staff", Q(is_staff=True, is_superuser=False)),
    "neither": ("Neither", Q(is_staff=False, is_superuser=False)),
    "inactive": ("May not sign in", Q(is_active=False)),
}


class ProjectsInline(PortalInline):
    """A person's roles; those in other people's projects are not shown."""

    model = Membership
    fields = ("project", "role")
    verbose_name = "role"
    verbose_name_plural = "roles in projects"

    def reaches(self, request: HttpRequest, obj: Any) -> bool:
        return self.is_for(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user", "project").order_by("project__name")


@admin.register(User)
class PersonAdmin(PortalModelAdmin, DjangoUserAdmin):  # type: ignore[misc, type-arg]
    form = PersonForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (ProjectsInline,)
    list_display = ("username", "full_name", "email", "rights", "last_seen", "active")
    list_filter = (
        choice("Member of", "project", ProjectChoice, column="memberships__project"),
        choice("Rights", "rights", Case, cases=RIGHTS),
    )
    search_fields = ("username", "first_name", "last_name", "email")
    ordering = ("username",)
    sortable_by = ("username", "email")
    filter_horizontal = ()
    readonly_fields = ("password_words", "last_seen", "joined")
    fieldsets = (
        (None, {"fields": ("username", "password_words")}),
        ("Who this is", {"fields": ("first_name", "last_name", "email")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_seen", "joined")}),
    )
    plain_fieldsets = ((None, {"fields": ("username", "first_name", "last_name", "email", "is_active", "last_seen")}),)
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2", "is_staff")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people = User.objects.all()
        if is_superuser(request):
            return people
        mine = Membership.objects.filter(project__in=[project.pk for project in administered(request)])
        return people.filter(pk__in=mine.values("user"))

    def reaches(self, request: HttpRequest, obj: Any) -> bool:
        """The rows are narrowed already: who can be found may be seen."""
        return self.is_for(request)

    def project_of(self, obj: Any) -> Project | None:
        return obj.project if isinstance(obj, Membership) else None

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Somebody who has done something stays, so that the audit keeps its names; take the access away instead."""
        if not is_superuser(request) or obj is None:
            return is_superuser(request)
        return bool(obj.pk != request.user.pk and not AuditEvent.objects.filter(actor=obj).exists())

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        return self.fieldsets if is_superuser(request) else self.plain_fieldsets

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"actor": request.user}) if obj is not None else form

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        self._admit(request)
        response: HttpResponse = super().add_view(request, form_url, extra_context)
        return response

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            sessions.end_all(obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        self._admit(request)
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def _admit(self, request: HttpRequest) -> None:
        """Before a password is hashed. Raises TryLater."""
        if request.method == "POST":
            rate_limits.admit(rate_limits.limits_of(request.user))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Django's page for a new password saves without save_model."""
        if request.resolver_match and request.resolver_match.url_name == "auth_user_password_change":
            self.remember(request, obj, Action.OBJECT_CHANGED, ({}, {"password": "changed"}))

    @column("Password")
    def password_words(self, obj: User) -> Cell:
        """Whether there is one; never its hash."""
        label = "Set" if obj.has_usable_password() else "Not set: this person cannot sign in with a password"
        change = cells.link(reverse("admin:auth_user_password_change", args=(obj.pk,)), "Change")
        return format_html("{} · {}", label, change)

    @column("Name")
    def full_name(self, obj: User) -> Cell:
        return cells.short(obj.get_full_name())

    @column("Rights", label={"Superuser": "danger", "Staff": "info"})
    def rights(self, obj: User) -> str:
        if obj.is_superuser:
            return "Superuser"
        return "Staff" if obj.is_staff else ""

    @column("May sign in", boolean=True)
    def active(self, obj: User) -> bool:
        return obj.is_active

    joined = moment_column("date_joined", "Joined")
    last_seen = moment_column("last_login", "Last signed in", empty="never")
