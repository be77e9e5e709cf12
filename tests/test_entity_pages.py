"""What all pages of a project share: permissions, methods, one heading; and URLs of free-text identifiers."""

import re
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.test import Client
from django.utils import timezone

from portal.links import paths
from synclogs.models import Action, AuditEvent, Project, Role
from tests.factories import ProjectFactory, UserFactory, entry, error_entry, member, run, store, sync_id

pytestmark = pytest.mark.django_db
PAGES = (
    "",
    "audit",
    "help",
    "integrations",
    "integrations/googledrive",
    "search",
    "search?q=nothing",
    "syncs",
    f"syncs/{sync_id()}",
    "traces/trace-1",
    "users",
    "users/acct_1",
)
HOSTILE = (
    "a/b",
    "a/../b",
    "/",
    "//",
    "..",
    ".",
    "a b",
    " lead",
    "100%",
    "%2F",
    "%2e%2e",
    "?q=1#top",
    "a\nb",
    "a\r\nSet-Cookie: x=1",
    "\x1b[31mred",
    "<script>window.__xss = 1</script>",
    "\"' onmouseover=alert(1)",
    "{{ 7 * 7 }}",
    "é😀",
    "\u202egnp.exe",
    "+&=;,:@",
    "\\",
    "x" * 256,
)


@pytest.fixture
def project(db):
    project = ProjectFactory()
    now = timezone.now()
    store(project, *run(at=now - timedelta(minutes=9)), error_entry(timestamp=now - timedelta(minutes=5)), now=now)
    return project


@pytest.fixture
def lead(client: Client, project: Project) -> Client:
    client.force_login(member(project, Role.LEAD))
    return client


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_one_heading_and_one_main(lead, project, page):
    response = lead.get(f"/p/{project.slug}/{page}")
    html = response.content.decode()
    assert response.status_code == 200
    assert len(re.findall(r"<h1[ >]", html)) == len(re.findall(r"<main[ >]", html)) == 1
    assert "style=" not in html
    assert not re.search(r"<script(?![^>]* src=)", html)


@pytest.mark.parametrize("page", PAGES)
def test_every_id_of_a_page_is_there_once(lead, project, page):
    html = lead.get(f"/p/{project.slug}/{page}").content.decode()
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("page", PAGES)
def test_strangers_get_a_404_and_nobody_the_sign_in_page(client, project, page):
    url = f"/p/{project.slug}/{page}"
    assert client.get(url).headers["Location"].startswith("/accounts/login/?next=")
    client.force_login(UserFactory())
    assert client.get(url).status_code == 404
    client.force_login(member(ProjectFactory(), Role.ADMIN))
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_pages_only_read(lead, project, page):
    url = f"/p/{project.slug}/{page}"
    refused = (
        ("delete", "put") if page.startswith("search") else ("delete", "put", "post")
    )  # a long paste is no address
    assert {getattr(lead, method)(url).status_code for method in refused} == {405}
    assert lead.head(url).status_code == 200


@pytest.mark.parametrize("page", [page for page in PAGES if page != "audit"])
def test_a_viewer_sees_every_page_but_the_audit(client, project, page):
    client.force_login(member(project, Role.VIEWER))
    assert client.get(f"/p/{project.slug}/{page}").status_code == 200


def test_an_operator_is_told_why_the_audit_stays_closed(client, project):
    client.force_login(member(project, Role.OPERATOR))
    response = client.get(f"/p/{project.slug}/audit")
    assert response.status_code == 403
    assert b"for the role Lead and above" in response.content


@pytest.mark.parametrize("page", [f"syncs/{sync_id()}", "traces/trace-1", "users/acct_1", "integrations/googledrive"])
def test_what_another_project_has_is_unknown_here(client, project, page):
    here = ProjectFactory()
    client.force_login(member(here, Role.ADMIN))
    foreign, unknown = client.get(f"/p/{here.slug}/{page}"), client.get(f"/p/{here.slug}/{page}0")
    assert foreign.status_code == unknown.status_code == 404
    assert b"Error 404" in foreign.content


@pytest.mark.parametrize(
    "page", ["syncs/x", "syncs/5d0a7c1e", "syncs/<b>", "traces/none", "users/none", "integrations/no"]
)
def test_an_unknown_name_is_a_404_that_names_it(lead, project, page):
    response = lead.get(f"/p/{project.slug}/{page}")
    assert response.status_code == 404
    assert b"<b>" not in response.content


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_of_a_user_leads_to_its_page_and_back(lead, project, name):
    store(project, entry(userId=name))
    address = paths.detail(project.slug, "user", name)
    assert address.isascii()
    assert not re.search(r"[\s<>\"'\\]", address)
    response = lead.get(address)
    # The copy button and a form hold the name as it is; everywhere else such characters are shown as marks.
    html = re.sub(r'data-copy="[^"]*"|name="value" value="[^"]*"', "", response.content.decode())
    assert response.status_code == 200
    assert "<script>window" not in html
    assert "\"' onmouseover" not in html
    assert "\u202e" not in html
    assert "\x1b" not in html
    # The list links to the same page, and the page's own rows do too.
    assert f'href="{address}"' in lead.get(f"/p/{project.slug}/users").content.decode().replace("&#x27;", "'")


