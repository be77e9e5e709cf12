"""Causes marked as resolved, and the do-not-wake list, each change with its audit row.

Raises Refused for unusable text and NotAllowed for too low a role.
"""

from datetime import datetime

from django.db import transaction

from synclogs.access import audit
from synclogs.access.actors import Actor, NotAllowed, Refused, allow, required_text
from synclogs.explain.syncs import error_explains_stop
from synclogs.models import Action, Project, Resolution, Role, Sleeper, Sync
from synclogs.parsing.decoding import cleaned
from synclogs.parsing.identifiers import uuid_of

LONGEST_TICKET = 200
LONGEST_VALUE = 256


def resolve(sync: Sync, *, actor: Actor, note: str, ticket: str = "", now: datetime) -> Resolution:
    """The cause of the sync's errors so far is gone, as this person says; an error after it needs a word of its own."""
    allow(actor, Role.OPERATOR)
    if sync.last_error_at is None or not error_explains_stop(sync):
        raise Refused("note", "No error on record explains why this sync stands still, so there is none to resolve.")
    text = required_text("note", note)
    reference = " ".join(cleaned(ticket).split())
    if len(reference) > LONGEST_TICKET:
        raise Refused("ticket", f"At most {LONGEST_TICKET} characters; this has {len(reference)}.")
    with transaction.atomic():
        made = Resolution.objects.create(
            project=sync.project,
            sync_id=sync.sync_id,
            error_at=sync.last_error_at,
            note=text,
            ticket=reference,
            by=actor.user,
            by_text=cleaned(actor.text)[:200],
            at=now,
        )
        audit.record(
            Action.RESOLVED,
            project=sync.project,
            object_type="sync",
            object_text=str(sync.sync_id),
            reason=text,
            after={"error_at": sync.last_error_at.isoformat(), "code": sync.last_error_code, "ticket": reference},
            **actor.audited(),
        )
    return made


def add_do_not_wake(
    project: Project,
    kind: Sleeper.Kind,
    value: str,
    *,
    actor: Actor,
    reason: str,
    until: datetime | None = None,
    now: datetime,
) -> Sleeper:
    """Nobody but a lead with a reason wakes it until `until`. Said again, it replaces what was said before.

    What somebody else said is shortened by a lead only: else the list would hold nobody.
    """
    allow(actor, Role.OPERATOR)
    text = required_text("reason", reason)
    name = _named(kind, value)
    if until is not None and until <= now:
        raise Refused("until", "This moment is over.")
    with transaction.atomic():
        stored = Sleeper.objects.select_for_update().of(project).filter(kind=kind, value=name).first()
        if stored and _ends_earlier(stored, until, now=now):
            _allow_change(stored, actor)
        made, _ = Sleeper.objects.update_or_create(
            project=project,
            kind=kind,
            value=name,
            defaults={"reason": text, "by": actor.user, "at": now, "until": until},
        )
        audit.record(
            Action.SLEEPER_ADDED,
            project=project,
            object_type=kind.value,
            object_text=name,
            reason=text,
            before=_audited(stored) if stored else None,
            after={"until": until.isoformat() if until else None},
            **actor.audited(),
        )
    return made


def wake(sleeper: Sleeper, *, actor: Actor) -> None:
    """Takes it off the list: whoever put it there, or a lead. The second of two at once changes nothing."""
    allow(actor, Role.OPERATOR)
    with transaction.atomic():
        stored = Sleeper.objects.select_for_update().filter(pk=sleeper.pk).first()
        if stored is None:
            return
        _allow_change(stored, actor)
        audit.record(
            Action.SLEEPER_REMOVED,
            project=sleeper.project,
            object_type=stored.kind,
            object_text=stored.value,
            before=_audited(stored),
            **actor.audited(),
        )
        stored.delete()


def may_wake(sleeper: Sleeper, actor: Actor) -> bool:
    """Whether this person or key may take it off the list or shorten it."""
    is_own = actor.user is not None and sleeper.by_id == actor.user.pk
    return actor.role >= (Role.OPERATOR if is_own else Role.LEAD)


def _named(kind: Sleeper.Kind, value: str) -> str:
    """The value as it is compared with that of a sync: a sync's ID in its one spelling."""
    name = cleaned(value)
    if not name.strip() or len(name) > LONGEST_VALUE:
        raise Refused("value", "Say which sync, user or integration.")
    if kind != Sleeper.Kind.SYNC:
        return name
    found = uuid_of(name.strip().removeprefix("urn:uuid:").strip("{}"))  # however a program wrote it
    if found is None:
        raise Refused("value", "The ID of a sync is a UUID.")
    return str(found)


def _ends_earlier(stored: Sleeper, until: datetime | None, *, now: datetime) -> bool:
    is_over = stored.until is not None and stored.until <= now
    return not is_over and until is not None and (stored.until is None or until < stored.until)


def _audited(stored: Sleeper) -> dict[str, str | None]:
    return {"reason": stored.reason, "until": stored.until.isoformat() if stored.until else None}


def _allow_change(stored: Sleeper, actor: Actor) -> None:
    if not may_wake(stored, actor):
        raise NotAllowed(f"Only whoever put it on the list, or the role {Role.LEAD.label} and above, may take it off.")
