"""API keys (`ssp_<id>_<secret><crc>`): creation, authentication, and the charge to its rate.

Input: the text of an Authorization header. Output: an ApiKey or None. The secret is never stored or logged.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from synclogs.access.rate_limit import CHARGING, Allowance, allowance_of
from synclogs.models import ApiKey, Project

ALPHABET = string.digits + string.ascii_letters
ID_LENGTH, SECRET_LENGTH, CRC_LENGTH = 12, 32, 6
PREFIX = "ssp"
KEY = re.compile(f"{PREFIX}_([0-9A-Za-z]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CRC_LENGTH}}})")
TOUCH_EVERY = timedelta(minutes=1)


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
        return Admission(key, allowance_of(None, rates[1], policy="project"))
    return Admission(key, allowance_of(of_key, per_minute(key)))


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
