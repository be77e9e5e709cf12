"""The main job in a browser: sign in, narrow the log, read an entry, follow it to its run, its sync and its customer.

Over a small made-up world with its failures; by mouse on a wide screen, by keyboard alone on a narrow one, and every page by axe.
"""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from synclogs.demo.generate import generate
from synclogs.models import ConnectedUser, LogEntry, Project, Role, Sync, Trace
from tests.browser.conftest import NARROW, accessibility_faults
from tests.factories import PASSWORD, MembershipFactory, ProjectFactory, UserFactory, store

pytestmark = pytest.mark.django_db(transaction=True)

Look = Callable[..., Page]
ROWS = "#logs [data-log-key]"


@pytest.fixture
def project() -> Project:
    project = ProjectFactory(slug="demo", name="Demo")
    store(project, *generate(seed=7, entries=6000, days=7, users=40, now=timezone.now()))
    return project


@pytest.fixture
def lead(project: Project) -> User:
    user = UserFactory(username="lena", with_password=True)
    MembershipFactory(user=user, project=project, role=Role.LEAD)
    return user


def sign_in(page: Page) -> None:
    page.get_by_label("User name").fill("lena")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_from_signing_in_to_the_customer_by_mouse(open_page: Look, project: Project, lead: User) -> None:
    page = open_page("/")
    sign_in(page)
    expect(page.locator("[data-verdict]")).to_be_visible()
    page.get_by_role("link", name="Logs", exact=True).first.click()
    page.wait_for_url("**/p/demo/logs")  # and for its scripts

    filters = page.locator("#filters")
    filters.locator("input[name=type][value=managed_sync]").check()
    expect(page).to_have_url(re.compile("type=managed_sync"))
    filters.locator("input[name=level][value=error]").check()
    expect(page).to_have_url(re.compile("level=error"))
    expect(page.locator(f'{ROWS}:not([data-level="error"])')).to_have_count(0)

    row = page.locator(ROWS).first
    key = row.get_attribute("data-log-key") or ""
    row.locator("button[aria-expanded]").click()
    context = page.locator(".row-panel .context").first
    expect(context).to_be_visible()
    entry = LogEntry.objects.of(project).get(key=key)
    expect(context).to_contain_text(str(entry.sync_id))

    context.get_by_role("link", name=re.compile("^Only Integration")).first.click()
    page.wait_for_url(re.compile(f"integration={entry.integration}"))
    shown = page.locator(ROWS)
    expect(shown.first).to_be_visible()
    keys = [row.get_attribute("data-log-key") or "" for row in shown.all()]
    found = LogEntry.objects.of(project).filter(key__in=keys)
    assert {(row.integration, row.level, row.type) for row in found} == {(entry.integration, 40, "managed_sync")}

    page.locator(f'[data-log-key="{key}"] button[aria-expanded]').click()
    page.locator(".row-panel .context").first.get_by_role("link", name=entry.trace_id, exact=True).click()
    expect(page).to_have_url(re.compile(f"/p/demo/traces/{entry.trace_id}"))
    expect(page.locator("[data-verdict]")).to_be_visible()

    page.locator(f'main a[href*="/syncs/{entry.sync_id}"]').first.click()
    expect(page).to_have_url(re.compile(f"/p/demo/syncs/{entry.sync_id}"))
    expect(page.locator("[data-verdict]")).to_be_visible()
    expect(page.locator("[data-status]").first).to_be_visible()

    page.locator('main a[href*="/users/"]').first.click()
    expect(page).to_have_url(re.compile("/p/demo/users/"))
    expect(page.locator("[data-verdict]")).to_be_visible()
    expect(page.locator("h1")).to_have_count(1)


def test_the_same_by_keyboard_alone_on_a_narrow_screen(open_page: Look, project: Project, lead: User) -> None:
    page = open_page("/p/demo/logs?type=managed_sync&level=error&since=7d", viewport=NARROW)
    page.keyboard.type("lena")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/p/demo/logs?*")  # and for the scripts that listen for keys
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    context = page.locator(".row-panel .context").first
    expect(context).to_be_visible()
    tab_to(page, "/traces/")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/p/demo/traces/"))
    tab_to(page, "/syncs/")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/p/demo/syncs/"))
    tab_to(page, "/users/")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/p/demo/users/"))


def tab_to(page: Page, part: str) -> None:
    """Presses Tab until a link whose address goes on after `part` has the focus, and shows that it does."""
    for _ in range(120):
        page.keyboard.press("Tab")
        address = page.evaluate("document.activeElement.getAttribute('href') || ''")
        if part in address and not address.endswith(part) and "/users/" + part != address:
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", "the focus is not visible"
            return
    pytest.fail(f"no link to {part} can be reached by Tab on {page.url}")


@pytest.mark.parametrize(
    ("scheme", "viewport"),
    [("light", None), ("dark", NARROW)],
    ids=["light-wide", "dark-narrow"],
)
def test_no_page_has_an_accessibility_fault_or_sticks_out(
    open_page: Look, project: Project, lead: User, scheme: str, viewport: dict[str, int] | None
) -> None:
    page = open_page("/p/demo/", user=lead, color_scheme=scheme, **({"viewport": viewport} if viewport else {}))
    faults = {}
    for path in pages(project):
        page.goto(path)
        expect(page.locator("h1")).to_have_count(1)
        expect(page.locator("main")).to_have_count(1)
        found = accessibility_faults(page)
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append("wider than the screen")
        if found:
            faults[path] = found
    assert faults == {}


def pages(project: Project) -> list[str]:
    """One of each kind of page, where it has most to show."""
    failed = Trace.objects.of(project).filter(failed_at__isnull=False)[0]
    good = Trace.objects.of(project).filter(completed_at__isnull=False)[0]
    errored = Sync.objects.of(project).filter(status="ERRORED")[0]
    limited = Sync.objects.of(project).filter(status="RATE_LIMITED").first() or errored
    error = LogEntry.objects.of(project).filter(level=40).newest_first()[0]
    return [
        "/p/demo/",
        "/p/demo/logs",
        f"/p/demo/logs/{error.key}",
        "/p/demo/syncs",
        "/p/demo/syncs?attention=any",
        f"/p/demo/syncs/{errored.sync_id}",
        f"/p/demo/syncs/{limited.sync_id}",
        f"/p/demo/traces/{failed.trace_id}",
        f"/p/demo/traces/{good.trace_id}",
        "/p/demo/users",
        f"/p/demo/users/{ConnectedUser.objects.of(project).filter(user_id=errored.user_id)[0].user_id}",
        "/p/demo/integrations",
        f"/p/demo/integrations/{errored.integration}",
        "/p/demo/search?q=nothing+like+this",
        f"/p/demo/search?q={errored.integration}",
        "/p/demo/help",
        "/p/demo/audit",
    ]
