"""Columns and saved views in a browser: by mouse, by keyboard, on a phone, without scripts, with axe."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.log.columns import COLUMNS
from synclogs.models import Project, Role, SavedView
from tests.browser.conftest import NARROW, accessibility_faults, resize
from tests.factories import ProjectFactory, entry, error_entry, member, store

pytestmark = pytest.mark.django_db(transaction=True)

Look = Callable[..., Page]
ROWS = "#logs [data-log-key]"
# Where each cell of the first lines begins and ends, next to the cell of the head above it.
ALIGNED = """() => {
  const box = (cell) => { const { left, width } = cell.getBoundingClientRect(); return [left, width]; };
  const head = [...document.querySelectorAll("#logs .rows-head > *")].map(box);
  return [...document.querySelectorAll("#logs .row-line")].every((line) => {
    const cells = [...line.children].filter((cell) => !cell.matches(".row-tick")).map(box);
    return head.every(([left, width], at) => Math.abs(left - cells[at][0]) < 1 && Math.abs(width - cells[at][1]) < 1);
  });
}"""
SCROLLS = "document.documentElement.scrollWidth > innerWidth"


@pytest.fixture
def project() -> Project:
    cache.clear()
    project = ProjectFactory(slug="demo", name="Demo")
    now = timezone.now()
    summary = {"created": 4, "durationMs": 8200}
    store(
        project,
        *(entry(timestamp=now - timedelta(minutes=n + 2), userId=f"acct_{n}", summary=summary) for n in range(5)),
        *(error_entry(timestamp=now - timedelta(seconds=n), message="word " * 80) for n in range(3)),
    )
    return project


def has_columns(page: Page, *names: str) -> None:
    expect(page.locator("#logs .rows-head > :nth-child(n + 4)")).to_have_text(names, use_inner_text=True)


def test_columns_are_chosen_and_ordered_by_keyboard_and_the_view_is_saved(open_page: Look, project: Project) -> None:
    """Choose columns, save a view, change it, see what changed, save that, and find it all again after a reload."""
    page = open_page("/p/demo/logs?level=error", user=member(project, Role.OPERATOR))
    page.locator("#columns-open").focus()
    page.keyboard.press("Enter")
    page.locator('#columns input[value="sync"]').uncheck()
    page.locator('#columns input[value="http_status"]').check()
    page.get_by_role("link", name="Move User up").press("Enter")
    page.get_by_role("link", name="Move User up").press("Enter")
    page.get_by_role("button", name="Apply").and_(page.locator("#columns button")).press("Enter")
    expect(page.locator("#columns-open")).to_be_focused()
    expect(page).to_have_url(re.compile(r"/logs\?level=error&columns=user,event,integration,message,http_status$"))
    has_columns(page, "User", "Event", "Integration", "Message", "HTTP")
    assert page.evaluate(ALIGNED)

    page.locator("#save-view > summary").click()
    expect(page.locator("#save-view-name")).to_be_focused()
    page.keyboard.type("Broken now")
    page.locator("#save-view input[name=is_shared]").check()
    page.keyboard.press("Enter")
    expect(page.locator("#save-view-name")).to_be_hidden()
    expect(page.locator(".views [aria-current]")).to_contain_text("Broken now")
    expect(page.locator("#view-state")).to_contain_text("shared with the team")
    expect(page.locator(".views [aria-current] .count")).to_have_text("3")

    page.locator('#filters input[name="level"][value="error"]').uncheck()
    expect(page.locator("#view-state")).to_contain_text("Changed since saved: Level is Error removed")
    expect(page.locator(ROWS)).to_have_count(8)
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator("#view-state")).not_to_contain_text("Changed since saved")
    page.reload()
    expect(page.locator(ROWS)).to_have_count(8)
    has_columns(page, "User", "Event", "Integration", "Message", "HTTP")
    expect(page.locator(".views [aria-current] .count")).to_have_text("8")
    assert SavedView.objects.get().query == "columns=user,event,integration,message,http_status"


def test_a_line_of_the_menu_can_be_dragged(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs", user=member(project))
    page.locator("#columns-open").click()
    lines = page.locator("#columns [data-column]")
    lines.nth(4).drag_to(lines.nth(0), source_position={"x": 150, "y": 10}, target_position={"x": 150, "y": 2})
    page.locator("#columns").get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"columns=message,event,sync,user,integration$"))


def test_columns_stand_below_their_heads_and_the_page_never_scrolls_sideways(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs", user=member(project))
    for query in ("", "?columns=message,id", f"?columns={','.join(COLUMNS)}"):
        page.goto(f"/p/demo/logs{query}")
        for width in (1000, 1280, 1700):
            resize(page, width)
            assert page.evaluate(ALIGNED), (query, width)
            assert not page.evaluate(SCROLLS), (query, width)
    page.locator(f"{ROWS} button[aria-expanded]").first.click()
    context = page.locator(".row-panel .context").first
    expect(context).to_be_visible()
    box, inner = page.locator("#logs .rows-box").bounding_box(), context.bounding_box()
    assert box is not None
    assert inner is not None
    assert inner["width"] <= box["width"]


def test_on_a_phone_a_line_shows_only_what_is_chosen(open_page: Look, project: Project) -> None:
    view = SavedView.objects.create(
        project=project, owner=member(project), name="Of a colleague", query="level=error", is_shared=True
    )
    page = open_page("/p/demo/logs?columns=http_status,message&level=error", user=member(project), viewport=NARROW)
    line = page.locator(f"{ROWS} .row-line").first
    expect(line).to_contain_text("HTTP 401")
    expect(line).not_to_contain_text("Google Drive")
    assert not page.evaluate(SCROLLS)
    for opener, panel in (("#columns-open", ".columns-panel"), ("#save-view > summary", "#save-view .view-panel")):
        page.locator(opener).click()
        expect(page.locator(panel)).to_be_visible()
        box = page.locator(panel).bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= 390 - box["width"]
        page.keyboard.press("Escape")
    page.locator(".views .drawer-open").click()
    page.get_by_role("link", name="Of a colleague").click()
    expect(page).to_have_url(re.compile(rf"level=error&view={view.pk}$"))
    expect(page.locator("#view-state")).to_contain_text("shared with the team")
    expect(page.locator("#edit-view")).to_have_count(0)


@pytest.mark.parametrize("options", [{}, {"viewport": NARROW, "color_scheme": "dark"}], ids=["wide", "narrow and dark"])
def test_axe_finds_nothing_with_every_menu_open(open_page: Look, project: Project, options: dict[str, Any]) -> None:
    person = member(project, Role.LEAD)
    view = SavedView.objects.create(project=project, owner=person, name="Mine", query="level=error")
    address = f"/p/demo/logs?columns=sync,http_status,status,message&level=info&view={view.pk}"
    page = open_page(address, user=person, **options)
    page.evaluate("document.querySelectorAll('main details').forEach((menu) => { menu.open = true; })")
    expect(page.locator("#columns-form")).to_be_visible()
    assert accessibility_faults(page) == []
    page.goto(f"/p/demo/views/{view.pk}/delete")
    assert accessibility_faults(page) == []


def test_without_scripts_columns_and_views_work(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs?level=error", user=member(project, Role.OPERATOR), java_script_enabled=False)
    page.locator("#columns-open").click()
    page.get_by_role("link", name="Move Sync up").click()
    expect(page).to_have_url(re.compile(r"level=error&columns=sync,event,user,integration,message$"))
    page.locator("#columns-open").click()
    for name in ("sync", "event", "user"):
        page.locator(f'#columns input[value="{name}"]').uncheck()
    page.locator("#columns").get_by_role("button", name="Apply").click()
    has_columns(page, "Integration", "Message")
    page.locator("#save-view > summary").click()
    page.locator("#save-view-name").fill(" ")
    page.get_by_role("button", name="Save view").click()
    expect(page.locator("#view-name-error")).to_have_text("Give the view a name.")
    page.locator("#view-name").fill("Plain")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#view-state")).to_contain_text("Plain")
    has_columns(page, "Integration", "Message")
    page.locator("#edit-view > summary").click()
    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("button", name="Delete the view").click()
    expect(page).to_have_url(re.compile(r"/logs\?level=error&columns=integration,message$"))
    assert not SavedView.objects.exists()
