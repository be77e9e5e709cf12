"""Daily partitions of the log: made ahead and on demand, dropped by retention, repaired after a crash."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Sum
from hypothesis import given
from hypothesis import strategies as st

from synclogs.ingestion import maintenance
from synclogs.models import HourCount, LogEntry, MinuteCount, Project, RateBucket, Trace
from synclogs.storage import partitions
from tests import factories
from tests.factories import entry

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
# Days that no other test touches.
FAR = date(2031, 1, 1)


def tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE %s", [f"{partitions.PARENT}_2031%"]
        )
        return {name for (name,) in cursor.fetchall()}


def clear(*days: date) -> None:
    for day in days:
        partitions.drop(day)


# The rule.


@pytest.mark.parametrize(
    ("day", "is_due"),
    [
        (TODAY, False),
        (TODAY - timedelta(days=90), False),
        (TODAY - timedelta(days=91), True),
        (TODAY + timedelta(days=1), False),
    ],
)
def test_a_day_is_due_when_its_last_moment_is_older_than_the_retention(day, is_due):
    before = datetime.combine(TODAY - timedelta(days=90), datetime.min.time(), UTC)
    assert (partitions.due([day], before=before) == [day]) is is_due


@given(st.sets(st.dates(date(2025, 1, 1), date(2027, 1, 1))), st.integers(1, 400), st.datetimes(timezones=st.just(UTC)))
def test_nothing_that_is_still_kept_is_ever_due(days, keep, clock):
    now = datetime.combine(TODAY, clock.time(), UTC)
    oldest_kept = Project(retention_days=keep).oldest_retained(now)
    assert timedelta(days=1) <= Project(retention_days=keep).oldest_accepted(now) - oldest_kept < timedelta(days=2)
    due = partitions.due(days, before=oldest_kept)
    assert due == sorted(due)
    for day in days:
        last_moment = datetime.combine(day, datetime.max.time(), UTC)
        assert (day in due) == (last_moment < oldest_kept)


# Making.


@pytest.mark.django_db
def test_missing_days_are_made_once_with_all_indexes():
    days = [FAR, FAR + timedelta(days=1)]
    assert partitions.ensure([*days, FAR]) == days
    assert partitions.ensure(days) == []
    assert set(days) <= partitions.existing()
    with connection.cursor() as cursor:
        count = "SELECT count(*) FROM pg_index WHERE indrelid = to_regclass(%s)"
        cursor.execute(count, [partitions.PARENT])
        of_parent = cursor.fetchone()
        cursor.execute(count, [partitions.name_of(FAR)])
        assert cursor.fetchone() == of_parent


@pytest.mark.django_db
def test_a_day_begins_and_ends_at_midnight_in_utc_whatever_zone_the_session_has():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'Asia/Tokyo'")
        partitions.ensure([FAR])
        cursor.execute("SET LOCAL TIME ZONE 'UTC'")
        cursor.execute(
            "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = %s", [partitions.name_of(FAR)]
        )
        assert cursor.fetchone() == ("FOR VALUES FROM ('2031-01-01 00:00:00+00') TO ('2031-01-02 00:00:00+00')",)


@pytest.mark.django_db
def test_the_days_around_now_are_made_ahead():
    partitions.ahead(FAR)
    assert {FAR + timedelta(days=offset) for offset in range(-1, partitions.AHEAD + 1)} <= partitions.existing()


@pytest.mark.django_db
def test_a_table_that_another_process_has_just_made_is_left_alone(monkeypatch):
    partitions.ensure([FAR])
    monkeypatch.setattr(partitions, "existing", set)
    assert partitions.ensure([FAR]) == []


# Dropping.


@pytest.mark.django_db(transaction=True)
def test_a_day_is_dropped_with_its_entries_alone():
    project = factories.ProjectFactory()
    days = [FAR, FAR + timedelta(days=1)]
    partitions.ensure(days)
    for day in days:
        moment = datetime.combine(day, datetime.min.time(), UTC)
        factories.store(project, entry(timestamp=moment), now=moment)
    partitions.drop(FAR)
    assert tables() == {partitions.name_of(days[1])}
    assert LogEntry.objects.get().occurred_at.date() == days[1]
    partitions.drop(FAR)  # again is nothing
    clear(*days)


@pytest.mark.django_db(transaction=True)
def test_what_a_crash_left_between_detach_and_drop_is_found_and_dropped():
    partitions.ensure([FAR])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {partitions.PARENT} DETACH PARTITION {partitions.name_of(FAR)}")
    assert FAR in partitions.detached()
    assert FAR not in partitions.existing()
    maintenance.maintain(now=NOW)
    assert FAR not in partitions.detached()
    assert tables() == set()


# The whole round.


@pytest.mark.django_db(transaction=True)
def test_each_project_keeps_what_it_says_and_no_day_longer_than_any():
    brief, longer = factories.ProjectFactory(retention_days=10), factories.ProjectFactory(retention_days=30)
    for project in (brief, longer):
        for days in (1, 9, 12, 29, 40):
            moment = NOW - timedelta(days=days)
            factories.store(project, entry(id=f"{days}", traceId=f"{days}", timestamp=moment), now=moment)
    RateBucket.objects.create(subject="old", full_at=NOW - timedelta(hours=2))
    RateBucket.objects.create(subject="new", full_at=NOW)
    done = maintenance.maintain(now=NOW)
    assert TODAY - timedelta(days=40) in done.dropped
    assert done.purged > 0

    def left(project: object, model: type[LogEntry] | type[Trace], column: str) -> set[str]:
        return set(model.objects.filter(project=project).values_list(column, flat=True))

    assert left(brief, LogEntry, "entry_id") == left(brief, Trace, "trace_id") == {"1", "9"}
    assert left(longer, LogEntry, "entry_id") == left(longer, Trace, "trace_id") == {"1", "9", "12", "29"}
    hours = HourCount.objects.filter(project=brief).values_list("hour", flat=True)
    assert min(hours) > NOW - timedelta(days=11, hours=1)
    for project in (brief, longer):
        counted = MinuteCount.objects.filter(project=project).aggregate(total=Sum("count"))["total"]
        assert counted == LogEntry.objects.filter(project=project).count()
    assert set(RateBucket.objects.values_list("subject", flat=True)) == {"new"}
    assert maintenance.maintain(now=NOW).purged == 0


@pytest.mark.django_db(transaction=True)
def test_the_first_moment_that_is_kept_stays_and_the_one_before_it_leaves():
    """At the border of a project that keeps less than others (rows are purged) and of the one that keeps most (a day is dropped)."""
    brief, longer = factories.ProjectFactory(retention_days=10), factories.ProjectFactory(retention_days=30)
    instant, minute = timedelta(microseconds=1), timedelta(minutes=1)
    for project in (brief, longer):
        border = project.oldest_retained(NOW)
        for name, moment in (("gone", border - instant), ("kept", border), ("later", border + minute)):
            factories.store(project, entry(id=name, traceId=name, timestamp=moment), now=moment)
    assert brief.oldest_retained(NOW) == datetime(2026, 11, 12, tzinfo=UTC)
    done = maintenance.maintain(now=NOW)
    assert date(2026, 10, 22) in done.dropped
    assert date(2026, 10, 23) not in done.dropped
    for project in (brief, longer):
        border = project.oldest_retained(NOW)
        assert set(LogEntry.objects.of(project).values_list("entry_id", flat=True)) == {"kept", "later"}
        assert set(Trace.objects.of(project).values_list("trace_id", flat=True)) == {"kept", "later"}
        assert set(HourCount.objects.of(project).values_list("hour", flat=True)) == {border}
        assert set(MinuteCount.objects.of(project).values_list("minute", flat=True)) == {border, border + minute}


@pytest.mark.django_db(transaction=True)
def test_a_purge_goes_in_small_steps(monkeypatch):
    monkeypatch.setattr(maintenance, "CHUNK", 2)
    project = factories.ProjectFactory(retention_days=1)
    moment = NOW - timedelta(days=3)
    factories.store(project, *(entry(timestamp=moment, traceId=None) for _ in range(5)), now=moment)
    factories.ProjectFactory(retention_days=30)
    assert maintenance.maintain(now=NOW).purged == 5
    assert not LogEntry.objects.exists()
