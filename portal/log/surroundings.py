"""What stands around the rows of the log page: filters in words, time presets, neighbouring pages, columns, saved views.

Returns parts of the template's context for a Listing.
"""

from django.core.cache import cache

from portal.access.projects import ProjectRequest
from portal.drawing.values import HIDDEN
from portal.links import querystring
from portal.links.querystring import Pairs
from portal.log import columns, saved_views_rail
from portal.log.listing import Listing
from synclogs.models import ConnectedUser, Project
from synclogs.query import filters
from synclogs.query.fields import FIELDS

SUGGESTED_USERS, SUGGESTED_SECONDS = 100, 60
NARROWER = {"30d": "7d", "7d": "24h", "24h": "1h", "1h": "15m"}
WIDER = {"15m": "24h", "1h": "24h", "24h": "7d", "7d": "30d"}


def surroundings(request: ProjectRequest, listing: Listing, *, is_fragment: bool) -> dict[str, object]:
    """What stands around the rows: filters in words, time presets, links to the neighbouring pages; on a whole page also what
    the filter form needs beside its groups."""
    question = listing.question
    log_filter, errors = question.log_filter, question.errors
    shown = question.with_page(listing.page)
    since = log_filter.since_text if log_filter and not log_filter.until_text else ""
    return {
        "chips": querystring.chips(log_filter, listing.page)
        if log_filter
        else querystring.wrong(question.given, errors),
        "presets": [
            (name, words, querystring.link(preset_query(shown, name)), name == since)
            for name, words in querystring.PRESET_WORDS.items()
        ],
        "range_words": querystring.range_words(log_filter.since_text, log_filter.until_text) if log_filter else "",
        "again": querystring.link(question.given),
        "newest": querystring.link(shown),
        "newer": querystring.link((*shown, ("after", listing.newer))) if listing.newer else "",
        "older": querystring.link((*shown, ("before", listing.older))) if listing.older else "",
        "wider": preset_link(shown, WIDER.get(since, "")),
        "narrower": preset_link(shown, NARROWER.get(since, "")),
        "used": sum(1 for name, _ in shown if name.removeprefix("-") in FIELDS),
        "errors": errors,
        "field_errors": {name: errors.get(name) or errors.get(f"-{name}", "") for name in FIELDS},
        "origin": f"{request.scheme}://{request.get_host()}",
        "cleared": querystring.link(columns.canonical(listing.columns)),
        **columns_menu(listing, shown),
        **saved_views_rail.views_of(request, shown, is_valid=listing.state != "invalid"),
        **({} if is_fragment else form(listing, request.project)),
    }


def columns_menu(listing: Listing, shown: Pairs) -> dict[str, object]:
    """The head of the list and the menu of its columns; a form of its own, so it takes along all of the query but them."""
    rest = querystring.remove(shown, columns.PARAMETER)
    return {
        "rows_step": columns.width_class(listing.columns),
        "columns_text": dict(columns.canonical(listing.columns)).get(columns.PARAMETER, ""),
        "view_text": dict(shown).get(saved_views_rail.PARAMETER, ""),
        "columns_menu": [
            (choice, querystring.link(choice.up), querystring.link(choice.down))
            for choice in columns.choices(listing.columns, rest)
        ],
        "columns_query": rest,
        "columns_reset": querystring.link(rest),
    }


def preset_query(query: Pairs, preset: str) -> Pairs:
    """The same filter over a preset range; the default one is left out of the URL."""
    bare = querystring.remove(querystring.remove(query, "since"), "until")
    return bare if preset == filters.DEFAULT_SINCE else (*bare, ("since", preset))


def preset_link(query: Pairs, preset: str) -> tuple[str, str] | None:
    """The words and the link of a preset; None for ""."""
    return (querystring.PRESET_WORDS[preset].lower(), querystring.link(preset_query(query, preset))) if preset else None


def form(listing: Listing, project: Project) -> dict[str, object]:
    """The filter form beside its groups (portal.log.list_counts): people to suggest, errors of no field."""
    return {
        "people": recent_users(project) if listing.state != "failed" else (),
        "odd_errors": {name: text for name, text in listing.question.errors.items() if not has_field(name)},
    }


def recent_users(project: Project) -> list[tuple[str, str]]:
    """Suggestions for the filter by user: ID and name. Kept for a while, since every page has them."""

    def read() -> list[tuple[str, str]]:
        recent = ConnectedUser.objects.of(project).order_by("-last_seen_at", "-id")
        return [
            (user_id, name)
            for user_id, name in recent.values_list("user_id", "name")[:SUGGESTED_USERS]
            if not HIDDEN.search(user_id)  # a suggestion is shown by the browser, which would obey it
        ]

    people: list[tuple[str, str]] = cache.get_or_set(f"recent-users:{project.pk}", read, SUGGESTED_SECONDS) or []
    return people


def has_field(name: str) -> bool:
    return name in (*filters.TIMES, "q") or name.removeprefix("-") in FIELDS
