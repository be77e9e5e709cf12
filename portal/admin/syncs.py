"""Admin of syncs; read only."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from portal.admin import cells
from portal.admin.base import ReadOnlyAdmin
from portal.admin.cells import Cell, code_column, column, field_column, moment_column, text_column
from portal.admin.lists import Choice, OneProject, choice, chosen
from portal.admin.log_columns import IntegrationChoice, PipelineChoice, SyncColumns, UserText
from synclogs import catalogue
from synclogs.explain import phrases
from synclogs.models import Attention, Sync
from synclogs.models.sync import needs


class AttentionChoice(Choice):
    options = Attention.choices

    def condition(self, value: str) -> Q:
        return needs(Attention(value), now=timezone.now())


@admin.register(Sync)
class SyncAdmin(SyncColumns, ReadOnlyAdmin):
    """One sync of one customer."""

    actions = ("reenable_selected",)
    actions_selection_counter = True
    moment = "last_seen_at"
    portal_page, portal_field = "sync", "sync_id"
    list_display = ("named_sync", "status_words", "user_link", "source", "last_seen", "last_run", "error_short")
    list_filter = (
        OneProject,
        choice("Needs attention", "attention", AttentionChoice),
        choice("Status", "status", options=[(name, known.words) for name, known in catalogue.STATUSES.items()]),
        IntegrationChoice,
        PipelineChoice,
        UserText,
    )
    search_fields = ("sync_id__exact", "user_id__exact")
    search_help_text = "Sync ID or user ID, exactly"
    whose = ("project_words", "sync_code", "user_link", "integration_words", "pipeline_words", "credential_code")
    state = ("status_words", "status_meaning", "status_ends", "since", "first_seen", "last_seen", "cadence")
    fieldsets = (
        (None, {"fields": whose}),
        ("State", {"fields": state}),
        ("Runs", {"fields": ("first_sync", "last_start", "last_run", "counts", "duration")}),
        ("Trouble", {"fields": ("last_warning", "error", "error_text", "retry", "webhooks")}),
    )

    def get_action_choices(
        self, request: HttpRequest, default_choices: Any = None, action_location: Any = None
    ) -> list[tuple[str, str]]:
        """The one there is; Unfold's own does not know yet where Django 6.1 asks from."""
        return [("", "Choose what to do"), ("reenable_selected", "Re-enable selected syncs")]

    @admin.action(description="Re-enable selected syncs", permissions=["view"])
    def reenable_selected(self, request: HttpRequest, queryset: QuerySet[Sync]) -> HttpResponseRedirect:
        """To the portal's preview: nothing is done before somebody has seen it and said why."""
        ids = queryset.order_by("pk").values_list("sync_id", flat=True)[: self.list_per_page]
        address = reverse("bulk-new", args=(chosen(request).slug,))
        return HttpResponseRedirect(f"{address}?{urlencode([('sync', str(sync_id)) for sync_id in ids])}")

    @column("Status", label=cells.STATUS_COLOURS)
    def status_words(self, obj: Sync) -> Cell:
        return catalogue.status(obj.status).words

    @column("What that means")
    def status_meaning(self, obj: Sync) -> str:
        return catalogue.status(obj.status).meaning

    @column("How it ends")
    def status_ends(self, obj: Sync) -> str:
        return catalogue.status(obj.status).leaves_by or cells.NOTHING

    @column("Last error")
    def error(self, obj: Sync) -> Cell:
        if obj.last_error_at is None:
            return cells.NOTHING
        cause = catalogue.error_code(
            obj.last_error_code, http_status=obj.last_error_http_status, recoverability=obj.last_error_recoverability
        )
        url = cells.portal_url("log", obj.project, obj.last_error_key)
        code = obj.last_error_code or catalogue.event(obj.last_error_event).words
        return cells.link(url, cells.words(cause.words, code))

    @column("Last error")
    def error_short(self, obj: Sync) -> Cell:
        return cells.short(catalogue.event(obj.last_error_event).words, 40) if obj.last_error_at else cells.NOTHING

    @column("Usual gap between runs")
    def cadence(self, obj: Sync) -> str:
        return phrases.duration_ms(int(obj.cadence_seconds * 1000)) if obj.cadence_seconds else "not known yet"

    @column("Webhooks last failed")
    def webhooks(self, obj: Sync) -> Cell:
        return cells.moment(obj.webhook_failed_at or obj.webhook_warning_at)

    @column("Counts of that run")
    def counts(self, obj: Sync) -> str:
        return super().counts(obj)

    named_sync = field_column("sync_id", "Sync", lambda sync_id: cells.code(str(sync_id)[:8]))
    sync_code = code_column("sync_id", "Sync ID")
    credential_code = code_column("credential_id", "Credential ID")
    since = moment_column("status_since", "In this status since")
    first_seen = moment_column("first_seen_at", "First seen")
    last_seen = moment_column("last_seen_at", "Last seen")
    first_sync = moment_column("initial_completed_at", "First sync completed")
    last_start = moment_column("last_started_at", "Last run started")
    last_run = moment_column("last_completed_at", "Last good run")
    last_warning = moment_column("last_warning_at", "Last warning")
    error_text = text_column("last_error_message", "In its own words", 2000)
    retry = moment_column("retry_at", "Next try")
