"""Query suggestions while typing, as JSON: fields first, then seen values, each with the completed query.

Values come from the hour counts, people from their table; no entry is read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse, JsonResponse
from django.utils import timezone

from portal.access.projects import ProjectRequest, project_view
from portal.links.querystring import value_words
from portal.log import filter_rail
from portal.querybox import completion
from portal.querybox.completion import Spot
from portal.querybox.reference import ALWAYS_THERE, COMPARISONS, FIELD_WORDS, PATHS, FieldWords
from portal.syncs import sync_rows
from synclogs.models import ConnectedUser, Project, Sync
from synclogs.query.language import QUERY_LENGTH
from synclogs.query.tree import value_text
from synclogs.reading import facet_values
from synclogs.reading.facet_values import Seen
from synclogs.storage import time_limits

DAYS = timedelta(days=7)
SECONDS = 0.5
MOST_VALUES = 12
MOST_MIXED = 5
# Fields whose values are offered beside the names of fields, the more telling first.
MIXED = ("level", "user", "integration", "status", "error_code", "event", "http_status", "pipeline", "sync_type")
SHORTEST_MIXED = 2  # letters before values are offered beside fields


@dataclass(frozen=True, slots=True)
class Offer:
    """`part` goes into the query; `words` say what it is, `note` what more there is to know."""

    kind: str
    part: str
    words: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An offer with the whole query that taking it makes, and where the cursor is then."""

    kind: str
    part: str
    words: str
    note: str
    query: str
    at: int


@project_view()
def suggest(request: ProjectRequest) -> HttpResponse:
    text = request.GET.get("q", "")
    typed = request.GET.get("at", "")
    at = min(int(typed[:4]), len(text)) if typed.isascii() and typed.isdigit() else len(text)
    found = suggestions(text, at, project=request.project, now=timezone.now())
    response = JsonResponse({"suggestions": [asdict(suggestion) for suggestion in found]})
    response["Cache-Control"] = "private, no-store"
    return response


def suggestions(text: str, at: int, *, project: Project, now: datetime) -> list[Suggestion]:
    where = completion.spot(text, at) if len(text) <= QUERY_LENGTH else None
    if where is None or not all(character.isprintable() for character in where.prefix):
        return []
    found = []
    for offer in offers(where, project=project, now=now):
        made = completion.put(text, where, offer.part)
        if made:
            found.append(Suggestion(offer.kind, offer.part, offer.words, offer.note, *made))
    return found


def offers(where: Spot, *, project: Project, now: datetime) -> Iterator[Offer]:
    if where.field is None:
        yield from names(where.prefix)
        if len(where.prefix) >= SHORTEST_MIXED and "." not in where.prefix:
            yield from anything(where.prefix, project=project, now=now)
        return
    if where.field:
        if where.is_first:
            yield from comparisons(where.field, where.prefix)
        yield from values(where.field, where.prefix, project=project, now=now, most=MOST_VALUES)
    if where.is_first and where.field not in ALWAYS_THERE and where.prefix in ("", "*"):
        yield Offer("value", "*", "Any value")


def names(prefix: str) -> Iterator[Offer]:
    """Fields whose name or label begins so, then those that hold it; keys of the payload once something is typed."""
    low = prefix.lower().lstrip(".")
    pool = (*FIELD_WORDS, *PATHS) if low else FIELD_WORDS

    def rank(field: FieldWords) -> int:
        begins = field.name.lower().startswith(low) or field.label.lower().startswith(low)
        parts = (part for name in (field.name, field.label) for part in name.lower().replace(".", " ").split())
        return 0 if begins else 1 if any(part.startswith(low) for part in parts) else 2

    for field in sorted((field for field in pool if rank(field) < 2), key=rank):
        yield Offer("field", f"{field.name}:", field.label, field.note)


def comparisons(field: str, prefix: str) -> Iterator[Offer]:
    for part, words in COMPARISONS.get(field, ()):
        if part.startswith(prefix) or (prefix and words.lower().startswith(prefix.lower())):
            yield Offer("value", part, words)


def anything(prefix: str, *, project: Project, now: datetime) -> Iterator[Offer]:
    """Values of any field that begin with what was typed, as whole conditions."""
    found = 0
    for name in MIXED:
        for offer in values(name, prefix, project=project, now=now, most=2, begins=True):
            yield Offer("value", f"{name}:{offer.part}", offer.words, offer.note)
            found += 1
            if found == MOST_MIXED:
                return


def values(
    field: str, prefix: str, *, project: Project, now: datetime, most: int, begins: bool = False
) -> Iterator[Offer]:
    """Values of a field, as they have to be written; the more frequent first."""
    if field == "user":
        yield from people(prefix, project=project, most=most)
    elif field == "sync":
        yield from syncs(prefix, project=project, most=most)
    elif field in filter_rail.FACETS or field == "level":
        seen = facet_values.seen(project, since=now - DAYS, until=now + timedelta(hours=1))
        yield from seen_values(field, prefix, seen=seen, most=most, begins=begins)


def seen_values(field: str, prefix: str, *, seen: Seen, most: int, begins: bool) -> Iterator[Offer]:
    counts = filter_rail.counts_of(field, seen)
    low = prefix.lower()

    def rank(value: str) -> int:
        words = value_words(field, value).lower()
        if value.lower().startswith(low) or words.startswith(low):
            return 0
        return 1 if any(part.startswith(low) for part in f"{value} {words}".lower().replace("_", " ").split()) else 2

    ranked = [(rank(value), value) for value in filter_rail.ordered(field, counts, ())]
    for _, value in sorted((pair for pair in ranked if pair[0] < (1 if begins else 2)), key=lambda pair: pair[0])[
        :most
    ]:
        if value.isprintable():
            words, count = value_words(field, value), counts.get(value, 0)
            note = f"{count:,} in 7 days".replace(",", "\u202f") if count else ""
            yield Offer("value", written(value), words if words != value else "", note)


def written(value: str) -> str:
    """A value that was seen: a star at its end is no sign for "begins with"."""
    return value_text(value, quoted="*" in value)


def people(prefix: str, *, project: Project, most: int) -> Iterator[Offer]:
    """Connected users by the beginning of their ID, name, company or e-mail, the ones heard of last first."""
    users = ConnectedUser.objects.of(project)
    if prefix:
        matching = Q()
        for column in ("user_id", "name", "company", "email"):
            matching |= Q(**{f"{column}__istartswith": prefix})
        users = users.filter(matching)
    try:
        with time_limits.within(SECONDS):
            found = list(
                users.order_by("-last_seen_at", "-id").values_list("user_id", "name", "company", "email")[:most]
            )
    except time_limits.OutOfTime:
        return
    for user_id, name, company, email in found:
        if user_id.isprintable() and user_id.strip():
            texts = (text for text in (name, company, email) if text and text.isprintable())
            yield Offer("value", written(user_id), next(texts, ""), next(texts, ""))


def syncs(prefix: str, *, project: Project, most: int) -> Iterator[Offer]:
    """Syncs by the beginning of their ID, the ones heard of last first."""
    digits = prefix.replace("-", "").lower()
    if len(digits) > 32 or any(character not in "0123456789abcdef" for character in digits):
        return
    between = (UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f")))
    users = Sync.objects.of(project).filter(sync_id__range=between)
    try:
        with time_limits.within(SECONDS):
            found: Iterable[Sync] = list(users.newest_first()[:most])
    except time_limits.OutOfTime:
        return
    for sync in found:
        words = sync_rows.sync_words(sync)
        yield Offer("value", str(sync.sync_id), words if words.isprintable() else "")
