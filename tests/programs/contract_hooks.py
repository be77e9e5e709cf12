"""Hooks for schemathesis: values of the API's own formats, and two parameters that depend on each other."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import negative_data_rejection

NOW = datetime.now(UTC)
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\x00")
# As a sender's clock has it: the schema cannot say that older ones are refused.
MOMENTS = st.integers(0, 300 * 86_400_000).map(
    lambda milliseconds: (NOW - timedelta(milliseconds=milliseconds)).isoformat().replace("+00:00", "Z")
)
WORDS = st.sampled_from(
    [
        "token expired",
        '"could not"',
        "level:error",
        "-integration:jira",
        "http_status:>=500",
        "summary.created:>0",
        "user:*",
    ]
)
QUERIES = st.one_of(
    WORDS,
    st.lists(WORDS, min_size=2, max_size=4).map(" ".join),
    st.tuples(WORDS, st.sampled_from(["OR", "AND"]), WORDS).map(" ".join),
    WORDS.map(lambda words: f"NOT ({words})"),
)


@st.composite
def lines(draw: Any) -> str:
    entries = [
        {
            "id": draw(st.text("abcdef0123456789-", min_size=1, max_size=32)),
            "timestamp": draw(MOMENTS),
            "level": draw(st.sampled_from(["INFO", "error", "WARN"])),
            "type": draw(st.sampled_from(["workflow", "actionkit"])),
            "message": draw(st.text(CHARACTERS, max_size=40)),
        }
        for _ in range(draw(st.integers(1, 3)))
    ]
    return "\n".join(map(json.dumps, entries))


schemathesis.openapi.format("date-time", MOMENTS)
schemathesis.openapi.format("logs-query", QUERIES)
schemathesis.openapi.format("ndjson", lines())
schemathesis.openapi.format(
    "utf8-256", st.text(CHARACTERS, min_size=1, max_size=256).filter(lambda text: len(text.encode()) <= 256)
)


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Without the examples, whose time will be too long ago some day."""
    del raw_schema["components"]["schemas"]["EntryWrite"]["example"]
    del raw_schema["paths"]["/api/v1/logs"]["post"]["requestBody"]["content"]["application/json"]["examples"]


CLOCK = itertools.count(1)
SMALLEST = 1e-20
AGO = {"15m": 0.25, "1h": 1, "24h": 24, "7d": 168, "30d": 720}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """What no schema can say about data that is to be accepted."""
    if not case.meta.generation.mode.is_positive:
        return
    match case.operation.definition.raw.get("operationId"):
        case "pushLogs" if case.media_type == "application/json":
            # The same id and moment with other content are a conflict with what is stored.
            for entry in entries_of(case.body):
                entry["timestamp"] = (NOW - timedelta(microseconds=next(CLOCK))).isoformat()
        case "listLogs" if "until" in (case.query or {}) and is_reversed(case.query):
            del case.query["until"]


def entries_of(body: Any) -> list[dict[str, Any]]:
    if isinstance(body, dict):
        return [body] if "id" in body else body["logs"]
    return list(body)


def is_reversed(query: dict[str, Any]) -> bool:
    """Whether the end of the range is not after its start."""
    return moment(str(query.get("since", "24h"))) >= moment(str(query["until"]))


def moment(text: str) -> datetime:
    if text in AGO:
        return NOW - timedelta(hours=AGO[text])
    found = datetime.fromisoformat(text.strip().upper().replace(" ", "T"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    """Without very small numbers: such a one is taken when it has few digits, which no schema can say."""
    return not is_tiny(body)


def is_tiny(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(is_tiny, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and 0 < abs(value) < SMALLEST


@schemathesis.check
def bad_entries_are_told(context: Any, response: Any, case: Any) -> bool | None:
    """`negative_data_rejection` for batches: a bad entry never costs its neighbours, so the answer may be a 200 that lists it."""
    if case.operation.definition.raw.get("operationId") != "pushLogs":
        return True
    if response.status_code == 200 and response.json()["rejected"]:
        return None
    return negative_data_rejection(context, response, case)
