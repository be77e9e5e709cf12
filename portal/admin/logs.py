"""Admin of log entries and hour counts; read only, quick at any size.

Lists use synclogs.query.filters: one project, one range of time, newest first, by keyset. The search finds exact identifiers, each
by its index. Entries are never counted, and no filter choice is read from them.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from portal.admin import cells
from portal.admin.base import ReadOnlyAdmin
from portal.admin.cells import Cell, code_column, column
from portal.admin.lists import CURSORS, Choice, PagedList, ProjectChoice, RangeChoice, Text, chosen, seen
from portal.admin.log_columns import SyncThing
from portal.admin.site import administered
from portal.links.querystring import value_words
from portal.log import entry_detail
from portal.log.filter_rail import FACETS, KNOWN, counts_of
from synclogs import catalogue, explain
from synclogs.catalogue import Category, Level
from synclogs.models import Facet, HourCount, LogEntry, Project
from synclogs.parsing.identifiers import uuid_of
from synclogs.query.fields import FIELDS
from synclogs.query.filters import DEFAULT_SINCE, PRESETS, FilterError, LogFilter, Term, parse_query
from synclogs.query.language import QueryError
from synclogs.reading import paging
from synclogs.reading.paging import Page
from synclogs.storage.budget import estimate

WIDE = "30d"  # where a search looks unless a range is chosen
MOST_FOUND = 100
# Parameters of the list that are not filters; "e" is Django's mark for a request that it did not understand.
BESIDES = ("project", "q", "e", "_changelist_filters", *CURSORS)
# What the form beside the list sends, also when it is empty.
FORM_NAMES = {*BESIDES, *FIELDS, "since"}
# By which filters an identifier is looked for; each has an index.
PROBES = ("sync", "trace", "user", "error_code")


class FieldChoice(Choice):
    """One field of the log; its values are those that the hour counts have seen, and the names that are known."""

    field = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        since = request.GET.get("since", WIDE if request.GET.get("q") else DEFAULT_SINCE)
        counts = counts_of(self.field, seen(request, length=since))
        names = dict.fromkeys((*KNOWN.get(self.field, ()), *sorted(counts)))
        return [(name, value_words(self.field, name)) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """The list reads all filters at once, see LogList."""


class FieldText(Text):
    field = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """See FieldChoice."""


class LogProject(ProjectChoice):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """See FieldChoice."""


class LogRange(RangeChoice):
    def value(self) -> str:
        return Choice.value(self) or (WIDE if self.request.GET.get("q") else DEFAULT_SINCE)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """See FieldChoice."""


def filter_for(name: str) -> type[Choice]:
    kind = FieldChoice if name in FACETS or name in KNOWN else FieldText
    made = {"title": FIELDS[name].label, "parameter_name": name, "field": name, "__doc__": f"The filter “{name}”."}
    return type(f"{name}_filter", (kind,), made)


class LogList(PagedList):
    """Narrowed by a LogFilter, so that an unknown value is said and never means "everything"."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        """Django would try whatever is left as a column; here LogFilter judges all of it."""
        mine = {found.parameter_name for found in self.list_filter}
        return {name: value for name, value in super().get_filters_params(params).items() if name in mine}

    def get_results(self, request: HttpRequest) -> None:
        project = chosen(request)
        try:
            log_filter = parse(request, now=timezone.now())
            rows, page_filter = self.found(project, log_filter)
        except FilterError as error:
            for name, sentence in error.errors.items():
                field = FIELDS.get(name.removeprefix("-"))
                said = f"{field.label if field else name.capitalize()}: {sentence}"
                messages.error(request, cells.unhidden(said))
            rows, page_filter = Page([], "", ""), None
        expected = len(rows.rows)
        for entry in rows.rows:
            entry.project = project  # so that no cell asks for it again
        self.show(
            rows.rows,
            newer=rows.newer,
            older=rows.older,
            expected=lambda: estimate(page_filter.entries(project)) if page_filter else expected,
        )

    def found(self, project: Project, log_filter: LogFilter) -> tuple[Page, LogFilter | None]:
        """A page, and the filter behind it; without a filter the page is all that was found."""
        text = self.query.strip()
        if not text:
            page = paging.page(log_filter, project, size=self.list_per_page, before=self.before, after=self.after)
            return page, log_filter
        found = located(project, log_filter, text)
        if found:
            return Page(found, "", ""), None
        narrowed = narrower(project, log_filter, text) or queried(log_filter, text)
        page = paging.page(narrowed, project, size=self.list_per_page, before=self.before, after=self.after)
        return page, narrowed


def parse(request: HttpRequest, *, now: datetime) -> LogFilter:
    """The filters of the address; a search looks further back unless the range is given. Raises FilterError."""
    # Of the administration's own form "" is a choice: every list of it has one for "all".
    given = [(name, values) for name, values in request.GET.lists() if values != [""] or name not in FORM_NAMES]
    log_filter = LogFilter.parse(given, now=now, besides=BESIDES)
    if request.GET.get("q", "").strip() and not request.GET.get("since"):
        return replace(log_filter, since=now - PRESETS[WIDE], since_text=WIDE)
    return log_filter


def located(project: Project, log_filter: LogFilter, text: str) -> list[LogEntry]:
    """The entries with that key, or with that id of the sender; few, newest first. Raises FilterError."""
    try:
        FIELDS["user"].parse(text)
    except ValueError as error:
        raise FilterError({"q": str(error)}) from None
    everything, key = LogEntry.objects.of(project).select_related("project"), uuid_of(text)
    found = list(everything.at_key(key)) if key else []
    # Without an order, so that the planner has no reason to read anything but the index of the ids.
    found = found or list(log_filter.entries(project).select_related("project").filter(entry_id=text)[:MOST_FOUND])
    return sorted(found, key=lambda entry: (entry.occurred_at, entry.key), reverse=True)


def narrower(project: Project, log_filter: LogFilter, text: str) -> LogFilter | None:
    """The filter narrowed to the sync, trace, customer or error code of that name; None where there is none."""
    for name in PROBES:
        field = FIELDS[name]
        try:
            field.parse(text)
        except ValueError:
            continue
        narrowed = replace(log_filter, terms=(*log_filter.terms, Term(field, False, (text,))))
        if narrowed.entries(project).exists():
            return narrowed
    return None


def queried(log_filter: LogFilter, text: str) -> LogFilter:
    """The filter with the text as a query of the log list. Raises FilterError."""
    try:
        return replace(log_filter, q=text, tree=parse_query(text))
    except QueryError as error:
        raise FilterError({"q": error.message}) from None


@admin.register(LogEntry)
class LogEntryAdmin(SyncThing, ReadOnlyAdmin):
    """One event, as it was sent."""

    moment = "occurred_at"
    portal_page = "log"
    list_display = ("time", "level_words", "event_words", "user_link", "source", "sync_short", "details")
    list_filter = (LogProject, LogRange, *(filter_for(name) for name in FIELDS))
    search_fields = ("entry_id",)
    search_help_text = "An ID, exactly: sync, trace, user, log, key; or an error code"
    sortable_by = ()
    list_select_related = False
    fieldsets = (
        (
            "Properties",
            {
                "fields": (
                    "sync_link", "trace_link", "user_link", "integration_words", "pipeline_words", "event_words",
                    "type_of_sync", "status_words", "summary", "error",
                )
            },
        ),
        ("Entry", {"fields": ("time", "received", "level_words", "category_words", "kind", "headline", "message_text", "meaning", "action", "sender_id", "key_code", "credential", "project_words")}),
        ("Context", {"fields": ("context",)}),
    )  # fmt: skip

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PagedList]:
        return LogList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return queryset, False  # LogList searches

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> LogEntry | None:
        """By key: it tells the millisecond, so that one partition is looked at, by its primary key."""
        key = uuid_of(object_id)
        mine = [project.pk for project in administered(request)]
        found = LogEntry.objects.filter(project_id__in=mine).at_key(key).select_related("project") if key else None
        return found.first() if found is not None else None

    @column("Time")
    def time(self, obj: LogEntry) -> Cell:
        return cells.moment(obj.occurred_at, exact=True)

    @column("Received")
    def received(self, obj: LogEntry) -> Cell:
        return cells.moment(obj.received_at, exact=True)

    @column("Level", label=cells.LEVEL_COLOURS)
    def level_words(self, obj: LogEntry) -> str:
        return Level(obj.level).label

    @column("Category")
    def category_words(self, obj: LogEntry) -> str:
        return Category(obj.category).label

    @column("Type")
    def kind(self, obj: LogEntry) -> Cell:
        return cells.words(catalogue.type_words(obj.type), obj.type)

    @column("Event")
    def event_words(self, obj: LogEntry) -> Cell:
        return cells.short(catalogue.event(obj.event).words if obj.event else catalogue.type_words(obj.type))

    @column("What happened")
    def headline(self, obj: LogEntry) -> Cell:
        return cells.short(explain.entry_headline(obj))

    @column("Details")
    def details(self, obj: LogEntry) -> Cell:
        return cells.short(entry_detail.message_cell(obj), 90)

    @column("Trace")
    def trace_link(self, obj: LogEntry) -> Cell:
        return (
            cells.link(cells.portal_url("trace", obj.project, obj.trace_id), cells.code(obj.trace_id))
            if obj.trace_id
            else cells.NOTHING
        )

    @column("Sync type")
    def type_of_sync(self, obj: LogEntry) -> Cell:
        return cells.words(catalogue.sync_type_words(obj.sync_type), obj.sync_type) if obj.sync_type else cells.NOTHING

    @column("Sync status", label=cells.STATUS_COLOURS)
    def status_words(self, obj: LogEntry) -> str:
        return catalogue.status(obj.status).words if obj.status else ""

    @column("Summary")
    def summary(self, obj: LogEntry) -> str:
        found = entry_detail.figures(obj.detail.get("summary"))
        return (
            ", ".join(f"{figure.label}: {figure.value:,}{' ms' if figure.is_duration else ''}" for figure in found)
            or cells.NOTHING
        )

    @column("Error")
    def error(self, obj: LogEntry) -> Cell:
        said = (
            explain.entry_explanation(obj).cause,
            f"code {obj.error_code}" if obj.error_code else "",
            f"HTTP {obj.http_status}" if obj.http_status else "",
            catalogue.humanise(obj.recoverability) if obj.recoverability else "",
        )
        return cells.short(" · ".join(part for part in said if part), 500)

    @column("Message")
    def message_text(self, obj: LogEntry) -> Cell:
        return cells.short(obj.message, 8192)

    @column("What it means")
    def meaning(self, obj: LogEntry) -> Cell:
        return cells.short(explain.entry_explanation(obj).meaning, 500)

    @column("What to do")
    def action(self, obj: LogEntry) -> Cell:
        return cells.short(explain.entry_explanation(obj).action, 500)

    sender_id = code_column("entry_id", "ID of the sender")
    key_code = code_column("key", "Key")
    credential = code_column("credential_id", "Credential ID")

    @column("As it was sent")
    def context(self, obj: LogEntry) -> Cell:
        return cells.as_json(obj.context())


# Hour counts


class FacetChoice(Choice):
    title = "Counted by"
    parameter_name = "facet"
    everything = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(facet.value), facet.label.capitalize()) for facet in Facet]

    def value(self) -> str:
        return super().value() or str(Facet.TOTAL.value)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(facet=value) if value in {str(facet.value) for facet in Facet} else queryset.none()


class CountedLevel(Choice):
    title = "Level"
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(level.value), level.label) for level in Level]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if not value:
            return None
        return queryset.filter(level=value) if value in {str(level.value) for level in Level} else queryset.none()


@admin.register(HourCount)
class HourCountAdmin(ReadOnlyAdmin):
    """How many entries an hour: what the facets and the histogram read."""

    moment = "hour"
    list_display = ("hour_words", "facet_words", "value_words", "level_words", "count")
    list_filter = (ProjectChoice, RangeChoice, FacetChoice, CountedLevel)
    sortable_by = ()
    list_select_related = ("project",)
    fields = ("project", "hour_words", "facet_words", "value_words", "level_words", "count")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PagedList]:
        return PagedList

    @column("Hour")
    def hour_words(self, obj: HourCount) -> Cell:
        return cells.moment(obj.hour)

    @column("Counted by")
    def facet_words(self, obj: HourCount) -> str:
        return Facet(obj.facet).label.capitalize()

    @column("Value")
    def value_words(self, obj: HourCount) -> Cell:
        if obj.facet == Facet.CATEGORY and obj.value.isdecimal():
            return Category(int(obj.value)).label
        return cells.code(obj.value)

    @column("Level", label=cells.LEVEL_COLOURS)
    def level_words(self, obj: HourCount) -> str:
        return Level(obj.level).label
