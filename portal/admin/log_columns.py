"""Columns and filters that the admin pages of entries, syncs, traces and customers share, with links into the portal."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from portal.admin import cells
from portal.admin.cells import Cell, column, field_column, link_column, text_column, words_column
from portal.admin.lists import Choice, Text, choice, seen
from synclogs import catalogue
from synclogs.explain import phrases
from synclogs.models import Facet


class SeenChoice(Choice):
    """A filter by a name of the sender's; those are offered that the hour counts have seen."""

    facet: Facet
    naming: Callable[[str], str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = ((slug, self.naming(slug)) for slug in seen(request).of(self.facet))
        return sorted(names, key=lambda pair: pair[1].lower())


IntegrationChoice = choice(
    "Integration", "integration", SeenChoice, facet=Facet.INTEGRATION, naming=staticmethod(catalogue.integration_words)
)
PipelineChoice = choice(
    "Pipeline", "pipeline", SeenChoice, facet=Facet.PIPELINE, naming=staticmethod(catalogue.pipeline_words)
)
UserText = choice("User ID", "user_id", Text)


class SyncColumns:
    """Columns that syncs, traces and the like share."""

    project_words = text_column("project", "Project")
    integration_words = words_column("integration", "Integration", catalogue.integration_words)
    pipeline_words = field_column("pipeline", "Pipeline", lambda slug: cells.short(catalogue.pipeline_words(slug)))
    user_link = link_column("user", "user_id", "User")
    sync_link = link_column("sync", "sync_id", "Sync")
    sync_short = link_column("sync", "sync_id", "Sync", 8)
    trace_link = link_column("trace", "trace_id", "Trace")

    @column("Integration")
    def source(self, obj: Any) -> Cell:
        words = (catalogue.integration_words(obj.integration), catalogue.pipeline_words(obj.pipeline))
        return cells.short(" · ".join(part for part in words if part))

    @column("Took")
    def duration(self, obj: Any) -> str:
        return phrases.duration_ms(obj.duration_ms) or cells.NOTHING

    @column("Counts")
    def counts(self, obj: Any) -> str:
        counts = phrases.run_counts(
            obj.created, obj.updated, obj.deleted, total_processed=obj.total_processed, total_changes=obj.total_changes
        )
        return counts or cells.NOTHING
