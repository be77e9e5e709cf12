"""Generated entries of one sync run: start, failures on the way, completion.

Yields (microseconds since 1970, entry) in order. All randomness comes from one generator.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from random import Random

from synclogs.demo.generate.entry_parts import (
    DAY,
    MINUTE,
    SECOND,
    Entry,
    Retry,
    Run,
    Timed,
    completed,
    failed,
    of_run,
    problem,
    random_uuid,
    started,
    warned,
)
from synclogs.demo.generate.scenarios import suspended
from synclogs.demo.generate.world import Plan

WARNING_SHARE, ERROR_SHARE = 0.06, 0.02
FULL_EVERY_LIVE = 40  # runs; by the clock a live demo would hardly ever show a full sync
PERMISSION_EVERY = 12
FOREVER = 2**62

STARTS = frozenset({"INCREMENTAL_SYNC_STARTED", "FULL_SYNC_STARTED"})
ENDS = frozenset({"INCREMENTAL_SYNC_COMPLETED", "FULL_SYNC_COMPLETED", "FULL_SYNC_INTERRUPTED", "SYNC_RUN_ERROR"})

Steps = Generator[Timed, None, int]  # returns the moment at which the sync is free again

_PASSING = (  # temporary: HTTP status, code, message
    (503, "", "The integration is temporarily unavailable"),
    (502, "", "Bad gateway while listing changes"),
    (None, "ETIMEDOUT", "The request timed out after 30 s"),
    (500, "", "The integration answered with an internal error"),
    (None, "ECONNRESET", "The connection was closed by the integration"),
)
_TOO_MANY = (429, "", "Too many requests")
_LASTING = (  # ends the run and suspends the sync
    (500, "", "The integration kept failing with an internal error"),
    (403, "insufficient_scope", "The connected account may not read this object"),
    (401, "", "Credentials are no longer valid, please re-authenticate the account"),
    (404, "", "Request failed with status code 404"),
    (400, "", "The list view has a filter that the API does not accept"),
    (None, "41011", "Unexpected response while reading a page of records"),
)


@dataclass(slots=True)
class Tally:
    """What has come out so far; the runs look at it to keep to the shares of warnings and errors."""

    entries: int = 0
    warnings: int = 0
    errors: int = 0
    running: int = 0

    def count(self, timed: Timed) -> Timed:
        self.entries += 1
        level, event = timed[1]["level"], timed[1].get("syncEvent")
        if level == "WARN":
            self.warnings += 1
        elif level == "ERROR":
            self.errors += 1
        if event in STARTS:
            self.running += 1
        elif event in ENDS:
            self.running -= 1
        return timed

    @property
    def few_warnings(self) -> bool:
        return self.warnings < self.entries * WARNING_SHARE

    @property
    def few_errors(self) -> bool:
        return self.errors < self.entries * ERROR_SHARE


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a sync does its usual runs: from `begin` up to `until`, one each `gap`; all in microseconds.

    Inside `outage` its integration is down; from `undelivered` on our webhook endpoint does not answer.
    """

    begin: int
    gap: int
    until: int = FOREVER
    outage: tuple[int, int] = (FOREVER, FOREVER)
    undelivered: int = FOREVER

    @property
    def live(self) -> bool:
        return self.until == FOREVER


