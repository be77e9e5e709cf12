"""Readiness of the portal (`/readyz`): what is missing before requests can be served.

In a web process a thread checks every second and callers get its last result; without a pool (commands, tests) each call checks.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from portal.database import watch
from portal.database.disk import STORAGE
from synclogs.jobs import workers_alive
from synclogs.storage import partitions

WORKER_SILENCE = timedelta(minutes=1)
PAUSE_SECONDS = 1.0
STORAGE_EVERY = 10.0  # seconds, while there is space
STALE_SECONDS = 10.0

REASONS = {
    "database": "The database does not answer; nothing else is known.",
    "migrations": "The database is older than this version: `manage.py migrate` has not run.",
    "partitions": "The log has no partition for today: `manage.py maintain` makes it, and the worker does.",
    "worker": "No job worker has given a sign of life for a minute.",
    "storage": "The database's disk is full: no entry can be stored.",
}
STALE = "This could not be looked at for ten seconds: the portal or its database is overloaded."


@dataclass(frozen=True, slots=True)
class Readiness:
    """Each part, true when it is ready; a sentence for each that is not."""

    checks: dict[str, bool]
    reasons: dict[str, str]

    @property
    def is_ready(self) -> bool:
        return all(self.checks.values())


def of_checks(found: dict[str, bool]) -> Readiness:
    return Readiness(found, {name: REASONS[name] for name, is_good in found.items() if not is_good})


NO_DATABASE = Readiness(dict.fromkeys(REASONS, False), {"database": REASONS["database"]})
UNKNOWN = Readiness(dict.fromkeys(REASONS, False) | {"database": True}, dict.fromkeys(list(REASONS)[1:], STALE))


@dataclass(slots=True)
class ReadinessThread:
    """The looks of this process: what was found last, and what need not be looked at again."""

    is_migrated: bool = False
    storage_at: float | None = None
    found: Readiness | None = None
    found_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_started: bool = False

    def latest(self) -> Readiness:
        """At most a few seconds old."""
        self._start()
        if self.found is None:
            return self.look()
        if time.monotonic() - self.found_at > STALE_SECONDS:
            return UNKNOWN
        return self.found

    def look(self) -> Readiness:
        looks: dict[str, Callable[[], bool]] = {
            "database": self._database,
            "migrations": self._migrations,
            "partitions": lambda: timezone.now().date() in partitions.existing(),
            "worker": lambda: workers_alive(within=WORKER_SILENCE),
            "storage": self._storage,
        }
        checks = dict.fromkeys(looks, False)
        for name, look in looks.items():
            try:
                checks[name] = look()
            except (OperationalError, InterfaceError):
                return NO_DATABASE
            except DatabaseError:  # a table that is not there yet
                continue
        return of_checks(checks)

    def _database(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True

    def _migrations(self) -> bool:
        """Once they have run they stay; the plan takes a tenth of a second to work out."""
        if not self.is_migrated:
            executor = MigrationExecutor(connection)
            self.is_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        return self.is_migrated

    def _storage(self) -> bool:
        now = time.monotonic()
        if self.storage_at is None or now - self.storage_at > STORAGE_EVERY or not STORAGE.can_write:
            STORAGE.look()
            self.storage_at = now
        return STORAGE.can_write

    def _start(self) -> None:
        with self._lock:
            if not self._is_started:
                self._is_started = True
                threading.Thread(target=self._run, name="readiness", daemon=True).start()

    def _run(self) -> None:
        while True:
            found = self.look()
            with suppress(DatabaseError, InterfaceError):
                connection.close()
            # Without an answer what was known stays: whether the database is there, its watch says better.
            if found.checks["database"]:
                self.found, self.found_at = found, time.monotonic()
            time.sleep(PAUSE_SECONDS)


LOOKING = ReadinessThread()


def readiness() -> Readiness:
    """Within two seconds, also when the database says nothing."""
    if not settings.DATABASE_POOL:
        return ReadinessThread().look()
    if watch.answers() is False:
        return NO_DATABASE
    return LOOKING.latest()
