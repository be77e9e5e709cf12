"""Saved views: permissions, the list they open, the sidebar and the line above the list."""

import re
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from portal.log import saved_views_rail
from synclogs.access.actors import Actor, NotAllowed, Refused
from synclogs.models import Action, AuditEvent, Project, Role, SavedView
from synclogs.query.filters import LogFilter
from synclogs.reading import saved_views
from synclogs.storage import time_limits
from tests.denied import times
from tests.factories import ProjectFactory, entry, error_entry, member, store

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "logs"}
HOSTILE = "<script>alert(1)</script>\"'\u202egnp"
KEYS = re.compile(r'data-log-key="([0-9a-f-]{36})"')


@pytest.fixture(autouse=True)
def no_counts_of_before() -> None:
    cache.clear()


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="demo")


def client_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def view_of(project: Project, owner: User, name: str = "A view", query: str = "", **more: Any) -> SavedView:
    return SavedView.objects.create(project=project, owner=owner, name=name, query=query, **more)


def rail_words(html: str) -> list[str]:
    """The names in the rail, in order; a star on the current one."""
    found = re.findall(r'<a class="view-link"[^>]*?( aria-current="true")?><span[^>]*><bdi>([^<]*)', html)
    return [f"{name}{'*' if current else ''}" for current, name in found]


def save(client: Client, **values: str) -> Any:
    return client.post("/p/demo/views", values)


# Round trip.


def test_saved_then_opened_shows_the_same_list(project: Project) -> None:
    store(project, entry(userId="a"), error_entry(userId="a"), error_entry(userId="b"), error_entry(userId="ü, &x=y"))
    client = client_of(member(project))
    shown = "level=error&-user=b&since=7d&columns=user,message"
    before = client.get(f"/p/demo/logs?{shown}").content.decode()
    query = re.search(r'name="query" value="([^"]*)"', before)[1].replace("&amp;", "&")  # type: ignore[index]
    response = save(client, name="  Broken \t here ", query=query)
    view = SavedView.objects.get()
    assert (view.name, view.is_shared, view.query) == ("Broken here", False, shown)
    assert response["Location"] == f"/p/demo/logs?{shown}&view={view.pk}"
    after = client.get(response["Location"]).content.decode()
    assert KEYS.findall(after) == KEYS.findall(before) != []
    assert "The view “Broken here” is saved." in after
    assert rail_words(after)[-1] == "Broken here*"
    assert "Changed since saved" not in after


def test_every_parameter_survives_being_saved(project: Project) -> None:
    now = timezone.now()
    text = (
        "type=managed_sync&level=error&level=warning&-integration=box&user=a%26b%3Dc+%C3%BC&http_status=401"
        "&q=%22two+words%22+OR+-user%3Ax&since=2026-11-20T00%3A00Z&until=2026-11-21T00%3A00Z&columns=id,trace"
    )
    save(client_of(member(project)), name="all", query=text)
    kept = SavedView.objects.get().query
    given, back = (LogFilter.parse(parse_qs(query).items(), now=now, besides=("columns",)) for query in (text, kept))
    assert given == back
    assert parse_qs(kept)["columns"] == ["id,trace"]


def test_cursors_and_other_views_are_not_saved(project: Project) -> None:
    client = client_of(member(project))
    save(client, name="x", query="level=error&view=9&before=1-2&after=3-4&columns=event,sync,user,integration,message")
    assert SavedView.objects.get().query == "level=error"


# Who may do what.


@pytest.fixture
def people(project: Project) -> dict[str, User]:
    return {
        "owner": member(project, Role.OPERATOR),
        "viewer": member(project, Role.VIEWER),
        "operator": member(project, Role.OPERATOR),
        "lead": member(project, Role.LEAD),
        "admin": member(project, Role.ADMIN),
        "stranger": member(ProjectFactory(), Role.ADMIN),
    }


@pytest.mark.parametrize(
    ("who", "of_private", "of_shared"),
    [
        ("owner", 302, 302),
        ("viewer", 404, 403),
        ("operator", 404, 403),
        ("lead", 404, 302),
        ("admin", 404, 302),
        ("stranger", 404, 404),
    ],
)
def test_who_may_change_and_delete(
    project: Project, people: dict[str, User], who: str, of_private: int, of_shared: int
) -> None:
    client = client_of(people[who])
    for is_shared, expected in ((False, of_private), (True, of_shared)):
        view = view_of(project, people["owner"], f"view {is_shared}", is_shared=is_shared)
        forms: tuple[tuple[str, dict[str, str]], ...] = (
            ("change", {"act": "edit", "name": "new", **({"is_shared": "on"} if is_shared else {})}),
            ("change", {"act": "keep", "query": "level=error"}),
            ("delete", {}),
        )
        for page, values in forms:
            response = client.post(f"/p/demo/views/{view.pk}/{page}", values)
            assert response.status_code == expected, (is_shared, page)
            left = SavedView.objects.filter(pk=view.pk).values_list("name", "query").first()
            if expected != 302:
                assert left == (f"view {is_shared}", "")
        assert SavedView.objects.filter(pk=view.pk).exists() == (expected != 302)


