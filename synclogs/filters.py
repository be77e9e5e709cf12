"""The one door for reads of the log: parameters -> LogFilter -> query.

Goes in: (name, values) pairs of a URL. Comes out: a frozen filter, or every error at its parameter. An unknown name or
value is an error and never "match everything".
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from uuid import UUID

from django.db.models import Q

from synclogs.catalogue import CATEGORY_SLUGS, LEVEL_SLUGS
from synclogs.models.log import LogEntryQuerySet

VALUE_LENGTH = 256
MAX_VALUES = 100
PRESETS: Mapping[str, timedelta] = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
DEFAULT_SINCE = "24h"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)


class FilterError(Exception):
    """`errors` maps each parameter at fault to a sentence for the person who typed it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)


def _text(value: str) -> str:
    if len(value) > VALUE_LENGTH:
        raise ValueError(f"At most {VALUE_LENGTH} characters.")
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("This holds a character that no entry can have.")
    return value


def _slug(slugs: Mapping[str, int]) -> Callable[[str], int]:
    def parse(value: str) -> int:
        try:
            return int(slugs[value.lower()])
        except KeyError:
            raise ValueError(f"“{value[:40]}” is not one of {', '.join(slugs)}.") from None

    return parse


def _uuid(value: str) -> UUID:
    try:
        return UUID(_text(value))
    except ValueError:
        raise ValueError("A sync ID looks like 5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9.") from None


def _http_status(value: str) -> int:
    if not (len(value) == 3 and value.isascii() and value.isdigit() and 100 <= int(value) <= 599):
        raise ValueError("An HTTP status is a number from 100 to 599.")
    return int(value)


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter of the log list: its name in URLs, its label, the column behind it, and how a value is read."""

    name: str
    label: str
    column: str
    parse: Callable[[str], object] = _text


FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("type", "Type", "type"),
        Field("category", "Category", "category", _slug(CATEGORY_SLUGS)),
        Field("level", "Level", "level", _slug(LEVEL_SLUGS)),
        Field("event", "Event", "event"),
        Field("sync_type", "Sync type", "sync_type"),
        Field("status", "Sync status", "status"),
        Field("integration", "Integration", "integration"),
        Field("pipeline", "Pipeline", "pipeline"),
        Field("user", "User", "user_id"),
        Field("sync", "Sync", "sync_id", _uuid),
        Field("trace", "Trace", "trace_id"),
        Field("error_code", "Error code", "error_code"),
        Field("http_status", "HTTP status", "http_status", _http_status),
        Field("recoverability", "Recoverability", "recoverability"),
    )
}
TIMES = ("since", "until")


@dataclass(frozen=True, slots=True)
class Term:
    """One parameter with its values, any of which match; `negated`: none of them may. `values` are as typed."""

    field: Field
    negated: bool
    values: tuple[str, ...]

    @property
    def parameter(self) -> str:
        return f"-{self.field.name}" if self.negated else self.field.name

    def condition(self) -> Q:
        parsed = [self.field.parse(value) for value in self.values]
        name = self.field.column
        condition = Q(**{name: parsed[0]}) if len(parsed) == 1 else Q(**{f"{name}__in": parsed})
        return ~condition if self.negated else condition


@dataclass(frozen=True, slots=True)
class LogFilter:
    """A readable set of log entries: terms that all hold, from `since` (a moment) until `until` (a moment or no end).

    `since_text` and `until_text` are what stands in the URL: a preset such as 24h, RFC 3339, or "" for no end.
    """

    terms: tuple[Term, ...]
    since: datetime
    until: datetime | None
    since_text: str = DEFAULT_SINCE
    until_text: str = ""

    @classmethod
    def parse(
        cls,
        parameters: Iterable[tuple[str, Sequence[str]]],
        *,
        now: datetime,
        besides: Iterable[str] = (),
    ) -> "LogFilter":
        """Reads (name, values) pairs, as `QueryDict.lists()` gives them; `besides` are names that belong to others.

        Empty values count as absent, since an HTML form sends its empty fields. Raises FilterError.
        """
        errors: dict[str, str] = {}
        terms: list[Term] = []
        times = {"since": DEFAULT_SINCE, "until": ""}
        other = set(besides)
        for name, given in parameters:
            values = tuple(dict.fromkeys(value.strip() for value in given if value.strip()))
            if name in other or (not values and (name in times or name.removeprefix("-") in FIELDS)):
                continue
            try:
                if name in times:
                    times[name] = _single(values)
                else:
                    terms.append(_term(name, values))
            except ValueError as error:
                errors[name] = str(error)
        since, until = _moments(times, errors, now=now)
        if errors or since is None:
            raise FilterError(errors)
        return cls(tuple(terms), since, until, times["since"], times["until"])

    @classmethod
    def where(cls, *, since: datetime, until: datetime | None = None, **values: str) -> "LogFilter":
        """A filter made by code: `where(since=…, sync="…")`."""
        terms = tuple(Term(FIELDS[name], False, (value,)) for name, value in values.items())
        return cls(terms, since, until, since.isoformat(), until.isoformat() if until else "")

    def parameters(self) -> list[tuple[str, str]]:
        """The filter as URL parameters; the default range is left out."""
        pairs = [(term.parameter, value) for term in self.terms for value in term.values]
        if self.since_text != DEFAULT_SINCE:
            pairs.append(("since", self.since_text))
        if self.until_text:
            pairs.append(("until", self.until_text))
        return pairs

    def apply(self, queryset: LogEntryQuerySet) -> LogEntryQuerySet:
        """Narrows `queryset`. Always by time, so that only the partitions of the range are planned and read."""
        queryset = queryset.filter(occurred_at__gte=self.since)
        if self.until is not None:
            queryset = queryset.filter(occurred_at__lt=self.until)
        for term in self.terms:
            queryset = queryset.filter(term.condition())
        return queryset


def _single(values: tuple[str, ...]) -> str:
    if len(values) > 1:
        raise ValueError("Give one time, not several.")
    return values[0]


def _term(name: str, values: tuple[str, ...]) -> Term:
    field = FIELDS.get(name.removeprefix("-"))
    if field is None:
        near = get_close_matches(name.removeprefix("-"), [*FIELDS, *TIMES], n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"There is no filter “{_text(name)[:40]}”.{hint}")
    if not values:
        raise ValueError("This filter has no value.")
    if len(values) > MAX_VALUES:
        raise ValueError(f"At most {MAX_VALUES} values.")
    for value in values:
        field.parse(value)
    return Term(field, name.startswith("-"), values)


def _moments(
    times: Mapping[str, str], errors: dict[str, str], *, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Both ends of the range; what cannot be read goes into `errors`."""
    found: dict[str, datetime | None] = {}
    for name, text in times.items():
        try:
            found[name] = moment(text, now=now) if text else None
        except ValueError as error:
            errors.setdefault(name, str(error))
            found[name] = None
    since, until = found["since"], found["until"]
    if since and until and since >= until:
        errors.setdefault("until", "The end has to be after the start.")
    return since, until


def moment(text: str, *, now: datetime) -> datetime:
    """A preset back from `now`, or RFC 3339; without an offset it is UTC, as the pages write it. Raises ValueError."""
    if text in PRESETS:
        return now - PRESETS[text]
    if RFC3339.fullmatch(text):
        try:
            parsed = datetime.fromisoformat(text.upper().replace(" ", "T"))
            aware = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
            if 2000 <= aware.year <= 2200:
                return aware
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"Use {', '.join(PRESETS)}, or a time such as {now:%Y-%m-%dT%H:%MZ}.")
