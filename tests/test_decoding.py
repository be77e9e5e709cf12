"""The form of bodies and entries: every structural limit at its edge, windows, odd bytes. What entries mean is in test_records."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synclogs.parsing import bodies, decoding
from synclogs.parsing.bodies import Source, end_of
from synclogs.parsing.decoding import Problem, Scanner, pointer, shown
from synclogs.parsing.limits import LIMITS, Code, Unreadable


def values_of(body: bytes) -> list[object]:
    return [value for value, _ in Source(body, Scanner()).items()]


def value_of(text: str) -> object:
    return Scanner().line(text.encode())[0]


def problem_of(text: str) -> tuple[str, str]:
    problem = value_of(text)
    assert isinstance(problem, Problem), problem
    return problem.code, problem.pointer


def nested(depth: int) -> str:
    return '{"a":' * (depth - 1) + "{}" + "}" * (depth - 1)


def padded(size: int, filler: str = "x") -> str:
    """An object of exactly `size` bytes."""
    room = size - len('{"a":""}')
    return '{"a":"' + filler * (room // len(filler.encode())) + "x" * (room % len(filler.encode())) + '"}'


def keyed(keys: int) -> str:
    """An object with that many keys, one of them holding an object with half of them."""
    inner = ",".join(f'"k{n}":0' for n in range(keys // 2))
    outer = ",".join(f'"k{n}":0' for n in range(keys - keys // 2 - 1))
    return f'{{"in":{{{inner}}},{outer}}}'


AT_LIMIT = {
    "depth of objects": nested(LIMITS.depth),
    "depth of arrays": '{"a":' + "[" * (LIMITS.depth - 1) + "]" * (LIMITS.depth - 1) + "}",
    "keys": keyed(LIMITS.keys),
    "key bytes": json.dumps({"k" * LIMITS.key_bytes: 1}),
    "key bytes, two each": json.dumps({"é" * (LIMITS.key_bytes // 2): 1}, ensure_ascii=False),
    "entry bytes": padded(LIMITS.entry_bytes),
    "entry bytes, four each": padded(LIMITS.entry_bytes, "😀"),
    "largest integer": '{"a":1000000000000000000}',
    "smallest integer": '{"a":-1000000000000000000}',
    "largest float": '{"a":1e18}',
    "largest float in digits": '{"a":1000000000000000000.0}',
    "smallest float": '{"a":-1.0E+18}',
    "characters of a float": '{"a":0.' + "1" * 38 + "}",
    "small float written out": '{"a":1e-38}',
    "nought of any spelling": '{"a":-0.0e-99999}',
}
BEYOND = {
    "depth of objects": (nested(LIMITS.depth + 1), Code.TOO_DEEP, ""),
    "depth of arrays": ('{"a":' + "[" * LIMITS.depth + "]" * LIMITS.depth + "}", Code.TOO_DEEP, ""),
    "depth beyond the stack, large": (nested(50_000), Code.ENTRY_TOO_LARGE, ""),
    "depth beyond the stack, small": ("[" * 100_000 + "]" * 100_000, Code.TOO_DEEP, ""),
    "keys": (keyed(LIMITS.keys + 1), Code.TOO_MANY_KEYS, ""),
    "key bytes": (json.dumps({"k" * (LIMITS.key_bytes + 1): 1}), Code.KEY_TOO_LONG, "/" + "k" * 257),
    "key bytes, two each": (
        json.dumps({"é" * (LIMITS.key_bytes // 2) + "x": 1}, ensure_ascii=False),
        Code.KEY_TOO_LONG,
        "/" + "é" * 128 + "x",
    ),
    "entry bytes": (padded(LIMITS.entry_bytes + 1), Code.ENTRY_TOO_LARGE, ""),
    "entry bytes, four each": (padded(LIMITS.entry_bytes + 1, "😀"), Code.ENTRY_TOO_LARGE, ""),
    "largest integer": ('{"a":1000000000000000001}', Code.NUMBER_TOO_LARGE, "/a"),
    "smallest integer": ('{"a":{"b":-1000000000000000001}}', Code.NUMBER_TOO_LARGE, "/a/b"),
    "largest float, lost in rounding": ('{"a":1000000000000000000.1}', Code.NUMBER_TOO_LARGE, "/a"),
    "larger float": ('{"a":[0,1.1e18]}', Code.NUMBER_TOO_LARGE, "/a/1"),
    "infinite float": ('{"a":-1e400}', Code.NUMBER_TOO_LARGE, "/a"),
    "exponent of any size": ('{"a":1e99999999999999999999}', Code.NUMBER_TOO_LARGE, "/a"),
    "digits of an integer": ('{"a":' + "1" * 41 + "}", Code.NUMBER_TOO_LONG, "/a"),
    "digits that int() would not take": ('{"a":' + "1" * 10_000 + "}", Code.NUMBER_TOO_LONG, "/a"),
    "characters of a float": ('{"a":0.' + "1" * 39 + "}", Code.NUMBER_TOO_LONG, "/a"),
    "small float written out": ('{"a":1e-39}', Code.NUMBER_TOO_LONG, "/a"),
    "float that grows in the database": ('{"a":1e-300}', Code.NUMBER_TOO_LONG, "/a"),
    "float too small to be read": ('{"a":1e-400}', Code.NUMBER_TOO_LONG, "/a"),
    "NaN": ('{"a":NaN}', Code.NOT_A_NUMBER, "/a"),
    "Infinity": ('{"x":1,"a":{"b~/":[true,Infinity]}}', Code.NOT_A_NUMBER, "/a/b~0~1/1"),
    "-Infinity": ('{"a":-Infinity,"b":NaN}', Code.NOT_A_NUMBER, "/a"),
    "repeated key": ('{"a":1,"a":1}', Code.REPEATED_KEY, "/a"),
    "repeated key further in": ('{"x":[{"b":1,"a":1,"b":2}]}', Code.REPEATED_KEY, "/x/0/b"),
    "repeated key spelled differently": ('{"a":1,"\\u0061":1}', Code.REPEATED_KEY, "/a"),
    "fault within a fault": ('{"a":{"x":NaN},"b":{"c":1,"c":2}}', Code.NOT_A_NUMBER, "/a/x"),
    "fault swallowed by a repeated key": ('{"a":NaN,"a":1}', Code.NOT_A_NUMBER, ""),
    "cut off": ('{"a":1', Code.BAD_JSON, ""),
    "nothing": ("", Code.BAD_JSON, ""),
    "two values": ('{"a":1} {"a":1}', Code.BAD_JSON, ""),
    "comma at the end": ('{"a":1,}', Code.BAD_JSON, ""),
    "raw control character": ('{"a":"\x01"}', Code.BAD_JSON, ""),
    "raw NUL": ('{"a":"\x00"}', Code.BAD_JSON, ""),
    "unknown escape": ('{"a":"\\x"}', Code.BAD_JSON, ""),
    "half an escape": ('{"a":"\\u12"}', Code.BAD_JSON, ""),
    "single quotes": ("{'a':1}", Code.BAD_JSON, ""),
    "leading nought": ('{"a":01}', Code.BAD_JSON, ""),
    "bare fraction": ('{"a":.5}', Code.BAD_JSON, ""),
    "digits of another script": ('{"a":١}', Code.BAD_JSON, ""),
    "blank that JSON has not": ('\u00a0{"a":1}', Code.BAD_JSON, ""),
}


@pytest.mark.parametrize("text", AT_LIMIT.values(), ids=AT_LIMIT)
def test_limit_itself_is_accepted(text: str) -> None:
    assert value_of(text) == json.loads(text)
    assert values_of(f"[1,{text},2]".encode()) == [1, json.loads(text), 2]


@pytest.mark.parametrize(("text", "code", "where"), BEYOND.values(), ids=BEYOND)
def test_beyond_a_limit_is_refused_and_its_neighbours_live(text: str, code: Code, where: str) -> None:
    assert problem_of(text) == (code, where)
    body = f"[1,{text},2]".encode()
    if code == Code.BAD_JSON:
        with pytest.raises(Unreadable):
            values_of(body)
    else:
        first, problem, last = values_of(body)
        assert (first, last) == (1, 2)
        assert isinstance(problem, Problem)
        assert problem.code == code


def test_numbers_keep_their_kind_and_value() -> None:
    text = '{"a":[0,-0,1.0,-1.5,1e3,0.1,123456789012345678,999999999999999999,0.00001,1e-5,9e-6,0.000e9]}'
    value = value_of(text)
    assert value == json.loads(text)
    assert [type(number) for number in value["a"]] == [type(number) for number in json.loads(text)["a"]]  # type: ignore[index]


def test_problem_keeps_what_could_be_read() -> None:
    problem = value_of('{"id":"x","a":NaN}')
    assert isinstance(problem, Problem)
    assert problem.value["id"] == "x"  # type: ignore[index]
    problem = value_of('{"id":"x","a":1,"a":2}')
    assert isinstance(problem, Problem)
    assert problem.value == {"id": "x", "a": 2}


def test_bad_utf8_costs_a_line_or_a_body() -> None:
    for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
        problem, _ = Scanner().line(b'{"a":"' + bad + b'"}')
        assert isinstance(problem, Problem)
        assert (problem.code, problem.detail) == (Code.BAD_UTF8, "The line is not UTF-8 at byte 6.")
        with pytest.raises(Unreadable, match="not UTF-8 at byte 7") as caught:
            values_of(b'[{"a":"' + bad + b'"}]')
        assert caught.value.code == Code.BAD_UTF8


def test_byte_order_mark_is_passed_over_once() -> None:
    assert values_of(decoding.BOM + b"[1]") == [1]
    assert Scanner().line(decoding.BOM + b"1")[0] == 1
    with pytest.raises(Unreadable):
        values_of(decoding.BOM * 2 + b"[1]")


def test_mark_for_unsafe_text() -> None:
    marks = {
        r'"plain \n \u00e9"': False,
        r'"\u0000"': True,
        r'"\uD83D\uDE00"': True,
        r'"\udc00"': True,
        '"\ufffd 😀"': False,
    }
    assert {text: Scanner().line(text.encode())[1] for text in marks} == marks
    assert [unsafe for _, unsafe in Source(rb'["a", "\u0000", "b"]', Scanner()).items()] == [False, True, False]


@pytest.mark.parametrize(
    "body",
    ["", "[", "[1", "[1,", "[1,]", "[,]", "[1 2]", "[1}", "{}", "[[1]", '["a]', "[nul]", "[tru", "[-]", "[\\]"],
)
def test_what_is_no_array_is_unreadable(body: str) -> None:
    with pytest.raises(Unreadable) as caught:
        values_of(body.encode())
    assert caught.value.code == Code.BAD_JSON
    assert "byte" in caught.value.detail


def test_fault_is_told_in_bytes() -> None:
    with pytest.raises(Unreadable, match=r"Expecting ',' or '\]' at byte 8\."):
        values_of('["😀" 1]'.encode())


def members_of(text: str) -> dict[str, object]:
    source = Source(text.encode(), Scanner())
    found = {key: source.value()[0] if key != "pass" else None for key in source.members()}
    assert source.expect("") == ""
    return found


def test_members() -> None:
    assert members_of("{}") == {}
    assert members_of(' { "a" : 1 , "pass" : [ {} ] , "b" : [2] } ') == {"a": 1, "pass": None, "b": [2]}
    for text in ("{", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "{1:1}", '{"a" 1}', '{"a":1]', '{"a":1}x'):
        with pytest.raises(Unreadable):
            members_of(text)


# Windows


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows so small that any text of some length goes over their edges."""
    shrink(monkeypatch)


def shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = replace(LIMITS, entry_bytes=40)
    monkeypatch.setattr(bodies, "LIMITS", limits)
    monkeypatch.setattr(decoding, "LIMITS", limits)
    monkeypatch.setattr(bodies, "WINDOW", 8 * limits.entry_bytes)
    monkeypatch.setattr(bodies, "_CHUNK", 7)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**19), 10**19) | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=15,
)


@given(st.lists(JSON, max_size=40), st.booleans(), st.sampled_from(["", " ", "\n" * 400]))
def test_windows_make_no_difference(items: list[object], ascii_only: bool, blank: str) -> None:
    texts = [json.dumps(item, ensure_ascii=ascii_only) for item in items]
    body = (
        (blank + f"[{f'{blank},'.join(texts)}]" + blank)
        .encode(errors="surrogatepass")
        .decode(errors="replace")
        .encode()
    )
    texts = [text.encode(errors="surrogatepass").decode(errors="replace") for text in texts]
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink(monkeypatch)
        source = Source(body, Scanner())
        found = [value for value, _ in source.items()]
        assert source.peek() == ""
        expected = [Scanner().line(text.encode())[0] for text in texts]
    assert repr(found) == repr(expected)


@given(JSON, st.sampled_from(["", ",", "]", '"', " {", "\\", "1,"]), st.integers(2, 9), st.booleans())
def test_end_of_a_value(value: object, after: str, chunk: int, ascii_only: bool) -> None:
    text = json.dumps([value], ensure_ascii=ascii_only).encode(errors="surrogatepass")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(bodies, "_CHUNK", chunk)
        assert end_of(b"x" + text + after.encode(), 1) == 1 + len(text)
        assert end_of(text[:-1], 0) == -1


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (b'"a\\"]" ,', 6),
        (b'"', -1),
        (b'"\\', -1),
        (b"12.5,3", 4),
        (b"true]", 4),
        (b"x", 1),
        (b"", 0),
        (b"[", -1),
        (b'["]', -1),
    ],
)
def test_end_of_scalars_and_fragments(text: bytes, end: int) -> None:
    assert end_of(text, 0) == end


