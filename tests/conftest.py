"""Fixtures that every test may use. The database server comes from tests/database.py."""

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def no_stale_counts() -> None:
    """Counts of values are kept for a minute in the process: no test sees another's."""
    cache.clear()


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page leaves out what it cannot count in a moment; beside other tests that moment is longer."""
    monkeypatch.setattr("portal.counts.SECONDS", 10.0)
