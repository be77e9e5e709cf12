"""The checks before a re-enable, one table: how each is judged, what that goes by, and how it is read for many syncs at once.

synclogs.recovery.evidence reads a Candidate of one sync, with what people want to know of it; synclogs.recovery.candidates reads
those of many in one statement. Both are judged here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from synclogs.catalogue import SyncStatus, error_code
from synclogs.catalogue.causes import CAUSES_IN_EVENT_WORDS
from synclogs.catalogue.recovery import CheckName, Sign, State
from synclogs.explain.syncs import error_explains_stop, last_error_cause

COOLDOWN = timedelta(seconds=60)
FLAPPING, FLAPPING_IN = 3, timedelta(days=7)
RATE, RATE_IN = 30, timedelta(hours=1)
# Attempts that changed nothing at the provider: they say nothing about the sync.
VOID = (State.REFUSED, State.EXPIRED)
# What the provider can say of the account that a sync uses, besides VALID.
BROKEN = ("INVALID", "NONE", "ANOTHER")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sync with what its checks go by. The fields with a default are read for one sync only."""

    sync_id: UUID
    user_id: str
    integration: str
    status: str
    last_error_at: datetime | None
    last_error_event: str
    last_error_code: str
    last_error_http_status: int | None
    last_error_recoverability: str
    last_completed_at: datetime | None
    is_provided: bool
    signs: list[str]  # of the values of Sign: the cause is gone
    is_open: bool  # an attempt
    is_cooling: bool
    attempts: int  # within FLAPPING_IN, without the VOID ones
    is_asleep: bool
    credential: str = ""  # VALID or one of BROKEN, as the provider says; "" when it was not asked or does not know
    made: int = 0  # attempts of this person or key within RATE_IN

    @property
    def failed(self) -> tuple[CheckName, ...]:
        """Of the checks that are asked of many, in their order; empty when the sync may be re-enabled."""
        return tuple(name for name, rule in OF_MANY.items() if not rule.passes(self))


@dataclass(frozen=True, slots=True)
class Rule:
    """One check. `passes`: None when it cannot be known.

    `reads`: the fields that it goes by, each with its SQL over the names of candidates.STATEMENT; none where only the one who
    asks is judged, which a bulk leaves out, since it has a pace of its own.
    """

    passes: Callable[[Candidate], bool | None]
    reads: Mapping[str, str]
    can_override: Callable[[Candidate], bool] = lambda _: False


def _always(_: Candidate) -> bool:
    return True


def _cures(found: Candidate) -> bool:
    """Only what is known not to be cured fails."""
    return not error_explains_stop(found) or last_error_cause(found).reenable_cures


def _cures_after_all(found: Candidate) -> bool:
    """An error that should have passed by itself, and yet stopped the sync, a lead judges."""
    if not error_explains_stop(found):
        return False
    lasting = error_code(
        found.last_error_code,
        http_status=found.last_error_http_status,
        recoverability="",
        event=found.last_error_event,
    )
    return lasting.reenable_cures or lasting.words in CAUSES_IN_EVENT_WORDS


# The cause

# What shows that a cause is gone; any one is enough. The provider is asked about one sync only.
SIGNS: Mapping[Sign, str] = MappingProxyType(
    {
        Sign.RESOLVED: "resolved.error_at >= wanted.last_error_at",
        Sign.SAME_USER_COMPLETED: """CASE wanted.credential_id WHEN '' THEN worked_any.at
            ELSE GREATEST(worked_same.at, worked_unnamed.at) END > wanted.last_error_at""",
        Sign.OTHERS_RECOVERED: """CASE recovered.user_id WHEN wanted.user_id THEN recovered.next_at
            ELSE recovered.at END > wanted.last_error_at""",
    }
)
_SIGNS_FOUND = ", ".join(f"CASE WHEN {sql} THEN '{sign}' END" for sign, sql in SIGNS.items())


def bearing(credential: str) -> tuple[Sign, ...]:
    """The signs that count, in the order in which they are looked for.

    A person's word comes first; the provider's word about the account beats what other syncs suggest.
    """
    return (Sign.RESOLVED,) if credential in BROKEN else tuple(Sign)


def _cause_gone(found: Candidate) -> bool | None:
    if not error_explains_stop(found):
        return found.status == SyncStatus.DISABLED or None
    if found.signs:
        return True
    return False if found.credential in BROKEN else None


# The table

_ERROR = ("at", "event", "code", "http_status", "recoverability")
RULES: Mapping[CheckName, Rule] = MappingProxyType(
    {
        CheckName.PROVIDED: Rule(lambda found: found.is_provided, {"is_provided": "%(provided)s"}),
        CheckName.STOPPED: Rule(
            lambda found: found.status == SyncStatus.ERRORED,
            {"status": "wanted.status"},
            can_override=lambda found: found.status == SyncStatus.DISABLED,
        ),
        CheckName.CURABLE: Rule(
            _cures,
            {f"last_error_{name}": f"wanted.last_error_{name}" for name in _ERROR}
            | {"last_completed_at": "wanted.last_completed_at"},
            can_override=_cures_after_all,
        ),
        CheckName.CAUSE_GONE: Rule(
            _cause_gone,
            {"signs": f"array_remove(ARRAY[{_SIGNS_FOUND}], NULL)"},
            can_override=_always,
        ),
        CheckName.NONE_IN_FLIGHT: Rule(
            lambda found: not found.is_open,
            {"is_open": "COALESCE(tried.is_open, false)"},
        ),
        CheckName.COOLDOWN: Rule(
            lambda found: not found.is_cooling,
            {"is_cooling": "COALESCE(tried.is_cooling, false)"},
        ),
        CheckName.NOT_FLAPPING: Rule(
            lambda found: found.attempts < FLAPPING,
            {"attempts": "COALESCE(tried.attempts, 0)"},
            can_override=_always,
        ),
        CheckName.AWAKE: Rule(
            lambda found: not found.is_asleep,
            {"is_asleep": "COALESCE(asleep.value, asleep_user.value, asleep_integration.value) IS NOT NULL"},
            can_override=_always,
        ),
        CheckName.RATE: Rule(lambda found: found.made < RATE, {}),
    }
)
OF_MANY = {name: rule for name, rule in RULES.items() if rule.reads}
_READS = {name: f"wanted.{name}" for name in ("sync_id", "user_id", "integration")} | {
    name: sql for rule in RULES.values() for name, sql in rule.reads.items()
}
# In the order of the fields of Candidate.
COLUMNS = tuple(_READS[field.name] for field in fields(Candidate) if field.name in _READS)
