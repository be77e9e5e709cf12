"""Lifecycle of one re-enable: requested, sent once, answered, watched, closed.

The only writer of an attempt's state. The outcome comes from the provider's answer (`call`), from time and the provider's status of
the sync (`settle`), and from log entries (synclogs.recovery.watch).
"""

import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task

from synclogs import health
from synclogs.access import audit
from synclogs.access.actors import PORTAL, Actor, NotAllowed, allow, required_text
from synclogs.catalogue import SyncStatus
from synclogs.catalogue.recovery import OPEN, Check, CheckName, Evidence, State
from synclogs.explain.reenables import not_sent_sentence
from synclogs.models import Action, Bulk, Reenable, Role, Sync
from synclogs.models.reenable import ReenableQuerySet
from synclogs.parsing.decoding import cleaned
from synclogs.provider import Permanent, ProviderError, Temporary, Unknown
from synclogs.provider.errors import cut
from synclogs.recovery import evidence, ownership
from synclogs.storage.connections import release

# Which state may follow which. NO_SIGN_OF_LIFE is corrected by entries that come late.
TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.REQUESTED: frozenset({State.ACCEPTED, State.REFUSED, State.UNKNOWN, State.EXPIRED}),
        State.ACCEPTED: frozenset({State.STARTED, State.RECOVERED, State.FAILED_AGAIN, State.NO_SIGN_OF_LIFE}),
        State.STARTED: frozenset({State.RECOVERED, State.FAILED_AGAIN, State.NO_SIGN_OF_LIFE}),
        State.UNKNOWN: frozenset(
            {
                State.ACCEPTED,
                State.REFUSED,
                State.STARTED,
                State.RECOVERED,
                State.FAILED_AGAIN,
                State.NO_SIGN_OF_LIFE,
                State.EXPIRED,
            }
        ),
        State.NO_SIGN_OF_LIFE: frozenset({State.STARTED, State.RECOVERED, State.FAILED_AGAIN}),
        State.RECOVERED: frozenset(),
        State.FAILED_AGAIN: frozenset(),
        State.REFUSED: frozenset(),
        State.EXPIRED: frozenset(),
    }
)
SOURCES: Mapping[State, frozenset[State]] = MappingProxyType(
    {to: frozenset(state for state, after in TRANSITIONS.items() if to in after) for to in State}
)

SENT_WITHIN = timedelta(minutes=10)  # what was not sent by then never is
ANSWERED_WITHIN = timedelta(seconds=30)  # twice what the provider's client waits at most
SURE_AFTER = timedelta(minutes=2)  # a call without an answer that has changed nothing by then was not carried out
CHECKED_EVERY = (timedelta(seconds=10), timedelta(minutes=10))  # at first, and at last
CHECK_SECONDS = 20.0  # for all questions of one `settle`
AT_ONCE = 500
RATE_LOCK = 0x52617465
LONGEST_STATUS = 128  # the column
CALL = "synclogs.jobs.call"
ONE_OPEN = "reenable_one_open"  # the constraint
STOPPED = (SyncStatus.ERRORED, SyncStatus.DISABLED)
RUNNING = tuple(status for status in SyncStatus if status not in STOPPED)
# On Django's own connection, also within a worker, whose procrastinate uses connections of its own: the job is part of the
# transaction that makes the attempt.
JOBS = JobManager(DjangoConnector())
# Of a worker's places one at most waits for a provider that hangs to say how syncs are.
_settling = threading.Lock()


class NotEligible(Exception):
    """Something stands in the way: `evidence.failed`."""

    def __init__(self, found: Evidence) -> None:
        super().__init__(", ".join(check.name for check in found.failed))
        self.evidence = found


# The click


