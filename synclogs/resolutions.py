"""What people say about causes: "this is resolved", and "do not wake this one". Each with its line in the audit.

An actor and words come in, rows go out. Raises Refused when the words will not do, NotAllowed when the role is too low.
"""

from datetime import datetime

from django.db import transaction

from synclogs import audit
from synclogs.actors import Actor, NotAllowed, Refused, required_text
from synclogs.models import Action, Project, Resolution, Role, Sleeper, Sync

LONGEST_TICKET = 200
LONGEST_VALUE = 256


def resolve(sync: Sync, *, actor: Actor, note: str, ticket: str = "", now: datetime) -> Resolution:
    """The cause of the sync's errors so far is gone, as this person says; an error after it needs a word of its own."""
    _allow(actor, Role.OPERATOR)
    if sync.last_error_at is None:
        raise Refused("note", "This sync has no error that could be resolved.")
    text = required_text("note", note)
    if len(ticket) > LONGEST_TICKET:
        raise Refused("ticket", f"At most {LONGEST_TICKET} characters.")
    with transaction.atomic():
        made = Resolution.objects.create(
            project=sync.project,
            sync_id=sync.sync_id,
            error_at=sync.last_error_at,
            note=text,
            ticket=required_text("ticket", ticket) if ticket.strip() else "",
            by=actor.user,
            by_text=actor.text,
            at=now,
        )
        audit.record(
            Action.RESOLVED,
            project=sync.project,
            object_type="sync",
            object_text=str(sync.sync_id),
            reason=text,
            after={"error_at": sync.last_error_at.isoformat(), "ticket": made.ticket},
            **actor.audited(),
        )
    return made


def put_to_sleep(
    project: Project,
    kind: Sleeper.Kind,
    value: str,
    *,
    actor: Actor,
    reason: str,
    until: datetime | None = None,
    now: datetime,
) -> Sleeper:
    """Nobody but a lead with a reason wakes it until `until`. Said again, it replaces what was said before."""
    _allow(actor, Role.OPERATOR)
    text = required_text("reason", reason)
    if not value or len(value) > LONGEST_VALUE:
        raise Refused("value", "Say which sync, user or integration.")
    if until is not None and until <= now:
        raise Refused("until", "This moment is over.")
    with transaction.atomic():
        made, _ = Sleeper.objects.update_or_create(
            project=project,
            kind=kind,
            value=value,
            defaults={"reason": text, "by": actor.user, "at": now, "until": until},
        )
        audit.record(
            Action.SLEEPER_ADDED,
            project=project,
            object_type=kind.value,
            object_text=value,
            reason=text,
            after={"until": until.isoformat() if until else None},
            **actor.audited(),
        )
    return made


def wake(sleeper: Sleeper, *, actor: Actor) -> None:
    """Takes it off the list."""
    _allow(actor, Role.OPERATOR)
    with transaction.atomic():
        audit.record(
            Action.SLEEPER_REMOVED,
            project=sleeper.project,
            object_type=sleeper.kind,
            object_text=sleeper.value,
            before={"reason": sleeper.reason, "until": sleeper.until.isoformat() if sleeper.until else None},
            **actor.audited(),
        )
        sleeper.delete()


def _allow(actor: Actor, role: Role) -> None:
    if actor.role < role:
        raise NotAllowed(f"This is for the role {role.label} and above.")
