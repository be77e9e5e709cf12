"""Every route of the portal with an example URL, and a project with one object of each kind, named after it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, get_resolver
from django.utils import timezone

from synclogs.access import audit
from synclogs.models import (
    Action,
    Bulk,
    BulkItem,
    ConnectedUser,
    Export,
    HourCount,
    LogEntry,
    Membership,
    Project,
    Reenable,
    Resolution,
    Role,
    SavedView,
    Sleeper,
    Sync,
    Trace,
)
from tests import factories
from tests.factories import entry, error_entry, member, store, sync_id

PAGES = "p/<slug:project>/"
API = "api/v1/"
ADMIN = "admin/"
# What stands in an address for each part of a route: one of Place.names, or a text.
PARTS = {
    "<anything:slug>": "{integration}",
    "<uuid:key>": "{key}",
    "<int:number>": "{export}",
    "<int:view>": "{view}",
    "<uuid:attempt>": "{attempt}",
    "<uuid:bulk>": "{bulk}",
    "<int:sleeper>": "{sleeper}",
    "<slug:verb>": "pause",
    "<anything:sync_id>": "{sync}",
    "<anything:trace_id>": "{trace}",
    "<anything:user_id>": "{user}",
    "<anything:id>": "{key}",
    "<anything:syncId>": "{sync}",
    "<anything:traceId>": "{trace}",
    "<anything:userId>": "{user}",
    "<path:content_type_id>/<path:object_id>": "1/1",
    "^(?P<app_label>synclogs|auth)/$": "synclogs/",
    "(?P<url>.*)$": "no/such/page",
    "^(?:api|v1)(?:/|$)": "v1/no/such/page",
}


@dataclass(frozen=True)
class Place:
    """`names` are what the outside calls the things of a project, `rows` the primary key for each model."""

    project: Project
    names: dict[str, str]
    rows: dict[str, Any]


def place(slug: str) -> Place:
    project = factories.ProjectFactory(slug=slug)
    names = {"sync": sync_id(slug), "trace": f"run-{slug}", "user": f"user-{slug}", "integration": f"crm-{slug}"}
    fields = dict(zip(("syncId", "traceId", "userId", "integration"), names.values(), strict=True))
    store(project, entry(id=f"evt-{slug}", message=f"canary-{slug}", **fields), error_entry(**fields))
    found = LogEntry.objects.get(project=project, entry_id=f"evt-{slug}")
    person = member(project, Role.VIEWER)
    key, _ = factories.api_key(project)
    event = audit.record(Action.OBJECT_CHANGED, project=project, object_text=f"canary-{slug}")
    now = timezone.now()
    export = Export.objects.create(
        project=project, person=person, format="csv", since=now, started_at=now, moved_at=now
    )
    view = SavedView.objects.create(project=project, owner=person, name=f"canary-{slug}", is_shared=True)
    sync = Sync.objects.get(project=project)
    attempt = Reenable.objects.create(
        project=project,
        sync_id=sync.sync_id,
        state="recovered",
        reason=f"canary-{slug}",
        requested_at=now,
        expires_at=now,
        ended_at=now,
    )
    resolution = Resolution.objects.create(
        project=project, sync_id=sync.sync_id, error_at=now, note=f"canary-{slug}", at=now
    )
    sleeper = Sleeper.objects.create(
        project=project, kind=Sleeper.Kind.USER, value=names["user"], reason=f"canary-{slug}", at=now
    )
    bulk = Bulk.objects.create(
        project=project,
        state="canary",
        reason=f"canary-{slug}",
        canary_size=1,
        wave_size=1,
        per_minute=1,
        created_at=now,
    )
    BulkItem.objects.create(bulk=bulk, position=0, wave=0, sync_id=sync.sync_id, attempt=attempt)
    rows = {
        "synclogs/logentry": found.key,
        "synclogs/hourcount": HourCount.objects.filter(project=project).first().pk,  # type: ignore[union-attr]
        "synclogs/auditevent": event.pk,
        "synclogs/export": export.pk,
        "synclogs/sync": sync.pk,
        "synclogs/reenable": attempt.pk,
        "synclogs/bulk": bulk.pk,
        "synclogs/resolution": resolution.pk,
        "synclogs/sleeper": sleeper.pk,
        "synclogs/trace": Trace.objects.get(project=project).pk,
        "synclogs/connecteduser": ConnectedUser.objects.get(project=project).pk,
        "synclogs/apikey": key.pk,
        "synclogs/membership": Membership.objects.get(project=project).pk,
        "synclogs/project": project.pk,
        "synclogs/savedview": view.pk,
        "auth/user": person.pk,
    }
    ids = {"key": str(found.key), "entry": f"evt-{slug}", "export": str(export.pk), "view": str(view.pk)}
    ids |= {"attempt": str(attempt.pk), "bulk": str(bulk.pk), "sleeper": str(sleeper.pk)}
    return Place(project, {**names, **ids}, rows)


def routes(patterns: Sequence[Any] | None = None, before: str = "") -> Iterator[str]:
    """Every route, as it is declared: `p/<slug:project>/logs`."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern.url_patterns, route)


def below(prefix: str) -> set[str]:
    return {route.removeprefix(prefix) for route in routes() if route.startswith(prefix)}


def address(route: str, where: Place) -> str:
    """A path of that route which leads to something of the project."""
    path = route.replace("<slug:project>", where.project.slug)
    for part, value in PARTS.items():
        path = path.replace(part, value)
    if path.startswith(ADMIN):
        model = "/".join(path.split("/")[1:3])
        path = path.replace("<path:object_id>", "<id>").replace("<id>", str(where.rows.get(model, "")))
    return f"/{path.format(**where.names)}"