def request(
    sync: Sync, *, actor: Actor, reason: str, override: bool = False, now: datetime, bulk: Bulk | None = None
) -> Reenable:
    """A new attempt, about to be sent. Raises NotAllowed, NotEligible, Refused for a reason that will not do.

    The provider is asked about the customer's account before anything is locked, and for a single attempt only.
    """
    try:
        return _request(sync, actor, reason, override=override, now=now, bulk=bulk)
    except (NotAllowed, NotEligible):
        # A bulk has had its line at its start.
        if bulk or not ownership.denied(sync.project, [sync.sync_id], actor=actor):
            raise
    # Whatever else stands in the way, no role can change this.
    raise NotEligible(_evidence(sync, actor, bulk=bulk, now=now, ask_provider=False))


def _request(sync: Sync, actor: Actor, reason: str, *, override: bool, now: datetime, bulk: Bulk | None) -> Reenable:
    allow(actor, Role.LEAD if override else Role.OPERATOR)
    reason = required_text("reason", reason)
    found = _evidence(sync, actor, bulk=bulk, now=now)
    if not found.allows(override=override):
        raise NotEligible(found)
    try:
        with transaction.atomic():
            locked = Sync.objects.select_for_update(no_key=True).get(pk=sync.pk)
            locked.project = sync.project
            if bulk is None:
                _one_at_a_time(actor)
            found = _again(found, locked, sync, _evidence(locked, actor, bulk=bulk, now=now, ask_provider=False))
            if not found.allows(override=override):
                raise NotEligible(found)
            return _new(locked, actor, reason, found=found, now=now, bulk=bulk)
    except IntegrityError as error:
        if ONE_OPEN not in str(error):
            raise
        # An older attempt was taken for over and has come to life at this moment.
        raise NotEligible(_evidence(sync, actor, bulk=bulk, now=now, ask_provider=False)) from None


def _one_at_a_time(actor: Actor) -> None:
    """Until the end of the transaction: two clicks at once count as two for the limit of a person or key."""
    who = str(actor.user.pk) if actor.user else actor.text
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [RATE_LOCK, who])


def _evidence(sync: Sync, actor: Actor, *, bulk: Bulk | None, now: datetime, ask_provider: bool = True) -> Evidence:
    found = evidence.gather(sync, actor=actor, now=now, ask_provider=ask_provider and bulk is None)
    if bulk is None:
        return found
    return Evidence(tuple(check for check in found.checks if check.name != CheckName.RATE))


def _again(before: Evidence, locked: Sync, sync: Sync, now: Evidence) -> Evidence:
    """The checks under the lock; what the provider has just said of the cause still holds, unless there is a newer error."""
    if locked.last_error_key != sync.last_error_key:
        return now
    held = {check.name: check for check in before.checks if check.passed}
    return Evidence(tuple(held.get(check.name, check) if _is_cause(check) else check for check in now.checks))


def _is_cause(check: Check) -> bool:
    return check.name == CheckName.CAUSE_GONE


def _new(sync: Sync, actor: Actor, reason: str, *, found: Evidence, now: datetime, bulk: Bulk | None) -> Reenable:
    is_errored = sync.status == SyncStatus.ERRORED
    attempt = Reenable.objects.create(
        project_id=sync.project_id,
        sync_id=sync.sync_id,
        user_id=sync.user_id,
        integration=sync.integration,
        reason=reason,
        is_override=not found.is_green,
        evidence=found.as_json(),
        requested_by=actor.user,
        actor_text=cleaned(actor.text)[:200],
        requested_at=now,
        expires_at=now + SENT_WITHIN,
        error_at=sync.last_error_at if is_errored else None,
        error_code=sync.last_error_code if is_errored else "",
        bulk=bulk,
    )
    audit.record(
        Action.REENABLE_REQUESTED,
        **actor.audited(),
        **_audited(attempt),
        reason=reason,
        after={
            "attempt": str(attempt.pk),
            "state": State.REQUESTED.value,
            "override": attempt.is_override,
            "failed": [check.name.value for check in found.failed],
        },
    )
    _defer(attempt.pk)
    return attempt


def _defer(attempt: UUID) -> None:
    """Raises AlreadyEnqueued when its job still waits."""
    job = configure_task(name=CALL, job_manager=JOBS, priority=10, queueing_lock=f"reenable {attempt}")
    job.defer(attempt=str(attempt))


