"""Concurrency limit of reads for each person or API key, over all web processes of a machine.

Gives a turn, after a short wait if need be, or raises Busy. Counted by locks on a file that gunicorn made, so that a process that
dies frees its turns.
"""

import fcntl
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b

from django.conf import settings

from synclogs.storage.connections import release

PATIENCE_SECONDS = 2.0
WAITING = 5  # for each turn; they hold a socket and no connection of the database
EVERY_SECONDS = 0.05
RESTS = 2.0  # times what the read took
LONGEST_REST = 1.0
RETRY_AFTER = 1
# Where gunicorn put the file (deploy/gunicorn.conf.py). Without one, as in commands and tests, each process counts by itself.
FILE = "READ_TURNS_FILE"
_LOCK = struct.Struct("hhqqi4x")  # struct flock: type, whence, start, length, process


class Busy(Exception):
    """As many reads as allowed are going on, and none ended in time."""


@dataclass(slots=True)
class _Reader:
    turns: threading.BoundedSemaphore
    inside: int = 0  # with a turn or waiting for one


@dataclass(slots=True)
class _Readers:
    guard: threading.Lock = field(default_factory=threading.Lock)
    by_name: dict[str, _Reader] = field(default_factory=dict)


_readers = _Readers()


@contextmanager
def turn(subject: str) -> Iterator[None]:
    """Around one read of `subject` (a person, a key). Raises Busy.

    Where others of the same subject wait, the turn rests before the next of them has it, in proportion to the time it took:
    turns taken one right after the other would keep both processors busy, and the intake would wait for its share.
    """
    with ExitStack() as held:
        ends = time.monotonic() + PATIENCE_SECONDS
        reader = held.enter_context(_of_process(subject, ends=ends))
        held.enter_context(_of_machine(subject, ends=ends))
        began = time.monotonic()
        try:
            yield
        finally:
            if reader.inside > settings.READS_AT_ONCE:
                rest = min(LONGEST_REST, RESTS * (time.monotonic() - began))
                threading.Timer(rest, held.pop_all().close).start()


@contextmanager
def _of_process(subject: str, *, ends: float) -> Iterator[_Reader]:
    with _readers.guard:
        reader = _readers.by_name.setdefault(subject, _Reader(threading.BoundedSemaphore(settings.READS_AT_ONCE)))
        if reader.inside >= settings.READS_AT_ONCE * (1 + WAITING):
            raise Busy
        reader.inside += 1
    try:
        if not reader.turns.acquire(blocking=False):
            release()  # who the person is was read from the database; whoever waits leaves the connection to others
            if not reader.turns.acquire(timeout=max(0.0, ends - time.monotonic())):
                raise Busy
        try:
            yield reader
        finally:
            reader.turns.release()
    finally:
        with _readers.guard:
            reader.inside -= 1
            if not reader.inside:
                del _readers.by_name[subject]


@contextmanager
def _of_machine(subject: str, *, ends: float) -> Iterator[None]:
    """One of a few bytes of the file that stand for `subject`, locked; locks end with the open file, also by a crash."""
    path = os.environ.get(FILE)
    if path is None:
        yield
        return
    first = int.from_bytes(blake2b(subject.encode(), digest_size=6).digest()) * settings.READS_AT_ONCE
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        while not any(_is_locked(descriptor, first + number) for number in range(settings.READS_AT_ONCE)):
            release()
            if time.monotonic() > ends:
                raise Busy
            time.sleep(EVERY_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int, byte: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0))
    except BlockingIOError:
        return False
    return True
