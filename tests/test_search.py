"""Search box: a pasted text leads to its page; several are offered, none says what was looked for."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from synclogs.lookup import matches, paste
from synclogs.lookup.pasted_json import Kind
from synclogs.models import ConnectedUser, LogEntry, Project
from tests.factories import MembershipFactory, ProjectFactory, entry, error_entry, member, store, sync_id

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
    assert "3 things named here" in html
    for words in ("User", "Trace", "Log entry"):
        assert f'<span class="offer-kind">{words}</span>' in html


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "a_",
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
    response = search(viewer, project, "acct_1" + " " * 9000 + "more")
    html = response.content.decode()
    assert response.status_code == 200
    assert "Only the first 8,192 characters were looked at." in html
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
    found = matches.find(project, paste.read(" padded ", project=project.slug), now=timezone.now())
    assert [user.user_id for user in found.of(Kind.USER)] == [" padded "]


def test_what_is_looked_up_is_bounded(project):
    store(project, *(entry(id="same", timestamp=timezone.now() - timedelta(seconds=n)) for n in range(15)))
    with CaptureQueriesContext(connection) as queries:
        found = matches.find(project, paste.read("same", project=project.slug), now=timezone.now())
    assert len(found.of(Kind.ENTRY)) == 10
    assert all("LIMIT" in query["sql"] for query in queries)
    assert all('"occurred_at" >=' in query["sql"] for query in queries if "synclogs_logentry" in query["sql"])


MAIL = """From: Ada <ADA@example.com>
Subject: my files stopped syncing

Hello support,
since this morning nothing arrives, see {sync}.
The trace was "{trace}".

