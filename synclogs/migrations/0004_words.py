"""The words of each entry as numbers, so that a word is found anywhere in the log by an index (synclogs.parsing.search_words)."""

from types import SimpleNamespace
from typing import Any

from django.db import migrations

from synclogs.parsing import search_words

AT_ONCE = 2000
ENTRIES = """
SELECT project_id, occurred_at, key, detail::text, COALESCE(sync_id::text, ''), credential_id, user_id, integration, pipeline,
    event, error_code, message, entry_id, trace_id FROM synclogs_logentry
"""
TEXTS = (
    "sync_id",
    "credential_id",
    "user_id",
    "integration",
    "pipeline",
    "event",
    "error_code",
    "message",
    "entry_id",
    "trace_id",
)
UPDATE = """
UPDATE synclogs_logentry SET tokens = found.tokens::int4[]
FROM unnest(%s::bigint[], %s::timestamptz[], %s::uuid[], %s::text[]) AS found (project_id, occurred_at, key, tokens)
WHERE synclogs_logentry.project_id = found.project_id
AND synclogs_logentry.occurred_at = found.occurred_at AND synclogs_logentry.key = found.key
"""


def fill(apps: Any, schema_editor: Any) -> None:
    """Entries that were there before."""
    connection = schema_editor.connection
    with connection.cursor() as cursor, connection.connection.cursor(name="entries_without_words") as entries:
        entries.itersize = AT_ONCE
        entries.execute(ENTRIES)
        while rows := entries.fetchmany(AT_ONCE):
            found = []
            for project_id, _, _, detail, *texts in rows:
                record: Any = SimpleNamespace(detail=detail.encode(), **dict(zip(TEXTS, texts, strict=True)))
                found.append(search_words.array(search_words.of(project_id, record)))
            keys = [list(column) for column in zip(*(row[:3] for row in rows), strict=True)]
            cursor.execute(UPDATE, [*keys, found])


class Migration(migrations.Migration):
    dependencies = [
        ("synclogs", "0003_status_before"),
    ]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE synclogs_logentry ADD COLUMN tokens int4[] NOT NULL DEFAULT '{}'",
            "ALTER TABLE synclogs_logentry DROP COLUMN tokens",
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        # The list of what waits to be put in is short, since each search reads all of it.
        migrations.RunSQL(
            "CREATE INDEX logentry_words ON synclogs_logentry USING gin (tokens) WITH (gin_pending_list_limit = 1024)",
            "DROP INDEX logentry_words",
        ),
    ]
