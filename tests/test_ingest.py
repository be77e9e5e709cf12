"""Ingest and projections: no duplicates, no loss, independent of the order of arrival."""

import json
import threading
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors

from synclogs.catalogue import LEVEL_SLUGS, SyncStatus, event
from synclogs.ingestion import ingest, maintenance, projections, upserts
from synclogs.models import ConnectedUser, Facet, HourCount, LogEntry, MinuteCount, Project, Sync, Trace
from synclogs.models.log import COLUMNS
from synclogs.parsing import records
from synclogs.storage import partitions
from tests import factories
from tests.factories import entry, error_entry, read, run, store, sync_id

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT = NOW - timedelta(hours=2)


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory(retention_days=400)


def put(project: Project, *entries: dict[str, Any]) -> ingest.Written:
    return store(project, *entries, now=NOW)


def at(minutes: float, **values: Any) -> dict[str, Any]:
    return entry(timestamp=AT + timedelta(minutes=minutes), **values)


def bad(minutes: float, **values: Any) -> dict[str, Any]:
    return error_entry(timestamp=AT + timedelta(minutes=minutes), **values)


# Rows.


@pytest.mark.django_db
def test_every_column_comes_back(project):
    sent = bad(
        0,
        id='back\\slash "quote"',
        message="tab\there\nline\r\\N \\. 'x' \u202e €\U0001f600",
        userId="ü\\t\n",
        credentialId="c",
        syncType="FULL",
        custom={"deep": ["\\", "\n"]},
    )
    put(project, sent)
    (row,) = LogEntry.objects.all()
    assert row.context() == {**sent, "timestamp": "2026-11-23T10:00:00Z"}
    assert row.received_at == NOW
    assert row.occurred_at == AT


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["2026-11-23T09:59:59.999999Z", "2026-11-23T00:00:00.000001Z", "2025-10-20T12:00:00Z"])
def test_microseconds_survive(project, text):
    put(project, entry(timestamp=text))
    assert LogEntry.objects.get().context()["timestamp"] == text


@pytest.mark.django_db
def test_the_key_says_the_millisecond_and_is_a_version_8_uuid(project):
    put(project, at(0))
    row = LogEntry.objects.get()
    assert row.key.version == 8
    assert LogEntry.objects.at_key(row.key).get() == row
    assert ingest.key_of(project.pk, row.entry_id, 1) != ingest.key_of(project.pk + 1, row.entry_id, 1)


