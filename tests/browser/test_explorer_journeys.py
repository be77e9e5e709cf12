"""Two journeys in a browser, each by mouse and by keyboard alone: from a pasted ticket to the answer, and from the log to one entry.

Where a page was followed to, `wait_for_url` also waits for its scripts, without which no key and no button does anything.

Wide and narrow, light and dark; every page that is passed is read by axe, and nothing may stick out of the window.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from synclogs.models import Project
from tests.browser.conftest import NARROW, WIDE, accessibility_faults
from tests.factories import ProjectFactory, entry, error_entry, member, run, store, sync_id

pytestmark = pytest.mark.django_db(transaction=True)

Look = Callable[..., Page]
ROWS = "#logs [data-log-key]"
BUTTONS = f"{ROWS} button[aria-expanded]"
MAIL = f"""From: Ada Lovelace <ada@example.com>
Subject: Re: Re: my files stopped syncing

Hello, nothing has come in since this morning. Your app shows "sync {sync_id()}"
and asks me to sign in again. Can you help?
-- Ada, Ironwood Clinics"""
LOOKS = [
    pytest.param({"viewport": WIDE, "color_scheme": "light"}, id="wide light"),
    pytest.param({"viewport": NARROW, "color_scheme": "dark"}, id="narrow dark"),
]
OTHER_LOOKS = [
    pytest.param({"viewport": WIDE, "color_scheme": "dark"}, id="wide dark"),
    pytest.param({"viewport": NARROW, "color_scheme": "light"}, id="narrow light"),
]
CLIPBOARD = ["clipboard-read", "clipboard-write"]
# What has the focus, whether that is marked, and whether it is in the window: below the top bar and not covered.
FOCUS = """(wanted) => {
  const on = document.activeElement, style = getComputedStyle(on);
  const marked = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.strokeWidth === "2px";
  const label = on.closest(".option-not"), ground = on.querySelector(".bar-ground");
  const seen = label ?? ground ?? on, box = on.getBoundingClientRect();
  return {
    isThere: on === wanted,
    name: `${on.tagName} ${on.id} ${on.getAttribute("aria-label") ?? on.textContent.trim().slice(0, 40)}`,
    isMarked: on === document.body || marked(getComputedStyle(seen)) || marked(style),
    isInView: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


@pytest.fixture
def project() -> Project:
    """A sync that worked until ten minutes ago, and errors of others around it."""
    project = ProjectFactory(slug="demo", name="Demo")
    now = timezone.now()
    failed = now - timedelta(minutes=10)
    made = [line for number in range(12) for line in run(at=now - timedelta(minutes=50 - number))]
    made.append(entry(timestamp=failed, syncEvent="INCREMENTAL_SYNC_STARTED", syncStatus="ACTIVE", traceId="bad"))
    made.append(error_entry(timestamp=failed + timedelta(seconds=5), traceId="bad", message="Token expired"))
    for number in range(6):
        where = {"userId": f"acct_{number + 2}", "syncId": sync_id(number + 2), "traceId": f"other-{number}"}
        integration = "googledrive" if number % 2 else "jira"
        at = now - timedelta(hours=3 * number + 2)
        made.append(error_entry(timestamp=at, integration=integration, message="Token expired", **where))
        made.append(error_entry(timestamp=at, message="Page not found", **where))
        made.append(error_entry(timestamp=at, syncEvent="FULL_SYNC_FAILED", message="Token expired", **where))
    store(project, *made, entry(type="workflow", syncEvent=None, syncId=None, traceId="other", level="ERROR"), now=now)
    return project


@pytest.fixture
def user(project: Project) -> User:
    return member(project)


def is_sound(page: Page) -> None:
    assert accessibility_faults(page) == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def copied(page: Page, words: str) -> str:
    expect(page.locator("#toasts")).to_contain_text(words)
    return str(page.evaluate("navigator.clipboard.readText()"))


def is_ticket_text(text: str) -> None:
    assert text.startswith("Sync stopped with an error: ")
    assert sync_id() in text
    assert re.search(r"^Time: .* UTC$", text, re.MULTILINE)
    assert re.search(r"^Link: .*/p/demo/logs/[0-9a-f-]{36}$", text, re.MULTILINE)


# The first journey: paste a mail, read the verdict, see what changed, take words for the ticket along.


@pytest.mark.parametrize("looks", LOOKS)
def test_from_a_ticket_to_the_answer_by_mouse(open_page: Look, user: User, looks: dict[str, Any]) -> None:
    page = open_page("/p/demo/", user=user, permissions=CLIPBOARD, **looks)
    page.evaluate("text => navigator.clipboard.writeText(text)", MAIL)
    page.locator(".search input").click()
    page.keyboard.press("Control+v")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/p/demo/syncs/{sync_id()}$"))
    verdict = page.locator("[data-verdict]")
    expect(verdict).to_be_in_viewport()
    expect(page.locator("[data-status=ERRORED]").first).to_be_visible()
    is_sound(page)
    page.get_by_role("link", name="Open its run").first.click()
    page.wait_for_url(re.compile("/p/demo/traces/bad$"))
    expect(page.locator("[data-verdict]")).to_be_in_viewport()
    page.locator('a[href="#changed"]').click()
    expect(page.get_by_role("heading", name="What changed since it last worked")).to_be_in_viewport()
    expect(page.locator(".diff-first").first).to_contain_text("First difference")
    page.locator(f'{ROWS}[data-level="error"] button[aria-expanded]').click()
    page.get_by_role("button", name="Copy as ticket text").click()
    is_ticket_text(copied(page, "Ticket text copied"))
    is_sound(page)


@pytest.mark.parametrize("looks", OTHER_LOOKS)
def test_from_a_ticket_to_the_answer_by_keyboard(open_page: Look, user: User, looks: dict[str, Any]) -> None:
    page = open_page("/p/demo/", user=user, permissions=CLIPBOARD, **looks)
    page.evaluate("text => navigator.clipboard.writeText(text)", MAIL)
    page.keyboard.press("/")
    expect(page.locator(".search input")).to_be_focused()
    page.keyboard.press("Control+v")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"/p/demo/syncs/{sync_id()}$"))
    expect(page.locator("[data-verdict]")).to_be_in_viewport()
    tab_to(page, page.get_by_role("link", name="Open its run").first)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/p/demo/traces/bad$"))
    tab_to(page, page.locator('a[href="#changed"]'))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What changed since it last worked")).to_be_in_viewport()
    is_sound(page)
    row = page.locator(f'{ROWS}[data-level="error"] button[aria-expanded]')
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(row).to_be_focused()
    page.keyboard.press("Enter")
    copy = page.get_by_role("button", name="Copy as ticket text")
    expect(copy).to_be_visible()
    expect(row).to_be_focused()
    tab_to(page, copy)
    page.keyboard.press("Enter")
    is_ticket_text(copied(page, "Ticket text copied"))
    expect(copy).to_be_focused()
    page.keyboard.press("Escape")
    expect(row).to_be_focused()
    expect(copy).to_be_hidden()


