"""The closed lists of the re-enable journey: what is checked before, with what it found; the states of an attempt and of a bulk.

Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from django.db.models import TextChoices


class State(TextChoices):
    """Which may follow which stands in synclogs.recovery.reenable.TRANSITIONS."""

    REQUESTED = "requested", "Requested"
    ACCEPTED = "accepted", "Accepted"
    STARTED = "started", "Started"
    RECOVERED = "recovered", "Recovered"
    FAILED_AGAIN = "failed_again", "Failed again"
    NO_SIGN_OF_LIFE = "no_sign_of_life", "No sign of life"
    UNKNOWN = "unknown", "Not known"
    REFUSED = "refused", "Refused"
    EXPIRED = "expired", "Expired"


# A sync has at most one attempt in one of these.
OPEN = (State.REQUESTED, State.ACCEPTED, State.STARTED, State.UNKNOWN)


class BulkState(TextChoices):
    """Which may follow which stands in synclogs.recovery.bulk.TRANSITIONS."""

    AWAITING_APPROVAL = "awaiting_approval", "Waiting for a second person"
    CANARY = "canary", "Canary"
    WAVES = "waves", "Running"
    PAUSED = "paused", "Paused"
    STOPPED = "stopped", "Stopped by itself"
    ABORTED = "aborted", "Aborted"
    EXPIRED = "expired", "Expired"
    FINISHED = "finished", "Finished"


# In these the job starts what is due.
RUNNING = (BulkState.CANARY, BulkState.WAVES)


class CheckName(StrEnum):
    PROVIDED = "provided"
    STOPPED = "stopped"
    CURABLE = "curable"
    CAUSE_GONE = "cause_gone"
    NONE_IN_FLIGHT = "none_in_flight"
    COOLDOWN = "cooldown"
    NOT_FLAPPING = "not_flapping"
    AWAKE = "awake"
    RATE = "rate"


class Sign(StrEnum):
    """What can show that a cause is gone, in the order in which it is looked for."""

    RESOLVED = "resolved"
    CREDENTIAL_VALID = "credential_valid"
    SAME_USER_COMPLETED = "same_user_completed"
    OTHERS_RECOVERED = "others_recovered"


@dataclass(frozen=True, slots=True)
class Source:
    """The log entry that shows something; `sent_by` names the API key, "" when none is on record (a command, or long ago)."""

    entry: UUID
    occurred_at: datetime
    received_at: datetime
    sent_by: str

    def as_facts(self) -> dict[str, str]:
        return {
            "entry": str(self.entry),
            "occurred": self.occurred_at.isoformat(),
            "received": self.received_at.isoformat(),
            "sent_by": self.sent_by,
        }

    @classmethod
    def of_facts(cls, facts: Mapping[str, str]) -> Self | None:
        """The inverse; None where they tell of no entry."""
        if not facts.get("entry"):
            return None
        occurred, received = (datetime.fromisoformat(facts[name]) for name in ("occurred", "received"))
        return cls(UUID(facts["entry"]), occurred, received, facts["sent_by"])


@dataclass(frozen=True, slots=True)
class Check:
    """`passed`: None when it cannot be known. `facts` are texts: moments as ISO, names, counts; the sentences are explain's."""

    name: CheckName
    passed: bool | None
    can_override: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name.value,
            "passed": self.passed,
            "canOverride": self.can_override,
            "facts": dict(self.facts),
        }


@dataclass(frozen=True, slots=True)
class Evidence:
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    @property
    def is_green(self) -> bool:
        return not self.failed

    def allows(self, *, override: bool) -> bool:
        """Whether nothing stands in the way, or only what may be overridden."""
        return all(override and check.can_override for check in self.failed)

    def as_json(self) -> list[dict[str, object]]:
        return [check.as_json() for check in self.checks]