@pytest.mark.django_db
def test_nothing_is_nothing(project, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert ingest.write(project, [], now=NOW) == ingest.Written(0, 0, [])


# Duplicates and conflicts.


@pytest.mark.django_db
def test_a_resend_changes_nothing_anywhere(project):
    batch = [*run(at=AT), bad(1), at(2)]
    put(project, *batch)
    before = snapshot()
    assert put(project, *batch) == ingest.Written(0, 4, [])
    assert put(project, *batch[::-1]) == ingest.Written(0, 4, [])
    assert snapshot() == before


@pytest.mark.django_db
def test_which_key_sent_an_entry_is_no_part_of_it(project):
    (record,) = read(entry(id="one", timestamp=AT), now=NOW)
    for sent_by, written in ((7, (1, 0)), (8, (0, 1)), (None, (0, 1))):
        assert ingest.write(project, [record], now=NOW, sent_by=sent_by) == ingest.Written(*written, [])
    assert LogEntry.objects.get().sent_by == 7
    put(project, entry(id="by a command", timestamp=AT))
    assert LogEntry.objects.get(entry_id="by a command").sent_by is None


@pytest.mark.django_db
def test_a_resend_is_compared_entry_by_entry(project):
    """What has just been stored is in no statistics: the planner may not compare each entry with each."""
    size = 500
    batch = [at(number / size) for number in range(size)]
    put(project, *batch)
    looked_at = []

    def explain(execute, sql, params, many, context):
        if sql == ingest.CONFLICTS:
            execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params, many, context)
            looked_at.extend(rows_looked_at(context["cursor"].fetchone()[0][0]["Plan"]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        assert put(project, *batch) == ingest.Written(0, size, [])
    assert looked_at
    assert max(looked_at) <= size


def rows_looked_at(plan: dict[str, Any]) -> list[float]:
    """For each node of a plan, the rows that it gave or threw away."""
    rows = plan["Actual Rows"] + sum(value for name, value in plan.items() if name.startswith("Rows Removed by"))
    return [rows * plan["Actual Loops"], *(more for child in plan.get("Plans", ()) for more in rows_looked_at(child))]


@pytest.mark.django_db
def test_a_resend_later_or_spelled_otherwise_is_the_same_entry(project):
    made = at(0, message="x", custom={"a": 1, "b": 2})
    put(project, made)
    later = {**made, "timestamp": "2026-11-23T12:00:00.000+02:00", "level": "info", "custom": {"b": 2, "a": 1}}
    assert store(project, later, now=NOW + timedelta(hours=1)) == ingest.Written(0, 1, [])


@pytest.mark.django_db
def test_conflicts_with_the_store_and_within_a_batch(project):
    first = at(0, message="first")
    put(project, first)
    written = put(project, {**first, "message": "other"}, at(1, id="x"), at(1, id="x", message="y"), at(1, id="x"))
    assert (written.accepted, written.duplicates) == (1, 1)
    assert [(refusal.index, refusal.id, refusal.code, refusal.pointer) for refusal in written.refusals] == [
        (0, first["id"], "id_conflict", "/id"),
        (2, "x", "id_conflict", "/id"),
    ]
    assert Trace.objects.get().entries == 2


@pytest.mark.django_db
def test_the_same_id_at_another_time_is_another_entry(project):
    assert put(project, at(0, id="x"), at(1, id="x")).accepted == 2
    # Also within a millisecond, which is all that the key tells of the time.
    assert put(project, *(entry(id="y", timestamp=AT + number * MICROSECOND) for number in range(2))).accepted == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"level": "DEBUG"},
        {"type": "workflow"},
        {"syncEvent": "X"},
        {"syncId": sync_id(9)},
        {"syncId": None},
        {"userId": "u"},
        {"integration": "x"},
        {"error": {"httpStatus": 500}},
        {"more": 1},
        {"summary": {"created": 1}},
    ],
)
def test_any_difference_is_a_conflict(project, change):
    made = at(0)
    put(project, made)
    changed = {name: value for name, value in {**made, **change}.items() if value is not None}
    assert [refusal.code for refusal in put(project, changed).refusals] == ["id_conflict"]


@pytest.mark.django_db
def test_conflicts_over_many_days_are_found(project):
    batch = [entry(timestamp=NOW - timedelta(days=days, minutes=1), message="a") for days in (0, 1, 40, 300)]
    put(project, *batch)
    written = put(project, *({**made, "message": "b"} for made in batch))
    assert len(written.refusals) == 4


# Partitions.


@pytest.mark.django_db
def test_days_without_a_partition_get_one(project):
    days = {date(2025, 10, 20), date(2025, 11, 5)}  # no other test's
    assert not days & partitions.existing()
    put(project, entry(timestamp="2025-10-20T12:00:00Z"), entry(timestamp="2025-11-05T12:00:00Z"), at(0))
    assert days <= partitions.existing()
    assert LogEntry.objects.count() == 3


@pytest.mark.django_db
def test_a_partition_that_cannot_be_made_is_told_as_a_database_that_is_away(project, monkeypatch):
    monkeypatch.setattr(partitions, "ensure", lambda days: [])
    with pytest.raises(OperationalError):
        put(project, entry(timestamp="2025-10-21T12:00:00Z"))


