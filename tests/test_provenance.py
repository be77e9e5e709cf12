"""Sources of evidence: entry, time of receipt and API key, on the pages and in the API."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from synclogs.access.actors import Actor
from synclogs.catalogue.recovery import Check, CheckName, State
from synclogs.ingestion import ingest
from synclogs.models import ApiKey, LogEntry, Project, Reenable, Role, Scope, Sync
from synclogs.recovery import evidence, reenable, watch
from tests import factories
from tests.factories import bearer
from tests.reenabling import actor, requested, stopped

pytestmark = pytest.mark.django_db
NOBODY = Actor(None, "a key (ssp_1)", Role.OPERATOR)
MINUTE = timedelta(minutes=1)
NOW = timezone.now()


@pytest.fixture(autouse=True)
def at_this_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts as lately goes by the real time, and these tests may run long after they were loaded."""
    monkeypatch.setitem(globals(), "NOW", timezone.now())


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory()


def arrive(project: Project, key: ApiKey | None, *, received: Any = None, **values: Any) -> LogEntry:
    at = received or NOW
    (record,) = factories.read(factories.entry(**values), now=at)
    ingest.write(project, [record], now=at, sent_by=key.pk if key else None)
    return LogEntry.objects.of(project).get(entry_id=record.entry_id)


def works(sync: Sync, key: ApiKey | None, **values: Any) -> LogEntry:
    """Another sync of the same account completes."""
    of = {"userId": sync.user_id, "integration": sync.integration, "syncStatus": "IDLE"}
    return arrive(sync.project, key, **{**of, "syncId": factories.sync_id("other"), **values})


def cause(sync: Sync) -> Check:
    found = evidence.gather(
        Sync.objects.select_related("project").get(pk=sync.pk), actor=NOBODY, now=NOW, ask_provider=False
    )
    return next(check for check in found.checks if check.name == CheckName.CAUSE_GONE)


def source(check: Check) -> tuple[str, ...]:
    return tuple(check.facts.get(name, "-") for name in ("entry", "occurred", "received", "sent_by"))


def expected(entry: LogEntry, sent_by: str) -> tuple[str, ...]:
    return str(entry.key), entry.occurred_at.isoformat(), entry.received_at.isoformat(), sent_by


def test_a_sign_of_the_same_account_names_its_entry_and_key(project: Project) -> None:
    sync, key = stopped(project), factories.api_key(project, Scope.LOGS_WRITE)[0]
    at = NOW - 5 * MINUTE
    # At the same moment, and no completion.
    works(sync, None, timestamp=at, syncEvent="SYNC_RUN_WARNING", level="WARNING", syncStatus=None)
    found = works(sync, key, timestamp=at)
    assert source(cause(sync)) == expected(found, str(key))
    assert "ssp_" in str(key)
    key.delete()
    assert source(cause(sync))[3] == f"no. {found.sent_by}, which is deleted"
    LogEntry.objects.all().delete()  # as retention does
    gone = cause(sync)
    assert (gone.passed, gone.facts["sign"], "entry" in gone.facts) == (True, "same_user_completed", False)


def test_a_sign_of_others_names_the_entry_of_the_last(project: Project) -> None:
    sync = stopped(project)
    other = stopped(project, integration=sync.integration)
    of = {"syncId": str(other.sync_id), "userId": other.user_id, "integration": other.integration}
    found = arrive(project, None, **of, syncStatus="IDLE", timestamp=NOW - MINUTE)
    check = cause(sync)
    assert check.facts["sign"] == "others_recovered"
    assert source(check) == expected(found, "")


def test_it_costs_two_small_statements_and_only_for_a_sign_that_an_entry_shows(project: Project, settings: Any) -> None:
    settings.PROVIDER_FOR = [project.slug]
    sync, key = stopped(project), factories.api_key(project)[0]
    counts = []
    for sender in (None, key):
        works(sync, sender, timestamp=NOW - (3 if sender is None else 2) * MINUTE)
        with CaptureQueriesContext(connection) as queries:
            cause(sync)
        counts.append(len(queries) - 1)  # the sync itself
        (statement,) = [query["sql"] for query in queries if "synclogs_logentry" in query["sql"]]
        for column in ("project_id", "sync_id", "occurred_at"):  # the index, within one day
            assert f'"synclogs_logentry"."{column}" = ' in statement
    assert counts == [5 + 1, 5 + 2]  # by the first sign that is found nobody looks for others


