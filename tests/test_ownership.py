"""Ownership of a provider's syncs: the rule, the settings, attempts of other projects, and a change of owner."""

import uuid
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError, ProgrammingError
from django.test import Client
from django.utils import timezone

from portal.checks import provider_has_one_owner, provider_is_complete
from synclogs.catalogue.recovery import CheckName, State
from synclogs.models import Action, AuditEvent, Project, Reenable, Role, Sync
from synclogs.recovery import bulk, evidence, ownership, reenable
from synclogs.recovery.bulk import NothingSelected, Plan
from tests import factories
from tests.provider import HOST_SECRET, calls, key_text
from tests.reenabling import actor, owners, posts, provided, requested, stopped

pytestmark = pytest.mark.django_db
UPSTREAM = "http://127.0.0.1:1"


@pytest.fixture
def demo() -> Project:
    return factories.ProjectFactory(slug="demo")


def beta() -> Project:
    return factories.ProjectFactory(slug="beta")


# The rule


@pytest.mark.parametrize(
    ("named", "alone", "expected"),
    [
        ([], True, None),
        ([], False, {"owner": "undecided"}),
        (["demo"], True, None),
        (["demo"], False, None),
        (["beta"], False, {"owner": "another"}),
        (["gone"], True, {"owner": "another"}),
    ],
)
def test_one_project_owns_what_the_provider_has(
    demo: Project, settings: Any, named: list[str], alone: bool, expected: dict[str, str] | None
) -> None:
    settings.PROVIDER_FOR = named
    if not alone:
        beta()
    assert ownership.what_is_missing(demo) == expected
    assert (ownership.provider_of(demo) is None) == (expected is not None)


def test_without_a_provider_nobody_owns_and_nobody_is_denied(demo: Project, settings: Any) -> None:
    settings.PROVIDER = "none"
    beta()
    assert ownership.what_is_missing(demo) == {}
    assert not ownership.denied(demo, [uuid.uuid4()], actor=actor(demo))
    assert provider_has_one_owner(databases=["default"]) == []


def test_each_provider_with_a_prefix_has_a_project_of_its_own(demo: Project, settings: Any) -> None:
    second, third = beta(), factories.ProjectFactory(slug="gamma")
    owners(settings, demo, second)
    first, other = ownership.provider_of(demo), ownership.provider_of(second)
    assert None not in (first, other)
    assert first is not other
    assert first is ownership.provider_of(demo)  # so that its breaker remembers
    assert ownership.what_is_missing(third) == {"owner": "another"}
    assert provider_has_one_owner(databases=["default"]) == provider_is_complete() == []


# What the settings may say


def faults(settings: Any, **changed: Any) -> list[str]:
    """Of two providers, of demo and of beta, with some settings changed."""
    two = {
        "PROVIDER": "none", "PROVIDERS": ["EU", "US"],
        "EU_PROVIDER": "paragon", "EU_PROVIDER_FOR": ["demo"], "EU_PROVIDER_PROJECT": "one",
        "US_PROVIDER": "paragon", "US_PROVIDER_FOR": ["beta"], "US_PROVIDER_PROJECT": "two",
    }  # fmt: skip
    for prefix in ("EU", "US"):
        two |= {f"{prefix}_PROVIDER_{name}": "https://provider.example/base" for name in ("SYNC_URL", "API_URL")}
        two |= {f"{prefix}_PROVIDER_{name}": "" for name in ("AUDIENCE", "SIGNING_KEY_FILE", "HOST_SECRET_FILE")}
        two |= {
            f"{prefix}_PROVIDER_HOST_SECRET": HOST_SECRET,
            f"{prefix}_PROVIDER_HOST_URL": f"https://{prefix}.example",
        }
        two |= {f"{prefix}_PROVIDER_SIGNING_KEY": key_text()}
    for name, value in {**two, **changed}.items():
        setattr(settings, name, value)
    return [str(message.msg) for message in provider_is_complete()]


