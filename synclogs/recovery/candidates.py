"""The re-enable checks of synclogs.recovery.evidence for many syncs, in one statement and without a call to the provider.

Returns the names of the failed checks by sync id (tests hold both modules to the same results).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from synclogs.catalogue import SyncStatus, error_code
from synclogs.catalogue.recovery import OPEN, CheckName
from synclogs.explain.syncs import error_explains_stop
from synclogs.models import Project
from synclogs.recovery.evidence import COOLDOWN, FLAPPING, FLAPPING_IN, VOID
from synclogs.recovery.ownership import what_is_missing

HASH_ONLY = "SET LOCAL enable_nestloop = {0}; SET LOCAL enable_mergejoin = {0}"
# Everything is joined by equality, so that the time grows with the number of syncs and not with its square. A sync itself is
# never among `worked` or `recovered` when its error explains its stop: it has not completed since.
# Of the customers over whose syncs the same error has passed the last two are enough: one of them is somebody else.
FACTS = """
WITH asked AS MATERIALIZED (
    SELECT *, CASE last_error_code WHEN '' THEN last_error_http_status ELSE 0 END AS told_http
    FROM synclogs_sync WHERE project_id = %(project)s AND sync_id = ANY(%(syncs)s::uuid[])
), worked AS MATERIALIZED (
    SELECT user_id, integration, credential_id, max(last_completed_at) AS at
    FROM synclogs_sync
    WHERE project_id = %(project)s AND user_id <> '' AND integration <> ''
        AND (user_id, integration) IN (SELECT user_id, integration FROM asked)
        AND last_completed_at IS NOT NULL AND status <> %(errored)s
    GROUP BY user_id, integration, credential_id
), worked_any AS MATERIALIZED (
    SELECT user_id, integration, max(at) AS at FROM worked GROUP BY user_id, integration
), recovered AS MATERIALIZED (
    SELECT integration, last_error_event, last_error_code, told_http,
        max(user_id) FILTER (WHERE rank = 1) AS user_id, max(at) FILTER (WHERE rank = 1) AS at,
        max(at) FILTER (WHERE rank = 2) AS next_at
    FROM (
        SELECT integration, last_error_event, last_error_code, told_http, user_id, max(last_completed_at) AS at,
            row_number() OVER (
                PARTITION BY integration, last_error_event, last_error_code, told_http
                ORDER BY max(last_completed_at) DESC
            ) AS rank
        FROM (
            SELECT *, CASE last_error_code WHEN '' THEN last_error_http_status ELSE 0 END AS told_http
            FROM synclogs_sync WHERE project_id = %(project)s AND last_completed_at > last_error_at
        ) over_it
        WHERE told_http IS NOT NULL
        GROUP BY integration, last_error_event, last_error_code, told_http, user_id
    ) ranked
    WHERE rank <= 2 GROUP BY integration, last_error_event, last_error_code, told_http
), tried AS MATERIALIZED (
    SELECT sync_id, bool_or(state = ANY(%(open)s)) AS is_open, bool_or(ended_at > %(cooling_since)s) AS is_cooling,
        count(*) FILTER (WHERE requested_at > %(flapping_since)s AND state <> ALL(%(void)s)) AS attempts
    FROM synclogs_reenable
    WHERE project_id = %(project)s AND sync_id = ANY(%(syncs)s::uuid[])
        AND (requested_at > %(flapping_since)s OR state = ANY(%(open)s) OR ended_at > %(cooling_since)s)
    GROUP BY sync_id
), resolved AS MATERIALIZED (
    SELECT sync_id, max(error_at) AS error_at FROM synclogs_resolution
    WHERE project_id = %(project)s AND sync_id = ANY(%(syncs)s::uuid[]) GROUP BY sync_id
), sleepers AS MATERIALIZED (
    SELECT kind, value FROM synclogs_sleeper WHERE project_id = %(project)s AND (until IS NULL OR until > %(now)s)
)
SELECT asked.sync_id, asked.user_id, asked.integration, asked.status, asked.last_error_at, asked.last_error_event,
    asked.last_error_code, asked.last_error_http_status, asked.last_error_recoverability, asked.last_completed_at,
    COALESCE(resolved.error_at >= asked.last_error_at, false)
    OR COALESCE(
        CASE asked.credential_id WHEN '' THEN worked_any.at ELSE GREATEST(worked_same.at, worked_unnamed.at) END
        > asked.last_error_at, false
    )
    OR COALESCE(
        CASE recovered.user_id WHEN asked.user_id THEN recovered.next_at ELSE recovered.at END > asked.last_error_at, false
    ) AS is_gone,
    COALESCE(tried.is_open, false), COALESCE(tried.attempts, 0), COALESCE(tried.is_cooling, false),
    COALESCE(asleep.value, asleep_user.value, asleep_integration.value) IS NOT NULL, %(provided)s
