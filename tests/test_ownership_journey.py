"""Ownership of a provider's syncs attacked from outside: real web server, worker and two simulated providers.

`alpha` owns the syncs of the first provider, `beta` those of the second; `gamma` owns none and tries all.
"""

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from synclogs.catalogue.recovery import State
from tests import factories, reenabling, server
from tests.house import AGO, House, ended, house, started
from tests.server import ROOT, Answer, free_port, wait

pytestmark = pytest.mark.slow
WHY = {"reason": "The customer has reconnected."}


@dataclass(frozen=True)
class Neighbourhood:
    house: House
    second: House  # the same portal, with the second provider
    cookies: Mapping[str, str]
    keys: Mapping[str, str]

    def push(self, project: str, *entries: dict[str, Any]) -> None:
        answer = self.post(project, "/api/v1/logs", list(entries))
        assert (answer.status, answer.json()["accepted"]) == (200, len(entries)), answer.body

    def post(self, project: str, path: str, value: object) -> Answer:
        headers = {"Authorization": f"Bearer {self.keys[project]}", "Content-Type": "application/json"}
        return self.house.served.ask(path, method="POST", body=json.dumps(value).encode(), headers=headers)

    def reenable(self, project: str, sync_id: str, **more: Any) -> Answer:
        return self.post(project, f"/api/v1/syncs/{sync_id}/reenable", {**WHY, **more})

    def page(self, project: str, path: str) -> Answer:
        cookie = self.cookies.get(project, self.house.served.cookie)
        return self.house.served.ask(f"/p/{project}/{path}", headers={"Cookie": cookie})

    def submit(self, project: str, path: str, **typed: str) -> Answer:
        return self.house.submit(f"/p/{project}/{path}", as_person=self.cookies[project], **typed)

    def checks(self, project: str, sync_id: str) -> dict[str, str]:
        """What the panel says of each check; the provider is not asked for it."""
        html = self.page(project, f"syncs/{sync_id}").body.decode()
        return dict(re.findall(r'data-check="(\w+)" data-passed="([\w ]+)"', html))

    def denials(self, project: str, sync_id: str) -> list[dict[str, Any]]:
        """The first of a minute stands in the audit; those after it are counted there when the minute is over."""
        return self.house.sql(
            "SELECT actor_text, e.reason, e.address IS NOT NULL AS is_located FROM synclogs_auditevent e"
            " JOIN synclogs_project p ON p.id = e.project_id"
            " WHERE p.slug = %(project)s AND action = 'access_denied' AND position(%(sync)s IN object_text) > 0 ORDER BY e.id",
            project=project,
            sync=sync_id,
        )

    def is_counted(self, project: str, sync_id: str) -> bool:
        return bool(
            self.denials(project, sync_id)
            or self.house.sql(
                "SELECT 1 FROM synclogs_denial d JOIN synclogs_project p ON p.id = d.project_id"
                " WHERE p.slug = %(project)s AND %(sync)s = ANY(names)",
                project=project,
                sync=sync_id,
            )
        )

    def forged(self, sync_id: str) -> None:
        """The entries of a stopped sync of alpha, as gamma would like to have it: stopped, with the cause gone."""
        of = {"syncId": sync_id, "userId": f"acct {sync_id[:6]}", "integration": f"i-{sync_id[:6]}"}
        other = {**of, "syncId": str(uuid.uuid4()), "syncStatus": "IDLE"}
        self.push("gamma", factories.error_entry(**of, timestamp=timezone.now() - AGO), factories.entry(**other))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbourhood]:
    port, directory = free_port(), tmp_path_factory.mktemp("ownership")

    def settings(first: str) -> dict[str, str]:
        urls = {"EU": (first, "alpha", "a-project"), "US": (f"http://127.0.0.1:{port}", "beta", "b-project")}
        made = {"PROVIDERS": ",".join(urls)}
        for prefix, (url, owner, project) in urls.items():
            named = {**reenabling.environment(url), "PROVIDER_FOR": owner, "PROVIDER_PROJECT": project}
            made |= {f"{prefix}_{name}": value for name, value in named.items()}
        return made

    with house(directory, "ownership", settings=settings) as made:
        assert any("US_PROVIDER_FOR names the project beta" in line for line in made.served.lines())
        program = [sys.executable, "-m", "tests.programs.neighbours", "beta", "gamma"]
        done = subprocess.run(program, cwd=ROOT, env=made.environment, stdout=subprocess.PIPE, check=True)
        people = json.loads(done.stdout)
        directory = tmp_path_factory.mktemp("second")
        told = {"SIMULATOR_PORTAL_URL": f"http://127.0.0.1:{made.served.port}"}
        told["SIMULATOR_PORTAL_KEY"] = people["beta"]["key"]
        pace = ("--start", "0.1", "--run", "0.2", "--every", "0", "--project", "beta")
        other = started(directory, made.environment | told, "simulate_provider", "--port", str(port), *pace)
        try:
            wait(lambda: "answers at" in (directory / "simulate_provider.log").read_text())
            second = House(made.directory, made.environment, made.served, f"http://127.0.0.1:{port}")
            cookies = {slug: each["cookie"] for slug, each in people.items()}
            keys = {"alpha": made.served.key, **{slug: each["key"] for slug, each in people.items()}}
            yield Neighbourhood(made, second, cookies, keys)
        finally:
            ended(other)


