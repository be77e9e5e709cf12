"""What an exact identifier belongs to: a text that somebody pasted comes in, the things that carry it go out.

Only whole identifiers count; the free search of the lists finds parts. Every look-up is by an index or over a small
table, and bounded.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from synclogs.models import ConnectedUser, LogEntry, Project, Sync, Trace

LONGEST = 256
MOST = 10
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that carries the text; each list holds ten at most."""

    syncs: list[Sync] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    users: list[ConnectedUser] = field(default_factory=list)
    entries: list[LogEntry] = field(default_factory=list)
    integrations: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(len(found) for found in (self.syncs, self.traces, self.users, self.entries, self.integrations))


def uuid_of(text: str) -> UUID | None:
    """The UUID that a text is, in any case, with or without hyphens."""
    return UUID(text) if _UUID.fullmatch(text) else None


def find(project: Project, text: str, *, now: datetime) -> Found:
    """Exact matches for `text`: ID of a sync, trace, user or entry (ours or the sender's), e-mail or name of a user."""
    bare = text.strip()
    if not bare or "\x00" in bare:
        return Found()
    key = uuid_of(bare)
    syncs = Sync.objects.of(project)
    who = Q(user_id__in={text, bare}) | Q(email__iexact=bare) | Q(name__iexact=bare) | Q(company__iexact=bare)
    entries = {entry.key: entry for entry in _entries(project, bare, key, now=now)}
    return Found(
        syncs=list(syncs.filter(sync_id=key)) if key else [],
        traces=list(Trace.objects.of(project).filter(trace_id__in={bare, bare.lower()})[:MOST]),
        users=list(ConnectedUser.objects.of(project).filter(who).order_by("-last_seen_at", "-pk")[:MOST]),
        entries=list(entries.values())[:MOST],
        integrations=list(
            syncs.filter(integration__iexact=bare).order_by().values_list("integration", flat=True).distinct()[:MOST]
        ),
    )


def _entries(project: Project, text: str, key: UUID | None, *, now: datetime) -> list[LogEntry]:
    ours = LogEntry.objects.of(project)
    found = list(ours.at_key(key)) if key else []
    if not (text.isascii() and text.isprintable() and len(text) <= 128):
        return found
    # Kept entries only, so that no partition beyond the retention is planned.
    kept = ours.filter(
        occurred_at__gte=now - timedelta(days=project.retention_days + 1), occurred_at__lt=now + timedelta(days=2)
    )
    return found + list(kept.filter(entry_id=text)[:MOST])
