"""Evidence for a re-enable: each check of one sync with what it found. Changes nothing.

Reads what synclogs.recovery.checks judges by, and who, when and why for people. What cannot be known is None and counts as not
passed. For many syncs see synclogs.recovery.candidates.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, F, Q, QuerySet, Window

from synclogs.access.actors import Actor
from synclogs.catalogue import SyncStatus
from synclogs.catalogue.recovery import OPEN, Check, CheckName, Evidence, Sign
from synclogs.explain.syncs import error_explains_stop, last_error_cause
from synclogs.models import Reenable, Resolution, Sleeper, Sync
from synclogs.provider import Connection, ProviderError
from synclogs.recovery import ownership, provenance
from synclogs.recovery.checks import (
    COOLDOWN,
    FLAPPING_IN,
    RATE,
    RATE_IN,
    RULES,
    VOID,
    Candidate,
    bearing,
)
from synclogs.storage.connections import release

CACHE_SECONDS = 30
Facts = dict[str, str]
# The fields of a Candidate that a check goes by, and its facts for people.
Reading = tuple[dict[str, Any], Facts]


def gather(sync: Sync, *, actor: Actor, now: datetime, ask_provider: bool = True) -> Evidence:
    """Every check for one sync. The provider is asked at most once in half a minute; when it is away that is not known."""
    missing = ownership.what_is_missing(sync.project)
    attempts = _attempts(sync, now=now)
    readings: Mapping[CheckName, Reading] = {
        CheckName.PROVIDED: ({"is_provided": missing is None}, missing or {}),
        CheckName.STOPPED: _stopped(sync),
        CheckName.CURABLE: _curable(sync),
        # Also what was asked a moment ago is nobody's business where the provider's syncs belong to another project.
        CheckName.CAUSE_GONE: _cause_gone(sync, ask_provider=ask_provider and missing is None),
        CheckName.NONE_IN_FLIGHT: _in_flight(attempts),
        CheckName.COOLDOWN: _cooldown(attempts, now=now),
        CheckName.NOT_FLAPPING: _flapping(attempts, now=now),
        CheckName.AWAKE: _awake(sync, now=now),
        CheckName.RATE: _rate(sync.project_id, actor, now=now),
    }
    read = {name: value for fields, _ in readings.values() for name, value in fields.items()}
    found = Candidate(sync.sync_id, sync.user_id, sync.integration, **read)
    return Evidence(
        tuple(
            Check(name, rule.passes(found), can_override=rule.can_override(found), facts=readings[name][1])
            for name, rule in RULES.items()
        )
    )


def _stopped(sync: Sync) -> Reading:
    since = {"since": sync.status_since.isoformat()} if sync.status_since else {}
    return {"status": sync.status}, {"status": sync.status, **since}


def _curable(sync: Sync) -> Reading:
    fields = {name: getattr(sync, name) for name in RULES[CheckName.CURABLE].reads}
    if not error_explains_stop(sync):
        return fields, {}
    cause = last_error_cause(sync)
    return fields, {
        "code": sync.last_error_code,
        "words": cause.words,
        "action": cause.action,
        "side": cause.side.value,
    }


# The cause


def _cause_gone(sync: Sync, *, ask_provider: bool) -> Reading:
    """The first sign that bears is enough."""
    error_at = sync.last_error_at
    if not error_explains_stop(sync) or error_at is None:
        return {"signs": []}, {"sign": "no_error", "status": sync.status}
    reported = _credential(sync) if ask_provider else {}
    credential = reported.get("credential", "")
    for sign in bearing(credential):
        facts = _FINDERS[sign](sync, error_at, credential)
        if facts is not None:
            return {"signs": [sign], "credential": credential}, {**reported, "sign": sign.value, **facts}
    return {"signs": [], "credential": credential}, {**reported, "error_at": error_at.isoformat()}


def _credential(sync: Sync) -> dict[str, str]:
    """What the provider says of the customer's account; {} when nobody can be asked."""
    account = (
        f"{sync.integration}\n{sync.user_id}\n{sync.credential_id}".encode()
    )  # any characters, which no key may have
    name = f"credential:{sync.project_id}:{sha256(account).hexdigest()}"
    found: dict[str, str] | None = cache.get(name)
    if found is None:
        found = _ask(sync)
        cache.set(name, found, CACHE_SECONDS)
    return found


