"""Health endpoints: `/healthz`, `/readyz`, `/metrics`."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from portal.database import readiness
from synclogs.storage import partitions
from tests import factories


def test_alive_asks_nothing(client, django_assert_num_queries):
    response = client.get("/healthz")
    assert response.json() == {"status": "ok"}
    assert response["Cache-Control"] == "no-store"


@pytest.fixture
def ready(db, monkeypatch):
    partitions.ahead(timezone.now().date())
    monkeypatch.setattr(readiness, "workers_alive", lambda within: True)


def test_ready_when_every_part_is(client, ready):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "checks": dict.fromkeys(("database", "migrations", "partitions", "worker", "storage"), True),
        "reasons": {},
    }


def not_ready(client, part: str) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert int(response["Retry-After"]) >= 1
    assert response.json()["status"] == "not ready"
    assert response.json()["checks"][part] is False
    assert response.json()["reasons"][part] == readiness.REASONS[part]


def test_not_ready_without_a_worker(client, ready, monkeypatch):
    monkeypatch.undo()
    not_ready(client, "worker")


def test_a_worker_that_is_silent_does_not_count(client, ready, monkeypatch):
    monkeypatch.undo()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
    not_ready(client, "worker")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    assert client.get("/readyz").status_code == 200


def test_not_ready_without_todays_partition(client, ready):
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {partitions.name_of(timezone.now().date())}")
    not_ready(client, "partitions")


def test_not_ready_with_a_migration_to_come(client, ready):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'synclogs'")
    not_ready(client, "migrations")


def test_not_ready_without_a_database(client, monkeypatch):
    def away() -> None:
        raise OperationalError("no connection to 10.0.0.7")

    monkeypatch.setattr(connection, "cursor", away)
    not_ready(client, "database")
    assert "10.0.0.7" not in client.get("/readyz").content.decode()


@pytest.mark.django_db
def test_numbers(client, settings):
    settings.DEMO = True
    project = factories.ProjectFactory()
    now = timezone.now()
    factories.store(project, factories.error_entry(timestamp=now), factories.entry(timestamp=now - timedelta(days=2)))
    response = client.get("/metrics")
    assert response["Content-Type"].startswith("text/plain; version=")
    text = response.content.decode()
    assert f'portal_syncs{{project="{project.slug}",status="ERRORED"}} 1.0' in text
    assert f'portal_entries_hour{{level="40",project="{project.slug}"}} 1.0' in text


@pytest.mark.django_db
def test_numbers_are_closed_without_a_token_but_for_this_machine_in_the_demo(client, settings):
    for more in (
        {},
        {"REMOTE_ADDR": "::1"},
        {"headers": {"Authorization": "Bearer "}},
    ):  # as from a proxy that says nothing
        refused = client.get("/metrics", **more)
        assert refused.status_code == 401
        assert "METRICS_TOKEN" in refused.json()["detail"]
    settings.DEMO = True
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 401
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 401
    settings.METRICS_TOKEN = "a token"
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"})["WWW-Authenticate"] == "Bearer"
    assert (
        client.get("/metrics", REMOTE_ADDR="192.0.2.1", headers={"Authorization": "Bearer a token"}).status_code == 200
    )
    settings.DEMO = False
    assert client.get("/metrics", headers={"Authorization": "Bearer a token"}).status_code == 200
    assert client.get("/metrics", headers={"Authorization": "Bearer a tokem"}).status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_only_to_be_read(client, path):
    assert client.post(path).status_code == 405
