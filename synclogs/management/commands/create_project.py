"""`manage.py create_project SLUG`: creates a project; idempotent."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from synclogs.access import audit
from synclogs.management.loading import as_name
from synclogs.models import Action, Project
from synclogs.recovery import ownership


class Command(BaseCommand):
    help = "Makes a project (an environment of a product); does nothing when it exists."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "slug", type=as_name, metavar="SLUG", help="its name in addresses: letters, digits, hyphens"
        )
        parser.add_argument("--name", type=as_name, metavar="N", help="its name on pages (default: made from the slug)")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["slug"]
        if Project.objects.filter(slug=slug).exists():
            self.stderr.write(f"Project {slug} exists already.")
            return
        project = Project(slug=slug, name=options["name"] or slug.replace("-", " ").replace("_", " ").capitalize())
        try:
            project.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        with transaction.atomic():
            project.save()
            audit.record(
                Action.OBJECT_ADDED,
                actor_text="manage.py create_project",
                project=project,
                object_type="project",
                object_text=slug,
            )
        self.stderr.write(f"Project {slug} made.")
        fault = ownership.undecided()
        if fault:
            self.stderr.write(f"{fault.text} {fault.hint} Until then nothing is re-enabled.")
