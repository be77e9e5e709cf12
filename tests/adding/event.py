"""An event that was added to the catalogue is understood, in words, counted in and taught."""

import pytest
from django.test import Client

from synclogs.catalogue import Category
from synclogs.models import LogEntry, Role, Sync
from tests import factories
from tests.factories import entry, member, store, sync_id

pytestmark = pytest.mark.django_db


def test_the_event_is_known_everywhere(client: Client) -> None:
    project = factories.ProjectFactory(slug="demo")
    client.force_login(member(project, Role.VIEWER))
    store(project, entry(syncEvent="SOURCE_MOVED", syncId=sync_id(), level="ERROR"))
    assert LogEntry.objects.get().category == Category.ERROR
    assert Sync.objects.get().status == "DISABLED"
    for path, words in (
        ("logs?event=SOURCE_MOVED", "The source has moved"),
        (f"syncs/{sync_id()}", "The source has moved"),
        (f"logs/{LogEntry.objects.get().key}", "Choose the folder again."),
        ("help", '<span class="row-note id">SOURCE_MOVED</span>'),
        ("help", "The folder that is synced lies somewhere else now."),
        ("logs", 'value="SOURCE_MOVED"'),
        ("logs/suggest?q=event:sou", "event:SOURCE_MOVED"),
    ):
        assert words in client.get(f"/p/demo/{path}").content.decode(), path
