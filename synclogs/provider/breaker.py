"""Circuit breaker: after five failures in a row no call for half a minute, then a single one.

One for each upstream address and process. Never sleeps.
"""

import threading
import time
from collections.abc import Callable

FAILURES = 5
REST_SECONDS = 30.0


class Breaker:
    def __init__(
        self,
        *,
        failures: int = FAILURES,
        rest_seconds: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._rest, self._clock = failures, rest_seconds, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = 0.0

    def wait(self) -> float:
        """Before a call: the seconds for which none may be made; 0 = go ahead, and say afterwards what became of it."""
        with self._lock:
            if self._failures < self._most:
                return 0.0
            wait = self._closed_until - self._clock()
            if wait <= 0:
                # This caller is the probe. The next is let in after another rest, also when nothing is heard of this one.
                self._closed_until = self._clock() + self._rest
            return max(0.0, wait)

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= self._most:
                self._closed_until = self._clock() + self._rest
