"""Sizes of the demo, shared by the loader and the live entries so that both generate the same syncs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from uuid import UUID

from synclogs.demo.generate.entry_parts import Entry
from synclogs.demo.generate.pace import live
from synclogs.demo.generate.world import Story, build


@dataclass(frozen=True, slots=True)
class Sizes:
    project: str = "demo"
    seed: int = 1
    entries: int = 24_000
    days: float = 7
    users: int = 45

    @property
    def runs_a_second(self) -> float:
        """Its own pace: about two entries a run."""
        return self.entries / (self.days * 86400) / 2.2


DEMO = Sizes()


def expired() -> Iterator[UUID]:
    """The syncs whose customer has not connected the account anew."""
    cast = build(seed=DEMO.seed, users=DEMO.users, entries=DEMO.entries, days=DEMO.days)
    return (UUID(plan.sync_id) for plan in cast.plans if plan.story == Story.EXPIRED)


def missed_entries(*, since: datetime, until: datetime) -> Iterator[Entry]:
    """The demo's entries of a time in which nobody ran it, at the pace of its first week."""
    entries = live(
        seed=DEMO.seed,
        entries=DEMO.entries,
        days=DEMO.days,
        users=DEMO.users,
        now=since,
        runs_a_second=DEMO.runs_a_second,
    )
    return (entry for _, entry in takewhile(lambda timed: timed[0] < until, entries))
