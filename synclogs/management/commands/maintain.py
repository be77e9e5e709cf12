"""`manage.py maintain`: partitions ahead, retention, purge. The worker does the same on its schedule."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from synclogs.ingestion import cadence, maintenance


class Command(BaseCommand):
    help = "Makes partitions ahead, drops and purges what retention lets go, refreshes cadences."

    def handle(self, *args: Any, **options: Any) -> None:
        done = maintenance.maintain(now=timezone.now())
        changed = cadence.refresh(now=timezone.now())
        self.stdout.write(
            f"{len(done.made)} partitions made, {len(done.dropped)} dropped, {done.purged} rows purged,"
            f" {changed} cadences refreshed."
        )
