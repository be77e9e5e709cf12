"""A question to the log is read once, and rows, numbers, rail, chart, live tail and export take what was read."""

import sys
from types import FrameType
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from portal.links.question import Question
from synclogs.models import Role
from synclogs.query import language, tree
from synclogs.query.filters import FilterError, LogFilter
from synclogs.reading import tail
from tests.factories import ProjectFactory, entry, error_entry, member, store


def question(text: str) -> Question:
    return Question.read(QueryDict(text).lists(), now=timezone.now())


def test_it_has_what_the_page_needs_of_an_address() -> None:
    found = question("level=error&level=error&q=+a+b&since=7d&view=3&columns=user&before=x&since=7d")
    assert found.given == (
        ("level", "error"), ("q", " a b"), ("since", "7d"), ("view", "3"), ("columns", "user"),
    )  # fmt: skip
    assert found.page == (("view", "3"), ("columns", "user"))
    assert (found.before, found.after, found.at, found.is_newest) == ("x", "", "", False)
    assert found.log_filter is found.readable
    assert found.log_filter is not None
    assert (found.query.text, found.query.tree) == ("a b", found.log_filter.tree)
    assert found.canonical == (("level", "error"), ("q", "a b"), ("since", "7d"), *found.page)
    assert found.with_page(()) == found.canonical[:3]


def test_an_address_that_cannot_be_read_is_a_question_too() -> None:
    found = question("level=bogus&q=level:errr&colour=red")
    assert found.log_filter is None
    assert set(found.errors) == {"level", "q", "colour"}
    assert found.query.mistake is not None
    assert found.query.tree == tree.Match("level", tree.Operator.IS, (tree.Value("errr"),))
    assert found.canonical == found.given
    with pytest.raises(FilterError) as raised:
        _ = found.readable
    assert raised.value.errors == found.errors


@pytest.fixture
def signed_in(client: Client, db: None) -> Client:
    project = ProjectFactory(slug="demo")
    store(project, entry(), error_entry(message="token expired"))
    client.force_login(member(project, Role.OPERATOR))
    return client


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("logs", "level=error&q=token", 200),
        ("logs", "level=error&q=level:errr", 400),
        ("logs", "q=(token", 400),
        ("logs", "level=bogus&q=token", 400),
        ("logs/facets", "level=error&q=token", 200),
        ("logs/tail", "level=error&q=token&after={}", 200),
        ("logs/export", "level=error&q=token", 200),
        ("logs/export", "level=error&q=token&format=ndjson", 200),
    ],
)
def test_an_address_is_read_once(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch, path: str, query: str, status: int
) -> None:
    calls: list[str] = []

    def counted(owner: Any, name: str) -> None:
        plain = getattr(owner, name)

        def call(*given: Any, **named: Any) -> Any:
            calls.append(f"{owner.__name__}.{name}")
            return plain(*given, **named)

        monkeypatch.setattr(owner, name, call)

    for owner, name in ((Question, "read"), (LogFilter, "parse"), (language, "parse")):
        counted(owner, name)
    response = signed_in.get(f"/p/demo/{path}?{query.format(tail.start(now=timezone.now()))}")
    response.close()
    # The tail asks again over a short overlap: what was stored just before may be new to it, or not.
    assert response.status_code in ({200, 204} if path == "logs/tail" else {status})
    assert calls == ["Question.read", "LogFilter.parse", "synclogs.query.language.parse"]


def test_the_page_goes_to_each_module_once(signed_in: Client) -> None:
    """The walk from the query string to the page, as the view takes it: at most eight modules, and back to none."""
    walk: list[str] = []

    def profile(frame: FrameType, event: str, _: Any) -> None:
        above = frame.f_back
        module = frame.f_globals.get("__name__", "")
        if event != "call" or above is None or above.f_globals.get("__name__") != "portal.views.logs":
            return
        if module.startswith(("portal.", "synclogs.")) and module != "portal.views.logs" and walk[-1:] != [module]:
            walk.append(module)

    signed_in.get("/p/demo/logs")  # what is made once, such as the patterns of addresses, is no part of it
    sys.setprofile(profile)
    try:
        assert signed_in.get("/p/demo/logs?level=error&q=token&since=7d&columns=user").status_code == 200
    finally:
        sys.setprofile(None)
    assert walk[:2] == ["portal.links.question", "portal.log.listing"]
    assert len(walk) == len(set(walk)) <= 8, walk
