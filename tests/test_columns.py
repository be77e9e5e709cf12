"""Columns of the log list: the choice in a URL, links that preserve it, and the rows shown."""

import html as markup
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from portal.log import cells, columns
from portal.log.columns import COLUMNS, DEFAULT
from synclogs.models import Project
from synclogs.query.filters import FilterError
from tests.factories import ProjectFactory, entry, error_entry, member, store

HTMX = {"HX-Request": "true", "HX-Target": "logs"}
CELL = re.compile(r'class="cell cell-\w+ cell-(\w+)')
HOSTILE = "<script>alert(1)</script>\u202egnp\"'"


@pytest.fixture
def project(db: None) -> Project:
    return ProjectFactory(slug="demo")


@pytest.fixture
def signed_in(client: Client, project: Project) -> Client:
    client.force_login(member(project))
    return client


def names(chosen: tuple[columns.Column, ...]) -> list[str]:
    return [column.name for column in chosen]


def line_of(html: str) -> str:
    """The first line of the list."""
    return html.split('<li class="row"')[1].split('<div class="row-panel"')[0]


def head_of(html: str) -> list[str]:
    return CELL.findall(html.split('class="rows-head"')[1].split("</div>")[0])


# The parameter.


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], names(DEFAULT)),
        (["message,user"], ["message", "user"]),
        (["message", "user", "message"], ["message", "user"]),
        (["time,level"], []),
        ([" id , time "], ["id"]),
    ],
)
def test_it_is_repeated_or_a_list_and_keeps_its_order(values: list[str], expected: list[str]) -> None:
    assert names(columns.parse(values)) == expected


@given(st.permutations(list(COLUMNS)), st.integers(0, len(COLUMNS)))
def test_what_stands_in_the_url_reads_back_the_same(order: list[str], many: int) -> None:
    chosen = tuple(COLUMNS[name] for name in order[:many])
    text = [value for _, value in columns.canonical(chosen)]
    assert columns.parse(text) == chosen
    assert len(text) <= 1


def test_an_unknown_column_is_an_error_with_the_nearest_name() -> None:
    for text, words in (
        ("mesage", "Did you mean message?"),
        ("Trace", "Did you mean trace?"),
        ("zzz", "There are time"),
    ):
        with pytest.raises(FilterError) as refused:
            columns.parse([f"event,{text}"])
        assert text in refused.value.errors["columns"]
        assert words in refused.value.errors["columns"]


def test_every_column_has_a_drawing_and_its_width_is_the_one_of_the_style_sheet() -> None:
    assert set(cells.DRAW) == set(COLUMNS)
    css = (Path(settings.BASE_DIR) / "static" / "views.css").read_text()
    for size, least in columns.SIZES.items():
        rule = re.search(rf"^\.cell-{size} {{[^}}]*min-width: ([\d.]+)rem", css, re.M)
        assert rule is not None
        assert float(rule[1]) == least, size
    assert columns.width_class(DEFAULT) == "rows-step-0"
    assert columns.width_class(tuple(COLUMNS.values())) == "rows-step-3"


# The page.


def test_the_list_shows_the_chosen_columns_in_their_order(signed_in: Client, project: Project) -> None:
    store(project, entry(summary={"created": 4, "updated": 11, "durationMs": 8200}))
    page = signed_in.get("/p/demo/logs?columns=duration,message&columns=user,changes").content.decode()
    assert head_of(page) == CELL.findall(line_of(page)) == ["duration", "message", "user", "changes"]
    for words in ("8.2 s", "15 changes", "4 created, 11 updated", "acct_1", "row-time", 'data-level="info"'):
        assert words in line_of(page)
    assert "Google Drive" not in line_of(page)
    # Without its column the event is part of the message.
    assert "Incremental sync completed: 4 created" in line_of(page)


