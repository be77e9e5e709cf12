"""Time zone of the reader: chosen by a cookie, always named, and everything but pages in UTC."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

from portal.links import querystring
from portal.log import rows
from synclogs import explain
from synclogs.explain import times
from synclogs.models import LogEntry, Project
from tests.factories import ProjectFactory, api_key, bearer, entry, member, store

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("name", "moment", "words"),
    [
        ("UTC", NOW, "2026-11-23 14:00:00 UTC"),
        ("Etc/UTC", NOW, "2026-11-23 14:00:00 UTC"),
        (BERLIN, NOW, "2026-11-23 15:00:00 CET"),
        (BERLIN, datetime(2026, 7, 1, tzinfo=UTC), "2026-07-01 02:00:00 CEST"),
        (BERLIN, datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25 02:30:00 CEST"),
        (BERLIN, datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25 02:30:00 CET"),
        ("Asia/Dubai", NOW, "2026-11-23 18:00:00 UTC+04:00"),
        ("America/Sao_Paulo", NOW, "2026-11-23 11:00:00 UTC-03:00"),
        ("Asia/Kathmandu", NOW, "2026-11-23 19:45:00 UTC+05:45"),
        ("Asia/Dubai", datetime.max.replace(tzinfo=UTC), "9999-12-31 23:59:59 UTC"),
    ],
)
def test_a_moment_is_written_in_the_zone_with_its_name(name: str, moment: datetime, words: str) -> None:
    with timezone.override(ZoneInfo(name)):
        assert times.exact(moment) == words


def test_every_way_of_writing_a_moment_follows_the_zone() -> None:
    late = datetime(2026, 11, 22, 23, 30, 5, 250_000, tzinfo=UTC)  # 00:30 of the next day in Berlin
    page = Template("{% load portal %}{% when at form %} {{ at|hour }} {{ at|exact }} {{ at|zone }} {{ at|stamp }}")
    with timezone.override(ZoneInfo(BERLIN)):
        assert explain.clock(late, now=NOW) == "00:30 CET"
        assert explain.clock(late - timedelta(hours=1), now=NOW) == "23:30 CET yesterday"
        assert explain.moment_words(late, now=NOW) == "00:30 CET, 14 hours ago"
        assert times.day(late) == "Monday, 23 November 2026"
        assert querystring.range_words("2026-11-22T23:30:05Z", "") == "Since 2026-11-23 00:30:05 CET"
        assert querystring.range_words("7d", "2026-07-01 12:00") == "From 7 days ago until 2026-07-01 14:00 CEST"
        html = page.render(Context({"at": late, "form": "full", "now": NOW}))
    assert "00:30:05.250 CET, 14 hours ago</time> 00:30 CET 2026-11-23 00:30:05 CET CET 2026-11-22T23:30:05.25" in html
    assert explain.clock(late, now=NOW) == "23:30 UTC yesterday"


@pytest.mark.django_db
def test_the_heads_of_days_follow_the_zone_and_say_when_clocks_change() -> None:
    project = ProjectFactory()
    moments = [datetime(2026, 10, day, hour, 30, tzinfo=UTC) for day, hour in ((25, 1), (25, 0), (24, 22), (24, 21))]
    found = [LogEntry(key=f"{n:032x}", occurred_at=at, type="x", level=20) for n, at in enumerate(moments)]
    with timezone.override(ZoneInfo(BERLIN)):
        lines = rows.lines(found, project, now=NOW)
    assert [line.day for line in lines] == [
        "Sunday, 25 October 2026, CET",
        "Sunday, 25 October 2026, CEST",
        "",
        "Saturday, 24 October 2026, CEST",
    ]
    assert [line.drawn.split("</time>")[0].rsplit(">")[-1][:5] for line in lines] == [
        "02:30",
        "02:30",
        "00:30",
        "23:30",
    ]
    assert 'datetime="2026-10-25T01:30:00Z" title="2026-10-25 02:30:00 CET, ' in lines[0].drawn


@pytest.fixture
def project(db: None) -> Project:
    project = ProjectFactory()
    store(project, entry(id="one", timestamp=timezone.now() - timedelta(minutes=3)))
    return project


@pytest.fixture
def viewer(client: Client, project: Project) -> Client:
    client.force_login(member(project))
    return client


def test_pages_follow_the_cookie_and_nothing_of_it_stays(viewer: Client, project: Project) -> None:
    path = f"/p/{project.slug}/logs"
    viewer.cookies["zone"] = "Asia/Kathmandu"
    html = viewer.get(path).content.decode()
    assert "Time (UTC+05:45)" in html
    assert "(Asia/Kathmandu)" in html
    assert timezone.get_current_timezone_name() == "UTC"
    del viewer.cookies["zone"]
    response = viewer.get(path)
    assert "Time (UTC)" in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    assert "Cookie" in response.headers["Vary"]


@pytest.mark.parametrize("page", ["", "syncs", "traces/trace-1", "users/acct_1", "integrations/googledrive", "logs"])
def test_no_page_writes_utc_beside_a_time_of_another_zone(viewer: Client, project: Project, page: str) -> None:
    viewer.cookies["zone"] = "Asia/Kathmandu"
    html = viewer.get(f"/p/{project.slug}/{page}".rstrip("/") if page else f"/p/{project.slug}/").content.decode()
    assert "UTC+05:45" in html
    body = html[html.index("<main") :].replace("a time in UTC", "")
    assert "UTC" not in body.replace("UTC+05:45", "")


@pytest.mark.parametrize(
    "text", ["", "UTC", "Mars/Base", "../../etc/passwd", "Europe/Berlin\x00", "é", "a" * 4000, "%"]
)
def test_any_other_cookie_means_utc(viewer: Client, project: Project, text: str) -> None:
    response = viewer.get(
        f"/p/{project.slug}/logs", headers={"Cookie": f"session={viewer.cookies['session'].value}; zone={text}"}
    )
    assert response.status_code == 200
    assert "Time (UTC)" in response.content.decode()


def test_the_api_and_the_administration_stay_in_utc(client: Client, project: Project) -> None:
    _, key = api_key(project)
    client.cookies["zone"] = BERLIN
    answer = client.get("/api/v1/logs", headers=bearer(key)).content.decode()
    assert '"one"' in answer
    assert "+01:00" not in answer
    admin = member(project)
    admin.is_staff = admin.is_superuser = True
    admin.save()
    client.force_login(admin)
    html = client.get("/admin/synclogs/logentry/").content.decode()
    assert "CET" not in html
