"""What it costs to add something, in files: done in a copy of the tree, where the product then has to have it.

An event 1 file, a query field on a key that is stored 5, a page 4. What is true once they are there stands in tests/adding.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

EVENT = """\
_WARNINGS_AND_ERRORS = (
    Event(
        name="SOURCE_MOVED",
        words="The source has moved",
        category=Category.ERROR,
        levels=(Level.ERROR,),
        step=Step.FAILED,
        status=SyncStatus.DISABLED,
        sync_type="",
        meaning="The folder that is synced lies somewhere else now.",
        action="Choose the folder again.",
    ),
"""
KEY = """\
SKIPPED = Key(
    path=("summary", "skipped"),
    label="Passed over",
    aliases=("skipped_records",),
    note="Records that a run passed over",
    takes="Records that a run passed over, a whole number.",
)
SUMMARY: tuple[Key, ...] = (
    SKIPPED,
"""
VIEW = '''\
"""The credentials that the syncs of a project were seen with. A project in, a page out."""

from django.http import HttpResponse
from django.shortcuts import render

from portal.access.projects import ProjectRequest, project_view
from synclogs.models import Sync

MOST = 200


@project_view()
def credentials(request: ProjectRequest) -> HttpResponse:
    found = Sync.objects.of(request.project).order_by("-last_seen_at").values_list("credential_id", flat=True)[:MOST]
    return render(request, "credentials.html", {"credentials": dict.fromkeys(found)})
'''
TEMPLATE = """\
{% extends "base.html" %}
{% load portal %}
{% block title %}Credentials{% endblock %}
{% block content %}
<h1>Credentials</h1>
<ul>{% for credential in credentials %}<li><span class="id">{{ credential|visible }}</span></li>{% endfor %}</ul>
{% endblock content %}
"""


@dataclass(frozen=True)
class Addition:
    """`edits`: file -> (text that stands there once, text in its place) pairs; `files`: those that are new."""

    most: int
    edits: Mapping[str, tuple[tuple[str, str], ...]]
    files: Mapping[str, str]
    writes_schema: bool = False


ADDITIONS = {
    "event": Addition(1, {"synclogs/catalogue/events.py": (("_WARNINGS_AND_ERRORS = (\n", EVENT),)}, {}),
    "field of the payload": Addition(
        5,
        {
            "synclogs/parsing/entry_keys.py": (("SUMMARY: tuple[Key, ...] = (\n", KEY),),
            "portal/log/columns.py": (
                ('        Column("changes",', '        Column("skipped", "Passed over", "xs"),\n        Column("changes",'),
            ),
            "portal/log/cells.py": (
                ('    "changes": changes,', '    "skipped": partial(number, entry_keys.SKIPPED),\n    "changes": changes,'),
            ),
        },
        {},
        writes_schema=True,
    ),
    "field with a column": Addition(
        5,
        {
            "synclogs/parsing/entry_keys.py": (
                ('"http_status", "recoverability",\n)', '"http_status", "recoverability", "credential",\n)'),
            ),
            "tests/test_read_api.py": (
                ('        traceId="trace mine",\n', '        traceId="trace mine",\n        credentialId="c-1",\n'),
                ('        "trace": "trace mine",\n', '        "trace": "trace mine",\n        "credential": "c-1",\n'),
            ),
        },
        {},
        writes_schema=True,
    ),
    "page": Addition(
        4,
        {
            "portal/urls.py": (
                ("    bulks,\n", "    bulks,\n    credentials,\n"),
                ('    path("audit",', '    path("credentials", credentials.credentials, name="credentials"),\n    path("audit",'),
            ),
            "tests/test_access_matrix.py": (
                ('    "audit": (Role.LEAD', '    "credentials": (Role.VIEWER, "credentials"),\n    "audit": (Role.LEAD'),
            ),
        },
        {"portal/views/credentials.py": VIEW, "templates/credentials.html": TEMPLATE},
    ),
}  # fmt: skip
# What the house asks of each change, as far as it is quick.
HOUSE = (
    "tests/test_house.py::test_no_file_is_too_long_to_read",
    "tests/test_house.py::test_every_module_opens_with_what_it_is_for",
    "tests/test_columns.py::test_every_column_has_a_drawing_and_its_width_is_the_one_of_the_style_sheet",
    "tests/test_suggest.py::test_the_tables_of_the_help_page_name_every_field_and_comparison",
    "tests/test_docs.py::test_every_filter_is_a_parameter_of_the_api_document",
    "tests/test_read_api.py::test_every_filter_finds_its_entries_and_its_negation_the_others",
    "tests/test_access_matrix.py::test_every_address_is_in_this_matrix",
    "tests/test_crosssite.py::test_every_address_is_a_page_or_none",
    "tests/test_access_matrix.py::test_a_page_opens_to_its_roles_and_is_unknown_to_others[credentials]",
)


def copied(target: Path) -> Path:
    """The tree as it is worked on, without what Git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def contents(tree: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def run(tree: Path, *command: str) -> str:
    """What a command said in the copy, with a database of its own; it has to succeed."""
    server, _, rest = os.environ["DATABASE_URL"].partition("?")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    environment |= {"DATABASE_URL": f"{server}_cost?{rest}"}
    done = subprocess.run(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def add(tree: Path, addition: Addition) -> None:
    for name, pairs in addition.edits.items():
        text = (tree / name).read_text()
        for before, after in pairs:
            assert text.count(before) == 1, (name, before)
            text = text.replace(before, after)
        (tree / name).write_text(text)
    for name, text in addition.files.items():
        (tree / name).write_text(text)
    if addition.writes_schema:
        run(tree, sys.executable, "-m", "portal.runner.checkup", "--write-openapi")


@pytest.mark.slow
def test_an_event_costs_one_file_a_query_field_five_a_page_four(tmp_path: Path) -> None:
    tree = copied(tmp_path)
    for name, addition in ADDITIONS.items():
        before = contents(tree)
        add(tree, addition)
        after = contents(tree)
        changed = {path for path in after if before.get(path) != after[path]}
        assert before.keys() <= after.keys()
        assert len(changed) <= addition.most, (name, changed)
        assert changed >= {*addition.edits, *addition.files}
    proofs = sorted(str(path.relative_to(tree)) for path in (tree / "tests/adding").glob("[a-z]*.py"))
    assert proofs == ["tests/adding/event.py", "tests/adding/field.py", "tests/adding/page.py"]
    run(tree, sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *proofs, *HOUSE)
    run(tree, str(Path(sys.executable).with_name("lint-imports")))
