"""Database pipeline: several statements in one round trip, with BEGIN and COMMIT sent along.

At its end all statements were executed and each cursor has its rows; the first error ends the rest and is raised.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor, Error, errors
from psycopg.pq import TransactionStatus

from synclogs.storage import connections

type Parameters = Sequence[Any] | Mapping[str, Any]


class Send(Protocol):
    def __call__(self, statement: str, parameters: Parameters | None = None) -> CursorWrapper: ...


@contextmanager
def burst() -> Iterator[Send]:
    connection.ensure_connection()
    session: Any = connection.connection

    def send(statement: str, parameters: Parameters | None = None) -> CursorWrapper:
        # A cursor that leaves the parameters to the server: written into the statement, long ones cost a third of its time.
        bound: Any = Cursor(session)
        cursor = connection.make_cursor(bound)
        cursor.execute(statement, parameters)
        return cursor

    with connection.wrap_database_errors:
        try:
            with session.pipeline():
                yield send
        except errors.PipelineAborted as aborted:
            # What became of the statements behind a fault may be raised over the fault itself.
            raise aborted.__context__ or aborted from None


@contextmanager
def begun(*first: str, seconds: int) -> Iterator[None]:
    """A transaction that begins with the statements `first`, in one burst. What is not committed at its end is rolled back.

    Each statement may take so many seconds, on both sides: for web processes the usual limit is shorter.

    Within a transaction of the caller it is a savepoint, and the caller commits.
    """
    begin = [] if connection.in_atomic_block else ["BEGIN"]
    with _rolled_back() if begin else transaction.atomic():
        with burst() as send:
            for statement in (*begin, f"SET LOCAL statement_timeout = {seconds * 1000}", *first):
                send(statement)
        connections.allow(connection.connection, seconds)
        yield


@contextmanager
def _rolled_back() -> Iterator[None]:
    """Not transaction.atomic(), to which BEGIN and COMMIT are a round trip each."""
    try:
        yield
    finally:
        session: Any = connection.connection
        if session is not None and session.info.transaction_status != TransactionStatus.IDLE:
            with suppress(Error):  # the connection is gone; that was raised already
                session.rollback()


def commit(send: Send) -> None:
    """Ends what `begun` began, in its last burst."""
    if not connection.in_atomic_block:
        send("COMMIT")
