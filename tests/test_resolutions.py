"""Resolved causes and the do-not-wake list: permissions, accepted texts, exactly one audit row or nothing at all."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from synclogs.access import audit
from synclogs.access.actors import Actor, NotAllowed, Refused, required_text
from synclogs.models import Action, AuditEvent, Project, Resolution, Role, Sleeper, Sync
from synclogs.recovery import resolutions
from tests import factories
from tests.reenabling import actor, stopped

pytestmark = pytest.mark.django_db
NOW = timezone.now()
DAY = timedelta(days=1)
USER = Sleeper.Kind.USER


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory()


@pytest.fixture
def sync(project: Project) -> Sync:
    return stopped(project)


def asleep(project: Project, by: Actor, *, until: Any = None, reason: str = "Trial is over") -> Sleeper:
    return resolutions.add_do_not_wake(project, USER, "acct_1", actor=by, reason=reason, until=until, now=NOW)


def test_a_word_about_a_cause_is_kept_with_who_when_and_ticket(project: Project, sync: Sync) -> None:
    by = actor(project)
    made = resolutions.resolve(sync, actor=by, note=" Connected anew\x00 ", ticket=" T-1\n\t2 ", now=NOW)
    made.refresh_from_db()
    assert (made.sync_id, made.error_at, made.at) == (sync.sync_id, sync.last_error_at, NOW)
    assert (made.note, made.ticket, made.by, made.by_text) == ("Connected anew\ufffd", "T-1 2", by.user, by.text)
    row = AuditEvent.objects.get()
    assert (row.action, row.actor, row.address, row.request_id) == (
        Action.RESOLVED,
        by.user,
        by.address,
        by.request_id,
    )
    assert (row.project, row.object_type, row.object_text) == (project, "sync", str(sync.sync_id))
    assert row.reason == made.note
    assert row.after == {"error_at": made.error_at.isoformat(), "code": "invalid_grant", "ticket": "T-1 2"}


def test_a_key_is_kept_by_its_name_however_long(sync: Sync) -> None:
    by = Actor(None, "key \x00" * 100, Role.OPERATOR)
    made = resolutions.resolve(sync, actor=by, note="ok", now=NOW)
    assert made.by is None
    assert made.by_text == ("key \ufffd" * 100)[:200]


@pytest.mark.parametrize(
    ("note", "ticket", "field"),
    [("", "", "note"), (" \n\u200b-", "", "note"), ("x" * 2001, "", "note"), ("ok", "x" * 201, "ticket")],
)
def test_words_that_will_not_do(sync: Sync, note: str, ticket: str, field: str) -> None:
    with pytest.raises(Refused) as refused:
        resolutions.resolve(sync, actor=actor(sync.project), note=note, ticket=ticket, now=NOW)
    assert refused.value.field == field
    assert refused.value.sentence == str(refused.value)
    assert not Resolution.objects.exists()
    assert not AuditEvent.objects.exists()


def test_the_longest_words_that_do() -> None:
    assert required_text("note", f"  {'é' * 2000}  ") == "é" * 2000


def test_only_an_error_that_stopped_the_sync_can_be_resolved(project: Project, sync: Sync) -> None:
    factories.store(project, factories.entry(syncId=str(sync.sync_id), timestamp=NOW))
    again = Sync.objects.get(pk=sync.pk)
    never = Sync(project=project, sync_id=uuid.uuid4(), first_seen_at=NOW, last_seen_at=NOW)
    for one in (again, never):
        with pytest.raises(Refused) as refused:
            resolutions.resolve(one, actor=actor(project), note="ok", now=NOW)
        assert refused.value.field == "note"


def test_a_viewer_says_nothing(project: Project, sync: Sync) -> None:
    viewer, entry = actor(project, Role.VIEWER), asleep(project, actor(project))
    AuditEvent.objects.all().delete()
    with pytest.raises(NotAllowed, match="Operator"):
        resolutions.resolve(sync, actor=viewer, note="ok", now=NOW)
    with pytest.raises(NotAllowed):
        asleep(project, viewer)
    with pytest.raises(NotAllowed):
        resolutions.wake(entry, actor=viewer)
    assert not resolutions.may_wake(entry, viewer)
    assert not AuditEvent.objects.exists()


def test_what_the_audit_cannot_keep_is_not_done(project: Project, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    by = actor(project, Role.LEAD)
    kept = asleep(project, by)

    def full(*args: Any, **more: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(audit, "record", full)
    for act in (
        lambda: resolutions.resolve(sync, actor=by, note="ok", now=NOW),
        lambda: asleep(project, by, reason="another"),
        lambda: resolutions.add_do_not_wake(project, USER, "acct_2", actor=by, reason="ok", now=NOW),
        lambda: resolutions.wake(kept, actor=by),
    ):
        with pytest.raises(OSError, match="full"):
            act()
    assert not Resolution.objects.exists()
    assert [entry.reason for entry in Sleeper.objects.all()] == ["Trial is over"]


# The do-not-wake list


def test_said_again_it_replaces_what_was_said(project: Project) -> None:
    by = actor(project)
    first, second = asleep(project, by, until=NOW + DAY), asleep(project, by, reason="Moved", until=NOW + 2 * DAY)
    assert first.pk == second.pk
    entry = Sleeper.objects.get()
    assert (entry.reason, entry.by, entry.until) == ("Moved", by.user, NOW + 2 * DAY)
    before, after = AuditEvent.objects.filter(action=Action.SLEEPER_ADDED).order_by("id")
    assert (before.before, before.after) == (None, {"until": (NOW + DAY).isoformat()})
    assert after.before == {"reason": "Trial is over", "until": (NOW + DAY).isoformat()}
    assert (after.object_type, after.object_text, after.reason) == ("user", "acct_1", "Moved")


def test_it_is_shortened_and_taken_off_by_who_put_it_there_and_by_a_lead(project: Project) -> None:
    own, other, lead = actor(project), actor(project), actor(project, Role.LEAD)
    entry = asleep(project, own)
    for act in (lambda: asleep(project, other, until=NOW + DAY), lambda: resolutions.wake(entry, actor=other)):
        with pytest.raises(NotAllowed, match="Lead"):
            act()
    asleep(project, own, until=NOW + 2 * DAY)
    asleep(project, other, until=NOW + 3 * DAY)  # longer, so it is theirs now
    with pytest.raises(NotAllowed):
        resolutions.wake(entry, actor=own)
    asleep(project, lead, until=NOW + DAY)
    resolutions.wake(entry, actor=lead)
    assert not Sleeper.objects.exists()


def test_what_is_over_holds_nobody(project: Project) -> None:
    entry = asleep(project, actor(project))
    Sleeper.objects.filter(pk=entry.pk).update(until=NOW - DAY)
    assert asleep(project, actor(project), until=NOW + DAY).pk == entry.pk


def test_it_is_taken_off_once(project: Project) -> None:
    by = actor(project)
    entry = asleep(project, by, until=NOW + DAY)
    for _ in range(2):
        resolutions.wake(entry, actor=by)
    row = AuditEvent.objects.get(action=Action.SLEEPER_REMOVED)
    assert row.before == {"reason": "Trial is over", "until": (NOW + DAY).isoformat()}
    assert (row.project, row.object_type, row.object_text, row.actor) == (project, "user", "acct_1", by.user)


@pytest.mark.parametrize("spelling", ["{}", " {}\n", "{{{}}}", "urn:uuid:{}"])
def test_a_sync_is_known_in_any_spelling(project: Project, sync: Sync, spelling: str) -> None:
    value = spelling.format(str(sync.sync_id).upper())
    made = resolutions.add_do_not_wake(project, Sleeper.Kind.SYNC, value, actor=actor(project), reason="ok", now=NOW)
    assert made.value == str(sync.sync_id)


@pytest.mark.parametrize(
    ("kind", "value", "more", "field"),
    [
        (Sleeper.Kind.SYNC, "not one", {}, "value"),
        (USER, "", {}, "value"),
        (USER, " ", {}, "value"),
        (USER, "x" * 257, {}, "value"),
        (USER, "acct_1", {"reason": " "}, "reason"),
        (USER, "acct_1", {"until": NOW}, "until"),
        (USER, "acct_1", {"until": NOW - DAY}, "until"),
    ],
)
def test_what_will_not_do(project: Project, kind: Sleeper.Kind, value: str, more: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        resolutions.add_do_not_wake(
            project, kind, value, **{"actor": actor(project), "reason": "ok", "now": NOW, **more}
        )
    assert refused.value.field == field
    assert not Sleeper.objects.exists()


def test_no_value_breaks_the_database(project: Project) -> None:
    made = resolutions.add_do_not_wake(project, USER, "a\x00\ud800b", actor=actor(project), reason="ok", now=NOW)
    assert made.value == "a\ufffd\ufffdb"
