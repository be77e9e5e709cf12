"""Admin of traces (runs); read only."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from portal.admin import cells
from portal.admin.base import ReadOnlyAdmin
from portal.admin.cells import Cell, code_column, column, moment_column
from portal.admin.lists import Choice, PagedList, ProjectChoice, RangeChoice, Text
from portal.admin.log_columns import IntegrationChoice, PipelineChoice, SyncThing, SyncTypeChoice, UserText, run_counts
from synclogs import catalogue
from synclogs.models import Trace
from synclogs.parsing.identifiers import uuid_of


class SyncText(Text):
    title = "Sync ID"
    parameter_name = "sync"
    column = "sync_id"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if not value:
            return None
        found = uuid_of(value.strip())
        return queryset.filter(sync_id=found) if found else queryset.none()


class OutcomeChoice(Choice):
    """How a run ended, by the moments that its entries left."""

    title = "Outcome"
    parameter_name = "outcome"
    conditions = {
        "failed": ("Failed", Q(failed_at__isnull=False)),
        "interrupted": ("Interrupted", Q(interrupted_at__isnull=False)),
        "limited": ("Rate limited", Q(limited_at__isnull=False)),
        "completed": ("Completed", Q(completed_at__isnull=False)),
        "open": ("No end seen", Q(completed_at=None, failed_at=None, interrupted_at=None)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, said) for name, (said, _) in self.conditions.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if not value:
            return None
        found = self.conditions.get(value)
        return queryset.filter(found[1]) if found else queryset.none()


class LongRange(RangeChoice):
    default = "7d"


@admin.register(Trace)
class TraceAdmin(SyncThing, ReadOnlyAdmin):
    """One run: everything that shares a trace ID."""

    moment = "last_at"
    portal_page = "trace"
    list_display = (
        "trace_code",
        "outcome_words",
        "sync_short",
        "user_link",
        "source",
        "type_words",
        "last",
        "entries",
        "took",
    )
    list_filter = (
        ProjectChoice,
        LongRange,
        OutcomeChoice,
        SyncTypeChoice,
        IntegrationChoice,
        PipelineChoice,
        UserText,
        SyncText,
    )
    search_fields = ("trace_id",)
    search_help_text = "Trace ID or sync ID, exactly"
    sortable_by = ()
    list_select_related = ("project",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "project_words",
                    "trace_code",
                    "sync_link",
                    "user_link",
                    "integration_words",
                    "pipeline_words",
                    "type_words",
                )
            },
        ),
        (
            "Course",
            {"fields": ("outcome_words", "first", "start", "completed", "interrupted", "failed", "limited", "last")},
        ),
        ("Counts", {"fields": ("entries", "warnings", "errors", "counts", "took")}),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PagedList]:
        return PagedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        condition, sync_id = Q(trace_id=text), uuid_of(text)
        return queryset.filter(condition | Q(sync_id=sync_id) if sync_id else condition), False

    def portal_key(self, obj: Trace) -> tuple[object, ...]:
        return (obj.trace_id,)

    trace_code = code_column("trace_id", "Trace")

    @column(
        "Outcome",
        label={"Failed": "danger", "Interrupted": "warning", "Rate limited": "warning", "Completed": "success"},
    )
    def outcome_words(self, obj: Trace) -> str:
        if obj.failed_at:
            return "Failed"
        if obj.completed_at:
            return "Completed"
        if obj.interrupted_at:
            return "Interrupted"
        return "Rate limited" if obj.limited_at else "No end seen"

    @column("Sync type")
    def type_words(self, obj: Trace) -> Cell:
        return cells.short(catalogue.sync_type_words(obj.sync_type)) if obj.sync_type else cells.NOTHING

    first = moment_column("first_at", "First entry")
    last = moment_column("last_at", "Last entry")
    start = moment_column("run_started_at", "Started")
    completed = moment_column("completed_at", "Completed")
    interrupted = moment_column("interrupted_at", "Interrupted")
    failed = moment_column("failed_at", "Failed")
    limited = moment_column("limited_at", "Rate limited")

    @column("Counts")
    def counts(self, obj: Trace) -> str:
        return run_counts(obj)
