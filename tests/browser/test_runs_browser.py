"""The pages of a run and of a sync in a browser: marks by mouse and by keyboard, narrow, dark, without scripts, with axe."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from synclogs.models import Project
from tests.browser.conftest import NARROW, WIDE, accessibility_faults
from tests.factories import ProjectFactory, entry, error_entry, member, run, store, sync_id

pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[..., Page]


@pytest.fixture
def project() -> Project:
    project = ProjectFactory(slug="demo", name="Demo")
    now = timezone.now()
    begin = now - timedelta(minutes=9)
    for number in range(20):
        store(project, *run(at=now - timedelta(minutes=60 - number)), now=now)
    limited = {"httpStatus": 429, "backoffMs": 60_000, "attempt": 1, "maxAttempts": 5}
    store(
        project,
        entry(timestamp=begin, syncEvent="INCREMENTAL_SYNC_STARTED", traceId="bad"),
        *(entry(timestamp=begin + timedelta(seconds=2), syncEvent="PAGE_READ", traceId="bad") for _ in range(37)),
        entry(
            timestamp=begin + timedelta(seconds=5),
            syncEvent="SYNC_RUN_RATE_LIMITED",
            level="WARN",
            traceId="bad",
            error=limited,
        ),
        error_entry(timestamp=begin + timedelta(minutes=5), traceId="bad"),
        now=now,
    )
    return project


@pytest.fixture
def user(project: Project) -> User:
    return member(project)


def test_marks_are_one_tab_stop_with_arrows_and_open_their_entry(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/traces/bad", user=user)
    marks = page.locator(".wf-mark")
    expect(page.locator('.wf-mark[tabindex="0"]')).to_have_count(1)
    marks.first.focus()
    page.keyboard.press("ArrowRight")
    expect(marks.nth(1)).to_be_focused()
    expect(page.locator("[data-waterfall] [data-says]")).to_contain_text("37 entries")
    page.keyboard.press("End")
    expect(marks.last).to_be_focused()
    page.keyboard.press("Enter")
    row = page.locator("#logs [data-log-key]").last
    expect(row.locator("button[aria-expanded]")).to_have_attribute("aria-expanded", "true")
    expect(row.locator("button[aria-expanded]")).to_be_focused()
    expect(page.locator(".diff-first")).to_contain_text("First difference: “Page read” here; completed in the good run")


@pytest.mark.parametrize("path", ["/p/demo/traces/bad", f"/p/demo/syncs/{sync_id()}"])
@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("dark", NARROW)])
def test_runs_are_accessible_and_fit(open_page: Look, user: User, path: str, scheme: str, size: dict[str, int]) -> None:
    page = open_page(path, user=user, color_scheme=scheme, viewport=size)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert accessibility_faults(page) == []


def test_a_lamp_leads_to_its_run_and_a_phone_sees_the_newest(open_page: Look, user: User) -> None:
    page = open_page(f"/p/demo/syncs/{sync_id()}", user=user, viewport=NARROW)
    lamps = page.locator(".strip-lamp")
    page.locator("#h-runs").evaluate("heading => heading.scrollIntoView()")
    expect(lamps.last).to_be_in_viewport()
    expect(lamps.first).not_to_be_in_viewport()
    lamps.last.focus()
    page.keyboard.press("ArrowLeft")
    expect(lamps.nth(19)).to_be_focused()
    expect(page.locator("[data-roving] [data-says]")).to_contain_text("Completed, incremental")
    lamps.last.click()
    expect(page.locator("h1")).to_have_text("Incremental run")


def test_without_scripts_a_mark_jumps_to_its_row(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/traces/bad", user=user, java_script_enabled=False)
    page.locator(".wf-mark.wf-error").click()
    expect(page).to_have_url(re.compile("#e-"))
    expect(page.locator(".row:target")).to_contain_text("Sync stopped with an error")
