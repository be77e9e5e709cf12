"""API serializers: rows as camelCase JSON, and validation of what clients write. IDs are the outside ones.

What is not known is null. No database, no decision.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.links import paths
from synclogs.catalogue import CATEGORY_SLUGS
from synclogs.models import ConnectedUser, LogEntry, Sync, Trace
from synclogs.moments import rfc3339
from synclogs.parsing import entry_keys, fields

SLUGS = {int(value): slug for slug, value in CATEGORY_SLUGS.items()}
COUNTS = {key.wire: key.snake for key in fields.TOTALS}
REQUIRED = ("id", "timestamp", "level", "type")
# Declared one by one they would be a second list of the keys; vars() is the body of the class, which REST framework reads.
OPTIONAL_TEXTS = [key.wire for key in entry_keys.ENTRY if key.wire not in (*REQUIRED, "message", "syncId")]
METADATA_KEYS, METADATA_CHARACTERS = 50, 16 * 1024


def address(request: HttpRequest, path: str) -> str:
    return request.build_absolute_uri(path)


class NullableTextField(serializers.CharField):
    """A text column; empty is null on the wire."""

    def __init__(self, **more: Any) -> None:
        super().__init__(allow_null=True, **more)

    def to_representation(self, value: Any) -> str | None:  # type: ignore[override]
        return value or None


class Shape(serializers.Serializer[Any]):
    """Read-only; `self.request` makes addresses of pages."""

    @property
    def request(self) -> HttpRequest:
        return self.context["request"]  # type: ignore[no-any-return]


class SummaryShape(Shape):
    """What a completed run said of itself."""

    vars().update({name: serializers.IntegerField(allow_null=True) for name in COUNTS})


def summary(row: Sync | Trace) -> dict[str, int | None] | None:
    counts = {name: getattr(row, column) for name, column in COUNTS.items()}
    return counts if any(value is not None for value in counts.values()) else None


class EntryShape(Shape):
    """A log entry as it was sent, cleaned, with what the portal adds: key, receivedAt, category, url.

    Should the sender use one of these names itself, its value stands under `sent`. Unknown fields come as they came.
    """

    key = serializers.UUIDField(help_text="The portal's own ID, which makes the permalink.")
    id = serializers.CharField(help_text="The sender's ID.")
    timestamp = serializers.DateTimeField(help_text="When it happened, by the sender's clock, in UTC.")
    receivedAt = serializers.DateTimeField(help_text="When it arrived, by the portal's clock.")
    level = serializers.ChoiceField(choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    type = serializers.CharField()
    category = serializers.ChoiceField(choices=tuple(CATEGORY_SLUGS))
    message = serializers.CharField(required=False)
    syncId = serializers.UUIDField(required=False)
    vars().update({name: serializers.CharField(required=False) for name in OPTIONAL_TEXTS})
    summary = serializers.DictField(required=False)
    error = serializers.DictField(required=False)
    sent = serializers.DictField(required=False)
    url = serializers.URLField(help_text="The entry's page.")

    def to_representation(self, entry: LogEntry) -> dict[str, Any]:
        page = reverse("log", args=(self.context["project"].slug, entry.key))
        columns = {
            "key": str(entry.key),
            "receivedAt": rfc3339(entry.received_at),
            "category": SLUGS[entry.category],
            "url": address(self.request, page),
        }
        context = entry.context()
        both = {name: context[name] for name in (*columns, "sent") if name in context}
        return {**context, **columns, **({"sent": both} if both else {})}


class LastErrorShape(Shape):
    """The last error that was logged of a sync."""

    at = serializers.DateTimeField(source="last_error_at")
    key = serializers.UUIDField(source="last_error_key", help_text="The entry that reported it.")
    event = NullableTextField(source="last_error_event")
    errorCode = NullableTextField(source="last_error_code")
    httpStatus = serializers.IntegerField(source="last_error_http_status", allow_null=True)
    recoverability = NullableTextField(source="last_error_recoverability")
    message = NullableTextField(source="last_error_message")


class RetryShape(Shape):
    """The next try, as the last warning announced it."""

    seenAt = serializers.DateTimeField(source="retry_seen_at")
    nextRetryAt = serializers.DateTimeField(source="retry_at", allow_null=True)
    attempt = serializers.IntegerField(source="retry_attempt", allow_null=True)
    maxAttempts = serializers.IntegerField(source="retry_max_attempts", allow_null=True)


class SyncShape(Shape):
    """A sync as its entries describe it; all moments are event times."""

    syncId = serializers.UUIDField(source="sync_id")
    userId = NullableTextField(source="user_id")
    integration = NullableTextField()
    pipeline = NullableTextField()
    credentialId = NullableTextField(source="credential_id")
    status = NullableTextField()
    statusSince = serializers.DateTimeField(source="status_since", allow_null=True)
    firstSeenAt = serializers.DateTimeField(source="first_seen_at")
    lastSeenAt = serializers.DateTimeField(source="last_seen_at")
    initialCompletedAt = serializers.DateTimeField(source="initial_completed_at", allow_null=True)
    lastStartedAt = serializers.DateTimeField(source="last_started_at", allow_null=True)
    lastCompletedAt = serializers.DateTimeField(source="last_completed_at", allow_null=True)
    lastWarningAt = serializers.DateTimeField(source="last_warning_at", allow_null=True)
    webhookWarningAt = serializers.DateTimeField(source="webhook_warning_at", allow_null=True)
    webhookFailedAt = serializers.DateTimeField(source="webhook_failed_at", allow_null=True)
    cadenceSeconds = serializers.FloatField(source="cadence_seconds", allow_null=True)
    lastSummary = serializers.SerializerMethodField()
    lastError = serializers.SerializerMethodField()
    retry = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    @extend_schema_field(SummaryShape(allow_null=True))
    def get_lastSummary(self, sync: Sync) -> dict[str, int | None] | None:
        return summary(sync)

    @extend_schema_field(LastErrorShape(allow_null=True))
    def get_lastError(self, sync: Sync) -> Mapping[str, Any] | None:
        return LastErrorShape(sync).data if sync.last_error_at else None

    @extend_schema_field(RetryShape(allow_null=True))
    def get_retry(self, sync: Sync) -> Mapping[str, Any] | None:
        return RetryShape(sync).data if sync.retry_seen_at else None

    @extend_schema_field(serializers.URLField())
    def get_url(self, sync: Sync) -> str:
        return address(self.request, reverse("sync", args=(self.context["project"].slug, sync.sync_id)))


class TraceShape(Shape):
    """One run of a sync, and its entries oldest first; `truncated` when there are more than these."""

    traceId = serializers.CharField(source="trace_id")
    syncId = serializers.UUIDField(source="sync_id", allow_null=True)
    userId = NullableTextField(source="user_id")
    integration = NullableTextField()
    pipeline = NullableTextField()
    syncType = NullableTextField(source="sync_type")
    firstAt = serializers.DateTimeField(source="first_at")
    lastAt = serializers.DateTimeField(source="last_at")
    startedAt = serializers.DateTimeField(source="run_started_at", allow_null=True)
    completedAt = serializers.DateTimeField(source="completed_at", allow_null=True)
    interruptedAt = serializers.DateTimeField(source="interrupted_at", allow_null=True)
    failedAt = serializers.DateTimeField(source="failed_at", allow_null=True)
    limitedAt = serializers.DateTimeField(source="limited_at", allow_null=True)
    entryCount = serializers.IntegerField(source="entries")
    warningCount = serializers.IntegerField(source="warnings")
    errorCount = serializers.IntegerField(source="errors")
    summary = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    @extend_schema_field(SummaryShape(allow_null=True))
    def get_summary(self, trace: Trace) -> dict[str, int | None] | None:
        return summary(trace)

    @extend_schema_field(serializers.URLField())
    def get_url(self, trace: Trace) -> str:
        return address(self.request, paths.detail(self.context["project"].slug, "trace", trace.trace_id))


class TraceDetailShape(TraceShape):
    entries = serializers.SerializerMethodField()
    truncated = serializers.SerializerMethodField()

    @extend_schema_field(EntryShape(many=True))
    def get_entries(self, trace: Trace) -> Any:
        return self.context["entries"]

    def get_truncated(self, trace: Trace) -> bool:
        return bool(self.context["truncated"])


class UserShape(Shape):
    """A connected user: an end customer whose data syncs."""

    userId = serializers.CharField(source="user_id")
    name = NullableTextField()
    email = NullableTextField()
    company = NullableTextField()
    metadata = serializers.DictField()
    firstSeenAt = serializers.DateTimeField(source="first_seen_at", allow_null=True)
    lastSeenAt = serializers.DateTimeField(source="last_seen_at", allow_null=True)
    url = serializers.SerializerMethodField()

    @extend_schema_field(serializers.URLField())
    def get_url(self, user: ConnectedUser) -> str:
        return address(self.request, paths.detail(self.context["project"].slug, "user", user.user_id))


class SentText(serializers.CharField):
    """Only a text, where REST framework would also take numbers for one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class SentEmail(SentText, serializers.EmailField):
    """The same for an address."""