@pytest.mark.django_db
def test_a_value_that_the_database_refuses_costs_only_its_own_entry(project, monkeypatch):
    """No input is known that gets so far; should one be found, its neighbours live."""
    lines = ingest.lines

    def spoiled(*arguments: Any, **more: Any) -> Any:
        return (line.replace("poison", "poi\\x00son") for line in lines(*arguments, **more))

    monkeypatch.setattr(ingest, "lines", spoiled)
    batch = [at(minutes) for minutes in range(20)]
    batch[13]["message"] = "poison"
    written = put(project, *batch)
    assert (written.accepted, written.duplicates) == (19, 0)
    assert [(refusal.index, refusal.code) for refusal in written.refusals] == [(13, "not_storable")]


# Retention: what is accepted is kept, and what would not be kept is not accepted.


MICROSECOND = timedelta(microseconds=1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("days", [1, 90, 400])
@pytest.mark.parametrize("clock", [time(0), time(12, 34, 56, 789), time(23, 59, 59, 999999)])
def test_what_is_accepted_outlives_the_next_rounds_of_retention(days, clock):
    """Whether its project keeps the longest, whose days are dropped whole, or another does. Its day has no partition before."""
    now = datetime.combine(NOW.date(), clock, UTC)
    oldest = now - timedelta(days=days)
    for longer in (False, True):
        project = factories.ProjectFactory(retention_days=days)
        if longer:
            factories.ProjectFactory(retention_days=400)
        partitions.drop(oldest.date())
        found = store(
            project, entry(id="kept", timestamp=oldest), entry(id="gone", timestamp=oldest - MICROSECOND), now=now
        )
        assert [(refusal.id, refusal.code, refusal.pointer) for refusal in found.refusals] == [
            ("gone", "beyond_retention", "/timestamp")
        ]
        assert f"older than the {project.retention_words} that this project keeps" in found.refusals[0].detail
        for later in (timedelta(0), timedelta(hours=1), timedelta(days=1) - MICROSECOND):
            maintenance.maintain(now=now + later)
            assert LogEntry.objects.of(project).get().entry_id == "kept"
            assert sum(HourCount.objects.of(project).filter(facet=Facet.TOTAL).values_list("count", flat=True)) == 1
        maintenance.maintain(now=now + timedelta(days=2))
        assert not LogEntry.objects.of(project).exists()
        Project.objects.all().delete()


@pytest.mark.django_db
@pytest.mark.parametrize("days", [400, 500])
def test_no_entry_is_older_than_the_limit_whatever_its_project_keeps(days):
    project, oldest = factories.ProjectFactory(retention_days=days), NOW - timedelta(days=400)
    found = put(project, entry(id="kept", timestamp=oldest), entry(id="gone", timestamp=oldest - MICROSECOND))
    assert [(refusal.id, refusal.code) for refusal in found.refusals] == [("gone", "beyond_retention")]
    assert found.accepted == 1


@pytest.mark.django_db
def test_what_is_refused_for_its_age_costs_no_neighbour_and_its_resend_too(project):
    project.retention_days = 30
    old = [entry(id=f"old{days}", timestamp=NOW - timedelta(days=days)) for days in (31, 365, 4000)]
    old += [entry(id=text[:4], timestamp=text) for text in ("0001-01-01T00:00:00+23:59", "1969-12-31T23:59:59Z")]
    batch = [old[0], at(0, id="a"), *old[1:], at(1, id="b")]
    written = put(project, *batch)
    assert (written.accepted, written.duplicates) == (2, 0)
    assert [(refusal.index, refusal.id) for refusal in written.refusals] == [
        (0, "old31"), (2, "old365"), (3, "old4000"), (4, "0001"), (5, "1969"),
    ]  # fmt: skip
    assert put(project, *batch) == ingest.Written(0, 2, written.refusals)
    assert put(project, *old) == ingest.Written(0, 0, put(project, *old).refusals)
    later = store(project, at(0, id="a"), now=NOW + timedelta(days=40))
    assert [refusal.code for refusal in later.refusals] == ["beyond_retention"]


# Faults.


@pytest.mark.django_db
def test_a_deadlock_is_tried_again(project, monkeypatch):
    partitions.ensure([AT.date()])
    write, failures = ingest._write, [errors.DeadlockDetected, errors.SerializationFailure]

    def unlucky(*arguments: Any, **more: Any) -> ingest.Written:
        if failures:
            raise OperationalError("unlucky") from failures.pop()()
        return write(*arguments, **more)

    monkeypatch.setattr(ingest, "_write", unlucky)
    assert put(project, at(0)).accepted == 1


@pytest.mark.django_db
def test_other_faults_are_not_and_nothing_is_stored(project, monkeypatch):
    calls = []

    def away(*_: Any) -> None:
        calls.append(1)
        raise OperationalError("away") from errors.DiskFull()

    monkeypatch.setattr(projections, "apply", away)
    with pytest.raises(OperationalError):
        put(project, at(0))
    assert len(calls) == 1
    assert not LogEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [False, True])
