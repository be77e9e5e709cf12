"""Fixtures that every test may use. The database server comes from tests/database.py."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.template import Template
from django.test.utils import _TestState
from django.utils import timezone

from portal.sign_in import rate_limits


@pytest.fixture(autouse=True, scope="session")
def plain_templates(django_test_environment: None) -> Iterator[None]:
    """Templates render as in production. Django's tests would copy the context of every include, a tenth of the whole suite's
    time, for `response.context`, which nothing here asks for: `response.context_data` is there without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "_render", _TestState.saved_data.template_render)  # type: ignore[attr-defined]
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """At the end nobody keeps the database from being dropped, as a thread of the live server once did."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def no_jobs_left(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[None]:
    """Jobs of a test that committed are gone after it: Django's flush empties the tables of Django's own models only."""
    yield
    marker = request.node.get_closest_marker("django_db")
    if (marker and marker.kwargs.get("transaction")) or {"live_server", "transactional_db"} & {*request.fixturenames}:
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")


@pytest.fixture(autouse=True)
def no_stale_counts() -> None:
    """Counts of values, and who was told to wait, are kept for a while in the process: no test sees another's."""
    cache.clear()
    rate_limits.MEMORY.until.clear()


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page leaves out what it cannot count in a moment; beside other tests that moment is longer."""
    monkeypatch.setattr("portal.log.list_counts.SECONDS", 10.0)


@pytest.fixture(autouse=True)
def somebody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a provider nothing can be re-enabled. This one nobody reaches; tests that speak to one set their own."""
    monkeypatch.setattr(settings, "PROVIDER", "host_app")
    monkeypatch.setattr(settings, "PROVIDER_HOST_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(settings, "PROVIDER_HOST_SECRET", f"whsec_{'MfKQ9r8G' * 4}")


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands: refusals are counted by minute, and a test that hashes passwords may run over the end of one."""
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)
