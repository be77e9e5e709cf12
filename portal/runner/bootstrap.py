"""Creates `.venv` and installs the hash-pinned requirements: `python -m portal.runner.bootstrap run` or `dev`.

Standard library only, since it runs before anything is installed. Skips what did not change; installs nothing without a hash.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# A tool whose own pins go against ours has a folder of its own, which nothing but its process looks into.
SEMGREP = VENV / "semgrep"
FILES = {"run": ("run",), "dev": ("dev", "semgrep")}


def prepare(kind: str) -> None:
    """Leaves a `.venv` that holds everything of the requirement files of that kind. Raises CalledProcessError when it cannot."""
    # Two terminals may start at once; the second waits and then finds everything done.
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not usable():
            make()
        # So that tools called by their own name (pytest, mypy) find the project as `python -m` does.
        for packages in VENV.glob("lib/python3*/site-packages"):
            (packages / "project.pth").write_text(f"{ROOT}\n")
        for name in FILES[kind]:
            stamp, requirements = VENV / f".installed-{name}", ROOT / "requirements" / f"{name}.txt"
            expected = fingerprint(requirements)
            if not stamp.exists() or stamp.read_text() != expected:
                install(requirements)
                stamp.write_text(expected)


def usable() -> bool:
    """Whether `.venv` has a Python that runs, is new enough and has pip; its base may have been removed since."""
    test = "import sys, pip; sys.exit(sys.version_info < (3, 12))"
    try:
        return (
            subprocess.run([PYTHON, "-c", test], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode
            == 0
        )
    except OSError:
        return False


def make() -> None:
    say(f"Making .venv with Python {sys.version.split()[0]}")
    if VENV.exists() and not (VENV / "pyvenv.cfg").exists() and any(VENV.iterdir()):
        sys.exit(f"{VENV} is no Python environment; move it away and try again.")
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([base_python(), "-m", "venv", VENV], stdin=subprocess.DEVNULL, check=True)


def base_python() -> str:
    """The Python below a virtual environment: one made from `.venv` itself would vanish with it."""
    return getattr(sys, "_base_executable", sys.executable)


def install(requirements: Path) -> None:
    say(f"Installing {requirements.relative_to(ROOT)}")
    # --no-deps: the file names everything. Resolving again fails on the day a pinned package that is asked for with extras
    # (coverage[toml]) has a newer release, because pip then looks at that one and has no hash for it.
    options = ["-qq", "--disable-pip-version-check", "--no-input", "--require-hashes", "--no-deps"]
    if requirements.stem == SEMGREP.name:
        shutil.rmtree(SEMGREP, ignore_errors=True)
        options += ["--target", str(SEMGREP)]
    environment = os.environ | {"PIP_ROOT_USER_ACTION": "ignore"}
    command: list[str | Path] = [PYTHON, "-m", "pip", "install", *options, "-r", requirements]
    subprocess.run(command, stdin=subprocess.DEVNULL, env=environment, check=True)


def fingerprint(requirements: Path) -> str:
    """Changes with the pins and with a move of the directory, which scripts in `.venv/bin` do not survive."""
    return hashlib.sha256(requirements.read_bytes() + os.fsencode(VENV)).hexdigest()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        prepare(sys.argv[1])
    except subprocess.CalledProcessError as error:
        sys.exit(f"The set-up stopped: {' '.join(map(str, error.cmd[:4]))} failed; its own words are above.")
    except OSError as error:
        sys.exit(f"The set-up stopped: {error}.")
