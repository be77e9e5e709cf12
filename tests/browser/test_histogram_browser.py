"""The chart and the counts in a browser: a click, a drag and the keyboard zoom in; ticking a box keeps its place in the rail."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from synclogs.models import Project
from tests import factories
from tests.browser.conftest import NARROW, Look, accessibility_faults
from tests.factories import entry, error_entry, member, store

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    project = factories.ProjectFactory(slug="demo")
    now = datetime.now(UTC)
    made = [
        entry(timestamp=now - timedelta(minutes=25 * number), integration="box" if number % 3 else "jira")
        for number in range(40)
    ]
    store(project, *made, *(error_entry(timestamp=now - timedelta(hours=number)) for number in range(1, 9)))
    return project


def shown(page: Page) -> int:
    """How many entries the chart counts; the list has a row for each of them."""
    total = int(page.locator(".histogram-sum strong").inner_text().split()[0].replace(",", ""))
    expect(page.locator("[data-log-key]")).to_have_count(total)
    return total


def bar(page: Page, place: float) -> tuple[float, float]:
    box = page.locator(".histogram-bars").bounding_box()
    assert box
    return box["x"] + box["width"] * place, box["y"] + box["height"] / 2


def test_a_click_zooms_in_and_zooming_out_widens(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs", user=member(project))
    assert shown(page) == 48
    page.mouse.click(*bar(page, 0.97))
    expect(page.locator(".histogram-sum strong")).not_to_have_text("48 entries")
    expect(page).to_have_url(re.compile("since=.*until=|until=.*since="))
    expect(page.locator("#filter-since")).not_to_have_value("24h")
    few, near = shown(page), page.url
    page.get_by_role("link", name="Zoom out").click()
    expect(page).not_to_have_url(near)
    expect(page.locator(".histogram-sum strong")).not_to_have_text(f"{few} entries")
    expect(page.locator("#filter-since")).not_to_have_value("24h")
    assert few < shown(page) < 48


def test_a_drag_takes_several_bars_and_escape_lets_go(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs", user=member(project))
    lists: list[str] = []
    page.on("request", lambda request: lists.append(request.url) if "/logs?" in request.url else None)
    picked = page.locator(".histogram-picked")
    page.mouse.move(*bar(page, 0.5))
    page.mouse.down()
    page.mouse.move(*bar(page, 0.9), steps=4)
    expect(picked).not_to_have_attribute("width", "0")
    page.keyboard.press("Escape")
    expect(picked).to_have_attribute("width", "0")
    page.mouse.up()
    page.mouse.move(*bar(page, 0.5))
    page.mouse.down()
    page.mouse.move(*bar(page, 0.9), steps=4)
    page.mouse.up()
    expect(page.locator(".histogram-sum strong")).not_to_have_text("48 entries")
    assert 0 < shown(page) < 48
    assert len(lists) == 1  # none for the drag that was let go


def test_by_keyboard_alone(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs", user=member(project))
    page.locator('.histogram-bars a[tabindex="0"]').focus()
    for key in ("ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".histogram-sum strong")).not_to_have_text("48 entries")
    assert shown(page) < 48
    # The new chart has the focus, so that the way goes on from there.
    expect(page.locator('.histogram-bars a[tabindex="0"]')).to_be_focused()


def test_counts_follow_the_filters_and_the_box_keeps_the_focus(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs", user=member(project))
    page.locator("#group-category summary").click()
    jira = page.locator('#group-integration input[name="integration"][value="jira"]')
    before = jira.get_attribute("id")
    jira.focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-log-key]")).to_have_count(14)
    expect(page.locator(f"#{before}")).to_be_focused()
    expect(page.locator(f"#{before}")).to_be_checked()
    error = page.locator("#group-level .option", has_text="Error")
    expect(error.locator(".count")).to_have_text("0")
    box = page.locator("#group-integration .option", has_text="Box")
    expect(box.locator(".count")).to_have_text("26")  # its own filter does not narrow it
    expect(page.locator("#group-category")).to_have_attribute("open", "")


@pytest.mark.parametrize("options", [{}, {"viewport": NARROW, "color_scheme": "dark"}], ids=["wide", "narrow-dark"])
def test_no_accessibility_fault(open_page: Look, project: Project, options: dict[str, Any]) -> None:
    page = open_page("/p/demo/logs?since=7d", user=member(project), **options)
    page.locator(".histogram-table summary").click()
    assert accessibility_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_without_scripts_the_bars_are_links(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs", user=member(project), java_script_enabled=False)
    page.locator('.histogram-bars a[aria-label*="1 error"]').first.click()
    expect(page).to_have_url(re.compile("until="))
    assert 0 < shown(page) < 48
