"""Query strings: links that change one parameter, and filters as words."""

from datetime import UTC, datetime

import pytest
from django.http import QueryDict

from portal.links import querystring
from portal.links.querystring import add, link, opposite, pairs, remove, replace
from synclogs.query.filters import LogFilter

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
QUERY = (("level", "error"), ("level", "warning"), ("-integration", "box"), ("user", "a&b=c ü"))


def parsed(text: str) -> LogFilter:
    return LogFilter.parse(QueryDict(text).lists(), now=NOW, besides=querystring.CURSORS)


def test_pairs_keep_repeated_keys_and_drop_blanks_repeats_and_the_cursor() -> None:
    given = QueryDict("level=error&level=warning&level=error&user=&user=+&before=1-2&after=3-4&-user=x")
    assert pairs(given.lists()) == (("level", "error"), ("level", "warning"), ("-user", "x"))


def test_link_encodes_what_has_to_be_and_reads_back_the_same() -> None:
    assert link(()) == "?"
    assert pairs(QueryDict(link(QUERY)[1:]).lists()) == QUERY


def test_add_keeps_the_rest_and_never_repeats_a_value() -> None:
    assert add(QUERY, "level", "info") == (*QUERY, ("level", "info"))
    assert add(QUERY, "level", "error").count(("level", "error")) == 1


def test_add_takes_the_same_value_out_of_the_opposite() -> None:
    assert ("-integration", "box") not in add(QUERY, "integration", "box")
    assert ("level", "error") not in add(QUERY, "-level", "error")
    assert opposite("level") == "-level"
    assert opposite("-level") == "level"


def test_remove_takes_one_value_or_all() -> None:
    assert remove(QUERY, "level", "error") == QUERY[1:]
    assert remove(QUERY, "level") == QUERY[2:]
    assert remove(QUERY, "nothing") == QUERY


def test_replace_leaves_exactly_these_values() -> None:
    assert replace(QUERY, "level", "info") == (*QUERY[2:], ("level", "info"))
    assert replace(QUERY, "level") == QUERY[2:]


def test_chips_say_the_filter_in_words_and_each_link_takes_one_value_away() -> None:
    level, integration, time = querystring.chips(parsed("level=error&level=warn&-integration=googledrive&since=7d"))
    assert (level.label, level.verb, [value.words for value in level.values]) == ("Level", "is", ["Error", "Warning"])
    assert level.values[0].without == "?level=warn&-integration=googledrive&since=7d"
    assert (integration.verb, integration.negated, integration.values[0].words) == ("is not", True, "Google Drive")
    assert integration.values[0].without == "?level=error&level=warn&since=7d"
    assert time.values[0].words == "Last 7 days"
    assert time.values[0].without == "?level=error&level=warn&-integration=googledrive"


def test_the_default_range_is_no_chip() -> None:
    assert querystring.chips(parsed("")) == []


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("24h", "", "Last 24 hours"),
        ("2026-11-23T14:00Z", "", "Since 2026-11-23 14:00 UTC"),
        ("2026-11-23 14:00", "", "Since 2026-11-23 14:00 UTC"),
        ("7d", "2026-11-23T14:00:05Z", "From 7 days ago until 2026-11-23 14:00:05 UTC"),
        ("2026-11-23T14:00+02:00", "1h", "From 2026-11-23 12:00 UTC until 1 hour ago"),
    ],
)
def test_ranges_in_words_always_name_the_zone(since: str, until: str, words: str) -> None:
    assert querystring.range_words(since, until) == words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("type", "managed_sync", "Managed Sync"),
        ("event", "SYNC_RUN_ERROR", "Sync stopped with an error"),
        ("category", "warning", "Warning and retry"),
        ("category", "unheard", "unheard"),
        ("integration", "custom.acme", "acme (custom)"),
        ("recoverability", "NON_RECOVERABLE", "Non recoverable"),
        ("user", "acct_1", "acct_1"),
        ("http_status", "401", "401"),
    ],
)
def test_values_in_words(name: str, value: str, words: str) -> None:
    assert querystring.value_words(name, value) == words


def test_wrong_parameters_have_a_link_that_takes_them_away() -> None:
    query = (("level", "loud"), ("colour", "red"), ("user", "a"))
    level, colour = querystring.wrong(query, {"level": "…", "colour": "…"})
    assert (level.label, level.values[0].words, level.values[0].without) == ("Level", "loud", "?colour=red&user=a")
    assert (colour.label, colour.values[0].without) == ("colour", "?level=loud&user=a")
    assert [querystring.label_of(name) for name in ("-level", "q", "since", "until")] == [
        "Level",
        "Query",
        "From",
        "Until",
    ]
