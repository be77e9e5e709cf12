"""API keys: creation, authentication and rate limit."""

import hashlib
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.utils import timezone

from synclogs.access import keys, rate_limit
from synclogs.models import ApiKey, RateBucket, Scope
from tests import factories

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def made(db) -> tuple[ApiKey, str]:
    return keys.create(factories.ProjectFactory(), "a key", scopes=[Scope.LOGS_WRITE])


def test_the_text_has_its_shape_and_only_a_digest_is_kept(made):
    key, text = made
    assert keys.KEY.fullmatch(text)
    assert text.startswith(f"ssp_{key.key_id}_")
    secret = text.split("_")[2][: keys.SECRET_LENGTH]
    row = str(ApiKey.objects.filter(pk=key.pk).values().get())
    assert secret not in row
    assert bytes(ApiKey.objects.get().secret_hash) == hashlib.sha256(secret.encode()).digest()


def test_keys_differ(db):
    project = factories.ProjectFactory()
    assert len({keys.create(project, "k", scopes=[])[1] for _ in range(20)}) == 20


def test_a_key_is_admitted_with_its_project_in_one_query(made, django_assert_num_queries):
    """Recognised, its use noted, and charged to both."""
    key, text = made
    with django_assert_num_queries(1):
        found = keys.admit(text, Scope.LOGS_WRITE, now=NOW)
        assert found is not None
        assert found.key == key
        assert found.key.project == key.project
        assert found.key.project.retention_days == key.project.retention_days
    assert found.allowance is not None
    assert (found.allowance.limit, found.allowance.remaining) == (6000, 5999)
    key.refresh_from_db()
    assert key.last_used_at == NOW
    assert {bucket.subject for bucket in RateBucket.objects.all()} == {f"key:{key.pk}", f"project:{key.project_id}"}


def test_a_mistyped_key_never_reaches_the_database(made, django_assert_num_queries):
    text = made[1]
    wrong = [
        text[:-1],
        text + "a",
        text.upper(),
        text.replace("ssp_", "SSP_"),
        text[:20] + ("b" if text[20] != "b" else "c") + text[21:],
    ]
    wrong += [
        "",
        "ssp__",
        "ssp_" + "a" * 12,
        f" {text}",
        f"{text}\n",
        text.replace("_", "-"),
        "ssp_é",
        "\x00" * 55,
        text.replace("_", "_\x00"),
    ]
    with django_assert_num_queries(0):
        assert [factories.key_of(each, now=NOW) for each in wrong] == [None] * len(wrong)


def test_a_wrong_secret_with_a_right_checksum_is_not_enough(made):
    key, _ = made
    secret = "a" * keys.SECRET_LENGTH
    assert factories.key_of(f"ssp_{key.key_id}_{secret}{keys._checksum(key.key_id + secret)}", now=NOW) is None


def test_who_knows_only_the_public_half_spends_nothing_of_the_key(made):
    key, text = made
    secret = "a" * keys.SECRET_LENGTH
    guess = f"ssp_{key.key_id}_{secret}{keys._checksum(key.key_id + secret)}"
    assert keys.admit(guess, Scope.LOGS_WRITE, now=NOW) is None
    admission = keys.admit(text, Scope.LOGS_READ, now=NOW)
    assert admission is not None
    assert (admission.key, admission.allowance) == (key, None)
    assert not RateBucket.objects.exists()
    key.refresh_from_db()
    assert key.last_used_at == NOW
    assert keys.admit(guess, Scope.LOGS_WRITE, now=NOW + timedelta(hours=1)) is None
    key.refresh_from_db()
    assert key.last_used_at == NOW


def test_revoked_and_expired_keys_are_not_recognised(made):
    key, text = made
    key.expires_at = NOW
    key.save()
    assert factories.key_of(text, now=NOW - timedelta(microseconds=1)) == key
    assert factories.key_of(text, now=NOW) is None
    key.expires_at, key.revoked_at = None, NOW + timedelta(days=1)
    key.save()
    assert factories.key_of(text, now=NOW) is None


def test_several_keys_live_at_a_time(db):
    project = factories.ProjectFactory()
    for key, text in [keys.create(project, "k", scopes=[]) for _ in range(3)]:
        assert factories.key_of(text, now=NOW) == key


def test_last_use_is_written_once_a_minute(made):
    key, text = made
    for seconds in (0, 30, 61):
        factories.key_of(text, now=NOW + timedelta(seconds=seconds))
        key.refresh_from_db()
        assert key.last_used_at == NOW + timedelta(seconds=61 if seconds == 61 else 0)


@pytest.mark.django_db
def test_the_allowance_counts_down_and_refuses():
    allowances = [rate_limit.charge("key:1", per_minute=3) for _ in range(4)]
    assert [allowance.allowed for allowance in allowances] == [True, True, True, False]
    assert [allowance.remaining for allowance in allowances] == [2, 1, 0, 0]
    assert [allowance.limit for allowance in allowances] == [3] * 4
    assert [allowance.retry_after for allowance in allowances] == [0, 0, 0, 20]
    assert all(1 <= allowance.reset <= 60 for allowance in allowances)
    assert rate_limit.charge("key:2", per_minute=3).remaining == 2


@pytest.mark.django_db
def test_the_allowance_comes_back_evenly():
    for _ in range(6):
        rate_limit.charge("key:1", per_minute=6)
    assert not rate_limit.charge("key:1", per_minute=6).allowed
    RateBucket.objects.update(full_at=timezone.now() + timedelta(seconds=49))
    assert [rate_limit.charge("key:1", per_minute=6).allowed for _ in range(2)] == [True, False]
    RateBucket.objects.update(full_at=timezone.now() - timedelta(days=1))
    assert rate_limit.charge("key:1", per_minute=6).remaining == 5


@pytest.mark.parametrize(("spent", "allowed"), [(58.9, True), (59.9, False)])
def test_a_burst_is_one_minutes_worth_to_the_second(made, spent, allowed):
    """At sixty a minute each request is a second of the minute; what is spent is set, so that no clock is raced."""
    key, text = made
    ApiKey.objects.update(requests_per_minute=60)

    def charged() -> rate_limit.Allowance:
        admission = keys.admit(text, Scope.LOGS_WRITE, now=NOW)
        assert admission is not None
        assert admission.allowance is not None
        return admission.allowance

    assert charged().remaining == 59
    bucket = RateBucket.objects.filter(subject=f"key:{key.pk}")
    assert bucket.update(full_at=timezone.now() + timedelta(seconds=spent)) == 1
    assert charged().allowed is allowed


@pytest.mark.django_db
def test_refusals_cost_nothing():
    rate_limit.charge("key:1", per_minute=1)
    before = RateBucket.objects.get(subject="key:1").full_at
    assert not rate_limit.charge("key:1", per_minute=1).allowed
    assert RateBucket.objects.get(subject="key:1").full_at == before


@pytest.mark.django_db(transaction=True)
def test_many_workers_spend_exactly_one_allowance():
    allowed: list[bool] = []

    def spend() -> None:
        try:
            allowed.extend(rate_limit.charge("key:1", per_minute=50).allowed for _ in range(20))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(allowed) == 160
    assert 50 <= sum(allowed) <= 53  # a little comes back meanwhile
