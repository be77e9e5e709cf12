"""Entries: every field at its limits, neighbours of bad ones, envelopes and lines, the way back. Form is in test_decoding."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synclogs.catalogue import Category, Level
from synclogs.moments import EPOCH, microseconds
from synclogs.parsing import fields
from synclogs.parsing.limits import LIMITS, Code, TooMany, Unreadable
from synclogs.parsing.records import (
    Reader,
    Reading,
    Record,
    Refusal,
    Retry,
    Summary,
    context,
    read_json,
    read_lines,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
MINIMAL = {"id": "e1", "timestamp": "2026-11-23T11:00:00Z", "level": "INFO", "type": "workflow"}
SYNC = "5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9"
FULL = {
    "id": "evt_1",
    "timestamp": "2026-11-23T09:12:30.125Z",
    "level": "WARNING",
    "type": "managed_sync",
    "message": "Rate limited by the provider",
    "syncId": SYNC,
    "traceId": "7b1e",
    "userId": "acct_4471 / Müller",
    "integration": "sharepoint",
    "pipeline": "files",
    "syncEvent": "SYNC_RUN_RATE_LIMITED",
    "syncType": "FULL",
    "syncStatus": "RATE_LIMITED",
    "credentialId": "c0ffee00",
    "summary": {
        "created": 4,
        "updated": 11,
        "deleted": 0,
        "totalProcessed": 15,
        "totalChanges": 15,
        "durationMs": 8210,
    },
    "error": {
        "recoverability": "RECOVERABLE",
        "httpStatus": 429,
        "errorCode": "too_many",
        "message": "Slow down",
        "backoffMs": 30000,
        "nextRetryAt": "2026-11-23T09:13:00.000Z",
        "attempt": 2,
        "maxAttempts": 5,
    },
    "region": {"name": "eu", "zones": [1, 2.5, None, True]},
}


def read(*entries: object, **changes: object) -> Reading:
    return read_json(json.dumps([*entries, MINIMAL | changes] if changes or not entries else entries).encode(), now=NOW)


def record(**changes: object) -> Record:
    reading = read(**({"x": 1} | changes))
    assert not reading.refusals, reading.refusals
    return reading.records[0]


def refusal(**changes: object) -> Refusal:
    reading = read(**changes)
    assert not reading.records, reading.records
    return reading.refusals[0]


def stamp(moment: datetime) -> str:
    return moment.isoformat()


def columns(of: Record) -> SimpleNamespace:
    """The record as a row of log entries would have it."""
    values = {name: getattr(of, name) for name in Record.__struct_fields__}
    return SimpleNamespace(**values, occurred_at=EPOCH + timedelta(microseconds=of.occurred_us))


def sent(of: Record) -> dict[str, Any]:
    return context(columns(of), json.loads(of.detail))


def test_minimal_entry() -> None:
    found = read(MINIMAL)
    assert found == Reading(
        [
            Record(
                index=0,
                entry_id="e1",
                occurred_us=1_795_431_600_000_000,
                level=20,
                category=0,
                type="workflow",
                event="",
                sync_id="",
                trace_id="",
                user_id="",
                integration="",
                pipeline="",
                sync_type="",
                status="",
                credential_id="",
                message="",
                error_code="",
                recoverability="",
                http_status=None,
                summary=None,
                retry=None,
                detail=b"{}",
            )
        ],
        [],
        0,
    )
    assert type(found.records[0].level) is int
    assert type(found.records[0].category) is int


def test_full_entry() -> None:
    found = read(FULL).records[0]
    assert found == Record(
        index=0,
        entry_id="evt_1",
        occurred_us=microseconds(datetime(2026, 11, 23, 9, 12, 30, 125_000, tzinfo=UTC)),
        level=Level.WARNING,
        category=Category.RETRY,
        type="managed_sync",
        event="SYNC_RUN_RATE_LIMITED",
        sync_id=SYNC,
        trace_id="7b1e",
        user_id="acct_4471 / Müller",
        integration="sharepoint",
        pipeline="files",
        sync_type="FULL",
        status="RATE_LIMITED",
        credential_id="c0ffee00",
        message="Rate limited by the provider",
        error_code="too_many",
        recoverability="RECOVERABLE",
        http_status=429,
        summary=Summary(4, 11, 0, 15, 15, 8210),
        retry=Retry(microseconds(datetime(2026, 11, 23, 9, 13, tzinfo=UTC)), 2, 5, 30_000),
        detail=found.detail,
    )
    assert json.loads(found.detail) == {
        "summary": FULL["summary"],
        "error": {
            "message": "Slow down",
            "backoffMs": 30000,
            "nextRetryAt": "2026-11-23T09:13:00.000Z",
            "attempt": 2,
            "maxAttempts": 5,
        },
        "region": FULL["region"],
    }
    assert sent(found) == FULL
    assert list(sent(found)) == list(FULL)


# Fields

OLDEST, NEWEST = NOW - timedelta(days=400), NOW + timedelta(hours=24)
MICRO = timedelta(microseconds=1)

ACCEPTED: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "id, longest": ({"id": "i" * 128}, {"entry_id": "i" * 128}),
    "id, any printable": ({"id": " !~\\\"'<"}, {"entry_id": " !~\\\"'<"}),
    "level in lower case": ({"level": "error"}, {"level": 40}),
    "level in mixed case": ({"level": "WaRn"}, {"level": 30}),
    "level spelled out": ({"level": "Warning"}, {"level": 30}),
    "level debug": ({"level": "DEBUG"}, {"level": 10}),
    "type, longest": ({"type": "t" * 64}, {"type": "t" * 64}),
    "sync id in upper case": ({"syncId": SYNC.upper()}, {"sync_id": SYNC}),
    "sync id by its alias": ({"syncInstanceId": SYNC}, {"sync_id": SYNC}),
    "sync id empty, alias null": ({"syncId": "", "syncInstanceId": None}, {"sync_id": ""}),
    "user, longest": ({"userId": "u" * 256}, {"user_id": "u" * 256}),
    "user, longest in two-byte letters": ({"userId": "é" * 128}, {"user_id": "é" * 128}),
    "user of any characters": ({"userId": "\t\n\x7f<b>😀\ufffd"}, {"user_id": "\t\n\x7f<b>😀\ufffd"}),
    **{
        f"user that is seen, {text!a}": ({"userId": text}, {"user_id": text})
        for text in (
            " a ",
            "\u200b.",
            "\u3164한",
            "é",
            "e\u0301",
            "قمر",
            "नि",
            "👩\u200d🔧",
            "€",
            "²",
            "\ue000",
            "\xa0x",
        )
    },
    "user by its alias": ({"endUserId": "u"}, {"user_id": "u"}),
    "user null, alias given": ({"userId": None, "endUserId": "u"}, {"user_id": "u"}),
    "integration by its alias": ({"integrationId": "box"}, {"integration": "box"}),
    "trace, longest": ({"traceId": "t" * 128}, {"trace_id": "t" * 128}),
    "pipeline, longest": ({"pipeline": "t" * 128}, {"pipeline": "t" * 128}),
    "sync type, longest": ({"syncType": "t" * 128}, {"sync_type": "t" * 128}),
    "sync status, longest": ({"syncStatus": "t" * 128}, {"status": "t" * 128}),
    "credential, longest": ({"credentialId": "t" * 128}, {"credential_id": "t" * 128}),
    "event, longest": ({"syncEvent": "t" * 128}, {"event": "t" * 128}),
    "message, longest": ({"message": "m" * 8192}, {"message": "m" * 8192}),
    "message, longest in four-byte letters": ({"message": "😀" * 2048}, {"message": "😀" * 2048}),
    "error code of blanks": (
        {"error": {"errorCode": "  ", "recoverability": " "}},
        {"error_code": "", "recoverability": "", "detail": b'{"error":{"errorCode":"  ","recoverability":" "},"x":1}'},
    ),
    "nulls": (
        dict.fromkeys(("traceId", "integration", "message", "summary", "error", "syncEvent", "userId", "endUserId")),
        {"trace_id": "", "message": "", "summary": None, "detail": b'{"x":1}'},
    ),
    "empty texts": (
        {"traceId": "", "integration": "", "userId": "", "message": ""},
        {"user_id": "", "detail": b'{"x":1}'},
    ),
    "timestamp, oldest": ({"timestamp": stamp(OLDEST)}, {"occurred_us": microseconds(OLDEST)}),
    "timestamp, newest": ({"timestamp": stamp(NEWEST)}, {"occurred_us": microseconds(NEWEST)}),
    "known event": (
        {"type": "managed_sync", "syncEvent": "SYNC_RUN_ERROR"},
        {"category": 3, "event": "SYNC_RUN_ERROR"},
    ),
    "unknown event": ({"type": "managed_sync", "syncEvent": "X"}, {"category": 0, "event": "X"}),
}


@pytest.mark.parametrize(("changes", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(changes: dict[str, object], expected: dict[str, object]) -> None:
    found = record(**changes)
    assert {name: getattr(found, name) for name in expected} == expected


TEXTS = ("traceId", "integration", "pipeline", "syncEvent", "syncType", "syncStatus", "credentialId", "integrationId")
NO_TEXTS: list[object] = [0, 1.5, False, [], {}, ["x"]]
NO_OBJECTS: list[object] = ["", "x", 0, 1.5, False, []]
REFUSED: dict[str, tuple[dict[str, object], Code, str]] = {
    **{f"{name} missing": ({name: None}, Code.MISSING, name) for name in ("id", "timestamp", "level", "type")},
    **{f"{name} empty": ({name: ""}, Code.MISSING, name) for name in ("id", "timestamp", "level", "type")},
    **{
        f"{name} a {type(value).__name__}": ({name: value}, Code.WRONG_TYPE, name)
        for name in (
            *TEXTS,
            "id",
            "timestamp",
            "level",
            "type",
            "syncId",
            "userId",
            "endUserId",
            "syncInstanceId",
            "message",
        )
        for value in NO_TEXTS
    },
    **{f"{name} of blanks": ({name: "   "}, Code.BAD_CHARACTERS, name) for name in (*TEXTS, "id", "type", "userId")},
    **{
        f"user of {text!a}": ({"userId": text}, Code.BAD_CHARACTERS, "userId")
        for text in (
            "\xa0",
            "\u3000 ",
            "\u200b\u200d",
            "\ufeff",
            "\xad",
            "\u2060",
            "\u180e",
            "\u3164",
            "\uffa0",
            "\u115f\u1160",
            "\u2800",
            "\t\n",
            "\x7f",
            "\u034f",
            "\ufe0f",
            "\U000e0100",
            "\u17b4",
            "\U000e0041",
            "\U0001d159",
            "\u2028",
            "\u202e\u2069",
        )
    },
    "user unseen by its alias": ({"endUserId": "\u200b"}, Code.BAD_CHARACTERS, "endUserId"),
    **{f"{name} too long": ({name: "x" * 129}, Code.TOO_LONG, name) for name in (*TEXTS, "id")},
    **{f"{name} not ASCII": ({name: "é"}, Code.BAD_CHARACTERS, name) for name in (*TEXTS, "id", "type")},
    **{f"{name} with NUL": ({name: "a\x00"}, Code.BAD_CHARACTERS, name) for name in (*TEXTS, "id", "type", "userId")},
    **{f"{name} with DEL": ({name: "a\x7f"}, Code.BAD_CHARACTERS, name) for name in (*TEXTS, "id", "type")},
    **{
        f"{name} with half a pair": ({name: "\ud83d"}, Code.BAD_CHARACTERS, name)
        for name in (*TEXTS, "id", "userId", "endUserId")
    },
    **{
        f"{name} of {type(value).__name__}": ({name: value}, Code.WRONG_TYPE, name)
        for name in ("summary", "error")
        for value in NO_OBJECTS
    },
    "type too long": ({"type": "t" * 65}, Code.TOO_LONG, "type"),
    "user too long": ({"userId": "u" * 257}, Code.TOO_LONG, "userId"),
    "user too long in two-byte letters": ({"userId": "é" * 128 + "u"}, Code.TOO_LONG, "userId"),
    "message too long": ({"message": "m" * 8193}, Code.TOO_LONG, "message"),
    "message too long in four-byte letters": ({"message": "😀" * 2048 + "m"}, Code.TOO_LONG, "message"),
    "message too long in halves of pairs": ({"message": "\ud800" * 2731}, Code.TOO_LONG, "message"),
    "event missing for a sync": ({"type": "managed_sync"}, Code.MISSING, "syncEvent"),
    "event empty for a sync": ({"type": "managed_sync", "syncEvent": ""}, Code.MISSING, "syncEvent"),
    **{f"level {value}": ({"level": value}, Code.BAD_LEVEL, "level") for value in ("FATAL", "İNFO", " INFO", "30")},
    **{
        f"sync id {value}": ({"syncId": value}, Code.BAD_UUID, "syncId")
        for value in (
            SYNC.replace("-", ""),
            f"{{{SYNC}}}",
            f"urn:uuid:{SYNC}",
            SYNC + "\n",
            SYNC[:-1] + "g",
            "x",
            "\x00",
            "١" * 36,
        )
    },
    "sync id by its alias": ({"syncInstanceId": "x"}, Code.BAD_UUID, "syncInstanceId"),
    "timestamp too far ahead": ({"timestamp": stamp(NEWEST + MICRO)}, Code.TOO_FAR_AHEAD, "timestamp"),
    "timestamp at the end of time": ({"timestamp": "9999-12-31T23:59:59-12:00"}, Code.TOO_FAR_AHEAD, "timestamp"),
    "two keys become one": ({"a\x00": 1, "a\ud800": 2}, Code.REPEATED_KEY, ""),
    "two keys become one further in": ({"a": [{"b\x00": 1, "b\ufffd": 2}]}, Code.REPEATED_KEY, ""),
}


@pytest.mark.parametrize(("changes", "code", "name"), REFUSED.values(), ids=REFUSED)
def test_refused(changes: dict[str, object], code: Code, name: str) -> None:
    found = refusal(**changes)
    assert (found.code, found.pointer) == (code, name and f"/{name}")
    assert found.id == (None if name == "id" else "e1")
    assert found.index == 0
    assert found.detail.isprintable()
    assert found.detail.isascii()
    assert len(found.detail) < 220


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T11:00:00Z", datetime(2026, 11, 23, 11)),
        ("2026-11-23t11:00:00z", datetime(2026, 11, 23, 11)),
        ("2026-11-23T11:00:00.1Z", datetime(2026, 11, 23, 11, 0, 0, 100_000)),
        ("2026-11-23T11:00:00.123456Z", datetime(2026, 11, 23, 11, 0, 0, 123_456)),
        ("2026-11-23T11:00:00.123456999Z", datetime(2026, 11, 23, 11, 0, 0, 123_456)),
        ("2026-11-23T11:00:00." + "9" * 43 + "Z", datetime(2026, 11, 23, 11, 0, 0, 999_999)),
        ("2026-11-23T11:00:00+00:00", datetime(2026, 11, 23, 11)),
        ("2026-11-23T11:00:00-00:00", datetime(2026, 11, 23, 11)),
        ("2026-11-23T11:00:00+05:45", datetime(2026, 11, 23, 5, 15)),
        ("2026-11-23T11:00:00+23:59", datetime(2026, 11, 22, 11, 1)),
        ("2026-11-22T23:30:00-11:30", datetime(2026, 11, 23, 11)),
        ("2026-11-23T00:00:00Z", datetime(2026, 11, 23)),
    ],
)
def test_timestamps(text: str, moment: datetime) -> None:
    assert record(timestamp=text).occurred_us == microseconds(moment.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23", "2026-11-23T11:00:00", "2026-11-23 11:00:00Z", "2026-11-23T11:00Z", "20261123T110000Z",
        "2026-11-23T11:00:00+0100", "2026-11-23T11:00:00+01", "2026-11-23T11:00:00+24:00", "2026-11-23T11:00:00+01:60",
        "2026-11-23T24:00:00Z", "2026-11-23T11:60:00Z", "2026-11-23T11:00:60Z", "2026-11-23T23:59:60Z", "2026-02-29T11:00:00Z",
        "2026-13-01T11:00:00Z", "2026-00-01T11:00:00Z", "0000-01-01T11:00:00Z", "2026-11-23T11:00:00.Z", "2026-11-23T11:00:00,5Z",
        "2026-11-23T11:00:00Z\n", " 2026-11-23T11:00:00Z", "２０２６-11-23T11:00:00Z", "2026-11-23T11:00:00٠Z", "2026-W48-1T11:00:00Z",
        "+2026-11-23T11:00:00Z", "12026-11-23T11:00:00Z", "2026-11-23T11:00:00." + "9" * 44 + "Z", "1795431600", "now", "\x00", "\ud800",
    ],
)  # fmt: skip
def test_what_is_no_timestamp(text: str) -> None:
    found = refusal(timestamp=text)
    assert (found.code, found.pointer) == (Code.BAD_TIMESTAMP, "/timestamp")


def test_canonical_names_win_and_aliases_stay() -> None:
    other = SYNC.replace("5", "6")
    changes = {
        "syncId": SYNC,
        "syncInstanceId": other,
        "userId": "a",
        "endUserId": 5,
        "integration": "box",
        "integrationId": {},
    }
    found = record(**changes)
    assert (found.sync_id, found.user_id, found.integration) == (SYNC, "a", "box")
    assert json.loads(found.detail) == {"x": 1, "syncInstanceId": other, "endUserId": 5, "integrationId": {}}
    assert sent(found) == MINIMAL | {"x": 1} | changes


# Summary, error, retry


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ({}, None),
        ({"created": "4", "updated": -1, "deleted": None, "totalProcessed": 1.5, "durationMs": True, "other": 1}, None),
        ({"created": 4.0, "updated": 10**18}, Summary(4, 10**18, None, None, None, None)),
        (
            {"total_processed": 1, "total_changes": 2, "duration_ms": 3, "duration": 4},
            Summary(None, None, None, 1, 2, 3),
        ),
        ({"totalProcessed": 0, "total_processed": 1, "duration": 4}, Summary(None, None, None, 0, None, 4)),
        ({"durationMs": "soon", "duration": 4}, Summary(None, None, None, None, None, 4)),
    ],
)
def test_summary(summary: dict[str, object], expected: Summary | None) -> None:
    found = record(summary=summary)
    assert found.summary == expected
    assert json.loads(found.detail)["summary"] == summary
    assert sent(found)["summary"] == summary


@pytest.mark.parametrize(
    ("error", "code", "recoverability", "http_status", "left"),
    [
        ({}, "", "", None, {}),
        ({"errorCode": "10007", "recoverability": "TERMINAL", "httpStatus": 404}, "10007", "TERMINAL", 404, None),
        ({"errorCode": 10007, "httpStatus": "404"}, "10007", "", 404, {"errorCode": 10007, "httpStatus": "404"}),
        ({"httpStatus": 429.0}, "", "", 429, None),
        ({"httpStatus": 99}, "", "", None, {"httpStatus": 99}),
        ({"httpStatus": 100}, "", "", 100, None),
        ({"httpStatus": 599}, "", "", 599, None),
        ({"httpStatus": 600}, "", "", None, {"httpStatus": 600}),
        ({"httpStatus": "600"}, "", "", None, {"httpStatus": "600"}),
        ({"httpStatus": "４０４"}, "", "", None, {"httpStatus": "４０４"}),
        ({"httpStatus": True}, "", "", None, {"httpStatus": True}),
        ({"errorCode": "c" * 128, "recoverability": "r" * 64}, "c" * 128, "r" * 64, None, None),
        (
            {"errorCode": "c" * 129, "recoverability": "r" * 65},
            "",
            "",
            None,
            {"errorCode": "c" * 129, "recoverability": "r" * 65},
        ),
        ({"errorCode": "é", "recoverability": ""}, "", "", None, {"errorCode": "é", "recoverability": ""}),
        ({"errorCode": "", "recoverability": "\x00"}, "", "", None, {"errorCode": "", "recoverability": "\ufffd"}),
        ({"errorCode": True, "recoverability": 5}, "", "", None, {"errorCode": True, "recoverability": 5}),
        ({"errorCode": None, "message": "m"}, "", "", None, {"errorCode": None, "message": "m"}),
    ],
)
def test_error(
    error: dict[str, object], code: str, recoverability: str, http_status: int | None, left: dict[str, object] | None
) -> None:
    found = record(error=error)
    assert (found.error_code, found.recoverability, found.http_status) == (code, recoverability, http_status)
    assert json.loads(found.detail).get("error") == left
    assert sent(found)["error"] == {key: "\ufffd" if value == "\x00" else value for key, value in error.items()}
    assert found.message == ""


AT = datetime(2026, 11, 23, 9, 13, tzinfo=UTC)
AT_US = microseconds(AT)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"attempt": 2}, Retry(None, 2, None, None)),
        ({"retry": {"attempt": 2, "maxAttempts": 3, "backoffMs": 4}}, Retry(None, 2, 3, 4)),
        ({"attempt": 1, "retry": {"attempt": 2, "maxAttempts": 3}}, Retry(None, 1, 3, None)),
        ({"attempt": "x", "retry": {"attempt": 2}}, Retry(None, 2, None, None)),
        ({"retry": "later"}, None),
        ({"retry": {}}, None),
        ({"attempt": -1, "maxAttempts": False, "backoffMs": fields.LONGEST_BACKOFF_MS + 1}, None),
        ({"backoffMs": fields.LONGEST_BACKOFF_MS}, Retry(None, None, None, fields.LONGEST_BACKOFF_MS)),
    ],
)
def test_retry(error: dict[str, object], expected: Retry | None) -> None:
    found = record(error=error)
    assert found.retry == expected
    assert sent(found)["error"] == error


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-23T09:13:00Z", AT_US),
        ("2026-11-23t10:13:00.000+01:00", AT_US),
        ("2026-11-23 09:13:00", AT_US),
        (1_795_425_180, AT_US),
        (1_795_425_180_000, AT_US),
        (1_795_425_180.5, AT_US + 500_000),
        ("2099-01-01T00:00:00Z", microseconds(datetime(2099, 1, 1, tzinfo=UTC))),
        ("9999-12-31T00:00:00Z", fields.LAST_US),
        ("9999-12-31T23:59:59-12:00", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("1970-01-01T00:00:00Z", None),
        ("1969-12-31T23:59:59Z", None),
        (10**18, None),
        (-5, None),
        (0, None),
        (True, None),
        ("soon", None),
        ("", None),
        ("2" * 65, None),
        ([], None),
    ],
)
def test_next_retry(value: object, expected: int | None) -> None:
    found = record(error={"nextRetryAt": value, "attempt": 1})
    assert found.retry == Retry(expected, 1, None, None)
    if expected is not None:
        assert EPOCH + timedelta(microseconds=expected) >= NOW - timedelta(days=1)


# Text that PostgreSQL cannot hold


def test_free_text_is_cleaned_and_counted_once_an_entry() -> None:
    dirty = {
        "message": "a\x00b\ud800",
        "error": {"message": "\udfff"},
        "k\x00": ["\x00", {"\ud800": {"x": "\x00"}}, 1, None],
    }
    reading = read(MINIMAL, MINIMAL | dirty, MINIMAL | {"message": "😀\ufffd"}, MINIMAL | {"x": "\x00"})
    assert reading.sanitized == 2
    assert not reading.refusals
    found = reading.records[1]
    assert found.message == "a\ufffdb\ufffd"
    assert json.loads(found.detail) == {
        "error": {"message": "\ufffd"},
        "k\ufffd": ["\ufffd", {"\ufffd": {"x": "\ufffd"}}, 1, None],
    }
    assert reading.records[2].message == "😀\ufffd"


def test_refused_entries_are_not_counted_as_cleaned() -> None:
    assert read(MINIMAL | {"message": "\x00", "error": 1}).sanitized == 0


def test_equal_content_gives_equal_detail() -> None:
    one = record(b=1, a={"d": 1, "c": 2})
    assert one == record(a={"c": 2, "d": 1}, b=1)
    assert one.detail == b'{"a":{"c":2,"d":1},"b":1,"x":1}'


# Bodies


@pytest.mark.parametrize("blank", ["", " \r\n\t"])
def test_one_entry_array_or_envelope(blank: str) -> None:
    one = json.dumps(MINIMAL)
    for body in (one, f"[{one}]", f'{{"logs":[{one}]}}', f'{{"source":{{"a":[1]}},"logs": [{one}],"count":1}}'):
        found = read_json(f"{blank}{body}{blank}".encode(), now=NOW)
        assert [found.entry_id for found in found.records] == ["e1"]
        assert not found.refusals
    assert read_json(b"\xef\xbb\xbf" + one.encode(), now=NOW).records
    assert read_json(f"[{blank}]".encode(), now=NOW) == Reading([], [], 0)
    assert read_json(f'{{"logs":[{blank}]}}'.encode(), now=NOW) == Reading([], [], 0)


@pytest.mark.parametrize(
    "entry",
    [
        MINIMAL | {"logs": [MINIMAL]},
        {"logs": [MINIMAL | {"message": "\x00"}, 5]} | MINIMAL,
        MINIMAL | {"logs": 1},
    ],
)
def test_an_entry_may_have_logs_of_its_own(entry: dict[str, object]) -> None:
    found = read_json(json.dumps(entry).encode(), now=NOW)
    assert len(found.records) == 1
    assert json.loads(found.records[0].detail)["logs"] == json.loads(
        json.dumps(entry["logs"]).replace(r"\u0000", r"\ufffd")
    )


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({}, Code.MISSING),
        ({"logs": {}}, Code.MISSING),
        ({"logs": None, "timestamp": "x"}, Code.MISSING),
        (dict.fromkeys(map(str, range(1001))) | {"logs": []}, Code.TOO_MANY_KEYS),
    ],
)
def test_an_object_without_id_and_logs_is_a_bad_entry(entry: dict[str, object], code: Code) -> None:
    found = read_json(json.dumps(entry).encode(), now=NOW)
    assert (len(found.records), [(one.code, one.index) for one in found.refusals]) == (0, [(code, 0)])


UNREADABLE = {
    "nothing": (b"", Code.EMPTY_BODY),
    "blanks": (b" \n\t\r", Code.EMPTY_BODY),
    "a mark and nothing": (b"\xef\xbb\xbf", Code.EMPTY_BODY),
    "a text": (b'"x"', Code.NOT_AN_ENTRY),
    "a number": (b"1", Code.NOT_AN_ENTRY),
    "null": (b"null", Code.NOT_AN_ENTRY),
    "words": (b"hello", Code.NOT_AN_ENTRY),
    "another encoding": ("[]".encode("utf-16"), Code.BAD_UTF8),
    "gzip": (b"\x1f\x8b\x08", Code.BAD_UTF8),
    "cut off": (b'[{"id":"e', Code.BAD_JSON),
    "cut off after an entry": (json.dumps([MINIMAL]).encode()[:-1], Code.BAD_JSON),
    "bad UTF-8 far behind": (json.dumps([MINIMAL]).encode() + b"\xff", Code.BAD_UTF8),
    "two entries": (json.dumps(MINIMAL).encode() * 2, Code.BAD_JSON),
    "array and more": (b"[]]", Code.BAD_JSON),
    "envelope and more": (b'{"logs":[]},', Code.BAD_JSON),
    "envelope cut off": (b'{"logs":[]', Code.BAD_JSON),
    "two logs": (b'{"logs":[],"logs":[]}', Code.REPEATED_KEY),
    "many keys after logs": (b'{"logs":[]' + b',"x":1' * 1000 + b"}", Code.BAD_JSON),
    "bare keys": (b"{id:1}", Code.BAD_JSON),
}


@pytest.mark.parametrize(("body", "code"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable(body: bytes, code: Code) -> None:
    with pytest.raises(Unreadable) as caught:
        read_json(body, now=NOW)
    assert (caught.value.code, type(caught.value)) == (code, Unreadable)
    assert caught.value.detail.isprintable()
    assert str(caught.value) == caught.value.detail


def many(count: int, separator: bytes) -> bytes:
    return separator.join([b"1"] * count)


def test_most_entries() -> None:
    assert len(read_json(b"[" + many(10_000, b",") + b"]", now=NOW).refusals) == 10_000
    assert len(read_lines(many(10_000, b"\n") + b"\n\n", now=NOW).refusals) == 10_000
    for read_it, body in (
        (read_json, b"[" + many(10_001, b",") + b"]"),
        (read_json, b'{"logs":[' + many(10_001, b",") + b"]}"),
        (read_lines, many(10_001, b"\n")),
    ):
        with pytest.raises(TooMany) as caught:
            read_it(body, now=NOW)
        assert caught.value.code == Code.TOO_MANY_ENTRIES


BAD = {
    "no entry": b"1",
    "not accepted": b"{}",
    "repeated key": b'{"id":"bad","id":"bad"}',
    "NaN": b'{"id":"bad","x":NaN}',
    "too deep": b"[" * 2_000 + b"]" * 2_000,
    "too large": b'{"id":"bad","x":"' + b"x" * LIMITS.entry_bytes + b'"}',
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("position", [0, 1, 500, 998, 999])
def test_one_bad_entry_never_costs_its_neighbours(bad: bytes, position: int) -> None:
    entries = GOOD.copy()
    entries[position] = bad
    for body, read_it in ((b"[" + b",".join(entries) + b"]", read_json), (b"\n".join(entries), read_lines)):
        reading = read_it(body, now=NOW)
        assert [found.index for found in reading.records] == [index for index in range(1000) if index != position]
        assert [found.index for found in reading.refusals] == [position]


GOOD = [json.dumps(MINIMAL | {"id": f"e{number}"}).encode() for number in range(1000)]


def test_refusals_name_the_entry_if_they_can() -> None:
    bodies = [
        b'{"id":"bad","x":NaN}',
        b'{"id":"bad","x":1,"x":2}',
        b'{"id":"\\u00e9","x":NaN}',
        b'{"id":NaN}',
        b"NaN",
        b"[1]",
    ]
    found = read_json(b"[" + b",".join(bodies) + b"]", now=NOW)
    assert [(one.id, one.code, one.pointer) for one in found.refusals] == [
        ("bad", Code.NOT_A_NUMBER, "/x"),
        ("bad", Code.REPEATED_KEY, "/x"),
        (None, Code.NOT_A_NUMBER, "/x"),
        (None, Code.NOT_A_NUMBER, "/id"),
        (None, Code.NOT_A_NUMBER, ""),
        (None, Code.NOT_AN_OBJECT, ""),
    ]


# Lines


def test_lines() -> None:
    one = json.dumps(MINIMAL).encode()
    body = (
        b"\xef\xbb\xbf"
        + one
        + b"\r\n\n \t\r\n"
        + one[:-1]
        + b"\n  "
        + one
        + b" \n\xff\n["
        + one
        + b"]\n"
        + one * 2
        + b"\n"
        + one
    )
    found = read_lines(body, now=NOW)
    assert [record.index for record in found.records] == [0, 2, 6]
    assert [(one.index, one.code, one.id) for one in found.refusals] == [
        (1, Code.BAD_JSON, None),
        (3, Code.BAD_UTF8, None),
        (4, Code.NOT_AN_OBJECT, None),
        (5, Code.BAD_JSON, None),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", Code.EMPTY_BODY),
        (b"\n \r\n\t", Code.EMPTY_BODY),
        (b"x\n\xff", Code.BAD_JSON),
        (b"\xff\nx", Code.BAD_UTF8),
        ('{"a":1}\n'.encode("utf-16"), Code.BAD_UTF8),
    ],
)
def test_unreadable_lines(body: bytes, code: Code) -> None:
    with pytest.raises(Unreadable) as caught:
        read_lines(body, now=NOW)
    assert caught.value.code == code


def test_line_by_line() -> None:
    line = json.dumps(MINIMAL | {"message": "\x00"}).encode() + b"\n"
    reader = Reader(now=NOW)
    found = reader.line(line, 41)
    assert isinstance(found, Record)
    assert (found.index, found.message) == (41, "\ufffd")
    refused = reader.line(b"x", 42)
    assert refused == Refusal(42, None, Code.BAD_JSON, "", "The line is not JSON: Expecting value at character 0.")
    for index in range(2):
        reader.line(line, index)
    assert reader.sanitized == 3


# The way back


def test_context_says_the_same_in_one_spelling() -> None:
    found = record(
        timestamp="2026-11-23T12:00:00.000100+01:00",
        level="warn",
        syncInstanceId=SYNC.upper(),
        endUserId="u",
        integrationId="box",
        traceId=None,
        summary={"z": 1, "durationMs": 5, "created": 1},
        error={"z": 1, "errorCode": 5, "httpStatus": 401},
        aaa=1,
    )
    assert list(sent(found).items()) == [
        ("id", "e1"),
        ("timestamp", "2026-11-23T11:00:00.000100Z"),
        ("level", "WARNING"),
        ("type", "workflow"),
        ("syncId", SYNC),
        ("userId", "u"),
        ("integration", "box"),
        ("summary", {"created": 1, "durationMs": 5, "z": 1}),
        ("error", {"httpStatus": 401, "errorCode": 5, "z": 1}),
        ("aaa", 1),
        ("x", 1),
    ]
    assert list(sent(found)["summary"]) == ["created", "durationMs", "z"]
    assert list(sent(found)["error"]) == ["httpStatus", "errorCode", "z"]


PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40).filter(str.strip)
FREE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(-1e17, 1e17, allow_subnormal=False).map(lambda number: round(number, 6))
    | FREE
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FREE, inner, max_size=4), max_leaves=10
)
OPEN_KEYS = FREE.filter(lambda key: key not in {*FULL, "syncInstanceId", "endUserId", "integrationId"})
WHOLE = st.fixed_dictionaries(
    {
        "id": PRINTABLE,
        "timestamp": st.datetimes(
            datetime(2025, 12, 1),
            datetime(2026, 11, 24),
            timezones=st.sampled_from([UTC, timezone(timedelta(hours=-3, minutes=-30))]),
        ).map(lambda moment: moment.isoformat()),
        "level": st.sampled_from(["INFO", "WARNING", "ERROR", "DEBUG"]),
        "type": PRINTABLE.filter(lambda name: name != "managed_sync"),
    },
    optional={
        "message": FREE.filter(bool),
        "syncId": st.uuids().map(str),
        "traceId": PRINTABLE,
        "userId": FREE.filter(fields.is_seen),
        "integration": PRINTABLE,
        "pipeline": PRINTABLE,
        "syncEvent": PRINTABLE,
        "syncType": PRINTABLE,
        "syncStatus": PRINTABLE,
        "credentialId": PRINTABLE,
        "summary": st.dictionaries(st.sampled_from(["created", "durationMs", "duration", "x"]), VALUES, max_size=4),
        "error": st.dictionaries(
            st.sampled_from(["recoverability", "httpStatus", "errorCode", "attempt", "nextRetryAt", "retry", "x"]),
            VALUES | st.sampled_from([404, 404.0, "404", 10007, "10007", "RECOVERABLE", {"attempt": 1}]),
            max_size=5,
        ),
    },
)


@given(WHOLE, st.dictionaries(OPEN_KEYS, VALUES, max_size=4))
def test_round_trip(known: dict[str, object], unknown: dict[str, object]) -> None:
    entry = known | unknown
    found = read_json(json.dumps(entry).encode(), now=NOW).records[0]
    back = sent(found)
    assert datetime.fromisoformat(str(back["timestamp"])) == datetime.fromisoformat(str(entry["timestamp"]))
    assert back | {"timestamp": entry["timestamp"]} == entry
    assert read_json(json.dumps(back).encode(), now=NOW).records == [found]


# Whatever comes: a Reading or Unreadable, and only what PostgreSQL takes.

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
NEAR = st.builds(
    lambda base, changes, extra: base | changes | extra,
    st.sampled_from([MINIMAL, FULL]),
    st.dictionaries(st.sampled_from([*FULL, "syncInstanceId", "endUserId", "integrationId"]), ANYTHING, max_size=2),
    st.dictionaries(st.text(max_size=5), ANYTHING, max_size=2),
)


def sound(reading: Reading) -> None:
    for found in reading.records:
        for name in Record.__struct_fields__:
            value = getattr(found, name)
            if isinstance(value, str):
                assert value.encode().find(0) == -1
        assert b"\\u0000" not in found.detail.replace(b"\\\\", b"")
        strict = json.loads(found.detail.decode(), parse_constant=pytest.fail)
        assert isinstance(strict, dict)
        sent(found)
    for refused in reading.refusals:
        assert json.dumps([refused.id, refused.code, refused.pointer, refused.detail], ensure_ascii=False).encode()
        assert len(refused.detail) < 250


@given(st.lists(NEAR | ANYTHING, max_size=6), st.booleans())
def test_any_entries(entries: list[object], ascii_only: bool) -> None:
    text = json.dumps(entries, ensure_ascii=ascii_only)
    if not ascii_only:
        text = text.encode(errors="replace").decode()
    reading = read_json(text.encode(), now=NOW)
    assert len(reading.records) + len(reading.refusals) == len(entries)
    sound(reading)
    assert read_json(b'{"logs":' + text.encode() + b"}", now=NOW) == reading


def exactly(text: str | bytes) -> object:
    return json.loads(text, parse_int=Decimal, parse_float=Decimal)


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NEAR, min_size=1, max_size=4))
def test_postgresql_takes_every_detail(entries: list[object]) -> None:
    for found in read(*entries).records:
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::jsonb::text, %s, %s", [found.detail.decode(), found.message, found.user_id])
            detail, *texts = cursor.fetchone()
        # jsonb writes numbers out; as decimals they are the very same.
        assert exactly(detail) == exactly(found.detail)
        assert texts == [found.message, found.user_id]


EDGES = [
    10**18,
    -(10**18),
    1e18,
    -1e18,
    1e-38,
    1.7976931348623157e-20,
    0.1,
    -0.0,
    123456789012345678,
    2**53 + 1,
    1e17 + 0.5,
]


@pytest.mark.django_db
def test_numbers_keep_their_size_in_the_database() -> None:
    found = record(n=EDGES, text='\ufffd\x7f\x01\\"😀')
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [found.detail.decode()])
        (text,) = cursor.fetchone()
    assert json.loads(text) == json.loads(found.detail)
    assert len(text) < len(found.detail) * 3


@given(
    st.binary(max_size=100),
    st.sampled_from([b"", json.dumps(MINIMAL).encode(), json.dumps([FULL]).encode()]),
    st.data(),
)
def test_any_bytes(junk: bytes, around: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(around)))
    body = around[:cut] + junk + around[cut:]
    readers: list[Callable[..., Reading]] = [read_json, read_lines]
    for read_it in readers:
        with suppress(Unreadable):
            sound(read_it(body, now=NOW))
    assert isinstance(Reader(now=NOW).line(body, 0), Record | Refusal)
