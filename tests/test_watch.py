"""Watching of re-enables: entries in any order and by differing clocks move attempts on; silence ends them, late entries correct that."""

import itertools
import json
import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synclogs import provider
from synclogs.access.actors import Actor
from synclogs.catalogue.recovery import OPEN, State
from synclogs.models import Project, Reenable, Role, Sync
from synclogs.recovery import reenable, watch
from tests import factories
from tests.reenabling import asks, moves, owners, requested, stopped

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0) - timedelta(hours=3)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
STARTED, COMPLETED, ERROR = "INCREMENTAL_SYNC_STARTED", "INCREMENTAL_SYNC_COMPLETED", "SYNC_RUN_ERROR"


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory()


def accepted(
    project: Project, sync: Sync | None = None, *, now: datetime = NOW, state: State = State.ACCEPTED
) -> Reenable:
    """Sent and answered at `now`."""
    sync = sync or stopped(project, at=now - 30 * MINUTE)
    attempt = requested(sync, now=now - SECOND)
    this = Reenable.objects.filter(pk=attempt.pk)
    this.update(sent_at=now)
    told = {"accepted_at": now, "watch_until": now + reenable.patience(attempt)}
    reenable.move(this, to=state, now=now, values={attempt.pk: told})
    return this.get()


def arrive(attempt: Reenable, event: str, seconds: float, *, after: float | None = None, **values: Any) -> str:
    """An entry of so many seconds after the call, which comes at once or `after` seconds; its key."""
    at = NOW + seconds * SECOND
    received = NOW + (seconds if after is None else after) * SECOND
    make = factories.error_entry if event in ("SYNC_RUN_ERROR", "sync_errored") else factories.entry
    usual = {"syncEvent": event, "timestamp": at, "syncId": str(attempt.sync_id), "userId": attempt.user_id}
    made = make(**{**usual, "syncType": None, **values})
    factories.store(attempt.project, made, now=received)
    return str(made["id"])


def look(attempt: Reenable, seconds: float) -> State:
    watch.observe(now=NOW + seconds * SECOND)
    return State(Reenable.objects.get(pk=attempt.pk).state)


def test_a_run_starts_and_completes(project: Project) -> None:
    attempt = accepted(project)
    assert look(attempt, 5) == State.ACCEPTED
    arrive(attempt, STARTED, 7)
    assert look(attempt, 10) == State.STARTED
    assert look(attempt, 20) == State.STARTED
    arrive(attempt, COMPLETED, 21)
    assert look(attempt, 30) == State.RECOVERED
    found = Reenable.objects.get()
    assert (found.started_at, found.ended_at) == (NOW + 7 * SECOND, NOW + 21 * SECOND)
    assert found.ended_key is not None
    assert moves(attempt) == [("requested", "accepted"), ("accepted", "started"), ("started", "recovered")]


@pytest.mark.parametrize(
    ("event", "values", "state"),
    [
        ("INCREMENTAL_SYNC_FAILED", {"syncStatus": "ERRORED"}, State.FAILED_AGAIN),
        ("INCREMENTAL_SYNC_FAILED", {"syncStatus": "ACTIVE"}, State.ACCEPTED),
        ("INCREMENTAL_SYNC_FAILED", {"syncStatus": "ERRORED", "level": "WARN"}, State.ACCEPTED),
        ("PERMISSION_SYNC_FAILED", {"syncStatus": "ERRORED"}, State.ACCEPTED),
        ("SYNC_WEBHOOK_FAILED", {"syncStatus": "ERRORED"}, State.ACCEPTED),
        ("SYNC_CREATION_FAILED", {"syncStatus": "ERRORED"}, State.ACCEPTED),
    ],
)
def test_an_event_that_nobody_documented_stops_a_sync_when_it_says_so(
    project: Project, event: str, values: dict[str, Any], state: State
) -> None:
    attempt = accepted(project)
    arrive(attempt, event, 20, **{"level": "ERROR", **values})
    assert look(attempt, 30) == state


