"""How often a sync usually runs: the median gap between the starts of its last runs.

Stored on the sync, because lists need it for "silent" and reading the runs of every sync would be too slow.
"""

from datetime import datetime, timedelta

from django.db import connection

WINDOW = timedelta(days=7)
RUNS = 20
AT_LEAST = 3

# The gaps are taken between the newest starts only, so a changed frequency is noticed within some runs.
REFRESH = """
UPDATE synclogs_sync SET cadence_seconds = found.median
FROM (
    SELECT s.id, gaps.median FROM synclogs_sync s
    CROSS JOIN LATERAL (
        SELECT CASE WHEN count(gap) >= %(at_least)s
            THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) END AS median
        FROM (
            SELECT EXTRACT(EPOCH FROM t.run_started_at - lag(t.run_started_at) OVER (ORDER BY t.run_started_at)) AS gap
            FROM (
                SELECT run_started_at FROM synclogs_trace
                WHERE project_id = s.project_id AND sync_id = s.sync_id AND first_at > %(since)s
                AND run_started_at IS NOT NULL AND sync_type IN ('', 'INCREMENTAL', 'FULL', 'INITIAL')
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
    with connection.cursor() as cursor:
        cursor.execute(REFRESH, {"since": now - WINDOW, "runs": RUNS, "at_least": AT_LEAST})
        return int(cursor.rowcount)
