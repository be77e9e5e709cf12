"""Stores a batch of records in one transaction: COPY, duplicates, conflicts, then the projections, all in one pipeline.

Returns how many were stored, were already there, or conflict. What was returned is committed. Nothing is parsed here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from itertools import batched

import structlog
from django.db import DataError, OperationalError, connection
from django.db.utils import IntegrityError
from msgspec.structs import astuple
from psycopg import errors

from synclogs import moments
from synclogs.ingestion import projections
from synclogs.models import Project
from synclogs.models.log import COLUMNS
from synclogs.moments import rfc3339
from synclogs.parsing import search_words
from synclogs.parsing.records import Code, Record, Refusal
from synclogs.storage import partitions
from synclogs.storage.pipeline import begun, burst, commit

logger = structlog.get_logger(__name__)

ATTEMPTS = 3
BATCH_SECONDS = 15  # a statement
NULL = "\\N"
TABLE = "synclogs_logentry"
STAGING = "incoming"
COLUMN_LIST = ", ".join((*COLUMNS, "tokens"))
# received_at and sent_by are ours, not the sender's: the same entry sent later, or with another key, is still the same entry.
# So is the category, which a later catalogue may know better.
ADDED_COLUMNS = {"key", "project_id", "occurred_at", "received_at", "sent_by", "category"}
COMPARED = [name for name in COLUMNS if name not in ADDED_COLUMNS]
LINES_AT_ONCE = 100

COPY_ALL = f"COPY {TABLE} ({COLUMN_LIST}) FROM STDIN"
CREATE_STAGING = (
    f"CREATE TEMPORARY TABLE IF NOT EXISTS {STAGING} (LIKE {TABLE} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
)
EMPTY_STAGING = f"TRUNCATE {STAGING}"
COPY = f"COPY {STAGING} ({COLUMN_LIST}) FROM STDIN"
# In key order, so that two senders of the same batch wait for each other instead of deadlocking.
INSERT = (
    f"INSERT INTO {TABLE} ({COLUMN_LIST}) SELECT {COLUMN_LIST} FROM {STAGING}"  # noqa: S608 - names of this file
    " ORDER BY project_id, occurred_at, key ON CONFLICT DO NOTHING RETURNING replace(key::text, '-', '')"
)
# Entry by entry through the primary key, which LATERAL with LIMIT forces: what came last is in no statistics yet, so the
# planner takes a batch that has just been stored for one row and would compare each of its entries with each.
CONFLICTS = (
    f"SELECT replace(i.key::text, '-', '') FROM {STAGING} i CROSS JOIN LATERAL ("  # noqa: S608 - names of this file
    f"SELECT {', '.join(COMPARED)} FROM {TABLE} e"
    " WHERE e.project_id = i.project_id AND e.occurred_at = i.occurred_at AND e.key = i.key"
    " AND e.project_id = %s AND e.occurred_at BETWEEN %s AND %s LIMIT 1) e"
    f" WHERE ({', '.join('i.' + name for name in COMPARED)}) IS DISTINCT FROM ({', '.join('e.' + name for name in COMPARED)})"
)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: `accepted` + `duplicates` + len(`refusals`) is its size."""

    accepted: int
    duplicates: int
    refusals: list[Refusal]


def key_of(project_id: int, entry_id: str, occurred_us: int) -> str:
    """The entry's key as 32 hexadecimal digits: 48 bits of milliseconds, then a hash, shaped as UUID version 8."""
    digest = blake2b(f"{project_id} {occurred_us} {entry_id}".encode(), digest_size=10).hexdigest()
    return f"{occurred_us // 1000:012x}8{digest[:3]}{'89ab'[int(digest[3], 16) & 3]}{digest[4:19]}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """When entries came, and the pk of the key that sent them; None for a command."""

    at: datetime
    sent_by: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records by their keys, in key order."""

    project_id: int
    keyed: Mapping[str, Record]
    arrival: Arrival


def write(project: Project, records: Sequence[Record], *, now: datetime, sent_by: int | None = None) -> Written:
    """Stores `records` of one project; `sent_by` is the pk of the key that sent them, None for a command.

    What is older than the project keeps is refused. Raises django.db.OperationalError when the database is away; then nothing is
    stored.
    """
    oldest = project.oldest_accepted(now)
    oldest_us = moments.microseconds(oldest)
    refusals = [_beyond(record, project, oldest) for record in records if record.occurred_us < oldest_us]
    if refusals:
        records = [record for record in records if record.occurred_us >= oldest_us]
    written = _write_or_halve(project, records, Arrival(now, sent_by))
    return replace(written, refusals=sorted([*refusals, *written.refusals], key=lambda refusal: refusal.index))


def _write_or_halve(project: Project, records: Sequence[Record], arrival: Arrival) -> Written:
    if not records:
        return Written(0, 0, [])
    try:
        return _persistently(project, records, arrival)
    except DataError as error:
        # No input is known that gets here. Should one be found, it costs its own entry and not the batch.
        if len(records) == 1:
            logger.warning("entry not storable", sqlstate=getattr(error.__cause__, "sqlstate", None))
            return Written(0, 0, [_not_storable(records[0])])
    middle = len(records) // 2
    first, second = (_write_or_halve(project, half, arrival) for half in (records[:middle], records[middle:]))
    return Written(
        first.accepted + second.accepted, first.duplicates + second.duplicates, first.refusals + second.refusals
    )


def _persistently(project: Project, records: Sequence[Record], arrival: Arrival) -> Written:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _write(project, records, arrival)
        except (OperationalError, IntegrityError) as error:
            if not _curable(error, records):
                raise
            if attempt == ATTEMPTS:
                raise OperationalError("The entries could not be stored just now.") from error
    raise AssertionError("unreachable")