SAME = "EU_PROVIDER and US_PROVIDER reach the same syncs, by the same PROVIDER_SYNC_URL and PROVIDER_PROJECT."
HOST_APPS = {"EU_PROVIDER": "host_app", "US_PROVIDER": "host_app"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"US_PROVIDER_PROJECT": "one"}, [SAME]),
        ({"US_PROVIDER_PROJECT": "one", "US_PROVIDER_SYNC_URL": "https://PROVIDER.example:443/base/"}, [SAME]),
        ({"US_PROVIDER_PROJECT": "one", "US_PROVIDER_SYNC_URL": "https://other.example/base"}, []),
        (HOST_APPS, []),
        ({**HOST_APPS, "US_PROVIDER_HOST_URL": "https://eu.example/"},
         ["EU_PROVIDER and US_PROVIDER reach the same syncs, by the same PROVIDER_HOST_URL."]),
        ({"US_PROVIDER_FOR": ["demo"]}, ["EU_PROVIDER_FOR and US_PROVIDER_FOR name the same project."]),
        ({"US_PROVIDER_FOR": []}, ["US_PROVIDER_FOR is not set."]),
        ({"US_PROVIDER_FOR": ["beta", "gamma"]},
         ["US_PROVIDER_FOR names 2 projects, but the syncs of a provider belong to one."]),
        ({"US_PROVIDER": "none"}, ["US_PROVIDER is not set."]),
        ({"EU_PROVIDER_PROJECT": ""}, ["EU_PROVIDER_PROJECT is not set."]),
        ({"US_PROVIDER_SYNC_URL": "ftp://x"}, ["US_PROVIDER_SYNC_URL cannot be used: it has to look like https://host/path."]),
        ({"US_PROVIDER_SIGNING_KEY": ""}, ["US_PROVIDER_SIGNING_KEY or US_PROVIDER_SIGNING_KEY_FILE is not set."]),
    ],
    ids=range(13),
)  # fmt: skip
def test_faults_are_told_by_the_names_that_were_set(
    demo: Project, settings: Any, changed: dict[str, Any], expected: list[str]
) -> None:
    second = beta()
    assert faults(settings, **changed) == expected
    if expected:
        # Nobody is called by settings that will not do: for one of the two at least.
        assert not all(may_be_asked(project) for project in (demo, second))


def may_be_asked(project: Project) -> bool:
    return ownership.what_is_missing(project) is None


def test_the_start_is_refused_until_one_project_is_named(demo: Project, settings: Any) -> None:
    call_command("check", databases=["default"], stderr=StringIO(), stdout=StringIO())
    beta()
    call_command("check", stderr=StringIO(), stdout=StringIO())  # which asks no database
    with pytest.raises(SystemCheckError, match=r"\(portal\.E102\) PROVIDER_FOR is not set.*\(beta, demo\)"):
        call_command("check", databases=["default"], stderr=StringIO(), stdout=StringIO())
    settings.PROVIDER_FOR = ["demo"]
    assert provider_has_one_owner(databases=["default"]) == []
    settings.PROVIDER_FOR = ["gone"]
    (message,) = provider_has_one_owner(databases=["default"])
    assert (message.id, "gone" in message.msg) == ("portal.W102", True)


@pytest.mark.parametrize("error", [OperationalError, ProgrammingError])
def test_a_database_that_cannot_say_is_no_fault(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def away() -> None:
        raise error

    monkeypatch.setattr(ownership, "undecided", away)
    assert provider_has_one_owner(databases=["default"]) == []


def test_whoever_makes_the_second_project_is_told(demo: Project, settings: Any) -> None:
    said = StringIO()
    call_command("create_project", "beta", stderr=said)
    assert "nobody owns the provider's syncs. Set PROVIDER_FOR to the slug" in said.getvalue()
    client = Client()
    client.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    form = {"name": "Gamma", "slug": "gamma", "retention_days": "90"}
    form |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    page = client.post("/admin/synclogs/project/add/", form, follow=True).content.decode()
    assert "there are several projects (beta, demo, gamma)" in page
    settings.PROVIDER_FOR = ["demo"]
    said = StringIO()
    call_command("create_project", "delta", stderr=said)
    assert said.getvalue() == "Project delta made.\n"


# Who tries what is not theirs


def denials(project: Project) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(project=project, action=Action.ACCESS_DENIED).order_by("pk"))


