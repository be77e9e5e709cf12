"""Admin of exports; read only."""

from django.contrib import admin
from django.utils import timezone

from portal.admin.base import ReadOnlyAdmin
from portal.admin.cells import choice_column, code_column, column, moment_column, text_column
from portal.admin.lists import OneProject, choice, time_range
from synclogs.models import Export, ExportFormat, ExportState


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    moment = "started_at"
    list_display = ("started", "person_words", "format_words", "state_words", "entries", "query_code")
    list_filter = (
        OneProject,
        time_range("started_at", "30d"),
        choice("Format", "format", options=ExportFormat.choices),
    )
    list_select_related = ("project", "person")
    fieldsets = (
        (
            None,
            {"fields": ("project_words", "person_words", "format_words", "query_code", "since_words", "until_words")},
        ),
        ("Course", {"fields": ("state_words", "started", "moved", "ended", "entries", "total", "is_cut")}),
    )

    @column("State", label={"Running": "info", "Finished": "success", "Stopped": "warning", "Failed": "danger"})
    def state_words(self, obj: Export) -> str:
        return ExportState(obj.state_at(timezone.now())).label

    project_words = text_column("project", "Project")
    person_words = text_column("person", "Person")
    format_words = choice_column("format", "Format")
    query_code = code_column("query", "Filter")
    since_words = moment_column("since", "Entries from")
    until_words = moment_column("until", "Entries until")
    started = moment_column("started_at", "Started")
    moved = moment_column("moved_at", "Last sign of life")
    ended = moment_column("finished_at", "Ended")
