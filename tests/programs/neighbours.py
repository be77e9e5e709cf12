"""Adds projects to a prepared database, each with a lead and a key that may do everything; prints slug -> cookie and key as JSON."""

import json
import sys

import portal.wsgi  # noqa: F401 - sets Django up, which the models below need
from synclogs.models import Role
from tests import factories
from tests.programs.prepare import cookie_of


def settle(slug: str) -> dict[str, str]:
    project = factories.ProjectFactory(slug=slug)
    lead = factories.UserFactory(username=f"lead of {slug}")
    factories.MembershipFactory(project=project, user=lead, role=Role.LEAD)
    return {"cookie": cookie_of(lead), "key": factories.api_key(project)[1]}


if __name__ == "__main__":
    sys.stdout.write(json.dumps({slug: settle(slug) for slug in sys.argv[1:]}))
