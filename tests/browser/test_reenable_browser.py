"""Journey 4 in a browser: evidence, one click, progress in place until it recovered, and the words for the customer."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from synclogs.catalogue.recovery import CheckName
from synclogs.models import ConnectedUser, Project, Reenable, Role
from tests.browser.conftest import NARROW, WIDE, accessibility_faults
from tests.factories import ProjectFactory, error_entry, member, run, store, sync_id
from tests.house import House, house

pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[..., Page]
PANEL = f"/p/demo/syncs/{sync_id()}"


@pytest.fixture
def project() -> Project:
    """A sync of Acme that stopped, and another of the same account that has worked since."""
    project = ProjectFactory(slug="demo", name="Demo")
    now = timezone.now()
    store(project, *run(at=now - timedelta(hours=2)), error_entry(timestamp=now - timedelta(minutes=30)), now=now)
    store(project, *run(at=now - timedelta(minutes=5), name="other"), now=now)
    ConnectedUser.objects.filter(project=project).update(name="Acme")
    return project


@pytest.fixture
def operator(project: Project) -> User:
    return member(project, Role.OPERATOR)


def attempt_of(project: Project, state: str, **values: Any) -> Reenable:
    now = timezone.now()
    usual = {"sync_id": sync_id(), "user_id": "acct_1", "integration": "googledrive", "reason": "Reconnected"}
    usual |= {"actor_text": "ada", "answer": "It said: “no such sync”"}
    at = now - timedelta(minutes=2)
    return Reenable.objects.create(
        project=project, state=state, requested_at=at, expires_at=now, accepted_at=at, **{**usual, **values}
    )


@pytest.fixture
def a_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("browser"), "browser_journey") as made:
        yield made


@pytest.mark.slow
def test_from_the_evidence_to_the_recovery(open_page: Look, a_house: House) -> None:
    """By real processes: the portal, its worker, and the provider over HTTP."""
    sync = a_house.stopped()
    name, _, value = a_house.served.cookie.partition("=")
    base = f"http://127.0.0.1:{a_house.served.port}"
    cookies = [{"name": name, "value": value, "domain": "127.0.0.1", "path": "/", "expires": -1} | OPEN_COOKIE]
    page = open_page(f"/p/alpha/syncs/{sync}", base_url=base, storage_state={"cookies": cookies, "origins": []})
    # The page came without asking the provider; its word opens the gate a moment later.
    expect(page.locator('[data-check="cause_gone"]')).to_contain_text("the connected account is valid now")
    expect(page.locator("[data-check]")).to_have_count(len(CheckName))
    form = page.locator('form[data-action="reenable"]')
    form.get_by_label("Why now?").fill("The customer has reconnected.")
    form.get_by_role("button").dblclick()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Re-enable of")
    attempt = page.url
    expect(page.locator("#attempt")).to_have_attribute("data-state", "recovered", timeout=40_000)
    expect(page.locator('.way-step[aria-current="step"]')).to_contain_text("Recovered")
    expect(page.locator("#tell-words")).to_contain_text("has been syncing again since")
    expect(page.locator("#attempt-logs [data-log-key]").first).to_be_visible()
    expect(page).to_have_title(re.compile("^Recovered:"))
    expect(page.locator("#attempt[hx-get]")).to_have_count(0)
    page.go_back()
    again = page.locator('form[data-action="reenable"]')
    if again.count():  # the browser brought the page as it was left: a click makes no second call
        again.get_by_label("Why now?").fill("Once more")
        again.get_by_role("button").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Not re-enabled")
    page.goto(f"{base}/p/alpha/syncs/{sync}")
    expect(page.locator("[data-verdict]")).to_contain_text("Working")
    expect(page.locator("#reenable")).to_contain_text("Recovered: a run completed")
    assert a_house.posts(sync) == 1
    page.goto(attempt)
    assert accessibility_faults(page) == []


OPEN_COOKIE: dict[str, Any] = {"httpOnly": True, "secure": False, "sameSite": "Lax"}


def test_two_clicks_are_one_attempt_and_the_page_follows_it(open_page: Look, operator: User) -> None:
    page = open_page(PANEL, user=operator)
    page.get_by_label("Why now?").fill("Reconnected")
    page.get_by_role("button", name="Re-enable Google Drive, files of Acme").dblclick()
    page.wait_for_url("**/reenables/**")
    attempt = Reenable.objects.get()
    expect(page.locator("#attempt")).to_have_attribute("data-state", "requested")
    page.get_by_role("link", name="Refresh").focus()
    Reenable.objects.update(state="accepted", accepted_at=timezone.now())
    expect(page.locator("#attempt")).to_have_attribute("data-state", "accepted")
    expect(page.locator("#attempt-news")).to_contain_text("The provider accepted it")
    expect(page).to_have_title(re.compile("^Accepted: re-enable of Google Drive, files"))
    expect(page.get_by_role("link", name="Refresh")).to_be_focused()
    page.goto(PANEL)
    expect(page.locator("#reenable #attempt")).to_have_attribute("data-state", "accepted")
    now = timezone.now()
    Reenable.objects.update(state="failed_again", ended_at=now)
    expect(page.locator("#reenable #attempt")).to_have_attribute("data-state", "failed_again")
    expect(page.get_by_role("link", name="Show the sync as it is now")).to_be_visible()
    assert Reenable.objects.get() == attempt


def test_everything_works_without_scripts(open_page: Look, operator: User) -> None:
    page = open_page(PANEL, user=operator, java_script_enabled=False)
    page.get_by_label("Why now?").fill("Reconnected")
    page.get_by_role("button", name="Re-enable Google Drive").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Re-enable of")
    Reenable.objects.update(state="recovered", ended_at=timezone.now())
    page.get_by_role("link", name="Refresh").click()
    expect(page.locator("[data-verdict]")).to_contain_text("Recovered")
    page.goto(PANEL)
    page.locator(".sleep-menu summary").click()
    page.get_by_label("Why not?").fill("The trial is over")
    page.get_by_role("button", name="Do not wake").click()
    expect(page.get_by_text("Not to be woken", exact=True)).to_be_visible()


def test_a_lead_is_told_what_is_against_it(open_page: Look, project: Project) -> None:
    store(project, error_entry(syncId=sync_id("alone"), userId="acct_2"))
    page = open_page(f"/p/demo/syncs/{sync_id('alone')}", user=member(project, Role.LEAD))
    page.get_by_label("Why now?").fill("I have seen it work")
    page.get_by_role("button", name="Re-enable Google Drive").click()
    expect(page.locator("form[data-action=reenable] input:invalid")).to_have_count(1)  # the box has to be ticked
    page.get_by_label("Against the evidence: nothing shows that the cause is gone").check()
    page.get_by_role("button", name="Re-enable Google Drive").click()
    expect(page.get_by_text("against the evidence")).to_be_visible()
    assert Reenable.objects.count() == 1


def test_the_list_is_reached_and_read_by_keyboard(open_page: Look, operator: User, project: Project) -> None:
    attempt = attempt_of(project, "refused", ended_at=timezone.now())
    page = open_page("/p/demo/logs", user=operator)
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/reenables")  # loaded: its heading is there before the scripts that listen for keys
    expect(page.get_by_role("heading", level=1)).to_have_text("Re-enables")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/reenables/{attempt.pk}")
    page.get_by_role("link", name="Request again").click()
    expect(page.locator("#h-reenable")).to_be_in_viewport()


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
def test_the_pages_are_for_everybody(open_page: Look, project: Project, size: dict[str, int], scheme: str) -> None:
    ended = attempt_of(project, "refused", ended_at=timezone.now())
    running = attempt_of(project, "accepted", sync_id=sync_id("other"))
    store(project, error_entry(syncId=sync_id("alone"), userId="acct_2"))
    page = open_page(PANEL, user=member(project, Role.LEAD), viewport=size, color_scheme=scheme)
    for path in (
        PANEL,
        f"/p/demo/syncs/{sync_id('alone')}",
        f"/p/demo/reenables/{ended.pk}",
        f"/p/demo/reenables/{running.pk}",
        "/p/demo/reenables",
        "/p/demo/reenables/asleep",
    ):
        page.goto(path)
        assert accessibility_faults(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.goto(PANEL)
    page.locator(".sleep-menu summary").click()
    assert accessibility_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
