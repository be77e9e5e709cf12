"""Formatting of values in the admin: times, identifiers, badges, JSON, and links into the portal. Returns escaped HTML or text; no query."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.decorators import display

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
    named: Callable[[Callable[P, R]], Callable[P, R]] = display(description=description, label=label, boolean=boolean)
    return named


def field_column(
    name: str, description: str, cell: Callable[[Any], Cell], *, empty: str = NOTHING
) -> Callable[[Any, Any], Cell]:
    """A column or field that shows the model's field `name`; `empty` where there is nothing in it."""

    @column(description)
    def shown(self: Any, obj: Any) -> Cell:
        value = getattr(obj, name)
        return cell(value) if value or value == 0 else empty

    return shown


def text_column(name: str, description: str, length: int = SHORT, *, empty: str = NOTHING) -> Callable[..., Cell]:
    return field_column(name, description, lambda value: short(str(value), length), empty=empty)


def words_column(name: str, description: str, naming: Callable[[str], str]) -> Callable[..., Cell]:
    """Of a field that holds a name of the sender's."""
    return field_column(name, description, lambda value: words(naming(value), value))


def choice_column(name: str, description: str, label: Mapping[str, str] | None = None) -> Callable[..., str]:
    """Of a field with choices."""

    @column(description, label=label)
    def shown(self: Any, obj: Any) -> str:
        return str(getattr(obj, f"get_{name}_display")())

    return shown


def link_column(page: str, name: str, description: str, length: int | None = None) -> Callable[..., Cell]:
    """Of an identifier, as a link to the portal's page of it; `length` cuts what is shown."""

    @column(description)
    def shown(self: Any, obj: Any) -> Cell:
        value = getattr(obj, name)
        return link(portal_url(page, obj.project, value), code(str(value)[:length])) if value else NOTHING

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


def words(text: str, value: str) -> Cell:
    """The words for a value, with the value itself where it says more."""
    if not value:
        return NOTHING
    return (
        short(text) if text == value else format_html('{} <code class="admin-id">{}</code>', short(text), short(value))
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


moment_column = partial(field_column, cell=moment)
code_column = partial(field_column, cell=code)


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


json_column = partial(field_column, cell=as_json)


def portal_url(page: str, project: Project | None, *rest: object) -> str:
    """The address of a page of the portal; "" where there is none."""
    if not page or project is None:
        return ""
    try:
        if page in paths.LISTS:
            return paths.detail(project.slug, page, str(rest[0]))
        return reverse(page, args=(project.slug, *rest))
    except NoReverseMatch:
        return ""
