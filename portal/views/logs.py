"""Log pages: the list with its filters, the context of an entry in place, and the page of an entry.

Answers a page, or the fragment that htmx asks for. Reads only through synclogs.query.filters.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

from django.core.cache import cache
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from portal.access.projects import ProjectRequest, project_view
from portal.drawing.values import HIDDEN
from portal.links import querystring
from portal.links.querystring import Chip, Pairs
from portal.log import around, columns, entry_detail, list_counts, payload, rows, saved_views_rail
from portal.log.columns import Column
from portal.log.rows import Row
from portal.querybox import query_box
from portal.views.tail import live_of
from synclogs.models import ConnectedUser, HourCount, LogEntry, Project
from synclogs.query import filters
from synclogs.query.fields import FIELDS
from synclogs.query.filters import FilterError, LogFilter
from synclogs.reading import neighbours, paging, tail

PAGE_SIZE = 50
SUGGESTED_USERS, SUGGESTED_SECONDS = 100, 60
NARROWER = {"30d": "7d", "7d": "24h", "24h": "1h", "1h": "15m"}
WIDER = {"15m": "24h", "1h": "24h", "24h": "7d", "7d": "30d"}


@dataclass(frozen=True, slots=True)
class Listing:
    """What the list shows: rows, or one of the states `invalid`, `failed`, `unmatched`, `end`, `empty` in their place.

    `searched_to`: the time was up there, and `older` (or `newer`) goes on with the search.
    """

    state: str
    status: int
    rows: tuple[Row, ...] = ()
    newer: str = ""
    older: str = ""
    log_filter: LogFilter | None = None
    errors: Mapping[str, str] | None = None
    columns: tuple[Column, ...] = columns.DEFAULT
    tail: str = ""
    searched_to: datetime | None = None


@project_view()
def logs(request: ProjectRequest) -> HttpResponse:
    """The list; with htmx aimed at #logs only its inside, and the URL to show for it."""
    now = timezone.now()
    query = querystring.pairs(request.GET.lists())
    listing = listed(request, now=now)
    context = {"now": now, "listing": listing, **surroundings(request, listing, query)}
    context["ask"] = query_box.ask_of(query, listing.errors or {})
    context |= list_counts.numbers_of(
        request, listing.log_filter, now=now, errors=listing.errors or {}, state=listing.state
    )
    context |= live_of(request, listing.log_filter, cursor=listing.tail, now=now)
    if request.htmx and request.htmx.target == "logs":
        response = render(request, "_logs.html", {**context, "is_fragment": True}, status=listing.status)
        response["X-Fragment"] = "logs"
        if listing.log_filter is not None:
            shown = querystring.canonical(listing.log_filter, of_page(listing, query))
            if not is_in_view(request, shown):  # or Back would have to be pressed twice
                response["HX-Push-Url"] = request.path + querystring.link(shown).rstrip("?")
    else:
        rail_context = rail_of(request, listing, query, now=now)
        response = render(request, "logs.html", {**context, **rail_context}, status=listing.status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def listed(request: ProjectRequest, *, now: datetime) -> Listing:
    """The page of entries that the URL asks for, or the state to show instead."""
    log_filter, chosen = None, columns.DEFAULT
    try:
        log_filter = LogFilter.parse(request.GET.lists(), now=now, besides=querystring.BESIDES)
        chosen = columns.parse(request.GET.getlist(columns.PARAMETER))
        saved_views_rail.parse(request.GET.getlist(saved_views_rail.PARAMETER))
        before, after = cursors_of(request, log_filter)
        # Before the list is read, so that what arrives meanwhile counts as new.
        cursor = "" if before or after else tail.start(now=now)
        page = paging.page(log_filter, request.project, size=PAGE_SIZE, before=before, after=after)
    except FilterError as error:
        return Listing("invalid", 400, log_filter=log_filter, errors=error.errors)
    except OperationalError:
        # Too slow (statement_timeout) or gone; the list says so itself and keeps the filters, so it can be tried again.
        return Listing("failed", 503, log_filter=log_filter, columns=chosen)
    if page.rows or page.searched_to:
        return Listing(
            "rows" if page.rows else "searching",
            200,
            rows_of(page.rows, request, chosen),
            page.newer,
            page.older,
            log_filter,
            columns=chosen,
            tail=cursor,
            searched_to=page.searched_to,
        )
    if before or after:
        return Listing("end", 200, (), page.newer, page.older, log_filter, columns=chosen)
    anything = HourCount.objects.of(request.project).exists()
    return Listing("unmatched" if anything else "empty", 200, log_filter=log_filter, columns=chosen, tail=cursor)


def cursors_of(request: ProjectRequest, log_filter: LogFilter) -> tuple[str, str]:
    """Where the page begins: `before`, `after`, or `at` an entry that it is to have. Raises FilterError."""
    before, after, key = (request.GET.get(name, "") for name in querystring.CURSORS)
    if key and not before and not after:
        try:
            before = neighbours.page_with(UUID(key), log_filter, request.project, size=PAGE_SIZE)
        except ValueError:
            raise FilterError({"at": "This is not the key of an entry."}) from None
    return before, after


def rows_of(
    found: Iterable[LogEntry], request: ProjectRequest, chosen: Sequence[Column] | None = None
) -> tuple[Row, ...]:
    """Drawn lines, on this page and on those of syncs, users and integrations, which offer no choice."""
    return rows.lines(found, request.project, now=timezone.now(), chosen=chosen)


def of_page(listing: Listing, query: Pairs) -> Pairs:
    """What the URL says besides the filter: the columns and the saved view, so that every link keeps them."""
    view = tuple(pair for pair in querystring.of_page(query) if pair[0] != columns.PARAMETER)
    return (*columns.canonical(listing.columns), *view)


def surroundings(request: ProjectRequest, listing: Listing, query: Pairs) -> dict[str, object]:
    """What stands around the rows: filters in words, time presets, links to the neighbouring pages."""
    log_filter, errors = listing.log_filter, listing.errors or {}
    also = of_page(listing, query)
    kept = querystring.canonical(log_filter, also) if log_filter else query
    since = log_filter.since_text if log_filter and not log_filter.until_text else ""
    chips: list[Chip] = querystring.wrong(query, errors)
    if log_filter is not None:
        chips = querystring.chips(log_filter, also)
    wider = WIDER.get(log_filter.since_text if log_filter and not log_filter.until_text else "", "")
    narrower = NARROWER.get(since, "")
    return {
        "chips": chips,
        "presets": [
            (name, words, querystring.link(preset_query(kept, name)), name == since)
            for name, words in querystring.PRESET_WORDS.items()
        ],
        "range_words": querystring.range_words(log_filter.since_text, log_filter.until_text) if log_filter else "",
        "again": querystring.link(query),
        "newest": querystring.link(kept),
        "newer": querystring.link((*kept, ("after", listing.newer))) if listing.newer else "",
        "older": querystring.link((*kept, ("before", listing.older))) if listing.older else "",
        "wider": (querystring.PRESET_WORDS[wider].lower(), querystring.link(preset_query(kept, wider)))
        if wider
        else None,
        "narrower": (querystring.PRESET_WORDS[narrower].lower(), querystring.link(preset_query(kept, narrower)))
        if narrower
        else None,
        "used": sum(1 for name, _ in kept if name.removeprefix("-") in FIELDS),
        "errors": errors,
        "field_errors": {name: errors.get(name) or errors.get(f"-{name}", "") for name in FIELDS},
        "origin": f"{request.scheme}://{request.get_host()}",
        "cleared": querystring.link(columns.canonical(listing.columns)),
        **columns_menu(listing, kept),
        **saved_views_rail.views_of(request, kept, is_valid=listing.state != "invalid"),
    }


def columns_menu(listing: Listing, kept: Pairs) -> dict[str, object]:
    """The head of the list and the menu of its columns; a form of its own, so it takes along all of the query but them."""
    rest = querystring.remove(kept, columns.PARAMETER)
    return {
        "rows_step": columns.width_class(listing.columns),
        "columns_text": dict(columns.canonical(listing.columns)).get(columns.PARAMETER, ""),
        "view_text": dict(kept).get(saved_views_rail.PARAMETER, ""),
        "columns_menu": [
            (choice, querystring.link(choice.up), querystring.link(choice.down))
            for choice in columns.choices(listing.columns, rest)
        ],
        "columns_kept": rest,
        "columns_reset": querystring.link(rest),
    }


def preset_query(query: Pairs, preset: str) -> Pairs:
    """The same filter over a preset range; the default one is left out of the URL."""
    bare = querystring.remove(querystring.remove(query, "since"), "until")
    return bare if preset == filters.DEFAULT_SINCE else (*bare, ("since", preset))


def rail_of(request: ProjectRequest, listing: Listing, query: Pairs, *, now: datetime) -> dict[str, object]:
    """The filter form beside its groups (portal.log.list_counts): people to suggest, errors of no field."""
    errors = listing.errors or {}
    return {
        "people": recent_users(request.project) if listing.state != "failed" else (),
        "odd_errors": {name: text for name, text in errors.items() if not has_field(name)},
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


def found(request: ProjectRequest, key: UUID) -> LogEntry:
    entry = LogEntry.objects.of(request.project).at_key(key).first()
    if entry is None:
        raise Http404("No such entry.")
    return entry


def query_of_page(request: HttpRequest) -> Pairs:
    """The filter of the list that an entry was opened from, as htmx tells it; nothing for any other page."""
    try:
        url = urlsplit(request.headers.get("HX-Current-URL", ""))
        if url.path.endswith("/logs"):
            return querystring.pairs(parse_qs(url.query, max_num_fields=500).items())
    except ValueError:  # a header that no browser of ours sends
        pass
    return ()


def is_in_view(request: HttpRequest, shown: Pairs) -> bool:
    """Whether the address of the page that asks says the same already."""
    try:
        url = urlsplit(request.headers.get("HX-Current-URL", ""))
        return url.path == request.path and sorted(parse_qsl(url.query, max_num_fields=500)) == sorted(shown)
    except ValueError:  # a header that no browser of ours sends
        return False


@project_view()
def context(request: ProjectRequest, key: UUID) -> HttpResponse:
    """The inside of an opened row."""
    now = timezone.now()
    reading = entry_detail.read(found(request, key), request.project, query_of_page(request), now=now)
    response = render(request, "_log_context.html", {"now": now, "reading": reading, **around_of(request, reading)})
    response["X-Fragment"] = "context"
    return response


@project_view()
def log(request: ProjectRequest, key: UUID) -> HttpResponse:
    """One entry on its own page."""
    now = timezone.now()
    reading = entry_detail.read(found(request, key), request.project, (), now=now)
    return render(request, "log.html", {"now": now, "reading": reading, **around_of(request, reading)})


def around_of(request: ProjectRequest, reading: entry_detail.Reading) -> dict[str, object]:
    beside = neighbours.in_trace(reading.entry, request.project)
    return {"around": around.around(reading.entry, request.project, beside)}


@project_view()
def log_json(request: ProjectRequest, key: UUID) -> HttpResponse:
    """The whole entry as it was sent, cleaned."""
    return HttpResponse(payload.as_json(found(request, key).context()), content_type="application/json")
