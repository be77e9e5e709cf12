"""Tooling before and around the portal: Python finder, set-up, supervision, `make run`."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from portal.runner import bootstrap, checkup, devdb, developer_settings, rundev, supervise

ROOT = devdb.ROOT
FINDER = ROOT / "deploy" / "find-python.sh"


def interpreter(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def find(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the finder in a project of its own, with a PATH of its own."""
    (tmp_path / "deploy").mkdir(exist_ok=True)
    shutil.copy(FINDER, tmp_path / "deploy")
    path = f"{tmp_path / 'bin'}:{tmp_path / 'shims'}:/usr/bin-none"
    kept = {name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}
    home = {"PATH": path, "HOME": str(tmp_path / "home"), **kept, **environment}
    tool = ["/bin/sh", str(tmp_path / "deploy" / "find-python.sh")]
    for name in ("dirname",):
        (tmp_path / "bin").mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (tmp_path / "bin" / name).symlink_to(shutil.which(name) or "/usr/bin/dirname")
    return subprocess.run(tool, env=home, capture_output=True, text=True, check=False)


def test_the_finder_believes_no_name_on_the_path(tmp_path: Path):
    interpreter(tmp_path / "shims" / "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    interpreter(tmp_path / "bin" / "python3", "exit 3")  # an older one says so by this code
    good = interpreter(tmp_path / "home/.pyenv/versions/3.12.1/bin/python3", f'exec "{sys.executable}" "$@"')
    found = find(tmp_path)
    assert (found.returncode, found.stdout.strip()) == (0, sys.executable), (good, found.stderr)


def test_the_finder_prefers_the_project_and_obeys_python(tmp_path: Path):
    interpreter(tmp_path / ".venv/bin/python", "echo the project; exit 0")
    assert find(tmp_path).stdout.strip() == "the project"
    other = interpreter(tmp_path / "other", "echo the other; exit 0")
    assert find(tmp_path, PYTHON=str(other)).stdout.strip() == "the other"
    refused = find(tmp_path, PYTHON=str(interpreter(tmp_path / "old", "exit 3")))
    assert refused.returncode == 1
    assert refused.stderr.startswith("PYTHON is set to")


def test_the_finder_says_what_to_do_in_one_line(tmp_path: Path):
    finder = tmp_path / "deploy" / "find-python.sh"
    finder.parent.mkdir()
    # The last resorts are places of this very machine, which may well have a Python.
    finder.write_text(FINDER.read_text().replace("/usr/local/bin", "/none").replace("/opt/", "/none/"))
    environment = {"PATH": f"{tmp_path}/bin", "HOME": str(tmp_path)}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/dirname").symlink_to(shutil.which("dirname") or "/usr/bin/dirname")
    nothing = subprocess.run(["/bin/sh", finder], env=environment, capture_output=True, text=True, check=False)
    assert nothing.returncode == 1
    assert nothing.stderr.count("\n") == 1
    assert nothing.stderr.startswith("No Python 3.12 or newer was found")
    interpreter(tmp_path / "bin/python3", "exit 4")  # new enough, without venv
    bare = subprocess.run(["/bin/sh", finder], env=environment, capture_output=True, text=True, check=False)
    assert "python3-venv" in bare.stderr
    assert bare.stderr.count("\n") == 1


def test_requirements_are_pinned_by_hash_and_name_no_address():
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        pins = [line for line in text.splitlines() if line and line[0] not in " #"]
        assert pins
        assert all("==" in pin for pin in pins)
        assert text.count("--hash=sha256:") >= len(pins)
        assert "://" not in text
        assert "--index" not in text
    assert not (ROOT / "uv.lock").exists()


def test_the_set_up_installs_again_only_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    installed: list[str] = []
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/run.txt").write_text("one==1")
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "usable", lambda: True)
    monkeypatch.setattr(bootstrap, "install", lambda path: installed.append(path.read_text()))
    bootstrap.prepare("run")
    bootstrap.prepare("run")
    (tmp_path / "requirements/run.txt").write_text("one==2")
    bootstrap.prepare("run")
    assert installed == ["one==1", "one==2"]


def test_a_tool_with_pins_of_its_own_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    commands: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "SEMGREP", tmp_path / "semgrep")
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append([*map(str, command)]))
    (tmp_path / "semgrep").mkdir()
    for name in bootstrap.FILES["dev"]:
        bootstrap.install(ROOT / "requirements" / f"{name}.txt")
    assert [str(tmp_path / "semgrep") in command for command in commands] == [False, True]
    assert all({"--require-hashes", "--no-deps"} <= {*command} for command in commands)
    assert not (tmp_path / "semgrep").exists()  # nothing of an older one stays


def test_every_check_is_a_command_that_exists():
    names = [check.name for check in checkup.checks()]
    assert len(set(names)) == len(names)
    for check in checkup.checks():
        assert shutil.which(check.command[0]), check.name


def test_secrets_are_made_once_and_kept_for_their_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(developer_settings, "DATA", tmp_path / "data")
    first = developer_settings.stored_secret("secret_key", length=50)
    assert len(first) >= 50
    assert developer_settings.stored_secret("secret_key", length=50) == first
    assert (tmp_path / "data/secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret_key"]


def test_a_terminal_that_nobody_reads_stops_nothing():
    reading, writing = os.pipe()
    terminal = supervise.Terminal(writing)
    began = time.monotonic()
    for _ in range(3000):
        terminal.put(b"x" * 1000)
    assert time.monotonic() - began < 5
    assert len(terminal.waiting) <= supervise.OUTPUT_BYTES
    os.close(reading)
    terminal.put(b"into the void")
    os.close(writing)
    terminal.flush(seconds=1)


