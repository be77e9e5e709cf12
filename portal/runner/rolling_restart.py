"""Rolling restart of gunicorn on SIGHUP: the old workers serve until the new ones accept requests, or for good if those cannot.

gunicorn itself stops the old ones as soon as new processes exist, seconds before these have loaded Django. Gives the arbiter
another answer to SIGHUP. No Django.
"""

import subprocess
import sys
import time
from collections.abc import Set
from functools import partial
from signal import SIGINT, SIGKILL, SIGQUIT, SIGTERM
from typing import Any

from gunicorn.errors import HaltServer

READY_SECONDS = 60  # for new workers to load
LOOK_SECONDS = 0.1
ENDS = {SIGTERM: "handle_term", SIGINT: "handle_int", SIGQUIT: "handle_quit"}


def install(server: Any) -> None:
    server.handle_hup = partial(reload, server)


def reload(server: Any) -> None:
    """Looks first, in another process, whether what is there now would start."""
    command = [sys.executable, "-m", "gunicorn", "--check-config", *sys.argv[1:]]
    checked = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if checked.returncode:
        fault = (checked.stderr.strip().splitlines() or ["it does not start"])[-1]
    else:
        old = frozenset(server.WORKERS)
        server.app.reload()
        server.setup(server.app)
        for _ in range(server.cfg.workers):
            server.spawn_worker()
        new = frozenset(server.WORKERS) - old
        fault = _fault_of(server, new)
        _end(server, new if fault else old, SIGKILL if fault else SIGTERM)  # the new ones serve nobody yet
    if fault:
        server.log.error("Not reloaded, the old workers go on: %s", fault)


def _fault_of(server: Any, new: Set[int]) -> str:
    """Waits until all new workers take connections, which is when they touch their heartbeat first; "" when they do."""
    waiting = {pid: server.WORKERS[pid].tmp.last_update() for pid in new}
    deadline = time.monotonic() + READY_SECONDS
    while waiting:
        if fault := _look(server):
            return fault
        if not new <= server.WORKERS.keys():
            return "a new one ended."
        if time.monotonic() > deadline:
            return f"the new ones are not ready after {READY_SECONDS} s."
        waiting = {pid: before for pid, before in waiting.items() if server.WORKERS[pid].tmp.last_update() == before}
    return ""


def _end(server: Any, pids: Set[int], sent: int) -> None:
    """Waits for their end: meanwhile gunicorn would send SIGTERM again to each one too many."""
    for pid in pids:
        server.kill_worker(pid, sent)
    deadline = time.monotonic() + server.cfg.graceful_timeout
    while pids & server.WORKERS.keys() and time.monotonic() < deadline:
        _look(server)


def _look(server: Any) -> str:
    """Reaps who has ended, after a moment; why a worker could not start, or "". The end of all is to come at once."""
    waiting = []
    while not server.SIG_QUEUE.empty():
        sent = server.SIG_QUEUE.get_nowait()
        if sent in ENDS:
            getattr(server, ENDS[sent])()
        waiting.append(sent)
    for sent in waiting:  # the others are for gunicorn's loop
        server.SIG_QUEUE.put_nowait(sent)
    time.sleep(LOOK_SECONDS)
    try:
        server.reap_workers()
    except HaltServer as fault:
        return str(fault.reason)
    return ""
