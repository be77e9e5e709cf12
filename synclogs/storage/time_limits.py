"""Time limits for optional queries: they run under a statement_timeout in a savepoint; running out of time breaks nothing else.

Limits are in seconds. Also the planner's cost of a query, before it is run.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet
from psycopg.errors import QueryCanceled

from synclogs.storage import connections


class OutOfTime(OperationalError):
    """The database was still at work when the time was up."""


class TimeLeft:
    """What is left of the time of several questions in one transaction."""

    def __init__(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds
        self.is_whole = True

    def renew(self) -> None:
        """Before every question: it may take what those before it left. Raises OutOfTime."""
        remaining = self.ends - time.monotonic()
        if remaining <= 0:
            raise OutOfTime("no time left")
        if not self.is_whole:  # the limit of the first stands already
            _limit(_milliseconds(remaining))
            connections.allow(connection.connection, remaining)
        self.is_whole = False


@contextmanager
def within(seconds: float) -> Iterator[TimeLeft]:
    """Each statement inside may take this long; raises OutOfTime when one takes longer."""
    if seconds <= 0:
        raise OutOfTime("no time left")
    is_outermost = not connection.in_atomic_block
    try:
        with transaction.atomic():
            before = _limit(_milliseconds(seconds))
            usual = connections.allow(connection.connection, seconds)
            try:
                yield TimeLeft(seconds)
            finally:
                connections.allow(connection.connection, usual)
            if not is_outermost:
                _limit(before)  # else it would stay until the end of the caller's transaction
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise OutOfTime("out of time") from error
        raise


def estimate(queryset: QuerySet[Any]) -> int:
    """How many rows the planner expects; it looks at statistics only."""
    plan = queryset.order_by().values("pk").explain()
    return int(plan.partition(" rows=")[2].partition(" ")[0])


def _milliseconds(seconds: float) -> str:
    return str(max(1, int(seconds * 1000)))


def _limit(setting: str) -> str:
    """Sets the limit until the transaction ends; the one before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT before, set_config('statement_timeout', %s, true)"
            " FROM (SELECT current_setting('statement_timeout') AS before OFFSET 0) AS settings",
            [setting],
        )
        return str(cursor.fetchone()[0])
