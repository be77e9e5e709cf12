"""Client of the documented Sync API, which acts for one connected user at a time by a token of that user.

Each call is one request. Returns a frozen value, or raises Permanent, Temporary or Unknown.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import quote
from uuid import UUID

from synclogs.parsing.identifiers import hyphenated_uuid
from synclogs.provider.answers import (
    Connections,
    ListedSync,
    Reply,
    SyncState,
    Unexpected,
    connections,
    listed_syncs,
    reply,
    sync_state,
)
from synclogs.provider.errors import Permanent, Temporary
from synclogs.provider.json_client import Channel
from synclogs.provider.user_tokens import Signer

UNEXPECTED = "The provider answered in a shape that its documentation does not have."


def utc_now() -> datetime:
    return datetime.now(UTC)


class Paragon:
    """`syncs` is the channel of the Sync API, `users` that of the Users API, `project` the provider's own project id."""

    reads: ClassVar[bool] = True

    def __init__(
        self, syncs: Channel, users: Channel, *, project: str, signer: Signer, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._syncs, self._users, self._project, self._signer, self._clock = syncs, users, project, signer, clock

    def status(self, user: str, sync_id: UUID | str) -> SyncState:
        """The sync as it is now. Raises Permanent or Temporary."""
        path = sync_path(sync_id)
        return self._get(self._syncs, path, user, sync_state)

    def list(self, user: str) -> tuple[ListedSync, ...]:
        """All syncs of the user. Raises Permanent or Temporary."""
        return self._get(self._syncs, "/api/syncs", user, listed_syncs)

    def credentials(self, user: str) -> Connections:
        """The user's accounts at the integrations, and whether they still work. Raises Permanent or Temporary."""
        path = f"/projects/{quote(self._project, safe='')}/sdk/me"
        return self._get(self._users, path, user, lambda value: connections(value, user=user))

    def reenable(self, user: str, sync_id: UUID | str, *, attempt: UUID | str, reason: str) -> Reply:
        """Asks once. The provider takes no reason and no id of the attempt. Raises Permanent, Temporary or Unknown."""
        token = self._signer.token(user, now=self._clock())
        path = f"{sync_path(sync_id)}/reenable"
        return reply(self._syncs.post(path, headers={"Authorization": f"Bearer {token}"}, secrets=(token,)))

    def _get[T](self, channel: Channel, path: str, user: str, read: Callable[[object], T]) -> T:
        token = self._signer.token(user, now=self._clock())
        value = channel.get(path, headers={"Authorization": f"Bearer {token}"}, secrets=(token,))
        try:
            return read(value)
        except Unexpected:
            raise Temporary(UNEXPECTED) from None


def sync_path(sync_id: UUID | str) -> str:
    """The sync's path below the API's address. Raises Permanent for anything but a UUID, so that no path can be made up."""
    try:
        found = sync_id if isinstance(sync_id, UUID) else hyphenated_uuid(sync_id)
    except ValueError:
        raise Permanent("This is no id of a sync: it has to be a UUID.") from None
    return f"/api/syncs/{found}"
