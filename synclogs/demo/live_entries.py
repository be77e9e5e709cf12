"""Live demo entries: each is written when it is due, until the process is stopped.

While the database is away entries wait in memory. After a longer break (a closed laptop) the timeline goes on from now instead of
catching up.
"""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from threading import Event
from typing import Any

from django.db import InterfaceError, OperationalError, connection

LOOK_EVERY = 0.5  # seconds between two looks at what is due
WAIT_AT_MOST = 10.0
MOST_AT_ONCE = 500
BEHIND_AT_MOST = timedelta(minutes=10)

Timed = tuple[datetime, dict[str, Any]]
Live = Callable[[datetime], Iterator[Timed]]


class Follower:
    """`live` gives entries from a moment on; `store` writes some; `clock` tells the time; `say` tells the person."""

    def __init__(
        self,
        live: Live,
        store: Callable[[list[dict[str, Any]]], object],
        *,
        clock: Callable[[], datetime],
        say: Callable[[str], object],
    ) -> None:
        self.live, self.store, self.clock, self.say = live, store, clock, say
        self.waiting: deque[Timed] = deque()
        self.failures = 0
        self._begin()

    def _begin(self) -> None:
        self.waiting.clear()
        self.stream = self.live(self.clock())
        self.next = next(self.stream)

    def run(self, stop: Event) -> None:
        while not stop.wait(self.turn()):
            pass

    def turn(self) -> float:
        """Writes what is due; returns the seconds to wait before the next turn."""
        now = self.clock()
        if now - (self.waiting[0][0] if self.waiting else self.next[0]) > BEHIND_AT_MOST:
            self._begin()
        while self.next[0] <= now and len(self.waiting) < MOST_AT_ONCE:
            self.waiting.append(self.next)
            self.next = next(self.stream)
        if not self.waiting:
            return LOOK_EVERY
        try:
            self.store([entry for _, entry in self.waiting])
        except (OperationalError, InterfaceError) as error:
            return self._wait_for_database(error)
        if self.failures:
            self.say("The database is back.")
        self.failures = 0
        self.waiting.clear()
        return LOOK_EVERY

    def _wait_for_database(self, error: Exception) -> float:
        connection.close()  # a broken connection is not used again
        if not self.failures:
            self.say(f"The database cannot be written ({type(error).__name__}); trying again.")
        self.failures += 1
        return float(min(WAIT_AT_MOST, LOOK_EVERY * 2**self.failures))