@pytest.mark.parametrize(
    "name", [name for name in HOSTILE if name.isascii() and name.isprintable() and len(name) <= 128]
)
@pytest.mark.parametrize(("kind", "field"), [("trace", "traceId"), ("integration", "integration")])
def test_any_name_of_a_trace_or_integration_leads_to_its_page(lead, project, kind, field, name):
    store(project, entry(**{field: name}))
    response = lead.get(paths.detail(project.slug, kind, name))
    assert response.status_code == 200
    assert b"<script>window" not in response.content


def test_a_browser_would_not_change_an_address():
    for name in HOSTILE:
        address = paths.detail("demo", "user", name)
        path = address.partition("?")[0]
        segments = [unquote(segment) for segment in path.split("/")]
        assert not {".", ".."} & set(segments)
        assert "?id=" in address or segments[-1] == name


@pytest.mark.parametrize("kind", ["users", "traces", "integrations"])
def test_a_name_can_also_come_as_a_parameter(lead, project, kind):
    names = {"users": "acct_1", "traces": "trace-1", "integrations": "googledrive"}
    assert lead.get(f"/p/{project.slug}/{kind}?id={names[kind]}").status_code == 200
    assert lead.get(f"/p/{project.slug}/{kind}?id=nothing").status_code == 404
    assert lead.get(f"/p/{project.slug}/{kind}?id=%00").status_code == 404


def test_traces_have_no_list(lead, project):
    assert lead.get(f"/p/{project.slug}/traces").headers["Location"] == f"/p/{project.slug}/syncs"


# Help and audit


def test_the_help_page_holds_the_whole_catalogue(lead, project):
    html = lead.get(f"/p/{project.slug}/help").content.decode()
    for words in (
        "SYNC_WEBHOOK_FAILED",
        "INCREMENTAL_SYNC_STARTED",
        "RATE_LIMITED",
        "10007",
        "HTTP 429",
        "curl http://testserver",
    ):
        assert words in html


def test_the_audit_shows_rows_of_this_project_only(lead, project):
    AuditEvent.objects.create(project=project, action=Action.KEY_CREATED, actor_text="kim", object_text="importer")
    AuditEvent.objects.create(project=ProjectFactory(), action=Action.KEY_CREATED, object_text="of another project")
    html = lead.get(f"/p/{project.slug}/audit").content.decode()
    assert "importer" in html
    assert "API key created" in html
    assert "of another project" not in html


def test_the_audit_is_filtered_by_action_person_and_object(lead, project):
    for action, who, what in ((Action.KEY_CREATED, "kim", "first"), (Action.KEY_REVOKED, "ada", "second")):
        AuditEvent.objects.create(project=project, action=action, actor_text=who, object_text=what)
    for query in ("action=key_created", "actor=KIM", "object=firs"):
        html = lead.get(f"/p/{project.slug}/audit?{query}").content.decode()
        assert "first" in html
        assert "second" not in html
    assert b"Nothing matches" in lead.get(f"/p/{project.slug}/audit?actor=nobody").content


@pytest.mark.parametrize(
    "query", ["action=exploded", "acton=key_created", "before=x", "actor=" + "a" * 257, "object=%00"]
)
def test_the_audit_refuses_what_it_cannot_read(lead, project, query):
    response = lead.get(f"/p/{project.slug}/audit?{query}")
    assert response.status_code == 400
    assert b"cannot be read" in response.content


def test_the_audit_pages_by_keyset(lead, project):
    AuditEvent.objects.bulk_create(
        AuditEvent(project=project, action=Action.KEY_CREATED, object_text=f"key-{number:03}") for number in range(60)
    )
    first = lead.get(f"/p/{project.slug}/audit").content.decode()
    older = re.search(r'href="(\?before=[^"]+)"', first)
    assert older
    second = lead.get(f"/p/{project.slug}/audit{older[1]}").content.decode()
    shown = [set(re.findall(r"key-\d{3}", html)) for html in (first, second)]
    assert [len(keys) for keys in shown] == [50, 10]
    assert not shown[0] & shown[1]
    newer = re.search(r'href="(\?after=[^"]+)"', second)
    assert newer
    assert set(re.findall(r"key-\d{3}", lead.get(f"/p/{project.slug}/audit{newer[1]}").content.decode())) == shown[0]


def test_links_to_the_log_list_reach_as_far_as_they_have_to():
    now = timezone.now()
    for days, since in ((0, "24h"), (2, "7d"), (20, "30d")):
        assert paths.since_of(now - timedelta(days=days), now=now) == since
    assert paths.since_of(now - timedelta(days=90), now=now).endswith("T00:00Z")


def test_syncs_of_a_user_who_only_paused_some_are_no_trouble(lead, project):
    store(
        project,
        entry(userId="calm", syncStatus="DISABLED"),
        entry(userId="calm", syncId=sync_id("b"), syncStatus="NEW"),
    )
    html = lead.get(f"/p/{project.slug}/users?q=calm").content.decode()
    assert "No trouble known; of 2 syncs, 1 paused on purpose and 1 in a state that is not known" in html
