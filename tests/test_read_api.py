"""Read side of the REST API: filters, pages, shapes, and only the key's own project."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import timezone

from portal.api import pagination, schema
from synclogs.models import Action, AuditEvent, ConnectedUser, LogEntry, Project, Scope, Sync
from synclogs.parsing.limits import LIMITS
from synclogs.query import filters
from synclogs.query.fields import FIELDS
from tests import factories
from tests.factories import bearer, entry, error_entry, run, store, sync_id

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory()


@pytest.fixture
def get(client: Client, project: Project):
    """get(path, **parameters) with a key of `project` that may read; a list is a repeated parameter."""
    key = factories.api_key(project, Scope.LOGS_READ)[1]

    def ask(path: str, **parameters: Any):
        return client.get(API + path, parameters, headers=bearer(key))

    return ask


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def is_problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    return body


# Logs.


def test_an_entry_comes_back_as_it_was_sent(get, project):
    sent = error_entry(
        id="evt-1",
        timestamp="2026-11-23T10:00:00.123456+02:00",
        message="boom",
        credentialId="c-1",
        custom={"a": [1, None, {"b": True}]},
    )
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    store(project, sent, now=now)
    (row,) = get("/logs", since="2026-11-01T00:00Z").json()["results"]
    key = LogEntry.objects.get().key
    assert row == {
        **sent,
        "timestamp": "2026-11-23T08:00:00.123456Z",
        "key": str(key),
        "receivedAt": "2026-11-23T12:00:00Z",
        "category": "error",
        "url": f"http://testserver/p/{project.slug}/logs/{key}",
    }
    assert get("/logs/evt-1").json() == row
    assert get(f"/logs/{key}").json() == row
    assert get(f"/logs/{key.hex}").json() == row


def test_a_senders_field_of_the_portals_name_is_not_lost(get, project):
    store(project, entry(id="evt-1", category="theirs", url=7, sent="too"))
    row = get("/logs/evt-1").json()
    assert row["category"] == "lifecycle"
    assert row["sent"] == {"category": "theirs", "url": 7, "sent": "too"}


def test_newest_first_and_pages_show_each_entry_once_while_more_arrive(get, project):
    now = timezone.now()
    at_once = [entry(timestamp=now - timedelta(minutes=10)) for _ in range(50)]
    around = [entry(timestamp=now - timedelta(minutes=minutes)) for minutes in range(5, 20)]
    store(project, *at_once, *around)
    seen: list[str] = []
    page = get("/logs", limit=7).json()
    while True:
        seen += [row["id"] for row in page["results"]]
        moments = [row["timestamp"] for row in page["results"]]
        assert moments == sorted(moments, reverse=True)
        if page["next"] is None:
            break
        store(project, entry(timestamp=now - timedelta(seconds=1)))
        page = get("/logs", limit=7, cursor=page["next"]).json()
    assert sorted(seen) == sorted(made["id"] for made in [*at_once, *around])


def test_the_last_page_has_no_next(get, project):
    store(project, entry(), entry())
    assert get("/logs", limit=2).json()["next"] is None
    assert get("/logs", limit=1).json()["next"]


def test_pages_of_large_entries_are_short_and_complete(get, project, monkeypatch):
    """200 entries of the largest size would be 50 MB."""
    monkeypatch.setattr(pagination, "BITE", 4)
    monkeypatch.setattr(pagination, "PAGE_BYTES", 100_000)
    for number in range(30):
        store(project, entry(id=f"e{number}", traceId="large", blob="x" * 20_000))
    seen: list[str] = []
    parameters: dict[str, Any] = {"limit": 20}
    while parameters.get("cursor", True):
        answer = get("/logs", **parameters)
        assert len(answer.content) < 2 * pagination.PAGE_BYTES
        seen += ids(answer)
        parameters["cursor"] = answer.json()["next"]
    assert sorted(seen) == sorted(f"e{number}" for number in range(30))
    trace = get("/traces/large").json()
    assert trace["truncated"]
    assert 5 <= len(trace["entries"]) <= 8
    assert [row["timestamp"] for row in trace["entries"]] == sorted(row["timestamp"] for row in trace["entries"])


def test_every_filter_finds_its_entries_and_its_negation_the_others(get, project):
    mine = error_entry(
        id="mine",
        type="workflow",
        syncEvent="SYNC_RUN_ERROR",
        syncType="FULL",
        syncStatus="ERRORED",
        integration="jira",
        pipeline="tickets",
        userId="acct/9 ü",
        syncId=sync_id("mine"),
        traceId="trace mine",
        error={"errorCode": "10007", "httpStatus": 404, "recoverability": "TERMINAL"},
    )
    store(project, mine, entry(id="other"))
    values = {
        "type": "workflow",
        "category": "other",
        "level": "error",
        "event": "SYNC_RUN_ERROR",
        "sync_type": "FULL",
        "status": "ERRORED",
        "integration": "jira",
        "pipeline": "tickets",
        "user": "acct/9 ü",
        "sync": sync_id("mine"),
        "trace": "trace mine",
        "error_code": "10007",
        "http_status": "404",
        "recoverability": "TERMINAL",
    }
    assert set(values) == set(FIELDS)
    for name, value in values.items():
        assert ids(get("/logs", **{name: value})) == ["mine"], name
        assert ids(get("/logs", **{f"-{name}": value})) == ["other"], name


def test_repeated_values_are_any_of_and_negated_ones_none_of(get, project):
    store(project, *(entry(id=name, integration=name) for name in ("jira", "box", "slack")))
    assert sorted(ids(get("/logs", integration=["jira", "box"]))) == ["box", "jira"]
    assert ids(get("/logs", **{"-integration": ["jira", "box"]})) == ["slack"]


def test_time_ranges(get, project):
    now = timezone.now()
    store(project, *(entry(id=f"{hours}h", timestamp=now - timedelta(hours=hours)) for hours in (0, 2, 30, 24 * 20)))
    assert ids(get("/logs")) == ["0h", "2h"]
    assert ids(get("/logs", since="1h")) == ["0h"]
    assert ids(get("/logs", since="30d")) == ["0h", "2h", "30h", "480h"]
    assert ids(get("/logs", since=factories.rfc3339(now - timedelta(hours=31)), until="24h")) == ["30h"]


def test_a_range_holds_its_first_moment_and_not_its_last(get, project):
    since, until = timezone.now() - timedelta(hours=2), timezone.now() - timedelta(hours=1)
    instant = timedelta(microseconds=1)
    moments = {"before": since - instant, "first": since, "last": until - instant, "end": until}
    store(project, *(entry(id=name, timestamp=moment) for name, moment in moments.items()))
    span = {"since": factories.rfc3339(since), "until": factories.rfc3339(until)}
    assert ids(get("/logs", **span)) == ["last", "first"]
    assert ids(get("/logs", **span, q="user:acct_1")) == ["last", "first"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("level", "loud"),
        ("category", "9"),
        ("http_status", "abc"),
        ("http_status", "٤٠٤"),
        ("sync", "not-a-uuid"),
        ("since", "yesterday"),
        ("since", "9999-12-31T23:59:59-12:00"),
        ("until", "0001-01-01T00:00:00+12:00"),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "-1"),
        ("limit", "x"),
        ("limit", "٣"),
        ("limit", ["5", "6"]),
        ("cursor", "nonsense"),
        ("cursor", "ffffffffffffffff-" + "0" * 32),
        ("cursor", ["a", "b"]),
        ("user", "a\x00b"),
        ("user", "x" * 300),
        ("integration", [str(number) for number in range(101)]),
        ("nonsense", "1"),
        ("levels", "error"),
        ("offset", "10"),
        ("ordering", "detail"),
        ("occurred_at__gte", "2026-01-01"),
        ("detail__a", "1"),
        ("project", "1"),
        ("format", "csv"),
    ],
)
def test_what_cannot_be_understood_is_400_at_its_parameter(get, project, name, value):
    store(project, entry())
    assert list(is_problem(get("/logs", **{name: value}), 400)["errors"]) == [name]


def test_a_mistyped_filter_gets_a_hint(get):
    assert "level" in is_problem(get("/logs", levle="error"), 400)["errors"]["levle"]


def test_the_newest_entry_of_an_id(get, project):
    now = timezone.now()
    for days in (3, 1, 2):
        store(project, entry(id="same", timestamp=now - timedelta(days=days), message=f"{days}"))
    assert get("/logs/same").json()["message"] == "1"


@pytest.mark.parametrize(
    "name",
    ["a/b", "a b", "100%", "?x=1&y", "#", "..", "a/../b", "é".encode().decode("latin-1"), "~!@$^*()+=|\\:;\"'<>,"],
)
def test_ids_of_any_printable_characters(get, project, name):
    if not name.isascii():
        assert get(f"/logs/{quote(name, safe='')}").status_code == 404
        return
    store(project, entry(id=name))
    assert get(f"/logs/{quote(name, safe='')}").json()["id"] == name


def test_unknown_ids_and_those_of_others_look_the_same(get, project):
    other = factories.ProjectFactory()
    store(other, entry(id="theirs", syncId=sync_id("theirs"), traceId="theirs", userId="theirs", integration="theirs"))
    foreign_key = LogEntry.objects.get().key
    pairs = (
        ("/logs/theirs", "/logs/nobody"),
        (f"/logs/{foreign_key}", f"/logs/{sync_id('nobody')}"),
        (f"/syncs/{sync_id('theirs')}", f"/syncs/{sync_id('nobody')}"),
        ("/traces/theirs", "/traces/nobody"),
        ("/users/theirs", "/users/nobody"),
    )
    for theirs, nobodys in pairs:
        answers = [is_problem(get(path), 404) for path in (theirs, nobodys)]
        for answer in answers:
            del answer["instance"], answer["request_id"]
        assert answers[0] == answers[1]
    for path in ("/logs", "/syncs", "/users", "/integrations"):
        assert get(path).json() == {"results": [], "next": None}


# Syncs, traces, users, integrations.


def test_a_sync_in_full(get, project):
    at = datetime(2026, 11, 23, 10, tzinfo=UTC)
    retry = {"recoverability": "RECOVERABLE", "attempt": 2, "maxAttempts": 5, "nextRetryAt": "2026-11-23T11:00:30Z"}
    limited = entry(
        timestamp=at + timedelta(minutes=1),
        level="WARN",
        syncEvent="SYNC_RUN_RATE_LIMITED",
        syncStatus="RATE_LIMITED",
        error=retry,
    )
    failed = error_entry(id="bad", timestamp=at + timedelta(minutes=2), message="Gone", credentialId="c-1")
    store(project, *run(at=at), limited, failed, now=at + timedelta(hours=1))
    key = LogEntry.objects.get(entry_id="bad").key
    expected = {
        "syncId": sync_id(),
        "userId": "acct_1",
        "integration": "googledrive",
        "pipeline": "files",
        "credentialId": "c-1",
        "status": "ERRORED",
        "statusSince": "2026-11-23T10:02:00Z",
        "firstSeenAt": "2026-11-23T10:00:00Z",
        "lastSeenAt": "2026-11-23T10:02:00Z",
        "initialCompletedAt": None,
        "lastStartedAt": "2026-11-23T10:00:00Z",
        "lastCompletedAt": "2026-11-23T10:00:08Z",
        "lastWarningAt": "2026-11-23T10:01:00Z",
        "webhookWarningAt": None,
        "webhookFailedAt": None,
        "cadenceSeconds": None,
        "lastSummary": {
            "created": 4,
            "updated": 11,
            "deleted": 0,
            "totalProcessed": 15,
            "totalChanges": 15,
            "durationMs": 8000,
        },
        "lastError": {
            "at": "2026-11-23T10:02:00Z",
            "key": str(key),
            "event": "SYNC_RUN_ERROR",
            "errorCode": "invalid_grant",
            "httpStatus": 401,
            "recoverability": "NON_RECOVERABLE",
            "message": "Gone",
        },
        "retry": {
            "seenAt": "2026-11-23T10:01:00Z",
            "nextRetryAt": "2026-11-23T11:00:30Z",
            "attempt": 2,
            "maxAttempts": 5,
        },
        "url": f"http://testserver/p/{project.slug}/syncs/{sync_id()}",
    }
    assert get(f"/syncs/{sync_id()}").json() == expected
    assert get(f"/syncs/{sync_id().upper()}").json() == expected
    assert get("/syncs").json() == {"results": [expected], "next": None}


def test_syncs_are_filtered_and_complete_over_pages(get, project):
    now = timezone.now() - timedelta(minutes=5)
    for number in range(9):
        store(
            project,
            entry(
                syncId=sync_id(number), userId=f"u{number % 3}", integration=("jira", "box")[number % 2], timestamp=now
            ),
        )
    seen: list[str] = []
    cursor = ""
    while True:
        page = get("/syncs", limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [row["syncId"] for row in page["results"]]
        store(project, entry(syncId=sync_id(1), timestamp=timezone.now()))  # a sign of life moves nobody
        if not (cursor := page["next"]):
            break
    assert sorted(seen) == sorted(sync_id(number) for number in range(9))
    assert len(get("/syncs", user=["u0", "u1"], integration="jira").json()["results"]) == 3
    assert len(get("/syncs", status="IDLE").json()["results"]) == Sync.objects.filter(status="IDLE").count()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stauts", "IDLE"),
        ("status", "a\x00"),
        ("user", "x" * 300),
        ("limit", "1000"),
        ("cursor", "!"),
        ("cursor", "bm8"),
        ("since", "1h"),
        ("q", "x"),
        ("ordering", "id"),
        ("user_id__startswith", "a"),
    ],
)
def test_syncs_refuse_what_they_do_not_know(get, name, value):
    assert list(is_problem(get("/syncs", **{name: value}), 400)["errors"]) == [name]


@pytest.mark.parametrize("text", ["nonsense", "5d0a7c1e", "' OR 1=1", "%00", "../logs"])
def test_a_sync_id_that_is_none_is_404_or_400(get, text):
    assert get(f"/syncs/{text}").status_code in (400, 404)


def test_a_trace_with_its_entries(get, project, monkeypatch):
    at = timezone.now() - timedelta(hours=1)
    store(project, *run(at=at))
    name = f"run-1-{at.timestamp():.0f}"
    trace = get(f"/traces/{name}").json()
    assert (trace["traceId"], trace["syncId"], trace["entryCount"], trace["truncated"]) == (name, sync_id(), 2, False)
    assert [made["syncEvent"] for made in trace["entries"]] == [
        "INCREMENTAL_SYNC_STARTED",
        "INCREMENTAL_SYNC_COMPLETED",
    ]
    assert trace["summary"]["durationMs"] == 8000
    monkeypatch.setattr("portal.api.views.TRACE_ENTRIES", 1)
    trace = get(f"/traces/{name}").json()
    assert (len(trace["entries"]), trace["truncated"]) == (1, True)


def test_users_in_order_and_one_of_any_characters(get, project):
    names = ["a/b", "ü", "100%", "..", "x?y#z", "line\nfeed"]
    store(project, *(entry(userId=name) for name in names))
    first = get("/users", limit=4).json()
    rest = get("/users", cursor=first["next"]).json()
    assert sorted(row["userId"] for row in [*first["results"], *rest["results"]]) == sorted(names)
    assert rest["next"] is None
    for name in names:
        row = get(f"/users/{quote(name, safe='')}").json()
        assert (row["userId"], row["name"], row["metadata"]) == (name, None, {})


def test_integrations_count_their_syncs_by_state(get, project):
    now = timezone.now()
    for number, status in enumerate(("IDLE", "IDLE", "ERRORED")):
        store(project, entry(syncId=sync_id(number), integration="googledrive", syncStatus=status, timestamp=now))
    store(project, entry(syncId=sync_id("other"), integration="custom.acme/x"))
    page = get("/integrations", limit=1).json()
    assert page["results"][0]["slug"] == "custom.acme/x"
    assert page["results"][0]["url"].endswith("/integrations/custom.acme%2Fx")
    (drive,) = get("/integrations", cursor=page["next"]).json()["results"]
    assert (drive["name"], drive["syncs"]) == ("Google Drive", 3)
    assert drive["byStatus"] == [{"status": "IDLE", "count": 2}, {"status": "ERRORED", "count": 1}]
    assert drive["lastSeenAt"] == factories.rfc3339(now)


# Writing who a user is.


@pytest.fixture
def put(client: Client, project: Project):
    key = factories.api_key(project, Scope.USERS_WRITE)[1]

    def send(user: str, payload: Any, **more: Any):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        more.setdefault("CONTENT_TYPE", "application/json")
        return client.generic("PUT", f"{API}/users/{quote(user, safe='')}", body, headers=bearer(key), **more)

    return send


WHO = {"name": "Acme Ltd", "email": "it@acme.example", "company": "Acme", "metadata": {"plan": "gold", "seats": 12}}


def test_put_makes_then_replaces_and_is_audited(put, project):
    response = put("acct/1", WHO)
    assert response.status_code == 201
    assert {name: response.json()[name] for name in WHO} == WHO
    response = put("acct/1", {"name": "Acme Inc"})
    assert response.status_code == 200
    assert (response.json()["name"], response.json()["email"], response.json()["metadata"]) == ("Acme Inc", None, {})
    user = ConnectedUser.objects.get()
    assert (user.project, user.user_id, user.name, user.company) == (project, "acct/1", "Acme Inc", "")
    newest, oldest = AuditEvent.objects.filter(action=Action.USER_WRITTEN)
    assert (oldest.before, oldest.after, oldest.object_text) == (None, WHO, "acct/1")
    assert newest.before == WHO
    assert newest.after == {"name": "Acme Inc", "email": "", "company": "", "metadata": {}}
    assert newest.project == project
    assert newest.actor_text.startswith("a key of the tests (ssp_")


def test_put_keeps_what_entries_told(put, project):
    store(project, entry(userId="acct_1"))
    seen = ConnectedUser.objects.get().last_seen_at
    assert put("acct_1", WHO).status_code == 200
    store(project, entry(userId="acct_1"))
    user = ConnectedUser.objects.get()
    assert (user.name, user.email) == (WHO["name"], WHO["email"])
    assert seen is not None
    assert user.last_seen_at is not None
    assert user.last_seen_at >= seen


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        ({"name": "x" * 201}, "name"),
        ({"company": "x" * 201}, "company"),
        ({"email": "nobody"}, "email"),
        ({"email": "a" * 250 + "@acme.example"}, "email"),
        ({"name": ["x"]}, "name"),
        ({"name": None}, "name"),
        ({"name": 1}, "name"),
        ({"email": True}, "email"),
        ({"company": 1.5}, "company"),
        ({"metadata": []}, "metadata"),
        ({"metadata": None}, "metadata"),
        ({"metadata": {str(number): 1 for number in range(51)}}, "metadata"),
        ({"metadata": {"a": "x" * 17_000}}, "metadata"),
        ({"userId": "other"}, "userId"),
        ({"project": 1}, "project"),
    ],
)
def test_put_names_the_field_at_fault(put, payload, name):
    assert list(is_problem(put("acct_1", payload), 400)["errors"]) == [name]
    assert not ConnectedUser.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"x"',
        b'{"name": "a", "name": "b"}',
        b'{"metadata": {"a": NaN}}',
        b'{"metadata": {"a": 1e400}}',
        b'{"name": "a\\u0000"}',
        b'{"metadata": {"\\ud800": 1}}',
        b'{"name": "\xff"}',
        b"{} {}",
        b"[" * 40 + b"]" * 40,
    ],
)
def test_put_reads_as_strictly_as_ingest(put, body):
    is_problem(put("acct_1", body), 400)


@pytest.mark.parametrize("name", [" ", "\u200b", "\u3164", "\xa0\t"])
def test_put_makes_nobody_who_cannot_be_seen(put, name):
    assert set(is_problem(put(name, b"{}"), 400)["errors"]) == {"userId"}
    assert not ConnectedUser.objects.exists()


def test_put_takes_a_surrogate_pair(put):
    assert put("acct_1", b'{"name": "\\ud83d\\ude00"}').json()["name"] == "\N{GRINNING FACE}"


def test_put_is_bounded(put):
    is_problem(put("acct_1", b'{"name": "' + b"x" * 64 * 1024 + b'"}'), 413)
    is_problem(put("acct_1", WHO, CONTENT_TYPE="text/plain"), 415)
    is_problem(put("acct_1", WHO, HTTP_CONTENT_ENCODING="gzip"), 415)
    is_problem(put("é" * 129, WHO), 400)
    assert put("é" * 128, WHO).status_code == 201


def test_put_needs_its_own_scope(client, project):
    key = factories.api_key(project, Scope.LOGS_READ, Scope.LOGS_WRITE)[1]
    response = client.put(f"{API}/users/x", b"{}", content_type="application/json", headers=bearer(key))
    assert "users:write" in is_problem(response, 403)["detail"]


# The door.

PATHS = ["/logs", "/logs/x", "/syncs", f"/syncs/{sync_id()}", "/traces/x", "/users", "/users/x", "/integrations"]


@pytest.mark.parametrize("path", PATHS)
def test_every_address_wants_a_key_with_the_scope(client, project, path):
    is_problem(client.get(API + path), 401)
    client.force_login(factories.member(project))
    response = client.get(API + path)
    is_problem(response, 401)
    assert response["WWW-Authenticate"].startswith("Bearer")
    writer = factories.api_key(project, Scope.LOGS_WRITE)[1]
    is_problem(client.get(API + path, headers=bearer(writer)), 403)


@pytest.mark.parametrize("path", [*PATHS, "/limits", "/schema", "/docs"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_405_with_those_that_work(path, method):
    response = Client(enforce_csrf_checks=True).generic(method, API + path)
    is_problem(response, 405)
    assert {"GET", "HEAD"} <= set(response["Allow"].split(", ")) <= {"GET", "HEAD", "POST", "PUT"}


@pytest.mark.parametrize("path", ["/logs", "/syncs", "/users", "/integrations"])
def test_head_and_headers(client, get, project, path):
    key = factories.api_key(project, Scope.LOGS_READ)[1]
    response = client.head(API + path, headers=bearer(key))
    assert (response.status_code, response.content) == (200, b"")
    response = get(path)
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert response["RateLimit-Policy"].endswith(";w=60")
    assert not response.cookies


def test_reading_has_a_rate_too(client, project):
    key = factories.api_key(project, requests_per_minute=1)[1]
    assert client.get(f"{API}/syncs", headers=bearer(key)).status_code == 200
    response = client.get(f"{API}/syncs", headers=bearer(key))
    is_problem(response, 429)
    assert "Retry-After" in response.headers


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "*/*"])
def test_accept_is_no_reason_to_refuse(client, project, accept):
    key = factories.api_key(project)[1]
    assert client.get(f"{API}/logs", headers={**bearer(key), "Accept": accept})["Content-Type"] == "application/json"
    is_problem(client.get(f"{API}/logs", headers={"Accept": accept}), 401)


@pytest.mark.parametrize("path", [f"/syncs/{sync_id()}", "/logs/x", "/traces/x", "/users/x", "/limits"])
def test_views_of_one_thing_take_no_parameters(get, path):
    assert list(is_problem(get(path, nonsense="1"), 400)["errors"]) == ["nonsense"]


def test_lists_are_few_queries(client, project, django_assert_max_num_queries):
    key = factories.api_key(project)[1]
    for number in range(20):
        store(project, entry(syncId=sync_id(number), userId=f"u{number}", integration=f"i{number}"))
    client.get(f"{API}/limits", headers=bearer(key))  # the key is touched once a minute
    for path, most in (("/logs", 3), ("/syncs", 3), ("/users", 3), ("/integrations", 4), (f"/syncs/{sync_id(1)}", 3)):
        with django_assert_max_num_queries(most):
            assert client.get(API + path, headers=bearer(key)).status_code == 200


# About the API itself.


def test_limits_are_the_numbers_of_the_code(client, project):
    limits = client.get(f"{API}/limits").json()
    assert limits["ingest"]["wireBytes"] == LIMITS.wire_bytes == 5 * 1024 * 1024
    assert limits["ingest"]["entries"] == 10_000
    assert limits["rate"] == {"requestsPerMinute": 6000, "requestsPerMinuteOfProject": 60000}
    assert limits["pages"] == {"usual": 50, "most": 200}
    key = factories.api_key(project, Scope.LOGS_WRITE, requests_per_minute=7)[1]
    assert client.get(f"{API}/limits", headers=bearer(key)).json()["rate"]["requestsPerMinute"] == 7
    is_problem(client.get(f"{API}/limits", headers=bearer("wrong")), 401)
    for who, days in (({}, 400), (bearer(key), project.retention_days)):
        told = client.get(f"{API}/limits", headers=who).json()
        assert told["ingest"]["pastDays"] == told["retention"]["days"] == days
        oldest = datetime.fromisoformat(told["retention"]["oldestAccepted"])
        assert timedelta(0) <= timezone.now() - timedelta(days=days) - oldest < timedelta(minutes=1)
    described = json.loads(schema.document())["components"]["schemas"]["Limits"]["properties"]
    assert set(described) == set(limits)


def answered(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer of the document, also one that stands among the components."""
    if "$ref" not in answer:
        return answer
    found: dict[str, Any] = json.loads(schema.document())["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return found


def test_the_schema_tells_every_address_and_method(get):
    response = get("/schema")
    told = response.json()
    assert told["openapi"].startswith("3.1")
    operations = {(path, method) for path, item in told["paths"].items() for method in item}
    assert operations == {
        (f"{API}/logs", "get"),
        (f"{API}/logs", "post"),
        (f"{API}/logs/{{id}}", "get"),
        (f"{API}/syncs", "get"),
        (f"{API}/syncs/{{syncId}}", "get"),
        (f"{API}/syncs/{{syncId}}/reenable", "post"),
        (f"{API}/reenables", "get"),
        (f"{API}/reenables/{{id}}", "get"),
        (f"{API}/traces/{{traceId}}", "get"),
        (f"{API}/users", "get"),
        (f"{API}/users/{{userId}}", "get"),
        (f"{API}/users/{{userId}}", "put"),
        (f"{API}/integrations", "get"),
        (f"{API}/limits", "get"),
    }
    for path, method in operations:
        operation = told["paths"][path][method]
        assert {"401", "405", "503"} <= set(operation["responses"]), (path, method)
        assert all(
            "problem" in next(iter(answered(answer)["content"]))
            for status, answer in operation["responses"].items()
            if status >= "4"
        )
    push = told["paths"][f"{API}/logs"]["post"]
    assert set(push["requestBody"]["content"]) == {"application/json", "application/x-ndjson"}
    assert {"200", "400", "408", "411", "413", "415", "422", "429"} <= set(push["responses"])
    parameters = {made["name"] for made in told["paths"][f"{API}/logs"]["get"]["parameters"]}
    assert {*FIELDS, *(f"-{name}" for name in FIELDS), *filters.TIMES, "limit", "cursor"} <= parameters


def test_the_schema_is_read_once_and_is_open_to_all_in_the_demo_only(client, settings):
    schema.document.cache_clear()
    for path in ("/schema", "/docs"):
        settings.DEMO = False
        refused = client.get(f"{API}{path}")
        is_problem(refused, 401)
        assert "/accounts/login/?next=/api/v1/" in refused.json()["detail"]
        settings.DEMO = True
        assert client.get(f"{API}{path}").status_code == client.head(f"{API}{path}").status_code == 200
    assert client.get(f"{API}/schema").content == client.get(f"{API}/schema").content
    assert schema.document.cache_info().misses == 1


def test_every_entry_fits_its_schema(get, project):
    told = json.loads(schema.document())["components"]["schemas"]
    store(project, error_entry(custom=1))
    (row,) = get("/logs").json()["results"]
    assert set(told["Entry"]["required"]) <= set(row)
    sync = get(f"/syncs/{sync_id()}").json()
    assert set(told["Sync"]["properties"]) == set(sync)


def test_the_page_of_the_api_runs_no_inline_script(get):
    response = get("/docs")
    page = response.content.decode()
    assert response.status_code == 200
    assert "<script>" not in page
    assert "style=" not in page
    policy = response["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    for name in ("drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js", "js/apidocs.js"):
        assert name in page
        assert finders.find(name)
