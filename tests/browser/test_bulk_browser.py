"""Journey 5 in a browser: tick or filter, preview, one confirmed click, progress in place, pause; also without JavaScript."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from synclogs.models import Bulk, Project, Role
from synclogs.recovery import bulk
from tests.browser.conftest import NARROW, WIDE, accessibility_faults
from tests.bulks import SECOND, Willing, crowd, hear, results, send, started
from tests.factories import ProjectFactory, member
from tests.reenabling import asks

pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[..., Page]
LIST = "/p/demo/syncs?integration=googledrive"


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="demo", name="Demo")


@pytest.fixture
def lead(project: Project) -> User:
    return member(project, Role.LEAD)


@pytest.fixture
def turn(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """One round of the worker's jobs; what was heard is so much later than the rounds before."""
    asks(monkeypatch, Willing())
    rounds = [timezone.now()]

    def go_on(**heard: Any) -> None:
        now = rounds[-1]
        bulk.step(now=now)
        send(now=now + SECOND)
        hear(project, now=now + 2 * SECOND, **heard)
        rounds.append(now + 3 * SECOND)

    return go_on


def test_from_the_list_to_everyone_back(
    open_page: Look, project: Project, lead: User, turn: Callable[..., None]
) -> None:
    crowd(project, 7)
    page = open_page(LIST, user=lead)
    page.get_by_role("link", name="Re-enable all that are stopped here…").click()
    expect(page.locator("[data-eligible]")).to_have_text("7 syncs")
    assert accessibility_faults(page) == []
    button = page.locator('form[data-action="bulk"] button[type="submit"]')
    expect(button).to_have_text("Re-enable 7 syncs, 2 first")
    page.get_by_label("Canary").fill("3")
    expect(button).to_have_text("Re-enable 7 syncs, 3 first")
    page.get_by_label("Why").fill("The outage is over.")
    button.dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("Bulk re-enable of 7 syncs")
    made = Bulk.objects.get()
    expect(page.locator("[data-verdict]")).to_contain_text("Canary: the first 3 are about to be re-enabled")
    turn()
    expect(page.locator("[data-verdict]")).to_contain_text("all 3 have recovered", timeout=10_000)
    turn()
    turn()
    expect(page.locator("#bulk")).to_have_attribute("data-bulk", "finished", timeout=10_000)
    expect(page.locator("[data-verdict]")).to_have_text("Finished: of 7 syncs, 7 recovered.")
    expect(page).to_have_title(re.compile("^Finished:"))
    expect(page.locator("#bulk[hx-get]")).to_have_count(0)
    expect(page.locator("[data-item]")).to_have_count(7)
    page.get_by_role("link", name="Recovered 7").click()
    expect(page.locator("#h-syncs")).to_have_text("Syncs: recovered")
    assert results(made) == {"recovered": 7}
    assert accessibility_faults(page) == []


def test_ticked_ones_stop_after_a_canary_that_fails_without_javascript(
    open_page: Look, project: Project, lead: User, turn: Callable[..., None]
) -> None:
    syncs = crowd(project, 6)
    page = open_page(LIST, user=lead, java_script_enabled=False)
    page.get_by_role("button", name="Re-enable ticked…").click()
    expect(page.get_by_text("Nothing was ticked.")).to_be_visible()
    page.goto(LIST)
    for sync in syncs[:4]:
        page.locator(f'input[name="sync"][value="{sync.sync_id}"]').check()
    page.get_by_role("button", name="Re-enable ticked…").click()
    expect(page.locator("[data-eligible]")).to_have_text("4 syncs")
    page.get_by_label("Why").fill("They asked.")
    page.get_by_role("button", name="Re-enable 4 syncs, 2 first").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Bulk re-enable of 4 syncs")
    address = page.url
    turn(failed=[str(sync.sync_id) for sync in syncs])
    turn()
    page.get_by_role("link", name="Refresh").click()
    expect(page.locator("[data-verdict]")).to_have_text(
        "Stopped by itself. The canary did not recover: of 2 syncs, 2 failed again. 2 syncs were not tried."
    )
    expect(page).to_have_url(address)
    assert results(Bulk.objects.get()) == {"failed_again": 2, "waiting": 2}


def test_pausing_asks_first_and_keeps_the_focus_in_place(
    open_page: Look, project: Project, lead: User, turn: Callable[..., None]
) -> None:
    made = started(project, crowd(project, 5), now=timezone.now())
    page = open_page(f"/p/demo/reenables/bulk/{made.pk}", user=lead)
    page.locator("#bulk-pause").focus()
    turn(but=[str(item.sync_id) for item in made.items.all()])
    expect(page.locator("[data-verdict]")).to_contain_text("0 of 2 recovered", timeout=10_000)
    expect(page.locator("#bulk-pause")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-consequence]")).to_contain_text("3 syncs wait. 2 under way are watched to the end.")
    assert accessibility_faults(page) == []
    page.get_by_label("Why").fill("The provider called.")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-verdict]")).to_contain_text("Paused.")
    expect(page.get_by_role("link", name="Resume")).to_be_visible()


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
def test_no_page_is_wider_than_the_screen(
    open_page: Look, project: Project, lead: User, turn: Callable[..., None], size: dict[str, int], scheme: str
) -> None:
    syncs = [*crowd(project, 12), *crowd(project, 3, integration="an-integration-with-a-name-that-goes-on-and-on")]
    made = started(project, syncs, now=timezone.now(), canary_size=2)
    turn()
    turn(failed=[str(made.items.get(position=4).sync_id)], but=[str(made.items.get(position=5).sync_id)])
    crowd(project, 8, name="later")
    page = open_page(LIST, user=lead, viewport=size, color_scheme=scheme)
    one = f"/p/demo/reenables/bulk/{made.pk}"
    addresses = {"list": LIST, "new": "/p/demo/reenables/bulk/new", "one": one, "abort": f"{one}/abort"}
    for address in (*addresses.values(), "/p/demo/reenables/bulk", "/p/demo/reenables"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
        assert accessibility_faults(page) == [], address
