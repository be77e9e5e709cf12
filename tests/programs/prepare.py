"""Fills a database for tests from outside: migrates it, then prints a key of its project alpha and a signed-in session as JSON."""

import json
import sys
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.management import call_command

import portal.wsgi  # noqa: F401 - sets Django up, which the models below need
from portal.sign_in.sessions import SessionStore
from synclogs.models import Project, Role, Scope
from tests import factories


def prepare() -> dict[str, Any]:
    call_command("migrate", verbosity=0)
    project = Project.objects.filter(slug="alpha").first() or factories.ProjectFactory(slug="alpha")
    person = factories.UserFactory(username="served", is_staff=True, is_superuser=True, with_password=True)
    factories.MembershipFactory(project=project, user=person, role=Role.ADMIN)
    key = factories.api_key(project, Scope.LOGS_WRITE, Scope.LOGS_READ, requests_per_minute=1_000_000)[1]
    return {"key": key, "cookie": cookie_of(person), "project": project.pk}


def cookie_of(person: Any) -> str:
    """Of a session in which this person is signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(prepare()))
