"""What a mutant is, and what can be wrong with one: it goes stale when the code or the tests that it names are changed."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of one text of a module; `rule` says in a line what holds without it.

    `tests` are those that have to fail, as pytest's node ids below tests/ with blanks between them.
    """

    name: str
    rule: str
    before: str
    after: str
    tests: str

    @property
    def selection(self) -> list[str]:
        return [f"tests/{test}" for test in self.tests.split()]


def path_of(module: str) -> Path:
    """The file of a module, relative to the project."""
    path = Path(*module.split("."))
    return path / "__init__.py" if (ROOT / path).is_dir() else path.with_suffix(".py")


def faults(module: str, mutant: Mutant) -> Iterator[str]:
    """What makes the mutant useless, in words; nothing when it can be run."""
    path = path_of(module)
    text = (ROOT / path).read_text() if (ROOT / path).is_file() else None
    if text is None:
        yield f"{mutant.name}: there is no module {module} ({path}); name the one that its text is in now."
    elif (count := text.count(mutant.before)) != 1:
        yield f"{mutant.name}: its text is {count} times in {path}, and has to be there once: {mutant.before!r}"
    if mutant.before == mutant.after:
        yield f"{mutant.name}: it changes nothing."
    for test in mutant.selection:
        file, _, name = test.partition("::")
        if name.partition("[")[0] not in tests_of(file):
            yield f"{mutant.name}: there is no test {test}."


@cache
def tests_of(file: str) -> frozenset[str]:
    """The names of a test file's functions; none where there is no such file."""
    path = ROOT / file
    tree = ast.parse(path.read_text() if path.is_file() else "")
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
