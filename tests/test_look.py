"""Styles and icons: contrast in both themes, nothing inline, nothing from other hosts; and formatting of values."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template import Context, Template

from portal.drawing import values
from portal.log import entry_detail, filter_rail
from synclogs.catalogue import Level
from synclogs.models import Facet, LogEntry
from synclogs.reading.counting import Values
from synclogs.reading.facet_values import Seen

STATIC = Path(settings.BASE_DIR) / "static"
TEMPLATES = Path(settings.BASE_DIR) / "templates"
TOKEN = re.compile(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
GROUNDS = ("bg", "surface", "surface-2", "raised")
TONES = ("ok", "warn", "error", "info", "idle")
NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def pairs() -> Iterator[tuple[str, str, float]]:
    for ground in GROUNDS:
        yield from ((text, ground, 4.5) for text in ("text", "text-2", "text-3", "accent"))
        yield ("ring", ground, 3.0)
    yield ("text-2", "surface-3", 4.5)
    yield ("on-accent", "accent", 4.5)
    yield ("on-accent", "accent-hover", 4.5)
    yield ("control", "surface", 3.0)
    for tone in TONES:
        yield (tone, f"{tone}-bg", 4.5)
        yield (tone, "surface", 4.5)
        yield ("text-2", f"{tone}-bg", 4.5)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_is_readable_on_every_ground_it_stands_on(theme: int) -> None:
    tokens = {name: (light, dark)[theme] for name, light, dark in TOKEN.findall((STATIC / "portal.css").read_text())}
    weak = {
        f"{text} on {ground}": round(contrast(tokens[text], tokens[ground]), 2)
        for text, ground, least in pairs()
        if contrast(tokens[text], tokens[ground]) < least
    }
    assert weak == {}


def our_templates() -> list[Path]:
    return [path for path in TEMPLATES.rglob("*.html") if not {"admin", "unfold"} & set(path.parts)]


def test_templates_have_no_inline_style_script_or_handler() -> None:
    inline = re.compile(
        r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|hx-on|javascript:|\|safe\b|autoescape off", re.I
    )
    assert {
        path.name: inline.findall(path.read_text()) for path in our_templates() if inline.search(path.read_text())
    } == {}


def test_nothing_is_fetched_from_another_host() -> None:
    address = re.compile(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", re.I)
    files = [*our_templates(), *STATIC.glob("*.css"), *STATIC.glob("js/*.js"), *STATIC.glob("*.svg")]
    found = {path.name: address.findall(path.read_text()) for path in files}
    found = {name: [item for item in items if "www.w3.org" not in item] for name, items in found.items()}
    assert {name: items for name, items in found.items() if items} == {}


def test_every_icon_that_is_asked_for_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="([a-z-]+)"', (STATIC / "icons.svg").read_text()))
    asked = {name for path in our_templates() for name in re.findall(r'{% icon "([a-z-]+)"', path.read_text())}
    pictures = {
        *values.STATUS_ICONS.values(),
        *values.TONE_ICONS.values(),
        *(picture for *_, picture in values.LEVELS.values()),
    }
    assert (asked | pictures) - drawn == set()


@pytest.mark.parametrize("name", ["500.html", "503.html", "400.html"])
def test_error_pages_need_neither_database_nor_context(name: str) -> None:
    html = Template((TEMPLATES / name).read_text()).render(Context())
    assert html.count("<h1") == html.count("<main") == 1


def test_characters_that_would_be_obeyed_are_marked_and_markup_is_escaped() -> None:
    shown = values.visible("a\u202eb\x1b<i>\x07\u200b\U000e0041\n\t")
    assert not values.HIDDEN.search(shown)
    assert "&lt;i&gt;" in shown
    for name in ("RLO", "ESC", "BEL", "ZWSP", "U+E0041"):
        assert f">{name}</span>" in shown
    assert values.visible("plain <i>") == "plain <i>"  # as text, so that the template escapes it
    assert values.visible(shown) == shown
    assert values.visible_text("a\u202eb\x00") == "a⟨RLO⟩b⟨NUL⟩"


@pytest.mark.parametrize(
    ("form", "text", "title"),
    [
        ("", "13:54 UTC, 5 minutes ago", "2026-11-23 13:54:05 UTC"),
        ("ago", "5 minutes ago", "2026-11-23 13:54:05 UTC"),
        ("clock", "13:54 UTC", "2026-11-23 13:54:05 UTC, 5 minutes ago"),
        ("full", "2026-11-23 13:54:05.250 UTC, 5 minutes ago", "2026-11-23 13:54:05 UTC"),
    ],
)
def test_times_are_relative_and_absolute_and_name_the_zone(form: str, text: str, title: str) -> None:
    moment = datetime(2026, 11, 23, 13, 54, 5, 250000, tzinfo=UTC)
    html = Template("{% load portal %}{% when moment form %}").render(
        Context({"moment": moment, "form": form, "now": NOW})
    )
    assert html == f'<time datetime="2026-11-23T13:54:05.250000Z" title="{title}">{text}</time>'


def test_numbers_durations_and_identifiers() -> None:
    assert [values.number(12345), values.number(None)] == ["12,345", "not known"]
    assert [values.duration(8210), values.duration(None)] == ["8.2 s", "not known"]
    assert [values.compact(value) for value in (987, 1234, 150_000, 4_100_000)] == ["987", "1.2k", "150k", "4.1M"]
    assert values.short_id("5d0a7c1e-8f42-5b6d-9a13-2c7e40b1f8d9") == "5d0a7c1e"
    assert values.short_id("acct_4471_with_a_long_name") == "acct_4471_with_a_long_name"


def test_states_never_stand_by_colour_alone() -> None:
    for badge in (
        values.status_badge("ERRORED"),
        values.status_badge("SOMETHING_NEW"),
        values.level_badge(Level.ERROR),
    ):
        assert "<svg" in badge
        assert re.search(r">[A-Z][a-z ,]+<", badge)
    assert 'data-status="SOMETHING_NEW"' in values.status_badge("SOMETHING_NEW")


def test_a_navigation_outside_a_project_is_empty() -> None:
    assert Template("{% load portal %}{% main_navigation as pages %}{{ pages|length }}").render(Context()) == "0"


# The line and the context of an entry


def made(**values: Any) -> LogEntry:
    usual: dict[str, Any] = {
        "type": "managed_sync",
        "event": "INCREMENTAL_SYNC_COMPLETED",
        "level": Level.INFO,
        "occurred_at": NOW - timedelta(minutes=5),
    }
    return LogEntry(**{**usual, **values})


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"detail": {"summary": {"created": 4, "updated": 11}}}, "4 created, 11 updated"),
        ({"message": "Incremental sync completed"}, ""),
        ({"message": "Looked at 3 folders"}, "Looked at 3 folders"),
        (
            {
                "event": "SYNC_RUN_RATE_LIMITED",
                "level": Level.WARNING,
                "http_status": 429,
                "message": "Credits used up",
            },
            "Credits used up (HTTP 429)",
        ),
        ({"event": "SYNC_RUN_RATE_LIMITED", "level": Level.WARNING, "http_status": 429}, "HTTP 429"),
        ({"type": "workflow", "event": "", "message": "Step finished"}, "Step finished"),
    ],
)
def test_a_line_says_what_its_event_does_not(values: dict[str, Any], text: str) -> None:
    assert entry_detail.message_cell(made(**values)) == text


@pytest.mark.parametrize("nested", [False, True])
def test_retries_are_spelled_out_wherever_they_sit(nested: bool) -> None:
    told = {"attempt": 2, "maxAttempts": 5, "backoffMs": 30000, "nextRetryAt": "2026-11-23T14:00:30Z"}
    error = {"retry": told} if nested else told
    assert entry_detail.retries(error, now=NOW) == (
        ("Attempt", "2 of 5"),
        ("Pause", "30 s"),
        ("Next attempt", "14:00 UTC, in 30 seconds"),
    )


@pytest.mark.parametrize(
    "error", [None, "text", {"attempt": "two", "backoffMs": True, "nextRetryAt": "soon"}, {"retry": 1}]
)
def test_retries_that_cannot_be_read_stay_in_the_raw_part(error: object) -> None:
    assert entry_detail.retries(error, now=NOW) == ()


def test_what_is_spelled_out_is_not_repeated_raw_and_all_else_is() -> None:
    context = {
        "syncId": "x",
        "summary": {"created": 1, "durationMs": "long", "extra": 1},
        "error": {"errorCode": "E", "message": {"odd": 1}, "attempt": 2, "maxAttempts": "5"},
        "region": "eu",
    }
    assert entry_detail.rest(context) == {
        "region": "eu",
        "summary": {"durationMs": "long", "extra": 1},
        "error": {"message": {"odd": 1}, "maxAttempts": "5"},
    }
    assert entry_detail.rest({"error": "just text"}) == {"error": "just text"}


# The filter rail


def test_a_filter_offers_what_was_seen_what_is_known_and_what_is_chosen() -> None:
    seen = Seen({Facet.INTEGRATION: {f"i{number}": 100 - number for number in range(30)}}, {Level.ERROR: 7})
    integration = filter_rail.group(
        "integration", (("integration", "mine"), ("-integration", "i3")), seen=seen, errors={}
    )
    assert [(option.value, option.included, option.excluded) for option in integration.options[:2]] == [
        ("mine", True, False),
        ("i3", False, True),
    ]
    assert integration.used == 2
    assert len(integration.options) == filter_rail.SHOWN
    assert not integration.is_uncounted  # nothing was counted, so nothing is said about counts
    counted = {"level": Values({"40": 7}), "event": None}
    assert filter_rail.group("event", (), seen=seen, errors={}, counted=counted).is_uncounted
    level = filter_rail.group("level", (("level", "WARN"),), seen=seen, errors={}, counted=counted)
    assert [(option.value, option.count, option.included) for option in level.options] == [
        ("error", 7, False),
        ("warning", 0, True),
        ("info", 0, False),
        ("debug", 0, False),
    ]
    assert filter_rail.group("type", (), seen=Seen({}, {}), errors={}).options[0].words == "Managed Sync"
