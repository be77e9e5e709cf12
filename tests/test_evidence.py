"""Evidence for a re-enable: what each check finds, and that one sync and many are judged alike."""

import json
import random
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from synclogs.access.actors import Actor
from synclogs.catalogue.recovery import OPEN, Check, CheckName, Evidence, Sign, State
from synclogs.demo.simulator import Mode, Simulator
from synclogs.demo.simulator.state import Rule
from synclogs.models import Bulk, Project, Reenable, Resolution, Role, Sleeper, Sync
from synclogs.recovery import resolutions
from synclogs.recovery.candidates import candidates
from synclogs.recovery.checks import OF_MANY, RATE, RULES, SIGNS
from synclogs.recovery.evidence import CACHE_SECONDS, gather
from tests import factories
from tests.provider import SHORT, calls, http, raw
from tests.reenabling import actor, environment, provided, stopped

pytestmark = pytest.mark.django_db
NOW = timezone.now()
MINUTE = timedelta(minutes=1)
ERROR_AT = NOW - 30 * MINUTE
NOBODY = Actor(None, "a key (ssp_1)", Role.OPERATOR)
OF_ONE = [name for name in CheckName if name != CheckName.RATE]


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory()


@pytest.fixture
def simulator(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with provided(settings, monkeypatch) as running:
        yield running


def make(project: Project, **values: Any) -> Sync:
    """A sync that stopped half an hour ago, unless `values` say otherwise; nothing shows that the cause is gone."""
    usual: dict[str, Any] = {
        "sync_id": uuid.uuid4(),
        "user_id": "acct_1",
        "integration": "box",
        "pipeline": "files",
        "credential_id": "c-1",
        "status": "ERRORED",
        "status_since": ERROR_AT,
        "last_error_at": ERROR_AT,
        "last_error_event": "SYNC_RUN_ERROR",
        "last_error_code": "invalid_grant",
        "last_error_http_status": 401,
        "last_error_recoverability": "NON_RECOVERABLE",
        "first_seen_at": NOW - timedelta(days=9),
        "last_seen_at": NOW,
    }
    return Sync.objects.create(project=project, **{**usual, **values})


def working(project: Project, **values: Any) -> Sync:
    """A sync that completed ten minutes ago and never failed."""
    well = {"status": "IDLE", "last_completed_at": NOW - 10 * MINUTE, "last_error_at": None, "last_error_code": ""}
    return make(project, **{**well, "last_error_event": "", **values})


def recovered(project: Project, **values: Any) -> Sync:
    """Another customer's, which had the same error and completed since."""
    well = {"user_id": "acct_2", "status": "IDLE", "last_completed_at": NOW - 10 * MINUTE}
    return make(project, **{**well, **values})


def attempt(
    sync: Sync, state: str = State.FAILED_AGAIN, *, ago: timedelta = timedelta(minutes=40), **values: Any
) -> None:
    at = NOW - ago
    usual: dict[str, Any] = {"ended_at": None if state in OPEN else at + MINUTE, "expires_at": at, "actor_text": "ada"}
    Reenable.objects.create(
        project=sync.project, sync_id=sync.sync_id, state=state, requested_at=at, reason="-", **{**usual, **values}
    )


def sleeper(project: Project, kind: str, value: str, **values: Any) -> None:
    Sleeper.objects.create(project=project, kind=kind, value=value, **{"reason": "Trial is over", "at": NOW, **values})


def look(sync: Sync, *, by: Actor = NOBODY, ask_provider: bool = False) -> Evidence:
    """The evidence; that the one statement for many finds the same is looked at every time."""
    sync = Sync.objects.get(pk=sync.pk)
    found = gather(sync, actor=by, now=NOW, ask_provider=ask_provider)
    if not ask_provider:
        expected = tuple(check.name for check in found.failed if check.name != CheckName.RATE)
        assert candidates(sync.project, [sync.sync_id], now=NOW)[sync.sync_id].failed == expected
    return found


def check(sync: Sync, name: CheckName, **more: Any) -> Check:
    return next(check for check in look(sync, **more).checks if check.name == name)


def judged(check: Check) -> tuple[bool | None, bool]:
    return check.passed, check.can_override


# Who could be asked


def test_somebody_has_to_be_set_up_for_the_project(project: Project, settings: Any) -> None:
    sync = make(project)
    for projects in ([], [project.slug]):
        settings.PROVIDER_FOR = projects
        assert check(sync, CheckName.PROVIDED).passed
    settings.PROVIDER_FOR = [project.slug, "elsewhere"]
    assert "PROVIDER_FOR names 2 projects" in check(sync, CheckName.PROVIDED).facts["provider"]
    settings.PROVIDER_FOR = ["elsewhere"]
    assert (judged(check(sync, CheckName.PROVIDED)), calls_nobody(sync)) == ((False, False), True)
    assert check(sync, CheckName.PROVIDED).facts == {"owner": "another"}
    settings.PROVIDER, settings.PROVIDER_FOR = "none", []
    assert judged(check(sync, CheckName.PROVIDED)) == (False, False)
    settings.PROVIDER, settings.PROVIDER_PROJECT = "paragon", ""
    assert "PROVIDER_PROJECT" in check(sync, CheckName.PROVIDED).facts["provider"]


def calls_nobody(sync: Sync) -> bool:
    return cause(sync, ask_provider=True) == (None, "")


# Stopped, and by what


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("ERRORED", (True, False)),
        ("DISABLED", (False, True)),
        *((status, (False, False)) for status in ("ACTIVE", "IDLE", "INITIALIZING", "RATE_LIMITED", "", "ON_HOLD")),
    ],
)
def test_only_what_is_stopped_and_what_is_paused_by_override(
    project: Project, status: str, expected: tuple[bool, bool]
) -> None:
    found = check(make(project, status=status), CheckName.STOPPED)
    assert judged(found) == expected
    assert found.facts == {"status": status, "since": ERROR_AT.isoformat()}


