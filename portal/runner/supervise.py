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
LONGEST_PAUSE = 15.0
STEADY_SECONDS = 20  # a program that ran this long starts again at once
OUTPUT_BYTES = 1024 * 1024
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1


@dataclass(slots=True, eq=False)
class Program:
    """What runs all the time, and its process, if it has one right now."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    start_at: float = 0.0
    pause: float = 0.0  # seconds between its last end and the next start
    rest: bytes = b""  # of its output, without a line feed yet


class Terminal:
    """Standard output that never blocks: a full pipe nobody reads must not stop the portal, so lines are dropped instead."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.waiting: deque[bytes] = deque()
        self.size = 0
        self.poll = select.poll()
        self.poll.register(descriptor, select.POLLOUT)

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
        while self.waiting and self.poll.poll(0):
            line = self.waiting.popleft()
            self.size -= len(line)
            with contextlib.suppress(OSError):  # nobody will read it
                if rest := line[os.write(self.descriptor, line) :]:
                    self.waiting.appendleft(rest)
                    self.size += len(rest)


@dataclass(slots=True)
class Supervisor:
    """The programs, their output and their restarts."""

    terminal: Terminal
    programs: Sequence[Program]
    directory: Path  # where they run
    record: Path  # which processes there are, for the next start
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def turn(self, seconds: float) -> None:
        """Passes output on for a while, then starts who is due and looks after who died."""
        self.pass_on(seconds)
        for program in self.programs:
            if program.process is None:
                if time.monotonic() >= program.start_at:
                    self.launch(program)
            elif (code := program.process.poll()) is not None:
                self.bury(program, code)

    def launch(self, program: Program) -> None:
        program.process = spawn(program.command, directory=self.directory)
        program.started = time.monotonic()
        program.rest = b""
        self.selector.register(output_of(program.process), selectors.EVENT_READ, program)
        remember(self.record, [one.process for one in self.programs if one.process])

    def pass_on(self, seconds: float) -> None:
        for key, _events in self.selector.select(seconds):
            self.read(key.data, key.fileobj)  # type: ignore[arg-type]
        self.terminal.flush()

    def read(self, program: Program, output: IO[bytes]) -> None:
        data = os.read(output.fileno(), 64 * 1024)
        *lines, program.rest = (program.rest + data).split(b"\n")
        if program.rest and (not data or len(program.rest) > OUTPUT_BYTES):
            lines, program.rest = [*lines, program.rest], b""
        for line in lines:
            self.terminal.put(f"{program.name:8} | ".encode() + line)
        if not data:
            self.forget(output)

    def forget(self, output: IO[bytes]) -> None:
        self.selector.unregister(output)
        output.close()

    def bury(self, program: Program, code: int) -> None:
        """Notes that it ended; one that does so again and again is started ever later."""
        self.pass_on(0)
        if program.process and not output_of(program.process).closed:  # a child of its own still holds the pipe
            self.forget(output_of(program.process))
        now = time.monotonic()
        is_steady = now - program.started > STEADY_SECONDS
        program.process = None
        program.pause = 0.0 if is_steady else min(max(1.0, 2 * program.pause), LONGEST_PAUSE)
        program.start_at = now + program.pause
        again = f"starting it again in {program.pause:.0f} s"
        self.terminal.line(f"run      | {program.name} ended ({ending(code)}); {again}")

    def stop(self) -> None:
        """TERM to all, then KILL to whoever still runs when the time is up."""
        running = [program.process for program in self.programs if program.process]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + DRAIN_SECONDS + 2
        while any(process.poll() is None for process in running) and time.monotonic() < deadline:
            self.pass_on(0.1)
        for process in running:
            kill(process)


def spawn(command: Sequence[str], *, directory: Path) -> subprocess.Popen[bytes]:
    """A process in a session of its own, so that a Ctrl-C at the terminal reaches only this one, which ends it in order."""
    return subprocess.Popen(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=end_with_parent,
    )


def output_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None  # noqa: S101 (spawn always pipes)
    return process.stdout


def end_with_parent() -> None:
    """Runs in a process that shall get a SIGTERM when its parent dies, however that dies. Linux only."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a spawned process at once, with all of its session that is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


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
    """Ends what a supervisor that was killed has left: its programs got a TERM by its death and drain, or get it now."""
    try:
        known: dict[str, str | None] = json.loads(record.read_text())
    except (OSError, ValueError):
        return
    remaining = [int(pid) for pid, since in known.items() if since and identity(int(pid)) == since]
    if remaining:
        terminal.line("Waiting for the processes of a run that was killed …")
    for sent, seconds in ((signal.SIGTERM, DRAIN_SECONDS + 2), (signal.SIGKILL, 5)):
        for pid in remaining:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, sent) if sent == signal.SIGKILL else os.kill(pid, sent)
        deadline = time.monotonic() + seconds
        while remaining and time.monotonic() < deadline:
            time.sleep(0.1)
            remaining = [pid for pid in remaining if identity(pid) == known[str(pid)]]