def test_all_columns_of_a_full_and_of_an_empty_entry(signed_in: Client, project: Project) -> None:
    full = error_entry(credentialId="cred-1", summary={"totalChanges": 1, "durationMs": 40}, id="evt-9")
    empty = {"id": "x", "type": "other", "timestamp": timezone.now().isoformat(), "level": "INFO"}
    store(project, full, empty)
    page = signed_in.get(f"/p/demo/logs?columns={','.join(COLUMNS)}").content.decode()
    assert head_of(page) == list(COLUMNS)
    first, second = (part.split('<div class="row-panel"')[0] for part in page.split('<li class="row"')[1:3])
    assert CELL.findall(first) == CELL.findall(second) == list(COLUMNS)
    for words in (
        "invalid_grant",
        ">401<",
        "cred-1",
        "40 ms",
        "1 change<",
        "evt-9",
        'data-status="ERRORED"',
        "trace-1",
    ):
        assert words in second, words
    assert first.count("row-none") == len(COLUMNS) - len(("event", "message", "type", "category", "received", "id"))


def test_an_unknown_column_is_a_400_at_its_place(signed_in: Client, project: Project) -> None:
    store(project, entry())
    for headers in ({}, HTMX):
        response = signed_in.get("/p/demo/logs?level=info&columns=event,mesage", headers=headers)
        page = response.content.decode()
        assert response.status_code == 400
        assert 'data-state="invalid"' in page
        assert "There is no column “mesage”. Did you mean message?" in page
        assert "data-log-key" not in page


def test_every_link_and_form_of_the_list_keeps_columns_and_view(signed_in: Client, project: Project) -> None:
    now = timezone.now()
    store(project, *(entry(timestamp=now - timedelta(minutes=number), userId=f"u{number % 3}") for number in range(60)))
    response = signed_in.get("/p/demo/logs?columns=user,message&view=7&type=managed_sync&since=7d", headers=HTMX)
    page = response.content.decode()
    assert response["HX-Push-Url"] == "/p/demo/logs?type=managed_sync&since=7d&columns=user,message&view=7"
    links = {markup.unescape(link) for link in re.findall(r'href="(\?[^"]+)"', page)}
    kept = [parse_qs(urlsplit(link).query) for link in links if "view=" in link]
    assert len(kept) > 8  # chips, time ranges, pages, the columns themselves
    assert all(query["view"] == ["7"] for query in kept)
    changed = [query for query in kept if query.get("columns") != ["user,message"]]
    assert {tuple(query.get("columns", ())) for query in changed} == {("message,user",), ()}
    assert '<input type="hidden" name="columns" id="filter-columns" value="user,message" hx-swap-oob="true">' in page
    assert '<input type="hidden" name="view" id="filter-view" value="7" hx-swap-oob="true">' in page
    form = page.split('id="columns-form"')[1].split("</form>")[0]
    for field in ('name="type" value="managed_sync"', 'name="since" value="7d"', 'name="view" value="7"'):
        assert f'<input type="hidden" {field}>' in form


def test_hostile_values_stay_text_in_every_column(signed_in: Client, project: Project) -> None:
    store(
        project,
        error_entry(
            type="a", userId=HOSTILE, integration="b", message=HOSTILE, syncEvent="X", syncStatus="odd", pipeline="p"
        ),
    )
    page = signed_in.get(f"/p/demo/logs?columns={','.join(COLUMNS)}").content.decode()
    assert "<script>alert" not in page
    assert "\u202e" not in line_of(page)


def test_other_lists_keep_their_usual_line(signed_in: Client, project: Project) -> None:
    store(project, entry())
    page = signed_in.get("/p/demo/users/acct_1").content.decode()
    group = page.split('<span class="row-who">')[2].split("\n</span>")[0]
    assert CELL.findall(group) == ["sync", "user", "integration"]


@pytest.mark.parametrize(
    "query", ["columns=" + "x," * 4000, "columns=%00", "columns=\ud83d", "columns=,,,", "columns[]=a"]
)
def test_no_query_string_breaks_the_page(signed_in: Client, project: Project, query: str) -> None:
    assert signed_in.get(f"/p/demo/logs?{query.encode(errors='replace').decode()}").status_code in (200, 400)
