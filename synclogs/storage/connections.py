"""PostgreSQL connection whose waits end even when the server is frozen or cut off.

The server's own time limits come first; the client stops waiting a second later. Raises OperationalError; the connection is then
closed and never used again.
"""

import time
from typing import Any, ClassVar, cast
from weakref import WeakSet

from django.db import connection
from psycopg import Connection, OperationalError
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus
from psycopg.waiting import Ready

# How often a wait looks up. What is much longer than that was a pause of this process, or of the whole machine, and is not
# taken for the database's silence.
INTERVAL = 0.1
LONGEST_INTERVAL = 0.2
STATEMENT_SECONDS = 5.0  # what the server allows a statement of a web request (settings), unless `allow` sets another
GRACE_SECONDS = 1.0  # for the server to say itself that the time is up
REQUEST_SECONDS = 30.0  # for all statements of one request together
CHECK_SECONDS = 0.2  # and the grace, for a connection that comes out of the pool


class Silent(OperationalError):
    """Nothing was heard for too long."""


class Session(Connection[Any]):
    """`limit` is what the server allows a statement, in seconds; it holds until the transaction ends, as SET LOCAL does."""

    known: ClassVar[WeakSet["Session"]] = WeakSet()
    received_at: ClassVar[float] = 0.0  # when the server last said something, on whichever connection

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.limit = STATEMENT_SECONDS
        self.ends: float | None = None
        self.waiting_since: float | None = None
        Session.known.add(self)

    def begin(self) -> None:
        """A request begins with it."""
        self.ends = time.monotonic() + REQUEST_SECONDS

    def wait(self, gen: PQGen[RV], interval: float = INTERVAL, timeout: float | None = None) -> RV:
        self.waiting_since = time.monotonic()
        try:
            return super().wait(self._listening(gen), INTERVAL, timeout)
        finally:
            self.waiting_since = None
            if self.pgconn.transaction_status == TransactionStatus.IDLE:
                self.limit = STATEMENT_SECONDS

    def _listening(self, gen: PQGen[RV]) -> PQGen[RV]:
        """The same steps; `gen` learns nothing of it. Raises Silent when nothing was heard for too long."""
        silence = 0.0
        try:
            ready_for = next(gen)
            while True:
                began = time.monotonic()
                ready = (yield ready_for) or Ready.NONE
                if ready & Ready.R:
                    Session.received_at = time.monotonic()
                elif ready == Ready.NONE:
                    silence += min(time.monotonic() - began, LONGEST_INTERVAL)
                    if self.is_given_up(silence):
                        self.pgconn.finish()
                        raise Silent("The database does not answer.")
                ready_for = gen.send(ready)
        except StopIteration as end:
            return cast(RV, end.value)

    def is_given_up(self, silence: float) -> bool:
        """Whether to wait no longer after so many seconds without a word. A statement with a long limit of its own has that."""
        if silence >= self.limit + GRACE_SECONDS:
            return True
        return self.ends is not None and self.limit < REQUEST_SECONDS and time.monotonic() >= self.ends


def allow(connection: object, seconds: float) -> float:
    """Tells the client's side of a statement_timeout that was set until the end of the transaction; the seconds before."""
    if not isinstance(connection, Session):
        return seconds
    before, connection.limit = connection.limit, seconds
    return before


def check(session: Session) -> None:
    """For the pool, before it hands one out: raises OperationalError when nobody is there."""
    session.ends = None
    session.limit = CHECK_SECONDS
    try:
        session.execute("")
    finally:
        session.limit = STATEMENT_SECONDS


def release() -> None:
    """Gives the database connection back to the pool; the next query takes one again."""
    if not connection.in_atomic_block:
        connection.close()
