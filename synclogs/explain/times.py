"""Moments as text in the zone of whoever reads, its name always written. The zone is Django's current one, UTC by default."""

from datetime import UTC, datetime

from django.utils import timezone


def local(moment: datetime) -> datetime:
    """The moment in the zone shown; at the two ends of the calendar, where a zone would leave it, in UTC."""
    try:
        return moment.astimezone(timezone.get_current_timezone())
    except OverflowError:
        return moment.astimezone(UTC)


def zone(moment: datetime) -> str:
    """UTC, CET, CEST; a zone that has no letters at that moment as UTC+04:00."""
    return _zone(local(moment))


def _zone(here: datetime) -> str:
    name = here.tzname() or ""
    if name.isascii() and name.isalpha():
        return name
    sign, rest = "-" if here.strftime("%z").startswith("-") else "+", here.strftime("%z")[1:]
    return f"UTC{sign}{rest[:2]}:{rest[2:4]}"


def hour(moment: datetime) -> str:
    """14:02 UTC"""
    here = local(moment)
    return f"{here:%H:%M} {_zone(here)}"


def minute(moment: datetime) -> str:
    """2026-11-23 14:02 UTC; with seconds where there are any."""
    here = local(moment)
    return f"{here:%Y-%m-%d %H:%M}{f':{here:%S}' if here.second else ''} {_zone(here)}"


def exact(moment: datetime, *, is_fine: bool = False) -> str:
    """2026-11-23 14:02:05 UTC; to the millisecond when `is_fine`."""
    here = local(moment)
    return f"{here:%Y-%m-%d %H:%M:%S}{f'.{here.microsecond // 1000:03d}' if is_fine else ''} {_zone(here)}"


def day(moment: datetime) -> str:
    """Monday, 23 November 2026"""
    here = local(moment)
    return f"{here:%A}, {here.day} {here:%B %Y}"
