"""OpenAPI descriptions of the operations: decorators for the views, and the postprocessing of the document.

Shapes come from portal.api.serializers, numbers from the constants that the code uses.
"""

import json
from collections import ChainMap
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from portal.api import json_schemas, pagination
from portal.api.attempts import AttemptShape, NotEligible, WholeAttemptShape
from portal.api.serializers import (
    Account,
    EntryShape,
    IntegrationShape,
    Problem,
    RefusedAccount,
    SyncShape,
    TraceDetailShape,
    UserShape,
)
from synclogs.parsing.limits import LIMITS
from synclogs.query.fields import FIELDS
from synclogs.query.filters import DEFAULT_SINCE, PRESETS
from synclogs.query.language import QUERY_LENGTH

PROBLEM = "application/problem+json"
OF_BODIES = (400, 408, 411, 413, 415, 501)
TEXTS = json_schemas.several(json_schemas.text())
PROBLEMS = {
    400: "Something in the request cannot be read; `errors` names each parameter or field at fault.",
    401: "No key, or one that is not known, has expired or was revoked.",
    403: "The key lacks the scope.",
    404: "Nothing here under that name, or it is another project's.",
    405: "Another method; `Allow` names those that can be used.",
    408: "The body took too long to arrive.",
    411: "Neither Content-Length nor chunks.",
    413: "Larger than a limit: on the wire, inflated, or in entries.",
    414: "The address is too long.",
    415: "Another media type, charset or coding.",
    429: "The rate of the key, or of all keys of its project, is spent, or several reads of the key are going on;"
    " `Retry-After` tells when to come back.",
    431: "Headers too large.",
    501: "Another transfer coding than chunked.",
    503: "The database is away or the portal is overloaded; nothing was stored. `Retry-After` tells when to come back.",
}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "portal.api.keys.KeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer ssp_…`"}


def problems(*statuses: int) -> dict[Any, OpenApiResponse]:
    """The problems that an operation may answer with, besides those of every operation."""
    listed = sorted({*statuses, 401, 403, 405, 414, 429, 431, 503})
    return {(status, PROBLEM): OpenApiResponse(Problem, PROBLEMS[status]) for status in listed}


