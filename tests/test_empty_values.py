"""An empty value is never "everything" (F5): a 400 with words at the field, in every list; a form leaves its own empty fields out."""

import re
from collections.abc import Iterator

import pytest
from django.http import QueryDict
from django.test import Client

from portal.links import querystring
from synclogs.models import Project, Role, SavedView, Scope
from synclogs.query.fields import EMPTY, FIELDS
from tests import factories, places
from tests.factories import api_key, entry, error_entry, member, store
from tests.places import Place
from tests.test_admin import rows

pytestmark = pytest.mark.django_db

EVERY_FIELD = [*FIELDS, *(f"-{name}" for name in FIELDS), "since", "until", "q"]
LOG_CURSORS = ("before", "after", "at", "columns", "view")
LIST_CURSORS = ("before", "after")
# The pages of a project that a parameter narrows, and those parameters.
PAGES = {
    "logs": (*EVERY_FIELD, *LOG_CURSORS),
    "logs/facets": (*EVERY_FIELD, *LOG_CURSORS),
    "logs/tail": (*EVERY_FIELD, *LOG_CURSORS),
    "logs/export": (*EVERY_FIELD, *LOG_CURSORS, "format"),
    "logs/views": ("level", "user", "view"),
    "logs/rows": ("key", "columns"),
    "logs/copy": ("key", "format"),
    "syncs": ("q", "status", "integration", "pipeline", "user", "error_code", "attention", *LIST_CURSORS),
    "users": ("q", "user", "attention", *LIST_CURSORS),
    "audit": ("action", "actor", "object", *LIST_CURSORS),
    "reenables": ("state", "integration", "user", "sync", "who", "bulk", *LIST_CURSORS),
    "reenables/asleep": LIST_CURSORS,
    "reenables/bulk": ("state", *LIST_CURSORS),
    "reenables/bulk/new": ("q", "status", "integration", "pipeline", "user", "error_code", "attention", "sync"),
    "reenables/bulk/{bulk}": ("result", "after"),
    "reenables/bulk/{bulk}/progress": ("result", "after"),
    "integrations": ("status", "q"),
    "integrations/{integration}": ("range",),
    "syncs/{sync}": ("sync_type",),
}
LISTS = {
    "logs": (*EVERY_FIELD, "limit", "cursor"),
    "syncs": ("status", "integration", "pipeline", "user", "limit", "cursor"),
    "reenables": ("state", "sync", "user", "integration", "limit", "cursor"),
    "users": ("limit", "cursor"),
    "integrations": ("limit", "cursor"),
}
THINGS = ("integrations/{integration}", "syncs/{sync}")  # of which only a part is narrowed
ANOTHER_SENTENCE = r"Nothing was ticked|keys\.|not the key|one of json|Use 24h|There is no such filter"
GOOD = {"level": "error", "-level": "debug", "since": "7d", "key": "{key}", "format": "csv", "range": "24h"}


def blank(name: str, place: Place) -> Iterator[str]:
    """Nothing, blanks, no sign of a value at all, and one among others."""
    good = GOOD.get(name, "x").format(**place.names)
    yield from (f"{name}=", f"{name}=%20%09", name, f"{name}={good}&{name}=", f"{name}=%E3%80%80&{name}={good}")


@pytest.fixture
def demo() -> Place:
    return places.place("demo")


@pytest.fixture
def lead(demo: Place, client: Client) -> Client:
    client.force_login(member(demo.project, Role.LEAD))
    return client


@pytest.mark.parametrize("page", PAGES)
def test_no_page_takes_nothing_for_everything(lead: Client, demo: Place, page: str) -> None:
    address = f"/p/demo/{page.format(**demo.names)}"
    for name in PAGES[page]:
        for query in blank(name, demo):
            response = lead.get(f"{address}?{query}")
            body = response.content.decode()
            assert response.status_code == 400, query
            assert EMPTY in body or re.search(ANOTHER_SENTENCE, body), query
            assert page in THINGS or not re.search(r"data-log-key|<tr data-row", body), query


def test_traces_pass_on_what_was_asked_for(lead: Client) -> None:
    response = lead.get("/p/demo/traces?user=&level=x&level=y")
    assert response["Location"] == "/p/demo/syncs?user=&level=x&level=y"
    assert lead.get(response["Location"]).status_code == 400
    assert lead.get("/p/demo/traces")["Location"] == "/p/demo/syncs"


@pytest.mark.parametrize("path", LISTS)
def test_no_list_of_the_api_does(client: Client, demo: Place, path: str) -> None:
    _, key = api_key(demo.project, scopes=[Scope.LOGS_READ])
    for name in LISTS[path]:
        for query in blank(name, demo):
            response = client.get(f"/api/v1/{path}?{query}", headers={"Authorization": f"Bearer {key}"})
            assert response.status_code == 400, query
            assert response["Content-Type"] == "application/problem+json"
            assert response.json()["errors"][name], query