def test_a_paused_sync_without_an_error_needs_nothing_but_the_override(project: Project) -> None:
    found = look(working(project, status="DISABLED", status_since=None))
    assert [check.name for check in found.failed] == [CheckName.STOPPED]
    assert not found.allows(override=False)
    assert found.allows(override=True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, (True, True)),
        ({"last_error_code": "nobody-knows-it", "last_error_http_status": None}, (True, True)),
        ({"last_error_code": "10007"}, (False, False)),
        ({"last_error_code": "10007", "last_error_recoverability": "RECOVERABLE"}, (False, False)),
        ({"last_error_event": "SYNC_CREATION_FAILED", "last_error_code": ""}, (False, False)),
        ({"last_error_event": "SYNC_CREATION_FAILED", "last_error_http_status": 503}, (False, False)),
        ({"last_error_event": "SYNC_CREATION_FAILED", "last_error_recoverability": "RECOVERABLE"}, (False, False)),
        # Of these it is said that they pass by themselves; the sync stands still all the same.
        ({"last_error_code": "", "last_error_http_status": 429}, (False, True)),
        ({"last_error_recoverability": "RECOVERABLE"}, (False, True)),
        # An error that is not why it stands still says nothing.
        ({"last_error_code": "10007", "last_completed_at": NOW}, (True, False)),
        ({"last_error_at": None}, (True, False)),
    ],
)
def test_what_re_enabling_cures(project: Project, values: dict[str, Any], expected: tuple[bool, bool]) -> None:
    found = check(make(project, **values), CheckName.CURABLE)
    assert judged(found) == expected
    if not found.passed:
        assert found.facts["words"]
        assert found.facts["action"]


# Signs that the cause is gone


def cause(sync: Sync, **more: Any) -> tuple[bool | None, str]:
    found = check(sync, CheckName.CAUSE_GONE, **more)
    assert found.can_override
    return found.passed, found.facts.get("sign", "")


def test_without_a_sign_it_is_not_known(project: Project) -> None:
    sync = make(project)
    assert cause(sync) == (None, "")
    assert [check.name for check in look(sync).failed] == [CheckName.CAUSE_GONE]
    assert not look(sync).is_green
    assert look(sync).allows(override=True)


@pytest.mark.parametrize("values", [{"last_error_at": None}, {"last_completed_at": NOW}], ids=["none", "older"])
def test_where_no_log_says_why_it_stopped_the_cause_is_not_known(project: Project, values: dict[str, Any]) -> None:
    sync = make(project, **values)
    working(project)
    assert cause(sync) == (None, "no_error")


