"""Audit of refusals: visible at once, grouped by minute and address, complete and bounded, over several processes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django import app
from pytest_django import DjangoAssertNumQueries

from portal.api import keys as door
from synclogs import jobs
from synclogs.access import denials, keys
from synclogs.models import Action, AuditEvent, Denial, Project, Role, Scope
from synclogs.moments import MINUTE, floor
from tests import factories
from tests.denied import settled, times
from tests.factories import api_key, bearer, member

LOGIN = "/accounts/login/"
FROM = "203.0.113.7"


def note(tried: str = "mallory", *, address: str | None = FROM, **more: Any) -> None:
    denials.note(Action.SIGN_IN_FAILED, tried, address=address, **more)


@pytest.mark.django_db(transaction=True)
def test_a_thousand_failures_in_many_processes_are_two_rows_with_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted and settled at once by many connections: nothing twice, nothing lost."""
    began = timezone.now().replace(second=59)
    monkeypatch.setattr(timezone, "now", lambda: began)  # all within a minute

    def fail(number: int) -> None:
        try:
            for turn in range(125):
                note(f"name-{(number * 125 + turn) % 40}")
        finally:
            connection.close()

    def settle(_: int) -> int:
        try:
            return denials.settle(now=began + timedelta(minutes=1))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fail, range(8)))
        (first,) = AuditEvent.objects.all()  # seen at once
        assert (first.action, first.actor_text, first.address) == (Action.SIGN_IN_FAILED, first.actor_text, FROM)
        assert first.words == "Sign-in failed"
        assert denials.settle(now=began) == 0  # the minute is not over
        assert sum(pool.map(settle, range(8))) == 1
    _, rest = AuditEvent.objects.order_by("id")
    assert rest.words == "Sign-in failed · 999 more within the minute"
    assert rest.reason == f"999 more within the minute from {began:%H:%M} UTC, from {FROM}."
    assert rest.address == FROM
    assert rest.object_text.endswith(" and others")
    assert len((rest.after or {})["tried"]) == denials.NAMES
    assert not Denial.objects.exists()


@pytest.mark.django_db
def test_what_is_refused_again_costs_one_statement(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    note()
    with django_assert_num_queries(1):
        note("another")
    assert times() == 2


@pytest.mark.django_db
def test_one_alone_has_no_second_row() -> None:
    note(request_id="request-1", reason="why")
    (event,) = settled()
    assert (event.actor_text, event.request_id, event.reason, event.after) == ("mallory", "request-1", "why", None)


@pytest.mark.django_db
def test_who_has_one_address_of_ipv6_has_all_of_its_network() -> None:
    for number in range(5):
        note(address=f"2001:db8::{number + 1}")
    note(address="2001:db8:0:1::1")
    first, other, rest = settled()
    assert (first.address, other.address, rest.address) == ("2001:db8::1", "2001:db8:0:1::1", "2001:db8::")
    assert "4 more" in rest.reason
    assert rest.reason.endswith("from 2001:db8::/64.")
    assert denials.network_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert {denials.network_of(text) for text in (None, "", "nowhere")} == {"unknown"}


@pytest.mark.django_db
def test_addresses_beyond_a_hundred_share_a_row_and_hide_nobody_who_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denials, "OWN_ROWS", 3)
    for number in range(20):
        note(address=f"198.51.100.{number}")
        note(address=f"198.51.100.{number}")
    person, projects = factories.UserFactory(), [factories.ProjectFactory() for _ in range(5)]
    for project in projects:
        denials.note(Action.ACCESS_DENIED, "/p/x/", address=FROM, project=project, actor=person)
    assert times(action=Action.SIGN_IN_FAILED) == 40
    failed = settled(action=Action.SIGN_IN_FAILED)
    assert len(failed) == 3 + 1 + 3 + 1
    others = [event for event in failed if "from other addresses" in event.reason]
    assert [(event.after or {})["more"] for event in others] == [33]
    assert [event.address for event in others] == [None]
    denied = settled(action=Action.ACCESS_DENIED)
    assert {event.actor for event in denied} == {person}
    assert {event.project for event in denied} == {*projects[:3], None}
    assert times(action=Action.ACCESS_DENIED) == 5


