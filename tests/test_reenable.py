"""Re-enables: one confirmed click is at most one POST; every change of state is in the table and in the audit."""

import importlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from synclogs import jobs as work
from synclogs import provider
from synclogs.access import audit
from synclogs.access.actors import Actor, NotAllowed, Refused
from synclogs.catalogue.recovery import OPEN, CheckName, Evidence, State
from synclogs.demo.simulator import Mode, Simulator
from synclogs.demo.simulator.state import Rule
from synclogs.models import Action, AuditEvent, Bulk, Project, Reenable, Role, Sync
from synclogs.recovery import checks, evidence, ownership, reenable, watch
from synclogs.recovery.reenable import NotEligible
from tests import factories
from tests.provider import calls
from tests.reenabling import actor, asks, jobs, moves, posts, provided, requested, sent, stopped
from tests.server import wait

pytestmark = pytest.mark.django_db
REASON = "The customer has connected the account again."
SECOND = timedelta(seconds=1)


@pytest.fixture
def project(db: None) -> Project:
    return factories.ProjectFactory()


@pytest.fixture
def simulator(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with provided(settings, monkeypatch) as running:
        yield running


def fail_with(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def again(attempt: Reenable) -> Reenable:
    return Reenable.objects.get(pk=attempt.pk)


def called(attempt: Reenable) -> Reenable:
    reenable.call(attempt.pk, now=timezone.now())
    return again(attempt)


# The table


def test_the_table_knows_every_state_and_nothing_leaves_an_end() -> None:
    assert set(reenable.TRANSITIONS) == set(State)
    for state, after in reenable.TRANSITIONS.items():
        assert state not in after
        assert bool(after) or state not in OPEN
    assert all(after for state, after in reenable.TRANSITIONS.items() if state in OPEN)
    assert reenable.SOURCES[State.REQUESTED] == frozenset()


@pytest.mark.parametrize("source", list(State))
def test_only_what_the_table_says_moves(project: Project, source: State) -> None:
    now = timezone.now()
    for to in State:
        attempt = requested(stopped(project))
        Reenable.objects.filter(pk=attempt.pk).update(state=source)
        moved = reenable.move(Reenable.objects.filter(pk=attempt.pk), to=to, now=now)
        assert moved == (to in reenable.TRANSITIONS[source])
        found = again(attempt)
        assert found.state == (to if moved else source)
        assert moves(attempt) == ([(source, to)] if moved else [])
        if moved:
            assert (found.ended_at is None) == (to in OPEN)
        found.delete()


# The click


def test_a_request_is_a_row_a_job_and_a_line_in_the_audit(project: Project, simulator: Simulator) -> None:
    sync, now, person = stopped(project, simulator), timezone.now(), actor(project)
    attempt = reenable.request(sync, actor=person, reason=f"  {REASON}\x00 ", now=now)
    found = again(attempt)
    assert (found.state, found.sync_id, found.user_id, found.error_at) == (
        State.REQUESTED,
        sync.sync_id,
        sync.user_id,
        sync.last_error_at,
    )
    assert (found.error_code, found.is_override, found.requested_by) == ("invalid_grant", False, person.user)
    assert found.reason.startswith(REASON)
    assert all(check["passed"] for check in found.evidence)
    assert jobs() == [{"attempt": str(attempt.pk)}]
    row = AuditEvent.objects.get(action=Action.REENABLE_REQUESTED)
    assert (row.actor, row.address, row.request_id, row.project) == (
        person.user,
        person.address,
        person.request_id,
        project,
    )
    assert row.reason == found.reason
    assert row.after == {"attempt": str(attempt.pk), "state": "requested", "override": False, "failed": []}
    assert posts(simulator, sync) == 0


def test_the_worker_knows_the_jobs_and_looks_every_ten_seconds() -> None:
    importlib.import_module("synclogs.jobs")
    assert reenable.CALL in app.tasks
    periodic = app.periodic_registry.periodic_tasks["synclogs.jobs.watch_reenables", ""]
    ticks = periodic.croniter.all_next(start_time=0.0)
    assert [next(ticks) for _ in range(7)] == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]


@pytest.mark.parametrize("connector", ["web", "worker"])
def test_row_and_job_vanish_together(project: Project, connector: str) -> None:
    """Also within a worker, where procrastinate itself has connections of its own."""
    sync = stopped(project)
    usual: Any = app.connector
    own = usual.get_worker_connector() if connector == "worker" else usual
    with app.replace_connector(own), transaction.atomic():
        requested(sync)
        assert len(jobs()) == 1
        transaction.set_rollback(True)
    assert jobs() == []
    assert not Reenable.objects.exists()
    assert not AuditEvent.objects.filter(action=Action.REENABLE_REQUESTED).exists()


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 2001])
def test_a_reason_is_needed(project: Project, reason: str) -> None:
    with pytest.raises(Refused):
        requested(stopped(project), reason=reason)


