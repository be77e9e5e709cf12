"""Watches the database: checks it four times a second over a connection of its own, and ends all waits while it is away.

One for each process with a pool, in a thread (a greenlet in the web server). A database that is silent for a good second, on any
connection, is away: every wait ends at once and new connections are refused until it answers. A single stuck backend is
recognised when both sides report that they wait for the other.
"""

import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

import structlog
from psycopg import Error
from psycopg_pool import ConnectionPool

from synclogs.storage.connections import Session, Silent

PAUSE_SECONDS = 0.25
SILENT_SECONDS = 1.1  # a slow line takes 600 ms there and back
ALONE_SECONDS = 1.0  # for which no other connection has heard anything either
STUCK_SECONDS = 3.0  # then it is only the watch's own connection
WAITING_SECONDS = 1.0  # of a connection, before the server is asked about it
SUSPECTED_SECONDS = 0.7  # and then again
ANSWER_SECONDS = 1.8
FRESH_SECONDS = 0.1

# In an error: the server is there, and has no place for one more connection. Without it nobody has answered at all.
SPOKEN = "FATAL"
# Both wait: the server's process for the client, and we for it. What is on its way over a slow line arrives soon after.
LISTENING = "SELECT pid FROM pg_stat_activity WHERE pid = ANY(%s) AND wait_event = 'ClientRead'"

logger = structlog.get_logger(__name__)


class WatchSession(Session):
    """The watch's own connection: it gives up sooner, unless others show that the server speaks."""

    def is_given_up(self, silence: float) -> bool:
        if silence < SILENT_SECONDS:
            return False
        return silence >= STUCK_SECONDS or time.monotonic() - Session.received_at > ALONE_SECONDS


class Watch:
    """`is_away` is what it found last."""

    AWAY: ClassVar[str] = "The database does not answer."

    def __init__(self, pool: ConnectionPool[Any], parameters: Mapping[str, Any]) -> None:
        self.pool = pool
        self.parameters = {**parameters, "autocommit": True}
        self.is_away = False
        self._session: WatchSession | None = None
        self._suspects: dict[tuple[int, float], float] = {}  # backend and begin of the wait -> when first found
        self._changed = threading.Condition()
        self._requested = threading.Event()
        self._begun = self._done = 0  # rounds
        self._answered_at = 0.0

    def start(self) -> None:
        threading.Thread(target=self._run, name="database watch", daemon=True).start()

    def answers(self) -> bool:
        """Whether the database answers now; asks it, and waits for less than two seconds."""
        with self._changed:
            if not self.is_away and time.monotonic() - self._answered_at < FRESH_SECONDS:
                return True
            round_number = self._begun + 1
            self._requested.set()
            self._changed.wait_for(lambda: self.is_away or self._done >= round_number, ANSWER_SECONDS)
            return not self.is_away and self._done >= round_number

    def _run(self) -> None:
        while True:
            self._requested.clear()
            self._begun += 1
            away = not self._ask()
            is_new, self.is_away = away != self.is_away, away
            if is_new:
                logger.warning("database away" if away else "database back")
            if away:  # after it is known: whoever is woken finds no new connection to wait for
                self._cut_all(drain=is_new)
            with self._changed:
                self._done = self._begun
                self._answered_at = time.monotonic()
                self._changed.notify_all()
            self._requested.wait(PAUSE_SECONDS)

    def _ask(self) -> bool:
        try:
            if self._session is None:
                self._session = WatchSession.connect(**self.parameters)
            self._cut_stuck(self._session)
        except Silent:
            self._forget()
            return self._is_answering()
        except (Error, OSError) as error:
            self._forget()
            return self._is_answering() or (SPOKEN in str(error) and not self.is_away and self._pool_answers())
        return True

    def _forget(self) -> None:
        if self._session is not None:
            with suppress(Error):
                self._session.close()
        self._session = None

    def _is_answering(self) -> bool:
        return time.monotonic() - Session.received_at <= ALONE_SECONDS

    def _pool_answers(self) -> bool:
        """A server with no place for one more connection, such as the watch's, is not away."""
        try:
            with self.pool.connection(timeout=ALONE_SECONDS):
                return True
        except Error:
            return False

    def _cut_stuck(self, session: WatchSession) -> None:
        """Also when nobody waits: it is the question whether the server answers."""
        now = time.monotonic()
        waiting = {
            (other.pgconn.backend_pid, since): other
            for other in list(Session.known)
            if (since := other.waiting_since) is not None and now - since > WAITING_SECONDS and other is not session
        }
        pids = [pid for pid, _ in waiting]
        rows = session.execute(LISTENING, [pids]) if pids else session.execute("SELECT 0")
        listening = {pid for (pid,) in rows}
        self._suspects = {key: self._suspects.get(key, now) for key in waiting if key[0] in listening}
        for key, since in self._suspects.items():
            if now - since > SUSPECTED_SECONDS:
                logger.warning("database session stuck")
                cut(waiting[key])

    def _cut_all(self, *, drain: bool) -> None:
        for session in list(Session.known):
            cut(session)
        if drain:
            self.pool.drain()


def cut(session: Session) -> None:
    """Ends a wait at once, whoever waits; the session is of no use any more, and closed by whoever holds it."""
    with suppress(OSError, Error), socket.socket(fileno=os.dup(session.pgconn.socket)) as line:
        line.shutdown(socket.SHUT_RDWR)


_watches: dict[int, Watch] = {}
_one_at_a_time = threading.Lock()


def watch(pool: ConnectionPool[Any], parameters: Mapping[str, Any]) -> Watch:
    """The watch of a pool, which begins with its first connection."""
    found = _watches.get(id(pool))
    if found is None:
        with _one_at_a_time:
            found = _watches.get(id(pool))
            if found is None:
                found = _watches[id(pool)] = Watch(pool, parameters)
                found.start()
    return found


def answers() -> bool | None:
    """Whether the database of this process answers now; None where there is no watch."""
    found = list(_watches.values())
    return all(one.answers() for one in found) if found else None
