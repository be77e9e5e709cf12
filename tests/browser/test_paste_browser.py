"""The switch of the zone, times by keyboard, and pasting into the search box, in a browser."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from synclogs.models import ConnectedUser, Project
from tests.browser.conftest import NARROW, accessibility_faults
from tests.factories import ProjectFactory, entry, member, store, sync_id

pytestmark = pytest.mark.django_db(transaction=True)

Look = Callable[..., Page]
PASTE = """text => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, cancelable: true, bubbles: true}));
}"""


@pytest.fixture
def project() -> Project:
    project = ProjectFactory(slug="demo", name="Demo")
    now = timezone.now()
    store(
        project, *(entry(timestamp=now - timedelta(minutes=2), userId=f"acct_{n}", syncId=sync_id(n)) for n in (1, 2))
    )
    ConnectedUser.objects.filter(project=project, user_id="acct_1").update(email="ada@example.com")
    return project


@pytest.fixture
def user(project: Project) -> User:
    return member(project)


def choose(page: Page, name: str) -> None:
    page.locator("header details.menu-end summary").click()
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


def test_the_zone_is_switched_in_the_menu_and_sticks(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user, timezone_id="Asia/Dubai")
    head = page.locator("#logs .rows-day").first
    expect(head).to_contain_text(", UTC")
    choose(page, "Local (Asia/Dubai)")
    expect(head).to_contain_text(", UTC+04:00")
    page.reload()
    expect(head).to_contain_text(", UTC+04:00")
    page.goto("/p/demo/users/acct_1")
    expect(page.locator("main")).to_contain_text("UTC+04:00")
    page.locator("header details.menu-end summary").click()
    expect(page.get_by_role("button", name="Local (Asia/Dubai)")).to_have_attribute("aria-pressed", "true")
    assert accessibility_faults(page) == []
    page.keyboard.press("Escape")
    choose(page, "UTC")
    expect(page.locator("main")).not_to_contain_text("UTC+04:00")


def test_a_time_tells_all_of_itself_on_hover_and_on_focus(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    page.locator("a.row-time").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    tip = page.get_by_role("tooltip")
    expect(tip).to_have_text(re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d+ \w+ ago"))
    expect(page.locator("a.row-time").first).to_have_attribute("aria-describedby", "time-tip")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.goto("/p/demo/users")
    page.locator("td time").first.hover()
    expect(tip).to_have_text(re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"))
    page.mouse.move(0, 0)
    expect(tip).to_be_hidden()
    page.locator("a.row-title").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(tip).to_contain_text("Last log: ")


def test_relative_words_keep_up_with_an_open_page(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/users", user=user)
    expect(page.locator("td time").first).to_have_text("2 minutes ago")
    page.clock.install()
    page.reload()
    page.clock.run_for(timedelta(minutes=61) // timedelta(milliseconds=1))
    expect(page.locator("td time").first).to_have_text("63 minutes ago")


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, NARROW])
def test_a_pasted_mail_opens_the_page_with_the_verdict(open_page: Look, user: User, viewport: dict[str, int]) -> None:
    page = open_page("/p/demo/", user=user, viewport=viewport, reduced_motion="reduce")
    mail = "From: Ada <ada@example.com>\r\nMy files stopped syncing." + "\n\nPlease help!" * 400
    page.keyboard.press("/")
    page.evaluate(PASTE, mail)
    expect(page.locator(".search input")).to_have_value(re.compile("^From: Ada <ada@example.com> \u23ce My files"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/p/demo/users/acct_1$"))  # and for the scripts that listen for keys
    expect(page.locator("[data-verdict]")).to_be_visible()
    page.keyboard.press("/")
    page.evaluate(PASTE, f"One:\n{sync_id(1)}\n{sync_id(2)} and nobody@example.com")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("2 things named here")
    expect(page.locator("main")).to_contain_text("Named in line 3")
    assert accessibility_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="Google Drive, files").first.click()
    expect(page.locator("[data-verdict]")).to_be_visible()


def test_the_search_box_works_without_scripts(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/", user=user, java_script_enabled=False)
    page.fill(".search input", "ada@example.com " + "and so on " * 700)
    page.press(".search input", "Enter")
    expect(page).to_have_url(re.compile("/p/demo/users/acct_1$"))
