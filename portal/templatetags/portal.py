"""How values look in every template: times, states, numbers, identifiers, icons.

A value comes in, escaped HTML or text comes out. Nothing here queries, and no log value reaches a page as markup.
"""

import re
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal import paths
from portal.payload import HIDDEN
from portal.querystring import label_of
from synclogs import catalogue
from synclogs.catalogue import Level, SyncStatus, Tone
from synclogs.explain import phrases, times

register = template.Library()
register.filter("parameter_words", label_of)

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

# URL name, words, the letter after "g", and the other URL names that belong to the page.
PAGES = (
    ("overview", "Overview", "o", ()),
    ("logs", "Logs", "l", ("log", "export")),
    ("syncs", "Syncs", "s", ("sync", "trace", "traces")),
    ("users", "Users", "u", ("user",)),
    ("integrations", "Integrations", "i", ("integration",)),
    ("reenables", "Re-enables", "r", ("attempt", "sleepers", "wake", "bulk", "bulks", "bulk-new")),
    ("errors", "Errors", "e", ("error",)),
)


@dataclass(frozen=True, slots=True)
class Page:
    url: str
    words: str
    key: str
    current: bool


@register.simple_tag(takes_context=True)
def main_navigation(context: template.Context) -> list[Page]:
    """The pages of the project in view, the current one marked; pages that are not built yet are left out."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    here = match.url_name if match else ""
    return [
        Page(url, words, key, here == name or here in family)
        for name, words, key, family in PAGES
        if (url := page_url(context, name))
    ]


@register.simple_tag(takes_context=True)
def page_url(context: template.Context, name: str, *args: object) -> str:
    """The address of a page of the project in view; "" when there is no such page."""
    project = context.get("project")
    if project is None:
        return ""
    try:
        if not args:
            return paths.page(name, project.slug)
        if name in paths.LISTS:
            return paths.thing(project.slug, name, str(args[0]))
        return reverse(name, args=(project.slug, *args))
    except NoReverseMatch:
        return ""


@register.simple_tag
@lru_cache(maxsize=256)  # a list draws several a row, always the same few
def icon(name: str, size: str = "") -> SafeString:
    """An icon of static/icons.svg; always decoration, so the words beside it say the same. `size`: s, l or nothing."""
    css = f"icon icon-{size}" if size else "icon"
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>', css, static("icons.svg"), name
    )


@register.filter
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


@register.filter
def visible_text(value: object) -> str:
    """The same for attributes, where no markup can stand: marks as ⟨RLO⟩."""
    return HIDDEN.sub(lambda match: f"⟨{name_of(match.group())}⟩", str(value))


def name_of(character: str) -> str:
    return SHORT_NAMES.get(character, f"U+{ord(character):04X}")


def mark(character: str) -> SafeString:
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "control character").lower()
    return format_html('<span class="ctl" title="{} {}">{}</span>', code, name, name_of(character))


def moment(context: template.Context) -> datetime:
    now = context.get("now")
    return now if isinstance(now, datetime) else timezone.now()


def stamp(value: datetime) -> str:
    """2026-11-23T14:03:21.123456Z; the fraction only where there is one."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


@register.simple_tag(takes_context=True)
def stamp_of_now(context: template.Context) -> str:
    """The moment that this page calls now, for the script that keeps "6 minutes ago" right."""
    return stamp(moment(context))


@register.filter("stamp")
def stamp_or_nothing(value: datetime | None) -> str:
    """A moment for machines, always in UTC; "" when there is none."""
    return stamp(value) if value else ""


@register.filter
def exact(value: datetime) -> str:
    """2026-11-23 14:02:05 UTC: a whole moment where no element can stand, as in a title."""
    return times.exact(value)


@register.filter
def hour(value: datetime) -> str:
    """14:00 UTC"""
    return times.hour(value)


@register.filter
def zone(value: datetime) -> str:
    """The name of the zone shown, at that moment: UTC, CET, CEST, UTC+04:00."""
    return times.zone(value)


@register.simple_tag(takes_context=True)
def when(context: template.Context, value: datetime | None, form: str = "") -> SafeString | str:
    """A time with its zone. Forms: "" = 14:02 UTC, 6 minutes ago; "ago"; "clock"; "full" = to the millisecond."""
    if value is None:
        return format_html('<span class="faint">{}</span>', "not known")
    now = moment(context)
    exact = times.exact(value)
    if form == "ago":
        text = phrases.ago(value, now)
    elif form == "clock":
        text = phrases.clock(value, now=now)
    elif form == "full":
        text = f"{times.exact(value, is_fine=True)}, {phrases.ago(value, now)}"
    else:
        text = phrases.moment_words(value, now=now)
    title = exact if form != "clock" else f"{exact}, {phrases.ago(value, now)}"
    return format_html('<time datetime="{}" title="{}">{}</time>', stamp(value), title, text)


@register.simple_tag
@lru_cache(maxsize=16)
def level_badge(level: int) -> SafeString:
    """Level as icon, word and colour."""
    name, tone, picture = LEVELS.get(level, ("other", Tone.UNKNOWN, "unknown"))
    return format_html(
        '<span class="level tone-{}" data-level="{}">{}{}</span>', tone, name, icon(picture), name.capitalize()
    )


@register.simple_tag
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


@register.filter
def tone_icon(tone: str) -> str:
    """The icon's name that goes with a tone."""
    return TONE_ICONS.get(tone, "unknown")


@register.filter
def level_slug(level: int) -> str:
    return LEVELS.get(level, ("other", Tone.UNKNOWN, ""))[0]


@register.filter
def number(value: int | None) -> str:
    """12,345; an unknown number says so."""
    return "not known" if value is None else f"{value:,}"


@register.filter
def compact(value: int) -> str:
    """987, 12.3k, 4.1M: for counts beside a filter."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:.1f}{unit}" if value < 100 * size else f"{value // size}{unit}"
    return str(value)


@register.filter
def at(values: Mapping[str, str], name: str) -> str:
    """The value of a key that is itself a variable; "" when absent."""
    return values.get(name, "")


@register.filter
def lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


@register.filter
def duration(milliseconds: int | None) -> str:
    """8.2 s, 1 min 15 s; an unknown duration says so."""
    return phrases.duration_ms(milliseconds) or "not known"


@register.filter
def short_id(value: uuid.UUID | str | None) -> str:
    """The first eight characters of a UUID; any other identifier whole."""
    text = str(value or "")
    return (
        text[:8]
        if isinstance(value, uuid.UUID) or re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)
        else text
    )


@register.filter
def event_words(name: str) -> str:
    return catalogue.event(name).words


@register.filter
def status_words(name: str) -> str:
    return catalogue.status(name).words


@register.filter
def integration_words(slug: str) -> str:
    return catalogue.integration_words(slug)


@register.filter
def pipeline_words(slug: str) -> str:
    return catalogue.pipeline_words(slug)


@register.filter
def sync_type_words(name: str) -> str:
    return catalogue.sync_type_words(name)


@register.filter
def type_words(name: str) -> str:
    return catalogue.type_words(name)


@register.simple_tag
def counted(count: int, one: str, many: str = "") -> str:
    """1 entry, 2 entries."""
    return phrases.plural(count, one, many)


@register.filter
def as_text(value: Any) -> str:
    """A JSON scalar as it is written: true, null, 4.5; text without quotes."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
