"""Bulk re-enables: selection, canary and waves, pace, automatic stop, people's actions, and workers that die."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.log_format import logging_config
from synclogs import jobs
from synclogs.access import audit
from synclogs.access.actors import Actor, NotAllowed, Refused
from synclogs.catalogue.recovery import RUNNING, BulkState, CheckName, State
from synclogs.explain import bulks
from synclogs.explain.bulks import Progress
from synclogs.models import Action, AuditEvent, Bulk, BulkItem, Membership, Project, Reenable, Role, Sleeper, Sync
from synclogs.recovery import bulk, reenable, resolutions
from synclogs.recovery.bulk import BOUNDS, Conflict, NothingSelected, Plan
from synclogs.recovery.selection import preview
from tests import factories
from tests.bulks import HOUR, MINUTE, SECOND, Willing, again, crowd, hear, ids, results, send, started
from tests.reenabling import actor, asks, requested

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory()


@pytest.fixture
def willing(monkeypatch: pytest.MonkeyPatch) -> Willing:
    made = Willing()
    asks(monkeypatch, made)
    return made


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def moves(made: Bulk) -> list[str]:
    rows = AuditEvent.objects.filter(action=Action.BULK_MOVED, after__bulk=str(made.pk)).order_by("id")
    return [f"{row.before['state']} > {row.after['state']}" for row in rows if row.before and row.after]


def turn(project: Project, now: datetime, **heard: Any) -> datetime:
    """One round of the jobs: what is due is asked for, sent, and heard of ten seconds later."""
    bulk.step(now=now)
    send(now=now + SECOND)
    hear(project, now=now + 10 * SECOND, **heard)
    return now + 10 * SECOND


# What is chosen


def test_the_preview_says_who_is_left_out_and_why(project: Project, now: datetime, settings: Any) -> None:
    settings.PROVIDER_FOR = [project.slug]
    syncs = crowd(project, 6)
    crowd(project, 2, integration="hubspot")
    lead = actor(project, Role.LEAD)
    resolutions.add_do_not_wake(
        project, Sleeper.Kind.SYNC, str(syncs[0].sync_id), actor=lead, reason="Asked to", now=now
    )
    requested(syncs[1])
    Sync.objects.filter(pk=syncs[2].pk).update(last_error_code="10007")
    Sync.objects.filter(pk=syncs[3].pk).update(status="DISABLED")
    found = preview(project, Sync.objects.of(project), now=now)
    assert {one.sync_id for one in found.eligible} >= set(ids(syncs[4:]))
    assert found.integrations == [("googledrive", 2), ("hubspot", 2)]
    assert [one.integration for one in found.eligible] == ["googledrive", "hubspot"] * 2  # each gets its turn
    assert {skipped.check: skipped.count for skipped in found.skipped} == {
        CheckName.STOPPED: 3,  # the paused one, and the two that recovered
        CheckName.CURABLE: 1,
        CheckName.NONE_IN_FLIGHT: 1,
        CheckName.AWAKE: 1,
    }
    assert found.excluded == 6
    asleep = next(skipped for skipped in found.skipped if skipped.check == CheckName.AWAKE)
    assert [example.sync_id for example in asleep.examples] == [syncs[0].sync_id]
    crowd(factories.ProjectFactory(), 1)
    assert preview(project, Sync.objects.of(project), now=now).excluded == 6


def test_the_preview_asks_the_database_as_often_however_many(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for count in (1, 30):
        crowd(project, count, name=f"of {count}")
        with CaptureQueriesContext(connection) as queries:
            preview(project, Sync.objects.of(project), now=now)
        counts.append(len(queries))
    assert counts[0] == counts[1] < 10
    monkeypatch.setattr("synclogs.recovery.selection.MOST_LOOKED_AT", 5)
    assert preview(project, Sync.objects.of(project), now=now).is_too_many


def test_what_was_shown_is_what_is_done(project: Project, now: datetime, settings: Any) -> None:
    """What a check stops by now is skipped; what the project has not is left out; nothing comes along."""
    settings.PROVIDER_FOR = [project.slug]
    syncs = crowd(project, 5)
    other = crowd(factories.ProjectFactory(), 1)
    requested(syncs[0])
    made = started(project, [*syncs[:3], *other, syncs[1]], now=now)
    assert sorted(made.items.values_list("sync_id", flat=True)) == sorted(ids(syncs[:3]))
    assert results(made) == {"skipped": 1, "waiting": 2}
    assert made.items.exclude(skipped="").get().skipped == CheckName.NONE_IN_FLIGHT
    row = AuditEvent.objects.get(action=Action.BULK_REQUESTED)
    assert (row.reason, row.after["syncs"], row.after["skipped"]) == ("The outage is over.", 2, {"none_in_flight": 1})  # type: ignore[index]


def test_what_was_typed_is_judged(project: Project, now: datetime) -> None:
    syncs = ids(crowd(project, 1))
    lead = actor(project, Role.LEAD)
    usual: dict[str, Any] = {"plan": Plan(), "actor": lead, "reason": "x", "now": now}
    wrong: list[dict[str, Any]] = [
        *({"plan": Plan(**{name: value})} for name, (least, most) in BOUNDS.items() for value in (least - 1, most + 1)),
        {"reason": " \u200b "},
        {"reason": "x" * 2001},
    ]
    for more in wrong:
        with pytest.raises(Refused):
            bulk.start(project, syncs, **{**usual, **more})
    with pytest.raises(Refused, match="Choose between"):
        bulk.start(project, [], **usual)
    with pytest.raises(NotAllowed):
        bulk.start(project, syncs, **{**usual, "actor": actor(project, Role.OPERATOR)})
    with pytest.raises(NothingSelected):
        bulk.start(factories.ProjectFactory(), syncs, **usual)
    assert not Bulk.objects.exists()
    assert not AuditEvent.objects.filter(action=Action.BULK_REQUESTED).exists()


# Canary and waves


def test_two_hundred_whose_canary_fails_stop_after_the_canary(
    project: Project, now: datetime, willing: Willing
) -> None:
    syncs = crowd(project, 200)
    made = started(project, syncs, now=now)
    canary = [str(item.sync_id) for item in made.items.filter(wave=0).order_by("position")]
    assert len(canary) == 2
    now = turn(project, now, but=canary[1:])
    for _ in range(3):
        now = turn(project, now, but=canary[1:])
    assert again(made).state == BulkState.CANARY
    assert willing.asked == canary
    for _ in range(3):
        now = turn(project, now, failed=canary)
    stopped = again(made)
    assert (stopped.state, stopped.wave) == (BulkState.STOPPED, 0)
    assert stopped.note == "The canary did not recover: of 2 syncs, 1 failed again. 198 syncs were not tried."
    assert willing.asked == canary
    assert results(made) == {"recovered": 1, "failed_again": 1, "waiting": 198}
    assert stopped.ended_at is not None
    assert moves(made) == ["canary > stopped"]
    assert Reenable.objects.of(project).count() == 2


def test_waves_follow_each_other_until_all_have_had_their_turn(
    project: Project, now: datetime, willing: Willing
) -> None:
    syncs = crowd(project, 10)
    made = started(project, syncs, now=now, canary_size=1, wave_size=4, per_minute=120)
    waves = []
    for _ in range(6):
        before = len(willing.asked)
        now = turn(project, now)
        waves.append(len(willing.asked) - before)
    assert waves == [1, 4, 4, 1, 0, 0]
    done = again(made)
    assert (done.state, done.note) == (BulkState.FINISHED, "")
    assert results(made) == {"recovered": 10}
    assert sorted(willing.asked) == sorted(map(str, ids(syncs)))
    assert moves(made) == ["canary > waves", "waves > finished"]
    assert {attempt.bulk_id for attempt in Reenable.objects.of(project)} == {made.pk}


@pytest.mark.parametrize(("failing", "state"), [(1, BulkState.WAVES), (2, BulkState.STOPPED)])
def test_a_wave_stops_it_when_more_than_one_in_five_did_not_recover(
    project: Project, now: datetime, willing: Willing, failing: int, state: BulkState
) -> None:
    made = started(project, crowd(project, 20), now=now, canary_size=1, wave_size=5, per_minute=120)
    now = turn(project, now)
    first = [str(item.sync_id) for item in made.items.filter(wave=1).order_by("position")]
    now = turn(project, now, failed=first[:failing])
    bulk.step(now=now)
    stopped = again(made)
    assert stopped.state == state
    if state == BulkState.STOPPED:
        assert stopped.note == "In wave 1, 2 of 5 did not recover: 2 failed again. 14 syncs were not tried."
        assert len(willing.asked) == 6


@pytest.mark.parametrize("state", [State.REFUSED, State.EXPIRED, State.NO_SIGN_OF_LIFE, State.UNKNOWN])
def test_every_other_end_of_a_canary_stops_it_and_not_knowing_waits(
    project: Project, now: datetime, state: State
) -> None:
    made = started(project, crowd(project, 5), now=now)
    bulk.step(now=now)
    attempts = Reenable.objects.of(project)
    attempts.update(state=State.RECOVERED, ended_at=now)
    attempts.filter(pk=attempts.first().pk).update(state=state)  # type: ignore[union-attr]
    bulk.step(now=now + MINUTE)
    assert again(made).state == (BulkState.CANARY if state == State.UNKNOWN else BulkState.STOPPED)
    assert attempts.count() == 2


def test_a_sync_that_somebody_re_enabled_meanwhile_is_skipped_and_the_canary_keeps_its_size(
    project: Project, now: datetime, willing: Willing
) -> None:
    syncs = crowd(project, 4)
    made = started(project, syncs, now=now, canary_size=1, wave_size=2)
    turns = list(made.items.order_by("position"))
    requested(Sync.objects.get(sync_id=turns[0].sync_id), now=now)
    Sync.objects.filter(sync_id=turns[2].sync_id).delete()
    bulk.step(now=now)
    rows: list[Any] = list(made.items.order_by("position").values_list("skipped", "wave", "attempt__state"))
    assert rows[0] == (CheckName.NONE_IN_FLIGHT, 0, None)
    assert rows[1] == ("", 0, State.REQUESTED)
    for _ in range(3):
        now = turn(project, now + MINUTE)
    assert again(made).state == BulkState.FINISHED
    assert results(made) == {"recovered": 2, "skipped": 2}
    assert made.items.get(position=2).skipped == bulk.GONE
    assert again(made).note == ""


# Pace


def test_an_integration_is_asked_no_more_often_a_minute_than_was_said(
    project: Project, now: datetime, willing: Willing
) -> None:
    syncs = [*crowd(project, 9), *crowd(project, 2, integration="hubspot")]
    made = started(project, syncs, now=now, canary_size=1, wave_size=50, per_minute=3)
    turn(project, now)
    for tens in range(1, 25):
        turn(project, now + tens * 10 * SECOND)
    assert results(made) == {"recovered": 11}
    asked = Reenable.objects.of(project).filter(integration="googledrive").order_by("requested_at")
    made_at = [attempt.requested_at for attempt in asked]
    assert all(later - first >= MINUTE for first, later in zip(made_at, made_at[3:], strict=False))
    assert made_at[-1] - made_at[0] < 4 * MINUTE


def test_what_was_not_sent_yet_and_what_others_ask_for_count(project: Project, now: datetime) -> None:
    syncs = crowd(project, 8)
    requested(syncs[0], now=now - 3 * MINUTE)  # and nobody sends it
    first = started(project, syncs[1:4], now=now, canary_size=3, per_minute=3)
    second = started(project, syncs[4:], now=now, canary_size=3, per_minute=4)
    bulk.step(now=now)
    assert [results(one).get("under_way", 0) for one in (first, second)] == [2, 1]


# People


def test_pause_resume_and_abort_in_every_state(project: Project, now: datetime) -> None:
    lead = actor(project, Role.LEAD)
    made = started(project, crowd(project, 3), now=now)
    allowed: dict[Callable[..., Bulk], tuple[BulkState, ...]] = {
        bulk.pause: RUNNING,
        bulk.resume: (BulkState.PAUSED,),
        bulk.abort: (*RUNNING, BulkState.PAUSED, BulkState.AWAITING_APPROVAL),
        bulk.approve: (BulkState.AWAITING_APPROVAL,),
    }
    for verb, states in allowed.items():
        for state in BulkState:
            Bulk.objects.filter(pk=made.pk).update(state=state, ended_at=None)
            AuditEvent.objects.all().delete()
            with pytest.raises(NotAllowed):
                verb(made, actor=actor(project, Role.OPERATOR), now=now)
            if state in states:
                verb(made, actor=lead, now=now)
                assert AuditEvent.objects.get().actor == lead.user
                assert again(made).state != state
            else:
                with pytest.raises(Conflict):
                    verb(made, actor=lead, now=now)
                assert not AuditEvent.objects.exists()
                assert again(made).state == state


def test_a_pause_holds_back_what_is_not_sent_for_and_resuming_goes_on_where_it_was(
    project: Project, now: datetime, willing: Willing
) -> None:
    lead = actor(project, Role.LEAD)
    made = started(project, crowd(project, 6), now=now, canary_size=1, wave_size=2, by=lead)
    now = turn(project, turn(project, now))
    bulk.pause(made, actor=lead, now=now, reason="The provider called.")
    assert again(made).note == f"{lead.text}: The provider called."
    now = turn(project, now)
    assert len(willing.asked) == 3
    bulk.resume(made, actor=lead, now=now)
    assert (again(made).state, again(made).note) == (BulkState.WAVES, "")
    now = turn(project, now)
    assert len(willing.asked) == 5
    bulk.abort(made, actor=lead, now=now)
    for _ in range(3):
        now = turn(project, now)
    assert results(made) == {"recovered": 5, "waiting": 1}
    assert moves(made)[1:] == ["waves > paused", "paused > waves", "waves > aborted"]


@pytest.mark.parametrize("end", ["aborted", "stopped"])
def test_what_still_waits_for_the_worker_is_not_sent_after_the_end(
    project: Project, now: datetime, willing: Willing, end: str
) -> None:
    lead = actor(project, Role.LEAD)
    made = started(project, crowd(project, 3), now=now, canary_size=3, by=lead)
    bulk.step(now=now)
    first, *others = Reenable.objects.order_by("id")
    reenable.call(first.pk, now=now)
    if end == "aborted":
        bulk.abort(made, actor=lead, now=now)
    else:
        hear(project, now=now + SECOND, failed=[str(first.sync_id)])
        Reenable.objects.filter(pk__in=[other.pk for other in others]).update(state=State.REQUESTED, ended_at=None)
        bulk.step(now=now + 2 * SECOND)
    send(now=now + 3 * SECOND)
    assert again(made).state == end
    assert willing.asked == [str(first.sync_id)]
    assert {found.state for found in Reenable.objects.exclude(pk=first.pk)} == {State.EXPIRED}
    told = AuditEvent.objects.filter(action=Action.REENABLE_MOVED, after__state=State.EXPIRED)
    assert told.count() == 2


def test_who_is_no_longer_a_lead_starts_nothing_more(project: Project, now: datetime) -> None:
    lead = actor(project, Role.LEAD)
    made = started(project, crowd(project, 3), now=now, by=lead)
    Membership.objects.filter(user=lead.user).update(role=Role.OPERATOR)
    bulk.step(now=now)
    assert again(made).state == BulkState.STOPPED
    assert "no longer a lead" in again(made).note
    assert not Reenable.objects.exists()


def test_a_second_person_approves(project: Project, now: datetime, settings: Any) -> None:
    settings.BULK_APPROVAL_ABOVE = 2
    syncs = crowd(project, 5)
    assert started(project, syncs[:2], now=now).state == BulkState.CANARY
    lead, other = actor(project, Role.LEAD), actor(project, Role.LEAD)
    made, late = started(project, syncs[2:], now=now, by=lead), started(project, syncs[2:], now=now - 24 * HOUR)
    assert (made.state, made.started_at) == (BulkState.AWAITING_APPROVAL, None)
    Bulk.objects.exclude(pk__in=(made.pk, late.pk)).delete()
    bulk.step(now=now - SECOND)
    assert not Reenable.objects.exists()
    with pytest.raises(NotAllowed, match="yourself"):
        bulk.approve(made, actor=lead, now=now)
    with pytest.raises(NotAllowed):
        bulk.approve(made, actor=Actor(None, "a key", Role.LEAD), now=now)
    with pytest.raises(Conflict, match="in time"):
        bulk.approve(late, actor=other, now=now)
    bulk.approve(made, actor=other, now=now)
    with pytest.raises(Conflict):
        bulk.approve(made, actor=actor(project, Role.LEAD), now=now)
    bulk.step(now=now)
    assert again(late).state == BulkState.EXPIRED
    assert (again(made).approved_by, again(made).state) == (other.user, BulkState.CANARY)
    assert results(made) == {"under_way": 2, "waiting": 1}
    assert moves(made) == ["awaiting_approval > canary"]
    assert moves(late) == ["awaiting_approval > expired"]


def test_without_its_line_in_the_audit_nothing_changes(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs, lead = crowd(project, 3), actor(project, Role.LEAD)
    made = started(project, syncs[:1], now=now, by=lead)
    monkeypatch.setattr(audit, "record", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bulk.start(project, ids(syncs), plan=Plan(), actor=lead, reason="x", now=now)
    with pytest.raises(ZeroDivisionError):
        bulk.pause(made, actor=lead, now=now)
    bulk.step(now=now)
    assert Bulk.objects.count() == 1
    assert again(made).state == BulkState.CANARY
    assert not Reenable.objects.exists()
    assert results(made) == {"waiting": 1}


# Workers


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_ask_for_each_sync_once(now: datetime) -> None:
    project = factories.ProjectFactory()
    made = [
        started(project, crowd(project, 12, name=name), now=now, canary_size=1, wave_size=20, per_minute=20)
        for name in ("a", "b")
    ]
    BulkItem.objects.update(wave=1)
    Bulk.objects.update(wave=1, state=BulkState.WAVES)
    gate = threading.Barrier(6)

    def work(_: int) -> None:
        gate.wait()
        for _ in range(3):
            bulk.step(now=now)
        connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    bulk.step(now=now)
    attempts = Reenable.objects.of(project)
    assert attempts.count() == len(set(attempts.values_list("sync_id", flat=True))) == 20  # both share the minute
    assert sum(results(one)["under_way"] for one in made) == 20
    for item in BulkItem.objects.exclude(attempt=None).select_related("attempt"):
        assert item.attempt is not None
        assert (item.attempt.sync_id, item.attempt.bulk_id) == (item.sync_id, item.bulk_id)


@pytest.mark.parametrize("point", ["request", "save"])
def test_a_worker_that_dies_between_leaves_nothing_half_done(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """Killed after the attempt was made and before its item knows of it, or the other way round: neither stays."""
    made = started(project, crowd(project, 6), now=now, canary_size=3)
    bulk.step(now=now - 2 * HOUR)  # what was asked for long ago is no part of the pace
    Reenable.objects.update(state=State.RECOVERED, ended_at=now - 2 * HOUR)
    with monkeypatch.context() as dying:
        if point == "request":
            real = reenable.request

            def die(*arguments: Any, **more: Any) -> Reenable:
                real(*arguments, **more)
                raise SystemExit

            dying.setattr(reenable, "request", die)
        else:

            def die_saving(*_: Any, **__: Any) -> None:
                raise SystemExit

            dying.setattr(BulkItem, "save", die_saving)
        with pytest.raises(SystemExit):
            bulk.step(now=now)
    assert Reenable.objects.count() == 3
    bulk.step(now=now)
    bulk.step(now=now)
    assert Reenable.objects.count() == 6
    assert results(made) == {"recovered": 3, "under_way": 3}


def test_one_that_cannot_go_on_keeps_no_other_from_going_on(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (started(project, crowd(project, 1, name=name), now=now) for name in ("a", "b"))
    real = bulk.progress
    monkeypatch.setattr(bulk, "progress", lambda made: 1 / 0 if made.pk == first.pk else real(made))
    form = logging_config("INFO")["formatters"]["json"]
    monkeypatch.setattr(caplog.handler, "formatter", form.pop("()")(**form))
    bulk.step(now=now)
    assert real(second).counts == {"under_way": 1}
    line = json.loads(caplog.text)
    assert (line["event"], line["bulk"], line["level"]) == ("bulk.step_failed", str(first.pk), "error")
    assert "ZeroDivisionError" in line["exception"]


def test_a_form_that_is_sent_twice_is_one_bulk(project: Project, now: datetime) -> None:
    syncs, lead = ids(crowd(project, 2)), actor(project, Role.LEAD)
    form: dict[str, Any] = {"plan": Plan(), "actor": lead, "reason": "x", "now": now, "key": uuid4()}
    made = bulk.start(project, syncs, **form)
    bulk.step(now=now)
    assert bulk.start(project, syncs, **form) == made
    with pytest.raises(Refused, match="used already"):
        bulk.start(project, syncs, **{**form, "actor": actor(project, Role.LEAD)})
    assert Bulk.objects.count() == 1


def test_the_job_steps(project: Project, now: datetime) -> None:
    made = started(project, crowd(project, 1), now=now)
    jobs.step_bulks.func(0)
    assert results(made) == {"under_way": 1}


@pytest.mark.parametrize(
    ("standing", "sentence"),
    [
        (
            Progress(0, 1, {"waiting": 3}, {"waiting": 2}),
            "Canary: the first 2 are about to be re-enabled; the others wait until all of them have recovered.",
        ),
        (Progress(0, 1, {}, {"recovered": 1, "under_way": 1}), "Canary: 1 of 2 recovered, waiting for the other."),
        (Progress(0, 1, {}, {"recovered": 1, "unknown": 2}), "Canary: 1 of 3 recovered, waiting for the other 2."),
        (Progress(0, 0, {}, {"under_way": 1}), "Canary: 0 of 1 recovered, waiting for it."),
        (
            Progress(0, 1, {}, {"recovered": 2, "skipped": 1}),
            "Canary: all 2 have recovered. The first wave comes next.",
        ),
    ],
)
def test_how_far_a_canary_is_in_words(standing: Progress, sentence: str, now: datetime) -> None:
    assert bulks.sentence(BulkState.CANARY, standing, note="", expires_at=None, now=now) == sentence


def test_what_a_verb_does_in_words() -> None:
    one, none = Progress(2, 3, {"waiting": 1}, {}), Progress(1, 1, {"under_way": 1}, {})
    assert "wave 2, at the same pace. 1 sync waits for its turn." in bulks.verb_sentence("resume", one)
    assert bulks.verb_sentence("abort", none) == (
        "For good: every sync had its turn already. 1 under way is watched to the end. What was sent cannot be called back."
    )
    assert bulks.plan_sentence(198, 150, canary=2, wave=25, per_minute=20) == (
        "2 first, then 8 waves of up to 25; each wave waits for the one before to end. The calls alone take at least 7 minutes."
    )
    assert bulks.button(2, 2) == "Re-enable 2 syncs"