def test_a_word_about_the_error_holds_until_the_next_one(project: Project) -> None:
    sync, operator = stopped(project), actor(project)
    resolutions.resolve(sync, actor=operator, note="They connected anew", ticket="T-1", now=NOW)
    found = check(sync, CheckName.CAUSE_GONE)
    assert found.passed
    told = {"sign": "resolved", "by": operator.text, "at": NOW.isoformat(), "note": "They connected anew"}
    assert found.facts == {**told, "ticket": "T-1"}
    entry = factories.error_entry(syncId=str(sync.sync_id), timestamp=NOW - MINUTE)
    factories.store(project, entry, now=NOW)
    assert cause(sync) == (None, "")


def test_a_word_about_an_older_error_or_another_sync_says_nothing(project: Project) -> None:
    sync = make(project)
    for sync_id, error_at in ((sync.sync_id, ERROR_AT - MINUTE), (uuid.uuid4(), ERROR_AT)):
        Resolution.objects.create(project=project, sync_id=sync_id, error_at=error_at, note="-", at=NOW)
    Resolution.objects.create(
        project=factories.ProjectFactory(), sync_id=sync.sync_id, error_at=ERROR_AT, note="-", at=NOW
    )
    assert cause(sync) == (None, "")


@pytest.mark.parametrize(
    ("values", "shows"),
    [
        ({}, True),
        ({"credential_id": ""}, True),
        ({"status": "ACTIVE"}, True),
        ({"credential_id": "c-2"}, False),
        ({"user_id": "acct_2"}, False),
        ({"integration": "drive"}, False),
        ({"last_completed_at": ERROR_AT}, False),
        ({"last_completed_at": None}, False),
        ({"status": "ERRORED", "last_error_at": NOW}, False),  # it worked, and has stopped again
    ],
)
def test_another_sync_over_the_same_account_works_since(project: Project, values: dict[str, Any], shows: bool) -> None:
    sync = make(project)
    working(project, **values)
    assert cause(sync) == ((True, "same_user_completed") if shows else (None, ""))
    working(factories.ProjectFactory())


def test_a_sync_that_names_no_account_goes_by_the_customer_and_one_without_a_customer_by_nobody(
    project: Project,
) -> None:
    working(project, credential_id="c-2")
    assert cause(make(project, credential_id="")) == (True, "same_user_completed")
    working(project, user_id="")
    assert cause(make(project, user_id="")) == (None, "")
    working(project, integration="")
    assert cause(make(project, integration="")) == (None, "")


@pytest.mark.parametrize(
    ("values", "shows"),
    [
        ({}, True),
        ({"last_completed_at": ERROR_AT}, False),
        ({"last_error_at": NOW}, False),  # it completed, and failed again
        ({"user_id": "acct_1"}, False),  # the same customer: another account of theirs
        ({"integration": "drive"}, False),
        ({"last_error_code": "ECONNRESET"}, False),
        ({"last_error_event": "SYNC_WEBHOOK_FAILED"}, False),
    ],
)
def test_the_same_error_is_over_for_other_customers(project: Project, values: dict[str, Any], shows: bool) -> None:
    sync = make(project)
    recovered(project, credential_id="c-2", **values)
    assert cause(sync) == ((True, "others_recovered") if shows else (None, ""))


def test_the_others_are_counted_and_the_last_is_named(project: Project) -> None:
    sync = make(project)
    for number in range(2, 5):
        last = recovered(project, user_id=f"acct_{number}", last_completed_at=NOW - (10 - number) * MINUTE)
    facts = check(sync, CheckName.CAUSE_GONE).facts
    assert (facts["count"], facts["sync"], facts["at"]) == ("3", str(last.sync_id), (NOW - 6 * MINUTE).isoformat())


@pytest.mark.parametrize(("other_ago", "is_gone"), [(10 * MINUTE, True), (30 * MINUTE, False)])
def test_the_second_customer_counts_where_the_last_to_recover_is_the_same(
    project: Project, settings: Any, other_ago: timedelta, is_gone: bool
) -> None:
    """Their own other account has recovered last, which says nothing of this one; somebody else's has before that."""
    settings.PROVIDER_FOR = [project.slug]
    sync = make(project)
    recovered(project, user_id="acct_1", credential_id="c-9", last_completed_at=NOW - MINUTE)
    recovered(project, last_error_at=NOW - 60 * MINUTE, last_completed_at=NOW - other_ago)
    assert cause(sync) == ((True, "others_recovered") if is_gone else (None, ""))
    many = candidates(project, [sync.sync_id], now=NOW)[sync.sync_id]
    assert many.failed == (() if is_gone else (CheckName.CAUSE_GONE,))


