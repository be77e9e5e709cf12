"""Simulated provider: tokens checked as the real one does, syncs that fail and recover, logs that reach the portal."""

import base64
import hmac
import io
import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from portal.runner import developer_settings
from synclogs.demo import keypair
from synclogs.demo.simulator import Mode, Pace, Simulator, hostile
from synclogs.demo.simulator.state import Rule
from synclogs.management.commands import simulate_provider
from synclogs.models import ApiKey, AuditEvent, LogEntry, Project, Scope, Sync
from synclogs.provider import Permanent, Temporary
from synclogs.provider.http_exchange import Limits, Request, send, trusted
from tests import factories
from tests.provider import (
    AUDIENCE,
    PROJECT,
    USER,
    calls,
    control,
    errored,
    http,
    key_text,
    paragon,
    raw,
    signer,
    simulated,
    trust,
)
from tests.server import ROOT, free_port, wait

NOW = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulated() as running:
        yield running


def ask(simulator: Simulator, method: str, path: str, *, token: str = "", body: bytes = b"") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = send(Request(method, simulator.url + path, headers, body), limits=Limits(), tls=trusted())
    return answer.status, json.loads(answer.body)


def token(user: str = USER) -> str:
    return signer().token(user, now=timezone.now())


def claims(**more: Any) -> dict[str, Any]:
    now = timezone.now()
    return {"sub": USER, "aud": AUDIENCE, "iat": now, "exp": now + timedelta(minutes=1), **more}


