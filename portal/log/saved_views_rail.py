"""Sidebar of saved views, and the line above the log list about the open one.

Returns frozen dataclasses with links. Counts are cached for a minute; the page loads those that are missing afterwards.
"""

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.core.cache import cache
from django.db.models import prefetch_related_objects
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.access.projects import ProjectRequest, actor_of
from portal.drawing.values import compact, visible_text
from portal.drawing.values import visible as shown
from portal.links import querystring
from portal.links.querystring import Pairs
from portal.log import columns
from synclogs.models import Project, SavedView
from synclogs.query.fields import FIELDS
from synclogs.query.filters import DEFAULT_SINCE, TIMES, FilterError, LogFilter
from synclogs.reading import saved_views

PARAMETER = "view"
LONGEST_ID = 18
MOST_SHOWN = saved_views.MOST_OWN + saved_views.MOST_SHARED
MOST_CHANGES = 4
CACHE_SECONDS = 60
# For one view, and for all of a rail.
COUNT_SECONDS, RAIL_SECONDS = 0.3, 2.0
# In the cache, where there is no number: the time was up; the view names what is no longer there.
UNCOUNTED, UNREADABLE = -1, -2
CURRENT = format_html(' aria-current="{}"', "true")
UNTOLD: Mapping[int, str] = {
    UNCOUNTED: "Not counted in time",
    UNREADABLE: "Cannot be counted: it names a filter that is no longer there",
}

