"""Provider client over HTTP: every call, every failure with its class, and limits that no server can stretch."""

import gzip
import json
import logging
import os
import socket
import ssl
import subprocess
import sys
import time
import traceback
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.conf import LazySettings
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.checks import provider_is_complete
from synclogs import provider
from synclogs.demo import keypair
from synclogs.demo.simulator import Mode, Simulator
from synclogs.demo.simulator.state import Rule
from synclogs.provider import Permanent, ProviderError, Temporary, Unknown, answers, http_exchange
from synclogs.provider.breaker import Breaker
from synclogs.provider.client import Paragon
from synclogs.provider.configuration import adapter
from synclogs.provider.errors import TEXT_BYTES
from synclogs.provider.host_app import HostApp, signed
from synclogs.provider.json_client import Channel, base_of
from synclogs.provider.user_tokens import Secret, Signer, Unusable, signing_key
from tests import server
from tests.provider import (
    AUDIENCE,
    HOST_SECRET,
    PROJECT,
    SHORT,
    USER,
    calls,
    errored,
    host_app,
    http,
    key_text,
    paragon,
    patient,
    raw,
    signer,
    simulated,
)

SLACK = 2.0  # seconds, for a busy machine; without the limits it would be minutes
REASON = "the customer reconnected"
# What a GET and what a POST ends in; None = in a value.
ENDS: dict[Mode, tuple[type[ProviderError] | None, type[ProviderError] | None]] = {
    Mode.UNAUTHORIZED: (Permanent, Permanent),
    Mode.FORBIDDEN: (Permanent, Permanent),
    Mode.NOT_FOUND: (Permanent, Permanent),
    Mode.RATE_LIMITED: (Temporary, Temporary),
    Mode.SERVER_ERROR: (Temporary, Unknown),
    Mode.UNAVAILABLE: (Temporary, Unknown),
    Mode.SLOW: (None, None),
    Mode.COOKIE: (None, None),
    Mode.TIMEOUT_AFTER_DOING: (None, Unknown),
    Mode.HANG: (Temporary, Unknown),
    Mode.DRIP: (Temporary, Unknown),
    Mode.DRIP_HEADERS: (Temporary, Unknown),
    Mode.HUGE: (Temporary, Unknown),
    Mode.BOMB: (Temporary, Unknown),
    Mode.REDIRECT: (Temporary, Unknown),
    Mode.HTML: (Temporary, Unknown),
    Mode.BAD_JSON: (Temporary, Unknown),
    Mode.CUT: (Temporary, Unknown),
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulated() as running:
        yield running


def ask(client: Paragon | HostApp, sync_id: uuid.UUID | str, user: str = USER) -> answers.Reply:
    return client.reenable(user, sync_id, attempt=uuid.uuid4(), reason=REASON)


# What is said and done when all is well


def test_every_call_ends_in_a_value(simulator: Simulator) -> None:
    sync_id = errored(simulator, reason="The account was removed.", frequency="5m")
    integration = simulator.memory.sync(sync_id).integration
    client = paragon(simulator.url)
    state = client.status(USER, sync_id)
    assert (state.status, state.reason) == ("ERRORED", "The account was removed.")
    (listed,) = [sync for sync in client.list(USER) if sync.sync_id == str(sync_id)]
    assert (listed.integration, listed.pipeline, listed.status, listed.reason) == (
        integration,
        "files",
        "ERRORED",
        "The account was removed.",
    )
    connection = client.credentials(USER).of(integration)
    assert connection == answers.Connection(integration, "VALID", enabled=True, credential_ids=("c-1",))
    assert client.credentials(USER).of("another") is None
    assert ask(client, str(sync_id).upper()).accepted
    assert calls(simulator, sync_id) == 1


def test_another_users_sync_is_unknown_and_another_key_is_refused(simulator: Simulator) -> None:
    sync_id = errored(simulator)
    with pytest.raises(Permanent) as unknown:
        paragon(simulator.url).status("somebody else", sync_id)
    assert (unknown.value.status, unknown.value.text) == (404, "Sync not found")
    for wrong in (signer(audience="useparagon.com/another"), signer(key=keypair.new_key().decode())):
        with pytest.raises(Permanent) as refused:
            paragon(simulator.url, own=wrong).reenable(USER, sync_id, attempt="a", reason=REASON)
        assert refused.value.status == 401
    assert simulator.memory.sync(sync_id).status == "ERRORED"


# How it ends when all is not well


@pytest.mark.parametrize("mode", ENDS, ids=str)
def test_each_failure_has_its_class_one_request_and_an_end(simulator: Simulator, mode: Mode) -> None:
    sync_id = errored(simulator)
    simulator.memory.rule(sync_id, Rule(mode))
    client = paragon(simulator.url)
    for method, kind, call in (
        ("GET", ENDS[mode][0], lambda: client.status(USER, sync_id)),
        ("POST", ENDS[mode][1], lambda: ask(client, sync_id)),
    ):
        began = time.monotonic()
        if kind is None:
            call()
        else:
            with pytest.raises(ProviderError) as error:
                call()
            assert type(error.value) is kind, error.value
            assert error.value.sentence.startswith("The provider ")
            assert ("may have been done" in str(error.value)) == (kind is Unknown)
            assert error.value.retry_after == (7 if mode == Mode.RATE_LIMITED else None)
        assert time.monotonic() - began < SHORT.total + SLACK
        assert calls(simulator, sync_id, method) == 1
    assert calls(simulator, "trap", "GET") == 0
    with simulator.memory.lock:
        assert not any(call.cookie for call in simulator.memory.calls)


def test_a_time_out_after_doing_it_leaves_the_truth_to_the_status(simulator: Simulator) -> None:
    sync_id = errored(simulator)
    simulator.memory.rule(sync_id, Rule(Mode.TIMEOUT_AFTER_DOING))
    with pytest.raises(Unknown):
        ask(paragon(simulator.url), sync_id)
    assert paragon(simulator.url).status(USER, sync_id).status != "ERRORED"
    assert calls(simulator, sync_id) == 1


@pytest.mark.parametrize("mode", [Mode.HUGE, Mode.BOMB])
def test_a_huge_body_costs_no_memory(simulator: Simulator, mode: Mode) -> None:
    sync_id = errored(simulator)
    simulator.memory.rule(sync_id, Rule(mode))
    client = paragon(simulator.url, limits=http_exchange.Limits(total=5))
    tracemalloc.start()
    try:
        with pytest.raises(Temporary, match="more than 1048576 bytes"):
            client.status(USER, sync_id)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


def nested(depth: int) -> bytes:
    return b'{"status":' + b"[" * depth


ODD: dict[str, tuple[bytes, type[ProviderError] | None, type[ProviderError] | None]] = {
    "no content": (http(b"", status="204 No Content"), Temporary, None),
    "an empty body": (http(b""), Temporary, None),
    "nothing at all": (b"", Temporary, Unknown),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.9\r\n", Temporary, Unknown),
    "endless headers": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 60_000, Temporary, Unknown),
    "a length that is none": (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Temporary, Unknown),
    "text": (http(b"OK", kind="text/plain"), Temporary, Unknown),
    "JSON without a type": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Temporary, Unknown),
    "deep JSON": (http(nested(200_000)), Temporary, Unknown),
    "not UTF-8": (http(b'{"status":"\xff"}'), Temporary, Unknown),
    "a list": (http(b"[]"), Temporary, None),
    "a status that is none": (http(b'{"status":{"a":1}}'), Temporary, None),
    "a vendor's JSON": (http(b'{"status":"idle"}', kind="application/vnd.x+json; charset=utf-8"), None, None),
    "gzip": (http(gzip.compress(b'{"status":"IDLE"}'), more="Content-Encoding: gzip\r\n"), None, None),
    "damaged gzip": (http(b"x" * 40, more="Content-Encoding: gzip\r\n"), Temporary, Unknown),
    "gzip cut off": (
        http(gzip.compress(b'{"status":"IDLE"}')[:-4], more="Content-Encoding: gzip\r\n"),
        Temporary,
        Unknown,
    ),
    "another coding": (http(b"x", more="Content-Encoding: br\r\n"), Temporary, Unknown),
    "early": (http(status="425 Too Early"), Temporary, Temporary),
    "a time-out of theirs": (http(status="408 Request Timeout"), Temporary, Temporary),
    "gone": (http(status="410 Gone"), Permanent, Permanent),
    "a conflict": (http(status="409 Conflict"), Permanent, Permanent),
    "see other": (http(status="303 See Other", more="Location: http://127.0.0.1:1/\r\n"), Temporary, Unknown),
    "a bad gateway": (http(status="502 Bad Gateway", kind="text/html"), Temporary, Unknown),
    "other protocols": (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        Temporary,
        Unknown,
    ),
    "too early hints": (b"HTTP/1.1 103 Early Hints\r\n\r\n" + http(b'{"status":"IDLE"}'), None, None),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_answers_end_in_a_value_or_one_of_three_errors(name: str) -> None:
    answer, get, post = ODD[name]
    sync_id = uuid.uuid4()
    with raw(answer) as upstream:
        client = paragon(upstream.url)
        for kind, call in ((get, lambda: client.status(USER, sync_id)), (post, lambda: ask(client, sync_id))):
            try:
                call()
                ended = None
            except ProviderError as error:
                ended = type(error)
            assert ended is kind
        assert len(upstream.requests) == 2
        assert upstream.requests[1].startswith(f"POST /api/syncs/{sync_id}/reenable HTTP/1.1\r\n".encode())
        assert b"content-length: 0" in upstream.requests[1].lower()


