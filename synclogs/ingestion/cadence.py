"""How often a sync usually runs: the median gap between the starts of its last runs.

Kept on the sync because lists need it for "silent": asking the runs of every sync would read them all.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from synclogs import health
from synclogs.catalogue import DATA_RUNS

# The gaps are taken between the newest starts only, so a changed frequency is noticed within some runs.
REFRESH = """
UPDATE synclogs_sync SET cadence_seconds = found.median
FROM (
    SELECT s.id, gaps.median FROM synclogs_sync s
    CROSS JOIN LATERAL (
        SELECT CASE WHEN count(gap) >= %(gaps)s
            THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) END AS median
        FROM (
            SELECT EXTRACT(EPOCH FROM t.run_started_at - lag(t.run_started_at) OVER (ORDER BY t.run_started_at)) AS gap
            FROM (
                SELECT run_started_at FROM synclogs_trace
                WHERE project_id = s.project_id AND sync_id = s.sync_id AND first_at > %(since)s
                AND run_started_at IS NOT NULL AND sync_type = ANY(%(types)s)
                ORDER BY first_at DESC LIMIT %(runs)s
            ) t
        ) g
    ) gaps
    WHERE s.last_seen_at > %(since)s
) found
WHERE found.id = synclogs_sync.id AND synclogs_sync.cadence_seconds IS DISTINCT FROM found.median
"""


def refresh(*, now: datetime) -> int:
    """Writes the median anew for every sync seen within a week; returns how many changed."""
    parameters: dict[str, Any] = {
        "since": now - health.CADENCE_WINDOW,
        "runs": health.CADENCE_RUNS,
        "gaps": health.CADENCE_GAPS,
        "types": ["", *(kind.value for kind in DATA_RUNS)],  # a run that does not say its type counts too
    }
    with connection.cursor() as cursor:
        cursor.execute(REFRESH, parameters)
        return int(cursor.rowcount)
