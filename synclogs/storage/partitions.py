"""Daily partitions of the log (UTC dates): which exist, which are due, creation and drop. Rows are never deleted one by one here."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction
from psycopg import sql

PARENT = "synclogs_logentry"
AHEAD = 3
# Any number of its own: two processes that make partitions at once take turns.
LOCK = 7215001


def name_of(day: date) -> str:
    return f"{PARENT}_{day:%Y%m%d}"


def due(days: Iterable[date], *, before: datetime) -> list[date]:
    """The days whose every entry is older than `before` (UTC): what retention drops, oldest first."""
    return sorted(day for day in days if day < before.date())


def existing() -> set[date]:
    """The days that have a partition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass AND NOT i.inhdetachpending",
            [PARENT],
        )
        return {datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC).date() for (name,) in cursor.fetchall()}


def ensure(days: Iterable[date]) -> list[date]:
    """Makes the partitions of `days` that are missing; returns those made.

    Made as a table of its own and then attached: attaching takes a lock that reading and writing do not wait for,
    where CREATE TABLE … PARTITION OF would stop both.
    """
    made = []
    for day in sorted(set(days) - existing()):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            cursor.execute("SELECT to_regclass(%s)", [name_of(day)])
            if cursor.fetchone() != (None,):
                continue
            parent, table = sql.Identifier(PARENT), sql.Identifier(name_of(day))
            cursor.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(table, parent))
            cursor.execute(
                sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
                    parent,
                    table,
                    sql.Literal(f"{day} 00:00+00"),
                    sql.Literal(f"{day + timedelta(days=1)} 00:00+00"),
                )
            )
            made.append(day)
    return made


def drop(day: date) -> None:
    """Drops one day. Detached first without stopping readers; a detach that a crash cut off is finished."""
    parent, table = sql.Identifier(PARENT), sql.Identifier(name_of(day))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass(%s) AND inhparent = %s::regclass",
            [name_of(day), PARENT],
        )
        row = cursor.fetchone()
        if row:
            how = sql.SQL("FINALIZE" if row[0] else "CONCURRENTLY")
            cursor.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {} {}").format(parent, table, how))
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))


def detached() -> list[date]:
    """Days that left the log but whose table still stands (a crash between detach and drop, or in mid-detach)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid"
            " WHERE c.relkind = 'r' AND c.relname ~ %s AND c.relnamespace = 'public'::regnamespace"
            " AND (i.inhrelid IS NULL OR i.inhdetachpending)",
            [f"^{PARENT}_[0-9]{{8}}$"],
        )
        return [datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC).date() for (name,) in cursor.fetchall()]


def ahead(today: date) -> list[date]:
    """Makes yesterday's to the next days' partitions, so that ingest rarely has to."""
    return ensure(today + timedelta(days=offset) for offset in range(-1, AHEAD + 1))
