"""Timer and sender of the simulated provider: runs due steps, changes the sync, posts the entries to the portal's ingest.

Entries are sent again until the portal accepts them, which is safe since their ids stay the same. One thread; without a portal
the steps run all the same.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from synclogs.demo.simulator.runs import Entry, Pace, Step, stamped, steps
from synclogs.demo.simulator.state import IDLE, Memory, Missing, Mode
from synclogs.provider.http_exchange import Broken, Limits, Request, send, trusted

MOST_AT_ONCE = 500
MOST_WAITING = 20_000
TRY_AGAIN = 1.0


@dataclass(frozen=True, slots=True)
class Due:
    step: Step
    sync_id: UUID
    follows: bool  # the run ends here, and the next one is to be planned


class Outbox:
    """`portal` is the base address of the portal and a key that may write; None = entries go nowhere."""

    def __init__(
        self, memory: Memory, *, pace: Pace, portal: tuple[str, str] | None, say: Callable[[str], object] = print
    ) -> None:
        self.memory, self.pace, self.say = memory, pace, say
        self._portal = portal
        self._due: list[tuple[float, int, Due]] = []
        self._numbers = itertools.count()
        self._waiting: list[Entry] = []
        self._changed = threading.Condition()
        self._ended = False
        self._complained = False
        self._thread = threading.Thread(target=self._run, name="simulator-outbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(10)

    def plan(self, sync_id: UUID, *, mode: Mode, kind: str = "", wait: float = 0.0) -> None:
        """One run of the sync, from `wait` seconds on."""
        run = list(steps(self.memory.sync(sync_id), mode, self.pace, kind=kind))
        now = time.monotonic() + wait
        with self._changed:
            for place, step in enumerate(run, start=1):
                due = Due(step, sync_id, follows=place == len(run))
                heapq.heappush(self._due, (now + step.after, next(self._numbers), due))
            self._changed.notify()

    def forget(self, sync_id: UUID) -> None:
        """What was planned for a sync does not happen: it was disabled, or begins anew."""
        with self._changed:
            self._due = [item for item in self._due if item[2].sync_id != sync_id]
            heapq.heapify(self._due)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._ended:
                    return
                pause = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
                if self._waiting:
                    pause = min(TRY_AGAIN, TRY_AGAIN if pause is None else pause)
                if pause != 0:
                    self._changed.wait(pause)
                ready = []
                while self._due and self._due[0][0] <= time.monotonic():
                    ready.append(heapq.heappop(self._due)[2])
            for due in ready:
                self._happen(due)
            self._deliver()

    def _happen(self, due: Due) -> None:
        now = datetime.now(UTC)
        try:
            sync = self.memory.change(due.sync_id, status=due.step.status, at=now, reason=due.step.reason)
        except Missing:
            return
        self.say(f"{due.step.entry['syncEvent']} of {due.sync_id}")
        self._waiting.append(stamped(due.step.entry, now))
        del self._waiting[:-MOST_WAITING]
        if due.follows and sync.status == IDLE and self.pace.every:
            self.plan(due.sync_id, mode=self.memory.about(due.sync_id), kind="INCREMENTAL", wait=self.pace.every)

    def _deliver(self) -> None:
        if self._portal is None:
            self._waiting.clear()
        while self._waiting and self._portal and not self._ended:
            batch = self._waiting[:MOST_AT_ONCE]
            refusal = self._post(batch)
            if refusal:
                if not self._complained:
                    self.say(f"The portal does not take the entries yet: {refusal}")
                self._complained = True
                return
            self._complained = False
            del self._waiting[: len(batch)]

    def _post(self, entries: list[Entry]) -> str:
        """Why the portal did not take them; "" = it did, or never will."""
        assert self._portal  # noqa: S101 (only called with one)
        base, key = self._portal
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = Request("POST", f"{base}/api/v1/logs", headers, msgspec.json.encode(entries))
        try:
            status = send(request, limits=Limits(), tls=trusted()).status
        except Broken as broken:
            return f"it {broken.words}."
        if status in {400, 413, 415, 422}:
            self.say(f"The portal refused {len(entries)} entries (status {status}).")
            return ""
        return "" if status == 200 else f"status {status}."