@pytest.mark.parametrize(
    ("entries", "state"),
    [
        ([(COMPLETED, 20, 20)], State.RECOVERED),  # the start comes later or never
        ([(COMPLETED, 20, 20), (STARTED, 10, 25)], State.RECOVERED),
        ([(STARTED, 10, 10), (ERROR, 20, 20)], State.FAILED_AGAIN),
        ([(ERROR, 20, 20)], State.FAILED_AGAIN),
        ([("sync_errored", 20, 20)], State.FAILED_AGAIN),
        ([("sync_complete", 20, 20)], State.RECOVERED),
        ([("SYNC_RUN_RATE_LIMITED", 20, 20)], State.STARTED),
        # The earlier end decides, whichever comes first.
        ([(ERROR, 25, 25), (COMPLETED, 20, 28)], State.RECOVERED),
        ([(COMPLETED, 25, 25), (ERROR, 20, 28)], State.FAILED_AGAIN),
        ([(COMPLETED, 20, 20), (ERROR, 20, 20)], State.FAILED_AGAIN),
        # Clocks 90 s behind and a minute ahead.
        ([(STARTED, -89, 1)], State.STARTED),
        ([(STARTED, -89, 1), (COMPLETED, -80, 10)], State.RECOVERED),
        ([(STARTED, -89, 1), (ERROR, -80, 10)], State.FAILED_AGAIN),
        ([(STARTED, 61, 1), (COMPLETED, 80, 20)], State.RECOVERED),
        # Of before the call.
        ([(ERROR, -600, 10)], State.ACCEPTED),
        ([(ERROR, -10, -5)], State.ACCEPTED),
        ([(STARTED, -20, -15), (COMPLETED, -10, -5)], State.ACCEPTED),
        ([(COMPLETED, -3600, 10)], State.ACCEPTED),  # older than the error
        # No word about the data as a whole.
        ([("PERMISSION_SYNC_STARTED", 10, 10), ("PERMISSION_SYNC_COMPLETED", 20, 20)], State.ACCEPTED),
        ([("SYNC_WEBHOOK_FAILED", 10, 10), ("SYNC_RUN_WARNING", 20, 20), ("record_created", 21, 21)], State.ACCEPTED),
        ([("SYNC_CREATION_FAILED", 20, 20)], State.ACCEPTED),
    ],
)
@pytest.mark.parametrize("state_before", [State.ACCEPTED, State.UNKNOWN])
def test_what_entries_say(
    project: Project, entries: list[tuple[str, float, float]], state: State, state_before: State
) -> None:
    attempt = accepted(project, state=state_before)
    for event, seconds, received in entries:
        arrive(attempt, event, seconds, after=received)
    expected = state_before if state == State.ACCEPTED else state
    assert look(attempt, 30) == expected
    assert look(attempt, 40) == expected
    found = Reenable.objects.get()
    assert found.ended_at is None or found.ended_at <= NOW + 30 * SECOND


def test_another_sync_and_another_project_say_nothing(project: Project, settings: Any) -> None:
    elsewhere = factories.ProjectFactory()
    owners(settings, project, elsewhere)
    attempt, other = accepted(project), accepted(elsewhere)
    arrive(attempt, COMPLETED, 10, syncId=str(other.sync_id))
    arrive(other, COMPLETED, 10, syncId=str(attempt.sync_id))
    assert {look(attempt, 20), look(other, 20)} == {State.ACCEPTED}


def test_recovered_stays_recovered(project: Project) -> None:
    attempt = accepted(project)
    arrive(attempt, COMPLETED, 10)
    assert look(attempt, 20) == State.RECOVERED
    arrive(attempt, ERROR, 400)
    arrive(attempt, ERROR, 9, after=410)
    assert look(attempt, 500) == State.RECOVERED


def test_no_sign_of_life_and_a_late_one(project: Project) -> None:
    attempt = accepted(project)
    assert look(attempt, 599) == State.ACCEPTED
    assert look(attempt, 600) == State.NO_SIGN_OF_LIFE
    assert Reenable.objects.get().ended_at == NOW + 600 * SECOND
    arrive(attempt, STARTED, 30, after=700)
    assert look(attempt, 710) == State.STARTED
    assert Reenable.objects.get().ended_at is None
    # A run that never ends is given an hour, and is not started anew by the same entry.
    assert look(attempt, 710 + 3599) == State.STARTED
    assert look(attempt, 710 + 3600) == State.NO_SIGN_OF_LIFE
    assert look(attempt, 710 + 3610) == State.NO_SIGN_OF_LIFE
    arrive(attempt, COMPLETED, 50, after=5000)
    assert look(attempt, 5010) == State.RECOVERED
    assert len(moves(attempt)) == 5


