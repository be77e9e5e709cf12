"""Upgrade of an older installation with entries, waiting jobs and open re-enables, by real processes.

Its dump in tests/upgrade was made by that version's own code. The days in it stay as they are: once they are older than the
project's retention, `maintain` drops them, so they are read before the worker starts.
"""

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from django.utils import timezone

from tests import factories, server
from tests.house import House, without_worker
from tests.server import Answer, wait
from tests.upgrade.installation import manage, provided, restore, tasks

pytestmark = pytest.mark.slow
EVER = "2020-01-01T00:00:00Z"
# How an attempt of the dump is found: by its state, and by what of its one call had happened.
ATTEMPTS = """
SELECT a.sync_id::text, CASE WHEN a.state <> 'requested' THEN a.state WHEN a.sent_at IS NOT NULL THEN 'sent'
    WHEN j.status = 'doing' THEN 'taken' ELSE 'requested' END AS name
FROM synclogs_reenable a LEFT JOIN procrastinate_jobs j ON j.queueing_lock = 'reenable ' || a.id::text WHERE a.ended_at IS NULL
"""
ENTRIES = "SELECT entry_id FROM synclogs_logentry WHERE project_id = %(project)s"
JOBS = "SELECT id, task_name, status FROM procrastinate_jobs ORDER BY id"
STOPPED = """
SELECT sync_id::text, user_id, integration FROM synclogs_sync s JOIN synclogs_project p ON p.id = s.project_id
WHERE p.slug = 'alpha' AND status = 'ERRORED' AND NOT EXISTS (SELECT FROM synclogs_reenable a WHERE a.sync_id = s.sync_id)
AND NOT EXISTS (SELECT FROM synclogs_bulkitem i WHERE i.sync_id = s.sync_id) ORDER BY sync_id LIMIT 1
"""
PAGES = {
    "/p/alpha/": "Alpha",
    "/p/beta/logs": "Beta",
    "/p/alpha/logs": "Errors of a month",
    "/p/alpha/syncs": "salesforce",
    "/p/alpha/users": "Ida Example",
    "/p/alpha/reenables": "The customer has reconnected.",
    "/p/alpha/reenables/bulk": "The customer has reconnected.",
    "/p/alpha/audit": "manage.py create_api_key",
}


@dataclass
class Upgraded:
    house: House
    migrations: str
    jobs: list[dict[str, Any]]  # as they were in the dump
    attempts: dict[str, str]  # name of where it stood -> sync
    entries: set[str]
    read: list[dict[str, Any]]  # over the API, before the worker
    pages: dict[str, Answer]


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    with server.own_database("upgrade") as url:
        key = restore("0.1.0", url)
        environment = {**os.environ, **server.PRODUCTION, "DATABASE_URL": url}
        manage(environment, "migrate", "-v", "0")
        migrations = manage(environment, "showmigrations", "--plan")
        with without_worker(tmp_path_factory.mktemp("upgrade"), url, settings=provided) as house:
            house.served = replace(house.served, key=key)
            made = Upgraded(
                house,
                migrations,
                house.sql(JOBS),
                {row["name"]: row["sync_id"] for row in house.sql(ATTEMPTS)},
                {row["entry_id"] for row in house.sql(ENTRIES, project=house.served.project)},
                list(entries(house)),
                {path: house.served.page(path) for path in PAGES},
            )
            # The call that the dead worker had sent was carried out.
            house.steer("PUT", f"syncs/{made.attempts['sent']}", status="ACTIVE")
            house.hire()
            wait(lambda: house.served.ask("/readyz").status == 200)
            yield made


def api(house: House, path: str, **parameters: str) -> Any:
    headers = {"Authorization": f"Bearer {house.served.key}"}
    answer = house.served.ask(f"/api/v1/{path}?{urlencode(parameters)}", headers=headers)
    assert answer.status == 200, answer.body
    return answer.json()


def entries(house: House) -> Iterator[dict[str, Any]]:
    """All that there are."""
    parameters = {"since": EVER, "limit": "200"}
    while True:
        page = api(house, "logs", **parameters)
        yield from page["results"]
        if not page["next"]:
            return
        parameters["cursor"] = page["next"]


def push(house: House, *sent: dict[str, Any]) -> None:
    answer = house.served.push(json.dumps(sent).encode())
    assert answer.status == 200, answer.body


def test_the_database_is_of_this_version(upgraded: Upgraded) -> None:
    assert "[X]  synclogs.0001_initial" in upgraded.migrations
    assert "[ ]" not in upgraded.migrations
    manage(upgraded.house.environment, "makemigrations", "--check", "--dry-run")


def test_entries_of_before_get_their_words() -> None:
    """0004 takes how words are made from the code at hand, wherever that is by now: it gives old entries what intake gave them."""
    with server.own_database("words") as url:
        restore("0.1.0", url)
        environment = {**os.environ, **server.PRODUCTION, "DATABASE_URL": url}
        before = words(url)
        manage(environment, "migrate", "synclogs", "0003", "-v", "0")
        manage(environment, "migrate", "-v", "0")
        assert len(before) > 300
        assert all(before.values())
        assert words(url) == before


