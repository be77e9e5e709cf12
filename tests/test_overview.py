"""Overview page of a project, and the redirect to it."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from synclogs.models import LogEntry, Membership, Project, Role, Sync
from synclogs.overview import freshness
from tests.factories import ProjectFactory, UserFactory, entry, error_entry, member, run, store, sync_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db) -> Project:
    return ProjectFactory()


@pytest.fixture
def viewer(client: Client, project: Project) -> Client:
    client.force_login(member(project))
    return client


def page(client: Client, project: Project) -> str:
    response = client.get(f"/p/{project.slug}/")
    assert response.status_code == 200
    return response.content.decode()


def verdict(html: str) -> str:
    found = re.search(r"data-verdict[^>]*>([^<]+)<", html)
    assert found
    return found[1]


def tiles(html: str) -> dict[str, int]:
    found = re.findall(r'class="tile [^"]*" href="[^"]*attention=(\w+)".*?tile-value">(\d+)<', html, re.DOTALL)
    return {name: int(value) for name, value in found}


def test_a_project_without_logs_says_how_to_send_the_first(viewer, project):
    html = page(viewer, project)
    assert verdict(html) == "No log has arrived yet."
    assert "curl http://testserver/api/v1/logs" in html


def test_silence_is_not_health(viewer, project):
    store(project, *run(at=timezone.now() - timedelta(minutes=42, seconds=30)))
    html = page(viewer, project)
    assert verdict(html) == "No log has arrived for 42 minutes: silence is not health."
    assert "no trouble is known" in html


def test_what_is_well_is_said_calmly(viewer, project):
    store(project, *run(at=timezone.now() - timedelta(minutes=1)))
    html = page(viewer, project)
    assert verdict(html) == "No trouble is known in 1 sync."
    assert "No sync needs attention" in html
    assert "As far as the logs say" in html
    assert set(tiles(html).values()) == {0}


def test_each_tile_leads_to_the_list_behind_its_number(viewer, project):
    now = timezone.now()
    store(
        project,
        error_entry(syncId=sync_id("e1"), traceId="t1"),
        error_entry(syncId=sync_id("e2"), traceId="t2"),
        entry(
            syncId=sync_id("stuck"),
            syncEvent="INCREMENTAL_SYNC_STARTED",
            timestamp=now - timedelta(hours=3),
            traceId="t3",
        ),
        entry(syncId=sync_id("quiet"), timestamp=now - timedelta(hours=3), traceId="t4"),
        entry(
            syncId=sync_id("limit"),
            syncEvent="SYNC_RUN_RATE_LIMITED",
            level="WARN",
            timestamp=now - timedelta(hours=2),
            traceId="t5",
        ),
        *run(at=now - timedelta(minutes=4), name="hook"),
        entry(syncId=sync_id("hook"), syncEvent="SYNC_WEBHOOK_FAILED", level="ERROR", traceId="t6"),
        now=now,
    )
    Sync.objects.filter(project=project, sync_id=sync_id("quiet")).update(cadence_seconds=300)
    html = page(viewer, project)
    assert tiles(html) == {"errored": 2, "stuck": 1, "silent": 1, "limited": 1, "undelivered": 1}
    assert verdict(html).startswith("Of 6 syncs, 2 stopped, 1 stuck, 1 silent")
    for name, number in tiles(html).items():
        listed = viewer.get(f"/p/{project.slug}/syncs?attention={name}").content.decode()
        assert listed.count("<tr data-row>") == number
    rows = re.findall(r'class="row-title" href="[^"]*/syncs/([^"]+)"', html)
    assert rows[2:] == [sync_id(name) for name in ("stuck", "quiet", "limit", "hook")]


def test_the_hours_add_up_and_lead_to_their_entries(viewer, project):
    now = timezone.now()
    store(
        project,
        *(entry(timestamp=now - timedelta(hours=hour)) for hour in range(5)),
        error_entry(),
        entry(level="WARN"),
    )
    html = page(viewer, project).replace("&amp;", "&")
    table = html[html.index("Entries by hour and level") :]
    hours = re.findall(r'<a href="([^"]+)">(\d+)</a></td></tr>', table)
    assert sum(int(number) for _, number in hours) == 7
    for address, number in hours:
        assert viewer.get(address).content.decode().count("data-log-key=") == int(number)
    assert ">1 error</a>" in html
    assert ">1 warning</a>" in html
    assert ">7 entries</a>" in html
    assert html.count('class="bar-ground"') == 24


def test_errors_of_the_last_hour_are_marked_when_their_code_is_new(viewer, project):
    now = timezone.now()
    old = {"errorCode": "41011", "httpStatus": 500}
    store(
        project,
        error_entry(error=old, timestamp=now - timedelta(days=2)),
        error_entry(error=old),
        error_entry(),
        now=now,
    )
    html = page(viewer, project)
    causes = html[html.index("Errors of the last hour") :]
    assert causes.count(">new</span>") == 1
    assert "code 41011, HTTP 500" in causes


def test_errors_by_integration_are_shares_of_the_worst(viewer, project):
    store(project, error_entry(), error_entry(), error_entry(integration="box"))
    html = page(viewer, project)
    assert '<rect width="100.0"' in html
    assert '<rect width="50.0"' in html


def test_a_share_of_an_integration_with_any_name_is_text(viewer, project):
    store(project, error_entry(integration="<b>box</b>"))
    assert "<b>box" not in page(viewer, project)


def test_the_queries_do_not_grow(viewer, project):
    page(viewer, project)
    counts = []
    for count in (10, 50):
        store(
            project,
            *(
                error_entry(syncId=sync_id(n), traceId=f"t{n}", integration=f"i{n}", userId=f"u{n}")
                for n in range(count)
            ),
        )
        with CaptureQueriesContext(connection) as queries:
            page(viewer, project)
        counts.append(len(queries))
        for query in queries:
            if "synclogs_logentry" in query["sql"]:
                assert '"occurred_at" >=' in query["sql"]
                assert "LIMIT" in query["sql"]
    assert counts[0] == counts[1]


# The last log


def test_the_last_log_is_the_newest_entry_that_is_not_ahead(project):
    now = timezone.now()
    assert freshness.last_log_at(project, now=now) is None
    store(project, entry(timestamp=now - timedelta(minutes=3)), entry(timestamp=now + timedelta(hours=5)), now=now)
    assert freshness.last_log_at(project, now=now) == now - timedelta(minutes=3)


def test_an_entry_a_little_ahead_counts_as_of_now(project):
    """A stamp later than its arrival counts as its arrival; one beyond the difference of clocks does not count."""
    now = timezone.now()
    store(project, entry(timestamp=now + timedelta(minutes=4)), entry(timestamp=now + timedelta(minutes=6)), now=now)
    assert freshness.last_log_at(project, now=now) == now


def test_an_old_last_log_is_found_by_the_hour_counts(project):
    now = timezone.now()
    store(project, entry(timestamp=now - timedelta(days=20)), entry(timestamp=now - timedelta(days=30)), now=now)
    assert freshness.last_log_at(project, now=now) == now - timedelta(days=20)
    LogEntry.objects.of(project).delete()
    found = freshness.last_log_at(project, now=now)
    assert found == (now - timedelta(days=20)).replace(minute=0, second=0, microsecond=0)


# The way there


def test_the_root_opens_the_last_project(client):
    first, second = ProjectFactory(name="A"), ProjectFactory(name="B")
    user = UserFactory()
    for project in (first, second):
        Membership.objects.create(user=user, project=project, role=Role.VIEWER)
    client.force_login(user)
    assert client.get("/").headers["Location"] == f"/p/{first.slug}/"
    client.get(f"/p/{second.slug}/syncs")
    assert client.get("/").headers["Location"] == f"/p/{second.slug}/"
    Membership.objects.filter(project=second).delete()
    assert client.get("/").headers["Location"] == f"/p/{first.slug}/"


def test_the_root_asks_strangers_to_sign_in_and_tells_the_projectless(client):
    assert client.get("/").headers["Location"] == "/accounts/login/?next=/"
    ProjectFactory()
    client.force_login(UserFactory())
    response = client.get("/")
    assert response.status_code == 200
    assert b"You are in no project yet" in response.content
    assert client.post("/").status_code == 405