def test_an_error_without_a_code_is_known_by_its_http_status(project: Project) -> None:
    sync = make(project, last_error_code="", last_error_http_status=503)
    recovered(project, last_error_code="", last_error_http_status=500)
    recovered(project, last_error_code="", last_error_http_status=None)
    assert cause(sync) == (None, "")
    assert cause(make(project, user_id="acct_3", last_error_code="", last_error_http_status=None)) == (None, "")
    recovered(project, last_error_code="", last_error_http_status=503)
    assert cause(sync) == (True, "others_recovered")


# What the provider says of the account


def test_the_account_is_valid_now(project: Project, simulator: Simulator) -> None:
    sync = stopped(project, simulator)
    found = check(sync, CheckName.CAUSE_GONE, ask_provider=True)
    assert (found.passed, found.facts) == (True, {"credential": "VALID", "sign": "credential_valid"})


def test_an_account_that_is_not_valid_outweighs_what_others_suggest_but_not_what_a_person_says(
    project: Project, simulator: Simulator
) -> None:
    sync = stopped(project, simulator, credentialId="")
    simulator.memory.rule(sync.sync_id, Rule(Mode.CREDENTIAL_BROKEN))
    working(project, user_id=sync.user_id, integration=sync.integration)
    assert cause(sync) == (True, "same_user_completed")
    found = check(sync, CheckName.CAUSE_GONE, ask_provider=True)
    assert (found.passed, found.facts["credential"]) == (False, "INVALID")
    resolutions.resolve(sync, actor=actor(project), note="The provider lags behind", now=NOW)
    assert cause(sync, ask_provider=True) == (True, "resolved")


