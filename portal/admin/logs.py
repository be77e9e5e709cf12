"""Admin of log entries and hour counts; read only, quick at any size.

Lists use synclogs.query.filters: one project, one range of time, newest first, by keyset. The search finds exact identifiers, each
by its index. Entries are never counted, and no filter choice is read from them.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from portal.admin import cells
from portal.admin.base import ReadOnlyAdmin
from portal.admin.cells import (
    Cell,
    choice_column,
    code_column,
    column,
    field_column,
    moment_column,
    text_column,
    words_column,
)
from portal.admin.lists import (
    Choice,
    KeysetPaginator,
    OneProject,
    PortalList,
    RangeChoice,
    Text,
    choice,
    chosen,
    seen,
    time_range,
)
from portal.admin.log_columns import SyncColumns
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
from synclogs.query.tree import QueryError
from synclogs.reading import keyset, paging
from synclogs.reading.paging import Page
from synclogs.storage.time_limits import estimate

WIDE = "30d"  # where a search looks unless a range is chosen
MOST_FOUND = 100
# Parameters of the list that are not filters; "e" is Django's mark for a request that it did not understand.
BESIDES = ("project", "q", "e", "_changelist_filters", *keyset.CURSORS)
# What the form beside the list sends, also when it is empty.
FORM_NAMES = {*BESIDES, *FIELDS, "since"}
# By which filters an identifier is looked for; each has an index.
PROBES = ("sync", "trace", "user", "error_code")


class FieldText(Text):
    """One field of the log. The paginator reads all filters at once, see LogEntryAdmin."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Nothing is narrowed here."""


class FieldChoice(Choice):
    """The same; its values are those that the hour counts have seen, and the names that are known."""

    queryset = FieldText.queryset

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        field = str(self.parameter_name)
        since = request.GET.get("since", WIDE if request.GET.get("q") else DEFAULT_SINCE)
        counts = counts_of(field, seen(request, length=since))
        names = dict.fromkeys((*KNOWN.get(field, ()), *sorted(counts)))
        return [(name, value_words(field, name)) for name in names]


class LogRange(RangeChoice):
    queryset = FieldText.queryset

    def value(self) -> str:
        return Choice.value(self) or (WIDE if self.request.GET.get("q") else DEFAULT_SINCE)


class LogList(PortalList):
    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        """Django would try whatever is left as a column; here LogFilter judges all of it."""
        mine = {found.parameter_name for found in self.list_filter}
        return {name: value for name, value in super().get_filters_params(params).items() if name in mine}


def found(project: Project, log_filter: LogFilter, text: str, **page: Any) -> tuple[Page, LogFilter | None]:
    """A page, and the filter behind it; without a filter the page is all that was found. Raises FilterError."""
    if not text:
        return paging.page(log_filter, project, **page), log_filter
    entries = located(project, log_filter, text)
    if entries:
        return Page(entries, "", ""), None
    narrowed = narrower(project, log_filter, text) or queried(log_filter, text)
    return paging.page(narrowed, project, **page), narrowed