def test_an_attempt_on_what_another_project_owns_is_told_in_both(demo: Project, settings: Any) -> None:
    settings.PROVIDER_FOR = ["demo"]
    other, theirs = beta(), stopped(demo)
    same, own = stopped(other, syncId=str(theirs.sync_id)), stopped(other)
    for role, override in ((Role.OPERATOR, False), (Role.OPERATOR, True), (Role.LEAD, True)):
        for sync in (same, own):
            with pytest.raises(reenable.NotEligible) as caught:
                reenable.request(sync, actor=actor(other, role), reason="Mine.", override=override, now=timezone.now())
            assert caught.value.evidence.failed[0].name == CheckName.PROVIDED
    assert [row.object_text for row in denials(other)] == [str(same.sync_id), str(own.sync_id)] * 3
    assert [row.object_text for row in denials(demo)] == [str(theirs.sync_id)] * 3
    row, there = denials(other)[-2], denials(demo)[-1]
    assert (row.actor, row.address, row.request_id) == (there.actor, there.address, there.request_id)
    assert "demo" not in row.reason
    assert "beta" in there.reason
    assert not Reenable.objects.exists()


def test_a_bulk_of_them_is_one_line_in_each(demo: Project, settings: Any) -> None:
    settings.PROVIDER_FOR = ["demo"]
    other = beta()
    theirs = [stopped(demo).sync_id for _ in range(7)]
    for name in theirs[:2]:
        stopped(other, syncId=str(name))
    lead = actor(other, Role.LEAD)
    with pytest.raises(NothingSelected):
        bulk.start(other, [*theirs, uuid.uuid4()], plan=Plan(), actor=lead, reason="All.", now=timezone.now())
    (row,), (there,) = denials(other), denials(demo)
    assert row.object_text.endswith(" and 3 more")
    assert there.object_text.endswith(" and 2 more")
    assert there.actor == lead.user


def test_what_is_only_looked_at_leaves_no_line(demo: Project, settings: Any) -> None:
    settings.PROVIDER_FOR = ["demo"]
    other = beta()
    sync = stopped(other, syncId=str(stopped(demo).sync_id))
    client = Client()
    client.force_login(factories.member(other, Role.LEAD))
    for path in (f"syncs/{sync.sync_id}?ask=provider", f"syncs/{sync.sync_id}/evidence", "reenables/bulk/new"):
        html = client.get(f"/p/beta/{path}").content.decode()
        assert "another project" in html or "no provider is set up for this project" in html.lower()
    assert denials(other) == denials(demo) == []


# When the owner changes


def test_what_waits_when_the_owner_changes_is_not_sent(
    demo: Project, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    with provided(settings, monkeypatch) as simulator:
        waiting, unknown = (requested(stopped(demo, simulator)) for _ in range(2))
        Reenable.objects.filter(pk=unknown.pk).update(sent_at=now)
        reenable.move(Reenable.objects.filter(pk=unknown.pk), to=State.UNKNOWN, now=now)
        beta()
        settings.PROVIDER_FOR = ["beta"]
        seen = calls(simulator, "/", "GET")  # about the accounts, at the click
        reenable.call(waiting.pk, now=now)
        reenable.settle(now=now + timedelta(seconds=40))
        waiting.refresh_from_db()
        assert (waiting.state, waiting.sent_at) == (State.REFUSED, None)
        assert waiting.answer == (
            "The syncs of the provider belong to another project of this portal, so nobody can be asked from here."
            " Nothing was sent."
        )
        assert (calls(simulator, "/", "POST"), calls(simulator, "/", "GET")) == (0, seen)
        client = Client()
        client.force_login(factories.member(demo))
        page = client.get(f"/p/demo/reenables/{waiting.pk}").content.decode()
        assert "Why it was not sent" in page
        assert "In its own words" not in page
        assert posts(simulator, Sync.objects.get(sync_id=waiting.sync_id)) == 0


def test_what_was_asked_a_moment_ago_is_not_shown_to_whoever_lost_it(
    demo: Project, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with provided(settings, monkeypatch) as simulator:
        sync = stopped(demo, simulator)

        def account() -> str | None:
            found = evidence.gather(sync, actor=actor(demo), now=timezone.now())
            return next(check for check in found.checks if check.name == CheckName.CAUSE_GONE).facts.get("credential")

        assert account() == "VALID"
        beta()
        assert account() is None
        assert calls(simulator, "/sdk/me", "GET") == 1
