"""One HTTP request with its response, within limits that a hostile server cannot stretch.

Returns an Answer, or raises Broken, which says whether the request had begun to leave. Uses httpcore, the engine below httpx: it has
no redirects, cookies, proxies or environment variables to turn off, and lets us put one deadline under every connect, read
and write, where httpx limits each of them by itself.
"""

import queue
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpcore

_GZIP = 31  # zlib's way to say: a gzip header and trailer, and nothing else
_HEADERS = ("content-type", "retry-after")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, and bytes of a body after inflating. `connect` covers the name, every address and the TLS handshake."""

    connect: float = 3.0
    read: float = 10.0
    total: float = 15.0
    body: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Broken(Exception):
    """No whole answer. `sent`: the request had begun to leave, so it may have been carried out. The text ends a sentence."""

    def __init__(self, words: str, *, sent: bool, lasting: bool = False) -> None:
        super().__init__(words)
        self.words, self.sent, self.lasting = words, sent, lasting


class _Refused(Exception):
    """The answer breaks a limit; the text ends a sentence."""


@cache
def trusted() -> ssl.SSLContext:
    """Verifies by the system's certificates (SSL_CERT_FILE for a private one) and by the public ones that come with certifi."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def send(request: Request, *, limits: Limits, tls: ssl.SSLContext) -> Answer:
    """One connection, one request, one answer. Raises Broken, and nothing else, when that does not come whole."""
    backend = _Backend(limits)
    url = httpcore.URL(request.url)
    usual = {"Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close"}
    # Its own Host header would lack the brackets of an IPv6 address.
    headers = {"Host": urlsplit(request.url).netloc, **usual, **request.headers}
    try:
        with (
            httpcore.HTTPConnection(url.origin, ssl_context=tls, network_backend=backend) as connection,
            connection.stream(
                request.method, url, headers=list(headers.items()), content=request.body or None
            ) as response,
        ):
            named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            body = b"".join(_read(response.iter_stream(), named, limit=limits.body))
            return Answer(response.status, {name: named[name] for name in _HEADERS if name in named}, body)
    except _Refused as error:
        raise Broken(str(error), sent=True) from None
    except httpcore.ConnectError as error:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            raise Broken("has a certificate that cannot be verified", sent=False, lasting=True) from None
        raise Broken(str(error) if isinstance(error, _NoName) else "cannot be reached", sent=False) from None
    except httpcore.TimeoutException:
        words = "did not answer in time" if backend.sent else "could not be reached in time"
        raise Broken(words, sent=backend.sent) from None
    except (httpcore.NetworkError, httpcore.ProtocolError):
        raise Broken("broke off the connection or did not speak HTTP", sent=backend.sent) from None


def _read(chunks: Iterable[bytes], headers: Mapping[str, str], *, limit: int) -> Iterable[bytes]:
    """The body in pieces, inflated, never more than the limit of it in memory. Raises _Refused."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise _Refused("answered in a coding that was not asked for")
    inflating = zlib.decompressobj(_GZIP) if "gzip" in encoding else None
    raw = size = 0
    for chunk in chunks:
        try:
            part = inflating.decompress(chunk, limit + 1 - size) if inflating else chunk
        except zlib.error:
            raise _Refused("answered with damaged gzip data") from None
        raw, size = raw + len(chunk), size + len(part)
        if max(raw, size) > limit:
            raise _Refused(f"answered with more than {limit} bytes")
        yield part
    if inflating and raw and not inflating.eof:
        raise _Refused("broke off its answer")


class _NoName(httpcore.ConnectError):
    """The host's name leads to no address."""


class _Backend(httpcore.NetworkBackend):
    """Sockets under one deadline, which starts with this object."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.end = time.monotonic() + limits.total
        self.connected_by = time.monotonic() + min(limits.connect, limits.total)
        self.sent = False
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """To the first address that answers."""
        failure: Exception = _NoName("has a name that leads to no address")
        for address in resolved(host, port, seconds=remaining(self.connected_by, httpcore.ConnectTimeout)):
            seconds = remaining(self.connected_by, httpcore.ConnectTimeout)
            try:
                stream = self._plain.connect_tcp(address, port, timeout=seconds, socket_options=socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream, self)
        raise failure


class _Stream(httpcore.NetworkStream):
    """A connection that notes when the request begins to leave. Time-outs of httpcore are not used: each part gets ours."""

    def __init__(self, inner: httpcore.NetworkStream, backend: _Backend) -> None:
        self._inner, self._backend = inner, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        seconds = min(self._backend.limits.read, remaining(self._backend.end, httpcore.ReadTimeout))
        return self._inner.read(max_bytes, timeout=seconds)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        seconds = min(self._backend.limits.read, remaining(self._backend.end, httpcore.WriteTimeout))
        self._backend.sent = True
        self._inner.write(buffer, timeout=seconds)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = remaining(self._backend.connected_by, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout=seconds), self._backend)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def remaining(end: float, too_late: type[httpcore.TimeoutException]) -> float:
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise too_late
    return seconds


def resolved(host: str, port: int, *, seconds: float) -> list[str]:
    """The host's addresses in the system's order. Raises _NoName, or ConnectTimeout when the name servers take too long.

    getaddrinfo knows no time limit, so it is waited for, not called; a thread that hangs ends with the resolver's own patience.
    """
    found: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.put(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))
        except (OSError, UnicodeError):
            found.put(None)

    threading.Thread(target=ask, name="provider-name", daemon=True).start()
    try:
        addresses = found.get(timeout=seconds)
    except queue.Empty:
        raise httpcore.ConnectTimeout from None
    if not addresses:
        raise _NoName("has a name that leads to no address")
    return addresses
