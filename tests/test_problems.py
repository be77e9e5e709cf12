"""Problem documents of the API: members, headers, nothing internal."""

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client, RequestFactory
from rest_framework import exceptions

from portal.api.framework import exception_handler
from portal.problems import documents
from portal.problems.documents import Denied, problem

MEMBERS = {"type", "title", "status", "detail", "instance", "request_id"}


def read(response: Any) -> dict[str, Any]:
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.content)
    assert set(body) >= MEMBERS
    return body


@pytest.fixture
def request_():
    request = RequestFactory().get("/api/v1/x", {"secret": "1"})
    request.id = "request-1"  # type: ignore[attr-defined]
    return request


def test_the_members(request_):
    response = problem(request_, status=413, detail="Too much.", headers={"X": "y"}, code="too_large")
    assert read(response) == {
        "type": "about:blank",
        "title": response.reason_phrase,
        "status": 413,
        "detail": "Too much.",
        "instance": "/api/v1/x",
        "request_id": "request-1",
        "code": "too_large",
    }
    assert (response.status_code, response["X"]) == (413, "y")


@pytest.mark.parametrize(
    ("exception", "status"),
    [
        (Denied(418, "No."), 418),
        (documents.overloaded("Later."), 503),
        (Http404("SELECT secret"), 404),
        (PermissionDenied("/srv/secret"), 403),
        (exceptions.NotFound(), 404),
        (exceptions.ParseError(), 400),
        (exceptions.MethodNotAllowed("GET"), 405),
        (exceptions.ValidationError({"name": ["Too long.", "Too odd."]}), 400),
        (exceptions.ValidationError(["Wrong."]), 400),
    ],
)
def test_exceptions_become_problems(request_, exception, status):
    response = exception_handler(exception, {"request": request_})
    assert response is not None
    body = read(response)
    assert body["status"] == response.status_code == status
    assert "secret" not in json.dumps(body)


def test_fields_at_fault_are_named(request_):
    response = exception_handler(exceptions.ValidationError({"name": ["Too long.", "Too odd."]}), {"request": request_})
    assert response is not None
    assert read(response)["errors"] == {"name": "Too long. Too odd."}


def test_other_faults_go_on_to_the_middleware(request_):
    assert exception_handler(RuntimeError("x"), {"request": request_}) is None


def test_a_time_to_come_back_is_given(request_):
    assert int(documents.overloaded("Later.").answer(request_)["Retry-After"]) >= 1


# Through the whole stack.


def test_too_many_headers_and_too_large_ones(client: Client):
    many = {f"X-{number}": "1" for number in range(101)}
    assert read(client.get("/api/v1/limits", headers=many))["status"] == 431
    assert read(client.get("/api/v1/limits", headers={"X": "a" * 17_000}))["status"] == 431
    assert client.get("/api/v1/limits", headers={f"X-{number}": "1" for number in range(60)}).status_code == 200


def test_nul_in_an_address(client: Client):
    assert read(client.get("/api/v1/logs/a%00b"))["status"] == 400


def test_an_unknown_host(client: Client):
    response = client.get("/api/v1/limits", headers={"Host": "evil.example"})
    assert read(response)["status"] == 400


def test_plain_http_is_refused_and_never_redirected(client: Client, settings):
    settings.HTTPS = settings.SECURE_SSL_REDIRECT = True
    for method in (client.get, client.post):
        response = method("/api/v1/logs")
        assert read(response)["status"] == 403
        assert "Location" not in response.headers
    assert client.get("/api/v1/limits", secure=True).status_code == 200
    assert client.get("/accounts/login/").status_code == 301


def test_too_many_parameters(client: Client):
    response = client.get("/api/v1/limits?" + "&".join(f"a{number}=1" for number in range(3000)))
    assert read(response)["status"] == 400


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1/", "/api/v1/nothing", "/v1", "/v1/traces"])
def test_there_is_nothing_here(client: Client, path: str):
    body = read(client.get(path))
    assert (body["status"], body["instance"]) == (404, path)


def test_security_headers_stand_on_problems_too(client: Client):
    response = client.get("/api/v1/nothing")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "no-store"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert not response.cookies
