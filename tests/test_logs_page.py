"""The log list, the context of an entry and its own page: what a browser gets."""

import json
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from portal.drawing import values
from portal.log import listing, payload
from synclogs.ingestion import ingest
from synclogs.models import LogEntry, Project
from synclogs.parsing import records
from tests.factories import ProjectFactory, UserFactory, entry, error_entry, member, store, sync_id

pytestmark = pytest.mark.django_db

ROW = re.compile(r'<li class="row" data-log-key="([0-9a-f-]{36})"')
HTMX = {"HX-Request": "true", "HX-Target": "logs"}
HOSTILE = "<img src=x onerror=alert(1)>\"'`{{7*7}} \u202egnp\x1b[31m"


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="demo", name="Demo")


@pytest.fixture
def signed_in(client: Client, project: Project) -> Client:
    client.force_login(member(project))
    return client


def keys(html: str) -> list[str]:
    return ROW.findall(html)


def state(html: str) -> str:
    found = re.search(r'data-state="(\w+)"', html)
    return found[1] if found else ""


def only(project: Project) -> LogEntry:
    return LogEntry.objects.of(project).get()


def test_it_shows_one_line_per_entry_with_everything_in_words(signed_in: Client, project: Project) -> None:
    store(project, entry(summary={"created": 4, "updated": 11, "deleted": 0}), error_entry())
    html = signed_in.get("/p/demo/logs").content.decode()
    assert len(keys(html)) == 2
    for words in (
        "Incremental sync completed",
        "Sync stopped with an error",
        "4 created, 11 updated",
        "Google Drive",
        sync_id()[:8],
        "acct_1",
        'data-level="error"',
        'aria-expanded="false"',
        'id="filters"',
        'id="logs"',
    ):
        assert words in html
    assert html.count("<h1") == html.count("<main") == 1


def test_the_filter_form_offers_every_filter_of_the_contract(signed_in: Client, project: Project) -> None:
    store(project, error_entry(syncStatus="ERRORED"))
    html = signed_in.get("/p/demo/logs").content.decode()
    form = html[html.index('id="filters"') : html.index("</form>", html.index('id="filters"'))]
    for name in (
        "type category level event sync_type status integration pipeline user sync trace error_code http_status"
        " recoverability since until"
    ).split():
        assert f'name="{name}"' in form, name
    assert 'name="type" value="managed_sync"' in form
    assert form.index("Type") < form.index("Level")
    assert 'value="NON_RECOVERABLE"' in form


def test_filters_include_exclude_and_keep_repeated_values(signed_in: Client, project: Project) -> None:
    store(project, entry(userId="a"), entry(userId="b"), entry(userId="c"), entry(userId="c", integration="box"))
    html = signed_in.get("/p/demo/logs?user=a&user=c&-integration=box").content.decode()
    assert len(keys(html)) == 2
    assert 'name="user" value="a" checked' in html
    assert 'name="user" value="c" checked' in html
    assert re.search(r'name="-integration" value="box"[^>]* checked', html)
    assert 'href="?user=c&amp;-integration=box"' in html  # the chip "User is a" without a
    assert "Integration is not" in html


def test_strangers_get_404_as_for_a_project_that_does_not_exist(client: Client, project: Project) -> None:
    store(project, entry())
    key = only(project).key
    client.force_login(member(ProjectFactory()))
    for path in ("/p/demo/logs", f"/p/demo/logs/{key}", f"/p/demo/logs/{key}/context", f"/p/demo/logs/{key}/json"):
        assert client.get(path).status_code == 404
    assert client.get("/p/no-such-project/logs").status_code == 404


def test_an_entry_of_another_project_is_not_found(signed_in: Client) -> None:
    other = ProjectFactory()
    store(other, entry())
    for tail in ("", "/context", "/json"):
        assert signed_in.get(f"/p/demo/logs/{only(other).key}{tail}").status_code == 404


def test_who_is_not_signed_in_goes_to_the_sign_in_page(client: Client, project: Project) -> None:
    response = client.get("/p/demo/logs?level=error")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/p/demo/logs%3Flevel%3Derror"


