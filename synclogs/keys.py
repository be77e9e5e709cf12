"""API keys: `ssp_<id>_<secret><crc>`; made, recognised, and charged for each request.

Goes in: the text of an Authorization header. Comes out: an ApiKey or nothing. The secret is never stored or logged.
The same allowances hold for addresses and names (portal.sign_in); all web processes share them.
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


def recognise(text: str, *, now: datetime) -> ApiKey | None:
    """The usable key behind `text`; None for anything else. A mistyped key never reaches the database."""
    shape = KEY.fullmatch(text)
    if not shape:
        return None
    key_id, secret, checksum = shape.groups()
    if not hmac.compare_digest(checksum, _checksum(key_id + secret)):
        return None
    key = ApiKey.objects.usable(now).select_related("project").filter(key_id=key_id).first()
    if key is None or not hmac.compare_digest(bytes(key.secret_hash), _digest(secret)):
        return None
    if key.last_used_at is None or now - key.last_used_at > TOUCH_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def charge(subject: str, *, per_minute: int) -> Allowance:
    """Takes one request off the allowance of `subject`: a key or an address. Exact over all web workers.

    GCRA in one statement by the database's clock: `full_at` is when the allowance would be whole again; a request
    moves it by one interval, and is refused when that would take more than a minute. The table is unlogged: a crash
    may forget what was spent, and no request waits for the disk here.
    """
    interval = 60 / per_minute
    with connection.cursor() as cursor:
        cursor.execute(CHARGE, {"subject": subject, "interval": interval})
        row = cursor.fetchone()
    if row is None:
        wait = max(1, math.ceil(interval))
        return Allowance(False, limit=per_minute, remaining=0, reset=wait, retry_after=wait)
    # The database counts in microseconds, so a high rate is a little off.
    remaining = min(per_minute, max(0, int((60 - row[0]) / interval + 1e-6)))
    return Allowance(True, limit=per_minute, remaining=remaining, reset=max(1, math.ceil(row[0])), retry_after=0)


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
    """Those of the subjects that are kept waiting, each with the seconds that are left."""
    with connection.cursor() as cursor:
        cursor.execute(STILL_HELD, {"subjects": [f"{HELD}{subject}" for subject in subjects]})
        return {subject.removeprefix(HELD): float(left) for subject, left in cursor.fetchall()}


HELD = "held:"
CHARGE = """
INSERT INTO synclogs_ratebucket AS bucket (subject, full_at)
VALUES (%(subject)s, clock_timestamp() + %(interval)s * interval '1 second')
ON CONFLICT (subject) DO UPDATE
SET full_at = GREATEST(bucket.full_at, clock_timestamp()) + %(interval)s * interval '1 second'
WHERE GREATEST(bucket.full_at, clock_timestamp()) + %(interval)s * interval '1 second'
    <= clock_timestamp() + interval '60 seconds'
RETURNING EXTRACT(EPOCH FROM full_at - clock_timestamp())::float8
"""
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
