"""Reads the body of an ingest request: headers and every size limit; a body that is too short is an error.

Returns bytes, or raises Denied with 400, 408, 411, 413, 415, 501 or 503. The body must not have been read before. Only the transfer
coding is decoded here.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from django.http import HttpRequest

from portal.problems.documents import Denied, overloaded
from synclogs.parsing import fields
from synclogs.parsing.decoding import Problem, Scanner
from synclogs.parsing.limits import Code

CHUNK = 64 * 1024
MEBIBYTE = 1024 * 1024
BUSY = "The portal is busy with other batches. Nothing of this request was stored; send it again."
OBJECT_BYTES = 64 * 1024
CODINGS = {"": False, "identity": False, "gzip": True, "x-gzip": True}
ACCEPTED_CODINGS = "gzip, identity"


def media_type(request: HttpRequest, *accepted: str) -> str:
    """The media type of the body, which has to be one of `accepted` in UTF-8."""
    found = request.content_type or ""
    if found not in accepted:
        types = ", ".join(accepted)
        headers = {"Accept-Post": types}
        raise Denied(415, f"Send Content-Type {' or '.join(accepted)}; found {_quoted(found)}.", headers=headers)
    charset = (request.content_params or {}).get("charset", "utf-8")
    if charset.lower() != "utf-8":
        raise Denied(415, "Send the body in UTF-8, and no other charset in Content-Type.")
    return found


def parse_content_encoding(request: HttpRequest) -> bool:
    """Whether the body is compressed; any coding but gzip, and several at once, are refused."""
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if coding not in CODINGS:
        headers = {"Accept-Encoding": ACCEPTED_CODINGS}
        raise Denied(415, "Send Content-Encoding gzip or none.", headers=headers)
    return CODINGS[coding]


def _quoted(text: str) -> str:
    return f"“{text[:80]}”" if text else "none"


def announced_length(request: HttpRequest, *, limit: int) -> int | None:
    """The Content-Length within `limit`; None for a chunked body, which ends where its framing says."""
    transfer = request.headers.get("Transfer-Encoding", "").strip().lower()
    if transfer == "chunked":
        return None
    if transfer:  # the web server passes `gzip, chunked` on as it is, still packed
        raise Denied(501, "Only the transfer coding chunked is understood.")
    text = str(request.META.get("CONTENT_LENGTH") or "")
    if not text:
        raise Denied(411, "Send Content-Length, or the body in chunks.")
    if not (text.isascii() and text.isdigit()):
        raise Denied(400, "Content-Length is not a number.")
    if len(text) > 18 or int(text) > limit:
        raise too_large(limit)
    return int(text)


def too_large(limit: int) -> Denied:
    return Denied(413, f"The body is larger than {limit} bytes.", code=Code.TOO_LARGE.value)


class Memory:
    """How many bytes of bodies this process holds; a body is refused with 503 before it would be one too many.

    One owner may fill half of it, so that others still get in.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._held: Counter[object] = Counter()

    def take(self, owner: object, size: int) -> bool:
        with self._lock:
            if self._held.total() + size > self.most or self._held[owner] + size > self.most // 2:
                return False
            self._held[owner] += size
            return True

    def give_back(self, owner: object, size: int) -> None:
        with self._lock:
            self._held[owner] -= size
            if not self._held[owner]:
                del self._held[owner]


MEMORY = Memory(64 * MEBIBYTE)


@contextmanager
def body(request: HttpRequest, *, limit: int, owner: object) -> Iterator[bytes]:
    """The whole body, whose memory counts for `owner` while the context lasts."""
    length = announced_length(request, limit=limit)
    # Django's own stream believes that a chunked body has no bytes, and takes a body cut off for a whole one.
    stream: BinaryIO = request.META["wsgi.input"]
    parts: list[bytes] = []
    size = 0
    try:
        for part in _parts(stream, length):
            size += len(part)
            if size > limit:
                size -= len(part)
                raise too_large(limit)
            if not MEMORY.take(owner, len(part)):
                size -= len(part)
                raise overloaded(
                    "Too many bodies are being received. Nothing of this request was stored; send it again."
                )
            parts.append(part)
        if length is not None and size != length:
            raise Denied(400, f"The body ended after {size} of {length} bytes. Nothing of it was stored.")
        whole = b"".join(parts)
        parts.clear()
        yield whole
    finally:
        MEMORY.give_back(owner, size)


def _parts(stream: BinaryIO, length: int | None) -> Iterator[bytes]:
    remaining = length
    while remaining is None or remaining > 0:
        try:
            part = stream.read(CHUNK if remaining is None else min(CHUNK, remaining))
        except TimeoutError:
            raise Denied(408, "The body took too long to arrive. Nothing of it was stored.") from None
        except OSError:
            raise Denied(
                400, "The body ended early or is not framed as its headers say. Nothing of it was stored."
            ) from None
        if not part:
            return
        if remaining is not None:
            remaining -= len(part)
        yield part


class Turns:
    """`count` callers at once; twice as many may wait for a moment. Everybody else gets Retry-After at once."""

    def __init__(self, count: int, *, patience: float) -> None:
        self.patience = patience
        self.places = 3 * count
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(count)

    def ask(self) -> None:
        """Raises Denied when there is no place; for those who would have work before they need their turn."""
        if not self.places:
            raise overloaded(BUSY)

    @contextmanager
    def one(self) -> Iterator[None]:
        with self._lock:
            self.ask()
            self.places -= 1
        try:
            if not self._free.acquire(timeout=self.patience):
                raise overloaded(BUSY)
            try:
                yield
            finally:
                self._free.release()
        finally:
            with self._lock:
                self.places += 1


def json_object(request: HttpRequest, *, owner: object) -> dict[str, object]:
    """The body of a small write: one JSON object, read as strictly as an entry."""
    media_type(request, "application/json")
    if parse_content_encoding(request):
        raise Denied(415, "Send this body without Content-Encoding.", headers={"Accept-Encoding": "identity"})
    with body(request, limit=OBJECT_BYTES, owner=owner) as data:
        value, unsafe = Scanner().line(data)
    if isinstance(value, Problem):
        detail = value.detail.replace("The line", "The body").replace("The entry", "The body")
        raise Denied(400, detail, code=value.code.value)
    if not isinstance(value, dict):
        raise Denied(400, "The body has to be a JSON object.", code=Code.NOT_AN_OBJECT.value)
    if unsafe and not _storable(value):
        raise Denied(400, "The body holds NUL or half a surrogate pair.", code=Code.BAD_CHARACTERS.value)
    return value


def _storable(value: dict[str, object]) -> bool:
    try:
        return fields.without_unsafe(value) == value
    except fields.Invalid:
        return False
