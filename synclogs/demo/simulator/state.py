"""State of the simulated provider: its syncs, failure modes and every request so far.

One lock for all of it; returns frozen values. Never waits, no HTTP.
"""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

ACTIVE, IDLE, ERRORED, DISABLED = "ACTIVE", "IDLE", "ERRORED", "DISABLED"
CALLS_REMEMBERED = 10_000


class Mode(StrEnum):
    """How something fails. The first group is about syncs, the second about answers that are still answers, then hostility."""

    OK = "ok"
    CREDENTIAL_BROKEN = "credential_broken"  # re-enabling is accepted, and the sync errors again
    ROOT_GONE = "root_gone"  # the same by error 10007
    SILENT = "silent"  # re-enabling is accepted, and nothing is ever heard of the sync
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"  # only the company's application says so
    SLOW = "slow"
    COOKIE = "cookie"
    TIMEOUT_AFTER_DOING = "timeout_after_doing"
    HANG = "hang"
    DRIP = "drip"
    DRIP_HEADERS = "drip_headers"
    HUGE = "huge"
    BOMB = "bomb"
    REDIRECT = "redirect"
    HTML = "html"
    BAD_JSON = "bad_json"
    CUT = "cut"


ABOUT_SYNCS = frozenset({Mode.CREDENTIAL_BROKEN, Mode.ROOT_GONE, Mode.SILENT})


class Missing(Exception):
    """No such sync of this user."""


@dataclass(frozen=True, slots=True)
class SyncRecord:
    """A sync. `at` is the moment of its status: of two versions the later one is believed."""

    sync_id: UUID
    user: str
    integration: str
    pipeline: str
    status: str
    at: datetime
    reason: str = ""
    credential_id: str = ""
    frequency: str = ""
    last_synced_at: datetime | None = None
    is_new: bool = False  # the first pull is still to be done


@dataclass(slots=True)
class Rule:
    """`only` these methods, the next `times` requests; None = no such limit."""

    mode: Mode
    only: str | None = None
    times: int | None = None


@dataclass(slots=True)
class ReceivedRequest:
    """One request as it came in. `status` stays None when no answer was finished."""

    method: str
    path: str
    at: str
    cookie: bool
    user: str = ""
    mode: str = ""
    status: int | None = None


@dataclass(slots=True)
class Memory:
    syncs: dict[UUID, SyncRecord] = field(default_factory=dict)
    rules: dict[UUID | None, Rule] = field(default_factory=dict)  # None = whatever has no rule of its own
    calls: deque[ReceivedRequest] = field(default_factory=lambda: deque(maxlen=CALLS_REMEMBERED))
    total_calls: int = 0
    messages: set[str] = field(default_factory=set)  # webhook ids that the application has acted on
    lock: threading.RLock = field(default_factory=threading.RLock)

    def learn(self, syncs: Iterable[SyncRecord]) -> None:
        """Syncs as somebody else knows them; what happened here later than that stays."""
        with self.lock:
            for sync in syncs:
                known = self.syncs.get(sync.sync_id)
                if known is None or sync.at > known.at:
                    self.syncs[sync.sync_id] = sync

    def put(self, sync: SyncRecord) -> None:
        """A sync as it is from now on, whatever was known."""
        with self.lock:
            self.syncs[sync.sync_id] = sync

    def sync(self, sync_id: UUID, user: str | None = None) -> SyncRecord:
        """Raises Missing, also for another user's sync."""
        with self.lock:
            found = self.syncs.get(sync_id)
        if found is None or (user is not None and found.user != user):
            raise Missing
        return found

    def of(self, user: str) -> list[SyncRecord]:
        with self.lock:
            return sorted((sync for sync in self.syncs.values() if sync.user == user), key=lambda sync: sync.sync_id)

    def change(self, sync_id: UUID, *, status: str, at: datetime, reason: str = "") -> SyncRecord:
        with self.lock:
            changed = replace(self.sync(sync_id), status=status, reason=reason, at=at)
            if status == IDLE:
                changed = replace(changed, last_synced_at=at, is_new=False)
            self.syncs[sync_id] = changed
            return changed

    def patch(self, sync_id: UUID, *, credential_id: str, frequency: str) -> SyncRecord:
        """A new account cures what was wrong with the old one. Empty = as it was."""
        with self.lock:
            known = self.sync(sync_id)
            if credential_id and self.about(sync_id) == Mode.CREDENTIAL_BROKEN:
                self.rules[sync_id] = Rule(Mode.OK)
            changed = replace(
                known, credential_id=credential_id or known.credential_id, frequency=frequency or known.frequency
            )
            self.syncs[sync_id] = changed
            return changed

    def rule(self, sync_id: UUID | None, rule: Rule | None) -> None:
        with self.lock:
            if rule is None:
                self.rules.pop(sync_id, None)
            else:
                self.rules[sync_id] = rule

    def suppose(self, sync_id: UUID, rule: Rule) -> None:
        """A rule for a sync of which nobody has said anything else."""
        with self.lock:
            self.rules.setdefault(sync_id, rule)

    def about(self, sync_id: UUID) -> Mode:
        """What is wrong with this sync at the provider."""
        with self.lock:
            rule = self._rule(sync_id, about_syncs=True)
        return rule.mode if rule else Mode.OK

    def answering(self, sync_id: UUID | None, method: str) -> Mode:
        """How this request is answered; uses up one time of a rule that has only so many."""
        with self.lock:
            rule = self._rule(sync_id, about_syncs=False)
            if rule is None or (rule.only or method) != method or rule.times == 0:
                return Mode.OK
            if rule.times is not None:
                rule.times -= 1
            return rule.mode

    def _rule(self, sync_id: UUID | None, *, about_syncs: bool) -> Rule | None:
        """The sync's own rule of that kind, or that of all; "ok" is of both kinds."""
        for rule in (self.rules.get(sync_id), self.rules.get(None)):
            if rule and (rule.mode == Mode.OK or (rule.mode in ABOUT_SYNCS) == about_syncs):
                return rule
        return None

    def has_valid_account(self, user: str, integration: str) -> bool:
        mine = [sync for sync in self.of(user) if sync.integration == integration]
        return all(self.about(sync.sync_id) != Mode.CREDENTIAL_BROKEN for sync in mine)

    def record(self, call: ReceivedRequest) -> None:
        with self.lock:
            self.total_calls += 1
            self.calls.append(call)

    def forget_calls(self) -> None:
        with self.lock:
            self.total_calls = 0
            self.calls.clear()
