"""A page that was added shows what it is for, and the matrix of access (tests/test_access_matrix.py) knows it."""

import pytest
from django.test import Client

from synclogs.models import Role
from tests import factories
from tests.factories import entry, member, store

pytestmark = pytest.mark.django_db


def test_the_page_opens(client: Client) -> None:
    project = factories.ProjectFactory(slug="demo")
    client.force_login(member(project, Role.VIEWER))
    store(project, entry(credentialId="cred-1"))
    page = client.get("/p/demo/credentials").content.decode()
    assert "<h1>Credentials</h1>" in page
    assert "cred-1" in page
