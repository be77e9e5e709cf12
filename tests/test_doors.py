"""Sign-in floods: anonymous people cannot slow down an API key, and no known person is kept out by them."""

import http.client
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

import psycopg
import pytest
from django.utils import timezone

from tests import server
from tests.factories import PASSWORD, entry
from tests.server import Answer, Served, wait

pytestmark = pytest.mark.slow
URL = "/accounts/login/"
STRANGERS = 10


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with server.own_database("doors") as url, server.serve(tmp_path_factory.mktemp("doors"), database_url=url) as found:
        yield found


@dataclass
class Browser:
    """A browser with cookies, from an address of its own."""

    served: Served
    address: str = "127.0.0.1"
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str, fields: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.served.port, timeout=20, source_address=(self.address, 0)
        )
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        began = time.monotonic()
        connection.request("GET" if fields is None else "POST", path, urlencode(fields or {}), headers)
        response = connection.getresponse()
        body = response.read()
        for line in response.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        connection.close()
        return Answer(response.status, dict(response.headers), body, time.monotonic() - began)

    def sign_in(self, name: str = "served", password: str = PASSWORD) -> Answer:
        if "csrf" not in self.cookies:
            self.ask(URL)
        token = self.cookies["csrf"]
        return self.ask(URL, {"csrfmiddlewaretoken": token, "username": name, "password": password})


@contextmanager
def strangers(served: Served, *, address: str, name: str) -> Iterator[Counter[int]]:
    """They send wrong passwords one after the other; the statuses that they get."""
    end, statuses = threading.Event(), Counter[int]()

    def run() -> None:
        browser = Browser(served, address)
        while not end.is_set():
            statuses[browser.sign_in(name, "not the password").status] += 1

    running = [threading.Thread(target=run) for _ in range(STRANGERS)]
    for thread in running:
        thread.start()
    try:
        yield statuses
    finally:
        end.set()
        for thread in running:
            thread.join()


def push(served: Served, number: int) -> Answer:
    moment = timezone.now() - timedelta(minutes=5)
    return served.push(
        json.dumps([entry(id=f"{number}-{at}", timestamp=moment.isoformat()) for at in range(20)]).encode()
    )


def told(answer: Answer) -> int:
    """The seconds that a refusal tells, in its header and in words."""
    assert answer.status == 429
    found = re.search(rb"Wait (\d+) second", answer.body)
    assert found
    assert answer.headers["Retry-After"] == found[1].decode()
    return int(found[1])


def test_ingest_and_people_we_know_go_on_beside_strangers(served: Served) -> None:
    known = Browser(served, "127.0.9.1")
    assert known.sign_in().status == 302
    del known.cookies["session"]
    with strangers(served, address="127.0.9.1", name="served") as statuses:
        pushed: list[int] = []
        began = time.monotonic()
        while time.monotonic() - began < 6:
            pushed.append(push(served, len(pushed)).status)
            time.sleep(0.1)
        assert set(pushed) == {200}
        assert len(pushed) > 10
        refused = Browser(served, "127.0.9.1").sign_in()
        other = Browser(served, "127.0.9.2").sign_in()  # the name has been used up as well
        # A browser that has signed in as this person is not kept waiting.
        again = known.sign_in()
        count = sum(statuses.values())
        time.sleep(2)
        # Each of them is slowed down to about one attempt a second.
        assert sum(statuses.values()) - count < STRANGERS * 5
    assert again.status == 302
    assert again.seconds < 5
    assert set(statuses) == {200, 429}
    # Told the time, and once it is over in with the first attempt, whatever process that meets.
    time.sleep(max(told(refused), told(other)))
    assert Browser(served, "127.0.9.1").sign_in().status == 302
    with psycopg.connect(served.database_url) as connection:
        rows = connection.execute("SELECT action, count(*) FROM synclogs_auditevent GROUP BY action").fetchall()
        counted = connection.execute(
            "SELECT sum(count) FROM synclogs_denial WHERE action = 'sign_in_failed'"
        ).fetchone()
        summed = connection.execute("SELECT sum((after->>'more')::int) FROM synclogs_auditevent").fetchone()
    written: dict[str, int] = dict(rows)
    assert written["signed_in"] == 3
    # Each that was answered is told of: at once, counted still, or summed up already.
    assert written["sign_in_failed"] + (counted or [0])[0] + (((summed or [0])[0]) or 0) >= sum(statuses.values())


def test_the_loop_answers_at_once_while_many_addresses_are_hashed(served: Served) -> None:
    """The allowances of an address do not help here: only the line before hashing does."""
    end = threading.Event()
    statuses: Counter[int] = Counter()

    def run(number: int) -> None:
        browser, count = Browser(served, f"127.0.8.{number}"), 0
        while not end.is_set():
            count += 1
            statuses[browser.sign_in(f"nobody-{number}-{count}", "not the password").status] += 1

    running = [threading.Thread(target=run, args=(number,)) for number in range(1, 25)]
    for thread in running:
        thread.start()
    try:
        wait(lambda: statuses[429] > 0)
        asked = [served.ask("/healthz") for _ in range(40)]
        pushed = [push(served, 1000 + number) for number in range(10)]
    finally:
        end.set()
        for thread in running:
            thread.join()
    assert {answer.status for answer in asked + pushed} == {200}
    # Hashed on the loop, a dozen in each process would be before each answer: two seconds and more.
    assert sorted(answer.seconds for answer in asked)[len(asked) // 2] < 0.5
    assert set(statuses) == {200, 429}
    assert statuses[200] > 0
