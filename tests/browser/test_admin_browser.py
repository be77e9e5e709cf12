"""The administration in a browser: no violation of its policy, nothing from other hosts, no barrier, and the main motions."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from synclogs.access import audit
from synclogs.models import Action, ApiKey, LogEntry, Membership, Project, Role
from tests.browser.conftest import NARROW, WIDE
from tests.factories import ProjectFactory, UserFactory, api_key, entry, error_entry, member, store

pytestmark = pytest.mark.django_db(transaction=True)

Look = Callable[..., Page]
HOSTILE = "<img src=x onerror=window.__xss=1>\u202egnp\"'`${window.__xss=1}{{window.__xss=1}}"
STARTED = "!document.documentElement.hasAttribute('x-cloak')"  # Alpine has


@pytest.fixture
def project() -> Project:
    project = ProjectFactory(slug="demo", name="Demo")
    store(project, entry(), error_entry(userId=HOSTILE, message=HOSTILE, payload={HOSTILE: HOSTILE}))
    api_key(project)
    member(project)
    audit.record(Action.OBJECT_CHANGED, project=project, object_text=HOSTILE, before={"a": HOSTILE}, after={"a": 2})
    return project


@pytest.fixture
def root(project: Project) -> User:
    return UserFactory(username="root", is_staff=True, is_superuser=True)


@pytest.fixture
def ada(project: Project) -> User:
    user = UserFactory(username="ada", is_staff=True)
    Membership.objects.create(user=user, project=project, role=Role.ADMIN)
    return user


def serious(page: Page) -> list[str]:
    return [
        f"{page.url} {violation['id']}: {node['html'][:120]}"
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_every_page_is_calm_and_open_to_everybody(open_page: Look, root: User, size: object, scheme: str) -> None:
    page = open_page("/admin/", user=root, viewport=size, color_scheme=scheme)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    links = "elements => elements.map(element => element.getAttribute('href')).filter(Boolean)"
    waiting = [href for href in page.eval_on_selector_all("#nav-sidebar a", links) if href.startswith("/admin/")]
    assert len(waiting) > 10
    seen: set[str] = set()
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        page.goto(address)
        page.wait_for_function(STARTED)
        expect(page.locator("h1")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), address
        assert page.evaluate("window.__xss") is None
        assert serious(page) == []
        rows = page.eval_on_selector_all("#result_list tbody a[href*='/change/']", links)
        waiting += [rows[0].split("?")[0]] if rows else []
        waiting += page.eval_on_selector_all("a[href^='/admin/'][href$='/add/']", links)
    assert len(seen) > 20
    host = page.url.split("/admin/")[0]
    assert [address for address in requests if not address.startswith((host, "data:"))] == []


def test_the_log_is_filtered_and_searched(open_page: Look, ada: User) -> None:
    page = open_page("/admin/synclogs/logentry/", user=ada)
    rows = page.locator("#result_list tr.data-row")
    expect(rows).to_have_count(2)
    page.click(".filter-open-button")
    page.select_option("select[name=level]", "error")
    page.click("text=Apply Filters")
    expect(rows).to_have_count(1)
    expect(page.locator(".admin-active")).to_contain_text("Level Error")
    page.click("[aria-label='Remove: Level']")
    expect(rows).to_have_count(2)
    page.fill("#searchbar", "acct_1")
    page.press("#searchbar", "Enter")
    expect(rows).to_have_count(1)
    page.fill("#searchbar", "nothing like this")
    page.press("#searchbar", "Enter")
    expect(page.locator("h2", has_text="Nothing matches")).to_be_visible()
    page.click("text=Clear the filters")
    rows.first.locator("a").first.click()
    page.wait_for_url("**/change/**")
    expect(page.locator("pre.admin-json")).to_contain_text('"syncEvent"')
    page.click("text=Open in the portal")
    newest = LogEntry.objects.newest_first().first()
    assert newest is not None
    page.wait_for_url(f"**/p/demo/logs/{newest.key}")


def test_a_key_is_made_copied_and_revoked(open_page: Look, ada: User) -> None:
    page = open_page("/admin/synclogs/apikey/add/", user=ada, permissions=["clipboard-read", "clipboard-write"])
    page.fill("[name=name]", "Collector")
    page.locator("[id^=calendarlink]").first.click()
    page.locator(".calendarbox .calendar-shortcuts a", has_text="Tomorrow").first.click()
    page.locator("[id^=clocklink]").first.click()
    page.locator(".clockbox a", has_text="Noon").first.click()
    page.click("[name=_save]")
    secret = page.input_value("#new-key")
    assert secret.startswith("ssp_")
    page.click("[data-copy-from]")
    expect(page.locator("[data-copy-from]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.click("text=I have copied it")
    key = ApiKey.objects.get(name="Collector")
    page.wait_for_url(f"**/apikey/{key.pk}/change/")
    assert key.expires_at is not None
    assert secret.split("_")[2] not in page.content()
    page.click("a[href$='/revoke/']")
    page.fill("#reason", "leaked")
    page.click("text=Revoke the key")
    expect(page.locator("text=is revoked")).to_be_visible()
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_a_member_is_added_in_the_form_of_the_project(open_page: Look, ada: User, project: Project) -> None:
    UserFactory(username="newcomer")
    page = open_page(f"/admin/synclogs/project/{project.pk}/change/", user=ada)
    users = page.locator("input[name$='-user']:not([disabled]):visible")
    before = users.count()
    page.click("text=Add another Member")
    expect(users).to_have_count(before + 1)
    users.last.fill("newcomer")
    page.locator("select[name$='-role']:visible").last.select_option(label="Lead")
    page.click("[name=_save]")
    expect(page.locator("text=was changed successfully")).to_be_visible()
    assert Membership.objects.get(user__username="newcomer").role == Role.LEAD


def test_the_side_bar_stays_at_a_usual_width_and_folds(open_page: Look, ada: User) -> None:
    page = open_page("/admin/", user=ada)
    bar = page.locator("#nav-sidebar")
    expect(bar).to_be_visible()
    page.click("text=dock_to_right")
    expect(bar).to_be_hidden()
    page.reload()
    page.wait_for_function(STARTED)
    expect(bar).to_be_hidden()
    narrow = open_page("/admin/", user=ada, viewport=NARROW)
    narrow.wait_for_function(STARTED)
    expect(narrow.locator("#nav-sidebar")).to_be_hidden()
