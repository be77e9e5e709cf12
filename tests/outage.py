"""Database outages: stopped processes, and a TCP proxy that passes nothing on, or slowly.

For a private PostgreSQL server.
"""

import os
import select
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from portal.runner import devdb
from portal.runner.devdb import Server


def postmaster(database: Server) -> int:
    found = devdb._postmaster(devdb._home(database.directory))
    assert found
    return found.pid


def processes(database: Server) -> list[int]:
    """The postmaster and all of its children."""
    home = devdb._home(database.directory)
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if devdb._lives_in(int(entry.name), home)]


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@dataclass
class Line:
    """A TCP port in front of a Unix socket. `is_cut`: nothing passes, nothing is closed. `delay`: seconds a way."""

    target: str
    is_cut: bool = False
    delay: float = 0.0
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def run(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.pass_on, args=(client,), daemon=True).start()

    def pass_on(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            try:
                server.connect(self.target)
            except OSError:  # the server is down, which whoever connects learns at once
                return
            others = {client: server, server: client}
            waiting: deque[tuple[float, socket.socket, bytes]] = deque()
            while True:
                for source in select.select([*others], [], [], 0.005 if waiting else 0.2)[0]:
                    waiting.append((time.monotonic() + self.delay, others[source], received(source)))
                while waiting and not self.is_cut and waiting[0][0] <= time.monotonic():
                    _, sink, data = waiting.popleft()
                    try:
                        sink.sendall(data)
                    except OSError:
                        return
                    if not data:
                        return


def received(source: socket.socket) -> bytes:
    """Empty at the end, whichever end that was."""
    try:
        return source.recv(65536)
    except OSError:
        return b""


@contextmanager
def line(database: Server) -> Iterator[Line]:
    made = Line(f"{database.socket_directory}/.s.PGSQL.5432")
    threading.Thread(target=made.run, daemon=True).start()
    try:
        yield made
    finally:
        made.listener.close()
