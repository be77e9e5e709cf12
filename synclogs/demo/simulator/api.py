"""Request handlers of the simulated provider: Sync API, `sdk/me` of the Users API, and the company's application (`/host-app`).

A request value gives a status and a JSON body. No sockets.
"""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from synclogs.demo.simulator.outbox import Outbox
from synclogs.demo.simulator.state import ACTIVE, DISABLED, ERRORED, Memory, Missing, Mode, SyncRecord
from synclogs.parsing.identifiers import hyphenated_uuid

FREQUENCIES = ("1m", "5m", "10m", "30m", "1h", "3h", "6h", "24h")
HOST_APP = "/host-app"
_SYNC = re.compile(r"/api/syncs/([^/]+)(/[a-z]+)?")

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names in small letters."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Body


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose tokens and messages are believed. `hook` is the secret shared with the portal, for the company's application."""

    key: RSAPublicKey
    project: str
    audience: str
    hook: Webhook | None = None


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.reply = Reply(status, {"message": message, "statusCode": status})


class Api:
    """`look` is called before each answer about a user's syncs, to tell the memory what is new of them elsewhere."""

    def __init__(self, memory: Memory, outbox: Outbox, trust: Trust, *, look: Callable[[str], object]) -> None:
        self.memory, self.outbox, self.trust, self.look = memory, outbox, trust, look
        self._one_at_a_time = threading.Lock()

    def sync_of(self, request: Request) -> UUID | None:
        """The sync that a request names, before it is authenticated."""
        try:
            if request.path.startswith(HOST_APP):
                return hyphenated_uuid(msgspec.json.decode(request.body)["data"]["syncId"])
            found = _SYNC.fullmatch(request.path)
            return hyphenated_uuid(found[1]) if found else None
        except (ValueError, KeyError, TypeError, AttributeError, msgspec.DecodeError):
            return None

    def user_of(self, request: Request) -> str:
        """Raises Refusal for a token that is missing, wrong, for another project, or too old."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        needed = {"require": ["sub", "aud", "iat", "exp"]}
        try:
            if scheme != "Bearer":
                raise jwt.InvalidTokenError("no Bearer token")
            claims = jwt.decode(
                token,
                self.trust.key,
                algorithms=["RS256"],
                audience=self.trust.audience,
                options=needed,  # type: ignore[arg-type]
            )
        except jwt.InvalidTokenError as error:
            raise Refusal(401, f"Unauthorized: {error}") from None
        return str(claims["sub"])

    def answer(self, request: Request, *, slip: Mode = Mode.OK) -> Reply:
        """What a provider says that works; `slip` only lets the company's application say no."""
        try:
            if request.path.startswith(HOST_APP):
                return self._host_app(request, slip)
            return self._answer(request, self.user_of(request))
        except Refusal as refusal:
            return refusal.reply
        except Missing:
            return Reply(404, {"message": "Sync not found", "statusCode": 404})

    def _answer(self, request: Request, user: str) -> Reply:
        self.look(user)
        sync = _SYNC.fullmatch(request.path)
        match request.method, request.path, sync[2] if sync else None:
            case "GET", "/api/syncs", _:
                return self._list(user, request.query.get("credentialId", []))
            case "GET", path, _ if path.startswith("/projects/") and path.endswith("/sdk/me"):
                return self._me(user, unquote(path.removeprefix("/projects/").removesuffix("/sdk/me")))
        if not sync:
            raise Refusal(404, "Not found")
        sync_id = self.sync_of(request)
        known = self.memory.sync(sync_id, user) if sync_id else None
        if known is None:
            raise Missing
        match request.method, sync[2]:
            case "GET", None:
                return Reply(200, _status(known))
            case "PATCH", None:
                return self._patch(known, request.body)
            case "POST", "/disable":
                self.outbox.forget(known.sync_id)
                self.memory.change(known.sync_id, status=DISABLED, at=datetime.now(UTC))
                return Reply(200, {"id": str(known.sync_id)})
            case "POST", "/reenable":
                self._reenable(known)
                return Reply(200, {"id": str(known.sync_id)})
        raise Refusal(404, "Not found")

    def _list(self, user: str, credentials: list[str]) -> Reply:
        syncs = [sync for sync in self.memory.of(user) if not credentials or sync.credential_id in credentials]
        return Reply(200, {"data": [_row(sync) for sync in syncs]})

    def _me(self, user: str, project: str) -> Reply:
        if project != self.trust.project:
            raise Refusal(404, "Project not found")
        integrations: Body = {}
        for sync in self.memory.of(user):
            valid = self.memory.has_valid_account(user, sync.integration)
            word = "VALID" if valid else "INVALID"
            row = integrations.setdefault(
                sync.integration,
                {"enabled": valid, "credentialStatus": word, "providerId": f"{user}@{sync.integration}"},
            )
            account = {"id": sync.credential_id, "credentialStatus": word}
            if account not in row.setdefault("allCredentials", []):
                row["allCredentials"].append(account)
        return Reply(200, {"authenticated": True, "userId": user, "integrations": integrations})

    def _patch(self, known: SyncRecord, body: bytes) -> Reply:
        try:
            values = msgspec.json.decode(body)
            credential = str(hyphenated_uuid(values["credentialId"])) if "credentialId" in values else ""
            frequency = values.get("incrementalAccumulatorFrequency", "")
        except (ValueError, TypeError, AttributeError, msgspec.DecodeError):
            raise Refusal(400, "credentialId has to be a UUID") from None
        if not (credential or frequency) or (frequency and frequency not in FREQUENCIES):
            raise Refusal(400, "Give a credentialId, or a frequency that is known")
        changed = self.memory.patch(known.sync_id, credential_id=credential, frequency=frequency)
        if credential and changed.status not in {ERRORED, DISABLED}:
            self.outbox.forget(known.sync_id)
            self.outbox.plan(known.sync_id, mode=self.memory.about(known.sync_id), kind="FULL")
        message = "Update request accepted and is being processed"
        return Reply(
            200, {"id": str(known.sync_id), "data": {"credentialId": changed.credential_id}, "message": message}
        )

    def _reenable(self, known: SyncRecord) -> None:
        """Undocumented for a sync that runs; here it changes nothing then."""
        with self._one_at_a_time:
            if self.memory.sync(known.sync_id).status not in {ERRORED, DISABLED}:
                return
            self.outbox.forget(known.sync_id)
            self.memory.change(known.sync_id, status=ACTIVE, at=datetime.now(UTC))
            self.outbox.plan(known.sync_id, mode=self.memory.about(known.sync_id))

    def _host_app(self, request: Request, slip: Mode) -> Reply:
        """Does what docs/host-app.md asks: verify, recognise a repeat, act, answer."""
        if request.method != "POST" or self.trust.hook is None:
            raise Refusal(404, "Not found")
        try:
            self.trust.hook.verify(request.body, dict(request.headers), json_parse=False)
            data = msgspec.json.decode(request.body)["data"]
        except (WebhookVerificationError, ValueError, KeyError):
            raise Refusal(401, "The signature does not fit") from None
        self.look(data["userId"])
        sync = self.memory.sync(hyphenated_uuid(data["syncId"]), data["userId"])
        if slip == Mode.REFUSED:
            return Reply(200, {"result": "refused", "message": "The customer's plan has ended."})
        with self.memory.lock:
            is_new = request.headers["webhook-id"] not in self.memory.messages
            self.memory.messages.add(request.headers["webhook-id"])
        if is_new:
            self._reenable(sync)
        return Reply(200, {"result": "accepted", "message": "" if is_new else "Done before."})


def _row(sync: SyncRecord) -> Body:
    row = {
        "id": str(sync.sync_id),
        "integration": sync.integration,
        "pipeline": sync.pipeline,
        "status": sync.status,
        "configurationName": "default",
        "credentialId": sync.credential_id,
        "dateUpdated": sync.at.isoformat(),
    }
    return {**row, "reason": sync.reason} if sync.status == ERRORED else row


def _status(sync: SyncRecord) -> Body:
    total = 40 + sync.sync_id.int % 9000
    summary: Body = {"totalRecords": total, "syncedRecordsCount": 0 if sync.is_new else total}
    if sync.last_synced_at:
        summary["lastSyncedAt"] = sync.last_synced_at.isoformat()
    values: Body = {"status": sync.status, "summary": summary, "credentialId": sync.credential_id}
    if sync.frequency:
        values["incrementalAccumulatorFrequency"] = sync.frequency
    if sync.status == "RATE_LIMITED":
        values["rateLimitBackoffMs"] = 30000
    if sync.status == ERRORED:
        values["reason"] = sync.reason or "The sync was stopped by an error."
    return values