def test_twice_the_usual_gap(project: Project) -> None:
    sync = stopped(project, at=NOW - 30 * MINUTE)
    Sync.objects.filter(pk=sync.pk).update(cadence_seconds=3600.0, duration_ms=1_200_000)
    attempt = accepted(project, sync)
    assert look(attempt, 7199) == State.ACCEPTED
    arrive(attempt, STARTED, 7000, after=7190)
    assert look(attempt, 7200) == State.STARTED
    # Two hours again, since five of its usual runs take less.
    assert Reenable.objects.get().watch_until == NOW + 14400 * SECOND


@pytest.mark.parametrize(
    ("cadence", "duration", "minutes"),
    [(None, None, 60), (60.0, 1_200_000, 100), (60.0, 10**15, 1440), (9000.0, 1, 300)],
)
def test_how_long_a_run_may_take(cadence: float | None, duration: int | None, minutes: int) -> None:
    sign = watch.Sign(uuid.uuid4(), NOW, None, None, None, cadence, duration)
    assert sign.columns(now=NOW) == {"started_at": NOW, "watch_until": NOW + minutes * MINUTE}


def test_a_silent_one_is_corrected_only_while_it_is_the_last(project: Project) -> None:
    attempt = accepted(project)
    assert look(attempt, 600) == State.NO_SIGN_OF_LIFE
    newer = accepted(project, Sync.objects.get(), now=NOW + 700 * SECOND)
    arrive(newer, STARTED, 710)
    arrive(newer, COMPLETED, 720)
    assert look(newer, 730) == State.RECOVERED
    assert look(attempt, 740) == State.NO_SIGN_OF_LIFE


def test_a_silent_one_is_not_watched_for_ever(project: Project) -> None:
    attempt = accepted(project)
    assert look(attempt, 600) == State.NO_SIGN_OF_LIFE
    assert watch.watched(now=NOW + 6 * DAY).exists()
    assert not watch.watched(now=NOW + 8 * DAY).exists()


