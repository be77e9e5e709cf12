"""Re-enable endpoints of the API, with the same rules as the pages; a key acts as an operator.

Answers attempts, or problems with the failed checks.
"""

from datetime import datetime
from typing import Any

import django_filters
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.projects import client_address
from portal.api import attempts, openapi, pagination, request_body
from portal.api.attempts import AttemptShape, WholeAttemptShape
from portal.api.serializers import address
from portal.api.views import KeyView
from portal.problems.documents import Denied
from portal.tables.filtersets import IdsFilter, TextsFilter
from synclogs.access import denials
from synclogs.access.actors import Actor, NotAllowed, Refused, required_text
from synclogs.catalogue.recovery import CheckName, Evidence, State
from synclogs.explain.reenables import why_not
from synclogs.models import ApiKey, LogEntry, Reenable, Role, Scope, Sync
from synclogs.parsing.identifiers import uuid_of
from synclogs.query.filters import FilterError
from synclogs.recovery import provenance, reenable


def actor_of(key: ApiKey, request: HttpRequest) -> Actor:
    return Actor(None, f"key {key}", Role.OPERATOR, client_address(request), getattr(request, "id", ""))


class ReenableSync(KeyView):
    scopes = {"POST": Scope.SYNCS_REENABLE}

    @openapi.reenable_sync
    def post(self, request: Request, syncId: str) -> HttpResponse:
        self.refuse_parameters()
        now, sync = timezone.now(), self._sync(syncId)
        text, override = attempts.parse_reenable_request(request_body.json_object(request._request, owner=self.key.pk))
        actor = actor_of(self.key, request._request)
        try:
            reason = required_text("reason", text)
            attempt = reenable.request(sync, actor=actor, reason=reason, override=override, now=now)
        except NotAllowed:
            raise self._by_lead(sync, actor) from None
        except Refused as refused:
            raise attempts.invalid({refused.field: refused.sentence}) from None
        except reenable.NotEligible as error:
            raise not_eligible(error.evidence, now=now) from None
        shown = WholeAttemptShape(attempt, context={**self.wire_context, "now": now}).data
        where = address(request._request, reverse("api-reenable", args=(attempt.pk,)))
        return Response(shown, status=202, headers={"Location": where})

    def _sync(self, text: str) -> Sync:
        key = uuid_of(text)
        found = Sync.objects.of(self.project).select_related("project").filter(sync_id=key).first() if key else None
        if found is None:
            raise Http404
        return found

    def _by_lead(self, sync: Sync, actor: Actor) -> Denied:
        """A refusal like one by role, with its line in the audit."""
        reason = "A key cannot go against the checks."
        denials.deny(actor, self.request.path, reason, project=self.project)
        page = address(self.request._request, reverse("sync", args=(self.project.slug, sync.sync_id)))
        return Denied(403, f"{reason} A lead may, with a reason, on the sync's page: {page}")


def not_eligible(found: Evidence, *, now: datetime) -> Denied:
    """A 409 with the checks that did not pass, and the attempt that is under way."""
    why = why_not(check.name for check in found.failed) or "it has changed meanwhile"
    running = {check.name: check.facts.get("attempt") for check in found.failed}.get(CheckName.NONE_IN_FLIGHT)
    more: dict[str, Any] = {"attempt": running} if running else {}
    checks = attempts.checks_json(found.failed, now=now)
    return Denied(409, f"This sync cannot be re-enabled now: {why}.", checks=checks, **more)


class OneReenable(KeyView):
    @openapi.get_reenable
    def get(self, request: Request, id: str) -> Response:
        self.refuse_parameters()
        key = uuid_of(id)
        attempt = Reenable.objects.of(self.project).filter(pk=key).first() if key else None
        if attempt is None:
            raise Http404
        entry = LogEntry.objects.of(self.project).at_key(attempt.ended_key).first() if attempt.ended_key else None
        context = {**self.wire_context, "ended_by_source": provenance.of(entry) if entry else None}
        return Response(WholeAttemptShape(attempt, context=context).data)


class ReenableQuery(django_filters.FilterSet):  # type: ignore[misc]
    """`state=accepted&state=started`: any of these values."""

    state = django_filters.MultipleChoiceFilter(choices=State.choices)
    sync = IdsFilter(field_name="sync_id")
    user = TextsFilter(field_name="user_id")
    integration = TextsFilter()

    class Meta:
        model = Reenable
        fields = ()


class Reenables(KeyView):
    @openapi.list_reenables
    def get(self, request: Request) -> Response:
        query = ReenableQuery(self.parameters, Reenable.objects.of(self.project))
        requested = pagination.page_request(self.parameters, query.filters)
        if not query.is_valid():
            raise pagination.invalid({name: " ".join(map(str, texts)) for name, texts in query.errors.items()})
        try:
            rows, cursor = pagination.newest(query.qs, "requested_at", requested)
        except FilterError as error:
            raise pagination.invalid(error.errors) from None
        context = {**self.wire_context, "now": timezone.now()}
        return Response({"results": AttemptShape(rows, many=True, context=context).data, "next": cursor})