class Runs:
    """The usual runs of all syncs of a world."""

    def __init__(self, rng: Random, tally: Tally) -> None:
        self.rng, self.tally = rng, tally

    def of(self, plan: Plan, schedule: Schedule) -> Iterator[Timed]:
        """Everything one sync does by its schedule; a run that was begun goes on beyond `until`."""
        rng, gap = self.rng, schedule.gap
        slot = free = schedule.begin + int(gap * rng.random())
        full_each = FULL_EVERY_LIVE if schedule.live else max(2, DAY // gap)
        jitter = 0.3 if schedule.live else 0.04
        number = rng.randrange(full_each)
        while slot < schedule.until:
            number += 1
            moment = max(free, slot + int(gap * rng.uniform(0, jitter)))
            slot += gap
            run = Run(plan, random_uuid(rng), "INCREMENTAL" if number % full_each else "FULL")
            if schedule.outage[0] <= moment < schedule.outage[1]:
                free = yield from self._through_outage(run, moment, over=schedule.outage[1])
                continue
            free = yield from self._run(run, moment, schedule)
            if plan.pipeline == "files" and number % PERMISSION_EVERY == 0:
                free = yield from self._permissions(plan, free + SECOND)

    def _run(self, run: Run, moment: int, schedule: Schedule) -> Steps:
        """One run, from its start to its end."""
        rng = self.rng
        yield started(rng, run, moment)
        duration = self._duration(run.sync_type)
        draw = rng.random()
        if self.tally.few_errors and draw < 0.09:
            return (yield from self._fail(run, moment + duration, live=schedule.live))
        at = moment
        if draw < (0.2 if self.tally.few_warnings else 0.01):
            if run.sync_type == "FULL" and rng.random() < 0.3:
                return (yield from self._interrupt(run, moment + duration))
            at = yield from self._stumble(run, moment + duration // 2)
        at += duration
        end = completed(rng, run, at, duration=at - moment)
        yield end
        if at >= schedule.undelivered and end[1]["summary"]["totalChanges"]:
            return (yield from self._undelivered(run, at))
        return at

    def _duration(self, sync_type: str) -> int:
        usual = 45.0 if sync_type == "FULL" else 2.2
        return int(min(self.rng.lognormvariate(0, 0.8) * usual, usual * 12) * SECOND)

    def _stumble(self, run: Run, moment: int) -> Steps:
        """One to four warnings with a growing pause between them."""
        status, code, message = _TOO_MANY if self.rng.random() < 0.4 else self.rng.choice(_PASSING)
        pause = self.rng.choice((15, 30, 30, 60)) * SECOND
        for attempt in range(1, self.rng.choice((1, 1, 2, 2, 3, 4)) + 1):
            retry = Retry(attempt, 5, pause)
            yield warned(self.rng, run, moment, status=status, code=code, message=message, retry=retry)
            moment += pause
            pause *= 2
        return moment

    def _interrupt(self, run: Run, moment: int) -> Steps:
        message = "Full sync was interrupted and will be retried"
        error = problem(503, "", "The worker was replaced", recoverable=True)
        yield of_run(
            self.rng,
            run,
            moment,
            event="FULL_SYNC_INTERRUPTED",
            status="ACTIVE",
            message=message,
            level="WARN",
            error=error,
        )
        return moment

    def _fail(self, run: Run, moment: int, *, live: bool) -> Steps:
        """A lasting error; the sync does nothing until somebody re-enables it a while later."""
        status, code, message = self.rng.choice(_LASTING)
        yield failed(self.rng, run, moment, status=status, code=code, message=message)
        if live:
            return moment + int(self.rng.uniform(90, 360) * SECOND)
        return moment + int(min(max(run.plan.cadence, 240), 3600) * self.rng.uniform(0.5, 2.5) * SECOND)

    def _through_outage(self, run: Run, moment: int, *, over: int) -> Steps:
        """Suspended until the outage is over."""
        for timed in suspended(self.rng, run, moment):
            moment = timed[0]
            yield timed
        return max(moment, over) + int(self.rng.uniform(5, 40) * MINUTE)

    def _undelivered(self, run: Run, moment: int) -> Steps:
        """Our endpoint does not answer: three warnings, then an error. The data itself is synced."""
        message, pause = "Webhook endpoint answered 502", 10 * SECOND
        hook: Entry = {"url": "https://hooks.example.com/managed-sync", "event": "record_updated"}
        for attempt in range(1, 5):
            moment += pause
            last = attempt == 4
            error = problem(502, "", message, recoverable=not last) | {"attempt": attempt, "maxAttempts": 4}
            yield of_run(
                self.rng,
                run,
                moment,
                event="SYNC_WEBHOOK_FAILED",
                status="IDLE",
                message=message,
                level="ERROR" if last else "WARN",
                error=error,
                webhook=hook,
            )
            pause *= 3
        return moment

    def _permissions(self, plan: Plan, moment: int) -> Steps:
        """The permission sync beside the files; its events are named nowhere, so the catalogue does not know them."""
        run = Run(plan, random_uuid(self.rng), "PERMISSION")
        yield started(self.rng, run, moment)
        duration = int(self.rng.uniform(0.4, 6) * SECOND)
        yield of_run(
            self.rng,
            run,
            moment + duration,
            event="PERMISSION_SYNC_COMPLETED",
            status="IDLE",
            message=f"Permission sync of {plan.pipeline} completed",
        )
        return moment + duration
