"""How values look on every page: times, states, numbers, identifiers, icons.

A value in, escaped HTML or text out. Nothing here queries, and no log value reaches a page as markup. The names that templates
use are registered in portal/templatetags/portal.py.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from synclogs import catalogue
from synclogs.catalogue import Level, SyncStatus, Tone
from synclogs.explain import phrases, times
from synclogs.moments import rfc3339
from synclogs.parsing.identifiers import uuid_of

# What a browser would obey or swallow instead of showing: C0 and C1 controls (but tab and line feed), zero-width and
# bidi characters, line separators, interlinear marks, tags, surrogates.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
SHORT_NAMES = {"\x00": "NUL", "\x07": "BEL", "\x08": "BS", "\r": "CR", "\x1b": "ESC", "\x7f": "DEL"}
SHORT_NAMES |= {"\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO"}
SHORT_NAMES |= {"\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI", "\u200e": "LRM", "\u200f": "RLM"}
SHORT_NAMES |= {"\u200b": "ZWSP", "\u200c": "ZWNJ", "\u200d": "ZWJ", "\u2060": "WJ", "\ufeff": "BOM", "\xad": "SHY"}

LEVELS: Mapping[int, tuple[str, Tone, str]] = {
    Level.DEBUG: ("debug", Tone.UNKNOWN, "debug"),
    Level.INFO: ("info", Tone.UNKNOWN, "info"),
    Level.WARNING: ("warning", Tone.WARNING, "warning"),
    Level.ERROR: ("error", Tone.ERROR, "error"),
}
STATUS_ICONS: Mapping[str, str] = {
    SyncStatus.INITIALIZING: "starting",
    SyncStatus.ACTIVE: "active",
    SyncStatus.IDLE: "ok",
    SyncStatus.RATE_LIMITED: "limited",
    SyncStatus.DISABLED: "disabled",
    SyncStatus.ERRORED: "error",
}
TONE_ICONS: Mapping[str, str] = {
    Tone.OK: "ok",
    Tone.ACTIVE: "active",
    Tone.WARNING: "warning",
    Tone.ERROR: "error",
    Tone.PAUSED: "disabled",
    Tone.UNKNOWN: "unknown",
}


@lru_cache(maxsize=256)  # a list draws several a row, always the same few
def icon(name: str, size: str = "") -> SafeString:
    """An icon of static/icons.svg; always decoration, so the words beside it say the same. `size`: s or nothing."""
    css = f"icon icon-{size}" if size else "icon"
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>', css, static("icons.svg"), name
    )


def visible(value: object) -> SafeString | str:
    """The text with control, zero-width and bidi characters as visible marks; everything else as it is."""
    text = str(value)
    if not HIDDEN.search(text):
        return text
    parts: list[tuple[SafeString | str]] = []
    at = 0
    for match in HIDDEN.finditer(text):
        parts += [(text[at : match.start()],), (mark(match.group()),)]
        at = match.end()
    parts.append((text[at:],))
    return format_html_join("", "{}", parts)


def visible_text(value: object) -> str:
    """The same for attributes, where no markup can stand: marks as ⟨RLO⟩."""
    return HIDDEN.sub(lambda match: f"⟨{name_of(match.group())}⟩", str(value))


def name_of(character: str) -> str:
    return SHORT_NAMES.get(character, f"U+{ord(character):04X}")


def mark(character: str) -> SafeString:
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "control character").lower()
    return format_html('<span class="ctl" title="{} {}">{}</span>', code, name, name_of(character))


def stamp_or_nothing(value: datetime | None) -> str:
    """A moment for machines, always in UTC; "" when there is none."""
    return rfc3339(value) if value else ""


def exact(value: datetime) -> str:
    """2026-11-23 14:02:05 UTC: a whole moment where no element can stand, as in a title."""
    return times.exact(value)


def hour(value: datetime) -> str:
    """14:00 UTC"""
    return times.hour(value)


def zone(value: datetime) -> str:
    """The name of the zone shown, at that moment: UTC, CET, CEST, UTC+04:00."""
    return times.zone(value)


@lru_cache(maxsize=16)
def level_badge(level: int) -> SafeString:
    """Level as icon, word and colour."""
    name, tone, picture = LEVELS.get(level, ("other", Tone.UNKNOWN, "unknown"))
    return format_html(
        '<span class="level tone-{}" data-level="{}">{}{}</span>', tone, name, icon(picture), name.capitalize()
    )


@lru_cache(maxsize=256)
def status_badge(status: str, css: str = "") -> SafeString:
    """Status of a sync as icon, word and colour, for browser checks with data-status. `css`: status-large, status-plain."""
    known = catalogue.status(status)
    picture = STATUS_ICONS.get(status, "unknown")
    return format_html(
        '<span class="status tone-{} {}" data-status="{}" title="{}">{}<span>{}</span></span>',
        known.tone,
        css,
        status,
        known.meaning,
        icon(picture),
        visible(known.words),
    )


def tone_icon(tone: str) -> str:
    """The icon's name that goes with a tone."""
    return TONE_ICONS.get(tone, "unknown")


def level_slug(level: int) -> str:
    return LEVELS.get(level, ("other", Tone.UNKNOWN, ""))[0]


def number(value: int | None) -> str:
    """12,345; an unknown number says so."""
    return "not known" if value is None else f"{value:,}"


def compact(value: int) -> str:
    """987, 12.3k, 4.1M: for counts beside a filter."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:.1f}{unit}" if value < 100 * size else f"{value // size}{unit}"
    return str(value)


def at(values: Mapping[str, str], name: str) -> str:
    """The value of a key that is itself a variable; "" when absent."""
    return values.get(name, "")


def lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def duration(milliseconds: int | None) -> str:
    """8.2 s, 1 min 15 s; an unknown duration says so."""
    return phrases.duration_ms(milliseconds) or "not known"


def short_id(value: UUID | str | None) -> str:
    """The first eight characters of a UUID in lower case with its hyphens; any other identifier whole."""
    text = str(value or "")
    return text[:8] if str(uuid_of(text)) == text else text


def event_words(name: str) -> str:
    return catalogue.event(name).words


def status_words(name: str) -> str:
    return catalogue.status(name).words


def integration_words(slug: str) -> str:
    return catalogue.integration_words(slug)


def pipeline_words(slug: str) -> str:
    return catalogue.pipeline_words(slug)


def sync_type_words(name: str) -> str:
    return catalogue.sync_type_words(name)


def counted(count: int, one: str, many: str = "") -> str:
    """1 entry, 2 entries."""
    return phrases.plural(count, one, many)
