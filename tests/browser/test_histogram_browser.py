"""The chart and the counts in a browser: a click, a drag and the keyboard zoom in; ticking a box keeps its place in the rail."""

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


def total(page: Page) -> int:
    return int(page.locator(".histogram-sum strong").inner_text().split()[0].replace(",", ""))


def rows(page: Page) -> int:
    return page.locator("[data-log-key]").count()


def bar(page: Page, place: float) -> tuple[float, float]:
    box = page.locator(".histogram-bars").bounding_box()
    assert box
    return box["x"] + box["width"] * place, box["y"] + box["height"] / 2


def test_a_click_zooms_in_and_zooming_out_widens(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs", user=member(project))
    assert total(page) == rows(page) == 48
    page.mouse.click(*bar(page, 0.97))
    expect(page.locator(".histogram-sum strong")).not_to_have_text("48 entries")
    assert "since=" in page.url
    assert "until=" in page.url
    expect(page.locator("#filter-since")).not_to_have_value("24h")
    assert total(page) == rows(page)
    page.get_by_role("link", name="Zoom out").click()
    expect(page.locator("#filter-since")).not_to_have_value("24h")
    assert total(page) == rows(page)


def test_a_drag_takes_several_bars_and_escape_lets_go(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs", user=member(project))
    picked = page.locator(".histogram-picked")
    page.mouse.move(*bar(page, 0.5))
    page.mouse.down()
    page.mouse.move(*bar(page, 0.9), steps=4)
    assert picked.get_attribute("width") != "0"
    page.keyboard.press("Escape")
    assert picked.get_attribute("width") == "0"
    page.mouse.up()
    assert total(page) == 48
    page.mouse.move(*bar(page, 0.5))
    page.mouse.down()
    page.mouse.move(*bar(page, 0.9), steps=4)
    page.mouse.up()
    expect(page.locator(".histogram-sum strong")).not_to_have_text("48 entries")
    assert 0 < total(page) == rows(page) < 48


def test_by_keyboard_alone(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs", user=member(project))
    page.locator('.histogram-bars a[tabindex="0"]').focus()
    for key in ("ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".histogram-sum strong")).not_to_have_text("48 entries")
    assert total(page) == rows(page)
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
    assert page.locator("#group-category").get_attribute("open") is not None
    error = page.locator("#group-level .option", has_text="Error")
    expect(error.locator(".count")).to_have_text("0")
    box = page.locator("#group-integration .option", has_text="Box")
    expect(box.locator(".count")).to_have_text("26")  # its own filter does not narrow it


@pytest.mark.parametrize("options", [{}, {"viewport": NARROW, "color_scheme": "dark"}], ids=["wide", "narrow-dark"])
def test_no_accessibility_fault(open_page: Look, project: Project, options: dict[str, Any]) -> None:
    page = open_page("/p/demo/logs?since=7d", user=member(project), **options)
    page.locator(".histogram-table summary").click()
    assert accessibility_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_without_scripts_the_bars_are_links(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs", user=member(project), java_script_enabled=False)
    page.locator('.histogram-bars a[aria-label*="1 error"]').first.click()
    assert "until=" in page.url
    assert total(page) == rows(page)