Thanks
"""


def test_a_mail_opens_the_most_telling_thing_that_all_others_belong_to(viewer, project):
    address = f"/p/{project.slug}/traces/trace-1"
    assert post(viewer, project, MAIL.format(sync=sync_id(), trace="trace-1")).headers["Location"] == address
    address = f"/p/{project.slug}/syncs/{sync_id()}"
    assert post(viewer, project, MAIL.format(sync=sync_id()[:8], trace="unknown")).headers["Location"] == address
    address = f"/p/{project.slug}/users/acct_1"
    assert post(viewer, project, MAIL.format(sync="googledrive", trace="unknown")).headers["Location"] == address


def post(client: Client, project: Project, text: str):
    """What the search box does with a long text; a shorter one comes back as an address to keep."""
    response = client.post(f"/p/{project.slug}/search", {"q": text})
    if response.status_code == 302 and "/search?q=" in response.headers["Location"]:
        response = client.get(response.headers["Location"])
    return response


def test_a_mail_about_several_things_offers_them_and_says_where_it_names_them(viewer, project):
    store(project, entry(userId="acct_2", syncId=sync_id(2), traceId="trace-2"))
    html = post(viewer, project, MAIL.format(sync=sync_id(2), trace="run-0815")).content.decode()
    assert "2 things named here" in html
    assert "Named in line 5" in html
    assert "Their e-mail, named in line 1" in html
    assert "Also looked for, not found" in html
    assert "run-0815" in html
    assert "Named in line 6 as trace" in html
    assert "&amp;q=%22run-0815%22" in html or "q=%22run-0815%22" in html


def test_a_log_opens_its_entry_else_its_trace_else_its_sync_else_its_user(viewer, project):
    log = {
        "id": "sender-1",
        "traceId": "trace-1",
        "syncInstanceId": sync_id().upper(),
        "user": {"id": "acct_1"},
        "integration": "googledrive",
    }
    key = LogEntry.objects.of(project).get().key
    for name, address in (
        ("id", f"logs/{key}"),
        ("traceId", "traces/trace-1"),
        ("syncInstanceId", f"syncs/{sync_id()}"),
        ("user", "users/acct_1"),
        ("integration", "integrations/googledrive"),
    ):
        location = search(viewer, project, json.dumps({"event": "x", "log": log}, indent=2)).headers["Location"]
        assert location == f"/p/{project.slug}/{address}"
        del log[name]


def test_a_link_opens_its_page_whatever_its_host(viewer, project):
    key = LogEntry.objects.of(project).get().key
    here = f"/p/{project.slug}"
    for link, address in (
        (f"https://portal.example{here}/logs/{key}", f"{here}/logs/{key}"),
        (f"http://10.0.0.1:8000{here}/logs/{key}/context", f"{here}/logs/{key}"),
        (f"https://portal.example{here}/users/acct_1?x=1#top", f"{here}/users/acct_1"),
        (f"{here}/syncs/{sync_id()}", f"{here}/syncs/{sync_id()}"),
        (f"https://x.example{here}/logs?level=error&user=acct_1", f"{here}/logs?level=error&user=acct_1"),
        (f"The log: <https://x.example{here}/logs/{key}>.", f"{here}/logs/{key}"),
    ):
        assert search(viewer, project, link).headers["Location"] == address


def test_a_link_into_another_project_is_offered_to_its_members_and_unknown_to_others(viewer, client, project):
    other = ProjectFactory(slug="elsewhere", name="The other place")
    store(other, entry(id="theirs", userId="their-user"))
    key = LogEntry.objects.of(other).get().key
    link = f"https://portal.example/p/elsewhere/logs/{key}"
    html = search(viewer, project, link).content.decode()
    assert "The other place" not in html
    assert 'href="/p/elsewhere' not in html
    both = member(project)
    MembershipFactory(user=both, project=other)
    client.force_login(both)
    response = search(client, project, link)
    assert response.status_code == 200
    assert f'href="/p/elsewhere/logs/{key}"' in response.content.decode()
    assert "The link leads to the project The other place" in response.content.decode()


@pytest.mark.parametrize(
    "text", ["ERR_QUOTA", "err_quota", "The error code is ERR_QUOTA, it says", "errorCode=ERR_QUOTA"]
)
def test_an_error_code_opens_the_log_of_the_last_30_days(viewer, project, text):
    store(project, error_entry(userId=None, syncId=None, traceId=None, error={"errorCode": "ERR_QUOTA"}))
    location = search(viewer, project, text).headers["Location"]
    assert location in (
        f"/p/{project.slug}/logs?error_code=ERR_QUOTA&since=30d",
        f"/p/{project.slug}/logs?since=30d&error_code=ERR_QUOTA",
    )


def test_the_beginning_of_a_sync_id_as_lists_show_it(viewer, project):
    address = f"/p/{project.slug}/syncs/{sync_id()}"
    for length in (8, 13, 20, 35):
        assert search(viewer, project, sync_id()[:length].upper()).headers["Location"] == address
    assert search(viewer, project, sync_id()[:7]).status_code == 200


def test_a_part_of_a_name_is_offered_never_opened(viewer, project):
    html = search(viewer, project, "example.COM").content.decode()
    assert "1 user with this in the name" in html
    assert "/users/acct_1" in html
    assert "Nothing carries exactly this" in search(viewer, project, "%%%").content.decode()


def test_no_hit_names_each_candidate_and_offers_the_words_of_the_log(viewer, project):
    html = post(viewer, project, "user id: acct_99\nmail: bob@example.org\nordinary words").content.decode()
    assert "Nothing carries this" in html
    for value in ("acct_99", "bob@example.org"):
        assert f"<bdi>{value}</bdi>" in html
    assert "q=%22acct_99%22" in html
    assert "ordinary" not in html.split("<main")[1]
    assert "names nothing that could be looked for" in post(viewer, project, "Hi,\nit is broken!").content.decode()


def test_the_number_of_queries_does_not_depend_on_the_text(project):
    def queries(text: str) -> int:
        with CaptureQueriesContext(connection) as found:
            matches.find(project, paste.read(text, project=project.slug), now=timezone.now())
        return len(found)

    many = "\n".join(
        f"{sync_id(number)} user-{number} mail{number}@example.com abcdef{number:04x}" for number in range(12)
    )
    assert queries(sync_id()) == queries(many) == 7


def test_texts_that_no_column_takes_are_answered(viewer, project):
    for text in (
        '{"id": "\\ud800", "syncId": "\\u0000"}',
        "\ufeff\u200b",
        "[" * 8192,
        "\u23ce" * 8192,
        "{" * 8000,
        "'" * 99,
    ):
        assert search(viewer, project, text).status_code == 200