def test_sharing_is_for_operators_and_above(project: Project, people: dict[str, User]) -> None:
    for who, expected in (("viewer", 403), ("operator", 302), ("lead", 302), ("stranger", 404)):
        client = client_of(people[who])
        assert save(client, name=f"team {who}", query="", is_shared="on").status_code == expected
        assert SavedView.objects.filter(name=f"team {who}", is_shared=True).exists() == (expected == 302)
    viewer = client_of(people["viewer"])
    save(viewer, name="mine", query="")
    mine = SavedView.objects.get(name="mine")
    edit = {"act": "edit", "name": "mine", "is_shared": "on", "query": ""}
    assert viewer.post(f"/p/demo/views/{mine.pk}/change", edit).status_code == 403
    assert not SavedView.objects.get(name="mine").is_shared
    assert times(action=Action.ACCESS_DENIED, actor=people["viewer"]) == 2
    page = viewer.get("/p/demo/logs").content.decode()
    assert "Sharing with the team is for operators and above" in page
    assert 'name="is_shared"' not in page


def test_private_views_are_seen_by_nobody_else(project: Project, people: dict[str, User]) -> None:
    private = view_of(project, people["owner"], "secret plan")
    view_of(project, people["owner"], "for all", is_shared=True)
    other = ProjectFactory()
    view_of(other, people["stranger"], "elsewhere", is_shared=True)
    for who in ("viewer", "lead", "admin"):
        client = client_of(people[who])
        page = client.get(f"/p/demo/logs?level=error&view={private.pk}")
        html = page.content.decode()
        assert page.status_code == 200
        assert "secret plan" not in html
        assert "is gone, or is not shared with you" in html
        assert rail_words(html)[5:] == ["for all"]
        assert "secret plan" not in client.get("/p/demo/logs/views").content.decode()


def test_a_post_without_its_token_is_refused(project: Project) -> None:
    person = member(project, Role.LEAD)
    view = view_of(project, person)
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    for path in ("views", f"views/{view.pk}/change", f"views/{view.pk}/delete"):
        assert client.post(f"/p/demo/{path}", {"name": "x", "query": "", "act": "edit"}).status_code == 403
    assert SavedView.objects.get() == view


# Names.


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "Give the view a name"),
        (" \t ", "Give the view a name"),
        ("x" * 61, "At most 60 characters; these are 61."),
        ("broken", "There is a view of yours with this name already."),
    ],
)
def test_a_bad_name_is_said_at_the_field_and_nothing_is_lost(project: Project, name: str, words: str) -> None:
    person = member(project, Role.OPERATOR)
    view_of(project, person, "Broken")
    other = view_of(project, person, "Other", "level=info")
    client = client_of(person)
    query = "level=error&since=7d"
    for path, act in (("views", ""), (f"views/{other.pk}/change", "edit")):
        values = {"name": name, "query": query, "is_shared": "on", "act": act}
        response = client.post(f"/p/demo/{path}", values)
        html = response.content.decode()
        assert response.status_code == 400
        assert words in html.split('id="view-name-error">')[1].split("</p>")[0]
        assert f'name="name" value="{name}"' in html
        assert 'name="query" value="level=error&amp;since=7d"' in html
        assert re.search(r'name="is_shared"[^>]* checked', html)
        assert f'action="/p/demo/{path}"' in html
    assert list(SavedView.objects.values_list("name", "query")) == [("Broken", ""), ("Other", "level=info")]


def test_names_are_of_one_person_and_those_of_the_team_of_all(project: Project, people: dict[str, User]) -> None:
    owner, other = client_of(people["owner"]), client_of(people["operator"])
    assert save(owner, name="Errors", query="", is_shared="on").status_code == 302
    assert save(other, name="errors", query="").status_code == 302  # one's own may be called like one of the team
    mine = SavedView.objects.get(owner=people["operator"])
    values = {"act": "edit", "name": "errors", "is_shared": "on", "query": ""}
    response = other.post(f"/p/demo/views/{mine.pk}/change", values)
    assert response.status_code == 400
    assert "The team has a view with this name already." in response.content.decode()
    with pytest.raises(IntegrityError):  # the database holds it too, whoever writes
        SavedView.objects.filter(pk=mine.pk).update(is_shared=True)


