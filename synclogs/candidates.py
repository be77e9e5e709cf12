"""The checks of synclogs.evidence for many syncs at once: one statement, no question to the provider.

A project and ids come in, the names of the failed checks of each sync go out (tests hold both to the same answers).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from synclogs.catalogue import SyncStatus, error_code
from synclogs.checks import OPEN, CheckName
from synclogs.evidence import COOLDOWN, FLAPPING, FLAPPING_IN
from synclogs.explain.syncs import error_explains_stop
from synclogs.models import Project

# Of the customers over whose syncs the same error has passed the last two are enough: one of them is somebody else.
FACTS = """
WITH asked AS (
    SELECT * FROM synclogs_sync WHERE project_id = %(project)s AND sync_id = ANY(%(syncs)s)
), recovered AS (
    SELECT * FROM (
        SELECT integration, last_error_code, user_id, max(last_completed_at) AS at,
            row_number() OVER (PARTITION BY integration, last_error_code ORDER BY max(last_completed_at) DESC) AS rank
        FROM synclogs_sync
        WHERE project_id = %(project)s AND last_error_code <> '' AND last_completed_at > last_error_at
        GROUP BY integration, last_error_code, user_id
    ) ranked WHERE rank <= 2
), tried AS (
    SELECT sync_id, count(*) AS attempts, bool_or(state = ANY(%(open)s)) AS is_open, max(ended_at) AS ended_at
    FROM synclogs_reenable
    WHERE project_id = %(project)s AND sync_id = ANY(%(syncs)s) AND requested_at > %(flapping_since)s
    GROUP BY sync_id
), resolved AS (
    SELECT sync_id, max(error_at) AS error_at FROM synclogs_resolution
    WHERE project_id = %(project)s AND sync_id = ANY(%(syncs)s) GROUP BY sync_id
), sleepers AS (
    SELECT kind, value FROM synclogs_sleeper WHERE project_id = %(project)s AND (until IS NULL OR until > %(now)s)
)
SELECT asked.sync_id, asked.user_id, asked.integration, asked.status, asked.last_error_at, asked.last_error_event,
    asked.last_error_code, asked.last_error_http_status, asked.last_error_recoverability, asked.last_completed_at,
    COALESCE(resolved.error_at >= asked.last_error_at, false)
    OR (asked.user_id <> '' AND asked.integration <> '' AND EXISTS (
        SELECT FROM synclogs_sync other
        WHERE other.project_id = asked.project_id AND other.user_id = asked.user_id
        AND other.integration = asked.integration AND other.sync_id <> asked.sync_id
        AND other.last_completed_at > asked.last_error_at
        AND (asked.credential_id = '' OR other.credential_id IN ('', asked.credential_id))
    ))
    OR (asked.last_error_code <> '' AND EXISTS (
        SELECT FROM recovered WHERE recovered.integration = asked.integration
        AND recovered.last_error_code = asked.last_error_code AND recovered.user_id <> asked.user_id
        AND recovered.at > asked.last_error_at
    )) AS is_gone,
    COALESCE(tried.is_open, false), COALESCE(tried.attempts, 0),
    COALESCE(tried.ended_at > %(cooling_since)s, false),
    EXISTS (
        SELECT FROM sleepers WHERE (kind, value)
        IN (('sync', asked.sync_id::text), ('user', asked.user_id), ('integration', asked.integration))
    )
FROM asked LEFT JOIN tried USING (sync_id) LEFT JOIN resolved USING (sync_id)
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

    @property
    def failed(self) -> tuple[CheckName, ...]:
        """In the order of the checks; that of the person's rate is left out, since a bulk has a pace of its own."""
        explains = error_explains_stop(self)
        cures = not explains or _cures(self)
        gone = self.is_gone if explains else self.status == SyncStatus.DISABLED
        passed = {
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
        "syncs": list(sync_ids),
        "open": [state.value for state in OPEN],
        "flapping_since": now - FLAPPING_IN,
        "cooling_since": now - COOLDOWN,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(FACTS, parameters)
        found = (Candidate(*row) for row in cursor.fetchall())
        return {candidate.sync_id: candidate for candidate in found}