# The second journey: narrow the log by facets, a query and time, read an entry in place, follow it to its run.

NARROWED = re.compile(r"type=managed_sync&level=error&-event=FULL_SYNC_FAILED&integration=googledrive&q=expired")


@pytest.mark.parametrize("looks", LOOKS)
def test_from_the_log_to_one_run_by_mouse(open_page: Look, user: User, looks: dict[str, Any]) -> None:
    page = open_page("/p/demo/", user=user, permissions=CLIPBOARD, **looks)
    page.locator(".mainnav").get_by_role("link", name="Logs").click()
    page.wait_for_url(re.compile("/p/demo/logs$"))
    if looks["viewport"] == NARROW:
        page.locator("summary", has_text="Filters").click()
    filters = page.locator("#filters")
    for name, value, count in (
        ("type", "managed_sync", 44),
        ("level", "error", 19),
        ("integration", "googledrive", 16),
        ("-event", "FULL_SYNC_FAILED", 10),
    ):
        box = filters.locator(f'input[name="{name}"][value="{value}"]')
        box.hover(force=True)
        box.click(force=True)
        expect(page.locator(ROWS)).to_have_count(count)
    if looks["viewport"] == NARROW:
        is_sound(page)
        page.locator("summary", has_text="Filters").click()
    page.locator("#ask-q").click()
    page.keyboard.type("expired")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(ROWS)).to_have_count(4)
    expect(page).to_have_url(NARROWED)
    expect(page.locator("#list-status")).to_have_text("4 entries, 4 rows shown")
    page.locator('.histogram-bars a[aria-label*=" error"]').last.click()
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page).to_have_url(re.compile("q=expired&since="))
    page.locator(BUTTONS).click()
    expect(page.locator(".row-panel .context")).to_be_visible()
    is_sound(page)
    page.get_by_role("link", name="Only User acct_1").click()
    page.wait_for_url(re.compile("user=acct_1"))
    page.locator(BUTTONS).click()
    page.locator(".row-panel").get_by_role("link", name="bad", exact=True).click()
    page.wait_for_url(re.compile("/p/demo/traces/bad$"))
    page.get_by_role("button", name="Copy link").click()
    assert copied(page, "Link copied").endswith("/p/demo/traces/bad")


