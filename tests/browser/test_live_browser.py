"""Following the log, and copying several entries of it, in a browser: nothing jumps, nothing closes, nothing comes twice."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Locator, Page, Request, expect

from synclogs.models import LogEntry, Project
from tests.browser.conftest import NARROW, accessibility_faults
from tests.factories import ProjectFactory, entry, error_entry, member, store

pytestmark = pytest.mark.django_db(transaction=True)

Look = Callable[..., Page]
ROWS = "#logs [data-log-key]"
COPYING = {"permissions": ["clipboard-read", "clipboard-write"]}


@pytest.fixture
def project() -> Project:
    project = ProjectFactory(slug="demo", name="Demo")
    now = timezone.now()
    store(project, *(entry(id=f"e{number}", timestamp=now - timedelta(minutes=2 * number + 2)) for number in range(6)))
    return project


@pytest.fixture
def user(project: Project) -> User:
    return member(project)


def keys(page: Page) -> list[str]:
    found: list[str] = page.locator(ROWS).evaluate_all("rows => rows.map(row => row.dataset.logKey)")
    return found


def order(project: Project) -> list[str]:
    since = timezone.now() - timedelta(hours=24)
    return [str(one.key) for one in LogEntry.objects.of(project).filter(occurred_at__gte=since).newest_first()]


def look_again(page: Page) -> None:
    """As when the tab comes into view: asks at once."""
    with page.expect_response("**/logs/tail?*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def follow(page: Page) -> None:
    with page.expect_response("**/logs/tail?*"):
        page.get_by_role("button", name="Live").click()


def test_new_rows_wait_behind_a_pill_and_come_to_their_places(open_page: Look, user: User, project: Project) -> None:
    page = open_page("/p/demo/logs", user=user)
    opened = page.locator(f"{ROWS} button[aria-expanded]").nth(1)
    opened.click()
    expect(page.locator(".row-panel .context")).to_be_visible()
    before = keys(page)
    follow(page)
    pill = page.locator(".live-pill")
    expect(pill).to_be_hidden()
    now = timezone.now()
    store(project, entry(timestamp=now), entry(timestamp=now - timedelta(minutes=7)))
    store(project, entry(timestamp=now - timedelta(hours=23)), entry(timestamp=now - timedelta(hours=25)))
    look_again(page)
    expect(pill).to_have_text("3 new")
    expect(page.locator("[data-live-status]")).to_have_text("3 new entries wait")
    store(project, error_entry(timestamp=now - timedelta(minutes=7)))
    look_again(page)
    expect(pill).to_have_text("4 new")
    assert keys(page) == before
    pill.click()
    expect(page.locator(".row-new")).to_have_count(4)  # first, since it shows for a few seconds
    expect(pill).to_be_hidden()
    assert keys(page) == order(project)
    expect(page.locator(ROWS).nth(2)).to_have_attribute("data-open", "")
    expect(page.locator(".row-panel .context")).to_be_visible()
    heads = page.locator("#logs .rows-day").all_inner_texts()
    assert len(heads) == len(set(heads))
    look_again(page)
    expect(pill).to_be_hidden()
    # A row that came this way is as good as any other.
    page.locator(f"{ROWS}.row-new button[aria-expanded], {ROWS} button[aria-expanded]").first.click()
    expect(page.locator(".row-panel .context")).to_have_count(2)


def test_whoever_has_scrolled_down_keeps_the_place_and_the_focus(open_page: Look, user: User, project: Project) -> None:
    now = timezone.now()
    store(project, *(entry(timestamp=now - timedelta(minutes=20, seconds=number)) for number in range(60)))
    page = open_page("/p/demo/logs", user=user)
    follow(page)
    row = page.locator(ROWS).nth(40)
    row.locator("button[aria-expanded]").focus()
    row.scroll_into_view_if_needed()
    page.wait_for_function("scrollY > 300")
    top = "row => row.getBoundingClientRect().top"
    before = row.evaluate(top)
    handle = row.element_handle()
    store(project, *(entry() for _ in range(3)), entry(timestamp=now - timedelta(hours=2)))
    look_again(page)
    expect(page.locator(".live-pill")).to_have_text("4 new")  # the answer is there before the page has shown it
    box = page.locator(".live-pill").bounding_box()
    assert box
    page.mouse.click(box["x"] + 9, box["y"] + 9)  # Playwright's own click scrolls before it
    expect(page.locator(".row-new")).to_have_count(3)
    expect(page.locator("[data-live-words]")).to_contain_text("1 arrived late and stands further down")
    expect(page.locator(".live-pill")).to_be_hidden()  # all is done
    assert abs(handle.evaluate(top) - before) < 2
    assert handle.evaluate("row => row.contains(document.activeElement)")


def test_more_than_the_pill_counts_loads_the_newest_page(open_page: Look, user: User, project: Project) -> None:
    page = open_page("/p/demo/logs?level=info", user=user)
    follow(page)
    store(project, *(entry() for _ in range(60)), error_entry())
    look_again(page)
    expect(page.locator(".live-pill")).to_have_text("50+ new")
    page.locator(".live-pill").focus()
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(50)
    expect(page.locator(".live-pill")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/p/demo/logs\?level=info$"))
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Live")).to_be_focused()


def test_an_empty_list_follows_too_and_live_stays_on(open_page: Look, user: User, project: Project) -> None:
    page = open_page("/p/demo/logs?level=error", user=user)
    follow(page)
    page.reload()
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
    store(project, error_entry())
    look_again(page)
    page.locator(".live-pill").click()
    expect(page.locator(ROWS)).to_have_count(1)
    page.get_by_role("button", name="Live").click()
    page.reload()
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "false")


@contextmanager
def time_passes(page: Page, *, until: Locator) -> Iterator[None]:
    """On the page's own clock, but not while an answer is on its way: that would seem to take too long."""
    under_way: set[Request] = set()
    page.on("request", lambda request: under_way.add(request))
    for event in ("requestfinished", "requestfailed"):
        page.on(event, lambda request: under_way.discard(request))
    yield
    for _ in range(600):
        if until.count():
            return
        if not under_way:
            page.clock.run_for(1000)
        page.wait_for_timeout(20)
    pytest.fail(f"never came: {until}")