def test_there_are_limits_of_how_many(project: Project, people: dict[str, User]) -> None:
    actor = Actor(people["owner"], "owner", Role.OPERATOR)
    with patch.object(saved_views, "MOST_OWN", 2), patch.object(saved_views, "MOST_SHARED", 1):
        saved_views.create(project, people["owner"], actor=actor, name="1", query="", is_shared=True)
        with pytest.raises(Refused, match="The team has 1"):
            saved_views.create(project, people["owner"], actor=actor, name="2", query="", is_shared=True)
        saved_views.create(project, people["owner"], actor=actor, name="2", query="", is_shared=False)
        with pytest.raises(Refused, match="You have 2"):
            saved_views.create(project, people["owner"], actor=actor, name="3", query="", is_shared=False)
        saved_views.change(SavedView.objects.get(name="2"), actor, name="4")
    with pytest.raises(Refused, match="too many filters"):
        saved_views.create(project, people["owner"], actor=actor, name="5", query="x" * 9000, is_shared=False)


def test_the_verbs_themselves_ask_who_may(project: Project, people: dict[str, User]) -> None:
    owner, other = people["owner"], people["operator"]
    by = {role: Actor(other, "other", role) for role in Role}
    with pytest.raises(NotAllowed, match="for operators and above"):
        saved_views.create(project, other, actor=by[Role.VIEWER], name="1", query="", is_shared=True)
    own = Actor(owner, "owner", Role.OPERATOR)
    view = saved_views.create(project, owner, actor=own, name="1", query="", is_shared=True)
    private = saved_views.create(project, owner, actor=own, name="2", query="", is_shared=False)
    for found, role in ((view, Role.OPERATOR), (private, Role.ADMIN)):
        with pytest.raises(NotAllowed):
            saved_views.change(found, by[role], name="3")
        with pytest.raises(NotAllowed):
            saved_views.remove(found, by[role])
    with pytest.raises(NotAllowed):
        saved_views.change(private, Actor(owner, "owner", Role.VIEWER), is_shared=True)
    saved_views.remove(view, by[Role.LEAD])
    assert SavedView.objects.get().is_shared is False


@pytest.mark.parametrize("name", [HOSTILE[:60], "\x00\x1b[31m", "a\ud800b", "{{ 7*7 }}{% x %}", "שלום" * 4])
def test_hostile_names_stay_text_everywhere(project: Project, name: str) -> None:
    client = client_of(member(project, Role.LEAD))
    response = client.post("/p/demo/views", {"name": name.encode(errors="surrogatepass"), "query": "level=error"})
    assert response.status_code == 302
    view = SavedView.objects.get()
    pages = [
        client.get(response["Location"]),
        client.get("/p/demo/logs/views"),
        client.get(f"/p/demo/views/{view.pk}/delete"),
        client.post(f"/p/demo/views/{view.pk}/change", {"act": "edit", "name": ""}),
    ]
    for page in pages:
        html = page.content.decode()
        assert "<script>alert" not in html
        assert "49" not in re.findall(r"<bdi>[^<]*49[^<]*</bdi>", html)
        assert not {"\u202e", "\x1b", "\x00"} & set(re.sub(r'value="[^"]*"', "", html))


# What the list says.


def test_changes_since_it_was_saved_are_told_and_kept_or_taken_back(project: Project) -> None:
    person = member(project)
    view = view_of(project, person, "Mine", "type=managed_sync&level=error")
    client = client_of(person)
    html = client.get(f"/p/demo/logs?type=managed_sync&-user=x&since=7d&columns=id&view={view.pk}").content.decode()
    words = re.sub(r"<[^>]+>|\s+", " ", html.split("Changed since saved:")[1].split("</p>")[0])
    assert (
        re.sub(r" +,", ",", re.sub(r" +", " ", words)).strip().startswith("User is not x added, Level is Error removed")
    )
    assert "Time range changed" in words
    assert "Columns changed" in words
    assert f'href="?type=managed_sync&amp;level=error&amp;view={view.pk}">Reset</a>' in html
    form = {"act": "keep", "query": "type=managed_sync&-user=x&since=7d&columns=id"}
    response = client.post(f"/p/demo/views/{view.pk}/change", form)
    view.refresh_from_db()
    assert response["Location"] == f"/p/demo/logs?{view.query}&view={view.pk}"
    assert "Changed since saved" not in client.get(response["Location"]).content.decode()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("", "", []),
        ("level=error&user=a", "user=a&level=error", []),
        ("", "since=24h", []),
        ("since=7d", "", ["Time range changed"]),
        ("q=a", "q=b", ["Query changed"]),
        ("columns=id", "", ["Columns changed"]),
        ("", "level=error", ["Level is Error added"]),
        ("gone=x", "", ["gone is x removed"]),
    ],
)
def test_differences_in_words(before: str, after: str, words: list[str]) -> None:
    old, new = (
        tuple((name, value) for name, values in parse_qs(text).items() for value in values) for text in (before, after)
    )
    assert saved_views_rail.differences(old, new) == words


