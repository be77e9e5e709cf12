"""The backend that DATABASES names: PostgreSQL, where a pool is watched and gives out nothing while the database is away."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError

from portal.database.watch import Watch, watch
from synclogs.connections import Session


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if self.pool is None:
            return super().get_new_connection(conn_params)
        self.pool.open()
        if watch(self.pool, conn_params).is_away:
            raise OperationalError(Watch.AWAY)
        connection = super().get_new_connection(conn_params)
        if isinstance(connection, Session):
            connection.begin()
        return connection