def test_a_new_attempt_wins_over_one_that_comes_to_life(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should both happen at the same moment."""
    attempt = accepted(project)
    assert look(attempt, 600) == State.NO_SIGN_OF_LIFE
    arrive(attempt, STARTED, 30, after=700)
    signs = watch._signs

    def meanwhile(*args: Any) -> list[watch.Sign]:
        found = signs(*args)
        moment = NOW + 701 * SECOND
        Reenable.objects.create(
            project=project, sync_id=attempt.sync_id, requested_at=moment, expires_at=moment, reason="r"
        )
        return found

    monkeypatch.setattr(watch, "_signs", meanwhile)
    assert look(attempt, 702) == State.NO_SIGN_OF_LIFE
    with pytest.raises(IntegrityError):
        reenable.move(Reenable.objects.filter(pk=attempt.pk), to=State.STARTED, now=NOW)


def test_with_nothing_to_watch_one_small_question_is_asked(project: Project) -> None:
    requested(stopped(project))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        watch.observe(now=timezone.now())
    assert not [query for query in queries if "logentry" in query["sql"]]


# Random orders

EVENTS = st.sampled_from([STARTED, COMPLETED, ERROR, "PERMISSION_SYNC_COMPLETED", "SYNC_RUN_RATE_LIMITED"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("entry"), EVENTS, st.integers(-7200, 300)),
        st.tuples(st.just("observe"), st.integers(1, 1200), st.none()),
        st.tuples(st.just("settle"), st.integers(1, 120), st.sampled_from(["", "ERRORED", "IDLE", "down"])),
        st.tuples(
            st.just("call"), st.sampled_from(["yes", "no", "temporary", "permanent", "unknown", "dies"]), st.none()
        ),
        st.tuples(st.just("request"), st.integers(0, 100), st.none()),
    ),
    max_size=14,
)


class Fickle:
    """A provider of which each answer is told beforehand."""

    said, status_said, posted = "yes", "", 0

    def credentials(self, user: str) -> None:
        return None

    def status(self, *_: object) -> provider.SyncState | None:
        if self.status_said == "down":
            raise provider.Temporary("It is away.")
        return provider.SyncState(self.status_said) if self.status_said else None

    def reenable(self, *_: object, attempt: uuid.UUID, **__: object) -> provider.Reply:
        type(self).posted += 1
        match self.said:
            case "temporary":
                raise provider.Temporary("It is away.")
            case "permanent":
                raise provider.Permanent("It is gone.", status=404)
            case "unknown":
                raise provider.Unknown("It said nothing.")
            case "dies":
                raise SystemExit
        return provider.Reply(self.said == "yes")


class World:
    """A sync, the provider, and a clock that only goes forward."""

    def __init__(self) -> None:
        self.now, self.project = NOW, factories.ProjectFactory()
        self.sync = stopped(self.project, at=NOW - 30 * MINUTE)
        self.person = Actor(factories.member(self.project, Role.LEAD), "", Role.LEAD)
        Fickle.posted = 0

    def attempts(self) -> list[Reenable]:
        return list(Reenable.objects.of(self.project).order_by("requested_at"))

    def entry(self, event: str, seconds: int) -> None:
        at = self.now + seconds * SECOND
        make = factories.error_entry if event == ERROR else factories.entry
        about = {"syncId": str(self.sync.sync_id), "userId": self.sync.user_id, "syncType": None}
        factories.store(self.project, make(syncEvent=event, timestamp=at, **about), now=self.now)

    def observe(self, seconds: int, _: None = None) -> None:
        self.now += seconds * SECOND
        watch.observe(now=self.now)

    def settle(self, seconds: int, status: str) -> None:
        self.now += seconds * SECOND
        Fickle.status_said = status
        reenable.settle(now=self.now)

    def call(self, said: str, _: None) -> None:
        Fickle.said = said
        for attempt in self.attempts():
            with suppress(SystemExit):
                reenable.call(attempt.pk, now=self.now)

    def request(self, seconds: int, _: None = None) -> None:
        self.now += seconds * SECOND
        with suppress(reenable.NotEligible):
            requested(Sync.objects.get(pk=self.sync.pk), actor=self.person, now=self.now)

    def end(self) -> None:
        """Nothing is heard any more, neither of the sync nor of the provider."""
        for _ in range(60):
            self.observe(1800)
            self.settle(1, "down")
            if not any(attempt.is_open for attempt in self.attempts()):
                return


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_order_stays_in_the_table_and_comes_to_an_end(
    monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, Any, Any]]
) -> None:
    asks(monkeypatch, Fickle)
    world = World()
    world.request(0)
    for name, first, second in steps:
        getattr(world, name)(first, second)
        assert sum(attempt.is_open for attempt in world.attempts()) <= 1
    world.end()
    for attempt in world.attempts():
        assert attempt.state not in OPEN
        assert attempt.ended_at is not None
        path = ["requested", *[to for _, to in moves(attempt)]]
        assert [before for before, _ in moves(attempt)] == path[:-1]
        assert path[-1] == attempt.state
        assert all(State(to) in reenable.TRANSITIONS[State(before)] for before, to in moves(attempt))
    assert Fickle.posted == sum(attempt.sent_at is not None for attempt in world.attempts())


# Speed


@pytest.mark.slow
def test_a_thousand_attempts_are_looked_at_by_the_index_alone(project: Project) -> None:
    """The index of a sync's entries, and a few pages of it for each attempt."""
    names = [str(uuid.UUID(int=number + 1)) for number in range(1000)]
    at = NOW - 30 * MINUTE
    noise = [
        factories.entry(
            syncId=name, userId="u", timestamp=NOW + number * SECOND, syncEvent=event, id=f"{name[-4:]}-{number}"
        )
        for name in names
        for number, event in enumerate(["SYNC_RUN_WARNING", "record_created", *["record_updated"] * 18])
    ]
    for part in itertools.batched(noise, 10_000):
        factories.store(project, *part, now=NOW + MINUTE)
    Reenable.objects.bulk_create(
        Reenable(
            project=project, sync_id=name, state=State.ACCEPTED, reason="r", requested_at=NOW, expires_at=NOW,
            error_at=at, sent_at=NOW, accepted_at=NOW, watch_until=NOW + DAY,
        )
        for name in names
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE synclogs_logentry")
        cursor.execute("ANALYZE synclogs_reenable")
        plan = explained(cursor)
    scans = [node for node in nodes(plan) if "logentry" in node.get("Relation Name", "")]
    assert scans
    for node in scans:
        assert node["Node Type"] == "Index Scan"
        assert "sync_id_occurred_at" in node["Index Name"]
        assert all(column in node["Index Cond"] for column in ("project_id", "sync_id", "occurred_at"))
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 40 * len(names)


def explained(cursor: Any) -> dict[str, Any]:
    sent = dict.fromkeys(Reenable.objects.values_list("pk", flat=True), NOW)
    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {watch.SIGNS}", watch.parameters(sent))
    ((told,),) = cursor.fetchall()
    found: dict[str, Any] = (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
    return found


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(found for part in plan.get("Plans", []) for found in nodes(part))]