FROM asked
LEFT JOIN tried USING (sync_id)
LEFT JOIN resolved USING (sync_id)
LEFT JOIN worked_any ON worked_any.user_id = asked.user_id AND worked_any.integration = asked.integration
LEFT JOIN worked AS worked_same ON worked_same.user_id = asked.user_id AND worked_same.integration = asked.integration
    AND worked_same.credential_id = asked.credential_id
LEFT JOIN worked AS worked_unnamed ON worked_unnamed.user_id = asked.user_id
    AND worked_unnamed.integration = asked.integration AND worked_unnamed.credential_id = ''
LEFT JOIN recovered ON recovered.integration = asked.integration AND recovered.told_http = asked.told_http
    AND recovered.last_error_event = asked.last_error_event AND recovered.last_error_code = asked.last_error_code
LEFT JOIN sleepers AS asleep ON asleep.kind = 'sync' AND asleep.value = asked.sync_id::text
LEFT JOIN sleepers AS asleep_user ON asleep_user.kind = 'user' AND asleep_user.value = asked.user_id
LEFT JOIN sleepers AS asleep_integration
    ON asleep_integration.kind = 'integration' AND asleep_integration.value = asked.integration
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sync with what its checks found; `failed` is empty when it may be re-enabled."""

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
    is_gone: bool
    is_open: bool
    attempts: int
    is_cooling: bool
    is_asleep: bool
    is_provided: bool

    @property
    def failed(self) -> tuple[CheckName, ...]:
        """In the order of the checks; that of the person's rate is left out, since a bulk has a pace of its own."""
        explains = error_explains_stop(self)
        cures = not explains or _cures(self)
        gone = self.is_gone if explains else self.status == SyncStatus.DISABLED
        passed = {
            CheckName.PROVIDED: self.is_provided,
            CheckName.STOPPED: self.status == SyncStatus.ERRORED,
            CheckName.CURABLE: cures,
            CheckName.CAUSE_GONE: gone,
            CheckName.NONE_IN_FLIGHT: not self.is_open,
            CheckName.COOLDOWN: not self.is_cooling,
            CheckName.NOT_FLAPPING: self.attempts < FLAPPING,
            CheckName.AWAKE: not self.is_asleep,
        }
        return tuple(name for name, is_passed in passed.items() if not is_passed)


def _cures(found: Candidate) -> bool:
    return error_code(
        found.last_error_code,
        http_status=found.last_error_http_status,
        recoverability=found.last_error_recoverability,
        event=found.last_error_event,
    ).reenable_cures


def candidates(project: Project, sync_ids: Iterable[UUID], *, now: datetime) -> Mapping[UUID, Candidate]:
    """Those of the syncs that the project has."""
    parameters: dict[str, Any] = {
        "project": project.pk,
        "syncs": f"{{{','.join(map(str, sync_ids))}}}",  # as text: one value is passed much faster than many
        "errored": SyncStatus.ERRORED.value,
        "open": [state.value for state in OPEN],
        "void": [state.value for state in VOID],
        "flapping_since": now - FLAPPING_IN,
        "cooling_since": now - COOLDOWN,
        "now": now,
        "provided": what_is_missing(project) is None,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        # Guesses about a CTE are poor, and one that is too small makes any plan but this grow with the square.
        # nosemgrep - statements of this file
        cursor.execute(f"{HASH_ONLY.format('off')}; {FACTS}; {HASH_ONLY.format('DEFAULT')}", parameters)
        cursor.nextset()
        cursor.nextset()
        found = (Candidate(*row) for row in cursor.fetchall())
        return {candidate.sync_id: candidate for candidate in found}
