"""API views: the data of an API key's project as JSON. A foreign id is a 404.

Answers JSON or problem documents. Session cookies are ignored.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import django_filters
from django.db import transaction
from django.db.models import Count, F, Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.access import read_limits
from portal.access.projects import SAFE_METHODS, client_address
from portal.api import ingest, keys, limits, openapi, pagination, request_body
from portal.api.serializers import (
    EntryShape,
    SyncShape,
    TraceDetailShape,
    UserShape,
    UserWrite,
    address,
)
from portal.links import paths
from portal.problems.documents import problem
from portal.tables.filtersets import TextsFilter
from synclogs.access import audit
from synclogs.catalogue import names
from synclogs.models import Action, ApiKey, ConnectedUser, LogEntry, Project, Scope, Sync, Trace
from synclogs.moments import rfc3339
from synclogs.parsing import fields
from synclogs.parsing.identifiers import uuid_of
from synclogs.parsing.limits import LIMITS
from synclogs.query.filters import FilterError, LogFilter
from synclogs.reading import paging

READ = {"GET": Scope.LOGS_READ}
TRACE_ENTRIES = 200
AHEAD = timedelta(hours=LIMITS.ahead_hours + 1)


# What all views share: the method is checked first, then the key, its scope and its rate. (A docstring would go into the
# OpenAPI document of every view.)
class KeyView(APIView):
    http_method_names = ["get", "head", "post", "put"]
    metadata_class = None
    throttle_classes = []
    scopes: ClassVar[Mapping[str, str]] = READ

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if str(request.method).lower() not in self.http_method_names or str(request.method) not in self.allowed_methods:
            allowed = {"Allow": ", ".join(self.allowed_methods)}
            return problem(request, status=405, detail=f"{allowed['Allow']} can be used here.", headers=allowed)
        with ExitStack() as self.turn:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in SAFE_METHODS and request.auth:
            self.turn.enter_context(read_limits.turn(f"key:{self.key.pk}"))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        allowance = getattr(request, "allowance", None)
        if allowance is not None:
            for name, value in keys.rate_headers(allowance).items():
                response.headers.setdefault(name, value)
        return super().finalize_response(request, response, *args, **kwargs)

    @property
    def key(self) -> ApiKey:
        return self.request.auth  # type: ignore[return-value]

    @property
    def project(self) -> Project:
        return self.key.project

    @property
    def parameters(self) -> QueryDict:
        return self.request._request.GET

    @property
    def wire_context(self) -> dict[str, Any]:
        """What the shapes need beside their rows."""
        return {"request": self.request._request, "project": self.project}

    def refuse_parameters(self) -> None:
        """Views of one thing take no parameters at all; an unknown one is an error here too."""
        errors = {name: pagination.unknown(name, ()) for name in self.parameters}
        if errors:
            raise pagination.invalid(errors)


class Logs(KeyView):
    scopes = {"GET": Scope.LOGS_READ, "POST": Scope.LOGS_WRITE}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # The hot path: REST framework stays out of it, and would read the body in its own way.
        return ingest.receive(request) if request.method == "POST" else super().dispatch(request, *args, **kwargs)

    @openapi.push_logs
    def post(self, request: Request) -> HttpResponse:
        raise NotImplementedError  # see dispatch

    @openapi.list_logs
    def get(self, request: Request) -> Response:
        try:
            log_filter = LogFilter.parse(self.parameters.lists(), now=timezone.now(), besides=pagination.OWN)
            requested = pagination.page_request(self.parameters, None)
            rows, cursor = pagination.bounded(requested.limit, requested.cursor, partial(self._older, log_filter))
        except FilterError as error:
            raise pagination.invalid(error.errors) from None
        return Response({"results": rows, "next": cursor or None})

    def _older(self, log_filter: LogFilter, size: int, cursor: str) -> tuple[list[Any], str]:
        found = paging.page(log_filter, self.project, size=size, before=cursor)
        return list(EntryShape(found.rows, many=True, context=self.wire_context).data), found.older


class Log(KeyView):
    @openapi.get_log
    def get(self, request: Request, id: str) -> Response:
        self.refuse_parameters()
        entry = _entry(self.project, id, now=timezone.now())
        if entry is None:
            raise Http404
        return Response(EntryShape(entry, context=self.wire_context).data)


def _entry(project: Project, text: str, *, now: datetime) -> LogEntry | None:
    """The newest entry with that id of the sender, else the one with that key."""
    entries = LogEntry.objects.of(project)
    # Sorted by an expression: by the column itself, the planner may walk through all entries newest first instead of
    # asking each partition's index of ids.
    newest = entries.filter(
        occurred_at__gte=project.oldest_retained(now), occurred_at__lt=now + AHEAD, entry_id=text
    ).annotate(moment=F("occurred_at") + timedelta(0))
    found = newest.order_by("-moment", "-key").first()
    key = uuid_of(text)
    return found or (entries.at_key(key).first() if key else None)


class SyncQuery(django_filters.FilterSet):  # type: ignore[misc]
    """`status=A&status=B`: any of these values."""

    status = TextsFilter()
    integration = TextsFilter()
    pipeline = TextsFilter()
    user = TextsFilter(field_name="user_id")

    class Meta:
        model = Sync
        fields = ()


class Syncs(KeyView):
    @openapi.list_syncs
    def get(self, request: Request) -> Response:
        query = SyncQuery(self.parameters, Sync.objects.of(self.project))
        requested = pagination.page_request(self.parameters, query.filters)
        if not query.is_valid():
            raise pagination.invalid({name: " ".join(map(str, texts)) for name, texts in query.errors.items()})
        rows, cursor = pagination.page(query.qs, "sync_id", requested, parse=pagination.uuid)
        return Response({"results": SyncShape(rows, many=True, context=self.wire_context).data, "next": cursor})


class OneSync(KeyView):
    @openapi.get_sync
    def get(self, request: Request, syncId: str) -> Response:
        self.refuse_parameters()
        key = uuid_of(syncId)
        sync = Sync.objects.of(self.project).filter(sync_id=key).first() if key else None
        if sync is None:
            raise Http404
        return Response(SyncShape(sync, context=self.wire_context).data)


class OneTrace(KeyView):
    @openapi.get_trace
    def get(self, request: Request, traceId: str) -> Response:
        self.refuse_parameters()
        trace = Trace.objects.of(self.project).filter(trace_id=traceId).first()
        if trace is None:
            raise Http404
        log_filter = LogFilter.where(
            since=trace.first_at, until=trace.last_at + timedelta(microseconds=1), trace=trace.trace_id
        )
        start = paging.cursor_before(trace.first_at)
        rows, cursor = pagination.bounded(TRACE_ENTRIES, start, partial(self._newer, log_filter))
        more = {"entries": rows, "truncated": bool(cursor)}
        return Response(TraceDetailShape(trace, context={**self.wire_context, **more}).data)

    def _newer(self, log_filter: LogFilter, size: int, cursor: str) -> tuple[list[Any], str]:
        found = paging.page(log_filter, self.project, size=size, after=cursor)
        return list(EntryShape(found.rows[::-1], many=True, context=self.wire_context).data), found.newer


class Users(KeyView):
    @openapi.list_users
    def get(self, request: Request) -> Response:
        requested = pagination.page_request(self.parameters)
        rows, cursor = pagination.page(
            ConnectedUser.objects.of(self.project), "user_id", requested, parse=pagination.text
        )
        return Response({"results": UserShape(rows, many=True, context=self.wire_context).data, "next": cursor})


class OneUser(KeyView):
    scopes = {"GET": Scope.LOGS_READ, "PUT": Scope.USERS_WRITE}

    @openapi.get_user
    def get(self, request: Request, userId: str) -> Response:
        self.refuse_parameters()
        user = ConnectedUser.objects.of(self.project).filter(user_id=userId).first()
        if user is None:
            raise Http404
        return Response(UserShape(user, context=self.wire_context).data)

    @openapi.put_user
    def put(self, request: Request, userId: str) -> Response:
        self.refuse_parameters()
        if len(userId.encode()) > LIMITS.user_id_bytes:
            raise pagination.invalid({"userId": f"At most {LIMITS.user_id_bytes} bytes."})
        if not fields.is_seen(userId):
            raise pagination.invalid({"userId": "At least one character that can be seen."})
        body = request_body.json_object(request._request, owner=self.key.pk)
        form = UserWrite(data=body)
        if not form.is_valid():
            raise exceptions.ValidationError(form.errors)
        user, made = _write_user(self.key, userId, form.validated_data, request=request._request)
        return Response(UserShape(user, context=self.wire_context).data, status=201 if made else 200)


def _write_user(
    key: ApiKey, user_id: str, values: Mapping[str, Any], *, request: HttpRequest
) -> tuple[ConnectedUser, bool]:
    """The user as written, and whether it is new; with its line in the audit, or not at all."""
    with transaction.atomic():
        user, made = (
            ConnectedUser.objects.of(key.project)
            .select_for_update()
            .get_or_create(user_id=user_id, project=key.project, defaults=values)
        )
        before = None if made else {name: getattr(user, name) for name in values}
        ConnectedUser.objects.filter(pk=user.pk).update(**values)
        audit.record(
            Action.USER_WRITTEN,
            actor_text=str(key),
            project=key.project,
            object_type="connected user",
            object_text=user_id,
            before=before,
            after=dict(values),
            address=client_address(request),
            request_id=getattr(request, "id", ""),
        )
    user.refresh_from_db()
    return user, made


class Integrations(KeyView):
    @openapi.list_integrations
    def get(self, request: Request) -> Response:
        requested = pagination.page_request(self.parameters)
        syncs = Sync.objects.of(self.project).exclude(integration="")
        totals = syncs.values("integration").annotate(syncs=Count("pk"), last_seen_at=Max("last_seen_at"))
        rows, cursor = pagination.page(totals, "integration", requested, parse=pagination.text)
        states = _states(syncs, [row["integration"] for row in rows])
        return Response({"results": [self._shape(row, states) for row in rows], "next": cursor})

    def _shape(self, row: Mapping[str, Any], states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        slug = row["integration"]
        return {
            "slug": slug,
            "name": names.integration_words(slug),
            "syncs": row["syncs"],
            "byStatus": [
                {"status": state["status"] or None, "count": state["count"]}
                for state in states
                if state["integration"] == slug
            ],
            "lastSeenAt": rfc3339(row["last_seen_at"]),
            "url": address(self.request._request, paths.detail(self.project.slug, "integration", slug)),
        }


def _states(syncs: QuerySet[Sync], slugs: list[str]) -> list[Any]:
    found = syncs.filter(integration__in=slugs).values("integration", "status").annotate(count=Count("pk"))
    return list(found.order_by("integration", "-count", "status"))


class Limits(KeyView):
    """The numbers of the contract. For anybody; with a key, its own rate and what its project keeps."""

    permission_classes = []
    authentication_classes = []

    @openapi.get_limits
    def get(self, request: Request) -> Response:
        self.refuse_parameters()
        carries_key = "Authorization" in request.headers
        return Response(
            limits.limits_json(keys.authenticate(request._request) if carries_key else None, now=timezone.now())
        )
