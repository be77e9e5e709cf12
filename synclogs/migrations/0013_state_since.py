"""Since when a sync is in its state, read from its entries, as a function: it keeps its plan, where planning took most of the time.

`candidates` are syncs of a batch just written; those without a moment to their state get it. `implied` is a JSON object: event ->
the state that it implies. The state holds since the first entry that says so after the last entry that says otherwise.
"""

from django.db import migrations

EFFECTIVE_STATUS = "COALESCE(NULLIF({entry}.status, ''), implied ->> {entry}.event, '')"
CREATE = f"""
CREATE FUNCTION synclogs_recompute_since(of_project bigint, candidates uuid[], implied jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    late uuid[] := ARRAY(
        SELECT sync_id FROM synclogs_sync
        WHERE project_id = of_project AND sync_id = ANY(candidates) AND status_since IS NULL AND status_at IS NOT NULL
    );
BEGIN
    IF late = '{{}}' THEN
        RETURN;
    END IF;
    UPDATE synclogs_sync SET status_since = found.occurred_at, status_before_at = found.before
    FROM (
        SELECT s.id, since.occurred_at, other.occurred_at AS before FROM synclogs_sync s
        LEFT JOIN LATERAL (
            SELECT o.occurred_at, {EFFECTIVE_STATUS.format(entry="o")} <> 'ACTIVE' AS ended, o.key FROM synclogs_logentry o
            WHERE o.project_id = s.project_id AND o.sync_id = s.sync_id
            AND o.occurred_at BETWEEN s.first_seen_at AND s.status_at
            AND {EFFECTIVE_STATUS.format(entry="o")} NOT IN ('', s.status)
            ORDER BY o.occurred_at DESC, ended DESC, o.key DESC LIMIT 1
        ) other ON true
        CROSS JOIN LATERAL (
            SELECT e.occurred_at FROM synclogs_logentry e
            WHERE e.project_id = s.project_id AND e.sync_id = s.sync_id
            AND e.occurred_at BETWEEN COALESCE(other.occurred_at, s.first_seen_at) AND s.status_at
            AND {EFFECTIVE_STATUS.format(entry="e")} = s.status
            AND (other.key IS NULL OR (e.occurred_at, s.status <> 'ACTIVE', e.key) > (other.occurred_at, other.ended, other.key))
            ORDER BY e.occurred_at LIMIT 1
        ) since
        WHERE s.project_id = of_project AND s.sync_id = ANY(late)
    ) found
    WHERE found.id = synclogs_sync.id;
END
$$
"""  # noqa: S608 - names of this file


class Migration(migrations.Migration):
    dependencies = [("synclogs", "0012_sent_by")]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION synclogs_recompute_since")]
