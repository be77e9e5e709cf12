"""The rules of the house that no import contract can hold (the contracts themselves are in pyproject.toml)."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from synclogs.parsing import entry_keys

ROOT = Path(__file__).resolve().parent.parent
WINGS = ("synclogs", "portal")
TOP_LEVEL = {
    "manage.py",
    "pyproject.toml",
    "README.md",
    "synclogs",
    "portal",
    "templates",
    "static",
    "tests",
    "bench",
    "deploy",
    "docs",
    "requirements",
    "Makefile",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "sbom.json",
}
LINES = 400
FUNCTION_LINES = 40


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def trees(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sources(*folders):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def test_top_level_is_what_the_architecture_says() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    top = {name.split("/")[0] for name in tracked}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL
    assert "uv.lock" not in top


def test_no_file_is_too_long_to_read() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources(*WINGS)}
    assert {name: lines for name, lines in long.items() if lines > LINES} == {}


def test_no_function_is_too_long_to_read() -> None:
    long = {
        f"{name}:{node.name}": (node.end_lineno or 0) - node.lineno
        for name, tree in trees(*WINGS)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > FUNCTION_LINES
    }
    assert long == {}


def test_every_module_opens_with_what_it_is_for() -> None:
    assert [name for name, tree in trees(*WINGS) if tree.body and not ast.get_docstring(tree)] == []


# Words that say nothing to who does not know this house; the field has its own.
DIALECT = re.compile(r"(?:^|_)(told|tells|said|kept|asked|sums|things?|standing|occupied|trouble)(?:_|$)")


def test_names_are_the_words_of_the_field() -> None:
    found = set()
    for name, tree in trees(*WINGS):
        for node in ast.walk(tree):
            for words in (getattr(node, attribute, None) for attribute in ("id", "arg", "name", "attr")):
                if isinstance(words, str) and DIALECT.search(words.lower()):
                    found.add(f"{name}: {words}")
    assert found == set()


def test_no_names_that_say_nothing() -> None:
    names = [
        f"{name}:{node.name}"
        for name, tree in trees(*WINGS)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and re.search(r"(Manager|Service|Helper)$", node.name)
    ]
    files = [str(path) for path in sources(*WINGS) if re.search(r"(utils|helpers)\.py$", path.name)]
    assert names + files == []


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return name in sys.modules or path.is_dir() or path.with_suffix(".py").is_file()


def modules_of(tree: ast.Module) -> set[str]:
    """The names by which a file has imported modules."""
    plain = [alias for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    named = [(node.module, alias) for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    found = [alias for package, alias in named if is_module(f"{package}.{alias.name}")]
    return {alias.asname or alias.name.split(".")[0] for alias in (*plain, *found)}


def locals_of(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    nodes = list(ast.walk(function))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return names | {node.arg for node in nodes if isinstance(node, ast.arg)}


def test_no_local_hides_a_module() -> None:
    hidden = {
        f"{name}:{node.lineno}": hides
        for name, tree in trees(*WINGS)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        and (hides := locals_of(node) & modules_of(tree))
    }
    assert hidden == {}


def test_no_signals_and_no_save_overrides() -> None:
    for name, tree in trees(*WINGS):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                assert node.name not in {"save", "delete"}, name
            if isinstance(node, ast.ImportFrom):
                assert node.module not in {"django.dispatch", "django.db.models.signals"}, name


def test_pure_modules_take_nothing_of_the_database_but_its_choices() -> None:
    """Which modules are pure is said once, by the import contract; this is about parts of a library, which it cannot name."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (pure,) = [contract["source_modules"] for contract in contracts if contract["id"] == "pure"]
    places = tuple(module.replace(".", "/") for module in pure)
    looked_at = [(name, tree) for name, tree in trees("synclogs") if name.removesuffix(".py").startswith(places)]
    assert len(looked_at) >= 20
    for name, tree in looked_at:
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("django.db"):
                assert {alias.name for alias in node.names} <= {"IntegerChoices", "TextChoices"}, name


