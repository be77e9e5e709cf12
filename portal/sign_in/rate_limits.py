"""Rate limits of sign-in attempts, by address and by name, checked before a password is hashed, shared by all processes.

Raises TryLater with the time to wait. A name that nobody has is treated as any other. A refusal is remembered for that time, so
that trying again costs next to nothing.
"""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from gevent import monkey

from portal.access.projects import client_address
from portal.access.try_later import TryLater
from portal.sign_in import hashing, known_browsers
from portal.sign_in.known_browsers import Device
from synclogs.access import denials, rate_limit
from synclogs.storage.connections import release

ADDRESS_PER_MINUTE = 30
NAME_PER_MINUTE = 10
PERSON_PER_MINUTE = 30  # forms with a password, of somebody signed in
HOLD_SECONDS = 20  # once refused; long enough that the allowance is good for more than one attempt afterwards
LINGER_SECONDS = 0.8
LINGERING = 100  # refused senders that a process keeps waiting at once
REMEMBERED = 10_000  # subjects

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """What one attempt is charged to; `words` say what there was too much of."""

    subject: str
    per_minute: int
    words: str


def limits(request: HttpRequest, name: str, device: Device | None) -> tuple[Limit, ...]:
    """A known device is charged by itself: strangers cannot use up what it may do."""
    if device:
        return (Limit(f"sign-in:device:{device.number}", NAME_PER_MINUTE, "Too many sign-ins from this browser."),)
    return (
        Limit(
            f"sign-in:address:{denials.network_of(client_address(request))}",
            ADDRESS_PER_MINUTE,
            "Too many sign-ins from your network.",
        ),
        Limit(
            f"sign-in:name:{known_browsers.name_digest(name)}",
            NAME_PER_MINUTE,
            "Too many sign-ins with this user name.",
        ),
    )


def limits_of(user: User | AnonymousUser) -> tuple[Limit, ...]:
    """For somebody signed in who sends a form with a password."""
    return (Limit(f"password:{user.pk}", PERSON_PER_MINUTE, "You have sent too many passwords."),)


def admit(required: tuple[Limit, ...]) -> None:
    """Charges one attempt to each of the limits. Raises TryLater when one is spent, and then until its hold is over."""
    held = rate_limit.held(limit.subject for limit in required)
    if held:
        raise _refusal(required, held)
    for limit in required:
        allowance = rate_limit.charge(limit.subject, per_minute=limit.per_minute)
        if not allowance.allowed:
            seconds = max(HOLD_SECONDS, allowance.retry_after)
            logger.warning("too many passwords", words=limit.words, seconds=seconds)
            raise _refusal(required, {limit.subject: rate_limit.hold(limit.subject, seconds=seconds)})


def give_back(charged: Iterable[Limit]) -> None:
    """A sign-in that succeeds costs nothing, so that a whole team may sit behind one address."""
    for limit in charged:
        rate_limit.refund(limit.subject, per_minute=limit.per_minute)


class Memory:
    """Until when this process has heard that a subject is held (seconds of time.monotonic)."""

    def __init__(self) -> None:
        self.until: dict[str, float] = {}

    def add(self, held: dict[str, float]) -> None:
        now = time.monotonic()
        if len(self.until) >= REMEMBERED:
            self.until = {subject: until for subject, until in self.until.items() if until > now}
        if len(self.until) < REMEMBERED:  # else the database still knows
            self.until |= {subject: now + seconds for subject, seconds in held.items()}

    def held(self, subjects: Iterable[str]) -> dict[str, float]:
        now = time.monotonic()
        found = {subject: self.until.get(subject, 0) - now for subject in subjects}
        return {subject: seconds for subject, seconds in found.items() if seconds > 0}


MEMORY = Memory()


def refusal(request: HttpRequest, name: str) -> TryLater | None:
    """What is known without asking the database: who has to wait still, and that the line of strangers is full."""
    is_full = hashing.BESIDE.strangers.is_full
    if not (is_full or MEMORY.until) or known_browsers.carried(request, name):
        return None
    required = limits(request, name, None)
    held = MEMORY.held(limit.subject for limit in required)
    if held:
        return _refusal(required, held)
    return hashing.busy() if is_full else None


def _refusal(required: tuple[Limit, ...], held: dict[str, float]) -> TryLater:
    MEMORY.add(held)
    subject = max(held, key=lambda subject: held[subject])
    words = next(limit.words for limit in required if limit.subject == subject)
    seconds = max(1, math.ceil(held[subject]))
    wait = f"Wait {seconds} second{'' if seconds == 1 else 's'}, then try again."
    return TryLater(f"{words} {wait} Nothing is locked.", retry_after=seconds)


class Lingering:
    """Senders that wait for their refusal. A script that sends one attempt after the other is slowed down by it."""

    def __init__(self) -> None:
        self.count = 0

    def linger(self) -> None:
        if self.count >= LINGERING or not monkey.is_module_patched("time"):  # where sleeping would stop others
            return
        release()
        self.count += 1
        try:
            time.sleep(LINGER_SECONDS)
        finally:
            self.count -= 1


LINGER = Lingering()