def test_ports_and_hosts_are_refused_in_words(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HOST", raising=False)
    for port in ("0", "65536", "x", "٣"):
        monkeypatch.setenv("PORT", port)
        with pytest.raises(rundev.Refused, match="use a number from 1 to 65535"):
            rundev.address()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("PORT", str(taken.getsockname()[1]))
        with pytest.raises(rundev.Refused, match="is taken by another program"):
            rundev.address()
    monkeypatch.setenv("HOST", "nowhere.invalid")
    with pytest.raises(rundev.Refused, match="no address or name of this machine"):
        rundev.address()


def test_hosts_are_never_any():
    assert rundev.hosts("127.0.0.1") == "localhost,127.0.0.1,[::1]"
    assert rundev.hosts("portal.example.com").endswith(",portal.example.com")
    assert socket.gethostname() in rundev.hosts("0.0.0.0").split(",")
    assert "0.0.0.0" not in rundev.hosts("0.0.0.0").split(",")


PROVIDED = (
    "PROVIDER_FOR",
    "PROVIDER",
    "PROVIDER_SYNC_URL",
    "PROVIDER_API_URL",
    "PROVIDER_PROJECT",
    "PROVIDER_SIGNING_KEY_FILE",
)


@pytest.fixture
def provide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """provide(port) as a run with the demo does it: the port of the simulated provider, and what the terminal says."""
    monkeypatch.setattr(developer_settings, "DATA", tmp_path)
    monkeypatch.setenv("PORTAL_DEMO", "1")
    for name in (*PROVIDED, "SIMULATOR_PORTAL_URL"):
        monkeypatch.setenv(name, "")  # so that what is set meanwhile is undone
        monkeypatch.delenv(name)
    (tmp_path / "provider_key.pem").write_text("made before")

    def call(port: int) -> tuple[int | None, str]:
        terminal = supervise.Terminal(os.open(tmp_path / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
        found = rundev.provide(terminal, host="0.0.0.0", port=port)
        return found, (tmp_path / "said").read_text()

    return call


def test_the_simulated_provider_answers_beside_the_portal(provide, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = int(probe.getsockname()[1])
    assert provide(free - 1) == (free, "")
    assert [os.environ[name] for name in PROVIDED] == [
        "demo",
        "paragon",
        *[f"http://127.0.0.1:{free}"] * 2,
        "demo",
        str(tmp_path / "provider_key.pem"),
    ]
    assert os.environ["SIMULATOR_PORTAL_URL"] == f"http://127.0.0.1:{free - 1}"
    (one,) = [program for program in rundev.programs(demo=True, provider=free) if program.name == "provider"]
    assert list(one.command[-3:]) == ["simulate_provider", "--port", str(free)]
    assert "provider" not in {program.name for program in rundev.programs(demo=True, provider=None)}


def test_a_taken_port_moves_the_simulated_provider_in_words(provide):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        own, said = provide(port - 1)
    assert own not in (None, port)
    assert said == f"Port {port} is taken by another program, so the simulated provider answers at port {own}.\n"
    assert os.environ["PROVIDER_SYNC_URL"] == f"http://127.0.0.1:{own}"


@pytest.mark.parametrize(("name", "value"), [("PROVIDER", "none"), ("PROVIDER", "host_app"), ("PORTAL_DEMO", "0")])
def test_nothing_is_simulated_beside_a_real_provider(provide, monkeypatch, name: str, value: str):
    monkeypatch.setenv(name, value)
    assert provide(8000) == (None, "")
    assert "PROVIDER_SYNC_URL" not in os.environ


@dataclass
class Run:
    """A `make run` without make, in a copy of the project, with what it has said so far."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        kept = {
            name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "SECRET_KEY", "DEBUG"}
        }
        environment = kept | {"PORT": str(self.port), "PORTAL_DEMO": "0", "WEB_CONCURRENCY": "1"}
        with (self.directory / "output").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portal.runner.rundev"],
                cwd=self.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return (self.directory / "output").read_text()

    def until(self, words: str, *, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while words not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def children(self) -> dict[str, str]:
        known: dict[str, str] = json.loads((self.directory / ".data/run.children").read_text())
        return {pid: since for pid, since in known.items() if supervise.identity(int(pid)) == since}

    def status(self, path: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
            return int(response.status)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    for name in ("portal", "synclogs", "static", "templates", "deploy", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        one = Run(tmp_path, int(probe.getsockname()[1]))
    one.start()
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(60)
        devdb.halt(tmp_path / ".data/postgres")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_run_starts_heals_and_leaves_nothing_behind(run: Run):
    run.until("The portal is ready")
    assert run.status("/healthz") == 200
    assert len(run.children()) == 2

    # A second one in the same place is refused in words, at once.
    second = subprocess.run(
        [sys.executable, "-m", "portal.runner.rundev"], cwd=run.directory, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert "already runs" in second.stdout

    # A child that dies is started again, and so is the database, at the same address.
    os.kill(int(next(iter(run.children()))), signal.SIGKILL)
    run.until("starting it again in")
    postmaster = devdb._postmaster(run.directory / ".data/postgres")
    assert postmaster
    os.kill(postmaster.pid, signal.SIGKILL)
    run.until("PostgreSQL ended; starting it again")
    assert devdb._wait(lambda: devdb.running_url(run.directory / ".data/postgres") is not None, seconds=30)

    # A supervisor that is killed takes its children along, and the next one finds a clean place.
    run.process.kill()
    run.process.wait()
    run.start()
    run.until("The portal is ready")
    assert run.status("/healthz") == 200

    before = run.children()
    run.process.terminate()
    assert run.process.wait(60) == 0
    assert run.said().endswith("Stopped.\n")
    assert [pid for pid, since in before.items() if supervise.identity(int(pid)) == since] == []
    assert devdb.running_url(run.directory / ".data/postgres") is None