def test_the_fragment_refreshes_the_rail_and_the_line_above_the_list(project: Project) -> None:
    person = member(project)
    view = view_of(project, person, "Mine", "level=error")
    html = client_of(person).get(f"/p/demo/logs?level=error&user=a&view={view.pk}", headers=HTMX).content.decode()
    for name in ("views-list", "view-state", "views-current"):
        assert re.search(rf'id="{name}"[^>]* hx-swap-oob="true"', html), name
    assert "User is a added" in html


def test_built_in_views_are_marked_by_what_they_show(project: Project) -> None:
    client = client_of(member(project))
    assert rail_words(client.get("/p/demo/logs?columns=id").content.decode())[0] == "All logs*"
    html = client.get("/p/demo/logs?level=error&type=managed_sync").content.decode()
    assert rail_words(html)[:2] == ["All logs", "Managed Sync errors*"]
    assert not [name for name in rail_words(client.get("/p/demo/logs?user=x").content.decode()) if name.endswith("*")]


@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "9" * 30, "1&view=2", "%00"])
def test_a_view_that_cannot_be_is_a_400_at_its_place(project: Project, text: str) -> None:
    response = client_of(member(project)).get(f"/p/demo/logs?view={text}")
    assert response.status_code == 400
    assert "There is no saved view" in response.content.decode()


def test_a_query_that_is_no_longer_readable_breaks_nothing(project: Project) -> None:
    person = member(project)
    view = view_of(project, person, "Old", "colour=red&columns=smell")
    client = client_of(person)
    assert client.get("/p/demo/logs").status_code == 200
    html = client.get("/p/demo/logs/views").content.decode()
    assert "it names a filter that is no longer there" in html
    assert client.get(f"/p/demo/logs?{view.query}&view={view.pk}").status_code == 400
    response = client.post(f"/p/demo/views/{view.pk}/change", {"act": "keep", "query": "colour=blue"})
    assert response.status_code == 400
    assert "There is no filter “colour”" in response.content.decode()
    assert client.post(f"/p/demo/views/{view.pk}/change", {"act": "edit", "name": "New"}).status_code == 302
    assert client.post(f"/p/demo/views/{view.pk}/delete").status_code == 302


# Counts.


def counts_in(html: str) -> dict[str, str]:
    return dict(
        re.findall(
            r'<span class="view-link-name"[^>]*><bdi>([^<]*)</bdi></span>.*?<span class="count"[^>]*>([^<]*)<', html
        )
    )


def test_the_rail_counts_each_view_in_its_own_range(project: Project) -> None:
    now = timezone.now()
    hours = [timedelta(hours=number) for number in range(0, 72, 6)]
    store(project, *(entry(timestamp=now - age) for age in hours), *(error_entry(timestamp=now - age) for age in hours))
    person = member(project)
    view_of(project, person, "Wide", "level=error&since=7d")
    view_of(project, person, "Two", "level=error&user=acct_1&since=7d")
    client = client_of(person)
    page = client.get("/p/demo/logs").content.decode()
    assert 'hx-get="/p/demo/logs/views?" hx-trigger="load"' in page
    assert set(counts_in(page).values()) == {""}
    counts = counts_in(client.get("/p/demo/logs/views").content.decode())
    assert (counts["All logs"], counts["Wide"], counts["Two"]) == ("8", "12", "12")
    again = client.get("/p/demo/logs").content.decode()
    assert counts_in(again) == counts
    assert 'hx-trigger="load"' not in again.split('id="views-list"')[1].split(">")[0]


