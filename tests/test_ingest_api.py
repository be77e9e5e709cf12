"""POST /api/v1/logs by the contract's section 2: the order of checks, every status, the counts of the answer."""

import gzip
import io
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from portal.api import ingest, keys, request_body
from portal.problems.documents import Denied
from synclogs.ingestion import ingest as store
from synclogs.models import ApiKey, LogEntry, Project, RateBucket, Scope
from synclogs.parsing.limits import LIMITS
from tests import factories
from tests.factories import bearer, entry

pytestmark = pytest.mark.django_db
URL = "/api/v1/logs"
PROBLEM = "application/problem+json"
MEMBERS = {"type", "title", "status", "detail", "instance", "request_id"}


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory()


@pytest.fixture
def key(project) -> str:
    return factories.api_key(project, Scope.LOGS_WRITE)[1]


@pytest.fixture
def push(client: Client, key: str):
    """push(payload, **headers): a value goes as JSON, bytes go as they are. `extra` is the WSGI environment."""

    def send(
        payload: Any, *, content_type: str = "application/json", extra: dict[str, Any] | None = None, **headers: str
    ):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        more = {"CONTENT_TYPE": content_type, **(extra or {})}
        return client.generic("POST", URL, body, headers={**bearer(key), **names}, **more)

    return send


class Stream:
    """A body as the web server hands it over: in pieces, to its end or to a failure."""

    def __init__(self, data: bytes, failure: Exception | None = None) -> None:
        self.data = io.BytesIO(data)
        self.failure = failure
        self.was_read = False

    def read(self, size: int = -1) -> bytes:
        self.was_read = True
        part = self.data.read(min(size, 7))
        if not part and self.failure:
            raise self.failure
        return part

    def readline(self, size: int = -1) -> bytes:
        raise NotImplementedError


def is_problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    body: dict[str, Any] = response.json()
    assert set(body) >= MEMBERS
    assert body["status"] == status
    assert body["instance"] == URL
    assert body["request_id"] == response["X-Request-ID"]
    return body


# What is taken, and what is answered.


def test_one_entry_is_stored_and_accounted_for(push, project):
    response = push(entry(id="evt-1", message="hello"))
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    account = response.json()
    assert account.pop("request_id") == response["X-Request-ID"]
    assert account == {"accepted": 1, "duplicates": 0, "rejected": 0, "sanitized": 0, "errors": []}
    stored = LogEntry.objects.get()
    assert (stored.project, stored.entry_id, stored.message) == (project, "evt-1", "hello")


@pytest.mark.parametrize(
    "shape", [lambda made: made, lambda made: {"logs": made}, lambda made: {"source": "x", "logs": made}]
)
def test_arrays_and_envelopes(push, shape):
    assert push(shape([entry(), entry(), entry()])).json()["accepted"] == 3


@pytest.mark.parametrize("empty", [[], {"logs": []}])
def test_an_empty_array_is_fine(push, empty):
    response = push(empty)
    assert response.status_code == 200
    assert response.json()["accepted"] == 0


def test_lines(push):
    body = "\n".join(json.dumps(made) for made in (entry(), entry())).encode() + b"\r\n\n"
    assert push(body, content_type="application/x-ndjson").json()["accepted"] == 2


def test_the_same_batch_again_is_only_duplicates(push):
    batch = [entry(), entry()]
    assert push(batch).json()["accepted"] == 2
    again = push(batch)
    assert again.status_code == 200
    assert (again.json()["accepted"], again.json()["duplicates"]) == (0, 2)
    assert LogEntry.objects.count() == 2


def test_same_identity_with_other_content_is_a_conflict_and_the_first_stays(push):
    first = entry(message="first")
    push(first)
    response = push([{**first, "message": "second"}, entry()])
    account = response.json()
    assert (account["accepted"], account["rejected"]) == (1, 1)
    assert account["errors"][0] | {"detail": ""} == {
        "index": 0,
        "id": first["id"],
        "code": "id_conflict",
        "pointer": "/id",
        "detail": "",
    }
    assert LogEntry.objects.get(entry_id=first["id"]).message == "first"


