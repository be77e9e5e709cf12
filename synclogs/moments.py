"""Moments as microseconds since 1970, and as text and datetime; whole hours and minutes. No database, no time zone but UTC."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY = date(1970, 1, 1)
DAY_US = 86_400_000_000
MICROSECOND = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

# How a second is written: with a fraction of six digits where there is one, with as few of 0, 3 or 6 digits as keep it
# whole, with none, or with three.
Fraction = Literal["auto", "fewest", "seconds", "milliseconds"]


def day_of(number: int) -> date:
    return FIRST_DAY + timedelta(days=number // DAY_US)


def moment(number: int) -> datetime:
    return EPOCH + timedelta(microseconds=number)


def microseconds(at: datetime) -> int:
    """The inverse of `moment`, exactly."""
    return (at - EPOCH) // MICROSECOND


def floor(at: datetime, unit: timedelta) -> datetime:
    """The start of the hour, minute or other stretch of that length, in UTC, that the moment is in."""
    return at - (at - EPOCH) % unit


def ceiling(at: datetime, unit: timedelta) -> datetime:
    """The same where it is the start of one, else the start of the next."""
    return at + (EPOCH - at) % unit


def rfc3339(at: datetime, fraction: Fraction = "auto") -> str:
    """2026-11-23T14:03:21.123456Z, always in UTC. What the fraction has no room for is cut."""
    if fraction == "fewest":
        digits = "microseconds" if at.microsecond % 1000 else "milliseconds" if at.microsecond else "seconds"
    else:
        digits = fraction
    return at.astimezone(UTC).isoformat(timespec=digits).removesuffix("+00:00") + "Z"


@lru_cache(maxsize=8192)  # an entry's moment goes into several rows of a batch
def text(number: int) -> str:
    """As PostgreSQL reads it, always with six digits; several times quicker than by way of a datetime."""
    day, rest = divmod(number, DAY_US)
    seconds, micros = divmod(rest, 1_000_000)
    hour, seconds = divmod(seconds, 3600)
    return f"{_day(day)} {hour:02}:{seconds // 60:02}:{seconds % 60:02}.{micros:06}+00"


@lru_cache(maxsize=512)
def _day(number: int) -> str:
    return (FIRST_DAY + timedelta(days=number)).isoformat()
