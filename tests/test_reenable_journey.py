"""Re-enable journey with real processes: the page is clicked, the worker calls, the provider answers, entries show the outcome.

Everything is clicked at once and then checked, since most of it is waiting.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.utils import timezone

from synclogs.catalogue.recovery import State
from tests import factories
from tests.house import House, house
from tests.server import Answer, wait

pytestmark = pytest.mark.slow
HOSTILE = ("hang", "drip", "huge", "cookie", "redirect", "html", "bad_json")
ENDS = ("ok", "root_gone", "silent", "timeout_after_doing")
OPEN_ENDED = {"hang", "drip", "huge", "redirect", "html", "bad_json"}


@dataclass(frozen=True)
class Clicked:
    house: House
    syncs: dict[str, str]
    answers: dict[str, Answer]


@pytest.fixture(scope="module")
def clicked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clicked]:
    with house(tmp_path_factory.mktemp("journey"), "journey") as made:
        syncs = {mode: made.stopped(mode, only="POST") for mode in (*ENDS, *HOSTILE)}
        answers = {mode: made.click(sync_id) for mode, sync_id in syncs.items()}
        made.reaches(syncs["silent"], State.ACCEPTED)
        # Time passes for one of them.
        made.sql("UPDATE synclogs_reenable SET watch_until = now() WHERE sync_id = %(sync)s", sync=syncs["silent"])
        yield Clicked(made, syncs, answers)


def test_the_page_answers_at_once_however_the_provider_is(clicked: Clicked) -> None:
    for mode, answer in clicked.answers.items():
        assert answer.status == 303, (mode, answer.body[-2000:])
        assert answer.headers["Location"].startswith("/p/alpha/reenables/")
        assert answer.seconds < 5, mode
        assert clicked.house.served.page(answer.headers["Location"]).status == 200


def test_it_recovers(clicked: Clicked) -> None:
    sync_id = clicked.syncs["ok"]
    attempt = clicked.house.reaches(sync_id, State.RECOVERED)
    way = clicked.house.way(sync_id)
    assert (way[:2], way[-1]) == (["requested", "accepted"], "recovered")
    assert attempt["sent_at"] <= attempt["accepted_at"] <= attempt["ended_at"]
    assert clicked.house.posts(sync_id) == 1
    page = clicked.house.served.page(f"/p/alpha/reenables/{attempt['id']}").body.decode()
    assert "has been syncing again since" in page


def test_it_fails_again(clicked: Clicked) -> None:
    sync_id = clicked.syncs["root_gone"]
    attempt = clicked.house.reaches(sync_id, State.FAILED_AGAIN)
    (entry,) = clicked.house.sql("SELECT * FROM synclogs_logentry WHERE key = %(key)s", key=attempt["ended_key"])
    assert (entry["event"], entry["error_code"]) == ("SYNC_RUN_ERROR", "10007")
    assert clicked.house.posts(sync_id) == 1


def test_done_without_an_answer_is_found_out_by_looking(clicked: Clicked) -> None:
    sync_id = clicked.syncs["timeout_after_doing"]
    attempt = clicked.house.reaches(sync_id, State.RECOVERED)
    assert clicked.house.way(sync_id)[:2] == ["requested", "unknown"]
    assert attempt["answered_at"] is None
    assert clicked.house.posts(sync_id) == 1


@pytest.mark.parametrize("mode", HOSTILE)
def test_a_hostile_answer_holds_the_worker_no_longer_than_it_may(clicked: Clicked, mode: str) -> None:
    house, sync_id = clicked.house, clicked.syncs[mode]
    wanted = {State.UNKNOWN, State.EXPIRED} if mode in OPEN_ENDED else {State.RECOVERED}
    attempt = house.reaches(sync_id, *wanted)
    (row,) = house.sql(
        "SELECT min(at) AS at FROM synclogs_auditevent WHERE object_text LIKE %(text)s AND after->>'state' <> 'requested'"
        " AND after->>'attempt' = %(attempt)s",
        text=f"%{sync_id}%",
        attempt=str(attempt["id"]),
    )
    assert (row["at"] - attempt["sent_at"]).total_seconds() < 16
    assert house.posts(sync_id) == 1
    assert not [call for call in house.calls() if "trap" in call["path"] or call["cookie"]]
    assert len(attempt["answer"]) <= 4096


def test_no_sign_of_life_and_a_late_one(clicked: Clicked) -> None:
    house, sync_id = clicked.house, clicked.syncs["silent"]
    house.reaches(sync_id, State.NO_SIGN_OF_LIFE)
    assert house.posts(sync_id) == 1
    push_run(house, sync_id)
    house.reaches(sync_id, State.RECOVERED)
    assert house.way(sync_id) == ["requested", "accepted", "no_sign_of_life", "recovered"]


def push_run(house: House, sync_id: str) -> None:
    done = factories.entry(syncId=sync_id, timestamp=timezone.now(), syncStatus="IDLE")
    assert house.served.push(json.dumps(done).encode()).status == 200


def test_a_worker_killed_in_mid_call_sends_nothing_twice(clicked: Clicked) -> None:
    house = clicked.house
    for sync_id in clicked.syncs.values():  # those calls are over
        wait(lambda sync_id=sync_id: house.attempt(sync_id)["state"] != State.REQUESTED, seconds=40)  # type: ignore[misc]
    sync_id = house.stopped("slow", only="POST")
    assert house.click(sync_id).status == 303
    # The hostile ones may just have opened the breaker, which holds the call back for half a minute.
    wait(lambda: house.posts(sync_id) == 1, seconds=90)
    house.kill_worker()
    assert house.attempt(sync_id)["state"] == State.REQUESTED
    house.sql(
        "UPDATE synclogs_reenable SET sent_at = sent_at - interval '30 s' WHERE sync_id = %(sync)s", sync=sync_id
    )  # time passes
    house.hire()
    house.reaches(sync_id, State.RECOVERED)
    assert house.way(sync_id)[:2] == ["requested", "unknown"]
    assert house.posts(sync_id) == 1


def test_pages_do_not_wait_for_a_provider_that_hangs(clicked: Clicked) -> None:
    """Also not when it is asked about the account."""
    house = clicked.house
    sync_id = house.stopped()
    house.steer("PUT", "mode", mode="hang")
    try:
        page = house.served.page(f"/p/alpha/syncs/{sync_id}")
        assert (page.status, page.seconds < 2) == (200, True)
        refused = house.click(sync_id)
        assert (refused.status, refused.seconds < 6) == (409, True)  # nothing shows that the cause is gone
        assert house.posts(sync_id) == 0
    finally:
        house.steer("PUT", "mode", mode="ok")
