"""Ingest over HTTP beside thirty searches of one viewer at once, beside the same alone: two web processes as in production.

Small batches at a steady pace; the searches come from a process of their own and are sent again as soon as they are answered or
refused. Interleaved rounds; medians of the requests of the intake, and the statuses of the searches.
"""

import http.client
import itertools
import multiprocessing
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from statistics import median
from urllib.parse import urlencode

from bench import doors, ingest, lists, store

READERS = 30
TARGET = 1.5
# Phrases, which are asked of the text of the entries, and words that many entries have.
QUESTIONS = (
    '"cannot go on"',
    '"no such words" incremental',
    "nobody-wrote-this",
    'incremental "slow down please"',
    "wolframite",
)


def measure(*, entries: int, rounds: int) -> bool:
    project = store.fill(min(lists.SMALL, entries), today=datetime.now(UTC).date())
    cookie = doors._session(project)
    sender = next(doors._callers(datetime.now(UTC)))
    took: dict[bool, list[float]] = {False: [], True: []}
    statuses: Counter[int] = Counter()
    with ingest.web(workers=2) as port:
        for number in range(rounds + 1):
            for searched in took:
                with Searches(port, project.slug, cookie) if searched else nullcontext() as searches:
                    found = doors._one(port, sender)
                if number:  # the first round warms up
                    took[searched] += found
                    statuses += searches.statuses if searches else Counter()
    alone, beside = (median(took[searched]) * 1000 for searched in (False, True))
    good = beside / alone <= TARGET and statuses.keys() <= {200, 429}
    print(f"\nIngest beside {READERS} searches of one viewer at once, two web processes, {len(took[True])} requests")
    print(f"median of ingest: {beside:.1f} ms, {alone:.1f} ms alone; searches answered {dict(statuses)}")
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
