"""ingest.write and the projections."""

from datetime import timedelta

import pytest
from django.utils import timezone

from synclogs.models import LogEntry, Sync
from tests import factories


@pytest.mark.django_db
def test_smoke():
    project = factories.ProjectFactory()
    factories.member(project)
    factories.UserFactory(with_password=True)
    factories.api_key(project)
    written = factories.store(
        project, factories.entry(), factories.error_entry(), *factories.run(at=timezone.now() - timedelta(hours=1))
    )
    assert written.accepted == 4
    assert LogEntry.objects.count() == 4
    assert Sync.objects.get().status == "ERRORED"