def _ask(sync: Sync) -> dict[str, str]:
    try:
        client = ownership.provider_of(sync.project)
        if client is None or not sync.user_id:
            return {}
        release()  # no connection of the database is held while the provider thinks
        connections = client.credentials(sync.user_id)
    except ProviderError as error:
        return {"provider": error.sentence}
    return {"credential": _account(connections.of(sync.integration), sync)} if connections else {}


def _account(account: Connection | None, sync: Sync) -> str:
    """VALID, one of BROKEN, ABSENT when the provider does not name it, "" when it says something else."""
    if account is None:
        return "ABSENT"
    if not account.status:
        return "NONE" if account.enabled is False else ""
    if account.is_valid and sync.credential_id and account.credential_ids:
        # Connected anew under another id: the sync still uses the account that is gone.
        return "VALID" if sync.credential_id in account.credential_ids else "ANOTHER"
    return account.status if account.status in ("VALID", "INVALID") else ""


def _resolved(sync: Sync, error_at: datetime, credential: str) -> Facts | None:
    found = (
        Resolution.objects.filter(project=sync.project_id, sync_id=sync.sync_id, error_at__gte=error_at)
        .order_by("-at")
        .first()
    )
    if found is None:
        return None
    return {"by": found.by_text, "at": found.at.isoformat(), "note": found.note, "ticket": found.ticket}


def _credential_valid(sync: Sync, error_at: datetime, credential: str) -> Facts | None:
    return {} if credential == "VALID" else None


def _same_user_completed(sync: Sync, error_at: datetime, credential: str) -> Facts | None:
    """Another sync over the same account works since; the account of one that names none is taken for the same."""
    if not (sync.user_id and sync.integration):
        return None
    others = (
        Sync.objects.filter(
            project=sync.project_id, user_id=sync.user_id, integration=sync.integration, last_completed_at__gt=error_at
        )
        .exclude(sync_id=sync.sync_id)
        .exclude(status=SyncStatus.ERRORED)
    )
    if sync.credential_id:
        others = others.filter(credential_id__in=("", sync.credential_id))
    found = others.order_by("-last_completed_at").values_list("sync_id", "pipeline", "last_completed_at").first()
    if found is None:
        return None
    sync_id, pipeline, at = found
    return {"sync": str(sync_id), "pipeline": pipeline, **_shown_by(sync.project_id, sync_id, at)}


def _others_recovered(sync: Sync, error_at: datetime, credential: str) -> Facts | None:
    """The same error is over for other customers of the integration: their syncs completed after their own, and after this one.

    The same: of the same event with the same code; where the log names no code, with the same HTTP status.
    """
    same = {"last_error_event": sync.last_error_event, "last_error_code": sync.last_error_code}
    if not sync.last_error_code:
        if sync.last_error_http_status is None:
            return None
        same["last_error_http_status"] = str(sync.last_error_http_status)
    others = (
        Sync.objects.filter(
            project=sync.project_id, integration=sync.integration, last_completed_at__gt=error_at, **same
        )
        .exclude(user_id=sync.user_id)
        .filter(last_completed_at__gt=F("last_error_at"))
        .order_by("-last_completed_at")
    )
    found = others.values_list("sync_id", "last_completed_at", Window(Count("pk"))).first()
    if found is None:
        return None
    sync_id, at, count = found
    return {"count": str(count), "sync": str(sync_id), **_shown_by(sync.project_id, sync_id, at)}


