"""`manage.py create_api_key`: creates an API key and prints it, alone on standard output, once."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from synclogs.access import audit, keys
from synclogs.management.loading import as_name, project_named, whole
from synclogs.models import Action, Scope

MOST_DAYS = 36_500  # a century; a date has an end


class Command(BaseCommand):
    help = "Makes an API key and prints it, once: it is not kept in a form that could be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", type=as_name, required=True, metavar="SLUG")
        parser.add_argument("--name", type=as_name, required=True, metavar="N", help="what uses the key")
        parser.add_argument(
            "--scope", action="append", required=True, choices=Scope.values, help="what it may do; may be repeated"
        )
        parser.add_argument(
            "--expires", type=whole(MOST_DAYS), metavar="DAYS", help="days until it ends (default: never)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        expires_at = timezone.now() + timedelta(days=options["expires"]) if options["expires"] else None
        scopes = list(dict.fromkeys(options["scope"]))
        with transaction.atomic():
            key, text = keys.create(project, options["name"][:100], scopes=scopes, expires_at=expires_at)
            audit.record(
                Action.KEY_CREATED,
                actor_text="manage.py create_api_key",
                project=project,
                object_type="API key",
                object_text=str(key),
                after={"scopes": scopes, "expires_at": expires_at.isoformat() if expires_at else None},
            )
        self.stdout.write(text)
