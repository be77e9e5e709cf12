"""Audit of refusals, grouped by minute and address so that nobody can flood it.

The first refusal of a minute is written at once; the others are counted, and their number is written as one more row when the
minute is over. Changes have their own audit rows (synclogs.access.audit, in the transaction of the change).
"""

import ipaddress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from synclogs.access import audit
from synclogs.access.actors import Actor
from synclogs.models import Action, AuditEvent, Denial, Project
from synclogs.moments import MINUTE, floor
from synclogs.parsing.decoding import cleaned

logger = structlog.get_logger(__name__)

GRACE = timedelta(seconds=5)  # for what was counted at the very end of a minute and is still on its way
DEAD = timedelta(minutes=2)  # behind by so much the worker is away, and the next refusal does a little of its work
ABANDONED_AFTER_MINUTES = 5
OWN_ROWS = 100  # addresses (of a person: addresses and projects) with a count of their own within a minute
NAMES, NAME_CHARACTERS = 12, 80
UNKNOWN, OTHERS = "unknown", ""  # in the place of a network


@dataclass(frozen=True, slots=True)
class Kind:
    """What is counted together within a minute. `actor_text` names a key that is known; nobody known has neither."""

    action: Action
    network: str
    project: Project | None
    actor: User | None
    actor_text: str

    @property
    def who(self) -> str:
        return f"{self.actor.pk if self.actor else ''}|{self.actor_text}"

    @property
    def subject(self) -> str:
        return f"{self.action}|{self.project.pk if self.project else ''}|{self.who}|{self.network}"


def network_of(address: str | None) -> str:
    """The address; of IPv6 the /64, since whoever has one address has all of them; "unknown" for what is none."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return UNKNOWN
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def note(
    action: Action,
    tried: str,
    *,
    address: str | None,
    request_id: str = "",
    project: Project | None = None,
    actor: User | None = None,
    actor_text: str = "",
    reason: str = "",
) -> None:
    """Counts one refusal. `tried` is what was asked for: an address of a page, the name typed, the public id of a key.

    `actor` is who was signed in, `actor_text` the key that was recognised; leave both out for what only claims to be somebody.
    Never raises for the database's sake, since the refusal stands without it. Call it outside of transaction.atomic: what is
    rolled back was not counted.
    """
    now = timezone.now()
    name = cleaned(tried)[:NAME_CHARACTERS]
    kind = Kind(action, network_of(address), project, actor, cleaned(actor_text)[:200])
    is_claim = action == Action.SIGN_IN_FAILED
    row = {
        "actor_text": actor_text or (tried if is_claim else ""),
        "object_text": "" if is_claim else tried,
        "reason": reason,
        "address": address,
        "request_id": request_id,
    }
    try:
        minute = floor(now, MINUTE)
        if not _counted(kind, name, minute=minute) and _begun(kind, name, row, minute=minute):
            settle(now=now, until=now - DEAD, most=ABANDONED_AFTER_MINUTES)
    except (DatabaseError, InterfaceError) as error:
        logger.warning("refusal not counted", action=str(action), error=type(error).__name__)


def deny(actor: Actor, tried: str, reason: str, *, project: Project) -> None:
    """Counts that this person or key was not allowed to do something in the project; see `note`."""
    note(
        Action.ACCESS_DENIED,
        tried,
        address=actor.address,
        request_id=actor.request_id,
        project=project,
        actor=actor.user,
        actor_text="" if actor.user else actor.text,
        reason=reason,
    )


def _counted(kind: Kind, name: str, *, minute: datetime) -> bool:
    """Adds one to a count of this minute; False when there is none yet."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"minute": minute, "subject": kind.subject, "name": name, "names": NAMES})
        return bool(cursor.rowcount)


def _begun(kind: Kind, name: str, row: dict[str, Any], *, minute: datetime) -> bool:
    """Starts a count, with the row of the audit that tells of it at once; False when another process just did."""
    with transaction.atomic():
        if _is_full(kind, minute):
            kind = replace(kind, network=OTHERS, project=kind.project if kind.who == "|" else None)
        values: dict[str, Any] = {
            "minute": minute,
            "subject": kind.subject,
            "action": kind.action,
            "network": kind.network,
            "project": kind.project.pk if kind.project else None,
            "actor": kind.actor.pk if kind.actor else None,
            "actor_text": kind.actor_text,
            "who": kind.who,
            "name": name,
            "names": NAMES,
        }
        with connection.cursor() as cursor:
            cursor.execute(BEGIN, values)
            (count,) = cursor.fetchone()
        if count > 1:
            return False
        audit.record(kind.action, actor=kind.actor, project=kind.project, **row)
    return True


def _is_full(kind: Kind, minute: datetime) -> bool:
    """Whether the subject has the most counts of its own that a minute allows."""
    return Denial.objects.filter(minute=minute, who=kind.who)[:OWN_ROWS].count() >= OWN_ROWS


# The disk is not waited for: a crash of the database may forget half a second of counting, and no row of the audit.
COUNT = """
UPDATE synclogs_denial SET count = count + 1,
    names = CASE WHEN cardinality(names) < %(names)s AND NOT %(name)s = ANY(names) THEN names || %(name)s::text ELSE names END
FROM (SELECT set_config('synchronous_commit', 'off', true)) AS at_once
WHERE minute = %(minute)s AND subject = %(subject)s
"""
BEGIN = """
INSERT INTO synclogs_denial AS denial
    (minute, subject, who, action, network, project_id, actor_id, actor_text, count, names)
VALUES (%(minute)s, %(subject)s, %(who)s, %(action)s, %(network)s, %(project)s, %(actor)s, %(actor_text)s, 1,
    ARRAY[%(name)s]::text[])
ON CONFLICT (minute, subject) DO UPDATE SET count = denial.count + 1,
    names = CASE WHEN cardinality(denial.names) < %(names)s AND NOT %(name)s = ANY(denial.names)
        THEN denial.names || %(name)s::text ELSE denial.names END
RETURNING count
"""


def settle(*, now: datetime, until: datetime | None = None, most: int | None = None) -> int:
    """Writes what was counted in minutes that are over (before `until`) into the audit, each once; how many rows it wrote.

    Several processes may do it at once: a count is taken away in the transaction that writes its row.
    """
    over = floor(until or now - GRACE, MINUTE)
    with transaction.atomic():
        held = Denial.objects.select_related("project", "actor").select_for_update(of=("self",), skip_locked=True)
        found = list(held.filter(minute__lt=over).order_by("minute", "pk")[:most])
        lines = [_line(denial) for denial in found if denial.count > 1]
        audit.record_all(lines)
        Denial.objects.filter(pk__in=[denial.pk for denial in found]).delete()
    return len(lines)


def _line(denial: Denial) -> AuditEvent:
    more = denial.count - 1
    others = " and others" if len(denial.names) == NAMES else ""
    return audit.line(
        Action(denial.action),
        actor=denial.actor,
        actor_text=denial.actor_text,
        project=denial.project,
        object_text=f"{', '.join(denial.names)}{others}",
        reason=f"{more:,} more within the minute from {denial.minute:%H:%M} UTC, {_from(denial.network)}.",
        after={"more": more, "minute": denial.minute.isoformat(), "network": denial.network, "tried": denial.names},
        address=None if denial.network in (UNKNOWN, OTHERS) else denial.network.partition("/")[0],
    )


def _from(network: str) -> str:
    return {UNKNOWN: "from an address that is not known", OTHERS: "from other addresses"}.get(
        network, f"from {network}"
    )