@pytest.mark.parametrize(
    ("role", "override"), [(Role.VIEWER, False), (Role.VIEWER, True), (Role.OPERATOR, True)], ids=str
)
def test_the_role_has_to_reach(project: Project, role: Role, override: bool) -> None:
    with pytest.raises(NotAllowed):
        requested(stopped(project), actor=actor(project, role), override=override)
    assert jobs() == []


def failed(error: pytest.ExceptionInfo[NotEligible]) -> set[CheckName]:
    return {check.name for check in error.value.evidence.failed}


def test_what_stands_in_the_way_is_told(project: Project, simulator: Simulator) -> None:
    sync = stopped(project, simulator)
    simulator.memory.rule(sync.sync_id, Rule(Mode.CREDENTIAL_BROKEN))
    with pytest.raises(NotEligible) as error:
        requested(sync, override=False)
    assert failed(error) == {CheckName.CAUSE_GONE}
    assert requested(sync).is_override
    with pytest.raises(NotEligible, match="none_in_flight") as error:
        requested(sync)
    assert CheckName.NONE_IN_FLIGHT in failed(error)


def test_the_checks_are_made_again_under_the_lock(
    project: Project, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happens between the first look and the lock counts; what the provider said is not asked again."""
    sync, gather = stopped(project, simulator), evidence.gather
    between: list[Callable[[], object]] = [
        lambda: factories.store(
            project, factories.error_entry(syncId=str(sync.sync_id), userId=sync.user_id, error={"errorCode": "10007"})
        ),
        lambda: requested(Sync.objects.get(pk=sync.pk)),
    ]

    def meanwhile(*args: Any, ask_provider: bool, **more: Any) -> Evidence:
        if ask_provider:
            found = gather(*args, ask_provider=True, **more)
            monkeypatch.setattr(evidence, "gather", gather)
            happens()
            monkeypatch.setattr(evidence, "gather", meanwhile)
            return found
        assert connection.in_atomic_block
        return gather(*args, ask_provider=False, **more)

    monkeypatch.setattr(evidence, "gather", meanwhile)
    happens: Callable[[], object] = list
    attempt = requested(sync, override=False)
    assert calls(simulator, "/sdk/me", "GET") == 1
    attempt.delete()
    for happens in between:  # noqa: B007 (called by `meanwhile`)
        with pytest.raises(NotEligible) as error:
            requested(sync, override=False)
        assert failed(error) & {CheckName.CURABLE, CheckName.NONE_IN_FLIGHT}


def test_a_newer_error_takes_back_what_the_provider_said(
    project: Project, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account is valid and answers the error that was looked at; of one that came before the lock nobody has said so."""
    sync, gather = stopped(project, simulator), evidence.gather

    def meanwhile(*args: Any, ask_provider: bool, **more: Any) -> Evidence:
        found = gather(*args, ask_provider=ask_provider, **more)
        if ask_provider:
            assert found.is_green
            factories.store(project, factories.error_entry(syncId=str(sync.sync_id), userId=sync.user_id))
        return found

    monkeypatch.setattr(evidence, "gather", meanwhile)
    with pytest.raises(NotEligible) as error:
        requested(sync, override=False)
    assert failed(error) == {CheckName.CAUSE_GONE}
    assert not Reenable.objects.exists()


def test_the_last_door_is_the_database(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = stopped(project)
    gather = evidence.gather
    attempt = requested(sync)

    def blind(*args: Any, **more: Any) -> Evidence:
        return Evidence(tuple(replace(check, passed=True) for check in gather(*args, **more).checks))

    monkeypatch.setattr(evidence, "gather", blind)
    with pytest.raises(NotEligible):
        requested(sync)
    assert list(Reenable.objects.values_list("pk", flat=True)) == [attempt.pk]
    assert len(jobs()) == 1
    # Only that door is meant.
    monkeypatch.setattr(audit, "record", fail_with(IntegrityError("another constraint")))
    with pytest.raises(IntegrityError, match="another"):
        requested(stopped(project))


def a_bulk(project: Project) -> Bulk:
    return Bulk.objects.create(
        project=project,
        state="canary",
        reason=REASON,
        canary_size=1,
        wave_size=1,
        per_minute=1,
        created_at=timezone.now(),
    )


def test_a_bulk_asks_no_provider_and_has_its_own_pace(
    project: Project, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "RATE", 0)
    sync, bulk = stopped(project, simulator), a_bulk(project)
    assert requested(sync, bulk=bulk).bulk == bulk
    assert calls(simulator, "", "GET") == 0
    with pytest.raises(NotEligible, match="rate"):
        requested(stopped(project, simulator))


def test_a_paused_sync_answers_no_error(project: Project) -> None:
    sync = stopped(project, at=timezone.now() - timedelta(days=3))
    factories.store(project, factories.entry(syncId=str(sync.sync_id), syncStatus="DISABLED", userId=sync.user_id))
    attempt = requested(Sync.objects.get(pk=sync.pk))
    assert (attempt.error_at, attempt.error_code) == (None, "")


@pytest.mark.django_db(transaction=True)
def test_twenty_clicks_at_once_are_one_call(project: Project, simulator: Simulator) -> None:
    sync, person, now = stopped(project, simulator), actor(project), timezone.now()
    gate = threading.Barrier(20)

    def click(_: int) -> bool:
        gate.wait()
        try:
            reenable.request(Sync.objects.get(pk=sync.pk), actor=person, reason=REASON, now=now)
        except NotEligible:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(click, range(20))) == 1
    assert len(jobs()) == 1
    attempt = Reenable.objects.get()
    gate = threading.Barrier(4)

    def send(_: int) -> None:
        gate.wait()
        reenable.call(attempt.pk, now=now)
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(4)))
    assert posts(simulator, sync) == 1
    assert moves(attempt) == [("requested", "accepted")]


