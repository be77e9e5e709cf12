"""Counts refusals in the audit, once their minute is over."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from synclogs.access import denials
from synclogs.models import AuditEvent


def settled(**where: Any) -> list[AuditEvent]:
    """The rows of the audit, oldest first, after everything that was counted has become one."""
    denials.settle(now=timezone.now() + timedelta(minutes=2))
    return list(AuditEvent.objects.filter(**where).order_by("id"))


def times(**where: Any) -> int:
    """Each first row is one refusal, and each row that says how many more is so many."""
    return sum((event.after or {}).get("more", 1) for event in settled(**where))
