"""pytest plugin (`-p tests.database`): the test run's PostgreSQL and settings, before Django reads them.

Runs side by side share one server; each has databases of its own. DATABASE_URL from outside is used as it is.
"""

import os
from collections.abc import Generator

import psycopg
import pytest
from psycopg import sql

from portal.runner import devdb

SERVER = pytest.StashKey[devdb.Server]()
ENVIRONMENT = {
    "SECRET_KEY": "a secret of the tests and of nothing else: 0123456789abcdefghijklmnopqrstuvwxyz",
    "DEBUG": "1",
    "DATABASE_POOL": "0",
}


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """A wrapper, so that it runs before pytest-django's own implementation imports the settings."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # Workers of pytest-xdist inherit the controller's environment, so they find DATABASE_URL set.
    if "DATABASE_URL" not in os.environ:
        server = devdb.start(devdb.TEST_DIRECTORY, settings=devdb.FOR_TESTS)
        early_config.stash[SERVER] = server
        forget_dead_runs(server.url)
        os.environ["DATABASE_URL"] = server.url.replace(f"/{devdb.DATABASE}?", f"/{devdb.DATABASE}_{os.getpid()}?")
    try:
        return (yield)
    except BaseException:  # settings or models do not even load
        stop(early_config)
        raise


def pytest_unconfigure(config: pytest.Config) -> None:
    stop(config)


def stop(config: pytest.Config) -> None:
    server = config.stash.get(SERVER, None)
    if server is not None:
        del config.stash[SERVER]
        server.stop()


def forget_dead_runs(url: str) -> None:
    """Drops the databases of test runs that were killed before they could do so themselves."""
    with psycopg.connect(url, autocommit=True) as connection:
        names = connection.execute(r"SELECT datname FROM pg_database WHERE datname ~ '^test_portal_\d+'").fetchall()
        for (name,) in names:
            if not alive(int(name.split("_")[2])):
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