def by_public_key() -> str:
    """The oldest trick: HS256 with the public key as its secret. The library refuses to make it, so it is made by hand."""
    private: Any = load_pem_private_key(key_text().encode(), None)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = [{"alg": "HS256", "typ": "JWT"}, {**claims(), "iat": 1, "exp": 9_999_999_999}]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    mac = hmac.digest(public, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


BAD_TOKENS: dict[str, Callable[[], str]] = {
    "none": lambda: "",
    "no token": lambda: "x",
    "unsigned": lambda: jwt.encode(claims(), "", algorithm="none"),
    "by the public key": by_public_key,
    "by another key": lambda: jwt.encode(claims(), keypair.new_key().decode(), algorithm="RS256"),
    "for another project": lambda: jwt.encode(claims(aud="useparagon.com/x"), key_text(), algorithm="RS256"),
    "too old": lambda: jwt.encode(claims(exp=timezone.now() - timedelta(hours=1)), key_text(), algorithm="RS256"),
    "for ever": lambda: jwt.encode({"sub": USER, "aud": AUDIENCE, "iat": NOW}, key_text(), algorithm="RS256"),
    "of nobody": lambda: jwt.encode(
        {name: value for name, value in claims().items() if name != "sub"}, key_text(), algorithm="RS256"
    ),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_only_tokens_of_the_projects_key_are_believed(simulator: Simulator, name: str) -> None:
    sync_id = errored(simulator)
    for method, path in (("GET", ""), ("POST", "/reenable")):
        status, told = ask(simulator, method, f"/api/syncs/{sync_id}{path}", token=BAD_TOKENS[name]())
        assert status == 401
        assert told["message"]
    assert simulator.memory.sync(sync_id).status == "ERRORED"


def test_a_sync_belongs_to_one_user(simulator: Simulator) -> None:
    sync_id = errored(simulator)
    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/reenable"), ("POST", "/disable")):
        assert ask(simulator, method, f"/api/syncs/{sync_id}{path}", token=token("another"))[0] == 404
        assert ask(simulator, method, f"/api/syncs/{uuid.uuid4()}{path}", token=token())[0] == 404
    for path in ("/api/syncs/x", "/api", "/", f"/api/syncs/{sync_id}/delete", "/projects/other/sdk/me"):
        assert ask(simulator, "GET", path, token=token())[0] == 404
    assert simulator.memory.sync(sync_id).status == "ERRORED"


def runs(simulator: Simulator, sync_id: uuid.UUID) -> str:
    """The status after whatever was planned has happened."""
    wait(lambda: all(item[2].sync_id != sync_id for item in list(simulator.outbox._due)), seconds=5)
    return paragon(simulator.url).status(USER, sync_id).status


def test_a_sync_recovers_or_fails_as_its_mode_says(simulator: Simulator) -> None:
    client = paragon(simulator.url)
    for mode, status, reason, valid in (
        (Mode.OK, "IDLE", "", True),
        (Mode.CREDENTIAL_BROKEN, "ERRORED", "Credential ID c-1 is no longer valid or has been deleted.", False),
        (Mode.ROOT_GONE, "ERRORED", "The root resource of this sync is no longer accessible.", True),
        (Mode.SILENT, "ACTIVE", "", True),
    ):
        sync_id = errored(simulator)
        simulator.memory.rule(sync_id, Rule(mode))
        integration = simulator.memory.sync(sync_id).integration
        account = client.credentials(USER).of(integration)
        assert account is not None
        assert (account.is_valid, account.enabled) == (valid, valid)
        assert client.reenable(USER, sync_id, attempt="a", reason="r").accepted
        wait(lambda sync_id=sync_id, status=status: client.status(USER, sync_id).status == status, seconds=5)  # type: ignore[misc]
        assert runs(simulator, sync_id) == status
        assert client.status(USER, sync_id).reason == reason


def disable(simulator: Simulator, sync_id: uuid.UUID) -> None:
    assert ask(simulator, "POST", f"/api/syncs/{sync_id}/disable", token=token())[0] == 200


def test_a_running_sync_is_not_started_twice_and_a_disabled_one_stops(simulator: Simulator) -> None:
    sync_id = errored(simulator, status="IDLE")
    client = paragon(simulator.url)
    client.reenable(USER, sync_id, attempt="a", reason="r")
    assert not simulator.outbox._due
    disable(simulator, sync_id)
    simulator.memory.rule(sync_id, Rule(Mode.OK))
    client.reenable(USER, sync_id, attempt="a", reason="r")
    disable(simulator, sync_id)
    assert runs(simulator, sync_id) == "DISABLED"


def test_an_update_takes_another_account_or_pace(simulator: Simulator) -> None:
    sync_id, account = errored(simulator, status="IDLE"), str(uuid.uuid4())
    simulator.memory.rule(sync_id, Rule(Mode.CREDENTIAL_BROKEN))
    path = f"/api/syncs/{sync_id}"
    for body in (b"", b"{}", b"[]", b'{"credentialId": "x"}', b'{"incrementalAccumulatorFrequency": "2m"}'):
        assert ask(simulator, "PATCH", path, token=token(), body=body)[0] == 400
    body = json.dumps({"credentialId": account, "incrementalAccumulatorFrequency": "30m"}).encode()
    status, told = ask(simulator, "PATCH", path, token=token(), body=body)
    assert (status, told["data"]) == (200, {"credentialId": account})
    assert runs(simulator, sync_id) == "IDLE"  # a full sync by the new account, which works
    state = simulator.memory.sync(sync_id)
    assert (state.credential_id, state.frequency) == (account, "30m")
    assert paragon(simulator.url).status(USER, sync_id).last_synced_at is not None
    _, listed = ask(simulator, "GET", f"/api/syncs?credentialId={account}", token=token())
    assert [row["id"] for row in listed["data"]] == [str(sync_id)]


def test_the_later_word_on_a_sync_is_believed(simulator: Simulator) -> None:
    sync_id = errored(simulator)
    known = simulator.memory.sync(sync_id)
    earlier = simulate_provider.known(
        Sync(sync_id=sync_id, user_id="x", status="IDLE", status_at=known.at - timedelta(seconds=1), first_seen_at=NOW)
    )
    simulator.memory.learn([earlier])
    assert simulator.memory.sync(sync_id) == known
    later = simulate_provider.known(
        Sync(sync_id=sync_id, user_id=USER, status="ACTIVE", status_at=known.at + timedelta(days=1), first_seen_at=NOW)
    )
    simulator.memory.learn([later])
    assert simulator.memory.sync(sync_id).status == "ACTIVE"


# Steering it


def test_modes_can_be_set_for_some_requests(simulator: Simulator) -> None:
    sync_id = uuid.uuid4()
    told = {"userId": USER, "integration": "box", "status": "ERRORED", "credentialId": "c"}
    assert control(simulator, "PUT", f"syncs/{sync_id}", **told, mode="server_error", only="POST", times=1)[0] == 200
    client = paragon(simulator.url)
    assert client.status(USER, sync_id).status == "ERRORED"
    assert ask(simulator, "POST", f"/api/syncs/{sync_id}/reenable", token=token())[0] == 500
    assert ask(simulator, "POST", f"/api/syncs/{sync_id}/reenable", token=token())[0] == 200
    assert calls(simulator, sync_id) == 2
    with simulated() as other:
        assert control(other, "PUT", "mode", mode="unauthorized")[0] == 200
        control(other, "PUT", f"syncs/{sync_id}", userId=USER, mode="ok")
        assert client_status(other, sync_id) == "IDLE"
        unknown = errored(other)
        with pytest.raises(Permanent):
            client_status(other, unknown)
        control(other, "PUT", "mode", mode="ok")
        assert client_status(other, unknown) == "ERRORED"
        assert control(other, "GET", "calls")[1]["total"] == 3
        assert control(other, "DELETE", "calls")[0] == 200
        assert control(other, "GET", "calls")[1] == {"total": 0, "calls": []}
        assert control(other, "GET", f"syncs/{sync_id}")[1]["mode"] == "ok"


def client_status(simulator: Simulator, sync_id: uuid.UUID) -> str:
    return paragon(simulator.url).status(USER, sync_id).status


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [("PUT", "mode", b"", 400), ("PUT", "mode", b'{"mode":"unheard of"}', 400), ("PUT", "mode", b"[]", 400),
     ("PUT", "mode", b'{"mode":"hang","times":"1"}', 400),
     ("PUT", "syncs/x", b"{}", 400), ("GET", "syncs/x", b"", 400), ("GET", f"syncs/{uuid.UUID(int=1)}", b"", 404),
     ("POST", "calls", b"", 404), ("GET", "", b"", 404), ("PUT", "mode", b" " * 70_000, 413)],
    ids=range(10),
)  # fmt: skip
def test_steering_says_what_it_does_not_understand(
    simulator: Simulator, method: str, path: str, body: bytes, status: int
) -> None:
    assert ask(simulator, method, f"/_simulator/{path}", body=body)[0] == status


def test_only_this_machine_steers_and_no_page_in_its_browser(simulator: Simulator) -> None:
    assert simulator.server_address[0] == "127.0.0.1"
    for headers in (
        {"Host": "evil.example"},
        {"Host": f"evil.example:{simulator.server_address[1]}"},
        {"Origin": "null"},
    ):
        request = Request("GET", f"{simulator.url}/_simulator/calls", headers)
        assert send(request, limits=Limits(), tls=trusted()).status == 403


def test_hostile_answers_end_with_the_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "LONGEST", 0.3)
    with simulated() as running:
        sync_id = errored(running)
        for mode in (Mode.HANG, Mode.DRIP):
            running.memory.rule(sync_id, Rule(mode))
            with pytest.raises(Temporary):
                paragon(running.url, limits=Limits(read=1, total=1)).status(USER, sync_id)


