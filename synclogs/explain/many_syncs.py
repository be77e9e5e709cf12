"""One sentence about many syncs: of a customer, an integration or a whole project."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from synclogs import health
from synclogs.catalogue import Tone, integration_words, pipeline_words
from synclogs.explain.phrases import ago, joined, moment_words, plural, span
from synclogs.explain.syncs import Finding, SyncState, Verdict, sync_verdict

OUTAGE_SHARE = 0.5  # from this share on, and for this many syncs, the integration itself comes into question
OUTAGE_SYNCS = 3

SEVERITY: tuple[Finding, ...] = (
    Finding.ERRORED,
    Finding.NOT_CREATED,
    Finding.STUCK,
    Finding.SILENT,
    Finding.LIMITED,
    Finding.RETRYING,
    Finding.UNDELIVERED,
    Finding.UNKNOWN,
    Finding.PAUSED,
    Finding.FIRST_RUN,
    Finding.RUNNING,
    Finding.WELL,
)
_BAD_FINDINGS = frozenset(SEVERITY[: SEVERITY.index(Finding.UNKNOWN)])


class OwnedSync(SyncState, Protocol):
    """A sync that also says what it syncs."""

    pipeline: str


@dataclass(frozen=True, slots=True)
class StateCounts:
    """How many syncs there are, and how many are in each kind of trouble; one sync counts once in each that it is in."""

    total: int
    errored: int = 0
    stuck: int = 0
    silent: int = 0
    limited: int = 0
    undelivered: int = 0
    paused: int = 0
    unknown: int = 0  # in a state that is not in the list of known ones
    users: int = 0

    @property
    def parts(self) -> list[str]:
        """3 stopped, 1 stuck, 2 silent: worst first, zeros left out."""
        named = (
            (self.errored, "stopped"),
            (self.stuck, "stuck"),
            (self.silent, "silent"),
            (self.limited, "waiting for a rate limit"),
            (self.undelivered, "with failing webhooks"),
        )
        return [f"{count:,} {words}" for count, words in named if count]

    @property
    def calm_parts(self) -> list[str]:
        """2 paused on purpose, 1 in a state that is not known: no trouble, but not known to work either."""
        named = ((self.paused, "paused on purpose"), (self.unknown, "in a state that is not known"))
        return [f"{count:,} {words}" for count, words in named if count]

    @property
    def tone(self) -> Tone:
        if self.errored or self.stuck:
            return Tone.ERROR
        return Tone.WARNING if self.parts else Tone.OK


def user_verdict(syncs: Sequence[OwnedSync], *, now: datetime) -> Verdict:
    """What is wrong for one customer: the count, then the worst of their syncs in its own words."""
    if not syncs:
        return Verdict(
            Tone.UNKNOWN,
            Finding.UNKNOWN,
            "No sync of this user has been seen.",
            "Syncs appear with their first log.",
        )
    verdicts = sorted(
        ((sync_verdict(sync, now=now), sync) for sync in syncs),
        key=lambda pair: SEVERITY.index(pair[0].finding),
    )
    worst, sync = verdicts[0]
    bad = sum(verdict.finding in _BAD_FINDINGS for verdict, _ in verdicts)
    name = f"{integration_words(sync.integration)} {pipeline_words(sync.pipeline).lower()}".strip() or "A sync"
    if bad:
        total = plural(len(syncs), "sync")
        count = "The only sync needs" if len(syncs) == 1 else f"{bad:,} of {total} {'needs' if bad == 1 else 'need'}"
        return Verdict(
            worst.tone,
            worst.finding,
            f"{count} attention.",
            f"{name}: {worst.headline} {worst.text}",
            worst.side,
        )
    return _calm_user(verdicts, syncs, now=now)


def _calm_user(
    verdicts: list[tuple[Verdict, OwnedSync]],
    syncs: Sequence[OwnedSync],
    *,
    now: datetime,
) -> Verdict:
    found = Counter(verdict.finding for verdict, _ in verdicts)
    rest = [
        f"{found[finding]:,} {words}"
        for finding, words in (
            (Finding.PAUSED, "paused on purpose"),
            (Finding.FIRST_RUN, "in the first sync"),
            (Finding.UNKNOWN, "in a state that is not known"),
        )
        if found[finding]
    ]
    moments = [sync.last_completed_at for sync in syncs if sync.last_completed_at is not None]
    oldest = f"The oldest data is complete as of {moment_words(min(moments), now=now)}." if moments else ""
    if not rest:
        subject = "The only sync works" if len(syncs) == 1 else f"All {plural(len(syncs), 'sync')} work"
        return Verdict(Tone.OK, Finding.WELL, f"{subject}.", oldest)
    worst = verdicts[0][0]
    return Verdict(
        worst.tone,
        worst.finding,
        f"No trouble is known; of {plural(len(syncs), 'sync')}, {joined(rest)}.",
        oldest,
    )


def integration_verdict(counts: StateCounts, *, integration: str) -> Verdict:
    """How one integration does over all customers."""
    name = integration_words(integration) or "This integration"
    if not counts.total:
        return Verdict(Tone.UNKNOWN, Finding.UNKNOWN, f"No sync of {name} has been seen.", "")
    syncs = plural(counts.total, "sync")
    if not counts.parts:
        if counts.calm_parts:
            rest = joined(counts.calm_parts)
            return Verdict(
                Tone.OK,
                Finding.WELL,
                f"{name}: no trouble is known in {syncs}.",
                f"{rest[:1].upper()}{rest[1:]}.",
            )
        subject = "the only sync works" if counts.total == 1 else f"all {syncs} work"
        return Verdict(Tone.OK, Finding.WELL, f"{name}: {subject}.", "")
    users = f" {plural(counts.users, 'user')} affected." if counts.users else ""
    stopped = counts.errored + counts.stuck
    text = users.strip()
    if stopped >= OUTAGE_SYNCS and stopped / counts.total >= OUTAGE_SHARE:
        text = f"So many at once is seldom the customers' doing: look at the integration first.{users}"
    return Verdict(
        counts.tone,
        _worst(counts),
        f"{name}: of {syncs}, {joined(counts.parts)}.",
        text,
    )


def _worst(counts: StateCounts) -> Finding:
    named = (
        (counts.errored, Finding.ERRORED),
        (counts.stuck, Finding.STUCK),
        (counts.silent, Finding.SILENT),
        (counts.limited, Finding.LIMITED),
        (counts.undelivered, Finding.UNDELIVERED),
    )
    return next((finding for count, finding in named if count), Finding.WELL)


def silence(last_log_at: datetime | None, *, now: datetime) -> str:
    """The banner when no logs arrive at all; "" while they do."""
    if last_log_at is None:
        return "No log has arrived yet."
    if now - last_log_at < health.LOGS_SILENT_AFTER:
        return ""
    return f"No log has arrived for {span(now - last_log_at)}: silence is not health."


def overview_verdict(counts: StateCounts, *, last_log_at: datetime | None, now: datetime) -> Verdict:
    """The project in one sentence; when logs stopped coming, that comes first."""
    quiet = silence(last_log_at, now=now)
    known = f"of {plural(counts.total, 'sync')}, {joined(counts.parts)}" if counts.parts else "no trouble is known"
    if last_log_at is None:
        return Verdict(
            Tone.UNKNOWN,
            Finding.UNKNOWN,
            quiet,
            "Send the first one to see syncs here.",
        )
    if quiet:
        tone = Tone.ERROR if counts.tone == Tone.ERROR else Tone.WARNING
        return Verdict(tone, Finding.SILENT, quiet, f"As far as the logs went, {known}.")
    arrived = f"The last log arrived {ago(last_log_at, now)}."
    if not counts.total:
        return Verdict(
            Tone.UNKNOWN,
            Finding.UNKNOWN,
            "Logs arrive, but none of a sync yet.",
            arrived,
        )
    if counts.parts:
        return Verdict(counts.tone, _worst(counts), f"{known[:1].upper()}{known[1:]}.", arrived)
    return Verdict(
        Tone.OK,
        Finding.WELL,
        f"No trouble is known in {plural(counts.total, 'sync')}.",
        arrived,
    )
