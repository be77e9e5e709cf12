"""Finds the objects that carry the identifiers of synclogs.lookup.paste: entries, runs, syncs, users, integrations.

One bounded query for each kind of object, by an index or over a small table, however many identifiers there are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, Sum
from django.db.models.functions import Lower

from synclogs.lookup.paste import Candidate, Pasted, beginning_of
from synclogs.lookup.pasted_json import Kind
from synclogs.models import ConnectedUser, Facet, HourCount, LogEntry, Project, Sync, Trace
from synclogs.parsing.identifiers import uuid_of

MOST = 10
MOST_BEGINNINGS = 10
CODES_SEEN = timedelta(days=30)
SHORTEST_PART = 3
LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Hit:
    """`row` is a Sync, Trace, ConnectedUser or LogEntry, or the text of an error code or integration.

    `how` says which of its own texts the candidate is, where that is not its whole ID; `count` the entries of a code.
    """

    kind: Kind
    row: Any
    candidate: Candidate
    how: str = ""
    count: int = 0

    @property
    def is_named(self) -> bool:
        """Whether the text itself called it what it is."""
        return self.candidate.kind == self.kind


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that carries a candidate, the most telling kind first; `missed` are the candidates that nothing carries."""

    hits: tuple[Hit, ...] = ()
    missed: tuple[Candidate, ...] = ()

    def of(self, kind: Kind) -> list[Any]:
        return [hit.row for hit in self.hits if hit.kind == kind]


CLASSES = (Kind.CODE, Kind.INTEGRATION)
BY_SPECIFICITY = (Kind.ENTRY, Kind.TRACE, Kind.SYNC, Kind.USER, *CLASSES)
COLUMNS: Mapping[Kind, str] = {Kind.TRACE: "trace_id", Kind.SYNC: "sync_id", Kind.USER: "user_id"}


def find(project: Project, pasted: Pasted, *, now: datetime) -> Found:
    """Everything of the project that carries one of the candidates."""
    words = _Words(pasted.candidates)
    if not words.known:
        return Found()
    hits = [
        *_entries(project, words, now=now),
        *_traces(project, words),
        *_syncs(project, words),
        *_users(project, words),
        *_codes(project, words, now=now),
        *_integrations(project, words),
    ]
    hits = _as_named(hits)
    carried = {hit.candidate for hit in hits}
    return Found(tuple(hits), tuple(candidate for candidate in pasted.candidates if candidate not in carried))


def like(project: Project, text: str) -> list[ConnectedUser]:
    """The users with this text in their name, e-mail, company or ID: a scan over the users of one project."""
    part = text.strip()
    if len(part) < SHORTEST_PART:
        return []
    condition = Q()
    for column in ("name", "email", "company", "user_id"):
        condition |= Q(**{f"{column}__icontains": part})
    return list(ConnectedUser.objects.of(project).filter(condition).order_by("-last_seen_at", "-pk")[:MOST])


def most_specific(found: Found, *, is_log: bool) -> Hit | None:
    """The one object to open; None when a person has to choose among several.

    Of a pasted log it is the entry itself, else its trace, its sync, its user. Of any other text it is the most
    specific object only when all others that were found belong to it; an error code or an integration is never in the way.
    """
    for kind in BY_SPECIFICITY:
        hits = [hit for hit in found.hits if hit.kind == kind]
        if len(hits) > 1:
            return None
        if hits:
            rest = [hit for hit in found.hits if hit is not hits[0] and hit.kind not in CLASSES]
            return hits[0] if is_log or all(_belongs(hit, hits[0]) for hit in rest) else None
    return None


def _belongs(hit: Hit, to: Hit) -> bool:
    """Whether the first names a part of what the second is: the sync of a trace, the user of a sync."""
    name = COLUMNS.get(hit.kind, "")
    value = getattr(hit.row, name, None)
    return bool(value) and getattr(to.row, name, None) == value


def _as_named(hits: Iterable[Hit]) -> list[Hit]:
    """Without objects that merely share the text of an ID that was named, and found, as another kind."""
    all_hits = list(hits)
    named = {hit.candidate for hit in all_hits if hit.is_named}
    return [hit for hit in all_hits if hit.is_named or hit.candidate not in named]


