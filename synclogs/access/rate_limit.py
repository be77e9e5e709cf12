"""Rate limit of whatever is named: a key, a project, an address, a name typed at the sign-in. Shared by all web processes.

GCRA by the database's clock, a row for each subject in an unlogged table.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a caller's rate: `limit` requests a `window_seconds`; `retry_after` seconds when `allowed` is false."""

    allowed: bool
    limit: int
    remaining: int
    reset: int
    retry_after: int
    window_seconds: int = 60
    policy: str = "default"  # or "project": what all of its keys may do together


def charge(subject: str, *, per_minute: int) -> Allowance:
    """Takes one request off the allowance of `subject`, such as an address. Exact over all web workers.

    GCRA in one statement by the database's clock: `full_at` is when the allowance would be whole again; a request
    moves it by one interval, and is refused when that would take more than a minute. The table is unlogged: a crash
    may forget what was spent, and no request waits for the disk here.
    """
    with connection.cursor() as cursor:
        cursor.execute(CHARGE, {"subject": subject, "per_minute": per_minute})
        row = cursor.fetchone()
    return allowance_of(row and row[0], per_minute)


def allowance_of(used: float | None, per_minute: int, *, policy: str = "default") -> Allowance:
    """`used` is in seconds, how long it takes until all is there again; None when the request was not allowed."""
    interval = 60 / per_minute
    if used is None:
        wait = max(1, math.ceil(interval))
        return Allowance(False, limit=per_minute, remaining=0, reset=wait, retry_after=wait, policy=policy)
    # The database counts in microseconds, so a high rate is a little off.
    remaining = min(per_minute, max(0, int((60 - used) / interval + 1e-6)))
    return Allowance(True, per_minute, remaining, reset=max(1, math.ceil(used)), retry_after=0, policy=policy)


def refund(subject: str, *, per_minute: int) -> None:
    """Gives one charge back."""
    with connection.cursor() as cursor:
        cursor.execute(REFUND, {"subject": subject, "interval": 60 / per_minute})


def hold(subject: str, *, seconds: int) -> float:
    """Keeps `subject` waiting from now on, in every process; the seconds that are left, of an earlier hold if there is one."""
    with connection.cursor() as cursor:
        cursor.execute(HOLD, {"subject": f"{HELD}{subject}", "seconds": seconds})
        (left,) = cursor.fetchone()
    return max(0.0, float(left))


def held(subjects: Iterable[str]) -> dict[str, float]:
    """The subjects that have to wait, with the remaining seconds."""
    with connection.cursor() as cursor:
        cursor.execute(STILL_HELD, {"subjects": [f"{HELD}{subject}" for subject in subjects]})
        return {subject.removeprefix(HELD): float(left) for subject, left in cursor.fetchall()}


# A row comes with full_at as if nothing had been spent before: one interval from now.
CHARGING = """
INSERT INTO synclogs_ratebucket AS bucket (subject, full_at) {rows}
ON CONFLICT (subject) DO UPDATE
SET full_at = GREATEST(bucket.full_at, statement_timestamp()) + (EXCLUDED.full_at - statement_timestamp())
WHERE GREATEST(bucket.full_at, statement_timestamp()) + (EXCLUDED.full_at - statement_timestamp())
    <= statement_timestamp() + interval '60 seconds'
RETURNING EXTRACT(EPOCH FROM full_at - statement_timestamp())::float8 AS used
"""
CHARGE = CHARGING.format(
    rows="VALUES (%(subject)s, statement_timestamp() + interval '60 seconds' / %(per_minute)s::float8)"
)
HELD = "held:"
REFUND = """
UPDATE synclogs_ratebucket SET full_at = full_at - %(interval)s * interval '1 second' WHERE subject = %(subject)s
"""
# A hold that lasts is left as it is, so that nobody who comes back too early waits longer for it.
HOLD = """
INSERT INTO synclogs_ratebucket AS bucket (subject, full_at)
VALUES (%(subject)s, clock_timestamp() + %(seconds)s * interval '1 second')
ON CONFLICT (subject) DO UPDATE
SET full_at = CASE WHEN bucket.full_at > clock_timestamp() THEN bucket.full_at ELSE excluded.full_at END
RETURNING EXTRACT(EPOCH FROM full_at - clock_timestamp())::float8
"""
STILL_HELD = """
SELECT subject, EXTRACT(EPOCH FROM full_at - clock_timestamp())::float8 FROM synclogs_ratebucket
WHERE subject = ANY(%(subjects)s) AND full_at > clock_timestamp()
"""
