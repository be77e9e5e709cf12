"""Ingest over HTTP beside thirty searches of one viewer at once, beside the same alone: two web processes as in production.

Small batches at a steady pace; the searches come from a process of their own and are sent again as soon as they are answered or
refused. Interleaved rounds; medians of the requests of the intake, and the statuses of the searches.
"""

import http.client
import itertools
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from statistics import median
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from bench import ingest, lists, store
from bench.reenables_beside_ingest import _bodies
from synclogs import keys
from synclogs.models import Membership, Project, Role, Scope

READERS = 30
EVERY, WINDOW = 0.1, 10.0  # seconds
TARGET = 1.5
# Phrases, which are asked of the text of the entries, and words that many entries have.
QUESTIONS = (
    '"cannot go on"',
    '"no such words" incremental',
    "message:~absent",
    'incremental "slow down please"',
    "wolframite",
)


def measure(*, entries: int, rounds: int) -> bool:
    project = store.fill(min(lists.SMALL, entries), today=datetime.now(UTC).date())
    user, _ = User.objects.get_or_create(username="bench-searches")
    Membership.objects.update_or_create(user=user, project=project, defaults={"role": Role.VIEWER})
    client = Client()
    client.force_login(user)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    sender, _ = Project.objects.get_or_create(slug="bench-doors", defaults={"name": "Doors"})
    key, text = keys.create(sender, "bench", scopes=[Scope.LOGS_WRITE])
    key.requests_per_minute = 1_000_000
    key.save()
    bodies = _bodies(datetime.now(UTC))
    took: dict[bool, list[float]] = {False: [], True: []}
    statuses: Counter[int] = Counter()
    pushed: Counter[int] = Counter()
    with ingest.web(workers=2) as port:
        for number in range(rounds + 1):
            for searched in took:
                with Searches(port, project.slug, cookie) if searched else nullcontext() as searches:
                    found = _push(port, text, bodies, pushed)
                if number:  # the first round warms up
                    took[searched] += found
                    statuses += searches.statuses if searches else Counter()
    alone, beside = (median(took[searched]) * 1000 for searched in (False, True))
    good = beside / alone <= TARGET and set(pushed) == {200} and statuses.keys() <= {200, 400, 429}
    print(f"\nIngest beside {READERS} searches of one viewer at once, two web processes, {len(took[True])} requests")
    print(f"median of ingest: {beside:.1f} ms, {alone:.1f} ms alone; answers {dict(pushed)}, searches {dict(statuses)}")
    print(f"{beside / alone:.2f} of it (target {TARGET}){'' if good else '   missed'}")
    return good


class Searches:
    """Thirty readers in a process of their own, from entering until leaving."""

    def __init__(self, port: int, slug: str, cookie: str) -> None:
        self.statuses: Counter[int] = Counter()
        self._own, other = multiprocessing.Pipe()
        arguments = (other, port, slug, cookie)
        self._process = multiprocessing.get_context("fork").Process(target=_search, args=arguments, daemon=True)

    def __enter__(self) -> "Searches":
        self._process.start()
        self._own.recv()  # they are at it
        time.sleep(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._own.send("enough")
        self.statuses = self._own.recv()
        self._process.join(30)


def _search(pipe: "multiprocessing.connection.Connection", port: int, slug: str, cookie: str) -> None:
    ended: list[bool] = []
    statuses: Counter[int] = Counter()

    def read(number: int) -> None:
        for question in itertools.islice(itertools.cycle(QUESTIONS), number, None):
            if ended:
                return
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            query = urlencode({"q": question, "since": "30d"})
            client.request("GET", f"/p/{slug}/logs?{query}", headers={"Cookie": cookie})
            answer = client.getresponse()
            answer.read()
            statuses[answer.status] += 1
            client.close()

    with ThreadPoolExecutor(READERS) as pool:
        running = [pool.submit(read, number) for number in range(READERS)]
        pipe.send("started")
        pipe.recv()
        ended.append(True)
        for each in running:
            each.result()
    pipe.send(statuses)


def _push(port: int, key: str, bodies: Iterator[bytes], pushed: Counter[int]) -> list[float]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    start, took = time.perf_counter(), []
    for number in range(int(WINDOW / EVERY)):
        time.sleep(max(0.0, start + number * EVERY - time.perf_counter()))
        body = next(bodies)
        began = time.perf_counter()
        client.request("POST", "/api/v1/logs", body, headers)
        answer = client.getresponse()
        answer.read()
        pushed[answer.status] += 1
        took.append(time.perf_counter() - began)
    client.close()
    return took
