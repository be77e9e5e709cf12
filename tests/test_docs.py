"""Documents against the code: every setting, path, command and limit is in the README or in the help page, and what they name exists."""

import ast
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from django.test import Client

from portal.views.help import LIMIT_WORDS
from synclogs.models import Role, Scope
from synclogs.parsing.limits import LIMITS
from synclogs.query.fields import FIELDS
from tests import factories, places

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
READERS = {"text", "flag", "number", "words", "one_of", "database", "get", "setdefault", "getenv"}
# Set by ourselves for our own processes, or by the system.
OURS = {
    "DJANGO_SETTINGS_MODULE",
    "MAKELEVEL",
    "PYTHONUNBUFFERED",
    "PIP_ROOT_USER_ACTION",
    "LC_ALL",
    "CI",
    "READ_TURNS_FILE",
}
NAME = re.compile(r"[A-Z][A-Z0-9_]{2,}")


def environment_names() -> set[str]:
    """Every name that is read from the environment: by portal.environment's functions, or from os.environ."""
    found = set()
    paths = [*(ROOT / "portal").rglob("*.py"), *(ROOT / "synclogs").rglob("*.py"), *(ROOT / "deploy").glob("*.py")]
    for path in (*paths, ROOT / "manage.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=owner, attr=reader), args=[ast.Constant(value=str(name)), *_]):
                    if reader in READERS and ast.unparse(owner) in ("environment", "os.environ", "os"):
                        found.add(name)
                case ast.Subscript(value=owner, slice=ast.Constant(value=str(name))):
                    if ast.unparse(owner) == "os.environ":
                        found.add(name)
    return {name for name in found if NAME.fullmatch(name)} - OURS


def documented_names() -> set[str]:
    table = README.partition("## Settings")[2].partition("\n## ")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for cell in first for name in re.findall(r"`([A-Z_]+)`", cell)}


def test_every_setting_stands_in_the_readme_and_every_one_there_is_read() -> None:
    assert environment_names() - documented_names() == set()
    assert documented_names() - environment_names() <= {"PYTHON"}  # which the Makefile's finder reads


def test_every_path_of_the_api_stands_in_the_readme() -> None:
    for route in places.below("api/v1/"):
        path = re.sub(r"<anything:(\w+)>", r"{\1}", route)
        assert f"/api/v1/{path}`" in README, path
    for path in ("/healthz", "/readyz", "/metrics", "/p/demo/logs"):
        assert path in README


def test_every_command_and_scope_stands_in_the_readme() -> None:
    commands = {path.stem for path in (ROOT / "synclogs/management/commands").glob("*.py")} - {"__init__"}
    told = set(re.findall(r"manage\.py (\w+)", README))
    assert commands - told <= {"load_demo"}  # a step of `make run`
    assert told - commands <= {"createsuperuser"}
    for scope in Scope.values:
        assert f"`{scope}`" in README
    for target in ("run", "test", "check", "bench"):
        assert f"make {target}" in README


def test_the_limits_in_the_readme_are_those_of_the_code() -> None:
    mebibyte, kibibyte = 1024 * 1024, 1024
    sentence = " ".join(README.split())
    for words in (
        f"{LIMITS.wire_bytes // mebibyte} MiB on the wire",
        f"{LIMITS.inflated_bytes // mebibyte} MiB inflated",
        f"{LIMITS.entries:,} entries".replace(",", " "),
        f"{LIMITS.entry_bytes // kibibyte} KiB an entry",
        f"depth {LIMITS.depth}",
        f"{LIMITS.keys:,} keys an entry".replace(",", " "),
    ):
        assert words in sentence


@pytest.mark.django_db
def test_the_limits_in_the_help_are_those_of_the_api(client: Client) -> None:
    project = factories.ProjectFactory()
    client.force_login(factories.member(project, Role.VIEWER))
    html = client.get(f"/p/{project.slug}/help").content.decode()
    table = html.partition('id="limits"')[2].partition("</table>")[0]
    headers = factories.bearer(factories.api_key(project)[1])
    told = client.get("/api/v1/limits", headers=headers).json()["ingest"]
    assert told["pastDays"] == project.retention_days
    assert set(LIMIT_WORDS) == set(asdict(LIMITS))
    shown = [int(text.replace(",", "")) for text in re.findall(r'class="num">([\d,]+) ', table)]
    assert shown == [told[re.sub(r"_(\w)", lambda match: match[1].upper(), name)] for name in LIMIT_WORDS]
    assert all(words in table for words, _ in LIMIT_WORDS.values())


def test_every_filter_is_a_parameter_of_the_api_document() -> None:
    schema = (ROOT / "portal/api/openapi.yaml").read_text()
    for name in FIELDS:
        assert f"name: {name}\n" in schema


def test_the_picture_of_the_readme_is_there() -> None:
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file()


def test_every_test_that_the_promises_name_is_there() -> None:
    written = {path.stem: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "security.md").read_text()))
    functions = {name for text in written.values() for name in re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)}
    assert named
    assert named - written.keys() - functions == set()
