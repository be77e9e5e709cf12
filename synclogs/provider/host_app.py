"""Re-enables a sync through the company's own application, by a signed webhook.

Returns a Reply, or raises Permanent, Temporary or Unknown. Signed after Standard Webhooks with the attempt's id as `webhook-id`, so
that the application recognises a repeat. The address comes from the settings alone, never from a page or an entry, and redirects
are not followed: that is the guard against server-side request forgery.
"""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

import msgspec
from standardwebhooks import Webhook

from synclogs.provider.answers import Connections, Reply, SyncState, Unexpected, verdict
from synclogs.provider.client import sync_path, utc_now
from synclogs.provider.errors import Permanent, Unknown
from synclogs.provider.json_client import Channel
from synclogs.provider.user_tokens import Secret, Unusable

EVENT = "sync.reenable_requested"
UNEXPECTED = (
    'Our application did not answer with a result of "accepted" or "refused". It may have been done all the same.'
)
_ATTEMPT = re.compile(r"[0-9A-Za-z_-]{1,64}")
_SHORTEST_SECRET = 24  # bytes, by Standard Webhooks


class HostApp:
    reads: ClassVar[bool] = False

    def __init__(self, channel: Channel, *, secret: Secret, clock: Callable[[], datetime] = utc_now) -> None:
        self._channel, self._secret, self._clock = channel, secret, clock

    def status(self, user: str, sync_id: UUID | str) -> SyncState | None:
        """Not to be had this way."""
        return None

    def credentials(self, user: str) -> Connections | None:
        """Not to be had this way."""
        return None

    def reenable(self, user: str, sync_id: UUID | str, *, attempt: UUID | str, reason: str) -> Reply:
        """Asks once. Raises Permanent, Temporary or Unknown; ValueError for an attempt's id that cannot be signed."""
        now = self._clock()
        data = {
            "syncId": sync_path(sync_id).rpartition("/")[2],
            "userId": user,
            "reason": reason,
            "attemptId": str(attempt),
        }
        body = msgspec.json.encode({"type": EVENT, "timestamp": now, "data": data})
        value = self._channel.post("", body=body, headers=signed(body, self._secret, name=str(attempt), now=now))
        try:
            return verdict(value)
        except Unexpected:
            raise Unknown(UNEXPECTED) from None


def signed(body: bytes, secret: Secret, *, name: str, now: datetime) -> dict[str, str]:
    """The headers of a message called `name`. Raises Permanent when the secret cannot be used."""
    if not _ATTEMPT.fullmatch(name):
        raise ValueError("the id of an attempt has to be 1 to 64 letters, digits, - or _")
    try:
        hook = webhook(secret)
    except Unusable as error:
        raise Permanent(f"The request cannot be signed: {error}") from None
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": hook.sign(name, now.astimezone(UTC), body.decode()),
    }


def webhook(secret: Secret) -> Webhook:
    """Raises Unusable."""
    # The prefix shows that a key is meant: many a password would pass for base64.
    prefix, _, text = secret.read().partition("_")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True) if prefix == "whsec" else b""
    except ValueError:
        raw = b""
    if len(raw) < _SHORTEST_SECRET:
        raise Unusable(f"{secret.setting} has to be whsec_ and at least {_SHORTEST_SECRET} random bytes in base64.")
    return Webhook(raw)
