"""Search words of an entry as hashes."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from synclogs.parsing import records, search_words
from synclogs.parsing.records import Record

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def record(**values: Any) -> Record:
    entry = {"id": "evt-1", "timestamp": "2026-11-23T11:00:00Z", "level": "info", "type": "workflow", **values}
    (found,) = records.read_json(msgspec.json.encode(entry), now=NOW).records
    return found


def has(entry: Record, text: str) -> bool:
    return {str(search_words.hashed(1, word)) for word in search_words.words(text)} <= search_words.of(1, entry)


def test_words_are_runs_of_letters_and_digits_in_lower_case() -> None:
    assert search_words.words("Rate-limited: acct_4471 (HTTP 429)") == [
        "rate",
        "limited",
        "acct",
        "4471",
        "http",
        "429",
    ]
    assert search_words.words("ÉTÉ ｆｕｌｌ Straße") == ["été", "full", "strasse"]
    assert search_words.words("") == []


def test_a_uuid_counts_by_its_first_and_last_group() -> None:
    assert search_words.words("sync 5D0A7C1E-8f42-5b6d-9a13-2c7e40b1f8d9!") == ["sync", "5d0a7c1e", "2c7e40b1f8d9"]
    assert len(search_words.words("x5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9")) == 5


def test_identifiers_names_and_texts_of_the_payload_are_found() -> None:
    entry = record(
        message="The folder is gone",
        syncId="5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9",
        userId="jane@acme.example",
        integration="googledrive",
        error={"errorCode": "10007", "message": "Root not accessible", "httpStatus": 404},
        summary={"created": 31415},
        recordId=4471,
        files=[{"name": "budget.xlsx"}],
    )
    for text in (
        "evt-1",
        "FOLDER",
        "5d0a7c1e",
        "jane@acme.example",
        "googledrive",
        "10007",
        "accessible",
        "4471",
        "xlsx",
    ):
        assert has(entry, text), text
    for text in ("31415", "404", "created", "recordId", "nothing"):  # counts and keys are no words
        assert not has(entry, text), text


def test_projects_do_not_share_numbers() -> None:
    assert search_words.hashed(1, "word") != search_words.hashed(2, "word")
    assert search_words.hashed(1, "word") == -1413263865, "stored entries hold this number: it never changes"


def test_a_long_entry_has_no_more_than_its_share() -> None:
    entry = record(message="one", text=" ".join(f"w{number}" for number in range(5000)))
    assert len(search_words.of(1, entry)) == search_words.MOST
    assert has(entry, "one")


@given(st.text())
def test_any_text_has_words_and_they_are_stable(text: str) -> None:
    found = search_words.words(text)
    assert all(found)
    assert [word for part in found for word in search_words.words(part)] == found or not text.isascii()