def test_the_provider_is_asked_once_in_half_a_minute_and_never_when_told_not_to(
    project: Project, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = stopped(project, simulator)
    look(sync)
    assert calls(simulator, "/sdk/me", "GET") == 0
    kept: list[int] = []
    keep = cache.set

    def noted(name: str, value: object, seconds: int) -> None:
        kept.append(seconds)
        keep(name, value, seconds)

    monkeypatch.setattr(cache, "set", noted)
    for _ in range(3):
        look(sync, ask_provider=True)
    assert calls(simulator, "/sdk/me", "GET") == 1
    assert kept == [CACHE_SECONDS] == [30]
    cache.clear()
    simulator.memory.rule(sync.sync_id, Rule(Mode.CREDENTIAL_BROKEN))
    assert cause(sync, ask_provider=True) == (False, "")
    assert calls(simulator, "/sdk/me", "GET") == 2


def test_a_sync_whose_error_says_nothing_asks_nobody(project: Project, simulator: Simulator) -> None:
    for sync in (working(project), make(project, last_error_at=None), make(project, user_id="")):
        look(sync, ask_provider=True)
    assert calls(simulator, "/", "GET") == 0


def test_without_a_provider_it_is_not_known(project: Project, settings: Any) -> None:
    settings.PROVIDER = "none"
    assert cause(make(project), ask_provider=True) == (None, "")
    settings.PROVIDER, settings.PROVIDER_SYNC_URL = "paragon", ""
    found = check(make(project, user_id="acct_9"), CheckName.CAUSE_GONE, ask_provider=True)
    assert found.passed is None
    assert "provider" not in found.facts  # nobody was asked: the first check says why
    assert "not set up" in check(make(project), CheckName.PROVIDED).facts["provider"]


def test_a_provider_that_is_away_is_not_asked_again_at_once(
    project: Project, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with provided(settings, monkeypatch) as simulator:
        sync = stopped(project, simulator)
    found = [check(sync, CheckName.CAUSE_GONE, ask_provider=True) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0].passed is None
    assert "provider" in found[0].facts
    working(project, user_id=sync.user_id, integration=sync.integration)
    assert cause(sync, ask_provider=True) == (True, "same_user_completed")


def me(**account: Any) -> bytes:
    return http(json.dumps({"integrations": {"box": account}}).encode())


@pytest.mark.parametrize(
    ("answer", "passed", "credential"),
    [
        (me(credentialStatus="VALID", allCredentials=[{"id": "c-0"}, {"id": "c-1"}]), True, "VALID"),
        (me(credentialStatus="valid"), True, "VALID"),
        (me(credentialStatus="VALID", allCredentials=[{"id": "c-2"}]), False, "ANOTHER"),
        (me(credentialStatus="INVALID", enabled=False), False, "INVALID"),
        (me(enabled=False), False, "NONE"),
        (me(enabled=True), None, ""),
        (me(credentialStatus="x" * 100_000), None, ""),
        (me(credentialStatus={"VALID": 1}, allCredentials="VALID"), None, ""),
        (http(b'{"integrations": {"drive": {"credentialStatus": "VALID"}}}'), None, "ABSENT"),
        (http(b'{"integrations": {"box": "VALID"}}'), None, "ABSENT"),
        *(
            (answer, None, None)
            for answer in (
                http(b'{"integrations": []}'),
                http(b"[]"),
                http(b"null"),
                http(b"[" * 100_000),
                http(b"\xff\xfe{}"),
                http(b"<html>VALID</html>", kind="text/html"),
                http(b"x" * 2_000_000),
                http(status="302 Found", more="Location: http://127.0.0.1:1/\r\n"),
                http(b'{"message": "no"}', status="401 Unauthorized"),
                http(b'{"message": "\\u0000<b>"}', status="500 Oh"),
                b"",
                b"VALID",
            )
        ),
    ],
    ids=range(22),
)
def test_whatever_the_provider_answers_nothing_is_raised(
    project: Project,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes,
    passed: bool | None,
    credential: str | None,
) -> None:
    monkeypatch.setattr("synclogs.provider.json_client.Limits", lambda: SHORT)
    with raw(answer) as server:
        for name, value in environment(server.url).items():
            setattr(settings, name, value)
        found = check(make(project), CheckName.CAUSE_GONE, ask_provider=True)
    assert (found.passed, found.facts.get("credential")) == (passed, credential)
    if credential is None:
        assert found.facts["provider"]
        assert "<b>" not in found.facts["provider"]
    json.dumps(found.as_json())


# Attempts


@pytest.mark.parametrize("state", State)
def test_one_attempt_at_a_time(project: Project, state: State) -> None:
    """However long ago it was made."""
    sync = make(project)
    attempt(sync, state, ago=timedelta(days=30))
    found = check(sync, CheckName.NONE_IN_FLIGHT)
    assert judged(found) == (state not in OPEN, False)
    if state in OPEN:
        assert (found.facts["state"], found.facts["by"]) == (state.value, "ada")


@pytest.mark.parametrize(("seconds", "passed"), [(0, False), (59, False), (60, True), (3600, True)])
def test_a_minute_between_two_attempts(project: Project, seconds: int, passed: bool) -> None:
    sync = make(project)
    ended = NOW - timedelta(seconds=seconds)
    attempt(sync, State.REFUSED, ago=timedelta(days=40), ended_at=ended)
    attempt(sync, State.NO_SIGN_OF_LIFE, ago=timedelta(days=3))
    found = check(sync, CheckName.COOLDOWN)
    assert judged(found) == (passed, False)
    last = ended if seconds < 60 else NOW - timedelta(days=3) + MINUTE
    assert found.facts == {"ended": last.isoformat(), "until": (last + MINUTE).isoformat()}


def test_three_in_a_week_are_flapping(project: Project) -> None:
    sync = make(project)
    attempt(sync, ago=timedelta(days=7))  # a week ago, so no longer
    for state in (State.REFUSED, State.EXPIRED, State.REFUSED, State.RECOVERED, State.NO_SIGN_OF_LIFE):
        attempt(sync, state, ago=timedelta(days=6, hours=23))
    found = check(sync, CheckName.NOT_FLAPPING)
    assert (judged(found), found.facts) == ((True, True), {"count": "2", "days": "7"})
    attempt(sync)
    attempt(make(project))
    found = check(sync, CheckName.NOT_FLAPPING)
    assert (judged(found), found.facts["count"]) == ((False, True), "3")


# The do-not-wake list


@pytest.mark.parametrize(
    ("kind", "value", "until", "awake"),
    [
        ("sync", None, None, False),
        ("user", "acct_1", None, False),
        ("integration", "box", None, False),
        ("user", "acct_1", NOW + MINUTE, False),
        ("user", "acct_1", NOW, True),
        ("integration", "box", NOW - MINUTE, True),
        ("user", "box", None, True),
        ("integration", "acct_1", None, True),
    ],
)
def test_what_is_on_the_list_is_left_asleep(
    project: Project, kind: str, value: str | None, until: Any, awake: bool
) -> None:
    sync = make(project)
    sleeper(project, kind, value or str(sync.sync_id), until=until)
    sleeper(factories.ProjectFactory(), "user", "acct_1")
    found = check(sync, CheckName.AWAKE)
    assert judged(found) == (awake, True)
    if not awake:
        assert (found.facts["kind"], found.facts["reason"]) == (kind, "Trial is over")
        assert found.facts.get("until") == (until and until.isoformat())


def test_of_several_entries_the_one_that_lasts_longest_is_told(project: Project) -> None:
    sync, person = make(project), factories.member(project, Role.LEAD)
    sleeper(project, "integration", "box", until=NOW + MINUTE)
    sleeper(project, "user", "acct_1", until=NOW + 2 * MINUTE)
    assert check(sync, CheckName.AWAKE).facts["kind"] == "user"
    sleeper(project, "sync", str(sync.sync_id), by=person)
    facts = check(sync, CheckName.AWAKE).facts
    assert (facts["kind"], facts["by"]) == ("sync", person.username)
    assert "until" not in facts


# The rate


def test_thirty_an_hour_for_a_person_in_all_projects(project: Project) -> None:
    person, sync, elsewhere = actor(project), make(project), make(factories.ProjectFactory())
    bulk = Bulk.objects.create(
        project=project, state="waves", reason="-", canary_size=1, wave_size=1, per_minute=1, created_at=NOW
    )
    for _ in range(RATE - 1):
        attempt(elsewhere, requested_by=person.user)
    attempt(elsewhere, requested_by=person.user, bulk=bulk)
    attempt(elsewhere, requested_by=person.user, ago=timedelta(minutes=61))
    attempt(elsewhere, requested_by=actor(project).user)
    found = check(sync, CheckName.RATE, by=person)
    assert (judged(found), found.facts) == ((True, False), {"count": "29", "most": "30"})
    attempt(elsewhere, requested_by=person.user)
    assert judged(check(sync, CheckName.RATE, by=person)) == (False, False)
    assert check(sync, CheckName.RATE).passed


def test_thirty_an_hour_for_a_key(project: Project) -> None:
    sync, other = make(project), make(factories.ProjectFactory())
    for _ in range(RATE):
        attempt(sync, actor_text=NOBODY.text)
    assert check(sync, CheckName.RATE).passed is False
    assert check(sync, CheckName.RATE, by=Actor(None, "another key", Role.OPERATOR)).passed
    assert check(other, CheckName.RATE).passed  # a key is of one project


# All of it


def test_a_sync_costs_six_statements_whatever_there_is(project: Project, settings: Any) -> None:
    """And one more, whether it is the only project, where the settings name none."""
    sync = make(project)
    counts = []
    for turn, named in enumerate(([project.slug], [])):
        settings.PROVIDER_FOR = named
        with CaptureQueriesContext(
            connection,
        ) as found:
            gather(sync, actor=NOBODY, now=NOW, ask_provider=False)
        counts.append(len(found))
        for number in range(20):
            working(project, user_id=f"other {turn} {number}")
            attempt(sync, State.REFUSED)
            sleeper(project, "user", f"other {turn} {number}")
    assert counts == [6, 7]


def test_many_cost_the_same_whatever_there_is_and_others_syncs_are_left_out(project: Project, settings: Any) -> None:
    settings.PROVIDER_FOR = [project.slug]
    mine, theirs = make(project), make(factories.ProjectFactory())
    with CaptureQueriesContext(connection) as found:
        assert set(candidates(project, [mine.sync_id, theirs.sync_id, uuid.uuid4()], now=NOW)) == {mine.sync_id}
    assert len(found) == 3  # with the savepoint around it
    assert candidates(project, [], now=NOW) == {}


def test_the_table_has_every_check_and_every_sign() -> None:
    assert list(RULES) == list(CheckName)
    assert list(OF_MANY) == OF_ONE
    assert list(SIGNS) == [sign for sign in Sign if sign != Sign.CREDENTIAL_VALID]  # the provider is not asked of many


def random_world(project: Project, chance: random.Random) -> None:
    """Syncs of few customers, so that much of it meets, with attempts, words and sleepers about them."""

    def moment() -> Any:
        minutes = chance.choice((None, 0, 1, 5, 20, 29, 30, 30, 31, 60, 3000, 20_000))
        return None if minutes is None else NOW - minutes * MINUTE

    made = Sync.objects.bulk_create(
        Sync(
            project=project,
            sync_id=uuid.UUID(int=chance.getrandbits(128), version=4),
            user_id=chance.choice(("", "acct_1", "acct_2", "acct_3")),
            integration=chance.choice(("", "box", "box", "drive")),
            credential_id=chance.choice(("", "c-1", "c-2")),
            status=chance.choice(("ERRORED", "ERRORED", "ERRORED", "DISABLED", "IDLE", "RATE_LIMITED", "", "NEW")),
            last_completed_at=moment(),
            last_error_at=moment(),
            last_error_event=chance.choice(
                ("SYNC_RUN_ERROR", "SYNC_RUN_ERROR", "", "SYNC_CREATION_FAILED", "SYNC_WEBHOOK_FAILED")
            ),
            last_error_code=chance.choice(("", "", "invalid_grant", "10007", "ETIMEDOUT")),
            last_error_http_status=chance.choice((None, 401, 429, 503)),
            last_error_recoverability=chance.choice(("", "NON_RECOVERABLE", "RECOVERABLE")),
            first_seen_at=NOW,
            last_seen_at=NOW,
        )
        for _ in range(70)
    )
    for sync in chance.sample(made, 40):
        for number in range(chance.choice((1, 1, 3, 4))):
            state = chance.choice([*State] if number == 0 else [state for state in State if state not in OPEN])
            ago = chance.choice((0, 1, 2, 3, 600, 10_079, 10_080, 10_081, 50_000))
            attempt(sync, state, ago=ago * MINUTE)
    for sync in chance.sample(made, 25):
        error_at = (sync.last_error_at or NOW) + chance.choice((-1, 0, 1)) * MINUTE
        Resolution.objects.create(project=project, sync_id=sync.sync_id, error_at=error_at, note="-", at=NOW)
    asleep = [("sync", str(sync.sync_id)) for sync in chance.sample(made, 8)]
    others = [("user", "acct_2"), ("integration", "drive"), ("user", "box"), ("integration", "acct_1")]
    for kind, value in (*asleep, *chance.sample(others, 2)):
        sleeper(project, kind, value, until=chance.choice((None, NOW - MINUTE, NOW, NOW + MINUTE)))


@pytest.mark.parametrize("seed", range(6))
def test_one_sync_and_many_are_judged_alike(seed: int, settings: Any) -> None:
    chance, project, elsewhere = random.Random(seed), factories.ProjectFactory(), factories.ProjectFactory()
    random_world(project, chance)
    random_world(elsewhere, chance)  # must not matter
    settings.PROVIDER_FOR = [project.slug]
    syncs = {sync.sync_id: sync for sync in Sync.objects.of(project)}
    many = candidates(project, syncs, now=NOW)
    assert many.keys() == syncs.keys()
    seen: set[CheckName | None] = set()
    signs: set[str] = set()
    for key, sync in syncs.items():
        found = gather(sync, actor=NOBODY, now=NOW, ask_provider=False)
        failed = tuple(check.name for check in found.failed if check.name != CheckName.RATE)
        assert many[key].failed == failed, (seed, sync.status, sync.last_error_event, sync.last_error_code)
        seen |= set(failed) or {None}
        cause = next(check for check in found.checks if check.name == CheckName.CAUSE_GONE)
        if cause.facts.get("sign") != "no_error":  # one sync shows the first sign, many have all of them
            assert many[key].signs[:1] == [cause.facts["sign"]] if cause.passed else many[key].signs == []
            signs |= set(many[key].signs)
    assert seen == {*OF_ONE, None} - {CheckName.PROVIDED} or seed  # the first world has something of everything
    assert signs == set(SIGNS) or seed
    settings.PROVIDER_FOR = [elsewhere.slug]
    many = candidates(project, syncs, now=NOW)
    for key, sync in syncs.items():
        found = gather(sync, actor=NOBODY, now=NOW, ask_provider=False)
        assert many[key].failed == tuple(check.name for check in found.failed if check.name != CheckName.RATE)
        assert many[key].failed[0] == CheckName.PROVIDED
