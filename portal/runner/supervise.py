"""Process supervisor: output, restarts and end of child processes.

A child that dies is restarted; none outlives its supervisor for long, even one that was killed. Knows nothing of the portal.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

DRAIN_SECONDS = 30
LONGEST_PAUSE = 15.0
STEADY_SECONDS = 20  # a program that ran this long starts again at once
OUTPUT_BYTES = 1024 * 1024
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1


class Program(NamedTuple):
    """What runs all the time."""

    name: str
    command: Sequence[str]


class Terminal:
    """Standard output that never blocks: a full pipe nobody reads must not stop the portal, so lines are dropped instead."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.waiting = bytearray()

    def line(self, text: str) -> None:
        self.put(text.encode())

    def put(self, line: bytes) -> None:
        self.waiting += line + b"\n"
        if (excess := len(self.waiting) - OUTPUT_BYTES) > 0:  # the oldest lines go
            del self.waiting[: self.waiting.index(b"\n", excess - 1) + 1]
        self.flush()

    def flush(self, seconds: float = 0) -> None:
        """Writes what the reader takes; a slow one has so many seconds."""
        deadline = time.monotonic() + seconds
        while self.waiting and select.select([], [self.descriptor], [], max(0, deadline - time.monotonic()))[1]:
            try:
                written = os.write(self.descriptor, self.waiting[: select.PIPE_BUF])  # more could block
            except OSError:  # nobody will read it
                written = len(self.waiting)
            del self.waiting[:written]


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Runs programs, passes their output on and restarts them."""

    terminal: Terminal
    directory: Path  # where they run
    record: Path  # which processes there are, for the next start
    running: dict[int, str | None] = field(default_factory=dict)  # process number: its start time

    async def restart(self, program: Program) -> None:
        """Runs it again and again; one that does not run for long is started ever later."""
        pause = 0.0
        while True:
            began = time.monotonic()
            code = await self.run(program.command, prefix=f"{program.name:8} | ")
            is_steady = time.monotonic() - began > STEADY_SECONDS
            pause = 0.0 if is_steady else min(max(1.0, 2 * pause), LONGEST_PAUSE)
            end = f"{program.name} ended ({ending(code)})"
            self.terminal.line(f"run      | {end}; starting it again in {pause:.0f} s")
            await asyncio.sleep(pause)

    async def run(self, command: Sequence[str], *, prefix: str) -> int:
        """Runs it to its end and returns its exit code. Cancelled: TERM, then KILL to what is left when the time is up.

        In a session of its own, so that a Ctrl-C at the terminal reaches only the supervisor, which ends it in order.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.directory,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            limit=OUTPUT_BYTES,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        self.running[process.pid] = identity(process.pid)
        self.record.write_text(json.dumps(self.running))
        output = asyncio.create_task(self.pass_on(process.stdout, prefix=prefix))
        try:
            return await ended(process)
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                os.kill(process.pid, signal.SIGTERM)
                await asyncio.wait_for(ended(process), DRAIN_SECONDS + 2)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            del self.running[process.pid]
            await asyncio.wait([output], timeout=1)  # not for ever: a child of its own may still hold the pipe

    async def pass_on(self, output: asyncio.StreamReader | None, *, prefix: str) -> None:
        while output and not output.at_eof():
            try:
                line = await output.readline()
            except ValueError:
                line = b"(left out: a megabyte without a line end)"
            if line:
                self.terminal.put(prefix.encode() + line.rstrip(b"\n"))


async def ended(process: asyncio.subprocess.Process) -> int:
    """Its exit code. `process.wait()` of some Python versions would also wait for a child of its own that holds the pipe."""
    while process.returncode is None:
        await asyncio.sleep(0.2)
    return process.returncode


def end_with_parent() -> None:
    """Runs in a process that shall get a SIGTERM when its parent dies, however that dies. Linux only."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def identity(pid: int) -> str | None:
    """The process's start time, so that a number that went to another program is not taken for ours."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def clean_up_after_killed(record: Path, terminal: Terminal) -> None:
    """Ends what a supervisor that was killed has left: its programs got a TERM by its death and drain, or get it now."""

    def remaining() -> list[int]:
        return [int(pid) for pid, since in known.items() if since and identity(int(pid)) == since]

    try:
        known: dict[str, str | None] = json.loads(record.read_text())
    except (OSError, ValueError):
        return
    if remaining():
        terminal.line("Waiting for the processes of a run that was killed …")
    for send, sent, seconds in ((os.kill, signal.SIGTERM, DRAIN_SECONDS + 2), (os.killpg, signal.SIGKILL, 5)):
        for pid in remaining():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                send(pid, sent)
        deadline = time.monotonic() + seconds
        while remaining() and time.monotonic() < deadline:
            time.sleep(0.1)