def test_a_fault_in_the_last_burst_costs_the_whole_batch_and_no_other(project, monkeypatch, known):
    """COMMIT is on its way behind the statement that fails."""
    put(project, at(0, id="before"))
    batch = [at(0, id="before"), at(1)] if known else [at(1)]
    before = snapshot()
    run = upserts.Upsert.run

    def failing(upsert: upserts.Upsert, send: Any, rows: Any) -> None:
        run(upsert, send, rows)
        if upsert is upserts.TRACES:
            send("SELECT no_such_function()")

    with monkeypatch.context() as patch:
        patch.setattr(upserts.Upsert, "run", failing)
        with pytest.raises(ProgrammingError, match="no_such_function"):
            put(project, *batch)
    assert LogEntry.objects.get().entry_id == "before"
    assert snapshot() == before
    assert put(project, *batch).accepted == 1


@pytest.mark.django_db(transaction=True)
def test_a_fault_of_the_commit_itself_is_told(project):
    gone = Project.objects.get(pk=project.pk)
    project.delete()
    with pytest.raises(IntegrityError):
        put(gone, at(0))
    assert not LogEntry.objects.exists()


# Projections: what they say.


def the_sync() -> Sync:
    return Sync.objects.get()


@pytest.mark.django_db
def test_a_late_entry_never_turns_a_newer_state_back(project):
    put(project, bad(10))
    put(project, *run(at=AT))
    sync = the_sync()
    assert (sync.status, sync.status_since, sync.last_error_at) == (
        "ERRORED",
        AT + timedelta(minutes=10),
        AT + timedelta(minutes=10),
    )
    assert (sync.first_seen_at, sync.last_seen_at) == (AT, AT + timedelta(minutes=10))
    assert sync.last_completed_at == AT + timedelta(seconds=8)


@pytest.mark.django_db
def test_since_when_moves_with_what_came_late(project):
    put(project, at(0, syncStatus="IDLE"), at(30, syncStatus="IDLE"))
    assert the_sync().status_since == AT
    put(project, at(10, syncStatus="ERRORED"))
    assert the_sync().status_since == AT + timedelta(minutes=30)
    put(project, at(20, syncStatus="IDLE"))
    assert the_sync().status_since == AT + timedelta(minutes=20)
    put(project, at(5, syncStatus="ERRORED"))
    assert the_sync().status_since == AT + timedelta(minutes=20)


@pytest.mark.django_db
def test_the_state_that_an_event_implies(project):
    put(project, at(0, syncEvent="INCREMENTAL_SYNC_STARTED"))
    assert the_sync().status == event("INCREMENTAL_SYNC_STARTED").status != ""
    put(project, at(1, syncEvent="SOMETHING_ELSE"))
    assert the_sync().status == event("INCREMENTAL_SYNC_STARTED").status
    put(project, at(2, syncEvent="SOMETHING_ELSE", syncStatus="ON_HOLD"))
    assert the_sync().status == "ON_HOLD"