def test_what_another_project_tries_calls_nobody_and_is_told_on_both_sides(town: Neighbourhood) -> None:
    sync_id, own = town.house.stopped(), str(uuid.uuid4())
    before, calls = town.checks("alpha", sync_id), len(town.house.calls())
    town.forged(sync_id)
    town.forged(own)  # which alpha does not know

    refused = town.reenable("gamma", sync_id)
    assert refused.status == 409
    (check,) = refused.json()["checks"]
    assert (check["name"], check["passed"], check["canOverride"]) == ("provided", False, False)
    assert "belong to another project of this portal" in check["words"]
    assert town.reenable("gamma", sync_id, override=True).status == 409

    assert town.submit("gamma", f"syncs/{sync_id}/reenable", override="yes").status == 409
    page = town.page("gamma", f"syncs/{sync_id}?ask=provider").body.decode()
    assert "belong to another project of this portal" in page
    assert 'data-action="reenable"' not in page
    fragment = town.page("gamma", f"syncs/{sync_id}/evidence").body.decode()
    assert "The provider says" not in page + fragment
    assert town.page("gamma", f"reenables/bulk/new?sync={sync_id}").status == 200
    numbers = {"canary_size": "2", "wave_size": "25", "per_minute": "20"}
    bulk = {"key": str(uuid.uuid4()), "syncs": sync_id.replace("-", ""), **numbers}
    assert town.submit("gamma", f"reenables/bulk/new?sync={sync_id}", **bulk).status == 409

    assert len(town.house.calls()) == calls
    assert town.second.calls() == []
    assert town.checks("alpha", sync_id) == before
    assert town.house.sql("SELECT * FROM synclogs_reenable WHERE sync_id = %(sync)s", sync=sync_id) == []

    who = list(dict.fromkeys(row["actor_text"] for row in town.denials("gamma", sync_id)))
    assert [text.startswith("key ") for text in who] == [True, False]
    assert who[1] == "lead of gamma"
    there = town.denials("alpha", sync_id)
    assert list(dict.fromkeys(row["actor_text"] for row in there)) == who
    assert all(row["is_located"] for row in there)
    assert "gamma" in there[0]["reason"]

    # Nothing tells gamma whether alpha has it.
    unknown = town.reenable("gamma", own)
    told = [{k: v for k, v in one.json().items() if k not in ("instance", "request_id")} for one in (refused, unknown)]
    assert told[0] == told[1]
    assert (town.is_counted("gamma", own), town.is_counted("alpha", own)) == (True, False)


def test_a_forged_success_shows_the_owner_nothing(town: Neighbourhood) -> None:
    sync_id = town.house.stopped()
    of = {"userId": f"acct {sync_id[:6]}", "integration": f"i-{sync_id[:6]}", "syncStatus": "IDLE"}
    others = {**of, "userId": "acct other", "syncId": str(uuid.uuid4())}
    town.push(
        "gamma",
        factories.entry(**of, syncId=str(uuid.uuid4())),
        factories.entry(**of, syncId=sync_id),
        factories.error_entry(**{**others, "syncStatus": "ERRORED"}, timestamp=timezone.now() - timedelta(minutes=20)),
        factories.entry(**others),
    )
    found = town.checks("alpha", sync_id)
    assert (found["stopped"], found["cause_gone"]) == ("passed", "not shown")
    town.house.steer("PUT", "syncs/" + sync_id, userId=of["userId"], integration=of["integration"], status="ERRORED")