@pytest.mark.parametrize("position", [0, 1, 499, 998, 999])
def test_one_bad_entry_never_costs_its_neighbours(push, position):
    batch = [entry() for _ in range(1000)]
    batch[position]["level"] = "LOUD"
    account = push(batch).json()
    assert (account["accepted"], account["rejected"]) == (999, 1)
    assert [(error["index"], error["code"], error["pointer"]) for error in account["errors"]] == [
        (position, "bad_level", "/level")
    ]


def test_errors_are_listed_up_to_a_hundred_by_index(push):
    account = push([entry(timestamp="yesterday") for _ in range(150)] + [entry()]).json()
    assert account["rejected"] == 150
    assert [error["index"] for error in account["errors"]] == list(range(LIMITS.errors_listed))


def test_refusals_of_the_reader_and_of_the_store_come_in_one_order(push):
    first = entry(message="first")
    push(first)
    account = push([entry(level="?"), {**first, "message": "other"}, entry(level="?"), entry()]).json()
    assert [error["index"] for error in account["errors"]] == [0, 1, 2]


def test_nothing_storable_is_a_422_with_the_same_account(push):
    response = push([entry(level="LOUD"), 7])
    body = is_problem(response, 422)
    assert (body["accepted"], body["duplicates"], body["rejected"]) == (0, 0, 2)
    assert [error["code"] for error in body["errors"]] == ["bad_level", "not_an_object"]


def test_sanitized_entries_are_counted(push):
    body = json.dumps([entry(message="a\x00b")]).encode()
    assert push(body).json()["sanitized"] == 1
    assert LogEntry.objects.get().message == "a\ufffdb"


def test_the_keys_project_wins_over_any_other_claim(push, project):
    other = factories.ProjectFactory()
    push({**entry(), "project": other.slug, "project_id": other.pk}, X_Project=other.slug)
    assert LogEntry.objects.get().project == project


def test_a_key_of_another_project_meets_no_duplicates(push, client):
    made = entry()
    push(made)
    other = factories.api_key(factories.ProjectFactory())[1]
    response = client.post(URL, json.dumps(made), content_type="application/json", headers=bearer(other))
    assert response.json()["accepted"] == 1


@pytest.mark.parametrize(
    ("content_type", "wrap"),
    [
        ("application/json", lambda entries: json.dumps(entries).encode()),
        ("application/json", lambda entries: json.dumps({"logs": entries}).encode()),
        ("application/x-ndjson", lambda entries: b"\n".join(json.dumps(each).encode() for each in entries)),
    ],
)
def test_what_the_project_would_not_keep_is_refused(push, project, content_type, wrap):
    project.retention_days = 7
    project.save()
    now = timezone.now()
    entries = [entry(id="old", timestamp=now - timedelta(days=8)), entry(id="new", timestamp=now - timedelta(days=6))]
    body = push(wrap(entries), content_type=content_type).json()
    assert (body["accepted"], body["rejected"]) == (1, 1)
    (error,) = body["errors"]
    assert (error["index"], error["id"], error["code"], error["pointer"]) == (
        0,
        "old",
        "beyond_retention",
        "/timestamp",
    )
    assert "older than the 7 days that this project keeps" in error["detail"]
    answer = push(wrap(entries[:1]), content_type=content_type)
    assert [error["code"] for error in is_problem(answer, 422)["errors"]] == ["beyond_retention"]
    assert LogEntry.objects.get().entry_id == "new"


# Key, scope, rate: before the body is read.


def unread(client: Client, **headers: str) -> tuple[Any, Stream]:
    stream = Stream(json.dumps(entry()).encode())
    more: dict[str, Any] = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "200", "wsgi.input": stream}
    return client.generic("POST", URL, headers=headers, **more), stream


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic dXNlcjpwYXNz",
        "Bearer ssp_abc_def",
        "Bearer \x00",
        "Bearer ssp_é",
    ],
)
def test_without_a_usable_key_it_is_401_and_the_body_stays_unread(client, authorization):
    response, stream = unread(client, Authorization=authorization)
    is_problem(response, 401)
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert not stream.was_read


