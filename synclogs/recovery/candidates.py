"""What the checks of a re-enable go by, for many syncs in one statement and without a call to the provider.

Returns a Candidate of each sync, which synclogs.recovery.checks judges (tests hold it to what synclogs.recovery.evidence finds).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from synclogs.catalogue import SyncStatus
from synclogs.catalogue.recovery import OPEN
from synclogs.models import Project
from synclogs.recovery.checks import COLUMNS, COOLDOWN, FLAPPING_IN, VOID, Candidate
from synclogs.recovery.ownership import what_is_missing

HASH_ONLY = "SET LOCAL enable_nestloop = {0}; SET LOCAL enable_mergejoin = {0}"
# Everything is joined by equality, so that the time grows with the number of syncs and not with its square. A sync itself is
# never among `worked` or `recovered` when its error explains its stop: it has not completed since.
# Of the customers over whose syncs the same error has passed the last two are enough: one of them is somebody else.
STATEMENT = f"""
WITH wanted AS MATERIALIZED (
    SELECT *, CASE last_error_code WHEN '' THEN last_error_http_status ELSE 0 END AS unnamed_http
    FROM synclogs_sync WHERE project_id = %(project)s AND sync_id = ANY(%(syncs)s::uuid[])
), worked AS MATERIALIZED (
    SELECT user_id, integration, credential_id, max(last_completed_at) AS at
    FROM synclogs_sync
    WHERE project_id = %(project)s AND user_id <> '' AND integration <> ''
        AND (user_id, integration) IN (SELECT user_id, integration FROM wanted)
        AND last_completed_at IS NOT NULL AND status <> %(errored)s
    GROUP BY user_id, integration, credential_id
), worked_any AS MATERIALIZED (
    SELECT user_id, integration, max(at) AS at FROM worked GROUP BY user_id, integration
), recovered AS MATERIALIZED (
    SELECT integration, last_error_event, last_error_code, unnamed_http,
        max(user_id) FILTER (WHERE rank = 1) AS user_id, max(at) FILTER (WHERE rank = 1) AS at,
        max(at) FILTER (WHERE rank = 2) AS next_at
    FROM (
        SELECT integration, last_error_event, last_error_code, unnamed_http, user_id, max(last_completed_at) AS at,
            row_number() OVER (
                PARTITION BY integration, last_error_event, last_error_code, unnamed_http
                ORDER BY max(last_completed_at) DESC
            ) AS rank
        FROM (
            SELECT *, CASE last_error_code WHEN '' THEN last_error_http_status ELSE 0 END AS unnamed_http
            FROM synclogs_sync WHERE project_id = %(project)s AND last_completed_at > last_error_at
        ) over_it
        WHERE unnamed_http IS NOT NULL
        GROUP BY integration, last_error_event, last_error_code, unnamed_http, user_id
    ) ranked
    WHERE rank <= 2 GROUP BY integration, last_error_event, last_error_code, unnamed_http
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
SELECT {", ".join(COLUMNS)}
FROM wanted
LEFT JOIN tried USING (sync_id)
LEFT JOIN resolved USING (sync_id)
LEFT JOIN worked_any ON worked_any.user_id = wanted.user_id AND worked_any.integration = wanted.integration
LEFT JOIN worked AS worked_same ON worked_same.user_id = wanted.user_id AND worked_same.integration = wanted.integration
    AND worked_same.credential_id = wanted.credential_id
LEFT JOIN worked AS worked_unnamed ON worked_unnamed.user_id = wanted.user_id
    AND worked_unnamed.integration = wanted.integration AND worked_unnamed.credential_id = ''
LEFT JOIN recovered ON recovered.integration = wanted.integration AND recovered.unnamed_http = wanted.unnamed_http
    AND recovered.last_error_event = wanted.last_error_event AND recovered.last_error_code = wanted.last_error_code
LEFT JOIN sleepers AS asleep ON asleep.kind = 'sync' AND asleep.value = wanted.sync_id::text
LEFT JOIN sleepers AS asleep_user ON asleep_user.kind = 'user' AND asleep_user.value = wanted.user_id
LEFT JOIN sleepers AS asleep_integration
    ON asleep_integration.kind = 'integration' AND asleep_integration.value = wanted.integration
"""  # noqa: S608 - parts of this room


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
        cursor.execute(f"{HASH_ONLY.format('off')}; {STATEMENT}; {HASH_ONLY.format('DEFAULT')}", parameters)
        cursor.nextset()
        cursor.nextset()
        found = (Candidate(*row) for row in cursor.fetchall())
        return {candidate.sync_id: candidate for candidate in found}