def test_the_log_list_says_it_at_the_field_and_keeps_the_rest(lead: Client) -> None:
    html = lead.get("/p/demo/logs?level=error&-user=&integration=crm-demo&since=7d").content.decode()
    assert re.search(rf'id="filter-error-user">{re.escape(EMPTY)}<', html)
    assert re.search(r'name="level" value="error" checked', html)
    assert re.search(r'name="integration" value="crm-demo" checked', html)
    assert 'name="since" value="7d"' in html
    assert 'href="?level=error&amp;integration=crm-demo&amp;since=7d"' in html  # the chip with the mistake taken away
    fragment = lead.get("/p/demo/logs?-user=", headers={"HX-Request": "true", "HX-Target": "logs"}).content.decode()
    assert f'id="filter-error-user" hx-swap-oob="true">{EMPTY}<' in fragment


# Forms.


@pytest.mark.parametrize("page", ["logs", "syncs", "users", "audit", "reenables"])
def test_a_form_with_empty_fields_is_sent_without_scripts(lead: Client, page: str) -> None:
    """As a browser would send it: every field of the form as it came with the page."""
    html = lead.get(f"/p/demo/{page}").content.decode()
    form = html.partition('id="filters"')[2].partition("</form>")[0]
    fields = [tag for tag in re.findall(r"<input[^>]*>", form) if 'type="checkbox"' not in tag]
    names = [re.findall(r'name="([^"]*)"', tag)[0] for tag in fields]
    values = [(re.findall(r'value="([^"]*)"', tag) or [""])[0] for tag in fields]
    assert querystring.FORM in names
    assert "" in values
    response = lead.get(f"/p/demo/{page}", [*zip(names, values, strict=True)])
    assert response.status_code == 302
    assert response["Location"] == f"/p/demo/{page}" + ("?since=24h" if page == "logs" else "")
    assert lead.get(response["Location"]).status_code == 200


def test_ticking_nothing_is_no_wish_for_everything(lead: Client, demo: Place) -> None:
    new = "/p/demo/reenables/bulk/new"
    ticked = lead.get(f"{new}?form=sync&sync=&sync={demo.names['sync']}")
    assert ticked["Location"] == f"{new}?sync={demo.names['sync']}"
    nothing = lead.get(f"{new}?form=sync&sync=", follow=True)
    assert nothing.redirect_chain == [(f"{new}?sync=", 302)]
    assert nothing.status_code == 400
    assert "Nothing was ticked" in nothing.content.decode()


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("form=filters&a=&b=1&a=2", "?b=1&a=2"),
        ("form=filters&a=+&form=", "?"),
        ("form=a&a=&b=", "?a="),
        ("form=a&a=&a=1", "?a=1"),
        ("form=a&b=1", "?b=1"),
        ("form=form&form=&a=", "?"),
    ],
)
def test_what_a_form_means(sent: str, meant: str) -> None:
    given = QueryDict(sent).lists()
    assert sorted(querystring.link(querystring.of_form(given))) == sorted(meant)


def test_the_mark_of_a_form_opens_no_other_site_and_no_page_of_strangers(client: Client, demo: Place) -> None:
    client.force_login(member(factories.ProjectFactory(slug="other"), Role.LEAD))
    assert client.get("/p/demo/logs?form=filters").status_code == 404
    moved = client.get("/p/other/users/%2F%2Fevil.example%3Fa%0D?form=filters&x=")
    assert moved["Location"] == "/p/other/users///evil.example%3Fa%0D"


# What is stored.


def test_a_saved_view_is_never_made_of_an_empty_value(lead: Client, demo: Place) -> None:
    response = lead.post("/p/demo/views", {"name": "mine", "query": "level=error&user="})
    html = response.content.decode()
    assert response.status_code == 400
    assert EMPTY in html
    assert 'name="query" value="level=error&amp;user="' in html  # sending it again is refused again
    assert not SavedView.objects.filter(name="mine").exists()


def test_a_stored_view_with_an_empty_value_opens_nothing(lead: Client, demo: Place) -> None:
    SavedView.objects.filter(project=demo.project).update(query="user=", is_shared=True)
    number = SavedView.objects.get(project=demo.project).pk
    assert f'href="/p/demo/logs?user=&amp;view={number}"' in lead.get("/p/demo/logs").content.decode()
    assert lead.get(f"/p/demo/logs?user=&view={number}").status_code == 400
    assert "Cannot be counted" in lead.get("/p/demo/logs/views").content.decode()


def test_a_pasted_link_keeps_its_empty_value(lead: Client) -> None:
    response = lead.get("/p/demo/search", {"q": "http://testserver/p/demo/logs?user=&level=error"})
    assert response["Location"] == "/p/demo/logs?user=&level=error"


def test_the_search_box_is_friendly(lead: Client) -> None:
    for query in ("", "?q=", "?q=%20"):
        response = lead.get(f"/p/demo/search{query}")
        assert response.status_code == 200
        assert "Paste an ID into the box above" in response.content.decode()


def test_the_administration_takes_the_empty_choices_of_its_own_form(client: Client) -> None:
    project: Project = factories.ProjectFactory(slug="demo")
    store(project, entry(), error_entry())
    client.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    address = "/admin/synclogs/logentry/?project=demo"
    assert len(rows(client.get(f"{address}&q=&level=&user=&since="))) == 2
    for query in ("user=%20", "level=%20", "level=error&level=", "-level="):
        assert rows(client.get(f"{address}&{query}")) == [], query
