"""Password hashes, worked out one at a time beside the web loop, so that no sign-in holds up anything else of the process.

Goes in: a password and its salt, from any form or command. Comes out: the hash, or TryLater when too many wait already.
Every hash passes here: these are the PASSWORD_HASHERS. Where there is no web loop (commands, tests) it is worked out at once.
"""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.contrib.auth.hashers import PBKDF2PasswordHasher, ScryptPasswordHasher
from django.core.exceptions import ValidationError
from gevent import monkey
from gevent.event import Event
from gevent.threadpool import ThreadPool

from synclogs.sweep import release

WAITING = 8  # strangers that may wait for their turn in a process, and as many people known to us
SECONDS = 2.0  # for a turn
RETRY_AFTER = 5
NICENESS = 5  # of the thread that hashes: the web loop goes first; much more, and a busy machine would never get to it
LONGEST = 128  # characters of a password; more is never hashed

BUSY = f"As many passwords as possible are being checked right now. Wait {RETRY_AFTER} seconds, then try again."

# Greenlets have contexts of their own, as threads do.
_is_stranger: ContextVar[bool] = ContextVar("is_stranger", default=False)


class TryLater(Exception):
    """Refused for now: `str(error)` says why and for how long, `retry_after` is the same in seconds."""

    def __init__(self, words: str, *, retry_after: int) -> None:
        super().__init__(words)
        self.retry_after = retry_after


class Turns:
    """One at a time; whoever waits gets the turn when it is free, people known to us before strangers."""

    def __init__(self) -> None:
        self.is_taken = False
        self.strangers: deque[Event] = deque()
        self.known: deque[Event] = deque()

    @contextmanager
    def turn(self, *, is_stranger: bool) -> Iterator[None]:
        """Raises TryLater at once when too many wait, or after SECONDS."""
        if self.is_taken:
            self._wait(self.strangers if is_stranger else self.known)
        self.is_taken = True
        try:
            yield
        finally:
            self._pass_on()

    def _wait(self, line: deque[Event]) -> None:
        if len(line) >= WAITING:
            raise TryLater(BUSY, retry_after=RETRY_AFTER)
        mine = Event()
        line.append(mine)
        try:
            mine.wait(SECONDS)
        except BaseException:  # the request was ended from outside
            self._leave(line, mine)
            raise
        if not mine.is_set():
            line.remove(mine)
            raise TryLater(BUSY, retry_after=RETRY_AFTER)

    def _leave(self, line: deque[Event], mine: Event) -> None:
        if mine.is_set():
            self._pass_on()
        else:
            line.remove(mine)

    def _pass_on(self) -> None:
        """To the next in line, who finds the turn still taken: nobody gets in between."""
        line = self.known or self.strangers
        if line:
            line.popleft().set()
        else:
            self.is_taken = False


class BesideTheLoop:
    """One native thread, and the line before it."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.pool: ThreadPool | None = None  # made by the first hash, which is after the process has forked

    def run(self, hashed: Callable[[], str]) -> str:
        if not monkey.is_module_patched("threading"):  # no web loop
            return hashed()
        release()  # a connection is not kept from others while waiting
        with self.turns.turn(is_stranger=_is_stranger.get()):
            if self.pool is None:
                self.pool = ThreadPool(1)
            result: str = self.pool.apply(_nicely, (hashed,))
            return result


def _nicely(hashed: Callable[[], str]) -> str:
    if sys.platform == "linux":  # elsewhere threads have no priority of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    return hashed()


BESIDE = BesideTheLoop()


@contextmanager
def as_stranger(*, is_stranger: bool) -> Iterator[None]:
    """What is hashed within waits behind people known to us."""
    token = _is_stranger.set(is_stranger)
    try:
        yield
    finally:
        _is_stranger.reset(token)


class MaximumLength:
    """Validator of new passwords (AUTH_PASSWORD_VALIDATORS)."""

    def validate(self, password: str, user: object = None) -> None:
        if len(password) > LONGEST:
            raise ValidationError(
                f"This password is too long. It can have {LONGEST} characters.", code="password_too_long"
            )

    def get_help_text(self) -> str:
        return f"Your password can have at most {LONGEST} characters."


class Scrypt(ScryptPasswordHasher):
    """Django's, beside the loop. `verify` and the hash for names that do not exist go by `encode` as well."""

    def encode(self, password: str, salt: str, n: int | None = None, r: int | None = None, p: int | None = None) -> str:
        return BESIDE.run(lambda: super(Scrypt, self).encode(password, salt, n, r, p))

    def verify(self, password: str, encoded: str) -> bool:
        return len(password) <= LONGEST and super().verify(password, encoded)


class PBKDF2(PBKDF2PasswordHasher):
    """For hashes from elsewhere, which the next sign-in replaces."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        return BESIDE.run(lambda: super(PBKDF2, self).encode(password, salt, iterations))

    def verify(self, password: str, encoded: str) -> bool:
        return len(password) <= LONGEST and super().verify(password, encoded)
