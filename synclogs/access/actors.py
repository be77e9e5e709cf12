"""Actors: the person or API key behind an action, with the role in the project and the columns that the audit stores."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from synclogs.models import Role
from synclogs.parsing.decoding import cleaned


@dataclass(frozen=True, slots=True)
class Actor:
    """`text` is shown where the person is gone or was none; `user` is None for keys and for the portal itself."""

    user: User | None
    text: str
    role: Role
    address: str | None = None
    request_id: str = ""

    def audited(self) -> dict[str, Any]:
        """The keywords that synclogs.access.audit.record takes of it."""
        return {
            "actor": self.user,
            "actor_text": self.text,
            "address": self.address,
            "request_id": self.request_id,
        }


# What goes on by itself: a worker that saw entries arrive or asked the provider.
PORTAL = Actor(None, "the portal", Role.ADMIN)


LONGEST_TEXT = 2000


class NotAllowed(Exception):
    """The actor may not do this; the text says who may. The faces answer 403 with it and note it (synclogs.access.denials)."""


class Refused(Exception):
    """What was typed will not do: `field` and a sentence for the person who typed it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


def allow(actor: Actor, least: Role, sentence: str = "") -> None:
    """Raises NotAllowed for an actor whose role is below `least`."""
    if actor.role < least:
        raise NotAllowed(sentence or f"This is for the role {least.label} and above.")


def required_text(field: str, text: str) -> str:
    """A reason or note as it is stored: cleaned and stripped. Raises Refused when it is empty then."""
    found = cleaned(text).strip()
    if not any(character.isalnum() for character in found):
        raise Refused(field, "Say why in a few words.")
    if len(found) > LONGEST_TEXT:
        raise Refused(field, f"At most {LONGEST_TEXT} characters; this has {len(found)}.")
    return found
