"""Admin of projects and memberships. A changed role acts from the next request on."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminTextInputWidget

from portal.admin import cells
from portal.admin.base import PortalInline, PortalModelAdmin
from portal.admin.cells import Cell, choice_column, code_column, column, moment_column
from portal.admin.lists import ProjectChoice, choice
from portal.admin.site import is_superuser
from synclogs.models import ApiKey, ConnectedUser, HourCount, Membership, Project, Role, Sync
from synclogs.recovery import ownership


class Person(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A person by exact user name: a list to pick from would show everybody to everybody."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        errors = {"invalid_choice": "There is nobody with that user name.", "required": "Type the user name."}
        people = User.objects.all() if kwargs.get("disabled") else User.objects.filter(is_active=True)
        super().__init__(people, *args, to_field_name="username", error_messages=errors, **kwargs)
        self.help_text = "The exact user name."


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who and where are settled when a membership is made; afterwards only the role changes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        made = bool(self.instance.pk)
        if "user" in self.fields:
            self.fields["user"] = Person(label="User", disabled=made)
            self.fields["user"].widget.attrs["aria-label"] = "User"
        if made:
            self.initial["user"] = self.instance.user  # so that the name stands there, not the number


class MembershipInline(PortalInline):
    model = Membership
    form = MembershipForm
    fields = ("user", "role")
    verbose_name = "member"
    verbose_name_plural = "members"
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user", "project").order_by("-role", "user__username")


@admin.register(Project)
class ProjectAdmin(PortalModelAdmin):
    """Settings of a project. Only superusers make new ones; one that holds data is never deleted here."""

    project_path = "pk"
    portal_page = "overview"
    list_display = ("name", "slug_code", "people", "working_keys", "retention", "created", "logs_link")
    search_fields = ("name", "slug")
    ordering = ("name",)
    sortable_by = ("name",)
    inlines = (MembershipInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        mine: QuerySet[Project] = super().get_queryset(request)
        keys = ApiKey.objects.filter(revoked_at=None)
        return mine.annotate(members=counted(Membership.objects.all()), keys=counted(keys))

    def get_fields(self, request: HttpRequest, obj: Project | None = None) -> tuple[str, ...]:
        return ("name", "slug", "retention_days", "created") if obj else ("name", "slug", "retention_days")

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> tuple[str, ...]:
        return ("slug", "created") if obj else ()  # the slug stands in every link to the project

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        return is_superuser(request) and (obj is None or not holds_data(obj))

    def view_on_site(self, obj: Project) -> str:
        return cells.portal_url(self.portal_page, obj)

    def response_add(self, request: HttpRequest, obj: Project, post_url_continue: str | None = None) -> HttpResponse:
        """The second project may leave the provider's syncs without an owner."""
        fault = ownership.undecided()
        if fault:
            messages.warning(request, f"{fault.text} {fault.hint} Until then nothing is re-enabled.")
        response: HttpResponse = super().response_add(request, obj, post_url_continue)
        return response

    @column("Members")
    def people(self, obj: Any) -> Cell:
        return cells.list_link("synclogs_membership", f"{obj.members:,}", project=obj.slug)

    @column("API keys")
    def working_keys(self, obj: Any) -> Cell:
        return cells.list_link("synclogs_apikey", f"{obj.keys:,}", project=obj.slug)

    @column("Keeps entries for")
    def retention(self, obj: Project) -> str:
        return obj.retention_words

    @column("Logs")
    def logs_link(self, obj: Project) -> Cell:
        return cells.list_link("synclogs_logentry", "Show entries", project=obj.slug)

    slug_code = code_column("slug", "Slug")
    created = moment_column("created_at", "Created")


def counted(rows: QuerySet[Any], summed: str = "") -> Coalesce:
    """How many of `rows` belong to the project at hand, or the sum of their column `summed`, as one column.

    A join with two tables would multiply them.
    """
    many = Sum(summed) if summed else Count("pk")
    found = rows.filter(project=OuterRef("pk")).order_by().values("project").annotate(many=many).values("many")
    return Coalesce(Subquery(found, output_field=IntegerField()), 0)


def holds_data(project: Project) -> bool:
    return any(model.objects.filter(project=project).exists() for model in (HourCount, Sync, ConnectedUser, ApiKey))


@admin.register(Membership)
class MembershipAdmin(PortalModelAdmin):
    form = MembershipForm
    fields = ("project", "user", "role")
    list_display = ("user", "project", "role_words")
    list_filter = (ProjectChoice, choice("Role", "role", options=Role.choices))
    list_select_related = ("user", "project")
    search_fields = ("user__username", "user__first_name", "user__last_name", "user__email")
    ordering = ("project__name", "user__username")
    sortable_by = ("user", "project")

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return ("project", "user") if obj else ()

    role_words = choice_column("role", "Role", {Role.ADMIN.label: "danger", Role.LEAD.label: "info"})
