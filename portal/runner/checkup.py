"""`make check`: runs every check of the project, one output line each, and reports all failures.

Exit code 0 or 1. Needs no database and no network. `python -m portal.runner.checkup NAME…` runs some.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from portal.runner import bootstrap

ROOT = bootstrap.ROOT
SCHEMA = ROOT / "portal" / "api" / "openapi.yaml"
RULES = ROOT / "tests" / "semgrep" / "rules.yml"
CODE = ("portal", "synclogs", "manage.py", "deploy")
SECRET = "for checks only 0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # noqa: S105
# What production sets, with a database that nobody connects to: no check asks it anything.
PRODUCTION = {
    "SECRET_KEY": SECRET,
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "ALLOWED_HOSTS": "portal.example.com",
    "DEBUG": "0",
    "PORTAL_DEMO": "0",
    "DJANGO_SETTINGS_MODULE": "portal.settings",
}
UNSET = ("HTTPS", "TRUST_FORWARDED_PROTO", "SECRET_KEY_FALLBACKS")


@dataclass(frozen=True, slots=True)
class Check:
    """A line of the report and the command behind it."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=lambda: PRODUCTION)


def tool(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def script(name: str, *arguments: str) -> list[str]:
    """A tool without a Python module to run; found beside the interpreter, not on the PATH."""
    return [str(Path(sys.executable).with_name(name)), *arguments]


def manage(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore::RuntimeWarning", "manage.py", *arguments]


def rules(*arguments: str) -> Check:
    """Our own rules by Semgrep, which asks nobody for any and tells nobody what it found."""
    command = [str(bootstrap.SEMGREP / "bin" / "pysemgrep"), "scan", "--metrics", "off", "--disable-version-check"]
    # Both are files of its own: it would put one in the place of whatever is named here.
    own = {name: str(bootstrap.SEMGREP / name.lower()) for name in ("SEMGREP_SETTINGS_FILE", "SEMGREP_LOG_FILE")}
    apart = {"PYTHONPATH": str(bootstrap.SEMGREP), **own}
    return Check("rules", [*command, "--quiet", "--error", "--config", str(RULES), *arguments], PRODUCTION | apart)


def checks() -> list[Check]:
    templates = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "templates").rglob("*.html"))
    return [
        Check("format", tool("ruff", "format", "--check", "--quiet", ".")),
        Check("lint", tool("ruff", "check", "--quiet", ".")),
        Check("types", tool("mypy", "--no-error-summary")),
        Check("imports", script("lint-imports", "--no-logo")),
        Check("security", tool("bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive", *CODE)),
        rules(*CODE, "templates"),
        Check("pins", tool("portal.runner.pins")),
        Check("templates", script("djade", "--check", "--target-version", "6.1", *templates)),
        Check("markup", tool("djlint", "--lint", "--quiet", "templates")),
        Check("deployment", manage("check", "--deploy", "--fail-level", "WARNING")),
        Check("migrations", manage("makemigrations", "--check", "--dry-run")),
        Check("openapi", tool("portal.runner.checkup", "--openapi")),
    ]


def environment(check: Check) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in UNSET} | dict(check.environment)


def perform(check: Check) -> bool:
    """Runs one; its words are shown only when it fails."""
    began = time.monotonic()
    done = subprocess.run(
        check.command,
        cwd=ROOT,
        env=environment(check),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    say(f"{'ok  ' if done.returncode == 0 else 'FAIL'}  {check.name:11} {time.monotonic() - began:5.1f} s")
    if done.returncode:
        say(done.stdout.strip() + "\n")
    return done.returncode == 0


def write_schema(target: Path) -> int:
    """The OpenAPI document of the code as it is; a warning of the generator is a failure."""
    command = manage("spectacular", "--file", str(target), "--validate", "--fail-on-warn")
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | PRODUCTION, stdin=subprocess.DEVNULL, check=False
    ).returncode


def schema_is_current() -> int:
    if not SCHEMA.exists():
        say(f"{SCHEMA.relative_to(ROOT)} is missing: `make openapi` writes it.")
        return 1
    with tempfile.TemporaryDirectory() as directory:
        fresh = Path(directory) / "openapi.yaml"
        if code := write_schema(fresh):
            return code
        if fresh.read_bytes() != SCHEMA.read_bytes():
            say(f"{SCHEMA.relative_to(ROOT)} is out of date: `make openapi` writes it anew.")
            return 1
    return 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    special: dict[str, Callable[[], int]] = {
        "--openapi": schema_is_current,
        "--write-openapi": lambda: write_schema(SCHEMA),
    }
    if arguments and arguments[0] in special:
        return special[arguments[0]]()
    chosen = [check for check in checks() if not arguments or check.name in arguments]
    results = [perform(check) for check in chosen]
    failed = results.count(False)
    say(f"{len(results) - failed} of {len(results)} checks passed" if failed else f"All {len(results)} checks passed")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
