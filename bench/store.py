"""Test store of any size, made inside PostgreSQL: thirty days, zipf-skewed users and integrations, 92 % info, 6 % warning, 2 % error."""

import itertools
import sys
import time
from datetime import UTC, date, datetime, timedelta

from django.db import connection

from synclogs.models import Project
from synclogs.parsing import search_words
from synclogs.storage import partitions

DAYS = 30
INTEGRATIONS = (
    "googledrive",
    "salesforce",
    "hubspot",
    "jira",
    "sharepoint",
    "notion",
    "zendesk",
    "box",
    "dropbox",
    "confluence",
    "onedrive",
    "pipedrive",
    "asana",
    "clickup",
    "monday",
)
# The busiest customer and integration of the skew below.
BUSY = {"user_id": "acct_0", "integration": INTEGRATIONS[0]}

# Words of the free search: one in a quarter of a million entries, one in five thousand; "incremental" is in nine of ten.
RARE, MIDDLING, FREQUENT = "wolframite", "quartz", "incremental"
QUARTERS = range(4)
CODES = ("credential_expired", "10007", "permission_denied", "internal")

# What an entry says is decided by these three; `words` are the numbers of its words (synclogs.parsing.search_words).
KINDS = """
CREATE TEMPORARY TABLE bench_kinds (level int, quarter int, integration text, event text, error_code text, message text, words int4[])
    ON COMMIT PRESERVE ROWS
"""
WORD = "('x' || encode(substr(sha256(convert_to('{project} ' || {text}, 'UTF8')), 1, 4), 'hex'))::bit(32)::int"

# Of a UUID the first and the last group.
OWN_WORDS = (
    *(f"substr({name}, {start})" for name in ("sync", "credential", "trace") for start in ("1, 8", "21")),
    *("person::text", "number::text"),
)

# A run is four entries long, so that traces have entries; everything is computed from the row's number and the seed.
FILL = """
INSERT INTO {table} (key, project_id, occurred_at, received_at, level, category, http_status, sync_id, entry_id, type, event,
    trace_id, integration, pipeline, sync_type, status, credential_id, error_code, recoverability, user_id, message, detail, tokens)
SELECT
    (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '8' || substr(digest, 1, 3) || '8' || substr(digest, 4, 15))::uuid,
    {project}, at, at + interval '1 second', level,
    CASE WHEN level = 40 THEN 3 WHEN level = 30 THEN 2 ELSE 1 END,
    CASE WHEN level = 40 THEN (ARRAY[401, 403, 404, 500])[1 + number % 4] WHEN level = 30 THEN 429 END,
    sync::uuid, 'event-' || number, 'managed_sync', event, trace::uuid::text, integration, 'files', 'INCREMENTAL',
    CASE WHEN level = 40 THEN 'ERRORED' WHEN level = 30 THEN 'RATE_LIMITED' ELSE 'IDLE' END,
    credential::uuid::text, error_code,
    CASE WHEN level = 40 THEN 'NON_RECOVERABLE' WHEN level = 30 THEN 'RECOVERABLE' ELSE '' END,
    'acct_' || person, message || extra,
    jsonb_build_object('summary', jsonb_build_object('created', number % 7, 'updated', number % 13, 'durationMs', number % 9000)),
    words || ARRAY[{own}] || CASE WHEN extra = '' THEN '{{}}' ELSE ARRAY[{extra}] END
FROM (
    SELECT number, md5('run' || run) AS trace, md5('seed' || number) AS digest,
        md5('sync' || person || '-' || integration) AS sync, md5('credential' || person) AS credential,
        timestamptz '{day}' + (number - {first}) * interval '24 hours' / {count} AS at,
        CASE WHEN luck < 0.02 THEN 40 WHEN luck < 0.08 THEN 30 ELSE 20 END AS level,
        CASE WHEN number % 250007 = 0 THEN ' {rare}' WHEN number % 5003 = 0 THEN ' {middling}' ELSE '' END AS extra,
        person, integration
    FROM (
        SELECT number, run, luck, floor(5000 * power(skew, 3))::int AS person,
            (ARRAY[{integrations}])[1 + floor({kinds} * power(other, 2))::int] AS integration
        FROM (
            SELECT number, number / 4 AS run,
                ('x' || substr(md5('l' || number), 1, 8))::bit(32)::bigint / 4294967296.0 AS luck,
                ('x' || substr(md5('p' || number / 4), 1, 8))::bit(32)::bigint / 4294967296.0 AS skew,
                ('x' || substr(md5('i' || number / 4), 1, 8))::bit(32)::bigint / 4294967296.0 AS other
            FROM generate_series({first}::bigint, {last}::bigint) AS number
        ) dice
    ) drawn
) named
JOIN bench_kinds USING (level, integration) WHERE quarter = number % 4
"""

