"""Times as text in the reader's time zone (Django's current one, UTC by default), always with the zone's name."""

from datetime import UTC, datetime

from django.utils import timezone

# strftime takes longer than all the rest of such a text, and asks the locale.
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def local(moment: datetime) -> datetime:
    """The moment in the zone shown; at the two ends of the calendar, where a zone would leave it, in UTC."""
    try:
        return moment.astimezone(timezone.get_current_timezone())
    except OverflowError:
        return moment.astimezone(UTC)


def zone(moment: datetime) -> str:
    """UTC, CET, CEST; a zone that has no letters at that moment as UTC+04:00."""
    return zone_of(local(moment))


def zone_of(here: datetime) -> str:
    """The same for a moment that is local already."""
    name = here.tzname() or ""
    if name.isascii() and name.isalpha():
        return name
    sign, rest = "-" if here.strftime("%z").startswith("-") else "+", here.strftime("%z")[1:]
    return f"UTC{sign}{rest[:2]}:{rest[2:4]}"


def hour(moment: datetime) -> str:
    """14:02 UTC"""
    here = local(moment)
    return f"{here:%H:%M} {zone_of(here)}"


def minute(moment: datetime) -> str:
    """2026-11-23 14:02 UTC; with seconds where there are any."""
    here = local(moment)
    return f"{here:%Y-%m-%d %H:%M}{f':{here:%S}' if here.second else ''} {zone_of(here)}"


def exact(moment: datetime, *, is_fine: bool = False) -> str:
    """2026-11-23 14:02:05 UTC; to the millisecond when `is_fine`."""
    return exact_of(local(moment), is_fine=is_fine)


def exact_of(here: datetime, *, is_fine: bool = False) -> str:
    return f"{here.isoformat(' ')[:19]}{f'.{here.microsecond // 1000:03d}' if is_fine else ''} {zone_of(here)}"


def date(here: datetime) -> str:
    """23 Nov"""
    return f"{here.day} {MONTHS[here.month]}"


def clock(here: datetime) -> str:
    """14:02; with seconds where there are any."""
    return f"{here.hour:02}:{here.minute:02}:{here.second:02}" if here.second else f"{here.hour:02}:{here.minute:02}"


def day(moment: datetime) -> str:
    """Monday, 23 November 2026"""
    here = local(moment)
    return f"{here:%A}, {here.day} {here:%B %Y}"
