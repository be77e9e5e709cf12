"""The search box: whole identifiers in, the thing out; several are offered, none says what was looked for."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from synclogs import lookup
from synclogs.models import ConnectedUser, LogEntry, Project
from tests.factories import ProjectFactory, entry, member, store, sync_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db) -> Project:
    project = ProjectFactory()
    store(project, entry(id="sender-1"))
    ConnectedUser.objects.filter(project=project).update(name="Ada", email="ada@example.com", company="Engines")
    return project


@pytest.fixture
def viewer(client: Client, project: Project) -> Client:
    client.force_login(member(project))
    return client


def search(client: Client, project: Project, text: str):
    return client.get(f"/p/{project.slug}/search", {"q": text})


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (sync_id(), f"syncs/{sync_id()}"),
        (sync_id().upper(), f"syncs/{sync_id()}"),
        (f"  {sync_id()}\n", f"syncs/{sync_id()}"),
        ("trace-1", "traces/trace-1"),
        ("acct_1", "users/acct_1"),
        ("ADA@example.com", "users/acct_1"),
        ("ada", "users/acct_1"),
        ("engines", "users/acct_1"),
        ("GoogleDrive", "integrations/googledrive"),
    ],
)
def test_one_hit_opens_it(viewer, project, text, address):
    response = search(viewer, project, text)
    assert response.status_code == 302
    assert response.headers["Location"] == f"/p/{project.slug}/{address}"


def test_an_entry_is_found_by_our_key_and_by_the_senders_id(viewer, project):
    key = LogEntry.objects.of(project).get().key
    for text in (str(key), key.hex, "sender-1"):
        assert search(viewer, project, text).headers["Location"] == f"/p/{project.slug}/logs/{key}"


def test_several_hits_are_offered(viewer, project):
    store(project, entry(traceId="acct_1"), entry(id="acct_1", traceId="t2"))
    response = search(viewer, project, "acct_1")
    html = response.content.decode()
    assert response.status_code == 200
    assert "3 things carry this" in html
    for words in ("User", "Trace", "Log entry"):
        assert f'<span class="hit-kind">{words}</span>' in html


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "acct_",
        "acct%",
        "<b>x</b>",
        "\x00",
        "'; --",
        "5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9",
        "ffffffff-ffff-8fff-bfff-ffffffffffff",
    ],
)
def test_no_hit_says_what_was_looked_for(viewer, project, text):
    response = search(viewer, project, text)
    html = response.content.decode()
    assert response.status_code == 200
    assert "Nothing carries exactly this" in html
    assert "Search the syncs" in html
    assert "<b>x" not in html


@pytest.mark.parametrize("text", ["", "   "])
def test_nothing_typed_explains_the_box(viewer, project, text):
    assert b"Paste an ID into the box above" in search(viewer, project, text).content


def test_a_long_text_is_cut_with_a_note(viewer, project):
    response = search(viewer, project, "acct_1" + " " * 300 + "more")
    html = response.content.decode()
    assert response.status_code == 200
    assert "Only the first 256 characters were looked for." in html
    assert "/users/acct_1" in html
    assert search(viewer, project, "é" * 9000).status_code == 200


def test_another_project_is_never_searched(viewer, project):
    other = ProjectFactory()
    store(
        other,
        entry(
            id="theirs", userId="their user", traceId="their trace", syncId=sync_id("theirs"), integration="theirbox"
        ),
    )
    for text in ("theirs", "their user", "their trace", sync_id("theirs"), "theirbox"):
        assert "Nothing carries exactly this" in search(viewer, project, text).content.decode()


def test_a_name_with_blanks_at_its_ends_is_found_as_it_is(project):
    store(project, entry(userId=" padded "))
    found = lookup.find(project, " padded ", now=timezone.now())
    assert [user.user_id for user in found.users] == [" padded "]


def test_what_is_looked_up_is_bounded(project):
    store(project, *(entry(id="same", timestamp=timezone.now() - timedelta(seconds=n)) for n in range(15)))
    with CaptureQueriesContext(connection) as queries:
        found = lookup.find(project, "same", now=timezone.now())
    assert len(found.entries) == 10
    assert all("LIMIT" in query["sql"] for query in queries)
    assert all('"occurred_at" >=' in query["sql"] for query in queries if "synclogs_logentry" in query["sql"])
