"""Re-enable panels and attempts for pages: checks with findings, progress, and what this person may do.

Returns frozen rows with words and links. No markup; changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse

from portal.access.projects import ProjectRequest, actor_of
from portal.log.rows import Row
from portal.syncs import sync_rows
from synclogs import explain
from synclogs.catalogue import SyncStatus, Tone, integration_words
from synclogs.catalogue.recovery import Check, CheckName, Evidence, State
from synclogs.explain import reenables as words
from synclogs.models import ConnectedUser, Project, Reenable, Role, Sleeper, Sync
from synclogs.provider import ProviderError
from synclogs.recovery import evidence, ownership, resolutions

TONES: Mapping[str, Tone] = {
    State.REQUESTED: Tone.ACTIVE,
    State.ACCEPTED: Tone.ACTIVE,
    State.STARTED: Tone.ACTIVE,
    State.RECOVERED: Tone.OK,
    State.FAILED_AGAIN: Tone.ERROR,
    State.NO_SIGN_OF_LIFE: Tone.WARNING,
    State.UNKNOWN: Tone.WARNING,
    State.REFUSED: Tone.ERROR,
    State.EXPIRED: Tone.WARNING,
}
# What came of them was nothing: the same may be asked for again.
WITHOUT_EFFECT = (State.FAILED_AGAIN, State.NO_SIGN_OF_LIFE, State.REFUSED, State.EXPIRED)
STOPPED = (SyncStatus.ERRORED, SyncStatus.DISABLED)
LATELY = timedelta(hours=24)
LISTED = 10
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A check in a list; `word` and `tone` say whether it passed, `help` what would change it ("" where nothing has to).

    `source` is the key of the log that shows it, None where none does; `source_words` say how that log came.
    """

    name: str
    title: str
    word: str
    tone: Tone
    words: str
    help: str
    source: UUID | None = None
    source_words: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way; `mark`: done, current, failed, skipped or ahead; `after`: how long after the click."""

    label: str
    at: datetime | None
    mark: str
    tone: Tone
    after: str = ""


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """An attempt in a list. `words` name its sync, `who` the person or key."""

    attempt: Reenable
    url: str
    sync_url: str
    words: str
    user_name: str
    who: str
    tone: Tone
    sentence: str
    customer: str

    @property
    def is_without_effect(self) -> bool:
        return self.attempt.state in WITHOUT_EFFECT


@dataclass(frozen=True, slots=True)
class Mark:
    """The click or the end of an attempt, as a line among the logs of its sync."""

    line: AttemptLine
    at: datetime
    is_end: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an attempt is. `version` changes when there is something new to show; it begins with the state."""

    line: AttemptLine
    steps: tuple[Step, ...]
    version: str

    @property
    def is_open(self) -> bool:
        return self.line.attempt.is_open


@dataclass(frozen=True, slots=True)
class Typed:
    """What stood in the forms of the panel, so that nobody types it twice; `errors` by field."""

    reason: str = ""
    override: bool = False
    note: str = ""
    ticket: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Panel:
    """What the page of a sync says about re-enabling it. `form`: plain, override or "" when it cannot be asked for."""

    object: str
    progress: Progress | None = None
    checks: tuple[CheckLine, ...] = ()
    form: str = ""
    why_not: str = ""
    by_lead: bool = False
    may_resolve: bool = False
    ask_provider: bool = False
    past: tuple[AttemptLine, ...] = ()
    typed: Typed = Typed()

    @property
    def is_prominent(self) -> bool:
        return bool(self.checks or self.progress)


# Checks


def check_lines(checks: Iterable[Check], *, now: datetime) -> tuple[CheckLine, ...]:
    return tuple(_shown(check, words.check_finding(check, now=now), now=now) for check in checks)


def _shown(check: Check, finding: words.Finding, *, now: datetime) -> CheckLine:
    word, tone = {
        True: ("Passed", Tone.OK),
        False: ("Not passed", Tone.ERROR),
        None: ("Not shown", Tone.WARNING),
    }[check.passed]
    line = CheckLine(check.name.value, words.CHECK_NAMES[check.name], word, tone, finding.words, finding.help)
    if finding.source is None:
        return line
    return replace(line, source=finding.source.entry, source_words=words.source_words(finding.source, now=now))


