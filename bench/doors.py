"""Sign-in flood beside ingest and a log page: each alone, and beside 30 threads that try to sign in.

Two web processes as in production; the strangers are a process of their own. Interleaved rounds, p95 of the requests. Once all
strangers share one address (soon refused by the rate limit), once each has its own (only the queue before hashing limits them).
"""

import http.client
import itertools
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import quantiles

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.core.management import call_command

from bench import ingest, reenables_beside_ingest
from portal.runner import devdb
from portal.sign_in.sessions import SessionStore
from synclogs.access import keys
from synclogs.models import Membership, Project, RateBucket, Role, Scope
from synclogs.storage import partitions

SLUG = "bench-doors"
STRANGERS = 30
SENDERS, SEND_EVERY = 2, 0.1
READERS, READ_EVERY = 2, 0.25
WINDOW = 10.0  # seconds
TARGET = 2.0

type Ask = Callable[[http.client.HTTPConnection], None]
type Seconds = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a right: a sender with a key, or a reader with a session."""

    name: str
    ask: Ask
    every: float


def measure(*, rounds: int) -> bool:
    """Prints the ratios; True when all of them meet the target."""
    callers = list(_callers(datetime.now(UTC)))
    took: dict[str, Seconds] = {}
    statuses: dict[str, Counter[str]] = {}
    with ingest.web(workers=2) as port:
        for number in range(rounds + 1):
            for name, strangers in _ways(port, number).items():
                with strangers as seen:
                    found = _window(port, callers)
                if number:  # the first round warms up
                    for kind, seconds in found.items():
                        took.setdefault(name, {}).setdefault(kind, []).extend(seconds)
                    statuses.setdefault(name, Counter()).update(seen or {})
    print(
        f"\nBeside {STRANGERS} threads that try to sign in, two web processes; p95 of {rounds} rounds of {WINDOW:.0f} s"
    )
    lines = [_line(took, name, statuses[name]) for name in took if name != "alone"]
    return all(lines)


def _line(took: dict[str, Seconds], name: str, statuses: Counter[str]) -> bool:
    good = True
    for kind, seconds in took[name].items():
        beside, alone = (quantiles(found, n=20)[-1] * 1000 for found in (seconds, took["alone"][kind]))
        good &= beside / alone <= TARGET
        words = f"{kind:<7} {name:<22} {beside:6.1f} ms, alone {alone:6.1f} ms: {beside / alone:5.2f} of it (target {TARGET})"
        print(f"{words}{'' if beside / alone <= TARGET else '   missed'}")
    print(f"        the strangers were answered {dict(sorted(statuses.items()))}")
    return good and not any(status.startswith("5") for status in statuses)


def _ways(port: int, number: int) -> dict[str, AbstractContextManager[Counter[str] | None]]:
    """Other addresses each round, so that none is already waiting from the round before."""
    many = [f"127.{2 + number}.1.{last}" for last in range(1, STRANGERS + 1)]
    return {
        "alone": nullcontext(),
        "from one address": strangers(port, [f"127.{2 + number}.0.1"]),
        "from an address each": strangers(port, many),
    }


@contextmanager
def strangers(port: int, addresses: list[str]) -> Iterator[Counter[str]]:
    """They send for as long as the block lasts; what they were answered is there after it."""
    RateBucket.objects.all().delete()
    command = [sys.executable, "-m", "bench.strangers", str(port), str(STRANGERS), *addresses]
    seen: Counter[str] = Counter()
    with subprocess.Popen(command, cwd=devdb.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().strip() == "ready"
        yield seen
        out, _ = process.communicate()
        seen.update(json.loads(out))


def _window(port: int, callers: list[Caller]) -> Seconds:
    """The seconds that each request took, by the name of its caller."""
    with ThreadPoolExecutor(len(callers)) as pool:
        found = list(pool.map(lambda caller: _one(port, caller), callers))
    took: Seconds = {}
    for caller, seconds in zip(callers, found, strict=True):
        took.setdefault(caller.name, []).extend(seconds)
    return took


def _one(port: int, caller: Caller) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    start, took = time.perf_counter() + random.random() * caller.every, []
    for number in range(int(WINDOW / caller.every)):
        time.sleep(max(0.0, start + number * caller.every - time.perf_counter()))
        began = time.perf_counter()
        caller.ask(connection)
        took.append(time.perf_counter() - began)
    connection.close()
    return took


def _callers(now: datetime) -> Iterator[Caller]:
    project, _ = Project.objects.get_or_create(slug=SLUG, defaults={"name": "Doors"})
    partitions.ahead(now.date())
    call_command("generate_logs", entries=5000, days=1, project=SLUG, verbosity=0)
    key, text = keys.create(project, f"bench {now.isoformat()}", scopes=[Scope.LOGS_WRITE])
    key.requests_per_minute = 1_000_000
    key.save()
    bodies = reenables_beside_ingest._bodies(now)
    for _ in range(SENDERS):
        yield Caller("ingest", _sender(text, bodies), SEND_EVERY)
    cookie = _session(project)
    for _ in range(READERS):
        yield Caller("page", _reader(cookie), READ_EVERY)


def _sender(text: str, bodies: Iterator[bytes]) -> Ask:
    headers = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
    mine = list(itertools.islice(bodies, 2000))
    following = itertools.cycle(mine)

    def ask(connection: http.client.HTTPConnection) -> None:
        connection.request("POST", "/api/v1/logs", next(following), headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status

    return ask


def _reader(cookie: str) -> Ask:
    def ask(connection: http.client.HTTPConnection) -> None:
        connection.request("GET", f"/p/{SLUG}/logs", headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status

    return ask


def _session(project: Project) -> str:
    """The cookie of a viewer who has signed in."""
    person, _ = User.objects.get_or_create(username="bench-viewer")
    Membership.objects.get_or_create(project=project, user=person, defaults={"role": Role.VIEWER})
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
