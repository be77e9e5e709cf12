"""Each rule of synclogs.health over a thousand random syncs: its SQL and its Python form say the same, also at the border."""

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from synclogs import catalogue, health
from synclogs.catalogue import SyncStatus
from synclogs.models import Project, Sync
from synclogs.models.sync import RULES
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 14, 3, 0, 7, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HEALTH = {name: rule for name, rule in vars(health).items() if isinstance(rule, health.Rule)}
LENGTHS = [length for length in vars(health).values() if isinstance(length, timedelta)]
STATES = (*SyncStatus.values, "ACTIVE", "IDLE", "RATE_LIMITED", "", "PAUSED_BY_PLATFORM", "idle")


def random_sync(project: Project, chance: random.Random) -> Sync:
    """Most of its moments lie at a limit of some rule or a microsecond beside it; some are missing, ahead or the same."""
    # The median of an even number of gaps ends in half a microsecond.
    cadence = chance.choice((None, 0.0, 60.0, 300.0, 300.0000005, 1234.5678915, 86400.0, chance.uniform(1, 9e5)))
    duration = chance.choice((None, 0, 1000, 720_000, 720_001, 3_600_000, 10**10, 10**18))
    limits = [*LENGTHS, timedelta(0), health.rest_patience(cadence or 0), health.run_patience(duration)]
    moments = [NOW - chance.choice(limits) + chance.choice((-1, 0, 0, 1)) * MICROSECOND for _ in range(4)]

    def moment() -> datetime | None:
        return chance.choice((None, *moments))

    return Sync(
        project=project,
        sync_id=uuid.UUID(int=chance.getrandbits(128), version=4),
        status=chance.choice(STATES),
        status_since=moment(),
        first_seen_at=NOW - timedelta(days=200),
        last_seen_at=moments[0],
        initial_completed_at=moment(),
        last_started_at=moment(),
        last_completed_at=moment(),
        last_error_event=chance.choice(("", "SYNC_RUN_ERROR", *catalogue.CREATION_FAILURES)),
        retry_at=moment(),
        webhook_failed_at=moment(),
        webhook_warning_at=moment(),
        duration_ms=duration,
        cadence_seconds=cadence,
    )


@pytest.fixture
def syncs() -> dict[uuid.UUID, Sync]:
    chance, project = random.Random(9), factories.ProjectFactory()
    made = Sync.objects.bulk_create(random_sync(project, chance) for _ in range(1000))
    return {sync.sync_id: sync for sync in made}


def found_by_sql() -> list[tuple[Any, ...]]:
    conditions = [rule.condition({name: name for name in rule.names} | {"now": "%(now)s"}) for rule in HEALTH.values()]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT sync_id, {', '.join(conditions)} FROM synclogs_sync", {"now": NOW})
        return list(cursor.fetchall())


def test_both_forms_of_each_rule_say_the_same(syncs: dict[uuid.UUID, Sync]) -> None:
    differences = [
        (name, in_sql, [(column, getattr(syncs[key], column)) for column in rule.names if column != "now"])
        for key, *row in found_by_sql()
        for (name, rule), in_sql in zip(HEALTH.items(), row, strict=True)
        if rule(syncs[key], now=NOW) is not in_sql
    ]
    assert differences == []
    assert len(HEALTH) >= 11


def test_the_thousand_stand_on_both_sides_of_each_border(syncs: dict[uuid.UUID, Sync]) -> None:
    """Each rule holds for some and not for others, and for some only a microsecond decides where one decides at all."""
    for name, rule in HEALTH.items():
        said = {rule(sync, now=NOW) for sync in syncs.values()}
        assert said == {True, False}, name
        if "now" in rule.names:
            later = [rule(sync, now=NOW + MICROSECOND) is not rule(sync, now=NOW) for sync in syncs.values()]
            assert sum(later) >= 5, (name, sum(later))


def test_a_queryset_asks_by_the_same_rules(syncs: dict[uuid.UUID, Sync]) -> None:
    for kind, rule in RULES.items():
        asked = set(Sync.objects.needing(kind, now=NOW).values_list("sync_id", flat=True))
        assert asked == {key for key, sync in syncs.items() if rule(sync, now=NOW)}, kind
