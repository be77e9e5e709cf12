"""The provider's answers as frozen dataclasses, from decoded JSON.

Lenient: a missing key or one of another type is empty, unknown keys are ignored. Refused is only what makes an answer useless: a
status that is no text, a list that is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from synclogs.provider.errors import cut

TEXT = 256
MOST_SYNCS = 10_000
MOST_CREDENTIALS = 1000


class Unexpected(Exception):
    """JSON, but not the documented shape."""


@dataclass(frozen=True, slots=True)
class SyncState:
    """A sync as the provider sees it now. `reason` is the provider's text, given only when ERRORED."""

    status: str
    reason: str = ""
    last_synced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListedSync:
    sync_id: str
    integration: str
    pipeline: str
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """A customer's account at one integration. `status` is VALID or INVALID; empty when the provider did not say."""

    integration: str
    status: str
    enabled: bool | None = None
    credential_ids: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        return self.status == "VALID"


@dataclass(frozen=True, slots=True)
class Connections:
    """All accounts of one customer."""

    user: str
    all: tuple[Connection, ...] = ()

    def of(self, integration: str) -> Connection | None:
        return next((connection for connection in self.all if connection.integration == integration), None)


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request to change something. Accepted means that it was taken on, not that the sync recovered."""

    accepted: bool
    message: str = ""


def sync_state(decoded: object) -> SyncState:
    body = _object(decoded)
    status = _text(body.get("status")).upper()
    if not status:
        raise Unexpected
    summary = _object(body.get("summary"), needed=False)
    return SyncState(
        status=status,
        reason=_long(body.get("reason")),
        last_synced_at=_moment(summary.get("lastSyncedAt")),
    )


def listed_syncs(decoded: object) -> tuple[ListedSync, ...]:
    """Those that have an id and a status; others are passed over."""
    rows = _object(decoded).get("data")
    if not isinstance(rows, list):
        raise Unexpected
    return tuple(_listed(row) for row in rows[:MOST_SYNCS] if _is_sync(row))


def _is_sync(row: object) -> bool:
    return isinstance(row, dict) and bool(_text(row.get("id"))) and bool(_text(row.get("status")))


def _listed(row: dict[str, object]) -> ListedSync:
    return ListedSync(
        sync_id=_text(row["id"]).lower(),
        integration=_text(row.get("integration")),
        pipeline=_text(row.get("pipeline")),
        status=_text(row["status"]).upper(),
        reason=_long(row.get("reason")),
    )


def connections(decoded: object, *, user: str) -> Connections:
    integrations = _object(decoded).get("integrations")
    if not isinstance(integrations, dict):
        raise Unexpected
    found = (_connection(slug, value) for slug, value in integrations.items() if isinstance(value, dict))
    return Connections(user, tuple(found))


def _connection(slug: str, body: dict[str, object]) -> Connection:
    enabled = body.get("enabled")
    rows = body.get("allCredentials")
    ids: Iterable[object] = (
        (row.get("id") if isinstance(row, dict) else row for row in rows or ()) if (isinstance(rows, list)) else ()
    )
    return Connection(
        integration=_text(slug),
        status=_text(body.get("credentialStatus")).upper(),
        enabled=enabled if isinstance(enabled, bool) else None,
        credential_ids=tuple(text for text in map(_text, ids) if text)[:MOST_CREDENTIALS],
    )


def reply(decoded: object) -> Reply:
    """After a call that changes a sync: its body is not documented, so any JSON, and none, is a yes."""
    return Reply(accepted=True, message=_long(decoded.get("message")) if isinstance(decoded, dict) else "")


def verdict(decoded: object) -> Reply:
    """The company's own application: it has to say in so many words what it did."""
    body = _object(decoded)
    match body.get("result"):
        case "accepted":
            return Reply(accepted=True, message=_long(body.get("message")))
        case "refused":
            return Reply(accepted=False, message=_long(body.get("message")))
        case _:
            raise Unexpected


def _object(value: object, *, needed: bool = True) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    if needed:
        raise Unexpected
    return {}


def _text(value: object) -> str:
    return cut(value)[:TEXT] if isinstance(value, str) else ""


def _long(value: object) -> str:
    return cut(value) if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
