"""Evidence for a re-enable: each check of one sync with what it found. Changes nothing.

What cannot be known is None and counts as not passed. For many syncs see synclogs.recovery.candidates, which has to judge alike.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, F, Q, QuerySet, Window

from synclogs.access.actors import Actor
from synclogs.catalogue import SyncStatus, error_code
from synclogs.catalogue.causes import TOLD_BY_EVENT
from synclogs.catalogue.recovery import OPEN, Check, CheckName, Evidence, State
from synclogs.explain.syncs import error_explains_stop, last_error_cause
from synclogs.models import Reenable, Resolution, Sleeper, Sync
from synclogs.provider import Connection, ProviderError
from synclogs.recovery import ownership, provenance
from synclogs.storage.connections import release

COOLDOWN = timedelta(seconds=60)
FLAPPING, FLAPPING_IN = 3, timedelta(days=7)
RATE, RATE_IN = 30, timedelta(hours=1)
KEPT_SECONDS = 30
# Attempts that changed nothing at the provider: they say nothing about the sync.
VOID = (State.REFUSED, State.EXPIRED)
# What the provider can say of the account that a sync uses, besides VALID: against these no sign elsewhere counts.
BROKEN = ("INVALID", "NONE", "ANOTHER")


def gather(sync: Sync, *, actor: Actor, now: datetime, ask_provider: bool = True) -> Evidence:
    """Every check for one sync. The provider is asked at most once in half a minute; when it is away that is not known."""
    missing = ownership.what_is_missing(sync.project)
    return Evidence(
        (
            Check(CheckName.PROVIDED, missing is None, facts=missing or {}),
            _stopped(sync),
            _curable(sync),
            # Also what was asked a moment ago is nobody's business where the provider's syncs belong to another project.
            _cause_gone(sync, ask_provider=ask_provider and missing is None),
            *_attempts(sync, now=now),
            _awake(sync, now=now),
            _rate(sync.project_id, actor, now=now),
        )
    )


def _stopped(sync: Sync) -> Check:
    facts = {"status": sync.status}
    if sync.status_since:
        facts["since"] = sync.status_since.isoformat()
    is_paused = sync.status == SyncStatus.DISABLED
    return Check(CheckName.STOPPED, sync.status == SyncStatus.ERRORED, can_override=is_paused, facts=facts)


def _curable(sync: Sync) -> Check:
    """Only what is known not to be cured fails. An error that should have passed by itself, and yet stopped it, a lead judges."""
    if not error_explains_stop(sync):
        return Check(CheckName.CURABLE, True)
    cause = last_error_cause(sync)
    lasting = error_code(
        sync.last_error_code,
        http_status=sync.last_error_http_status,
        recoverability="",
        event=sync.last_error_event,
    )
    facts = {"code": sync.last_error_code, "words": cause.words, "action": cause.action, "side": cause.side.value}
    passes = lasting.reenable_cures or lasting.words in TOLD_BY_EVENT
    return Check(CheckName.CURABLE, cause.reenable_cures, can_override=passes, facts=facts)


# The cause


def _cause_gone(sync: Sync, *, ask_provider: bool) -> Check:
    """Any one sign is enough. A person's word comes first; the provider's word about the account beats what others suggest."""
    error_at = sync.last_error_at
    if not error_explains_stop(sync) or error_at is None:
        is_paused = sync.status == SyncStatus.DISABLED
        return Check(CheckName.CAUSE_GONE, is_paused or None, True, {"sign": "no_error", "status": sync.status})
    said = _credential(sync) if ask_provider else {}
    credential = said.get("credential")
    is_broken = credential in BROKEN
    sign = _resolution(sync, error_at) or ({"sign": "credential_valid"} if credential == "VALID" else None)
    if sign is None and not is_broken:
        sign = _same_user_completed(sync, error_at) or _others_recovered(sync, error_at)
    facts = {**said, **(sign or {"error_at": error_at.isoformat()})}
    return Check(CheckName.CAUSE_GONE, True if sign else False if is_broken else None, True, facts)


def _credential(sync: Sync) -> dict[str, str]:
    """What the provider says of the customer's account; {} when nobody can be asked."""
    account = (
        f"{sync.integration}\n{sync.user_id}\n{sync.credential_id}".encode()
    )  # any characters, which no key may have
    name = f"credential:{sync.project_id}:{sha256(account).hexdigest()}"
    found: dict[str, str] | None = cache.get(name)
    if found is None:
        found = _ask(sync)
        cache.set(name, found, KEPT_SECONDS)
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


