"""Dumps of older installations: restored into a database, with their times moved to just now."""

import gzip
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from tests import reenabling
from tests.server import ROOT

# Moments that decide how re-enables, bulks and exports go on; an upgrade comes minutes after them, whenever the dump was made.
CLOCKS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_name IN ('synclogs_reenable', 'synclogs_bulk', 'synclogs_export') AND table_schema = 'public'
AND data_type = 'timestamp with time zone' AND column_name <> 'error_at'
"""
TASKS = "from procrastinate.contrib.django import app; app.perform_import_paths(); print(*app.tasks)"
AGO = "SELECT now() - interval '2 minutes' - max(requested_at) FROM synclogs_reenable"


def provided(url: str) -> dict[str, str]:
    """Settings that choose the simulated provider at this address, for one of the two projects."""
    return {**reenabling.environment(url), "PROVIDER_FOR": "alpha"}


def restore(version: str, url: str) -> str:
    """Puts the installation into the empty database; gives its API key, which may do everything in the project alpha."""
    text = gzip.decompress(Path(__file__).with_name(f"{version}.sql.gz").read_bytes()).decode()
    with psycopg.connect(url) as connection:
        connection.execute(text.encode())
    with psycopg.connect(url) as connection:
        row = connection.execute(AGO).fetchone()
        assert row
        for table, column in connection.execute(CLOCKS).fetchall():
            moved = sql.SQL("UPDATE {0} SET {1} = {1} + %s").format(sql.Identifier(table), sql.Identifier(column))
            connection.execute(moved, row)
    return text.partition("\n")[0].removeprefix("-- key: ")


def manage(environment: Mapping[str, str], *arguments: str) -> str:
    """What the command prints; fails with what it complains of."""
    command = [sys.executable, "-W", "ignore", "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode().strip()


def tasks(environment: Mapping[str, str]) -> set[str]:
    """The names of the jobs that the code knows, without those of the library."""
    names = manage(environment, "shell", "-v", "0", "-c", TASKS).split()
    return {name for name in names if "builtin" not in name}