def test_a_server_that_is_away_pauses_it_and_it_can_be_tried_again(
    open_page: Look, user: User, project: Project
) -> None:
    page = open_page("/p/demo/logs", user=user)
    page.clock.install()
    page.route("**/logs/tail?*", lambda route: route.fulfill(status=503))
    words = page.locator("[data-live-words]")
    with time_passes(page, until=words.filter(has_text="Live paused: it takes too long")):
        page.get_by_role("button", name="Live").click()
    page.route("**/logs/tail?*", lambda route: route.abort())
    with time_passes(page, until=words.filter(has_text="Live paused: cannot reach the server")):
        page.get_by_role("button", name="Try again").click()
    page.unroute("**/logs/tail?*")
    store(project, entry())
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".live-pill")).to_have_text("1 new")
    expect(words).to_be_empty()
    page.context.clear_cookies()
    page.clock.run_for(20_000)
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_a_hidden_tab_asks_nothing_and_catches_up(open_page: Look, user: User, project: Project) -> None:
    page = open_page("/p/demo/logs", user=user)
    page.clock.install()
    follow(page)
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/logs/tail?" in request.url else None)
    page.clock.run_for(120_000)
    store(project, entry())
    assert asked == []
    page.evaluate("delete document.hidden")
    look_again(page)
    expect(page.locator(".live-pill")).to_have_text("1 new")


def test_ticked_rows_are_copied_together(open_page: Look, user: User, project: Project) -> None:
    page = open_page("/p/demo/logs", user=user, **COPYING)
    bar, ticks = page.locator(".ticked-bar"), page.locator(f"{ROWS} .row-tick")
    expect(bar).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(ticks.first).to_be_checked()
    expect(page.locator("[data-ticked-count]")).to_have_text("1 ticked")
    ticks.nth(3).click(modifiers=["Shift"])
    expect(page.locator("[data-ticked-count]")).to_have_text("4 ticked")
    ticks.nth(1).click()
    expect(page.locator("[data-ticked-count]")).to_have_text("3 ticked")
    expect(page.locator(f"{ROWS} button[aria-expanded='true']")).to_have_count(0)
    wanted = [key for number, key in enumerate(order(project)) if number in (0, 2, 3)]

    def copied(name: str) -> str:
        bar.get_by_role("button", name=name).click()
        expect(page.locator("#toasts")).to_contain_text("copied")
        page.wait_for_function("navigator.clipboard.readText().then(text => text.length > 0)")
        text: str = page.evaluate("navigator.clipboard.readText()")
        page.evaluate("navigator.clipboard.writeText('')")
        page.evaluate("document.getElementById('toasts').replaceChildren()")
        return text

    assert [item["id"] for item in json.loads(copied("Copy as JSON"))] == ["e0", "e2", "e3"]
    assert [link.rpartition("/")[2] for link in copied("Copy links").split("\n")] == wanted
    text = copied("Copy as ticket text")
    assert [key for key in order(project) if key in text] == wanted
    bar.get_by_role("button", name="Untick all").click()
    expect(bar).to_be_hidden()
    expect(ticks.first).to_be_focused()


def test_one_entry_is_copied_as_ticket_text_and_found_in_its_list(
    open_page: Look, user: User, project: Project
) -> None:
    key = LogEntry.objects.get(entry_id="e3").key
    page = open_page(f"/p/demo/logs/{key}", user=user, **COPYING)
    page.get_by_role("button", name="Copy as ticket text").click()
    expect(page.locator("#toasts")).to_contain_text("Ticket text copied")
    assert f"/p/demo/logs/{key}" in page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("link", name="Everything of this user").click()
    expect(page.locator(f"#log-{key}")).to_be_in_viewport()
    expect(page.locator(".row:target")).to_have_attribute("data-log-key", str(key))
    expect(page.get_by_role("button", name="Live")).to_be_disabled()
    page.go_back()
    page.locator(".around-steps a").first.click()
    expect(page).to_have_url(re.compile(f"/p/demo/logs/{LogEntry.objects.get(entry_id='e4').key}$"))


@pytest.mark.parametrize(("viewport", "scheme"), [(None, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
def test_pill_bar_and_ways_out_have_no_accessibility_fault(
    open_page: Look, user: User, project: Project, scheme: str, viewport: dict[str, int] | None
) -> None:
    options: dict[str, Any] = {"user": user, "color_scheme": scheme}
    if viewport:
        options |= {"viewport": viewport, "has_touch": True}
    page = open_page("/p/demo/logs", **options)
    page.locator(f"{ROWS} button[aria-expanded]").nth(1).click()
    expect(page.locator(".row-panel .context")).to_be_visible()
    follow(page)
    store(project, entry(), error_entry())
    look_again(page)
    expect(page.locator(".live-pill")).to_have_text("2 new")
    page.locator(f"{ROWS} .row-tick").nth(2).check(force=True)
    expect(page.locator(".ticked-bar")).to_be_visible()
    assert accessibility_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
