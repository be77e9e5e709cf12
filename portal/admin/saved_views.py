"""Admin of saved views: list, rename, unshare, delete. People create them on the log list."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from portal.admin import cells
from portal.admin.base import PortalModelAdmin
from portal.admin.cells import Cell, code_column, column, moment_column
from portal.admin.lists import Choice, ProjectChoice
from synclogs.access.actors import Refused
from synclogs.models import SavedView
from synclogs.reading import saved_views


class SharedChoice(Choice):
    title = "Seen by"
    parameter_name = "is_shared"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "The team"), ("0", "Its owner")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        if not value:
            return None
        return queryset.filter(is_shared=value == "1") if value in ("0", "1") else queryset.none()


class SavedViewForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        """The rules are those of the list's own forms."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        kept = {name: getattr(self.instance, name) for name in ("pk", "project_id", "owner_id", "query")}
        view = SavedView(**kept, name=values.get("name", ""), is_shared=values.get("is_shared", False))
        view._state.adding = False
        try:
            saved_views.check(view)
        except Refused as refused:
            self.add_error(refused.field if refused.field in self.fields else None, str(refused))
        return {**values, "name": view.name}


@admin.register(SavedView)
class SavedViewAdmin(PortalModelAdmin):
    form = SavedViewForm
    may_add = False
    list_display = ("name_words", "owner_words", "is_shared", "query_code", "changed")
    list_filter = (ProjectChoice, SharedChoice)
    search_fields = ("name", "owner__username")
    search_help_text = "Part of a name or of the owner's user name"
    ordering = ("name", "pk")
    sortable_by = ()
    list_select_related = ("project", "owner")
    readonly_fields = ("project_words", "owner_words", "query_code", "made", "changed")
    fieldsets = (
        (None, {"fields": ("name", "is_shared")}),
        ("What it is", {"fields": ("project_words", "owner_words", "query_code", "made", "changed")}),
    )

    @column("Name")
    def name_words(self, obj: SavedView) -> Cell:
        return cells.short(obj.name)

    @column("Owner")
    def owner_words(self, obj: SavedView) -> Cell:
        return cells.short(obj.owner.get_username())

    @column("Project")
    def project_words(self, obj: SavedView) -> str:
        return str(obj.project)

    query_code = code_column("query", "Query")
    made = moment_column("created_at", "Made")
    changed = moment_column("updated_at", "Changed")