@pytest.mark.django_db
def test_without_a_worker_the_next_refusal_writes_what_is_left() -> None:
    for number in range(7):
        note(address=f"198.51.100.{number}")
        note(address=f"198.51.100.{number}")
    Denial.objects.update(minute=timezone.now() - timedelta(minutes=4))
    note()
    assert AuditEvent.objects.count() == 7 + 1 + denials.ABANDONED_AFTER_MINUTES
    note(address="192.0.2.1")
    assert AuditEvent.objects.count() == 7 + 2 + 7
    assert times() == 16


@pytest.mark.django_db
def test_the_worker_does_it_each_minute() -> None:
    note()
    note()
    jobs.settle_denials(timestamp=0)
    assert AuditEvent.objects.count() == 1  # the minute is not over
    Denial.objects.update(minute=floor(timezone.now(), MINUTE) - timedelta(minutes=1, seconds=10))
    jobs.settle_denials(timestamp=0)
    assert [event.words for event in AuditEvent.objects.order_by("id")] == [
        "Sign-in failed",
        "Sign-in failed · 1 more within the minute",
    ]
    assert "synclogs.jobs.settle_denials" in {name for name, _ in app.periodic_registry.periodic_tasks}


@pytest.mark.django_db(transaction=True)
def test_a_refusal_stands_without_the_audit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    project = factories.ProjectFactory(slug="beta")
    text = api_key(project, Scope.LOGS_WRITE)[1]

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the database is away")

    for name in ("_counted", "_begun", "settle"):
        monkeypatch.setattr(denials, name, away)
    client.force_login(factories.UserFactory())
    assert client.get("/p/beta/logs").status_code == 404
    assert client.get("/admin/").status_code == 403
    assert Client().get("/api/v1/logs", headers=bearer(text)).status_code == 403
    assert Client().get("/api/v1/logs", headers=bearer("wrong")).status_code == 401
    assert Client().post(LOGIN, {"username": "x", "password": ""}).status_code == 200
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["\x00" * 400, "x" * 5000, "\ud800", "é" * 400, "", "%s {0} '--"])
def test_no_text_makes_it_fail(text: str) -> None:
    note(text)
    note(text)
    assert times() == 2


# Who is refused what.


@pytest.fixture
def beta(db: None) -> Project:
    return factories.ProjectFactory(slug="beta", name="Beta")


def test_keys_that_open_nothing_are_told_by_their_public_id(client: Client, beta: Project) -> None:
    now = timezone.now()
    key, text = api_key(beta)
    revoked, old = api_key(beta)
    keys.revoke(revoked, now=now)
    expired, older = api_key(beta, expires_at=now - timedelta(seconds=1))
    readers, reader = api_key(beta, Scope.LOGS_READ)
    last = "a" if text[-1] != "a" else "b"
    other = keys.create(beta, "gone", scopes=[])
    other[0].delete()
    forged = f"ssp_{key.key_id}_{'x' * 38}"
    tries = {
        "nonsense": "This is no key of the portal.",
        other[1]: "There is no key with this id.",
        forged: "The secret is wrong.",
        text[:-1] + last: "The key was mistyped, or not sent as Bearer.",
        old: "The key was revoked.",
        older: "The key has expired.",
        reader: "The key lacks the scope logs:write.",
    }
    rows = {}
    for tried, why in tries.items():
        AuditEvent.objects.all().delete()
        Denial.objects.all().delete()
        status = 403 if tried == reader else 401
        assert client.post("/api/v1/logs", b"{}", "application/json", headers=bearer(tried)).status_code == status
        (rows[tried],) = settled()
        assert rows[tried].reason == why
        assert rows[tried].address == "127.0.0.1"
        assert len(rows[tried].request_id) == 32
        values = str(AuditEvent.objects.values().get())
        assert tried not in values
        assert tried.rpartition("_")[2][:32] not in values
    assert [row.project for row in rows.values()] == [None, None, *[beta] * 5]
    assert [row.object_text for row in rows.values()] == [
        "",
        f"ssp_{other[0].key_id}",
        *[f"ssp_{one.key_id}" for one in (key, key, revoked, expired)],
        "/api/v1/logs",
    ]
    # Only who has the secret is that key; who knows its id only claims to be.
    assert [row.actor_text for row in rows.values()] == ["", "", "", *map(str, (key, revoked, expired, readers))]
    assert rows[reader].action == Action.ACCESS_DENIED
    assert {row.action for row in rows.values()} == {Action.ACCESS_DENIED, Action.KEY_REFUSED}