@pytest.mark.usefixtures("small")
def test_too_large_values_are_stepped_over() -> None:
    long = [
        '{"a":"' + "é" * 300 + '"}',
        "[" + "[]," * 200 + "0]",
        '"' + 'a\\\\\\"]' * 100 + '"',
        "1" * 500,
        "9" * 1_000,
    ]
    for text in long:
        found = values_of(f'["a",{text},{{"b":2}} , {text} ]'.encode())
        assert found[0] == "a"
        assert found[2] == {"b": 2}
        for problem in (found[1], found[3]):
            assert isinstance(problem, Problem)
            assert problem.code == Code.ENTRY_TOO_LARGE
            assert f"{len(text.encode())} bytes" in problem.detail


@pytest.mark.usefixtures("small")
def test_fault_in_a_window_that_is_not_the_last() -> None:
    for broken in ('{"a":x}', '{"a" 1}', "truth", "-", '"\\x"'):
        with pytest.raises(Unreadable, match="at byte"):
            values_of(f'[1,{broken},"{"z" * 30}"{" " * 500}]'.encode())
    with pytest.raises(Unreadable, match="ends inside the value that starts at byte 3"):
        values_of(b"[1," + b"[" * 500)


# Words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("short", "'short'"),
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (0.5, "0.5"),
        ({}, "an object"),
        ([], "an array"),
        ("é\x00\ud800", "'\\xe9\\x00\\ud800'"),
        ("x" * 78, "'" + "x" * 78 + "'"),
        ("x" * 500, "'" + "x" * 71 + "...'"),
    ],
)
def test_shown(value: object, text: str) -> None:
    assert shown(value) == text


@given(st.text() | JSON)
def test_shown_is_short_and_printable(value: object) -> None:
    assert len(shown(value)) <= 80
    assert shown(value).isascii()
    assert shown(value).isprintable()


def test_pointer() -> None:
    assert pointer([]) == ""
    assert pointer(["a/b", "c~d", "", "é"]) == "/a~1b/c~0d//é"
    assert pointer(["\x00\ud800"]) == "/\ufffd\ufffd"
    assert pointer(["a" * 200, "b" * 200, "c"]) == "/" + "a" * 200


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    for body in (data, b"[" + data, b"[" + data + b"]", b'[{"a":"' + data + b'"}]'):
        with suppress(Unreadable):
            values_of(body)
    Scanner().line(data)
