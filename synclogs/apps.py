"""Django app configuration of synclogs, with its display name for the admin."""

from django.apps import AppConfig


class SyncLogs(AppConfig):
    name = "synclogs"
    verbose_name = "Sync support"
