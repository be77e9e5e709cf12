"""Documents against the code: every setting, path, command and limit is in the README or in the help page, and what they name exists."""

import ast
import re
import tomllib
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal.views.help import LIMIT_WORDS
from synclogs.models import Role, Scope
from synclogs.parsing.limits import LIMITS
from synclogs.query.fields import FIELDS
from synclogs.storage import partitions
from tests import factories, places

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# The days of the log beside the index that CONTRIBUTING.md makes: whether each has it, and whether it can be used.
INDEXED = """
SELECT days.inhrelid::regclass::text, array_agg(pg_index.indisvalid) FILTER (WHERE attached.inhparent IS NOT NULL)
FROM pg_inherits days JOIN pg_index ON pg_index.indrelid = days.inhrelid
LEFT JOIN pg_inherits attached ON attached.inhrelid = pg_index.indexrelid AND attached.inhparent = 'logentry_pipeline'::regclass
WHERE days.inhparent = 'synclogs_logentry'::regclass GROUP BY 1
"""
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


def code_of(text: str, language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/security.md", "docs/host-app.md"])
def test_what_a_document_names_is_there(name: str) -> None:
    """Files, folders, links, `make` targets and programs of the project."""
    text = (ROOT / name).read_text()
    folders = "synclogs|portal|templates|static|tests|bench|deploy|docs|requirements|\\.ci|\\.github"
    paths = {*re.findall(rf"(?<![\w/.-])((?:{folders})/[\w./-]*\w/?|(?:{folders})/)", text)}
    paths |= {path for path in re.findall(r"\]\(([^)#:]+)\)", text) if not path.startswith("/")}
    base = (ROOT / name).parent
    assert {path for path in paths if not (ROOT / path).exists() and not (base / path).exists()} == set()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)(?:[A-Z]+=\S+ )?make ([a-z]+)", text, re.MULTILINE)) <= targets
    for module in re.findall(r"python -m ((?:portal|synclogs|bench)[\w.]*)", text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
    for module in re.findall(r"^from ((?:portal|synclogs|bench)[\w.]*) import", text, re.MULTILINE):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), module


def test_the_picture_of_the_rooms_is_the_contract() -> None:
    contracts = {contract["id"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
    lines = [line.split("   ")[-1] for line in code_of(CONTRIBUTING, "rooms").splitlines() if not set(line) & set("│▼")]
    drawn = [{room.strip() for room in line.split("·")} for line in lines]
    layers = [*contracts["rooms-portal"]["layers"], *contracts["rooms-synclogs"]["layers"]]
    assert drawn == [{room.strip(" ()") for room in layer.split("|")} for layer in layers]
    tables = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", README.partition("## The house")[2], re.MULTILINE)
    named = re.findall(r"`(\w+)`", " ".join(tables))
    assert sorted(named) == sorted(room for layer in layers for room in re.findall(r"(?<!\()\b\w+", layer))


@pytest.mark.django_db(transaction=True)
def test_the_index_of_the_contributing_guide_is_built_day_by_day() -> None:
    today = timezone.now().date()
    made = partitions.ensure([today, today + timedelta(days=1)])
    first = partitions.name_of(today)
    written: dict[str, Any] = {}
    exec(compile(code_of(CONTRIBUTING, "python"), "CONTRIBUTING.md", "exec"), written)
    try:
        with connection.cursor() as cursor:
            # As an interrupted run leaves a day: with an index of that name which nothing uses.
            cursor.execute(f"CREATE INDEX {first}_pipeline ON {first} (pipeline)")
            for ahead in (10, 11):
                with connection.schema_editor(atomic=written["Migration"].atomic) as editor:
                    written["build"](None, editor)
                made += partitions.ensure([today + timedelta(days=ahead)])  # such a day has it by itself
                cursor.execute(INDEXED)
                days = dict(cursor.fetchall())
                assert first in days
                assert [day for day, valid in days.items() if valid != [True]] == []
                cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'logentry_pipeline'::regclass")
                assert cursor.fetchone() == (True,)
                cursor.execute("SHOW lock_timeout")
                assert cursor.fetchone() == ("0",)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX IF EXISTS logentry_pipeline")
            cursor.execute(f"DROP INDEX IF EXISTS {first}_pipeline")
        for day in made:
            partitions.drop(day)


def test_the_changelog_begins_with_the_version() -> None:
    log = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (.*)$", log, re.MULTILINE)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+, \d{4}-\d\d-\d\d", version) for version in versions)
    assert versions[0].startswith(f"{PROJECT['project']['version']}, ")


def test_the_workflow_runs_what_anyone_can_run() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"]) for step in job["steps"] if "uses" in step)
    assert "secrets." not in text