_FINDERS: Mapping[Sign, Callable[[Sync, datetime, str], Facts | None]] = {
    Sign.RESOLVED: _resolved,
    Sign.CREDENTIAL_VALID: _credential_valid,
    Sign.SAME_USER_COMPLETED: _same_user_completed,
    Sign.OTHERS_RECOVERED: _others_recovered,
}


def _shown_by(project_id: int, sync_id: UUID, at: datetime | None) -> dict[str, str]:
    """When that sync completed, and the entry that says so."""
    if at is None:
        return {"at": ""}
    source = provenance.completed(project_id, sync_id, at)
    return {"at": at.isoformat(), **(source.as_facts() if source else {})}


# Attempts, the do-not-wake list, the rate


def _attempts(sync: Sync, *, now: datetime) -> list[Reenable]:
    lately = Q(requested_at__gt=now - FLAPPING_IN) | Q(state__in=OPEN) | Q(ended_at__gt=now - COOLDOWN)
    found = Reenable.objects.filter(lately, project=sync.project_id, sync_id=sync.sync_id).newest_first()
    return list(found.only("id", "state", "requested_at", "ended_at", "actor_text"))


def _in_flight(attempts: list[Reenable]) -> Reading:
    running = next((attempt for attempt in attempts if attempt.is_open), None)
    if running is None:
        return {"is_open": False}, {}
    return {"is_open": True}, {
        "attempt": str(running.pk),
        "state": str(running.state),
        "by": running.actor_text,
        "at": running.requested_at.isoformat(),
    }


def _cooldown(attempts: list[Reenable], *, now: datetime) -> Reading:
    ended = max((attempt.ended_at for attempt in attempts if attempt.ended_at), default=None)
    if ended is None:
        return {"is_cooling": False}, {}
    facts = {"ended": ended.isoformat(), "until": (ended + COOLDOWN).isoformat()}
    return {"is_cooling": ended > now - COOLDOWN}, facts


def _flapping(attempts: list[Reenable], *, now: datetime) -> Reading:
    """An attempt that was refused or never sent did not re-enable anything, so it does not count."""
    count = sum(attempt.requested_at > now - FLAPPING_IN and attempt.state not in VOID for attempt in attempts)
    return {"attempts": count}, {"count": str(count), "days": str(FLAPPING_IN.days)}


def _awake(sync: Sync, *, now: datetime) -> Reading:
    """Of several entries of the list the one that lasts longest is shown."""
    found = do_not_wake(sync.project_id, now=now).filter(
        Q(kind=Sleeper.Kind.SYNC, value=str(sync.sync_id))
        | Q(kind=Sleeper.Kind.USER, value=sync.user_id)
        | Q(kind=Sleeper.Kind.INTEGRATION, value=sync.integration)
    )
    sleeper = found.select_related("by").order_by(F("until").desc(nulls_first=True), "pk").first()
    if sleeper is None:
        return {"is_asleep": False}, {}
    facts = {"kind": str(sleeper.kind), "reason": sleeper.reason, "at": sleeper.at.isoformat()}
    if sleeper.by:
        facts["by"] = sleeper.by.get_username()
    if sleeper.until:
        facts["until"] = sleeper.until.isoformat()
    return {"is_asleep": True}, facts


def do_not_wake(project_id: int, *, now: datetime) -> QuerySet[Sleeper]:
    return Sleeper.objects.filter(Q(until=None) | Q(until__gt=now), project=project_id)


def _rate(project_id: int, actor: Actor, *, now: datetime) -> Reading:
    """How many single attempts this person or key made within the hour, in any project; a bulk has a pace of its own."""
    mine = Q(requested_by=actor.user) if actor.user else Q(requested_by=None, actor_text=actor.text, project=project_id)
    made = Reenable.objects.filter(mine, bulk=None, requested_at__gt=now - RATE_IN).count()
    return {"made": made}, {"count": str(made), "most": str(RATE)}