class UserWrite(serializers.Serializer[Any]):
    """All that the portal may know of a connected user. PUT replaces: what is left out becomes empty."""

    name = SentText(max_length=200, required=False, default="", allow_blank=True)
    email = SentEmail(max_length=254, required=False, default="", allow_blank=True)
    company = SentText(max_length=200, required=False, default="", allow_blank=True)
    metadata = serializers.DictField(required=False, default=dict)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError({name[:80]: "There is no such field." for name in unknown[:20]})
        return super().to_internal_value(data)

    def validate_metadata(self, value: dict[str, Any]) -> dict[str, Any]:
        if len(value) > METADATA_KEYS:
            raise serializers.ValidationError(f"At most {METADATA_KEYS} keys.")
        if len(json.dumps(value, ensure_ascii=False)) > METADATA_CHARACTERS:
            raise serializers.ValidationError(f"At most {METADATA_CHARACTERS} characters of JSON.")
        return value


class StatusCount(Shape):
    """How many syncs are in a state."""

    status = NullableTextField()
    count = serializers.IntegerField()


class IntegrationShape(Shape):
    """An integration by what its syncs say."""

    slug = serializers.CharField()
    name = serializers.CharField(help_text="For people.")
    syncs = serializers.IntegerField()
    byStatus = StatusCount(many=True)
    lastSeenAt = serializers.DateTimeField()
    url = serializers.URLField()


class Problem(Shape):
    """RFC 9457; `errors` names each parameter or field at fault."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    request_id = serializers.CharField()
    code = serializers.CharField(required=False, help_text="For programs: why a body was refused.")
    errors = serializers.DictField(child=serializers.CharField(), required=False)  # type: ignore[assignment]


class ItemError(Shape):
    """An entry that was not taken."""

    index = serializers.IntegerField(help_text="Its place in the batch; in NDJSON, among the lines with text.")
    id = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    pointer = serializers.CharField(help_text="Where in the entry, as a JSON pointer (RFC 6901).")
    detail = serializers.CharField()


class Account(Shape):
    """What became of a batch. Stored means committed; errors are listed up to 100."""

    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField(help_text="Already stored, by project, id and timestamp.")
    rejected = serializers.IntegerField()
    sanitized = serializers.IntegerField(help_text="Entries in which NUL or lone surrogates became U+FFFD.")
    errors = ItemError(many=True)  # type: ignore[assignment]
    request_id = serializers.CharField()


class RefusedAccount(Account):
    """The same as a problem: not one entry could be stored."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
