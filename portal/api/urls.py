"""URLs under /api/v1/. Any other path is a 404 problem document, also with DEBUG."""

from django.urls import path

from portal.api import reenables, schema, views

urlpatterns = [
    path("logs", views.Logs.as_view(), name="api-logs"),
    path("logs/<anything:id>", views.Log.as_view(), name="api-log"),
    path("syncs", views.Syncs.as_view(), name="api-syncs"),
    path("syncs/<anything:syncId>/reenable", reenables.ReenableSync.as_view(), name="api-reenable-sync"),
    path("syncs/<anything:syncId>", views.OneSync.as_view(), name="api-sync"),
    path("traces/<anything:traceId>", views.OneTrace.as_view(), name="api-trace"),
    path("users", views.Users.as_view(), name="api-users"),
    path("users/<anything:userId>", views.OneUser.as_view(), name="api-user"),
    path("integrations", views.Integrations.as_view(), name="api-integrations"),
    path("reenables", reenables.Reenables.as_view(), name="api-reenables"),
    path("reenables/<anything:id>", reenables.OneReenable.as_view(), name="api-reenable"),
    path("limits", views.Limits.as_view(), name="api-limits"),
    path("schema", schema.schema, name="api-schema"),
    path("docs", schema.docs, name="api-docs"),
]