def stored_check_lines(attempt: Reenable) -> tuple[CheckLine, ...]:
    """The evidence as it stood at the click."""
    now = attempt.requested_at
    return tuple(_shown(*one, now=now) for one in words.stored_findings(attempt.evidence, now=now))


# Attempts


def attempt_lines(project: Project, attempts: Iterable[Reenable], *, now: datetime) -> list[AttemptLine]:
    found = list(attempts)
    syncs = {sync.sync_id: sync for sync in Sync.objects.of(project).filter(sync_id__in={one.sync_id for one in found})}
    names = sync_rows.names_of(project, (one.user_id for one in found))
    return [_line(project, one, syncs.get(one.sync_id), user_name=names.get(one.user_id, ""), now=now) for one in found]


def _line(project: Project, attempt: Reenable, sync: Sync | None, *, user_name: str, now: datetime) -> AttemptLine:
    return AttemptLine(
        attempt,
        reverse("attempt", args=(project.slug, attempt.pk)),
        reverse("sync", args=(project.slug, attempt.sync_id)),
        sync_rows.sync_words(sync) if sync else integration_words(attempt.integration) or "Sync without an integration",
        user_name,
        attempt.actor_text or "not known",
        TONES.get(attempt.state, Tone.UNKNOWN),
        words.state_sentence(attempt, now=now),
        words.customer_sentence(
            attempt,
            integration=attempt.integration,
            completed_at=sync.last_completed_at if sync else None,
            now=now,
            status=sync.status if sync else None,
        ),
    )


def among(rows: Sequence[Row], attempts: Iterable[AttemptLine]) -> list[Row | Mark]:
    """The logs with the attempts in their places, newest first; those before the oldest of these logs are left out."""
    if not rows:
        return []
    marks = []
    for line in attempts:
        moments = ((line.attempt.requested_at, False), (line.attempt.ended_at, True))
        marks += [Mark(line, at, is_end) for at, is_end in moments if at and at >= rows[-1].entry.occurred_at]
    marks.sort(key=lambda mark: (mark.at, mark.is_end), reverse=True)
    return sorted(
        (*marks, *rows), key=lambda one: one.at if isinstance(one, Mark) else one.entry.occurred_at, reverse=True
    )


def progress_of(line: AttemptLine, *, now: datetime, newest: str = "") -> Progress:
    """`newest` names the newest entry shown beside it. The sentence tells of minutes, so while it is open each one is news."""
    attempt = line.attempt
    parts = [
        str(attempt.state),
        *(f"{at.timestamp():.0f}" for at in (attempt.sent_at, attempt.started_at, attempt.ended_at) if at),
    ]
    if attempt.is_open:
        parts.append(f"{now.timestamp() // 60:.0f}")
    return Progress(line, steps(attempt), "-".join((*parts, newest[:8])))


def steps(attempt: Reenable) -> tuple[Step, ...]:
    """Requested, accepted, started, recovered: those behind, the current one and those ahead; or where the way broke off."""
    stages = [
        (State.REQUESTED, attempt.requested_at),
        (State.ACCEPTED, attempt.accepted_at),
        (State.STARTED, attempt.started_at),
        (State.RECOVERED, attempt.ended_at if attempt.state == State.RECOVERED else None),
    ]
    state = State(attempt.state)
    begun = attempt.requested_at
    if state not in dict(stages):
        behind = [_step(name, at, "done", begun) for name, at in stages if at]
        if state == State.UNKNOWN:
            ahead = [_step(name, None, "ahead", begun) for name in (State.STARTED, State.RECOVERED)]
            return (*behind, _step(state, attempt.sent_at, "current", begun), *ahead)
        return (*behind, _step(state, attempt.ended_at, "failed", begun))
    place = [name for name, _ in stages].index(state)
    found = []
    for number, (name, at) in enumerate(stages):
        reached = "current" if number == place and attempt.is_open else "done" if at else "skipped"
        found.append(_step(name, at, reached if number <= place else "ahead", begun))
    return tuple(found)


