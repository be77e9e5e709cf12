"""Password hashers that work one at a time in a thread beside the web loop, so that a sign-in blocks nothing else.

Raises TryLater when too many wait already. Every hash goes through here (PASSWORD_HASHERS). Without a web loop (commands, tests)
hashes are computed at once.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

import gevent
from django.contrib.auth.hashers import PBKDF2PasswordHasher, ScryptPasswordHasher
from django.core.exceptions import ValidationError
from gevent import monkey
from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool

from portal.access.try_later import TryLater
from synclogs.storage.connections import release

KNOWN_PLACES, STRANGERS_PLACES = 8, 4  # that may wait in a process
SECONDS = 2.0  # for a turn
RETRY_AFTER = 5
# Of the thread that hashes, beyond that of the process: the web loop goes first. With much more a busy machine would never get to it.
NICENESS = 10
REST = 2.0  # times what the hash of a stranger took, before that of the next: they never have more than a third of a processor
LONGEST_REST = 1.0
LONGEST = 128  # characters of a password; more is never hashed

BUSY = f"As many passwords as possible are being checked right now. Wait {RETRY_AFTER} seconds, then try again."

# Greenlets have contexts of their own, as threads do.
_is_stranger: ContextVar[bool] = ContextVar("is_stranger", default=False)


def busy() -> TryLater:
    return TryLater(BUSY, retry_after=RETRY_AFTER)


class HashQueue:
    """One at a time; a few wait for a while, in a line."""

    def __init__(self, *, places: int) -> None:
        self.places = places
        self.waiting = 0
        self.lock = BoundedSemaphore(1)

    @property
    def is_full(self) -> bool:
        return self.waiting >= self.places and bool(self.lock.locked())

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises TryLater at once when the line is full, or after SECONDS in it."""
        if self.is_full:
            raise busy()
        self.waiting += 1
        try:
            is_mine = self.lock.acquire(timeout=SECONDS)
        finally:
            self.waiting -= 1
        if not is_mine:
            raise busy()
        try:
            yield
        finally:
            self.lock.release()


class HashThread:
    """One native thread. Strangers have a line of their own before it, so that at most one of them is before people we know."""

    def __init__(self) -> None:
        self.everyone, self.strangers = HashQueue(places=KNOWN_PLACES), HashQueue(places=STRANGERS_PLACES)
        self.rest_until = 0.0  # time.monotonic
        self.pool: ThreadPool | None = None  # made by the first hash, which is after the process has forked

    def run(self, hashed: Callable[[], str]) -> str:
        if not monkey.is_module_patched("threading"):  # no web loop
            return hashed()
        release()  # give the connection back while waiting
        if not _is_stranger.get():
            return self._hash(hashed)
        with self.strangers.turn():
            gevent.sleep(max(0.0, self.rest_until - time.monotonic()))
            began = time.monotonic()
            try:
                return self._hash(hashed)
            finally:
                duration = time.monotonic() - began
                self.rest_until = time.monotonic() + min(REST * duration, LONGEST_REST)

    def _hash(self, hashed: Callable[[], str]) -> str:
        with self.everyone.turn():
            if self.pool is None:
                self.pool = ThreadPool(1)
            result: str = self.pool.apply(_nicely, (hashed,))
            return result


def _nicely(hashed: Callable[[], str]) -> str:
    if sys.platform == "linux":  # elsewhere threads have no priority of their own
        of_process = os.getpriority(os.PRIO_PROCESS, os.getpid())
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(of_process + NICENESS, 19))
    return hashed()


BESIDE = HashThread()


@contextmanager
def as_stranger(*, is_stranger: bool) -> Iterator[None]:
    """What is hashed within stands in the line of strangers."""
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
