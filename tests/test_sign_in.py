"""Signing in and out: nothing disclosed, audit rows, refused forms, accepted passwords."""

import statistics
import time
from typing import Any

import pytest
from django.contrib.auth.hashers import identify_hasher
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.test import Client

from synclogs.models import Action, AuditEvent
from tests import factories
from tests.denied import settled
from tests.factories import PASSWORD
from tests.reader import form_token

pytestmark = pytest.mark.django_db
URL = "/accounts/login/"


@pytest.fixture
def person(db: None) -> User:
    return factories.UserFactory(with_password=True)


def sign_in(client: Client, username: str, password: str = PASSWORD, **more: Any) -> Any:
    return client.post(URL, {"username": username, "password": password}, **more)


def words_of(response: Any) -> str:
    assert response.status_code == 200
    html = response.content.decode()
    alert = html.partition('role="alert"')[2].partition("</div>")[0]
    assert alert
    return str(alert)


def test_a_sign_in_makes_a_new_session_and_a_line_of_the_audit(client: Client, person: User) -> None:
    client.get(URL)
    client.session.save()
    before = client.session.session_key
    response = sign_in(client, person.username, headers={"X-Request-ID": "sign-in-request"})
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.session.session_key != before
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.actor_text) == (Action.SIGNED_IN, person, person.username)
    assert (event.address, event.request_id) == ("127.0.0.1", "sign-in-request")


@pytest.mark.usefixtures("one_minute")
def test_every_failure_says_the_same_and_is_audited(client: Client, person: User) -> None:
    inactive = factories.UserFactory(with_password=True, is_active=False)
    nameless = factories.UserFactory(password="!")
    tries = {
        "wrong password": (person.username, "not the password"),
        "nobody": ("nobody-at-all", PASSWORD),
        "inactive": (inactive.username, PASSWORD),
        "no password set": (nameless.username, PASSWORD),
        "another case": (person.username.upper(), PASSWORD),
        "with blanks inside": (person.username, f" {PASSWORD}x"),
    }
    said = {name: words_of(sign_in(client, *pair)) for name, pair in tries.items()}
    assert len(set(said.values())) == 1, said
    assert not Session.objects.exists()
    first, rest = settled()  # one at once, the others in a number when the minute is over
    assert first.action == rest.action == Action.SIGN_IN_FAILED
    assert first.actor_text == person.username
    assert rest.after == {
        "more": len(tries) - 1,
        "tried": [*dict.fromkeys(name for name, _ in tries.values())],
        "network": "127.0.0.1",
        "minute": (rest.after or {})["minute"],
    }
    assert not any(PASSWORD in str(value) for event in AuditEvent.objects.values() for value in event.values())


@pytest.mark.parametrize("name", ["\x00", "a\x00b", "x" * 151, "x" * 5000, "\u202e\x1b", "' OR 1=1 --", "%s{0}"])
def test_odd_names_are_refused_and_audited(client: Client, name: str) -> None:
    response = sign_in(client, name)
    assert response.status_code == 200
    assert "/accounts/login/" in response.content.decode()
    event = AuditEvent.objects.get()
    assert event.action == Action.SIGN_IN_FAILED
    assert event.actor_text == name.strip()[:200].replace("\x00", "\ufffd") or event.actor_text == ""


@pytest.mark.parametrize(
    "fields", [{}, {"username": ""}, {"password": PASSWORD}, {"username": ["a", "b"], "password": ["c", "d"]}]
)
def test_half_a_form_is_refused(client: Client, fields: dict[str, Any]) -> None:
    assert client.post(URL, fields).status_code == 200
    assert AuditEvent.objects.get().action == Action.SIGN_IN_FAILED