def parse(request: HttpRequest, *, now: datetime) -> LogFilter:
    """The filters of the address; a search looks further back unless the range is given. Raises FilterError."""
    # Of the administration's own form "" is a choice: every list of it has one for "all".
    filled = [(name, values) for name, values in request.GET.lists() if values != [""] or name not in FORM_NAMES]
    log_filter = LogFilter.parse(filled, now=now, besides=BESIDES)
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
class LogEntryAdmin(SyncColumns, ReadOnlyAdmin):
    """One event, as it was sent. Lists are narrowed by a LogFilter: an unknown value never means "everything"."""

    moment = "occurred_at"
    portal_page = "log"
    list_display = ("time", "level_words", "event_words", "user_link", "source", "sync_short", "details")
    list_filter = (
        OneProject,
        choice("Time", "since", LogRange),
        *(choice(FIELDS[name].label, name, FieldChoice if name in {*FACETS, *KNOWN} else FieldText) for name in FIELDS),
    )
    search_fields = ("entry_id",)
    search_help_text = "An ID, exactly: sync, trace, user, log, key; or an error code"
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
        (
            "Entry",
            {
                "fields": (
                    "time", "received", "level_words", "category_words", "kind", "headline", "message_text", "meaning",
                    "action", "sender_id", "key_code", "credential", "project_words",
                )
            },
        ),
        ("Context", {"fields": ("context",)}),
    )  # fmt: skip

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PortalList]:
        return LogList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return queryset, False  # the paginator searches

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], per_page: int, *_: Any) -> KeysetPaginator:
        project, text = chosen(request), request.GET.get("q", "").strip()
        cursors = {name: request.GET.get(name, "") for name in keyset.CURSORS}
        try:
            log_filter = parse(request, now=timezone.now())
            page, narrowed = found(project, log_filter, text, size=per_page, **cursors)
        except FilterError as error:
            for name, sentence in error.errors.items():
                field = FIELDS.get(name.removeprefix("-"))
                label = field.label if field else name.capitalize()
                messages.error(request, cells.unhidden(f"{label}: {sentence}"))
            page, narrowed = Page([], "", ""), None
        for entry in page.rows:
            entry.project = project  # so that no cell asks for it again
        return KeysetPaginator(page, per_page, expected=lambda: estimate(narrowed.entries(project)) if narrowed else 0)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> LogEntry | None:
        """By key: it tells the millisecond, so that one partition is looked at, by its primary key."""
        key = uuid_of(object_id)
        mine = [project.pk for project in administered(request)]
        entries = LogEntry.objects.filter(project_id__in=mine).select_related("project")
        return entries.at_key(key).first() if key else None

    @column("Event")
    def event_words(self, obj: LogEntry) -> Cell:
        return cells.short(catalogue.event(obj.event).words if obj.event else catalogue.type_words(obj.type))

    @column("What happened")
    def headline(self, obj: LogEntry) -> Cell:
        return cells.short(explain.entry_headline(obj))

    @column("Details")
    def details(self, obj: LogEntry) -> Cell:
        return cells.short(entry_detail.message_cell(obj), 90)

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
        parts = (
            explain.entry_explanation(obj).cause,
            f"code {obj.error_code}" if obj.error_code else "",
            f"HTTP {obj.http_status}" if obj.http_status else "",
            catalogue.humanise(obj.recoverability) if obj.recoverability else "",
        )
        return cells.short(" · ".join(part for part in parts if part), 500)

    @column("What it means")
    def meaning(self, obj: LogEntry) -> Cell:
        return cells.short(explain.entry_explanation(obj).meaning, 500)

    @column("What to do")
    def action(self, obj: LogEntry) -> Cell:
        return cells.short(explain.entry_explanation(obj).action, 500)

    @column("As it was sent")
    def context(self, obj: LogEntry) -> Cell:
        return cells.as_json(obj.context())

    time = field_column("occurred_at", "Time", partial(cells.moment, exact=True))
    received = field_column("received_at", "Received", partial(cells.moment, exact=True))
    level_words = choice_column("level", "Level", cells.LEVEL_COLOURS)
    category_words = choice_column("category", "Category")
    kind = words_column("type", "Type", catalogue.type_words)
    type_of_sync = words_column("sync_type", "Sync type", catalogue.sync_type_words)
    message_text = text_column("message", "Message", 8192)
    sender_id = code_column("entry_id", "ID of the sender")
    key_code = code_column("key", "Key")
    credential = code_column("credential_id", "Credential ID")


class FacetChoice(Choice):
    everything = None
    options = [(facet, facet.label.capitalize()) for facet in Facet]

    def value(self) -> str:
        return super().value() or str(Facet.TOTAL.value)


@admin.register(HourCount)
class HourCountAdmin(ReadOnlyAdmin):
    """How many entries an hour: what the facets and the histogram read."""

    moment = "hour"
    list_display = ("hour_words", "facet_words", "value_words", "level_words", "count")
    list_filter = (
        OneProject,
        time_range("hour", DEFAULT_SINCE),
        choice("Counted by", "facet", FacetChoice),
        choice("Level", "level", options=Level.choices),
    )
    fields = ("project", "hour_words", "facet_words", "value_words", "level_words", "count")

    @column("Value")
    def value_words(self, obj: HourCount) -> Cell:
        if obj.facet == Facet.CATEGORY and obj.value.isdecimal():
            return Category(int(obj.value)).label
        return cells.code(obj.value)

    hour_words = moment_column("hour", "Hour")
    facet_words = field_column("facet", "Counted by", lambda facet: Facet(facet).label.capitalize())

    @column("Level", label=cells.LEVEL_COLOURS)
    def level_words(self, obj: HourCount) -> str:
        return Level(obj.level).label
