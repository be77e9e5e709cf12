"""Selection for a bulk re-enable: which syncs it includes, in what order, and which it excludes and why.

Returns a Preview. Changes nothing and calls nobody outside.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from synclogs.catalogue import SyncStatus
from synclogs.catalogue.recovery import CheckName
from synclogs.models import Project
from synclogs.models.bulk import MOST_ITEMS
from synclogs.models.sync import SyncQuerySet
from synclogs.recovery.candidates import candidates
from synclogs.recovery.checks import Candidate

MOST_LOOKED_AT = 50_000
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Example:
    sync_id: UUID
    user_id: str
    integration: str


@dataclass(frozen=True, slots=True)
class SkippedByCheck:
    """The syncs for which this check failed first."""

    check: CheckName
    count: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """`eligible` in the order of their turn, unless they are too many. `is_cut`: more are stopped than are looked at."""

    eligible: tuple[Candidate, ...]
    skipped: tuple[SkippedByCheck, ...]
    is_cut: bool = False

    @property
    def excluded(self) -> int:
        return sum(skipped.count for skipped in self.skipped)

    @property
    def integrations(self) -> list[tuple[str, int]]:
        return Counter(candidate.integration for candidate in self.eligible).most_common()

    @property
    def largest(self) -> int:
        return max((count for _, count in self.integrations), default=0)

    @property
    def is_too_many(self) -> bool:
        return self.is_cut or len(self.eligible) > MOST_ITEMS


def preview(project: Project, syncs: SyncQuerySet, *, now: datetime) -> Preview:
    """Which of the syncs would be re-enabled and which not, and why. Nobody outside is asked."""
    syncs = syncs.order_by()
    stopped = syncs.filter(status=SyncStatus.ERRORED).values_list("sync_id", flat=True)
    chosen = list(stopped[: MOST_LOOKED_AT + 1])
    others = syncs.exclude(status=SyncStatus.ERRORED)
    running = others.count()
    examples = others.values_list("sync_id", "user_id", "integration")[:EXAMPLES] if running else ()
    found: dict[CheckName, list[Candidate]] = defaultdict(list)
    eligible = []
    for candidate in candidates(project, chosen[:MOST_LOOKED_AT], now=now).values():
        failed = candidate.failed
        if failed:
            found[failed[0]].append(candidate)
        else:
            eligible.append(candidate)
    skipped = [
        SkippedByCheck(
            check, len(of), tuple(Example(one.sync_id, one.user_id, one.integration) for one in of[:EXAMPLES])
        )
        for check, of in found.items()
    ]
    if running:
        skipped.append(SkippedByCheck(CheckName.STOPPED, running, tuple(Example(*row) for row in examples)))
    order = list(CheckName)
    skipped.sort(key=lambda skipped: (-skipped.count, order.index(skipped.check)))
    if len(eligible) <= MOST_ITEMS:  # else none has a turn
        eligible = in_turn(eligible)
    return Preview(tuple(eligible), tuple(skipped), len(chosen) > MOST_LOOKED_AT)


def in_turn(found: Iterable[Candidate]) -> list[Candidate]:
    """One of each integration after the other, the largest first, so that canary and waves try all of them."""
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in sorted(found, key=lambda one: one.sync_id.int):
        groups[candidate.integration].append(candidate)
    places = [
        (place, -len(group), integration, candidate)
        for integration, group in groups.items()
        for place, candidate in enumerate(group)
    ]
    return [candidate for *_, candidate in sorted(places, key=lambda place: place[:3])]
