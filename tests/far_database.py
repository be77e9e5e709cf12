"""A TCP proxy to a database that counts round trips and can add latency each way."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from queue import SimpleQueue
from urllib.parse import parse_qsl, urlencode, urlsplit

PORT = 5432
PIECE = 65536


@dataclass
class Line:
    """`trips` counts, for each connection, how often the database had something said to it after it had spoken last.

    What is sent in several pieces without waiting for an answer is one trip, whatever the statements in it.
    """

    url: str
    delay: float  # seconds each way
    wires: "list[Wire]" = field(default_factory=list)

    @property
    def trips(self) -> list[int]:
        return [wire.trips for wire in self.wires]

    def most_since(self, before: list[int]) -> int:
        """The trips of the connection that made most of them: others, such as the watch's, ask in between."""
        return max(now - then for now, then in zip_longest(self.trips, before, fillvalue=0))


@contextmanager
def far(database_url: str, *, delay: float = 0.0) -> Iterator[Line]:
    parts = urlsplit(database_url)
    options = dict(parse_qsl(parts.query))
    host, port = options.pop("host", parts.hostname or ""), int(options.pop("port", parts.port or PORT))
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    with socket.create_server(("127.0.0.1", 0)) as door:
        netloc = f"{login}127.0.0.1:{door.getsockname()[1]}"
        line = Line(parts._replace(netloc=netloc, query=urlencode(options)).geturl(), delay)
        threading.Thread(target=_accept, args=(door, host, port, line), daemon=True).start()
        try:
            yield line
        finally:
            door.shutdown(socket.SHUT_RDWR)


def _accept(door: socket.socket, host: str, port: int, line: Line) -> None:
    while True:
        try:
            near, _ = door.accept()
        except OSError:  # the end of the test
            return
        if host.startswith("/"):
            there = socket.socket(socket.AF_UNIX)
            there.connect(f"{host}/.s.PGSQL.{port}")
        else:
            there = socket.create_connection((host, port))
        line.wires.append(Wire(near, there, line))
        threading.Thread(target=line.wires[-1].run, daemon=True).start()


class Wire:
    """One connection. In each direction one thread reads, and another hands on what has been on its way for long enough."""

    def __init__(self, near: socket.socket, there: socket.socket, line: Line) -> None:
        self.near, self.there, self.line = near, there, line
        self.answered = True
        self.trips = 0

    def run(self) -> None:
        with self.near, self.there:
            threads = []
            for source, target in ((self.near, self.there), (self.there, self.near)):
                pieces: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
                threads.append(threading.Thread(target=self._read, args=(source, pieces), daemon=True))
                threads.append(threading.Thread(target=self._hand_on, args=(pieces, target), daemon=True))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _read(self, source: socket.socket, pieces: "SimpleQueue[tuple[float, bytes]]") -> None:
        data = b"-"
        while data:
            try:
                data = source.recv(PIECE)
            except OSError:
                data = b""
            if data and source is self.near and self.answered:
                self.trips += 1
            if data:
                self.answered = source is self.there
            pieces.put((time.monotonic() + self.line.delay, data))

    def _hand_on(self, pieces: "SimpleQueue[tuple[float, bytes]]", target: socket.socket) -> None:
        data = b"-"
        while data:
            due, data = pieces.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                target.sendall(data) if data else target.shutdown(socket.SHUT_WR)
            except OSError:
                return
