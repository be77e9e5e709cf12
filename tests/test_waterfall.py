"""Waterfall geometry: marks in order, inside the drawing, few enough to be read, whatever the run."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.drawing import waterfall
from portal.drawing.waterfall import Point, Span

HOUR = 3600.0


def points(*offsets: float, lane: int = 0) -> list[Point]:
    return [Point(offset, lane, 20) for offset in offsets]


offsets = st.lists(st.floats(0, 10**6), min_size=1, max_size=60).map(sorted)


@given(offsets, st.floats(0, 10**7), st.data())
def test_marks_stand_inside_in_order_and_count_every_point(moments, tail, data):
    found = [
        Point(moment, data.draw(st.integers(0, 2)), data.draw(st.sampled_from([20, 30, 40]))) for moment in moments
    ]
    pauses = [Span(one, other, n) for n, (one, other) in enumerate(pairwise(moments)) if other - one >= 5]
    drawn = waterfall.draw(found, pauses, silences=pauses, waits=pauses, tail=tail)
    assert sum(mark.count for mark in drawn.marks) == len(found)
    assert all(0 <= mark.x <= 100 for mark in drawn.marks)
    assert [mark.x for mark in drawn.marks] == sorted(mark.x for mark in drawn.marks)
    for mark in drawn.marks:
        assert found[mark.worst].weight == max(
            point.weight for point in found[mark.first : mark.last + 1] if point.lane == mark.lane
        )
    assert len(drawn.marks) <= 3 * 36
    for bar in (*drawn.silences, *drawn.waits):
        assert 0 <= bar.x <= bar.x + bar.width <= 100.1
    assert drawn.end <= 98.6
    strokes = [stroke.x for stroke in drawn.strokes]
    assert all(right - left >= waterfall.STROKES_APART for left, right in pairwise(strokes))


def test_time_runs_in_proportion():
    drawn = waterfall.draw(points(0, 30, 60, 90), [Span(0, 30, 0), Span(30, 60, 1), Span(60, 90, 2)])
    steps = [round(right.x - left.x, 1) for left, right in pairwise(drawn.marks)]
    assert steps == [32.3, 32.3, 32.3]


def test_hundreds_at_one_moment_are_one_mark():
    drawn = waterfall.draw([*points(0), *points(*[7.0] * 400), Point(7.0, 0, 40)], [Span(0, 7, 0)])
    assert [mark.count for mark in drawn.marks] == [1, 401]
    assert drawn.marks[1].worst == 401


def test_a_silence_that_leaves_no_room_is_cut_and_a_crowd_gets_some():
    busy = [number * 0.1 for number in range(50)]
    later = [9 * HOUR + number for number in range(50)]
    silence = Span(busy[-1], later[0], 0)
    drawn = waterfall.draw(points(*busy, *later), [silence], silences=[silence])
    (bar,) = drawn.silences
    assert bar.is_cut
    assert bar.width < 30
    before = [mark for mark in drawn.marks if mark.x < bar.x]
    assert len(before) >= 5


def test_waits_that_grow_are_not_cut():
    spans = [Span(0, 30, 0), Span(30, 90, 1), Span(90, 210, 2), Span(210, 450, 3)]
    drawn = waterfall.draw(points(0, 30, 90, 210, 450), spans, waits=spans)
    assert not any(bar.is_cut for bar in drawn.waits)
    assert [round(right.width / left.width, 1) for left, right in pairwise(drawn.waits)] == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("moments", [[0.0], [0.0, 0.0], [0.0, 2.0], [0.0, 9 * HOUR], [0.0, 400 * 24 * HOUR]])
def test_short_and_long_runs_have_an_axis(moments):
    drawn = waterfall.draw(points(*moments), [])
    assert drawn.strokes[0].offset == 0
    assert drawn.strokes[-1].offset == moments[-1]
    assert 1 <= len(drawn.strokes) <= 12


def test_a_run_without_an_end_goes_on_until_now():
    drawn = waterfall.draw(points(0), [], waits=[Span(0, HOUR, 0)], tail=20 * HOUR)
    assert drawn.tail
    assert (drawn.tail.x, drawn.tail.width) == (1.5, 97.0)
    assert drawn.waits[0].width == pytest.approx(97 / 20, abs=0.1)


def test_on_a_phone_no_moment_is_written_over_now():
    drawn = waterfall.draw(points(0, 60, HOUR), [], tail=60)
    now = waterfall.PERCENT - waterfall.MARGIN
    assert drawn.strokes[-1].offset == HOUR
    assert all(now - stroke.x >= waterfall.NARROW_APART for stroke in drawn.strokes if stroke.on_phone)
    assert drawn.strokes[0].on_phone


def test_words_go_where_they_have_room():
    assert waterfall.label(50, "waited 4 min, attempt 2 of 5", "4 min") == waterfall.Label(
        "waited 4 min, attempt 2 of 5", "4 min"
    )
    assert waterfall.label(6, "waited 4 min, attempt 2 of 5", "4 min") == waterfall.Label("4 min", "")
    assert waterfall.label(1, "4 min") == waterfall.Label("", "")


# Columns of many runs


def test_what_is_usual_stays_in_sight_beside_what_is_not():
    assert waterfall.roof([2, 3, 900], usual=3) == 18
    assert waterfall.roof([2, 3, 9], usual=3) == 9
    assert waterfall.roof([], usual=0) == 0
    assert waterfall.roof([5], usual=0) == 5


def test_a_value_above_zero_is_never_invisible():
    assert waterfall.column(1, top=10**6, height=56) == waterfall.Column(53.0, 3.0, is_cut=False)
    assert waterfall.column(0, top=10, height=56) == waterfall.Column(56.0, 0.0, is_cut=False)
    assert waterfall.column(20, top=10, height=56) == waterfall.Column(0.0, 56.0, is_cut=True)
    assert waterfall.column(20, top=0, height=56).height == 3.0