# The logs that reach the portal


@pytest.mark.django_db(transaction=True)
def test_a_recovered_sync_is_seen_in_the_portal(live_server: LiveServer) -> None:
    project = factories.ProjectFactory()
    name, gone = factories.sync_id("recovers"), factories.sync_id("gone")
    factories.store(project, factories.error_entry(syncId=name, userId=USER, credentialId="c-1"))
    root = {"errorCode": "10007", "message": "gone", "recoverability": "x"}
    factories.store(project, factories.error_entry(syncId=gone, userId=USER, error=root))
    portal = (live_server.url, factories.api_key(project, Scope.LOGS_WRITE)[1])
    with simulated(portal=portal, pace=Pace(0.01, 0.02, every=0.05)) as running:
        simulate_provider.learn(running.memory, Sync.objects.of(project))
        assert (running.memory.sync(uuid.UUID(name)).status, running.memory.sync(uuid.UUID(name)).reason) == (
            "ERRORED",
            "Sign in again",
        )
        for sync_id in (name, gone):
            paragon(running.url).reenable(USER, sync_id, attempt="a", reason="r")
        sync = Sync.objects.filter(project=project, sync_id=name)
        wait(lambda: sync.get().status == "IDLE" and sync.get().last_completed_at is not None, seconds=15)
        wait(lambda: LogEntry.objects.filter(sync_id=gone, event="SYNC_RUN_ERROR").count() == 2, seconds=15)
        wait(lambda: LogEntry.objects.filter(sync_id=name, event="INCREMENTAL_SYNC_COMPLETED").count() >= 2, seconds=15)
        assert paragon(running.url).status(USER, gone).status == "ERRORED"
        simulate_provider.learn(running.memory, Sync.objects.of(project))
        assert running.memory.sync(uuid.UUID(gone)).status == "ERRORED"
    assert sync.get().user_id == USER


