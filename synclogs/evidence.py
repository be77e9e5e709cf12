"""Whether a sync may be re-enabled now: checks with what they found. A sync comes in, Evidence goes out; nothing is changed.

What cannot be known is None and counts as not shown. For many syncs at once see synclogs.candidates.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from django.core.cache import cache
from django.db.models import F, Q, QuerySet

from synclogs import provider
from synclogs.actors import Actor
from synclogs.catalogue import SyncStatus, error_code
from synclogs.checks import Check, CheckName, Evidence
from synclogs.explain.syncs import error_explains_stop
from synclogs.models import Reenable, Resolution, Sleeper, Sync
from synclogs.provider import ProviderError

COOLDOWN = timedelta(seconds=60)
FLAPPING, FLAPPING_IN = 3, timedelta(days=7)
RATE, RATE_IN = 30, timedelta(hours=1)
KEPT_SECONDS = 30


def gather(sync: Sync, *, actor: Actor, now: datetime, ask_provider: bool = True) -> Evidence:
    """Every check for one sync. The provider is asked at most once in half a minute; when it is away that is not known."""
    return Evidence(
        (
            _stopped(sync),
            _curable(sync),
            _cause_gone(sync, now=now, ask_provider=ask_provider),
            *_attempts(sync, now=now),
            _awake(sync, now=now),
            _rate(sync.project_id, actor, now=now),
        )
    )


def _stopped(sync: Sync) -> Check:
    passed = sync.status == SyncStatus.ERRORED
    facts = {"status": sync.status}
    if sync.status_since:
        facts["since"] = sync.status_since.isoformat()
    return Check(CheckName.STOPPED, passed, sync.status == SyncStatus.DISABLED, facts)


def _curable(sync: Sync) -> Check:
    """A sync that was paused has no error to cure; of an error that nobody knows it is not known."""
    if not error_explains_stop(sync):
        return Check(CheckName.CURABLE, True, facts={})
    cause = error_code(
        sync.last_error_code,
        http_status=sync.last_error_http_status,
        recoverability=sync.last_error_recoverability,
        event=sync.last_error_event,
    )
    facts = {"code": sync.last_error_code, "words": cause.words, "action": cause.action, "side": cause.side.value}
    return Check(CheckName.CURABLE, cause.reenable_cures, facts=facts)


# The cause


def _cause_gone(sync: Sync, *, now: datetime, ask_provider: bool) -> Check:
    """Any one sign is enough; the strongest comes first."""
    error_at = sync.last_error_at
    if not error_explains_stop(sync) or error_at is None:
        return Check(CheckName.CAUSE_GONE, sync.status == SyncStatus.DISABLED or None, True, {"sign": "no_error"})
    said = _credential(sync) if ask_provider else {}
    sign = (
        _resolution(sync, error_at)
        or ({**said, "sign": "credential_valid"} if said.get("credential") == "VALID" else None)
        or _same_user_completed(sync, error_at)
        or _others_recovered(sync, error_at)
    )
    if sign:
        return Check(CheckName.CAUSE_GONE, True, True, sign)
    passed = False if said.get("credential") == "INVALID" else None
    return Check(CheckName.CAUSE_GONE, passed, True, {**said, "error_at": error_at.isoformat()})


def _credential(sync: Sync) -> dict[str, str]:
    """What the provider says of the customer's account; {} without a provider or an account that it names."""
    account = f"{sync.integration}\n{sync.user_id}".encode()  # any characters, which a key must not have
    name = f"credential:{sync.project_id}:{sha256(account).hexdigest()}"
    found: dict[str, str] | None = cache.get(name)
    if found is None:
        found = _ask(sync)
        cache.set(name, found, KEPT_SECONDS)
    return found


