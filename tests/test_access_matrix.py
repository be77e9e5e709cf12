"""Access matrix: every URL by every role, in the own and a foreign project. Generated from the resolver.

A new page has to be entered here, so that somebody has decided who may open it. The API is tested in the same way by scope.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from synclogs.access import keys
from synclogs.models import (
    Action,
    ApiKey,
    AuditEvent,
    ConnectedUser,
    LogEntry,
    Membership,
    Project,
    Role,
    Scope,
)
from tests import factories
from tests.factories import bearer, entry, member, store, sync_id
from tests.places import Place, below, place, routes

pytestmark = pytest.mark.django_db


class Who(StrEnum):
    """ADMIN administers project A; STAFF does too and may enter the administration; STAFF_VIEWER enters and only reads A."""

    ANONYMOUS = "anonymous"
    STRANGER = "stranger"
    VIEWER = "viewer"
    OPERATOR = "operator"
    LEAD = "lead"
    ADMIN = "admin"
    STAFF_VIEWER = "staff viewer"
    STAFF = "staff admin"
    SUPERUSER = "superuser"


ROLES = {
    Who.VIEWER: Role.VIEWER,
    Who.OPERATOR: Role.OPERATOR,
    Who.LEAD: Role.LEAD,
    Who.ADMIN: Role.ADMIN,
    Who.STAFF_VIEWER: Role.VIEWER,
    Who.STAFF: Role.ADMIN,
}
READ = ("GET", "HEAD")
FORM = ("GET", "HEAD", "POST")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")

# The pages of a project: route behind `p/<slug:project>/` -> (least role, address of something that exists).
PAGES = {
    "": (Role.VIEWER, ""),
    "audit": (Role.LEAD, "audit"),
    "exports/<int:number>": (Role.OPERATOR, "exports/{export}"),
    "help": (Role.VIEWER, "help"),
    "integrations": (Role.VIEWER, "integrations"),
    "integrations/<anything:slug>": (Role.VIEWER, "integrations/{integration}"),
    "logs": (Role.VIEWER, "logs"),
    "logs/export": (Role.OPERATOR, "logs/export"),
    "logs/copy": (Role.VIEWER, "logs/copy?format=json&key={key}"),
    "logs/facets": (Role.VIEWER, "logs/facets"),
    "logs/rows": (Role.VIEWER, "logs/rows?key={key}"),
    "logs/tail": (Role.VIEWER, "logs/tail?after=0-0"),
    "logs/<uuid:key>": (Role.VIEWER, "logs/{key}"),
    "logs/<uuid:key>/context": (Role.VIEWER, "logs/{key}/context"),
    "logs/<uuid:key>/json": (Role.VIEWER, "logs/{key}/json"),
    "logs/<uuid:key>/ticket": (Role.VIEWER, "logs/{key}/ticket"),
    "logs/views": (Role.VIEWER, "logs/views"),
    "logs/suggest": (Role.VIEWER, "logs/suggest"),
    "patterns": (Role.VIEWER, "patterns"),
    "reenables": (Role.VIEWER, "reenables"),
    "reenables/<uuid:attempt>": (Role.VIEWER, "reenables/{attempt}"),
    "reenables/<uuid:attempt>/progress": (Role.VIEWER, "reenables/{attempt}/progress"),
    "reenables/bulk": (Role.VIEWER, "reenables/bulk"),
    "reenables/bulk/<uuid:bulk>": (Role.VIEWER, "reenables/bulk/{bulk}"),
    "reenables/bulk/<uuid:bulk>/progress": (Role.VIEWER, "reenables/bulk/{bulk}/progress"),
    "search": (Role.VIEWER, "search"),
    "syncs": (Role.VIEWER, "syncs"),
    "syncs/<anything:sync_id>": (Role.VIEWER, "syncs/{sync}"),
    "syncs/<anything:sync_id>/evidence": (Role.VIEWER, "syncs/{sync}/evidence"),
    "traces": (Role.VIEWER, "traces?id={trace}"),
    "traces/<anything:trace_id>": (Role.VIEWER, "traces/{trace}"),
    "users": (Role.VIEWER, "users"),
    "users/<anything:user_id>": (Role.VIEWER, "users/{user}"),
}
# What is done on pages of a project: route -> (least role, address, methods). The view of a place is its viewer's, shared.
ACTIONS: dict[str, tuple[Role, str, tuple[str, ...]]] = {
    "reenables/asleep": (Role.OPERATOR, "reenables/asleep", FORM),
    "reenables/asleep/<int:sleeper>/wake": (Role.LEAD, "reenables/asleep/{sleeper}/wake", ("POST",)),
    "syncs/<anything:sync_id>/reenable": (Role.OPERATOR, "syncs/{sync}/reenable", ("POST",)),
    "syncs/<anything:sync_id>/resolve": (Role.OPERATOR, "syncs/{sync}/resolve", ("POST",)),
    "reenables/bulk/new": (Role.LEAD, "reenables/bulk/new", FORM),
    "reenables/bulk/<uuid:bulk>/<slug:verb>": (Role.LEAD, "reenables/bulk/{bulk}/pause", FORM),
    "views": (Role.VIEWER, "views", ("POST",)),
    "views/<int:view>/change": (Role.LEAD, "views/{view}/change", ("POST",)),
    "views/<int:view>/delete": (Role.LEAD, "views/{view}/delete", FORM),
}
# Names of things that also come as a parameter.
BY_PARAMETER = ("users?id={user}", "traces?id={trace}", "integrations?id={integration}")

# What belongs to no project: route -> (methods, answer to nobody, answer to anybody signed in).
OPEN = {
    "": (READ, 302, 200),
    "accounts/login/": (FORM, 200, 302),
    "accounts/logout/": (("POST",), 405, 405),
    "healthz": (READ, 200, 200),
    "readyz": (READ, 503, 503),  # no worker runs beside the tests
    "metrics": (READ, 401, 401),  # closed without a token, see test_health
}

# The administration: route -> (methods, staff who administer nothing, administrator of A, superuser).
ADMIN_PAGES = {
    "": (READ, 200, 200, 200),
    "login/": (READ, 302, 302, 302),
    "logout/": (("POST",), 405, 405, 405),
    "password_change/": (FORM, 200, 200, 200),
    "password_change/done/": (READ, 200, 200, 200),
    "autocomplete/": (READ, 403, 403, 403),
    "jsi18n/": (READ, 200, 200, 200),
    "search/": (READ, 200, 200, 200),
    "r/<path:content_type_id>/<path:object_id>/": (READ, 404, 404, 404),
    "^(?P<app_label>synclogs|auth)/$": (READ, 404, 200, 200),
    "(?P<url>.*)$": (READ, 404, 404, 404),
}
# Model -> for an administrator of A and for a superuser: list, add, change (of A), delete (of A).
READ_ONLY = (200, 403, 200, 403)
MODELS = {
    "synclogs/logentry": (READ_ONLY, READ_ONLY),
    "synclogs/hourcount": (READ_ONLY, READ_ONLY),
    "synclogs/auditevent": (READ_ONLY, READ_ONLY),
    "synclogs/export": (READ_ONLY, READ_ONLY),
    "synclogs/sync": (READ_ONLY, READ_ONLY),
    "synclogs/trace": (READ_ONLY, READ_ONLY),
    "synclogs/connecteduser": (READ_ONLY, READ_ONLY),
    "synclogs/reenable": (READ_ONLY, READ_ONLY),
    "synclogs/bulk": (READ_ONLY, READ_ONLY),
    "synclogs/resolution": (READ_ONLY, READ_ONLY),
    "synclogs/sleeper": (READ_ONLY, READ_ONLY),
    "synclogs/savedview": ((200, 403, 200, 200), (200, 403, 200, 200)),
    "synclogs/apikey": ((200, 200, 200, 403), (200, 200, 200, 403)),
    "synclogs/membership": ((200, 200, 200, 200), (200, 200, 200, 200)),
    "synclogs/project": ((200, 403, 200, 403), (200, 200, 200, 403)),
    "auth/user": ((200, 403, 200, 403), (200, 200, 200, 200)),
}
MODEL_PAGES = ("", "add/", "<path:object_id>/change/", "<path:object_id>/delete/")
MODEL_MORE = ("<path:object_id>/history/", "<path:object_id>/")
# Pages that only one model has -> (methods, administrator of A, superuser).
MODEL_OWN = {
    "synclogs/apikey/<path:object_id>/revoke/": (FORM, 200, 200),
    "auth/user/<id>/password/": (FORM, 403, 200),
}
MAY_WRITE = {"synclogs/apikey", "synclogs/membership", "synclogs/project", "auth/user"} | {
    "synclogs/connecteduser",
    "synclogs/savedview",
}

# The API: route behind `api/v1/` -> {method: scope}; None is open to anybody, SOMEBODY to any key and whoever is signed in.
# The second part is something that exists.
SOMEBODY = "somebody"
API: dict[str, tuple[dict[str, str | None], str]] = {
    "logs": ({"GET": Scope.LOGS_READ, "POST": Scope.LOGS_WRITE}, "logs"),
    "logs/<anything:id>": ({"GET": Scope.LOGS_READ}, "logs/{key}"),
    "syncs": ({"GET": Scope.LOGS_READ}, "syncs"),
    "syncs/<anything:syncId>": ({"GET": Scope.LOGS_READ}, "syncs/{sync}"),
    "syncs/<anything:syncId>/reenable": ({"POST": Scope.SYNCS_REENABLE}, "syncs/{sync}/reenable"),
    "reenables": ({"GET": Scope.LOGS_READ}, "reenables"),
    "reenables/<anything:id>": ({"GET": Scope.LOGS_READ}, "reenables/{attempt}"),
    "traces/<anything:traceId>": ({"GET": Scope.LOGS_READ}, "traces/{trace}"),
    "users": ({"GET": Scope.LOGS_READ}, "users"),
    "users/<anything:userId>": ({"GET": Scope.LOGS_READ, "PUT": Scope.USERS_WRITE}, "users/{user}"),
    "integrations": ({"GET": Scope.LOGS_READ}, "integrations"),
    "limits": ({"GET": None}, "limits"),
    "schema": ({"GET": SOMEBODY}, "schema"),
    "docs": ({"GET": SOMEBODY}, "docs"),
}
ANSWERS = {"syncs/<anything:syncId>/reenable": 400}  # an entry is no reason
CATCH_ALL = "^(?:api|v1)(?:/|$)"


@dataclass(frozen=True)
class World:
    mine: Place
    theirs: Place
    clients: dict[Who, Client]
    people: dict[Who, User]


@pytest.fixture
def world(db: None) -> World:
    mine, theirs = place("alpha"), place("beta")
    people = {who: member(mine.project, role) for who, role in ROLES.items()}
    people[Who.STRANGER] = factories.UserFactory()
    people[Who.SUPERUSER] = factories.UserFactory(is_superuser=True, is_staff=True)
    User.objects.filter(pk__in=(people[Who.STAFF].pk, people[Who.STAFF_VIEWER].pk)).update(is_staff=True)
    clients = {Who.ANONYMOUS: Client(raise_request_exception=False)}
    for who, person in people.items():
        clients[who] = Client(raise_request_exception=False)
        clients[who].force_login(person)
    return World(mine, theirs, {who: clients[who] for who in Who}, people)


def test_every_address_is_in_this_matrix() -> None:
    assert below("p/<slug:project>/") == set(PAGES) | set(ACTIONS)
    assert below("api/v1/") == set(API)
    models = {f"{model}/{page}" for model in MODELS for page in (*MODEL_PAGES, *MODEL_MORE)}
    assert below("admin/") == set(ADMIN_PAGES) | models | set(MODEL_OWN)
    others = {route for route in routes() if not route.startswith(("p/<slug:project>/", "api/v1/", "admin/"))}
    assert others == {*OPEN, CATCH_ALL}


# Pages.


@pytest.mark.parametrize("route", PAGES)
def test_a_page_opens_to_its_roles_and_is_unknown_to_others(
    world: World, route: str, subtests: pytest.Subtests
) -> None:
    least, address = PAGES[route]
    for where, is_mine in ((world.mine, True), (world.theirs, False)):
        url = f"/p/{where.project.slug}/{address.format(**where.names)}"
        for who, client in world.clients.items():
            with subtests.test(who=str(who), url=url):
                response = client.get(url)
                if who == Who.ANONYMOUS:
                    assert response.status_code == 302
                    assert response["Location"].startswith("/accounts/login/?next=/p/")
                elif who == Who.SUPERUSER or (is_mine and who != Who.STRANGER):
                    allowed = who == Who.SUPERUSER or ROLES[who] >= least
                    assert response.status_code == (200 if allowed else 403)
                else:
                    assert response.status_code == 404


def test_pages_know_two_methods(world: World, subtests: pytest.Subtests) -> None:
    refused = [method for method in METHODS if method not in READ]
    for (route, (_, address)), method, who in product(PAGES.items(), refused, (Who.ANONYMOUS, Who.STRANGER, Who.ADMIN)):
        if (route, method) == ("search", "POST"):  # a long paste is no address
            continue
        url = f"/p/alpha/{address.format(**world.mine.names)}"
        with subtests.test(url=url, method=method, who=str(who)):
            response = world.clients[who].generic(method, url)
            assert response.status_code == 405
            assert set(READ) <= set(response["Allow"].split(", "))


def test_an_address_without_a_page_keeps_the_ways_on_of_ones_own_project(world: World) -> None:
    """And is for a stranger what an address of no project is, but for the address itself."""
    mine, theirs = world.mine.project, world.theirs.project
    for who, slug, shown in (
        (Who.VIEWER, mine.slug, True),
        (Who.VIEWER, theirs.slug, False),
        (Who.VIEWER, "no", False),
    ):
        response = world.clients[who].get(f"/p/{slug}/no/such/page")
        assert response.status_code == 404
        assert (f'href="/p/{slug}/logs"' in response.content.decode()) is shown
    anonymous = Client().get(f"/p/{mine.slug}/no/such/page")
    assert anonymous.status_code == 404
    assert mine.name not in anonymous.content.decode()


def test_a_wrong_method_is_refused_before_a_token_is_asked_for(world: World, subtests: pytest.Subtests) -> None:
    """As over HTTP, where nobody has switched the check of tokens off."""
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.people[Who.ADMIN])
    tried = [("/p/alpha/logs", "POST"), ("/p/alpha/reenables/asleep", "DELETE"), ("/healthz", "POST"), ("/", "PUT")]
    tried += [("/accounts/login/", "PUT"), ("/accounts/logout/", "GET"), ("/admin/", "DELETE"), ("/readyz", "PATCH")]
    for url, method in tried:
        with subtests.test(url=url, method=method):
            response = strict.generic(method, url)
            assert response.status_code == 405
            assert response["Allow"]
    assert strict.post("/accounts/logout/").status_code == 403


@pytest.mark.parametrize("route", ACTIONS)
def test_what_is_done_is_open_to_its_roles_and_methods(world: World, route: str, subtests: pytest.Subtests) -> None:
    least, address, methods = ACTIONS[route]
    for where, is_mine in ((world.mine, True), (world.theirs, False)):
        url = f"/p/{where.project.slug}/{address.format(**where.names)}"
        for (who, client), method in product(world.clients.items(), ("GET", "POST")):
            with subtests.test(who=str(who), url=url, method=method), transaction.atomic():
                status = client.generic(method, url).status_code
                transaction.set_rollback(True)
                if method not in methods:
                    assert status == 405
                elif who == Who.ANONYMOUS:
                    assert status == 302
                elif who == Who.SUPERUSER or (is_mine and who != Who.STRANGER):
                    allowed = who == Who.SUPERUSER or ROLES[who] >= least
                    assert status in ((200, 302, 303, 400) if allowed else (403,))
                else:
                    assert status == 404
        for method in set(METHODS) - set(methods):
            with subtests.test(url=url, method=method):
                response = world.clients[Who.SUPERUSER].generic(method, url)
                assert response.status_code == 405
                assert response["Allow"]
    foreign = f"/p/alpha/{address.format(**world.theirs.names)}"
    if "<" in route:
        for who in (Who.VIEWER, Who.ADMIN, Who.SUPERUSER):
            # A role is judged before the thing is looked for, unless the thing decides which role it takes.
            judged = (403, 404) if ROLES.get(who, Role.ADMIN) < least else (404,)
            assert world.clients[who].post(foreign).status_code in judged


def test_what_belongs_to_another_project_is_unknown(world: World, subtests: pytest.Subtests) -> None:
    """Whoever may see both projects still does not see one's things under the other's address."""
    of_one = {address: least for route, (least, address) in PAGES.items() if "<" in route}
    for address, who in product((*of_one, *BY_PARAMETER), (Who.VIEWER, Who.ADMIN, Who.STAFF, Who.SUPERUSER)):
        foreign = f"/p/alpha/{address.format(**world.theirs.names)}"
        with subtests.test(url=foreign, who=str(who)):
            response = world.clients[who].get(foreign)
            # A role is judged before the thing is looked for.
            assert response.status_code == (
                403 if ROLES.get(who, Role.ADMIN) < of_one.get(address, Role.VIEWER) else 404
            )
            assert b"canary-beta" not in response.content
    for address in (*of_one, *BY_PARAMETER):
        unknown = f"/p/alpha/{address.format(**dict.fromkeys(world.theirs.names, 'nobody'))}"
        with subtests.test(url=unknown):
            assert world.clients[Who.ADMIN].get(unknown).status_code == 404


def test_no_list_and_no_search_of_mine_finds_theirs(world: World, subtests: pytest.Subtests) -> None:
    client = world.clients[Who.ADMIN]
    for name, value in world.theirs.names.items():
        urls = [f"/p/alpha/search?q={value}", f"/p/alpha/syncs?q={value}", f"/p/alpha/users?q={value}"]
        if name not in ("key", "entry", "export", "view", "attempt", "bulk", "sleeper"):
            urls += [f"/p/alpha/logs?{name}={value}&since=30d"]
        if name in ("user", "integration"):
            urls += [f"/p/alpha/syncs?{name}={value}"]
        for url in urls:
            with subtests.test(url=url):
                response = client.get(url)
                assert response.status_code == 200
                assert b"canary-beta" not in response.content
                assert f'href="/p/alpha/{name}s/{value}"'.encode() not in response.content
                assert b'data-log-key="' not in response.content


def test_what_is_not_a_page_of_a_project(world: World, subtests: pytest.Subtests) -> None:
    for route, (methods, nobody, anybody) in OPEN.items():
        for who, client in world.clients.items():
            with subtests.test(route=route, who=str(who)):
                response = client.get(f"/{route}", follow=route == "" and who != Who.ANONYMOUS)
                assert response.status_code == (nobody if who == Who.ANONYMOUS else anybody)
        for method in set(METHODS) - set(methods):
            with subtests.test(route=route, method=method):
                response = world.clients[Who.ANONYMOUS].generic(method, f"/{route}")
                assert response.status_code == 405
                assert response["Allow"]


def test_a_changed_role_acts_with_the_next_request(world: World) -> None:
    client, person = world.clients[Who.LEAD], world.people[Who.LEAD]
    assert client.get("/p/alpha/audit").status_code == 200
    Membership.objects.filter(user=person).update(role=Role.VIEWER)
    assert client.get("/p/alpha/audit").status_code == 403
    Membership.objects.filter(user=person).delete()
    assert client.get("/p/alpha/logs").status_code == 404
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert client.get("/p/alpha/logs")["Location"].startswith("/accounts/login/")
    staff, who = world.clients[Who.STAFF], world.people[Who.STAFF]
    assert staff.get("/admin/synclogs/apikey/").status_code == 200
    Membership.objects.filter(user=who).update(role=Role.LEAD)
    assert staff.get("/admin/synclogs/apikey/").status_code == 403
    User.objects.filter(pk=who.pk).update(is_staff=False)
    assert staff.get("/admin/").status_code == 403


def test_a_refusal_by_role_is_one_line_of_the_audit(world: World) -> None:
    world.clients[Who.OPERATOR].get("/p/alpha/audit", headers={"X-Request-ID": "matrix-request-1"})
    event = AuditEvent.objects.get(action=Action.ACCESS_DENIED)
    assert (event.actor, event.project) == (world.people[Who.OPERATOR], world.mine.project)
    assert (event.object_text, event.address, event.request_id) == ("/p/alpha/audit", "127.0.0.1", "matrix-request-1")
    world.clients[Who.VIEWER].get("/admin/")
    assert AuditEvent.objects.filter(action=Action.ACCESS_DENIED, object_text="/admin/").count() == 1


# The administration.


def admin_answers(allowed: int, *, who: Who) -> int:
    """Nobody is sent to the sign-in page, whoever is not staff is refused."""
    if who == Who.ANONYMOUS:
        return 302
    return allowed if who in (Who.STAFF_VIEWER, Who.STAFF, Who.SUPERUSER) else 403


def test_the_administration_opens_to_staff_only(world: World, subtests: pytest.Subtests) -> None:
    samples = {
        "r/<path:content_type_id>/<path:object_id>/": "r/1/1/",
        "^(?P<app_label>synclogs|auth)/$": "synclogs/",
        "(?P<url>.*)$": "no/such/page",
    }
    for route, (methods, viewer, staff, superuser) in ADMIN_PAGES.items():
        url = f"/admin/{samples.get(route, route)}"
        for who, client in world.clients.items():
            allowed = {Who.STAFF_VIEWER: viewer, Who.STAFF: staff, Who.SUPERUSER: superuser}.get(who, 403)
            with subtests.test(url=url, who=str(who)):
                assert client.get(url).status_code == (302 if route == "login/" else admin_answers(allowed, who=who))
        for method in set(METHODS) - set(methods):
            with subtests.test(url=url, method=method):
                response = world.clients[Who.SUPERUSER].generic(method, url)
                assert response.status_code == 405
                assert response["Allow"]


@pytest.mark.parametrize("model", MODELS)
def test_the_pages_of_a_model(world: World, model: str, subtests: pytest.Subtests) -> None:
    for_staff, for_superuser = MODELS[model]
    for page, staff, superuser in zip(MODEL_PAGES, for_staff, for_superuser, strict=True):
        for where in (world.mine, world.theirs) if "<" in page else (world.mine,):
            url = f"/admin/{model}/{page.replace('<path:object_id>', str(where.rows[model]))}"
            foreign = where is world.theirs
            unknown = f"/admin/{model}/{page.replace('<path:object_id>', '987654321')}"
            for who, client in world.clients.items():
                of_staff = 404 if foreign and staff == 200 else staff
                allowed = {Who.STAFF: of_staff, Who.SUPERUSER: superuser}.get(who, 403)
                with subtests.test(url=url, who=str(who), mine=not foreign):
                    response = client.get(url)
                    assert response.status_code == admin_answers(allowed, who=who)
                    if who == Who.STAFF:
                        assert b"canary-beta" not in response.content
                    if who == Who.STAFF and foreign:
                        assert client.get(unknown).status_code == response.status_code


@pytest.mark.parametrize("model", MODELS)
def test_methods_and_writes_of_a_model(world: World, model: str, subtests: pytest.Subtests) -> None:
    superuser = world.clients[Who.SUPERUSER]
    for page in (*MODEL_PAGES, *MODEL_MORE):
        url = f"/admin/{model}/{page.replace('<path:object_id>', str(world.mine.rows[model]))}"
        # The list of syncs takes an action, which only leads on to the portal.
        is_form = page in MODEL_PAGES[1:] or (page, model) == ("", "synclogs/sync")
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", *(() if is_form else ("POST",))):
            with subtests.test(url=url, method=method):
                response = superuser.generic(method, url)
                assert response.status_code == 405
                assert response["Allow"]
        if is_form and model not in MAY_WRITE:
            with subtests.test(url=url, method="POST"):
                assert superuser.post(url, {"post": "yes"}).status_code in ((403, 405) if page else (200,))
    for who in (Who.VIEWER, Who.ADMIN, Who.STAFF_VIEWER):
        for page in MODEL_PAGES:
            url = f"/admin/{model}/{page.replace('<path:object_id>', str(world.mine.rows[model]))}"
            with subtests.test(url=url, who=str(who), method="POST"):
                assert world.clients[who].post(url, {"post": "yes"}).status_code in (403, 404, 405)
    for page in MODEL_PAGES[2:]:
        url = f"/admin/{model}/{page.replace('<path:object_id>', str(world.theirs.rows[model]))}"
        with subtests.test(url=url, who="staff of another project", method="POST"):
            assert world.clients[Who.STAFF].post(url, {"post": "yes"}).status_code in (403, 404, 405)


@pytest.mark.parametrize("route", MODEL_OWN)
def test_pages_of_one_model_alone(world: World, route: str, subtests: pytest.Subtests) -> None:
    methods, staff, superuser = MODEL_OWN[route]
    model = "/".join(route.split("/")[:2])
    for where in (world.mine, world.theirs):
        url = f"/admin/{route.replace('<path:object_id>', '{id}').replace('<id>', '{id}').format(id=where.rows[model])}"
        for who, client in world.clients.items():
            for method in ("GET", "POST") if who != Who.SUPERUSER else ("GET",):
                allowed = {Who.STAFF: staff, Who.SUPERUSER: superuser}.get(who, 403)
                if who == Who.STAFF and where is world.mine and method == "POST":
                    continue
                with subtests.test(url=url, who=str(who), method=method):
                    status = client.generic(method, url).status_code
                    if (who == Who.STAFF and where is world.theirs) or who == Who.STAFF_VIEWER:
                        assert status in (403, 404)
                    else:
                        assert status == admin_answers(allowed, who=who)
    for method in set(METHODS) - set(methods):
        with subtests.test(url=url, method=method):
            assert world.clients[Who.SUPERUSER].generic(method, url).status_code == 405
    assert ApiKey.objects.filter(revoked_at=None).count() == 2


# The API.


@pytest.fixture
def keys_by_scope(world: World) -> dict[str, str]:
    """One key of project A for each scope, with that scope alone."""
    return {scope: factories.api_key(world.mine.project, scope)[1] for scope in Scope}


def dead_keys(project: Project) -> dict[str, str]:
    """Texts that open nothing, by why: of keys that had every scope."""
    text = factories.api_key(project)[1]
    revoked, old = factories.api_key(project)
    keys.revoke(revoked, now=timezone.now())
    expired = factories.api_key(project, expires_at=timezone.now() - timedelta(microseconds=1))[1]
    other = factories.api_key(project)[1]
    mixed = f"{text[:17]}{other[17:]}"  # the id of one and the secret of another
    return {"nonsense": "wrong", "cut off": text[:-1], "mixed": mixed, "revoked": old, "expired": expired}


def call(client: Client, method: str, url: str, **headers: str) -> Any:
    body = {"POST": json.dumps(entry()), "PUT": '{"name": "Ann"}'}.get(method, "")
    return client.generic(method, url, body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("route", API)
def test_the_api_opens_to_its_scopes(
    world: World, keys_by_scope: dict[str, str], route: str, subtests: pytest.Subtests
) -> None:
    scopes, address = API[route]
    url = f"/api/v1/{address.format(**world.mine.names)}"
    nobody = world.clients[Who.ANONYMOUS]
    useless = dead_keys(world.mine.project)
    for method, wanted in scopes.items():
        with subtests.test(method=method, key="none"):
            response = call(nobody, method, url)
            assert response.status_code == (200 if wanted is None else 401)
        for who in (Who.ADMIN, Who.SUPERUSER):
            with subtests.test(method=method, session=str(who)):
                response = call(world.clients[who], method, url)
                assert response.status_code == (200 if wanted in (None, SOMEBODY) else 401)
                assert not response.cookies
        for kind, key in useless.items():
            for client in (nobody, world.clients[Who.STRANGER]) if wanted != SOMEBODY else (nobody,):
                with subtests.test(method=method, key=kind):
                    response = call(client, method, url, **bearer(key))
                    assert response.status_code == 401
                    assert response["Content-Type"] == "application/problem+json"
                    assert 'error="invalid_token"' in response["WWW-Authenticate"]
        for scope, key in keys_by_scope.items():
            with subtests.test(method=method, scope=scope):
                response = call(nobody, method, url, **bearer(key))
                allowed = wanted in (None, SOMEBODY, scope)
                assert response.status_code == (ANSWERS.get(route, 200) if allowed else 403)
                if not allowed:
                    assert response["Content-Type"] == "application/problem+json"
                    assert f'scope="{wanted}"' in response["WWW-Authenticate"]
    for method in set(METHODS) - set(scopes) - {"HEAD"}:
        with subtests.test(method=method):
            response = nobody.generic(method, url, headers=bearer(keys_by_scope[Scope.LOGS_READ]))
            assert response.status_code == 405
            assert set(response["Allow"].split(", ")) == {*scopes, *(("HEAD",) if "GET" in scopes else ())}
            assert response["Content-Type"] == "application/problem+json"


def test_what_is_no_address_of_the_api_is_a_problem(world: World, subtests: pytest.Subtests) -> None:
    urls = ("/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/logs", "/api/v1/logs/", "/v1/nothing")
    for url, method in product(urls, ("GET", "POST", "DELETE")):
        with subtests.test(url=url, method=method):
            response = world.clients[Who.SUPERUSER].generic(method, url)
            assert response.status_code == 404
            assert response["Content-Type"] == "application/problem+json"


def test_a_page_takes_no_key(world: World, keys_by_scope: dict[str, str]) -> None:
    for url in ("/p/alpha/logs", "/admin/"):
        for key in keys_by_scope.values():
            assert world.clients[Who.ANONYMOUS].get(url, headers=bearer(key)).status_code == 302


@pytest.mark.parametrize("route", API)
def test_a_key_sees_nothing_of_another_project(world: World, route: str, subtests: pytest.Subtests) -> None:
    """By no identifier, no parameter, no header and no cursor."""
    client, headers = world.clients[Who.ANONYMOUS], bearer(factories.api_key(world.mine.project)[1])
    theirs = bearer(factories.api_key(world.theirs.project)[1])
    address = API[route][1]
    if "{" in address:
        url = f"/api/v1/{address.format(**world.theirs.names)}"
        unknown = f"/api/v1/{address.format(**{name: str(UUID(int=9)) for name in world.theirs.names})}"
        for method in set(API[route][0]) - {"PUT"}:  # which writes in the key's own project, see below
            with subtests.test(url=url, method=method):
                foreign = call(client, method, url, **headers, **{"X-Project": "beta"})
                assert foreign.status_code == call(client, method, unknown, **headers).status_code == 404
                assert b"canary" not in foreign.content
    url = f"/api/v1/{route.split('/')[0]}"
    if {None, SOMEBODY} & set(API[route][0].values()) or route.startswith("traces"):
        return
    for name in ("project", "project_id", "project__slug", "key", "entry_id", "sync__project", "or", "pk__in"):
        with subtests.test(url=url, parameter=name):
            assert client.get(url, {name: "beta"}, headers=headers).status_code == 400
    for name, parameter in {"sync": "sync", "trace": "trace", "user": "user", "integration": "integration"}.items():
        response = client.get(url, {parameter: world.theirs.names[name]}, headers=headers)
        with subtests.test(url=url, parameter=parameter):
            assert response.status_code == 400 or response.json() == {"results": [], "next": None}
            response = client.get(url, {f"-{parameter}": "x"}, headers=headers)
            assert response.status_code == 400 or "beta" not in response.content.decode()
    if route != "integrations":
        store(world.theirs.project, *(entry(userId=f"b{n}", syncId=sync_id(f"b{n}")) for n in range(3)))
    cursor = client.get(url, {"limit": 1}, headers=theirs).json()["next"]
    if cursor:
        response = client.get(url, {"cursor": cursor}, headers=headers)
        assert response.status_code == 200
        assert "beta" not in response.content.decode()


def test_the_keys_project_wins_over_everything_that_is_sent(world: World) -> None:
    client, headers = world.clients[Who.ANONYMOUS], bearer(factories.api_key(world.mine.project)[1])
    names = {"project": "beta", "projectId": world.theirs.project.pk, "project_id": world.theirs.project.pk}
    sent = entry(id="evt-beta", userId="user-beta", syncId=world.theirs.names["sync"], **names)
    before = list(LogEntry.objects.filter(project=world.theirs.project).values())
    response = client.post(
        "/api/v1/logs",
        json.dumps({"logs": [sent], **names}),
        "application/json",
        headers={**headers, "X-Project": "beta"},
    )
    assert response.json()["accepted"] == 1
    stored = LogEntry.objects.get(entry_id="evt-beta", project=world.mine.project)
    assert stored.context()["project"] == "beta"  # kept as what it is: text of the sender
    assert list(LogEntry.objects.filter(project=world.theirs.project).values()) == before
    body = json.dumps({"name": "Mallory"})
    assert client.put("/api/v1/users/user-beta", body, "application/json", headers=headers).status_code == 200
    assert ConnectedUser.objects.get(project=world.theirs.project).name == ""
    refused = client.put(
        "/api/v1/users/user-beta", json.dumps({"project": "beta"}), "application/json", headers=headers
    )
    assert refused.status_code == 400


def test_a_key_ends_with_the_next_request(world: World) -> None:
    client = world.clients[Who.ANONYMOUS]
    for end in ("revoked", "expired"):
        key, text = factories.api_key(world.mine.project)
        assert call(client, "POST", "/api/v1/logs", **bearer(text)).status_code == 200
        if end == "revoked":
            keys.revoke(key, now=timezone.now())
        else:
            ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(microseconds=1))
        for method, url in (("POST", "/api/v1/logs"), ("GET", "/api/v1/syncs"), ("GET", "/api/v1/limits")):
            response = call(client, method, url, **bearer(text))
            assert response.status_code == 401, (end, url)
            assert 'error="invalid_token"' in response["WWW-Authenticate"]


def test_a_key_counts_in_the_header_only(world: World) -> None:
    client, (_, text) = world.clients[Who.ANONYMOUS], factories.api_key(world.mine.project)
    for query in (f"?key={text}", f"?api_key={text}", f"?access_token={text}", f"?authorization=Bearer%20{text}"):
        assert client.get(f"/api/v1/logs{query}").status_code == 401
    client.cookies["Authorization"] = f"Bearer {text}"
    assert client.get("/api/v1/logs").status_code == 401
    for header in (f"Basic {text}", f"Token {text}", text, f"Bearer{text}", f"Bearer {text[:-1]}", f"Bearer {text} x"):
        assert client.get("/api/v1/logs", headers={"Authorization": header}).status_code == 401, header
    assert client.get("/api/v1/logs", headers={"X-Api-Key": text}).status_code == 401


def test_a_refusal_says_who_can_help_and_leaves_the_way_to_the_other_pages(client: Client) -> None:
    project = factories.ProjectFactory(slug="demo", name="Demo")
    client.force_login(member(project, Role.VIEWER))
    response = client.get("/p/demo/audit")
    html = response.content.decode()
    assert response.status_code == 403
    assert "for the role Lead and above. You are Viewer in Demo. An administrator of the project can give" in html
    assert 'aria-label="Main"' in html
    assert 'href="/p/demo/">Go to the start page' in html
