"""The options of the filter rail, drawn: a page has about eighty, each with two boxes, so they are written in one go.

Options of portal.choices come in, escaped markup comes out; nothing here queries.
"""

from collections.abc import Iterable

from django import template
from django.utils.safestring import SafeString

from portal.choices import Option
from portal.markup import NOTHING, fill, joined
from portal.templatetags.portal import compact, icon, visible, visible_text
from synclogs.explain import phrases

register = template.Library()
EXACT_FROM = 1000  # shorter numbers are not shortened
OPTION = (
    '<div class="{css}"><label><input id="is-{key}" type="checkbox" name="{name}" value="{value}"{included}>'
    '<span class="name" title="{title}"><bdi>{words}</bdi></span></label> {count}'
    '<label class="option-not" title="Exclude"><input class="not" id="not-{key}" type="checkbox" name="-{name}"'
    ' value="{value}" aria-label="Exclude {plain}"{excluded}>{minus}</label></div>'
)
CHECKED = fill(" checked")


@register.simple_tag
def options(name: str, offered: Iterable[Option]) -> SafeString:
    """The values of the filter `name`: a box that includes, the count, a box that excludes."""
    return joined([_option(name, option) for option in offered], "\n")


def _option(name: str, option: Option) -> SafeString:
    tone = f" tone-{option.tone}" if option.tone else ""
    return fill(
        OPTION,
        css=f"option{tone} option-none" if option.count == 0 else f"option{tone}",
        key=option.key,
        name=name,
        value=option.value,
        included=CHECKED if option.included else NOTHING,
        title=visible_text(option.value),
        words=visible(option.words),
        count=_count(option.count),
        plain=visible_text(option.words),
        excluded=CHECKED if option.excluded else NOTHING,
        minus=icon("minus"),
    )


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