@pytest.mark.parametrize("pause", ["-1", "soon", "٣", "9" * 30, "1e3"])
def test_a_pause_that_is_no_number_of_seconds_is_none(pause: str) -> None:
    answer = http(status="429 Too Many Requests").replace(
        b"\r\n\r\n", b"\r\nRetry-After: " + pause.encode() + b"\r\n\r\n"
    )
    with raw(answer) as upstream, pytest.raises(Temporary) as error:
        paragon(upstream.url).status(USER, uuid.uuid4())
    assert error.value.retry_after is None


# Before anything has left


def test_nobody_there_is_temporary() -> None:
    client = paragon(f"http://127.0.0.1:{server.free_port()}")
    with pytest.raises(Temporary, match="cannot be reached"):
        ask(client, uuid.uuid4())


def test_a_name_that_leads_nowhere_is_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    with pytest.raises(Temporary, match="leads to no address"):
        ask(paragon("http://provider.example"), uuid.uuid4())

    def takes_long(*_: object, **__: object) -> list[Any]:
        time.sleep(3)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", takes_long)
    began = time.monotonic()
    with pytest.raises(Temporary, match="not be reached in time"):
        ask(paragon("http://provider.example"), uuid.uuid4())
    assert time.monotonic() - began < SHORT.connect + SLACK