# The hour counts that ingest would have kept, for the facets that the list page shows.
COUNT = """
INSERT INTO synclogs_hourcount (project_id, facet, hour, value, level, count)
SELECT project_id, facet, date_trunc('hour', occurred_at, 'UTC'), value, level, count(*)
FROM synclogs_logentry, LATERAL (VALUES (0, ''), (1, type), (2, category::text), (3, event), (4, integration),
    (5, pipeline), (6, sync_type), (7, status), (8, error_code), (9, recoverability), (10, http_status::text)) AS v (facet, value)
WHERE project_id = %(project)s AND (facet = 0 OR value <> '')
AND NOT EXISTS (SELECT FROM synclogs_hourcount WHERE project_id = %(project)s)
GROUP BY 1, 2, 3, 4, 5
"""
COUNT_MINUTES = """
INSERT INTO synclogs_minutecount (project_id, minute, level, count)
SELECT project_id, date_trunc('minute', occurred_at, 'UTC'), level, count(*) FROM synclogs_logentry
WHERE project_id = %(project)s AND NOT EXISTS (SELECT FROM synclogs_minutecount WHERE project_id = %(project)s)
GROUP BY 1, 2, 3
"""


def project_of(entries: int) -> Project:
    """Each size is a project of its own, in the same tables."""
    return Project.objects.get_or_create(slug=f"bench-{entries}", defaults={"name": f"{entries:,} entries"})[0]


def fill(entries: int, *, today: date) -> Project:
    """Makes the project's entries unless they are there; says how far it is."""
    project = project_of(entries)
    per_day = entries // DAYS
    _draw_kinds(project)
    for offset in range(DAYS):
        day = today - timedelta(days=offset)
        partitions.ensure([day])
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM synclogs_logentry WHERE project_id = %s AND occurred_at >= %s AND occurred_at < %s)",
                [project.pk, day, day + timedelta(days=1)],
            )
            if cursor.fetchone() == (True,):
                continue
            began = time.perf_counter()
            first = offset * per_day
            cursor.execute(
                FILL.format(
                    table=partitions.name_of(day),
                    project=project.pk,
                    day=f"{day} 00:00+00",
                    first=first,
                    last=first + per_day - 1,
                    count=per_day,
                    integrations=", ".join(f"'{name}'" for name in INTEGRATIONS),
                    kinds=len(INTEGRATIONS),
                    own=", ".join(WORD.format(project=project.pk, text=text) for text in OWN_WORDS),
                    extra=WORD.format(project=project.pk, text="trim(extra)"),
                    rare=RARE,
                    middling=MIDDLING,
                )
            )
            took = time.perf_counter() - began
            print(f"  day {offset + 1} of {DAYS}: {per_day:,} entries in {took:.0f} s", file=sys.stderr)
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"project": project.pk})
        cursor.execute(COUNT_MINUTES, {"project": project.pk})
        cursor.execute("VACUUM (ANALYZE) synclogs_logentry, synclogs_hourcount, synclogs_minutecount")
    return project


def _draw_kinds(project: Project) -> None:
    """What entries say, by level, quarter of a run and integration, with the numbers of the words."""
    rows = []
    for level, quarter, integration in itertools.product((20, 30, 40), QUARTERS, INTEGRATIONS):
        event, code, message = {
            40: ("SYNC_RUN_ERROR", CODES[quarter], "The sync cannot continue"),
            30: ("SYNC_RUN_RATE_LIMITED", "rate_limited", "The provider asked to slow down"),
            20: (f"INCREMENTAL_SYNC_{'COMPLETED' if quarter else 'STARTED'}", "", f"Incremental sync of {integration}"),
        }[level]
        text = f"{event} {code} {message} {integration} files event acct"
        rows.append(
            (
                *(level, quarter, integration, event, code, message),
                sorted({search_words.hashed(project.pk, word) for word in search_words.words(text)}),
            )
        )
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_kinds")
        cursor.execute(KINDS)
        cursor.executemany("INSERT INTO bench_kinds VALUES (%s, %s, %s, %s, %s, %s, %s)", rows)
        cursor.execute("ANALYZE bench_kinds")


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
