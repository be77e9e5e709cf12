"""Generated entries: the exact number, the same for a seed, in order, accepted by the parser, with every scenario."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import msgspec
import pytest

from synclogs.catalogue import EVENTS
from synclogs.demo.generate import default_users, generate, live, people
from synclogs.demo.generate.pace import Curve
from synclogs.demo.generate.world import CADENCES, INTEGRATIONS, NAMESPACE, Story, World, build
from synclogs.parsing import records

NOW = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)
DEMO = {"seed": 1, "entries": 24_000, "days": 7, "users": 45}


def moment(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["timestamp"])


@pytest.fixture(scope="module")
def demo() -> list[dict[str, Any]]:
    return list(generate(**DEMO, now=NOW))


@pytest.fixture(scope="module")
def world() -> World:
    return build(**DEMO)


@pytest.fixture(scope="module")
def by_sync(demo: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for entry in demo:
        if entry.get("syncId"):
            found[entry["syncId"]].append(entry)
    return found


@pytest.mark.parametrize(
    ("entries", "days", "users"),
    [(1, 1, 3), (10, 7, 45), (250, 30, 45), (999, 7, 1), (1000, 7, 45), (5000, 2, None), (7001, 0.5, 45)],
)
def test_exactly_so_many_in_the_order_of_time(entries: int, days: float, users: int | None) -> None:
    made = list(generate(seed=3, entries=entries, days=days, users=users, now=NOW))
    moments = [moment(entry) for entry in made]
    assert len(made) == entries
    assert all(earlier <= later for earlier, later in pairwise(moments))
    assert moments[0] >= NOW - timedelta(days=days, milliseconds=1)
    assert moments[-1] <= NOW


def test_the_same_for_the_same_arguments() -> None:
    def first(seed: int) -> list[dict[str, Any]]:
        return list(islice(generate(seed=seed, entries=20_000, days=7, users=45, now=NOW), 300))

    assert first(5) == first(5)
    assert first(5) != first(6)


def test_every_entry_is_taken_as_it_is(demo: list[dict[str, Any]]) -> None:
    lines = [msgspec.json.encode(entry) for entry in demo]
    for start in range(0, len(lines), 5000):
        reading = records.read_lines(b"\n".join(lines[start : start + 5000]), now=NOW)
        assert reading.refusals == []
        assert reading.sanitized == 0
    assert len({entry["id"] for entry in demo}) == len(demo)


def test_shares_of_levels_and_types(demo: list[dict[str, Any]]) -> None:
    levels = Counter(entry["level"] for entry in demo)
    assert levels["INFO"] / len(demo) == pytest.approx(0.92, abs=0.01)
    assert levels["WARN"] / len(demo) == pytest.approx(0.06, abs=0.007)
    assert levels["ERROR"] / len(demo) == pytest.approx(0.02, abs=0.004)
    types = Counter(entry["type"] for entry in demo)
    assert types["managed_sync"] > 0.85 * len(demo)
    assert min(types["workflow"], types["actionkit"]) > 0.01 * len(demo)


def test_the_demo_is_as_large_as_promised(demo: list[dict[str, Any]]) -> None:
    users = {entry.get("userId", entry.get("endUserId")) for entry in demo}
    assert len(users) >= 40
    assert {entry.get("integration") for entry in demo} >= set(INTEGRATIONS)
    assert len(INTEGRATIONS) >= 12
    assert {entry["timestamp"][:10] for entry in demo} >= {f"2026-04-{day}" for day in (28, 29, 30)}
    busiest = Counter(entry["integration"] for entry in demo if "integration" in entry).most_common()
    assert busiest[0][1] > 5 * busiest[-1][1]


def test_some_events_and_keys_are_unknown(demo: list[dict[str, Any]]) -> None:
    events = {entry.get("syncEvent") for entry in demo} - {None}
    assert events - set(EVENTS) >= {"SYNC_CURSOR_RESET", "PERMISSION_SYNC_STARTED", "SYNC_DISABLED"}
    assert sum("worker" in entry for entry in demo) > 1000


def test_runs_share_a_trace(demo: list[dict[str, Any]]) -> None:
    traces = defaultdict(list)
    for entry in demo:
        if entry["type"] == "managed_sync" and "traceId" in entry:
            traces[entry["traceId"]].append(entry)
    ended = 0
    for entries in traces.values():
        assert len({entry["syncId"] for entry in entries}) == 1
        assert entries[0]["syncEvent"].endswith(("_STARTED", "SYNC_DISABLED"))
        ended += entries[-1]["syncEvent"].endswith("_COMPLETED")
    assert ended > 0.9 * len(traces)


def told(world: World, story: Story) -> list[str]:
    found = [plan.sync_id for plan in world.plans if plan.story == story]
    assert found
    return found


ENDINGS = {
    Story.SUSPENDED: ("SYNC_RUN_ERROR", "ERRORED", 503, "", 47.5),
    Story.EXPIRED: ("SYNC_RUN_ERROR", "ERRORED", 401, "", 26),
    Story.LIMITED: ("SYNC_RUN_RATE_LIMITED", "RATE_LIMITED", 429, "", 1),
    Story.STUCK: ("INCREMENTAL_SYNC_STARTED", "ACTIVE", None, "", 20),
    Story.SILENT: ("INCREMENTAL_SYNC_COMPLETED", "IDLE", None, "", 9),
    Story.ROOT_GONE: ("SYNC_RUN_ERROR", "ERRORED", 404, "10007", 56),
    Story.PAUSED: ("SYNC_DISABLED", "DISABLED", None, "", 50),
    Story.FIRST_RUN: ("INITIAL_SYNC_STARTED", "INITIALIZING", None, "", 0.58),
}


@pytest.mark.parametrize("story", ENDINGS)
def test_how_a_story_ends(story: Story, world: World, by_sync: dict[str, list[dict[str, Any]]]) -> None:
    event, status, http_status, code, hours = ENDINGS[story]
    for sync_id in told(world, story):
        last = by_sync[sync_id][-1]
        error = last.get("error", {})
        assert (last["syncEvent"], last["syncStatus"]) == (event, status)
        assert error.get("httpStatus") == http_status
        if code:
            assert error["errorCode"] == code
        silent_for = (NOW - moment(last)) / timedelta(hours=1)
        assert 0 <= silent_for <= hours + 0.1
        assert silent_for > hours * 0.8 or story is Story.LIMITED


def test_outage_comes_and_goes(world: World, by_sync: dict[str, list[dict[str, Any]]]) -> None:
    begun, over = NOW - timedelta(days=2), NOW - timedelta(days=2) + timedelta(hours=4)
    failed = recovered = 0
    for sync_id in told(world, Story.OUTAGE):
        during = [entry for entry in by_sync[sync_id] if begun <= moment(entry) < over]
        failed += sum(entry["syncEvent"] == "SYNC_RUN_ERROR" for entry in during)
        recovered += by_sync[sync_id][-1]["syncStatus"] != "ERRORED"
        assert not [
            entry
            for entry in during
            if entry["syncEvent"].endswith("_COMPLETED") and moment(entry) > begun + timedelta(minutes=45)
        ]
    assert failed >= 6
    assert recovered >= 0.8 * len(told(world, Story.OUTAGE))


def test_webhooks_fail_for_one_user_while_data_syncs(world: World, demo: list[dict[str, Any]]) -> None:
    failing = [entry for entry in demo if entry.get("syncEvent") == "SYNC_WEBHOOK_FAILED"]
    assert {entry["syncId"] for entry in failing} <= set(told(world, Story.WEBHOOK))
    assert len({entry["userId"] for entry in failing}) == 1
    assert (
        Counter(entry["level"] for entry in failing)["WARN"] > Counter(entry["level"] for entry in failing)["ERROR"] > 0
    )
    assert {entry["syncStatus"] for entry in failing} == {"IDLE"}


def test_nothing_else_looks_like_a_story(world: World, by_sync: dict[str, list[dict[str, Any]]]) -> None:
    """Few syncs of the demo without a story may be in trouble at its end: the stories are what is to be seen."""
    silent = errored = 0
    steady = [plan for plan in world.plans if plan.story in (Story.NONE, Story.OUTAGE)]
    for plan in steady:
        last = by_sync[plan.sync_id][-1]
        late = NOW - moment(last) > 2 * timedelta(seconds=plan.cadence) + timedelta(minutes=10)
        errored += last.get("syncStatus") == "ERRORED"
        silent += late and last.get("syncStatus") == "IDLE"
    assert silent <= 1
    assert errored <= 5


def test_creation_failures_have_no_sync(demo: list[dict[str, Any]]) -> None:
    failed = [entry for entry in demo if entry.get("syncEvent") == "SYNC_CREATION_FAILED"]
    assert failed
    assert not [entry for entry in failed if "syncId" in entry]


def test_retries_announce_the_next_attempt(demo: list[dict[str, Any]]) -> None:
    nested = flat = 0
    for entry in demo:
        if entry.get("syncEvent") in ("SYNC_RUN_WARNING", "SYNC_RUN_RATE_LIMITED"):
            error = entry["error"]
            retry = error.get("retry", error)
            nested += "retry" in error
            flat += "retry" not in error
            due = datetime.fromisoformat(retry["nextRetryAt"])
            assert due - moment(entry) == pytest.approx(
                timedelta(milliseconds=retry["backoffMs"]), abs=timedelta(milliseconds=2)
            )
            assert 1 <= retry["attempt"] <= retry["maxAttempts"]
    assert nested
    assert flat


def test_world_fits_its_entries(world: World) -> None:
    assert {plan.cadence for plan in world.plans} <= set(CADENCES)
    assert len({plan.cadence for plan in world.plans}) >= 5
    assert len({plan.sync_id for plan in world.plans}) == len(world.plans)
    assert all(plan.sync_id[14] == "5" for plan in world.plans)
    assert NAMESPACE.version == 5


def test_a_large_world_needs_more_syncs() -> None:
    large = build(seed=1, users=45, entries=5_000_000, days=7)
    assert len(large.plans) > 400
    assert default_users(10_000_000) == 4000
    assert default_users(100) == 45


def test_people_are_whole_and_different() -> None:
    found = people(seed=1, users=1200)
    assert len({person.user_id for person in found}) == 1200
    assert len({person.company for person in found}) == 1200
    assert all(person.email.endswith(".example") and " " not in person.email for person in found)
    assert people(seed=1, users=45) == build(**DEMO).people


def test_curve_follows_syncs_that_come_and_go() -> None:
    curve = Curve([(0, 100, 1.0), (50, 100, 2.0)], entries=200)
    assert curve.expected(0) == 0
    assert curve.expected(50) == 50
    assert curve.expected(75) == pytest.approx(125)
    assert curve.expected(100) == pytest.approx(200)


# Live


@pytest.fixture(scope="module")
def lively() -> list[tuple[datetime, dict[str, Any]]]:
    return list(islice(live(**DEMO, now=NOW), 6000))


def test_live_goes_on_with_the_same_syncs(lively: list[tuple[datetime, dict[str, Any]]], world: World) -> None:
    known = {plan.sync_id for plan in world.plans}
    assert {entry["syncId"] for _, entry in lively if "syncId" in entry} <= known
    ended = set(told(world, Story.STUCK) + told(world, Story.SILENT) + told(world, Story.EXPIRED))
    assert not [entry for _, entry in lively if entry.get("syncId") in ended]


def test_live_has_its_pace(lively: list[tuple[datetime, dict[str, Any]]]) -> None:
    assert all(earlier[0] <= later[0] for earlier, later in pairwise(lively))
    assert lively[0][0] >= NOW
    per_second = len(lively) / (lively[-1][0] - NOW).total_seconds()
    assert 0.2 <= per_second <= 0.5
    assert all(abs(due - moment(entry)) < timedelta(milliseconds=1) for due, entry in lively)


def test_live_has_trouble_too(lively: list[tuple[datetime, dict[str, Any]]], world: World) -> None:
    levels = Counter(entry["level"] for _, entry in lively)
    assert 0.02 < levels["WARN"] / len(lively) < 0.12
    assert 0.005 < levels["ERROR"] / len(lively) < 0.05
    limited = [entry for _, entry in lively if entry.get("syncId") in told(world, Story.LIMITED)]
    assert {entry["syncEvent"] for entry in limited} <= {"SYNC_RUN_RATE_LIMITED"}


def test_live_entries_are_taken(lively: list[tuple[datetime, dict[str, Any]]]) -> None:
    body = b"\n".join(msgspec.json.encode(entry) for _, entry in lively)
    assert records.read_lines(body, now=NOW).refusals == []
