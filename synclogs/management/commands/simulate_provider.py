"""`manage.py simulate_provider`: a simulated provider with the portal's own syncs, until Ctrl-C or SIGTERM.

It serves the documented Sync API on 127.0.0.1, checks the portal's tokens, and posts the logs of re-enabled syncs to the
portal's ingest. Its signing key is that of the settings, or one that it makes in .data.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from synclogs import health, provider
from synclogs.access import audit, keys
from synclogs.demo import keypair
from synclogs.demo.generate import DEMO, expired
from synclogs.demo.simulator import Mode, Pace, Simulator, SyncRecord, Trust
from synclogs.demo.simulator.state import Memory, Rule
from synclogs.management.loading import as_name, project_named
from synclogs.models import Action, ApiKey, Project, Scope, Sync
from synclogs.models.sync import SyncQuerySet
from synclogs.provider.configuration import audience_of
from synclogs.provider.host_app import webhook
from synclogs.provider.user_tokens import Secret, Unusable, signing_key

PORT = 8079
KEY_NAME = "Simulated provider"
ROOT_GONE = "10007"


class Command(BaseCommand):
    help = "Stands in for the provider's Sync API on 127.0.0.1, for the demo and for tests."
    # The portal's settings may still lack what is made here.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=PORT, help=f"on 127.0.0.1 (default: {PORT}; 0 = any)")
        parser.add_argument("--fail", type=Mode, choices=list(Mode), metavar="MODE", help=", ".join(Mode))
        parser.add_argument(
            "--project", type=as_name, metavar="SLUG", help=f"whose syncs it knows (default: {DEMO.project})"
        )
        parser.add_argument("--start", type=float, default=1.0, metavar="S", help="seconds until a sync begins to run")
        parser.add_argument("--run", type=float, default=4.0, metavar="S", help="seconds that a run takes")
        parser.add_argument(
            "--every", type=float, default=240.0, metavar="S", help="seconds between runs; 0 = one only"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = self.project(options["project"])
        pace = Pace(options["start"], options["run"], options["every"])
        try:
            simulator = Simulator(
                trust(project),
                port=options["port"],
                pace=pace,
                portal=portal(project),
                look=lambda user: look(simulator.memory, project, user=user),
                say=self.stdout.write,
            )
        except (OSError, OverflowError) as error:
            raise CommandError(f"Port {options['port']} cannot be opened: {error}.") from None
        if options["fail"]:
            simulator.memory.rule(None, Rule(options["fail"]))
        if project and project.slug == DEMO.project:
            for sync_id in expired():
                simulator.memory.suppose(sync_id, Rule(Mode.CREDENTIAL_BROKEN))
        if project:
            learn(simulator.memory, Sync.objects.of(project))
        with until_stopped() as stop, simulator:
            self.stdout.write(
                f"The simulated provider answers at {simulator.url} and knows {len(simulator.memory.syncs)} syncs."
            )
            self.stdout.flush()
            stop.wait()

    def project(self, slug: str | None) -> Project | None:
        if slug:
            return project_named(slug)
        found = Project.objects.filter(slug=DEMO.project).first()
        if found is None:
            self.stderr.write(f"There is no project '{DEMO.project}', so no sync is known yet (--project SLUG).")
        return found


def trust(project: Project | None) -> Trust:
    """What the settings say of tokens and messages; where they say nothing, a key of our own. Raises CommandError."""
    found = provider.configurations()
    chosen = next((each for each in found if project and project.slug in each.owners), found[0])
    name = chosen.project or (project.slug if project else DEMO.project)
    secret = chosen.signing_key
    if not secret:
        secret = Secret(
            secret.setting, file=str(keypair.ensure_key(Path(settings.BASE_DIR) / ".data" / "provider_key.pem"))
        )
    try:
        key = signing_key(secret).public_key()
        hook = webhook(chosen.host_secret) if chosen.host_secret else None
    except Unusable as error:
        raise CommandError(str(error)) from None
    return Trust(key, project=name, audience=audience_of(chosen.audience, name), hook=hook)


def portal(project: Project | None) -> tuple[str, str] | None:
    """Where the logs go, and a key for it: the one of the environment, or a new one in the place of our last."""
    url = os.environ.get("SIMULATOR_PORTAL_URL", "").rstrip("/")
    if not url:
        return None
    text = os.environ.get("SIMULATOR_PORTAL_KEY", "")
    if text or project is None:
        return (url, text) if text else None
    with transaction.atomic():
        ApiKey.objects.filter(project=project, name=KEY_NAME).delete()
        key, text = keys.create(project, KEY_NAME, scopes=[Scope.LOGS_WRITE])
        audit.record(
            Action.KEY_CREATED,
            actor_text="manage.py simulate_provider",
            project=project,
            object_type="API key",
            object_text=str(key),
            after={"scopes": [Scope.LOGS_WRITE], "expires_at": None},
        )
    return url, text


def learn(memory: Memory, syncs: SyncQuerySet) -> None:
    for sync in syncs.iterator():
        memory.learn([known(sync)])
        if sync.status == "ERRORED" and sync.last_error_code == ROOT_GONE:
            memory.suppose(sync.sync_id, Rule(Mode.ROOT_GONE))


def look(memory: Memory, project: Project | None, *, user: str) -> None:
    """What the portal knows of this user's syncs now; in a thread of its own, which leaves no connection behind."""
    if project is None:
        return
    try:
        learn(memory, Sync.objects.of(project).filter(user_id=user))
    except (OperationalError, InterfaceError):
        pass  # the database is away; what is known already is used
    finally:
        connection.close()


def known(sync: Sync) -> SyncRecord:
    return SyncRecord(
        sync_id=sync.sync_id,
        user=sync.user_id,
        integration=sync.integration,
        pipeline=sync.pipeline,
        status=sync.status or "INITIALIZING",
        at=sync.status_at or sync.first_seen_at,
        reason=sync.last_error_message if sync.status == "ERRORED" else "",
        credential_id=sync.credential_id,
        last_synced_at=sync.last_completed_at,
        is_new=health.never_finished(sync, now=timezone.now()),
    )


@contextmanager
def until_stopped() -> Iterator[Event]:
    """An event that Ctrl-C and SIGTERM set."""
    stop = Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
