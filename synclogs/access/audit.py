"""Writes audit rows. Call it inside the transaction of the change that the row describes."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

from synclogs.models import Action, AuditEvent, Project
from synclogs.parsing.decoding import cleaned


def record(action: Action, **columns: Any) -> AuditEvent:
    """Adds one row, of which `line` takes the words."""
    event = line(action, **columns)
    event.save(force_insert=True)
    return event


def record_all(events: list[AuditEvent]) -> None:
    """Adds many lines at once."""
    AuditEvent.objects.bulk_create(events, batch_size=500)


def line(
    action: Action,
    *,
    actor: AbstractBaseUser | AnonymousUser | None = None,
    actor_text: str = "",
    project: Project | None = None,
    object_type: str = "",
    object_text: str = "",
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    address: str | None = None,
    request_id: str = "",
) -> AuditEvent:
    """A row that is still to be added; texts are cleaned and cut to their columns so that no input can make it fail the action."""
    person = actor if isinstance(actor, User) and actor.pk else None
    return AuditEvent(
        action=action,
        actor=person,
        actor_text=cleaned(actor_text or (person.get_username() if person else ""))[:200],
        project=project,
        object_type=cleaned(object_type)[:64],
        object_text=cleaned(object_text)[:300],
        reason=cleaned(reason),
        before=before,
        after=after,
        address=address,
        request_id=request_id,
    )
