"""Query conditions: the database against plain Python over the same entries; and query, form and API against each other."""

import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import ge, gt, le, lt
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synclogs.models import Project
from synclogs.parsing import search_words
from synclogs.query import language, tree
from synclogs.query.fields import FIELDS
from synclogs.query.filters import FilterError, LogFilter
from synclogs.query.tree import And, Match, Node, Not, Operator, Or, Path, Text
from synclogs.reading.paging import page
from tests.factories import ProjectFactory, api_key, bearer, entry, member, store, sync_id

NOW = datetime.now(UTC).replace(microsecond=0)
SINCE = (NOW - timedelta(days=2)).isoformat()
LEVELS = {"debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40}
WORDS = [
    "timeout",
    "Folder",
    "gone",
    "rate-limited",
    "retry 2",
    "été",
    'the "root"',
    "C:\\temp",
    "acct_1",
    "10007",
    "page",
]
RECORDS = ["rec_1", "4471", "budget.xlsx", "a b"]


def made(dice: random.Random, number: int) -> dict[str, Any]:
    level = dice.choice(["info", "warn", "error"])
    extra: dict[str, Any] = {}
    if dice.random() < 0.6:
        extra["error"] = {
            "errorCode": dice.choice(["10007", "rate_limited", "401"]),
            "httpStatus": dice.choice([401, 404, 429, 503]),
            "message": " ".join(dice.sample(WORDS, 2)),
        }
    if dice.random() < 0.6:
        extra["summary"] = {"created": dice.choice([0, 1, 7, 15]), "durationMs": dice.randrange(9000)}
    if dice.random() < 0.6:
        extra["record"] = {"id": dice.choice(RECORDS), "size": dice.choice([1, 2.5, 4471]), "ok": dice.random() < 0.5}
    if dice.random() < 0.4:
        extra["files"] = [{"name": dice.choice(RECORDS)} for _ in range(dice.randrange(3))]
    return entry(
        id=f"evt-{number}",
        timestamp=(NOW - timedelta(minutes=dice.randrange(60 * 40))).isoformat(),
        level=level,
        type=dice.choice(["managed_sync", "workflow"]),
        syncEvent=dice.choice(["SYNC_RUN_ERROR", "INCREMENTAL_SYNC_COMPLETED", "custom_event"]),
        syncId=sync_id(dice.randrange(3)),
        userId=dice.choice(["acct_1", "acct_2", "jane@acme.example"]),
        integration=dice.choice(["jira", "box"]),
        syncStatus=dice.choice(["IDLE", "ERRORED", ""]),
        message=" ".join(dice.sample(WORDS, 3)),
        **extra,
    )


@pytest.fixture
def project(db: None) -> Project:
    found = ProjectFactory()
    dice = random.Random(7)
    store(found, *(made(dice, number) for number in range(120)))
    return found


def rows(project: Project, *parameters: tuple[str, str]) -> set[str]:
    log_filter = LogFilter.parse([(name, [value]) for name, value in (*parameters, ("since", SINCE))], now=NOW)
    return {found.entry_id for found in page(log_filter, project, size=200).rows}


# The same in plain Python


def leaves(value: object, *, numbers: bool) -> Iterator[str]:
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from leaves(child, numbers=numbers)
    elif isinstance(value, str):
        yield value
    elif numbers and isinstance(value, int) and not isinstance(value, bool):
        yield str(value)


SEARCHED = ("id", "message", "syncId", "traceId", "userId", "syncEvent", "integration", "pipeline", "credentialId")
COUNTS = {"created", "durationMs", "httpStatus"}


def texts(sent: dict[str, Any], *, numbers: bool = True) -> list[str]:
    """Of numbers in the payload only the whole is found, and none of those that count."""
    rest = {
        key: value for key, value in sent.items() if key not in (*SEARCHED, "timestamp", "level", "type", "syncStatus")
    }
    for name in ("error", "summary"):
        if name in rest:
            rest[name] = {key: value for key, value in rest[name].items() if key not in COUNTS}
    return [str(sent[key]) for key in SEARCHED if key in sent] + list(leaves(rest, numbers=numbers))


def words_of(sent: dict[str, Any]) -> set[str]:
    return {word for text in texts(sent) for word in search_words.words(text)}


def at(sent: object, keys: tuple[str, ...]) -> Iterator[object]:
    """What a path leads to; lists are stepped into."""
    if isinstance(sent, list):
        for child in sent:
            yield from at(child, keys)
    elif not keys:
        yield sent
    elif isinstance(sent, dict) and keys[0] in sent:
        yield from at(sent[keys[0]], keys[1:])


KEYS = {
    "type": "type", "event": "syncEvent", "status": "syncStatus", "integration": "integration", "user": "userId",
    "sync": "syncId", "id": "id",
}  # fmt: skip
COMPARE = {Operator.GREATER: gt, Operator.AT_LEAST: ge, Operator.LESS: lt, Operator.AT_MOST: le}


def value_of(sent: dict[str, Any], name: str) -> Any:
    if name == "level":
        return LEVELS[sent["level"].lower()]
    if name in ("error_code", "http_status"):
        return sent.get("error", {}).get({"error_code": "errorCode", "http_status": "httpStatus"}[name])
    return sent.get(KEYS[name], "")


def holds(node: Node, sent: dict[str, Any]) -> bool:
    match node:
        case And(children):
            return all(holds(child, sent) for child in children)
        case Or(children):
            return any(holds(child, sent) for child in children)
        case Not(child):
            return not holds(child, sent)
        case Text():
            return text_holds(node, sent)
        case Match():
            return match_holds(node, sent)


def text_holds(node: Text, sent: dict[str, Any]) -> bool:
    wanted = search_words.words(node.text)
    if node.open_start or node.open_end:
        (part,) = wanted
        return any(
            word == part
            or (node.open_end and word.startswith(part))
            or (node.open_start and word.endswith(part))
            or (node.open_start and node.open_end and part in word)
            for text in texts(sent, numbers=False)
            for word in re.findall(r"[^\W_]+", text.casefold())
        )
    side_by_side = re.compile(
        rf"\b{re.escape(node.text)}\b" if node.text[-1].isalnum() else re.escape(node.text), re.IGNORECASE
    )
    return set(wanted) <= words_of(sent) and any(side_by_side.search(text) for text in texts(sent))


def match_holds(node: Match, sent: dict[str, Any]) -> bool:
    if isinstance(node.field, Path):
        found = [leaf for leaf in at(sent, node.field.keys) if leaf is not None]
        if node.operator == Operator.PRESENT:
            return bool(found)
        if node.operator == Operator.IS:
            return any(
                leaf == value.text if isinstance(leaf, str) else not value.quoted and json.dumps(leaf) == value.text
                for leaf in found
                for value in node.values
            )
        limit = float(node.values[0].text)
        return any(
            COMPARE[node.operator](leaf, limit)
            for leaf in found
            if isinstance(leaf, int | float) and not isinstance(leaf, bool)
        )
    value = value_of(sent, node.field)
    if node.operator == Operator.PRESENT:
        return value not in ("", None)
    wanted: list[Any] = [
        LEVELS[item.text] if node.field == "level" else int(item.text) if node.field == "http_status" else item.text
        for item in node.values
    ]
    if node.operator == Operator.IS:
        return value in wanted
    return value is not None and bool(COMPARE[node.operator](value, wanted[0]))


# Queries

TEXTS = st.one_of(
    st.sampled_from([word for word in WORDS if word.isalnum()]).map(lambda word: Text(word)),
    st.sampled_from(["time", "fold", "10", "acct"]).map(lambda part: Text(part, open_end=True)),
    st.sampled_from(["out", "der", "007"]).map(lambda part: Text(part, open_start=True)),
    st.sampled_from(["imeou", "old"]).map(lambda part: Text(part, open_start=True, open_end=True)),
    st.sampled_from([*WORDS, "folder gone", "nothing at all", sync_id(1), "gone Folder"]).map(
        lambda text: Text(text, phrase=True)
    ),
)
FIELD_MATCHES = st.sampled_from(
    [
        "level:error,warn", "level:>=warn", "type:workflow", "event:custom_event", "status:*", "integration:jira", "user:acct_1",
        'user:"jane@acme.example",acct_2', f"sync:{sync_id(2)}", "error_code:10007", "http_status:>=429", "http_status:<404",
        "http_status:*", "summary.created:>0", "summary.created:7", "record.id:rec_1,4471", 'record.id:"a b"', "record.size:2.5",
        "record.size:<=2.5", "record.ok:true", "files.name:budget.xlsx", ".record:*", "id:evt-7",
    ]
)  # fmt: skip
NODES = st.recursive(
    st.one_of(TEXTS, FIELD_MATCHES.map(lambda text: language.parse(text, fields=FIELDS))),
    lambda inner: st.one_of(
        inner.map(tree.negated),
        st.lists(inner, min_size=2, max_size=3).map(tree.conjunction),
        st.lists(inner, min_size=2, max_size=3).map(tree.disjunction),
    ),
    max_leaves=5,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(node=NODES)
def test_the_database_finds_what_python_finds(project: Project, node: Node) -> None:
    text = tree.to_text(node)
    if len(text) > language.QUERY_LENGTH:
        return
    dice = random.Random(7)
    sent = [made(dice, number) for number in range(120)]
    assert rows(project, ("q", text)) == {item["id"] for item in sent if holds(node, item)}


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("level:error", [("level", "error")]),
        ("-integration:jira status:ERRORED", [("-integration", "jira"), ("status", "ERRORED")]),
        ("user:acct_1,acct_2", [("user", "acct_1"), ("user", "acct_2")]),
        ("http_status:429 error_code:10007", [("http_status", "429"), ("error_code", "10007")]),
        (f"sync:{sync_id(1)} type:workflow", [("sync", sync_id(1)), ("type", "workflow")]),
    ],
)
def test_language_form_and_api_give_the_same_rows(
    project: Project, client: Client, query: str, parameters: list[tuple[str, str]]
) -> None:
    expected = {found for found in rows(project, ("q", query)) if found}
    by_form = LogFilter.parse(
        [
            *((name, [v for n, v in parameters if n == name]) for name in dict.fromkeys(n for n, _ in parameters)),
            ("since", [SINCE]),
        ],
        now=NOW,
    )
    assert {found.entry_id for found in page(by_form, project, size=200).rows} == expected != set()
    _, key = api_key(project)
    for asked in ([("q", query)], parameters):
        answer = client.get(
            "/api/v1/logs",
            query_params=multi([*asked, ("since", SINCE), ("limit", "200")]),
            headers=bearer(key),
            secure=True,
        ).json()
        assert {found["id"] for found in answer["results"]} == expected
    client.force_login(member(project))
    html = client.get(f"/p/{project.slug}/logs", query_params=multi([("q", query), ("since", SINCE)])).content.decode()
    assert html.count("data-log-key") == min(50, len(expected))


