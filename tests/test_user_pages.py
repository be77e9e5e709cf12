"""Connected user pages: the list and the page of one."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from synclogs.models import ConnectedUser, Project
from tests.factories import ProjectFactory, entry, error_entry, member, run, store, sync_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db) -> Project:
    return ProjectFactory()


@pytest.fixture
def viewer(client: Client, project: Project) -> Client:
    client.force_login(member(project))
    return client


def page(client: Client, project: Project, rest: str = "") -> str:
    response = client.get(f"/p/{project.slug}/users{rest}")
    assert response.status_code == 200
    return response.content.decode()


def names(html: str) -> list[str]:
    return re.findall(r'class="row-title" href="[^"]*/users/([^"]+)"', html)


def known(project: Project) -> None:
    store(
        project,
        entry(userId="acct_1"),
        error_entry(userId="acct_2", syncId=sync_id("bad"), timestamp=timezone.now() - timedelta(minutes=2)),
        error_entry(userId="acct_2", syncId=sync_id("worse"), timestamp=timezone.now() - timedelta(minutes=3)),
    )
    ConnectedUser.objects.filter(project=project, user_id="acct_1").update(
        name="Ada Lovelace", email="ada@example.com", company="Engines", metadata={"plan": "team", "seats": {"used": 3}}
    )
    ConnectedUser.objects.create(project=project, user_id="never seen", name="Grace")


def test_a_list_without_users_says_how_to_begin(viewer, project):
    assert "No user has been seen yet" in page(viewer, project)


def test_each_user_comes_with_the_state_of_the_syncs(viewer, project):
    known(project)
    html = page(viewer, project)
    assert names(html) == ["acct_1", "acct_2", "never%20seen"]
    for words in (
        "Ada Lovelace",
        "Engines",
        "ada@example.com",
        "The only sync works",
        "Of 2 syncs, 2 stopped",
        "No sync yet",
    ):
        assert words in html
    assert f"/p/{project.slug}/syncs?user=acct_2" in html


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?q=acct", {"acct_1", "acct_2"}),
        ("?q=LOVE", {"acct_1"}),
        ("?q=example.com", {"acct_1"}),
        ("?q=engin", {"acct_1"}),
        ("?q=%25", set()),
        ("?q=acct%5C", set()),
        ("?attention=any", {"acct_2"}),
        ("?attention=any&q=love", set()),
    ],
)
def test_the_list_is_searched_and_narrowed(viewer, project, query, expected):
    known(project)
    assert set(names(page(viewer, project, query))) == expected


@pytest.mark.parametrize("query", ["?q=" + "a" * 257, "?name=ada", "?attention=some", "?before=x", "?q=%00"])
def test_what_cannot_be_read_is_a_400_with_words(viewer, project, query):
    known(project)
    response = viewer.get(f"/p/{project.slug}/users{query}")
    assert response.status_code == 400
    assert b"cannot be read" in response.content
    assert not names(response.content.decode())


def test_pages_go_on_to_those_never_seen(viewer, project):
    now = timezone.now()
    rows = [
        ConnectedUser(project=project, user_id=f"seen-{n}", last_seen_at=now - timedelta(minutes=n)) for n in range(48)
    ]
    ConnectedUser.objects.bulk_create([*rows, *(ConnectedUser(project=project, user_id=f"new-{n}") for n in range(5))])
    first = page(viewer, project)
    older = re.search(r'href="(\?before=[^"]+)"', first)
    assert older
    second = page(viewer, project, older[1])
    assert names(first)[:48] == [f"seen-{n}" for n in range(48)]
    assert names(first)[48:] + names(second) == [f"new-{n}" for n in (4, 3, 2, 1, 0)]


def test_the_queries_of_the_list_do_not_grow_with_its_rows(viewer, project):
    page(viewer, project)
    counts = []
    for count in (10, 50):
        store(project, *(entry(userId=f"u{n}", syncId=sync_id(n), traceId=f"t{n}") for n in range(count)))
        with CaptureQueriesContext(connection) as queries:
            page(viewer, project)
        counts.append(len(queries))
    # Fewer rows than a page holds: those never seen are asked for as well.
    assert counts[1] <= counts[0] <= counts[1] + 1


# The page of one user


def test_a_user_page_says_who_what_is_wrong_and_shows_all_syncs(viewer, project):
    known(project)
    html = page(viewer, project, "/acct_2")
    assert "2 of 2 syncs need attention." in re.sub(r"All 2|2 of 2", "2 of 2", html)
    assert html.count('data-status="ERRORED"') >= 2
    assert sync_id("bad") in html
    assert sync_id("worse") in html
    assert html.count("data-log-key=") == 2
    assert f"/p/{project.slug}/logs?user=acct_2" in html


def test_what_is_known_of_a_user_is_shown(viewer, project):
    known(project)
    html = page(viewer, project, "/acct_1")
    for words in (
        "<bdi>Ada Lovelace</bdi></h1>",
        "Engines",
        "ada@example.com",
        "plan",
        "team",
        "{&quot;used&quot;: 3}",
    ):
        assert words in html
    assert "The only sync works." in html


def test_a_user_without_logs_has_a_page(viewer, project):
    known(project)
    html = page(viewer, project, "/never%20seen")
    assert "No sync of this user has been seen" in html
    assert "No logs are kept" in html


def test_the_worst_sync_comes_first(viewer, project):
    now = timezone.now()
    store(
        project,
        *run(at=now - timedelta(minutes=1), name="good"),
        error_entry(syncId=sync_id("bad"), timestamp=now - timedelta(hours=1)),
    )
    html = page(viewer, project, "/acct_1")
    assert html.index(f"/syncs/{sync_id('bad')}") < html.index(f"/syncs/{sync_id('good')}")


def test_a_user_with_very_many_syncs_is_cut_with_a_link(viewer, project):
    now = timezone.now()
    store(
        project,
        *(entry(syncId=sync_id(n), traceId=f"t{n}", timestamp=now - timedelta(seconds=n)) for n in range(203)),
        now=now,
    )
    html = page(viewer, project, "/acct_1")
    assert html.count("<tr data-row>") == 200
    assert "the 200 with the newest logs" in html


@pytest.mark.parametrize(
    "metadata", [[], "text", None, {"<b>": "<i>"}, {str(n): n for n in range(50)}, {"a": "x" * 9999}]
)
def test_any_metadata_is_bounded_text(viewer, project, metadata):
    store(project, entry())
    ConnectedUser.objects.filter(project=project).update(metadata=metadata if metadata is not None else {})
    html = page(viewer, project, "/acct_1")
    assert "<i>" not in html
    assert "x" * 300 not in html


def test_the_queries_of_a_user_do_not_grow(viewer, project):
    now, counts = timezone.now(), []
    store(project, *(entry(syncId=None, traceId=None) for _ in range(30)))
    page(viewer, project, "/acct_1")
    for count in (10, 50):
        store(
            project,
            *(entry(syncId=sync_id(n), traceId=f"t{n}", timestamp=now - timedelta(minutes=n)) for n in range(count)),
            now=now,
        )
        with CaptureQueriesContext(connection) as queries:
            page(viewer, project, "/acct_1")
        counts.append(len(queries))
        assert all('"occurred_at" >=' in query["sql"] for query in queries if "synclogs_logentry" in query["sql"])
    assert counts[0] == counts[1]
