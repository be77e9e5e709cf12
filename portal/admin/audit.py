"""Admin of the audit log; read only."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from portal.admin import cells
from portal.admin.base import ReadOnlyAdmin
from portal.admin.cells import Cell, column
from portal.admin.lists import Choice, PagedList, ProjectChoice, RangeChoice
from portal.admin.site import administered, is_superuser
from synclogs.models import Action, AuditEvent

OUTSIDE = "-"
COLOURS = {
    Action.SIGN_IN_FAILED.label: "warning",
    Action.ACCESS_DENIED.label: "warning",
    Action.KEY_REFUSED.label: "warning",
    Action.KEY_REVOKED.label: "danger",
    Action.OBJECT_DELETED.label: "danger",
    Action.KEY_CREATED.label: "success",
    Action.OBJECT_ADDED.label: "success",
    Action.OBJECT_CHANGED.label: "info",
}


class AuditProject(ProjectChoice):
    """A project, or what belongs to none: sign-ins and accounts, which are for superusers."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        outside = [(OUTSIDE, "Outside projects (sign-ins, accounts)")] if is_superuser(request) else []
        return [*super().lookups(request, model_admin), *outside]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == OUTSIDE:
            return queryset.filter(project=None)  # get_queryset lets only superusers see these
        return super().queryset(request, queryset)


class ActionChoice(Choice):
    title = "Action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Action.choices)


class AuditRange(RangeChoice):
    default = "30d"


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    moment = "at"
    list_display = ("time", "who", "action_words", "object_words", "reason_short", "address")
    list_filter = (AuditProject, AuditRange, ActionChoice)
    search_fields = ("object_text",)
    search_help_text = "Who, or part of the object's name"
    sortable_by = ()
    list_select_related = ("project", "actor")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "time",
                    "who",
                    "action_words",
                    "project",
                    "object_words",
                    "reason_words",
                    "address",
                    "request_code",
                )
            },
        ),
        ("What changed", {"fields": ("before_json", "after_json")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        mine = Q(project__in=[project.pk for project in administered(request)])
        return AuditEvent.objects.filter(mine | Q(project=None) if is_superuser(request) else mine)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PagedList]:
        return PagedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()[:256]
        if not text:
            return queryset, False
        return queryset.filter(Q(object_text__icontains=text) | Q(actor_text__icontains=text)), False

    @column("Time")
    def time(self, obj: AuditEvent) -> Cell:
        return cells.moment(obj.at)

    @column("Who")
    def who(self, obj: AuditEvent) -> Cell:
        return cells.short(obj.actor_text) if obj.actor_text else "not known"

    @column("Action", label=COLOURS)
    def action_words(self, obj: AuditEvent) -> str:
        return Action(obj.action).label if obj.action in Action.values else obj.action

    @column("Object")
    def object_words(self, obj: AuditEvent) -> Cell:
        return cells.short(f"{obj.object_type} {obj.object_text}".strip(), 200)

    @column("Reason")
    def reason_short(self, obj: AuditEvent) -> Cell:
        return cells.short(obj.reason, 60)

    @column("Reason")
    def reason_words(self, obj: AuditEvent) -> Cell:
        return cells.short(obj.reason, 4000)

    @column("Request ID")
    def request_code(self, obj: AuditEvent) -> Cell:
        return cells.code(obj.request_id)

    @column("Before")
    def before_json(self, obj: AuditEvent) -> Cell:
        return cells.as_json(obj.before) if obj.before else cells.NOTHING

    @column("After")
    def after_json(self, obj: AuditEvent) -> Cell:
        return cells.as_json(obj.after) if obj.after else cells.NOTHING
