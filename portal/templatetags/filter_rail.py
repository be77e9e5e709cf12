"""Template tag of the filter sidebar: fourteen groups with about eighty options of two boxes each.

Takes the groups of portal.log.filter_rail; returns escaped markup, made in one go because templates are too slow for it. No query.
"""

from collections.abc import Iterable
from functools import lru_cache

from django import template
from django.utils.safestring import SafeString

from portal.drawing.markup import NOTHING, fill, joined
from portal.drawing.values import compact, icon, visible, visible_text
from portal.log.columns import Choice
from portal.log.filter_rail import Group, Option
from synclogs.explain import phrases

register = template.Library()
EXACT_FROM = 1000  # shorter numbers are not shortened
INCLUDE = (
    '<label><input id="is-{key}" type="checkbox" name="{name}" value="{value}"{checked}>'
    '<span class="name" title="{title}"><bdi>{words}</bdi></span></label>'
)
EXCLUDE = (
    '<label class="option-not" title="Exclude"><input class="not" id="not-{key}" type="checkbox" name="-{name}"'
    ' value="{value}" aria-label="Exclude {words}"{checked}>{minus}</label>'
)
GROUP = """\
<details class="rail-group" id="group-{name}" data-group="{name}"{attributes}>
<summary id="group-head-{name}">{chevron}{label}{note}{used}</summary>
<div class="rail-options" role="group" aria-label="{label}"{described}>
{options}{more}{typed}{nothing}
<p class="field-error" id="filter-error-{name}">{error}</p>
</div>
</details>
"""
MORE = (
    '<details class="more" data-more="{name}"><summary id="group-more-{name}">{count} more</summary>'
    "{options}{further}</details>"
)
TYPED = (
    '<input class="input input-small" id="filter-{name}" name="{name}" aria-label="{label}: add a value"'
    ' placeholder="{example}" maxlength="256" autocomplete="off" spellcheck="false"{people}{invalid}'
    ' aria-describedby="filter-error-{name}">'
)
COLUMN = """\
<li class="columns-line" data-column>
<label class="check"><input type="checkbox" name="columns" value="{name}"{checked}> {words}</label>
{up}
{down}
</li>"""
MOVE = (
    'class="columns-move{}" data-move="{{way}}" title="Move {{way}}" aria-label="Move {{words}} {{way}}">{{icon}}</{}>'
)
MOVE_LINK = '<a href="{url}" ' + MOVE.format("", "a")
MOVE_BUTTON = '<button type="button" ' + MOVE.format(" needs-js", "button")
USED = '<span class="used"><span class="sr-only">, active: </span>{}</span>'
COUNTING = fill(
    '<span class="rail-note needs-js">counting…</span><span class="rail-note without-js">not counted in time</span>'
)
UNCOUNTED = fill('<span class="rail-note">not counted in time</span>')
NONE = fill('<p class="hint">None in this range</p>')
DATA_USED, OPEN, SWAPPED = fill(" data-used"), fill(" open"), fill(' hx-swap-oob="true"')
CHECKED, INVALID, PEOPLE = fill(" checked"), fill(' aria-invalid="true"'), fill(' list="people"')


@register.simple_tag(takes_context=True)
def filter_group(context: template.Context, group: Group, *, is_swapped: bool = False) -> SafeString:
    """One filter with its values; `is_swapped` in a fragment, which replaces the one of the page."""
    attributes = ((DATA_USED, group.used or group.error), (OPEN, group.is_open), (SWAPPED, is_swapped))
    return fill(
        GROUP,
        name=group.name,
        attributes=joined([text for text, applies in attributes if applies]),
        chevron=icon("chevron"),
        label=group.label,
        note=_note(group, is_counting=bool(context.get("is_counting"))),
        used=fill(USED, group.used) if group.used else NOTHING,
        described=fill(' aria-describedby="filter-error-{}"', group.name) if group.error else NOTHING,
        options=_options(group.name, group.options),
        more=_more(group) if group.more else NOTHING,
        typed=_typed(group) if group.typed else NOTHING,
        nothing=NONE if not group.options and not group.typed else NOTHING,
        error=visible(group.error),
    )


def _note(group: Group, *, is_counting: bool) -> SafeString:
    if not group.is_uncounted:
        return NOTHING
    return COUNTING if is_counting else UNCOUNTED


def _more(group: Group) -> SafeString:
    """The rarer values behind a fold, and how many are not even there."""
    rarer = f"{group.further:,} rarer values are" if group.further > 1 else "One rarer value is"
    return fill(
        MORE,
        name=group.name,
        count=f"{len(group.more) + group.further:,}",
        options=_options(group.name, group.more),
        further=fill('<p class="hint">{} not listed.</p>', rarer) if group.further else NOTHING,
    )


def _typed(group: Group) -> SafeString:
    return fill(
        TYPED,
        name=group.name,
        label=group.label,
        example=group.example,
        people=PEOPLE if group.name == "user" else NOTHING,
        invalid=INVALID if group.error else NOTHING,
    )


def _options(name: str, offered: Iterable[Option]) -> SafeString:
    """The values of the filter `name`: a box that includes, the count, a box that excludes."""
    return joined([_option(name, option) for option in offered], "\n")


def _option(name: str, option: Option) -> SafeString:
    tone = f" tone-{option.tone}" if option.tone else ""
    css = f"option{tone} option-none" if option.count == 0 else f"option{tone}"
    include, exclude = _boxes(name, option.key, option.value, option.words, option.included, option.excluded)
    return fill('<div class="{}">{} {}{}</div>', css, include, _count(option.count), exclude)


@lru_cache(maxsize=2048)  # of all that a rail shows only the counts change from page to page
def _boxes(
    name: str, key: str, value: str, words: str, included: bool, excluded: bool
) -> tuple[SafeString, SafeString]:
    include = fill(
        INCLUDE,
        key=key,
        name=name,
        value=value,
        checked=CHECKED if included else NOTHING,
        title=visible_text(value),
        words=visible(words),
    )
    exclude = fill(
        EXCLUDE,
        key=key,
        name=name,
        value=value,
        checked=CHECKED if excluded else NOTHING,
        words=visible_text(words),
        minus=icon("minus"),
    )
    return include, exclude


def _count(count: int | None) -> SafeString:
    if count is None:
        return fill('<span class="count">{}</span>', "")
    if count < EXACT_FROM:
        return fill('<span class="count">{}</span>', count)
    exact = phrases.plural(count, "entry", "entries")
    return fill('<span class="count" title="{}">{}</span>', exact, compact(count))


@register.simple_tag
def suggestions(people: Iterable[tuple[str, str]]) -> SafeString:
    """Users to pick from while typing: (user ID, name)."""
    return joined([fill('<option value="{}">{}</option>', user_id, name) for user_id, name in people])


@register.simple_tag
def columns_lines(menu: Iterable[tuple[Choice, str, str]]) -> SafeString:
    """The columns to choose: a box each, and its moves up and down; links where it can, buttons where only a script can."""
    return joined([_column(*line) for line in menu], "\n")


def _column(choice: Choice, up: str, down: str) -> SafeString:
    return fill(
        COLUMN,
        name=choice.column.name,
        checked=CHECKED if choice.chosen else NOTHING,
        words=choice.column.words,
        up=_move(choice, "up", "up", up if choice.up else ""),
        down=_move(choice, "down", "chevron-down", down if choice.down else ""),
    )


def _move(choice: Choice, direction: str, picture: str, url: str) -> SafeString:
    form = MOVE_LINK if url else MOVE_BUTTON
    return fill(form, way=direction, words=choice.column.words, icon=icon(picture, "s"), url=url)
