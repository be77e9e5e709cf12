"""Admin of re-enables, bulk re-enables, resolved causes and the do-not-wake list; read only.

They are changed by synclogs.recovery (reenable, bulk, resolutions), from the pages of the portal.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from portal.admin import cells
from portal.admin.base import ReadOnlyAdmin
from portal.admin.cells import Cell, code_column, column, moment_column
from portal.admin.lists import Choice, PagedList, ProjectChoice, RangeChoice, Text
from portal.admin.log_columns import IntegrationChoice, SyncThing, UserText
from portal.recovery.attempt_cards import TONES
from synclogs.catalogue.recovery import State
from synclogs.models import Bulk, BulkState, Reenable, Resolution, Sleeper
from synclogs.parsing.identifiers import uuid_of

STATE_COLOURS = {state.label: cells.COLOURS[TONES[state]] for state in State}


class LongRange(RangeChoice):
    default = "30d"


class StateChoice(Choice):
    title = "State"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(State.choices)


class BulkStateChoice(Choice):
    title = "State"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(BulkState.choices)


class KindChoice(Choice):
    title = "What"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Sleeper.Kind.choices)


class WhoText(Text):
    title = "Who"
    parameter_name = "who"
    column = "actor_text"


class PagedAdmin(SyncThing, ReadOnlyAdmin):
    """A list by keyset with a search by sync or user ID, exactly."""

    sortable_by = ()
    search_fields = ("sync_id",)
    search_help_text = "Sync ID or user ID, exactly"
    list_select_related: Any = ("project",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PagedList]:
        return PagedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        return (queryset.filter(self.found(text)) if text else queryset), False

    def found(self, text: str) -> Q:
        sync_id = uuid_of(text)
        return Q(sync_id=sync_id) if sync_id else Q(user_id=text)


@admin.register(Reenable)
class ReenableAdmin(PagedAdmin):
    moment = "requested_at"
    portal_page = "attempt"
    list_display = ("requested", "state_words", "sync_short", "user_link", "integration_words", "who", "reason_short")
    list_filter = (ProjectChoice, LongRange, StateChoice, IntegrationChoice, UserText, WhoText)
    fieldsets = (
        (None, {"fields": ("project_words", "sync_link", "user_link", "integration_words", "who", "reason_words")}),
        ("Course", {"fields": ("state_words", "requested", "sent", "accepted", "started", "ended", "watched", "bulk")}),
        ("The provider", {"fields": ("http_status", "answer_words", "found_words")}),
        ("Evidence", {"fields": ("is_override", "error_time", "error_code_words", "evidence_json")}),
    )

    @column("State", label=STATE_COLOURS)
    def state_words(self, obj: Reenable) -> str:
        return State(obj.state).label if obj.state in State.values else obj.state

    @column("Who")
    def who(self, obj: Reenable) -> Cell:
        return cells.short(obj.actor_text) if obj.actor_text else "not known"

    @column("Reason")
    def reason_short(self, obj: Reenable) -> Cell:
        return cells.short(obj.reason, 60)

    @column("Reason")
    def reason_words(self, obj: Reenable) -> Cell:
        return cells.short(obj.reason, 4000)

    @column("Its answer")
    def answer_words(self, obj: Reenable) -> Cell:
        return cells.short(obj.answer, 4000)

    @column("Status last found")
    def found_words(self, obj: Reenable) -> Cell:
        return cells.short(obj.found_status)

    @column("Error answered")
    def error_code_words(self, obj: Reenable) -> Cell:
        return cells.code(obj.error_code) if obj.error_code else cells.NOTHING

    @column("Checks at the click")
    def evidence_json(self, obj: Reenable) -> Cell:
        return cells.as_json(obj.evidence) if obj.evidence else cells.NOTHING

    requested = moment_column("requested_at", "Requested")
    sent = moment_column("sent_at", "Sent")
    accepted = moment_column("accepted_at", "Accepted")
    started = moment_column("started_at", "Started")
    ended = moment_column("ended_at", "Ended")
    watched = moment_column("watch_until", "Watched until")
    error_time = moment_column("error_at", "Time of that error")


@admin.register(Resolution)
class ResolutionAdmin(PagedAdmin):
    moment = "at"
    list_display = ("said", "sync_short", "who", "note_short", "ticket_words")
    list_filter = (ProjectChoice, LongRange)
    search_help_text = "Sync ID, exactly, or part of a note or ticket"
    fieldsets = (
        (None, {"fields": ("project_words", "sync_link", "who", "said", "error", "note_words", "ticket_words")}),
    )

    def found(self, text: str) -> Q:
        sync_id = uuid_of(text)
        return Q(sync_id=sync_id) if sync_id else Q(note__icontains=text) | Q(ticket__icontains=text)

    @column("Who")
    def who(self, obj: Resolution) -> Cell:
        return cells.short(obj.by_text) if obj.by_text else "not known"

    @column("How they know")
    def note_short(self, obj: Resolution) -> Cell:
        return cells.short(obj.note, 80)

    @column("How they know")
    def note_words(self, obj: Resolution) -> Cell:
        return cells.short(obj.note, 4000)

    @column("Ticket")
    def ticket_words(self, obj: Resolution) -> Cell:
        return cells.short(obj.ticket)

    said = moment_column("at", "Said")
    error = moment_column("error_at", "Errors up to")


@admin.register(Sleeper)
class SleeperAdmin(PagedAdmin):
    moment = "at"
    list_display = ("since", "kind_words", "value_code", "who", "reason_short", "end")
    list_filter = (ProjectChoice, KindChoice)
    search_help_text = "A sync, user or integration, exactly, or part of a reason"
    list_select_related = ("project", "by")
    fieldsets = (
        (None, {"fields": ("project_words", "kind_words", "value_code", "who", "since", "end", "reason_words")}),
    )

    def found(self, text: str) -> Q:
        return Q(value=text) | Q(reason__icontains=text)

    @column("What")
    def kind_words(self, obj: Sleeper) -> str:
        return obj.get_kind_display()

    @column("Who")
    def who(self, obj: Sleeper) -> Cell:
        return cells.short(obj.by.get_username()) if obj.by else "not known"

    @column("Why")
    def reason_short(self, obj: Sleeper) -> Cell:
        return cells.short(obj.reason, 80)

    @column("Why")
    def reason_words(self, obj: Sleeper) -> Cell:
        return cells.short(obj.reason, 4000)

    value_code = code_column("value", "ID")
    since = moment_column("at", "Put on the list")
    end = moment_column("until", "Until")


@admin.register(Bulk)
class BulkAdmin(PagedAdmin):
    moment = "created_at"
    portal_page = "bulk"
    list_display = ("created", "state_words", "who", "reason_short", "wave", "ended")
    list_filter = (ProjectChoice, LongRange, BulkStateChoice, WhoText)
    search_help_text = "Part of a reason"
    list_select_related = ("project", "approved_by")
    fieldsets = (
        (None, {"fields": ("project_words", "who", "approver", "reason_words", "source_code")}),
        ("Plan", {"fields": ("canary_size", "wave_size", "per_minute")}),
        ("Course", {"fields": ("state_words", "created", "started", "wave", "ended", "expires", "note_words")}),
    )

    def found(self, text: str) -> Q:
        return Q(reason__icontains=text)

    @column(
        "State", label={"Finished": "success", "Stopped by itself": "danger", "Aborted": "warning", "Running": "info"}
    )
    def state_words(self, obj: Bulk) -> str:
        return obj.get_state_display()

    @column("Who")
    def who(self, obj: Bulk) -> Cell:
        return cells.short(obj.actor_text) if obj.actor_text else "not known"

    @column("Approved by")
    def approver(self, obj: Bulk) -> Cell:
        return cells.short(obj.approved_by.get_username()) if obj.approved_by else cells.NOTHING

    @column("Reason")
    def reason_short(self, obj: Bulk) -> Cell:
        return cells.short(obj.reason, 60)

    @column("Reason")
    def reason_words(self, obj: Bulk) -> Cell:
        return cells.short(obj.reason, 4000)

    @column("Note")
    def note_words(self, obj: Bulk) -> Cell:
        return cells.short(obj.note, 1000)

    source_code = code_column("source", "Made from")
    created = moment_column("created_at", "Created")
    started = moment_column("started_at", "Started")
    ended = moment_column("ended_at", "Ended")
    expires = moment_column("expires_at", "Expires")
