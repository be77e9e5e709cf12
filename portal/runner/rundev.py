"""`make run`: private database, web server, worker, live demo entries and simulated provider, supervised.

Configured by the environment (README, "Settings"); runs until Ctrl-C or SIGTERM. A child that dies is restarted; nothing is left
running, also not by a supervisor that was killed: the next start cleans up after it.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from types import FrameType

import psycopg

from portal.runner import devdb, local, postgres
from portal.runner.supervise import (
    DRAIN_SECONDS,
    Program,
    Supervisor,
    Terminal,
    clean_up_after_killed,
    end_with_parent,
    ending,
    signal_group,
    spawn,
)

PYTHON = sys.executable
MANAGE = [PYTHON, "manage.py"]
LOCK = local.DATA / "run.lock"
STATIC_STAMP = local.DATA / "static.stamp"
CHILDREN = local.DATA / "run.children"
READY_SECONDS = 60
PROVIDER_HOST = "127.0.0.1"  # as synclogs.demo.simulator.server
LOGINS = ("viewer", "operator", "lead", "admin")


class Refused(Exception):
    """The portal cannot start; the message is one sentence for the person at the terminal."""


class Stopped(BaseException):
    """Someone asked for the end: raised by the signal handler, once."""


# Before anything slow


def reachable(host: str) -> str:
    """How this machine itself calls the address that the server listens on."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104


def address() -> tuple[str, int]:
    """HOST and PORT, checked. Raises Refused."""
    host = os.environ.get("HOST") or "127.0.0.1"
    port = os.environ.get("PORT") or "8000"
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise Refused(f"PORT is {port!r}: use a number from 1 to 65535.")
    try:
        try_port(host, int(port))
    except socket.gaierror:
        raise Refused(f"HOST is {host!r}, which is no address or name of this machine.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Refused(
                f"Port {port} is taken by another program: stop that, or choose another (PORT=8123 make run)."
            ) from None
        raise Refused(f"{host}:{port} cannot be opened: {error.strerror}.") from None
    return host, int(port)


def try_port(host: str, port: int) -> int:
    """A port that can be opened there: that one, or any for 0. Raises OSError."""
    family, kind, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(where)
        return int(probe.getsockname()[1])


def provide(terminal: Terminal, *, host: str, port: int) -> int | None:
    """Chooses the simulated provider, beside the web server's port; None where settings name another one, or without the demo."""
    if not is_demo() or os.environ.get("PROVIDER") or os.environ.get("PROVIDERS"):
        return None
    wanted = port + 1 if port < 65535 else port - 1
    try:
        own = try_port(PROVIDER_HOST, wanted)
    except OSError:
        own = try_port(PROVIDER_HOST, 0)
        terminal.line(f"Port {wanted} is taken by another program, so the simulated provider answers at port {own}.")
    local.adopt_provider(port=own)
    os.environ.setdefault("SIMULATOR_PORTAL_URL", f"http://{reachable(host)}:{port}")
    return own