def test_tally_equals_brute_force_at_any_cut_of_the_hours(project: Project) -> None:
    now = timezone.now()
    store(
        project, *(entry(timestamp=now - timedelta(minutes=13 * n), level=("INFO", "ERROR")[n % 2]) for n in range(40))
    )
    for text in (
        "",
        "level=error",
        "-level=error",
        "type=managed_sync&level=error",
        "-user=x",
        "since=1h",
        "user=acct_1",
    ):
        log_filter = LogFilter.parse(parse_qs(text).items(), now=now)
        assert saved_views.tally(log_filter, project, seconds=5) == log_filter.entries(project).count(), text
    log_filter = LogFilter.parse([("user", ["acct_1"])], now=now)
    assert saved_views.tally(log_filter, project, seconds=5, most=3) == 4


def test_what_is_not_counted_in_time_says_so(project: Project) -> None:
    client = client_of(member(project))
    with patch.object(time_limits, "within", side_effect=time_limits.OutOfTime):
        html = client.get("/p/demo/logs/views").content.decode()
    assert set(counts_in(html).values()) == {"\N{EN DASH}"}
    assert html.count('title="Not counted in time"') == len(saved_views_rail.BUILT_IN)


def test_many_views_take_no_more_queries_than_one(project: Project) -> None:
    person = member(project)
    client = client_of(person)
    client.get("/p/demo/logs")
    taken = []
    for number in range(3):
        view_of(project, person, f"own {number}", f"user=u{number}")
        view_of(project, member(project), f"team {number}", is_shared=True)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get("/p/demo/logs")
        taken.append(len(queries))
    assert len(set(taken)) == 1


# The audit.


def test_what_the_team_sees_is_audited_and_what_is_ones_own_is_not(project: Project) -> None:
    owner = member(project, Role.OPERATOR)
    actor = Actor(owner, owner.get_username(), Role.OPERATOR, "127.0.0.1", "request-1")
    view = saved_views.create(project, owner, actor=actor, name="mine", query="level=error", is_shared=False)
    saved_views.change(view, actor, name="mine too")
    assert not AuditEvent.objects.exists()
    saved_views.change(view, actor, is_shared=True)
    saved_views.change(view, actor, query="level=info")
    saved_views.change(view, actor, query="level=info")
    saved_views.remove(view, actor)
    told = list(AuditEvent.objects.order_by("pk").values_list("action", "object_text", "before", "after"))
    whole = {"name": "mine too", "query": "level=error"}
    assert told == [
        ("object_changed", "mine too", {**whole, "is_shared": False}, {**whole, "is_shared": True}),
        ("object_changed", "mine too", {"query": "level=error"}, {"query": "level=info"}),
        ("object_deleted", "mine too", {"name": "mine too", "query": "level=info", "is_shared": True}, None),
    ]
    event = AuditEvent.objects.first()
    assert event is not None
    assert (event.object_type, event.address, event.request_id) == ("saved view", "127.0.0.1", "request-1")


def test_the_way_back_never_leaves_the_list(project: Project) -> None:
    person = member(project)
    view = view_of(project, person)
    client = client_of(person)
    for text in ("//evil.example/", "https://evil.example/?a=b", "a=1\r\nX-Y: z", "&&&", "level=error#x"):
        response = client.post(f"/p/demo/views/{view.pk}/change", {"act": "edit", "name": "n", "query": text})
        assert urlsplit(response["Location"]).path == "/p/demo/logs"
        assert "\n" not in response["Location"]
        page = client.get(f"/p/demo/views/{view.pk}/delete", {"query": text})
        assert 'href="/p/demo/logs?' in page.content.decode()


# The administration.


def test_the_administration_holds_the_same_rules(project: Project) -> None:
    person = member(project, Role.ADMIN)
    User.objects.filter(pk=person.pk).update(is_staff=True)
    view = view_of(project, member(project), "One", "level=error", is_shared=True)
    view_of(project, person, "Two", is_shared=True)
    client = client_of(person)
    page = client.get("/admin/synclogs/savedview/", {"project": "demo", "q": "one"}).content.decode()
    assert "level=error" in page
    assert escape("Two") not in page.split('id="result_list"')[-1]
    url = f"/admin/synclogs/savedview/{view.pk}/change/"
    assert "The team has a view with this name" in client.post(url, {"name": "two", "is_shared": "on"}).content.decode()
    assert client.post(url, {"name": "Three"}).status_code == 302
    view.refresh_from_db()
    assert (view.name, view.is_shared, view.query) == ("Three", False, "level=error")
    assert AuditEvent.objects.get(action=Action.OBJECT_CHANGED).object_text == "Three"
