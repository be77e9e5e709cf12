"""A key that was added to the entry keys is a word of queries, a column, a figure, documented and exported."""

from typing import Any

import pytest
from django.test import Client

from portal.api import schema
from synclogs.export import formats
from synclogs.models import LogEntry, Project, Role
from tests import factories
from tests.factories import entry, member, store

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(client: Client) -> Project:
    project: Project = factories.ProjectFactory(slug="demo")
    client.force_login(member(project, Role.VIEWER))
    store(
        project,
        entry(id="seven", summary={"skipped": 7}, credentialId="first"),
        entry(id="two", summary={"skipped_records": 2}, credentialId="second"),
    )
    return project


def shown(client: Client, query: str) -> str:
    return client.get(f"/p/demo/{query}").content.decode()


def found(project: Project, **query: Any) -> list[str]:
    key = factories.api_key(project)[1]
    answer = Client().get("/api/v1/logs", query, headers=factories.bearer(key))
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_a_key_of_the_payload(client: Client, project: Project) -> None:
    assert found(project, q="summary.skipped:>3") == ["seven"]
    assert "summary.skipped:" in shown(client, "logs/suggest?q=skip")
    assert "<code>summary.skipped</code>" in shown(client, "help")
    lines = shown(client, "logs?columns=skipped,message")
    assert "cell-skipped" in lines
    assert "<bdi>7</bdi>" in lines
    assert "<bdi>2</bdi>" in lines  # under the other spelling
    assert "Passed over" in shown(client, f"logs/{LogEntry.objects.get(entry_id='seven').key}")
    assert "skipped" in formats.CSV_COLUMNS
    assert b"Records that a run passed over, a whole number." in schema.document()


def test_a_key_with_a_column_of_its_own_as_a_parameter(client: Client, project: Project) -> None:
    assert found(project, credential="first") == ["seven"]
    assert found(project, **{"-credential": "first"}) == ["two"]
    assert found(project, q="credential:second") == ["two"]
    lines = shown(client, "logs?credential=first")
    assert 'id="filter-credential"' in lines
    assert "cell-message" in lines
    assert b'"name": "-credential"' in schema.document()