# The one call


def call(attempt_id: UUID, *, now: datetime) -> None:
    """Sends the attempt, if nobody has; whoever comes second does nothing. Not within a transaction."""
    mine = Reenable.objects.filter(pk=attempt_id, state=State.REQUESTED, sent_at=None, expires_at__gt=now)
    attempt = mine.select_related("project").first()
    if attempt is None:
        return
    missing = ownership.what_is_missing(attempt.project)
    if missing is not None:  # by now: settings and projects may have changed since the click
        move(mine, to=State.REFUSED, now=now, values={attempt_id: {"answer": cut(not_sent_sentence(missing))}})
        return
    with transaction.atomic(durable=True):  # committed before anything leaves
        if not mine.update(sent_at=now):
            return
    began = time.monotonic()
    to, values = _send(attempt)
    now += timedelta(seconds=time.monotonic() - began)
    if to == State.ACCEPTED:
        values |= {"accepted_at": now, "watch_until": now + patience(attempt)}
    elif to == State.UNKNOWN:
        values |= {"watch_until": now + patience(attempt)}
    if to != State.UNKNOWN:
        values |= {"answered_at": now}
    move(Reenable.objects.filter(pk=attempt_id), to=to, now=now, values={attempt_id: values})


def _send(attempt: Reenable) -> tuple[State, dict[str, Any]]:
    try:
        client = ownership.provider_of(attempt.project)
        if client is None:  # within this moment
            return State.REFUSED, {"answer": not_sent_sentence({})}
        release()  # no connection of the database is held while the provider thinks
        reply = client.reenable(attempt.user_id, attempt.sync_id, attempt=attempt.pk, reason=attempt.reason)
    except Temporary as error:
        return State.REFUSED, _failure(error, " Nothing was done." if error.status else " Nothing was sent.")
    except Permanent as error:
        return State.REFUSED, _failure(error)
    except Unknown as error:
        return State.UNKNOWN, _failure(error)
    return State.ACCEPTED if reply.accepted else State.REFUSED, {"answer": cut(reply.message)}


def _failure(error: ProviderError, more: str = "") -> dict[str, Any]:
    quoted = f" It said: “{error.text.strip()}”" if error.text.strip() else ""
    return {"answer": cut(f"{error.sentence}{more}{quoted}"), "http_status": error.status}


def patience(attempt: Reenable) -> timedelta:
    """How long a sign of life is waited for: as long as a sync at rest may be silent."""
    syncs = Sync.objects.filter(project=attempt.project_id, sync_id=attempt.sync_id)
    return watched_for(syncs.values_list("cadence_seconds", flat=True).first())


def watched_for(cadence_seconds: float | None) -> timedelta:
    return health.rest_patience(cadence_seconds or 0)


# What time tells


def settle(*, now: datetime) -> None:
    """Attempts whose worker died, that nobody sent, and that were sent without an answer. Not within a transaction."""
    attempts = Reenable.objects.filter(state=State.REQUESTED)
    unanswered = attempts.filter(sent_at__lte=now - ANSWERED_WITHIN)
    values = {attempt.pk: {"watch_until": now + patience(attempt)} for attempt in unanswered[:AT_ONCE]}
    move(unanswered.filter(pk__in=values), to=State.UNKNOWN, now=now, values=values)
    move(attempts.filter(sent_at=None, expires_at__lte=now), to=State.EXPIRED, now=now)
    lost = attempts.filter(sent_at=None, requested_at__lte=now - ANSWERED_WITHIN).order_by("requested_at")
    for attempt in lost.values_list("pk", flat=True)[:AT_ONCE]:
        with suppress(AlreadyEnqueued), transaction.atomic():
            _defer(attempt)
    unknown = Reenable.objects.filter(state=State.UNKNOWN).select_related("project")
    if _settling.acquire(blocking=False):
        try:
            _check(unknown.order_by(F("checked_at").asc(nulls_first=True)), now=now)
        finally:
            _settling.release()