def _step(state: State, at: datetime | None, mark: str, begun: datetime) -> Step:
    tone = {"done": Tone.OK, "current": TONES[state], "failed": TONES[state]}.get(mark, Tone.UNKNOWN)
    after = explain.span(at - begun) if at and at - begun >= SECOND else ""
    return Step(str(state.label), at, mark, tone, after)


# The panel of a sync


def panel_of(
    request: ProjectRequest,
    sync: Sync,
    *,
    owner: ConnectedUser | None,
    now: datetime,
    typed: Typed | None = None,
    ask_provider: bool = False,
) -> Panel:
    """Without `ask_provider` nobody outside is asked: the page comes at once, and a fragment brings the answer after it."""
    project = request.project
    attempts = Reenable.objects.of(project).filter(sync_id=sync.sync_id).newest_first()[:LISTED]
    past = attempt_lines(project, attempts, now=now)
    customer = (owner.name if owner else "") or sync.user_id
    name = f"{sync_rows.sync_words(sync)} of {customer}" if customer else sync_rows.sync_words(sync)
    last = past[0] if past else None
    shown = last if last and (last.attempt.is_open or _is_late(last.attempt, now=now)) else None
    progress = progress_of(shown, now=now) if shown else None
    if sync.status not in STOPPED or (progress and progress.is_open):
        return Panel(name, progress, past=tuple(past), typed=typed or Typed())
    found = evidence.gather(sync, actor=actor_of(request), now=now, ask_provider=ask_provider)
    panel = Panel(name, progress, check_lines(found.checks, now=now), past=tuple(past), typed=typed or Typed())
    return _judged(panel, found, request.role, project=project, is_provider_queried=ask_provider)


def _is_late(attempt: Reenable, *, now: datetime) -> bool:
    return attempt.ended_at is not None and now - attempt.ended_at < LATELY


def _judged(panel: Panel, found: Evidence, role: Role, *, project: Project, is_provider_queried: bool) -> Panel:
    failed = {check.name: check for check in found.failed}
    by_lead = bool(failed) and found.allows(override=True)
    form = ""
    if role >= Role.OPERATOR:
        form = "plain" if found.is_green else "override" if by_lead and role >= Role.LEAD else ""
    cause = failed.get(CheckName.CAUSE_GONE)
    # A word about the cause, or the provider's, would help: the sync was stopped by an error that re-enabling cures.
    is_open = cause is not None and cause.facts.get("sign") != "no_error" and CheckName.CURABLE not in failed
    return replace(
        panel,
        form=form,
        why_not=words.why_not(failed),
        by_lead=by_lead,
        may_resolve=is_open and role >= Role.OPERATOR,
        ask_provider=is_open and not is_provider_queried and _can_ask(project),
    )


def _can_ask(project: Project) -> bool:
    try:
        client = ownership.provider_of(project)
    except ProviderError:
        return False
    return client is not None and client.reads


# The do-not-wake list


@dataclass(frozen=True, slots=True)
class Sleep:
    """The entry of the do-not-wake list about one thing, if there is one, and the form to make it."""

    kind: str
    value: str
    noun: str
    sleeper: Sleeper | None
    may: bool


NOUNS: Mapping[str, str] = {
    Sleeper.Kind.SYNC: "this sync",
    Sleeper.Kind.USER: "the syncs of this customer",
    Sleeper.Kind.INTEGRATION: "the syncs of this integration",
}
LENGTHS: Sequence[tuple[str, str, timedelta | None]] = (
    ("", "until somebody takes it off", None),
    ("1d", "for a day", timedelta(days=1)),
    ("7d", "for a week", timedelta(days=7)),
    ("30d", "for 30 days", timedelta(days=30)),
)


def sleep_of(request: ProjectRequest, kind: Sleeper.Kind, value: str, *, now: datetime) -> dict[str, Any]:
    """Template context of `_sleep_menu.html`."""
    found = (
        evidence.do_not_wake(request.project.pk, now=now).filter(kind=kind, value=value).select_related("by").first()
    )
    may = resolutions.may_wake(found, actor_of(request)) if found else request.role >= Role.OPERATOR
    return {
        "sleep": Sleep(kind.value, value, NOUNS[kind], found, may),
        "lengths": [(value, text) for value, text, _ in LENGTHS],
    }
