"""Comparison of two runs: every entry once, no difference between equals, the first difference marked and never guessed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclogs import explain
from synclogs.explain import comparison
from synclogs.explain.comparison import Comparison, Kind

START = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Entry:
    event: str
    at: float = 0.0
    level: int = 20
    message: str = ""
    status: str = ""
    http_status: int | None = None
    error_code: str = ""
    recoverability: str = ""
    credential_id: str = "cred-1"
    integration: str = "googledrive"
    pipeline: str = "files"
    sync_type: str = "FULL"
    user_id: str = "acct_1"
    type: str = "managed_sync"
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def occurred_at(self) -> datetime:
        return START + timedelta(seconds=self.at)


STARTED = Entry("FULL_SYNC_STARTED")
COMPLETED = Entry("FULL_SYNC_COMPLETED", 8, message="Full sync completed in 8 s")
LIMITED = Entry("SYNC_RUN_RATE_LIMITED", 2, 30, http_status=429)
FAILED = Entry("SYNC_RUN_ERROR", 9, 40, http_status=401)


def compared(good: list[Any], here: list[Any], *, is_open: bool = False) -> Comparison:
    return comparison.compare(good, here, is_open=is_open)


def said(good: list[Any], here: list[Any], *, is_good: bool = False, is_open: bool = False) -> explain.Difference:
    found = compared(good, here, is_open=is_open)
    return explain.difference(found, good, here, is_good=is_good, is_open=is_open)


keys = st.lists(st.sampled_from("abcdef"), max_size=30)


@given(keys, keys)
def test_an_alignment_covers_every_entry_once_and_in_order(good, here):
    pairs = comparison.align(good, here)
    assert [left for left, _ in pairs if left is not None] == list(range(len(good)))
    assert [right for _, right in pairs if right is not None] == list(range(len(here)))
    assert all(good[left] == here[right] for left, right in pairs if left is not None and right is not None)
    assert all(pair != (None, None) for pair in pairs)


@given(keys, keys)
def test_an_alignment_has_as_many_pairs_as_there_can_be(good, here):
    best = [[0] * (len(here) + 1) for _ in range(len(good) + 1)]
    for left, one in enumerate(good):
        for right, other in enumerate(here):
            best[left + 1][right + 1] = (
                best[left][right] + 1 if one == other else max(best[left][right + 1], best[left + 1][right])
            )
    assert sum(None not in pair for pair in comparison.align(good, here)) == best[-1][-1]


events = st.sampled_from(["FULL_SYNC_STARTED", "PAGE_READ", "SYNC_RUN_WARNING", "FULL_SYNC_COMPLETED"])
payloads = st.dictionaries(st.text(max_size=3), st.none() | st.booleans() | st.integers() | st.text(max_size=4))
runs = st.lists(
    st.builds(Entry, event=events, at=st.floats(0, 9), message=st.text(max_size=5), detail=payloads), max_size=12
)


@given(runs)
def test_equal_runs_do_not_differ(run):
    found = compared(run, run)
    assert [row.kind for row in found.rows] == [Kind.ALIKE] * len(run)
    assert found.first is None


@given(runs, runs, st.booleans())
def test_rows_cover_every_entry_once_and_the_sentence_is_always_there(good, here, is_open):
    found = compared(good, here)
    assert [row.good for row in found.rows if row.good is not None] == list(range(len(good)))
    assert [row.here for row in found.rows if row.here is not None] == list(range(len(here)))
    assert found.first is None or all(not row.is_relevant for row in found.rows[: found.first])
    words = said(good, here, is_open=is_open)
    assert words.sentence.endswith(".")
    assert words == said(good, here, is_open=is_open)


def test_ids_numbers_and_times_in_a_message_are_no_difference():
    masked = comparison.masked
    assert masked("Page 12 of 300 at 14:02:11") == masked("Page 7 of 31 at 09:00:59")
    assert masked("Run 0b1c2d3e-0000-4000-8000-000000000000 ended") == "Run # ended"
    assert masked("took 8.2 s") == masked("took 250 s")
    assert masked("defaced cafe") == "defaced cafe"
    assert masked("folder A") != masked("folder B")


def test_where_they_part_both_sides_are_told():
    words = said([STARTED, COMPLETED], [STARTED, LIMITED, FAILED])
    assert words.label == "First difference: rate limited (HTTP 429) here; completed in the good run"
    assert words.sentence == (
        "The first step is like in the last good run, then they part: "
        "this run was rate limited (HTTP 429), the good one completed."
    )


def test_a_run_that_stops_early_and_one_that_goes_on_longer():
    assert (
        said([STARTED, COMPLETED], [STARTED]).label == "First difference: nothing more here; completed in the good run"
    )
    assert "the good one had ended" in said([STARTED], [STARTED, FAILED]).sentence
    assert "logged “Page read”" in said([STARTED], [Entry("PAGE_READ")]).sentence


def test_a_run_that_goes_on_is_not_missing_what_has_not_come():
    assert (
        said([STARTED, COMPLETED], [STARTED], is_open=True).sentence
        == "So far every step is like in the last good run."
    )
    found = compared([STARTED, COMPLETED], [STARTED, LIMITED], is_open=True)
    assert [row.kind for row in found.rows] == [Kind.ALIKE, Kind.HERE, Kind.GOOD]


def test_the_same_step_with_other_values_is_a_change():
    here = Entry("FULL_SYNC_STARTED", credential_id="cred-2", detail={"configuration": {"folder": "B"}, "calls": 9})
    good = Entry("FULL_SYNC_STARTED", detail={"configuration": {"folder": "A"}, "calls": 4})
    (row,) = compared([good], [here]).rows
    assert [(change.name, change.good, change.here, change.is_relevant) for change in row.changes] == [
        ("credential_id", "cred-1", "cred-2", True),
        ("configuration.folder", "A", "B", True),
        ("calls", 4, 9, False),
    ]
    assert said([good], [here]).label == (
        "First difference: credential and configuration.folder are not the same at the step “started”"
    )


def test_what_one_of_them_does_not_say_is_no_difference_unless_it_is_an_error():
    quiet = Entry("FULL_SYNC_STARTED", credential_id="")
    assert compared([STARTED], [quiet]).first is None
    assert compared([STARTED], [Entry("FULL_SYNC_STARTED", http_status=500)]).first == 0


@pytest.mark.parametrize(
    ("good", "here", "tells"), [(8, 240, True), (8, 12, False), (0.5, 9, False), (100, 250, False), (240, 8, True)]
)
def test_another_order_of_time_is_a_difference(good, here, tells):
    first = compared([STARTED, Entry("FULL_SYNC_COMPLETED", good)], [STARTED, Entry("FULL_SYNC_COMPLETED", here)]).first
    assert (first == 1) is tells


def test_numbers_alone_are_details():
    good = [STARTED, Entry("FULL_SYNC_COMPLETED", 8, detail={"calls": 3, "summary": {"created": 15}})]
    here = [STARTED, Entry("FULL_SYNC_COMPLETED", 8, detail={"calls": 4, "summary": {"created": 0}})]
    assert said(good, here).sentence == "Every step is like in the last good run; only details differ."
    assert said(good, here, is_good=True).sentence.startswith("Every step is like in the good run before it")
    assert [change.name for change in compared(good, here).rows[1].changes] == ["calls"]  # the totals tell the rest


def test_other_words_at_the_same_event_are_one_changed_step():
    good = Entry("SYNC_RUN_WARNING", 3, 30, message="Bad gateway")
    here = Entry("SYNC_RUN_WARNING", 3, 30, message="Too slow")
    found = compared([STARTED, good, COMPLETED], [STARTED, here, COMPLETED])
    assert [row.kind for row in found.rows] == [Kind.ALIKE, Kind.CHANGED, Kind.ALIKE]
    assert found.rows[1].changes[0].name == "message"


def test_two_odd_runs_of_500_take_no_time():
    good = [Entry("PAGE_READ" if number % 2 else f"G{number}") for number in range(500)]
    here = [Entry("PAGE_READ" if number % 2 else f"H{number}") for number in range(500)]
    found = compared(good, here)
    assert sum(row.kind == Kind.ALIKE for row in found.rows) == 250


def test_payloads_are_read_as_far_as_they_are_looked_at():
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(30):
        inner["x"] = inner = {}
    wide = {f"key {number}": number for number in range(1000)}
    assert len(list(comparison.leaves(wide))) == comparison.LEAVES
    assert list(comparison.leaves(deep)) == [("x.x.x.x", "dict")]
    assert list(comparison.leaves([1])) == [("", "list")]
    told = {"error": {"message": "x", "retry": {"attempt": 1}, "attempt": 2, "path": "/a"}}
    assert list(comparison.leaves(told)) == [("error.path", "/a")]