def _check(attempts: Iterable[Reenable], *, now: datetime) -> None:
    """Asks the provider how the syncs are whose call had no answer: sooner at first, then less often."""
    end = time.monotonic() + CHECK_SECONDS
    for attempt in [attempt for attempt in attempts if _is_due(attempt, now=now)]:
        if time.monotonic() > end:
            return
        mine = Reenable.objects.filter(pk=attempt.pk, state=State.UNKNOWN, checked_at=attempt.checked_at)
        if mine.update(checked_at=now):  # else another worker asks
            _found(attempt, _status(attempt), now=now)


def _is_due(attempt: Reenable, *, now: datetime) -> bool:
    if attempt.checked_at is None or attempt.sent_at is None:
        return True
    first, last = CHECKED_EVERY
    return now - attempt.checked_at >= min(max(attempt.checked_at - attempt.sent_at, first), last)


def _status(attempt: Reenable) -> str:
    """The sync's status at the provider, as far as it fits; "" when the provider is away or cannot tell."""
    try:
        client = ownership.provider_of(attempt.project)
        release()
        found = client.status(attempt.user_id, attempt.sync_id) if client else None
    except ProviderError:
        return ""
    return found.status[:LONGEST_STATUS] if found else ""


def _found(attempt: Reenable, status: str, *, now: datetime) -> None:
    """An undocumented word is stored, but shows neither that the call was carried out nor that it was not."""
    this = Reenable.objects.filter(pk=attempt.pk)
    if status in RUNNING:
        values = {"found_status": status, "accepted_at": now, "watch_until": now + patience(attempt)}
        move(this, to=State.ACCEPTED, now=now, values={attempt.pk: values})
    elif status:
        this.filter(state=State.UNKNOWN).update(found_status=status)
    if status in STOPPED:
        # The call may still be under way over there; so may be an entry that says that it failed again.
        move(this.filter(sent_at__lte=now - SURE_AFTER), to=State.EXPIRED, now=now)


# The state


def move(
    attempts: ReenableQuerySet,
    *,
    to: State,
    now: datetime,
    values: Mapping[UUID, Mapping[str, Any]] = MappingProxyType({}),
) -> int:
    """Brings those of `attempts` whose state allows it into `to`, each with its line in the audit; returns how many.

    The conditions of `attempts` are looked at again under the lock. `values`: further columns of each.
    """
    ends: dict[str, Any] = {"ended_at": None} if to in OPEN else {"ended_at": now}
    with transaction.atomic():
        held = list(
            attempts.filter(state__in=SOURCES[to])
            .select_related("project")
            .select_for_update(of=("self",), no_key=True)
            .order_by("pk")
        )
        lines, changed = [], {"state"}
        for attempt in held:
            before = attempt.state
            columns = {**ends, **values.get(attempt.pk, {}), "state": to}
            changed |= set(columns)
            for name, value in columns.items():
                setattr(attempt, name, value)
            lines.append(
                audit.line(
                    Action.REENABLE_MOVED,
                    **PORTAL.audited(),
                    **_audited(attempt),
                    before={"state": before},
                    after={"attempt": str(attempt.pk), "state": to.value, **_known(attempt)},
                )
            )
        if held:
            Reenable.objects.bulk_update(held, sorted(changed), batch_size=200)
            audit.record_all(lines)
    return len(held)


def _audited(attempt: Reenable) -> dict[str, Any]:
    return {
        "project": attempt.project,
        "object_type": "re-enable",
        "object_text": f"{attempt.integration} {attempt.sync_id}".strip(),
    }


def _known(attempt: Reenable) -> dict[str, Any]:
    """What led to the state, as far as there is something."""
    facts = {
        "status": attempt.http_status,
        "answer": attempt.answer[:300],
        "found": attempt.found_status,
        "entry": str(attempt.ended_key or ""),
    }
    return {name: value for name, value in facts.items() if value}
