"""The database backend of DATABASES: PostgreSQL with a watched pool that gives out no connection while the database is away.

Some connections of the pool are reserved for the ingest, however many readers there are.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.backends.postgresql import base
from psycopg import OperationalError

from portal.database.watch import Watch, watch
from synclogs.storage.connections import Session

PATIENCE_SECONDS = 2.0


class DatabaseWrapper(base.DatabaseWrapper):
    is_intake = False
    holds_share = False

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if self.pool is None:
            return super().get_new_connection(conn_params)
        self.pool.open()
        watching = watch(self.pool, conn_params)
        if not watching.is_away and not self.is_intake and not self.holds_share:
            self.holds_share = share_of_others().acquire(timeout=PATIENCE_SECONDS)
            if not self.holds_share:
                raise OperationalError("No database connection is free for this request.")
        try:
            if watching.is_away:  # also when that was found out while this waited
                raise OperationalError(Watch.AWAY)
            found = super().get_new_connection(conn_params)
        except BaseException:
            self._give_share_back()
            raise
        if isinstance(found, Session):
            found.begin()
        return found

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._give_share_back()

    def _give_share_back(self) -> None:
        if self.holds_share:
            self.holds_share = False
            share_of_others().release()


@cache
def share_of_others() -> threading.BoundedSemaphore:
    """The connections of this process's pool that are not for the intake alone."""
    return threading.BoundedSemaphore(max(1, settings.DATABASE_POOL - settings.INGEST_CONCURRENCY))


@contextmanager
def intake() -> Iterator[None]:
    """Code inside may use the connections reserved for the ingest. For a request that holds none yet."""
    wrapper: Any = connection
    wrapper.is_intake = True
    try:
        yield
    finally:
        wrapper.is_intake = False