@pytest.mark.parametrize(
    "tail", ["", "/018f0000-0000-8000-8000-000000000000", "/018f0000-0000-8000-8000-000000000000/context"]
)
def test_other_methods_are_refused(signed_in: Client, tail: str) -> None:
    for method in (signed_in.post, signed_in.put, signed_in.patch, signed_in.delete):
        assert method(f"/p/demo/logs{tail}").status_code == 405


@pytest.mark.parametrize(
    ("query", "name", "words"),
    [
        ("level=loud", "level", "is not one of"),
        ("-level=loud", "level", "is not one of"),
        ("http_status=abc", "http_status", "from 100 to 599"),
        ("sync=abc", "sync", "A sync ID looks like"),
        ("since=yesterday", "since", "Use 15m"),
        ("since=9999-12-31T23:59:59-12:00", "since", "Use 15m"),
        ("until=2020-01-01T00:00Z", "until", "after the start"),
        ("user=" + "x" * 300, "user", "256"),
        ("error_code=a%00b", "error_code", "no entry can have"),
    ],
)
def test_a_bad_value_is_a_400_with_the_words_at_the_field(
    signed_in: Client, project: Project, query: str, name: str, words: str
) -> None:
    store(project, entry())
    response = signed_in.get(f"/p/demo/logs?{query}")
    html = response.content.decode()
    assert response.status_code == 400
    assert words in html[html.index(f'id="filter-error-{name}"') :].split("</p>")[0]
    assert keys(html) == []
    assert state(html) == "invalid"


def test_an_unknown_parameter_is_a_400_with_the_nearest_name(signed_in: Client, project: Project) -> None:
    store(project, entry())
    response = signed_in.get("/p/demo/logs?levl=error")
    assert response.status_code == 400
    assert "Did you mean level?" in response.content.decode()
    assert keys(response.content.decode()) == []


@pytest.mark.parametrize("cursor", ["before=zzz", "after=1-2", "before=ffffffffffffffff-" + "0" * 32])
def test_a_damaged_cursor_is_a_400(signed_in: Client, project: Project, cursor: str) -> None:
    store(project, entry())
    assert signed_in.get(f"/p/demo/logs?{cursor}").status_code == 400


