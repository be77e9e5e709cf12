"""Bulk re-enables for pages: preview, progress, syncs, and what this person may do.

Returns frozen rows with words and links. No markup; changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

from django.http import QueryDict
from django.urls import reverse

from portal.access.projects import ProjectRequest
from portal.links.querystring import Pairs, link, replace
from portal.recovery import attempt_cards
from portal.syncs import sync_rows
from portal.syncs.sync_rows import SyncRow
from synclogs.catalogue import Tone, integration_words
from synclogs.catalogue.recovery import RUNNING, BulkState, CheckName
from synclogs.explain import bulks as words
from synclogs.explain.bulks import Progress
from synclogs.explain.reenables import SKIPPED, state_sentence
from synclogs.models import Bulk, BulkItem, Project, Role, Sync
from synclogs.parsing.identifiers import uuid_of
from synclogs.recovery import bulk as verbs
from synclogs.recovery.bulk import BOUNDS, GONE, Plan
from synclogs.recovery.selection import Example, Preview

SHOWN = 50
RECENT = 10
TONES: Mapping[str, Tone] = {
    BulkState.AWAITING_APPROVAL: Tone.WARNING,
    BulkState.CANARY: Tone.ACTIVE,
    BulkState.WAVES: Tone.ACTIVE,
    BulkState.PAUSED: Tone.PAUSED,
    BulkState.STOPPED: Tone.ERROR,
    BulkState.ABORTED: Tone.WARNING,
    BulkState.EXPIRED: Tone.WARNING,
    BulkState.FINISHED: Tone.OK,
}
RESULTS: Mapping[str, tuple[str, Tone]] = {
    "recovered": ("Recovered", Tone.OK),
    "under_way": ("Under way", Tone.ACTIVE),
    "unknown": ("Not known", Tone.WARNING),
    "failed_again": ("Failed again", Tone.ERROR),
    "no_sign_of_life": ("No sign of life", Tone.WARNING),
    "refused": ("Refused", Tone.ERROR),
    "expired": ("Expired", Tone.WARNING),
    "skipped": ("Skipped", Tone.PAUSED),
    "waiting": ("Waiting", Tone.UNKNOWN),
}
NOT_TRIED = "Not tried"


@dataclass(frozen=True, slots=True)
class Verb:
    """What a lead may do with a bulk in one of `states`; `confirm` and `look` are of the button that does it."""

    name: str
    title: str
    confirm: str
    look: str
    states: tuple[BulkState, ...]


VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("approve", "Approve", "Approve and start", "btn-primary", (BulkState.AWAITING_APPROVAL,)),
        Verb("resume", "Resume", "Resume", "btn-primary", (BulkState.PAUSED,)),
        Verb("pause", "Pause", "Pause", "btn-primary", RUNNING),
        Verb(
            "abort", "Abort", "Abort for good", "btn-danger", (*RUNNING, BulkState.PAUSED, BulkState.AWAITING_APPROVAL)
        ),
    )
}


# The preview


@dataclass(frozen=True, slots=True)
class Excluded:
    """Syncs that would be skipped for the same reason; some of them to look at."""

    words: str
    help: str
    count: int
    examples: tuple[tuple[str, str], ...]  # words, address


@dataclass(frozen=True, slots=True)
class Typed:
    """What stood in the form; `errors` by field."""

    key: str
    reason: str = ""
    canary_size: str = str(Plan().canary_size)
    wave_size: str = str(Plan().wave_size)
    per_minute: str = str(Plan().per_minute)
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Number:
    """A field of the form that takes a whole number."""

    name: str
    label: str
    help: str
    value: str
    least: int
    most: int
    error: str


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """`state`: ready, none (nothing is eligible) or many (more than a bulk may have)."""

    state: str
    count: int
    rows: tuple[SyncRow, ...]
    integrations: tuple[tuple[str, int, str], ...]  # words, count, the preview of these alone
    excluded: tuple[Excluded, ...]
    excluded_count: int
    is_cut: bool
    syncs: str
    numbers: tuple[Number, ...]
    plan: str
    button: str


def preview_page(project: Project, found: Preview, query: Pairs, typed: Typed, *, now: datetime) -> PreviewPage:
    first = [candidate.sync_id for candidate in found.eligible[:SHOWN]]
    syncs = {sync.sync_id: sync for sync in Sync.objects.of(project).filter(sync_id__in=first)}
    count = len(found.eligible)
    canary, wave, pace = (_number(text) for text in (typed.canary_size, typed.wave_size, typed.per_minute))
    usual = Plan()
    canary, wave, pace = canary or usual.canary_size, wave or usual.wave_size, pace or usual.per_minute
    return PreviewPage(
        "many" if found.is_too_many else "ready" if count else "none",
        count,
        tuple(sync_rows.sync_rows(project, (syncs[key] for key in first if key in syncs), now=now)),
        tuple(
            (integration_words(name) or "Not named", of, link(replace(query, "integration", name)) if name else "")
            for name, of in found.integrations
        ),
        tuple(
            Excluded(
                SKIPPED[skipped.check],
                words.EXCLUDED_HELP[skipped.check],
                skipped.count,
                tuple(_example(project, one) for one in skipped.examples),
            )
            for skipped in found.skipped
        ),
        found.excluded,
        found.is_cut,
        "" if found.is_too_many else ",".join(candidate.sync_id.hex for candidate in found.eligible),
        _numbers(typed),
        words.plan_sentence(count, found.largest, canary=canary, wave=wave, per_minute=pace),
        words.button(count, canary),
    )


def _example(project: Project, example: Example) -> tuple[str, str]:
    name = ", ".join(filter(None, (integration_words(example.integration), example.user_id)))
    return name or str(example.sync_id), reverse("sync", args=(project.slug, example.sync_id))


def _numbers(typed: Typed) -> tuple[Number, ...]:
    labels = {
        "canary_size": ("Canary", "How many go first. All of them have to recover before the others are asked for."),
        "wave_size": ("Wave", "How many follow at a time. It stops when more than one in five of a wave fail."),
        "per_minute": ("Calls a minute", "For each integration, so that no provider is overrun."),
    }
    return tuple(
        Number(name, label, help, getattr(typed, name), *BOUNDS[name], typed.errors.get(name, ""))
        for name, (label, help) in labels.items()
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 6 and int(text) else None


def typed_of(form: QueryDict) -> Typed:
    key, reason, canary, wave, pace = (form.get(name, "") for name in ("key", "reason", *BOUNDS))
    return Typed(key, reason, canary, wave, pace)


def plan_of(form: QueryDict) -> Plan:
    """What is no number is 0, which the verb refuses in words."""
    return Plan(**{name: _number(form.get(name, "").strip()) or 0 for name in BOUNDS})


def ids_of(text: str) -> list[UUID] | None:
    """The syncs that were shown, as the form carries them. None when one of them is no ID."""
    found = [uuid_of(part) for part in text.split(",") if part]
    return [key for key in found if key] if all(found) else None


# How far one is


@dataclass(frozen=True, slots=True)
class Part:
    """A result with its share of the bar: `x` and `width` in percent."""

    name: str
    label: str
    tone: Tone
    count: int
    url: str
    is_current: bool
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class BulkLine:
    """`version` changes when there is something new to show; it begins with the state."""

    bulk: Bulk
    url: str
    tone: Tone
    sentence: str
    counted: str
    progress: Progress
    version: str
    verbs: tuple[Verb, ...] = ()

    @property
    def is_live(self) -> bool:
        """Whether anything can still change: it goes on, or attempts of it are under way."""
        return self.bulk.state in (*RUNNING, BulkState.AWAITING_APPROVAL) or bool(self.progress.open)

    @property
    def total(self) -> int:
        return sum(self.progress.counts.values())


def lines(
    project: Project, bulks: Sequence[Bulk], *, now: datetime, role: Role | None = None, person: int | None = None
) -> list[BulkLine]:
    found = verbs.standings(bulks)
    return [_line(project, bulk, found[bulk.pk], role=role, person=person, now=now) for bulk in bulks]


def line_of(request: ProjectRequest, bulk: Bulk, *, now: datetime) -> BulkLine:
    return lines(request.project, [bulk], now=now, role=request.role, person=request.user.pk)[0]


def _line(
    project: Project, bulk: Bulk, progress: Progress, *, role: Role | None, person: int | None, now: datetime
) -> BulkLine:
    sentence = words.sentence(bulk.state, progress, note=bulk.note, expires_at=bulk.expires_at, now=now)
    tone = TONES[bulk.state]
    if bulk.state == BulkState.FINISHED and any(progress.counts.get(name) for name in words.BAD):
        tone = Tone.WARNING
    may = role is not None and role >= Role.LEAD
    offered = tuple(
        verb
        for verb in VERBS.values()
        if may and bulk.state in verb.states and not (verb.name == "approve" and person == bulk.requested_by_id)
    )
    state_text = f"{sentence} {sorted(progress.counts.items())}"
    version = f"{bulk.state}-{blake2b(state_text.encode(), digest_size=8).hexdigest()}"
    url = reverse("bulk", args=(project.slug, bulk.pk))
    return BulkLine(bulk, url, tone, sentence, words.counted(progress.counts), progress, version, offered)


def parts_of(line: BulkLine, chosen: str) -> tuple[Part, ...]:
    """The results that there are, in the order of the bar."""
    found, x = [], 0.0
    for name, (label, tone) in RESULTS.items():
        count = line.progress.counts.get(name, 0)
        if not count and name != chosen:
            continue
        width = round(100 * count / (line.total or 1), 2)
        shown = NOT_TRIED if name == "waiting" and line.bulk.state in verbs.ENDS else label
        url = line.url if name == chosen else f"{line.url}?result={name}"
        found.append(Part(name, shown, tone, count, f"{url}#syncs", name == chosen, x, width))
        x = round(x + width, 2)
    return tuple(found)


def recent(project: Project, *, now: datetime) -> list[BulkLine]:
    """For `_bulks.html` on the page of re-enables."""
    return lines(project, list(Bulk.objects.of(project).order_by("-created_at")[:RECENT]), now=now)


# Its syncs


@dataclass(frozen=True, slots=True)
class ItemLine:
    item: BulkItem
    words: str
    user_name: str
    turn: str
    label: str
    tone: Tone
    sentence: str
    attempt_url: str


def item_lines(project: Project, bulk: Bulk, items: Iterable[BulkItem], *, now: datetime) -> list[ItemLine]:
    found = list(items)
    syncs = {sync.sync_id: sync for sync in Sync.objects.of(project).filter(sync_id__in=[one.sync_id for one in found])}
    names = sync_rows.names_of(project, (one.user_id for one in found))
    return [
        _item(project, bulk, one, syncs.get(one.sync_id), user_name=names.get(one.user_id, ""), now=now)
        for one in found
    ]


def _item(
    project: Project, bulk: Bulk, item: BulkItem, sync: Sync | None, *, user_name: str, now: datetime
) -> ItemLine:
    turn = "" if item.wave is None else "Canary" if item.wave == 0 else f"Wave {item.wave}"
    url = ""
    if item.skipped:
        label, tone, sentence = "Skipped", Tone.PAUSED, _skipped(item.skipped)
    elif item.attempt:
        label, tone = item.attempt.get_state_display(), attempt_cards.TONES.get(item.attempt.state, Tone.UNKNOWN)
        sentence = state_sentence(item.attempt, now=now)
        url = reverse("attempt", args=(project.slug, item.attempt.pk))
    elif bulk.state in verbs.ENDS:
        label, tone, sentence = NOT_TRIED, Tone.UNKNOWN, "Left as it was."
    else:
        label, tone, sentence = "Waiting", Tone.UNKNOWN, "Waiting for its turn."
    name = sync_rows.sync_words(sync) if sync else integration_words(item.integration) or "Sync without an integration"
    return ItemLine(item, name, user_name, turn, label, tone, sentence, url)


def _skipped(reason: str) -> str:
    if reason == GONE:
        return "The sync is not known any more."
    try:
        text = SKIPPED[CheckName(reason)]
    except ValueError:
        text = reason
    return f"{text[0].upper()}{text[1:]}."
