"""Sessions: end by idleness, age, sign-out, a new password and a disabled account. A dump of the table opens none."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from django.utils import timezone

from portal.access.projects import is_polled
from portal.sign_in import known_browsers
from synclogs.ingestion import maintenance
from synclogs.models import AuditEvent, Membership, Project, Role
from tests import factories
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
IDLE, WHOLE = timedelta(minutes=30), timedelta(hours=12)
MINUTE = timedelta(minutes=1)
URL = "/accounts/login/"
TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
NO_ROLES = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
POLLED = {
    "attempt-progress",
    "bulk-progress",
    "evidence",
    "export-state",
    "logs-counts",
    "logs-tail",
    "saved-view-counts",
}


@pytest.fixture
def project(db: None) -> Project:
    return factories.ProjectFactory()


@pytest.fixture
def person(project: Project) -> User:
    made = factories.UserFactory(with_password=True)
    factories.MembershipFactory(project=project, user=made, role=Role.OPERATOR)
    return made


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """later(time) moves the clock on, for everything that asks Django for it."""
    real, shift = timezone.now, [timedelta()]
    monkeypatch.setattr(timezone, "now", lambda: real() + shift[0])

    def move(by: timedelta) -> None:
        shift[0] += by

    return move


def sign_in(person: User) -> Client:
    client = Client()
    assert client.post(URL, {"username": person.username, "password": PASSWORD}).status_code == 302
    return client


def replayed(client: Client) -> Client:
    """Another browser with the same session cookie."""
    other = Client()
    other.cookies[settings.SESSION_COOKIE_NAME] = client.cookies[settings.SESSION_COOKIE_NAME].value
    return other


def is_in(client: Client, path: str) -> bool:
    response = client.get(path)
    if response.status_code == 302:
        assert response["Location"] == f"{URL}?next={path}"
    return response.status_code == 200


@pytest.fixture
def path(project: Project) -> str:
    return f"/p/{project.slug}/users"


def test_a_session_ends_when_nobody_does_anything(person: User, path: str, later: Callable[[timedelta], None]) -> None:
    client = sign_in(person)
    for _ in range(3):
        later(IDLE - MINUTE)
        assert is_in(client, path)
    later(IDLE + MINUTE)
    assert not is_in(client, path)
    later(-IDLE)
    assert client.get(path).status_code == 302  # the browser has been told to forget it


def test_a_session_ends_at_its_age_whatever_is_done(
    person: User, path: str, later: Callable[[timedelta], None]
) -> None:
    client = sign_in(person)
    for _ in range(47):
        later(timedelta(minutes=15))
        assert is_in(client, path)
    later(timedelta(minutes=16))
    assert not is_in(client, path)


def test_the_limits_are_settings(person: User, path: str, later: Any, settings: Any) -> None:
    settings.SESSION_IDLE_MINUTES, settings.SESSION_HOURS = 5, 1
    client = sign_in(person)
    later(timedelta(minutes=4))
    assert is_in(client, path)
    later(timedelta(minutes=6))
    assert not is_in(client, path)
    client = sign_in(person)
    settings.SESSION_IDLE_MINUTES = 600
    later(timedelta(minutes=4))
    assert is_in(client, path)
    later(timedelta(minutes=57))
    assert not is_in(client, path)


def test_what_an_open_page_asks_by_itself_is_no_activity(
    person: User, project: Project, path: str, later: Callable[[timedelta], None]
) -> None:
    client = sign_in(person)
    other = factories.ProjectFactory()
    factories.MembershipFactory(project=other, user=person)
    assert is_in(client, path)
    for number in range(29):  # also of two projects in turn
        later(MINUTE)
        slug = (project, other)[number % 2].slug
        assert client.get(f"/p/{slug}/logs/tail?after=x").status_code in (204, 400)
        assert client.get(f"/p/{slug}/logs/views").status_code == 200
    later(2 * MINUTE)
    assert client.get(f"/p/{project.slug}/logs/tail").status_code == 302


def test_every_address_that_polls_is_marked() -> None:
    """Those that templates and scripts ask without a click; a new one has to be decided."""
    pages: Any = next(found for found in get_resolver().url_patterns if str(found.pattern) == "p/<slug:project>/")
    assert {page.name for page in pages.url_patterns if is_polled(page.callback)} == POLLED
    by_itself = re.compile(r"""hx-get="{% page_url '([\w-]+)'[^>]*? hx-trigger="(?:every|load)""")
    found = {name for path in TEMPLATES.rglob("*.html") for name in by_itself.findall(path.read_text())}
    assert found
    assert found <= POLLED


def test_the_row_is_written_once_a_minute(person: User, path: str, later: Callable[[timedelta], None]) -> None:
    client = sign_in(person)
    is_in(client, path)  # the project is remembered

    def writes() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert is_in(client, path)
        return sum(query["sql"].startswith('UPDATE "django_session"') for query in queries)

    assert [writes(), writes()] == [0, 0]
    later(timedelta(seconds=59))
    assert writes() == 0
    later(timedelta(seconds=2))
    assert [writes(), writes()] == [1, 0]


def test_the_table_opens_no_session(person: User, path: str) -> None:
    client = sign_in(person)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert is_in(replayed(client), path)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(held)::text FROM django_session AS held")
        rows = [row for (row,) in cursor.fetchall()]
    assert len(rows) == 1
    assert cookie not in rows[0]
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = Session.objects.get().session_key
    assert not is_in(thief, path)
    assert not AuditEvent.objects.exclude(actor=person).exists()


def test_what_browsers_and_sessions_hold_outlives_a_move_of_modules(person: User) -> None:
    """Both names stand in what was given out; another one would sign everybody out, or make every browser a stranger."""
    assert sign_in(person).session[BACKEND_SESSION_KEY] == "portal.access.Members"
    assert known_browsers.SALT == "portal.devices"


def test_a_sign_in_makes_a_new_session_id(person: User, path: str) -> None:
    """A key that somebody else has put there is never taken on."""
    victim = Client()
    victim.cookies[settings.SESSION_COOKIE_NAME] = "planted0planted0planted0planted0"
    assert victim.post(URL, {"username": person.username, "password": PASSWORD}).status_code == 302
    fresh = victim.cookies[settings.SESSION_COOKIE_NAME].value
    assert fresh != "planted0planted0planted0planted0"
    assert is_in(victim, path)
    victim.cookies[settings.SESSION_COOKIE_NAME] = "planted0planted0planted0planted0"
    assert not is_in(victim, path)


def test_sign_out_ends_it_on_the_server(person: User, path: str) -> None:
    client = sign_in(person)
    thief = replayed(client)
    assert client.post("/accounts/logout/").status_code == 302
    assert not is_in(thief, path)
    assert not Session.objects.exists()


def test_a_new_password_ends_all_but_the_own_one(person: User, path: str) -> None:
    person.is_staff = True
    person.save()
    here, elsewhere = sign_in(person), sign_in(person)
    before = replayed(here)
    words = {"old_password": PASSWORD, "new_password1": "quite another one", "new_password2": "quite another one"}
    assert here.post("/admin/password_change/", words).status_code == 302
    assert is_in(here, path)
    assert not is_in(elsewhere, path)
    assert not is_in(before, path)


def test_a_password_set_by_somebody_else_ends_all(person: User, path: str) -> None:
    client, root = sign_in(person), Client()
    root.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    words = {"password1": "quite another one", "password2": "quite another one"}
    assert root.post(f"/admin/auth/user/{person.pk}/password/", words).status_code == 302
    assert not is_in(client, path)


@pytest.mark.parametrize("is_seen_meanwhile", [False, True])
def test_deactivation_ends_all_for_good(person: User, path: str, is_seen_meanwhile: bool) -> None:
    """By the administration or past it; who is let in again later has to sign in."""
    client, other = sign_in(person), sign_in(factories.UserFactory(with_password=True))
    if is_seen_meanwhile:
        User.objects.filter(pk=person.pk).update(is_active=False)
        assert not is_in(client, path)
    else:
        root = Client()
        root.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
        form = {"username": person.username, **NO_ROLES}
        assert root.post(f"/admin/auth/user/{person.pk}/change/", form).status_code == 302
    assert not User.objects.get(pk=person.pk).is_active
    User.objects.filter(pk=person.pk).update(is_active=True)
    Membership.objects.get_or_create(user=person, project=Project.objects.get())
    assert not is_in(client, path)
    assert other.get("/").status_code == 200


def test_sessions_that_ended_are_purged(person: User, later: Callable[[timedelta], None]) -> None:
    old = sign_in(person)
    later(IDLE + MINUTE)
    fresh = sign_in(person)
    assert Session.objects.count() == 2
    maintenance.maintain(now=timezone.now())
    assert Session.objects.count() == 1
    assert fresh.get("/").status_code == 302
    assert fresh.get("/")["Location"].startswith("/p/")
    assert old.get("/")["Location"].startswith(URL)
