"""Pages of single re-enables: permissions, every answer to a form, and no markup from others' text."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from synclogs.catalogue.recovery import CheckName, State
from synclogs.management.commands.simulate_provider import known
from synclogs.models import Action, AuditEvent, ConnectedUser, Project, Reenable, Resolution, Role, Sleeper, Sync
from tests.factories import ProjectFactory, entry, error_entry, member, run, store, sync_id
from tests.reenabling import asks, provided

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\u202e\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def project(db) -> Project:
    """A sync of Acme that stopped half an hour ago for its credential."""
    project = ProjectFactory(slug="alpha")
    now = timezone.now()
    store(project, *run(at=now - timedelta(hours=2)), error_entry(timestamp=now - timedelta(minutes=30)), now=now)
    ConnectedUser.objects.filter(project=project).update(name="Acme")
    return project


@pytest.fixture
def operator(client: Client, project: Project) -> Client:
    client.force_login(member(project, Role.OPERATOR))
    return client


def signed_in(project: Project, role: Role) -> Client:
    client = Client()
    client.force_login(member(project, role))
    return client


def cure(project: Project) -> None:
    """Another sync of the same account has completed since."""
    store(project, *run(at=timezone.now() - timedelta(minutes=5), name="other"))


def page(client: Client, path: str = f"syncs/{sync_id()}", status: int = 200) -> str:
    response = client.get(f"/p/alpha/{path}")
    assert response.status_code == status
    return response.content.decode()


def panel(html: str) -> str:
    return html[html.index('id="reenable"') : html.index("</section>", html.index('id="reenable"'))]


def send(client: Client, verb: str = "reenable", sync: str = sync_id(), **fields: str) -> Any:
    return client.post(f"/p/alpha/syncs/{sync}/{verb}", fields)


def checks(html: str) -> dict[str, str]:
    return dict(re.findall(r'data-check="(\w+)" data-passed="([\w ]+)"', html))


def attempt_of(project: Project, state: str = State.ACCEPTED, **values: Any) -> Reenable:
    now = timezone.now()
    usual = {
        "sync_id": sync_id(),
        "user_id": "acct_1",
        "integration": "googledrive",
        "reason": "Reconnected",
        "actor_text": "ada",
        "requested_at": now - timedelta(minutes=2),
        "expires_at": now + timedelta(minutes=8),
    }
    return Reenable.objects.create(project=project, state=state, **{**usual, **values})


# The panel


def test_the_panel_shows_the_evidence_and_asks_for_a_reason(operator, project):
    cure(project)
    html = panel(page(operator))
    assert set(checks(html).values()) == {"passed"}
    assert len(checks(html)) == len(CheckName)
    assert "Another sync of the same customer and integration completed" in html
    assert 'data-action="reenable"' in html
    assert "Re-enable <bdi>Google Drive, files of Acme</bdi>" in html
    assert 'name="override"' not in html
    assert 'name="reason" rows="2" maxlength="2000" required' in html


def test_without_a_sign_that_the_cause_is_gone_an_operator_may_only_say_so(operator, project):
    html = panel(page(operator))
    assert checks(html)["cause_gone"] == "not shown"
    assert 'data-action="reenable"' not in html
    assert "It cannot be re-enabled now: nothing shows that the cause is gone." in html
    assert "A lead may do it against the evidence" in html
    assert 'data-action="resolve"' in html


def test_a_lead_may_do_it_against_the_evidence(project):
    html = panel(page(signed_in(project, Role.LEAD)))
    assert 'data-action="reenable"' in html
    assert "Against the evidence: nothing shows that the cause is gone" in html


def test_a_viewer_sees_everything_and_no_dead_button(project):
    cure(project)
    html = panel(page(signed_in(project, Role.VIEWER)))
    assert len(checks(html)) == len(CheckName)
    assert "You need the role operator" in html
    assert "<form" not in html
    assert "<button" not in html


def test_what_re_enabling_does_not_cure_is_said_to_everybody(project):
    gone = {"errorCode": "10007", "recoverability": "NON_RECOVERABLE", "message": "gone"}
    store(project, error_entry(syncId=sync_id("gone"), error=gone))
    html = panel(page(signed_in(project, Role.LEAD), f"syncs/{sync_id('gone')}"))
    assert checks(html)["curable"] == "not passed"
    assert "Nobody can override this." in html
    assert "<form" not in html


def test_a_working_sync_has_one_quiet_line(operator, project):
    store(project, *run(at=timezone.now() - timedelta(minutes=3), name="well"))
    html = page(operator, f"syncs/{sync_id('well')}")
    assert "Only a stopped or paused sync can be re-enabled; this one is neither." in html
    assert "h-reenable" not in html


def test_with_an_attempt_under_way_the_panel_shows_how_far_it_is(operator, project):
    attempt = attempt_of(project, accepted_at=timezone.now())
    html = panel(page(operator))
    assert 'data-status="accepted"' in html
    assert f'hx-get="/p/alpha/reenables/{attempt.pk}/progress?on=sync' in html
    assert "<form" not in html


def test_what_the_provider_says_comes_after_the_page(operator, project, monkeypatch):
    class Away:
        reads = True

        def credentials(self, user):
            asked.append(user)

    asked: list[str] = []
    asks(monkeypatch, Away)
    assert f'hx-get="/p/alpha/syncs/{sync_id()}/evidence"' in page(operator)
    assert asked == []
    fragment = page(operator, f"syncs/{sync_id()}/evidence")
    assert asked == ["acct_1"]
    assert "hx-get" not in fragment
    assert "<h1" not in fragment
    page(operator, f"syncs/{sync_id()}?ask=provider")


# The forms


def test_the_click_makes_one_attempt_and_leads_to_its_page(operator, project):
    cure(project)
    response = send(operator, reason=" The customer reconnected. ")
    attempt = Reenable.objects.get()
    assert response.status_code == 303
    assert response["Location"] == f"/p/alpha/reenables/{attempt.pk}"
    assert (attempt.state, attempt.reason, attempt.is_override) == (State.REQUESTED, "The customer reconnected.", False)
    assert ProcrastinateJob.objects.filter(args__attempt=str(attempt.pk)).count() == 1
    html = page(operator, f"reenables/{attempt.pk}")
    assert 'data-status="requested"' in html
    assert "The customer reconnected." in html
    assert len(checks(html)) == len(CheckName)
    again = send(operator, reason="Twice")
    assert again.status_code == 409
    assert "An attempt is under way" in again.content.decode()
    assert f'href="/p/alpha/reenables/{attempt.pk}"' in again.content.decode()
    assert Reenable.objects.count() == 1


def test_what_stands_in_the_way_is_a_409_in_words(operator, project):
    html = send(operator, reason="Please <b>").content.decode()
    assert checks(html) == {"cause_gone": "not shown"}
    assert "nothing was sent by this click" in html
    assert "Please &lt;b&gt;" in html
    assert send(operator, reason="Please").status_code == 409
    assert not Reenable.objects.exists()


@pytest.mark.parametrize("reason", ["", "   ", "\x00", "…", "a" * 2001])
def test_a_reason_that_will_not_do_is_a_400_at_its_field(operator, project, reason):
    cure(project)
    response = send(operator, reason=reason)
    html = response.content.decode()
    assert response.status_code == 400
    assert re.search(r'name="reason"[^>]*aria-invalid="true"', html)
    assert re.search(r'id="reenable-reason-error">[^<]+<', html)
    assert not reason.strip("\x00 ") or reason in html
    assert not Reenable.objects.exists()


def test_only_a_lead_overrides(operator, project):
    refused = send(operator, reason="I am sure", override="yes")
    assert refused.status_code == 403
    assert "for the role Lead and above" in refused.content.decode()
    assert AuditEvent.objects.filter(action=Action.ACCESS_DENIED).count() == 1
    lead = signed_in(project, Role.LEAD)
    assert send(lead, reason="I am sure").status_code == 409
    assert send(lead, reason="I am sure", override="yes").status_code == 303
    assert Reenable.objects.get().is_override
    html = page(lead, f"reenables/{Reenable.objects.get().pk}")
    assert "against the evidence" in html
    assert checks(html)["cause_gone"] == "not shown"


def test_roles_methods_strangers_and_tokens(operator, project):
    cure(project)
    assert send(signed_in(project, Role.VIEWER), reason="x").status_code == 403
    assert send(Client(), reason="x").status_code == 302
    for sync in (sync_id("nobody"), "no-uuid", "../../x", "a" * 400, f"{sync_id()}/x"):
        assert send(operator, sync=sync, reason="x").status_code == 404, sync
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert operator.generic(method, f"/p/alpha/syncs/{sync_id()}/reenable").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(member(project, Role.OPERATOR))
    for verb in ("reenable", "resolve"):
        assert send(strict, verb, reason="x", note="x").status_code == 403
    assert not Reenable.objects.exists()


def test_marking_as_resolved_opens_the_gate(operator, project):
    wrong = send(operator, "resolve", note=" ", ticket="T-1")
    assert wrong.status_code == 400
    assert re.search(r'name="note"[^>]*aria-invalid="true"', wrong.content.decode())
    assert 'value="T-1"' in wrong.content.decode()
    long = send(operator, "resolve", note="Reconnected", ticket="T" * 201)
    assert long.status_code == 400
    assert re.search(r'name="ticket"[^>]*aria-invalid="true"', long.content.decode())
    response = send(operator, "resolve", note=f"Reconnected {HOSTILE}", ticket="T-1")
    assert (response.status_code, response["Location"]) == (303, f"/p/alpha/syncs/{sync_id()}#reenable")
    assert Resolution.objects.get().ticket == "T-1"
    html = panel(page(operator))
    assert checks(html)["cause_gone"] == "passed"
    assert "marked it as resolved" in html
    assert 'data-action="reenable"' in html
    assert HOSTILE not in html
    assert "<img" not in html


# One attempt


@pytest.mark.parametrize(
    ("state", "values", "marks"),
    [
        ("requested", {}, ["current", "ahead", "ahead", "ahead"]),
        ("accepted", {"accepted_at": 1}, ["done", "current", "ahead", "ahead"]),
        ("started", {"accepted_at": 1, "started_at": 1}, ["done", "done", "current", "ahead"]),
        ("recovered", {"accepted_at": 1, "started_at": 1, "ended_at": 1}, ["done"] * 4),
        ("recovered", {"accepted_at": 1, "ended_at": 1}, ["done", "done", "skipped", "done"]),
        ("failed_again", {"accepted_at": 1, "started_at": 1, "ended_at": 1}, ["done", "done", "done", "failed"]),
        ("no_sign_of_life", {"accepted_at": 1, "ended_at": 1}, ["done", "done", "failed"]),
        ("refused", {"ended_at": 1}, ["done", "failed"]),
        ("expired", {"ended_at": 1}, ["done", "failed"]),
        ("unknown", {"sent_at": 1}, ["done", "current", "ahead", "ahead"]),
    ],
)
def test_the_way_of_every_state(operator, project, state, values, marks):
    moments = dict.fromkeys(values, timezone.now() - timedelta(minutes=1))
    attempt = attempt_of(project, state, **moments)
    html = page(operator, f"reenables/{attempt.pk}")
    assert re.findall(r'class="way-step way-(\w+)', html) == marks
    assert html.count('aria-current="step"') == 1
    assert f'data-status="{state}"' in html
    assert ("hx-get" in html[html.index('id="attempt"') :][:300]) is attempt.is_open
    assert (">Refresh<" in html) is attempt.is_open
    ended_for_nothing = state in ("failed_again", "no_sign_of_life", "refused", "expired")
    assert ("Request again" in html) is ended_for_nothing


def test_the_page_says_what_may_be_told_and_what_was_logged_since(operator, project):
    now = timezone.now()
    store(project, *run(at=now - timedelta(minutes=1), traceId="after"), now=now)
    moment = now - timedelta(seconds=52)
    ended = store(project, entry(timestamp=now - timedelta(seconds=20), syncEvent="PAGE_READ"), now=now)
    assert ended.accepted == 1
    attempt = attempt_of(
        project, "recovered", accepted_at=now - timedelta(minutes=1), started_at=moment, ended_at=moment
    )
    html = page(operator, f"reenables/{attempt.pk}")
    assert "has been syncing again since" in html
    assert 'data-copy-from="tell-words"' in html
    assert html.count('data-log-key="') == 3
    assert "Other attempts" not in html
    attempt_of(project, "refused", requested_at=now - timedelta(days=2), ended_at=now - timedelta(days=2))
    assert "Other attempts for this sync" in page(operator, f"reenables/{attempt.pk}")


def test_the_fragment_comes_only_when_there_is_something_new(operator, project):
    attempt = attempt_of(project, accepted_at=timezone.now())
    html = page(operator, f"reenables/{attempt.pk}")
    url = re.search(r'hx-get="/p/alpha/(reenables/[^"]+)" hx-trigger="every 4s"', html)
    assert url
    address = url[1].replace("&amp;", "&")
    response = operator.get(f"/p/alpha/{address}")
    if response.status_code == 200:  # the minute has just turned
        assert "attempt-news" not in response.content.decode()
    else:
        assert (response.status_code, response.content, response.has_header("X-Fragment")) == (204, b"", False)
    store(project, entry(syncEvent="INCREMENTAL_SYNC_STARTED", timestamp=timezone.now()))
    Reenable.objects.update(state=State.STARTED, started_at=timezone.now(), sent_at=timezone.now())
    response = operator.get(f"/p/alpha/{address}")
    fragment = response.content.decode()
    assert (response.status_code, response["X-Fragment"]) == (200, "attempt")
    assert 'hx-swap-oob="innerHTML:#attempt-news">A run started at' in fragment
    assert 'hx-swap-oob="innerHTML:#attempt-logs"' in fragment
    assert 'hx-swap-oob="innerHTML:#attempt-facts"' in fragment
    assert "not yet" in html[html.index("Sent to the provider") :]
    assert ", once" in fragment[fragment.index("Sent to the provider") :]  # the facts go on with the verdict
    assert fragment.count("data-log-key") == 1
    assert "<h1" not in fragment
    Reenable.objects.update(state=State.RECOVERED, ended_at=timezone.now())
    on_sync = page(operator, f"reenables/{attempt.pk}/progress?on=sync&seen=started-1")
    assert "hx-trigger" not in on_sync
    assert "Show the sync as it is now" in on_sync
    assert "data-log-key" not in on_sync


def test_nothing_that_others_wrote_becomes_markup(operator, project):
    ConnectedUser.objects.filter(project=project).update(name=HOSTILE)
    evidence = [
        {"name": "cause_gone", "passed": True, "canOverride": True, "facts": {"sign": "resolved", "by": HOSTILE, "note": HOSTILE, "ticket": HOSTILE}},
        {"name": "curable", "passed": False, "canOverride": False, "facts": {"words": HOSTILE, "action": HOSTILE}},
        {"name": "of-another-version"},
        {"name": "rate", "passed": True, "canOverride": False, "facts": {}},
        "nothing",
    ]  # fmt: skip
    attempt = attempt_of(
        project,
        "refused",
        reason=HOSTILE,
        actor_text=HOSTILE[:200],
        answer=HOSTILE * 30,
        found_status=HOSTILE[:100],
        error_at=timezone.now(),
        error_code=HOSTILE[:100],
        integration=HOSTILE[:100],
        evidence=evidence,
        ended_at=timezone.now(),
    )
    Sleeper.objects.create(project=project, kind="user", value="acct_1", reason=HOSTILE, at=timezone.now(), until=None)
    for path in (
        f"reenables/{attempt.pk}",
        f"reenables/{attempt.pk}/progress",
        "reenables",
        "reenables/asleep",
        f"syncs/{sync_id()}",
        "users/acct_1",
    ):
        html = page(operator, path)
        shown = re.sub(r'(data-copy|value)="[^"]*"', "", html)
        assert "<script>alert" not in html, path
        assert "<img" not in shown.replace('<img src="/static', ""), path
        assert "\u202e" not in shown, path
    assert set(checks(page(operator, f"reenables/{attempt.pk}"))) == {"cause_gone", "curable"}


def test_an_attempt_of_nowhere_is_unknown(operator, project):
    other = ProjectFactory()
    attempt = attempt_of(other)
    page(operator, f"reenables/{attempt.pk}", 404)
    page(operator, f"reenables/{attempt.pk}/progress", 404)
    page(operator, "reenables/nobody", 404)


# The list


def test_the_list_is_narrowed_counted_and_paged(operator, project):
    now = timezone.now()
    for number in range(52):
        attempt_of(
            project,
            "recovered" if number % 2 else "failed_again",
            sync_id=sync_id(number),
            integration="box" if number < 2 else "jira",
            actor_text=f"person {number}",
            requested_at=now - timedelta(minutes=number + 5),
            ended_at=now,
        )
    running = attempt_of(project)
    html = page(operator, "reenables")
    assert re.search(r'All <span class="count">53</span>', html)
    assert re.search(r'Recovered <span class="count">26</span>', html)
    assert html.count("<tr data-row>") == 50
    older = re.search(r'href="(\?[^"]*before=[^"]+)"', html)
    assert older
    assert page(operator, f"reenables{older[1]}").count("<tr data-row>") == 3
    for query, count in (
        ("state=open", 1),
        ("state=open&state=failed_again", 27),
        ("integration=box", 2),
        ("integration=box&state=recovered", 1),
        (f"sync={sync_id(3)}", 1),
        ("user=acct_1&state=accepted", 1),
        ("who=PERSON 51", 1),
        ("who=nobody", 0),
    ):
        assert page(operator, f"reenables?{query}").count("<tr data-row>") == count, query
    assert "Nothing matches" in page(operator, "reenables?who=nobody")
    assert str(running.pk) in page(operator, "reenables?state=open")
    for query in ("state=none", "sync=1", "colour=red", "who=" + "a" * 257, "before=1", "before=5-17", "who=%00"):
        assert "Clear the filters" in page(operator, f"reenables?{query}", 400), query


def test_a_project_without_attempts_says_how_there_would_be_one(operator, project):
    assert "Nothing has been re-enabled yet" in page(operator, "reenables")


def test_the_queries_do_not_grow_with_the_rows(operator, project):
    store(project, *(entry(syncId=sync_id(n), userId=f"acct_{n}") for n in range(40)))
    counts: dict[str, list[int]] = {}
    for many in (5, 30):
        for number in range(many):
            attempt_of(project, "refused", sync_id=sync_id(number), user_id=f"acct_{number}", ended_at=timezone.now())
            Sleeper.objects.get_or_create(
                project=project, kind="user", value=f"acct_{number}", defaults={"reason": "x", "at": timezone.now()}
            )
        for path in ("reenables", "reenables/asleep", f"reenables/{Reenable.objects.all()[0].pk}"):
            page(operator, path)
            with CaptureQueriesContext(connection) as queries:
                page(operator, path)
            counts.setdefault(path.split("-")[0], []).append(len(queries))
            assert not any("OFFSET" in query["sql"] for query in queries)
    lists_only = {path: found for path, found in counts.items() if path in ("reenables", "reenables/asleep")}
    assert all(len(set(found)) == 1 for found in lists_only.values()), counts


# The do-not-wake list


@pytest.mark.parametrize(
    ("kind", "value", "path"),
    [("sync", sync_id(), f"syncs/{sync_id()}"), ("user", "acct_1", "users/acct_1"), ("integration", "googledrive", "integrations/googledrive")],
)  # fmt: skip
def test_what_is_put_to_sleep_shows_so_and_can_be_taken_off(operator, project, kind, value, path):
    assert "Do not wake" in page(operator, path)
    assert "Do not wake" not in page(signed_in(project, Role.VIEWER), path)
    form = {"kind": kind, "value": value.upper() if kind == "sync" else value, "reason": "Trial is over", "for": "7d"}
    response = operator.post("/p/alpha/reenables/asleep", form)
    assert (response.status_code, response["Location"]) == (303, f"/p/alpha/{path}")
    found = Sleeper.objects.get()
    assert found.value == value
    assert found.until
    html = page(operator, path)
    assert "Not to be woken" in html
    assert "Trial is over" in html
    assert "Not to be woken" in page(signed_in(project, Role.VIEWER), path)
    assert checks(page(operator))["awake"] == "not passed"
    assert "Trial is over" in page(operator, "reenables/asleep")
    wake = f"/p/alpha/reenables/asleep/{found.pk}/wake"
    assert signed_in(project, Role.VIEWER).post(wake).status_code == 403
    assert operator.get(wake).status_code == 405
    assert operator.post(wake, {"back": "list"})["Location"] == "/p/alpha/reenables/asleep"
    assert operator.post(wake).status_code == 404
    assert not Sleeper.objects.exists()


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"kind": "user", "value": "acct_1", "reason": " "}, 400, "Say why in a few words."),
        ({"kind": "user", "value": "acct_1", "reason": "x", "for": "9y"}, 400, "Choose how long."),
        ({"kind": "world", "value": "acct_1", "reason": "x"}, 400, "Choose a sync, a user or an integration."),
        ({"kind": "user", "value": "nobody", "reason": "x"}, 404, "No user with this ID"),
        ({"kind": "sync", "value": "nobody", "reason": "x"}, 404, "No sync with this ID"),
        ({"kind": "integration", "value": "\x00", "reason": "x"}, 404, "No integration with this ID"),
    ],
)
def test_what_cannot_be_put_to_sleep(operator, project, form, status, words):
    response = operator.post("/p/alpha/reenables/asleep", form)
    assert response.status_code == status
    assert words in response.content.decode()
    assert not Sleeper.objects.exists()


def test_a_stopped_sync_leads_to_its_panel_from_every_list(operator, project):
    link = f'href="/p/alpha/syncs/{sync_id()}#reenable"'
    for path in ("", "syncs", "users/acct_1", "integrations/googledrive"):
        assert link in page(operator, path), path
    Sync.objects.filter(project=project).update(status="IDLE")
    assert link not in page(operator, "syncs")


# The administration


@pytest.fixture
def staff(client: Client, project: Project) -> Client:
    person = member(project, Role.ADMIN)
    person.is_staff = True
    person.save()
    client.force_login(person)
    return client


def test_the_administration_shows_attempts_and_leads_to_their_pages(staff, project):
    now = timezone.now()
    attempt = attempt_of(project, "refused", answer=HOSTILE, reason=HOSTILE, ended_at=now)
    Resolution.objects.create(project=project, sync_id=sync_id(), error_at=now, note=HOSTILE, ticket="T-1", at=now)
    Sleeper.objects.create(project=project, kind="integration", value="box", reason=HOSTILE, at=now)
    for model, query, words in (
        ("reenable", "", "Refused"),
        ("reenable", "&state=refused&integration=googledrive&who=ada&user_id=acct_1", "Refused"),
        ("reenable", f"&q={sync_id()}", "Refused"),
        ("reenable", "&q=acct_1", "Refused"),
        ("resolution", "&q=t-1", "T-1"),
        ("sleeper", "&kind=integration&q=box", "Integration"),
    ):
        html = staff.get(f"/admin/synclogs/{model}/?project=alpha{query}").content.decode()
        assert words in html[html.index('id="result_list"') :], (model, query)
        assert "<script>alert" not in html
    html = staff.get(f"/admin/synclogs/reenable/{attempt.pk}/change/").content.decode()
    assert f"/p/alpha/reenables/{attempt.pk}" in html
    assert "<script>alert" not in html


def test_the_action_on_syncs_leads_to_the_preview_of_a_bulk(staff, project):
    store(project, error_entry(syncId=sync_id("b")))
    theirs = ProjectFactory(slug="beta")
    store(theirs, error_entry(syncId=sync_id("c")))
    keys = [str(key) for key in Sync.objects.values_list("pk", flat=True)]
    form = {"action": "reenable_selected", "_selected_action": keys, "index": "0"}
    response = staff.post("/admin/synclogs/sync/?project=alpha", form)
    assert response.status_code == 302
    assert response["Location"].startswith("/p/alpha/reenables/bulk/new?sync=")
    assert sorted(re.findall("sync=([^&]+)", response["Location"])) == sorted([sync_id(), sync_id("b")])
    assert not Reenable.objects.exists()
    staff.post("/admin/synclogs/sync/?project=alpha", {**form, "action": "delete_selected"})
    assert Sync.objects.count() == 3
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = staff.cookies
    assert strict.post("/admin/synclogs/sync/?project=alpha", form).status_code == 403


def test_a_form_that_only_the_provider_allows_comes_back_with_its_error(operator, project, settings, monkeypatch):
    """The evidence came after the page; the answer to the form must not lose form, text and error."""
    with provided(settings, monkeypatch) as simulator:
        simulator.memory.put(known(Sync.objects.get()))
        assert 'data-action="reenable"' not in page(operator)
        response = send(operator, reason="  ")
        html = panel(response.content.decode())
        assert response.status_code == 400
        assert 'id="reenable-reason-error">Say why in a few words.</p>' in html
        assert "hx-get" not in html


# Where nobody can be asked


def test_without_a_provider_the_panel_says_so_and_offers_nothing(operator, project, settings):
    cure(project)
    settings.PROVIDER_FOR = ["elsewhere"]
    html = page(operator)
    assert checks(html)["provided"] == "not passed"
    assert "It cannot be re-enabled now: no provider is set up for this project. Nobody can override this." in html
    assert 'data-action="reenable"' not in html
    refused = send(operator, reason="The customer asked.")
    assert refused.status_code == 409
    assert "The syncs of the provider belong to another project of this portal" in refused.content.decode()
    settings.PROVIDER = "none"
    refused = send(operator, reason="The customer asked.")
    assert "No provider is set up for this project, so nobody can be asked." in refused.content.decode()
    assert not Reenable.objects.exists()


# Among the logs of the sync


def test_an_attempt_stands_among_the_logs_of_its_sync(operator, project):
    cure(project)
    send(operator, reason=f"It is over. {HOSTILE}")
    attempt = Reenable.objects.get()
    Reenable.objects.update(state=State.RECOVERED, ended_at=attempt.requested_at + timedelta(minutes=2))
    store(
        project, *run(at=attempt.requested_at + timedelta(minutes=1)), now=attempt.requested_at + timedelta(minutes=3)
    )
    html = page(operator)
    logs = html[html.index('id="logs"') : html.index('class="rows-foot"')]
    story = re.findall(r"data-log-key|Re-enable asked for|Re-enable: recovered", logs)
    # Newest first; `run` is a start and, eight seconds later, its end.
    assert story[:4] == ["Re-enable: recovered", "data-log-key", "data-log-key", "Re-enable asked for"]
    assert story.count("data-log-key") == len(story) - 2
    assert f'href="/p/alpha/reenables/{attempt.pk}"' in logs
    assert "<script>alert" not in logs
    assert "It is over." in logs
