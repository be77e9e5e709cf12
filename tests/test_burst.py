"""Database pipeline: all statements or none in one round trip, and the error that is raised is the one that happened."""

import pytest
from django.db import OperationalError, ProgrammingError, connection, transaction

from synclogs.models import RateBucket
from synclogs.storage.pipeline import begun, burst, commit

pytestmark = pytest.mark.django_db(transaction=True)
INSERT = "INSERT INTO synclogs_ratebucket VALUES (%s, now())"
LONG = "x" * 2_000_000  # the server answers while this is still being sent


def stored() -> set[str]:
    return set(RateBucket.objects.values_list("subject", flat=True))


def test_every_cursor_has_its_rows_at_the_end():
    with burst() as send:
        cursors = [send("SELECT %s::int", [number]) for number in range(3)]
    assert [cursor.fetchone() for cursor in cursors] == [(0,), (1,), (2,)]


def together(*statements: str, end: bool = True) -> None:
    """A row of each name, or whatever else is said to be done, in one transaction of one burst."""
    with begun(seconds=5), burst() as send:
        for statement in statements:
            if statement.isalpha():
                send(INSERT, [statement])
            else:
                send(statement, [LONG] if "%s" in statement else None)
        if end:
            commit(send)


def test_what_is_committed_is_and_nothing_else():
    together("committed")
    together("forgotten", end=False)
    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert stored() == {"committed"}
    assert connection.get_autocommit()


def interrupted() -> None:
    with begun(seconds=5):
        with burst() as send:
            send(INSERT, ["interrupted"])
        raise ZeroDivisionError


def test_statements_that_go_with_the_beginning_hold_for_the_transaction():
    with begun("SET LOCAL lock_timeout = 777", seconds=5), burst() as send:
        inside = send("SHOW lock_timeout")
        commit(send)
    with burst() as send:
        outside = send("SHOW lock_timeout")
    assert inside.fetchone() == ("777ms",)
    assert outside.fetchone() != ("777ms",)


@pytest.mark.parametrize("behind", [0, 1, 5])
def test_the_first_fault_is_raised_and_the_rest_does_not_happen(behind):
    with pytest.raises(ProgrammingError, match="no_such_function"):
        together("before", "SELECT no_such_function()", *["SELECT length(%s)"] * behind)
    assert stored() == set()


def test_in_a_transaction_of_the_caller_it_is_a_part_of_that():
    with transaction.atomic():
        together("whole")
        with pytest.raises(ProgrammingError):
            together("lost", "SELECT no_such_function()")
        assert stored() == {"whole"}
        transaction.set_rollback(True)
    assert stored() == set()


def test_a_connection_that_is_gone_is_told_and_the_next_one_works():
    with pytest.raises(OperationalError):
        together("lost", "SELECT pg_terminate_backend(pg_backend_pid())")
    connection.close()
    together("stored")
    assert stored() == {"stored"}
