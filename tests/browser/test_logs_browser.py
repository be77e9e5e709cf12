"""The log list, its context and the patterns page in a browser: by mouse, by keyboard, without scripts, with axe."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from portal.access import read_limits
from synclogs.models import LogEntry, Project
from tests.browser.conftest import NARROW, accessibility_faults, resize
from tests.factories import ProjectFactory, entry, error_entry, member, store, sync_id

pytestmark = pytest.mark.django_db(transaction=True)

Look = Callable[..., Page]
ROWS = "#logs [data-log-key]"
HOSTILE = "<img src=x onerror=window.__xss=1>\u202egnp\"'"


@pytest.fixture
def project() -> Project:
    project = ProjectFactory(slug="demo", name="Demo")
    now = timezone.now()
    store(
        project,
        *(entry(timestamp=now - timedelta(minutes=number + 2), userId=f"acct_{number}") for number in range(6)),
        error_entry(
            timestamp=now - timedelta(minutes=1), userId=HOSTILE, message=HOSTILE, region={"zone": [1, HOSTILE]}
        ),
    )
    return project


@pytest.fixture
def user(project: Project) -> User:
    return member(project)


def test_a_row_opens_in_place_once_and_closes(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/context") else None)
    button = page.locator(f"{ROWS} button[aria-expanded]").first
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".row-panel .context").first).to_contain_text("NON_RECOVERABLE")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(page.locator(".row-panel").first).to_be_hidden()
    button.click()
    expect(page.locator(".row-panel").first).to_be_visible()
    assert len(asked) == 1
    assert page.evaluate("window.__xss") is None


def test_a_click_anywhere_on_the_line_opens_it(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    page.locator(f"{ROWS} .row-event").nth(1).click()
    expect(page.locator(f"{ROWS} button[aria-expanded]").nth(1)).to_have_attribute("aria-expanded", "true")


CUT = "nodes => nodes.filter(node => node.scrollWidth > node.clientWidth).map(node => node.innerText)"


def test_a_time_and_a_level_are_never_cut(open_page: Look, user: User, project: Project) -> None:
    store(project, entry(timestamp=timezone.now(), syncId=sync_id("s1"), level="WARN", userId="acct_1"))
    page = open_page("/p/demo/logs", user=user)
    for path in ("logs", "integrations/googledrive", "users/acct_1", f"syncs/{sync_id('s1')}"):
        page.goto(f"/p/demo/{path}")
        for width in (390, 970, 1280, 1920):
            resize(page, width)
            expect(page.locator(".row-time:visible").first).to_be_visible()
            assert page.locator(".row-time:visible, .rows .level:visible").evaluate_all(CUT) == [], (path, width)


def test_the_longest_values_stay_within_a_phone(open_page: Look, user: User, project: Project) -> None:
    longest = {name: name[0] * 128 for name in ("traceId", "integration", "pipeline", "syncType", "syncStatus")}
    longest |= {"userId": "w" * 256, "message": "M" * 8000, "syncEvent": "V" * 64, "credentialId": "c" * 128}
    error = {"errorCode": "C" * 128, "message": "E" * 4000, "recoverability": "R" * 64}
    store(project, error_entry(**longest, syncId=sync_id("long"), id="i" * 128, error=error))
    page = open_page("/p/demo/logs", user=user, viewport=NARROW)
    at = ("logs", f"logs/{page.locator(ROWS).first.get_attribute('data-log-key')}", f"syncs/{sync_id('long')}", "syncs")
    for path in (
        *at,
        "traces/" + "t" * 128,
        "users/" + "w" * 256,
        "users",
        "integrations/" + "i" * 128,
        "integrations",
        "",
    ):
        page.goto(f"/p/demo/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], path


def test_a_context_that_does_not_load_can_be_tried_again(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    page.route("**/context", lambda route: route.abort())
    page.locator(f"{ROWS} button[aria-expanded]").first.click()
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    page.unroute("**/context")
    again.click()
    expect(page.locator(".row-panel .context").first).to_be_visible()
    expect(page.locator(f"{ROWS} button[aria-expanded]").first).to_be_focused()


def test_ticking_a_filter_refreshes_the_list_and_the_url(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    page.locator('#filters input[name="level"][value="error"]').check()
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/p/demo/logs\?level=error$"))
    expect(page.locator("#logs .chip")).to_contain_text("Level is")
    page.locator('#filters input[name="-level"][value="error"]').check(force=True)
    expect(page.locator(ROWS)).to_have_count(6)
    expect(page).to_have_url(re.compile(r"/p/demo/logs\?-level=error$"))
    expect(page.locator('#filters input[name="level"][value="error"]')).not_to_be_checked()
    page.go_back()
    expect(page.locator(ROWS)).to_have_count(1)
    page.locator("#logs .chip a").click()
    expect(page.locator(ROWS)).to_have_count(7)


def test_a_bad_time_is_said_at_the_field_and_goes_away_again(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs?level=info", user=user)
    page.locator('details[data-group="time"] > summary').click()
    since = page.locator("#filter-since")
    since.fill("whenever")
    since.press("Enter")
    expect(page.locator("#filter-error-since")).to_contain_text("Use 15m")
    expect(page.locator(ROWS)).to_have_count(0)
    since.fill("7d")
    since.press("Enter")
    expect(page.locator("#filter-error-since")).to_be_empty()
    expect(page.locator(ROWS)).to_have_count(6)


def test_a_list_that_does_not_load_says_so_and_keeps_the_filters(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    page.route("**/p/demo/logs?*", lambda route: route.abort())
    page.locator('#filters input[name="level"][value="error"]').check()
    expect(page.locator("#logs .state-title")).to_have_text("Could not load the logs")
    expect(page.locator('#filters input[name="level"][value="error"]')).to_be_checked()
    page.unroute("**/p/demo/logs?*")
    page.get_by_role("button", name="Try again").click()
    expect(page).to_have_url(re.compile(r"/p/demo/logs\?level=error&since=24h$"))
    expect(page.locator(ROWS)).to_have_count(1)


def test_asking_for_the_same_list_again_is_no_step_of_its_own(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    page.locator('#filters input[name="level"][value="error"]').check()
    expect(page.locator(ROWS)).to_have_count(1)
    for _ in range(2):
        with page.expect_response(re.compile(r"/p/demo/logs\?.*level=error")):
            page.get_by_role("button", name="Apply").click()
        expect(page.locator("#logs[aria-busy]")).to_have_count(0)  # the answer is there before the page has shown it
    page.go_back()
    expect(page).to_have_url(re.compile(r"/p/demo/logs$"))


def test_a_list_under_way_is_busy_until_it_comes_itself(open_page: Look, user: User) -> None:
    """Whatever else comes first: here the context of a row."""
    page = open_page("/p/demo/logs", user=user)
    lists: list[Route] = []
    page.route("**/p/demo/logs?*", lambda route: lists.append(route))
    page.locator('#filters input[name="level"][value="error"]').check()
    expect(page.locator("#logs")).to_have_attribute("aria-busy", "true")
    page.locator(f"{ROWS} button[aria-expanded]").first.click()
    expect(page.locator(".row-panel .context")).to_be_visible()
    expect(page.locator("#logs")).to_have_attribute("aria-busy", "true")
    lists[0].continue_()
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator("#logs[aria-busy]")).to_have_count(0)


def test_signed_out_meanwhile_leads_to_the_sign_in_page(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    page.context.clear_cookies()
    page.locator('#filters input[name="level"][value="error"]').check()
    expect(page).to_have_url(re.compile("/accounts/login/.*level(=|%3D)error"))


def test_include_in_the_context_narrows_the_list(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs?level=info", user=user)
    page.locator(f"{ROWS} button[aria-expanded]").first.click()
    page.get_by_role("link", name="Only User acct_0").click()
    expect(page).to_have_url(re.compile(r"level=info&user=acct_0$"))
    expect(page.locator(ROWS)).to_have_count(1)


def test_keys_move_open_copy_filter_search_and_go(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user, permissions=["clipboard-read", "clipboard-write"])
    buttons = page.locator(f"{ROWS} button[aria-expanded]")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(buttons.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(buttons.nth(0)).to_be_focused()
    page.keyboard.press("o")
    expect(buttons.nth(0)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(buttons.nth(0)).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(buttons.nth(0)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("c")
    expect(page.locator("#toasts")).to_contain_text("Link copied")
    assert re.search(r"/p/demo/logs/[0-9a-f-]{36}$", page.evaluate("navigator.clipboard.readText()"))
    page.keyboard.press("/")
    expect(page.locator(".search input")).to_be_focused()
    page.keyboard.type("jo?")
    expect(page.locator(".search input")).to_have_value("jo?")
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    expect(page.locator("#filters :focus")).to_have_count(1)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page).to_have_url(re.compile(r"/p/demo/syncs$"))


def test_single_keys_can_be_turned_off(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    page.keyboard.press("?")
    page.locator("#keys-off").check()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator(".search input")).not_to_be_focused()


def test_copy_json_gives_the_whole_entry(open_page: Look, user: User, project: Project) -> None:
    newest = LogEntry.objects.of(project).newest_first()[0]
    page = open_page(f"/p/demo/logs/{newest.key}", user=user, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy JSON").click()
    expect(page.locator("#toasts")).to_contain_text("JSON copied")
    copied = page.evaluate("navigator.clipboard.readText().then(JSON.parse)")
    assert copied["userId"] == HOSTILE
    assert copied["region"] == {"zone": [1, HOSTILE]}


def test_paper_is_light_and_shows_no_controls(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user, color_scheme="dark")
    expect(page.locator(".topbar, #filters, .tools").filter(visible=True)).to_have_count(3)
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator(".topbar, #filters, .tools, .btn").filter(visible=True)).to_have_count(0)
    expect(page.locator("body")).to_have_css("background-color", "rgb(245, 247, 248)")
    expect(page.locator(ROWS).filter(visible=True)).to_have_count(7)


def test_the_theme_sticks_before_the_first_paint(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user, color_scheme="light")
    body, ground = page.locator("body"), "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.locator(".topbar-end summary").click()
    page.get_by_role("button", name="Dark").click()
    expect(body).not_to_have_css("background-color", light)
    dark = page.evaluate(ground)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(body).to_have_css("background-color", dark)


def test_everything_works_without_scripts(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user, java_script_enabled=False)
    page.locator('#filters input[name="level"][value="error"]').check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(ROWS)).to_have_count(1)
    page.locator(f"{ROWS} a[data-permalink]").click()
    expect(page.locator("h1")).to_have_text("Sync stopped with an error")
    expect(page.get_by_text("NON_RECOVERABLE").first).to_be_visible()
    page.locator(".switcher summary").click()
    expect(page.locator(".switcher .menu-panel")).to_be_visible()


@pytest.mark.parametrize(("viewport", "scheme"), [(None, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
def test_no_accessibility_fault_and_nothing_sticks_out(
    open_page: Look, user: User, project: Project, scheme: str, viewport: dict[str, int] | None
) -> None:
    options: dict[str, Any] = {"user": user, "color_scheme": scheme}
    if viewport:
        options["viewport"] = viewport
    page = open_page("/p/demo/logs?level=error&level=info&-integration=box", **options)
    page.locator(f"{ROWS} button[aria-expanded]").first.click()
    expect(page.locator(".row-panel .context")).to_be_visible()
    if viewport:
        for drawer in page.locator(".drawer > summary").all():
            drawer.click()
    assert accessibility_faults(page) == []
    key = LogEntry.objects.of(project).newest_first()[0].key
    ProjectFactory(slug="empty")
    for path in (
        "/p/demo/logs?level=loud&colour=red",
        "/p/demo/logs?user=nobody",
        f"/p/demo/logs/{key}",
        "/p/demo/patterns",
        "/p/none/logs",
    ):
        page.goto(path)
        assert accessibility_faults(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_sign_in_page_has_no_accessibility_fault(open_page: Look, project: Project, scheme: str) -> None:
    page = open_page("/p/demo/logs", color_scheme=scheme)
    expect(page).to_have_url(re.compile(r"/accounts/login/\?next="))
    assert accessibility_faults(page) == []


def test_a_part_that_had_to_wait_comes_by_itself(open_page: Look, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many reads at once: the list is not lost and no failure is shown, and what was refused is asked for again."""
    page = open_page("/p/demo/logs", user=user)
    page.wait_for_load_state("networkidle")  # whatever the page itself asks for is there
    refused, turn = iter([True, True]), read_limits.turn

    def busy(subject: str) -> Any:
        if next(refused, False):
            raise read_limits.Busy
        return turn(subject)

    monkeypatch.setattr(read_limits, "turn", busy)
    page.locator('#filters input[name="level"][value="error"]').check()
    expect(page.locator("#toasts")).to_contain_text("This one goes on in a moment")
    expect(page).to_have_url(re.compile(r"/p/demo/logs\?level=error$"))
    expect(page.locator("#logs .state")).to_have_count(0)
    assert next(refused, None) is None
