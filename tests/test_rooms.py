"""The rooms of both wings as a graph: who imports whom (the floors are the layers contracts in pyproject.toml)."""

import ast
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import grimp
import pytest

from tests.test_house import ROOT, trees

ARROWS = {"synclogs": 70, "portal": 50}
# Fills the words of old entries, by the rule of today: tests/test_upgrade.py holds that it still does.
OF_LIVE_CODE = {"synclogs/migrations/0004_words.py"}


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ARROWS, cache_dir=None)


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def arrows(wing: str) -> set[tuple[str, str]]:
    """Importing room, imported room."""
    found = {
        (room(importer), room(imported))
        for importer in graph().modules
        for imported in graph().find_modules_directly_imported_by(importer)
        if importer.startswith(f"{wing}.") and imported.startswith(f"{wing}.")
    }
    return {(importer, imported) for importer, imported in found if importer != imported}


@pytest.mark.parametrize(("wing", "most"), ARROWS.items())
def test_few_rooms_know_each_other(wing: str, most: int) -> None:
    assert 0 < len(arrows(wing)) <= most


@pytest.mark.parametrize("wing", ARROWS)
def test_no_circle_of_rooms(wing: str) -> None:
    left = arrows(wing)
    while True:
        importers = {importer for importer, _ in left}
        remaining = {(importer, imported) for importer, imported in left if imported in importers}
        if remaining == left:
            break
        left = remaining
    assert left == set()


@pytest.mark.slow
@pytest.mark.parametrize("wing", ARROWS)
def test_a_module_beside_the_rooms_fails_the_check(wing: str, tmp_path: Path) -> None:
    for name in ARROWS:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    before = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    (tmp_path / wing / "beside.py").write_text('"""Of no room."""\n')
    after = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert before.returncode == 0, before.stdout
    assert after.returncode == 1
    assert f"{wing}.beside" in after.stdout


def test_migrations_are_made_of_nothing_that_moves() -> None:
    """A migration has to work in every later version: what it imports of this project could not change any more."""
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "synclogs/migrations").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ARROWS
    }
    assert found == OF_LIVE_CODE


# Who writes rows through the ORM, and rows of what; projections, retention and partitions write by SQL (tests/test_house.py).
WRITERS = {
    "synclogs/access/audit.py": {"AuditEvent", "event"},
    "synclogs/access/denials.py": {"Denial"},
    "synclogs/access/keys.py": {"ApiKey"},
    "synclogs/export/lifecycle.py": {"Export", "export", "self"},
    "synclogs/reading/saved_views.py": {"SavedView", "view"},
    "synclogs/recovery/bulk.py": {"BulkItem", "bulk", "item"},
    "synclogs/recovery/reenable.py": {"Reenable", "mine", "this"},
    "synclogs/recovery/resolutions.py": {"Resolution", "Sleeper", "stored"},
    "synclogs/ingestion/maintenance.py": {"HourCount", "MinuteCount", "RateBucket", "Session"},
    "synclogs/management/commands/create_project.py": {"project"},
    "synclogs/management/commands/load_demo.py": {"ConnectedUser", "Membership", "Project", "user"},
    "synclogs/management/commands/simulate_provider.py": {"ApiKey"},
    "portal/admin/keys.py": {"ApiKey"},
    "portal/api/views.py": {"ConnectedUser"},
    "portal/sign_in/sessions.py": {"Session", "row", "super"},
}
WRITING = {"bulk_create", "bulk_update", "create", "delete", "get_or_create", "save", "update", "update_or_create"}
NO_ROWS = {
    "vars",
    "digest",
    "environ",
    "globals",
    "keys",
    "row",
    "saved_views",
}  # dictionaries, hashes, verbs of other modules


def receiver(call: ast.Call) -> str:
    """The name that a chain of attributes and calls begins with; `environ` of os.environ."""
    node: ast.expr = call.func
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == "os":
                return node.attr
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return ""
    return node.id


def test_only_their_own_room_changes_rows() -> None:
    """A re-enable changes in recovery.reenable alone, what was observed of a sync in no place of the ORM at all."""
    found: dict[str, set[str]] = {}
    for name, tree in trees(*ARROWS):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITING:
                first = receiver(node)
                if first not in NO_ROWS or (name in WRITERS and first in WRITERS[name]):
                    found.setdefault(name, set()).add(first)
    assert found == WRITERS
