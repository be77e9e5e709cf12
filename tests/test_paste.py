"""Pasted text: identifiers in mails, JSON and links, in every spelling, and in arbitrary text."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synclogs.lookup import paste
from synclogs.lookup.paste import Candidate, Pasted
from synclogs.lookup.pasted_json import Kind

SYNC = "5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9"
KEY = "018f2c3e-8f42-7b6d-9a13-2c7e40b1f8d9"


def read(text: str) -> Pasted:
    return paste.read(text, project="demo")


def named(text: str) -> dict[str, Kind]:
    return {candidate.value: candidate.kind for candidate in read(text).candidates}


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        (SYNC, SYNC, Kind.ANY),
        (f" {SYNC.upper()}\r\n", SYNC.upper(), Kind.ANY),
        (SYNC.replace("-", ""), SYNC.replace("-", ""), Kind.ANY),
        (f"see ({SYNC}).", SYNC, Kind.ANY),
        (f'syncId: "{SYNC}"', SYNC, Kind.SYNC),
        (f"sync_instance_id={SYNC}&x=1", SYNC, Kind.SYNC),
        (f"the Sync ID is {SYNC}", SYNC, Kind.SYNC),
        (f'{{"syncInstanceId":"{SYNC}"', SYNC, Kind.SYNC),
        (f'"{{\\"syncId\\":\\"{SYNC}\\"}}"', SYNC, Kind.SYNC),
        (f"https://x.example/a?sync={SYNC}#b", SYNC, Kind.SYNC),
        (f"https://x.example/p/demo/logs/{KEY}", KEY, Kind.ENTRY),
        (f"/p/demo/syncs/{SYNC}/", SYNC, Kind.SYNC),
        ("https://x.example/p/demo/users/a%20b%2Fc", "a b/c", Kind.USER),
        ("Trace ID: run-12.", "run-12", Kind.TRACE),
        ("> From: Ada Lovelace <a@b.cd>\nx", "Ada Lovelace", Kind.NAME),
        ("> From: Ada Lovelace <a@b.cd>\nx", "a@b.cd", Kind.MAIL),
        ("mail me at Ada.L+x@sub.example.co.uk, please", "Ada.L+x@sub.example.co.uk", Kind.MAIL),
        ("[write](mailto:a@b.cd)", "a@b.cd", Kind.MAIL),
        ("it says `acct_4471` there", "acct_4471", Kind.ANY),
        ("customer “Acme & Sons” wrote", "Acme & Sons", Kind.ANY),
        ("error invalid_grant again", "invalid_grant", Kind.ANY),
        ("error code: 10007", "10007", Kind.CODE),
        ("short 5d0a7c1e of it", "5d0a7c1e", Kind.ANY),
        ("ac\u200bct_1\u00ad", "acct_1", Kind.ANY),
        ('{"user": {"id": 42, "name": "Ada"}}', "42", Kind.USER),
        ('{"user": {"id": 42, "name": "Ada"}}', "Ada", Kind.NAME),
        ('{"error": {"code": "quota"}}', "quota", Kind.CODE),
        ('{"data": [{"credentialId": "cred 1"}]}', "cred 1", Kind.CREDENTIAL),
        ('noise {"id": "evt 1"} and [{"trace_id": "t 2"}]', "t 2", Kind.TRACE),
        ('{"id": "evt 1"}\n{"id": "evt 2"}', "evt 2", Kind.ANY),
    ],
)
def test_what_a_text_names(text: str, value: str, kind: Kind) -> None:
    assert named(text).get(value) == kind


def test_the_keys_of_json_and_dates_and_plain_words_name_nothing() -> None:
    log = json.dumps({"syncId": SYNC, "level": "ERROR", "timestamp": "2026-11-23T14:02:11Z", "message": "it failed"})
    assert list(named(log)) == [SYNC]
    assert read(log).is_log
    assert not read(f"{log}\n{log}").is_log
    assert named("since 2026-11-23T14:02:11Z or 2026-11-22, at 14:02, it does not work,\nre-connect it!") == {}


def test_lines_are_told_also_as_the_search_box_writes_them() -> None:
    for text in (f"Hello,\n\nsee {SYNC}", f"Hello, \u23ce  \u23ce see {SYNC}", f"Hello,\r\n\r\nsee {SYNC}"):
        assert [found.line for found in read(text).candidates if found.value == SYNC] == [3]
    pretty = json.dumps({"a": 1, "syncId": SYNC}, indent=1)
    assert read(f"Log:\n{pretty}").candidates[0] == Candidate(SYNC, Kind.SYNC, "syncId", 4, paste.Rank.NAMED)


def test_links_into_other_projects_stay_links() -> None:
    pasted = read(f"https://x.example/p/other/logs/{KEY}?a=b")
    assert pasted.is_link
    assert [(link.project, link.page, link.identifier, link.query) for link in pasted.links] == [
        ("other", "logs", KEY, "a=b")
    ]
    assert [found.kind for found in pasted.candidates] == [Kind.ANY]


def test_the_more_telling_half_of_too_many_is_kept() -> None:
    words = " ".join(f"word{number}" for number in range(400))
    pasted = read(f"{words}\n{SYNC} a@b.cd traceId=t1\n")
    assert len(pasted.candidates) == paste.MOST
    assert {SYNC, "a@b.cd", "t1"} <= {found.value for found in pasted.candidates}


PIECES: tuple[str, ...] = (
    "{",
    "}",
    "[",
    '"',
    "'",
    ":",
    ",",
    "\\",
    "\n",
    " ",
    "@",
    ".",
    "/p/",
    "demo",
    "/logs/",
    "syncId",
    "user",
    "id",
    "=",
)
PIECES += (
    "-",
    "_",
    "a",
    "5d0a7c1e",
    SYNC,
    "From:",
    "\x00",
    "\ud800",
    "é",
    "“",
    "”",
    "\u23ce",
    "quoted-printable",
    "9",
    "?",
    "%00",
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=400), st.lists(st.sampled_from(PIECES), max_size=120).map("".join)))
def test_any_text_is_read_and_what_comes_out_is_bounded(text: str) -> None:
    pasted = read(text)
    assert len(pasted.candidates) <= paste.MOST
    assert len(pasted.links) <= paste.MOST_LINKS
    for found in pasted.candidates:
        assert 0 < len(found.value) <= paste.LONGEST_VALUE
        assert "\x00" not in found.value
        found.value.encode()
        assert 1 <= found.line <= pasted.lines


@pytest.mark.parametrize(
    "piece",
    [
        *PIECES,
        "a@",
        "a@a.",
        '{"a":',
        '{"id":1}',
        "sync id:",
        "/p/a",
        "A\n",
        "From: ",
        "a_",
        SYNC + " ",
        "'x",
        "“a",
        "A b c\n",
        "=\n",
    ],
)
def test_the_worst_texts_are_read_quickly(piece: str) -> None:
    text = piece * (paste.LONGEST // len(piece))
    before = time.process_time()
    read(text)
    read("quoted-printable" + text)
    assert time.process_time() - before < 0.5