def test_entries_wait_for_a_portal_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synclogs.demo.simulator.outbox.TRY_AGAIN", 0.05)
    said: list[str] = []
    answers = iter([b"", http(status="503 Unavailable"), http(b'{"accepted":2}'), http(status="422 Unprocessable")])
    with (
        raw(lambda _: next(answers, http())) as portal,
        simulated(portal=(portal.url, "key"), pace=Pace(0.01, 0.0, every=0), say=said.append) as running,
    ):
        paragon(running.url).reenable(USER, errored(running), attempt="a", reason="r")
        wait(lambda: len(portal.requests) >= 3 and not running.outbox._waiting, seconds=10)
        first, third = (json.loads(portal.requests[place].partition(b"\r\n\r\n")[2]) for place in (0, 2))
        assert third[: len(first)] == first
        assert [entry["syncEvent"] for entry in third] == ["INCREMENTAL_SYNC_STARTED", "INCREMENTAL_SYNC_COMPLETED"]
        assert sum("does not take" in line for line in said) == 1
        # What the portal will never take is not sent for ever.
        paragon(running.url).reenable(USER, errored(running, is_new=True), attempt="a", reason="r")
        wait(lambda: len(portal.requests) >= 4 and not running.outbox._waiting, seconds=10)
        wait(lambda: any("refused" in line for line in said), seconds=5)
    assert b"Authorization: Bearer key" in portal.requests[0]


# The command


@pytest.mark.django_db
def test_a_key_of_its_own_takes_the_place_of_its_last(monkeypatch: pytest.MonkeyPatch, project: Project) -> None:
    assert simulate_provider.portal(project) is None
    monkeypatch.setenv("SIMULATOR_PORTAL_URL", "http://127.0.0.1:8000/")
    monkeypatch.setenv("SIMULATOR_PORTAL_KEY", "given")
    assert simulate_provider.portal(project) == ("http://127.0.0.1:8000", "given")
    monkeypatch.setenv("SIMULATOR_PORTAL_KEY", "")
    assert simulate_provider.portal(None) is None
    for _ in range(2):
        assert simulate_provider.portal(project)
    key = ApiKey.objects.get(project=project)
    assert key.scopes == [Scope.LOGS_WRITE]
    assert AuditEvent.objects.filter(project=project, object_type="API key").count() == 2


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory()


