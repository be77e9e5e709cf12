"""API serialization of re-enables: strict parsing of requests, attempts with their checks as camelCase JSON. No database, no decision."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.serializers import NullableTextField, Problem, Shape, address
from portal.problems.documents import Denied
from synclogs.catalogue.recovery import Check, CheckName, Source, State
from synclogs.explain import reenables as words
from synclogs.models import Reenable


def parse_reenable_request(body: Mapping[str, object]) -> tuple[str, bool]:
    """The reason as it was sent, and whether the checks are to be overridden. Raises Denied at the field at fault."""
    errors = {name[:80]: "There is no such field." for name in [*body][:20] if name not in ("reason", "override")}
    reason, override = body.get("reason", ""), body.get("override", False)
    if not isinstance(override, bool):
        errors["override"] = "true or false."
    if not isinstance(reason, str):
        errors["reason"] = "A text."
    if errors or not isinstance(reason, str) or not isinstance(override, bool):
        raise invalid(errors)
    return reason, override


def invalid(errors: Mapping[str, str]) -> Denied:
    """A 400 at fields of the body; `pointer` is the first of them (RFC 6901)."""
    name = next(iter(errors)).replace("~", "~0").replace("/", "~1")
    return Denied(400, "Some values cannot be used; see errors.", errors=dict(errors), pointer=f"/{name}")


class SourceShape(Shape):
    """The log entry that shows something, and how it came."""

    entry = serializers.UUIDField(help_text="Its `key`.")
    occurredAt = serializers.DateTimeField(source="occurred_at")
    receivedAt = serializers.DateTimeField(source="received_at")
    sentBy = NullableTextField(
        source="sent_by", help_text="Name and public id of the API key; null when none is on record."
    )


class CheckShape(Shape):
    """What has to be so before a sync is re-enabled, and what was found."""

    name = serializers.ChoiceField(choices=[name.value for name in CheckName])
    title = serializers.CharField()
    passed = serializers.BooleanField(allow_null=True, help_text="null when it cannot be known, which counts as no.")
    canOverride = serializers.BooleanField(help_text="Whether a lead may go against it.")
    words = serializers.CharField(help_text="What was found.")
    help = NullableTextField(help_text="What would change it.")
    shownBy = SourceShape(allow_null=True, help_text="The log entry that shows it; null where no single one does.")


class NotEligible(Problem):
    """Something stands in the way; nothing was sent."""

    checks = CheckShape(many=True, help_text="Those that did not pass.")
    attempt = serializers.UUIDField(required=False, help_text="The attempt that is under way, if that is the reason.")


def checks_json(checks: Iterable[Check], *, now: datetime) -> list[dict[str, Any]]:
    return [_shown(check, words.check_finding(check, now=now)) for check in checks]


def _shown(check: Check, finding: words.Finding) -> dict[str, Any]:
    return {
        "name": check.name.value,
        "title": words.CHECK_NAMES[check.name],
        "passed": check.passed,
        "canOverride": check.can_override,
        "words": finding.words,
        "help": finding.help or None,
        "shownBy": SourceShape(finding.source).data if finding.source else None,
    }


def stored_checks_json(attempt: Reenable) -> list[dict[str, Any]]:
    """The checks as they stood at the request."""
    return [_shown(*one) for one in words.stored_findings(attempt.evidence, now=attempt.requested_at)]


class AnswerShape(Shape):
    """What the provider said to the one call."""

    at = serializers.DateTimeField(source="answered_at", allow_null=True, help_text="null while no answer has come.")
    httpStatus = serializers.IntegerField(source="http_status", allow_null=True)
    text = NullableTextField(
        source="answer", help_text="Its own words, cut; or why there are none, or why nothing was sent."
    )
    foundStatus = NullableTextField(
        source="found_status", help_text="The sync's status there when it was last asked for."
    )


class AttemptShape(Shape):
    """One attempt to get a sync going again, watched until it ends."""

    id = serializers.UUIDField()
    syncId = serializers.UUIDField(source="sync_id")
    userId = NullableTextField(source="user_id")
    integration = NullableTextField()
    state = serializers.ChoiceField(choices=State.values)
    isOpen = serializers.BooleanField(source="is_open", help_text="Whether it may still change by itself.")
    sentence = serializers.SerializerMethodField(help_text="The state for people.")
    reason = serializers.CharField()
    override = serializers.BooleanField(source="is_override")
    requestedBy = NullableTextField(source="actor_text")
    requestedAt = serializers.DateTimeField(source="requested_at")
    sentAt = serializers.DateTimeField(source="sent_at", allow_null=True)
    acceptedAt = serializers.DateTimeField(source="accepted_at", allow_null=True)
    startedAt = serializers.DateTimeField(source="started_at", allow_null=True)
    endedAt = serializers.DateTimeField(source="ended_at", allow_null=True)
    watchedUntil = serializers.DateTimeField(source="watch_until", allow_null=True)
    errorAt = serializers.DateTimeField(source="error_at", allow_null=True, help_text="The error that it answers.")
    errorCode = NullableTextField(source="error_code")
    endedBy = serializers.UUIDField(source="ended_key", allow_null=True, help_text="Key of the entry that ended it.")
    bulk = serializers.UUIDField(source="bulk_id", allow_null=True)
    answer = AnswerShape(source="*")
    evidence = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    def get_sentence(self, attempt: Reenable) -> str:
        return words.state_sentence(attempt, now=self.context.get("now") or timezone.now())

    @extend_schema_field(CheckShape(many=True))
    def get_evidence(self, attempt: Reenable) -> list[dict[str, Any]]:
        return stored_checks_json(attempt)

    @extend_schema_field(serializers.URLField())
    def get_url(self, attempt: Reenable) -> str:
        return address(self.request, reverse("attempt", args=(self.context["project"].slug, attempt.pk)))


class WholeAttemptShape(AttemptShape):
    """One attempt by itself, with what lists leave out."""

    endedBySource = serializers.SerializerMethodField(
        help_text="How the entry of `endedBy` came; null where none ended it."
    )

    @extend_schema_field(SourceShape(allow_null=True))
    def get_endedBySource(self, attempt: Reenable) -> dict[str, Any] | None:
        source: Source | None = self.context.get("ended_by_source")
        return SourceShape(source).data if source else None
