"""Several statements to the database in one round trip.

In a block: statements and parameters go in. When it ends, all of them were carried out, and each cursor has its rows; the first
error ends the rest and is raised.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor

type Send = Callable[[str, Sequence[Any] | Mapping[str, Any] | None], CursorWrapper]


@contextmanager
def burst() -> Iterator[Send]:
    connection.ensure_connection()
    session: Any = connection.connection

    def send(statement: str, parameters: Sequence[Any] | Mapping[str, Any] | None) -> CursorWrapper:
        # A cursor that leaves the parameters to the server: written into the statement, long ones cost a third of its time.
        bound: Any = Cursor(session)
        cursor = connection.make_cursor(bound)
        cursor.execute(statement, parameters)
        return cursor

    with connection.wrap_database_errors, session.pipeline() as pipeline:
        yield send
        pipeline.sync()  # in the block: on leaving it, psycopg may raise a later error than the first
