"""Re-enable endpoints: one attempt for one request, refusals at the right place, nothing of other projects."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from synclogs.catalogue.recovery import State
from synclogs.models import Action, ApiKey, AuditEvent, Project, Reenable, Resolution, Scope, Sync
from synclogs.recovery import reenable
from tests import factories, reenabling
from tests.factories import bearer
from tests.reenabling import stopped

pytestmark = pytest.mark.django_db
API = "/api/v1"
WHY = "The customer has reconnected the account."


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory()


@pytest.fixture
def key(project: Project) -> tuple[ApiKey, str]:
    return factories.api_key(project, Scope.SYNCS_REENABLE, Scope.LOGS_READ)


@pytest.fixture
def sync(project: Project) -> Sync:
    """One that may be re-enabled: somebody said that the cause is gone."""
    return ready(project)


def ready(project: Project) -> Sync:
    found, now = stopped(project), timezone.now()
    Resolution.objects.create(project=project, sync_id=found.sync_id, error_at=now, note="Reconnected.", at=now)
    return found


@pytest.fixture
def ask(client: Client, key: tuple[ApiKey, str]):
    def post(sync_id: object, body: Any = None, *, text: str = "", **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps({"reason": WHY} if body is None else body)
        url = f"{API}/syncs/{sync_id}/reenable"
        return client.post(url, data, "application/json", headers={**bearer(text or key[1]), **headers})

    return post


@pytest.fixture
def get(client: Client, key: tuple[ApiKey, str]):
    return lambda path, **parameters: client.get(API + path, parameters, headers=bearer(key[1]))


def is_problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    return body


def test_an_attempt_is_asked_for_and_can_be_followed(ask, get, key, project, sync):
    response = ask(sync.sync_id, **{"X-Request-ID": "from-a-client-1"})
    assert response.status_code == 202, response.content
    told, attempt = response.json(), Reenable.objects.get()
    assert response["Location"] == f"http://testserver{API}/reenables/{attempt.pk}"
    assert (told["id"], told["syncId"], told["state"]) == (str(attempt.pk), str(sync.sync_id), "requested")
    assert (told["isOpen"], told["override"], told["reason"]) == (True, False, WHY)
    assert told["requestedBy"] == f"key {key[0]}"
    assert told["url"] == f"http://testserver/p/{project.slug}/reenables/{attempt.pk}"
    assert [check["name"] for check in told["evidence"]][:4] == ["provided", "stopped", "curable", "cause_gone"]
    assert all(check["passed"] and check["words"] and check["help"] is None for check in told["evidence"])
    assert reenabling.jobs() == [{"attempt": str(attempt.pk)}]
    event = AuditEvent.objects.get(action=Action.REENABLE_REQUESTED)
    assert (event.actor, event.actor_text, event.reason) == (None, f"key {key[0]}", WHY)
    assert (event.address, event.request_id) == ("127.0.0.1", "from-a-client-1")

    assert get(f"/reenables/{attempt.pk}").json() == told
    now = timezone.now()
    reenable.move(
        Reenable.objects.all(),
        to=State.REFUSED,
        now=now,
        values={attempt.pk: {"answer": "No <b>.", "http_status": 403}},
    )
    after = get(f"/reenables/{attempt.pk}").json()
    assert (after["state"], after["isOpen"]) == ("refused", False)
    assert (after["answer"]["httpStatus"], after["answer"]["text"]) == (403, "No <b>.")
    assert after["sentence"] == "Not carried out. No <b>."
    assert after["endedAt"]


def test_a_second_request_names_the_attempt_that_is_under_way(ask, sync):
    first = ask(sync.sync_id).json()
    told = is_problem(ask(sync.sync_id), 409)
    assert told["attempt"] == first["id"]
    assert "an attempt is under way" in told["detail"]
    assert Reenable.objects.count() == len(reenabling.jobs()) == 1


def test_what_stands_in_the_way_is_told(ask, project):
    told = is_problem(ask(stopped(project).sync_id), 409)
    (check,) = told["checks"]
    assert (check["name"], check["passed"], check["canOverride"]) == ("cause_gone", None, True)
    assert check["title"] == "The cause is gone"
    assert check["words"]
    assert "mark the error as resolved" in check["help"]
    gone = stopped(project, error={"errorCode": "10007", "httpStatus": 404, "message": "gone"})
    assert "curable" in {check["name"] for check in is_problem(ask(gone.sync_id), 409)["checks"]}
    assert not Reenable.objects.exists()


def test_an_override_is_not_for_keys(ask, project):
    sync = stopped(project)
    told = is_problem(ask(sync.sync_id, {"reason": WHY, "override": True}), 403)
    assert f"http://testserver/p/{project.slug}/syncs/{sync.sync_id}" in told["detail"]
    assert AuditEvent.objects.get(action=Action.ACCESS_DENIED).object_text == f"{API}/syncs/{sync.sync_id}/reenable"
    assert not Reenable.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": " \t\n"}, "reason"),
        ({"reason": "…"}, "reason"),
        ({"reason": 7}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": ["a"]}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"reason": "", "override": True}, "reason"),
        ({"reason": WHY, "override": "true"}, "override"),
        ({"reason": WHY, "override": 1}, "override"),
        ({"reason": WHY, "override": None}, "override"),
        ({"reason": WHY, "a/b~": 1}, "a/b~"),
    ],
)
def test_the_field_at_fault_is_named(ask, sync, body, field):
    told = is_problem(ask(sync.sync_id, body), 400)
    assert list(told["errors"]) == [field]
    assert told["pointer"] == "/" + field.replace("~", "~0").replace("/", "~1")
    assert not Reenable.objects.exists()


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"x"', b"{}{}", b'{"reason": "a", "reason": "b"}', b'{"reason": "\\ud800"}', b"\xff"]
)
def test_the_body_is_read_strictly(ask, sync, body):
    is_problem(ask(sync.sync_id, body), 400)
    assert not Reenable.objects.exists()


def test_a_reason_as_long_as_may_be_and_of_any_characters(ask, sync):
    reason = "<script>🚑 " + "é" * (2000 - 10)
    assert ask(sync.sync_id, {"reason": reason, "override": False}).json()["reason"] == reason


def test_the_key_needs_the_scope(client, ask, project, sync):
    others = factories.api_key(project, Scope.LOGS_READ, Scope.LOGS_WRITE, Scope.USERS_WRITE)[1]
    assert "syncs:reenable" in is_problem(ask(sync.sync_id, text=others), 403)["detail"]
    client.force_login(reenabling.actor(project).user)
    is_problem(client.post(f"{API}/syncs/{sync.sync_id}/reenable", {"reason": WHY}, "application/json"), 401)
    assert not Reenable.objects.exists()


def test_syncs_and_attempts_of_others_are_unknown(ask, get, sync, settings):
    theirs = ready(factories.ProjectFactory())
    reenabling.owners(settings, theirs.project, sync.project)
    attempt = reenabling.requested(theirs)
    mine = is_problem(ask(uuid.uuid4()), 404)
    assert is_problem(ask(theirs.sync_id), 404)["detail"] == mine["detail"]
    for text in ("x", "5", f"{sync.sync_id}x", "../logs", "%2e%2e"):
        is_problem(ask(text), 404)
    for name in (attempt.pk, uuid.uuid4(), "x"):
        is_problem(get(f"/reenables/{name}"), 404)
    assert get("/reenables").json() == {"results": [], "next": None}


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_only_post_re_enables(client, key, sync, method):
    response = getattr(client, method)(f"{API}/syncs/{sync.sync_id}/reenable", headers=bearer(key[1]))
    assert response.status_code == 405
    assert response["Allow"] == "POST"
    assert not Reenable.objects.exists()


def test_nothing_goes_by_a_parameter(client, get, key, sync):
    url = f"{API}/syncs/{sync.sync_id}/reenable?override=true"
    refused = client.post(url, json.dumps({"reason": WHY}), "application/json", headers=bearer(key[1]))
    assert list(is_problem(refused, 400)["errors"]) == ["override"]
    assert list(is_problem(get(f"/reenables/{uuid.uuid4()}", x="1"), 400)["errors"]) == ["x"]


def test_the_rate_of_a_key_holds(ask, get, project, key, monkeypatch):
    monkeypatch.setattr("synclogs.recovery.checks.RATE", 1)
    assert ask(ready(project).sync_id).status_code == 202
    assert [check["name"] for check in is_problem(ask(ready(project).sync_id), 409)["checks"]] == ["rate"]


def test_the_list_is_whole_newest_first_and_filtered(get, project):
    now = timezone.now()
    made = [
        Reenable.objects.create(
            project=project,
            sync_id=uuid.uuid4(),
            state=State.RECOVERED if number % 2 else State.REFUSED,
            integration=f"i-{number % 3}",
            reason=WHY,
            requested_at=now - timedelta(minutes=number // 3),  # three at once
            expires_at=now,
        )
        for number in range(11)
    ]
    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = get("/reenables", limit="2", **({"cursor": cursor} if cursor else {})).json()
        seen += page["results"]
        cursor = page["next"]
    assert {row["id"] for row in seen} == {str(one.pk) for one in made}
    assert len(seen) == len(made)
    assert [row["requestedAt"] for row in seen] == sorted((row["requestedAt"] for row in seen), reverse=True)
    assert len(get("/reenables", state=["recovered", "accepted"]).json()["results"]) == 5
    assert len(get("/reenables", integration="i-0", state="refused").json()["results"]) == 2
    assert [row["id"] for row in get("/reenables", sync=made[3].sync_id).json()["results"]] == [str(made[3].pk)]
    for name, value in (
        ("state", "gone"),
        ("state", ["recovered"] * 101),
        ("sync", "x"),
        ("cursor", "x"),
        ("cursor", "MSAy"),
        ("limit", "0"),
        ("who", "x"),
    ):
        assert list(is_problem(get("/reenables", **{name: value}), 400)["errors"]) == [name]


def test_the_list_asks_the_database_little(get, project, django_assert_max_num_queries):
    for _ in range(20):
        reenabling.requested(stopped(project))
    get("/limits")
    with django_assert_max_num_queries(3):
        assert len(get("/reenables").json()["results"]) == 20
