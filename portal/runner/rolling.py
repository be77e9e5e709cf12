"""Rolling restart of gunicorn on SIGHUP: the old workers serve until the new ones accept requests, or for good if those cannot.

gunicorn itself stops the old ones as soon as new processes exist, seconds before these have loaded Django. Replaces three steps
of the arbiter's reload. No Django.
"""

import subprocess
import sys
import time
from collections.abc import Collection
from signal import SIGINT, SIGKILL, SIGQUIT, SIGTERM
from typing import Any

from gunicorn.errors import HaltServer

READY_SECONDS = 60  # for new workers to load
LOOK_SECONDS = 0.1
ENDS = {SIGTERM: "handle_term", SIGINT: "handle_int", SIGQUIT: "handle_quit"}


class _OldOnesGoOn(Exception):
    """The way out of gunicorn's reload, which would wait for the old workers to end."""


class Rolling:
    def __init__(self, server: Any) -> None:
        self.server = server
        self.old: frozenset[int] | None = None  # the workers that served when the reload began
        self._reload = server.handle_hup
        self._manage = server.manage_workers
        self._reap = server.reap_workers
        server.handle_hup = self.reload
        server.manage_workers = self.manage_workers
        server.reap_workers = self.reap_workers

    def reload(self) -> None:
        """Looks first, in another process, whether what is there now would start."""
        checked = subprocess.run(
            [sys.executable, "-m", "gunicorn", "--check-config", *sys.argv[1:]],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if checked.returncode:
            lines = checked.stderr.strip().splitlines()
            self.server.log.error(
                "Not reloaded, the old workers go on: %s", lines[-1] if lines else "it does not start"
            )
            return
        self.old = frozenset(self.server.WORKERS)
        try:
            self._reload()
        except _OldOnesGoOn as fault:
            self.server.log.error("Not reloaded, the old workers go on: %s", fault)
        finally:
            self.old = None

    def manage_workers(self) -> None:
        """gunicorn stops here whoever is one too many, oldest first; in a reload that waits until the new ones are ready."""
        if self.old is not None:
            fault = self._fault_of_new(self.old)
            if fault:
                self._stop(self._new(self.old))
                raise _OldOnesGoOn(fault)
        self._manage()

    def reap_workers(self) -> None:
        """gunicorn waits for the old workers with this in a loop, deaf to signals; the end is to come at once."""
        if self.old is not None:
            self._obey()
        self._reap()

    def _new(self, old: Collection[int]) -> dict[int, Any]:
        return {pid: worker for pid, worker in self.server.WORKERS.items() if pid not in old}

    def _fault_of_new(self, old: Collection[int]) -> str:
        """Waits until all new workers take connections, which is when they touch their heartbeat first; "" when they do."""
        before = {pid: worker.tmp.last_update() for pid, worker in self._new(old).items()}
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            try:
                self.reap_workers()
            except HaltServer as fault:
                return str(fault.reason)
            new = self._new(old)
            if len(new) < len(before):
                return "a new one ended."
            if all(worker.tmp.last_update() != before[pid] for pid, worker in new.items()):
                return ""
            time.sleep(LOOK_SECONDS)
        return f"the new ones are not ready after {READY_SECONDS} s."

    def _stop(self, new: dict[int, Any]) -> None:
        """They serve nobody yet."""
        for pid in new:
            self.server.kill_worker(pid, SIGKILL)
        while any(pid in self.server.WORKERS for pid in new):
            try:
                self._reap()
            except HaltServer:
                continue
            time.sleep(LOOK_SECONDS)

    def _obey(self) -> None:
        """The first signal to end that waits; the others are for gunicorn's loop."""
        waiting = []
        while not self.server.SIG_QUEUE.empty():
            sent = self.server.SIG_QUEUE.get_nowait()
            if sent in ENDS:
                getattr(self.server, ENDS[sent])()
            waiting.append(sent)
        for sent in waiting:
            self.server.SIG_QUEUE.put_nowait(sent)
