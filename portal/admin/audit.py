"""Admin of the audit log; read only."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from portal.admin import cells
from portal.admin.base import ReadOnlyAdmin
from portal.admin.cells import Cell, choice_column, code_column, column, json_column, moment_column, text_column
from portal.admin.lists import OneProject, choice, time_range
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


class AuditProject(OneProject):
    """A project, or what belongs to none: sign-ins and accounts, which are for superusers."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        outside = [(OUTSIDE, "Outside projects (sign-ins, accounts)")] if is_superuser(request) else []
        return [*super().lookups(request, model_admin), *outside]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == OUTSIDE:
            return queryset.filter(project=None)  # get_queryset lets only superusers see these
        return super().queryset(request, queryset)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    moment = "at"
    list_display = ("time", "who", "action_words", "object_words", "reason_short", "address")
    list_filter = (AuditProject, time_range("at", "30d"), choice("Action", "action", options=Action.choices))
    search_fields = ("object_text", "actor_text")
    search_help_text = "Who, or part of the object's name"
    list_select_related = ("project", "actor")
    about = ("time", "who", "action_words", "project", "object_words", "reason_words", "address", "request_code")
    fieldsets = ((None, {"fields": about}), ("What changed", {"fields": ("before_json", "after_json")}))

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        mine = Q(project__in=[project.pk for project in administered(request)])
        return AuditEvent.objects.filter(mine | Q(project=None) if is_superuser(request) else mine)

    @column("Object")
    def object_words(self, obj: AuditEvent) -> Cell:
        return cells.short(f"{obj.object_type} {obj.object_text}".strip(), 200)

    action_words = choice_column("action", "Action", COLOURS)
    time = moment_column("at", "Time")
    who = text_column("actor_text", "Who", empty="not known")
    reason_short = text_column("reason", "Reason", 60)
    reason_words = text_column("reason", "Reason", 4000)
    request_code = code_column("request_id", "Request ID")
    before_json = json_column("before", "Before")
    after_json = json_column("after", "After")