def multi(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    return {name: [value for other, value in pairs if other == name] for name, _ in pairs}


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("level:eror", 7),
        ("http_status:12", 13),
        ("sync:abc", 6),
        ("integration:>jira", 14),
        ("message:>a", 10),
        ("summary.created:>many", 18),
    ],
)
def test_a_value_that_cannot_be_is_an_error_at_its_place(query: str, place: int) -> None:
    with pytest.raises(FilterError) as caught:
        LogFilter.parse([("q", [query])], now=NOW)
    assert f"character {place}" in caught.value.errors["q"]
    assert list(caught.value.errors) == ["q"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40))
def test_any_phrase_is_text_and_never_a_pattern(project: Project, text: str) -> None:
    if not any(character.isalnum() for character in text) or "\x00" in text:
        with pytest.raises(FilterError):
            rows(project, ("q", tree.quote(text)))
    elif len(tree.quote(text)) <= language.QUERY_LENGTH:
        assert rows(project, ("q", tree.quote(text))) <= rows(project)


def test_a_word_with_a_pattern_in_it_is_taken_as_it_is(project: Project) -> None:
    store(project, entry(id="odd", message="100% (a+b)* [x] a.c $1 ^ | {2} ***:b", timestamp=NOW.isoformat()))
    for text in ("100%", "(a+b)*", "[x]", "$1", "{2}", "***:b", "| {2}"):
        assert rows(project, ("q", tree.quote(text))) == {"odd"}, text
    assert rows(project, ("q", '"abc $1"')) == set()