# What stands once: the words of its code, and the only modules that may use them.
ONCE = {
    r"\+00:00\"": {"synclogs/moments.py"},
    r"\.replace\((minute|second)=0": set[str](),
    # Text as a UUID; what the portal itself wrote (jobs, evidence) and beginnings of one are read where they are used.
    r"(?<![\w.])UUID\((?!int=)": {
        "synclogs/parsing/identifiers.py",
        "synclogs/jobs.py",
        "synclogs/catalogue/recovery.py",
        "synclogs/demo/generate/sizes.py",
        "synclogs/lookup/matches.py",
        "portal/views/suggest.py",
    },
    # A place in a list: its text, and which rows are behind it.
    r"Q\((pk|key)__[lg]t|\{1,1\d\}.*-\(": {"synclogs/reading/keyset.py"},
    # Who does something, and that they may not.
    r"class (Actor|Origin|NotAllowed)\b|is for the role \{": {"synclogs/access/actors.py", "portal/access/projects.py"},
    r"raise PermissionDenied\(str\(": {"portal/access/projects.py"},
    r"import difflib|from difflib": {"synclogs/query/advice.py"},
}


@pytest.mark.parametrize("words", ONCE)
def test_each_rule_stands_once(words: str) -> None:
    found = {str(path.relative_to(ROOT)) for path in sources(*WINGS) if re.search(words, path.read_text())}
    assert found == ONCE[words]


def test_every_line_of_our_log_is_written_by_structlog() -> None:
    """The JSON format leaves out what a logger of the standard library takes as `extra=`. gunicorn's lines are its own logger's."""
    own = {"getLogger", "debug", "info", "warning", "error", "exception", "critical", "log"}
    for name, tree in trees(*WINGS):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert node.module != "logging", name
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            # Without a name it is the root logger, whose handlers `manage.py worker` changes.
            is_logger = called.removeprefix("logging.") in own and (node.args or called != "logging.getLogger")
            assert not (called.startswith("logging.") and is_logger), f"{name}:{node.lineno}"
            assert not any(keyword.arg == "extra" for keyword in node.keywords), f"{name}:{node.lineno}"


def test_only_projections_write_what_was_observed() -> None:
    """Sync, Trace and hour counts change by the projections, cadence and retention; nothing else names their tables in SQL."""
    allowed = {"upserts.py", "cadence.py", "maintenance.py"}
    for path in sources(*WINGS):
        text = path.read_text()
        if path.name not in allowed:
            assert not re.search(r"(UPDATE|INSERT INTO) synclogs_(sync|trace|hourcount|minutecount)", text), path


def test_the_keys_of_an_entry_are_written_down_once() -> None:
    """Who reads, shows or documents an entry takes its keys from one list. Three name parts of addresses too."""
    named_elsewhere = {"syncId", "traceId", "userId"}
    keys = {key.wire for key in entry_keys.KEYS if key.path and not key.wire.islower()} - named_elsewhere
    senders = ("synclogs/demo/", "synclogs/provider/")
    found = {
        (name, node.value)
        for name, tree in trees(*WINGS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in keys and not name.startswith(senders)
    }
    vocabularies = {(name, key) for name, key in found if name == "synclogs/parsing/entry_keys.py"}
    assert {key for _, key in vocabularies} == keys
    assert found - vocabularies == {
        ("synclogs/parsing/records.py", "syncEvent"),  # required of one type of entries
        ("portal/log/entry_detail.py", "credentialId"),  # not among the properties
        # The example of an entry.
        *(
            ("portal/api/json_schemas.py", key)
            for key in ("syncEvent", "syncType", "syncStatus", "httpStatus", "errorCode")
        ),
    }


def test_pages_never_count_or_skip_entries() -> None:
    """No COUNT and no OFFSET over entries: a list asks for one row more than it shows."""
    for path in sources("portal/views", "portal/api"):
        assert not re.search(
            r"LogEntry[^\n]*\.count\(|OFFSET|LimitOffset|PageNumberPagination|Paginator\(", path.read_text()
        )


def test_log_data_is_never_trusted() -> None:
    for path in sources(*WINGS):
        if path.name != "markup.py":  # it escapes what it calls safe: tests/test_markup.py
            assert not re.search(r"mark_safe|SafeString\(|SafeData", path.read_text()), path
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"\|\s*safe\b|autoescape off", text), path
        # The content security policy refuses these, so they would be dead anyway.
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|\sstyle=|\son[a-z]+=", text), path


def test_ids_of_the_internet_stay_out() -> None:
    """Pages load nothing from other hosts."""
    for path in [
        *(ROOT / "templates").rglob("*.html"),
        *(ROOT / "static").rglob("*.css"),
        *(ROOT / "static").rglob("*.js"),
    ]:
        for address in re.findall(r"(?:src|href|url|import)\s*[=(]\s*[\"']?(https?://[^\"')\s]+)", path.read_text()):
            pytest.fail(f"{path} loads {address}")