@pytest.mark.parametrize("looks", OTHER_LOOKS)
def test_from_the_log_to_one_run_by_keyboard(open_page: Look, user: User, looks: dict[str, Any]) -> None:
    page = open_page("/p/demo/", user=user, permissions=CLIPBOARD, **looks)
    is_narrow = looks["viewport"] == NARROW
    for key in "gl":
        page.keyboard.press(key)
    page.wait_for_url(re.compile("/p/demo/logs$"))
    page.keyboard.press("f")
    expect(page.locator("#group-head-type")).to_be_focused()
    for name, value, count in (("type", "managed_sync", 44), ("level", "error", 19)):
        tick(page, name, value, count)
    tick(page, "-event", "FULL_SYNC_FAILED", 13)
    tick(page, "integration", "googledrive", 10)
    if is_narrow:
        page.keyboard.press("Escape")
        expect(page.locator("summary", has_text="Filters")).to_be_focused()
    page.keyboard.press("q")
    expect(page.locator("#ask-q")).to_be_focused()
    page.keyboard.type("expired")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(4)
    expect(page.locator("#list-status")).to_have_text("4 entries, 4 rows shown")
    expect(page.locator("#ask-q")).to_be_focused()
    bars = page.locator(".histogram-bars a")
    tab_to(page, bars.last)
    back = bars.evaluate_all("all => all.length - 1 - all.findLastIndex((bar) => bar.ariaLabel.includes(' error'))")
    for _ in range(back):  # the newest bar may have just begun, and be empty
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator('.histogram-bars a[tabindex="0"]')).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator(BUTTONS)).to_be_focused()
    page.keyboard.press("o")
    expect(page.locator(".row-panel .context")).to_be_visible()
    expect(page.locator("#list-status")).to_contain_text("shown below")
    is_sound(page)
    tab_to(page, page.get_by_role("link", name="Only User acct_1"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("user=acct_1"))
    expect(page.locator(BUTTONS)).to_be_focused()  # the same entry, on the page that was loaded
    page.keyboard.press("Enter")
    tab_to(page, page.locator(".row-panel").get_by_role("link", name="bad", exact=True))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/p/demo/traces/bad$"))
    page.keyboard.press("c")
    assert copied(page, "Link copied").endswith("/p/demo/traces/bad")


def tick(page: Page, name: str, value: str, count: int) -> None:
    box = page.locator(f'#filters input[name="{name}"][value="{value}"]')
    group = page.locator(f"#group-{name.strip('-')}")
    if not group.evaluate("group => group.open"):
        tab_to(page, group.locator("summary").first)
        page.keyboard.press("Enter")
    tab_to(page, box)
    page.keyboard.press("Space")
    expect(page.locator(ROWS)).to_have_count(count)
    expect(box).to_be_focused()


def tab_to(page: Page, wanted: Locator) -> None:
    """Presses Tab until it has the focus; on the way everything that has it has to show it."""
    expect(wanted).to_be_visible()
    for _ in range(150):
        page.keyboard.press("Tab")
        focus = wanted.evaluate(FOCUS)
        assert focus["isMarked"], f"the focus does not show on {focus['name']}"
        if focus["isThere"]:
            assert focus["isInView"], f"{focus['name']} has the focus and is out of sight"
            return
    pytest.fail(f"Tab does not reach {wanted} on {page.url}")


def test_every_control_of_the_log_is_reached_and_left_by_tab(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs?level=error", user=user)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the log entries")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("link", name="Remove filter: Level is Error"))
    for name in ("15m", "24h", "30d"):
        tab_to(page, page.get_by_role("link", name=name, exact=True))
    tab_to(page, page.locator(".histogram-bars a").last)
    tab_to(page, page.locator(".histogram-table > summary"))
    tab_to(page, page.get_by_role("button", name="Live"))
    tab_to(page, page.locator("#columns-open"))
    page.keyboard.press("Enter")
    tab_to(page, page.locator("#columns input[type=checkbox]").first)
    page.keyboard.press("Escape")
    expect(page.locator("#columns-open")).to_be_focused()
    expect(page.locator("#columns-form")).to_be_hidden()
    tab_to(page, page.locator("#save-view > summary"))
    page.keyboard.press("Enter")
    expect(page.locator("#save-view-name")).to_be_focused()
    tab_to(page, page.locator("#export-link > summary"))  # the menu behind closes when the focus leaves it
    expect(page.locator("#save-view-name")).to_be_hidden()
    tab_to(page, page.locator(f"{ROWS} .row-tick").first)
    tab_to(page, page.locator(BUTTONS).first)
    page.keyboard.press("x")
    expect(page.locator("[data-ticked-status]")).to_have_text("1 ticked")
    tab_to(page, page.locator(f"{ROWS} a[data-permalink]").last)
    for _ in range(12):
        page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")  # back into the page: nothing holds the focus
    expect(page.locator("body")).not_to_be_focused()


