"""Columns and filters that the admin pages of entries, syncs, traces and customers share, with links into the portal."""

from typing import Any

from django.http import HttpRequest

from portal.admin import cells
from portal.admin.cells import Cell, column
from portal.admin.lists import Choice, Text, seen
from synclogs import catalogue
from synclogs.explain import phrases
from synclogs.models import Facet, Sync, Trace


def run_counts(obj: Sync | Trace) -> str:
    return (
        phrases.run_counts(
            obj.created, obj.updated, obj.deleted, total_processed=obj.total_processed, total_changes=obj.total_changes
        )
        or cells.NOTHING
    )


class IntegrationChoice(Choice):
    title = "Integration"
    parameter_name = "integration"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = seen(request).of(Facet.INTEGRATION)
        return sorted(((slug, catalogue.integration_words(slug)) for slug in found), key=lambda pair: pair[1].lower())


class PipelineChoice(Choice):
    title = "Pipeline"
    parameter_name = "pipeline"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(slug, catalogue.pipeline_words(slug)) for slug in sorted(seen(request).of(Facet.PIPELINE))]


class SyncTypeChoice(Choice):
    title = "Sync type"
    parameter_name = "sync_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(catalogue.SyncType.choices)


class UserText(Text):
    title = "User ID"
    parameter_name = "user_id"


class SyncThing:
    """Columns that syncs, traces and the like share."""

    @column("Integration")
    def integration_words(self, obj: Any) -> Cell:
        return (
            cells.words(catalogue.integration_words(obj.integration), obj.integration)
            if obj.integration
            else cells.NOTHING
        )

    @column("Integration")
    def source(self, obj: Any) -> Cell:
        said = (catalogue.integration_words(obj.integration), catalogue.pipeline_words(obj.pipeline))
        return cells.short(" · ".join(part for part in said if part))

    @column("Pipeline")
    def pipeline_words(self, obj: Any) -> Cell:
        return cells.short(catalogue.pipeline_words(obj.pipeline)) if obj.pipeline else cells.NOTHING

    @column("User")
    def user_link(self, obj: Any) -> Cell:
        return (
            cells.link(cells.portal_url("user", obj.project, obj.user_id), cells.code(obj.user_id))
            if obj.user_id
            else cells.NOTHING
        )

    @column("Sync")
    def sync_link(self, obj: Any) -> Cell:
        return (
            cells.link(cells.portal_url("sync", obj.project, obj.sync_id), cells.code(obj.sync_id))
            if obj.sync_id
            else cells.NOTHING
        )

    @column("Sync")
    def sync_short(self, obj: Any) -> Cell:
        if obj.sync_id is None:
            return cells.NOTHING
        return cells.link(cells.portal_url("sync", obj.project, obj.sync_id), cells.code(str(obj.sync_id)[:8]))

    @column("Took")
    def took(self, obj: Any) -> str:
        return phrases.duration_ms(obj.duration_ms) or cells.NOTHING

    @column("Project")
    def project_words(self, obj: Any) -> str:
        return str(obj.project)
