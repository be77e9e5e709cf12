"""Pages of bulk re-enables: preview, form, the page of one and its actions, permissions, bad input, query counts."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from synclogs.catalogue.recovery import BulkState, State
from synclogs.models import Action, AuditEvent, Bulk, Project, Reenable, Role, Sync
from synclogs.recovery import bulk
from tests import factories
from tests.bulks import SECOND, again, crowd, ids, started
from tests.denied import times
from tests.factories import member
from tests.reader import Page
from tests.reenabling import actor, requested

pytestmark = pytest.mark.django_db
NEW = "/p/demo/reenables/bulk/new"
HOSTILE = "<script>alert(1)</script>\"'\u202egnp {{ 7 * 7 }}"


@pytest.fixture
def project() -> Project:
    return factories.ProjectFactory(slug="demo")


def client_of(project: Project, role: Role = Role.LEAD, **more: Any) -> Client:
    client = Client(**more)
    client.force_login(member(project, role))
    return client


def form_of(html: str, **more: Any) -> dict[str, Any]:
    """The fields of the form as the page brought them."""
    form = html[html.index('data-action="bulk"') :]
    found = dict(re.findall(r'<input[^>]*? name="(\w+)"[^>]*? value="([^"]*)"', form))
    return {**found, "reason": "The outage is over.", **more}


def text_of(response: Any) -> str:
    return str(response.content.decode())


# The preview


def test_the_preview_and_what_it_starts(project: Project) -> None:
    syncs = crowd(project, 60)
    requested(syncs[0])
    client = client_of(project)
    html = text_of(client.get(NEW, {"integration": "googledrive"}))
    assert re.search(r'data-eligible="59">59 syncs</span> can be re-enabled', html)
    assert "The first 50 of 59." in html
    assert html.count("<tr data-row>") == 50
    assert "Re-enable 59 syncs, 2 first" in html
    assert "2 first, then 3 waves of up to 25" in html
    assert "An attempt is under way" in html
    assert "Not stopped by an error" in html  # the one that recovered
    assert f'href="/p/demo/syncs/{syncs[0].sync_id}"' in html
    response = client.post(f"{NEW}?integration=googledrive", form_of(html, canary_size="3"))
    made = Bulk.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"/p/demo/reenables/bulk/{made.pk}")
    assert (made.canary_size, made.wave_size, made.source) == (3, 25, "integration=googledrive")
    assert set(made.items.values_list("sync_id", flat=True)) == set(ids(syncs[1:]))
    assert AuditEvent.objects.get(action=Action.BULK_REQUESTED).request_id
    page = text_of(client.get(response["Location"]))
    assert "Canary: the first 3 are about to be re-enabled" in page
    assert "The outage is over." in page
    assert 'hx-trigger="every 4s"' in page


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 3),
        ({"integration": "googledrive"}, 2),
        ({"integration": ["googledrive", "hubspot"], "attention": "errored"}, 3),
        ({"error_code": "invalid_grant"}, 3),
        ({"error_code": "other"}, 0),
        ({"attention": "silent"}, 0),
        ({"sync": "first"}, 1),
        ({"sync": ["", "first"], "integration": "hubspot"}, 0),
        ({"before": "1-2", "q": "hubspot"}, 1),
    ],
)
def test_what_is_looked_at_is_what_the_list_of_syncs_shows(project: Project, query: dict[str, Any], count: int) -> None:
    first = crowd(project, 2)[0]
    crowd(project, 1, integration="hubspot")
    query = {
        name: [str(first.sync_id) if one == "first" else one for one in ([value] if isinstance(value, str) else value)]
        for name, value in query.items()
    }
    html = text_of(client_of(project).get(NEW, query))
    found = re.search(r'data-eligible="(\d+)"', html)
    assert int(found[1] if found else 0) == count


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("stats=ERRORED", "Did you mean status?"),
        ("sync=", "Tick at least one sync"),
        ("sync=nonsense", "not the ID of a sync"),
        ("attention=what", "what"),
        ("&".join(f"sync={uuid4()}" for _ in range(101)), "At most 100"),
        ("integration=%00", "Null"),
    ],
)
def test_an_address_that_cannot_be_read_chooses_nothing(project: Project, query: str, words: str) -> None:
    crowd(project, 1)
    client = client_of(project)
    for response in (client.get(f"{NEW}?{query}"), client.post(f"{NEW}?{query}", {"reason": "x"})):
        assert response.status_code == 400
        assert words in text_of(response)
        assert "data-eligible" not in text_of(response)
    assert not Bulk.objects.exists()


def test_a_form_at_fault_comes_back_as_it_was_typed(project: Project) -> None:
    crowd(project, 3)
    client = client_of(project)
    html = text_of(client.get(NEW))
    faults = [
        ({"reason": "  "}, "Say why in a few words."),
        ({"reason": "x" * 2001}, "At most 2000"),
        ({"canary_size": "4"}, "from 1 to 3"),
        ({"canary_size": "0"}, "from 1 to 3"),
        ({"wave_size": "-1"}, "from 1 to 200"),
        ({"per_minute": "\u0663"}, "from 1 to 120"),
        ({"per_minute": "9" * 5000}, "from 1 to 120"),
        ({"syncs": ""}, "Choose between 1 and 1,000"),
        ({"syncs": "nonsense"}, "came damaged"),
        ({"syncs": ",".join(uuid4().hex for _ in range(1001))}, "Choose between 1 and 1,000"),
        ({"key": "nonsense"}, "came damaged"),
    ]
    for fields, words in faults:
        response = client.post(NEW, form_of(html, **{"reason": HOSTILE, **fields}))
        back = text_of(response)
        assert response.status_code == 400, fields
        assert words in back, fields
        assert "reason" in fields or escape(HOSTILE) in back
        assert "<script>alert" not in back
    assert not Bulk.objects.exists()


def test_what_has_changed_since_the_preview_is_skipped_and_nothing_comes_along(project: Project) -> None:
    syncs = crowd(project, 3)
    client = client_of(project)
    html = text_of(client.get(NEW))
    crowd(project, 2, name="later")
    requested(syncs[0])
    client.post(NEW, form_of(html))
    made = Bulk.objects.get()
    assert set(made.items.values_list("sync_id", flat=True)) == set(ids(syncs))
    assert bulk.progress(made).counts == {"waiting": 2, "skipped": 1}
    page = text_of(client.get(f"/p/demo/reenables/bulk/{made.pk}"))
    assert "An attempt is under way." in page
    response = client.post(NEW, form_of(html))  # the same form again is the same bulk
    assert response["Location"] == f"/p/demo/reenables/bulk/{made.pk}"
    for sync in syncs[1:]:
        requested(sync)
    response = client.post(NEW, form_of(html, key=str(uuid4())))
    assert response.status_code == 409
    assert "Nothing was started" in text_of(response)
    assert Bulk.objects.count() == 1


def test_without_a_provider_the_preview_says_so(project: Project, settings: Any) -> None:
    crowd(project, 3)
    settings.PROVIDER_FOR = ["elsewhere"]
    html = text_of(client_of(project).get(NEW))
    assert 'data-preview="none"' in html
    assert "No provider is set up for this project" in html
    assert 'data-action="bulk"' not in html


def test_nothing_and_too_many_offer_no_form(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(project)
    assert "None of these syncs can be re-enabled now" in text_of(client.get(NEW))
    crowd(project, 3)
    monkeypatch.setattr("synclogs.recovery.selection.MOST_ITEMS", 2)
    html = text_of(client.get(NEW))
    assert 'data-preview="many"' in html
    assert 'data-action="bulk"' not in html


# Rights


def test_only_leads_do_it_and_everybody_sees_it(project: Project) -> None:
    made = started(project, crowd(project, 2), now=timezone.now())
    page = f"/p/demo/reenables/bulk/{made.pk}"
    for role in (Role.VIEWER, Role.OPERATOR):
        client = client_of(project, role)
        html = text_of(client.get(page))
        assert 'id="bulk-pause"' not in html
        for verb in ("pause", "resume", "abort", "approve"):
            for response in (client.get(f"{page}/{verb}"), client.post(f"{page}/{verb}")):
                assert response.status_code == 403
                assert "for the role Lead and above" in text_of(response)
        response = client.post(NEW, {"reason": "x"})
        assert response.status_code == 403
        assert "Re-enable ticked" not in text_of(client.get("/p/demo/syncs"))
    assert times(action=Action.ACCESS_DENIED) == 2 * 9
    assert again(made).state == BulkState.CANARY
    assert Bulk.objects.count() == 1
    lead = client_of(project)
    for address in (f"{page}/explode", f"/p/demo/reenables/bulk/{uuid4()}/pause"):
        assert lead.get(address).status_code == lead.post(address).status_code == 404
    assert lead.get(f"/p/demo/reenables/bulk/{uuid4()}").status_code == 404
    assert lead.post(page).status_code == lead.post(f"{page}/progress").status_code == 405
    strict = client_of(project, enforce_csrf_checks=True)
    assert strict.post(f"{page}/abort").status_code == 403
    assert strict.post(NEW, {"reason": "x"}).status_code == 403
    assert again(made).state == BulkState.CANARY


def test_the_verbs_ask_first_and_say_what_happens(project: Project) -> None:
    made = started(project, crowd(project, 5), now=timezone.now())
    client, page = client_of(project), f"/p/demo/reenables/bulk/{made.pk}"
    bulk.step(now=timezone.now())
    assert [f'id="bulk-{verb}"' in text_of(client.get(page)) for verb in bulk_verbs()] == [True, False, True, False]
    asked = text_of(client.get(f"{page}/pause"))
    assert "3 syncs wait. 2 under way are watched to the end." in asked
    assert client.post(f"{page}/pause", {"reason": "x" * 2001}).status_code == 400
    assert client.post(f"{page}/pause", {"reason": HOSTILE})["Location"] == page
    html = text_of(client.get(page))
    assert "Paused. 3 of 5 syncs have not been tried. 2 under way are watched to the end." in html
    assert "&lt;script&gt;alert(1)" in html
    assert [f'id="bulk-{verb}"' in html for verb in bulk_verbs()] == [False, True, True, False]
    for method in (client.get, client.post):
        response = method(f"{page}/pause")
        assert response.status_code == 409
        assert "Paused." in text_of(response)
    assert client.post(f"{page}/resume").status_code == 303
    assert "cannot be called back" in text_of(client.get(f"{page}/abort"))
    assert client.post(f"{page}/abort").status_code == 303
    html = text_of(client.get(page))
    assert "Aborted. 3 of 5 syncs have not been tried." in html
    assert "Not tried" in html
    assert AuditEvent.objects.filter(action=Action.BULK_MOVED, address="127.0.0.1").count() == 3


def bulk_verbs() -> tuple[str, ...]:
    return ("pause", "resume", "abort", "approve")


def test_a_second_person_approves_on_the_page(project: Project, settings: Any) -> None:
    settings.BULK_APPROVAL_ABOVE = 2
    crowd(project, 3)
    first, second = client_of(project), client_of(project)
    html = text_of(first.get(NEW))
    assert "another lead has to approve it within 24 hours" in html
    page = first.post(NEW, form_of(html))["Location"]
    assert 'id="bulk-approve"' not in text_of(first.get(page))
    for response in (first.get(f"{page}/approve"), first.post(f"{page}/approve")):
        assert response.status_code == 403
        assert "somebody else has to approve" in text_of(response)
    assert 'id="bulk-approve"' in text_of(second.get(page))
    assert "It starts at once, with the canary: 3 syncs in all." in text_of(second.get(f"{page}/approve"))
    assert second.post(f"{page}/approve").status_code == 303
    assert second.post(f"{page}/approve").status_code == 409
    assert Bulk.objects.get().state == BulkState.CANARY
    assert "Approved by" in text_of(first.get(page))


# The page of one


def test_results_are_links_and_syncs_have_theirs(project: Project) -> None:
    made = started(project, crowd(project, 60), now=timezone.now(), canary_size=2)
    bulk.step(now=timezone.now())
    failed, recovered = Reenable.objects.order_by("requested_at", "pk")
    Reenable.objects.filter(pk=failed.pk).update(state=State.FAILED_AGAIN, ended_at=timezone.now())
    Reenable.objects.filter(pk=recovered.pk).update(state=State.RECOVERED, ended_at=timezone.now())
    bulk.step(now=timezone.now() + SECOND)
    client, page = client_of(project, Role.VIEWER), f"/p/demo/reenables/bulk/{made.pk}"
    html = text_of(client.get(page))
    assert "Stopped by itself. The canary did not recover: of 2 syncs, 1 failed again. 58 syncs were not tried." in html
    assert re.findall(r'data-result="(\w+)"', html) == ["recovered", "failed_again", "waiting"]
    assert "hx-trigger" not in html[html.index('id="bulk"') :].split(">")[0]
    assert html.count("data-item=") == 50
    following = text_of(client.get(f"{page}?after=49"))
    assert following.count("data-item=") == 10
    one = text_of(client.get(f"{page}?result=failed_again"))
    assert re.findall(r'data-item="([^"]*)"', one) == [str(failed.sync_id)]
    assert f'href="/p/demo/reenables/{failed.pk}"' in one
    assert "You are at the end" in text_of(client.get(f"{page}?after=99"))
    for query in ("result=what", "after=x", "after=-1", "after=" + "9" * 30, "result=%3Cscript%3E"):
        response = client.get(f"{page}?{query}")
        assert response.status_code == 400
        assert "data-item=" not in text_of(response)
        assert not Page(text_of(response)).faults
    listed = text_of(client.get("/p/demo/reenables/bulk"))
    assert page in listed
    assert "1 recovered, 1 failed again and 58 waiting" in listed
    assert client.get("/p/demo/reenables/bulk?state=finished").status_code == 200
    assert client.get("/p/demo/reenables/bulk?stat=x").status_code == 400
    assert page in text_of(client.get("/p/demo/reenables"))


def test_the_progress_comes_only_when_there_is_news(project: Project) -> None:
    made = started(project, crowd(project, 3), now=timezone.now())
    client, page = client_of(project, Role.VIEWER), f"/p/demo/reenables/bulk/{made.pk}"
    (ask,) = re.findall(r'hx-get="([^"]*progress[^"]*)"', text_of(client.get(page)))
    assert client.get(ask).status_code == 204
    bulk.step(now=timezone.now())
    response = client.get(ask)
    assert (response.status_code, response["X-Fragment"]) == (200, "bulk")
    assert "Canary: 0 of 2 recovered, waiting for them." in text_of(response)
    assert "<html" not in text_of(response)
    assert "bulk-news" not in text_of(response)  # the state is the same
    (ask,) = re.findall(r'hx-get="([^"]*progress[^"]*)"', text_of(response))
    Bulk.objects.update(state=BulkState.ABORTED)
    assert "bulk-news" in text_of(client.get(ask))


def test_however_many_syncs_the_pages_ask_the_database_as_often(project: Project) -> None:
    client, counts = client_of(project), []
    client.get(NEW)  # the first page of a session keeps the project
    for number in (5, 40):
        syncs = crowd(project, number, name=f"of {number}")
        made = started(project, syncs, now=timezone.now() - timedelta(hours=number))
        bulk.step(now=timezone.now())
        one = f"/p/demo/reenables/bulk/{made.pk}"
        for address in (NEW, one, "/p/demo/reenables/bulk", "/p/demo/syncs", "/p/demo/reenables"):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            counts.append(len(queries))
    assert counts[5:] == counts[:5]
    assert max(counts) <= 12, counts


# Where it begins


def test_leads_tick_syncs_and_go_on_with_the_filter(project: Project) -> None:
    first = crowd(project, 2)[0]
    client = client_of(project)
    html = text_of(client.get("/p/demo/syncs?integration=googledrive&error_code=invalid_grant"))
    assert f'name="sync" value="{first.sync_id}"' in html
    assert 'href="/p/demo/reenables/bulk/new?integration=googledrive&amp;error_code=invalid_grant"' in html
    assert '<input type="hidden" name="error_code" value="invalid_grant">' in html
    integration = text_of(client.get("/p/demo/integrations/googledrive"))
    assert "Re-enable the stopped syncs" in integration
    assert f'href="{NEW}?integration=googledrive&amp;error_code=invalid_grant"' in integration
    viewer = client_of(project, Role.OPERATOR)
    assert "Re-enable the stopped syncs" not in text_of(viewer.get("/p/demo/integrations/googledrive"))
    assert 'name="sync"' not in text_of(viewer.get("/p/demo/syncs"))
    Sync.objects.update(status="IDLE")
    assert 'name="sync"' not in text_of(client.get("/p/demo/syncs"))


def test_names_that_nobody_would_give_break_no_page(project: Project) -> None:
    name = "\"><x-canary onload=alert(1)>'"
    syncs = crowd(project, 2, integration=name)
    lead = actor(project, Role.LEAD)
    lead = type(lead)(lead.user, HOSTILE, lead.role)
    made = bulk.start(
        project, ids(syncs), plan=bulk.Plan(), actor=lead, reason=HOSTILE, source="q=%22%3E", now=timezone.now()
    )
    client = client_of(project)
    for address in (
        NEW,
        "/p/demo/reenables/bulk",
        f"/p/demo/reenables/bulk/{made.pk}",
        f"/p/demo/reenables/bulk/{made.pk}/abort",
    ):
        html = text_of(client.get(address, {"integration": name} if address == NEW else {}))
        assert not Page(html).faults, address
        assert "<x-canary" not in html
        assert "\u202e" not in html
