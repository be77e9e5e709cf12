"""What the OpenAPI document says of each operation: decorators for the views, and the last touches to the document.

The shapes are those of portal.api.serializers; the numbers are those that the code uses.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from portal.api import pages
from portal.api.attempts import AttemptShape, NotEligible, ReenableWrite
from portal.api.serializers import (
    Account,
    EntryShape,
    IntegrationShape,
    Problem,
    RefusedAccount,
    SyncShape,
    TraceDetailShape,
    UserShape,
    UserWrite,
)
from synclogs.catalogue import CATEGORY_SLUGS, LEVEL_SLUGS
from synclogs.checks import State
from synclogs.filters import DEFAULT_SINCE, PRESETS
from synclogs.language import QUERY_LENGTH
from synclogs.limits import LIMITS
from synclogs.parameters import FIELDS

PROBLEM = "application/problem+json"
TROUBLES = {
    400: "Something in the request cannot be read; `errors` names each parameter or field at fault.",
    401: "No key, or one that is not known, has expired or was revoked.",
    403: "The key lacks the scope.",
    404: "Nothing here under that name, or it is another project's.",
    405: "Another method; `Allow` names those that can be used.",
    408: "The body took too long to arrive.",
    411: "Neither Content-Length nor chunks.",
    413: "Larger than a limit: on the wire, inflated, or in entries.",
    415: "Another media type, charset or coding.",
    429: "The rate of the key, or of all keys of its project, is spent; `Retry-After` tells when to come back.",
    503: "The database is away or the portal is overloaded; nothing was stored. `Retry-After` tells when to come back.",
}
SHORT = f"1 to {LIMITS.text_characters} printable ASCII characters, not only blanks."


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "portal.api.keys.KeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer ssp_…`"}


def troubles(*statuses: int) -> dict[Any, OpenApiResponse]:
    """The problems that an operation may answer with, besides those of every operation."""
    listed = sorted({*statuses, 401, 403, 405, 429, 503})
    return {(status, PROBLEM): OpenApiResponse(Problem, TROUBLES[status]) for status in listed}


def listing(name: str, shape: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """A page of a list."""
    following = serializers.CharField(allow_null=True, help_text="The `cursor` of the next page; null on the last one.")
    return inline_serializer(f"{name}Page", {"results": shape(many=True), "next": following})


def query(name: str, description: str, *, many: bool = False, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, description=description, many=many, explode=many or None, **more)


def filter_parameters() -> Iterable[OpenApiParameter]:
    closed = {"category": list(CATEGORY_SLUGS), "level": list(LEVEL_SLUGS)}
    for name, field in FIELDS.items():
        yield query(name, f"{field.label}: any of these values.", many=True, enum=closed.get(name))
        yield query(f"-{name}", f"{field.label}: none of these values.", many=True, enum=closed.get(name))
    presets = ", ".join(PRESETS)
    yield query("since", f"The oldest: {presets} back from now, or RFC 3339.", default=DEFAULT_SINCE)
    yield query("until", "The end, exclusive: the same spellings. Without it, everything newer.")
    yield query(
        "q",
        f'Query language, at most {QUERY_LENGTH} characters: word, "a phrase", field:value, -field:value, field:a,b, '
        "http_status:>=500, summary.created:>0, AND OR NOT ( ). The fields are the parameters above, message, credential, id, "
        "and any path of the payload. What no index answers is searched for a while: then a page may be short, or empty, "
        "and `next` goes on.",
    )


PAGING = (
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": pages.MOST},
        description=f"Rows in a page, 1 to {pages.MOST}; of large entries fewer come, and `next` goes on.",
        default=pages.USUAL,
    ),
    query("cursor", "`next` of the page before."),
)
RATE = (
    OpenApiParameter(
        "RateLimit-Policy", location=OpenApiParameter.HEADER, response=[200], description="The rate of the key."
    ),
    OpenApiParameter(
        "RateLimit", location=OpenApiParameter.HEADER, response=[200], description="What is left of it, and until when."
    ),
)


def inside_path(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, location=OpenApiParameter.PATH, description=f"{description} Percent-encoded.")


EXAMPLE = {
    "id": "evt_01",
    "timestamp": "2026-11-23T14:02:11.532Z",
    "level": "ERROR",
    "type": "managed_sync",
    "syncEvent": "SYNC_RUN_ERROR",
    "syncId": "5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9",
    "traceId": "7b1e40c2",
    "userId": "acct_4471",
    "integration": "sharepoint",
    "pipeline": "files",
    "syncType": "INCREMENTAL",
    "syncStatus": "ERRORED",
    "message": "The credential is no longer valid.",
    "error": {"recoverability": "NON_RECOVERABLE", "httpStatus": 401, "errorCode": "invalid_grant"},
}
ENTRY = {"$ref": "#/components/schemas/EntryWrite"}
BATCH = {
    "oneOf": [
        ENTRY,
        {"type": "array", "items": ENTRY, "maxItems": LIMITS.entries},
        {
            "type": "object",
            "required": ["logs"],
            "properties": {"logs": {"type": "array", "items": ENTRY, "maxItems": LIMITS.entries}},
        },
    ]
}

push_logs = extend_schema(
    operation_id="pushLogs",
    tags=["logs"],
    summary="Send log entries",
    description=(
        f'One entry, an array, `{{"logs": [...]}}`, or an entry a line (NDJSON); at most {LIMITS.entries} entries, '
        f"{LIMITS.wire_bytes} bytes on the wire and {LIMITS.inflated_bytes} inflated. `Content-Encoding: gzip` is understood. "
        "An entry is known by project, `id` and `timestamp`, so a batch may always be sent again. A bad entry never costs "
        "its neighbours: it is listed in `errors`."
    ),
    request={"application/json": BATCH, "application/x-ndjson": {"type": "string"}},
    responses={
        200: OpenApiResponse(Account, "At least one entry is stored or was there already, or the array was empty."),
        **troubles(400, 408, 411, 413, 415),
        (422, PROBLEM): OpenApiResponse(RefusedAccount, "Readable, but not one entry could be stored."),
    },
    parameters=[*RATE],
    examples=[OpenApiExample("An error", value=[EXAMPLE], request_only=True, media_type="application/json")],
)
list_logs = extend_schema(
    operation_id="listLogs",
    tags=["logs"],
    summary="Log entries, newest first",
    parameters=[*filter_parameters(), *PAGING, *RATE],
    responses={200: listing("Log", EntryShape), **troubles(400)},
)
get_log = extend_schema(
    operation_id="getLog",
    tags=["logs"],
    summary="One log entry",
    description="By the sender's id, of which the newest is given, or by the portal's key.",
    parameters=[inside_path("id", "The sender's id, or the key."), *RATE],
    responses={200: EntryShape, **troubles(400, 404)},
)
list_syncs = extend_schema(
    operation_id="listSyncs",
    tags=["syncs"],
    summary="Syncs, in the order of their ids",
    parameters=[
        query("status", "Any of these states.", many=True),
        query("integration", "Any of these integrations.", many=True),
        query("pipeline", "Any of these pipelines.", many=True),
        query("user", "Of any of these users.", many=True),
        *PAGING,
        *RATE,
    ],
    responses={200: listing("Sync", SyncShape), **troubles(400)},
)
get_sync = extend_schema(
    operation_id="getSync",
    tags=["syncs"],
    summary="One sync",
    parameters=[inside_path("syncId", "The sync's UUID."), *RATE],
    responses={200: SyncShape, **troubles(400, 404)},
)
reenable_sync = extend_schema(
    operation_id="reenableSync",
    tags=["re-enables"],
    summary="Re-enable a stopped sync",
    description=(
        "Asks for one attempt, which is sent to the provider at most once, by the worker, and then watched: "
        "see `Location`. Every check has to pass; a second request while an attempt is open is a 409 that names it."
    ),
    parameters=[inside_path("syncId", "The sync's UUID."), *RATE],
    request={"application/json": ReenableWrite},
    responses={
        202: OpenApiResponse(AttemptShape, "Asked for; `Location` tells what becomes of it."),
        **troubles(400, 404, 408, 411, 413, 415),
        (409, PROBLEM): OpenApiResponse(NotEligible, "A check did not pass; nothing was sent."),
    },
)
get_reenable = extend_schema(
    operation_id="getReenable",
    tags=["re-enables"],
    summary="One attempt, and what became of it",
    parameters=[inside_path("id", "The attempt's UUID."), *RATE],
    responses={200: AttemptShape, **troubles(400, 404)},
)
list_reenables = extend_schema(
    operation_id="listReenables",
    tags=["re-enables"],
    summary="Attempts, newest first",
    parameters=[
        query("state", "How far it is: any of these values.", many=True, enum=State.values),
        query("sync", "The sync's UUID."),
        *(query(name, f"{name.capitalize()}: any of these values.", many=True) for name in ("user", "integration")),
        *PAGING,
        *RATE,
    ],
    responses={200: listing("Reenable", AttemptShape), **troubles(400)},
)
get_trace = extend_schema(
    operation_id="getTrace",
    tags=["syncs"],
    summary="One run of a sync, with its entries",
    parameters=[inside_path("traceId", "The trace's id."), *RATE],
    responses={200: TraceDetailShape, **troubles(400, 404)},
)
list_users = extend_schema(
    operation_id="listUsers",
    tags=["users"],
    summary="Connected users, in the order of their ids",
    parameters=[*PAGING, *RATE],
    responses={200: listing("User", UserShape), **troubles(400)},
)
get_user = extend_schema(
    operation_id="getUser",
    tags=["users"],
    summary="One connected user",
    parameters=[inside_path("userId", "The user's id, any characters."), *RATE],
    responses={200: UserShape, **troubles(400, 404)},
)
put_user = extend_schema(
    operation_id="putUser",
    tags=["users"],
    summary="Tell who a connected user is",
    description="Makes the user or replaces what is known: a field that is left out becomes empty.",
    parameters=[inside_path("userId", "The user's id, any characters."), *RATE],
    request={"application/json": UserWrite},
    responses={
        200: UserShape,
        201: OpenApiResponse(UserShape, "The user was not known before."),
        **troubles(400, 408, 411, 413, 415),
    },
)
list_integrations = extend_schema(
    operation_id="listIntegrations",
    tags=["integrations"],
    summary="Integrations by what their syncs say",
    parameters=[*PAGING, *RATE],
    responses={200: listing("Integration", IntegrationShape), **troubles(400)},
)
get_limits = extend_schema(
    operation_id="getLimits",
    tags=["about"],
    summary="The numbers that bound a request",
    description="For anybody; with a key, its own rate and what its project keeps.",
    auth=[],
    responses={
        200: inline_serializer(
            "Limits",
            {
                **{
                    name: serializers.DictField(child=serializers.IntegerField())
                    for name in ("ingest", "rate", "pages", "query")
                },
                "retention": inline_serializer(
                    "Retention", {"days": serializers.IntegerField(), "oldestAccepted": serializers.DateTimeField()}
                ),
            },
        ),
        **{(status, PROBLEM): OpenApiResponse(Problem, TROUBLES[status]) for status in (400, 401, 405, 503)},
    },
)


def text(longest: int, description: str = "") -> dict[str, object]:
    return {"type": "string", "maxLength": longest, **({"description": description} if description else {})}


def counts() -> dict[str, object]:
    names = ("created", "updated", "deleted", "totalProcessed", "totalChanges", "durationMs")
    return {"type": "object", "properties": {name: {"type": "integer"} for name in names}, "additionalProperties": True}


ENTRY_WRITE: Mapping[str, object] = {
    "type": "object",
    "description": "A log entry as it is sent. Unknown fields are kept as they come and shown raw.",
    "required": ["id", "timestamp", "level", "type"],
    "additionalProperties": True,
    "properties": {
        "id": text(LIMITS.id_characters, "The sender's own event id, printable ASCII, not only blanks."),
        "timestamp": {
            "type": "string",
            "format": "date-time",
            "description": f"RFC 3339 with an offset, from as far back as the project keeps entries (at most {LIMITS.past_days} days) to"
            f" {LIMITS.ahead_hours} hours ahead.",
        },
        "level": {
            "type": "string",
            "enum": ["DEBUG", "INFO", "WARN", "WARNING", "ERROR"],
            "description": "In any case.",
        },
        "type": text(LIMITS.type_characters, "`managed_sync` is the one with meaning; others are kept and listed."),
        "syncEvent": text(LIMITS.text_characters, "Required for `managed_sync`."),
        "syncId": {"type": "string", "format": "uuid", "description": "Or `syncInstanceId`."},
        **{
            name: text(LIMITS.text_characters, SHORT)
            for name in ("traceId", "integration", "pipeline", "syncType", "syncStatus", "credentialId")
        },
        "userId": text(LIMITS.user_id_bytes, f"At most {LIMITS.user_id_bytes} bytes of UTF-8. Or `endUserId`."),
        "message": text(LIMITS.message_bytes, f"At most {LIMITS.message_bytes} bytes of UTF-8."),
        "summary": counts(),
        "error": {
            "type": "object",
            "additionalProperties": True,
            "properties": {
                "recoverability": {"type": "string"},
                "httpStatus": {"type": "integer"},
                "errorCode": {"type": ["string", "integer"]},
                "message": {"type": "string"},
                "backoffMs": {"type": "integer"},
                "nextRetryAt": {"type": "string", "format": "date-time"},
                "attempt": {"type": "integer"},
                "maxAttempts": {"type": "integer"},
            },
        },
    },
    "example": EXAMPLE,
}


def finish(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Adds what no serializer can say: the entry as it is sent, where unknown fields may be, and that a body has to come."""
    schemas = result["components"]["schemas"]
    schemas["EntryWrite"] = dict(ENTRY_WRITE)
    schemas["EntryShape"]["additionalProperties"] = True
    for name in ("UserWrite", "ReenableWrite"):
        schemas[name]["additionalProperties"] = False
    for item in result["paths"].values():
        for operation in item.values():
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
    return result
