"""Generated entries of the special scenarios in synclogs.demo.generate.world (outage, expired credential, rate limit, …).

Their trace ids are the same in every process, so that live entries continue the scenarios of the loaded past.
"""

import uuid
from collections.abc import Iterator
from random import Random

from synclogs.demo.generate.entry_parts import (
    HOUR,
    MINUTE,
    SECOND,
    Entry,
    Retry,
    Run,
    Timed,
    completed,
    failed,
    of_run,
    started,
    warned,
)
from synclogs.demo.generate.world import NAMESPACE, Plan, Story

ATTEMPTS_AN_OUTAGE_OF_CREDIT = 24


def _lasting(plan: Plan, sync_type: str) -> Run:
    return Run(plan, str(uuid.uuid5(NAMESPACE, f"{plan.sync_id} {plan.story} {sync_type}")), sync_type)


def beginning(rng: Random, plan: Plan, moment: int) -> tuple[list[Timed], int]:
    """The first pull, some minutes to an hour and a half long, and when it is done."""
    run = _lasting(plan, "INITIAL")
    duration = int(rng.uniform(3, 90) * MINUTE)
    first = started(rng, run, moment, status="INITIALIZING")
    return [first, completed(rng, run, moment + duration, duration=duration)], moment + duration


def ending(rng: Random, plan: Plan, moment: int, *, end: int) -> Iterator[Timed]:
    """What happens to a sync with a story after its last usual run."""
    match plan.story:
        case Story.SUSPENDED:
            yield from suspended(rng, _lasting(plan, "INCREMENTAL"), moment)
        case Story.EXPIRED:
            yield from _expired(rng, plan, moment)
        case Story.LIMITED:
            yield from limited(rng, plan, moment, begin=moment, end=end)
        case Story.STUCK:
            yield started(rng, _lasting(plan, "INCREMENTAL"), moment)
        case Story.SILENT:
            run = _lasting(plan, "INCREMENTAL")
            yield started(rng, run, moment)
            yield completed(rng, run, moment + 2 * SECOND, duration=2 * SECOND)  # all is well, and then nothing more
        case Story.FIRST_RUN:
            yield started(rng, _lasting(plan, "INITIAL"), moment, status="INITIALIZING")
        case Story.ROOT_GONE:
            yield from _root_gone(rng, plan, moment)
        case Story.PAUSED:
            actor: Entry = {"kind": "api", "endpoint": "/api/syncs/{syncId}/disable"}
            message = "Sync was disabled"
            run = _lasting(plan, "")
            yield of_run(rng, run, moment, event="SYNC_DISABLED", status="DISABLED", message=message, actor=actor)
        case _:
            return


def _expired(rng: Random, plan: Plan, moment: int) -> Iterator[Timed]:
    """The account's refresh token ran out: two tries to renew it, then the sync is suspended for good."""
    run = _lasting(plan, "INCREMENTAL")
    yield started(rng, run, moment)
    for attempt in (1, 2):
        moment += 30 * SECOND
        message = "The access token was refused, refreshing it"
        yield warned(rng, run, moment, status=401, message=message, retry=Retry(attempt, 2, 30 * SECOND))
    message = "Credentials are no longer valid, please re-authenticate the account"
    yield failed(rng, run, moment + 30 * SECOND, status=401, code="invalid_grant", message=message)


def suspended(rng: Random, run: Run, moment: int) -> Iterator[Timed]:
    """The integration answers nothing but 503: retries, then the sync is suspended."""
    yield started(rng, run, moment)
    moment += 2 * SECOND
    for attempt in range(1, 6):
        retry = Retry(attempt, 5, 15 * SECOND * 2**attempt)
        yield warned(rng, run, moment, status=503, message="Service unavailable", retry=retry)
        moment += retry.pause
    yield failed(rng, run, moment, status=503, message="Service unavailable, retries are used up")


def limited(rng: Random, plan: Plan, since: int, *, begin: int, end: int) -> Iterator[Timed]:
    """The account's API credit is used up since `since`: one more try each hour. Only what falls between begin and end."""
    run = _lasting(plan, "FULL")
    if since >= begin:
        yield started(rng, run, since)
    moment, attempt = since + 20 * SECOND, 1
    while moment < end:
        if moment >= begin:
            credit: Entry = {"used": 24_000 + attempt * 12, "limit": 25_000, "backoffAtCreditPercentage": 0.95}
            retry = Retry(attempt, max(attempt, ATTEMPTS_AN_OUTAGE_OF_CREDIT), HOUR)
            message = "API credit limit reached, pausing for an hour"
            yield warned(rng, run, moment, status=429, message=message, retry=retry, apiCredits=credit)
        moment, attempt = moment + HOUR, attempt + 1


def _root_gone(rng: Random, plan: Plan, moment: int) -> Iterator[Timed]:
    run = _lasting(plan, "INCREMENTAL")
    yield started(rng, run, moment)
    message = "The root folder of this sync is no longer accessible"
    yield failed(rng, run, moment + 3 * SECOND, status=404, code="10007", message=message)
