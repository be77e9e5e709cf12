"""`make run`: private database, web server, worker, live demo entries and simulated provider, supervised.

Configured by the environment (README, "Settings"); runs until Ctrl-C or SIGTERM. A child that dies is restarted; nothing is left
running, also not by a supervisor that was killed: the next start cleans up after it.
"""

import asyncio
import contextlib
import errno
import fcntl
import itertools
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from types import FrameType

import psycopg

from portal.runner import devdb, developer_settings, postgres, supervise
from portal.runner.supervise import DRAIN_SECONDS, Program, Supervisor, Terminal

PYTHON = sys.executable
MANAGE = [PYTHON, "manage.py"]
LOCK = developer_settings.DATA / "run.lock"
STATIC_STAMP = developer_settings.DATA / "static.stamp"
CHILDREN = developer_settings.DATA / "run.children"
READY_SECONDS = 60
PROVIDER_HOST = "127.0.0.1"  # as synclogs.demo.simulator.server
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Refused(Exception):
    """The portal cannot start; the message is one sentence for the person at the terminal."""


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
        reason = f"{host}:{port} cannot be opened: {error.strerror}."
        if error.errno == errno.EADDRINUSE:
            reason = f"Port {port} is taken by another program: stop that, or choose another (PORT=8123 make run)."
        raise Refused(reason) from None
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
    other_port = port + 1 if port < 65535 else port - 1
    try:
        own = try_port(PROVIDER_HOST, other_port)
    except OSError:
        own = try_port(PROVIDER_HOST, 0)
    if not is_demo() or not developer_settings.adopt_provider(port=own):
        return None
    if own != other_port:
        terminal.line(
            f"Port {other_port} is taken by another program, so the simulated provider answers at port {own}."
        )
    os.environ.setdefault("SIMULATOR_PORTAL_URL", f"http://{reachable(host)}:{port}")
    return own


def is_demo() -> bool:
    return os.environ["PORTAL_DEMO"].lower() in {"1", "true", "yes", "on"}


def only_one() -> None:
    """Holds `.data/run.lock` until this process ends; waits for a run that is about to end. Raises Refused beside another one."""
    developer_settings.DATA.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    for waited in itertools.count(step=0.2):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = LOCK.read_text().strip()
        if waited > 2 and not holder.startswith("stopping"):
            raise Refused(f"The portal of this directory already runs ({holder}): stop it first, or use another clone.")
        if waited > DRAIN_SECONDS + devdb.STOP_SECONDS:
            raise Refused(f"The portal of this directory does not end ({holder}).")
        time.sleep(0.2)


def hosts(host: str) -> str:
    """The names under which browsers may ask for this machine, unless ALLOWED_HOSTS says so."""
    names = ["localhost", "127.0.0.1", "::1", host]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 (compared, not bound)
        names[-1] = socket.gethostname()
        with contextlib.suppress(OSError):
            names += [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)]
    return ",".join(f"[{name}]" if ":" in name else name for name in dict.fromkeys(names))


# The start


def steps(*, demo: bool) -> Iterator[tuple[str, list[str]]]:
    """The commands before the portal runs, with what the terminal says of them."""
    yield "Preparing the database", ["migrate", "--noinput", "--verbosity", "0"]
    if not STATIC_STAMP.exists() or STATIC_STAMP.read_text() != static_fingerprint():
        # Compressing takes seconds, so it is done again only after a change; a half-made collection leaves no stamp.
        yield "Collecting static files", ["collectstatic", "--noinput", "--clear", "--verbosity", "0"]
        STATIC_STAMP.write_text(static_fingerprint())
    if demo:
        yield "Loading the demo", ["load_demo"]


def static_fingerprint() -> str:
    """Changes with our own files, with the packages that bring files, and with the settings that name them."""
    sources = [devdb.ROOT / "requirements" / "run.txt", devdb.ROOT / "portal" / "settings.py"]
    paths = [*sources, *sorted((devdb.ROOT / "static").rglob("*"))]
    return "".join(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}\n" for path in paths)


def programs(*, demo: bool, provider: int | None) -> Iterator[Program]:
    """`provider` is the port of the simulated one."""
    yield Program("web", [PYTHON, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "portal.wsgi:application"])
    yield Program("worker", [*MANAGE, "worker"])
    if demo:
        yield Program("demo", [*MANAGE, "generate_logs", "--project", "demo", "--follow"])
    if provider is not None:
        yield Program("provider", [*MANAGE, "simulate_provider", "--port", str(provider)])