def test_ten_rows_take_as_many_queries_as_fifty(
    signed_in: Client, project: Project, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    few = [entry(userId=f"u{number}", integration="box") for number in range(10)]
    many = [entry(userId=f"v{number}", syncId=sync_id(number)) for number in range(60)]
    store(project, *few, *many)
    signed_in.get("/p/demo/logs")
    with django_assert_max_num_queries(40) as ten:
        assert len(keys(signed_in.get("/p/demo/logs?integration=box").content.decode())) == 10
    with django_assert_max_num_queries(40) as fifty:
        assert len(keys(signed_in.get("/p/demo/logs?integration=googledrive").content.decode())) == 50
    assert len(ten) == len(fifty)


def test_pages_go_both_ways_and_show_each_entry_once_though_all_have_one_time(
    signed_in: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 4)
    moment = timezone.now() - timedelta(minutes=5)
    store(project, *(entry(timestamp=moment, userId="same") for _ in range(10)))
    url, pages = "/p/demo/logs?user=same", []
    while url:
        html = signed_in.get(url).content.decode()
        pages.append((keys(html), html))
        url = neighbour(html, "next")
    assert [len(found) for found, _ in pages] == [4, 4, 2]
    assert len({key for found, _ in pages for key in found}) == 10
    back = signed_in.get(neighbour(pages[-1][1], "prev")).content.decode()
    assert keys(back) == pages[1][0]
    assert keys(signed_in.get(neighbour(back, "prev")).content.decode()) == pages[0][0]


def neighbour(html: str, direction: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{direction}"', html)
    return "/p/demo/logs" + found[1].replace("&amp;", "&") if found else ""


def test_beyond_the_last_entry_the_list_says_so(signed_in: Client, project: Project) -> None:
    store(project, entry())
    html = signed_in.get("/p/demo/logs?after=" + "fffffffffffff-" + "f" * 32).content.decode()
    assert state(html) == "end"


def test_nothing_yet_shows_how_to_send_the_first_log_to_this_host(signed_in: Client) -> None:
    html = signed_in.get("/p/demo/logs").content.decode()
    assert state(html) == "empty"
    assert "curl http://testserver/api/v1/logs" in html
    body = re.search(r"-d &#x27;(\{.*?\})&#x27;|-d '(\{.*?\})'", html)
    assert body
    sent = json.loads((body[1] or body[2]).replace("&quot;", '"'))
    assert sent["type"] == "managed_sync"


def test_the_first_log_of_the_empty_page_is_one_that_ingest_takes(signed_in: Client, project: Project) -> None:
    html = signed_in.get("/p/demo/logs").content.decode()
    body = re.search(r"-d '(\{.*?\})'", html)
    assert body
    store(project, json.loads(body[1]))
    assert len(keys(signed_in.get("/p/demo/logs").content.decode())) == 1


def test_nothing_matches_offers_to_clear_the_filters_and_a_wider_range(signed_in: Client, project: Project) -> None:
    store(project, entry())
    html = signed_in.get("/p/demo/logs?user=nobody").content.decode()
    assert state(html) == "unmatched"
    assert "Clear the filters" in html
    assert 'href="?user=nobody&amp;since=7d"' in html


def test_logs_older_than_the_range_offer_the_wider_range(signed_in: Client, project: Project) -> None:
    store(project, entry(timestamp=timezone.now() - timedelta(days=3)))
    html = signed_in.get("/p/demo/logs").content.decode()
    assert state(html) == "unmatched"
    assert 'href="?since=7d"' in html


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_database_that_is_too_slow_is_said_in_the_list(signed_in: Client, headers: dict[str, str]) -> None:
    with patch("portal.log.listing.paging.page", side_effect=OperationalError("canceling statement")):
        response = signed_in.get("/p/demo/logs?level=error&since=30d", headers=headers)
    html = response.content.decode()
    assert response.status_code == 503
    assert state(html) == "failed"
    assert 'href="?level=error&amp;since=30d">Try again' in html
    assert "canceling" not in html


def test_htmx_gets_the_inside_of_the_list_and_the_url_without_blanks(signed_in: Client, project: Project) -> None:
    store(project, entry(), error_entry())
    form = "level=error&user=&sync=&since=24h&until=&columns=&form=filters"
    response = signed_in.get(f"/p/demo/logs?{form}", headers=HTMX, follow=True)
    html = response.content.decode()
    assert response.status_code == 200
    assert "<html" not in html
    assert 'id="filters"' not in html
    assert len(keys(html)) == 1
    assert response["HX-Push-Url"] == "/p/demo/logs?level=error"
    assert response["X-Fragment"] == "logs"
    assert 'id="filters-used" hx-swap-oob="true">1 active' in html


def test_the_list_in_view_is_not_pushed_again(signed_in: Client) -> None:
    def pushed(current: str) -> bool:
        headers = HTMX | {"HX-Current-URL": f"http://testserver/p/demo/{current}"}
        return "HX-Push-Url" in signed_in.get("/p/demo/logs?level=error&user=a%20b", headers=headers)

    assert not pushed("logs?level=error&user=a+b")
    assert not pushed("logs?user=a%20b&level=error")
    assert pushed("logs?level=error")
    assert pushed("logs?level=error&user=a+b&before=1-0")
    assert pushed("syncs?level=error&user=a+b")
    assert pushed("logs?" + "&x" * 600)


def test_htmx_gets_the_words_for_a_bad_field_too(signed_in: Client) -> None:
    response = signed_in.get("/p/demo/logs?since=soon", headers=HTMX)
    assert response.status_code == 400
    assert 'id="filter-error-since" hx-swap-oob="true">Use 15m' in response.content.decode()


def test_values_of_the_last_days_are_offered_with_counts(signed_in: Client, project: Project) -> None:
    store(project, *(entry(integration="notion") for _ in range(3)), entry(integration="box"))
    html = signed_in.get("/p/demo/logs").content.decode()
    notion, box = html.index('name="integration" value="notion"'), html.index('name="integration" value="box"')
    assert notion < box
    assert '<span class="count">3</span>' in html[notion:box]


def test_context_shows_known_properties_first_then_everything_else(signed_in: Client, project: Project) -> None:
    store(
        project,
        error_entry(
            message="It broke", summary={"created": 1, "odd": "yes"}, region={"name": "eu-1", "zones": ["a", "b"]}
        ),
    )
    found = only(project)
    html = signed_in.get(f"/p/demo/logs/{found.key}/context").content.decode()
    order = ["Sync", "Trace", "User", "Integration", "Pipeline", "Event", "Sync type", "Sync status"]
    places = [html.index(f">{label}</dt>") for label in order]
    assert places == sorted(places)
    assert places[-1] < html.index("Everything else")
    for words in ("It broke", "NON_RECOVERABLE", "invalid_grant", "401", "eu-1", "zones", "odd", sync_id(), "±15 min"):
        assert words in html, words
    assert "<html" not in html


def test_context_links_narrow_the_list_that_it_was_opened_from(signed_in: Client, project: Project) -> None:
    store(project, entry())
    url = "http://testserver/p/demo/logs?level=info&-integration=box&before=1-2"
    headers = {"HX-Request": "true", "HX-Current-URL": url}
    html = signed_in.get(f"/p/demo/logs/{only(project).key}/context", headers=headers).content.decode()
    assert 'href="/p/demo/logs?level=info&amp;-integration=box&amp;user=acct_1"' in html
    assert 'href="/p/demo/logs?level=info&amp;-integration=box&amp;-user=acct_1"' in html


@pytest.mark.parametrize(
    "url", ["http://[", "http://testserver/p/demo/logs?" + "a=1&" * 600, "http://testserver/p/demo/"]
)
def test_an_odd_origin_of_a_context_counts_as_none(signed_in: Client, project: Project, url: str) -> None:
    store(project, entry())
    answer = signed_in.get(f"/p/demo/logs/{only(project).key}/context", headers={"HX-Current-URL": url})
    assert 'href="/p/demo/logs?user=acct_1"' in answer.content.decode()


def test_links_of_an_old_entry_carry_a_range_in_which_it_is_seen(signed_in: Client, project: Project) -> None:
    store(project, entry(timestamp=timezone.now() - timedelta(days=5)))
    html = signed_in.get(f"/p/demo/logs/{only(project).key}").content.decode()
    link = re.search(r'href="(/p/demo/logs\?since=7d&amp;user=acct_1)"', html)
    assert link
    assert len(keys(signed_in.get(link[1].replace("&amp;", "&")).content.decode())) == 1
    around = re.search(r'href="([^"]+)">[^<]*<svg[^>]*>.*?</svg>Same sync', html)
    assert around
    assert len(keys(signed_in.get(around[1].replace("&amp;", "&")).content.decode())) == 1


def test_the_permalink_page_and_the_json(signed_in: Client, project: Project) -> None:
    store(project, entry(extra={"deep": [1, 2.5, None, True]}))
    found = only(project)
    page = signed_in.get(f"/p/demo/logs/{found.key}")
    assert page.status_code == 200
    assert page.content.decode().count("<h1") == 1
    answer = signed_in.get(f"/p/demo/logs/{found.key}/json")
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["extra"] == {"deep": [1, 2.5, None, True]}
    assert signed_in.get(f"/p/demo/logs/{uuid.uuid4()}").status_code == 404
    assert signed_in.get("/p/demo/logs/not-a-uuid").status_code == 404
    assert signed_in.get(f"/p/demo/logs/{uuid.UUID(int=2**128 - 1)}").status_code == 404


def test_hostile_values_are_shown_and_never_obeyed(signed_in: Client, project: Project) -> None:
    store(
        project,
        error_entry(
            userId=HOSTILE,
            message=HOSTILE,
            integration="<script>alert(1)</script>",
            syncEvent="<b>EVENT</b>",
            extra={HOSTILE: [HOSTILE, {"</script><script>": HOSTILE}]},
            error={"message": HOSTILE, "errorCode": '"><svg onload=x>'},
        ),
    )
    key = only(project).key
    for path in ("/p/demo/logs", f"/p/demo/logs/{key}", f"/p/demo/logs/{key}/context"):
        response = signed_in.get(path)
        html = response.content.decode()
        assert response.status_code == 200
        for markup in ("<img src=x", "<script>alert", "<b>EVENT", "<svg onload"):
            assert markup not in html, (path, markup)
        shown = re.sub(r'(value|data-copy)="[^"]*"', "", html)  # there the true value has to stand
        assert not values.HIDDEN.search(shown), path
    html = signed_in.get(f"/p/demo/logs/{key}").content.decode()
    assert "RLO</span>" in html
    assert "ESC</span>" in html
    # The copy button and links carry the true value; there bidi characters cannot turn anything round.
    assert escape(HOSTILE) in html
    assert signed_in.get("/p/demo/logs", {"user": HOSTILE}).status_code == 200


def deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"k": value}
    return value


@pytest.mark.parametrize(
    "extra",
    [
        deep(29),
        {f"key {number}": "<" * 200 for number in range(900)},
        list(range(40_000)),
        "\u202e" * 80_000,
        ['"' * 1000] * 120,
    ],
    ids=["deep", "wide", "long", "controls", "quotes"],
)
def test_the_largest_entries_make_readable_pages(signed_in: Client, project: Project, extra: Any) -> None:
    body = json.dumps(entry(extra=extra, message="\u202e" * 2700), ensure_ascii=False, separators=(",", ":")).encode()
    reading = records.read_json(body, now=timezone.now())
    assert not reading.refusals
    ingest.write(project, reading.records, now=timezone.now())
    key = only(project).key
    for path in ("/p/demo/logs", f"/p/demo/logs/{key}", f"/p/demo/logs/{key}/context", f"/p/demo/logs/{key}/json"):
        response = signed_in.get(path)
        assert response.status_code == 200
        if not path.endswith("json"):
            assert len(response.content) < 2_000_000, path
    assert signed_in.get(f"/p/demo/logs/{key}/json").json()["extra"] == extra


def test_a_list_full_of_hostile_rows_stays_under_two_megabytes(signed_in: Client, project: Project) -> None:
    worst = {"userId": "\u202e" * 84 + "u", "message": "\u202e" * 2700, "integration": "<" * 128, "level": "ERROR"}
    store(project, *(entry(**worst, syncEvent="&" * 128) for _ in range(50)))
    assert len(signed_in.get("/p/demo/logs").content) < 2_000_000


def test_a_person_in_two_projects_switches_between_them(client: Client, project: Project) -> None:
    person = member(project)
    other = ProjectFactory(slug="other", name="Other one")
    person.memberships.create(project=other)
    client.force_login(person)
    html = client.get("/p/demo/logs").content.decode()
    assert 'href="/p/other/"' in html
    assert "Other one" in html


def test_nobody_signs_out_by_a_link(signed_in: Client) -> None:
    html = signed_in.get("/p/demo/logs").content.decode()
    assert re.search(r'<form action="/accounts/logout/" method="post">', html)


def test_the_patterns_page_shows_every_component(signed_in: Client, client: Client) -> None:
    html = signed_in.get("/p/demo/patterns").content.decode()
    assert html.count("data-verdict") >= 5
    assert 'data-status="RATE_LIMITED"' in html
    client.force_login(UserFactory())
    assert client.get("/p/demo/patterns").status_code == 404


def test_json_escapes_what_would_not_be_seen_and_reads_back_the_same() -> None:
    value = {"a": "\u202eabc\x00\U000e0001", "b": ["ü", 1.5, None]}
    text = payload.as_json(value)
    assert not values.HIDDEN.search(text)
    assert "ü" in text
    assert json.loads(text) == value