def _curable(error: Exception, records: Sequence[Record]) -> bool:
    """Two faults go away by trying again: a deadlock, and a day that has no partition yet (which is made here)."""
    if isinstance(error.__cause__, errors.CheckViolation):
        partitions.ensure({moments.day_of(record.occurred_us) for record in records})
        return True
    return isinstance(error.__cause__, errors.DeadlockDetected | errors.SerializationFailure)


def _write(project: Project, records: Sequence[Record], arrival: Arrival) -> Written:
    keyed, refusals, repeated = _without_repeats(project.pk, records)
    batch = Batch(project.pk, keyed, arrival)
    stored = len(keyed)
    if not _store_all(batch):
        stored, conflicts = _store_new(batch)
        refusals += [_conflict(keyed[key]) for key in keyed if key in conflicts]
    duplicates = len(keyed) - stored + repeated - len(refusals)
    return Written(stored, duplicates, sorted(refusals, key=lambda refusal: refusal.index))


def _store_all(batch: Batch) -> bool:
    """COPY straight into the log, the quickest way; False when an entry is known already, and then nothing is stored.

    While the database works on the rows, this process works out what they change elsewhere.
    """
    try:
        with begun(seconds=BATCH_SECONDS):
            with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(COPY_ALL) as copy:
                for part in batched(lines(batch), LINES_AT_ONCE):
                    copy.write("".join(part))
                found = projections.changes(batch.project_id, batch.keyed)
            with burst() as send:
                projections.apply(send, batch.project_id, found)
                commit(send)
    except IntegrityError as error:
        if isinstance(error.__cause__, errors.UniqueViolation):
            return False
        raise
    return True


def _store_new(batch: Batch) -> tuple[int, set[str]]:
    """Through a temporary table, leaving out what is there already; how many were stored, and the keys of the conflicts."""
    # The end of a transaction empties it; a caller's may go on after an earlier batch.
    with begun(CREATE_STAGING, *([EMPTY_STAGING] if connection.in_atomic_block else []), seconds=BATCH_SECONDS):
        with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(COPY) as copy:
            for part in batched(lines(batch), LINES_AT_ONCE):
                copy.write("".join(part))
        times = [record.occurred_us for record in batch.keyed.values()]
        with burst() as send:
            inserted = send(INSERT)
            differing = send(CONFLICTS, [batch.project_id, moments.moment(min(times)), moments.moment(max(times))])
        fresh = {key: batch.keyed[key] for (key,) in inserted.fetchall()}
        conflicts = {key for (key,) in differing.fetchall()}
        with burst() as send:
            projections.apply(send, batch.project_id, projections.changes(batch.project_id, fresh))
            commit(send)
    return len(fresh), conflicts


def _without_repeats(project_id: int, records: Sequence[Record]) -> tuple[dict[str, Record], list[Refusal], int]:
    """The first of each identity by its key, in the order of time and key; later ones with other content as refusals; how
    many repeated in all.

    The order is that of the primary key, so that senders of the same entries wait for each other instead of deadlocking.
    """
    keyed: dict[str, Record] = {}
    refusals = []
    for record in records:
        key = key_of(project_id, record.entry_id, record.occurred_us)
        first = keyed.setdefault(key, record)
        if first is not record and astuple(first)[1:] != astuple(record)[1:]:  # all but the index
            refusals.append(_conflict(record))
    repeated = len(records) - len(keyed)
    in_order = dict(sorted(keyed.items(), key=lambda item: (item[1].occurred_us, item[0])))
    return in_order, refusals, repeated


def _conflict(record: Record) -> Refusal:
    return Refusal(
        index=record.index,
        id=record.entry_id,
        code="id_conflict",
        pointer="/id",
        detail="An entry with this id and timestamp is already stored with other content; the first one stays.",
    )


def _beyond(record: Record, project: Project, oldest: datetime) -> Refusal:
    detail = (
        f"timestamp is older than the {project.retention_words} that this project keeps: "
        f"entries are accepted from {rfc3339(oldest, 'fewest')} on."
    )
    return Refusal(record.index, record.entry_id, Code.BEYOND_RETENTION, "/timestamp", detail)


def _not_storable(record: Record) -> Refusal:
    detail = "The database cannot store this entry."
    return Refusal(index=record.index, id=record.entry_id, code="not_storable", pointer="", detail=detail)


def _escaped(text: str) -> str:
    """A value for COPY's text format."""
    if text.isprintable() and "\\" not in text:  # nearly always, and three times as quick
        return text
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def lines(batch: Batch) -> Iterator[str]:
    """COPY lines, in the order of COLUMN_LIST."""
    project_id, arrival = batch.project_id, batch.arrival
    received = f"{arrival.at.isoformat()}\t{NULL if arrival.sent_by is None else arrival.sent_by}"
    for key, record in batch.keyed.items():
        http_status = NULL if record.http_status is None else record.http_status
        # These are printable ASCII, so the only character to escape in them is the backslash.
        names = (
            f"{record.entry_id}\t{record.type}\t{record.event}\t{record.trace_id}\t{record.integration}"
            f"\t{record.pipeline}\t{record.sync_type}\t{record.status}\t{record.credential_id}"
        ).replace("\\", "\\\\")
        yield (
            f"{key}\t{project_id}\t{moments.text(record.occurred_us)}\t{received}"
            f"\t{record.level}\t{record.category}\t{http_status}\t{record.sync_id or NULL}\t{names}"
            f"\t{_escaped(record.error_code)}\t{_escaped(record.recoverability)}\t{_escaped(record.user_id)}"
            f"\t{_escaped(record.message)}\t{_escaped(record.detail.decode())}"
            f"\t{search_words.array(search_words.of(project_id, record))}\n"
        )
