"""Watches sent re-enables in the log entries: a run started, completed, failed again, or no sign of life.

One statement reads the signs for all attempts, by the index of a sync's entries; synclogs.recovery.reenable writes the new states.
Called by a job every few seconds, never by the ingest.
"""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection
from django.db.models import Exists, OuterRef, Q

from synclogs import catalogue, health
from synclogs.catalogue import SIDE_RUNS, Category, Level, SyncStatus
from synclogs.catalogue.recovery import State
from synclogs.models import Reenable
from synclogs.models.reenable import ReenableQuerySet
from synclogs.recovery.reenable import move, watched_for

# Clocks differ: an error may seem a little older than the call that led to it.
SLACK = timedelta(minutes=2)
OLDEST = timedelta(days=1)
RUN_AT_MOST = timedelta(days=1)  # a run that was seen to start is given as long as one that is not yet called stuck
CORRECTED_WITHIN = timedelta(days=7)
WAITING = (State.ACCEPTED, State.STARTED, State.UNKNOWN)


def _named(names: str) -> str:
    """The condition that an event is one of catalogue.Names, whose parameters begin with `names`."""
    return f"(e.event = ANY(%({names})s) OR (e.event ~* %({names}_pattern)s AND e.event <> ALL(%(known)s)))"


# Numbers first: they are compared quicker than texts, and most entries are of no kind that counts.
_ASIDE = f"(e.sync_type = ANY(%(side_runs)s) OR {_named('aside')})"
_RUN = f"e.category = %(lifecycle)s AND NOT {_ASIDE} AND ({_named('starts')} OR {_named('completions')})"
_LIMITED = "e.category = %(retry)s AND e.event = ANY(%(limits)s)"
# An event that no documentation names stops the sync when its own entry says so.
_STOPS = f"""e.event = ANY(%(stops)s)
    OR (e.category = %(failed)s AND e.status = %(errored)s AND e.event <> ALL(%(known)s) AND NOT {_ASIDE})"""
_ERROR = f"e.level >= %(error)s AND ({_STOPS}) AND e.occurred_at > a.sent_at - %(slack)s"
# What can come of the call is later than the error that it answers, and was received after the call had left. The first sign
# that the sync runs, and the first end: whichever of completion and error came earlier decides.
SIGNS = f"""
SELECT a.id, sign.*, s.cadence_seconds, s.duration_ms
FROM synclogs_reenable a
LEFT JOIN synclogs_sync s ON s.project_id = a.project_id AND s.sync_id = a.sync_id
CROSS JOIN LATERAL (
    SELECT min(occurred_at) FILTER (WHERE is_start) AS started_at,
        min(occurred_at) FILTER (WHERE NOT is_start) AS ended_at,
        (array_agg(key ORDER BY occurred_at, is_error DESC) FILTER (WHERE NOT is_start))[1] AS ended_key,
        (array_agg(is_error ORDER BY occurred_at, is_error DESC) FILTER (WHERE NOT is_start))[1] AS is_error
    FROM (
        SELECT e.occurred_at, e.key, e.category <> %(lifecycle)s AS is_error,
            e.category = %(retry)s OR {_named("starts")} AS is_start
        FROM synclogs_logentry e
        WHERE e.project_id = a.project_id AND e.sync_id = a.sync_id AND e.occurred_at > %(since)s
        AND e.occurred_at > GREATEST(COALESCE(a.error_at, a.sent_at - %(slack)s), a.sent_at - %(oldest)s)
        AND e.received_at > a.sent_at AND (({_RUN}) OR ({_LIMITED}) OR ({_ERROR}))
    ) found
) sign
WHERE a.id = ANY(%(attempts)s)
AND (sign.ended_at IS NOT NULL OR (sign.started_at IS NOT NULL AND a.started_at IS NULL))
"""  # noqa: S608 - parts of this file


@dataclass(frozen=True, slots=True)
class Sign:
    """What was found of one attempt."""

    attempt: UUID
    started_at: datetime | None
    ended_at: datetime | None
    ended_key: UUID | None
    is_error: bool | None
    cadence_seconds: float | None
    duration_ms: int | None

    @property
    def to(self) -> State:
        if self.ended_at is None:
            return State.STARTED
        return State.FAILED_AGAIN if self.is_error else State.RECOVERED

    def columns(self, *, now: datetime) -> dict[str, object]:
        """The columns that follow. A clock that is ahead makes nothing end in the future."""
        columns: dict[str, object] = {}
        if self.started_at and (self.ended_at is None or self.started_at <= self.ended_at):
            columns["started_at"] = min(self.started_at, now)
        if self.ended_at:
            return columns | {"ended_at": min(self.ended_at, now), "ended_key": self.ended_key}
        run = min(health.run_patience(self.duration_ms), RUN_AT_MOST)
        return columns | {"watch_until": now + max(watched_for(self.cadence_seconds), run)}


def observe(*, now: datetime) -> None:
    """Moves every attempt on as far as its entries say, then ends those of which nothing was heard in time."""
    found: dict[State, dict[UUID, dict[str, object]]] = defaultdict(dict)
    for sign in _signs(watched(now=now)):
        found[sign.to][sign.attempt] = sign.columns(now=now)
    for to, columns in found.items():
        with suppress(
            IntegrityError
        ):  # one that was taken for over starts while a new attempt is made: that one counts
            move(Reenable.objects.filter(pk__in=columns), to=to, now=now, values=columns)
    move(Reenable.objects.filter(state__in=WAITING, watch_until__lte=now), to=State.NO_SIGN_OF_LIFE, now=now)


def watched(*, now: datetime) -> ReenableQuerySet:
    """The attempts that were sent and wait, and the silent ones that a late entry may still correct."""
    newer = Reenable.objects.filter(
        project=OuterRef("project"), sync_id=OuterRef("sync_id"), requested_at__gt=OuterRef("requested_at")
    )
    silent = Q(state=State.NO_SIGN_OF_LIFE, requested_at__gt=now - CORRECTED_WITHIN) & ~Exists(newer)
    return Reenable.objects.filter(Q(state__in=WAITING) | silent, sent_at__isnull=False)


def _signs(attempts: ReenableQuerySet) -> list[Sign]:
    sent = {attempt.pk: attempt.sent_at for attempt in attempts.only("sent_at") if attempt.sent_at}
    if not sent:
        return []
    with connection.cursor() as cursor:
        cursor.execute(SIGNS, parameters(sent))
        return [Sign(*row) for row in cursor.fetchall()]


def parameters(sent: Mapping[UUID, datetime]) -> dict[str, Any]:
    """Of the statement. `since` lets it leave out the days before."""
    return {
        "attempts": list(sent),
        "since": min(sent.values()) - OLDEST,
        "slack": SLACK,
        "oldest": OLDEST,
        "lifecycle": Category.LIFECYCLE.value,
        "retry": Category.RETRY.value,
        "side_runs": [kind.value for kind in SIDE_RUNS],
        **_names("aside", catalogue.ASIDE),
        **_names("starts", catalogue.STARTS),
        **_names("completions", catalogue.COMPLETIONS),
        "limits": list(catalogue.LIMITS),
        "stops": list(catalogue.STOPS),
        "failed": Category.ERROR.value,
        "errored": SyncStatus.ERRORED.value,
        "known": list(catalogue.EVENTS),
        "error": Level.ERROR.value,
    }


def _names(name: str, names: catalogue.Names) -> dict[str, Any]:
    return {name: list(names.known), f"{name}_pattern": names.pattern}
