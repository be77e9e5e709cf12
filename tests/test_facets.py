"""Counts beside the filters: on random entries equal to a count by hand, for every kind of filter."""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from synclogs.models import LogEntry, Project
from synclogs.query.fields import FACETS
from synclogs.query.filters import LogFilter
from synclogs.reading import counting, histogram
from synclogs.storage import partitions
from tests import factories
from tests.factories import entry, store, sync_id

NOW = datetime(2026, 11, 23, 12, 34, 56, 789_000, tzinfo=UTC)
FILTERS: dict[str, str] = {
    "nothing": "",
    "fits all": "type=managed_sync",
    "fits all but nothing": "-type=managed_sync",
    "fits none": "-type=other",
    "level": "level=error,warning",
    "not a level": "-level=info",
    "no level left": "level=error&-level=error",
    "one value": "integration=box",
    "two values": "integration=box,jira",
    "not a value": "-integration=box",
    "some of one and not others": "integration=box,jira,hubspot&-integration=jira",
    "category": "category=error",
    "http status": "http_status=429",
    "not a http status": "-http_status=429",
    "value and level": "event=SYNC_RUN_ERROR&level=error,info",
    "not a value but a level": "-status=errored&level=warning",
    "two facets": "integration=box&status=ACTIVE,ERRORED",
    "two facets and a level": "integration=box&-status=ACTIVE&level=error,warning,info",
    "user": "user=acct_1",
    "user and level": "user=acct_1,acct_2&level=error",
    "user and facet": "user=acct_1&pipeline=files",
    "not a trace": "-trace=trace-1",
    "text": "q=slow",
    "text and facet": "q=slow&integration=box",
    "unknown": "integration=nothing-of-the-kind",
}
RANGES = {
    "a day": ("24h", ""),
    "an hour": ("1h", ""),
    "minutes": ("15m", ""),
    "a week": ("7d", ""),
    "hours to the microsecond": ("2026-11-22T09:17:03.000001Z", "2026-11-23T04:59:59.999999Z"),
    "full hours": ("2026-11-22T10:00Z", "2026-11-23T10:00Z"),
    "within an hour": ("2026-11-23T10:10Z", "2026-11-23T10:50Z"),
    "across an hour": ("2026-11-23T10:10Z", "2026-11-23T11:20Z"),
    "an instant": ("2026-11-23T10:10Z", "2026-11-23T10:10:00.000001Z"),
    "ahead": ("2026-11-23T13:00Z", ""),
    "before everything": ("2026-11-01T00:00Z", "2026-11-02T00:00Z"),
}


def some_entries(count: int, *, seed: int) -> list[dict[str, Any]]:
    """Of a few days and many kinds; some an hour ahead, some on the very edge of an hour."""
    dice = random.Random(seed)
    found = []
    for number in range(count):
        at = NOW + timedelta(minutes=50) - timedelta(seconds=dice.random() ** 3 * 4 * 86400)
        if dice.random() < 0.1:
            at = at.replace(minute=0, second=0, microsecond=dice.choice([0, 1]))
        level = dice.choice(["DEBUG", "INFO", "INFO", "INFO", "WARN", "ERROR"])
        error = {
            "errorCode": dice.choice(["a", "b"]),
            "httpStatus": dice.choice([429, 500]),
            "recoverability": "RECOVERABLE",
        }
        found.append(
            entry(
                id=f"random-{seed}-{number}",
                timestamp=at,
                level=level,
                # Of other types only long ago: so "type is managed_sync" says nothing today, but something this week.
                type="workflow" if at < NOW - timedelta(days=2) and dice.random() < 0.5 else "managed_sync",
                syncEvent=dice.choice(["INCREMENTAL_SYNC_STARTED", "INCREMENTAL_SYNC_COMPLETED", "SYNC_RUN_ERROR"]),
                syncStatus=dice.choice(["ACTIVE", "IDLE", "ERRORED", None]),
                syncType=dice.choice(["INITIAL", "INCREMENTAL", None]),
                syncId=sync_id(dice.randrange(5)),
                traceId=f"trace-{dice.randrange(9)}",
                userId=f"acct_{dice.randrange(4)}",
                integration=dice.choice(["box", "box", "jira", "hubspot", "notion", None]),
                pipeline=dice.choice(["files", "mail", None]),
                message=dice.choice(["slow down", "all is well"]),
                error=error if level == "ERROR" else None,
            )
        )
    dice.shuffle(found)
    return found


@pytest.fixture
def filled(db: None) -> Project:
    """In batches out of order, the last one of entries that came before; another project has some too."""
    partitions.ensure(NOW.date() - timedelta(days=days) for days in range(-1, 6))
    project, made = factories.ProjectFactory(), some_entries(500, seed=1)
    for batch in (made[:300], made[300:450], made[450:], made[:50]):
        store(project, *batch, now=NOW)
    store(factories.ProjectFactory(), *some_entries(20, seed=2), now=NOW)
    return project


def filter_of(text: str, since: str = "24h", until: str = "") -> LogFilter:
    pairs = [part.split("=", 1) for part in text.split("&") if part]
    parameters = [(name, value.split(",")) for name, value in (*pairs, ("since", since), ("until", until)) if value]
    return LogFilter.parse(parameters, now=NOW)


def numbers_of(log_filter: LogFilter, project: Project, **more: Any) -> counting.Numbers:
    return counting.count(log_filter, project, bars=histogram.bars(log_filter, now=NOW), seconds=30, **more)


def by_hand(entries: Iterable[LogEntry], name: str) -> Counter[str]:
    values = (getattr(entry, name) for entry in entries)
    return Counter(str(value) for value in values if value not in (None, ""))


@pytest.mark.parametrize("text", FILTERS.values(), ids=FILTERS)
def test_numbers_are_those_of_the_rows(filled, text):
    """Every facet under all filters but its own, and bars that add up to the list."""
    for since, until in RANGES.values():
        log_filter = filter_of(text, since, until)
        numbers = numbers_of(log_filter, filled)
        everything = list(log_filter.entries(filled))
        for name in FACETS:
            rest = log_filter.without(name)
            rows = everything if rest.terms == log_filter.terms else rest.entries(filled)
            found = numbers.values[name]
            assert found is not None
            assert dict(found.counts) == by_hand(rows, name), (name, since, until)
            assert found.further == 0
        assert numbers.heights is not None
        same_as_the_rows(histogram.of(numbers.heights, numbers.bars, log_filter, now=NOW), log_filter, everything)


def same_as_the_rows(drawn: histogram.Histogram, log_filter: LogFilter, rows: list[LogEntry]) -> None:
    assert drawn.total == len(rows)
    assert (drawn.buckets[0].since, drawn.buckets[-1].until) == (log_filter.since, log_filter.until)
    assert all(one.until == two.since for one, two in pairwise(drawn.buckets))
    for bucket in drawn.buckets:
        end = bucket.until or datetime.max.replace(tzinfo=UTC)
        assert dict(bucket.levels) == Counter(row.level for row in rows if bucket.since <= row.occurred_at < end)
