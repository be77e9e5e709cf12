"""Source of a piece of evidence: its log entry, when it was received, and the API key that sent it.

Returns a Source. One or two small queries for each; not for lists.
"""

from datetime import datetime
from uuid import UUID

from synclogs import catalogue
from synclogs.catalogue import Step
from synclogs.catalogue.recovery import Source
from synclogs.models import ApiKey, LogEntry

AT_ONE_MOMENT = 20


def completed(project_id: int, sync_id: UUID, at: datetime) -> Source | None:
    """The entry by which the sync's last run counts as completed; None when retention has removed it."""
    there = LogEntry.objects.filter(project=project_id, sync_id=sync_id, occurred_at=at).order_by("-key")
    for entry in there.only("key", "project_id", "event", "occurred_at", "received_at", "sent_by")[:AT_ONE_MOMENT]:
        if catalogue.event(entry.event).step == Step.COMPLETED:
            return of(entry)
    return None


def of(entry: LogEntry) -> Source:
    return Source(entry.key, entry.occurred_at, entry.received_at, _sender(entry))


def _sender(entry: LogEntry) -> str:
    if entry.sent_by is None:
        return ""
    key = ApiKey.objects.filter(project=entry.project_id, pk=entry.sent_by).first()
    return str(key) if key else f"no. {entry.sent_by}, which is deleted"
