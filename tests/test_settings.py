"""Settings: refused starts, deployment checks, and a changed secret that signs nobody out."""

import os
import subprocess
import sys
from pathlib import Path

import django
import psycopg
import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client

from synclogs.models import ApiKey, Membership, Project
from tests import factories
from tests.server import SECRET

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "SECRET_KEY": SECRET,
    "DATABASE_URL": "postgresql://nobody:hidden-password@127.0.0.1:1/none",
    "ALLOWED_HOSTS": "portal.example.com",
    "DJANGO_SETTINGS_MODULE": "portal.settings",
}
WEAK = {
    "no secret": {"SECRET_KEY": ""},
    "a short secret": {"SECRET_KEY": "x9" * 20},
    "a secret of one character": {"SECRET_KEY": "a" * 60},
    "Django's placeholder": {"SECRET_KEY": "django-insecure-" + "x8f2k9d7" * 8},
    "any host": {"ALLOWED_HOSTS": "portal.example.com, *"},
    "no database": {"DATABASE_URL": "   "},
    "another database": {"DATABASE_URL": "mysql://user:hidden-password@host/name"},
    "a port that is none": {"DATABASE_URL": "postgresql://user:hidden-password@host:port/name"},
    "half an address": {"DATABASE_URL": "postgresql://user:hidden-password@[::1/name"},
    "no database name": {"DATABASE_URL": "postgresql://user:hidden-password@host"},
    "words for a number": {"INGEST_CONCURRENCY": "many"},
    "a number too small": {"INGEST_REQUESTS_PER_MINUTE": "0"},
    "digits of another script": {"INGEST_CONCURRENCY": "٣"},
    "neither yes nor no": {"HTTPS": "maybe"},
    "an unknown level": {"LOG_LEVEL": "LOUD"},
}


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, **PRODUCTION, **more}


def run(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", [name for name in WEAK if name != "no database"])
def test_a_weak_or_broken_setting_ends_the_start_in_one_sentence(name: str) -> None:
    done = run("manage.py", "check", **WEAK[name])
    assert done.returncode != 0
    said = done.stderr.strip().splitlines()
    assert len(said) == 1
    assert next(iter(WEAK[name])) in said[0]
    assert "Traceback" not in done.stderr
    assert "hidden-password" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["no secret", "no database", "a port that is none"])
def test_the_web_server_says_the_same(name: str) -> None:
    done = run("-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "portal.wsgi:application", PORT="1", **WEAK[name])
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(said) == 1
    assert next(iter(WEAK[name])) in said[0]
    assert "hidden-password" not in done.stderr


@pytest.mark.slow
def test_production_passes_djangos_own_checks() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert (done.returncode, done.stdout.strip()) == (0, "System check identified no issues (0 silenced)."), done.stderr


def test_production_is_no_debugging() -> None:
    code = "from portal import settings as s; print(s.DEBUG, s.DEMO, s.HTTPS, s.TRUSTED_PROXIES, s.SECURE_HSTS_SECONDS)"
    done = run("-c", code)
    assert done.stdout.split() == ["False", "False", "True", "0", "31536000"], done.stderr


def test_the_development_secret_is_for_debugging_only() -> None:
    code = "import os; os.environ.pop('SECRET_KEY'); from portal import settings as s; print(s.SECRET_KEY)"
    made = run("-c", code, DEBUG="1").stdout.strip()
    assert made
    assert run("manage.py", "check", SECRET_KEY=made).returncode != 0
    assert run("-c", code).returncode != 0


def test_a_changed_secret_keeps_sessions_while_the_old_one_is_known(
    client: Client, db: None, settings: LazySettings
) -> None:
    project = factories.ProjectFactory()
    client.force_login(factories.member(project))
    page = f"/p/{project.slug}/help"
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = SECRET, [old]
    assert client.get(page).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get(page).status_code == 200  # the session has moved to the new one
    settings.SECRET_KEY = f"{SECRET} again"
    assert client.get(page).status_code == 302


def test_fallbacks_are_read_from_the_environment() -> None:
    code = "from portal import settings as s; print(s.SECRET_KEY_FALLBACKS)"
    assert run("-c", code, SECRET_KEY_FALLBACKS="one, two,").stdout.strip() == "['one', 'two']"


def test_the_framework_is_past_its_known_faults() -> None:
    """A check of versions here, since an audit without its feed passes silently."""
    assert django.VERSION >= (6, 0, 5)
    assert psycopg.pq.version() >= 150000


def test_a_fresh_install_has_nobody_in_it(db: None) -> None:
    """The migrations have just run on this database."""
    for model in (User, Project, Membership, ApiKey):
        assert not model.objects.exists()


@pytest.mark.slow
def test_the_demo_does_not_load_in_production() -> None:
    done = run("manage.py", "load_demo")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "demo" in done.stderr.lower()
