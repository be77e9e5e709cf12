"""Trouble is counted in SQL and told in Python: both have to find the same syncs. And the pages of small tables."""

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from synclogs import explain
from synclogs.catalogue import SyncStatus
from synclogs.explain import Finding
from synclogs.models import Attention, ConnectedUser, Project, Sync
from synclogs.overview import state_counts
from synclogs.query.filters import FilterError
from synclogs.reading import keyset
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 14, 3, tzinfo=UTC)
FINDINGS = {
    Attention.ERRORED: (Finding.ERRORED, Finding.NOT_CREATED),
    Attention.STUCK: (Finding.STUCK,),
    Attention.SILENT: (Finding.SILENT,),
}


def make(project: Project, **values: Any) -> Sync:
    usual = {
        "sync_id": uuid.uuid4(),
        "user_id": "acct_1",
        "integration": "box",
        "first_seen_at": NOW - timedelta(days=9),
    }
    return Sync.objects.create(project=project, **{"last_seen_at": NOW, **usual, **values})


def ago(**length: float) -> datetime:
    return NOW - timedelta(**length)


def random_sync(chance: random.Random) -> dict[str, Any]:
    def moment() -> datetime | None:
        minutes = chance.choice((None, 0, 5, 10, 11, 30, 59, 60, 61, 90, 300, 1439, 1441, 3000))
        return None if minutes is None else ago(minutes=minutes)

    return {
        "status": chance.choice((*SyncStatus.values, "", "PAUSED_BY_PLATFORM")),
        "status_since": moment(),
        "last_seen_at": moment() or NOW,
        "last_started_at": moment(),
        "last_completed_at": moment(),
        "last_error_at": moment(),
        "last_error_event": chance.choice(("", "SYNC_RUN_ERROR", "SYNC_CREATION_FAILED")),
        "webhook_failed_at": moment(),
        "webhook_warning_at": moment(),
        "cadence_seconds": chance.choice((None, 60.0, 300.0, 1800.0, 86400.0)),
        "duration_ms": chance.choice((None, 0, 1000, 720_000, 3_600_000, 10**18)),
    }


@pytest.mark.parametrize("seed", range(4))
def test_the_counts_and_the_sentences_find_the_same_syncs(seed):
    project, chance = ProjectFactory(), random.Random(seed)
    syncs = [make(project, **random_sync(chance)) for _ in range(150)]
    for kind, findings in FINDINGS.items():
        counted = set(Sync.objects.of(project).needing(kind, now=NOW))
        told = {sync for sync in syncs if explain.data_verdict(sync, now=NOW).finding in findings}
        assert counted == told, kind
    undelivered = set(Sync.objects.of(project).needing(Attention.UNDELIVERED, now=NOW))
    assert undelivered == {sync for sync in syncs if explain.delivery_verdict(sync, now=NOW)}
    limited = set(Sync.objects.of(project).needing(Attention.LIMITED, now=NOW))
    assert all(explain.data_verdict(sync, now=NOW).finding == Finding.LIMITED for sync in limited)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ({"status": "IDLE", "cadence_seconds": 300.0, "last_seen_at": ago(minutes=11)}, Attention.SILENT, True),
        ({"status": "IDLE", "cadence_seconds": 300.0, "last_seen_at": ago(minutes=10)}, Attention.SILENT, False),
        ({"status": "IDLE", "cadence_seconds": 60.0, "last_seen_at": ago(minutes=9)}, Attention.SILENT, False),
        ({"status": "IDLE", "cadence_seconds": 3600.0, "last_seen_at": ago(hours=2)}, Attention.SILENT, False),
        ({"status": "IDLE", "cadence_seconds": 3600.0, "last_seen_at": ago(hours=2.1)}, Attention.SILENT, True),
        ({"status": "IDLE", "cadence_seconds": None, "last_seen_at": ago(days=9)}, Attention.SILENT, False),
        ({"status": "ERRORED", "cadence_seconds": 60.0, "last_seen_at": ago(days=9)}, Attention.SILENT, False),
        ({"status": "ACTIVE", "last_started_at": ago(hours=2), "last_seen_at": ago(hours=2)}, Attention.STUCK, True),
        (
            {"status": "ACTIVE", "last_started_at": ago(hours=2), "last_seen_at": ago(minutes=59)},
            Attention.STUCK,
            False,
        ),
        ({"status": "ACTIVE", "last_seen_at": ago(hours=2), "duration_ms": 3_600_000}, Attention.STUCK, False),
        ({"status": "ACTIVE", "last_seen_at": ago(hours=6), "duration_ms": 3_600_000}, Attention.STUCK, True),
        ({"status": "ACTIVE", "last_seen_at": ago(days=160), "duration_ms": 10**18}, Attention.STUCK, True),
        ({"status": "RATE_LIMITED", "status_since": ago(minutes=61)}, Attention.LIMITED, True),
        ({"status": "RATE_LIMITED", "status_since": ago(minutes=59)}, Attention.LIMITED, False),
        ({"webhook_failed_at": ago(hours=23)}, Attention.UNDELIVERED, True),
        ({"webhook_failed_at": ago(hours=25)}, Attention.UNDELIVERED, False),
        ({"status": "", "last_error_event": "SYNC_CREATION_FAILED"}, Attention.ERRORED, True),
    ],
)
def test_each_kind_of_trouble_at_its_border(values, kind, expected):
    sync = make(ProjectFactory(), **values)
    assert Sync.objects.of(sync.project).needing(kind, now=NOW).exists() is expected
    assert Sync.objects.of(sync.project).needing(now=NOW).exists() >= expected