def test_revoked_and_expired_keys_stop_at_once(push, key, project):
    assert push(entry()).status_code == 200
    ApiKey.objects.update(revoked_at=timezone.now())
    is_problem(push(entry()), 401)
    ApiKey.objects.update(revoked_at=None, expires_at=timezone.now() - timedelta(seconds=1))
    is_problem(push(entry()), 401)
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    assert push(entry()).status_code == 200


def test_a_session_is_no_key(client, project):
    client.force_login(factories.member(project))
    response = client.post(URL, json.dumps(entry()), content_type="application/json")
    is_problem(response, 401)


def test_a_key_in_the_address_or_a_cookie_is_no_key(client, key):
    client.cookies["key"] = key
    response = client.post(f"{URL}?key={key}&api_key={key}", json.dumps(entry()), content_type="application/json")
    is_problem(response, 401)


def test_reading_keys_may_not_write(client, project):
    text = factories.api_key(project, Scope.LOGS_READ, Scope.USERS_WRITE)[1]
    response, stream = unread(client, **bearer(text))
    body = is_problem(response, 403)
    assert "logs:write" in body["detail"]
    assert not stream.was_read


def test_a_spent_rate_is_429_and_says_when_to_come_back(client, project):
    text = factories.api_key(project, requests_per_minute=3)[1]
    answers = [client.post(URL, "[]", "application/json", headers=bearer(text)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert [answer["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0"]
    assert answers[0]["RateLimit-Policy"] == '"default";q=3;w=60'
    response, stream = unread(client, **bearer(text))
    is_problem(response, 429)
    assert 1 <= int(response["Retry-After"]) <= 20
    assert response["RateLimit"].startswith('"default";r=0;')
    assert not stream.was_read


def test_the_rate_comes_back(client, project):
    text = factories.api_key(project, requests_per_minute=1)[1]
    assert client.post(URL, "[]", "application/json", headers=bearer(text)).status_code == 200
    assert client.post(URL, "[]", "application/json", headers=bearer(text)).status_code == 429
    bucket = RateBucket.objects.get(subject=f"key:{ApiKey.objects.get().pk}")
    bucket.full_at -= timedelta(seconds=60)
    bucket.save()
    assert client.post(URL, "[]", "application/json", headers=bearer(text)).status_code == 200


def test_one_keys_rate_is_not_anothers(client, project):
    first = factories.api_key(project, requests_per_minute=1)[1]
    second = factories.api_key(project, requests_per_minute=1)[1]
    for text in (first, second):
        assert client.post(URL, "[]", "application/json", headers=bearer(text)).status_code == 200


def test_a_projects_rate_is_spent_by_all_of_its_keys_together(client, project, settings):
    settings.PROJECT_REQUESTS_PER_MINUTE = 3
    keys_of_project = [factories.api_key(project)[1] for _ in range(2)]
    statuses = [
        client.post(URL, "[]", "application/json", headers=bearer(text)).status_code for text in keys_of_project * 2
    ]
    assert statuses == [200, 200, 200, 429]
    response, stream = unread(client, **bearer(keys_of_project[0]))
    assert "All keys of this project together may make 3 requests a minute" in is_problem(response, 429)["detail"]
    assert 1 <= int(response["Retry-After"]) <= 20
    assert response["RateLimit-Policy"] == '"project";q=3;w=60'
    assert not stream.was_read
    is_problem(client.get(URL, headers=bearer(keys_of_project[1])), 429)
    foreign = factories.api_key(factories.ProjectFactory())[1]
    assert client.post(URL, "[]", "application/json", headers=bearer(foreign)).status_code == 200


def test_a_loud_key_spends_nothing_of_its_project_beyond_its_own_rate(client, project, settings):
    settings.PROJECT_REQUESTS_PER_MINUTE = 5
    loud = factories.api_key(project, requests_per_minute=2)[1]
    statuses = [client.post(URL, "[]", "application/json", headers=bearer(loud)).status_code for _ in range(20)]
    assert statuses == [200] * 2 + [429] * 18
    quiet = factories.api_key(project)[1]
    assert [client.post(URL, "[]", "application/json", headers=bearer(quiet)).status_code for _ in range(3)] == [
        200
    ] * 3


def test_errors_tell_the_rate_too(push):
    assert "RateLimit" in push(b"{").headers


def test_guessing_keys_ends_in_429_for_that_address_alone(client, monkeypatch, key):
    monkeypatch.setattr(keys, "FAILURES_PER_MINUTE", 2)
    guesses = [client.post(URL, "[]", "application/json", headers=bearer("guess")) for _ in range(3)]
    assert [guess.status_code for guess in guesses] == [401, 401, 429]
    assert "Retry-After" in guesses[2].headers
    elsewhere = client.post(URL, "[]", "application/json", headers=bearer("guess"), REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 401
    assert client.post(URL, "[]", "application/json", headers=bearer(key)).status_code == 200


def test_an_ipv6_network_guesses_as_one(client, monkeypatch):
    monkeypatch.setattr(keys, "FAILURES_PER_MINUTE", 1)
    statuses = [
        client.post(URL, "[]", "application/json", REMOTE_ADDR=address).status_code
        for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "", "::ffff:192.0.2.1")
    ]
    assert statuses == [401, 429, 401, 401, 401]


# Type, charset, coding.


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; charset=Utf-8; profile=x",
    ],
)
def test_json_in_utf8_by_any_spelling(push, content_type):
    assert push(entry(), content_type=content_type).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json; charset=hex",
        "application/json, application/json",
    ],
)
def test_other_types_and_charsets_are_415(push, content_type):
    is_problem(push(entry(), content_type=content_type), 415)
    assert not LogEntry.objects.exists()


