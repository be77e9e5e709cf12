"""Syntax tree of a query: frozen nodes with their positions, and the shortest text that parses to the same tree."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from enum import StrEnum
from types import MappingProxyType

from synclogs.parsing import entry_keys

# Fields that are no parameter of the log list.
OWN_FIELDS = tuple(name for name in entry_keys.NAMED if name not in entry_keys.PARAMETERS)
# Names as they stand in an entry, with and without underscores, or with the object around them, in lower case -> the field.
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        written: key.name
        for key in entry_keys.NAMED.values()
        if key.path
        for spelling in key.spellings
        for written in (spelling.lower(), entry_keys.snake(spelling), ".".join(key.path).lower())
        if written != key.name
    }
)
# What other tools call it; only offered, never taken.
ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "account": "user", "customer": "user", "person": "user", "app": "integration", "connector": "integration",
        "provider": "integration", "source": "integration", "severity": "level", "state": "status", "name": "event",
        "code": "error_code", "error": "error_code", "http": "http_status", "msg": "message", "text": "message",
    }
)  # fmt: skip
TIMES = frozenset({"since", "until", "time", "timestamp", "date", "occurred_at", "received_at"})
SIGNS: Mapping[str, str] = MappingProxyType({"&&": "AND", "&": "AND", "+": "AND", "||": "OR", "|": "OR"})
KEYWORDS = ("AND", "OR", "NOT")
CHUNK = re.compile(r'[^\s"“”„()]+')
VALUE = re.compile(r'[^\s"“”„(),]+')
KEY = r'(?:"(?:\\.|[^"\\])*"|[^\s"“”„().:,<>=*]+)'
KEYS = re.compile(KEY, re.DOTALL)


class QueryError(Exception):
    """What is wrong with a query: a sentence, the place from 0, and a whole text to use instead or ""."""

    def __init__(self, message: str, position: int, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.suggestion = suggestion


class Operator(StrEnum):
    IS = ""
    GREATER = ">"
    AT_LEAST = ">="
    LESS = "<"
    AT_MOST = "<="
    PRESENT = "*"


@dataclass(frozen=True, slots=True)
class Path:
    """Keys from the outside of an entry to the inside."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Value:
    text: str
    quoted: bool = False
    position: int = attribute(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """Words to be found. A phrase is these words side by side; an open end stands for any rest of the word."""

    text: str
    phrase: bool = False
    open_start: bool = False
    open_end: bool = False
    position: int = attribute(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Match:
    """A field, or a path of the payload, against values of which any will do; PRESENT has none, a comparison one."""

    field: str | Path
    operator: Operator
    values: tuple[Value, ...]
    position: int = attribute(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    child: "Text | Match | And | Or"


@dataclass(frozen=True, slots=True)
class And:
    """Two or more children, none of them an And."""

    children: tuple["Text | Match | Not | Or", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more children, none of them an Or."""

    children: tuple["Text | Match | Not | And", ...]


type Node = Text | Match | Not | And | Or


def leaves(node: Node) -> Iterator[Text | Match]:
    """Every condition of the tree, from left to right."""
    match node:
        case And(children) | Or(children):
            for child in children:
                yield from leaves(child)
        case Not(child):
            yield from leaves(child)
        case _:
            yield node


def negated(node: Node) -> Node:
    return node.child if isinstance(node, Not) else Not(node)


def conjunction(nodes: Iterable[Node]) -> Node:
    """All of one or more nodes, in the form that parsing gives."""
    flat = [child for node in nodes for child in (node.children if isinstance(node, And) else (node,))]
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def disjunction(nodes: Iterable[Node]) -> Node:
    """Any of one or more nodes, in the form that parsing gives."""
    flat = [child for node in nodes for child in (node.children if isinstance(node, Or) else (node,))]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


# To text ---------------------------------------------------------------------------------------------------------


def quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def value_text(value: str, *, quoted: bool = False) -> str:
    """A value as it has to be written after `field:`, in quotes only where they are needed."""
    bare = VALUE.fullmatch(value) and value != "*" and value[0] not in "<>=!"
    return value if bare and not quoted else quote(value)


def path_text(keys: Iterable[str]) -> str:
    """A path of the payload as it has to be written before the colon."""
    found = tuple(keys)
    plain = ".".join(key if _is_plain_key(key) else quote(key) for key in found)
    is_clear = len(found) > 1 and plain.lower() not in ALIASES and (plain[0].isalpha() or plain[0] in "_$@")
    return plain if is_clear else f".{plain}"


def _is_plain_key(key: str) -> bool:
    return bool(KEYS.fullmatch(key)) and '"' not in key


def to_text(node: Node) -> str:
    """The shortest way to write this tree: a blank for AND, a minus for NOT, parentheses only where they count."""
    match node:
        case Text():
            return _text_text(node)
        case Match():
            return _match_text(node)
        case Not(child):
            return f"-({to_text(child)})" if isinstance(child, And | Or) else f"-{to_text(child)}"
        case And(children):
            return " ".join(f"({to_text(child)})" if isinstance(child, Or) else to_text(child) for child in children)
        case _:
            return " OR ".join(to_text(child) for child in node.children)


def _text_text(node: Text) -> str:
    written = f"{'*' * node.open_start}{node.text}{'*' * node.open_end}"
    is_bare = CHUNK.fullmatch(written) and ":" not in written and "*" not in node.text
    # As in other languages "!word" would exclude, so it is a mistake; "!-word" is a word like any other.
    is_sign = written[0] == "-" or (written[0] == "!" and written[1:2].isalnum())
    if node.phrase or not is_bare or is_sign or written in KEYWORDS:
        return quote(node.text)
    return written


def _match_text(node: Match) -> str:
    name = path_text(node.field.keys) if isinstance(node.field, Path) else node.field
    values = ",".join(value_text(value.text, quoted=value.quoted) for value in node.values)
    return f"{name}:{node.operator}{values}"


def field_of(name: str, *, fields: Collection[str]) -> str:
    """The field that a name or one of its other spellings stands for, or ""."""
    low = name.lower()
    low = ALIASES.get(low, low)
    return low if low in fields or low in OWN_FIELDS else ""