def test_the_worst_come_first():
    project = ProjectFactory()
    silent = make(project, status="IDLE", cadence_seconds=60.0, last_seen_at=ago(minutes=20))
    calm = make(project, status="IDLE", last_completed_at=NOW)
    errored = make(project, status="ERRORED", last_seen_at=ago(days=2))
    assert list(Sync.objects.of(project).worst_first(NOW)) == [errored, silent, calm]


def test_counts_of_a_project_its_users_and_its_integrations_stay_in_the_project():
    project = ProjectFactory()
    make(project, status="ERRORED", user_id="a", integration="box")
    make(project, status="ERRORED", user_id="a", integration="jira")
    make(project, status="DISABLED", user_id="b", integration="jira")
    make(ProjectFactory(), status="ERRORED", user_id="a", integration="box")
    tally = state_counts.tally(Sync.objects.of(project), now=NOW)
    counts = tally.counts
    assert tally.needing == 2
    assert counts.unknown == 0
    assert (counts.total, counts.errored, counts.paused, counts.users) == (3, 2, 1, 1)
    users = state_counts.by_user(project, ["a", "b", "nobody"], now=NOW)
    assert {name: (found.total, found.errored) for name, found in users.items()} == {"a": (2, 2), "b": (1, 0)}
    found = {item.slug: item for item in state_counts.by_integration(project, now=NOW)}
    assert found["jira"].statuses == {"ERRORED": 1, "DISABLED": 1}
    assert found["box"].seen_at == NOW
    assert [item.slug for item in state_counts.by_integration(project, now=NOW, slugs=["box"])] == ["box"]


# Pages of small tables


def people(project: Project) -> None:
    for number in range(7):
        ConnectedUser.objects.create(project=project, user_id=f"seen-{number}", last_seen_at=ago(minutes=number // 2))
    for number in range(4):
        ConnectedUser.objects.create(project=project, user_id=f"never-{number}")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 20])
def test_pages_go_through_all_rows_and_back(size):
    project = ProjectFactory()
    people(project)
    rows = ConnectedUser.objects.of(project)
    forward, cursor, pages = [], "", []
    while True:
        page = keyset.page(rows, "last_seen_at", size=size, before=cursor)
        pages.append(page)
        forward += [row.user_id for row in page.rows]
        if not page.older:
            break
        cursor = page.older
    assert len(forward) == len(set(forward)) == 11
    assert forward[7:] == ["never-3", "never-2", "never-1", "never-0"]
    assert pages[0].newer == ""
    back: list[str] = []
    last = pages[-1]
    while last.newer:
        last = keyset.page(rows, "last_seen_at", size=size, after=last.newer)
        back = [row.user_id for row in last.rows] + back
    assert back + [row.user_id for row in pages[-1].rows] == forward


def test_a_page_beyond_the_end_still_leads_back():
    project = ProjectFactory()
    people(project)
    rows = ConnectedUser.objects.of(project)
    everything = keyset.page(rows, "last_seen_at", size=11)
    last = keyset.Place(None, everything.rows[-1].pk).text
    beyond = keyset.page(rows, "last_seen_at", size=5, before=last)
    assert (beyond.rows, beyond.newer, beyond.older) == ([], last, "")


@pytest.mark.parametrize(
    "cursor", ["x", "1", "-", "--", "ffffffffffffffff-1", "1-99999999999999999999", "0-1\n", "٣-1"]
)
def test_a_damaged_cursor_is_refused(cursor):
    with pytest.raises(FilterError):
        keyset.place_of(cursor, Sync)