def test_the_next_address_of_a_name_is_tried(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    sync_id = errored(simulator)
    monkeypatch.setattr(http_exchange, "resolved", lambda *_, **__: ["127.0.0.9", "127.0.0.1"])
    base = simulator.url.replace("127.0.0.1", "localhost")
    assert paragon(base).status(USER, sync_id).status == "ERRORED"


def test_a_handshake_that_never_ends_is_a_connection_that_never_was() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        began = time.monotonic()
        with pytest.raises(Temporary, match="not be reached in time"):
            ask(paragon(f"https://127.0.0.1:{listening.getsockname()[1]}"), uuid.uuid4())
        assert time.monotonic() - began < SHORT.connect + SLACK


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 that nobody has signed but itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + private)
    return path


def test_a_certificate_is_verified_before_anything_is_said(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with simulated() as secure:
        secure.socket = context.wrap_socket(secure.socket, server_side=True)
        sync_id = errored(secure)
        base = secure.url.replace("http:", "https:")
        with pytest.raises(Permanent, match="certificate"):
            ask(paragon(base), sync_id)
        assert secure.memory.total_calls == 0
        known = ssl.create_default_context(cafile=str(certificate))
        assert ask(paragon(base, tls=known), sync_id).accepted
        assert secure.memory.total_calls == 1


@pytest.mark.parametrize(
    "sync_id",
    ["", "x", "../../admin", "1/reenable", "%2e%2e", "{5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9}", "5d0a7c1e8f425b6d9a132c7e40b1f8d9",
     "urn:uuid:5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9", "5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9\r\nX: y", "٣d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9"],
    ids=range(10),
)  # fmt: skip
def test_only_a_sync_id_becomes_part_of_an_address(simulator: Simulator, sync_id: str) -> None:
    before = simulator.memory.total_calls
    client = paragon(simulator.url)
    for call in (client.status, lambda user, name: ask(client, name)):
        with pytest.raises(Permanent, match="UUID"):
            call(USER, sync_id)
    assert simulator.memory.total_calls == before


def test_the_environment_has_no_say(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("NETRC", os.devnull)
    assert paragon(simulator.url).status(USER, errored(simulator)).status == "ERRORED"


GREENLETS = """
from gevent import monkey; monkey.patch_all()
import gevent, sys
from synclogs.provider.http_exchange import Broken, Limits, Request, send, trusted
ticks = []
def tick():
    while True:
        ticks.append(None)
        gevent.sleep(0.01)
gevent.spawn(tick)
try:
    send(Request("GET", sys.argv[1], {}), limits=Limits(connect=5, read=5, total=1.5), tls=trusted())
except Broken as broken:
    print(broken.words, len(ticks) > 20)  # 150 with a processor of one's own; two or three if it gave way to nobody
"""


@pytest.mark.slow
def test_a_web_worker_serves_others_meanwhile(simulator: Simulator) -> None:
    """The web server runs greenlets: the name's thread, the queue and the sockets have to give way."""
    sync_id = errored(simulator)
    simulator.memory.rule(sync_id, Rule(Mode.DRIP))
    address = f"{simulator.url.replace('127.0.0.1', 'localhost')}/api/syncs/{sync_id}"
    done = subprocess.run(
        [sys.executable, "-c", GREENLETS, address],
        cwd=server.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == "did not answer in time True", done.stderr


# What others may see


def test_an_errors_text_is_theirs_cut_and_cleaned() -> None:
    body = json.dumps({"message": "\x00<script>" + "é" * 5000}).encode()
    with raw(http(body, status="400 Bad Request")) as upstream, pytest.raises(Permanent) as error:
        paragon(upstream.url).status(USER, uuid.uuid4())
    assert error.value.text.startswith("\ufffd<script>é")
    assert TEXT_BYTES - 1 <= len(error.value.text.encode()) <= TEXT_BYTES
    assert "script" not in str(error.value)


class Recording(Signer):
    """Keeps the tokens, so that they can be looked for."""

    made: list[str] = []

    def token(self, user: str, *, now: datetime) -> str:
        token = Signer.token(self, user, now=now)
        self.made.append(token)
        return token


def test_key_and_token_are_never_shown(simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    own = Recording(Secret("PROVIDER_SIGNING_KEY", key_text()), AUDIENCE)
    seen = [repr(own), repr(own.secret), str(own.secret)]
    sync_id = errored(simulator)

    def collect(client: Paragon, name: uuid.UUID) -> None:
        try:
            seen.append(repr(client.reenable(USER, name, attempt="a", reason=REASON)))
        except ProviderError as error:
            seen.extend((repr(error), error.text, *traceback.format_exception(error)))
        seen.append(repr(vars(client)))

    modes = (Mode.UNAUTHORIZED, Mode.SERVER_ERROR, Mode.HANG, Mode.HTML, Mode.BAD_JSON, Mode.CUT, Mode.OK)
    for mode in modes:
        simulator.memory.rule(sync_id, Rule(mode))
        collect(paragon(simulator.url, limits=http_exchange.Limits(read=0.1, total=0.15), own=own), sync_id)
    collect(paragon("http://127.0.0.1:1", own=own), sync_id)
    # A server that sends back what it was sent, often.
    echo: Callable[[bytes], bytes] = lambda request: http(request * 500, status="400 Bad Request")  # noqa: E731
    with raw(echo) as upstream:
        collect(paragon(upstream.url, own=own), sync_id)
    seen.extend(record.getMessage() for record in caplog.records if not record.name.startswith("httpcore"))
    everything = "\n".join(seen)
    assert len(own.made) == len(modes) + 2
    assert "[hidden]" in everything
    for token in own.made:
        assert token not in everything
        assert token.rpartition(".")[2][:40] not in everything
    for line in key_text().splitlines():
        assert line not in everything


def test_the_log_of_http_is_turned_down() -> None:
    assert logging.getLogger("httpcore.http11").getEffectiveLevel() >= logging.WARNING


@pytest.mark.parametrize("value", ["", "canary", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none_is_said_without_showing_it(value: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(value)
    for secret in (Secret("PROVIDER_SIGNING_KEY", value), Secret("PROVIDER_SIGNING_KEY", file=str(path))):
        with pytest.raises(Unusable, match="PROVIDER_SIGNING_KEY") as error:
            signing_key(secret)
        assert "canary" not in "".join(traceback.format_exception(error.value))
        with pytest.raises(Permanent, match="PROVIDER_SIGNING_KEY"):
            Signer(secret, AUDIENCE).token(USER, now=datetime.now(UTC))


def test_a_small_or_other_kind_of_key_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(Unusable):
        signing_key(Secret("PROVIDER_SIGNING_KEY", other.decode()))


def test_a_token_speaks_for_one_user_for_some_minutes(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("nothing yet")
    own = Signer(Secret("PROVIDER_SIGNING_KEY", file=str(path)), AUDIENCE)
    # As in an environment variable of one line; the changed file counts at once.
    path.write_text(key_text().replace("\n", "\\n"))
    now = datetime.now(UTC)
    public = signing_key(own.secret).public_key()
    token = own.token(USER, now=now)
    claims = jwt.decode(token, public, algorithms=["RS256"], audience=AUDIENCE)
    assert set(claims) == {"sub", "aud", "iat", "exp"}
    assert (claims["sub"], claims["aud"]) == (USER, AUDIENCE)
    assert claims["exp"] - claims["iat"] <= 300
    assert claims["iat"] <= now.timestamp() < claims["exp"] - 60
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT"}
    assert {file.name for file in tmp_path.iterdir()} == {"key.pem"}


# The breaker


def test_the_breaker_rests_and_then_lets_one_through() -> None:
    now = 100.0
    breaker = Breaker(clock=lambda: now)
    for _ in range(4):
        assert breaker.wait() == 0
        breaker.failed()
    breaker.succeeded()
    for _ in range(5):
        assert breaker.wait() == 0
        breaker.failed()
    assert breaker.wait() == 30
    now += 29.5
    assert breaker.wait() == 0.5
    now += 0.5
    assert [breaker.wait(), breaker.wait()] == [0, 30]  # one probe
    breaker.failed()
    assert breaker.wait() == 30
    now += 30
    assert breaker.wait() == 0
    now += 30  # nothing was heard of that probe
    assert breaker.wait() == 0
    breaker.succeeded()
    assert [breaker.wait(), breaker.wait()] == [0, 0]


def test_a_failing_provider_is_left_alone_and_a_refusing_one_is_not(simulator: Simulator) -> None:
    sync_id = errored(simulator)
    channel = Channel(simulator.url, who="The provider", limits=SHORT, breaker=Breaker())
    client = Paragon(channel, channel, project=PROJECT, signer=signer())
    for mode, kind, asked in ((Mode.NOT_FOUND, Permanent, 8), (Mode.SERVER_ERROR, Temporary, 5)):
        simulator.memory.rule(sync_id, Rule(mode))
        before = calls(simulator, sync_id, "GET")
        for _ in range(8):
            with pytest.raises(kind) as error:
                client.status(USER, sync_id)
        assert calls(simulator, sync_id, "GET") - before == asked
    assert "left alone" in str(error.value)
    assert error.value.retry_after in {29, 30}
    with pytest.raises(Temporary):
        ask(client, sync_id)
    assert calls(simulator, sync_id) == 0


# What is read from an answer

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["status", "data", "summary", "integrations", "message", "result", "id", "allCredentials", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(told=json_values)
def test_any_json_is_a_value_or_unexpected(told: Any) -> None:
    for read in (
        answers.sync_state,
        answers.listed_syncs,
        answers.reply,
        answers.verdict,
        lambda value: answers.connections(value, user=USER),
    ):
        try:
            read(told)
        except answers.Unexpected:
            continue


def test_answers_are_read_leniently() -> None:
    told = {
        "status": "rate_limited",
        "summary": {"totalRecords": True, "syncedRecordsCount": 7, "lastSyncedAt": "2026-05-04T11:00:00+02:00"},
        "credentialId": 5,
        "rateLimitBackoffMs": 30000,
        "somethingNew": [],
    }
    state = answers.sync_state(told)
    assert state == answers.SyncState("RATE_LIMITED", last_synced_at=datetime(2026, 5, 4, 9, tzinfo=UTC))
    for moment in ("soon", "0001-01-01T00:00:00+14:00", 5, "x" * 100):
        assert answers.sync_state({"status": "IDLE", "summary": {"lastSyncedAt": moment}}).last_synced_at is None
    assert answers.sync_state({"status": "IDLE", "summary": {"lastSyncedAt": "2026-05-04T09:00"}}).last_synced_at
    rows = [{"id": "A", "status": "IDLE", "dateCreated": "2026-05-04T09:00:00Z"}, {"id": "b"}, None, "c"]
    assert [sync.sync_id for sync in answers.listed_syncs({"data": rows})] == ["a"]
    me = {"integrations": {"box": {"credentialStatus": "invalid", "allCredentials": [{"id": "c"}, "d", 1]}, "x": None}}
    box = answers.connections(me, user=USER).of("box")
    assert box is not None
    assert (box.is_valid, box.enabled, box.credential_ids) == (False, None, ("c", "d"))


# The company's own application


def test_the_published_example_of_the_standard() -> None:
    """https://www.standardwebhooks.com: the example that every library checks itself by."""
    headers = signed(
        b'{"test": 2432232314}',
        Secret("PROVIDER_HOST_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        name="msg_p5jXN8AQM9LWM0D4loKWxJek",
        now=datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers == {
        "Content-Type": "application/json",
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_application_is_asked_by_a_signed_message(simulator: Simulator) -> None:
    sync_id, attempt = errored(simulator), uuid.uuid4()
    client = host_app(simulator.url)
    assert (client.reads, client.status(USER, sync_id), client.credentials(USER)) == (False, None, None)
    assert client.reenable(USER, sync_id, attempt=attempt, reason=REASON) == answers.Reply(accepted=True)
    again = client.reenable(USER, sync_id, attempt=attempt, reason=REASON)
    assert again == answers.Reply(accepted=True, message="Done before.")
    with pytest.raises(Permanent) as wrong:
        ask(host_app(simulator.url, secret="whsec_" + "A" * 40), sync_id)
    assert wrong.value.status == 401
    for secret in (
        "",
        "whsec_",
        "whsec_c2hvcnQ=",
        "a password that is long enough",
        "whsec_not base64 at all, but long",
    ):
        with pytest.raises(Permanent, match="PROVIDER_HOST_SECRET") as unusable:
            ask(host_app(simulator.url, secret=secret), sync_id)
        assert len(secret) < 8 or secret not in str(unusable.value)
    for name in ("", "a.b", "a b", "x" * 65):
        with pytest.raises(ValueError, match="attempt"):
            client.reenable(USER, sync_id, attempt=name, reason=REASON)
    with pytest.raises(Permanent, match="UUID"):
        ask(client, "../x")


def test_the_message_says_what_the_application_needs() -> None:
    sync_id = uuid.uuid4()
    with raw(http(b'{"result":"refused","message":"not now"}')) as upstream:
        reply = host_app(upstream.url).reenable(USER, sync_id, attempt="attempt-1", reason=REASON)
    assert reply == answers.Reply(accepted=False, message="not now")
    head, _, body = upstream.requests[0].partition(b"\r\n\r\n")
    assert b"webhook-id: attempt-1\r\n" in head
    told = json.loads(body or b"{}")
    assert told["type"] == "sync.reenable_requested"
    assert told["data"] == {"syncId": str(sync_id), "userId": USER, "reason": REASON, "attemptId": "attempt-1"}


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(Mode.HANG, Unknown), (Mode.SERVER_ERROR, Unknown), (Mode.TIMEOUT_AFTER_DOING, Unknown), (Mode.HUGE, Unknown),
     (Mode.REDIRECT, Unknown), (Mode.FORBIDDEN, Permanent), (Mode.RATE_LIMITED, Temporary), (Mode.REFUSED, None)],
    ids=str,
)  # fmt: skip
def test_the_application_fails_in_the_same_ways(
    simulator: Simulator, mode: Mode, kind: type[ProviderError] | None
) -> None:
    sync_id = errored(simulator)
    simulator.memory.rule(sync_id, Rule(mode))
    before = calls(simulator, "/host-app")
    if kind is None:
        assert not ask(host_app(simulator.url), sync_id).accepted
    else:
        with pytest.raises(kind, match="Our application") as error:
            ask(host_app(simulator.url), sync_id)
        assert type(error.value) is kind
    assert calls(simulator, "/host-app") == before + 1


@pytest.mark.parametrize("body", [b"", b"{}", b'{"result": true}', b'{"result":"ok"}', b"[]", b'{"status":"accepted"}'])
def test_the_application_has_to_say_what_it_did(body: bytes) -> None:
    with raw(http(body)) as upstream, pytest.raises(Unknown, match='"accepted" or "refused"'):
        ask(host_app(upstream.url), uuid.uuid4())


# Settings


@pytest.fixture
def configured(settings: LazySettings) -> LazySettings:
    settings.PROVIDER = "paragon"
    settings.PROVIDER_PROJECT = PROJECT
    settings.PROVIDER_SIGNING_KEY = key_text()
    settings.PROVIDER_SYNC_URL = settings.PROVIDER_API_URL = "https://provider.example/base/"
    settings.PROVIDER_HOST_URL = "https://app.example/hooks/reenable"
    settings.PROVIDER_HOST_SECRET = HOST_SECRET
    return settings


def test_the_settings_choose(configured: LazySettings, simulator: Simulator) -> None:
    made = provider.of_settings()
    assert isinstance(made, Paragon)
    assert made.reads
    assert provider.of_settings() is made  # so that its breakers remember
    configured.PROVIDER_SYNC_URL = simulator.url
    other: Any = provider.of_settings()
    assert other is not made
    assert other.status(USER, errored(simulator)).status == "ERRORED"
    configured.PROVIDER = "host_app"
    assert isinstance(provider.of_settings(), HostApp)
    configured.PROVIDER = "none"
    assert provider.of_settings() is None
    assert provider_is_complete() == []
    assert "PRIVATE" not in repr(provider.configured())
    assert HOST_SECRET not in repr(provider.configured())
    adapter.cache_clear()


@pytest.mark.parametrize(
    ("kind", "setting", "value"),
    [("paragon", "PROVIDER_PROJECT", ""), ("paragon", "PROVIDER_SIGNING_KEY", ""), ("paragon", "PROVIDER_SIGNING_KEY", "canary"),
     ("paragon", "PROVIDER_SYNC_URL", ""), ("paragon", "PROVIDER_API_URL", "http://provider.example"),
     ("paragon", "PROVIDER_SYNC_URL", "https://canary:canary@provider.example"),
     ("host_app", "PROVIDER_HOST_URL", ""), ("host_app", "PROVIDER_HOST_URL", "ftp://app.example"),
     ("host_app", "PROVIDER_HOST_SECRET", ""), ("host_app", "PROVIDER_HOST_SECRET", "canary")],
    ids=range(10),
)  # fmt: skip
def test_what_is_missing_is_said_at_the_start(configured: LazySettings, kind: str, setting: str, value: str) -> None:
    configured.PROVIDER = kind
    assert provider_is_complete() == []
    setattr(configured, setting, value)
    (message,) = provider_is_complete()
    assert setting in message.msg
    assert message.hint
    assert message.id == "portal.E101"
    assert "canary" not in str(message)
    with pytest.raises(Permanent, match=setting):
        provider.of_settings()


def test_an_application_in_the_clear_is_a_warning(configured: LazySettings) -> None:
    configured.PROVIDER = "host_app"
    configured.PROVIDER_HOST_URL = "http://app.internal:3000/hooks"
    (message,) = provider_is_complete()
    assert message.id == "portal.W101"
    assert provider.of_settings() is not None


def test_secrets_come_from_files_too(configured: LazySettings, tmp_path: Path) -> None:
    configured.PROVIDER_SIGNING_KEY = ""
    configured.PROVIDER_SIGNING_KEY_FILE = str(tmp_path / "key.pem")
    (message,) = provider_is_complete()
    assert "PROVIDER_SIGNING_KEY_FILE" in message.msg
    (tmp_path / "key.pem").write_text(key_text())
    assert provider_is_complete() == []


@pytest.mark.parametrize(
    "address",
    ["provider.example", "https://", "https://user@host", "https://host?x=1", "https://host#x", "file:///etc/passwd",
     "https://höst.example", "https://ho st", "https://host:x", "https://[::1", "https://host/\r\nX: y"],
    ids=range(11),
)  # fmt: skip
def test_addresses_that_no_request_goes_to(address: str) -> None:
    with pytest.raises(ValueError):
        base_of(address)


def test_a_channel_keeps_below_its_address() -> None:
    assert base_of("https://host/base/") == "https://host/base"
    assert base_of("http://[::1]:80") == "http://[::1]:80"
    assert Channel("https://host", who="x", breaker=patient()).base == "https://host"


# The document for whoever writes that application


def documented_check() -> Callable[..., bool]:
    text = (server.ROOT / "docs" / "host-app.md").read_text()
    names: dict[str, Any] = {}
    exec(text.partition("```python\n")[2].partition("```")[0], names)
    made: Callable[..., bool] = names["verified"]
    return made


def test_the_documented_check_believes_us_and_nobody_else() -> None:
    verified, secret, body = documented_check(), Secret("PROVIDER_HOST_SECRET", HOST_SECRET), b'{"data": 1}'
    now = datetime.now(UTC)
    good = signed(body, secret, name="attempt-1", now=now)
    assert verified(good, body, secret=HOST_SECRET)
    assert verified(
        {**good, "webhook-signature": f"v1a,x v1,AAAA {good['webhook-signature']}"}, body, secret=HOST_SECRET
    )
    assert not verified(good, body, secret="whsec_" + "A" * 32)
    assert not verified(good, body + b" ", secret=HOST_SECRET)
    assert not verified({**good, "webhook-id": "attempt-2"}, body, secret=HOST_SECRET)
    for off in (-301, 301):
        other = signed(body, secret, name="attempt-1", now=now + timedelta(seconds=off))
        assert not verified(other, body, secret=HOST_SECRET)
        assert not verified({**other, "webhook-timestamp": good["webhook-timestamp"]}, body, secret=HOST_SECRET)


def test_the_documented_message_is_the_one_that_is_sent() -> None:
    text = (server.ROOT / "docs" / "host-app.md").read_text()
    shown = json.loads("{" + text.partition("\n\n{")[2].partition("```")[0])
    with raw(http(b'{"result":"accepted"}')) as upstream:
        host_app(upstream.url).reenable(USER, uuid.uuid4(), attempt="attempt-1", reason=REASON)
    sent = json.loads(upstream.requests[0].partition(b"\r\n\r\n")[2])
    assert set(sent) == set(shown)
    assert set(sent["data"]) == set(shown["data"])
    assert sent["type"] == shown["type"]