class _Words:
    """The candidates by what can be compared: UUIDs, texts as written, texts in lower case, beginnings of IDs."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self.known = tuple(candidates)
        self.ids: dict[UUID, Candidate] = {}
        self.written: dict[str, Candidate] = {}
        self.lowered: dict[str, Candidate] = {}
        self.joined: dict[str, Candidate] = {}  # "Google Drive" is called googledrive
        self.beginnings: dict[str, Candidate] = {}
        self.credentials: dict[str, Candidate] = {}
        for candidate in self.known:
            value = candidate.value
            if candidate.kind != Kind.NAME:
                if key := uuid_of(value.strip()):
                    self.ids.setdefault(key, candidate)
                if (digits := beginning_of(value)) and len(self.beginnings) < MOST_BEGINNINGS:
                    self.beginnings.setdefault(digits, candidate)
                if candidate.kind == Kind.CREDENTIAL:
                    self.credentials[value] = candidate
                self.written.setdefault(value, candidate)
            self.lowered.setdefault(value.lower(), candidate)
            self.joined.setdefault(value.lower().replace(" ", ""), candidate)

    @property
    def identifiers(self) -> list[str]:
        """What can stand in a column of identifiers."""
        return [text for text in self.written if text.isascii() and text.isprintable() and len(text) <= LONGEST_ID]


def _entries(project: Project, words: _Words, *, now: datetime) -> list[Hit]:
    entries = LogEntry.objects.of(project)
    found = {entry.key: Hit(Kind.ENTRY, entry, words.ids[entry.key]) for entry in entries.at_keys(words.ids)[:MOST]}
    # Kept entries only, so that no partition beyond the retention is planned.
    retained = entries.filter(occurred_at__gte=project.oldest_retained(now), occurred_at__lt=now + timedelta(days=2))
    for entry in retained.filter(entry_id__in=words.identifiers)[:MOST]:
        found.setdefault(entry.key, Hit(Kind.ENTRY, entry, words.written[entry.entry_id]))
    return list(found.values())[:MOST]


def _traces(project: Project, words: _Words) -> list[Hit]:
    names = {spelling: text for text in words.identifiers for spelling in (text.lower(), text)}
    traces = Trace.objects.of(project).filter(trace_id__in=names).order_by("-last_at", "-pk")[:MOST]
    return [Hit(Kind.TRACE, trace, words.written[names[trace.trace_id]]) for trace in traces]


def _syncs(project: Project, words: _Words) -> list[Hit]:
    condition = Q(sync_id__in=words.ids) | Q(credential_id__in=words.credentials)
    for digits in words.beginnings:
        condition |= Q(sync_id__gte=UUID(digits.ljust(32, "0")), sync_id__lte=UUID(digits.ljust(32, "f")))
    hits = []
    for sync in Sync.objects.of(project).filter(condition).order_by("-last_seen_at", "-pk")[:MOST]:
        start = next((digits for digits in words.beginnings if sync.sync_id.hex.startswith(digits)), "")
        if sync.sync_id in words.ids:
            hits.append(Hit(Kind.SYNC, sync, words.ids[sync.sync_id]))
        elif sync.credential_id in words.credentials:
            hits.append(Hit(Kind.SYNC, sync, words.credentials[sync.credential_id], "its credential"))
        else:
            hits.append(Hit(Kind.SYNC, sync, words.beginnings[start], "the beginning of its ID"))
    return hits


def _users(project: Project, words: _Words) -> list[Hit]:
    lowered = list(words.lowered)
    people = (
        ConnectedUser.objects.of(project)
        .annotate(low_name=Lower("name"), low_email=Lower("email"), low_company=Lower("company"))
        .filter(
            Q(user_id__in=words.written)
            | Q(low_email__in=lowered)
            | Q(low_name__in=lowered)
            | Q(low_company__in=lowered)
        )
        .order_by("-last_seen_at", "-pk")[:MOST]
    )
    hits = []
    for person in people:
        texts = ((person.email, "their e-mail"), (person.name, "their name"), (person.company, "their company"))
        candidate, how = words.written.get(person.user_id), ""
        for text, what in texts:
            if candidate is None and text and (candidate := words.lowered.get(text.lower())):
                how = what
        if candidate is not None:  # lower case of the database and of Python may differ in a letter
            hits.append(Hit(Kind.USER, person, candidate, how))
    return hits


def _codes(project: Project, words: _Words, *, now: datetime) -> list[Hit]:
    """Error codes seen in the last 30 days, by the stored counts of each hour."""
    names = {spelling: text for text in words.identifiers for spelling in (text.lower(), text.upper(), text)}
    counts = (
        HourCount.objects.of(project)
        .filter(facet=Facet.ERROR_CODE, hour__gte=now - CODES_SEEN, value__in=names)
        .values_list("value")
        .annotate(entries=Sum("count"))
        .order_by("-entries", "value")[:MOST]
    )
    return [Hit(Kind.CODE, value, words.written[names[value]], count=entries) for value, entries in counts]


def _integrations(project: Project, words: _Words) -> list[Hit]:
    slugs = Sync.objects.of(project).annotate(low=Lower("integration")).filter(low__in=list(words.joined))
    found = (
        slugs.exclude(integration="").order_by("integration").values_list("integration", flat=True).distinct()[:MOST]
    )
    return [Hit(Kind.INTEGRATION, slug, candidate) for slug in found if (candidate := words.joined.get(slug.lower()))]