def listing(name: str, shape: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """A page of a list."""
    following = serializers.CharField(allow_null=True, help_text="The `cursor` of the next page; null on the last one.")
    return inline_serializer(f"{name}Page", {"results": shape(many=True), "next": following})


def query(name: str, schema: json_schemas.Schema, description: str) -> OpenApiParameter:
    is_list = schema.get("type") == "array"
    return OpenApiParameter(name, schema, description=description, style="form", explode=True if is_list else None)


def filter_parameters() -> Iterable[OpenApiParameter]:
    for name, field in FIELDS.items():
        values = json_schemas.several(json_schemas.FILTERS.get(name) or json_schemas.text())
        yield query(name, values, f"{field.label}: any of these values.")
        yield query(f"-{name}", values, f"{field.label}: none of these values.")
    presets = ", ".join(PRESETS)
    oldest = f"The oldest: {presets} back from now, or RFC 3339; without an offset it is UTC."
    yield query("since", {**json_schemas.SINCE, "default": DEFAULT_SINCE}, oldest)
    yield query(
        "until",
        json_schemas.SINCE,
        "The end, exclusive and later than `since`: the same spellings. Without it, everything newer.",
    )
    yield query(
        "q",
        json_schemas.QUERY,
        f'Query language, at most {QUERY_LENGTH} characters: word, "a phrase", field:value, -field:value, field:a,b, '
        "http_status:>=500, summary.created:>0, AND OR NOT ( ). The fields are the parameters above, message, credential, id, "
        "and any path of the payload. What no index answers is searched for a while: then a page may be short, or empty, "
        "and `next` goes on.",
    )


def paging(cursor: json_schemas.Schema) -> tuple[OpenApiParameter, OpenApiParameter]:
    return (
        query(
            "limit",
            json_schemas.LIMIT,
            f"Rows in a page, 1 to {pagination.MOST}; of large entries fewer come, and `next` goes on.",
        ),
        query("cursor", cursor, "`next` of the page before."),
    )


def inside_path(name: str, description: str, schema: json_schemas.Schema = json_schemas.IN_PATH) -> OpenApiParameter:
    return OpenApiParameter(name, schema, location=OpenApiParameter.PATH, description=f"{description} Percent-encoded.")


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
    request={"application/json": json_schemas.BATCH, "application/x-ndjson": json_schemas.LINES},
    responses={
        200: OpenApiResponse(Account, "At least one entry is stored or was there already, or the array was empty."),
        **problems(*OF_BODIES),
        (422, PROBLEM): OpenApiResponse(RefusedAccount, "Readable, but not one entry could be stored."),
    },
    examples=[
        OpenApiExample("An error", value=[json_schemas.EXAMPLE], request_only=True, media_type="application/json")
    ],
)
list_logs = extend_schema(
    operation_id="listLogs",
    tags=["logs"],
    summary="Log entries, newest first",
    parameters=[*filter_parameters(), *paging(json_schemas.AT_ENTRY)],
    responses={200: listing("Log", EntryShape), **problems(400)},
)
get_log = extend_schema(
    operation_id="getLog",
    tags=["logs"],
    summary="One log entry",
    description="By the sender's id, of which the newest is given, or by the portal's key.",
    parameters=[inside_path("id", "The sender's id, or the key.")],
    responses={200: EntryShape, **problems(400, 404)},
)
list_syncs = extend_schema(
    operation_id="listSyncs",
    tags=["syncs"],
    summary="Syncs, in the order of their ids",
    parameters=[
        query("status", TEXTS, "Any of these states."),
        query("integration", TEXTS, "Any of these integrations."),
        query("pipeline", TEXTS, "Any of these pipelines."),
        query("user", TEXTS, "Of any of these users."),
        *paging(json_schemas.AT_UUID),
    ],
    responses={200: listing("Sync", SyncShape), **problems(400)},
)
get_sync = extend_schema(
    operation_id="getSync",
    tags=["syncs"],
    summary="One sync",
    parameters=[inside_path("syncId", "The sync's UUID.")],
    responses={200: SyncShape, **problems(400, 404)},
)
reenable_sync = extend_schema(
    operation_id="reenableSync",
    tags=["re-enables"],
    summary="Re-enable a stopped sync",
    description=(
        "Asks for one attempt, which is sent to the provider at most once, by the worker, and then watched: "
        "see `Location`. Every check has to pass; a second request while an attempt is open is a 409 that names it."
    ),
    parameters=[inside_path("syncId", "The sync's UUID.")],
    request={"application/json": json_schemas.ref("ReenableWrite")},
    responses={
        202: OpenApiResponse(WholeAttemptShape, "Asked for; `Location` tells what becomes of it."),
        **problems(404, *OF_BODIES),
        (409, PROBLEM): OpenApiResponse(NotEligible, "A check did not pass; nothing was sent."),
    },
)
get_reenable = extend_schema(
    operation_id="getReenable",
    tags=["re-enables"],
    summary="One attempt, and what became of it",
    parameters=[inside_path("id", "The attempt's UUID.")],
    responses={200: WholeAttemptShape, **problems(400, 404)},
)
list_reenables = extend_schema(
    operation_id="listReenables",
    tags=["re-enables"],
    summary="Attempts, newest first",
    parameters=[
        query("state", json_schemas.several(json_schemas.STATE), "How far it is: any of these values."),
        query("sync", json_schemas.several(json_schemas.SYNC_ID), "Of any of these syncs."),
        *(query(name, TEXTS, f"{name.capitalize()}: any of these values.") for name in ("user", "integration")),
        *paging(json_schemas.AT_ENTRY),
    ],
    responses={200: listing("Reenable", AttemptShape), **problems(400)},
)
get_trace = extend_schema(
    operation_id="getTrace",
    tags=["syncs"],
    summary="One run of a sync, with its entries",
    parameters=[inside_path("traceId", "The trace's id.")],
    responses={200: TraceDetailShape, **problems(400, 404)},
)
list_users = extend_schema(
    operation_id="listUsers",
    tags=["users"],
    summary="Connected users, in the order of their ids",
    parameters=[*paging(json_schemas.AT_TEXT)],
    responses={200: listing("User", UserShape), **problems(400)},
)
get_user = extend_schema(
    operation_id="getUser",
    tags=["users"],
    summary="One connected user",
    parameters=[inside_path("userId", "The user's id, any characters.")],
    responses={200: UserShape, **problems(400, 404)},
)
put_user = extend_schema(
    operation_id="putUser",
    tags=["users"],
    summary="Tell who a connected user is",
    description="Makes the user or replaces what is known: a field that is left out becomes empty.",
    parameters=[inside_path("userId", "The user's id, any characters.", json_schemas.USER_ID)],
    request={"application/json": json_schemas.ref("UserWrite")},
    responses={
        200: UserShape,
        201: OpenApiResponse(UserShape, "The user was not known before."),
        **problems(*OF_BODIES),
    },
)
list_integrations = extend_schema(
    operation_id="listIntegrations",
    tags=["integrations"],
    summary="Integrations by what their syncs say",
    parameters=[*paging(json_schemas.AT_TEXT)],
    responses={200: listing("Integration", IntegrationShape), **problems(400)},
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
        **{
            (status, PROBLEM): OpenApiResponse(Problem, PROBLEMS[status])
            for status in (400, 401, 405, 414, 429, 431, 503)
        },
    },
)