def test_a_word_out_of_a_sentence_is_the_word(project: Project) -> None:
    store(project, entry(id="said", message="Access was revoked by zebra", timestamp=NOW.isoformat()))
    for text in ("zebra.", "#zebra", "zebra,", "revoked;", "zebra!? revoked"):
        assert rows(project, ("q", text)) == {"said"}, text
    assert rows(project, ("q", '"zebra."')) == set()


@pytest.mark.parametrize("query", ["run-1", '"run-1"', "message:run-1"])
def test_a_part_of_a_number_or_name_is_not_the_whole(project: Project, query: str) -> None:
    """Although the entry holds each word of the query somewhere."""
    store(project, entry(id="ten", message="run-10 took 1 minute of a run", timestamp=NOW.isoformat()))
    store(project, entry(id="one", message="run-1 took 10 minutes of an overrun-1", timestamp=NOW.isoformat()))
    assert rows(project, ("q", query)) == {"one"}


def test_message_searches_the_message_alone(project: Project) -> None:
    store(project, entry(id="said", message="zebra crossing", timestamp=NOW.isoformat()))
    store(project, entry(id="held", note="zebra", timestamp=NOW.isoformat(), message="-"))
    assert rows(project, ("q", "zebra")) == {"said", "held"}
    assert rows(project, ("q", "message:zebra")) == rows(project, ("q", "message:zeb*")) == {"said"}
    assert rows(project, ("q", 'message:"zebra cross"')) == rows(project, ("q", "message:zeb")) == set()


