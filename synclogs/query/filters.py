"""Log filters: URL parameters to a LogFilter, and a LogFilter to a queryset. Every read of the log uses it.

Input: (name, values) pairs of a URL. Returns a frozen filter, or every error at its parameter. An unknown name or value is an
error and never "match everything".
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from synclogs.models import LogEntry, Project
from synclogs.models.log import LogEntryQuerySet
from synclogs.query import advice, conditions, language
from synclogs.query.fields import EMPTY, FIELDS, Field, is_blank, text_of
from synclogs.query.tree import Node, QueryError

MAX_VALUES = 100
PRESETS: Mapping[str, timedelta] = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
DEFAULT_SINCE = "24h"
FIRST_YEAR, LAST_YEAR = 2000, 2199  # as written
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Query:
    """What stands in `q`: its text without blanks around it, what it means, and what is wrong with it.

    `tree` is None for a blank query and for one that cannot be read; with a `mistake` beside it a value is wrong that its
    field cannot have.
    """

    text: str = ""
    tree: Node | None = None
    mistake: QueryError | None = None

    @classmethod
    def parse(cls, text: str) -> "Query":
        """Never raises: whoever shows a mistake needs what could be read as well."""
        try:
            tree = language.parse(text, fields=FIELDS)
        except QueryError as error:
            return cls(text, None, error.with_traceback(None))
        try:
            if tree is not None:
                conditions.condition(tree, 0)
        except QueryError as error:
            return cls(text, tree, error.with_traceback(None))
        return cls(text, tree)


class FilterError(Exception):
    """`errors` maps each parameter at fault to a sentence for the person who typed it; `query` is what was read of `q`."""

    def __init__(self, errors: Mapping[str, str], query: Query | None = None) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)
        self.query = query or Query()


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
        condition = conditions.any_of(self.field, self.values)
        return ~condition if self.negated else condition


@dataclass(frozen=True, slots=True)
class LogFilter:
    """A readable set of log entries: terms that all hold, from `since` (a moment) until `until` (a moment or no end).

    `since_text` and `until_text` are what stands in the URL: a preset such as 24h, RFC 3339, or "" for no end. `q` is the
    query as typed, `tree` what it means (None when it is blank).
    """

    terms: tuple[Term, ...]
    since: datetime
    until: datetime | None
    since_text: str = DEFAULT_SINCE
    until_text: str = ""
    q: str = ""
    tree: Node | None = None

    @classmethod
    def parse(
        cls,
        parameters: Iterable[tuple[str, Sequence[str]]],
        *,
        now: datetime,
        besides: Iterable[str] = (),
    ) -> "LogFilter":
        """Reads (name, values) pairs, as `QueryDict.lists()` gives them; `besides` are names that belong to others.

        An empty value is an error at every name, those of others too. Raises FilterError.
        """
        errors: dict[str, str] = {}
        terms: list[Term] = []
        single = {"since": DEFAULT_SINCE, "until": "", "q": ""}
        other = set(besides)
        for name, given in parameters:
            values = tuple(given)
            try:
                if name in other:
                    _filled(values)
                elif name in single:
                    single[name] = _single(name, values)
                else:
                    terms.append(_term(name, values))
            except ValueError as error:
                errors[name] = str(error)
        query = Query.parse(single["q"])
        if query.mistake is not None:
            errors["q"] = query.mistake.message
        since, until = _moments({name: single[name] for name in TIMES}, errors, now=now)
        if errors or since is None:
            raise FilterError(errors, query)
        return cls(tuple(terms), since, until, single["since"], single["until"], query.text, query.tree)

    @classmethod
    def where(cls, *, since: datetime, until: datetime | None = None, **values: str) -> "LogFilter":
        """A filter made by code: `where(since=…, sync="…")`."""
        terms = tuple(Term(FIELDS[name], False, (value,)) for name, value in values.items())
        return cls(terms, since, until, since.isoformat(), until.isoformat() if until else "")

    def parameters(self) -> list[tuple[str, str]]:
        """The filter as URL parameters; the default range is left out."""
        pairs = [(term.parameter, value) for term in self.terms for value in term.values]
        if self.q:
            pairs.append(("q", self.q))
        if self.since_text != DEFAULT_SINCE:
            pairs.append(("since", self.since_text))
        if self.until_text:
            pairs.append(("until", self.until_text))
        return pairs

    def without(self, name: str) -> "LogFilter":
        """The same filter with every value of one field allowed, as far as its parameters go; `q` stays."""
        return replace(self, terms=tuple(term for term in self.terms if term.field.name != name))

    def entries(self, project: Project) -> LogEntryQuerySet:
        """The set, in no order. Always bounded by time, so that only the partitions of the range are planned and read."""
        queryset = LogEntry.objects.of(project).filter(occurred_at__gte=self.since)
        if self.until is not None:
            queryset = queryset.filter(occurred_at__lt=self.until)
        for term in self.terms:
            queryset = queryset.filter(term.condition())
        return queryset.filter(conditions.condition(self.tree, project.pk)) if self.tree else queryset


def _filled(values: tuple[str, ...]) -> None:
    if is_blank(values):
        raise ValueError(EMPTY)


def _single(name: str, values: tuple[str, ...]) -> str:
    _filled(values)
    if len(set(values)) > 1:
        raise ValueError("Give one query, not several." if name == "q" else "Give one time, not several.")
    return values[0].strip()


def parse_query(text: str) -> Node | None:
    """The tree of a query whose fields and values exist; None for a blank one. Raises QueryError."""
    query = Query.parse(text)
    if query.mistake is not None:
        raise query.mistake
    return query.tree


def _term(name: str, values: tuple[str, ...]) -> Term:
    field = FIELDS.get(name.removeprefix("-"))
    if field is None:
        meant = advice.hint(name.removeprefix("-"), (*FIELDS, *TIMES, "q"))
        raise ValueError(f"There is no filter “{text_of(name)[:40]}”.{meant}")
    _filled(values)
    if len(values) > MAX_VALUES:
        raise ValueError(f"At most {MAX_VALUES} values.")
    for value in values:
        field.values_of(value)
    return Term(field, name.startswith("-"), tuple(dict.fromkeys(values)))


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
            if FIRST_YEAR <= parsed.year <= LAST_YEAR:
                return aware
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"Use {', '.join(PRESETS)}, or a time such as {now:%Y-%m-%dT%H:%MZ}.")
