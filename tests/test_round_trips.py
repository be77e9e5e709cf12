"""Database round trips of a batch, counted on the wire with the pool's checks, the key and the commit."""

import json
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from django.utils import timezone

from tests import server
from tests.factories import entry, sync_id
from tests.far_database import Line, far
from tests.server import Served, own_database

pytestmark = pytest.mark.slow
MOST, MOST_FOR_KNOWN = 8, 12


@pytest.fixture(scope="module")
def portal(tmp_path_factory) -> Iterator[tuple[Served, Line]]:
    with (
        own_database("trips") as url,
        far(url) as line,
        server.serve(tmp_path_factory.mktemp("trips"), database_url=line.url, workers=1, DATABASE_POOL="1") as served,
    ):
        served.push(b"[]")
        yield served, line


def batch(name: str, size: int, *, minutes: float = 0) -> bytes:
    at = timezone.now() - timedelta(minutes=10 - minutes)
    return json.dumps(
        [
            entry(
                id=f"{name}{number}",
                timestamp=at,
                syncId=sync_id(number),
                traceId=f"{name}{number}",
                userId=f"{number}",
            )
            for number in range(size)
        ]
    ).encode()


def trips(portal: tuple[Served, Line], body: bytes) -> tuple[int, int]:
    """How many entries were new, and how many round trips that took."""
    served, line = portal
    before = line.trips
    answer = served.push(body)
    assert answer.status == 200, answer.body
    return answer.json()["accepted"], line.most_since(before)


@pytest.mark.parametrize("size", [1, 1000])
def test_a_new_batch_waits_at_most_eight_times(portal, size):
    trips(portal, batch("first", 1))  # the day's partition is there
    accepted, waited = trips(portal, batch(f"new{size}-", size))
    assert accepted == size
    assert 3 <= waited <= MOST


def test_the_first_use_of_a_key_in_a_while_costs_no_more(portal):
    served, _ = portal
    with psycopg.connect(served.database_url, autocommit=True) as database:
        database.execute("UPDATE synclogs_apikey SET last_used_at = NULL")
        assert trips(portal, batch("again", 1))[1] <= MOST
        assert database.execute("SELECT count(last_used_at) FROM synclogs_apikey").fetchone() == (1,)


def test_entries_that_come_late_cost_no_more(portal):
    trips(portal, batch("now", 3, minutes=5))
    assert trips(portal, batch("late", 3, minutes=2))[1] <= MOST


def test_a_batch_of_which_some_is_known_waits_at_most_twelve_times(portal):
    known = json.loads(batch("known", 3))
    assert trips(portal, json.dumps(known).encode())[0] == 3
    assert trips(portal, json.dumps(known).encode())[1] <= MOST_FOR_KNOWN
    accepted, waited = trips(portal, json.dumps([*known, *json.loads(batch("more", 3))]).encode())
    assert accepted == 3
    assert waited <= MOST_FOR_KNOWN