def words(url: str) -> dict[uuid.UUID, list[int]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT key, tokens FROM synclogs_logentry").fetchall()
    return {key: sorted(tokens) for key, tokens in rows}


def test_what_was_there_can_be_read(upgraded: Upgraded) -> None:
    assert len(upgraded.entries) > 300
    assert {entry["id"] for entry in upgraded.read} == upgraded.entries
    assert {entry.get("syncId") for entry in upgraded.read} >= set(upgraded.attempts.values())
    for path, text in PAGES.items():
        assert (path, upgraded.pages[path].status) == (path, 200)
        assert text in upgraded.pages[path].body.decode(), path


def test_people_and_keys_stay(upgraded: Upgraded) -> None:
    house = upgraded.house
    assert house.submit("/accounts/login/", as_person="nobody=1", username="lena", password="wrong").status == 200
    known = house.submit("/accounts/login/", as_person="nobody=1", username="lena", password=factories.PASSWORD)
    assert (known.status, known.headers["Location"]) == (302, "/")
    lately = "SELECT name FROM synclogs_apikey WHERE last_used_at > now() - interval '1 hour' AND name = 'Sender'"
    assert house.sql(lately)


def test_every_job_of_the_dump_has_a_task(upgraded: Upgraded) -> None:
    named = {job["task_name"] for job in upgraded.jobs}
    assert len(named) == 9  # all that 0.1.0 had
    assert named <= tasks(upgraded.house.environment)


def test_jobs_that_waited_are_done(upgraded: Upgraded) -> None:
    """One of each task waited, and two were taken by a worker that died."""
    house, ids = upgraded.house, [job["id"] for job in upgraded.jobs]
    assert sorted({job["status"] for job in upgraded.jobs}) == ["doing", "todo"]
    open_jobs = "SELECT id FROM procrastinate_jobs WHERE id = ANY(%(ids)s) AND status IN ('todo', 'doing')"
    wait(lambda: not house.sql(open_jobs, ids=ids), seconds=60)
    # What went well is deleted.
    left = "SELECT task_name, status FROM procrastinate_jobs WHERE id = ANY(%(ids)s) OR status = 'failed'"
    assert house.sql(left, ids=ids) == []
    (found,) = house.sql(
        "SELECT (SELECT state FROM synclogs_export) AS export,"
        " (SELECT sum((after->>'more')::int) FROM synclogs_auditevent WHERE action = 'key_refused' AND after ? 'more') AS refused,"
        " to_regclass('synclogs_logentry_' || to_char(now() + interval '2 days', 'YYYYMMDD')) IS NOT NULL AS days"
    )
    assert found == {"export": "failed", "refused": 2, "days": True}
    assert "Traceback" not in (house.directory / "worker.log").read_text()


@pytest.mark.parametrize("name", ["requested", "taken"])
def test_what_was_not_sent_is_sent_once(upgraded: Upgraded, name: str) -> None:
    sync_id = upgraded.attempts[name]
    upgraded.house.reaches(sync_id, "recovered", seconds=90)
    assert upgraded.house.posts(sync_id) == 1


def test_what_was_sent_is_found_out_and_never_sent_again(upgraded: Upgraded) -> None:
    house, sync_id = upgraded.house, upgraded.attempts["sent"]
    house.reaches(sync_id, "accepted", seconds=90)
    push(house, *run(house, sync_id))
    house.reaches(sync_id, "recovered")
    assert house.way(sync_id) == ["requested", "unknown", "accepted", "recovered"]
    house.reaches(upgraded.attempts["unknown"], "expired", seconds=90)  # stopped at the provider all the same
    assert [house.posts(upgraded.attempts[name]) for name in ("sent", "unknown")] == [0, 0]


def test_what_was_accepted_is_watched(upgraded: Upgraded) -> None:
    house, accepted, began = upgraded.house, upgraded.attempts["accepted"], upgraded.attempts["started"]
    failure = factories.error_entry(**of(house, began), timestamp=timezone.now())
    push(house, *run(house, accepted), failure)
    assert house.reaches(accepted, "recovered")["ended_key"]
    assert house.reaches(began, "failed_again")["ended_key"]
    assert house.way(began) == ["requested", "accepted", "started", "failed_again"]
    assert [house.posts(sync_id) for sync_id in (accepted, began)] == [0, 0]


def test_the_bulk_goes_on_to_its_end(upgraded: Upgraded) -> None:
    house = upgraded.house
    wait(lambda: house.sql("SELECT state FROM synclogs_bulk") == [{"state": "finished"}], seconds=120)
    items = house.sql(
        "SELECT i.wave, a.state, i.sync_id::text FROM synclogs_bulkitem i JOIN synclogs_reenable a ON a.id = i.attempt_id"
        " ORDER BY i.position"
    )
    assert [(item["wave"], item["state"]) for item in items] == [(0, "recovered"), (1, "recovered")]
    assert [house.posts(item["sync_id"]) for item in items] == [0, 1]  # the first before the upgrade


def test_new_entries_move_a_sync(upgraded: Upgraded) -> None:
    house = upgraded.house
    (sync,) = house.sql(STOPPED)
    assert api(house, f"syncs/{sync['sync_id']}")["status"] == "ERRORED"
    push(house, *run(house, sync["sync_id"]))
    assert api(house, f"syncs/{sync['sync_id']}")["status"] == "IDLE"


def of(house: House, sync_id: str) -> dict[str, str]:
    """What the entries of one run of this sync have in common."""
    columns = 'SELECT user_id AS "userId", integration, pipeline FROM synclogs_sync WHERE sync_id = %(sync)s'
    (sync,) = house.sql(columns, sync=sync_id)
    return {**sync, "syncId": sync_id, "traceId": uuid.uuid4().hex}


def run(house: House, sync_id: str) -> Iterator[dict[str, Any]]:
    """A good one, at this moment."""
    return iter(factories.run(at=timezone.now(), **of(house, sync_id)))
