"""Test data for re-enables: stopped syncs that portal and simulated provider both know, people who act, and a record of the calls."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from django.utils import timezone

from synclogs import provider
from synclogs.access.actors import Actor
from synclogs.demo.simulator import Simulator
from synclogs.management.commands.simulate_provider import known
from synclogs.models import Action, AuditEvent, Project, Reenable, Role, Sync
from synclogs.provider.http_exchange import Limits
from synclogs.recovery import reenable
from tests import factories
from tests.provider import PROJECT, SHORT, calls, key_text, simulated

AGO = timedelta(minutes=30)


def environment(url: str) -> dict[str, str]:
    """Settings, also as environment variables, that choose the simulated provider."""
    return {
        "PROVIDER": "paragon",
        "PROVIDER_PROJECT": PROJECT,
        "PROVIDER_AUDIENCE": "",
        "PROVIDER_SYNC_URL": url,
        "PROVIDER_API_URL": url,
        "PROVIDER_SIGNING_KEY": key_text(),
    }


@contextmanager
def provided(
    settings: Any, monkeypatch: pytest.MonkeyPatch, *, limits: Limits = SHORT, **more: Any
) -> Iterator[Simulator]:
    """A simulator that the settings name, asked with short time-outs."""
    monkeypatch.setattr("synclogs.provider.json_client.Limits", lambda: limits)
    with simulated(**more) as simulator:
        for name, value in environment(simulator.url).items():
            setattr(settings, name, value)
        yield simulator


def owners(settings: Any, *projects: Project) -> None:
    """Each has a provider of its own, as the one that is set up but elsewhere."""
    names = [name for name in dir(configured) if name.startswith("PROVIDER") and name != "PROVIDERS"]
    for number, project in enumerate(projects):
        for name in names:
            setattr(settings, f"P{number}_{name}", getattr(settings, name))
        setattr(settings, f"P{number}_PROVIDER_FOR", [project.slug])
        setattr(settings, f"P{number}_PROVIDER_HOST_URL", f"http://127.0.0.1:1/{project.slug}")
    settings.PROVIDER, settings.PROVIDERS = "none", [f"P{number}" for number in range(len(projects))]


def asks(monkeypatch: pytest.MonkeyPatch, made: Callable[[], Any]) -> None:
    """What `made` gives stands in for the provider of the settings."""
    monkeypatch.setattr(provider, "of_settings", lambda prefix="": made())


def stopped(project: Project, simulator: Simulator | None = None, *, at: datetime | None = None, **values: Any) -> Sync:
    """A sync of a customer of its own that stopped with an error half an hour ago."""
    name = values.pop("syncId", None) or str(uuid.uuid4())
    at = at or timezone.now() - AGO
    usual = {"syncId": name, "userId": f"acct {name[:6]}", "credentialId": "c-1", "timestamp": at}
    factories.store(project, factories.error_entry(**{**usual, **values}), now=at)
    sync = Sync.objects.get(project=project, sync_id=name)
    if simulator:
        simulator.memory.put(known(sync))
    return sync


def actor(project: Project, role: Role = Role.OPERATOR) -> Actor:
    person = factories.member(project, role)
    return Actor(person, person.username, role, "192.0.2.7", f"request-{person.pk}")


def requested(sync: Sync, *, now: datetime | None = None, **more: Any) -> Reenable:
    """By a lead, so that nothing has to show that the cause is gone."""
    usual: dict[str, Any] = {"actor": actor(sync.project, Role.LEAD), "reason": "The customer asked.", "override": True}
    return reenable.request(sync, now=now or timezone.now(), **{**usual, **more})


def sent(sync: Sync, *, now: datetime | None = None) -> Reenable:
    now = now or timezone.now()
    attempt = requested(sync, now=now)
    reenable.call(attempt.pk, now=now)
    attempt.refresh_from_db()
    return attempt


def posts(simulator: Simulator, sync: Sync) -> int:
    return calls(simulator, f"{sync.sync_id}/reenable")


def jobs() -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs WHERE task_name = %s ORDER BY id", [reenable.CALL])
        return [json.loads(row[0]) for row in cursor.fetchall()]


def moves(attempt: Reenable) -> list[tuple[str, str]]:
    """From which state to which, by the audit."""
    rows = AuditEvent.objects.filter(action=Action.REENABLE_MOVED, after__attempt=str(attempt.pk)).order_by("id")
    return [(row.before["state"], row.after["state"]) for row in rows if row.before and row.after]
