"""Bulk re-enables: preview, canary, waves at a pace, automatic stop when syncs do not recover.

The only writer of Bulk and BulkItem. All state is in rows: `step`, called every few seconds by any worker, makes the due attempts,
each in one transaction with its item, so that a sync is re-enabled at most once however often a worker dies.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Min, Q

from synclogs.access import audit
from synclogs.access.actors import PORTAL, Actor, NotAllowed, Refused, allow, required_text
from synclogs.catalogue.recovery import RUNNING, BulkState, CheckName, State
from synclogs.explain import bulks as words
from synclogs.explain.bulks import Progress
from synclogs.models import Action, Bulk, BulkItem, Membership, Project, Reenable, Role, Sync
from synclogs.models.bulk import MOST_ITEMS
from synclogs.parsing.decoding import cleaned
from synclogs.recovery import ownership, reenable
from synclogs.recovery.candidates import candidates
from synclogs.recovery.selection import in_turn

logger = structlog.get_logger(__name__)

TRANSITIONS: Mapping[str, frozenset[BulkState]] = MappingProxyType(
    {
        BulkState.AWAITING_APPROVAL: frozenset({BulkState.CANARY, BulkState.ABORTED, BulkState.EXPIRED}),
        BulkState.CANARY: frozenset(
            {BulkState.WAVES, BulkState.PAUSED, BulkState.STOPPED, BulkState.ABORTED, BulkState.FINISHED}
        ),
        BulkState.WAVES: frozenset({BulkState.PAUSED, BulkState.STOPPED, BulkState.ABORTED, BulkState.FINISHED}),
        BulkState.PAUSED: frozenset({BulkState.CANARY, BulkState.WAVES, BulkState.ABORTED}),
        BulkState.STOPPED: frozenset(),
        BulkState.ABORTED: frozenset(),
        BulkState.EXPIRED: frozenset(),
        BulkState.FINISHED: frozenset(),
    }
)
ENDS = tuple(state for state, after in TRANSITIONS.items() if not after)
# An item's result, which stands in its attempt.
_TRIED = {
    "recovered": (State.RECOVERED,),
    "under_way": (State.REQUESTED, State.ACCEPTED, State.STARTED),
    "unknown": (State.UNKNOWN,),
    "failed_again": (State.FAILED_AGAIN,),
    "no_sign_of_life": (State.NO_SIGN_OF_LIFE,),
    "refused": (State.REFUSED,),
    "expired": (State.EXPIRED,),
}
_WAITING = Q(attempt=None, skipped="")
RESULTS: Mapping[str, Q] = MappingProxyType(
    {
        **{name: Q(attempt__state__in=states) for name, states in _TRIED.items()},
        "skipped": ~Q(skipped=""),
        "waiting": _WAITING,
    }
)
_RESULT_OF = {state: name for name, states in _TRIED.items() for state in states}

APPROVED_WITHIN = timedelta(hours=24)
MINUTE = timedelta(minutes=1)
BAD_SHARE = 5  # a wave stops it when more than one in five did not recover
AT_ONCE = 60  # calls of one bulk in one step: the others get their turn
GONE = "gone"  # the sync itself was deleted
PACE_LOCK = 0x42756C6B


class Conflict(Exception):
    """It is not in a state that allows this; the text is for the person."""


class NothingSelected(Exception):
    """None of the syncs may be re-enabled now; `skipped` says how many for which check."""

    def __init__(self, skipped: Mapping[CheckName, int]) -> None:
        super().__init__("None of these syncs can be re-enabled now.")
        self.skipped = skipped


@dataclass(frozen=True, slots=True)
class Plan:
    canary_size: int = 2
    wave_size: int = 25
    per_minute: int = 20


BOUNDS: Mapping[str, tuple[int, int]] = {"canary_size": (1, 3), "wave_size": (1, 200), "per_minute": (1, 120)}


# The verbs


def start(
    project: Project,
    sync_ids: Sequence[UUID],
    *,
    plan: Plan,
    actor: Actor,
    reason: str,
    source: str = "",
    now: datetime,
    key: UUID | None = None,
) -> Bulk:
    """Exactly these syncs, those that a check stops by now skipped. `key` is the form's: sent twice it is one bulk.

    Raises NotAllowed, Refused for what was typed, NothingSelected.
    """
    allow(actor, Role.LEAD)
    text = required_text("reason", reason)
    _check(plan)
    ids = list(dict.fromkeys(sync_ids))
    if not ids or len(ids) > MOST_ITEMS:
        raise Refused("syncs", f"Choose between 1 and {MOST_ITEMS:,} syncs.")
    try:
        with transaction.atomic():
            return _new(Bulk(pk=key or uuid4(), project=project, reason=text, source=source), ids, plan, actor, now=now)
    except NothingSelected:
        ownership.denied(project, ids, actor=actor)
        raise
    except IntegrityError:
        made = Bulk.objects.of(project).filter(pk=key, requested_by=actor.user).first() if key and actor.user else None
        if made is None:
            raise Refused("syncs", "This form was used already. Make the preview again.") from None
        return made


def _new(bulk: Bulk, ids: list[UUID], plan: Plan, actor: Actor, *, now: datetime) -> Bulk:
    found = candidates(bulk.project, ids, now=now)
    eligible = in_turn(candidate for candidate in found.values() if not candidate.failed)
    excluded = [candidate for candidate in found.values() if candidate.failed]
    skipped = Counter(candidate.failed[0] for candidate in excluded)
    bulk.state = BulkState.CANARY
    bulk.canary_size, bulk.wave_size, bulk.per_minute = plan.canary_size, plan.wave_size, plan.per_minute
    bulk.requested_by, bulk.actor_text, bulk.created_at = actor.user, cleaned(actor.text)[:200], now
    if 0 < settings.BULK_APPROVAL_ABOVE < len(eligible):
        bulk.state, bulk.expires_at = BulkState.AWAITING_APPROVAL, now + APPROVED_WITHIN
    else:
        bulk.started_at = now
    bulk.save(force_insert=True)
    if not eligible:
        raise NothingSelected(skipped)
    items = []
    for position, candidate in enumerate((*eligible, *excluded)):
        item = BulkItem(bulk=bulk, position=position, sync_id=candidate.sync_id)
        item.user_id, item.integration = candidate.user_id, candidate.integration
        if candidate.failed:
            item.skipped = candidate.failed[0]
        else:
            item.wave = 0 if position < plan.canary_size else 1 + (position - plan.canary_size) // plan.wave_size
        items.append(item)
    BulkItem.objects.bulk_create(items, batch_size=500)
    counts = {"syncs": len(eligible), "skipped": {check.value: count for check, count in skipped.items()}}
    sizes = {"canary": plan.canary_size, "wave": plan.wave_size, "per_minute": plan.per_minute}
    values = {"bulk": str(bulk.pk), "state": bulk.state, **counts, **sizes}
    audit.record(Action.BULK_REQUESTED, **actor.audited(), **_audited(bulk), reason=bulk.reason, after=values)
    return bulk


def approve(bulk: Bulk, *, actor: Actor, now: datetime) -> Bulk:
    """By a lead who did not ask for it. Raises NotAllowed, Conflict."""
    allow(actor, Role.LEAD)
    with transaction.atomic():
        held = _held(bulk)
        if held.state != BulkState.AWAITING_APPROVAL:
            raise Conflict(_not_now(held))
        if actor.user is None or actor.user.pk == held.requested_by_id:
            raise NotAllowed("You asked for it yourself, so somebody else has to approve it: another lead.")
        if held.expires_at and held.expires_at <= now:
            raise Conflict("Nobody approved it in time; make a new one.")
        held.approved_by, held.started_at = actor.user, now
        return _move(held, BulkState.CANARY, actor=actor, now=now, also=("approved_by", "started_at"))


def pause(bulk: Bulk, *, actor: Actor, now: datetime, reason: str = "") -> Bulk:
    """Nothing more is asked for; what is under way goes on. Raises NotAllowed, Conflict."""
    return _by_person(bulk, BulkState.PAUSED, actor=actor, now=now, reason=reason)


def resume(bulk: Bulk, *, actor: Actor, now: datetime, reason: str = "") -> Bulk:
    allow(actor, Role.LEAD)
    with transaction.atomic():
        held = _held(bulk)
        if held.state != BulkState.PAUSED:
            raise Conflict(_not_now(held))
        to = BulkState.WAVES if held.wave else BulkState.CANARY
        return _move(held, to, actor=actor, now=now, reason=_optional(reason))


def abort(bulk: Bulk, *, actor: Actor, now: datetime, reason: str = "") -> Bulk:
    """For good: the rest is never tried by this bulk. Raises NotAllowed, Conflict."""
    return _by_person(bulk, BulkState.ABORTED, actor=actor, now=now, reason=reason)


def _by_person(bulk: Bulk, to: BulkState, *, actor: Actor, now: datetime, reason: str) -> Bulk:
    allow(actor, Role.LEAD)
    with transaction.atomic():
        text = _optional(reason)
        note = f"{cleaned(actor.text)}: {text}" if text else f"By {cleaned(actor.text)}."
        return _move(_held(bulk), to, actor=actor, now=now, reason=text, note=note)


def _optional(reason: str) -> str:
    return required_text("reason", reason) if reason.strip() else ""


def _check(plan: Plan) -> None:
    for name, (least, most) in BOUNDS.items():
        if not least <= getattr(plan, name) <= most:
            raise Refused(name, f"A whole number from {least} to {most}.")


def _held(bulk: Bulk) -> Bulk:
    return Bulk.objects.select_related("project").select_for_update(of=("self",), no_key=True).get(pk=bulk.pk)


def _not_now(bulk: Bulk) -> str:
    return f"Its state is “{bulk.get_state_display().lower()}” by now, so nothing was changed."


def _move(
    bulk: Bulk,
    to: BulkState,
    *,
    actor: Actor,
    now: datetime,
    reason: str = "",
    note: str = "",
    also: Sequence[str] = (),
) -> Bulk:
    """The only place that changes a state, of a bulk that is locked, with its line in the audit. Raises Conflict."""
    if to not in TRANSITIONS[bulk.state]:
        raise Conflict(_not_now(bulk))
    before, bulk.state, bulk.note = bulk.state, to, note
    if to in ENDS:
        bulk.ended_at = now
        # What still waits for the worker is not sent any more.
        reenable.move(Reenable.objects.filter(bulk=bulk, sent_at=None), to=State.EXPIRED, now=now)
    bulk.save(update_fields=["state", "note", "ended_at", "wave", *also])
    audit.record(
        Action.BULK_MOVED,
        **actor.audited(),
        **_audited(bulk),
        reason=reason,
        before={"state": before},
        after={"bulk": str(bulk.pk), "state": to.value, "wave": bulk.wave, **({"note": note} if note else {})},
    )
    return bulk


def _audited(bulk: Bulk) -> dict[str, Any]:
    return {"project": bulk.project, "object_type": "bulk re-enable", "object_text": str(bulk.pk)}


# How far it is


def progress(bulk: Bulk) -> Progress:
    return standings([bulk])[bulk.pk]


def standings(bulks: Sequence[Bulk]) -> Mapping[UUID, Progress]:
    """By the rows, in one statement for all."""
    waves = {bulk.pk: bulk.wave for bulk in bulks}
    counts: dict[UUID, Counter[str]] = {key: Counter() for key in waves}
    of_wave: dict[UUID, Counter[str]] = {key: Counter() for key in waves}
    last = dict.fromkeys(waves, 0)
    items = BulkItem.objects.filter(bulk__in=waves).order_by()
    rows = items.values_list("bulk_id", "wave", "skipped", "attempt__state").annotate(count=Count("pk"))
    for key, wave, skipped, state, count in rows:
        result = "skipped" if skipped else _RESULT_OF[state] if state else "waiting"
        counts[key][result] += count
        if wave == waves[key]:
            of_wave[key][result] += count
        last[key] = max(last[key], wave or 0)
    return {key: Progress(wave, last[key], counts[key], of_wave[key]) for key, wave in waves.items()}


# What goes on by itself


def step(*, now: datetime) -> None:
    """Every running bulk goes on as far as it can now. One that another worker has in hand is left to it."""
    for expired in Bulk.objects.filter(state=BulkState.AWAITING_APPROVAL, expires_at__lte=now):
        with transaction.atomic():
            held = _held(expired)
            if held.state == BulkState.AWAITING_APPROVAL:
                _move(held, BulkState.EXPIRED, actor=PORTAL, now=now)
    running = Bulk.objects.filter(state__in=RUNNING).order_by("created_at")
    for key in running.values_list("pk", flat=True):
        try:
            for _ in range(AT_ONCE):
                if not _advance(key, now=now):
                    break
        except Exception:  # one that cannot go on keeps no other from going on
            logger.exception("bulk.step_failed", bulk=str(key))


def _advance(key: UUID, *, now: datetime) -> bool:
    """One thing that is due, in one transaction; False when nothing is."""
    with transaction.atomic():
        bulk = (
            Bulk.objects.filter(pk=key, state__in=RUNNING)
            .select_related("project", "requested_by")
            .select_for_update(of=("self",), no_key=True, skip_locked=True)
            .first()
        )
        if bulk is None:
            return False
        found = progress(bulk)
        actor = _requester(bulk)
        stopped = "" if actor else words.stopped_by_person(bulk.actor_text, found)
        if found.bad and (bulk.wave == 0 or found.bad * BAD_SHARE > found.wave_planned):
            stopped = words.stopped_by_results(found)
        if stopped or actor is None:
            _move(bulk, BulkState.STOPPED, actor=PORTAL, now=now, note=stopped)
            return False
        if found.of_wave.get("waiting"):
            item = _due(bulk, now=now)
            if item:
                _try(item, bulk, actor, now=now)
            return item is not None
        if any(found.of_wave.get(name) for name in words.OPEN):
            return False
        return _next_wave(bulk, now=now)


def _requester(bulk: Bulk) -> Actor | None:
    """With the role of today: who has lost it starts nothing more."""
    person = bulk.requested_by
    if person is None or not person.is_active:
        return None
    if person.is_superuser:
        return Actor(person, bulk.actor_text, Role.ADMIN)
    found = Membership.objects.filter(project=bulk.project_id, user=person, role__gte=Role.LEAD).first()
    return Actor(person, bulk.actor_text, Role(found.role)) if found else None


def _due(bulk: Bulk, *, now: datetime) -> BulkItem | None:
    """The next of the wave whose integration was not called too often within the minute, by any bulk or person."""
    with connection.cursor() as cursor:  # two bulks of a project may not both take the last place of a minute
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [PACE_LOCK, bulk.project_id % 2**31])
    waiting = bulk.items.filter(_WAITING, wave=bulk.wave)
    lately = Q(requested_at__gt=now - MINUTE) | Q(sent_at__gt=now - MINUTE) | Q(state=State.REQUESTED, sent_at=None)
    made = (
        Reenable.objects.of(bulk.project)
        .filter(lately, requested_at__gt=now - reenable.SENT_WITHIN - MINUTE)
        .filter(integration__in=waiting.values("integration"))
        .values("integration")
        .annotate(made=Count("pk"))
        .filter(made__gte=bulk.per_minute)
        .order_by()
    )
    full = [row["integration"] for row in made]
    return waiting.exclude(integration__in=full).order_by("position").first()


def _try(item: BulkItem, bulk: Bulk, actor: Actor, *, now: datetime) -> None:
    """The attempt and its item in one transaction; what a check stops by now is skipped and no failure."""
    sync = Sync.objects.of(bulk.project).select_related("project").filter(sync_id=item.sync_id).first()
    try:
        if sync is None:
            item.skipped = GONE
        else:
            item.attempt = reenable.request(sync, actor=actor, reason=bulk.reason, now=now, bulk=bulk)
    except reenable.NotEligible as error:
        failed = error.evidence.failed
        item.skipped = failed[0].name if failed else CheckName.NONE_IN_FLIGHT
    except Sync.DoesNotExist:
        item.skipped = GONE
    item.save(update_fields=["attempt", "skipped"])
    if item.skipped and bulk.wave == 0:
        # The canary keeps its size: nothing is shown by a sync that was not tried.
        following = bulk.items.filter(_WAITING, wave__gt=0).order_by("position").values("pk")[:1]
        bulk.items.filter(pk__in=list(following.values_list("pk", flat=True))).update(wave=0)


def _next_wave(bulk: Bulk, *, now: datetime) -> bool:
    found = bulk.items.filter(_WAITING, wave__gt=bulk.wave).aggregate(first=Min("wave"))["first"]
    if found is None:
        _move(bulk, BulkState.FINISHED, actor=PORTAL, now=now)
        return False
    bulk.wave = found
    if bulk.state == BulkState.CANARY:
        _move(bulk, BulkState.WAVES, actor=PORTAL, now=now)
    else:
        bulk.save(update_fields=["wave"])
    return True
