"""Moments as text and in whole hours: pure."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from synclogs.moments import HOUR, MINUTE, Fraction, ceiling, floor, moment, rfc3339

AT = datetime(2026, 11, 23, 14, 3, 21, 120_450, tzinfo=UTC)
INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("microsecond", "fraction", "text"),
    [
        (120_450, "auto", "21.120450Z"),
        (120_000, "auto", "21.120000Z"),
        (0, "auto", "21Z"),
        (120_450, "fewest", "21.120450Z"),
        (120_000, "fewest", "21.120Z"),
        (0, "fewest", "21Z"),
        (999_999, "milliseconds", "21.999Z"),
        (0, "milliseconds", "21.000Z"),
        (999_999, "seconds", "21Z"),
    ],
)
def test_rfc_3339_is_written_in_utc_with_the_fraction_that_is_wanted(
    microsecond: int, fraction: Fraction, text: str
) -> None:
    at = AT.replace(microsecond=microsecond)
    assert rfc3339(at, fraction) == rfc3339(at.astimezone(INDIA), fraction) == f"2026-11-23T14:03:{text}"


def test_an_hour_is_one_of_utc_whatever_the_zone() -> None:
    whole = datetime(2026, 11, 23, 14, tzinfo=UTC)
    for at in (AT, AT.astimezone(INDIA)):
        assert (floor(at, HOUR), ceiling(at, HOUR)) == (whole, whole + HOUR)
        assert floor(at, MINUTE) == whole + 3 * MINUTE
    assert floor(whole, HOUR) == ceiling(whole, HOUR) == whole
    assert floor(moment(-1), HOUR) == moment(0) - HOUR
