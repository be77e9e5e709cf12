"""The usual gap between a sync's runs: a median of the last data runs, taught by nothing else."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from synclogs import health
from synclogs.ingestion import cadence
from synclogs.models import Project, Sync
from tests import factories
from tests.factories import entry, store, sync_id

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory()


def starts(project: Project, minutes_ago: Iterable[float], *, name: object = 1, kind: str = "INCREMENTAL") -> None:
    """Runs of one sync, each with a trace of its own, that started so long before NOW."""
    store(
        project,
        *(
            entry(
                timestamp=NOW - timedelta(minutes=minutes),
                syncId=sync_id(name),
                syncEvent=f"{kind}_SYNC_STARTED",
                syncType=kind,
                traceId=f"{kind}-{name}-{minutes}",
            )
            for minutes in minutes_ago
        ),
        now=NOW,
    )


def found(project: Project, name: object = 1) -> float | None:
    return Sync.objects.get(project=project, sync_id=sync_id(name)).cadence_seconds


def test_it_is_the_median_gap_of_the_runs_and_is_written_once(project: Project) -> None:
    starts(project, (130, 70, 60, 50, 40))  # gaps of 60, 10, 10 and 10 minutes
    starts(project, (90, 60, 30, 0), name="other")
    starts(factories.ProjectFactory(), (4, 3, 2, 1))
    assert cadence.refresh(now=NOW) == 3
    assert (found(project), found(project, "other")) == (600, 1800)
    assert cadence.refresh(now=NOW) == 0


@pytest.mark.parametrize("kind", ["PERMISSION", "SINGLE_RECORD"])
def test_runs_beside_the_data_teach_nothing(project: Project, kind: str) -> None:
    starts(project, (90, 60, 30, 0))
    starts(project, range(1, 90, 5), kind=kind)
    starts(project, range(1, 90, 5), name="only those", kind=kind)
    cadence.refresh(now=NOW)
    assert (found(project), found(project, "only those")) == (1800, None)


def test_initial_and_full_runs_are_data_runs(project: Project) -> None:
    starts(project, (90,), kind="INITIAL")
    starts(project, (60, 0))
    starts(project, (30,), kind="FULL")
    cadence.refresh(now=NOW)
    assert found(project) == 1800


def test_three_gaps_are_needed_and_what_is_not_known_any_more_is_forgotten(project: Project) -> None:
    starts(project, (30, 20, 10))
    cadence.refresh(now=NOW)
    assert found(project) is None
    starts(project, (40,))
    cadence.refresh(now=NOW)
    assert found(project) == 600
    late = NOW + health.CADENCE_WINDOW - timedelta(minutes=25)  # of the four runs two are within the week
    assert cadence.refresh(now=late) == 1
    assert found(project) is None


def test_a_changed_pace_is_learned_from_the_last_twenty_runs(project: Project) -> None:
    starts(project, [100 + 60 * number for number in range(40)])
    starts(project, range(1, 100, 5))
    cadence.refresh(now=NOW)
    assert found(project) == 300
