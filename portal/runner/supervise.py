"""Process supervisor: output, restarts and end of child processes.

A child that dies is restarted; none outlives its supervisor for long, even one that was killed. Knows nothing of the portal.
"""

import contextlib
import ctypes
import json
import os
import select
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

DRAIN_SECONDS = 30
LONGEST_BACK_OFF = 30.0
STEADY_SECONDS = 20  # a child that ran this long starts again at once
OUTPUT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Program:
    """What is kept running."""

    name: str
    command: Sequence[str]


@dataclass(slots=True)
class Child:
    """A program and its process, if it has one right now."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    start_at: float = 0.0
    back_off: float = 1.0
    rest: bytes = b""


class Terminal:
    """Standard output that never blocks: a full pipe nobody reads must not stop the portal, so lines are dropped instead."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.waiting: deque[bytes] = deque()
        self.size = 0

    def line(self, text: str) -> None:
        self.put(text.encode())

    def put(self, line: bytes) -> None:
        self.waiting.append(line + b"\n")
        self.size += len(line) + 1
        while self.size > OUTPUT_BYTES:
            self.size -= len(self.waiting.popleft())
        self.flush()

    def close(self) -> None:
        """Gives a slow reader a second for the last lines."""
        deadline = time.monotonic() + 1
        while self.waiting and time.monotonic() < deadline:
            self.flush()
            time.sleep(0.02)

    def flush(self) -> None:
        poll = select.poll()
        poll.register(self.descriptor, select.POLLOUT)
        while self.waiting and poll.poll(0):
            line = self.waiting.popleft()
            self.size -= len(line)
            try:
                # A pipe that polls as writable takes PIPE_BUF bytes at once, which is at least 512 everywhere.
                written = os.write(self.descriptor, line[:512])
            except OSError:  # nobody is there any more
                continue
            if written < len(line):
                self.waiting.appendleft(line[written:])
                self.size += len(line) - written


@dataclass(slots=True)
class Supervisor:
    """The programs, their output and their restarts."""

    terminal: Terminal
    programs: Sequence[Program]
    directory: Path  # where they run
    record: Path  # which processes there are, for the next start
    children: list[Child] = field(default_factory=list)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def start(self) -> None:
        self.children = [Child(program) for program in self.programs]
        for child in self.children:
            self.launch(child)

    def launch(self, child: Child) -> None:
        child.process = spawn(child.program.command, directory=self.directory)
        child.started = time.monotonic()
        child.rest = b""
        output = child.process.stdout
        assert output is not None  # noqa: S101 (spawn always pipes)
        os.set_blocking(output.fileno(), False)
        self.selector.register(output, selectors.EVENT_READ, child)
        remember(self.record, [one.process for one in self.children if one.process])

    def turn(self, seconds: float) -> None:
        """Passes output on for a while, then looks after who died."""
        for key, _events in self.selector.select(seconds):
            self.read(key.data, key.fileobj)  # type: ignore[arg-type]
        self.terminal.flush()
        now = time.monotonic()
        for child in self.children:
            if child.process is None:
                if now >= child.start_at:
                    self.launch(child)
            elif (code := child.process.poll()) is not None:
                self.bury(child, code=code, now=now)

    def read(self, child: Child, output: IO[bytes]) -> None:
        try:
            data = os.read(output.fileno(), 64 * 1024)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(output)
            output.close()
        *lines, child.rest = (child.rest + data).split(b"\n")
        if len(child.rest) > OUTPUT_BYTES or (child.rest and not data):
            lines, child.rest = [*lines, child.rest], b""
        for line in lines:
            self.terminal.put(f"{child.program.name:8} | ".encode() + line)

    def bury(self, child: Child, *, code: int, now: float) -> None:
        output = child.process.stdout if child.process else None
        if output is not None and not output.closed:
            self.read(child, output)
            if not output.closed:
                self.selector.unregister(output)
                output.close()
        child.process = None
        child.back_off = 1.0 if now - child.started > STEADY_SECONDS else min(child.back_off * 2, LONGEST_BACK_OFF)
        child.start_at = now + (0.0 if child.back_off == 1.0 else child.back_off / 2)
        wait = max(0.0, child.start_at - now)
        self.terminal.line(f"run      | {child.program.name} ended ({ending(code)}); starting it again in {wait:.0f} s")

    def stop(self) -> None:
        """TERM to all, then KILL to whoever still runs when the time is up."""
        running = [child for child in self.children if child.process]
        for child in running:
            signal_group(child.process, signal.SIGTERM, whole=False)
        deadline = time.monotonic() + DRAIN_SECONDS + 2
        while (running := [child for child in running if child.process and child.process.poll() is None]) and (
            time.monotonic() < deadline
        ):
            for key, _events in self.selector.select(0.1):
                self.read(key.data, key.fileobj)  # type: ignore[arg-type]
        for child in self.children:
            signal_group(child.process, signal.SIGKILL, whole=True)
            if child.process:
                child.process.wait()


def spawn(command: Sequence[str], *, directory: Path) -> subprocess.Popen[bytes]:
    """A child in a session of its own, so that a Ctrl-C at the terminal reaches only this process, which ends it in order."""
    return subprocess.Popen(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=end_with_parent,
    )


def _prctl() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None


LIBC = _prctl()
PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Runs in a process that shall get a SIGTERM when its parent dies, however that dies. Linux only."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def signal_group(process: subprocess.Popen[bytes] | None, sent: signal.Signals, *, whole: bool) -> None:
    if process is None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if whole:
            os.killpg(process.pid, sent)
        elif process.poll() is None:
            os.kill(process.pid, sent)


def ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def identity(pid: int) -> str | None:
    """The process's start time, so that a number that went to another program is not taken for ours."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def remember(record: Path, processes: Sequence[subprocess.Popen[bytes]]) -> None:
    record.write_text(json.dumps({str(one.pid): identity(one.pid) for one in processes}))


def clean_up_after_killed(record: Path, terminal: Terminal) -> None:
    """Ends what a supervisor that was killed has left: its children got a TERM by its death and drain, or get it now."""
    try:
        known: dict[str, str | None] = json.loads(record.read_text())
    except (OSError, ValueError):
        return
    left = [int(pid) for pid, since in known.items() if since and identity(int(pid)) == since]
    if not left:
        return
    terminal.line("Waiting for the processes of a run that was killed …")
    for sent, seconds in ((signal.SIGTERM, DRAIN_SECONDS + 2), (signal.SIGKILL, 5)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, sent) if sent == signal.SIGKILL else os.kill(pid, sent)
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            time.sleep(0.1)
            left = [pid for pid in left if identity(pid) == known[str(pid)]]