def test_a_forged_entry_of_another_project_is_named_nowhere(project: Project) -> None:
    sync, elsewhere = stopped(project), factories.ProjectFactory()
    works(sync, None, timestamp=NOW - MINUTE)
    key = factories.api_key(elsewhere)[0]
    same = LogEntry.objects.of(project).latest("occurred_at")
    of = {"userId": sync.user_id, "integration": sync.integration, "syncId": factories.sync_id("other")}
    arrive(elsewhere, key, **of, timestamp=same.occurred_at)
    assert source(cause(sync)) == expected(same, "")


# Where people and machines see it


@pytest.fixture
def panel(client: Client, project: Project) -> Any:
    client.force_login(factories.member(project, Role.OPERATOR))

    def look(sync: Sync) -> str:
        html = client.get(f"/p/{project.slug}/syncs/{sync.sync_id}").content.decode()
        line = html[html.index('data-check="cause_gone"') :]
        return line[: line.index("</li>")]

    return look


def test_the_panel_leads_to_the_log_and_says_how_it_came(panel: Any, project: Project) -> None:
    sync, key = stopped(project), factories.api_key(project)[0]
    ApiKey.objects.filter(pk=key.pk).update(name="<b>Nightly</b> import")
    found = works(sync, key, timestamp=NOW - 20 * MINUTE)
    line = panel(sync)
    assert f'Shown by <a href="/p/{project.slug}/logs/{found.key}">this log</a>, <bdi>received at ' in line
    assert f", 20 minutes late, with the key &lt;b&gt;Nightly&lt;/b&gt; import (ssp_{key.key_id}_…)" in line
    works(sync, None, timestamp=NOW - MINUTE / 2)
    assert re.search(r"received at [\d:]+ UTC, with no key on record</bdi>\.", panel(sync))
    assert panel(stopped(project, integration="box")).count("check-source") == 0


def test_an_attempt_says_what_it_went_by_and_what_ended_it(client: Client, project: Project) -> None:
    sync, (key, text) = stopped(project), factories.api_key(project)
    works(sync, key, timestamp=NOW - MINUTE)
    attempt = requested(sync, actor=actor(project), override=False, now=NOW)
    Reenable.objects.filter(pk=attempt.pk).update(sent_at=NOW)
    reenable.move(Reenable.objects.filter(pk=attempt.pk), to=State.ACCEPTED, now=NOW)
    of = {"userId": sync.user_id, "integration": sync.integration, "syncId": str(sync.sync_id)}
    end = arrive(project, key, **of, timestamp=NOW + MINUTE, received=NOW + 2 * MINUTE, syncStatus="IDLE")
    watch.observe(now=NOW + 3 * MINUTE)
    told = client.get(f"/api/v1/reenables/{attempt.pk}", headers=bearer(text)).json()
    shown = {check["name"]: check["shownBy"] for check in told["evidence"]}
    assert shown.pop("cause_gone")["sentBy"] == str(key)
    assert set(shown.values()) == {None}
    assert told["state"] == "recovered"
    assert told["endedBy"] == told["endedBySource"]["entry"] == str(end.key)
    assert told["endedBySource"]["sentBy"] == str(key)
    assert told["endedBySource"]["receivedAt"] > told["endedBySource"]["occurredAt"]
    (listed,) = client.get("/api/v1/reenables", headers=bearer(text)).json()["results"]
    assert "endedBySource" not in listed
    client.force_login(factories.member(project))
    html = client.get(f"/p/{project.slug}/reenables/{attempt.pk}").content.decode()
    assert html.count(f"with the key {key}") == 2  # what it went by, and what ended it
