"""Malformed and abusive HTTP answers of the simulated provider, written to the open connection of a request.

Bounded memory; everything ends when the simulator is stopped.
"""

import socket
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from types import MappingProxyType

from synclogs.demo.simulator.state import Mode

LONGEST = 60.0  # seconds that a hostile answer lasts at most
DRIP_EVERY = 0.1
PIECE = b" " * 65536
PIECES = 4096  # 256 MiB


@dataclass(frozen=True, slots=True)
class Victim:
    """The connection of a request, and what ends all this."""

    connection: socket.socket
    stopping: Event

    def send(self, data: bytes) -> bool:
        """Whether there is any use in going on."""
        try:
            self.connection.sendall(data)
        except OSError:
            return False
        return not self.stopping.is_set()


def _head(status: str = "200 OK", *, kind: str = "application/json", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}Connection: close\r\n\r\n".encode()


def hang(victim: Victim) -> None:
    """Says nothing until the other side goes away."""
    victim.connection.settimeout(0.1)
    end = time.monotonic() + LONGEST
    while time.monotonic() < end and not victim.stopping.is_set():
        try:
            if not victim.connection.recv(1024):
                return
        except TimeoutError:
            continue
        except OSError:
            return


def _drop(victim: Victim, data: bytes) -> None:
    for index in range(int(LONGEST / DRIP_EVERY)):
        if not victim.send(data[index % len(data) : index % len(data) + 1]):
            return
        time.sleep(DRIP_EVERY)


def drip(victim: Victim) -> None:
    """A body that never ends, a byte at a time: each read of the client is quick."""
    if victim.send(_head()):
        _drop(victim, b" ")


def drip_headers(victim: Victim) -> None:
    """The same before the body begins."""
    if victim.send(b"HTTP/1.1 200 OK\r\n"):
        _drop(victim, b"X: y\r\n")


def huge(victim: Victim) -> None:
    going = victim.send(_head())
    for _ in range(PIECES):
        going = going and victim.send(PIECE)


def bomb(victim: Victim) -> None:
    """The same 256 MiB as a quarter of a megabyte of gzip."""
    deflate = zlib.compressobj(9, wbits=31)
    going = victim.send(_head(more="Content-Encoding: gzip\r\n"))
    for _ in range(PIECES):
        going = going and victim.send(deflate.compress(PIECE))
    if going:
        victim.send(deflate.flush())


def redirect(victim: Victim) -> None:
    victim.send(_head("302 Found", more="Location: /_simulator/trap\r\nContent-Length: 0\r\n"))


def html(victim: Victim) -> None:
    victim.send(_head(kind="text/html") + b"<!doctype html><script>alert('from the provider')</script>\x00")


def bad_json(victim: Victim) -> None:
    victim.send(_head() + b'{"status": "IDLE", ')


def cut(victim: Victim) -> None:
    """Goes away in the middle of its answer."""
    victim.send(_head(more="Content-Length: 1000\r\n") + b'{"status"')


ANSWERS: Mapping[Mode, Callable[[Victim], None]] = MappingProxyType(
    {
        Mode.HANG: hang,
        Mode.DRIP: drip,
        Mode.DRIP_HEADERS: drip_headers,
        Mode.HUGE: huge,
        Mode.BOMB: bomb,
        Mode.REDIRECT: redirect,
        Mode.HTML: html,
        Mode.BAD_JSON: bad_json,
        Mode.CUT: cut,
    }
)
