"""Default settings of a developer's machine, for `make run` and for `manage.py` without DATABASE_URL.

Adds variables to the environment and stores secrets in `.data`. Never overrides what is set. The web server does not use it:
portal/wsgi.py refuses to start without settings.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from portal.runner import devdb

DATA = devdb.ROOT / ".data"
SECRETS = {"SECRET_KEY": 50, "DEMO_PASSWORD": 9}  # bytes of randomness


def adopt() -> None:
    """Turns the demo on and gives it its secrets, where the environment does not say otherwise."""
    os.environ.setdefault("PORTAL_DEMO", "1")
    for variable, length in SECRETS.items():
        if not os.environ.get(variable):
            os.environ[variable] = stored_secret(variable.lower(), length=length)


def adopt_provider(*, port: int) -> bool:
    """Makes `manage.py simulate_provider --port <port>` the provider; False where the environment names another, or none.

    Its signing key is made once, by a program of its own, since nothing of synclogs is loaded before Django.
    """
    if os.environ.get("PROVIDER") or os.environ.get("PROVIDERS"):
        return False
    key = DATA / "provider_key.pem"
    if not key.exists():
        subprocess.run([sys.executable, "-m", "synclogs.demo.keypair", key], cwd=devdb.ROOT, check=True)
    address = f"http://127.0.0.1:{port}"
    os.environ.update(PROVIDER="paragon", PROVIDER_SYNC_URL=address, PROVIDER_API_URL=address)
    # Another project that is made in the demo changes nothing for it.
    os.environ.update(PROVIDER_FOR="demo", PROVIDER_PROJECT="demo", PROVIDER_SIGNING_KEY_FILE=str(key))
    return True


@contextmanager
def database() -> Iterator[None]:
    """Around one command: without DATABASE_URL it joins the private server of `make run`, or starts it meanwhile."""
    if os.environ.get("DATABASE_URL"):
        yield
        return
    adopt()
    with devdb.running_server(devdb.DIRECTORY) as server:
        if sys.stderr.isatty():
            sys.stderr.write("DATABASE_URL is not set: using the private PostgreSQL of `make run`.\n")
        os.environ["DATABASE_URL"] = server.url
        yield


def stored_secret(name: str, *, length: int) -> str:
    """A random text, made once and then read from `.data/<name>`, which only this user can read."""
    path = DATA / name
    DATA.mkdir(mode=0o700, exist_ok=True)
    if not path.exists():
        # Another process may do the same at once; the first complete file stays.
        making = DATA / f"{name}.{os.getpid()}"
        with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(length))
        try:
            os.link(making, path)
        except FileExistsError:
            pass
        finally:
            making.unlink()
    return path.read_text().strip()
