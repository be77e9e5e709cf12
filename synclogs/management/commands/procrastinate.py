"""`manage.py procrastinate`: the job queue's own commands; its worker refuses to start while no project owns the provider's syncs."""

from typing import Any

from django.db import connection
from procrastinate.contrib.django.management.commands.procrastinate import Command as Procrastinate


class Command(Procrastinate):
    def handle(self, *args: Any, **options: Any) -> None:
        if options["command"] == "worker":
            # Those that ask the database are left out where a command does not name one. Raises SystemCheckError.
            self.check(tags=["provider"], databases=["default"])
            connection.close()
        super().handle(*args, **options)
