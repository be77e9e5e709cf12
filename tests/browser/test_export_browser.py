"""Exports in a browser: started from the list by mouse and by keyboard, with progress and outcome."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from synclogs.models import Export, Project, Role
from tests.browser.conftest import NARROW, WIDE, accessibility_faults
from tests.factories import ProjectFactory, entry, member, store

pytestmark = pytest.mark.django_db(transaction=True)

Look = Callable[..., Page]


@pytest.fixture
def project() -> Project:
    project = ProjectFactory(slug="demo", name="Demo")
    now = timezone.now()
    store(project, *(entry(id=f"e{number}", timestamp=now - timedelta(minutes=number + 1)) for number in range(6)))
    return project


@pytest.fixture
def operator(project: Project) -> User:
    return member(project, Role.OPERATOR)


def test_from_the_list_to_the_file(open_page: Look, operator: User) -> None:
    page = open_page("/p/demo/logs?level=info", user=operator)
    page.get_by_role("link", name="Export").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Export logs")
    expect(page.get_by_text("6 entries", exact=True)).to_be_visible()
    expect(page.get_by_text("None yet")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").press("Enter")
    assert download.value.suggested_filename.startswith("demo-logs-")
    assert len(download.value.path().read_bytes().splitlines()) == 7
    line = page.locator("[data-export]")
    expect(line).to_have_attribute("data-export", "finished")
    expect(line).to_contain_text("CSV Level is Info, Last 24 hours")
    expect(line).to_contain_text("6 entries in")


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
def test_the_page_is_for_everybody(open_page: Look, operator: User, size: dict[str, int], scheme: str) -> None:
    page = open_page("/p/demo/logs/export?level=info&-user=nobody", user=operator, viewport=size, color_scheme=scheme)
    with page.expect_download():
        page.get_by_role("link", name="Download NDJSON").click()
    expect(page.locator("[data-export]")).to_be_visible()
    assert accessibility_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_viewer_is_told_why_not(open_page: Look, project: Project) -> None:
    page = open_page("/p/demo/logs", user=member(project), viewport=NARROW)
    page.locator("#export-link summary").press("Enter")
    expect(page.get_by_text("Exporting is for the role Operator and above.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_link_of_another_site_starts_none_and_leads_to_the_page(open_page: Look, operator: User) -> None:
    """To a browser, localhost is another site than 127.0.0.1."""
    page = open_page("/p/demo/logs", user=operator)
    here = page.url.partition("/p/")[0]
    elsewhere = here.replace("localhost", "other").replace("127.0.0.1", "localhost").replace("other", "127.0.0.1")
    page.goto(f"{elsewhere}/accounts/login/")
    page.evaluate("url => { location.href = url }", f"{here}/p/demo/logs/export?format=csv&level=info")
    expect(page.get_by_role("heading", level=1)).to_have_text("You may not do that")
    expect(page.get_by_text("Another site asked for this.")).to_be_visible()
    assert not Export.objects.exists()
    assert accessibility_faults(page) == []
    page.get_by_role("link", name="Go to that page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Export logs")
    with page.expect_download():
        page.get_by_role("link", name="Download CSV").click()
    expect(page.locator("[data-export]")).to_have_attribute("data-export", "finished")
