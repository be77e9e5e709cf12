"""Entries of one instant, and entries at the very moment since which a state holds: explicit examples of each border."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from synclogs import moments
from synclogs.ingestion import ingest
from synclogs.models import Project, Sync
from tests import factories
from tests.factories import entry, store

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT = NOW - timedelta(hours=2)


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory()


def said(project: Project, minute: int, status: str, rank: int = 0) -> dict[str, Any]:
    """An entry of that minute; of entries of one instant and one step, the one of the higher rank is the later one."""
    moment = AT + timedelta(minutes=minute)
    us = moments.microseconds(moment)
    ids = sorted((f"e{number}" for number in range(9)), key=lambda name: ingest.key_of(project.pk, name, us))
    return entry(id=ids[4 + rank], timestamp=moment, syncEvent="X", syncStatus=status)


def state(project: Project, batches: list[list[dict[str, Any]]]) -> tuple[str, float | None]:
    """The status, and the minute since which it holds, after these batches."""
    for batch in batches:
        store(project, *batch, now=NOW)
    sync = Sync.objects.get(project=project)
    return sync.status, (sync.status_since - AT) / timedelta(minutes=1) if sync.status_since else None


@pytest.mark.parametrize("rank", [-1, 1])
@pytest.mark.parametrize("status", ["IDLE", "RATE_LIMITED", "ERRORED"])
@pytest.mark.parametrize("arrival", ["together", "start first", "start last"])
def test_at_one_instant_a_run_starts_before_it_ends(project: Project, rank: int, status: str, arrival: str) -> None:
    start, end = said(project, 10, "ACTIVE", rank), said(project, 10, status)
    batches = {"together": [[end, start]], "start first": [[start], [end]], "start last": [[end], [start]]}
    assert state(project, batches[arrival]) == (status, 10)


@pytest.mark.parametrize("arrival", ["together", "in order", "in reverse"])
@pytest.mark.parametrize("statuses", [("IDLE", "ERRORED"), ("ERRORED", "IDLE"), ("RATE_LIMITED", "IDLE")])
def test_of_two_ends_of_one_instant_the_same_one_wins_however_they_come(
    project: Project, statuses: tuple[str, str], arrival: str
) -> None:
    first, last = said(project, 10, statuses[0], 0), said(project, 10, statuses[1], 1)
    batches = {"together": [[last, first]], "in order": [[first], [last]], "in reverse": [[last], [first]]}
    assert state(project, batches[arrival]) == (statuses[1], 10)


@pytest.mark.parametrize(
    ("entries", "since"),
    [
        # What comes last is of the instant of the last entry that said otherwise.
        ([(10, "ACTIVE"), (20, "IDLE"), (10, "IDLE", -1)], 10),
        ([(10, "ERRORED"), (20, "IDLE"), (10, "IDLE", 1)], 10),
        ([(10, "ERRORED"), (20, "IDLE"), (10, "IDLE", -1)], 20),
        ([(10, "ERRORED"), (20, "IDLE"), (10, "RATE_LIMITED", 1)], 20),
        # It is of the instant since which the state holds, and says otherwise.
        ([(20, "IDLE"), (30, "IDLE"), (20, "ERRORED", 1)], 30),
        ([(20, "IDLE"), (30, "IDLE"), (20, "ERRORED", -1)], 20),
        ([(20, "IDLE"), (30, "IDLE"), (20, "ACTIVE", 1)], 20),
        # It is of that instant, and says the same.
        ([(20, "IDLE"), (30, "IDLE"), (20, "IDLE", 1)], 20),
        ([(10, "ERRORED"), (20, "IDLE"), (20, "IDLE", 1)], 20),
        # It is of the instant of the last entry of the state.
        ([(10, "IDLE"), (20, "IDLE"), (20, "ACTIVE", 1)], 20),
        ([(10, "IDLE"), (20, "IDLE"), (20, "ERRORED", -1)], 20),
        # A minute to either side of the instant since which the state holds.
        ([(20, "IDLE"), (30, "IDLE"), (19, "ERRORED")], 20),
        ([(20, "IDLE"), (30, "IDLE"), (21, "ERRORED")], 30),
        ([(20, "IDLE"), (30, "IDLE"), (19, "IDLE")], 19),
    ],
)
def test_since_when_at_its_borders(project: Project, entries: list[tuple[Any, ...]], since: int) -> None:
    made = [said(project, *values) for values in entries]
    assert state(project, [[each] for each in made]) == ("IDLE", since)


def test_a_batch_that_ends_as_it_began_tells_since_when_by_itself(project: Project) -> None:
    """Of several states within one batch the last one holds since it was first said again."""
    whole = [said(project, *values) for values in ((10, "IDLE"), (20, "ACTIVE"), (30, "IDLE"), (40, "IDLE"))]
    assert state(project, [whole]) == ("IDLE", 30)