def test_a_forged_error_does_not_end_the_owners_attempt(town: Neighbourhood) -> None:
    sync_id = town.house.stopped("silent", only="POST")
    assert town.house.click(sync_id).status == 303
    town.house.reaches(sync_id, State.ACCEPTED)
    of = {"syncId": sync_id, "userId": f"acct {sync_id[:6]}", "integration": f"i-{sync_id[:6]}"}
    town.push("gamma", factories.error_entry(**of, timestamp=timezone.now()))
    town.push("beta", factories.entry(**of, timestamp=timezone.now()))
    run = {**of, "syncEvent": "INCREMENTAL_SYNC_STARTED", "syncStatus": "ACTIVE", "timestamp": timezone.now()}
    town.push("alpha", factories.entry(**run))
    town.house.reaches(sync_id, State.STARTED)  # so it was looked at, and what others said did not count
    town.push("alpha", factories.entry(**of, timestamp=timezone.now(), syncStatus="IDLE"))
    town.house.reaches(sync_id, State.RECOVERED)
    assert town.house.way(sync_id) == ["requested", "accepted", "started", "recovered"]


def test_each_provider_is_called_for_its_own_project_only(town: Neighbourhood) -> None:
    """The same sync in both, as only a forged entry could have it: each goes to its own provider, by its own settings."""
    sync_id = town.house.stopped()
    of = {"userId": f"acct {sync_id[:6]}", "integration": f"i-{sync_id[:6]}"}
    town.second.steer("PUT", f"syncs/{sync_id}", **of, status="ERRORED", mode="ok")
    then = timezone.now() - AGO
    town.push("beta", factories.error_entry(**of, syncId=sync_id, timestamp=then), factories.entry(**of))
    assert town.reenable("beta", sync_id).status == 202
    town.house.reaches(sync_id, State.RECOVERED)
    assert (town.second.posts(sync_id), town.house.posts(sync_id)) == (1, 0)
    town.house.sql("DELETE FROM synclogs_reenable WHERE sync_id = %(sync)s", sync=sync_id)
    assert town.house.click(sync_id).status == 303
    town.house.reaches(sync_id, State.RECOVERED)
    assert (town.second.posts(sync_id), town.house.posts(sync_id)) == (1, 1)


GUNICORN = ("-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "portal.wsgi:application")


@pytest.mark.parametrize(
    "command",
    [
        GUNICORN,
        ("manage.py", "procrastinate", "worker"),
        ("manage.py", "worker"),
        ("manage.py", "migrate"),
        ("manage.py", "check", "--database", "default"),
    ],
    ids=lambda command: command[1],
)
def test_with_several_projects_and_no_owner_the_start_is_refused(town: Neighbourhood, command: tuple[str, ...]) -> None:
    url = town.house.served.database_url
    done = run(*command, **reenabling.environment("http://127.0.0.1:1"), DATABASE_URL=url)
    assert done.returncode not in (0, None)
    said = " ".join(line for line in done.stderr.splitlines() if not line.startswith("{"))
    sentence = "PROVIDER_FOR is not set, and there are several projects (alpha, beta, gamma): nobody owns the provider's syncs."
    assert sentence in said
    assert "Set PROVIDER_FOR to the slug of the one project" in said
    assert "Traceback" not in said


def test_a_named_owner_starts_and_so_does_a_database_that_is_away(town: Neighbourhood) -> None:
    provided = reenabling.environment("http://127.0.0.1:1")
    url = town.house.served.database_url
    for more in (
        {"DATABASE_URL": url, "PROVIDER_FOR": "alpha"},
        {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},
        {"DATABASE_URL": re.sub(r"/test_portal_\w+", "/postgres", url)},  # not migrated
    ):
        done = run("-m", "portal.starting", **provided, **more)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run("-m", "portal.starting", **provided, DATABASE_URL=url, PROVIDER_FOR="delta")
    assert (done.returncode, "names the project delta, which does not exist" in done.stdout) == (0, True)


def run(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **server.PRODUCTION, "PORT": str(free_port()), **more}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