def check_database(url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise Refused(f"The database of DATABASE_URL cannot be reached: {reason}") from None


def answers(url: str) -> bool:
    """Whether the web server says it is alive. Only the machine itself is asked, never a proxy of the environment."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(f"{url}/healthz", timeout=2).close()
    except OSError as error:
        return isinstance(error, urllib.error.HTTPError)
    return True


async def welcome(terminal: Terminal, url: str) -> None:
    """Waits for the web server and says where it is."""
    deadline = time.monotonic() + READY_SECONDS
    while not await asyncio.to_thread(answers, url) and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    terminal.line(f"\nThe portal is ready: {url}/")
    if is_demo():
        password = os.environ["DEMO_PASSWORD"]
        terminal.line(f"Sign in as viewer, operator, lead or admin; the password of all is {password}")
    terminal.line("Ctrl-C stops it.\n")


async def look_after(terminal: Terminal, server: devdb.Server | None) -> None:
    """Starts a PostgreSQL that died again, and shows what the terminal did not take before."""
    while True:
        try:
            if server is not None and await asyncio.to_thread(server.revive):
                terminal.line("run      | PostgreSQL ended; starting it again")
        except postgres.Unavailable as error:
            terminal.line(f"run      | {error}")
        terminal.flush()
        await asyncio.sleep(1)


async def serve(terminal: Terminal, url: str, *, provider: int | None, server: devdb.Server | None) -> None:
    """Prepares, starts and supervises until a signal cancels it. Raises Refused when a preparation fails."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None  # noqa: S101 (a coroutine always runs in one)

    def stop() -> None:
        LOCK.write_text(f"stopping: process {os.getpid()}")  # so that the next `make run` waits
        terminal.line("Stopping …")
        task.cancel()

    at_first_signal(lambda *_: loop.is_running() and loop.call_soon_threadsafe(stop))
    supervisor = Supervisor(terminal, devdb.ROOT, record=CHILDREN)
    for title, arguments in steps(demo=is_demo()):
        terminal.line(f"{title} …")
        if code := await supervisor.run([*MANAGE, *arguments], prefix=" " * 9):
            raise Refused(f"`manage.py {' '.join(arguments)}` failed ({supervise.ending(code)}); see above.")
    async with asyncio.TaskGroup() as group:
        for program in programs(demo=is_demo(), provider=provider):
            group.create_task(supervisor.restart(program))
        group.create_task(look_after(terminal, server))
        group.create_task(welcome(terminal, url))


def run(terminal: Terminal) -> None:
    only_one()
    supervise.clean_up_after_killed(CHILDREN, terminal)
    host, port = address()
    LOCK.write_text(f"process {os.getpid()}, port {port}")  # for the next `make run`
    developer_settings.adopt()
    os.environ.update(HOST=host, PORT=str(port), PYTHONUNBUFFERED="1", DJANGO_SETTINGS_MODULE="portal.settings")
    os.environ.setdefault("ALLOWED_HOSTS", hosts(host))
    provider = provide(terminal, host=host, port=port)
    with contextlib.ExitStack() as stack:
        server = None
        if not os.environ.get("DATABASE_URL"):
            terminal.line("Starting PostgreSQL …")
            server = stack.enter_context(devdb.running_server(devdb.DIRECTORY))
            os.environ["DATABASE_URL"] = server.url
        check_database(os.environ["DATABASE_URL"])
        url = f"http://{reachable(host)}:{port}"
        asyncio.run(serve(terminal, url, provider=provider, server=server))


def at_first_signal(action: Callable[[int, FrameType | None], object]) -> None:
    """What a request to end does; those that follow do nothing."""

    def end(number: int, frame: FrameType | None) -> None:
        for one in ENDS:
            signal.signal(one, lambda *_: None)  # SIG_IGN would complain about one that is already pending
        action(number, frame)

    for number in ENDS:
        signal.signal(number, end)


def main() -> int:
    at_first_signal(signal.default_int_handler)  # raises KeyboardInterrupt
    if "MAKELEVEL" in os.environ:  # `make` waits for us; when it is killed, we are to end as well
        supervise.end_with_parent()
    terminal = Terminal(1)
    try:
        run(terminal)
    except (Refused, postgres.Unavailable) as error:
        terminal.line(str(error))
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        terminal.line("Stopped.")
    finally:
        terminal.flush(seconds=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
