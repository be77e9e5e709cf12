"""Admin of re-enables, bulk re-enables, resolved causes and the do-not-wake list; read only.

They are changed by synclogs.recovery (reenable, bulk, resolutions), from the pages of the portal.
"""

from django.contrib import admin

from portal.admin import cells
from portal.admin.base import ReadOnlyAdmin
from portal.admin.cells import choice_column, code_column, json_column, moment_column, text_column
from portal.admin.lists import OneProject, Text, choice, time_range
from portal.admin.log_columns import IntegrationChoice, SyncColumns, UserText
from portal.recovery.attempt_cards import TONES
from synclogs.catalogue.recovery import State
from synclogs.models import Bulk, BulkState, Reenable, Resolution, Sleeper

STATE_COLOURS = {state.label: cells.COLOURS[TONES[state]] for state in State}
BULK_COLOURS = {"Finished": "success", "Stopped by itself": "danger", "Aborted": "warning", "Running": "info"}

WhoText = choice("Who", "who", Text, column="actor_text")


class ReasonColumns:
    """Who did something, and why."""

    project_words = text_column("project", "Project")
    who = text_column("actor_text", "Who", empty="not known")
    reason_short = text_column("reason", "Reason", 60)
    reason_words = text_column("reason", "Reason", 4000)


@admin.register(Reenable)
class ReenableAdmin(ReasonColumns, SyncColumns, ReadOnlyAdmin):
    moment = "requested_at"
    portal_page = "attempt"
    list_display = ("requested", "state_words", "sync_short", "user_link", "integration_words", "who", "reason_short")
    list_filter = (
        OneProject,
        time_range("requested_at", "30d"),
        choice("State", "state", options=State.choices),
        IntegrationChoice,
        UserText,
        WhoText,
    )
    search_fields = ("sync_id__exact", "user_id__exact")
    search_help_text = "Sync ID or user ID, exactly"
    fieldsets = (
        (None, {"fields": ("project_words", "sync_link", "user_link", "integration_words", "who", "reason_words")}),
        ("Course", {"fields": ("state_words", "requested", "sent", "accepted", "started", "ended", "watched", "bulk")}),
        ("The provider", {"fields": ("http_status", "answer_words", "found_words")}),
        ("Evidence", {"fields": ("is_override", "error_time", "error_code_words", "evidence_json")}),
    )
    state_words = choice_column("state", "State", STATE_COLOURS)
    answer_words = text_column("answer", "Its answer", 4000)
    found_words = text_column("found_status", "Status last found")
    error_code_words = code_column("error_code", "Error answered")
    evidence_json = json_column("evidence", "Checks at the click")
    requested = moment_column("requested_at", "Requested")
    sent = moment_column("sent_at", "Sent")
    accepted = moment_column("accepted_at", "Accepted")
    started = moment_column("started_at", "Started")
    ended = moment_column("ended_at", "Ended")
    watched = moment_column("watch_until", "Watched until")
    error_time = moment_column("error_at", "Time of that error")


@admin.register(Resolution)
class ResolutionAdmin(SyncColumns, ReadOnlyAdmin):
    moment = "at"
    list_display = ("at_time", "sync_short", "who", "note_short", "ticket_words")
    list_filter = (OneProject, time_range("at", "30d"))
    search_fields = ("sync_id__exact", "note", "ticket")
    search_help_text = "Sync ID, exactly, or part of a note or ticket"
    fieldsets = (
        (None, {"fields": ("project_words", "sync_link", "who", "at_time", "error", "note_words", "ticket_words")}),
    )
    who = text_column("by_text", "Who", empty="not known")
    note_short = text_column("note", "How they know", 80)
    note_words = text_column("note", "How they know", 4000)
    ticket_words = text_column("ticket", "Ticket")
    at_time = moment_column("at", "Said")
    error = moment_column("error_at", "Errors up to")


@admin.register(Sleeper)
class SleeperAdmin(ReadOnlyAdmin):
    moment = "at"
    list_display = ("since", "kind_words", "value_code", "who", "reason_short", "end")
    list_filter = (OneProject, choice("What", "kind", options=Sleeper.Kind.choices))
    search_fields = ("value__exact", "reason")
    search_help_text = "A sync, user or integration, exactly, or part of a reason"
    list_select_related = ("project", "by")
    fieldsets = (
        (None, {"fields": ("project_words", "kind_words", "value_code", "who", "since", "end", "reason_words")}),
    )
    project_words = text_column("project", "Project")
    kind_words = choice_column("kind", "What")
    who = text_column("by", "Who", empty="not known")
    reason_short = text_column("reason", "Why", 80)
    reason_words = text_column("reason", "Why", 4000)
    value_code = code_column("value", "ID")
    since = moment_column("at", "Put on the list")
    end = moment_column("until", "Until")


@admin.register(Bulk)
class BulkAdmin(ReasonColumns, ReadOnlyAdmin):
    moment = "created_at"
    portal_page = "bulk"
    list_display = ("created", "state_words", "who", "reason_short", "wave", "ended")
    list_filter = (
        OneProject,
        time_range("created_at", "30d"),
        choice("State", "state", options=BulkState.choices),
        WhoText,
    )
    search_fields = ("reason",)
    search_help_text = "Part of a reason"
    list_select_related = ("project", "approved_by")
    fieldsets = (
        (None, {"fields": ("project_words", "who", "approver", "reason_words", "source_code")}),
        ("Plan", {"fields": ("canary_size", "wave_size", "per_minute")}),
        ("Course", {"fields": ("state_words", "created", "started", "wave", "ended", "expires", "note_words")}),
    )
    state_words = choice_column("state", "State", BULK_COLOURS)
    approver = text_column("approved_by", "Approved by")
    note_words = text_column("note", "Note", 1000)
    source_code = code_column("source", "Made from")
    created = moment_column("created_at", "Created")
    started = moment_column("started_at", "Started")
    ended = moment_column("ended_at", "Ended")
    expires = moment_column("expires_at", "Expires")
