"""Filter parameters of the log list: names, labels, columns, and how a value is read. One table.

A reader returns the value of the column or raises ValueError with a sentence for the user.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from synclogs.catalogue import CATEGORY_SLUGS, EVENTS, LEVEL_SLUGS, RECOVERABLE, SyncStatus, SyncType
from synclogs.models.counts import Facet
from synclogs.parsing.entry_keys import NAMED, PARAMETERS
from synclogs.parsing.identifiers import uuid_of

VALUE_LENGTH = 256
EMPTY = "This is empty. Give a value, or leave it out."


def is_blank(values: Iterable[str]) -> bool:
    """Whether one of the values says nothing. It cannot be left out silently: whoever sent it meant to narrow something."""
    return not all(value.strip() for value in values)


def blanks(parameters: Iterable[tuple[str, Iterable[str]]]) -> dict[str, str]:
    """Each parameter of a URL that has a blank value, with the sentence for it."""
    return {name: EMPTY for name, values in parameters if is_blank(values)}


def text_of(value: str) -> str:
    if len(value) > VALUE_LENGTH:
        raise ValueError(f"At most {VALUE_LENGTH} characters.")
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("This holds a character that no entry can have.")
    return value


def _slug(slugs: Mapping[str, int]) -> Callable[[str], int]:
    def parse(value: str) -> int:
        try:
            return int(slugs[value.strip().lower()])
        except KeyError:
            raise ValueError(f"“{value[:40]}” is not one of {', '.join(slugs)}.") from None

    return parse


def _uuid(value: str) -> UUID:
    found = uuid_of(value.strip())
    if found is None:
        raise ValueError("A sync ID looks like 5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9.")
    return found


def _http_status(value: str) -> int:
    text = value.strip()
    if not (len(text) == 3 and text.isascii() and text.isdigit() and 100 <= int(text) <= 599):
        raise ValueError("An HTTP status is a number from 100 to 599.")
    return int(text)


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter of the log list: its name in URLs, its label, the column behind it, and how a value is read.

    `known` are names that may be typed in any case; their lists grow at the platform's side, so any other name will do.
    """

    name: str
    label: str
    column: str
    parse: Callable[[str], object] = text_of
    known: Collection[str] = ()

    def values_of(self, value: str) -> tuple[object, ...]:
        """The values of the column that a typed value stands for. Raises ValueError."""
        parsed = self.parse(value)
        if self.known and value.upper() in self.known:
            return tuple(dict.fromkeys((parsed, value.upper())))
        if parsed == value != value.strip():
            return (value, value.strip())  # pasted with a blank too many, or a name that really has one
        return (parsed,)


# What is not just any text, and the names that may be typed in any case.
_PARSE: Mapping[str, Callable[[str], object]] = {
    "category": _slug(CATEGORY_SLUGS),
    "level": _slug(LEVEL_SLUGS),
    "sync": _uuid,
    "http_status": _http_status,
}
_KNOWN: Mapping[str, Collection[str]] = {
    "event": EVENTS,
    "sync_type": SyncType.values,
    "status": SyncStatus.values,
    "recoverability": (RECOVERABLE,),
}


def _field(name: str) -> Field:
    key = NAMED[name]
    return Field(name, key.label, key.column, _PARSE.get(name, text_of), _KNOWN.get(name, ()))


FIELDS: Mapping[str, Field] = {name: _field(name) for name in PARAMETERS}
# Words of the query language that are no parameters.
OWN: Mapping[str, Field] = {name: _field(name) for name in NAMED if name not in PARAMETERS}
# What is counted, as it is called in URLs. The level is counted in every facet and has the number of the total here.
FACETS: Mapping[str, Facet] = MappingProxyType(
    {
        "type": Facet.TYPE,
        "category": Facet.CATEGORY,
        "level": Facet.TOTAL,
        "event": Facet.EVENT,
        "sync_type": Facet.SYNC_TYPE,
        "status": Facet.STATUS,
        "integration": Facet.INTEGRATION,
        "pipeline": Facet.PIPELINE,
        "error_code": Facet.ERROR_CODE,
        "http_status": Facet.HTTP_STATUS,
        "recoverability": Facet.RECOVERABILITY,
    }
)
