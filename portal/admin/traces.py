"""Admin of traces (runs); read only."""

from django.contrib import admin
from django.db.models import Q

from portal.admin import cells
from portal.admin.base import ReadOnlyAdmin
from portal.admin.cells import code_column, column, field_column, moment_column
from portal.admin.lists import Case, OneProject, Text, choice, time_range
from portal.admin.log_columns import IntegrationChoice, PipelineChoice, SyncColumns, UserText
from synclogs import catalogue
from synclogs.models import Trace

# How a run ended, by the moments that its entries left.
OUTCOMES = {
    "failed": ("Failed", Q(failed_at__isnull=False)),
    "interrupted": ("Interrupted", Q(interrupted_at__isnull=False)),
    "limited": ("Rate limited", Q(limited_at__isnull=False)),
    "completed": ("Completed", Q(completed_at__isnull=False)),
    "open": ("No end seen", Q(completed_at=None, failed_at=None, interrupted_at=None)),
}
COLOURS = {"Failed": "danger", "Interrupted": "warning", "Rate limited": "warning", "Completed": "success"}


@admin.register(Trace)
class TraceAdmin(SyncColumns, ReadOnlyAdmin):
    """One run: everything that shares a trace ID."""

    moment = "last_at"
    portal_page, portal_field = "trace", "trace_id"
    list_display = (
        "trace_code", "outcome_words", "sync_short", "user_link", "source", "type_words", "last", "entries", "duration",
    )  # fmt: skip
    list_filter = (
        OneProject,
        time_range("last_at", "7d"),
        choice("Outcome", "outcome", Case, cases=OUTCOMES),
        choice("Sync type", "sync_type", options=catalogue.SyncType.choices),
        IntegrationChoice,
        PipelineChoice,
        UserText,
        choice("Sync ID", "sync", Text, column="sync_id"),
    )
    search_fields = ("trace_id__exact", "sync_id__exact")
    search_help_text = "Trace ID or sync ID, exactly"
    whose = (
        "project_words", "trace_code", "sync_link", "user_link", "integration_words", "pipeline_words", "type_words",
    )  # fmt: skip
    course = ("outcome_words", "first", "start", "completed", "interrupted", "failed", "limited", "last")
    fieldsets = (
        (None, {"fields": whose}),
        ("Course", {"fields": course}),
        ("Counts", {"fields": ("entries", "warnings", "errors", "counts", "duration")}),
    )

    @column("Outcome", label=COLOURS)
    def outcome_words(self, obj: Trace) -> str:
        if obj.failed_at:
            return "Failed"
        if obj.completed_at:
            return "Completed"
        if obj.interrupted_at:
            return "Interrupted"
        return "Rate limited" if obj.limited_at else "No end seen"

    trace_code = code_column("trace_id", "Trace")
    type_words = field_column("sync_type", "Sync type", lambda name: cells.short(catalogue.sync_type_words(name)))
    first = moment_column("first_at", "First entry")
    last = moment_column("last_at", "Last entry")
    start = moment_column("run_started_at", "Started")
    completed = moment_column("completed_at", "Completed")
    interrupted = moment_column("interrupted_at", "Interrupted")
    failed = moment_column("failed_at", "Failed")
    limited = moment_column("limited_at", "Rate limited")