@pytest.mark.django_db
def test_what_it_cannot_start_with_is_said(settings: Any) -> None:
    with pytest.raises(CommandError, match="create_project"):
        call_command("simulate_provider", project="nowhere")
    settings.PROVIDER_SIGNING_KEY = "not a key"
    with pytest.raises(CommandError, match="PROVIDER_SIGNING_KEY"):
        call_command("simulate_provider", stderr=io.StringIO())
    with pytest.raises(CommandError, match="invalid"):
        call_command("simulate_provider", "--fail", "unheard_of")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_command_serves_the_portals_syncs_until_it_is_told(tmp_path: Path) -> None:
    project = factories.ProjectFactory()
    name = factories.sync_id("served")
    factories.store(project, factories.error_entry(syncId=name, userId=USER))
    key = keypair.ensure_key(tmp_path / "key.pem")
    port = free_port()
    more = {"DATABASE_URL": database_url(), "PROVIDER_PROJECT": PROJECT, "PROVIDER_SIGNING_KEY_FILE": str(key)}
    command = [sys.executable, "manage.py", "simulate_provider", "--port", str(port), "--project", project.slug]
    with subprocess.Popen(
        [*command, "--fail", "server_error"], cwd=ROOT, env={**os.environ, **more}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip().endswith(f"http://127.0.0.1:{port} and knows 1 syncs.")
            client = paragon(f"http://127.0.0.1:{port}", limits=Limits(), own=signer(key=key.read_text()))
            with pytest.raises(Temporary):
                client.status(USER, name)
            well = Request("PUT", f"http://127.0.0.1:{port}/_simulator/mode", {}, b'{"mode":"ok"}')
            assert send(well, limits=Limits(), tls=trusted()).status == 200
            assert client.status(USER, name).status == "ERRORED"
            assert client.reenable(USER, name, attempt="a", reason="r").accepted
            # One that came later is known at once, however old its entries are.
            new = factories.sync_id("came later")
            factories.store(
                project, factories.error_entry(syncId=new, userId=USER, timestamp=timezone.now() - timedelta(days=1))
            )
            assert client.credentials(USER).of("googledrive") is not None
            assert client.status(USER, new).status == "ERRORED"
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def database_url() -> str:
    """The test's own database, for another process."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


# The key of the demo


def test_the_demos_key_is_made_once_and_kept_for_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data" / "provider_key.pem"
    threads = [threading.Thread(target=keypair.ensure_key, args=(path,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = path.read_text()
    assert keypair.ensure_key(path).read_text() == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["provider_key.pem"]
    monkeypatch.setattr(developer_settings, "DATA", path.parent)
    for name in (
        "PROVIDER_FOR",
        "PROVIDER_SYNC_URL",
        "PROVIDER_API_URL",
        "PROVIDER_PROJECT",
        "PROVIDER_SIGNING_KEY_FILE",
    ):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("PROVIDER", "host_app")
    assert not developer_settings.adopt_provider(port=1)
    monkeypatch.setenv("PROVIDER", "")
    monkeypatch.setenv("PROVIDERS", "EU")
    assert not developer_settings.adopt_provider(port=1)
    monkeypatch.setenv("PROVIDERS", "")
    assert developer_settings.adopt_provider(port=8079)
    assert (os.environ["PROVIDER"], os.environ["PROVIDER_FOR"]) == ("paragon", "demo")
    assert os.environ["PROVIDER_SYNC_URL"] == os.environ["PROVIDER_API_URL"] == "http://127.0.0.1:8079"
    assert Path(os.environ["PROVIDER_SIGNING_KEY_FILE"]).read_text() == made
    monkeypatch.setattr(developer_settings, "DATA", tmp_path / "other")
    monkeypatch.setenv("PROVIDER", "")
    assert developer_settings.adopt_provider(port=8079)
    assert (tmp_path / "other" / "provider_key.pem").stat().st_mode & 0o777 == 0o600


def test_trust_comes_from_the_settings_or_a_key_is_made(settings: Any, tmp_path: Path) -> None:
    settings.BASE_DIR, settings.PROVIDER_HOST_SECRET = tmp_path, ""
    own = simulate_provider.trust(None)
    assert (own.project, own.audience, own.hook) == ("demo", "useparagon.com/demo", None)
    assert (tmp_path / ".data" / "provider_key.pem").exists()
    settings.PROVIDER_SIGNING_KEY, settings.PROVIDER_PROJECT = key_text(), PROJECT
    settings.PROVIDER_AUDIENCE, settings.PROVIDER_HOST_SECRET = "dashboard.useparagon.com/x", "whsec_" + "A" * 32
    told = simulate_provider.trust(None)
    assert (told.project, told.audience) == (PROJECT, "dashboard.useparagon.com/x")
    assert told.key.public_numbers() == trust().key.public_numbers()
    assert told.hook is not None
