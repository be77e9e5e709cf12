"""HTTP server of the simulated provider, in threads of its own, on 127.0.0.1 only, since whoever reaches it may control it.

Answers come from `api`, or from `hostile` when a failure mode says so.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Event, Thread
from types import TracebackType
from typing import Self

import msgspec

from synclogs.demo.simulator import control_api, hostile
from synclogs.demo.simulator.api import Api, Refusal, Reply, Request, Trust
from synclogs.demo.simulator.outbox import Outbox
from synclogs.demo.simulator.runs import Pace
from synclogs.demo.simulator.state import Memory, Mode, ReceivedRequest

ADDRESS = "127.0.0.1"
BODY_BYTES = 65536
SLOW_SECONDS = 2.0
ERRORS = {
    Mode.UNAUTHORIZED: Reply(401, {"message": "Unauthorized"}),
    Mode.FORBIDDEN: Reply(403, {"message": "Forbidden"}),
    Mode.NOT_FOUND: Reply(404, {"message": "Sync not found"}),
    Mode.RATE_LIMITED: Reply(429, {"message": "Too many requests"}),
    Mode.SERVER_ERROR: Reply(500, {"message": "Internal server error"}),
    Mode.UNAVAILABLE: Reply(503, {"message": "Service unavailable"}),
}


class Simulator(ThreadingHTTPServer):
    """`with Simulator(…) as simulator:` answers at `simulator.url`; port 0 = any that is free."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        trust: Trust,
        *,
        port: int = 0,
        pace: Pace | None = None,
        portal: tuple[str, str] | None = None,
        slow_seconds: float = SLOW_SECONDS,
        look: Callable[[str], object] = lambda _: None,
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        super().__init__((ADDRESS, port), _Handler)
        self.memory = Memory()
        self.outbox = Outbox(self.memory, pace=pace or Pace(), portal=portal, say=say)
        self.api = Api(self.memory, self.outbox, trust, look=look)
        self.slow_seconds, self.say = slow_seconds, say
        self.stopping = Event()
        self._thread = Thread(target=self.serve_forever, args=(0.1,), name="simulator", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self.outbox.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        self.outbox.stop()

    def server_bind(self) -> None:
        """Without the base class's question to the name servers, which may take long and is of no use here."""
        TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news here: many tests do just that."""


class _Handler(BaseHTTPRequestHandler):
    server: Simulator
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "simulator", ""
    timeout = 30

    def handle_one(self) -> None:
        """Every method goes this way."""
        self.close_connection = True
        request = self._read_request()
        if request is None:
            return
        if request.path.startswith(control_api.ROOT):
            self._control(request)
            return
        moment = datetime.now(UTC).isoformat()
        call = ReceivedRequest(request.method, request.target, moment, cookie="cookie" in request.headers)
        self.server.memory.record(call)
        self._provider(request, call)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

    def _read_request(self) -> Request | None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > BODY_BYTES or "Transfer-Encoding" in self.headers:
            self._answer(Reply(413, {"message": "Too large"}))
            return None
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, self.path, headers, self.rfile.read(int(length)))

    def _control(self, request: Request) -> None:
        """Only asked for by the address itself: a page in a browser on this machine could use a name of its own for it."""
        host = request.headers.get("host", "").rpartition(":")[0]
        if host not in {ADDRESS, "localhost"} or "origin" in request.headers:
            self._answer(Reply(403, {"message": "Forbidden"}))
        elif request.path == f"{control_api.ROOT}trap":
            self.server.memory.record(ReceivedRequest(request.method, request.target, "", cookie=False))
            self._answer(Reply(200, {"status": "IDLE"}))
        else:
            self._answer(control_api.answer(self.server.memory, request))

    def _provider(self, request: Request, call: ReceivedRequest) -> None:
        api, memory = self.server.api, self.server.memory
        mode = memory.answering(api.sync_of(request), request.method)
        call.mode = mode
        with suppress(Refusal):
            call.user = api.user_of(request)
        if mode in hostile.ANSWERS:
            hostile.ANSWERS[mode](hostile.Victim(self.connection, self.server.stopping))
            return
        if mode == Mode.SLOW:
            self.server.stopping.wait(self.server.slow_seconds)
        reply = ERRORS.get(mode) or api.answer(request, slip=mode)
        if request.method != "GET":
            self.server.say(f"{request.method} {request.path}: {reply.status}")
        if mode == Mode.TIMEOUT_AFTER_DOING and request.method != "GET":
            hostile.hang(hostile.Victim(self.connection, self.server.stopping))
            return
        call.status = reply.status
        self._answer(reply, mode=mode)

    def _answer(self, reply: Reply, *, mode: Mode = Mode.OK) -> None:
        body = msgspec.json.encode(reply.body)
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        if mode == Mode.RATE_LIMITED:
            self.send_header("Retry-After", "7")
        if mode == Mode.COOKIE:
            self.send_header("Set-Cookie", f"session={time.monotonic_ns()}; Path=/; Max-Age=3600")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: `say` tells of what changed something."""