@pytest.mark.django_db
def test_the_state_as_sent_comes_before_what_its_event_implies(project):
    put(project, at(0, syncEvent="INCREMENTAL_SYNC_STARTED", syncStatus="IDLE"))
    assert the_sync().status == "IDLE"
    put(project, at(1, syncEvent="SYNC_RUN_ERROR", syncStatus="RATE_LIMITED"))
    assert the_sync().status == "RATE_LIMITED"


@pytest.mark.django_db
def test_a_failed_webhook_is_no_error_of_the_sync(project):
    put(
        project,
        at(0, syncEvent="SYNC_WEBHOOK_FAILED", level="WARN"),
        at(1, syncEvent="SYNC_WEBHOOK_FAILED", level="ERROR"),
    )
    sync = the_sync()
    assert (sync.last_error_at, sync.last_warning_at) == (None, None)
    assert (sync.webhook_warning_at, sync.webhook_failed_at) == (AT, AT + timedelta(minutes=1))


@pytest.mark.django_db
def test_what_belongs_to_whom(project):
    other = factories.ProjectFactory()
    put(project, at(0))
    put(other, at(0))
    for model in (Sync, Trace, ConnectedUser):
        assert sorted(model.objects.values_list("project", flat=True)) == sorted([project.pk, other.pk])
    totals = HourCount.objects.filter(facet=Facet.TOTAL).values_list("project", "count")
    assert sorted(totals) == sorted([(project.pk, 1), (other.pk, 1)])


@pytest.mark.django_db
def test_entries_without_sync_trace_and_user_touch_only_counts(project):
    put(project, at(0, type="workflow", syncEvent=None, syncId=None, traceId=None, userId=None))
    assert not Sync.objects.exists()
    assert not Trace.objects.exists()
    assert not ConnectedUser.objects.exists()
    assert HourCount.objects.get(facet=Facet.TYPE).value == "workflow"


# Projections: the order of arrival does not matter.


def snapshot() -> dict[str, list[dict[str, Any]]]:
    """All that the projections say."""
    return {
        model.__name__: sorted(
            ({name: value for name, value in row.items() if name != "id"} for row in model.objects.values()), key=repr
        )
        for model in (Sync, Trace, ConnectedUser, HourCount, MinuteCount)
    }


def maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *values])


ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            # Few moments, so that many entries share one; over an hour's and a day's border.
            "second": st.sampled_from([*range(8), 3_600, 3_601, 50_400]),
            "syncId": maybe(sync_id(1), sync_id(2)),
            "traceId": maybe("t1", "t2"),
            "userId": maybe("u1", "u2"),
            "integration": maybe("jira", "box"),
            "pipeline": maybe("files"),
            "credentialId": maybe("c1", "c2", "C3"),
            "syncType": maybe("FULL", "INITIAL"),
            "syncStatus": maybe("ACTIVE", "IDLE", "ERRORED", "on hold"),
            "syncEvent": st.sampled_from(
                [
                    "INITIAL_SYNC_STARTED",
                    "INITIAL_SYNC_COMPLETED",
                    "INCREMENTAL_SYNC_COMPLETED",
                    "SYNC_RUN_ERROR",
                    "SYNC_RUN_RATE_LIMITED",
                    "FULL_SYNC_INTERRUPTED",
                    "SYNC_WEBHOOK_FAILED",
                    "X_SYNC_STARTED",
                ]
            ),
            "level": st.sampled_from(["INFO", "WARN", "ERROR"]),
            "summary": maybe({"created": 1}, {"created": 2, "durationMs": 5}, {}),
            "error": maybe(
                {"httpStatus": 500, "message": "m"},
                {"attempt": 1, "maxAttempts": 3},
                {"attempt": 2, "nextRetryAt": "2026-11-23T13:00:00Z"},
                {"nextRetryAt": "2026-11-23T14:00:00Z"},
            ),
        }
    ),
    min_size=2,
    max_size=9,
)


