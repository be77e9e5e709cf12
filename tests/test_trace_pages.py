"""The page of one run: verdict, offsets, pauses, the runs beside it; bounded however long the run was."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal import charts
from synclogs import timeline
from synclogs.models import Project, Trace
from tests.factories import ProjectFactory, entry, error_entry, member, run, store, sync_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db) -> Project:
    return ProjectFactory()


@pytest.fixture
def viewer(client: Client, project: Project) -> Client:
    client.force_login(member(project))
    return client


def page(client: Client, project: Project, trace_id: str = "trace-1") -> str:
    response = client.get(f"/p/{project.slug}/traces/{trace_id}")
    assert response.status_code == 200
    return response.content.decode()


def offsets(html: str) -> list[str]:
    return re.findall(r'class="row-offset[^>]*>([^<]+)<', html)


def test_a_run_is_told_from_its_first_entry_on(viewer, project):
    now = timezone.now()
    start = now - timedelta(minutes=20)
    limited = {"recoverability": "RECOVERABLE", "httpStatus": 429, "attempt": 1, "maxAttempts": 5}
    store(
        project,
        entry(timestamp=start, syncEvent="FULL_SYNC_STARTED", syncType="FULL"),
        entry(
            timestamp=start + timedelta(seconds=2.5),
            syncEvent="SYNC_RUN_RATE_LIMITED",
            level="WARN",
            syncType="FULL",
            error=limited,
        ),
        entry(
            timestamp=start + timedelta(seconds=185),
            syncEvent="FULL_SYNC_COMPLETED",
            syncType="FULL",
            summary={"created": 2, "updated": 0, "deleted": 1, "totalProcessed": 900, "durationMs": 185000},
        ),
        now=now,
    )
    html = page(viewer, project)
    assert offsets(html) == ["+0.0 s", "+2.5 s", "+3 min 5 s"]
    for words in (
        "Full run",
        "Full run completed: 2 created, 1 deleted in 3 min 5 s.",
        "Waited 3 min 2 s for the next attempt",
        "(attempt 1 of 5)",
        "3 entries, oldest first. These are all.",
        ">900<",
        f"/syncs/{sync_id()}",
        "none seen",
        "tick-warning",
    ):
        assert words in html
    assert html.count("data-log-key=") == 3
    assert html.count('button class="row-open" type="button" aria-expanded="false"') == 3
    assert '<h2 id="h-failure">' not in html


def test_a_silence_is_a_pause_and_a_failure_is_explained(viewer, project):
    now = timezone.now()
    store(
        project,
        entry(timestamp=now - timedelta(seconds=90), syncEvent="INCREMENTAL_SYNC_STARTED"),
        error_entry(timestamp=now - timedelta(seconds=30)),
        now=now,
    )
    html = page(viewer, project)
    assert "1 min without a log" in html
    assert '<h2 id="h-failure">Why</h2>' in html
    assert "The customer has to reconnect the account" in html


def test_the_runs_beside_it_are_one_step_away(viewer, project):
    now = timezone.now()
    starts = [now - timedelta(minutes=50 - 10 * number) for number in range(4)]
    store(project, *run(at=starts[0]), *run(at=starts[1], event="FULL_SYNC", syncType="FULL"), now=now)
    store(project, error_entry(timestamp=starts[2], traceId="bad"), *run(at=starts[3]), now=now)
    html = page(viewer, project, "bad")
    names = [f"run-1-{start.timestamp():.0f}" for start in starts]
    assert re.search(rf'href="[^"]*/traces/{names[1]}" rel="prev"', html)
    assert re.search(rf'href="[^"]*/traces/{names[3]}" rel="next"', html)
    # The last good run of the same kind is the one before the full run.
    assert re.search(rf'Last good run before it, incremental</dt><dd><a href="[^"]*/traces/{names[0]}"', html)
    first = page(viewer, project, names[0])
    assert "No run before" in first
    assert 'rel="prev"' not in first


def test_runs_of_other_syncs_and_projects_are_not_beside_it(viewer, project):
    now = timezone.now()
    store(project, *run(at=now - timedelta(minutes=9)), *run(at=now - timedelta(minutes=7), name="other"), now=now)
    store(ProjectFactory(), *run(at=now - timedelta(minutes=5)), now=now)
    name = f"run-1-{(now - timedelta(minutes=9)).timestamp():.0f}"
    html = page(viewer, project, name)
    assert 'rel="next"' not in html
    assert 'rel="prev"' not in html


def test_two_runs_of_one_instant_are_one_after_the_other(project):
    now = timezone.now()
    store(project, entry(timestamp=now, traceId="a"), entry(timestamp=now, traceId="b"), now=now)
    first, second = Trace.objects.of(project).order_by("pk")
    assert timeline.beside(first, project) == timeline.Beside(None, second, None)
    assert timeline.beside(second, project).previous == first


def test_a_long_run_is_cut_with_a_note(viewer, project):
    now = timezone.now()
    first = now - timedelta(minutes=30)
    store(project, *(entry(timestamp=first + timedelta(seconds=step)) for step in range(503)), now=now)
    html = page(viewer, project)
    assert html.count("data-log-key=") == 500
    assert "The first 500 of 503 entries." in html


def test_a_trace_without_a_sync_has_a_page(viewer, project):
    store(
        project,
        entry(
            syncId=None, userId=None, integration=None, pipeline=None, syncType=None, type="workflow", syncEvent=None
        ),
    )
    html = page(viewer, project)
    assert "Sync without an integration" in html
    assert "not named" in html


def test_the_queries_of_a_run_do_not_grow_and_stay_in_its_time(viewer, project):
    now, counts = timezone.now(), []
    store(project, entry(timestamp=now - timedelta(hours=1)), now=now)
    page(viewer, project)
    for count in (10, 50):
        store(project, *(entry(timestamp=now - timedelta(minutes=number)) for number in range(count)), now=now)
        with CaptureQueriesContext(connection) as queries:
            page(viewer, project)
        counts.append(len(queries))
        for query in queries:
            if "synclogs_logentry" in query["sql"]:
                assert '"occurred_at" >=' in query["sql"]
                assert "LIMIT 501" in query["sql"]
    assert counts[0] == counts[1]


# Geometry


def test_bars_stand_on_each_other_and_small_ones_stay_in_sight():
    bars = charts.stacked([[("error", 1), ("rest", 999)], [("error", 0), ("rest", 0)]])
    assert bars.top == 1000
    assert bars.view_box == "0 0 24 100"
    error, rest = bars.bars[0].parts
    assert (error.kind, error.y, error.height) == ("error", 97.0, 3.0)
    assert rest.y + rest.height == pytest.approx(97.0)
    assert rest.y >= 0
    assert bars.bars[1].parts == ()


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (200, 200), (201, 500)])
def test_the_upper_edge_is_a_round_number(value, top):
    assert charts.nice(value) == top


def test_ticks_of_an_instant_stand_at_its_start():
    zero = timedelta(0)
    assert charts.ticks([(zero, "info")], length=zero) == (charts.Tick(0.0, "info"),)
    assert charts.stacked([]).width > 0
