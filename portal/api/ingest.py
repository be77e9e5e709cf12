"""POST /api/v1/logs: stores a batch of entries and answers with the result of each.

A plain function, since it is the hot path. Checks run in the contract's order: key, scope, rate, type, coding, length, body,
entries. What is answered with 200 is committed; nothing is stored that is not in the answer.
"""

import time
from collections.abc import Sequence
from contextlib import nullcontext

import msgspec
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from portal.api import keys, request_body
from portal.database.base import intake
from portal.database.disk import STORAGE
from portal.problems import documents
from portal.problems.documents import Denied
from synclogs.ingestion import ingest
from synclogs.ingestion.ingest import Written
from synclogs.models import ApiKey, Scope
from synclogs.parsing import compression, records
from synclogs.parsing.limits import LIMITS, TooLarge, TooMany, Unreadable
from synclogs.parsing.records import Reading, Refusal

JSON, LINES = "application/json", "application/x-ndjson"
# A batch holds its bytes, its records and its rows in memory at once; few may, and of the large ones only one.
PATIENCE_SECONDS = 0.5
LARGE_BYTES = 4 * request_body.MEBIBYTE
TURNS = request_body.Turns(settings.INGEST_CONCURRENCY, patience=PATIENCE_SECONDS)
LARGE_TURN = request_body.Turns(1, patience=PATIENCE_SECONDS)


def receive(request: HttpRequest) -> HttpResponse:
    """Answers 200 or 422 with the account, or a problem; the headers tell what is left of the key's rate."""
    headers: dict[str, str] = {}
    try:
        with intake():
            admission = keys.admit(request, Scope.LOGS_WRITE)
            headers = keys.rate_headers(admission.allowance) if admission.allowance else {}
            response = _receive(request, admission.key)
    except Denied as denied:
        response = denied.answer(request)
    except Unreadable as error:
        status = 413 if isinstance(error, TooMany | TooLarge) else 400
        response = documents.problem(request, status=status, detail=error.detail, code=error.code.value)
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    return response


def _receive(request: HttpRequest, key: ApiKey) -> HttpResponse:
    lines = request_body.media_type(request, JSON, LINES) == LINES
    gzip = request_body.parse_content_encoding(request)
    TURNS.ask()  # a body that cannot be worked on need not be received
    if not connection.in_atomic_block:  # as in tests
        # A sender may take half a minute for its body: the pool's connection is for others meanwhile.
        connection.close()
    with request_body.body(request, limit=LIMITS.wire_bytes, owner=key.pk) as body, TURNS.one():
        if gzip:
            body = compression.gunzip(body, limit=LIMITS.inflated_bytes)
        with LARGE_TURN.one() if len(body) > LARGE_BYTES else nullcontext():
            now = timezone.now()
            reading = (records.read_lines if lines else records.read_json)(body, now=now)
            # Reading is pure computing: let those go first who only wait for a word.
            time.sleep(0)
            with STORAGE.learning():
                written = ingest.write(key.project, reading.records, now=now, sent_by=key.pk)
    return account(request, reading, written)


def account(request: HttpRequest, reading: Reading, written: Written) -> HttpResponse:
    """What became of each entry. When every single one was refused, the same account is a problem."""
    refusals = sorted([*reading.refusals, *written.refusals], key=lambda refusal: refusal.index)
    result = {
        "accepted": written.accepted,
        "duplicates": written.duplicates,
        "rejected": len(refusals),
        "sanitized": reading.sanitized,
        "errors": _listed(refusals[: LIMITS.errors_listed]),
        "request_id": getattr(request, "id", ""),
    }
    if not refusals or written.accepted or written.duplicates:
        return HttpResponse(msgspec.json.encode(result), content_type="application/json")
    detail = "Not one entry could be stored; see errors."
    result = documents.document(request, status=422, detail=detail) | result
    return HttpResponse(msgspec.json.encode(result), status=422, content_type=documents.CONTENT_TYPE)


def _listed(refusals: Sequence[Refusal]) -> list[dict[str, object]]:
    return [
        {
            "index": refusal.index,
            "id": refusal.id,
            "code": str(refusal.code),
            "pointer": refusal.pointer,
            "detail": refusal.detail,
        }
        for refusal in refusals
    ]