def built(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        entry(
            **{name: value for name, value in made.items() if name != "second"},
            id=f"e{number}",
            timestamp=AT + timedelta(seconds=made["second"] - 40_000),
        )
        for number, made in enumerate(drawn)
    ]


def after(project: Project, batches: list[list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """What the projections say after these batches, which are then undone."""
    point = transaction.savepoint_create()
    for batch in batches:
        put(project, *batch)
    found = snapshot()
    transaction.savepoint_rollback(point)
    return found


@pytest.mark.django_db
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=ENTRIES, data=st.data())
def test_any_order_in_any_batches_says_the_same(project, drawn, data):
    partitions.ensure(AT.date() - timedelta(days=days) for days in range(3))
    entries = built(drawn)
    shuffled = data.draw(st.permutations(entries))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(entries) - 1), max_size=4)))
    batches = [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(entries)], strict=True)]
    in_order = sorted(entries, key=lambda made: made["timestamp"])
    together = after(project, [entries])
    assert after(project, batches) == together
    assert after(project, [[made] for made in in_order]) == together
    counted(together, entries)


def counted(found: dict[str, list[dict[str, Any]]], entries: list[dict[str, Any]]) -> None:
    """Numbers against plain counting."""
    total = sum(row["count"] for row in found["HourCount"] if row["facet"] == Facet.TOTAL)
    assert total == len(entries)
    minutes = {(f"{row['minute']:%Y-%m-%dT%H:%M}", row["level"]): row["count"] for row in found["MinuteCount"]}
    assert minutes == Counter((made["timestamp"][:16], LEVEL_SLUGS[made["level"].lower()]) for made in entries)
    for facet, name in ((Facet.INTEGRATION, "integration"), (Facet.EVENT, "syncEvent"), (Facet.STATUS, "syncStatus")):
        counts: Counter[str] = Counter()
        for row in found["HourCount"]:
            if row["facet"] == facet:
                counts[row["value"]] += row["count"]
        assert counts == Counter(made[name] for made in entries if name in made)
    runs = Counter(made["traceId"] for made in entries if "traceId" in made)
    assert {row["trace_id"]: row["entries"] for row in found["Trace"]} == runs
    for row in found["Sync"]:
        last = max(
            (made for made in entries if made.get("syncId") == str(row["sync_id"])), key=lambda made: made["timestamp"]
        )
        assert factories.rfc3339(row["last_seen_at"]) == last["timestamp"]


@pytest.mark.django_db
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    states=st.lists(st.sampled_from(["ACTIVE", "IDLE", "ERRORED", ""]), min_size=1, max_size=8),
    data=st.data(),
)
def test_the_state_and_since_when_are_those_of_the_story(project, states, data):
    """Each entry a minute after the one before: the truth is easily told, and any order has to end there."""
    entries = [
        at(minute, id=f"e{minute}", syncStatus=state or None, syncEvent="NOTHING_KNOWN")
        for minute, state in enumerate(states)
    ]
    status, since = "", None
    for minute, state in enumerate(states):
        if state and state != status:
            status, since = state, AT + timedelta(minutes=minute)
    shuffled = data.draw(st.permutations(entries))
    (row,) = after(project, [[made] for made in shuffled])["Sync"]
    assert (row["status"], row["status_since"]) == (status, since)
    assert status in {"", *SyncStatus.values}


# Many at once.


def at_once(jobs: list[Any]) -> list[Any]:
    """Runs the jobs in threads of their own, all started together; their results, or the first fault."""
    barrier, results = threading.Barrier(len(jobs)), [None] * len(jobs)
    faults: list[BaseException] = []

    def work(number: int) -> None:
        try:
            barrier.wait(10)
            results[number] = jobs[number]()
        except BaseException as fault:  # noqa: BLE001 - handed to the test
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if faults:
        raise faults[0]
    return results


