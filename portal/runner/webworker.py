"""gunicorn worker (gevent) that refuses with problem+json, limits a body to a minute, and never loses an early answer.

An answer that is sent before the whole body was read would be lost by closing too early. No Django; the text of a refused request
is never logged, since it may hold keys.
"""

import json
import logging
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

import gevent
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.workers.base_async import AsyncWorker
from gunicorn.workers.ggevent import GeventWorker

from portal.log_format import logging_config

BODY_SECONDS = 30  # for a whole body; slower senders get a 408
STALL_SECONDS = 60  # for a reader that takes nothing of an answer
LINGER_SECONDS = 2
LINGER_BYTES = 32 * 1024 * 1024

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# What gunicorn cannot read, and what it is called. Everything else it refuses is a plain 400.
REFUSALS: tuple[tuple[type[Exception], HTTPStatus, str], ...] = (
    (errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG, "The address is longer than 8 KiB."),
    (
        errors.LimitRequestHeaders,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "At most 100 headers and 16 KiB are read.",
    ),
    (errors.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED, "Only the transfer coding chunked is understood."),
    (errors.ExpectationFailed, HTTPStatus.EXPECTATION_FAILED, "Only 100-continue can be expected."),
    (errors.ConfigurationProblem, HTTPStatus.INTERNAL_SERVER_ERROR, "The request could not be handled."),
    (errors.InvalidResponseHeader, HTTPStatus.INTERNAL_SERVER_ERROR, "The request could not be handled."),
    (errors.InvalidResponseHeaderName, HTTPStatus.INTERNAL_SERVER_ERROR, "The request could not be handled."),
    (errors.ParseException, HTTPStatus.BAD_REQUEST, "The request is not well-formed HTTP."),
)


class BrokenBody(OSError):
    """The body ended early, took too long or is not framed as its headers say. An OSError, as readers of a stream expect."""


class SlowBody(BrokenBody, TimeoutError):
    """The body took too long."""


class Input:
    """`wsgi.input` with two kinds of failure and a deadline. Reads end at the end of the body, chunked ones too."""

    def __init__(self, body: Any, environ: dict[str, Any]) -> None:
        self.body = body
        self.seconds_left = float(BODY_SECONDS)
        self.chunked = "HTTP_TRANSFER_ENCODING" in environ
        self.unread = int(environ.get("CONTENT_LENGTH") or 0)

    @property
    def ended(self) -> bool:
        """Nothing of this request is left on the connection."""
        return not self.chunked and not self.unread

    def read(self, size: int | None = None) -> bytes:
        return self._timed(self.body.read, size)

    def readline(self, size: int | None = None) -> bytes:
        return self._timed(self.body.readline, size)

    def readlines(self, _hint: int | None = None) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _timed(self, read: Callable[[int | None], bytes], size: int | None) -> bytes:
        """Only time spent waiting counts, so that a view which works on what it has got is not cut off."""
        timeout = gevent.Timeout(self.seconds_left, SlowBody("the body took too long to arrive"))
        began = time.monotonic()
        try:
            with timeout:
                part = read(size)
        except (errors.ParseException, errors.NoMoreData) as error:
            raise BrokenBody(f"the body is incomplete or not well-formed ({type(error).__name__})") from None
        finally:
            self.seconds_left = max(0.001, self.seconds_left - (time.monotonic() - began))
        self.unread = max(0, self.unread - len(part))
        self.chunked = self.chunked and bool(part)
        return part


class PortalWorker(GeventWorker):
    wsgi: Application

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application = self.wsgi
        if warm := getattr(application, "warm", None):
            warm()

        def with_input(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            body = environ["wsgi.input"] = Input(environ["wsgi.input"], environ)
            response = application(environ, start_response)
            if not body.ended:
                # gunicorn would take the rest, however much that is, to keep the connection.
                start_response.__self__.force_close()  # type: ignore[attr-defined]
            return response

        self.wsgi = with_input
        gevent.get_hub().print_exception = self.log_failure  # gevent itself would print it for people

    def log_failure(self, _context: Any, kind: Any, value: Any, trace: Any) -> None:
        self.log.error("A greenlet failed", exc_info=(kind, value, trace))

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        # GeventWorker would make the socket wait for ever, also for a reader that takes nothing.
        client.settimeout(STALL_SECONDS)
        AsyncWorker.handle(self, listener, client, addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        if req.version >= (1, 1) and "HOST" not in dict(req.headers):  # RFC 9112, 3.2
            raise errors.InvalidHeader("HOST")
        try:
            super().handle_request(listener_name, req, sock, addr)
        except TimeoutError:
            self.log.info("A client took nothing of its answer for %d s", STALL_SECONDS)
            raise StopIteration from None
        except StopIteration:  # gunicorn's word for "close the connection now"
            linger(sock)
            raise

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        status, detail = refusal(exc)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
            self.log.error("Error handling a request", exc_info=exc)
        else:
            self.log.info("Refused a request: %s", type(exc).__name__)
        try:
            client.sendall(answer(status, detail))
        except OSError:
            return
        linger(client)


def refusal(exc: BaseException) -> tuple[HTTPStatus, str]:
    for kind, status, detail in REFUSALS:
        if isinstance(exc, kind):
            return status, detail
    return HTTPStatus.INTERNAL_SERVER_ERROR, "The request could not be handled."


def answer(status: HTTPStatus, detail: str) -> bytes:
    """A whole response; also for pages, since what asks like this is no browser."""
    number = secrets.token_hex(16)
    problem = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "instance": "",
        "request_id": number,
    }
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-ID: {number}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body


def linger(sock: Any) -> None:
    """Says that nothing more comes, then takes what the client still sends: a close with unread data destroys the answer."""
    try:
        sock.shutdown(socket.SHUT_WR)
        with gevent.Timeout(LINGER_SECONDS, False):
            remaining = LINGER_BYTES
            while remaining > 0 and (data := sock.recv(64 * 1024)):
                remaining -= len(data)
    except OSError:
        return


class JsonLogger(Logger):
    """gunicorn's own lines in the portal's format; no access log, since addresses hold what people searched for."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        formatter = logging_config("INFO")["formatters"]["json"]
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(formatter["()"](**{key: value for key, value in formatter.items() if key != "()"}))
        self.error_log.handlers[:] = [handler]
