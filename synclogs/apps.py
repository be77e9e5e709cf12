"""The app's name for people, as the administration shows it."""

from django.apps import AppConfig


class SyncLogs(AppConfig):
    name = "synclogs"
    verbose_name = "Sync support"