def test_a_worker_that_comes_second_sends_nothing(
    project: Project, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have found the attempt unsent, and the other one was the first to write that it sends."""
    sync = stopped(project, simulator)
    attempt = requested(sync)

    def meanwhile(_: Project) -> None:
        assert Reenable.objects.filter(pk=attempt.pk, sent_at=None).update(sent_at=timezone.now())

    monkeypatch.setattr(ownership, "what_is_missing", meanwhile)
    assert called(attempt).state == State.REQUESTED
    assert posts(simulator, sync) == 0


@pytest.mark.django_db(transaction=True)
def test_what_is_being_written_about_the_sync_is_waited_for(project: Project, simulator: Simulator) -> None:
    """An entry that is about to be committed says that the sync runs again: the click does not judge by what was before it."""
    sync, person, now = stopped(project, simulator), actor(project), timezone.now()

    def click() -> set[CheckName]:
        try:
            reenable.request(Sync.objects.get(pk=sync.pk), actor=person, reason=REASON, now=now)
        except NotEligible as error:
            return {check.name for check in error.evidence.failed}
        finally:
            connection.close()
        return set()

    def is_waited_for() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            return bool(cursor.fetchone()[0])

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            factories.store(project, factories.entry(syncId=str(sync.sync_id), userId=sync.user_id))
            done = pool.submit(click)
            wait(lambda: done.done() or is_waited_for())
        assert CheckName.STOPPED in done.result()
    assert not Reenable.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_key", [False, True])
def test_many_clicks_at_once_keep_the_limit_of_a_person_or_key(
    project: Project, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, is_key: bool
) -> None:
    monkeypatch.setattr(checks, "RATE", 2)
    who = Actor(None, "key of the ticket system", Role.OPERATOR) if is_key else actor(project)
    syncs = [stopped(project, simulator) for _ in range(8)]
    now, gate = timezone.now(), threading.Barrier(8)

    def click(sync: Sync) -> str:
        gate.wait()
        try:
            reenable.request(sync, actor=who, reason=REASON, now=now)
        except NotEligible as error:
            return str(error)
        finally:
            connection.close()
        return "made"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(click, syncs)) == [*["made"] * 2, *["rate"] * 6]


# The one call


def test_accepted(project: Project, simulator: Simulator) -> None:
    now = timezone.now()
    sync = stopped(project, simulator)
    attempt = sent(sync, now=now)
    assert (attempt.state, attempt.sent_at, attempt.http_status) == (State.ACCEPTED, now, None)
    assert attempt.accepted_at == attempt.answered_at
    assert attempt.accepted_at is not None
    assert attempt.watch_until == attempt.accepted_at + timedelta(minutes=10)
    assert now < attempt.accepted_at < now + 5 * SECOND
    reenable.call(attempt.pk, now=now)
    assert posts(simulator, sync) == 1
    assert moves(attempt) == [("requested", "accepted")]


def test_a_slow_sync_is_watched_for_twice_its_usual_gap(project: Project, simulator: Simulator) -> None:
    sync = stopped(project, simulator)
    Sync.objects.filter(pk=sync.pk).update(cadence_seconds=3600.0)
    attempt = sent(sync)
    assert attempt.accepted_at is not None
    assert attempt.watch_until == attempt.accepted_at + timedelta(hours=2)


@pytest.mark.parametrize(
    ("mode", "state", "status", "words"),
    [
        (Mode.UNAUTHORIZED, State.REFUSED, 401, "did not accept our signature"),
        (Mode.NOT_FOUND, State.REFUSED, 404, "It said: “Sync not found”"),
        (Mode.RATE_LIMITED, State.REFUSED, 429, "Nothing was done. It said: “Too many requests”"),
        (Mode.SERVER_ERROR, State.UNKNOWN, 500, "may have been done"),
        (Mode.REDIRECT, State.UNKNOWN, 302, "sent us to another address"),
        (Mode.HTML, State.UNKNOWN, 200, "It said: “<!doctype html><script>"),
        (Mode.BAD_JSON, State.UNKNOWN, None, ""),
        (Mode.HANG, State.UNKNOWN, None, "did not answer in time"),
        (Mode.TIMEOUT_AFTER_DOING, State.UNKNOWN, None, "did not answer in time"),
    ],
)
def test_what_the_provider_answers(
    project: Project, simulator: Simulator, mode: Mode, state: State, status: int | None, words: str
) -> None:
    sync = stopped(project, simulator)
    simulator.memory.rule(sync.sync_id, Rule(mode, only="POST"))
    attempt = sent(sync)
    assert attempt.state == state
    assert words in attempt.answer
    assert "\x00" not in attempt.answer
    assert status in (None, attempt.http_status)
    assert (attempt.answered_at is None) == (state == State.UNKNOWN)
    assert (attempt.watch_until is None) == (state == State.REFUSED)
    reenable.call(attempt.pk, now=timezone.now())
    assert posts(simulator, sync) == 1
    assert moves(attempt) == [("requested", state)]


def test_nothing_was_sent_is_said_so(project: Project, simulator: Simulator, settings: Any) -> None:
    """Also when the settings changed after the click."""
    away, wrong, other, none = (requested(stopped(project, simulator)) for _ in range(4))
    settings.PROVIDER_SYNC_URL = "http://127.0.0.1:1"
    away = called(away)
    settings.PROVIDER_PROJECT = ""
    wrong = called(wrong)
    settings.PROVIDER_PROJECT, settings.PROVIDER_FOR = "p", ["elsewhere"]
    other = called(other)
    settings.PROVIDER = "none"
    none = called(none)
    assert {away.state, wrong.state, other.state, none.state} == {State.REFUSED}
    assert away.answer == "The provider cannot be reached. Nothing was sent."
    assert "PROVIDER_PROJECT" in wrong.answer
    assert none.answer == "No provider is set up for this project, so nobody can be asked. Nothing was sent."
    assert other.answer.startswith("The syncs of the provider belong to another project of this portal")
    assert other.answer.endswith("Nothing was sent.")
    # What was not even tried was not sent.
    assert (wrong.sent_at, other.sent_at, none.sent_at) == (None, None, None)
    assert calls(simulator, "reenable") == 0
    # It may be asked for again.
    settings.PROVIDER, settings.PROVIDER_FOR = "paragon", []
    assert away.ended_at is not None
    assert requested(Sync.objects.get(sync_id=away.sync_id), now=away.ended_at + timedelta(minutes=2)).is_open


def test_the_application_may_say_no(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    class Application:
        credentials = staticmethod(lambda _: None)
        reenable = staticmethod(lambda *_, **__: provider.Reply(False, "The plan has ended."))

    asks(monkeypatch, Application)
    attempt = sent(stopped(project))
    assert (attempt.state, attempt.answer) == (State.REFUSED, "The plan has ended.")


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_while_waiting(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was noted before is committed: another connection sees it."""
    seen: list[object] = []

    def elsewhere() -> datetime | None:
        found = Reenable.objects.get().sent_at
        connection.close()
        return found

    class Slow:
        @staticmethod
        def reenable(*_: object, **__: object) -> provider.Reply:
            seen.append(connection.connection)
            with ThreadPoolExecutor(1) as pool:
                seen.append(pool.submit(elsewhere).result())
            return provider.Reply(True)

    attempt, now = requested(stopped(project)), timezone.now()
    asks(monkeypatch, Slow)
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        reenable.call(attempt.pk, now=now)
    reenable.call(attempt.pk, now=now)
    assert seen == [None, now]


@pytest.mark.parametrize("broken", ["request", "move"])
def test_without_its_line_in_the_audit_nothing_changes(
    project: Project, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    fail = fail_with(DatabaseError("the audit is full"))
    sync = stopped(project, simulator)
    if broken == "request":
        monkeypatch.setattr(audit, "record", fail)
        with pytest.raises(DatabaseError):
            requested(sync)
        assert not Reenable.objects.exists()
        assert jobs() == []
        return
    now = timezone.now()
    attempt = requested(sync)
    with monkeypatch.context() as patch:
        patch.setattr(audit, "record_all", fail)
        with pytest.raises(DatabaseError):
            reenable.call(attempt.pk, now=now)
    assert (again(attempt).state, again(attempt).sent_at) == (State.REQUESTED, now)
    # The answer is lost, not the knowledge that it was sent: found out by looking.
    reenable.settle(now=now + 31 * SECOND)
    assert again(attempt).state == State.ACCEPTED
    assert posts(simulator, sync) == 1
    assert moves(attempt) == [("requested", "unknown"), ("unknown", "accepted")]


# What time tells


def test_done_but_not_said(project: Project, simulator: Simulator) -> None:
    sync = stopped(project, simulator)
    simulator.memory.rule(sync.sync_id, Rule(Mode.TIMEOUT_AFTER_DOING, only="POST"))
    attempt = sent(sync)
    assert attempt.sent_at is not None
    later = attempt.sent_at + 11 * SECOND
    reenable.settle(now=later)
    attempt = again(attempt)
    assert (attempt.state, attempt.accepted_at, attempt.checked_at) == (State.ACCEPTED, later, later)
    assert attempt.found_status in ("ACTIVE", "IDLE")
    run = factories.run(at=later, syncId=str(sync.sync_id), userId=sync.user_id)
    factories.store(project, *run, now=later + 10 * SECOND)
    watch.observe(now=later + 20 * SECOND)
    assert again(attempt).state == State.RECOVERED
    assert posts(simulator, sync) == 1
    assert moves(attempt) == [("requested", "unknown"), ("unknown", "accepted"), ("accepted", "recovered")]


def test_not_done_is_said_when_it_is_certain(project: Project, simulator: Simulator) -> None:
    sync = stopped(project, simulator)
    simulator.memory.rule(sync.sync_id, Rule(Mode.SERVER_ERROR, only="POST"))
    attempt = sent(sync)
    assert attempt.sent_at is not None
    for seconds in (10, 20, 90, 119):
        reenable.settle(now=attempt.sent_at + seconds * SECOND)
        assert (again(attempt).state, again(attempt).found_status) == (State.UNKNOWN, "ERRORED")
    end = attempt.sent_at + 400 * SECOND
    reenable.settle(now=end)
    assert (again(attempt).state, again(attempt).ended_at) == (State.EXPIRED, end)
    assert posts(simulator, sync) == 1


class Odd:
    """A provider that answers the call with nothing sensible, and then says `word` of the sync."""

    word = ""
    credentials = staticmethod(lambda _: None)

    @staticmethod
    def reenable(*_: object, **__: object) -> provider.Reply:
        raise provider.Unknown("No sensible answer.")

    @classmethod
    def status(cls, *_: object) -> provider.SyncState:
        return provider.SyncState(cls.word)


@pytest.mark.parametrize("word", ["A" * 256, "ON_HOLD"])
def test_a_status_that_nobody_documented_shows_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """However long it is; the attempts after it get their turn."""
    asks(monkeypatch, Odd)
    monkeypatch.setattr(Odd, "word", word)
    attempts = [sent(stopped(project)) for _ in range(2)]
    reenable.settle(now=timezone.now() + timedelta(minutes=3))
    for attempt in map(again, attempts):
        assert (attempt.state, attempt.found_status, attempt.accepted_at) == (State.UNKNOWN, word[:128], None)
    monkeypatch.setattr(Odd, "word", "")
    reenable.settle(now=timezone.now() + timedelta(minutes=30))
    assert {again(attempt).found_status for attempt in attempts} == {word[:128]}


def test_a_provider_that_is_away_is_asked_less_and_less(project: Project, simulator: Simulator) -> None:
    sync = stopped(project, simulator)
    simulator.memory.rule(sync.sync_id, Rule(Mode.SERVER_ERROR))
    attempt = sent(sync)
    assert attempt.sent_at is not None
    asked = []
    for seconds in range(10, 3600, 10):
        now = attempt.sent_at + seconds * SECOND
        reenable.settle(now=now)
        if again(attempt).checked_at == now:
            asked.append(seconds)
    assert asked == [10, 20, 40, 80, 160, 320, 640, 1240, 1840, 2440, 3040]
    assert (again(attempt).state, posts(simulator, sync)) == (State.UNKNOWN, 1)
    watch.observe(now=now)
    assert again(attempt).state == State.NO_SIGN_OF_LIFE


@pytest.mark.parametrize("kind", ["none", "host_app"])
def test_who_cannot_be_asked_is_waited_for(project: Project, settings: Any, kind: str, simulator: Simulator) -> None:
    sync = stopped(project, simulator)
    simulator.memory.rule(sync.sync_id, Rule(Mode.HANG))
    attempt = sent(sync)
    settings.PROVIDER, settings.PROVIDER_HOST_URL = kind, f"{simulator.url}/host-app"
    settings.PROVIDER_HOST_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert attempt.sent_at is not None
    reenable.settle(now=attempt.sent_at + 11 * SECOND)
    assert (again(attempt).state, again(attempt).found_status) == (State.UNKNOWN, "")


def test_a_look_takes_no_longer_than_it_may(
    project: Project, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = [sent_without_answer(project, simulator) for _ in range(3)]
    later = timezone.now() + 15 * SECOND
    monkeypatch.setattr(reenable, "CHECK_SECONDS", -1.0)
    reenable.settle(now=later)
    assert {again(attempt).state for attempt in attempts} == {State.UNKNOWN}
    monkeypatch.undo()
    monkeypatch.setattr(reenable, "_status", lambda _: "")
    attempt = attempts[0]
    other = Reenable.objects.filter(pk=attempt.pk)
    stale = again(attempt)
    other.update(checked_at=later)  # another worker was quicker
    reenable._check([stale], now=later + SECOND)
    assert again(attempt).checked_at == later


def test_a_provider_that_hangs_keeps_nobody_past_the_time_that_the_page_says(
    project: Project, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = [sent_without_answer(project, simulator) for _ in range(3)]
    due, going, asked = timezone.now() + 15 * SECOND, threading.Event(), []

    def hang(attempt: Reenable) -> str:
        asked.append(attempt.pk)
        assert reenable._settling.locked()
        reenable.settle(now=due)  # another place of the same worker, meanwhile: it asks nobody and is through at once
        going.set()
        return ""

    monkeypatch.setattr(reenable, "_status", hang)
    reenable.settle(now=due)
    assert going.is_set()
    assert len(asked) == len(set(asked)) == 3
    # Whoever watches asks nobody at all.
    monkeypatch.setattr(reenable, "_status", fail_with(AssertionError("the provider was asked")))
    Reenable.objects.update(watch_until=timezone.now())
    work.watch_reenables(timestamp=0)
    assert {again(attempt).state for attempt in attempts} == {State.NO_SIGN_OF_LIFE}


def sent_without_answer(project: Project, simulator: Simulator) -> Reenable:
    sync = stopped(project, simulator)
    simulator.memory.rule(sync.sync_id, Rule(Mode.SERVER_ERROR, only="POST"))
    return sent(sync)


def test_what_nobody_sends_is_put_in_line_again_and_then_expires(project: Project, simulator: Simulator) -> None:
    now = timezone.now()
    sync = stopped(project, simulator)
    attempt = requested(sync, now=now)
    reenable.settle(now=now + 31 * SECOND)
    assert len(jobs()) == 1  # its job still waits
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")  # a worker took it and died
    reenable.settle(now=now + 32 * SECOND)
    reenable.settle(now=now + 42 * SECOND)
    assert len(jobs()) == 2
    reenable.settle(now=attempt.expires_at)
    assert again(attempt).state == State.EXPIRED
    reenable.call(attempt.pk, now=attempt.expires_at)
    assert posts(simulator, sync) == 0
    assert moves(attempt) == [("requested", "expired")]


@pytest.mark.django_db(transaction=True)
def test_the_jobs_of_dead_workers_and_failed_ones_do_not_pile_up(project: Project) -> None:
    """Those that wait, that are done by a living worker, or that failed lately stay."""
    waits, living, dead, lately, failed = (requested(stopped(project)).pk for _ in range(5))
    with connection.cursor() as cursor:
        for name, hours in ((living, 0), (dead, 2)):
            cursor.execute(
                "WITH made AS (INSERT INTO procrastinate_workers (last_heartbeat) "
                "VALUES (now() - %s * interval '1 hour') RETURNING id) "
                "UPDATE procrastinate_jobs SET status = 'doing', worker_id = made.id FROM made WHERE args->>'attempt' = %s",
                [hours, str(name)],
            )
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'failed' WHERE args->>'attempt' = ANY(%s)",
            [[str(lately), str(failed)]],
        )
        cursor.execute(
            "UPDATE procrastinate_events SET at = at - interval '8 days' FROM procrastinate_jobs j "
            "WHERE j.id = job_id AND j.args->>'attempt' = %s",
            [str(failed)],
        )

    def sweep() -> None:
        try:
            async_to_sync(work.sweep.func)(0)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:  # in this one the browser tests may have left an event loop
        thread.submit(sweep).result()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_workers")  # no flush knows it
    assert jobs() == [{"attempt": str(name)} for name in (waits, living, lately)]


@pytest.mark.django_db(transaction=True)
def test_what_is_being_sent_does_not_expire(project: Project) -> None:
    """The two meet at the row: whoever comes second sees what the first has done."""
    attempt = requested(stopped(project))

    def expire() -> None:
        reenable.settle(now=attempt.expires_at)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Reenable.objects.filter(pk=attempt.pk).update(sent_at=attempt.expires_at - SECOND)
            running = pool.submit(expire)
            wait(waits_for_a_lock)
        running.result()
    assert (again(attempt).state, moves(attempt)) == (State.REQUESTED, [])


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


def test_too_late_is_too_late(project: Project, simulator: Simulator) -> None:
    sync = stopped(project, simulator)
    attempt = requested(sync)
    reenable.call(attempt.pk, now=attempt.expires_at)
    assert (again(attempt).state, again(attempt).sent_at, posts(simulator, sync)) == (State.REQUESTED, None, 0)


@pytest.mark.parametrize("accepted", [True, False])
def test_an_answer_after_all(project: Project, monkeypatch: pytest.MonkeyPatch, accepted: bool) -> None:
    """It came when the attempt was already taken for unanswered."""
    now = timezone.now()

    class Late:
        @staticmethod
        def reenable(*_: object, **__: object) -> provider.Reply:
            reenable.settle(now=now + 31 * SECOND)
            return provider.Reply(accepted, "Its own words.")

        @staticmethod
        def status(*_: object) -> None:
            return None

    attempt = requested(stopped(project), now=now)
    asks(monkeypatch, Late)
    reenable.call(attempt.pk, now=now)
    assert moves(attempt) == [("requested", "unknown"), ("unknown", "accepted" if accepted else "refused")]
    assert again(attempt).answer == "Its own words."