def test_a_wrong_type_names_the_right_ones(push):
    assert push(entry(), content_type="text/csv")["Accept-Post"] == "application/json, application/x-ndjson"


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", " gzip "])
def test_gzip(push, coding):
    assert push(gzip.compress(json.dumps(entry()).encode()), Content_Encoding=coding).json()["accepted"] == 1


def test_gzip_in_several_members(push):
    body = json.dumps([entry(), entry()]).encode()
    assert push(gzip.compress(body[:100]) + gzip.compress(body[100:]), Content_Encoding="gzip").json()["accepted"] == 2


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_no_coding(push, coding):
    assert push(entry(), Content_Encoding=coding).status_code == 200


@pytest.mark.parametrize("coding", ["deflate", "br", "zstd", "gzip, gzip", "gzip, identity", "gzip;q=1", "*"])
def test_other_codings_are_415_and_name_those_that_work(push, coding):
    response = push(zlib.compress(b"[]"), Content_Encoding=coding)
    is_problem(response, 415)
    assert "gzip" in response["Accept-Encoding"]


# The body: its length, its end, its form.


@pytest.mark.parametrize("length", ["abc", "-1", "+5", "1.0", "0x10", "٣", "1 2"])
def test_a_length_that_is_no_number_is_400(push, length):
    is_problem(push(entry(), extra={"CONTENT_LENGTH": length, "wsgi.input": Stream(b"{}")}), 400)


def test_no_length_and_no_chunks_is_411(push):
    is_problem(push(entry(), extra={"CONTENT_LENGTH": "", "wsgi.input": Stream(b"{}")}), 411)