def batch_of(size: int, *, prefix: str = "e") -> list[dict[str, Any]]:
    return [
        at(
            number % 60,
            id=f"{prefix}{number}",
            syncId=sync_id(number % 17),
            traceId=f"t{number % 31}",
            userId=f"u{number % 7}",
        )
        for number in range(size)
    ]


@pytest.mark.django_db(transaction=True)
def test_eight_senders_of_one_batch_store_it_once(project):
    entries = batch_of(400)
    read_in = [read(*entries[shift:], *entries[:shift], now=NOW) for shift in range(0, 400, 50)]
    written = at_once([lambda batch=batch: ingest.write(project, batch, now=NOW) for batch in read_in])
    assert sum(one.accepted for one in written) == 400
    assert sum(one.duplicates for one in written) == 7 * 400
    assert not any(one.refusals for one in written)
    parallel = snapshot()
    assert LogEntry.objects.count() == 400
    for model in (Sync, Trace, ConnectedUser, HourCount, MinuteCount):
        model.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM synclogs_logentry")
    put(project, *entries)
    assert snapshot() == parallel


@pytest.mark.django_db(transaction=True)
def test_eight_senders_of_overlapping_batches_lose_and_double_nothing(project):
    """New syncs, traces and days for all of them at once, some entries shared, in opposite orders."""
    shared = batch_of(100, prefix="shared")
    days = [entry(timestamp=NOW - timedelta(days=200 + day), id=f"day{day}", syncId=sync_id("d")) for day in range(3)]
    batches = []
    for number in range(8):
        own = batch_of(100, prefix=f"own{number}-")
        batches.append(read(*(shared + own + days)[:: -1 if number % 2 else 1], now=NOW))
    written = at_once([lambda batch=batch: ingest.write(project, batch, now=NOW) for batch in batches])
    assert sum(one.accepted for one in written) == 8 * 100 + 100 + 3
    assert sum(one.duplicates for one in written) == 7 * 103
    assert LogEntry.objects.count() == 903
    assert sum(HourCount.objects.filter(facet=Facet.TOTAL).values_list("count", flat=True)) == 903
    assert sum(Trace.objects.values_list("entries", flat=True)) == 903
    assert len(partitions.existing()) == len(set(partitions.existing()))


@pytest.mark.django_db(transaction=True)
def test_the_first_entries_of_a_sync_from_many_senders_agree_on_its_state(project):
    """The row does not exist yet, so there is nothing to lock: the one that comes second has to look again."""
    for round_ in range(5):
        name = sync_id(f"new {round_}")
        entries = [at(minute, syncId=name, syncStatus="IDLE") for minute in range(8)]
        at_once([lambda made=made: put(project, made) for made in entries])
        sync = Sync.objects.get(sync_id=name)
        assert (sync.status_since, sync.status_at) == (AT, AT + timedelta(minutes=7))


def test_sizes_add_up_by_construction():
    written = ingest.Written(accepted=3, duplicates=2, refusals=[])
    assert written.accepted + written.duplicates + len(written.refusals) == 5


def test_a_line_of_copy_for_every_column():
    (record,) = records.read_json(json.dumps(entry(message="a\\b")).encode(), now=datetime.now(UTC)).records
    (line,) = ingest.lines(ingest.Batch(1, {"0" * 32: record}, ingest.Arrival(NOW, None)))
    assert line.endswith("\n")
    assert line.count("\t") == len(COLUMNS)  # the words come last


@pytest.mark.django_db
def test_errors_of_the_database_keep_their_kind(project, monkeypatch):
    def broken(*_: Any) -> None:
        raise IntegrityError("no project") from errors.ForeignKeyViolation()

    monkeypatch.setattr(projections, "apply", broken)
    with pytest.raises(IntegrityError):
        put(project, at(0))


def test_data_errors_are_no_operational_errors():
    assert not issubclass(DataError, OperationalError)
