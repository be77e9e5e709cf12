"""Integration pages: health, states, causes, and each number with the list behind it."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.links import paths
from synclogs.models import Project, Sync
from synclogs.overview import activity
from tests.factories import ProjectFactory, entry, error_entry, member, run, store, sync_id

pytestmark = pytest.mark.django_db
DOWN = {"recoverability": "NON_RECOVERABLE", "httpStatus": 503, "message": "Down"}


@pytest.fixture
def project(db) -> Project:
    return ProjectFactory()


@pytest.fixture
def viewer(client: Client, project: Project) -> Client:
    client.force_login(member(project))
    return client


def page(client: Client, project: Project, rest: str = "") -> str:
    response = client.get(f"/p/{project.slug}/integrations{rest}")
    assert response.status_code == 200
    return response.content.decode()


def outage(project: Project, *, syncs: int = 3) -> None:
    now = timezone.now()
    for number in range(syncs):
        store(
            project,
            error_entry(
                integration="box", syncId=sync_id(number), userId=f"u{number}", traceId=f"t{number}", error=DOWN,
                timestamp=now - timedelta(minutes=number + 1),
            ),
            now=now,
        )  # fmt: skip
    store(project, *run(at=now - timedelta(minutes=2), name="good", integration="jira", userId="u9"), now=now)


def test_a_list_without_integrations_says_how_to_begin(viewer, project):
    assert "No integration has been seen yet" in page(viewer, project)


def test_the_list_shows_health_states_and_errors_worst_first(viewer, project):
    outage(project)
    html = page(viewer, project)
    assert html.index("/integrations/box") < html.index("/integrations/jira")
    assert "Of 3 syncs, 3 stopped" in html
    assert "The only sync works" in html
    assert f"/p/{project.slug}/syncs?integration=box&amp;status=ERRORED" in html
    assert re.search(r'href="[^"]*logs\?integration=box&amp;level=error&amp;since=[^"]+">3</a>', html)


def test_an_integration_known_only_from_failed_creations_is_listed(viewer, project):
    store(project, error_entry(syncId=None, syncEvent="SYNC_CREATION_FAILED", integration="notion", error=None))
    html = page(viewer, project)
    assert "/integrations/notion" in html
    assert "No sync yet" in html
    assert "Sync could not be created" in page(viewer, project, "/notion")


def test_a_page_says_what_is_wrong_since_when_and_for_whom(viewer, project):
    outage(project)
    html = page(viewer, project, "/box")
    assert "Box: of 3 syncs, 3 stopped." in html
    assert "So many at once is seldom the customers&#x27; doing" in html
    assert "The integration had an internal failure" in html
    assert html.count("data-log-key=") == 3
    assert html.count('data-status="ERRORED"') >= 4
    for user in ("u0", "u1", "u2"):
        assert f"/users/{user}" in html
    assert "u9" not in html


def test_every_number_leads_to_exactly_what_it_counts(viewer, project):
    outage(project)
    html = page(viewer, project, "/box").replace("&amp;", "&")
    links = re.findall(r'href="(/p/[^"]*/logs\?[^"]*since=[^"]*)">(\d+)(?: errors?| entries)?<', html)
    assert links
    for address, number in links:
        listed = viewer.get(address)
        assert listed.status_code == 200
        assert listed.content.decode().count("data-log-key=") == int(number)


def test_the_users_hit_lead_to_exactly_those_users(viewer, project):
    outage(project)
    store(project, entry(integration="box", userId="not hit", syncId=sync_id("fine")))
    html = page(viewer, project, "/box").replace("&amp;", "&")
    (address,) = re.findall(r'href="(/p/[^"]*/users\?user=[^"]*)">3<', html)
    listed = viewer.get(address).content.decode()
    assert re.findall(r'class="row-title" href="[^"]*/users/([^"]+)"', listed) == ["u0", "u1", "u2"]
    assert listed.count("User is") >= 3


def test_a_number_of_users_is_a_link_only_where_a_url_holds_them():
    assert paths.users("demo", {"a/b"}) == "/p/demo/users/a%2Fb"
    assert paths.users("demo", {"b", "a"}) == "/p/demo/users?user=a&user=b"
    assert paths.users("demo", {f"{n:0256}" for n in range(40)}) == ""
    assert paths.users("demo", set()) == ""


@pytest.mark.parametrize(("query", "words"), [("?range=24h", "24 hours"), ("?range=7d", "7 days"), ("", "24 hours")])
def test_causes_are_counted_over_a_day_or_a_week(viewer, project, query, words):
    store(project, error_entry(timestamp=timezone.now() - timedelta(days=3)))
    html = page(viewer, project, f"/googledrive{query}")
    assert f"Errors by cause, last {words}" in html
    assert ('causes-table"' in html) is ("7d" in query)
    assert ("No error of this integration was logged" in html) is ("7d" not in query)


def test_an_unknown_range_is_a_400_with_words(viewer, project):
    store(project, entry())
    response = viewer.get(f"/p/{project.slug}/integrations/googledrive?range=year")
    assert response.status_code == 400
    assert b"Use 24h or 7d." in response.content


def test_the_queries_do_not_grow(viewer, project):
    store(project, entry(integration="box"))
    for rest in ("", "/box"):
        page(viewer, project, rest)
        counts = []
        for count in (10, 50):
            store(
                project,
                *(
                    error_entry(
                        integration="box" if rest else f"i{n}", syncId=sync_id(n), traceId=f"t{n}", userId=f"u{n}"
                    )
                    for n in range(count)
                ),
            )
            with CaptureQueriesContext(connection) as queries:
                page(viewer, project, rest)
            counts.append(len(queries))
            assert all('"occurred_at" >=' in query["sql"] for query in queries if "synclogs_logentry" in query["sql"])
        # With fewer entries than are shown the days before the last two are asked for as well.
        assert counts[1] <= counts[0] <= counts[1] + 1


# Causes


def test_causes_are_told_apart_by_type_event_code_and_status(project):
    now = timezone.now()
    store(
        project,
        error_entry(userId="a"),
        error_entry(userId="b"),
        error_entry(userId="b", error=DOWN),
        error_entry(type="workflow", syncEvent=None, error=DOWN),
        entry(level="WARN", syncEvent="SYNC_RUN_WARNING"),
    )
    found = activity.causes(project, since=now - timedelta(hours=1), until=now + timedelta(hours=1))
    most = found.rows[0]
    assert (most.title, most.code, most.entries, len(most.users)) == (
        "Sync stopped with an error", "code invalid_grant, HTTP 401", 2, 2,
    )  # fmt: skip
    assert {cause.title for cause in found.rows} == {"Sync stopped with an error", "Workflow error"}
    assert (len(found.rows), found.read, found.cut, found.users) == (3, 4, False, 3)


def test_more_errors_than_are_read_are_said_to_be_cut(project):
    now = timezone.now()
    store(project, *(error_entry() for _ in range(4)))
    found = activity.causes(project, since=now - timedelta(hours=1), until=now + timedelta(hours=1), read=3)
    assert (found.rows[0].entries, found.cut) == (3, True)


def test_errors_of_a_sync_are_looked_for_only_where_there_are_some(project, django_assert_num_queries):
    store(project, entry())
    sync = Sync.objects.of(project).get()
    with django_assert_num_queries(0):
        assert activity.last_errors(sync, project) == ()
