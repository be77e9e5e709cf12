"""Template filters of values (portal.drawing.values), and the tags that need the page's context."""

from dataclasses import dataclass
from datetime import datetime

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.drawing import values
from portal.links import paths
from portal.links.querystring import label_of
from synclogs.explain import phrases, times
from synclogs.moments import rfc3339

register = template.Library()
for tag in (values.icon, values.level_badge, values.status_badge, values.counted):
    register.simple_tag(tag)
for plain in (
    values.visible,
    values.visible_text,
    values.exact,
    values.hour,
    values.zone,
    values.tone_icon,
    values.level_slug,
    values.number,
    values.at,
    values.lower_first,
    values.duration,
    values.short_id,
    values.event_words,
    values.status_words,
    values.integration_words,
    values.pipeline_words,
    values.sync_type_words,
):
    register.filter(plain.__name__, plain)
register.filter("stamp", values.stamp_or_nothing)
register.filter("parameter_words", label_of)

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
class NavigationItem:
    url: str
    words: str
    key: str
    current: bool


@register.simple_tag(takes_context=True)
def main_navigation(context: template.Context) -> list[NavigationItem]:
    """The pages of the project in view, the current one marked; pages that are not built yet are left out."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    here = match.url_name if match else ""
    return [
        NavigationItem(url, words, key, here == name or here in family)
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
            return paths.detail(project.slug, name, str(args[0]))
        return reverse(name, args=(project.slug, *args))
    except NoReverseMatch:
        return ""


def moment(context: template.Context) -> datetime:
    now = context.get("now")
    return now if isinstance(now, datetime) else timezone.now()


@register.simple_tag(takes_context=True)
def stamp_of_now(context: template.Context) -> str:
    """The moment that this page calls now, for the script that keeps "6 minutes ago" right."""
    return rfc3339(moment(context))


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
    return format_html('<time datetime="{}" title="{}">{}</time>', rfc3339(value), title, text)
