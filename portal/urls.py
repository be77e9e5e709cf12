"""URLs of the portal."""

from django.contrib import admin
from django.urls import URLPattern, include, path, re_path, register_converter
from django.views.decorators.csrf import csrf_exempt

from portal.links.paths import AnyText
from portal.problems.pages import not_found
from portal.sign_in.views import SignIn, SignOut
from portal.views import (
    audit,
    bulks,
    do_not_wake,
    export,
    health,
    help,
    integrations,
    late_counts,
    logs,
    overview,
    patterns,
    reenables,
    saved_views,
    search,
    selected_entries,
    suggest,
    syncs,
    tail,
    traces,
    users,
)

register_converter(AnyText, "anything")

PROJECT_PAGES: list[URLPattern] = [
    path("", overview.overview, name="overview"),
    path("audit", audit.audit, name="audit"),
    path("exports/<int:number>", export.export_state, name="export-state"),
    path("help", help.help_page, name="help"),
    path("integrations", integrations.integrations, name="integrations"),
    path("integrations/<anything:slug>", integrations.integration, name="integration"),
    path("logs", logs.logs, name="logs"),
    path("logs/copy", selected_entries.copy, name="logs-copy"),
    path("logs/facets", late_counts.facets, name="logs-counts"),
    path("logs/rows", selected_entries.lines, name="log-rows"),
    path("logs/suggest", suggest.suggest, name="logs-suggest"),
    path("logs/tail", tail.arrivals, name="logs-tail"),
    path("logs/views", saved_views.counts, name="saved-view-counts"),
    path("logs/export", export.export_page, name="export"),
    path("logs/<uuid:key>", logs.log, name="log"),
    path("logs/<uuid:key>/context", logs.context, name="log-context"),
    path("logs/<uuid:key>/json", logs.log_json, name="log-json"),
    path("logs/<uuid:key>/ticket", selected_entries.ticket, name="log-ticket"),
    path("patterns", patterns.patterns, name="patterns"),
    path("reenables", reenables.reenables, name="reenables"),
    path("reenables/asleep", do_not_wake.sleepers, name="sleepers"),
    path("reenables/asleep/<int:sleeper>/wake", do_not_wake.wake, name="wake"),
    path("reenables/bulk", bulks.every, name="bulks"),
    path("reenables/bulk/new", bulks.new, name="bulk-new"),
    path("reenables/bulk/<uuid:bulk>", bulks.bulk, name="bulk"),
    path("reenables/bulk/<uuid:bulk>/progress", bulks.progress, name="bulk-progress"),
    path("reenables/bulk/<uuid:bulk>/<slug:verb>", bulks.change_state, name="bulk-act"),
    path("reenables/<uuid:attempt>", reenables.attempt, name="attempt"),
    path("reenables/<uuid:attempt>/progress", reenables.progress, name="attempt-progress"),
    path("search", search.search, name="search"),
    path("syncs", syncs.syncs, name="syncs"),
    path("syncs/<anything:sync_id>/evidence", reenables.evidence, name="evidence"),
    path("syncs/<anything:sync_id>/reenable", reenables.request_one, name="reenable"),
    path("syncs/<anything:sync_id>/resolve", reenables.resolve, name="resolve"),
    path("syncs/<anything:sync_id>", syncs.sync, name="sync"),
    path("traces", traces.traces, name="traces"),
    path("traces/<anything:trace_id>", traces.trace, name="trace"),
    path("users", users.users, name="users"),
    path("users/<anything:user_id>", users.user, name="user"),
    path("views", saved_views.create, name="saved-view-create"),
    path("views/<int:view>/change", saved_views.change, name="saved-view-change"),
    path("views/<int:view>/delete", saved_views.remove, name="saved-view-delete"),
]

urlpatterns = [
    path("", overview.start, name="start"),
    path("accounts/login/", SignIn.as_view(), name="login"),
    path("accounts/logout/", SignOut.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("api/v1/", include("portal.api.urls")),
    # Also with DEBUG on, machines get a problem and never Django's page; and the problem names the error, not a form.
    re_path(r"^(?:api|v1)(?:/|$)", csrf_exempt(not_found)),
    path("p/<slug:project>/", include(PROJECT_PAGES)),
]

handler400 = "portal.problems.pages.bad_request"
handler403 = "portal.problems.pages.forbidden"
handler404 = "portal.problems.pages.not_found"
handler500 = "portal.problems.pages.server_error"
