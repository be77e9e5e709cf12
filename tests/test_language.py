"""Query language: text to tree and back, and errors with position, sentence and correction."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from synclogs.query.language import QUERY_LENGTH, parse
from synclogs.query.tree import (
    KEYWORDS,
    And,
    Match,
    Node,
    Not,
    Operator,
    Or,
    Path,
    QueryError,
    Text,
    Value,
    conjunction,
    disjunction,
    leaves,
    negated,
    to_text,
)

FIELDS = (
    "type category level event sync_type status integration pipeline user sync trace error_code http_status "
    "recoverability"
).split()


def read(text: str) -> Node | None:
    return parse(text, fields=FIELDS)


def word(text: str) -> Text:
    return Text(text)


def match(field: str | Path, *values: str, operator: Operator = Operator.IS) -> Match:
    return Match(field, operator, tuple(Value(value) for value in values))


LEVEL = match("level", "error")
A, B, C = word("a"), word("b"), word("c")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", None),
        (" \n\t ", None),
        ("limit", word("limit")),
        ("limit*", Text("limit", open_end=True)),
        ("*limit*", Text("limit", open_start=True, open_end=True)),
        ('"rate limit"', Text("rate limit", phrase=True)),
        ("“rate limit”", Text("rate limit", phrase=True)),
        (r'"a \"b\" \\ c:\d"', Text(r'a "b" \ c:\d', phrase=True)),
        ("level:error", LEVEL),
        ("LEVEL:error", LEVEL),
        ("syncId:x", match("sync", "x")),
        ("error.errorCode:10007", match("error_code", "10007")),
        ("credentialId:x", match("credential", "x")),
        ("-level:error", Not(LEVEL)),
        ("NOT NOT a", A),
        ("-a", Not(A)),
        ('-"a b"', Not(Text("a b", phrase=True))),
        ("-(a b)", Not(And((A, B)))),
        ("level:error,warning", match("level", "error", "warning")),
        ('user:"a, b",c', Match("user", Operator.IS, (Value("a, b", True), Value("c")))),
        ("http_status:>=500", match("http_status", "500", operator=Operator.AT_LEAST)),
        ("http_status:<500", match("http_status", "500", operator=Operator.LESS)),
        ("level:=error", LEVEL),
        ("user:*", Match("user", Operator.PRESENT, ())),
        ("a b c", And((A, B, C))),
        ("a AND (b AND c)", And((A, B, C))),
        ("a b OR c", Or((And((A, B)), C))),
        ("a OR b c", Or((A, And((B, C))))),
        ("a OR b AND c OR b", Or((A, And((B, C)), B))),
        ("NOT a b", And((Not(A), B))),
        ("NOT a OR b", Or((Not(A), B))),
        ("a NOT (b OR c)", And((A, Not(Or((B, C)))))),
        ("a (b OR c)", And((A, Or((B, C))))),
        ("(a OR b) OR c", Or((A, B, C))),
        ("a or b and not c", And((A, word("or"), B, word("and"), word("not"), C))),
        ("summary.created:>0", match(Path(("summary", "created")), "0", operator=Operator.GREATER)),
        (".recordId:abc", match(Path(("recordId",)), "abc")),
        (".level:x", match(Path(("level",)), "x")),
        (r'."strange \"key".b:1', match(Path(('strange "key', "b")), "1")),
        ('message:"http://a/b"', Match("message", Operator.IS, (Value("http://a/b", True),))),
        ("message:http://a/b", match("message", "http://a/b")),
        # Texts with a colon are found as they stand.
        ("10:30", Text("10:30", phrase=True)),
        ("2026-05-04T09:12:30Z", Text("2026-05-04T09:12:30Z", phrase=True)),
        ("https://x.example/a?b=c", Text("https://x.example/a?b=c", phrase=True)),
        ("127.0.0.1:80", Text("127.0.0.1:80", phrase=True)),
        ("ana@example.com", word("ana@example.com")),
        ("a=b", word("a=b")),
        ("Error: a", And((Text("Error:", phrase=True), A))),
    ],
)
def test_what_a_query_means(text: str, tree: Node | None) -> None:
    assert read(text) == tree
    assert tree is None or read(to_text(tree)) == tree


@pytest.mark.parametrize(
    ("text", "position", "words", "suggestion"),
    [
        # The nearest name, the names that other tools use, and text that only looks like a field.
        ("a levl:error", 2, "There is no field “levl” at character 3. Did you mean level?", "a level:error"),
        ("severity:error", 0, "Did you mean level?", "level:error"),
        ("has:user", 0, "Write user:*", "user:*"),
        ("levl: error", 0, "Did you mean level?", "level:error"),
        ("std::string", 0, "a key of the payload is written .std:", '"std::string"'),
        (f"{'x' * 99}:1", 0, f"“{'x' * 40}…”", f'"{"x" * 99}:1"'),
        ("until:2026-01-01T00:00Z a", 0, "The range of time is chosen above the list", "a"),
        ('"syncId":"5d0a"', 0, "Write sync:", 'sync:"5d0a"'),
        ('"record":1', 0, "Write .record:", ".record:1"),
        # Values
        ("level: error", 6, "A value is missing at character 7. level:* finds any.", "level:error"),
        ("level:a,", 8, "A value is missing", "level:a"),
        ("user:a, b", 7, "A value is missing", "user:a,b"),
        ('"syncId": "a", "traceId": "b"', 0, "Write sync:", 'sync:"a" trace:"b"'),
        ("level:!error", 6, "To exclude write -level:", "-level:error"),
        ("level:,a", 6, "A value is missing", "level:a"),
        ("level:", 6, "A value is missing", ""),
        ("(level:)", 7, "A value is missing", ""),
        ('user:""', 5, "-user:* finds what has none.", "-user:*"),
        ('-user:""', 6, "The value is empty", "user:*"),
        ("user:*,b", 5, "“*” for any value", ""),
        ("user:>=*", 7, "“*” for any value", ""),
        ("http_status:>1,2", 14, "> takes one value", ""),
        ("level:a,>b", 8, "“>” inside a value", 'level:a,">b"'),
        ('user:O"Neil', 6, "inside a value", r'user:"O\"Neil"'),
        ("status:(ERRORED OR IDLE)", 7, "Write field:a,b", "status:ERRORED,IDLE"),
        ("status:(a:b)", 7, "Write field:a,b", ""),
        # Signs
        ("level=error", 5, "A colon belongs behind level", "level:error"),
        ("http_status>=500", 11, "Write “http_status:>=500”", "http_status:>=500"),
        ('level="error"', 5, "A colon belongs behind level", 'level:"error"'),
        ("a user = b", 7, "Write user:", "a user:b"),
        ("http_status > 500", 12, "Write http_status:>", "http_status:>500"),
        ("a > b", 2, "No letter or digit", "a b"),
        ("level!=error", 5, "A colon belongs behind level", "-level:error"),
        ("a && b", 2, "“&&” has no meaning at character 3. Write AND.", "a AND b"),
        ("a || b", 2, "Write OR.", "a OR b"),
        ("!a", 0, "write a minus sign", "-a"),
        ("a ! b", 2, "No letter or digit", "a b"),
        ('"…"', 0, "No letter or digit", ""),
        ("lim*it", 3, "“*” inside a word", "lim*"),
        ("*", 0, "No letter or digit", ""),
        ("a - b", 2, "A minus sign stands alone", "a b"),
        ("-", 0, "A minus sign stands alone", ""),
        ("--verbose", 0, "Two minus signs", '"--verbose"'),
        # Keywords, parentheses, quotation marks
        ("a OR", 2, "Nothing follows OR at character 3.", "a"),
        ("a OR OR b", 2, "Nothing follows OR", "a OR b"),
        ("OR a", 0, 'For the word itself write "OR".', "a"),
        ("NOT", 0, "Nothing follows NOT", ""),
        ("(a OR)", 3, "Nothing follows OR", "(a)"),
        ("()", 0, "Nothing is in the parentheses", ""),
        ("a (", 2, "Nothing follows “(”", "a"),
        ("(a", 0, "There is no “)” for the “(” at character 1.", "(a)"),
        ("a) b", 1, "There is no “(” for the “)” at character 2.", "a b"),
        (")", 0, "There is no “(” for the “)”", ""),
        ('a "b', 2, "There is no end to the quotation mark at character 3.", 'a "b"'),
        ('"a"b', 3, "A blank is missing", '"a" b'),
        ("get(id)", 3, "Put all of it in quotes.", '"get(id)"'),
        ('{"a":1}', 1, "The search box at the top takes pasted JSON.", r'"{\"a\":1}"'),
        # Several mistakes: the first is named, the suggestion has none.
        ("(levl:error OR", 1, "Did you mean level?", "(level:error)"),
        ("a" + " &&" * 40, 2, "Write AND.", ""),
        ("a\x00b", 1, "No entry can hold", "a b"),
        ("\ud800", 0, "No entry can hold", ""),
        ("(" * 21 + "a", 20, "More than 20 parentheses", ""),
        ("a" * (QUERY_LENGTH + 1), QUERY_LENGTH, "at most 256 characters", ""),
    ],
)
def test_a_mistake_has_its_place_and_a_way_out(text: str, position: int, words: str, suggestion: str) -> None:
    with pytest.raises(QueryError) as caught:
        read(text)
    assert (caught.value.position, caught.value.suggestion) == (position, suggestion)
    assert words in caught.value.message


def test_nodes_know_where_they_were_written() -> None:
    tree = read("a level:x,y")
    assert tree is not None
    first, second = leaves(tree)
    assert isinstance(second, Match)
    assert (first.position, second.position, [value.position for value in second.values]) == (0, 2, [8, 10])
    assert [type(leaf) for leaf in leaves(Or((Not(A), LEVEL)))] == [Text, Match]


def test_what_cannot_be_bare_is_quoted_even_when_code_made_it() -> None:
    assert to_text(Text("AND")) == '"AND"'
    assert to_text(match("user", "a b", "*", ">c")) == 'user:"a b","*",">c"'
    assert to_text(match(Path(("error", "errorCode")), "1")) == ".error.errorCode:1"


LETTERS = "aZ09é."
BARE = st.text(LETTERS + "_-/@", min_size=1, max_size=6).filter(lambda text: text[0] not in "-." and text[-1] != ".")
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)


@st.composite
def texts(draw: st.DrawFn) -> Text:
    if draw(st.booleans()):
        return Text(draw(ANY) + "a", phrase=True)
    text = Text("a" + draw(BARE), False, draw(st.booleans()), draw(st.booleans()))
    return text if to_text(text) not in KEYWORDS else A


@st.composite
def values(draw: st.DrawFn) -> Value:
    if draw(st.booleans()):
        return Value(draw(BARE) + draw(st.sampled_from(("", ":", "=", "*", "\\", "'"))))
    return Value(draw(ANY) + "a", quoted=True)


@st.composite
def matches(draw: st.DrawFn) -> Match:
    name: str | Path = draw(st.sampled_from((*FIELDS, "message", "credential", "id")))
    if draw(st.booleans()):
        name = Path(tuple(draw(st.lists(ANY | BARE | st.sampled_from(("error", "errorCode")), min_size=1, max_size=3))))
    operator = draw(st.sampled_from(Operator))
    if operator == Operator.PRESENT:
        return Match(name, operator, ())
    most = 3 if operator == Operator.IS else 1
    return Match(name, operator, tuple(draw(st.lists(values(), min_size=1, max_size=most))))


TREES: st.SearchStrategy[Node] = st.recursive(
    texts() | matches(),
    lambda inner: (
        inner.map(negated)
        | st.lists(inner, min_size=1, max_size=3).map(conjunction)
        | st.lists(inner, min_size=1, max_size=3).map(disjunction)
    ),
    max_leaves=8,
)


@example(And((A, Or((B, C)))))
@example(Not(Or((A, And((B, C))))))
@given(TREES)
def test_a_tree_written_down_reads_back_the_same(tree: Node) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("synclogs.query.language.QUERY_LENGTH", 10_000)
        assert read(to_text(tree)) == tree


PIECES = st.sampled_from(
    ["a", "level", ":", "*", '"', "“", "(", ")", "-", " ", ",", ">", "<", "=", "!", ".", "\\", "OR ", "AND ", "NOT ", "//",
     "since:", "1", "\x1c", "\u2028", "&&"]
)  # fmt: skip


@example("!-a")
@example("-!-a")
@example("!!a")
@example("-OR a")
@given(st.lists(PIECES, max_size=24).map("".join) | st.text(max_size=40))
def test_any_text_is_a_query_or_a_mistake_with_a_suggestion_that_works(text: str) -> None:
    tree, mistake = None, None
    try:
        tree = read(text)
    except QueryError as error:
        mistake = error
    assert tree is None or read(to_text(tree)) == tree
    assert mistake is None or 0 <= mistake.position <= len(text)
    assert mistake is None or not mistake.suggestion or read(mistake.suggestion) is not None