def _resolution(sync: Sync, error_at: datetime) -> dict[str, str] | None:
    found = (
        Resolution.objects.filter(project=sync.project_id, sync_id=sync.sync_id, error_at__gte=error_at)
        .order_by("-at")
        .first()
    )
    if found is None:
        return None
    return {
        "sign": "resolved",
        "by": found.by_text,
        "at": found.at.isoformat(),
        "note": found.note,
        "ticket": found.ticket,
    }


def _same_user_completed(sync: Sync, error_at: datetime) -> dict[str, str] | None:
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
    sign = {"sign": "same_user_completed", "sync": str(sync_id), "pipeline": pipeline}
    return sign | _shown_by(sync.project_id, sync_id, at)


def _others_recovered(sync: Sync, error_at: datetime) -> dict[str, str] | None:
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
    sign = {"sign": "others_recovered", "count": str(count), "sync": str(sync_id)}
    return sign | _shown_by(sync.project_id, sync_id, at)


def _shown_by(project_id: int, sync_id: UUID, at: datetime | None) -> dict[str, str]:
    """When that sync completed, and the entry that says so."""
    if at is None:
        return {"at": ""}
    source = provenance.completed(project_id, sync_id, at)
    return {"at": at.isoformat(), **(source.as_facts() if source else {})}


# Attempts, the do-not-wake list, the rate


def _attempts(sync: Sync, *, now: datetime) -> tuple[Check, Check, Check]:
    lately = Q(requested_at__gt=now - FLAPPING_IN) | Q(state__in=OPEN) | Q(ended_at__gt=now - COOLDOWN)
    attempts = list(
        Reenable.objects.filter(lately, project=sync.project_id, sync_id=sync.sync_id)
        .newest_first()
        .only("id", "state", "requested_at", "ended_at", "actor_text")
    )
    return _in_flight(attempts), _cooldown(attempts, now=now), _flapping(attempts, now=now)


def _in_flight(attempts: list[Reenable]) -> Check:
    running = next((attempt for attempt in attempts if attempt.is_open), None)
    if running is None:
        return Check(CheckName.NONE_IN_FLIGHT, True)
    facts = {
        "attempt": str(running.pk),
        "state": str(running.state),
        "by": running.actor_text,
        "at": running.requested_at.isoformat(),
    }
    return Check(CheckName.NONE_IN_FLIGHT, False, facts=facts)


def _cooldown(attempts: list[Reenable], *, now: datetime) -> Check:
    ended = max((attempt.ended_at for attempt in attempts if attempt.ended_at), default=None)
    if ended is None:
        return Check(CheckName.COOLDOWN, True)
    facts = {"ended": ended.isoformat(), "until": (ended + COOLDOWN).isoformat()}
    return Check(CheckName.COOLDOWN, ended + COOLDOWN <= now, facts=facts)


def _flapping(attempts: list[Reenable], *, now: datetime) -> Check:
    """An attempt that was refused or never sent did not re-enable anything, so it does not count."""
    count = sum(attempt.requested_at > now - FLAPPING_IN and attempt.state not in VOID for attempt in attempts)
    facts = {"count": str(count), "days": str(FLAPPING_IN.days)}
    return Check(CheckName.NOT_FLAPPING, count < FLAPPING, can_override=True, facts=facts)


def _awake(sync: Sync, *, now: datetime) -> Check:
    """Of several entries of the list the one that lasts longest is told."""
    found = sleeping(sync.project_id, now=now).filter(
        Q(kind=Sleeper.Kind.SYNC, value=str(sync.sync_id))
        | Q(kind=Sleeper.Kind.USER, value=sync.user_id)
        | Q(kind=Sleeper.Kind.INTEGRATION, value=sync.integration)
    )
    sleeper = found.select_related("by").order_by(F("until").desc(nulls_first=True), "pk").first()
    if sleeper is None:
        return Check(CheckName.AWAKE, True, can_override=True)
    facts = {"kind": str(sleeper.kind), "reason": sleeper.reason, "at": sleeper.at.isoformat()}
    if sleeper.by:
        facts["by"] = sleeper.by.get_username()
    if sleeper.until:
        facts["until"] = sleeper.until.isoformat()
    return Check(CheckName.AWAKE, False, can_override=True, facts=facts)


def sleeping(project_id: int, *, now: datetime) -> QuerySet[Sleeper]:
    return Sleeper.objects.filter(Q(until=None) | Q(until__gt=now), project=project_id)


def _rate(project_id: int, actor: Actor, *, now: datetime) -> Check:
    """How many single attempts this person or key made within the hour, in any project; a bulk has a pace of its own."""
    mine = Q(requested_by=actor.user) if actor.user else Q(requested_by=None, actor_text=actor.text, project=project_id)
    made = Reenable.objects.filter(mine, bulk=None, requested_at__gt=now - RATE_IN).count()
    return Check(CheckName.RATE, made < RATE, facts={"count": str(made), "most": str(RATE)})