# The headers of answers, by status. Every answer to a known key tells what is left of its rate.
RATE = {
    "RateLimit-Policy": "The rate of the key.",
    "RateLimit": "What is left of it, and until when.",
}
RETRY = {"Retry-After": "Seconds until it is worth trying again."}
HEADERS: Mapping[str, dict[str, str]] = {
    "202": {"Location": "The address of the attempt."},
    "401": {"WWW-Authenticate": "Bearer, and what was wrong with the key."},
    "403": {"WWW-Authenticate": "The scope that the key lacks."},
    "405": {"Allow": "The methods that can be used."},
    "429": RETRY,
    "503": RETRY,
}
# These come with every such answer; the others depend on how far a request got.
REQUEST_ID, REQUEST_ID_WORDS = "X-Request-ID", "Helps to find the request in the portal's own log."
ALWAYS = {"Location", "Allow", "Retry-After"}


def finish(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Adds what no serializer can say: how entries are sent, where unknown fields may be, headers, that a body has to come."""
    components = result["components"]
    components["schemas"] |= json_schemas.COMPONENTS
    components["schemas"]["EntryShape"]["additionalProperties"] = True
    components["headers"] = {
        name: {"schema": {"type": "string"}, "description": words, "required": name in ALWAYS}
        for name, words in {**RATE, REQUEST_ID: REQUEST_ID_WORDS, **ChainMap(*HEADERS.values())}.items()
    }
    components["responses"] = {}
    for item in result["paths"].values():
        for operation in item.values():
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            operation["responses"] = {
                status: _answer(status, answer, components) for status, answer in operation["responses"].items()
            }
    # Our classes are called shapes, to distinguish them from models; in the document their names are plain.
    public: dict[str, Any] = json.loads(json.dumps(result).replace('Shape"', '"'))
    return public


def _answer(status: str, answer: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """An answer with its headers; those that say the same everywhere stand once."""
    rate = () if status == "401" else RATE
    answer["headers"] = {
        name: {"$ref": f"#/components/headers/{name}"} for name in (*HEADERS.get(status, ()), *rate, REQUEST_ID)
    }
    answer["description"] = answer["description"] or "What was asked for."
    if answer["description"] != PROBLEMS.get(int(status)):
        return answer
    name = HTTPStatus(int(status)).phrase.title().replace(" ", "").replace("-", "")
    components["responses"][name] = answer
    return {"$ref": f"#/components/responses/{name}"}
