"""Admin of exports; read only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from portal.admin import cells
from portal.admin.base import ReadOnlyAdmin
from portal.admin.cells import Cell, code_column, column, moment_column
from portal.admin.lists import Choice, PagedList, ProjectChoice, RangeChoice
from synclogs.models import Export, ExportFormat, ExportState


class LongRange(RangeChoice):
    default = "30d"


class FormatChoice(Choice):
    title = "Format"
    parameter_name = "format"
    column = "format"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(ExportFormat.choices)


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    moment = "started_at"
    list_display = ("started", "person_words", "format_words", "state_words", "entries", "query_code")
    list_filter = (ProjectChoice, LongRange, FormatChoice)
    sortable_by = ()
    list_select_related = ("project", "person")
    fieldsets = (
        (
            None,
            {"fields": ("project_words", "person_words", "format_words", "query_code", "since_words", "until_words")},
        ),
        ("Course", {"fields": ("state_words", "started", "moved", "ended", "entries", "total", "is_cut")}),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PagedList]:
        return PagedList

    @column("Project")
    def project_words(self, obj: Export) -> str:
        return str(obj.project)

    @column("Person")
    def person_words(self, obj: Export) -> Cell:
        return cells.short(obj.person.get_username())

    @column("Format")
    def format_words(self, obj: Export) -> str:
        return ExportFormat(obj.format).label

    @column("State", label={"Running": "info", "Finished": "success", "Stopped": "warning", "Failed": "danger"})
    def state_words(self, obj: Export) -> str:
        return ExportState(obj.state_at(timezone.now())).label

    query_code = code_column("query", "Filter")
    since_words = moment_column("since", "Entries from")
    until_words = moment_column("until", "Entries until")
    started = moment_column("started_at", "Started")
    moved = moment_column("moved_at", "Last sign of life")
    ended = moment_column("finished_at", "Ended")