BUILT_IN: Sequence[tuple[str, str, Pairs]] = (
    ("all", "All logs", ()),
    ("errors", "Managed Sync errors", (("type", "managed_sync"), ("level", "error"))),
    ("warnings", "Warnings and retries", (("category", "warning"),)),
    ("webhooks", "Webhook delivery", (("category", "webhook"),)),
    ("limited", "Rate limited", (("status", "RATE_LIMITED"),)),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the rail. `count` is "" until it is asked for, and a dash where it was not counted in time."""

    key: str
    name: str
    url: str
    query: str
    is_current: bool
    note: str = ""
    is_shared: bool = False
    count: str = ""
    count_title: str = ""

    @property
    def link(self) -> SafeString:
        """The line itself: a rail may hold a hundred and more, and a template takes its time for each."""
        note = self.note or ("shared" if self.is_shared else "")
        return format_html(
            '<a class="view-link" id="view-{}" href="{}"{}><span class="view-link-name" title="{}"><bdi>{}</bdi></span>'
            '<span class="view-link-note"><span class="sr-only">{}</span><bdi>{}</bdi></span>'
            '<span class="count" title="{}">{}</span></a>',
            self.key,
            self.url,
            CURRENT if self.is_current else "",
            visible_text(self.name),
            shown(self.name),
            "of " if self.note else "",
            shown(note),
            self.count_title,
            self.count,
        )


@dataclass(frozen=True, slots=True)
class Rail:
    built_in: Sequence[Entry]
    yours: Sequence[Entry]
    team: Sequence[Entry]
    ask: str  # where to ask for the counts; "" when all are known

    @property
    def current(self) -> Entry | None:
        return next((entry for entry in (*self.built_in, *self.yours, *self.team) if entry.is_current), None)


@dataclass(frozen=True, slots=True)
class State:
    """The saved view that the URL names, beside what the page shows. `view` is None when it is not there for this person."""

    view: SavedView | None
    owner: str = ""
    is_own: bool = False
    may_change: bool = False
    may_share: bool = False
    changes: Sequence[str] = ()
    more_changes: int = 0
    reset: str = ""
    without: str = ""


def parse(values: Sequence[str]) -> int | None:
    """The id of the view that a URL names. Raises FilterError."""
    if not values:
        return None
    text = values[0]
    if len(values) > 1 or not (text.isascii() and text.isdigit() and len(text) <= LONGEST_ID):
        raise FilterError({PARAMETER: f"There is no saved view “{text[:40]}”."})
    return int(text)


def visible(request: ProjectRequest) -> list[SavedView]:
    """One's own and the team's. Who else owns some is only asked where somebody does."""
    views = list(SavedView.objects.of(request.project).visible_to(request.user)[:MOST_SHOWN])
    others = [view for view in views if view.owner_id != request.user.pk]
    if others:
        prefetch_related_objects(others, "owner")
    return views


def views_of(request: ProjectRequest, page_query: Pairs, *, is_valid: bool) -> dict[str, object]:
    """Template context: the rail and the line about the open view. `page_query` is the query of the page, view included."""
    views = visible(request)
    number = dict(page_query).get(PARAMETER, "")
    found = next((view for view in views if str(view.pk) == number), None)
    query = querystring.remove(page_query, PARAMETER)
    return {
        "rail": rail_of(request, views, page_query),
        "view_state": state_of(found, request, query) if number else None,
        "query_text": querystring.link(query)[1:],
        "can_save": is_valid,
        "may_share": saved_views.may_share(actor_of(request)),
    }


def rail_of(request: ProjectRequest, views: Sequence[SavedView], page_query: Pairs) -> Rail:
    """Every view with its link, the current one marked, and the counts that are known already."""
    logs = reverse("logs", args=(request.project.slug,))
    number = dict(page_query).get(PARAMETER, "")
    shown = querystring.of_page(querystring.remove(page_query, PARAMETER))
    bare = tuple(pair for pair in page_query if pair[0] not in querystring.PAGE)
    built_in = []
    for name, words, query in BUILT_IN:
        url = (logs + querystring.link((*query, *shown))).rstrip("?")
        is_current = not number and sorted(query) == sorted(bare)
        built_in.append(Entry(name, words, url, querystring.link(query)[1:], is_current))
    yours: list[Entry] = []
    team: list[Entry] = []
    for view in views:
        is_own = view.owner_id == request.user.pk
        start = f"{view.query}&" if view.query else ""
        entry = Entry(
            str(view.pk),
            view.name,
            f"{logs}?{start}{PARAMETER}={view.pk}",
            view.query,
            str(view.pk) == number,
            "" if is_own else person_words(view),
            view.is_shared,
        )
        (yours if is_own else team).append(entry)
    known = counts_known(request.project, (*built_in, *yours, *team))
    built_in, yours, team = ([with_count(entry, known) for entry in part] for part in (built_in, yours, team))
    is_complete = all(entry.count for entry in (*built_in, *yours, *team))
    ask = (
        "" if is_complete else reverse("saved-view-counts", args=(request.project.slug,)) + querystring.link(page_query)
    )
    return Rail(built_in, yours, team, ask)


def person_words(view: SavedView) -> str:
    return view.owner.get_full_name() or view.owner.get_username()


# Counts


def cache_key(project: Project, query: str) -> str:
    return f"view-count:{project.pk}:{hashlib.sha256(query.encode()).hexdigest()}"


def counts_known(project: Project, shown: Iterable[Entry]) -> Mapping[str, int]:
    """Query -> entries, for those counted within the last minute."""
    keys = {cache_key(project, entry.query): entry.query for entry in shown}
    return {keys[key]: count for key, count in cache.get_many(keys).items()}


def with_count(entry: Entry, known: Mapping[str, int]) -> Entry:
    count = known.get(entry.query)
    if count is None:
        return entry
    if count in UNTOLD:
        return replace(entry, count="\N{EN DASH}", count_title=UNTOLD[count])
    if count == saved_views.COUNTED_TO + 1:
        return replace(entry, count="10k+", count_title=f"More than {saved_views.COUNTED_TO:,} in its time range")
    return replace(entry, count=compact(count), count_title=f"{count:,} in its time range")


def count_all(project: Project, shown: Iterable[Entry], *, now: datetime) -> None:
    """Counts what is not known yet, one view after the other until the time for all of them is up."""
    end = time.monotonic() + RAIL_SECONDS
    known = counts_known(project, shown)
    for query in dict.fromkeys(entry.query for entry in shown if entry.query not in known):
        seconds = min(COUNT_SECONDS, end - time.monotonic())
        cache.set(cache_key(project, query), counted(project, query, seconds=seconds, now=now), CACHE_SECONDS)


def counted(project: Project, query: str, *, seconds: float, now: datetime) -> int:
    """How many entries match, or one of UNTOLD."""
    try:
        log_filter = LogFilter.parse(QueryDict(query).lists(), now=now, besides=querystring.BESIDES)
        count = saved_views.tally(log_filter, project, seconds=seconds)
    except FilterError:
        return UNREADABLE
    return UNCOUNTED if count is None else count


# The open view


def state_of(view: SavedView | None, request: ProjectRequest, query: Pairs) -> State:
    """`query` is what the page shows, without the view itself."""
    without = querystring.link(query)
    if view is None:
        return State(None, without=without)
    actor = actor_of(request)
    changes = differences(querystring.pairs(QueryDict(view.query).lists()), query)
    return State(
        view,
        person_words(view),
        view.owner_id == request.user.pk,
        saved_views.may_change(view, actor),
        saved_views.may_share(actor),
        changes[:MOST_CHANGES],
        max(0, len(changes) - MOST_CHANGES),
        f"?{view.query}{'&' if view.query else ''}{PARAMETER}={view.pk}",
        without,
    )


def differences(before: Pairs, after: Pairs) -> list[str]:
    """What was changed, in words: “Level is Error added”, “Time range changed”."""
    words = [f"{term(*pair)} added" for pair in after if pair not in before and is_term(pair[0])]
    words += [f"{term(*pair)} removed" for pair in before if pair not in after and is_term(pair[0])]
    for names, what in ((TIMES, "Time range"), (("q",), "Query"), ((columns.PARAMETER,), "Columns")):
        old, new = ([pair for pair in query if pair[0] in names] for query in (before, after))
        if dict(old) != dict(new) and {(*old, *new)} != {(("since", DEFAULT_SINCE),)}:
            words.append(f"{what} changed")
    return words


def is_term(name: str) -> bool:
    return name not in (*TIMES, "q", columns.PARAMETER, PARAMETER)


def term(name: str, value: str) -> str:
    field = FIELDS.get(name.removeprefix("-"))
    label = field.label if field else name
    return (
        f"{label} {'is not' if name.startswith('-') else 'is'} {querystring.value_words(name.removeprefix('-'), value)}"
    )
