"""The admin: permissions, query counts, secrets and audit rows."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.admin import base, cells, site
from synclogs.access import audit
from synclogs.models import (
    Action,
    ApiKey,
    AuditEvent,
    Bulk,
    ConnectedUser,
    Export,
    HourCount,
    LogEntry,
    Membership,
    Project,
    Reenable,
    Resolution,
    Role,
    SavedView,
    Scope,
    Sleeper,
    Sync,
    Trace,
)
from synclogs.reading import paging
from tests import factories

pytestmark = pytest.mark.django_db

READ_ONLY = (LogEntry, HourCount, Sync, Trace, AuditEvent, Export, Reenable, Bulk, Resolution, Sleeper)
SCOPED = (*READ_ONLY, ConnectedUser, SavedView, Project, Membership, ApiKey, User)
HOSTILE = "<script>window.__xss=1</script>\"'{{7*7}}\u202egnp.exe\x1b[31m\u200b\ufffd"


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory(slug="mine", name="Mine")


@pytest.fixture
def other() -> Project:
    return factories.ProjectFactory(slug="theirs", name="Theirs")


@pytest.fixture
def root(client: Client) -> Client:
    user = factories.UserFactory(username="root", is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


@pytest.fixture
def ada(project: Project) -> Client:
    """An administrator of the first project; no superuser."""
    client = Client()
    client.force_login(person(project, Role.ADMIN, username="ada"))
    return client


def person(project: Project, role: Role, **columns: Any) -> User:
    user = factories.UserFactory(is_staff=True, **columns)
    Membership.objects.create(user=user, project=project, role=role)
    return user


def fill(project: Project) -> None:
    """One row of every model."""
    factories.store(project, factories.error_entry(userId=f"user-of-{project.slug}"))
    factories.api_key(project)
    person, now = factories.member(project), timezone.now()
    Export.objects.create(project=project, person=person, format="csv", since=now, started_at=now, moved_at=now)
    SavedView.objects.create(project=project, owner=person, name="Errors")
    a_sync: dict[str, Any] = {"project": project, "sync_id": factories.sync_id()}
    Reenable.objects.create(**a_sync, state="refused", reason="x", requested_at=now, expires_at=now, ended_at=now)
    Resolution.objects.create(**a_sync, error_at=now, note="x", at=now)
    Sleeper.objects.get_or_create(project=project, kind="user", value="x", defaults={"reason": "x", "at": now})
    plan = dict.fromkeys(("canary_size", "wave_size", "per_minute"), 1)
    Bulk.objects.create(project=project, state="finished", reason="x", created_at=now, **plan)
    audit.record(Action.OBJECT_CHANGED, project=project, object_text=project.slug, before={"a": 1}, after={"a": 2})


def url(model: Any, page: str, *args: object, **query: str) -> str:
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)
    return f"{address}?{'&'.join(f'{key}={value}' for key, value in query.items())}" if query else address


def row_of(model: Any, project: Project) -> Any:
    if model is Project:
        return project
    if model is User:
        return User.objects.filter(memberships__project=project, is_staff=False).first()
    return model.objects.filter(project=project).first()


def text(response: Any) -> str:
    return str(response.content.decode())


def list_of(response: Any) -> Any:
    return response.context_data["cl"]


def rows(response: Any) -> list[Any]:
    return list(list_of(response).result_list)


# Who enters


def test_everything_is_registered_but_the_job_queue() -> None:
    names = {model.__name__ for model in admin.site._registry}
    assert names == {model.__name__ for model in SCOPED}
    assert isinstance(admin.site, site.PortalAdminSite) or admin.site._wrapped  # type: ignore[attr-defined]


def test_strangers_sign_in_at_the_portal(client: Client) -> None:
    response = client.get("/admin/synclogs/logentry/?level=error")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/admin/synclogs/logentry/%3Flevel%3Derror"


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_the_old_sign_in_address_leads_nowhere_else(client: Client, root: Client, target: str) -> None:
    assert root.get("/admin/login/", {"next": target})["Location"] == "/admin/"
    assert Client().get("/admin/login/", {"next": target})["Location"] == "/accounts/login/?next=/admin/"
    assert root.get("/admin/login/", {"next": "/admin/auth/"})["Location"] == "/admin/auth/"


def test_signing_out_here_is_audited(root: Client) -> None:
    assert root.get("/admin/logout/").status_code == 405
    assert root.post("/admin/logout/")["Location"] == "/accounts/login/"
    assert AuditEvent.objects.filter(action=Action.SIGNED_OUT, actor_text="root").count() == 1


def test_members_without_staff_are_refused_and_audited(client: Client, project: Project) -> None:
    user = factories.member(project, Role.ADMIN)
    client.force_login(user)
    assert client.get("/admin/").status_code == 403
    event = AuditEvent.objects.get(action=Action.ACCESS_DENIED)
    assert (event.actor, event.object_text) == (user, "/admin/")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.LEAD])
def test_staff_without_a_project_to_administer_see_nothing(client: Client, project: Project, role: Role) -> None:
    fill(project)
    client.force_login(person(project, role))
    assert "no project has you as its administrator" in text(client.get("/admin/"))
    for model in SCOPED:
        assert client.get(url(model, "changelist")).status_code == 403, model
        assert client.get(url(model, "add")).status_code == 403, model
    for model in SCOPED:
        assert client.get(url(model, "change", row_of(model, project).pk)).status_code in (403, 404), model


def test_a_superuser_opens_every_page(root: Client, project: Project) -> None:
    fill(project)
    for model, model_admin in admin.site._registry.items():
        listed = root.get(url(model, "changelist"))
        assert (listed.status_code, b"Show all" in listed.content) == (200, False), model
        adds = model in (Project, Membership, ApiKey, User)
        assert root.get(url(model, "add")).status_code == (200 if adds else 403), model
        response = root.get(url(model, "change", row_of(model, project).pk))
        assert response.status_code == 200, model
        assert "no-store" in response["Cache-Control"]
        assert model_admin.list_per_page <= 100
        assert not model_admin.show_full_result_count
    assert root.get("/admin/").status_code == 200
    assert root.get("/admin/synclogs/").status_code == 200
    assert root.get("/admin/password_change/").status_code == 200


def test_an_administrator_sees_own_rows_and_nobody_elses(ada: Client, project: Project, other: Project) -> None:
    fill(project)
    fill(other)
    for model in SCOPED:
        assert ada.get(url(model, "change", row_of(model, project).pk)).status_code == 200, model
        for page in ("change", "delete", "history"):
            assert ada.get(url(model, page, row_of(model, other).pk)).status_code in (
                (403, 404) if page == "delete" else (404,)
            ), (model, page)
        listed = text(ada.get(url(model, "changelist")))
        assert "Theirs" not in listed, model
        assert "user-of-theirs" not in listed, model
    assert ada.get(url(User, "add")).status_code == 403
    assert ada.get(url(Project, "add")).status_code == 403


def test_an_unknown_id_looks_like_a_foreign_one(ada: Client, project: Project) -> None:
    for model in SCOPED:
        for pk in ("0", "nonsense", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"):
            assert ada.get(url(model, "change", pk)).status_code == 404, (model, pk)


@pytest.mark.parametrize(
    "model", [LogEntry, HourCount, Sync, Trace, ConnectedUser, AuditEvent, ApiKey, Membership, User]
)
def test_the_project_filter_reaches_no_foreign_project(
    ada: Client, project: Project, other: Project, model: Any
) -> None:
    fill(project)
    fill(other)
    assert rows(ada.get(url(model, "changelist")))
    assert rows(ada.get(url(model, "changelist", project="theirs"))) == []
    assert rows(ada.get(url(model, "changelist", project="nowhere"))) == []


def test_a_role_acts_from_the_next_request_on(ada: Client, project: Project) -> None:
    assert ada.get(url(Project, "changelist")).status_code == 200
    Membership.objects.filter(project=project).update(role=Role.LEAD)
    assert ada.get(url(Project, "changelist")).status_code == 403


def test_the_policy_of_the_pages_is_eased_by_one_word(root: Client) -> None:
    policy = root.get("/admin/")["Content-Security-Policy"]
    assert policy == Client().get("/accounts/login/")["Content-Security-Policy"].replace(
        "script-src 'self'", "script-src 'self' 'unsafe-eval'"
    )
    assert "unsafe-inline" not in policy


def test_pages_carry_no_inline_style_or_script(root: Client, project: Project) -> None:
    fill(project)
    for model in SCOPED:
        for address in (url(model, "changelist"), url(model, "change", row_of(model, project).pk)):
            html = text(root.get(address))
            assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"", html), address
            assert not re.search(r"<script(?![^>]*(src=|application/json))", html), address
            assert not re.search(r"(src|href)=\"https?://", html), address


# Lists


def test_every_read_only_model_refuses_to_be_written(root: Client, project: Project) -> None:
    fill(project)
    for model in READ_ONLY:
        before = list(model.objects.values())
        pk = row_of(model, project).pk
        # The list of syncs has an action of its own, which only leads on; no other is known to it.
        delete = {"action": "delete_selected", "_selected_action": pk, "index": 0}
        assert root.post(url(model, "changelist"), delete).status_code == (302 if model is Sync else 405)
        assert root.post(url(model, "change", pk), {}).status_code == 405
        assert root.post(url(model, "delete", pk), {"post": "yes"}).status_code == 403
        assert root.post(url(model, "add"), {}).status_code == 403
        assert list(model.objects.values()) == before


def test_nothing_is_done_to_many_rows_at_once(root: Client, project: Project) -> None:
    fill(project)
    for model in (Project, Membership, ApiKey, ConnectedUser, User):
        data = {"action": "delete_selected", "_selected_action": row_of(model, project).pk, "index": 0}
        assert root.post(url(model, "changelist"), data).status_code == 405


@pytest.mark.parametrize(
    "query",
    [
        "?detail__error__message__contains=x",
        "?message__regex=(a%2B)%2B$",
        "?project__api_keys__secret_hash__startswith=a",
        "?user__password__startswith=scrypt",
        "?secret_hash__startswith=a",
        "?password__startswith=s",
    ],
)
@pytest.mark.parametrize("model", [Sync, ApiKey, Membership, User, AuditEvent])
def test_only_declared_filters_reach_the_database(root: Client, project: Project, model: Any, query: str) -> None:
    assert root.get(url(model, "changelist") + query).status_code == 400


BAD_PARAMETERS = [
    "?q=%00",
    "?q=" + "x" * 5000,
    "?q=%ED%A0%80",
    "?p=x",
    "?p=99999999999999999999",
    "?o=3.-1.x",
    "?all=1",
    "?e=1",
    "?before=x",
    "?after=zz-1",
    "?before=ffffffffffffffff-99999999999999999999",
    "?before=1-00000000000000000000000000000000",
    "?_facets=True",
    "?_popup=1",
]


@pytest.mark.parametrize("model", SCOPED)
def test_no_parameter_breaks_a_list(root: Client, project: Project, model: Any) -> None:
    fill(project)
    for query in BAD_PARAMETERS:
        assert root.get(url(model, "changelist") + query).status_code in (200, 302, 400), query


@pytest.mark.parametrize(
    "query",
    [
        "level=nonsense",
        "since=forever",
        "http_status=x",
        "sync=x",
        "nothing=1",
        "level=error&level=",
        "before=x",
        "-x=1",
    ],
)
def test_a_filter_that_is_not_understood_never_matches_everything(root: Client, project: Project, query: str) -> None:
    factories.store(project, factories.entry())
    response = root.get(f"{url(LogEntry, 'changelist')}?{query}")
    assert response.status_code == 200
    assert rows(response) == []


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (Sync, "status=NONSENSE"),
        (Sync, "attention=nonsense"),
        (Sync, "integration=nonsense"),
        (Sync, "user_id=%00"),
        (Trace, "outcome=nonsense"),
        (Trace, "sync=nonsense"),
        (Trace, "since=nonsense"),
        (HourCount, "facet=nonsense"),
        (HourCount, "level=nonsense"),
        (AuditEvent, "action=nonsense"),
        (ApiKey, "state=nonsense"),
        (Membership, "role=nonsense"),
        (User, "rights=nonsense"),
    ],
)
def test_an_unknown_value_matches_nothing(root: Client, project: Project, model: Any, query: str) -> None:
    fill(project)
    assert rows(root.get(url(model, "changelist")))
    assert rows(root.get(f"{url(model, 'changelist')}?{query}")) == []


def test_filters_of_the_log_narrow_it(root: Client, project: Project) -> None:
    factories.store(project, factories.entry(), factories.error_entry(syncId=factories.sync_id(2), userId="acct_2"))
    wrong = LogEntry.objects.get(level=40)
    values = {
        "level": "error",
        "category": "error",
        "event": "SYNC_RUN_ERROR",
        "status": "ERRORED",
        "error_code": "invalid_grant",
        "http_status": "401",
        "recoverability": "NON_RECOVERABLE",
        "user": "acct_2",
        "sync": factories.sync_id(2),
    }
    for name, value in values.items():
        response = root.get(url(LogEntry, "changelist", **{name: value}))
        assert rows(response) == [wrong], name
        assert [one.title for one in list_of(response).active()][:2] == ["Project", "Time"]
    for name, value in {
        "type": "managed_sync",
        "integration": "googledrive",
        "pipeline": "files",
        "trace": "trace-1",
    }.items():
        assert len(rows(root.get(url(LogEntry, "changelist", **{name: value})))) == 2, name
        assert rows(root.get(url(LogEntry, "changelist", **{name: "another"}))) == [], name


def test_choices_come_from_the_hour_counts(root: Client, project: Project) -> None:
    factories.store(project, factories.entry(integration="rare_integration"), factories.error_entry())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        html = text(root.get(url(LogEntry, "changelist")))
    assert '<option value="rare_integration">' in html
    assert '<option value="invalid_grant">' in html
    assert not any("DISTINCT" in query["sql"] for query in queries)


def test_the_log_shows_the_last_day_first(root: Client, project: Project) -> None:
    old = timezone.now() - timedelta(days=3)
    factories.store(project, factories.entry(timestamp=old), factories.entry())
    assert len(rows(root.get(url(LogEntry, "changelist")))) == 1
    assert len(rows(root.get(url(LogEntry, "changelist", since="7d")))) == 2
    assert len(rows(root.get(url(LogEntry, "changelist", since="1h")))) == 1


def test_the_project_last_looked_at_is_kept(root: Client, project: Project, other: Project) -> None:
    fill(project)
    fill(other)
    assert rows(root.get(url(Sync, "changelist")))[0].project == project
    assert rows(root.get(url(Sync, "changelist", project="theirs")))[0].project == other
    assert rows(root.get(url(LogEntry, "changelist")))[0].project == other


def test_search_finds_exact_ids_also_of_older_entries(root: Client, project: Project) -> None:
    old = timezone.now() - timedelta(days=20)
    factories.store(
        project, *(factories.entry(syncId=factories.sync_id(9), userId="u-9", traceId="t-9") for _ in range(3))
    )
    factories.store(
        project, factories.error_entry(id="the-id", timestamp=old, syncId=None, traceId="t-1", userId="u-1")
    )
    wanted = LogEntry.objects.get(entry_id="the-id")
    for words in ("the-id", str(wanted.key), wanted.key.hex, "t-1", "u-1", "invalid_grant", " the-id "):
        assert rows(root.get(url(LogEntry, "changelist"), {"q": words})) == [wanted], words
    for words in (factories.sync_id(9), "t-9", "u-9"):
        assert len(rows(root.get(url(LogEntry, "changelist"), {"q": words}))) == 3, words
    # What is no whole identifier is a query, as in the log list.
    for words in ("the", "THE-ID", "level:error", "http_status:401 -googledrive2"):
        assert rows(root.get(url(LogEntry, "changelist"), {"q": words})) == [wanted], words
    for words in ("th", "%", "_", "levl:error", "wolframite", "x" * 300):
        assert rows(root.get(url(LogEntry, "changelist"), {"q": words})) == [], words
    assert rows(root.get(url(LogEntry, "changelist"), {"q": "u-1", "since": "24h"})) == []


@pytest.mark.parametrize("per_page", [2, 3, 7])
def test_pages_of_the_log_show_each_entry_once(
    root: Client, project: Project, per_page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now() - timedelta(minutes=5)
    factories.store(project, *(factories.entry(timestamp=now) for _ in range(7)))  # all of one moment
    monkeypatch.setattr(admin.site._registry[LogEntry], "list_per_page", per_page)
    found, query = [], ""
    while True:
        changes = list_of(root.get(url(LogEntry, "changelist") + query))
        found += changes.result_list
        if not changes.older:
            break
        query = changes.older
    assert len(found) == len({entry.pk for entry in found}) == 7
    while changes.newer:
        changes = list_of(root.get(url(LogEntry, "changelist") + changes.newer))
    assert changes.result_list[0] == found[0]


@pytest.mark.parametrize("model", [Sync, Trace, ConnectedUser])
def test_other_long_lists_go_by_keyset_too(
    root: Client, project: Project, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = range(5)
    factories.store(
        project, *(factories.entry(syncId=factories.sync_id(i), userId=f"u{i}", traceId=f"t{i}") for i in ids)
    )
    monkeypatch.setattr(admin.site._registry[model], "list_per_page", 2)
    found, query = [], ""
    for _ in range(3):
        changes = list_of(root.get(url(model, "changelist") + query))
        found += changes.result_list
        query = changes.older
    assert not query
    assert len({row.pk for row in found}) == 5
    assert changes.newer


def log_queries(queries: CaptureQueriesContext) -> list[str]:
    return [query["sql"] for query in queries if "synclogs_logentry" in query["sql"]]


@pytest.mark.parametrize("query", ["", "?level=error", "?q=acct_1", "?q=nothing", "?since=30d&integration=googledrive"])
def test_no_list_counts_or_scans_entries(
    root: Client, project: Project, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.store(project, *(factories.entry() for _ in range(4)), factories.error_entry())
    monkeypatch.setattr(admin.site._registry[LogEntry], "list_per_page", 2)
    with CaptureQueriesContext(connection) as queries:
        assert root.get(url(LogEntry, "changelist") + query).status_code == 200
    assert log_queries(queries)
    for sql in log_queries(queries):
        assert "COUNT(" not in sql.upper()
        assert "OFFSET" not in sql
        assert "DISTINCT" not in sql
        assert '"project_id" = ' in sql
        assert re.search(r'"occurred_at" >= ', sql)
        assert "LIMIT" in sql or sql.upper().startswith("EXPLAIN SELECT ")


def test_one_entry_is_read_by_its_partition(root: Client, project: Project) -> None:
    factories.store(project, factories.entry())
    key = LogEntry.objects.get().pk
    with CaptureQueriesContext(connection) as queries:
        assert root.get(url(LogEntry, "change", key)).status_code == 200
    for sql in log_queries(queries):
        assert re.search(r'"occurred_at" >= .* AND .*"occurred_at" < ', sql)
        assert '"project_id" IN (' in sql


@pytest.mark.parametrize(
    "model", [LogEntry, HourCount, Sync, Trace, ConnectedUser, AuditEvent, ApiKey, Membership, User]
)
def test_the_number_of_queries_does_not_grow_with_the_rows(root: Client, project: Project, model: Any) -> None:
    fill(project)
    root.get(url(model, "changelist"))
    with CaptureQueriesContext(connection) as few:
        one = root.get(url(model, "changelist"))
    for i in range(12):
        fill(project)
        hour = timezone.now() - timedelta(hours=i)
        factories.store(
            project,
            factories.entry(timestamp=hour, syncId=factories.sync_id(i), userId=f"u{i}", traceId=f"t{i}"),
        )
        ApiKey.objects.filter(name="a key of the tests").update(name=f"key {i}")
    with CaptureQueriesContext(connection) as many:
        response = root.get(url(model, "changelist"))
    assert len(rows(response)) > len(rows(one))
    assert len(many) == len(few) <= 12


@pytest.mark.parametrize("model", [Sync, Trace, ConnectedUser, HourCount, AuditEvent])
def test_long_lists_are_estimated(root: Client, project: Project, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(project)
    factories.store(project, factories.entry(syncId=factories.sync_id(5), traceId="t5", userId="u5"))
    audit.record(Action.OBJECT_CHANGED, project=project)
    monkeypatch.setattr(admin.site._registry[model], "list_per_page", 1)
    with CaptureQueriesContext(connection) as queries:
        html = text(root.get(url(model, "changelist")))
    assert "about " in html
    assert not any("COUNT(" in query["sql"].upper() for query in queries)


def test_a_slow_list_says_what_to_do(root: Client, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*args: Any, **kwargs: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")

    monkeypatch.setattr(base, "LIST_MILLISECONDS", 20)
    monkeypatch.setattr(paging, "page", slow)
    response = root.get(url(LogEntry, "changelist", since="30d"))
    assert response.status_code == 503
    assert response["Retry-After"]
    assert "Choose a shorter time or fewer filters" in text(response)
    with connection.cursor() as cursor:  # the limit was for that list only
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone() == ("0",)


# Pages of log data


def test_an_entry_shows_its_ten_properties_then_the_rest(root: Client, project: Project) -> None:
    summary = {"created": 4, "updated": 11, "deleted": 0, "totalProcessed": 15, "totalChanges": 15, "durationMs": 8210}
    factories.store(project, factories.error_entry(summary=summary, syncStatus="ERRORED", extra={"a": [1, None]}))
    entry = LogEntry.objects.get()
    html = text(root.get(url(LogEntry, "change", entry.pk)))
    order = "Sync Trace User Integration Pipeline Event,Sync type,Sync status,Summary,Error".replace(" ", ",", 5).split(
        ","
    )
    places = [html.index(f">{label}</label>") for label in order]
    assert places == sorted(places)
    assert places[-1] < html.index(">As it was sent</label>") < html.index("&quot;extra&quot;: {")
    assert "Created: 4" in html
    assert "code invalid_grant · HTTP 401" in html
    assert f'href="/p/mine/logs/{entry.key}"' in html
    assert f'href="/p/mine/syncs/{entry.sync_id}"' in html


def nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"end": HOSTILE}
    for _ in range(depth):
        found = {"deeper": found}
    return found


@pytest.mark.parametrize(
    "values",
    [
        {"message": HOSTILE, "payload": {HOSTILE: HOSTILE}, "error": {"message": HOSTILE, "errorCode": HOSTILE[:60]}},
        {"message": "a\x00b \ud800", "payload": ["\x00", "\udfff"]},
        {"payload": nested(29)},
        {"blob": "'" * 250_000},
        {"blob": "\x7f" * 40_000},
        {"blob": "<" * 250_000},
        {"list": [1] * 80_000},
        {"payload": nested(20), "lists": [[[[[[1] * 9] * 9] * 9] * 9] * 3] * 1},
        {"message": "\x01" * 8000},
        {"userId": "../<b>\u202e\n\t//..?#%00" + "ü" * 100, "integration": "<i>{{1}}</i>", "pipeline": "-" * 128},
        {"type": "<b>", "syncEvent": "<img/src=x>", "syncId": None, "traceId": ".."},
        {"timestamp": "2026-01-01T00:00:00.000001Z"},
    ],
)
def test_no_accepted_entry_breaks_a_page(root: Client, project: Project, values: dict[str, Any]) -> None:
    if isinstance(values.get("timestamp"), str):
        values = {**values, "timestamp": timezone.now() - timedelta(days=29)}
    factories.store(project, factories.error_entry(**values))
    entry = LogEntry.objects.get()
    addresses = [url(LogEntry, "change", entry.pk)]
    for model in (LogEntry, HourCount, Sync, Trace, ConnectedUser):
        addresses.append(url(model, "changelist", since="30d") if model is not Sync else url(model, "changelist"))
        if model is not LogEntry:
            addresses += [url(model, "change", row.pk) for row in model.objects.all()[:20]]
    for address in addresses:
        response = root.get(address.replace("?since=30d", "") if "connecteduser" in address else address)
        assert response.status_code == 200, address
        assert len(response.content) < 2_000_000, address
        html = text(response)
        assert "<script>window" not in html
        assert "<img/src" not in html
        assert "<i>{{" not in html
        assert "\u202e" not in html
        assert "\x1b" not in html
        assert "49" not in html or "{{7*7}}49" not in html


def test_json_is_readable_and_reads_back() -> None:
    value = {"a": [1, {"b": "\u202e\x7f<"}], "c": None}
    html = cells.as_json(value)
    assert "\n  &quot;a&quot;: [" in html
    assert "\\u202e\\u007f&lt;" in html
    big = cells.as_json([1] * 200_000)
    assert len(big) < 1_000_000


def test_links_lead_to_the_portal(root: Client, project: Project) -> None:
    factories.store(project, factories.entry(userId="a/b ?"))
    sync, trace, user = Sync.objects.get(), Trace.objects.get(), ConnectedUser.objects.get()
    pages = {
        url(Sync, "change", sync.pk): f"/p/mine/syncs/{sync.sync_id}",
        url(Trace, "change", trace.pk): "/p/mine/traces/trace-1",
        url(ConnectedUser, "change", user.pk): "/p/mine/users/a%2Fb%20%3F",
        url(Project, "change", project.pk): "/p/mine/",
    }
    for address, page in pages.items():
        assert f'href="{page}"' in text(root.get(address)), address
    assert cells.portal_url("no-such-page", project) == ""


def test_lists_of_syncs_traces_and_customers_are_searched_by_id(root: Client, project: Project) -> None:
    factories.store(project, factories.entry(), factories.entry(syncId=factories.sync_id(2), userId="u2", traceId="t2"))
    ConnectedUser.objects.filter(user_id="u2").update(name="Anne Smith", email="anne@example.com", company="Smith & Co")
    for model, words in (
        (Sync, (factories.sync_id(2), "u2")),
        (Trace, ("t2", factories.sync_id(2))),
        (ConnectedUser, ("u2", "anne", "smith & co", "example.com")),
    ):
        for word in words:
            assert len(rows(root.get(url(model, "changelist"), {"q": word}))) == 1, (model, word)
        assert rows(root.get(url(model, "changelist"), {"q": "%"})) == []
    assert len(rows(root.get(url(Sync, "changelist", status="IDLE")))) == 2
    assert len(rows(root.get(url(Trace, "changelist", outcome="completed")))) == 2
    assert rows(root.get(url(Trace, "changelist", outcome="failed"))) == []
    for pasted in (factories.sync_id(2), f"%20{factories.sync_id(2)}%20"):
        assert len(rows(root.get(url(Trace, "changelist", sync=pasted)))) == 1
    factories.store(project, factories.entry(traceId="cut", syncEvent="FULL_SYNC_INTERRUPTED", level="WARN"))
    assert "Interrupted" in text(root.get(url(Trace, "changelist", outcome="interrupted")))
    assert len(rows(root.get(url(Sync, "changelist", attention="errored")))) == 0


def test_an_id_with_blanks_and_quotation_marks_is_one_term(root: Client, project: Project) -> None:
    name = 'a "b\\" c'
    factories.store(project, factories.entry(userId=name), factories.entry(userId="a", syncId=factories.sync_id(2)))
    for model in (Sync, ConnectedUser):
        assert [row.user_id for row in rows(root.get(url(model, "changelist"), {"q": f" {name} "}))] == [name]
    assert rows(root.get(url(Sync, "changelist"), {"q": "b"})) == []


# API keys


def new_key(client: Client, project: Project, **values: Any) -> Any:
    data = {"project": project.pk, "name": "Collector", "scopes": [Scope.LOGS_WRITE], **values}
    return client.post(url(ApiKey, "add"), data)


def test_a_key_shows_its_secret_once(ada: Client, project: Project) -> None:
    response = new_key(ada, project, scopes=["logs:write", "logs:read"], requests_per_minute="30")
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    secret = re.search(r'value="(ssp_\w+)"', text(response))[1]  # type: ignore[index]
    key = factories.key_of(secret, now=timezone.now())
    assert key is not None
    assert (key.project, key.name, key.scopes, key.requests_per_minute) == (
        project,
        "Collector",
        ["logs:write", "logs:read"],
        30,
    )
    hidden = secret.split("_")[2]
    event = AuditEvent.objects.get(action=Action.KEY_CREATED)
    assert event.after == {
        "project": "Mine",
        "name": "Collector",
        "scopes": ["logs:write", "logs:read"],
        "requests_per_minute": 30,
    }
    later = [
        text(ada.get(address))
        for address in (url(ApiKey, "changelist"), url(ApiKey, "change", key.pk), url(AuditEvent, "change", event.pk))
    ]
    assert not any(hidden in page for page in later)
    assert hidden not in json.dumps(dict(ada.session))
    assert not any(hidden in cookie.value for cookie in ada.cookies.values())
    assert bytes(key.secret_hash).hex() not in "".join(later)


def test_a_form_sent_twice_makes_one_key(ada: Client, project: Project) -> None:
    new_key(ada, project)
    again = new_key(ada, project)
    assert "A key of this name is in use" in text(again)
    assert ApiKey.objects.count() == 1
    ApiKey.objects.update(revoked_at=timezone.now())
    new_key(ada, project)
    assert ApiKey.objects.count() == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"scopes": []}, "Tick what the key is for"),
        ({"scopes": ["everything"]}, "Select a valid choice"),
        ({"name": ""}, "This field is required"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"name": "a\x00b"}, "Null characters are not allowed"),
        ({"requests_per_minute": "0"}, "greater than or equal to 1"),
        ({"requests_per_minute": "99999999999"}, "less than or equal to"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}, "This moment has passed"),
        ({"expires_at_0": "nonsense", "expires_at_1": ""}, "Enter a valid date"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(
    ada: Client, project: Project, values: dict[str, Any], words: str
) -> None:
    response = new_key(ada, project, **values)
    assert response.status_code == 200
    assert words in text(response)
    assert not ApiKey.objects.exists()


def test_nobody_makes_a_key_for_another_project(ada: Client, project: Project, other: Project) -> None:
    assert "Select a valid choice" in text(new_key(ada, other))
    assert not ApiKey.objects.exists()


def test_a_key_is_changed_with_before_and_after(ada: Client, project: Project, other: Project) -> None:
    key, _ = factories.api_key(project, Scope.LOGS_WRITE)
    data = {
        "name": "New name",
        "scopes": ["logs:read"],
        "project": other.pk,
        "key_id": "x",
        "revoked_at_0": "2020-01-01",
    }
    assert ada.post(url(ApiKey, "change", key.pk), data).status_code == 302
    key.refresh_from_db()
    assert (key.name, key.scopes, key.project, key.revoked_at) == ("New name", ["logs:read"], project, None)
    event = AuditEvent.objects.get()
    assert event.before == {"name": "a key of the tests", "scopes": ["logs:write"]}
    assert event.after == {"name": "New name", "scopes": ["logs:read"]}
    ada.post(url(ApiKey, "change", key.pk), {"name": "New name", "scopes": ["logs:read"]})
    assert AuditEvent.objects.count() == 1  # nothing changed, nothing to tell


def test_a_key_is_revoked_after_a_question(ada: Client, project: Project) -> None:
    key, secret = factories.api_key(project)
    address = f"/admin/synclogs/apikey/{key.pk}/revoke/"
    assert address in text(ada.get(url(ApiKey, "change", key.pk)))
    assert "refused from the next request on" in text(ada.get(address))
    assert factories.key_of(secret, now=timezone.now())
    assert ada.post(address, {"reason": "leaked"}).status_code == 302
    assert factories.key_of(secret, now=timezone.now()) is None
    event = AuditEvent.objects.get()
    assert (event.action, event.reason, event.project) == (Action.KEY_REVOKED, "leaked", project)
    ada.post(address, {"reason": "again"})
    assert AuditEvent.objects.count() == 1
    page = text(ada.get(url(ApiKey, "change", key.pk)))
    assert address not in page
    assert 'name="name"' not in page
    assert ada.post(url(ApiKey, "change", key.pk), {"name": "x", "scopes": ["logs:read"]}).status_code == 403
    assert ada.put(address).status_code == 405


def test_keys_are_never_deleted(root: Client, project: Project) -> None:
    key, _ = factories.api_key(project)
    assert root.post(url(ApiKey, "delete", key.pk), {"post": "yes"}).status_code == 403


def test_foreign_keys_cannot_be_revoked(ada: Client, project: Project, other: Project) -> None:
    key, _ = factories.api_key(other)
    assert ada.get(f"/admin/synclogs/apikey/{key.pk}/revoke/").status_code == 404
    assert ada.post(f"/admin/synclogs/apikey/{key.pk}/revoke/").status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None


def test_changes_need_the_form_of_this_site(project: Project) -> None:
    key, _ = factories.api_key(project)
    client = Client(enforce_csrf_checks=True)
    client.force_login(person(project, Role.ADMIN))
    assert client.post(f"/admin/synclogs/apikey/{key.pk}/revoke/").status_code == 403
    assert client.post(url(ApiKey, "add"), {"project": project.pk, "name": "x"}).status_code == 403


def test_states_of_keys(root: Client, project: Project) -> None:
    now = timezone.now()
    factories.api_key(project, name="usable", last_used_at=now)
    factories.api_key(project, name="revoked", revoked_at=now)
    factories.api_key(project, name="expired", expires_at=now - timedelta(days=1))
    for state, names in {
        "usable": {"usable"},
        "revoked": {"revoked"},
        "expired": {"expired"},
        "unused": {"revoked", "expired"},
    }.items():
        assert {key.name for key in rows(root.get(url(ApiKey, "changelist", state=state)))} == names


# Projects, members, people


def membership_form(project: Project, *rows_: dict[str, Any], initial: int = 0) -> dict[str, Any]:
    data = {"name": project.name, "slug": project.slug, "retention_days": project.retention_days}
    data |= {"memberships-TOTAL_FORMS": len(rows_), "memberships-INITIAL_FORMS": initial}
    for index, row in enumerate(rows_):
        data |= {f"memberships-{index}-{key}": value for key, value in row.items()}
    return data


def test_a_project_and_its_members_are_changed_in_one_form(ada: Client, project: Project) -> None:
    mine, leaving = (
        Membership.objects.get(),
        Membership.objects.create(project=project, user=factories.UserFactory(username="gone")),
    )
    factories.UserFactory(username="newcomer")
    data = membership_form(
        project,
        {"id": mine.pk, "project": project.pk, "role": Role.ADMIN},
        {"id": leaving.pk, "project": project.pk, "role": Role.VIEWER, "DELETE": "on"},
        {"project": project.pk, "user": "newcomer", "role": Role.LEAD},
        initial=2,
    )
    response = ada.post(
        url(Project, "change", project.pk), {**data, "name": "New", "slug": "stolen", "retention_days": 7}
    )
    assert response.status_code == 302, text(response)
    project.refresh_from_db()
    assert (project.name, project.slug, project.retention_days) == ("New", "mine", 7)
    assert {member.user.username: member.role for member in Membership.objects.all()} == {
        "ada": Role.ADMIN,
        "newcomer": Role.LEAD,
    }
    told = {(event.action, event.object_type, event.object_text): event for event in AuditEvent.objects.all()}
    changed = told.pop((Action.OBJECT_CHANGED, "project", "mine"))
    assert (changed.before, changed.after) == (
        {"name": "Mine", "retention_days": 90},
        {"name": "New", "retention_days": 7},
    )
    added = told.pop((Action.OBJECT_ADDED, "membership", "newcomer in mine"))
    assert added.after == {"user": "newcomer", "role": Role.LEAD}
    removed = told.pop((Action.OBJECT_DELETED, "membership", "gone in mine"))
    assert removed.before == {"user": "gone", "project": "New", "role": Role.VIEWER}
    assert told == {}
    assert {event.project for event in AuditEvent.objects.all()} == {project}
    assert {event.actor_text for event in AuditEvent.objects.all()} == {"ada"}


def test_a_role_is_changed_on_its_own_page(ada: Client, project: Project, other: Project) -> None:
    member = Membership.objects.create(project=project, user=factories.UserFactory(username="eve"))
    data = {"role": Role.OPERATOR, "project": other.pk, "user": "ada"}
    assert ada.post(url(Membership, "change", member.pk), data).status_code == 302
    member.refresh_from_db()
    assert (member.role, member.project, member.user.username) == (Role.OPERATOR, project, "eve")
    event = AuditEvent.objects.get()
    assert (event.before, event.after) == ({"role": Role.VIEWER}, {"role": Role.OPERATOR})
    assert ada.post(url(Membership, "delete", member.pk), {"post": "yes"}).status_code == 302
    assert AuditEvent.objects.filter(action=Action.OBJECT_DELETED, object_text="eve in mine").exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"user": "nobody-here"}, "There is nobody with that user name"),
        ({"user": ""}, "Type the user name"),
        ({"user": "inactive"}, "There is nobody with that user name"),
        ({"user": "ada"}, "already exists"),
        ({"role": "9"}, "Select a valid choice"),
        ({"project": "theirs"}, "Select a valid choice"),
    ],
)
def test_memberships_that_make_no_sense(
    ada: Client, project: Project, other: Project, values: dict[str, Any], words: str
) -> None:
    factories.UserFactory(username="eve")
    factories.UserFactory(username="inactive", is_active=False)
    data = {"project": project.pk, "user": "eve", "role": Role.ADMIN, **values}
    if data["project"] == "theirs":
        data["project"] = other.pk
    response = ada.post(url(Membership, "add"), data)
    assert response.status_code == 200
    assert words in text(response)
    assert Membership.objects.count() == 1


def test_an_administrator_of_a_project_is_not_one_of_accounts(ada: Client, project: Project) -> None:
    user = User.objects.get(username="ada")
    response = ada.get(url(User, "change", user.pk))
    assert 'name="is_superuser"' not in text(response)
    assert ada.post(url(User, "change", user.pk), {"username": "ada", "is_superuser": "on"}).status_code == 403
    assert ada.get(f"/admin/auth/user/{user.pk}/password/").status_code == 403
    assert ada.post(url(User, "delete", user.pk), {"post": "yes"}).status_code == 403


def test_a_failing_audit_fails_the_change(ada: Client, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the audit cannot be written")

    key, secret = factories.api_key(project)
    monkeypatch.setattr(audit, "record", broken)
    for address, data in (
        (url(Project, "change", project.pk), {**membership_form(project), "name": "New"}),
        (url(ApiKey, "add"), {"project": project.pk, "name": "x", "scopes": ["logs:write"]}),
        (f"/admin/synclogs/apikey/{key.pk}/revoke/", {}),
    ):
        with pytest.raises(RuntimeError):
            ada.post(address, data)
    project.refresh_from_db()
    assert project.name == "Mine"
    assert ApiKey.objects.count() == 1
    assert factories.key_of(secret, now=timezone.now())


def test_accounts_are_made_and_changed_by_superusers(root: Client) -> None:
    password = "correct horse battery staple"
    data = {"username": "new", "password1": password, "password2": password, "usable_password": "true"}
    data |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    response = root.post(url(User, "add"), {**data, "is_staff": "on"})
    assert response.status_code == 302, text(response)
    user = User.objects.get(username="new")
    assert user.is_staff
    assert not user.is_superuser
    assert user.check_password(password)
    added = AuditEvent.objects.get(action=Action.OBJECT_ADDED)
    assert added.after == {"username": "new", "is_staff": True}
    data = {"username": "new", "email": "new@example.com", "is_active": "on"}
    data |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    assert root.post(url(User, "change", user.pk), data).status_code == 302
    changed = AuditEvent.objects.get(action=Action.OBJECT_CHANGED)
    assert (changed.before, changed.after) == (
        {"email": "", "is_staff": True},
        {"email": "new@example.com", "is_staff": False},
    )
    new = "another horse battery staple"
    data = {"password1": new, "password2": new, "usable_password": "true", "set-password": "Set"}
    assert root.post(f"/admin/auth/user/{user.pk}/password/", data).status_code == 302
    user.refresh_from_db()
    assert user.check_password(new)
    assert AuditEvent.objects.filter(after={"password": "changed"}, object_text="new").count() == 1
    assert password not in json.dumps(list(AuditEvent.objects.values("before", "after")))
    assert "scrypt" not in text(root.get(url(User, "change", user.pk)))


def test_a_person_changes_the_own_password(client: Client, project: Project) -> None:
    user = person(project, Role.ADMIN)
    user.set_password(factories.PASSWORD)
    user.save()
    client.force_login(user)
    new = "another horse battery staple"
    data = {"old_password": factories.PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/admin/password_change/", data)["Location"] == "/admin/password_change/done/"
    assert AuditEvent.objects.get().after == {"password": "changed"}
    assert client.get("/admin/password_change/done/").status_code == 200


def test_superusers_do_not_lock_themselves_out(root: Client) -> None:
    user = User.objects.get(username="root")
    data = {"username": "root", "is_active": "on", "is_staff": "on"}
    data |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    assert "You cannot take away your own access" in text(root.post(url(User, "change", user.pk), data))
    assert root.post(url(User, "delete", user.pk), {"post": "yes"}).status_code == 403
    user.refresh_from_db()
    assert user.is_superuser


def test_who_acted_stays(root: Client) -> None:
    acted, idle = factories.UserFactory(), factories.UserFactory()
    audit.record(Action.SIGNED_IN, actor=acted)
    assert root.post(url(User, "delete", acted.pk), {"post": "yes"}).status_code == 403
    assert root.post(url(User, "delete", idle.pk), {"post": "yes"}).status_code == 302
    assert AuditEvent.objects.get(action=Action.OBJECT_DELETED).object_text == idle.username


def test_only_empty_projects_are_deleted(root: Client, project: Project, other: Project) -> None:
    fill(project)
    assert root.post(url(Project, "delete", project.pk), {"post": "yes"}).status_code == 403
    assert root.post(url(Project, "delete", other.pk), {"post": "yes"}).status_code == 302
    assert not Project.objects.filter(slug="theirs").exists()
    assert AuditEvent.objects.get(action=Action.OBJECT_DELETED).object_text == "theirs"


def test_a_superuser_adds_projects(root: Client) -> None:
    data = {
        "name": "Third",
        "slug": "third",
        "retention_days": 30,
        "memberships-TOTAL_FORMS": 0,
        "memberships-INITIAL_FORMS": 0,
    }
    assert root.post(url(Project, "add"), data).status_code == 302
    assert AuditEvent.objects.get().after == {"name": "Third", "slug": "third", "retention_days": 30}
    assert "less than or equal to 400" in text(
        root.post(url(Project, "add"), {**data, "slug": "x", "retention_days": 401})
    )


def test_a_customer_is_named(ada: Client, project: Project) -> None:
    factories.store(project, factories.entry())
    user = ConnectedUser.objects.get()
    data = {"name": "Northwind", "email": "it@example.com", "company": "Northwind Inc", "metadata": '{"plan": "gold"}'}
    assert ada.post(url(ConnectedUser, "change", user.pk), {**data, "user_id": "stolen"}).status_code == 302
    user.refresh_from_db()
    assert (user.user_id, user.name, user.metadata) == ("acct_1", "Northwind", {"plan": "gold"})
    event = AuditEvent.objects.get()
    assert event.before == {"name": "", "email": "", "company": "", "metadata": {}}
    assert ada.post(url(ConnectedUser, "delete", user.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    "metadata",
    [
        "[1]",
        "nonsense",
        '{"a": NaN}',
        '{"a": 1e999}',
        "9" * 5000,
        "[" * 9000,
        '{"a": "' + "x" * 20_000 + '"}',
        '"x"',
        "null",
        '{"a\\u0000": 1, "a\\ud800": 2}',
    ],
)
def test_metadata_that_cannot_be_stored(ada: Client, project: Project, metadata: str) -> None:
    factories.store(project, factories.entry())
    user = ConnectedUser.objects.get()
    response = ada.post(url(ConnectedUser, "change", user.pk), {"name": "x", "metadata": metadata})
    assert response.status_code == 200
    user.refresh_from_db()
    assert user.name == ""


@pytest.mark.parametrize("metadata", ['{"a\\u0000": "b\\u0000\\ud800"}', ""])
def test_metadata_is_cleaned(ada: Client, project: Project, metadata: str) -> None:
    factories.store(project, factories.entry())
    user = ConnectedUser.objects.get()
    assert ada.post(url(ConnectedUser, "change", user.pk), {"name": "x", "metadata": metadata}).status_code == 302
    user.refresh_from_db()
    assert user.metadata in ({"a\ufffd": "b\ufffd\ufffd"}, {})


# The audit and the rest


def test_the_audit_outside_projects_is_for_superusers(root: Client, ada: Client, project: Project) -> None:
    fill(project)
    audit.record(Action.SIGN_IN_FAILED, actor_text="mallory")
    outside = url(AuditEvent, "changelist", project="-")
    assert [event.actor_text for event in rows(root.get(outside))] == ["mallory"]
    assert rows(ada.get(outside)) == []
    event = AuditEvent.objects.get(actor_text="mallory")
    assert root.get(url(AuditEvent, "change", event.pk)).status_code == 200
    assert ada.get(url(AuditEvent, "change", event.pk)).status_code == 404
    assert rows(root.get(url(AuditEvent, "changelist", project="-", action="signed_in"))) == []
    assert rows(root.get(url(AuditEvent, "changelist", project="-", q="MALL")))


def test_history_leads_to_the_audit(ada: Client, project: Project) -> None:
    key, _ = factories.api_key(project)
    ada.post(url(ApiKey, "change", key.pk), {"name": "New", "scopes": ["logs:read"]})
    response = ada.get(url(ApiKey, "history", key.pk))
    assert response.status_code == 302
    assert [event.action for event in rows(ada.get(response["Location"]))] == [Action.OBJECT_CHANGED]


def test_the_first_page_shows_each_project(root: Client, project: Project, other: Project) -> None:
    fill(project)
    root.get("/admin/")
    with CaptureQueriesContext(connection) as few:
        html = text(root.get("/admin/"))
    assert "Mine" in html
    assert "Theirs" in html
    for _ in range(5):
        fill(factories.ProjectFactory())
    with CaptureQueriesContext(connection) as many:
        root.get("/admin/")
    assert len(many) == len(few) <= 12


def test_an_installation_without_projects(root: Client) -> None:
    assert "Add a project" in text(root.get("/admin/"))
    for model in SCOPED:
        assert root.get(url(model, "changelist")).status_code == 200, model


def test_the_command_box(root: Client) -> None:
    assert "Syncs" in text(root.get("/admin/search/?s=sync"))
    assert root.get("/admin/search/").status_code == 200
    for page in ("x", "0", "-1", "2", "999999999999"):
        assert root.get("/admin/search/", {"s": "sync", "page": page}).status_code == 404


def test_the_sidebar_offers_what_can_be_opened(ada: Client) -> None:
    addresses = re.findall(r'href="(/admin/[a-z]+/[a-z]+/)"', text(ada.get("/admin/")))
    assert {url(model, "changelist") for model in SCOPED} <= set(addresses)
    for address in addresses:
        assert ada.get(address).status_code == 200, address
