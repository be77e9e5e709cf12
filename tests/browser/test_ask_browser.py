"""The query box in a browser: suggestions by keyboard and by mouse, mistakes, no scripts, a telephone, axe."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from synclogs.models import Project
from tests.browser.conftest import NARROW, accessibility_faults
from tests.factories import ProjectFactory, entry, error_entry, member, store

pytestmark = pytest.mark.django_db(transaction=True)

Look = Callable[..., Page]
ROWS = "#logs [data-log-key]"
HOSTILE = "<img src=x onerror=window.__xss=1>\"' b"


@pytest.fixture
def project() -> Project:
    project = ProjectFactory(slug="demo", name="Demo")
    store(project, entry(), entry(userId=HOSTILE, integration="jira"), error_entry(userId="acct_2"))
    return project


@pytest.fixture
def user(project: Project) -> User:
    return member(project)


def test_a_query_is_built_by_keyboard_alone(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    box = page.get_by_role("combobox", name="Query")
    options = page.get_by_role("option")
    box.focus()
    page.keyboard.type("lev")
    expect(options.first).to_contain_text("level:")
    expect(page.locator("[data-ask-count]")).to_have_text("1 suggestion")
    page.keyboard.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", "ask-option-0")
    page.keyboard.press("Tab")
    expect(box).to_have_value("level:")
    expect(box).to_be_focused()
    expect(options).to_have_count(5)  # a comparison and the four levels
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(box).to_have_value("level:error")
    expect(options).to_have_count(0)
    expect(page.locator(ROWS)).to_have_count(3)  # taken, not yet asked
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=level%3Aerror$"))
    expect(page.locator(".chip")).to_contain_text("level:error")


def test_enter_with_nothing_chosen_asks_and_a_hostile_name_is_text(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    box = page.locator("#ask-q")
    box.click()
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box).to_be_focused()
    page.keyboard.type("invalid_gr")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.type("ant")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.get_by_role("listbox")).to_be_hidden()
    box.fill("user:<")
    page.get_by_role("option").first.click()
    expect(box).to_be_focused()
    page.get_by_role("button", name="Search").click()
    expect(page.locator(ROWS)).to_contain_text("<img src=x")
    assert page.evaluate("window.__xss") is None


def test_a_mistake_is_marked_and_put_right_in_one_step(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    box = page.locator("#ask-q")
    box.fill("levl:error")
    box.press("Enter")
    expect(page.locator("#filter-error-q mark")).to_have_text("levl")
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(box).to_be_focused()
    assert accessibility_faults(page) == []
    page.locator("#filter-error-q a").click()
    expect(page.locator("#ask-q")).to_have_value("level:error")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator("#filter-error-q mark")).to_have_count(0)


def test_leaving_the_box_asks_once_and_clearing_shows_all(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/logs?" in request.url else None)
    page.locator("#ask-q").fill("jira")
    page.keyboard.press("Tab")
    expect(page.locator(ROWS)).to_have_count(1)
    page.get_by_role("button", name="Clear the query").click()
    expect(page.locator(ROWS)).to_have_count(3)
    assert len(asked) == 2


def test_without_scripts_it_is_a_field_of_the_filter_form(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs?integration=jira", user=user, java_script_enabled=False)
    page.locator("#ask-q").fill("level:info")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile(r"integration=jira.*q=level%3Ainfo|q=level%3Ainfo.*integration=jira"))
    expect(page.locator(ROWS)).to_have_count(1)


def test_suggestions_fit_a_telephone(open_page: Look, user: User) -> None:
    page = open_page("/p/demo/logs", user=user, viewport=NARROW, has_touch=True, color_scheme="dark")
    page.locator("#ask-q").tap()
    expect(page.get_by_role("option").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    assert accessibility_faults(page) == []
    page.get_by_role("option").first.tap()
    expect(page.locator("#ask-q")).to_have_value("level:")