def _ask(sync: Sync) -> dict[str, str]:
    try:
        client = provider.of_settings()
        connections = client.credentials(sync.user_id) if client and sync.user_id else None
    except ProviderError as error:
        return {"provider": error.sentence}
    account = connections.of(sync.integration) if connections else None
    return {"credential": account.status} if account and account.status else {}


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
    """Another sync over the same account has worked since; the account of one that names none is taken for the same."""
    if not (sync.user_id and sync.integration):
        return None
    others = Sync.objects.filter(
        project=sync.project_id, user_id=sync.user_id, integration=sync.integration, last_completed_at__gt=error_at
    ).exclude(sync_id=sync.sync_id)
    if sync.credential_id:
        others = others.filter(credential_id__in=("", sync.credential_id))
    found = others.order_by("-last_completed_at").first()
    if found is None or found.last_completed_at is None:
        return None
    return {
        "sign": "same_user_completed",
        "sync": str(found.sync_id),
        "pipeline": found.pipeline,
        "at": found.last_completed_at.isoformat(),
    }


def _others_recovered(sync: Sync, error_at: datetime) -> dict[str, str] | None:
    """The same error of other syncs of the integration is over: they completed after their own, and after this one."""
    if not sync.last_error_code:
        return None
    others = (
        Sync.objects.filter(
            project=sync.project_id,
            integration=sync.integration,
            last_error_code=sync.last_error_code,
            last_completed_at__gt=error_at,
        )
        .exclude(user_id=sync.user_id)
        .filter(last_completed_at__gt=F("last_error_at"))
    )
    found = list(others.order_by("-last_completed_at")[:100])
    if not found or found[0].last_completed_at is None:
        return None
    return {
        "sign": "others_recovered",
        "count": str(len(found)),
        "sync": str(found[0].sync_id),
        "at": found[0].last_completed_at.isoformat(),
    }


# Attempts, the do-not-wake list, the rate


def _attempts(sync: Sync, *, now: datetime) -> tuple[Check, Check, Check]:
    recent = list(
        Reenable.objects.filter(project=sync.project_id, sync_id=sync.sync_id, requested_at__gt=now - FLAPPING_IN)
        .newest_first()
        .only("id", "state", "requested_at", "ended_at")[: FLAPPING * 10]
    )
    running = next((attempt for attempt in recent if attempt.is_open), None)
    ended = max((attempt.ended_at for attempt in recent if attempt.ended_at), default=None)
    free_at = ended + COOLDOWN if ended else None
    return (
        Check(
            CheckName.NONE_IN_FLIGHT,
            running is None,
            facts={"attempt": str(running.pk), "state": running.state} if running else {},
        ),
        Check(
            CheckName.COOLDOWN,
            free_at is None or free_at <= now,
            facts={"until": free_at.isoformat()} if free_at and free_at > now else {},
        ),
        Check(
            CheckName.NOT_FLAPPING,
            len(recent) < FLAPPING,
            True,
            {"count": str(len(recent)), "days": str(FLAPPING_IN.days)},
        ),
    )


def _awake(sync: Sync, *, now: datetime) -> Check:
    found = sleeping(sync.project_id, now=now).filter(
        Q(kind=Sleeper.Kind.SYNC, value=str(sync.sync_id))
        | Q(kind=Sleeper.Kind.USER, value=sync.user_id)
        | Q(kind=Sleeper.Kind.INTEGRATION, value=sync.integration)
    )
    sleeper = found.order_by("kind").first()
    if sleeper is None:
        return Check(CheckName.AWAKE, True, True)
    facts = {"kind": sleeper.kind, "reason": sleeper.reason, "at": sleeper.at.isoformat()}
    if sleeper.until:
        facts["until"] = sleeper.until.isoformat()
    return Check(CheckName.AWAKE, False, True, facts)


def sleeping(project_id: int, *, now: datetime) -> QuerySet[Sleeper]:
    return Sleeper.objects.filter(Q(until=None) | Q(until__gt=now), project=project_id)


def _rate(project_id: int, actor: Actor, *, now: datetime) -> Check:
    """How many single attempts this person or key made within the hour, in any project; a bulk has a pace of its own."""
    mine = Q(requested_by=actor.user) if actor.user else Q(requested_by=None, actor_text=actor.text, project=project_id)
    made = Reenable.objects.filter(mine, bulk=None, requested_at__gt=now - RATE_IN).count()
    return Check(CheckName.RATE, made < RATE, facts={"count": str(made), "most": str(RATE)})
