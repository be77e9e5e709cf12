"""API keys (`ssp_<id>_<secret><crc>`): creation, authentication and rate limit.

Input: the text of an Authorization header. Output: an ApiKey or None. The secret is never stored or logged. The rate limit also
serves addresses and names (portal.sign_in.rate_limits); it is shared by all web processes.
"""

import hashlib
import hmac
import math
import re
import secrets
import string
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from synclogs.models import ApiKey, Project

ALPHABET = string.digits + string.ascii_letters
ID_LENGTH, SECRET_LENGTH, CRC_LENGTH = 12, 32, 6
PREFIX = "ssp"
KEY = re.compile(f"{PREFIX}_([0-9A-Za-z]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CRC_LENGTH}}})")
TOUCH_EVERY = timedelta(minutes=1)


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


@dataclass(frozen=True, slots=True)
class Admission:
    """A key, and what is left of its rate after this request; of its project's where that is spent. None: nothing was charged."""

    key: ApiKey
    allowance: Allowance | None


def create(
    project: Project,
    name: str,
    *,
    scopes: list[str],
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its plaintext, which exists only here and now."""
    key_id, secret = _random(ID_LENGTH), _random(SECRET_LENGTH)
    key = ApiKey.objects.create(
        project=project,
        key_id=key_id,
        secret_hash=_digest(secret),
        name=name,
        scopes=scopes,
        expires_at=expires_at,
    )
    return key, f"{PREFIX}_{key_id}_{secret}{_checksum(key_id + secret)}"


def revoke(key: ApiKey, *, now: datetime) -> bool:
    """Ends a key for good, from the next request on in every process; False when it had ended before."""
    return bool(ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now))


def admit(text: str, scope: str, *, now: datetime) -> Admission | None:
    """The usable key behind `text`, and a request charged to it and to its project, when it has `scope`. All in one statement.

    Nothing is charged to a key of which only the public half is known, nor to a project for a key whose rate is spent.
    A mistyped key never reaches the database.
    """
    shape = KEY.fullmatch(text)
    if not shape:
        return None
    key_id, secret, checksum = shape.groups()
    if not hmac.compare_digest(checksum, _checksum(key_id + secret)):
        return None
    usable = ApiKey.objects.usable(now).select_related("project").filter(key_id=key_id).order_by()
    known, parameters = usable.query.sql_with_params()
    rates = settings.INGEST_REQUESTS_PER_MINUTE, settings.PROJECT_REQUESTS_PER_MINUTE
    with connection.cursor() as cursor:
        # nosemgrep - Django's own query within text of this file; the values are parameters
        cursor.execute(
            ADMIT.format(known=known),
            [*parameters, _digest(secret), now, now - TOUCH_EVERY, rates[0], scope, rates[1]],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    *values, of_key, of_project = row
    key = ApiKey.from_db(connection.alias, KEY_COLUMNS, values[: len(KEY_COLUMNS)])
    key.project = Project.from_db(connection.alias, PROJECT_COLUMNS, values[len(KEY_COLUMNS) :])
    if not hmac.compare_digest(bytes(key.secret_hash), _digest(secret)):
        return None
    if scope not in key.scopes:
        return Admission(key, None)
    if of_key is not None and of_project is None:
        return Admission(key, _allowance(None, rates[1], policy="project"))
    return Admission(key, _allowance(of_key, per_minute(key)))


def per_minute(key: ApiKey | None) -> int:
    """The requests that a key may make in a minute."""
    return (key and key.requests_per_minute) or settings.INGEST_REQUESTS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class Claim:
    """What a text that opens nothing claims to be. `key` is the one with its id, `is_proven` when the secret is that key's."""

    public_id: str
    key: ApiKey | None
    is_proven: bool
    fault: str


def claimed(text: str, *, now: datetime) -> Claim:
    """Reads a key that `admit` did not take, for the audit; nothing of its secret comes out."""
    shape = KEY.fullmatch(text)
    if not shape:
        return Claim("", None, is_proven=False, fault="This is no key of the portal.")
    key_id, secret, _ = shape.groups()
    public_id = f"{PREFIX}_{key_id}"
    key = ApiKey.objects.select_related("project").filter(key_id=key_id).first()
    if key is None:
        return Claim(public_id, None, is_proven=False, fault="There is no key with this id.")
    if not hmac.compare_digest(bytes(key.secret_hash), _digest(secret)):
        return Claim(public_id, key, is_proven=False, fault="The secret is wrong.")
    return Claim(public_id, key, is_proven=True, fault=_fault(key, now))


def _fault(key: ApiKey, now: datetime) -> str:
    if key.revoked_at:
        return "The key was revoked."
    if key.expires_at and key.expires_at <= now:
        return "The key has expired."
    return "The key was mistyped, or not sent as Bearer."


def charge(subject: str, *, per_minute: int) -> Allowance:
    """Takes one request off the allowance of `subject`, such as an address. Exact over all web workers.

    GCRA in one statement by the database's clock: `full_at` is when the allowance would be whole again; a request
    moves it by one interval, and is refused when that would take more than a minute. The table is unlogged: a crash
    may forget what was spent, and no request waits for the disk here.
    """
    with connection.cursor() as cursor:
        cursor.execute(CHARGE, {"subject": subject, "per_minute": per_minute})
        row = cursor.fetchone()
    return _allowance(row and row[0], per_minute)


def _allowance(used: float | None, per_minute: int, *, policy: str = "default") -> Allowance:
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
KEY_COLUMNS = [field.attname for field in ApiKey._meta.concrete_fields]
PROJECT_COLUMNS = [field.attname for field in Project._meta.concrete_fields]
COLUMNS = ", ".join([f"key_{name}" for name in KEY_COLUMNS] + [f"project_{name}" for name in PROJECT_COLUMNS])
# The secret decides here only whether something is written; whether it is the right one is said by a comparison in constant time.
ADMIT = f"""
WITH known ({COLUMNS}) AS ({{known}}),
meant AS (SELECT * FROM known WHERE key_secret_hash = %s),
touched AS (
    UPDATE synclogs_apikey SET last_used_at = %s FROM meant
    WHERE id = meant.key_id AND (last_used_at IS NULL OR last_used_at < %s)
),
of_key AS ({
    CHARGING.format(
        rows='''
    SELECT 'key:' || key_id, statement_timestamp() + interval '60 seconds' / COALESCE(key_requests_per_minute, %s)::float8
    FROM meant WHERE %s = ANY (key_scopes)
'''
    )
}),
of_project AS ({
    CHARGING.format(
        rows='''
    SELECT 'project:' || project_id, statement_timestamp() + interval '60 seconds' / %s::float8 FROM meant CROSS JOIN of_key
'''
    )
})
SELECT known.*, of_key.used, of_project.used FROM known LEFT JOIN of_key ON true LEFT JOIN of_project ON true
"""  # noqa: S608 - names of this file
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


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _checksum(text: str) -> str:
    """CRC-32 in six characters of the alphabet, so that a key cut off or mistyped is known without a look-up."""
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(CRC_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
