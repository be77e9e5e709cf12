"""JSON requests to one upstream address; every failure becomes one of the three error classes of synclogs.provider.errors.

Returns the decoded JSON. Never retries, never follows a redirect, and puts no secret into an error.
"""

import math
import ssl
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from urllib.parse import urlsplit

import msgspec

from synclogs.provider.breaker import Breaker
from synclogs.provider.errors import Permanent, ProviderError, Temporary, Unknown, cut
from synclogs.provider.http_exchange import Answer, Broken, Limits, Request, send, trusted

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
LATER = frozenset({408, 425, 429})
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def base_of(address: str) -> str:
    """A base address without its last slash. Raises ValueError, whose text ends a sentence about it."""
    parts = urlsplit(address)  # raises ValueError by itself
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("has to look like https://host/path")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("must hold no user, query or fragment")
    if not address.isascii() or any(character <= " " for character in address):
        raise ValueError("must be plain ASCII")
    return address.rstrip("/")


def is_plain(address: str) -> bool:
    """Whether it goes over the network without TLS."""
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname not in LOOPBACK


class Channel:
    """`who` begins the sentences of its errors: "The provider"."""

    def __init__(
        self,
        base: str,
        *,
        who: str,
        limits: Limits | None = None,
        breaker: Breaker | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.base, self.who = base_of(base), who
        self._limits = limits or Limits()
        self._breaker = breaker or Breaker()
        self._tls = tls

    def get(self, path: str, *, headers: Mapping[str, str], secrets: Sequence[str] = ()) -> object:
        """The decoded answer. Raises Permanent or Temporary. `secrets` are struck out of what an error quotes."""
        return self._call(Request("GET", self.base + path, headers), secrets)

    def post(
        self, path: str, *, body: bytes = b"", headers: Mapping[str, str] = NO_HEADERS, secrets: Sequence[str] = ()
    ) -> object:
        """The decoded answer, None when it is empty. Raises Permanent, Temporary, or Unknown when it may have been done."""
        # Its length is said also of an empty body: some servers answer 411 otherwise.
        length = {"Content-Length": str(len(body))}
        return self._call(Request("POST", self.base + path, {**headers, **length}, body), secrets)

    def _call(self, request: Request, secrets: Sequence[str]) -> object:
        if wait := math.ceil(self._breaker.wait()):
            sentence = f"{self.who} failed several times in a row, so it is left alone for {wait} s more."
            raise Temporary(sentence, retry_after=wait)
        try:
            result = self._ask(request, secrets)
        except (Temporary, Unknown):
            self._breaker.failed()
            raise
        except Permanent:
            self._breaker.succeeded()  # it is there, and answers
            raise
        self._breaker.succeeded()
        return result

    def _ask(self, request: Request, secrets: Sequence[str]) -> object:
        try:
            answer = send(request, limits=self._limits, tls=self._tls or trusted())
        except Broken as broken:
            raise self._without_answer(request, broken) from None
        try:
            return self._read(request, answer)
        except ProviderError as error:
            error.text = own_words(answer, secrets)
            raise

    def _without_answer(self, request: Request, broken: Broken) -> ProviderError:
        sentence = f"{self.who} {broken.words}."
        if broken.lasting:
            return Permanent(sentence)
        return self._perhaps(request, sentence) if broken.sent else Temporary(sentence)

    def _perhaps(self, request: Request, sentence: str, *, status: int | None = None) -> ProviderError:
        """A request that left, and of which no sensible word came back: a question about it may simply be asked again."""
        if request.method == "GET":
            return Temporary(sentence, status=status)
        return Unknown(f"{sentence} It may have been done all the same.", status=status)

    def _read(self, request: Request, answer: Answer) -> object:
        status = answer.status
        if status in LATER:
            pause = answer.headers.get("retry-after", "")
            retry_after = min(int(pause), 86400) if pause.isascii() and pause.isdigit() and len(pause) < 10 else None
            raise Temporary(f"{self.who} asked for a pause (status {status}).", status=status, retry_after=retry_after)
        if 400 <= status < 500:
            raise Permanent(self._refusal(status), status=status)
        if not 200 <= status < 300:
            redirected = 300 <= status < 400
            words = "sent us to another address, which we do not follow" if redirected else "failed"
            raise self._perhaps(request, f"{self.who} {words} (status {status}).", status=status)
        if not answer.body and request.method != "GET":
            return None
        if not is_json(answer):
            raise self._perhaps(request, f"{self.who} answered with something other than JSON.", status=status)
        try:
            return msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, RecursionError, ValueError):
            raise self._perhaps(request, f"{self.who} answered with unreadable JSON.", status=status) from None

    def _refusal(self, status: int) -> str:
        match status:
            case 401:
                return (
                    f"{self.who} did not accept our signature: the key or the project in the settings is wrong (401)."
                )
            case 403:
                return f"{self.who} does not allow this (403)."
            case 404:
                return f"{self.who} does not know this sync, customer or project (404)."
            case _:
                return f"{self.who} refused the call (status {status})."


def is_json(answer: Answer) -> bool:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def own_words(answer: Answer, secrets: Sequence[str] = ()) -> str:
    """What the other side says went wrong: the message of its JSON, or else the beginning of its body."""
    text = answer.body.decode(errors="replace")
    if is_json(answer):
        try:
            value = msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, RecursionError, ValueError):
            value = None
        if isinstance(value, dict):
            text = next((value[key] for key in ("message", "error", "detail") if isinstance(value.get(key), str)), text)
    for secret in secrets:
        text = text.replace(secret, "[hidden]")
    return cut(text)
