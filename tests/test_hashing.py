"""Password hashing beside the web loop: one at a time, in a thread of its own, with a bounded queue."""

import threading
import time
from collections.abc import Callable, Iterator

import gevent
import pytest
from django.contrib.auth.hashers import check_password, get_hashers, make_password
from gevent.pool import Group

from portal.access.try_later import TryLater
from portal.sign_in import hashing
from portal.sign_in.hashing import HashThread

AT_ONCE = threading.Event()
AT_ONCE.set()


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> HashThread:
    """As in a web process, where everything waits by the loop of gevent."""
    monkeypatch.setattr("gevent.monkey.is_module_patched", lambda name: True)
    monkeypatch.setattr(hashing, "release", lambda: None)  # most of these tests have no database
    monkeypatch.setattr(hashing, "SECONDS", 60.0)  # a busy machine ends nobody's wait
    return HashThread()


@pytest.fixture
def begin() -> Iterator[threading.Event]:
    """No hash is done before this is set."""
    event = threading.Event()
    yield event
    event.set()


def hashed(name: str, done: list[str], begin: threading.Event) -> Callable[[], str]:
    def work() -> str:
        begin.wait(20)  # a native thread, so the loop goes on
        done.append(name)
        return name

    return work


def attempt(
    beside: HashThread, name: str, done: list[str], *, is_stranger: bool, begin: threading.Event = AT_ONCE
) -> object:
    with hashing.as_stranger(is_stranger=is_stranger):
        try:
            return beside.run(hashed(name, done, begin))
        except TryLater as refusal:
            return refusal


def test_the_loop_goes_on_while_a_native_thread_hashes(beside: HashThread) -> None:
    seen: list[int] = []

    def slow() -> str:
        seen.append(threading.get_native_id())
        time.sleep(0.3)
        return "hash"

    work = gevent.spawn(beside.run, slow)
    turns = 0
    while not work.dead:
        gevent.sleep(0.01)
        turns += 1
    assert work.value == "hash"
    assert turns > 5
    assert seen[0] != threading.get_native_id()


def test_one_hashes_a_few_wait_and_the_rest_is_refused_at_once(beside: HashThread, begin: threading.Event) -> None:
    done: list[str] = []
    group = Group()
    found = [group.spawn(attempt, beside, str(number), done, is_stranger=True, begin=begin) for number in range(20)]
    gevent.sleep(0)  # all of them have begun
    refused = [one.value for one in found if one.dead]
    assert len(refused) == 20 - 1 - hashing.STRANGERS_PLACES
    assert done == []  # nobody waited for even the first of them
    begin.set()
    assert all(isinstance(refusal, TryLater) and refusal.retry_after > 0 for refusal in refused)
    group.join()
    assert done == [str(number) for number in range(1 + hashing.STRANGERS_PLACES)]
    assert not beside.strangers.lock.locked()
    assert beside.strangers.waiting == 0


def test_people_known_to_us_go_before_strangers_and_find_room(beside: HashThread, begin: threading.Event) -> None:
    done: list[str] = []
    group = Group()
    for number in range(20):
        group.spawn(attempt, beside, f"stranger {number}", done, is_stranger=True, begin=begin)
    gevent.sleep(0)
    known = group.spawn(attempt, beside, "known", done, is_stranger=False)
    gevent.sleep(0)
    begin.set()
    group.join()
    assert known.value == "known"
    assert done[:2] == ["stranger 0", "known"]


def test_nobody_waits_for_ever(beside: HashThread, begin: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "SECONDS", 0.01)
    done: list[str] = []
    first = gevent.spawn(attempt, beside, "first", done, is_stranger=True, begin=begin)
    second = gevent.spawn(attempt, beside, "second", done, is_stranger=True)
    second.join(20)
    assert isinstance(second.value, TryLater)
    assert (first.dead, done) == (False, [])
    begin.set()
    first.join()
    assert (first.value, done) == ("first", ["first"])
    assert attempt(beside, "third", done, is_stranger=True) == "third"  # the line is as it was


def test_a_request_that_is_ended_while_it_waits_gives_its_place_on(beside: HashThread, begin: threading.Event) -> None:
    done: list[str] = []
    group = Group()
    first, ended, last = (group.spawn(attempt, beside, name, done, is_stranger=True, begin=begin) for name in "abc")
    gevent.sleep(0)
    ended.kill()
    begin.set()
    gevent.joinall([first, last])
    assert done == ["a", "c"]
    assert not beside.strangers.lock.locked()


def test_a_hash_that_fails_gives_its_turn_on(beside: HashThread) -> None:
    def broken() -> str:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        beside.run(broken)
    assert attempt(beside, "next", [], is_stranger=True) == "next"


@pytest.mark.parametrize("algorithm", ["scrypt", "pbkdf2_sha256"])
def test_every_hash_passes_here(monkeypatch: pytest.MonkeyPatch, algorithm: str) -> None:
    """Making one, checking one, the one for a name that nobody has; of every algorithm that the settings name."""
    count = 0

    def run(beside: HashThread, work: Callable[[], str]) -> str:
        nonlocal count
        count += 1
        return work()

    monkeypatch.setattr(HashThread, "run", run)
    encoded = make_password("a password of the tests", hasher=algorithm)
    assert count == 1
    assert check_password("a password of the tests", encoded, preferred=algorithm)
    assert count == 2
    assert not check_password("another", "!", preferred=algorithm)
    assert count == 3
    assert not check_password("x" * (hashing.LONGEST + 1), encoded, preferred=algorithm)
    assert count == 3  # too long to be anybody's
    assert {hasher.algorithm for hasher in get_hashers()} == {"scrypt", "pbkdf2_sha256"}