def test_the_focus_stays_where_a_link_of_the_list_was_followed(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs?level=error&integration=jira", user=user)
    page.keyboard.press("f")
    tab_to(page, page.get_by_role("link", name="Remove filter: Level is Error"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/logs\?integration=jira$"))
    expect(page.get_by_role("link", name="Remove filter: Integration is")).to_be_focused()
    expect(page.locator("#list-status")).to_have_text("3 entries, 3 rows shown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/logs\??$"))
    expect(page.locator("#logs")).to_be_focused()
    tab_to(page, page.get_by_role("link", name="7d", exact=True))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/logs\?since=7d$"))
    expect(page.get_by_role("link", name="7d", exact=True)).to_be_focused()


def test_the_sheet_lists_only_the_keys_that_work_here(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    page.keyboard.press("?")
    keys = page.locator("#keys dt:visible")
    expect(keys.first).to_have_text("/")
    listed = [" ".join(key.locator("kbd").all_inner_texts()) for key in keys.all()]
    assert [key for key in listed if not key.startswith("g")] == ["/", "q", "f", "j k", "Enter o", "x", "c", "?", "Esc"]
    letters = [key[2:] for key in listed if key.startswith("g")]
    assert {"o", "l", "s", "u", "i"} <= set(letters)
    assert len(letters) == len(set(letters)) == page.locator(".mainnav a").count()
    assert accessibility_faults(page) == []
    page.keyboard.press("Escape")
    page.goto("/p/demo/help")
    page.keyboard.press("?")
    expect(page.locator("#keys dd", has_text="Tick or untick")).to_be_hidden()
    expect(page.locator("#keys dd", has_text="Search")).to_be_visible()
