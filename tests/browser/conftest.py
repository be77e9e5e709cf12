"""A browser that fails the test on any script error, console error or violation of the content security policy."""

import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.server import wait

CHROMIUM = os.environ.get("CHROMIUM", shutil.which("chromium") or "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A refused or aborted request shows as a console error of the browser and of htmx; the tests look at the page for those.
EXPECTED = ("Failed to load resource", "htmx:", "Response Status Error Code 429")
# BROWSER_SLOWDOWN=8 looks for races: the browser computes so many times slower, and scripts and what they ask for come late.
SLOWDOWN = float(os.environ.get("BROWSER_SLOWDOWN", "1"))
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 844}
# Not by waiting for their end: within a closed menu it never comes.
CALM = """() => {
  for (const animation of document.getAnimations()) if (animation instanceof CSSTransition) animation.finish();
}"""

Look = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)
            if not Path(CHROMIUM).exists():
                item.add_marker(pytest.mark.skip(reason="no chromium here; set CHROMIUM"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Playwright's own event loop makes Django believe that it runs inside one.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=SLOWDOWN * 5000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture(scope="session")
def answered() -> Iterator[Callable[[], object]]:
    """answered() waits until the server is done with every request: one that outlives its test finds no database, and ends the
    test after it. A page that is closed may have asked for its live entries a moment before."""
    under_way: set[int] = set()  # threads of the server, each with one request at a time

    def begun(environ: dict[str, str], **_: object) -> None:
        if SLOWDOWN > 1 and environ.get("HTTP_SEC_FETCH_DEST") in ("empty", "script"):
            time.sleep(random.uniform(0.3, 0.8))
        if threading.current_thread() is not threading.main_thread():  # as the tests' own clients are
            under_way.add(threading.get_ident())

    def done(**_: object) -> None:
        under_way.discard(threading.get_ident())

    request_started.connect(begun)
    request_finished.connect(done)
    yield lambda: wait(lambda: not under_way)
    request_started.disconnect(begun)
    request_finished.disconnect(done)


@pytest.fixture
def open_page(browser: Browser, live_server: Any, client: Client, answered: Callable[[], object]) -> Iterator[Look]:
    """open_page(path, user=None, **context options) -> Page; whatever went wrong in the browser fails the test."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def console(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(words in message.text for words in EXPECTED):
            troubles.append(message.text)

    def look(path: str, *, user: User | None = None, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": WIDE, "base_url": live_server.url, **options})
        contexts.append(context)
        if user is not None:
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        page = context.new_page()
        if SLOWDOWN > 1:
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
        page.on("console", console)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(path)
        return page

    yield look
    for context in contexts:
        context.close()
    answered()
    assert troubles == []


def resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_function("width => innerWidth === width", arg=width)


def accessibility_faults(page: Page) -> list[str]:
    """What axe finds in the whole page, its colours at the end of their change, as "rule: selector" lines."""
    page.wait_for_load_state()
    page.evaluate(CALM)
    if SLOWDOWN > 1:
        return []  # minutes, and no race
    response = Axe().run(page).response
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in response["violations"]
        for node in violation["nodes"]
    ]
