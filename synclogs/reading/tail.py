"""Live tail: entries of a filter that arrived since a cursor, as keys with times, newest arrival last, and the next cursor.

Decided by time of arrival, since a late entry has an older time than those already shown. An entry may be returned twice within
moments, so callers drop keys that they have; none is left out.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from synclogs import moments
from synclogs.models import Project
from synclogs.query.filters import FilterError, LogFilter
from synclogs.reading import keyset
from synclogs.storage.time_limits import within

SIZE = 50
SECONDS = 2.0
# How much earlier than the last question an entry may say that it was received and still be new. It is stamped before it is
# written, and becomes visible at the commit: up to three attempts of 15 s each, after the reading of a body of many entries
# by a busy process; and the clocks of several web servers differ by a few seconds. This is twice all of that. What lies in
# it and was visible before is not returned again (see `_unseen`), so a generous length costs reading and no repetition.
OVERLAP = timedelta(minutes=2)
# The oldest transaction that still runs: whatever it and later ones write is not in the list. Those of other databases of
# the server are left out, where we may see that they are such; they would only have more entries returned twice.
OLDEST_RUNNING = """
SELECT LEAST(pg_snapshot_xmax(snapshot)::text::bigint, min(running::text::bigint) FILTER (WHERE NOT EXISTS (
    SELECT FROM pg_stat_activity other JOIN pg_database here ON here.datname = current_database()
    WHERE other.backend_xid = running::xid AND other.datid <> here.oid
))) FROM pg_current_snapshot() snapshot LEFT JOIN LATERAL pg_snapshot_xip(snapshot) running ON true GROUP BY pg_snapshot_xmax(snapshot)
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    key: UUID
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Tail:
    """At most SIZE arrivals; `has_more` when there are others besides."""

    arrivals: tuple[Arrival, ...]
    cursor: str
    has_more: bool


def start(*, now: datetime) -> str:
    """The cursor for everything that this moment's list cannot show yet. To be made before the list is read."""
    with connection.cursor() as cursor:
        cursor.execute(OLDEST_RUNNING)
        return keyset.Place(now, f"{cursor.fetchone()[0]:x}").text


def is_over(log_filter: LogFilter, *, now: datetime) -> bool:
    """Whether the range has ended, so that there is nothing to wait for."""
    return log_filter.until is not None and log_filter.until <= now


def arrived(log_filter: LogFilter, project: Project, cursor: str, *, now: datetime) -> Tail:
    """The entries that match and became visible since the cursor was made, or just before.

    Raises FilterError for a damaged cursor, time_limits.OutOfTime when too much arrived to look through.
    """
    started_at, transaction = _parse(cursor)
    with within(SECONDS):
        following = start(now=now)
        found = (
            log_filter.entries(project)
            .filter(_unseen(transaction), received_at__gte=started_at - OVERLAP)
            .order_by("-received_at", "-occurred_at", "-key")
            .values_list("key", "occurred_at")[: SIZE + 1]
        )
        arrivals = tuple(Arrival(*row) for row in found)
    return Tail(arrivals[:SIZE][::-1], following, len(arrivals) > SIZE)


def _unseen(transaction: int) -> RawSQL:
    """Rows written by that transaction or a later one; rows have its number without the upper half, which wraps around.

    Which of these were visible is not asked: a batch is written inside a savepoint, whose number no snapshot lists.
    """
    return RawSQL(
        "((synclogs_logentry.xmin::text::bigint - %s) & 4294967295) < 2147483648",
        [transaction],
        output_field=BooleanField(),
    )


def _parse(cursor: str) -> tuple[datetime, int]:
    with suppress(FilterError):
        place = keyset.place(cursor, _number)
        if place.moment is not None:
            return max(place.moment, moments.EPOCH + OVERLAP), place.id
    raise FilterError({"after": "This address is damaged; load the list again."})


def _number(text: str) -> int | None:
    """Of a transaction, in hexadecimal digits."""
    return int(text, 16) if len(text) <= 15 else None
