"""Chart above the log list: bars for any range, links to what was counted, and the text without counts."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from portal.log import histogram_chart, list_counts
from synclogs.models import Project
from synclogs.query.filters import LogFilter
from synclogs.reading import counting, histogram
from synclogs.storage import time_limits
from tests import factories
from tests.factories import entry, error_entry, member, store

NOW = datetime(2026, 11, 23, 12, 34, 56, 789_000, tzinfo=UTC)
AT = NOW.replace(minute=10, second=0, microsecond=0)


@pytest.fixture
def project(db: None) -> Project:
    return factories.ProjectFactory(slug="demo")


@pytest.fixture
def signed_in(client: Client, project: Project) -> Client:
    client.force_login(member(project))
    return client


# Bars


@given(
    since=st.datetimes(datetime(2000, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC)),
    length=st.timedeltas(timedelta(microseconds=1), timedelta(days=365 * 100)),
    is_open=st.booleans(),
)
def test_any_range_has_few_bars_and_none_of_them_is_left_out(since, length, is_open):
    log_filter = LogFilter((), since, None if is_open else since + length)
    now = since + length if is_open else NOW
    bars = histogram.bars(log_filter, now=now)
    drawn = histogram.of({}, bars, log_filter, now=now)
    assert 1 <= len(drawn.buckets) <= histogram.MOST
    if length >= timedelta(seconds=90):
        assert len(drawn.buckets) >= 30
    assert drawn.buckets[0].since == since
    assert drawn.buckets[-1].until == log_filter.until
    assert drawn.buckets[-1].since < (log_filter.until or now)
    chart = histogram_chart.chart(drawn, log_filter, (), now=now)
    assert chart.axis.count("</text>") <= histogram_chart.MOST_TICKS + 1


# The page


def page(client: Client, query: str = "") -> str:
    response = client.get(f"/p/demo/logs{query}")
    assert response.status_code == 200
    return response.content.decode()


def rows(html: str) -> int:
    return html.count("data-log-key")


def number(text: str) -> int:
    return int(text.replace(",", ""))


def one(pattern: str, html: str) -> str:
    found = re.search(pattern, html)
    assert found, pattern
    return unescape(found[1])


def total(html: str) -> int:
    return number(one(r"<strong>([\d,]+) entr", html))


def bars_of(html: str) -> list[tuple[str, int]]:
    """Link and entries of each bar, as said to a screen reader."""
    found = re.findall(r'<a href="([^"]*)" tabindex="[^"]*" aria-label="[^"]*: ([\d,]+) entr', html)
    return [(unescape(link), number(entries)) for link, entries in found]


def group(html: str, name: str) -> str:
    return html.split(f'id="group-{name}"')[1].split("filter-error-")[0]


def swapped(html: str) -> set[str]:
    return set(re.findall(r'id="([^"]*)"[^>]*hx-swap-oob', html))


def some(project: Project) -> None:
    now = datetime.now(UTC)
    made = [entry(timestamp=now - timedelta(minutes=7 * number), userId=f"u{number}") for number in range(30)]
    store(project, *made, error_entry(timestamp=now - timedelta(hours=2)), entry(timestamp=now + timedelta(hours=3)))


def test_the_sum_is_the_lists_and_every_link_leads_to_what_it_says(signed_in, project):
    some(project)
    html = page(signed_in)
    assert total(html) == rows(html) == 32
    bars = bars_of(html)
    assert sum(entries for _, entries in bars) == 32
    for link, entries in bars:
        if entries:
            narrowed = page(signed_in, link)
            assert rows(narrowed) == total(narrowed) == entries
    errors = one(r'class="key-error" href="([^"]*)"', html)
    assert rows(page(signed_in, errors)) == 1
    table = html.split('class="histogram-table"')[1].split("</table>")[0]
    assert sum(map(number, re.findall(r'</th><td class="num">([\d,]+)', table))) == 32
    assert html.split('class="histogram-bars"')[1].split("</svg>")[0].count('tabindex="0"') == 1


def test_links_keep_the_filter(signed_in, project):
    some(project)
    html = page(signed_in, "?integration=googledrive&-level=debug&since=7d")
    wider = one(r'href="([^"]*)" data-zoom-out', html)
    for link in (wider, *(link for link, _ in bars_of(html))):
        assert "integration=googledrive&-level=debug&since=" in link
    assert total(page(signed_in, wider)) == 32


def test_zooming_out_of_a_stretch_keeps_its_middle_and_ends_at_now():
    log_filter = LogFilter((), AT - timedelta(minutes=20), AT, "x", "y")
    found = histogram.of({}, histogram.bars(log_filter, now=NOW), log_filter, now=NOW)
    wider = histogram_chart.chart(found, log_filter, (), now=NOW).wider
    assert wider == "?since=2026-11-23T11%3A30%3A00Z&until=2026-11-23T12%3A30%3A00Z"
    later = LogFilter((), log_filter.since, AT + timedelta(minutes=20), "x", "y")
    assert "until" not in histogram_chart.chart(found, later, (), now=NOW).wider


# Not in time


def test_what_is_not_counted_in_time_is_asked_for_again_and_then_said(signed_in, project, monkeypatch):
    some(project)
    with monkeypatch.context() as patch:
        patch.setattr(list_counts, "SECONDS", 0.0)
        html = page(signed_in, "?user=u1")
    assert rows(html) == 1
    assert "Counting…" in html
    assert "counting…" in group(html, "event")
    assert 'value="googledrive"' in group(html, "integration")  # names are offered all the same
    again = one(r'id="counting" hx-get="([^"]*)"', html)
    answer = signed_in.get(again).content.decode()
    assert total(answer) == 1
    assert swapped(answer) >= {"histogram", "group-level", "group-event"}
    for name in ("SECONDS", "PATIENT_SECONDS"):
        monkeypatch.setattr(list_counts, name, 0.0)
    late = signed_in.get(again).content.decode()
    assert "Not counted in time" in late.split('id="histogram"')[1]
    assert "not counted in time" in group(late, "level")
    assert 'id="counting"' not in late


def test_a_long_read_is_left_for_later_while_hours_are_told_by_counts(project, monkeypatch):
    some(project)
    store(project, entry(integration="box", timestamp=datetime.now(UTC) - timedelta(hours=5, minutes=1)))
    monkeypatch.setattr(counting, "READ_AT_ONCE", 5)
    monkeypatch.setattr(counting, "READ_FOR_BARS", 5)
    now = datetime.now(UTC)
    log_filter = LogFilter.parse([("integration", ["googledrive"])], now=now)
    bars = histogram.bars(log_filter, now=now)
    quick = counting.count(log_filter, project, bars=bars, seconds=30)
    assert quick.bars.width == timedelta(hours=1) > bars.width
    assert histogram.of(quick.heights or {}, quick.bars, log_filter, now=now).total == 32
    assert {name for name, values in quick.values.items() if values} == {"level", "integration"}
    assert "event" in quick.read
    patient = counting.count(log_filter, project, bars=bars, seconds=30, is_patient=True)
    assert patient.is_complete
    assert patient.heights == quick.heights


def test_what_the_planner_calls_many_is_left_for_later(project, monkeypatch):
    """No counts tell how many entries a user has; only the question without the level has too many."""
    now = datetime.now(UTC)
    good = [entry(timestamp=now - timedelta(minutes=number), userId="acct_1") for number in range(1, 40)]
    store(project, *good, error_entry(timestamp=now - timedelta(minutes=2), userId="acct_1"))
    log_filter = LogFilter.parse([("user", ["acct_1"]), ("level", ["error"])], now=now)
    bars = histogram.bars(log_filter, now=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE synclogs_logentry")
    monkeypatch.setattr(counting, "READ_SCATTERED", 10)
    quick = counting.count(log_filter, project, bars=bars, seconds=30)
    assert {name for name, values in quick.values.items() if values is None} == {"level"}
    patient = counting.count(log_filter, project, bars=bars, seconds=30, is_patient=True)
    assert patient.is_complete
    assert patient.heights == quick.heights
    assert {name: values for name, values in patient.values.items() if name != "level"} == {
        name: values for name, values in quick.values.items() if name != "level"
    }


def test_the_planner_is_not_asked_of_what_a_sync_implies(project, monkeypatch):
    """It takes a sync and its customer for independent: a fifth of a fifth of the entries, though it is a fifth."""
    now = datetime.now(UTC)
    made = [
        entry(timestamp=now - timedelta(minutes=number), syncId=str(UUID(int=number % 5)), userId=f"acct_{number % 5}")
        for number in range(1, 101)
    ]
    store(project, *made)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE synclogs_logentry")
    monkeypatch.setattr(counting, "READ_SCATTERED", 10)
    log_filter = LogFilter.parse([("sync", [str(UUID(int=1))]), ("user", ["acct_1"])], now=now)
    assert time_limits.estimate(log_filter.entries(project)) < 10
    assert counting.count(log_filter, project, bars=histogram.bars(log_filter, now=now), seconds=30).heights is None


def test_a_wrong_query_is_refused(signed_in, project):
    assert signed_in.get("/p/demo/logs/facets?since=yesterday").status_code == 400
    assert signed_in.get("/p/demo/logs/facets?nothing=1").status_code == 400


# The rail


def test_the_rail_comes_along_with_the_list(signed_in, project):
    some(project)
    headers = {"HX-Request": "true", "HX-Target": "logs"}
    html = signed_in.get("/p/demo/logs?level=error", headers=headers).content.decode()
    assert {"group-level", "group-event", "group-user", "group-time"} <= swapped(html)
    assert re.findall(r'<span class="count">(\d+)', group(html, "level")) == ["1", "0", "31", "0"]
    assert re.findall(r'<span class="count">(\d+)', group(html, "event"))[:2] == ["1", "0"]
    assert group(html, "event").count("option-none") > 3


def test_rare_values_are_counted_when_they_are_ticked_and_told_when_they_are_left_out(project):
    now = datetime.now(UTC)
    made = [entry(integration=f"own-{number:02}") for number in range(50) for _ in range(2)]
    store(project, *made, entry(integration="rare"), entry(integration="rarer"))
    log_filter = LogFilter.parse([("integration", ["rarer"])], now=now)
    numbers = counting.count(
        log_filter, project, bars=histogram.bars(log_filter, now=now), seconds=30, always={"integration": ["rarer"]}
    )
    found = numbers.values["integration"]
    assert found is not None
    assert (len(found.counts), found.further, found.counts["rarer"]) == (41, 11, 1)
