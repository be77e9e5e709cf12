"""Sync pages: content, refusals, and no more reads than they show."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from synclogs.models import ConnectedUser, LogEntry, Project, Sync
from tests.factories import ProjectFactory, entry, error_entry, member, run, store, sync_id

pytestmark = pytest.mark.django_db
ROW = re.compile(r"<tr data-row>")


@pytest.fixture
def project(db) -> Project:
    return ProjectFactory()


@pytest.fixture
def viewer(client: Client, project: Project) -> Client:
    client.force_login(member(project))
    return client


def page(client: Client, project: Project, query: str = "") -> str:
    response = client.get(f"/p/{project.slug}/syncs{query}")
    assert response.status_code == 200
    return response.content.decode()


def many(project: Project, count: int) -> None:
    """Good syncs, each of a user of its own, one minute apart; a single good run each."""
    now = timezone.now()
    entries: list[dict[str, Any]] = []
    for number in range(count):
        entries += run(at=now - timedelta(minutes=number + 1), name=number, userId=f"acct_{number}")
    store(project, *entries, now=now)


def titles(html: str) -> list[str]:
    return re.findall(r'class="row-title" href="[^"]*/syncs/([^"]+)"', html)


# The list


def test_a_list_without_syncs_says_how_to_begin(viewer, project):
    html = page(viewer, project)
    assert "No sync has been seen yet" in html
    assert "How to send the first log" in html


def test_a_row_says_what_is_going_on(viewer, project):
    store(project, *run(at=timezone.now() - timedelta(minutes=5)), error_entry())
    ConnectedUser.objects.filter(project=project).update(name="Ada & Co")
    html = page(viewer, project)
    assert "Google Drive, files" in html
    assert "Ada &amp; Co" in html
    assert 'data-status="ERRORED"' in html
    assert "Stopped with an error" in html
    assert "the connected account is no longer valid" in html


def test_the_newest_sign_of_life_comes_first(viewer, project):
    many(project, 5)
    assert titles(page(viewer, project)) == [sync_id(number) for number in range(5)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?status=ERRORED", {"bad"}),
        ("?status=ERRORED&status=IDLE", {"bad", "good", "quiet"}),
        ("?status=NEW_STATE", set()),
        ("?integration=jira", {"quiet"}),
        ("?integration=jira&integration=box", {"quiet", "good"}),
        ("?pipeline=tickets", {"quiet"}),
        ("?user=acct_bad", {"bad"}),
        ("?user=acct", set()),
        ("?q=ACCT_B", {"bad"}),
        ("?q=acme", {"good"}),
        ("?q=%25", set()),
        ("?q=_", {"bad", "good", "quiet"}),
        (f"?q={sync_id('good')}", {"good"}),
        (f"?q={sync_id('good').upper()}", {"good"}),
        (f"?q={sync_id('good').replace('-', '')}", {"good"}),
        (f"?q={sync_id('good')[:8]}", {"good"}),
        ("?attention=any", {"bad", "quiet"}),
        ("?attention=errored", {"bad"}),
        ("?attention=silent", {"quiet"}),
        ("?attention=errored&attention=silent", {"bad", "quiet"}),
        ("?attention=stuck", set()),
        ("?attention=any&integration=jira", {"quiet"}),
    ],
)
def test_the_list_is_narrowed_by_every_filter(viewer, project, query, expected):
    now = timezone.now()
    store(
        project,
        error_entry(syncId=sync_id("bad"), userId="acct_bad"),
        *run(at=now - timedelta(minutes=2), name="good", userId="acct_good", integration="box"),
        *run(at=now - timedelta(hours=3), name="quiet", userId="acct_quiet", integration="jira", pipeline="tickets"),
        now=now,
    )
    Sync.objects.filter(project=project).update(cadence_seconds=300)
    ConnectedUser.objects.filter(project=project, user_id="acct_good").update(company="Acme 2000")
    names = {sync_id(name): name for name in ("bad", "good", "quiet")}
    html = page(viewer, project, query)
    assert {names[title] for title in titles(html)} == expected
    assert ("Nothing matches" in html) is (not expected)


def test_tabs_count_each_kind_among_the_matching_syncs(viewer, project):
    store(project, error_entry(syncId=sync_id("a")), error_entry(syncId=sync_id("b"), integration="jira"))
    html = page(viewer, project, "?integration=jira")
    assert re.search(r"All <span class=\"count\">1</span>", html)
    assert re.search(r"Stopped <span class=\"count\">1</span>", html)
    assert "Stuck" not in html


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?colour=red", "There is no such filter."),
        ("?stats=IDLE", "Did you mean status?"),
        ("?attention=everything", "everything"),
        ("?q=" + "a" * 257, "at most 256"),
        ("?q=%00", "Null characters"),
        ("?status=%00", "Null characters"),
        ("?status=" + "a" * 257, "at most 256"),
        ("?" + "&".join(f"user={number}" for number in range(101)), "At most 100 values."),
        ("?before=1", "damaged"),
        ("?after=zz-zz", "damaged"),
    ],
)
def test_what_cannot_be_read_is_a_400_with_words_and_no_rows(viewer, project, query, words):
    store(project, entry())
    response = viewer.get(f"/p/{project.slug}/syncs{query}")
    html = response.content.decode()
    assert response.status_code == 400
    assert words in html
    assert not titles(html)
    assert "Clear the filters" in html


def test_pages_go_on_by_keyset_and_keep_the_filters(viewer, project):
    many(project, 53)
    first = page(viewer, project, "?integration=googledrive")
    older = re.search(r'href="(\?[^"]*before=[^"]+)"', first)
    assert older
    assert "integration=googledrive" in older[1]
    second = page(viewer, project, older[1].replace("&amp;", "&"))
    assert len(titles(first)) == 50
    assert titles(first) + titles(second) == [sync_id(number) for number in range(53)]
    newer = re.search(r'href="(\?[^"]*after=[^"]+)"', second)
    assert newer
    assert titles(page(viewer, project, newer[1].replace("&amp;", "&"))) == titles(first)


def test_the_queries_of_the_list_do_not_grow_with_its_rows(viewer, project):
    page(viewer, project)  # the session remembers the project from here on
    counts = []
    for count in (10, 50):
        many(project, count)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page(viewer, project)
        counts.append(len(queries))
        assert not any("OFFSET" in query["sql"] for query in queries)
        assert not any("synclogs_logentry" in query["sql"] for query in queries)
    assert counts[0] == counts[1]


def test_a_chosen_value_stays_ticked_even_when_no_sync_has_it(viewer, project):
    html = page(viewer, project, "?integration=gone&user=acct_1")
    assert re.search(r'name="integration" value="gone" checked', html)
    assert '<input type="hidden" name="user" value="acct_1">' in html


# The page of one sync


def one(client: Client, project: Project, name: object = 1) -> str:
    response = client.get(f"/p/{project.slug}/syncs/{sync_id(name)}")
    assert response.status_code == 200
    return response.content.decode()


def test_a_stopped_sync_says_why_whose_side_and_what_to_do(viewer, project):
    now = timezone.now()
    store(
        project,
        *run(at=now - timedelta(hours=2)),
        error_entry(timestamp=now - timedelta(minutes=30), traceId="bad-run"),
    )
    html = one(viewer, project)
    verdict = re.search(r"<p class=\"verdict-title\" data-verdict[^>]*>([^<]+)<", html)
    assert verdict
    assert verdict[1] == "Stopped with an error 30 minutes ago: the connected account is no longer valid."
    for words in (
        'data-status="ERRORED"',
        "Sign in again",
        "The customer&#x27;s side",
        "The customer has to reconnect the account; then re-enable the sync.",
        "code invalid_grant, HTTP 401",
        "You need the role operator",
        "4 created, 11 updated in 8 s",
        "later changes are missing",
        "bad-run",
        "All logs of this sync",
        f"logs?sync={sync_id()}",
    ):
        assert words in html
    assert 'data-action="reenable"' not in html
    assert "<form" not in html.replace('<form class="search"', "").replace('<form action="/accounts/logout/"', "")


def test_a_working_sync_is_said_to_work(viewer, project):
    store(project, *run(at=timezone.now() - timedelta(minutes=3)))
    html = one(viewer, project)
    assert "Working: the last run finished" in html
    assert "No log of this sync has told of an error." in html
    assert "This is the only sync of this user." in html
    assert "To get it going" not in html


def test_an_id_in_capitals_or_without_hyphens_is_the_same_sync(viewer, project):
    store(project, entry())
    for text in (sync_id().upper(), sync_id().replace("-", "")):
        assert viewer.get(f"/p/{project.slug}/syncs/{text}").status_code == 200


def test_the_last_runs_are_lamps_columns_and_a_table(viewer, project):
    now = timezone.now()
    for number in range(65):
        store(project, *run(at=now - timedelta(minutes=80 - number)), now=now)
    html = one(viewer, project)
    lamps = re.findall(
        r'<a class="strip-lamp tone-(\w+)" href="([^"]+)" title="([^"]+)" aria-label="\3" tabindex="(-?\d)"', html
    )
    assert len(lamps) == 60
    assert [tab for *_, tab in lamps] == ["-1"] * 59 + ["0"]
    names = [f"/traces/run-1-{(now - timedelta(minutes=80 - number)).timestamp():.0f}" for number in range(5, 65)]
    assert [
        url[-len(name) :] for (_, url, _, _), name in zip(lamps, names, strict=True)
    ] == names  # the newest on the right
    assert lamps[-1][2].startswith("Completed, incremental, 20")
    assert lamps[-1][2].endswith("UTC, took 8 s, 4 created, 11 updated")
    assert html.count('class="bar-ok"') == 60
    assert html.count('class="strip-changes"') == 60
    assert 'class="strip-usual" x1="0" x2="100%"' in html
    assert "60 completed</li>" in html
    assert "50 older runs as a table" in html
    table = html[html.index('class="table table-stack runs-table"') :]
    assert len(ROW.findall(table[: table.index("</table>")])) == 10
    assert len(ROW.findall(html[html.index('id="runs"') : html.index('id="h-errors"')])) == 60


def test_the_warnings_and_errors_of_a_run_lead_to_them(viewer, project):
    now = timezone.now()
    for minutes in (5, 4, 3):
        store(project, entry(timestamp=now - timedelta(minutes=minutes), level="WARN", syncEvent="SYNC_RUN_WARNING"))
    store(project, error_entry(timestamp=now - timedelta(minutes=2)), error_entry(traceId="another"))
    for page in (one(viewer, project), viewer.get(f"/p/{project.slug}/traces/trace-1").content.decode()):
        links = re.findall(r'href="([^"]*trace=trace-1&amp;level=\w+)">(\d)<', page)
        assert [number for _, number in links] == ["3", "1"]
        for address, number in links:
            listed = viewer.get(address.replace("&amp;", "&")).content.decode()
            assert listed.count("data-log-key=") == int(number)


def test_every_way_to_end_has_a_lamp_of_its_own(viewer, project):
    now = timezone.now()

    def after(minutes: int, name: str, event: str, **values: Any) -> dict[str, Any]:
        return entry(timestamp=now - timedelta(minutes=minutes), traceId=name, syncEvent=event, **values)

    store(
        project,
        *run(at=now - timedelta(hours=9)),
        after(500, "warned", "INCREMENTAL_SYNC_STARTED"),
        after(499, "warned", "SYNC_RUN_WARNING", level="WARN"),
        after(498, "warned", "INCREMENTAL_SYNC_COMPLETED"),
        after(400, "cut", "FULL_SYNC_INTERRUPTED", level="WARN"),
        after(300, "lost", "INCREMENTAL_SYNC_STARTED"),
        error_entry(timestamp=now - timedelta(minutes=200), traceId="bad"),
        after(9, "slow", "SYNC_RUN_RATE_LIMITED", level="WARN"),
        after(2, "on", "INCREMENTAL_SYNC_STARTED"),
        now=now,
    )
    html = one(viewer, project)
    outcomes = re.findall(
        r'aria-label="([^",]+)[^"]*" tabindex="-?\d" data-outcome="\w+"><svg[^>]*><use href="[^#"]+#(\w+)"', html
    )
    assert outcomes == [
        ("Completed", "ok"),
        ("Completed with warnings", "warning"),
        ("Interrupted", "interrupted"),
        ("No end seen", "clock"),
        ("Failed", "error"),
        ("Rate limited", "limited"),
        ("Running", "active"),
    ]


def test_runs_can_be_narrowed_to_a_sync_type(viewer, project):
    now = timezone.now()
    store(project, *run(at=now - timedelta(minutes=9)), *run(at=now - timedelta(minutes=8)), now=now)
    assert "Runs of which sync type" not in one(viewer, project)
    store(project, *run(at=now - timedelta(minutes=7), event="FULL_SYNC", syncType="FULL"), now=now)
    address = f"/p/{project.slug}/syncs/{sync_id()}"
    for query, runs, lamps in (
        ("", 3, 3),
        ("?sync_type=FULL", 1, 0),
        ("?sync_type=INCREMENTAL", 2, 2),
        ("?sync_type=%00", 0, 0),
        ("?sync_type=-", 0, 0),  # none without a name
    ):
        html = viewer.get(address + query).content.decode()
        assert len(ROW.findall(html[html.index('id="runs"') : html.index('id="h-errors"')])) == runs
        assert html.count('class="strip-lamp ') == lamps  # one alone is not compared with anything
        assert f'href="{address}?sync_type=FULL#runs"' in html
    assert "No such run has been seen" in html


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (25, "Longer than usual: the last run took 25 s, 3 times the usual 8 s."),
        (24, ""),
        (8, ""),
    ],
)
def test_a_run_that_took_longer_than_usual_is_said_to(viewer, project, seconds, words):
    now = timezone.now()
    for number in range(6):
        store(project, *run(at=now - timedelta(minutes=40 - number)), now=now)
    store(project, *run(at=now - timedelta(minutes=2), summary={"created": 1, "durationMs": seconds * 1000}), now=now)
    html = one(viewer, project)
    assert ("Longer than usual" in html) is bool(words)
    assert words in html


def test_a_run_that_does_not_end_is_longer_than_usual_too(viewer, project):
    now = timezone.now()
    for number in range(6):
        store(project, *run(at=now - timedelta(minutes=40 - number)), now=now)
    begun = entry(timestamp=now - timedelta(minutes=4), syncEvent="INCREMENTAL_SYNC_STARTED", traceId="on")
    store(project, begun, now=now)
    assert "the run that has not ended goes on for 4 min" in one(viewer, project)


def test_errors_of_one_kind_are_one_entry_with_their_number(viewer, project):
    now = timezone.now()
    broken = {"recoverability": "NON_RECOVERABLE", "httpStatus": 503}
    store(
        project,
        *(error_entry(timestamp=now - timedelta(minutes=number)) for number in range(1, 4)),
        error_entry(timestamp=now - timedelta(minutes=9), error=broken),
        now=now,
    )
    html = one(viewer, project)
    assert "3 like it" in html
    assert "Other kinds, in the week up to the last one" in html
    assert "The integration had an internal failure" in html


def test_other_syncs_of_the_same_user_are_offered(viewer, project):
    store(project, entry(), entry(syncId=sync_id("other"), integration="jira", pipeline="tickets", traceId="t2"))
    assert "Jira, tickets" in one(viewer, project)


def test_a_sync_that_names_nothing_still_has_a_page(viewer, project):
    bare = dict.fromkeys(("userId", "integration", "pipeline", "syncType", "traceId"))
    store(project, entry(**bare, syncEvent="SOMETHING_NEW"))
    html = one(viewer, project)
    assert "Sync without an integration" in html
    assert "No log names the user of this sync." in html
    assert "State not known" in html


def test_hostile_values_stay_text(viewer, project):
    evil = "<img src=x onerror=alert(1)>"
    error = {"errorCode": evil[:20], "message": evil, "recoverability": evil}
    store(
        project, error_entry(userId=evil, integration=evil, pipeline=evil, message=evil, credentialId=evil, error=error)
    )
    for html in (one(viewer, project), page(viewer, project)):
        assert "<img" not in html.replace('<img src="/static/', "")
        assert "&lt;img src=x" in html


@pytest.mark.parametrize("duration", [0, 10**15, 10**18])
def test_an_absurd_duration_does_no_harm(viewer, project, duration):
    summary = {"created": 10**18, "durationMs": duration}
    now = timezone.now()
    store(
        project,
        entry(summary=summary, timestamp=now - timedelta(hours=3)),
        entry(syncEvent="INCREMENTAL_SYNC_STARTED", timestamp=now - timedelta(hours=2)),
    )
    one(viewer, project)
    page(viewer, project, "?attention=any")


def test_the_queries_of_a_sync_do_not_grow_and_stay_in_its_time(viewer, project):
    store(project, entry())
    one(viewer, project)
    now, counts = timezone.now(), []
    for count in (10, 50):
        for number in range(count):
            at = now - timedelta(minutes=5 * number + 5)
            store(project, *run(at=at), error_entry(timestamp=at - timedelta(seconds=30)), now=now)
        with CaptureQueriesContext(connection) as queries:
            one(viewer, project)
        counts.append(len(queries))
        for query in queries:
            if "synclogs_logentry" in query["sql"]:
                assert '"occurred_at" >=' in query["sql"]
                assert "LIMIT" in query["sql"]
    assert counts[0] == counts[1]


def test_entries_past_the_retention_leave_a_page_that_says_so(viewer, project):
    store(project, entry())
    LogEntry.objects.of(project).delete()
    assert "No logs are kept" in one(viewer, project)
