"""Query suggestions: every offer makes a valid query; every error has its position and a correction."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.links.querystring import chips
from portal.links.question import Question
from portal.querybox import completion, reference
from portal.querybox.query_box import ask_of
from portal.views.suggest import MOST_MIXED, Suggestion, suggestions
from synclogs.models import ConnectedUser, Project
from synclogs.query.fields import FIELDS
from synclogs.query.filters import LogFilter, parse_query
from synclogs.query.language import QUERY_LENGTH
from synclogs.query.tree import OWN_FIELDS
from synclogs.reading.paging import page
from tests.factories import ProjectFactory, entry, error_entry, member, store, sync_id

ODD_USERS = ('O"Neil, (a) b', "ends*", ">5", "-x", "back\\slash", "AND", "größe:1")


@pytest.fixture
def project(db: None) -> Project:
    project = ProjectFactory(slug="demo")
    store(
        project,
        error_entry(userId="acct_1", integration="jira"),
        entry(integration="custom.a b,c", userId="acct_2", syncId=sync_id(2)),
        *(entry(userId=name) for name in ODD_USERS),
        entry(userId="rtl\u202e"),
    )
    ConnectedUser.objects.filter(project=project, user_id="acct_2").update(name="Ana Weber", email="ana@example.com")
    return project


def offered(project: Project, text: str, at: int | None = None) -> list[Suggestion]:
    return suggestions(text, len(text) if at is None else at, project=project, now=timezone.now())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("|", (0, 0, "", None)),
        ("lev|", (0, 3, "lev", None)),
        ("a -lev|el:error", (3, 9, "lev", None)),
        ("(a OR st|", (6, 8, "st", None)),
        ("level:|", (6, 6, "", "level")),
        ("-level:err|or b", (7, 12, "err", "level")),
        ("level:error,wa|", (12, 14, "wa", "level")),
        ("http_status:>=5|", (14, 15, "5", "http_status")),
        ('user:"a, b|", c', (5, 11, "a, b", "user")),
        ('user:"a b",c| d', (11, 12, "c", "user")),
        ('user:"a \\"b|', (5, 11, 'a \\"b', "user")),
        ("user:>b|", (5, 7, ">b", "user")),
        ("user:“a b|” c", (5, 10, "a b", "user")),
        ("summary.created:1|", (16, 17, "1", "")),
        (".level:|", (7, 7, "", "")),
        ('"a phrase|', None),
        ('"a phrase"|', None),
        ('"a\\" b" le|', (8, 10, "le", None)),
    ],
)
def test_where_the_cursor_stands(text: str, found: tuple[object, ...] | None) -> None:
    at = text.index("|")
    spot = completion.spot(text.replace("|", ""), at)
    assert (spot and (spot.start, spot.end, spot.prefix, spot.field)) == found


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("", ["level:", "status:", "event:"]),
        ("lev", ["level:"]),
        ("customer jir", ["integration:jira"]),
        ("http", ["http_status:"]),
        ("summary.cr", ["summary.created:"]),
        ("level:", [">=warning", "error", "warning"]),
        ("level:error,w", ["warning"]),
        ("category:li", ["lifecycle"]),
        ("status:stop", ["ERRORED"]),
        ("integration:", ['"custom.a b,c"']),
        ("http_status:", [">=500", ">=400", "401"]),
        ("user:ana", ["acct_2"]),
        ('user:"O', ['"O\\"Neil, (a) b"']),
        (f"sync:{sync_id(2)[:6]}", [sync_id(2)]),
        ("trace:", ["*"]),
        ("sync:xyz", []),
        ("summary.created:", ["*"]),
        ("user:\x00", []),
        ('"phrase', []),
        ("x" * QUERY_LENGTH + "y", []),
    ],
)
def test_what_is_offered(project: Project, text: str, first: list[str]) -> None:
    parts = [suggestion.part for suggestion in offered(project, text)]
    if text == "integration:":
        assert set(first) <= set(parts)
    else:
        assert parts[: len(first)] == first
        assert first or not parts


def test_every_suggestion_makes_a_query_that_runs(project: Project) -> None:
    now = timezone.now()
    seen: set[str] = set()
    texts = ["|", "a|", "ac|", "er|", "a (b OR |) c", "-|", 'x "y z" |', "jir|", "user:acct_1,|", "level:error,w|"]
    texts += [f"{name}:{prefix}|" for name in (*FIELDS, *OWN_FIELDS) for prefix in ("", "e")]
    texts += ["level:>=|", "http_status:>4|", "le|vel:error", 'a user:"|" b', 'user:"a|cct"', "(user:|)"]
    texts += [f"user:{prefix}|" for prefix in ("O", '"', "-", ">", "b", "A", "g", "*", '"O\\"')]
    for text in texts:
        at = text.index("|")
        for made in suggestions(text.replace("|", "", 1), at, project=project, now=now):
            assert made.query[: made.at].endswith(made.part)
            is_bare = made.kind == "field" and made.query[made.at : made.at + 1].strip(")") in ("", " ")
            query = f"{made.query[: made.at]}*{made.query[made.at :]}" if is_bare else made.query
            page(LogFilter.parse([("q", [query])], now=now), project, size=1)
            seen.add(made.part)
    assert {"user:", "acct_1", "level:error", ">=500", "*"} <= seen


def test_odd_values_are_quoted_so_that_they_are_found(project: Project) -> None:
    found = {made.words or made.part: made for made in offered(project, "user:")}
    assert not any("\u202e" in made.part for made in found.values())
    for made in found.values():
        if made.part == "*":
            continue
        rows = page(LogFilter.parse([("q", [made.query])], now=timezone.now()), project, size=9).rows
        assert len(rows) == 1
    assert len(found) == len(ODD_USERS) + 3


def test_a_suggestion_never_makes_a_query_too_long(project: Project) -> None:
    text = "a" * (QUERY_LENGTH - 5) + " lev"
    assert offered(project, text) == []


def test_the_address_answers_with_json_and_takes_any_cursor(client: Client, project: Project) -> None:
    client.force_login(member(project))
    for at in ("5", "", "-1", "x", "9" * 99, "²"):
        response = client.get("/p/demo/logs/suggest", {"q": "level:e", "at": at})
        assert response.status_code == 200
        assert response["Cache-Control"] == "private, no-store"
        assert response.json()["suggestions"]
    assert {"part": "error", "query": "level:error", "at": 11}.items() <= client.get(
        "/p/demo/logs/suggest", {"q": "level:e"}
    ).json()["suggestions"][0].items()


def test_a_slow_database_offers_the_rest(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.views.suggest.SECONDS", 0)
    assert [made.part for made in offered(project, "user:")] == ["*"]
    assert [made.part for made in offered(project, "sync:")] == ["*"]
    assert "integration:jira" in [made.part for made in offered(project, "ji")]


def test_beside_fields_only_a_few_values_are_offered(project: Project) -> None:
    store(
        project, *(entry(pipeline=f"sync_{name}", integration=f"sync_{name}", userId=f"sync_{name}") for name in "abc")
    )
    parts = [made.part for made in offered(project, "sync")]
    assert len([part for part in parts if not part.endswith(":")]) == MOST_MIXED


def test_another_project_is_never_offered(project: Project) -> None:
    other = ProjectFactory()
    assert [made.part for made in offered(other, "user:")] == ["*"]
    assert offered(other, f"sync:{sync_id(2)[:6]}") == []
    assert offered(other, "integration:j") == []


# The box itself


def test_the_box_keeps_the_query_as_part_of_the_filter_form(client: Client, project: Project) -> None:
    client.force_login(member(project))
    page = client.get("/p/demo/logs", {"q": '"a <b>" -x', "level": "error"}).content.decode()
    assert 'name="q" form="filters" value="&quot;a &lt;b&gt;&quot; -x"' in page
    assert 'aria-invalid="true"' not in page.partition('id="ask-q"')[2].partition(">")[0]


def question(*parameters: tuple[str, list[str]]) -> Question:
    return Question.read(parameters, now=timezone.now())


@pytest.mark.parametrize(
    ("query", "parts", "suggestion"),
    [
        ("a levl:error b", ("a ", "levl", ":error b"), "a level:error b"),
        ("level:eror", ("level:", "eror", ""), "level:error"),
        ('level:info,"eror" a', ("level:info,", '"eror"', " a"), "level:info,error a"),
        ("user:>5", ("user:>", "5", ""), ""),
        ("level:-error", ("level:", "-error", ""), ""),
        ("-http_status:4xx a", ("-http_status:", "4xx", " a"), "-(http_status:>=400 http_status:<500) a"),
        ("http_status:5XX", ("http_status:", "5XX", ""), "(http_status:>=500)"),
        ("a OR", ("a ", "OR", ""), "a"),
        ("level:", ("level:", "", ""), ""),
        ("a" * 90 + " level:x " + "b" * 90, ("…" + "a" * 53 + " level:", "x", " " + "b" * 59 + "…"), ""),
    ],
)
def test_a_mistake_is_shown_where_it_is(query: str, parts: tuple[str, str, str], suggestion: str) -> None:
    mistake = ask_of(question(("q", [query]))).mistake
    assert mistake is not None
    assert (mistake.before, mistake.wrong, mistake.after) == parts
    assert mistake.suggestion == suggestion
    assert not suggestion or parse_query(suggestion) is not None


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("level:error or level:warning", "level:error OR level:warning"),
        ("a and not b", "a AND NOT b"),
        ("a or", ""),
        ('"a or b" OR c', ""),
        ("a OR", ""),
        ("", ""),
    ],
)
def test_keywords_in_small_letters_are_words_but_capitals_are_offered(query: str, meant: str) -> None:
    assert ask_of(question(("q", [query]))).meant == meant


def test_a_list_without_a_match_offers_the_capitals(client: Client, project: Project) -> None:
    client.force_login(member(project))
    body = client.get("/p/demo/logs", {"q": "level:error or level:warning"}).content.decode()
    assert 'href="?q=level%3Aerror+OR+level%3Awarning"' in body


def test_what_is_not_the_querys_own_mistake_has_no_place() -> None:
    ask = ask_of(question(("q", ["a", "b"]), ("level", ["x"])))
    assert ask.sentence == "Give one query, not several."
    assert ask.mistake is None
    assert not ask.is_alone


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true", "HX-Target": "logs"}])
def test_a_wrong_query_is_a_400_at_the_box_with_a_link_that_works(
    client: Client, project: Project, headers: dict[str, str]
) -> None:
    client.force_login(member(project))
    response = client.get("/p/demo/logs", {"q": "levl:error", "since": "7d"}, headers=headers)
    body = response.content.decode()
    assert response.status_code == 400
    assert "There is no field “levl” at character 1. Did you mean level?" in body
    assert "<mark>levl</mark>" in body
    assert 'href="?since=7d&amp;q=level%3Aerror"' in body
    assert ('id="filter-error-q" hx-swap-oob="true"' in body) is bool(headers)


def test_the_query_is_one_chip_with_a_link_that_takes_it_away() -> None:
    log_filter = LogFilter.parse([("q", ["a b"]), ("level", ["error"])], now=timezone.now())
    chip = chips(log_filter)[-1]
    assert (chip.label, chip.values[0].words, chip.values[0].without) == ("Query", "a b", "?level=error")


# What the help page teaches


@pytest.mark.parametrize("example", reference.EXAMPLES, ids=lambda example: example.query)
def test_every_example_of_the_help_page_runs(project: Project, example: reference.Example) -> None:
    assert parse_query(example.query) is not None
    page(LogFilter.parse([("q", [example.query])], now=timezone.now()), project, size=1)


def test_the_tables_of_the_help_page_name_every_field_and_comparison() -> None:
    assert {field.name for field in reference.FIELD_WORDS} == {*FIELDS, *OWN_FIELDS}
    for name, comparisons in reference.COMPARISONS.items():
        for part, _ in comparisons:
            assert parse_query(f"{name}:{part}") is not None


def test_the_help_page_links_each_example_to_the_list(client: Client, project: Project) -> None:
    client.force_login(member(project))
    response: Any = client.get("/p/demo/help")
    body = response.content.decode()
    assert 'id="queries"' in body
    assert 'href="/p/demo/logs?q=level%3Aerror%2Cwarning"' in body
    assert body.count("/p/demo/logs?q=") == len(reference.EXAMPLES)


def test_seen_values_are_those_of_a_week(project: Project) -> None:
    assert offered(project, "integration:jira")
    assert suggestions("integration:jira", 16, project=project, now=timezone.now() + timedelta(days=30)) == []
