"""Who does something: a person or a key, with the role they have in the project, and what the audit keeps of them."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from synclogs.models import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """`text` is shown where the person is gone or was none; `user` is None for keys and for the portal itself."""

    user: User | None
    text: str
    role: Role
    address: str | None = None
    request_id: str = ""

    def audited(self) -> dict[str, Any]:
        """The keywords that synclogs.audit.record takes of it."""
        return {
            "actor": self.user,
            "actor_text": self.text,
            "address": self.address,
            "request_id": self.request_id,
        }


# What goes on by itself: a worker that saw entries arrive or asked the provider.
PORTAL = Actor(None, "the portal", Role.ADMIN)
