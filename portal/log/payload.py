"""Payload of a log entry as a tree and as JSON text, both bounded. Nothing is omitted without saying so."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from portal.drawing.values import HIDDEN
from portal.links.payload_links import Links

MAX_NODES = 400
MAX_LINKS = 100  # values with their links to the list
MAX_CHARACTERS = 8000
MAX_VALUE = 1000
MAX_RAW = 64 * 1024
MAX_INDENTED = 600_000
OPEN_DEPTH = 2


# From the keys of a value, its kind and its text to the links that narrow a list by it.
type Narrow = Callable[[tuple[str, ...], str, str], Links]


@dataclass(frozen=True, slots=True)
class Node:
    """A key with its value. `kind`: object, list, text, number, word (true, false, null). `cut` = what is not shown."""

    key: str
    kind: str
    text: str
    children: tuple["Node", ...]
    size: str
    is_open: bool
    cut: str
    links: Links | None = None


@dataclass(slots=True)
class Budget:
    narrow: Narrow
    nodes: int = MAX_NODES
    characters: int = MAX_CHARACTERS
    links: int = MAX_LINKS


def tree(value: Mapping[str, object], narrow: Narrow) -> tuple[Node, ...]:
    """The members of an object as nodes; beyond the budget a last node says how many are left out."""
    return _children(value, path=(), depth=0, budget=Budget(narrow))


def _members(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, Sequence):
        yield from ((str(index), item) for index, item in enumerate(value))


# The keys of the query language's path to a value; None inside a list of lists, into which no path steps.
type Keys = tuple[str, ...] | None


def _children(
    value: Mapping[str, object] | Sequence[object], *, path: Keys, depth: int, budget: Budget
) -> tuple[Node, ...]:
    nodes: list[Node] = []
    is_object = isinstance(value, Mapping)
    for key, item in _members(value):
        if budget.nodes <= 0 or budget.characters <= 0:
            nodes.append(_rest(len(value) - len(nodes)))
            break
        inside = path if path is None or not is_object else (*path, key)
        if not is_object and isinstance(item, list):
            inside = None
        nodes.append(_node(key, item, path=inside, depth=depth, budget=budget))
    return tuple(nodes)


def _rest(count: int) -> Node:
    return Node("", "rest", "", (), "", False, f"{count:,} more; the JSON has all of it")


def _node(key: str, value: object, *, path: Keys, depth: int, budget: Budget) -> Node:
    budget.nodes -= 1
    budget.characters -= len(key)
    if isinstance(value, Mapping | list):
        children = _children(value, path=path, depth=depth + 1, budget=budget)
        kind = "object" if isinstance(value, Mapping) else "list"
        noun = "key" if kind == "object" else "item"
        size = f"{len(value):,} {noun}{'' if len(value) == 1 else 's'}"
        return Node(key, kind, "", children, size, depth < OPEN_DEPTH, "")
    kind, text = _scalar(value)
    room = max(0, min(MAX_VALUE, budget.characters))
    cut = f"{len(text) - room:,} more characters; the JSON has all of it" if len(text) > room else ""
    budget.characters -= min(len(text), room)
    links = None
    if path is not None and not cut and budget.links > 0:
        budget.links -= 1
        links = budget.narrow(path, kind, text)
    return Node(key, kind, text[:room], (), "", False, cut, links)


def _scalar(value: object) -> tuple[str, str]:
    if isinstance(value, str):
        return "text", value
    if value is None or isinstance(value, bool):
        return "word", json.dumps(value)
    return "number", json.dumps(value)


def as_json(value: object) -> str:
    """JSON, indented unless that would make it heavy: a long list deep inside is mostly indent.

    Characters that would not be seen as what they are stand as escapes, so it reads back the same.
    """
    text = json.dumps(value, ensure_ascii=False, indent=2)
    if len(text) > MAX_INDENTED:
        text = json.dumps(value, ensure_ascii=False)
    return escaped(text)


def escaped(text: str) -> str:
    """JSON with escapes for the hidden characters inside its texts."""
    return HIDDEN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return json.dumps(match.group())[1:-1]
