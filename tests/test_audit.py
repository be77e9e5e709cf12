"""Audit: each audited action writes exactly one row: who, when, from where, which object, by which request."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, transaction
from django.test import Client
from django.utils import timezone

from synclogs.access import audit, keys
from synclogs.access.actors import PORTAL, Actor
from synclogs.models import (
    Action,
    ApiKey,
    AuditEvent,
    Bulk,
    ConnectedUser,
    Export,
    Membership,
    Project,
    Reenable,
    Resolution,
    Role,
    Scope,
    Sleeper,
    Sync,
)
from synclogs.recovery import bulk, reenable
from tests import factories, reenabling
from tests.factories import PASSWORD, bearer
from tests.test_house import sources

pytestmark = pytest.mark.django_db
FROM = {"X-Request-ID": "audited-request-1"}
ADMIN = "/admin/synclogs"
BULK = UUID(int=7, version=4)


@dataclass
class Scene:
    """An administrator who has signed in, in a project with a member and a key."""

    client: Client
    person: User
    project: Project
    other: Membership
    key: ApiKey

    def post(self, path: str, values: dict[str, Any]) -> None:
        response = self.client.post(path, values, headers=FROM)
        assert response.status_code in (200, 302, 303), response.content

    def get(self, path: str) -> None:
        self.client.get(path, headers=FROM)


@pytest.fixture
def scene(db: None) -> Scene:
    project = factories.ProjectFactory(slug="alpha", name="Alpha")
    person = factories.UserFactory(username="ada", is_staff=True, with_password=True)
    factories.MembershipFactory(user=person, project=project, role=Role.ADMIN)
    other = factories.MembershipFactory(user=factories.UserFactory(username="eve"), project=project)
    key, _ = factories.api_key(project)
    client = Client()
    client.force_login(person)
    return Scene(client, person, project, other, key)


def sign_in(scene: Scene, username: str) -> None:
    scene.client.logout()
    scene.post("/accounts/login/", {"username": username, "password": PASSWORD})


def write_user(scene: Scene) -> None:
    text = factories.api_key(scene.project, Scope.USERS_WRITE)[1]
    body = json.dumps({"name": "Ann"})
    scene.client.put("/api/v1/users/acct_9", body, "application/json", headers={**FROM, **bearer(text)})


def denied(scene: Scene) -> None:
    Membership.objects.filter(user=scene.person).update(role=Role.OPERATOR)
    scene.get("/p/alpha/audit")


def use_a_revoked_key(scene: Scene) -> None:
    key, text = factories.api_key(scene.project)
    keys.revoke(key, now=timezone.now())
    scene.client.get("/api/v1/logs", headers={**FROM, **bearer(text)})


def export_to_its_end(scene: Scene) -> None:
    """An export leaves a second line; the first has its own example."""
    response = scene.client.get("/p/alpha/logs/export?format=csv&level=error", headers=FROM)
    response.getvalue()
    AuditEvent.objects.filter(action=Action.EXPORT_STARTED).delete()


def stopped_sync(scene: Scene) -> Sync:
    return reenabling.stopped(scene.project, syncId=factories.sync_id(), userId="acct_1")


def reenable_it(scene: Scene) -> None:
    sync = stopped_sync(scene)
    scene.post(f"/p/alpha/syncs/{sync.sync_id}/reenable", {"reason": "asked for", "override": "on"})


def expire(scene: Scene) -> None:
    """Nobody sent it in time, so it moves on by itself."""
    reenable_it(scene)
    AuditEvent.objects.all().delete()
    reenable.settle(now=timezone.now() + timedelta(minutes=11))


def resolve(scene: Scene) -> None:
    scene.post(f"/p/alpha/syncs/{stopped_sync(scene).sync_id}/resolve", {"note": "connected anew"})


def put_to_sleep(scene: Scene) -> None:
    stopped_sync(scene)
    scene.post("/p/alpha/reenables/asleep", {"kind": "user", "value": "acct_1", "reason": "trial is over", "for": "7d"})


def wake(scene: Scene) -> None:
    put_to_sleep(scene)
    AuditEvent.objects.all().delete()
    scene.post(f"/p/alpha/reenables/asleep/{Sleeper.objects.get().pk}/wake", {})


def start_bulk(scene: Scene) -> tuple[Bulk, Actor]:
    sync, now = stopped_sync(scene), timezone.now()
    Resolution.objects.create(project=scene.project, sync_id=sync.sync_id, error_at=now, note="ok", at=now)
    actor = Actor(scene.person, "ada", Role.ADMIN, "127.0.0.1", FROM["X-Request-ID"])
    ids = [sync.sync_id]
    made = bulk.start(scene.project, ids, plan=bulk.Plan(), actor=actor, reason="asked for", now=now, key=BULK)
    return made, actor


def pause_bulk(scene: Scene) -> None:
    made, actor = start_bulk(scene)
    AuditEvent.objects.all().delete()
    bulk.pause(made, actor=actor, now=timezone.now())


# Action -> what is done, and by whom and on what the audit then says it was.
DONE: dict[Action, tuple[Callable[[Scene], object], str, str]] = {
    Action.SIGNED_IN: (lambda scene: sign_in(scene, "ada"), "ada", ""),
    Action.SIGN_IN_FAILED: (lambda scene: sign_in(scene, "mallory"), "mallory", ""),
    Action.SIGNED_OUT: (lambda scene: scene.post("/accounts/logout/", {}), "ada", ""),
    Action.ACCESS_DENIED: (denied, "ada", "/p/alpha/audit"),
    Action.KEY_REFUSED: (use_a_revoked_key, "a key of the tests (ssp_", "ssp_"),
    Action.KEY_CREATED: (
        lambda scene: scene.post(
            f"{ADMIN}/apikey/add/", {"project": scene.project.pk, "name": "new", "scopes": ["logs:write"]}
        ),
        "ada",
        "new (ssp_",
    ),
    Action.KEY_REVOKED: (
        lambda scene: scene.post(f"{ADMIN}/apikey/{scene.key.pk}/revoke/", {"reason": "leaked"}),
        "ada",
        "a key of the tests (ssp_",
    ),
    Action.OBJECT_ADDED: (
        lambda scene: scene.post(
            f"{ADMIN}/membership/add/",
            {"project": scene.project.pk, "user": factories.UserFactory(username="kim").username, "role": Role.LEAD},
        ),
        "ada",
        "kim in alpha",
    ),
    Action.OBJECT_CHANGED: (
        lambda scene: scene.post(f"{ADMIN}/membership/{scene.other.pk}/change/", {"role": Role.LEAD}),
        "ada",
        "eve in alpha",
    ),
    Action.OBJECT_DELETED: (
        lambda scene: scene.post(f"{ADMIN}/membership/{scene.other.pk}/delete/", {"post": "yes"}),
        "ada",
        "eve in alpha",
    ),
    Action.EXPORT_STARTED: (lambda scene: scene.get("/p/alpha/logs/export?format=csv"), "ada", "CSV: "),
    Action.EXPORT_ENDED: (export_to_its_end, "ada", "0 entries as CSV, finished: level=error"),
    Action.USER_WRITTEN: (write_user, "a key of the tests (ssp_", "acct_9"),
    Action.REENABLE_REQUESTED: (reenable_it, "ada", f"googledrive {factories.sync_id()}"),
    Action.REENABLE_MOVED: (expire, "the portal", f"googledrive {factories.sync_id()}"),
    Action.RESOLVED: (resolve, "ada", factories.sync_id()),
    Action.SLEEPER_ADDED: (put_to_sleep, "ada", "acct_1"),
    Action.SLEEPER_REMOVED: (wake, "ada", "acct_1"),
    Action.BULK_REQUESTED: (start_bulk, "ada", str(BULK)),
    Action.BULK_MOVED: (pause_bulk, "ada", str(BULK)),
}


def test_every_action_has_its_example() -> None:
    assert set(DONE) == set(Action)


@pytest.mark.parametrize("action", DONE, ids=str)
def test_an_action_leaves_one_line(scene: Scene, action: Action) -> None:
    act, who, what = DONE[action]
    began = timezone.now()
    act(scene)
    (event,) = AuditEvent.objects.filter(action=action)
    assert event.actor_text.startswith(who)
    assert event.object_text.startswith(what)
    is_ours = who == PORTAL.text  # by itself: from nowhere, and by no request
    assert event.address == (None if is_ours else "127.0.0.1")
    assert event.request_id == ("" if is_ours else FROM["X-Request-ID"])
    assert began <= event.at <= timezone.now()
    assert (event.project == scene.project) == (what != "")  # signing in belongs to no project
    assert AuditEvent.objects.count() == 1


# What is changed by a person or a key; the others go on by themselves or say what was refused.
CHANGES = (
    Action.SIGNED_IN,
    Action.KEY_CREATED,
    Action.KEY_REVOKED,
    Action.OBJECT_ADDED,
    Action.OBJECT_CHANGED,
    Action.OBJECT_DELETED,
    Action.EXPORT_STARTED,
    Action.USER_WRITTEN,
    Action.REENABLE_REQUESTED,
    Action.RESOLVED,
    Action.SLEEPER_ADDED,
    Action.BULK_REQUESTED,
)
CHANGED = (Membership, Project, Export, Reenable, Sleeper, Bulk)


def standing() -> list[Any]:
    """Everything that those change, without what the examples themselves prepare."""
    rows = [list(model.objects.order_by("pk").values()) for model in CHANGED]
    keys_of = list(ApiKey.objects.exclude(name="a key of the tests", revoked_at=None).values())
    resolved = list(Resolution.objects.exclude(note="ok").values())
    named = list(ConnectedUser.objects.exclude(name="").values())
    return [*rows, keys_of, resolved, named, User.objects.get(username="ada").last_login]


@pytest.mark.parametrize("action", CHANGES, ids=str)
def test_what_the_audit_cannot_tell_does_not_happen(
    scene: Scene, action: Action, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the audit is away")

    act = DONE[action][0]
    before = standing()
    with transaction.atomic():
        act(scene)
        changed = standing()
        transaction.set_rollback(True)
    assert changed != before
    scene.client.force_login(scene.person)
    before = standing()
    monkeypatch.setattr(audit, "line", away)
    with suppress(AssertionError, OperationalError):  # it is answered with 503
        act(scene)
    assert standing() == before
    assert not AuditEvent.objects.exists()


def test_rows_of_the_audit_are_only_ever_added() -> None:
    """Nothing in the source changes one or takes one away; a person who has left one stays, and a project too."""
    for path in sources("synclogs", "portal"):
        assert not re.search(r"AuditEvent\b[^\n]*\.(update|delete|bulk_update|save)\(", path.read_text()), path
        assert not re.search(r"(UPDATE|DELETE FROM|TRUNCATE|ALTER TABLE) synclogs_auditevent", path.read_text()), path


def test_values_before_and_after_are_told(scene: Scene) -> None:
    scene.post(f"{ADMIN}/membership/{scene.other.pk}/change/", {"role": Role.LEAD})
    event = AuditEvent.objects.get()
    assert (event.before, event.after) == ({"role": Role.VIEWER}, {"role": Role.LEAD})
    AuditEvent.objects.all().delete()
    scene.post(f"{ADMIN}/apikey/{scene.key.pk}/revoke/", {"reason": "leaked"})
    assert AuditEvent.objects.get().reason == "leaked"


@pytest.mark.parametrize("text", ["\x00" * 400, "x" * 5000, "\u202e\x1b[31m", "é" * 400, "surrogate"])
def test_no_text_makes_the_audit_fail_the_action(db: None, text: str) -> None:
    text = text.replace("surrogate", "\ud800")
    event = audit.record(Action.ACCESS_DENIED, actor_text=text, object_type=text, object_text=text, reason=text)
    event.refresh_from_db()
    assert event.object_text == text[:300].replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert len(event.actor_text) <= 200