def test_keys_are_summed_up_and_none_at_all_is_no_try(client: Client, beta: Project) -> None:
    text = api_key(beta, Scope.LOGS_WRITE)[1]
    for _ in range(4):
        client.get("/api/v1/logs", headers=bearer("guess"))
        client.get("/api/v1/syncs", headers=bearer(text))
        client.get("/api/v1/logs")
        client.get("/api/v1/logs", headers={"Authorization": "odd"})
    assert times(action=Action.KEY_REFUSED, project=None) == 8
    assert times(action=Action.ACCESS_DENIED, project=beta) == 4
    assert AuditEvent.objects.count() == 2 + 2


def test_guesses_are_counted_beyond_their_rate(client: Client, beta: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "FAILURES_PER_MINUTE", 2)
    statuses = [client.get("/api/v1/logs", headers=bearer("guess")).status_code for _ in range(6)]
    assert statuses == [401, 401, 429, 429, 429, 429]
    assert times(action=Action.KEY_REFUSED) == 6


@pytest.mark.usefixtures("one_minute")
def test_a_stranger_is_told_of_in_the_project_and_learns_nothing(client: Client, beta: Project) -> None:
    stranger = factories.UserFactory(username="mallory")
    client.force_login(stranger)
    answers, costs = [], []
    for slug in ("beta", "no-such"):
        for _ in range(3):
            with CaptureQueriesContext(connection) as counted:
                answers.append(client.get(f"/p/{slug}/syncs"))
            costs.append(len(counted))
    assert {answer.status_code for answer in answers} == {404}
    assert costs[:3] == costs[3:]
    first, rest = settled(project=beta)
    assert (first.actor, first.object_text, first.reason) == (
        stranger,
        "/p/beta/syncs",
        "Not a member of this project.",
    )
    assert (rest.actor, rest.words) == (stranger, "Access denied · 2 more within the minute")
    assert [event.object_text for event in settled(project=None)] == ["/p/no-such/syncs"] * 2


@pytest.mark.usefixtures("one_minute")
def test_no_get_writes_a_row_for_itself(client: Client, beta: Project) -> None:
    """Not by a role that is too low, not at the door of the administration, not by another site, not by asking again."""
    client.force_login(member(beta, Role.VIEWER))
    for _ in range(5):
        assert client.get("/p/beta/audit").status_code == 403
        assert client.get("/admin/").status_code == 403
        elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        assert client.get("/p/beta/logs", headers=elsewhere).status_code == 403
        assert Client().get("/p/beta/logs", headers=elsewhere).status_code == 403
    assert len(settled()) == 4  # of the project and of the administration, each a first and a rest
    assert times(project=beta) == 10
    assert times(project=None) == 5


@pytest.mark.usefixtures("one_minute")
def test_forms_without_their_token_are_told_of(beta: Project) -> None:
    person = member(beta, Role.OPERATOR)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person)
    assert strict.post("/p/beta/views", {"name": "x"}).status_code == 403
    assert Client(enforce_csrf_checks=True).post(LOGIN, {"username": "x"}).status_code == 403
    mine, nobodys = settled()
    assert (mine.actor, mine.project, mine.object_text) == (person, beta, "/p/beta/views")
    assert (nobodys.actor, nobodys.project, nobodys.object_text) == (None, None, LOGIN)


@pytest.mark.usefixtures("one_minute")
def test_failed_sign_ins_over_http_are_two_rows(client: Client, db: None) -> None:
    User.objects.create_user("ada")
    for number in range(30):
        assert client.post(LOGIN, {"username": f"name-{number % 3}", "password": ""}).status_code == 200
    first, rest = settled()
    assert (first.actor_text, first.words) == ("name-0", "Sign-in failed")
    assert (rest.words, rest.object_text) == ("Sign-in failed · 29 more within the minute", "name-0, name-1, name-2")


def test_the_page_and_the_administration_say_it_in_words(client: Client, beta: Project) -> None:
    lead, root = member(beta, Role.LEAD), factories.UserFactory(is_superuser=True, is_staff=True)
    for _ in range(85):
        denials.note(Action.KEY_REFUSED, "ssp_abc", address=FROM, project=beta)
    settled()
    client.force_login(lead)
    page = client.get("/p/beta/audit?action=key_refused").content.decode()
    assert "API key refused · 84 more within the minute" in page
    assert f"from {FROM}." in page
    client.force_login(root)
    listed = client.get("/admin/synclogs/auditevent/?action=key_refused").content.decode()
    assert "84 more within the minute" in listed
