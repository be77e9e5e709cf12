"""Merges the generated syncs by time: a fixed number of past entries, or live ones without end."""

import heapq
import math
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from operator import itemgetter
from random import Random

from synclogs import moments
from synclogs.demo.generate import other_entries, scenarios, world
from synclogs.demo.generate.entry_parts import DAY, HOUR, SECOND, Entry, Timed
from synclogs.demo.generate.runs import ENDS, FOREVER, STARTS, Runs, Schedule, Tally
from synclogs.demo.generate.world import ENDED, Plan, Story, World

LIVE_RUNS_A_SECOND = 0.15  # with their ends, warnings and the chatter: an entry every three seconds or so
LIVE_SHORTEST_GAP = 20 * SECOND
CHATTER_EACH_RUNS = 10.0
BAND = 100  # entries by which the runs may be behind or ahead of the plan before chatter fills up or some are left out
END = 0.03  # the last share of the entries, over which the band closes
FEW = 5000
CREATIONS_FROM = 1000  # smaller sets of entries have no room for a story of its own kind
GOING_ON = (Story.NONE, Story.OUTAGE, Story.WEBHOOK)


def generate(*, seed: int, entries: int, days: float, users: int | None, now: datetime) -> Iterator[Entry]:
    """Exactly `entries` entries of the last `days` days up to `now`, oldest first, with the stories of world.py."""
    cast = _cast(seed=seed, entries=entries, days=days, users=users)
    end = moments.microseconds(now)
    timed = _paced(cast, entries=entries, start=end - int(days * DAY), end=end)
    # The stories may make a few entries too many. Among few ones that would cost hours of the newest: the oldest go instead.
    exactly = deque(timed, maxlen=entries) if entries < FEW else islice(timed, entries)
    return (entry for _, entry in exactly)


def live(
    *,
    seed: int,
    entries: int,
    days: float,
    users: int | None,
    now: datetime,
    runs_a_second: float = LIVE_RUNS_A_SECOND,
) -> Iterator[tuple[datetime, Entry]]:
    """The same world from `now` on without end: when an entry is due, and the entry; usually more often than before."""
    cast = _cast(seed=seed, entries=entries, days=days, users=users)
    start = moments.microseconds(now)
    rng = Random(f"live {seed} {start}")  # noqa: S311 made-up data
    tally = Tally()
    runs = Runs(rng, tally)
    total = sum(math.sqrt(plan.weight) for plan in cast.plans)
    sources = [_live_chatter(rng, cast, start, every=CHATTER_EACH_RUNS / runs_a_second)]
    for plan in cast.plans:
        if plan.story in GOING_ON:
            gap = max(LIVE_SHORTEST_GAP, int(total / math.sqrt(plan.weight) / runs_a_second * SECOND))
            undelivered = start if plan.story == Story.WEBHOOK else FOREVER
            sources.append(runs.of(plan, Schedule(start, gap, undelivered=undelivered)))
        elif plan.story == Story.LIMITED:
            since = start - ENDED[Story.LIMITED] // moments.MICROSECOND
            sources.append(scenarios.limited(rng, plan, since, begin=start, end=FOREVER))
    counted = map(tally.count, heapq.merge(*sources, key=itemgetter(0)))
    return ((moments.moment(moment), entry) for moment, entry in counted)


def _cast(*, seed: int, entries: int, days: float, users: int | None) -> World:
    return world.build(seed=seed, users=users or world.default_users(entries), entries=entries, days=days)


def _live_chatter(rng: Random, cast: World, start: int, *, every: float) -> Iterator[Timed]:
    moment = start
    while True:
        moment += int(rng.expovariate(1 / every) * SECOND)
        yield moment, other_entries.entry(rng, cast, moment)


class Curve:
    """How many entries should have come by a moment: the sum of what the syncs make, as they come and go."""

    def __init__(self, spans: list[tuple[int, int, float]], *, entries: int) -> None:
        steps = [(begin, rate) for begin, _, rate in spans] + [(until, -rate) for _, until, rate in spans]
        self._steps = sorted(steps)
        self._next = 0
        self._at = self._steps[0][0]
        self._rate = self._made = 0.0
        self._scale = entries / sum((until - begin) * rate for begin, until, rate in spans)

    def expected(self, moment: int) -> float:
        """Moments must be asked in their order."""
        while self._next < len(self._steps) and self._steps[self._next][0] <= moment:
            at, change = self._steps[self._next]
            self._made += self._rate * (at - self._at)
            self._at, self._rate, self._next = at, self._rate + change, self._next + 1
        return (self._made + self._rate * (moment - self._at)) * self._scale