@pytest.mark.parametrize(
    ("sent", "found", "missed"),
    [
        ({"error": {"message": "first\nlimited\tthen"}}, ["limit*", '"first limited"', '"limited then"', "*hen"], []),
        ({"path": 'C:\\new\\"a b"'}, [r'"C:\\new"', r'"\\\"a b\""'], ["ew*"]),
        ({"names": ["red", "fox"]}, ["red fox"], ['"red fox"']),
        ({"message": "red", "userId": "fox"}, ["red fox"], ['"red fox"']),
        ({"file": "Re\u0301sume\u0301 2026.pdf"}, ['"résumé 2026"', "RÉSUMÉ*", '"re\u0301sume\u0301 2026"'], []),
        ({"message": "run-10 of page 1"}, ['"run-10"', '"page 1"', "run-1*"], ['"run-1"', "run-1", '"un-10"']),
        ({"message": "Straße ΑΣ"}, ["Stra*", "*ße"], ["*Stra", "e*", "*α"]),
        ({"message": "token\u00a0expired"}, ['"token expired"', 'message:"token expired"'], []),
        ({"message": "Résumé gone"}, ['"re\u0301sume\u0301 gone"', 'message:"re\u0301sume\u0301 gone"'], []),
    ],
)
def test_texts_are_searched_as_they_were_sent(
    project: Project, sent: dict[str, Any], found: list[str], missed: list[str]
) -> None:
    store(project, entry(**{"id": "odd", "message": "-", "timestamp": NOW.isoformat(), **sent}))
    assert [text for text in found if "odd" not in rows(project, ("q", text))] == []
    assert [text for text in missed if "odd" in rows(project, ("q", text))] == []