def is_demo() -> bool:
    return os.environ["PORTAL_DEMO"].lower() in {"1", "true", "yes", "on"}


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Holds `.data/run.lock`; waits for a run that is about to end. Raises Refused when there is another one."""
    local.DATA.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + DRAIN_SECONDS + devdb.STOP_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                says = LOCK.read_text()
            if not says.startswith("stopping") and time.monotonic() > deadline - DRAIN_SECONDS - devdb.STOP_SECONDS + 2:
                raise Refused(
                    f"The portal of this directory already runs ({says.strip()}): stop it first, or use another clone."
                )
            if time.monotonic() > deadline:
                raise Refused(f"The portal of this directory does not end ({says.strip()}).")
            time.sleep(0.2)
        yield
    finally:
        os.close(lock)


def note(text: str) -> None:
    """What the next `make run` is told while this one holds the lock."""
    LOCK.write_text(text)


def hosts(host: str) -> str:
    """The names under which browsers may ask for this machine, unless ALLOWED_HOSTS says so."""
    names = ["localhost", "127.0.0.1", "[::1]"]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 (compared, not bound)
        names.append(socket.gethostname())
        with contextlib.suppress(OSError):
            names += [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)]
    elif host not in names:
        names.append(f"[{host}]" if ":" in host else host)
    return ",".join(f"[{name}]" if ":" in name and not name.startswith("[") else name for name in dict.fromkeys(names))


# The start


def steps(*, demo: bool) -> Iterator[tuple[str, list[str]]]:
    """The commands before the portal runs, with what the terminal says of them."""
    yield "Preparing the database", ["migrate", "--noinput", "--verbosity", "0"]
    if not STATIC_STAMP.exists() or STATIC_STAMP.read_text() != static_fingerprint():
        # Compressing takes seconds, so it is done again only after a change; a half-made collection leaves no stamp.
        yield "Collecting static files", ["collectstatic", "--noinput", "--clear", "--verbosity", "0"]
        STATIC_STAMP.write_text(static_fingerprint())
    if demo and has_command("load_demo"):
        yield "Loading the demo", ["load_demo"]


def static_fingerprint() -> str:
    """Changes with our own files, with the packages that bring files, and with the settings that name them."""
    sources = [devdb.ROOT / "requirements" / "run.txt", devdb.ROOT / "portal" / "settings.py"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    for path in sorted((devdb.ROOT / "static").rglob("*")):
        if path.is_file():
            digest.update(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}".encode())
    return digest.hexdigest()


def programs(*, demo: bool, provider: int | None) -> Iterator[Program]:
    """`provider` is the port of the simulated one."""
    yield Program("web", [PYTHON, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "portal.wsgi:application"])
    yield Program("worker", [*MANAGE, "worker"])
    if demo and has_command("generate_logs"):
        yield Program("demo", [*MANAGE, "generate_logs", "--project", "demo", "--follow"])
    if provider is not None:
        yield Program("provider", [*MANAGE, "simulate_provider", "--port", str(provider)])


def has_command(name: str) -> bool:
    return any(devdb.ROOT.glob(f"*/management/commands/{name}.py"))


def perform(terminal: Terminal, *, says: str, arguments: list[str]) -> None:
    """One command before the start, its output passed on line by line. Raises Refused when it fails."""
    terminal.line(f"{says} …")
    process = spawn([*MANAGE, *arguments], directory=devdb.ROOT)
    try:
        for line in process.stdout or ():
            terminal.put(b"         " + line.rstrip(b"\n"))
        if process.wait():
            raise Refused(f"`manage.py {' '.join(arguments)}` failed ({ending(process.returncode)}); see above.")
    finally:
        if process.poll() is None:
            signal_group(process, signal.SIGTERM, whole=False)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            signal_group(process, signal.SIGKILL, whole=True)
        process.wait()


def check_database(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=5):
            return
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise Refused(f"The database of DATABASE_URL cannot be reached: {reason}") from None


def answers(host: str, port: int) -> bool:
    """Whether the web server says it is alive. Only the machine itself is asked, never a proxy of the environment."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{reachable(host)}:{port}/healthz", timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def welcome(terminal: Terminal, *, host: str, port: int, demo: bool) -> None:
    terminal.line("")
    terminal.line(f"The portal is ready: http://{reachable(host)}:{port}/")
    if demo:
        terminal.line(
            f"Sign in as {', '.join(LOGINS[:-1])} or {LOGINS[-1]}; the password of all is {os.environ['DEMO_PASSWORD']}"
        )
    terminal.line("Ctrl-C stops it.")
    terminal.line("")


def serve(terminal: Terminal, *, host: str, port: int, provider: int | None, server: devdb.Server | None) -> None:
    """Prepares, starts and supervises until Stopped is raised."""
    check_database(os.environ["DATABASE_URL"])
    demo = is_demo()
    for says, arguments in steps(demo=demo):
        perform(terminal, says=says, arguments=arguments)
    supervisor = Supervisor(
        terminal, list(programs(demo=demo, provider=provider)), directory=devdb.ROOT, record=CHILDREN
    )
    try:
        supervisor.start()
        deadline = time.monotonic() + READY_SECONDS
        ready = False
        while True:
            supervisor.turn(0.2 if not ready else 1.0)
            look_after(server, terminal)
            if not ready and (answers(host, port) or time.monotonic() > deadline):
                ready = True
                welcome(terminal, host=host, port=port, demo=demo)
    finally:
        note(f"stopping: process {os.getpid()}")
        terminal.line("Stopping …")
        supervisor.stop()


def look_after(server: devdb.Server | None, terminal: Terminal) -> None:
    try:
        if server and server.revive():
            terminal.line("run      | PostgreSQL ended; starting it again")
    except postgres.Unavailable as error:
        terminal.line(f"run      | {error}")


def run(terminal: Terminal) -> None:
    with only_one():
        clean_up_after_killed(CHILDREN, terminal)
        host, port = address()
        note(f"process {os.getpid()}, port {port}")
        local.adopt()
        os.environ.update(HOST=host, PORT=str(port), PYTHONUNBUFFERED="1", DJANGO_SETTINGS_MODULE="portal.settings")
        os.environ.setdefault("ALLOWED_HOSTS", hosts(host))
        provider = provide(terminal, host=host, port=port)
        if os.environ.get("DATABASE_URL"):
            serve(terminal, host=host, port=port, provider=provider, server=None)
            return
        terminal.line("Starting PostgreSQL …")
        with devdb.running(devdb.DIRECTORY) as server:
            os.environ["DATABASE_URL"] = server.url
            serve(terminal, host=host, port=port, provider=provider, server=server)


def main() -> int:
    def end(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    if "MAKELEVEL" in os.environ:  # `make` waits for us; when it is killed, we are to end as well
        end_with_parent()
    terminal = Terminal(1)
    try:
        run(terminal)
    except (Refused, postgres.Unavailable) as error:
        terminal.line(str(error))
        return 1
    except Stopped:
        terminal.line("Stopped.")
    finally:
        terminal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