def chunked(data: bytes, failure: Exception | None = None) -> dict[str, Any]:
    return {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": Stream(data, failure)}


def test_chunks_are_read_to_their_end(push):
    assert push(b"", extra=chunked(json.dumps([entry(), entry()]).encode())).json()["accepted"] == 2


@pytest.mark.parametrize("coding", ["gzip, chunked", "deflate, chunked", "xchunked"])
def test_bodies_packed_for_the_way_are_not_read_as_if_they_were_plain(push, coding):
    is_problem(push(entry(), TRANSFER_ENCODING=coding), 501)
    assert not LogEntry.objects.exists()


def test_empty_chunks_are_an_empty_body(push):
    assert is_problem(push(b"", extra=chunked(b"")), 400)["code"] == "empty_body"


@pytest.mark.parametrize("body", [b"", b"  \n", b"\n\r\n"])
@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_an_empty_body_is_400(push, body, content_type):
    extra = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": Stream(body)}
    assert is_problem(push(b"", content_type=content_type, extra=extra), 400)["code"] == "empty_body"


def test_a_body_that_ends_early_is_400_and_nothing_is_stored(push):
    body = json.dumps(entry()).encode()
    response = push(b"", extra={"CONTENT_LENGTH": str(len(body) + 1), "wsgi.input": Stream(body)})
    assert "ended after" in is_problem(response, 400)["detail"]
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(("failure", "status"), [(ConnectionResetError(), 400), (TimeoutError(), 408)])
def test_a_body_that_breaks_or_stalls(push, failure, status):
    is_problem(push(b"", extra=chunked(b"[", failure)), status)
    body = {"CONTENT_LENGTH": "100", "wsgi.input": Stream(b"[", failure)}
    is_problem(push(b"", extra=body), status)


def padded(size: int) -> bytes:
    """A body of exactly that many bytes with one entry in it."""
    body = json.dumps([entry()]).encode()
    return body + b" " * (size - len(body))


def test_the_wire_limit_is_exact(push):
    assert push(padded(LIMITS.wire_bytes)).status_code == 200
    assert is_problem(push(padded(LIMITS.wire_bytes + 1)), 413)["code"] == "too_large"


def test_a_length_beyond_the_limit_is_413_before_reading(push):
    for length in (str(LIMITS.wire_bytes + 1), "9" * 5000):
        stream = Stream(b"")
        is_problem(push(b"", extra={"CONTENT_LENGTH": length, "wsgi.input": stream}), 413)
        assert not stream.was_read


class Fast(Stream):
    def read(self, size: int = -1) -> bytes:
        return self.data.read(size)


def test_the_wire_limit_holds_for_chunks(push):
    for size, status in ((LIMITS.wire_bytes, 200), (LIMITS.wire_bytes + 1, 413)):
        extra = chunked(b"") | {"wsgi.input": Fast(padded(size))}
        assert push(b"", extra=extra).status_code == status


def test_the_inflated_limit_is_exact(push):
    assert push(gzip.compress(padded(LIMITS.inflated_bytes), 1), Content_Encoding="gzip").status_code == 200
    response = push(gzip.compress(padded(LIMITS.inflated_bytes + 1), 1), Content_Encoding="gzip")
    assert is_problem(response, 413)["code"] == "too_large"


def test_the_count_limit_is_exact(push):
    # Bad entries count as well, and are quicker to make.
    batch = [entry()] + [{}] * (LIMITS.entries - 1)
    assert push(batch).json()["rejected"] == LIMITS.entries - 1
    assert is_problem(push([*batch, {}]), 413)["code"] == "too_many_entries"
    lines = b"\n".join([json.dumps(entry()).encode()] + [b"{}"] * LIMITS.entries)
    assert is_problem(push(lines, content_type="application/x-ndjson"), 413)["code"] == "too_many_entries"


@pytest.mark.parametrize(
    "body", [b"{", b"nope", b'[{"id": 1]', b"[] []", b'"text"', b"7", b"null", b'{"id": "\xff"}', b"\xff\xfe["]
)
def test_what_cannot_be_read_is_400(push, body):
    is_problem(push(body), 400)
    assert not LogEntry.objects.exists()


def test_damaged_gzip_is_400(push):
    whole = gzip.compress(json.dumps([entry()] * 50).encode())
    for damaged in (whole[:-1], whole[:20], whole + b"x", b"not gzip", whole[:-8] + b"\x00" * 8):
        is_problem(push(damaged, Content_Encoding="gzip"), 400)
    assert not LogEntry.objects.exists()


def test_a_batch_cut_off_stores_nothing(push):
    is_problem(push(json.dumps([entry(), entry()]).encode()[:-1]), 400)
    assert not LogEntry.objects.exists()


# Methods and addresses.


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW"])
def test_other_methods_are_405_before_anything_else(client, method):
    response = client.generic(method, URL)
    is_problem(response, 405)
    assert {"GET", "HEAD", "POST"} == set(response["Allow"].split(", "))


def test_a_preflight_is_answered_without_permission(client):
    response = client.options(URL, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "path", ["/api/v1/logs/", "/api/v1/log", "/api/v1", "/api", "/api/v2/logs", "/v1/nothing", "/api/v1/logs%2F"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_unknown_addresses_are_404_for_every_method(path, method, settings):
    client = Client(enforce_csrf_checks=True)  # as outside of tests
    for debug in (False, True):
        settings.DEBUG = debug
        response = client.generic(method, path, headers={"Accept": "text/html"})
        assert response.status_code == 404
        assert response["Content-Type"] == PROBLEM
        assert set(response.json()) >= MEMBERS


# Trouble of ours.


def test_a_database_that_is_away_is_503_and_says_when_to_come_back(push, monkeypatch):
    def away(*_: object, **__: object) -> None:
        raise OperationalError("could not connect to server at 10.0.0.7, password=hunter2")

    monkeypatch.setattr(store, "write", away)
    response = push(entry())
    body = is_problem(response, 503)
    assert int(response["Retry-After"]) >= 1
    assert "hunter2" not in json.dumps(body)
    assert "10.0.0.7" not in json.dumps(body)


def test_a_fault_of_ours_is_a_problem_without_insides(push, monkeypatch, client):
    def fault(*_: object, **__: object) -> None:
        raise RuntimeError("SELECT secret FROM /srv/portal")

    monkeypatch.setattr(store, "write", fault)
    client.raise_request_exception = False
    body = is_problem(push(entry()), 500)
    assert "SELECT" not in json.dumps(body)
    assert "Runtime" not in json.dumps(body)


def test_too_many_batches_at_once_are_503(push, monkeypatch):
    monkeypatch.setattr(ingest, "TURNS", request_body.Turns(1, patience=0.01))
    with ingest.TURNS.one():
        response = push(entry())
        is_problem(response, 503)
        assert "Retry-After" in response.headers
    assert push(entry()).status_code == 200


def test_those_who_wait_are_few_and_the_others_stay_unread(client, key, monkeypatch):
    turns = request_body.Turns(1, patience=60)
    monkeypatch.setattr(ingest, "TURNS", turns)
    turns.places = 0
    response, stream = unread(client, **bearer(key))
    is_problem(response, 503)
    assert not stream.was_read
    with pytest.raises(Denied), turns.one():
        pass
    turns.places = 1
    with turns.one():
        assert turns.places == 0
    assert turns.places == 1


def test_only_one_large_batch_at_a_time(push, monkeypatch):
    monkeypatch.setattr(ingest, "LARGE_TURN", request_body.Turns(1, patience=0.01))
    with ingest.LARGE_TURN.one():
        is_problem(push(padded(ingest.LARGE_BYTES + 1)), 503)
        assert push(padded(ingest.LARGE_BYTES)).status_code == 200


def test_bodies_that_arrive_share_a_bounded_memory(push, monkeypatch):
    memory = request_body.Memory(4000)
    monkeypatch.setattr(request_body, "MEMORY", memory)
    is_problem(push(padded(2001)), 503)
    assert push(padded(2000)).status_code == 200
    assert memory.take("others", 2000)
    assert memory.take("another", 1500)
    is_problem(push(padded(501)), 503)
    assert push(padded(500)).status_code == 200
    memory.give_back("others", 2000)
    memory.give_back("another", 1500)
    assert memory._held.total() == 0


def test_time_of_arrival_is_ours(push):
    before = datetime.now(UTC)
    push({**entry(), "receivedAt": "2020-01-01T00:00:00Z"})
    assert before <= LogEntry.objects.get().received_at <= datetime.now(UTC)


def test_the_key_that_sent_an_entry_is_noted(push):
    push({**entry(), "sentBy": 1, "sent_by": 1})
    assert LogEntry.objects.get().sent_by == ApiKey.objects.get().pk


def test_every_answer_has_an_id_to_ask_for(push):
    assert push(entry(), X_Request_ID="trace-me-12345678")["X-Request-ID"] == "trace-me-12345678"
    assert push(entry(), X_Request_ID="bad id\n")["X-Request-ID"] != "bad id\n"
