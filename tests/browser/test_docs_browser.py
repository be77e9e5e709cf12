"""The page of the REST API in a browser: Swagger UI comes up under the portal's own content security policy."""

from pathlib import Path

import pytest
from django.conf import LazySettings
from playwright.sync_api import expect

from tests.browser.conftest import Look
from tests.factories import UserFactory


@pytest.mark.parametrize("is_demo", [False, True], ids=["signed in", "demo"])
def test_the_description_is_shown_without_breaking_the_policy(
    open_page: Look, settings: LazySettings, is_demo: bool
) -> None:
    settings.DEMO = is_demo
    page = open_page("/api/v1/docs", user=None if is_demo else UserFactory())
    page.get_by_text("Send log entries").first.wait_for()
    expect(page.locator("h1")).to_have_count(1)
    expect(page.locator("main")).to_have_count(1)
    described = Path("portal/api/openapi.yaml").read_text().count("operationId:")
    assert described > 10
    expect(page.locator(".opblock")).to_have_count(described)
    page.get_by_text("Send log entries").first.click()
    page.get_by_text("RefusedAccount").or_(page.get_by_text("not one entry could be stored")).first.wait_for()
