"""The page of the REST API in a browser: Swagger UI comes up under the portal's own content security policy."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from tests.browser.conftest import Look
from tests.factories import UserFactory


@pytest.mark.parametrize("is_demo", [False, True], ids=["signed in", "demo"])
def test_the_description_is_shown_without_breaking_the_policy(
    open_page: Look, settings: LazySettings, is_demo: bool
) -> None:
    settings.DEMO = is_demo
    page = open_page("/api/v1/docs", user=None if is_demo else UserFactory())
    page.get_by_text("Send log entries").first.wait_for()
    assert page.locator("h1").count() == page.locator("main").count() == 1
    described = Path("portal/api/openapi.yaml").read_text().count("operationId:")
    assert page.locator(".opblock").count() == described > 10
    page.get_by_text("Send log entries").first.click()
    page.get_by_text("RefusedAccount").or_(page.get_by_text("not one entry could be stored")).first.wait_for()
