"""Links that include or exclude a value of the payload in a list.

What no filter parameter covers is written in the query language and joined to the existing query.
"""

from dataclasses import dataclass

from portal.links.querystring import Pairs, link, remove
from synclogs.query import language
from synclogs.query.conditions import COLUMN_OF_PATH
from synclogs.query.fields import FIELDS
from synclogs.query.tree import Match, Node, Operator, Path, QueryError, Value, conjunction, negated, to_text

EXACT = ("true", "false", "null")


@dataclass(frozen=True, slots=True)
class Links:
    """To the entries that have this value, and to all others; "" where a query would be too long."""

    include: str = ""
    exclude: str = ""


class Narrowing:
    """Made for one list; `logs` is its address and `query` what it shows."""

    def __init__(self, logs: str, query: Pairs) -> None:
        self.rest = remove(query, "q")
        self.logs = logs
        try:
            self.tree = language.parse(dict(query).get("q", ""), fields=FIELDS)
        except QueryError:  # a list with a mistake in its query shows no entries to open
            self.tree = None

    def links(self, field: str | tuple[str, ...], kind: str, text: str) -> Links:
        """`field`: a name, or the keys of the payload from outside to inside. `kind` as in payload.Node."""
        value = _value(kind, text)
        if value is None or field in COLUMN_OF_PATH:
            return Links()
        name = field if isinstance(field, str) else Path(field)
        match = Match(name, Operator.IS, (value,))
        return Links(self._link(match), self._link(negated(match)))

    def _link(self, node: Node) -> str:
        text = to_text(conjunction([self.tree, node]) if self.tree else node)
        return self.logs + link((*self.rest, ("q", text))) if len(text) <= language.QUERY_LENGTH else ""


def _value(kind: str, text: str) -> Value | None:
    """How the language has to say it so that nothing else is meant; None where it cannot."""
    if kind != "text":
        return Value(text) if kind == "word" or "e" not in text else None
    is_plain = text not in EXACT and not text.endswith("*") and not text.lstrip("-")[:1].isdigit()
    return Value(text, not is_plain) if text.strip() else None
