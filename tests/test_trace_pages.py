"""Run page: verdict, offsets, pauses, neighbouring runs; bounded however long the run was."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.drawing import charts
from synclogs.models import LogEntry, Project, Trace
from synclogs.reading import timeline
from tests.factories import ProjectFactory, entry, error_entry, member, rfc3339, run, store, sync_id

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
        "Waited 3 min 2 s for the next attempt, attempt 1 of 5",
        "3 entries, oldest first. These are all.",
        ">900<",
        f"/syncs/{sync_id()}",
        "none seen",
        "No earlier full run of this sync is known to have completed",
        "wf-warning",
        "wf-started",
        "wf-completed",
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
    assert timeline.beside(first, project) == timeline.Neighbours(None, second, None)
    assert timeline.beside(second, project).previous == first


def test_of_a_long_run_both_ends_are_shown(viewer, project):
    now = timezone.now()
    first = now - timedelta(minutes=30)
    # Each of the first waits for the next attempt; the pause where entries are left out is none.
    retry = {"error": {"backoffMs": 500}}
    steps = [entry(timestamp=first + timedelta(seconds=step), **retry) for step in range(502)]
    store(project, *steps, error_entry(timestamp=first + timedelta(seconds=502), message="at the very end"), now=now)
    (trace,) = Trace.objects.of(project)
    line = timeline.timeline(trace, project)
    offsets = [moment.offset.total_seconds() for moment in line.moments]
    assert offsets == [*range(400), *range(403, 503)]
    assert line.cut == len(line.beginning) == 400
    assert [moment for moment in line.moments if moment.pause is not None] == []
    assert all(wait.start == line.moments[wait.number].offset for wait in line.waits)
    assert {399, 499}.isdisjoint(wait.number for wait in line.waits)
    assert len(line.waits) == 498
    html = page(viewer, project)
    assert html.count("data-log-key=") == 500
    assert "3 entries between these are left out here" in html
    assert "500 of 503 entries, from both ends." in html
    assert "500 of 503 entries in 8 min" in html
    assert "at the very end" in html


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


# The waterfall


def test_each_mark_leads_to_a_row_and_one_of_them_is_the_tab_stop(viewer, project):
    now = timezone.now()
    store(
        project,
        entry(timestamp=now - timedelta(minutes=9), syncEvent="INCREMENTAL_SYNC_STARTED"),
        *(entry(timestamp=now - timedelta(minutes=5), syncEvent="PAGE_READ", message=f"{n}") for n in range(37)),
        error_entry(timestamp=now - timedelta(minutes=4)),
        now=now,
    )
    html = page(viewer, project)
    marks = re.findall(r'<a class="wf-mark wf-(\w+)" href="#(e-[^"]+)" tabindex="(-?\d)" aria-label="([^"]+)"', html)
    assert [(shape, tab) for shape, _, tab, _ in marks] == [("started", "0"), ("info", "-1"), ("error", "-1")]
    assert all(f'<li class="row" id="{target}"' in html for _, target, _, _ in marks)
    assert marks[1][3].startswith("37 entries, all at +4 min")
    assert 'class="wf-count" y="4">37<' in html
    assert "4 min without a log" in html
    assert "Webhooks</span>" not in html


def test_a_wait_ends_where_it_was_announced_to_end(project):
    at = timezone.now() - timedelta(hours=1)

    def limited(seconds: float, **retry: Any) -> dict[str, Any]:
        return entry(timestamp=at + timedelta(seconds=seconds), syncEvent="SYNC_RUN_RATE_LIMITED", error=retry)

    store(
        project,
        limited(0, backoffMs=30_000, attempt=1, maxAttempts=5),
        entry(timestamp=at + timedelta(seconds=3), syncEvent="CURSOR_KEPT"),  # no step of the run: the wait goes on
        limited(30, retry={"nextRetryAt": rfc3339(at + timedelta(seconds=90)), "attempt": 2}),
        limited(600, nextRetryAt="soon"),
        limited(700, nextRetryAt=rfc3339(at)),
        limited(800, backoffMs=60_000),
    )
    line = timeline.timeline(Trace.objects.get(project=project), project)
    told = [(wait.start.seconds, wait.end.seconds, wait.attempt, wait.most, wait.is_open) for wait in line.waits]
    assert told == [
        (0, 30, 1, 5, False),
        (30, 90, 2, None, False),
        (600, 700, None, None, False),
        (800, 860, None, None, True),
    ]
    assert [moment.waited for moment in line.moments] == [False, True, False, True, True, False]


# What changed since it last worked


def changed(html: str) -> str:
    section = html[html.index('<section class="section" id="changed"') :]
    return re.sub(r"\s+", " ", section[: section.index("</section>")])


def test_a_failed_run_is_compared_with_the_last_good_one(viewer, project):
    now = timezone.now()
    at = now - timedelta(minutes=30)
    store(project, *run(at=now - timedelta(minutes=40), credentialId="cred-old"), now=now)
    common = {"traceId": "bad", "credentialId": "cred-old", "syncStatus": "ACTIVE"}
    limit = {"recoverability": "RECOVERABLE", "httpStatus": 429}
    store(
        project,
        entry(timestamp=at, syncEvent="INCREMENTAL_SYNC_STARTED", **common),
        entry(
            timestamp=at + timedelta(seconds=4),
            level="WARN",
            error=limit,
            **{**common, "syncEvent": "SYNC_RUN_RATE_LIMITED"},
        ),
        error_entry(timestamp=at + timedelta(minutes=4), traceId="bad", credentialId="cred-old"),
        now=now,
    )
    html = page(viewer, project, "bad")
    sentence = (
        "The first step is like in the last good run, then they part: "
        "this run was rate limited (HTTP 429), the good one completed."
    )
    assert html.count(sentence) == 2  # beside the verdict, and at the section
    section = changed(html)
    assert "First difference: rate limited (HTTP 429) here; completed in the good run" in section
    assert "1 step alike" in section
    assert '<details class="card diff tone-error" open>' in section
    assert re.search(r'<th scope="row">Took</th><td class="num">8 s</td><td class="num">4 min</td>', section)
    assert re.search(r'Created</th><td class="num">4</td><td class="num"><span class="faint">not said', section)


def test_a_good_run_is_compared_quietly(viewer, project):
    now = timezone.now()
    starts = [now - timedelta(minutes=20), now - timedelta(minutes=10)]
    first, second = run(at=starts[0], credentialId="cred-1"), run(at=starts[1], credentialId="cred-2")
    store(project, *first, *second, now=now)
    html = page(viewer, project, f"run-1-{starts[1].timestamp():.0f}")
    section = changed(html)
    assert "Compared with the good run before it" in section
    assert " open>" not in section
    assert "credential is not the same at the step “started”" in section
    assert "parting" not in html


def test_a_sync_that_never_completed_has_nothing_to_compare_with(viewer, project):
    now = timezone.now()
    store(project, entry(timestamp=now - timedelta(minutes=5), syncEvent="INITIAL_SYNC_STARTED"), now=now)
    html = page(viewer, project)
    assert "This sync has never completed a run; nothing to compare with." in html
    assert "No log for 5 minutes, until now" in html


def test_a_run_that_goes_on_is_like_the_good_one_so_far(viewer, project):
    now = timezone.now()
    store(project, *run(at=now - timedelta(minutes=20)), now=now)
    begun = {"syncEvent": "INCREMENTAL_SYNC_STARTED", "syncStatus": "ACTIVE", "traceId": "on"}
    store(project, entry(timestamp=now - timedelta(minutes=1), **begun), now=now)
    assert "So far every step is like in the last good run." in changed(page(viewer, project, "on"))


def test_a_good_run_whose_entries_are_gone_leaves_its_numbers(viewer, project):
    now = timezone.now()
    good = now - timedelta(minutes=20)
    store(project, *run(at=good), error_entry(timestamp=now - timedelta(minutes=1), traceId="bad"), now=now)
    LogEntry.objects.of(project).filter(trace_id__startswith="run-").delete()
    section = changed(page(viewer, project, "bad"))
    assert "not kept any more" in section
    assert "Took" in section


def test_hostile_values_of_both_runs_stay_text(viewer, project):
    now, evil = timezone.now(), "<img src=x onerror=alert(1)>\u202e"
    store(project, *run(at=now - timedelta(minutes=20), credentialId=evil[:20], configuration={evil: evil}), now=now)
    bad = {"credentialId": "x", "configuration": {evil: "y"}, "message": evil, "traceId": "bad"}
    store(project, entry(timestamp=now - timedelta(minutes=2), syncEvent="INCREMENTAL_SYNC_STARTED", **bad), now=now)
    store(project, entry(timestamp=now - timedelta(minutes=1), syncEvent=evil[:-1], **bad), now=now)
    html = page(viewer, project, "bad")
    assert "<img" not in html.replace('<img src="/static/', "")
    assert "\u202e" not in html
    assert "configuration.&lt;img" in changed(html)


def test_the_queries_do_not_grow_with_the_entries_compared(viewer, project):
    now, counts = timezone.now(), []
    store(project, entry(timestamp=now - timedelta(hours=9)), now=now)
    page(viewer, project)
    for count in (3, 60):
        good, bad = now - timedelta(minutes=2 * count + 30), now - timedelta(minutes=count)
        name = f"run-1-{good.timestamp():.0f}"
        more = [
            entry(timestamp=good + timedelta(seconds=n / 10), syncEvent="PAGE_READ", traceId=name) for n in range(count)
        ]
        store(project, *run(at=good), *more, now=now)
        store(
            project,
            *(
                entry(timestamp=bad + timedelta(seconds=n), syncEvent="PAGE_READ", traceId=f"b{count}")
                for n in range(count)
            ),
            now=now,
        )
        with CaptureQueriesContext(connection) as queries:
            assert "alike" in changed(page(viewer, project, f"b{count}"))
        counts.append(len(queries))
        assert sum("synclogs_logentry" in query["sql"] for query in queries) == 2
    assert counts[0] == counts[1]


# Geometry of charts


def test_bars_stand_on_each_other_and_small_ones_stay_in_sight():
    bars = charts.stacked([[("error", 1), ("rest", 999)], [("error", 0), ("rest", 0)]])
    assert bars.top == 1000
    assert bars.view_box == "0 0 24 100"
    error, rest = bars.bars[0].parts
    assert (error.kind, error.y, error.height) == ("error", 97.0, 3.0)
    assert rest.y + rest.height == pytest.approx(97.0)
    assert rest.y >= 0
    assert bars.bars[1].parts == ()
    assert charts.stacked([]).width > 0


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (2, 2), (3, 5), (6, 10), (11, 20), (200, 200), (201, 500)])
def test_the_upper_edge_is_a_round_number(value, top):
    assert charts.nice(value) == top