def test_an_unknown_or_inactive_name_takes_as_long_as_a_wrong_password(client: Client, person: User) -> None:
    """By the time spent computing, of which hashing is nearly all."""

    def seconds(username: str) -> float:
        began = time.process_time()
        sign_in(client, username, "not the password")
        return time.process_time() - began

    inactive = factories.UserFactory(with_password=True, is_active=False)
    sign_in(client, person.username, "not the password")
    known = statistics.median(seconds(person.username) for _ in range(5))
    for name in ("nobody-at-all", inactive.username):
        other = statistics.median(seconds(name) for _ in range(5))
        assert 0.75 < other / known < 1.33, (known, other)
        assert other > 0.01  # something was hashed


def test_forms_without_their_token_are_refused(person: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client, person.username).status_code == 403
    token = form_token(client.get(URL))
    fields = {"username": person.username, "password": PASSWORD, "csrfmiddlewaretoken": token}
    elsewhere = client.post(URL, fields, headers={"Origin": "https://evil.example"})
    assert elsewhere.status_code == 403
    assert b"out of date" in elsewhere.content
    assert client.post(URL, fields).status_code == 302
    assert client.post("/accounts/logout/").status_code == 403
    assert client.post("/admin/logout/").status_code == 403
    assert client.get("/accounts/logout/").status_code == 405
    assert Session.objects.count() == 1
    fresh = form_token(client.get("/"))
    assert client.post("/accounts/logout/", {"csrfmiddlewaretoken": fresh}).status_code == 302
    assert not Session.objects.exists()


def test_signing_out_ends_the_session_on_the_server(client: Client, person: User) -> None:
    sign_in(client, person.username)
    cookie = client.cookies["session"].value
    assert client.post("/accounts/logout/").status_code == 302
    assert AuditEvent.objects.filter(action=Action.SIGNED_OUT, actor=person).count() == 1
    replay = Client()
    replay.cookies["session"] = cookie
    assert replay.get("/")["Location"].startswith(URL)
    assert client.post("/accounts/logout/").status_code == 302  # again: nothing to end, nothing to tell
    assert AuditEvent.objects.filter(action=Action.SIGNED_OUT).count() == 1


def test_a_page_for_people_signed_in_comes_back_after_the_sign_in(client: Client, person: User) -> None:
    asked = "/p/demo/logs?level=error&user=a%2Fb"
    location = client.get(asked)["Location"]
    form = client.get(location).content.decode()
    assert 'name="next" value="/p/demo/logs?level=error&amp;user=a%2Fb"' in form


# Passwords.


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "twelve chars",
        "nur kleine buchstaben",
        "🦀" * 12,
        "7f3a" * 32,
        " leading and trailing blanks ",
    ],
)
def test_long_passwords_of_any_kind_are_taken(password: str) -> None:
    validate_password(password)


@pytest.mark.parametrize("password", ["", "elevenchars", "password1234", "qwertyuiop123", "maria.lopez.1"])
def test_short_common_and_personal_passwords_are_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, User(username="maria.lopez", email="maria.lopez@example.com"))


def test_passwords_are_hashed_with_scrypt(person: User) -> None:
    assert identify_hasher(person.password).algorithm == "scrypt"
    person.set_password("x" * 128)
    assert person.check_password("x" * 128)
    assert not person.check_password("x" * 127)


def test_the_forms_that_set_a_password_hold_the_rules(client: Client) -> None:
    root = factories.UserFactory(with_password=True, is_staff=True, is_superuser=True)
    other = factories.UserFactory()
    client.force_login(root)
    both = {"old_password": PASSWORD, "new_password1": "short", "new_password2": "short"}
    assert b"at least 12 characters" in client.post("/admin/password_change/", both).content
    pair = {"password1": "short", "password2": "short"}
    assert b"at least 12 characters" in client.post(f"/admin/auth/user/{other.pk}/password/", pair).content
    made = {"username": "new", **pair}
    assert b"at least 12 characters" in client.post("/admin/auth/user/add/", made).content
    root.refresh_from_db()
    assert root.check_password(PASSWORD)
    assert not User.objects.filter(username="new").exists()
