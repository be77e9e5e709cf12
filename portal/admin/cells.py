"""Formatting of values in the admin: times, identifiers, badges, JSON, and links into the portal. Returns escaped HTML or text; no query."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from portal.drawing.values import visible
from portal.links import paths
from portal.log import payload
from synclogs import catalogue
from synclogs.catalogue import Level, Tone
from synclogs.models import Project

type Cell = SafeString | str

NOTHING = "\u2013"  # an en dash
SHORT = 120
# Unfold's names for colours, by the tones of the catalogue.
COLOURS: Mapping[str, str] = {
    Tone.OK: "success",
    Tone.ACTIVE: "info",
    Tone.WARNING: "warning",
    Tone.ERROR: "danger",
    Tone.PAUSED: "",
    Tone.UNKNOWN: "",
}
LEVEL_COLOURS: Mapping[str, str] = {Level.WARNING.label: "warning", Level.ERROR.label: "danger"}
STATUS_COLOURS: Mapping[str, str] = {known.words: COLOURS[known.tone] for known in catalogue.STATUSES.values()}


def column[**P, R](
    description: str, *, label: Mapping[str, str] | None = None, boolean: bool | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Names a column of a list or a field of a page; `label` shows it as a badge with a colour for each text."""
    found = {"short_description": description, "label": label, "boolean": boolean}

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        for name, value in found.items():
            if value is not None:
                setattr(function, name, dict(value) if isinstance(value, Mapping) else value)
        return function

    return decorate


def moment_column(name: str, description: str) -> Callable[..., Cell]:
    """A column or field that shows the moment in the model's field `name`."""

    @column(description)
    def shown(self: Any, obj: Any) -> Cell:
        return moment(getattr(obj, name))

    return shown


def code_column(name: str, description: str) -> Callable[..., Cell]:
    """The same for an identifier."""

    @column(description)
    def shown(self: Any, obj: Any) -> Cell:
        return code(getattr(obj, name))

    return shown


def short(text: str, length: int = SHORT) -> Cell:
    """At most `length` characters, hidden ones made visible."""
    if not text:
        return NOTHING
    return visible(text if len(text) <= length else f"{text[: length - 1]}…")


def code(value: object) -> Cell:
    """An identifier."""
    text = "" if value is None else str(value)
    return format_html('<code class="admin-id">{}</code>', short(text)) if text else NOTHING


def words(said: str, value: str) -> Cell:
    """The words for a value, with the value itself where it says more."""
    if not value:
        return NOTHING
    return (
        short(said) if said == value else format_html('{} <code class="admin-id">{}</code>', short(said), short(value))
    )


def moment(value: datetime | None, *, exact: bool = False) -> Cell:
    """2026-11-23 14:03:21 UTC; to the millisecond when `exact`."""
    if value is None:
        return NOTHING
    utc = value.astimezone(UTC)
    text = f"{utc:%Y-%m-%d %H:%M:%S}{f'.{utc.microsecond // 1000:03d}' if exact else ''}"
    # Lists hide the zone, which stands in the head of their column.
    return format_html(
        '<time class="admin-time" datetime="{}">{}<span class="admin-zone"> UTC</span></time>', utc.isoformat(), text
    )


def link(url: str, text: object) -> Cell:
    """`text` as a link; as it is when there is no such page."""
    return format_html('<a class="admin-link" href="{}">{}</a>', url, text) if url else format_html("{}", text)


def list_link(model: str, text: str, **filters: str) -> Cell:
    """A link to a list of the administration, narrowed."""
    return link(f"{reverse(f'admin:{model}_changelist')}?{urlencode(filters)}", text)


def unhidden(text: str) -> str:
    """The text with escapes in the place of characters that would not be seen as what they are."""
    return payload.escaped(text)


def as_json(value: object) -> SafeString:
    """JSON in a box."""
    return format_html('<pre class="admin-json" tabindex="0">{}</pre>', payload.as_json(value))


def portal_url(page: str, project: Project | None, *rest: object) -> str:
    """The address of a page of the portal; "" where there is none."""
    if not page or project is None:
        return ""
    try:
        if page in paths.LISTS:
            return paths.thing(project.slug, page, str(rest[0]))
        return reverse(page, args=(project.slug, *rest))
    except NoReverseMatch:
        return ""
