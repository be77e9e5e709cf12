"""A simulated provider to test against, clients for it, and servers that answer with any bytes."""

import json
import re
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from standardwebhooks import Webhook

from synclogs.demo import keypair
from synclogs.demo.simulator import Pace, Simulator, SyncRecord, Trust
from synclogs.provider.breaker import Breaker
from synclogs.provider.client import Paragon
from synclogs.provider.host_app import HostApp
from synclogs.provider.http_exchange import Limits, Request, send, trusted
from synclogs.provider.json_client import Channel
from synclogs.provider.user_tokens import Secret, Signer

PROJECT = "a-project"
AUDIENCE = f"useparagon.com/{PROJECT}"
USER = "acct 1/é?#"
SHORT = Limits(connect=0.4, read=0.3, total=0.7)
QUICK = Pace(start=0.02, run=0.03, every=0)
HOST_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@cache
def key_text() -> str:
    return keypair.new_key().decode()


def trust(key: str | None = None) -> Trust:
    private: Any = load_pem_private_key((key or key_text()).encode(), None)
    return Trust(private.public_key(), project=PROJECT, audience=AUDIENCE, hook=Webhook(HOST_SECRET))


@contextmanager
def simulated(**more: Any) -> Iterator[Simulator]:
    with Simulator(trust(), **{"pace": QUICK, "slow_seconds": 0.1, **more}) as simulator:
        yield simulator


def signer(key: str | None = None, audience: str = AUDIENCE) -> Signer:
    return Signer(Secret("PROVIDER_SIGNING_KEY", key or key_text()), audience)


def patient() -> Breaker:
    return Breaker(failures=1_000_000)


def paragon(base: str, *, limits: Limits = SHORT, own: Signer | None = None, **more: Any) -> Paragon:
    channels = [Channel(base, who="The provider", limits=limits, breaker=patient(), **more) for _ in range(2)]
    return Paragon(*channels, project=PROJECT, signer=own or signer())


def host_app(base: str, *, secret: str = HOST_SECRET, limits: Limits = SHORT) -> HostApp:
    channel = Channel(f"{base}/host-app", who="Our application", limits=limits, breaker=patient())
    return HostApp(channel, secret=Secret("PROVIDER_HOST_SECRET", secret))


def errored(simulator: Simulator, **more: Any) -> uuid.UUID:
    """A sync of its own for a test."""
    sync_id = uuid.uuid4()
    facts = {"integration": f"i-{sync_id.hex[:6]}", "pipeline": "files", "status": "ERRORED", "credential_id": "c-1"}
    simulator.memory.put(SyncRecord(sync_id, **{"user": USER, "at": datetime.now(UTC), **facts, **more}))
    return sync_id


def control(simulator: Simulator, method: str, path: str, **body: Any) -> tuple[int, Any]:
    answer = send(
        Request(method, f"{simulator.url}/_simulator/{path}", {}, json.dumps(body).encode() if body else b""),
        limits=Limits(),
        tls=trusted(),
    )
    return answer.status, json.loads(answer.body)


def calls(simulator: Simulator, part: object, method: str = "POST") -> int:
    """How many requests of that method the simulator has seen whose path holds `part`."""
    _, told = control(simulator, "GET", "calls")
    return sum(call["method"] == method and str(part) in call["path"] for call in told["calls"])


@dataclass
class Raw:
    """A server that reads a request and answers with bytes; `requests` are what came."""

    url: str
    requests: list[bytes]


def whole(connection: socket.socket) -> bytes:
    """A request with its body, as far as Content-Length says."""
    data = b""
    while True:
        head, end, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if end and len(body) >= int(length[1] if length else 0):
            return data
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece


@contextmanager
def raw(answer: bytes | Callable[[bytes], bytes]) -> Iterator[Raw]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        made = Raw(f"http://127.0.0.1:{listening.getsockname()[1]}", [])

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    try:
                        request = whole(connection)
                        made.requests.append(request)
                        connection.sendall(answer if isinstance(answer, bytes) else answer(request))
                        connection.shutdown(socket.SHUT_WR)
                        connection.recv(65536)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield made
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def http(body: bytes = b"{}", *, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body
