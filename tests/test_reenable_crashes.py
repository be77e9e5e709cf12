"""Workers killed at any step of a re-enable: at most one POST reaches the provider, and the attempt ends truthfully."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.utils import timezone

from synclogs.catalogue.recovery import State
from synclogs.demo.simulator import Mode, Simulator
from synclogs.demo.simulator.state import Rule
from synclogs.models import Reenable, Sync
from synclogs.provider.http_exchange import Limits
from synclogs.recovery import reenable, watch
from tests import factories
from tests.provider import calls
from tests.reenabling import environment, jobs, moves, posts, provided, requested, stopped
from tests.server import ROOT, wait

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LATER = timedelta(seconds=40)


@pytest.fixture
def simulator(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with provided(settings, monkeypatch, limits=Limits(), slow_seconds=20) as running:
        yield running


@pytest.fixture
def sync(simulator: Simulator) -> Sync:
    return stopped(factories.ProjectFactory(), simulator)


def worker(simulator: Simulator, step: str = "") -> subprocess.Popen[bytes]:
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    own = {**os.environ, **environment(simulator.url), "DATABASE_URL": url.geturl()}
    command = [sys.executable, "-W", "ignore", "-m", "tests.programs.mortal_worker", step]
    return subprocess.Popen(command, cwd=ROOT, env=own, stderr=subprocess.PIPE)


def ended(process: subprocess.Popen[bytes], *, code: int) -> None:
    _, error = process.communicate(timeout=60)
    assert process.returncode == code, error.decode()[-2000:]


def state(attempt: Reenable) -> State:
    return State(Reenable.objects.get(pk=attempt.pk).state)


@pytest.mark.parametrize(
    ("step", "left", "seen", "end"),
    [
        ("taken", State.REQUESTED, 0, State.ACCEPTED),  # put in line again, then sent
        ("noted", State.REQUESTED, 0, State.EXPIRED),  # could have been sent, so it never is again
        ("answered", State.REQUESTED, 1, State.ACCEPTED),  # found out by looking
    ],
)
def test_a_worker_that_dies(simulator: Simulator, sync: Sync, step: str, left: State, seen: int, end: State) -> None:
    attempt = requested(sync)
    ended(worker(simulator, step), code=-signal.SIGKILL)
    assert (state(attempt), posts(simulator, sync)) == (left, seen)
    now = timezone.now() + LATER
    reenable.settle(now=now)
    reenable.settle(now=now + timedelta(minutes=3))
    ended(worker(simulator), code=0)
    assert state(attempt) == end
    assert posts(simulator, sync) == (0 if step == "noted" else 1)
    assert len(jobs()) == 1  # that of the dead worker; its own is never taken twice
    assert all(State(to) in reenable.TRANSITIONS[State(before)] for before, to in moves(attempt))


def test_a_worker_that_dies_in_mid_call(simulator: Simulator, sync: Sync) -> None:
    simulator.memory.rule(sync.sync_id, Rule(Mode.SLOW, only="POST"))
    attempt = requested(sync)
    process = worker(simulator)
    wait(lambda: calls(simulator, f"{sync.sync_id}/reenable") == 1)
    process.kill()
    ended(process, code=-signal.SIGKILL)
    found = Reenable.objects.get()
    assert (found.state, found.sent_at is None) == (State.REQUESTED, False)
    simulator.stopping.set()  # the provider carries it out only now
    simulator.stopping.clear()
    wait(lambda: simulator.memory.sync(sync.sync_id).status != "ERRORED")
    now = timezone.now() + LATER
    reenable.settle(now=now)
    ended(worker(simulator), code=0)
    assert moves(attempt) == [("requested", "unknown"), ("unknown", "accepted")]
    run = factories.run(at=now, syncId=str(sync.sync_id), userId=sync.user_id)
    factories.store(sync.project, *run, now=now + timedelta(seconds=10))
    watch.observe(now=now + timedelta(seconds=20))
    assert (state(attempt), posts(simulator, sync)) == (State.RECOVERED, 1)
