"""Finds the querysets and statements in a module's source that read a project's tables without naming the project.

Returns a Finding for each.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db.models import Model

MANAGERS = {"objects", "_default_manager", "_base_manager"}
# Ways around a manager that nothing here follows, so that they may not be taken at all.
BANNED = {"raw", "extra", "get_model", "get_object_or_404", "get_list_or_404", "RawSQL"}
BY_KEYWORD = {"filter", "get", "create", "get_or_create", "update_or_create"}
OF_A_PROJECT = re.compile(r"project(_id)?(__(in|id|slug|pk))?$")
STATEMENT = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(?:ONLY\s+)?(synclogs_[a-z]+|\{\})")


@dataclass(frozen=True, slots=True)
class Finding:
    """`place` is module:function, `subject` the model as it is written, or the table."""

    place: str
    subject: str
    line: int


def tables() -> tuple[set[str], set[str]]:
    """Names of the models that belong to a project, and of their tables; BulkItem belongs to one by its bulk."""
    found: list[type[Model]] = [
        model
        for model in apps.get_app_config("synclogs").get_models()
        if any(field.name in ("project", "bulk") for field in model._meta.fields)
    ]
    return {model.__name__ for model in found}, {model._meta.db_table for model in found}


def findings(source: str, module: str) -> Iterator[Finding]:
    """What does not name its project, and what nobody can follow."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    models, names = tables()
    free = {model.__name__ for model in apps.get_models()} - models
    for node in ast.walk(tree):
        subject = ""
        if isinstance(node, ast.Attribute) and node.attr in MANAGERS:
            owner = ast.unparse(node.value)
            subject = "" if owner.rpartition(".")[2] in free or _names_project(node, parents) else owner
        elif isinstance(node, ast.Call) and _called(node) in BANNED:
            subject = _called(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "super().get_queryset":
            subject = "super().get_queryset"
        elif isinstance(node, ast.Constant | ast.JoinedStr) and not isinstance(parents.get(node), ast.JoinedStr):
            subject = _table(_text(node), names)
        if subject:
            yield Finding(f"{module}:{_function(node, parents)}", subject, getattr(node, "lineno", 0))


def _names_project(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether one of the calls on the manager, in this very expression, narrows it to a project."""
    while True:
        parent = parents.get(node)
        if isinstance(parent, ast.Attribute):
            node = parent
        elif isinstance(parent, ast.Call) and parent.func is node:
            name = node.attr if isinstance(node, ast.Attribute) else ""
            if name == "of" or (name in BY_KEYWORD and any(map(_is_whose, parent.keywords))):
                return True
            node = parent
        else:
            return False


def _is_whose(keyword: ast.keyword) -> bool:
    """The project, the bulk that was found in it, or the row itself, which somebody has in hand already: `pk=sync.pk`."""
    name = keyword.arg or ""
    in_hand = isinstance(keyword.value, ast.Attribute) and keyword.value.attr == "pk"
    of_bulk = name in ("bulk", "bulk__in") and not isinstance(keyword.value, ast.Constant)  # bulk=None is any project's
    return bool(OF_A_PROJECT.match(name)) or of_bulk or (name == "pk" and in_hand)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def _table(text: str, names: set[str]) -> str:
    """The first table of a project that a statement names, unless it names the project too."""
    found = [table for table in STATEMENT.findall(text) if table in names or table == "{}"]
    return found[0] if found and "project_id" not in text else ""


def _function(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    within = []
    while node in parents:
        node = parents[node]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            within.append(node.name)
    return ".".join(reversed(within))