def _paced(cast: World, *, entries: int, start: int, end: int) -> Iterator[Timed]:
    """About `entries` entries, never fewer: the runs of all syncs in order of time; chatter fills up to the number, surplus runs are left out."""
    rng = Random(f"entries {cast.seed}")  # noqa: S311 made-up data
    tally = Tally()
    runs = Runs(rng, tally)
    spans = [(plan, *_span(plan, start=start, end=end)) for plan in cast.plans]
    curve = Curve([(begin, until, 1 / plan.cadence) for plan, begin, until in spans], entries=entries)
    sources = [_source(rng, runs, plan, begin=begin, until=until, end=end) for plan, begin, until in spans]
    if entries >= CREATIONS_FROM:
        sources.append(_failed_creations(rng, cast, start=start, end=end))
    plain = {plan.sync_id for plan in cast.plans if plan.story == Story.NONE}
    skipped: set[str] = set()
    last = start
    for timed in heapq.merge(*sources, key=itemgetter(0)):
        moment, entry = timed
        if _leave_out(entry, skipped):
            continue
        expected = curve.expected(moment)
        band = min(BAND, entries // 50) * min(1.0, (1 - expected / entries) / END)
        while tally.entries + 1 < expected - band and tally.entries < entries:
            last += int((moment - last) * rng.random())
            yield tally.count((last, other_entries.entry(rng, cast, last)))
        if (
            entry.get("syncEvent") in STARTS
            and tally.entries + tally.running + 1 > expected + band
            and entry["syncId"] in plain
        ):
            skipped.add(entry["traceId"])
            continue
        last = moment
        yield tally.count(timed)
    while tally.entries < entries:
        last += (end - last) // (entries - tally.entries + 1)
        yield tally.count((last, other_entries.entry(rng, cast, last)))


def _leave_out(entry: Entry, traces: set[str]) -> bool:
    """Whether the entry belongs to a run that was left out; its last entry takes the run off the list."""
    trace = entry.get("traceId")
    if trace not in traces:
        return False
    if entry.get("syncEvent") in ENDS:
        traces.discard(trace)
    return True


def _span(plan: Plan, *, start: int, end: int) -> tuple[int, int]:
    """From when to when a sync does its usual runs; no story eats more than a third of a short window."""
    begin = start if plan.begins is None else start + int((end - start) * plan.begins)
    before = ENDED[plan.story] // moments.MICROSECOND if plan.story in ENDED else 0
    return begin, end - min(before, (end - start) // 3)


def _source(rng: Random, runs: Runs, plan: Plan, *, begin: int, until: int, end: int) -> Iterator[Timed]:
    """All entries of one sync up to `end`; a run that is on its way then shows no end."""
    for timed in _entries_of(rng, runs, plan, begin=begin, until=until, end=end):
        if timed[0] >= end:
            return
        yield timed


def _entries_of(rng: Random, runs: Runs, plan: Plan, *, begin: int, until: int, end: int) -> Iterator[Timed]:
    """Its first pull if it is young, its usual runs, then what its story says."""
    if plan.begins is not None:
        pull, begin = scenarios.beginning(rng, plan, begin)
        yield from pull
    window = end - begin
    outage = (FOREVER, FOREVER)
    if plan.story == Story.OUTAGE:
        back = min(2 * DAY, window * 2 // 7)
        outage = (end - back, end - back + min(4 * HOUR, back // 6))
    undelivered = end - min(30 * HOUR, window // 5) if plan.story == Story.WEBHOOK else FOREVER
    last = until
    if plan.story != Story.FIRST_RUN:
        for timed in runs.of(plan, Schedule(begin, plan.cadence * SECOND, until, outage, undelivered)):
            last = max(last, timed[0])
            yield timed
    yield from scenarios.ending(rng, plan, last + SECOND, end=end)


def _failed_creations(rng: Random, cast: World, *, start: int, end: int) -> Iterator[Timed]:
    """A few refused requests to set up a sync, for one user, over the last third of the window."""
    person = cast.person(world.CREATION_FAILS_FOR)
    for moment in sorted(end - int((end - start) * rng.uniform(0.01, 0.3)) for _ in range(6)):
        yield moment, other_entries.failed_creation(rng, person, moment)
