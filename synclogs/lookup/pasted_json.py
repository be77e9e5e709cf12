"""Reads identifiers out of pasted JSON: a log entry, a webhook body or an API answer, at any depth.

Pure and bounded; never raises: what is no JSON gives nothing.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MOST_DOCUMENTS = 20
MOST_TRIES = 40
MOST_NODES = 5000
MOST_NAMED = 200
_OPENING = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder()


class Kind(StrEnum):
    """What a candidate was called; ANY when nothing said so."""

    ANY = ""
    ENTRY = "entry"
    SYNC = "sync"
    TRACE = "trace"
    USER = "user"
    CREDENTIAL = "credential"
    CODE = "error code"
    INTEGRATION = "integration"
    MAIL = "e-mail"
    NAME = "name"

    @classmethod
    def of(cls, name: str, inside: str = "") -> "Kind | None":
        """syncId, sync_instance_id, "Trace ID" -> its kind; None when the name tells nothing.

        `inside` is the key of the object that holds it: user.id is a user, error.code an error code.
        """
        plain = re.sub(r"[ _-]", "", name).lower()
        if plain in ("id", "key"):
            return _HOLDERS.get(re.sub(r"[ _-]", "", inside).lower(), cls.ANY)
        if plain in ("code", "name", "slug"):
            return _INSIDE.get((re.sub(r"[ _-]", "", inside).lower(), plain))
        return _NAMES.get(plain)


_NAMES = {
    "sync": Kind.SYNC,
    "syncid": Kind.SYNC,
    "syncinstance": Kind.SYNC,
    "syncinstanceid": Kind.SYNC,
    "trace": Kind.TRACE,
    "traceid": Kind.TRACE,
    "user": Kind.USER,
    "userid": Kind.USER,
    "credentialid": Kind.CREDENTIAL,
    "errorcode": Kind.CODE,
    "integration": Kind.INTEGRATION,
    "email": Kind.MAIL,
    "useremail": Kind.MAIL,
}
_HOLDERS = {
    "sync": Kind.SYNC,
    "syncinstance": Kind.SYNC,
    "trace": Kind.TRACE,
    "user": Kind.USER,
    "connecteduser": Kind.USER,
    "credential": Kind.CREDENTIAL,
}
_INSIDE = {
    ("error", "code"): Kind.CODE,
    ("user", "name"): Kind.NAME,
    ("connecteduser", "name"): Kind.NAME,
    ("integration", "name"): Kind.INTEGRATION,
    ("integration", "slug"): Kind.INTEGRATION,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text that is JSON, and where it starts."""

    value: Any
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Named:
    kind: Kind
    name: str
    value: str


def parts(text: str) -> list[Part]:
    """The objects and arrays that stand in a text, one after the other."""
    found: list[Part] = []
    at = 0
    for _ in range(MOST_TRIES):
        match = _OPENING.search(text, at)
        if match is None or len(found) == MOST_DOCUMENTS:
            break
        try:
            value, end = _DECODER.raw_decode(text, match.start())
            found.append(Part(value, text[match.start() : end], match.start()))
            at = end
        except (ValueError, RecursionError):
            at = match.end()
    return found


def named(value: Any) -> Iterator[Named]:
    """The values under known keys, at any depth, the outer before the inner."""
    waiting: list[tuple[str, Any]] = [("", value)]
    count = 0
    for inside, node in waiting:  # grows while it is walked
        pairs = node.items() if isinstance(node, dict) else ((inside, item) for item in node)
        for name, item in pairs:
            if len(waiting) < MOST_NODES and isinstance(item, dict | list):
                waiting.append((name, item))
            elif isinstance(node, dict) and count < MOST_NAMED and (found := _named(name, item, inside)):
                count += 1
                yield found


def _named(name: str, item: Any, inside: str) -> Named | None:
    if isinstance(item, bool) or not isinstance(item, str | int) or not str(item).strip():
        return None
    kind = Kind.of(name, inside)
    if kind is None:
        return None
    return Named(
        kind, f"{inside}.{name}"[:80] if inside and kind in _HOLDERS.values() and name == "id" else name[:80], str(item)
    )
