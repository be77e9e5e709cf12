"""Rate limits of sign-in: refused before hashing, with a true waiting time, and nobody locked out."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import signing
from django.db.models import F
from django.test import Client

from portal.access.try_later import TryLater
from portal.sign_in import hashing, known_browsers, rate_limits
from synclogs.access import rate_limit
from synclogs.models import Action, AuditEvent, RateBucket
from tests import factories
from tests.denied import times
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
URL = "/accounts/login/"
BAD = "not the password"


@pytest.fixture
def person(db: None) -> User:
    return factories.UserFactory(with_password=True, username="marta")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tries by name, four by address."""
    monkeypatch.setattr(rate_limits, "NAME_PER_MINUTE", 2)
    monkeypatch.setattr(rate_limits, "ADDRESS_PER_MINUTE", 4)


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each hash."""
    done: list[int] = []
    real = hashing.HashThread.run

    def run(beside: Any, work: Any) -> str:
        done.append(1)
        return real(beside, work)

    monkeypatch.setattr(hashing.HashThread, "run", run)
    return done


def attempt(
    name: str, password: str = BAD, *, client: Client | None = None, address: str = "192.0.2.1", **more: Any
) -> Any:
    fields = {"username": name, "password": password, **more}
    return (client or Client()).post(URL, fields, REMOTE_ADDR=address)


def waits(response: Any) -> int:
    """The seconds that a refusal says, in its header and in words alike."""
    assert response.status_code == 429
    seconds = int(response["Retry-After"])
    assert seconds > 0
    page = html.unescape(response.content.decode())
    alert = re.sub(r"<[^>]+>", "", page.partition('role="alert">')[2].partition("</div>")[0])
    assert f"Wait {seconds} second" in alert
    assert "Nothing is locked" in alert
    return seconds


def pass_time(seconds: int) -> None:
    """As if so much time had passed, for the database and for the process."""
    RateBucket.objects.update(full_at=F("full_at") - timedelta(seconds=seconds))
    rate_limits.MEMORY.until = {subject: until - seconds for subject, until in rate_limits.MEMORY.until.items()}


def test_a_name_is_refused_after_its_tries_from_wherever_they_come(person: User, few: None, hashes: list[int]) -> None:
    assert [attempt("marta", address=f"192.0.2.{last}").status_code for last in (1, 2)] == [200, 200]
    count = len(hashes)
    assert count == 2
    refused = attempt("  MARTA ", PASSWORD, address="192.0.2.3", next="/p/demo/logs?q=a&b")
    waits(refused)
    assert len(hashes) == count
    page = refused.content.decode()
    assert 'name="next" value="/p/demo/logs?q=a&amp;b"' in page
    assert 'value="  MARTA "' in page
    assert attempt("another", address="192.0.2.3").status_code == 200


def test_an_address_is_refused_after_its_tries_whatever_the_names(few: None, person: User, hashes: list[int]) -> None:
    assert [attempt(f"name-{number}").status_code for number in range(4)] == [200] * 4
    waits(attempt("name-5"))
    waits(attempt("marta", PASSWORD))
    assert attempt("marta", PASSWORD, address="192.0.2.2").status_code == 302


def test_an_ipv6_network_is_one_address(few: None) -> None:
    for number in range(4):
        assert attempt(f"name-{number}", address=f"2001:db8::{number + 1}").status_code == 200
    waits(attempt("name-5", address="2001:db8::ffff"))
    assert attempt("name-6", address="2001:db8:0:1::1").status_code == 200


def test_after_the_time_that_was_told_the_right_password_is_taken(person: User, few: None) -> None:
    for _ in range(3):
        last = attempt("marta")
    pass_time(waits(last))
    assert attempt("marta", PASSWORD).status_code == 302


def test_coming_back_too_early_does_not_make_it_longer(person: User, few: None) -> None:
    told = [attempt("marta") for _ in range(3)][-1]
    first = waits(told)
    rate_limits.MEMORY.until.clear()  # as in another process
    pass_time(10)
    assert waits(attempt("marta")) in (first - 10, first - 9)
    assert waits(attempt("marta")) in (first - 10, first - 9)  # now from memory


@pytest.mark.parametrize("password", [BAD, PASSWORD])
def test_a_refusal_says_the_same_of_every_name(person: User, few: None, password: str) -> None:
    factories.UserFactory(with_password=True, username="zelda", is_active=False)
    pages = {}
    for name in ("marta", "zelda", "quirin"):
        client = Client()
        for number in range(3):
            last = attempt(name, client=client, address=f"198.51.100.{number}")
            rate_limits.MEMORY.until.clear()
        if name == "marta" and password == PASSWORD:
            last = attempt(name, PASSWORD, address="198.51.100.77")
        pages[name] = re.sub(r"Wait \d+ seconds?", "", last.content.decode()).replace(name, "…")
    assert len(set(pages.values())) == 1


def test_a_known_browser_gets_in_whatever_strangers_do(person: User, few: None) -> None:
    known = Client()
    assert attempt("marta", PASSWORD, client=known).status_code == 302
    known.post("/accounts/logout/")
    for _ in range(5):
        last = attempt("marta")
    waits(last)
    assert attempt("marta", PASSWORD, client=known).status_code == 302
    known.post("/accounts/logout/")
    assert attempt("someone", PASSWORD, client=known).status_code in (200, 429)  # known as herself only
    for _ in range(2):
        assert attempt("marta", client=known).status_code == 200
    waits(attempt("marta", PASSWORD, client=known))  # guessing is slow for a known browser too


def device_of(client: Client) -> Any:
    (found,) = [value for name, value in client.cookies.items() if name.startswith(settings.DEVICE_COOKIE_PREFIX)]
    return found


def test_what_the_cookie_of_a_known_browser_is(person: User) -> None:
    client = Client()
    attempt("marta", PASSWORD, client=client)
    cookie = device_of(client)
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 90 * 86400)
    assert "marta" not in cookie.key + cookie.value
    assert person.password not in cookie.value
    client.post("/accounts/logout/")
    assert device_of(client).value == cookie.value  # it stays after signing out


@pytest.mark.parametrize(
    "change", ["forged", "another account's", "old", "password changed", "deactivated", "another key"]
)
def test_who_is_not_known(person: User, few: None, change: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    attempt("marta", PASSWORD, client=client)
    client.post("/accounts/logout/")
    name, cookie, password = "marta", device_of(client), PASSWORD
    if change == "forged":
        client.cookies[cookie.key] = cookie.value[:-1] + ("a" if cookie.value[-1] != "a" else "b")
    elif change == "another account's":
        name = factories.UserFactory(with_password=True, username="other").username
        client.cookies[known_browsers._cookie(known_browsers.name_digest(name))] = cookie.value
    elif change == "old":
        monkeypatch.setattr(known_browsers, "DAYS", -1)
    elif change == "password changed":
        password = "quite another one"
        person.set_password(password)
        person.save()
    elif change == "deactivated":
        User.objects.filter(pk=person.pk).update(is_active=False)
    else:
        settings.SECRET_KEY = "another key of the tests, as long as it has to be, 0123456789"
    for _ in range(3):
        last = attempt(name)
    waits(last)
    rate_limits.MEMORY.until.clear()
    waits(attempt(name, password, client=client))


def test_who_succeeds_is_charged_nothing(person: User, few: None) -> None:
    for _ in range(7):
        assert attempt("marta", PASSWORD).status_code == 302
    for _ in range(2):
        assert attempt("marta").status_code == 200
    assert attempt("marta").status_code == 429


def test_a_refusal_that_is_known_is_only_counted(person: User, few: None, django_assert_num_queries: Any) -> None:
    """No session, no token, and of the database only the count for the audit: neither for the address nor for the name."""
    for _ in range(3):
        attempt("marta")
    client = Client(enforce_csrf_checks=True)
    waits(attempt("marta", client=client, address="203.0.113.9"))  # the first of an address has a line at once
    with django_assert_num_queries(2):
        waits(attempt("marta", client=client))
        waits(attempt("marta", client=client, address="203.0.113.9"))
    assert times(action=Action.SIGN_IN_FAILED) == 6


def test_the_form_can_be_sent_again_from_the_refusal(person: User, few: None) -> None:
    client = Client(enforce_csrf_checks=True)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(URL).content.decode())
    assert token
    for _ in range(4):
        last = attempt("marta", client=client, csrfmiddlewaretoken=token[1])
    again = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', last.content.decode())
    assert again
    pass_time(waits(last))
    assert attempt("marta", PASSWORD, client=client, csrfmiddlewaretoken=again[1]).status_code == 302


def test_what_was_typed_comes_back_as_text(few: None) -> None:
    odd = '"><script>alert(1)</script>'
    for _ in range(4):
        last = attempt(odd, next=odd, csrfmiddlewaretoken=odd)
    assert last.status_code == 429
    assert b"<script>alert" not in last.content


def test_a_busy_portal_says_so_and_keeps_the_name(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: Any) -> str:
        raise TryLater(hashing.BUSY, retry_after=hashing.RETRY_AFTER)

    monkeypatch.setattr(hashing.HashThread, "run", busy)
    response = attempt("marta", PASSWORD)
    assert (response.status_code, response["Retry-After"]) == (429, "5")
    assert b'value="marta"' in response.content
    assert AuditEvent.objects.get().action == Action.SIGN_IN_FAILED
    assert not Session.objects.exists()


def test_the_memory_of_a_process_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "REMEMBERED", 3)
    memory = rate_limits.Memory()
    memory.add({"over": -1.0})
    for number in range(5):
        memory.add({f"held {number}": 30.0})
    assert set(memory.until) == {"held 0", "held 1", "held 2"}
    assert set(memory.held(["held 1", "over", "none"])) == {"held 1"}


def test_allowances_leave_with_the_others(person: User, few: None) -> None:
    """What is in the table says no name, and fits its column."""
    for _ in range(3):
        attempt("marta")
    subjects = list(RateBucket.objects.values_list("subject", flat=True))
    assert len(subjects) == 3
    assert not any("marta" in subject for subject in subjects)
    assert rate_limit.held(subject.removeprefix("held:") for subject in subjects)


# Passwords that are too long, and the other forms that hash.


def test_a_password_that_is_too_long_is_refused_in_words_before_it_is_hashed(person: User, hashes: list[int]) -> None:
    for size in (129, 9_000):
        response = attempt("marta", "x" * size)
        assert response.status_code == 200
        assert b"at most 128 characters" in response.content
    large = attempt("marta", "x" * 900_000)
    assert (large.status_code, large.content) == (
        413,
        b"Too large. A name and a password never take more than 16 KiB.\n",
    )
    assert attempt("x" * 900_000).status_code == 413
    assert not hashes
    person.set_password("x" * 128)
    person.save()
    assert attempt("marta", "x" * 128).status_code == 302


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(factories.UserFactory(with_password=True, username="root", is_staff=True, is_superuser=True))
    return client


def forms(person: User, old: str = PASSWORD, new: str = "quite another one") -> dict[str, dict[str, str]]:
    return {
        "/admin/password_change/": {"old_password": old, "new_password1": new, "new_password2": new},
        f"/admin/auth/user/{person.pk}/password/": {"password1": new, "password2": new},
        "/admin/auth/user/add/": {"username": "new", "password1": new, "password2": new},
    }


def test_the_forms_refuse_what_is_too_long(root: Client, person: User, hashes: list[int]) -> None:
    hashes.clear()
    for path, fields in forms(person, old="y" * 129, new="x" * 129).items():
        response = root.post(path, fields)
        assert response.status_code == 200
        assert b"too long" in response.content
    assert not hashes


@pytest.mark.parametrize("why", ["busy", "too often"])
def test_the_forms_are_told_to_wait_and_change_nothing(
    root: Client, person: User, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any) -> str:
        raise TryLater(hashing.BUSY, retry_after=hashing.RETRY_AFTER)

    if why == "busy":
        monkeypatch.setattr(hashing.HashThread, "run", busy)
    else:
        monkeypatch.setattr(rate_limits, "PERSON_PER_MINUTE", 1)
        assert root.post("/admin/password_change/", {}).status_code == 200
    for path, fields in forms(person).items():
        response = root.post(path, fields)
        assert response.status_code == 429
        assert f"Wait {response['Retry-After']} second" in response.content.decode()
        assert b"Nothing was changed" in response.content
        assert root.get(path).status_code == 200
    monkeypatch.undo()
    assert not User.objects.filter(username="new").exists()
    assert all(check_password(PASSWORD, user.password) for user in User.objects.all())


def test_a_change_of_the_own_password_keeps_the_browser_known(root: Client, few: None) -> None:
    path, fields = next(iter(forms(User.objects.get()).items()))
    assert root.post(path, fields).status_code == 302
    assert signing.TimestampSigner(salt=known_browsers.SALT).unsign(device_of(root).value)
    for _ in range(3):
        attempt("root")
    root.post("/accounts/logout/")
    assert attempt("root", "quite another one", client=root).status_code == 302
