"""Log pages: the list with its filters, the context of an entry in place, and the page of an entry.

Answers a page, or the fragment that htmx asks for.
"""

from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from portal.access.projects import ProjectRequest, project_view
from portal.links import querystring
from portal.links.querystring import Pairs
from portal.links.question import Question
from portal.log import entry_detail, entry_links, list_counts, payload
from portal.log.listing import listed
from portal.log.live import live_of
from portal.log.surroundings import surroundings
from portal.querybox import query_box
from synclogs.models import LogEntry
from synclogs.reading import neighbours


@project_view()
def logs(request: ProjectRequest) -> HttpResponse:
    """The list; with htmx aimed at #logs only its inside, and the URL to show for it."""
    now = timezone.now()
    listing = listed(Question.read(request.GET.lists(), now=now), request.project, now=now)
    question = listing.question
    is_fragment = bool(request.htmx) and request.htmx.target == "logs"
    context = {
        "now": now,
        "listing": listing,
        "is_fragment": is_fragment,
        **surroundings(request, listing, is_fragment=is_fragment),
        "ask": query_box.ask_of(question),
        **list_counts.numbers_of(question, request.project, now=now, state=listing.state),
        "live": live_of(question, request.project, cursor=listing.tail, now=now),
    }
    response = render(request, "_logs.html" if is_fragment else "logs.html", context, status=listing.status)
    if is_fragment:
        response["X-Fragment"] = "logs"
        shown = question.with_page(listing.page)
        # A page that is in view already would have to be left twice by Back.
        if question.log_filter and not is_in_view(request, shown):
            response["HX-Push-Url"] = request.path + querystring.link(shown).rstrip("?")
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def entry_of(request: ProjectRequest, key: UUID) -> LogEntry:
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
    reading = entry_detail.read(entry_of(request, key), request.project, query_of_page(request), now=now)
    response = render(request, "_log_context.html", {"now": now, "reading": reading, **around_of(request, reading)})
    response["X-Fragment"] = "context"
    return response


@project_view()
def log(request: ProjectRequest, key: UUID) -> HttpResponse:
    """One entry on its own page."""
    now = timezone.now()
    reading = entry_detail.read(entry_of(request, key), request.project, (), now=now)
    return render(request, "log.html", {"now": now, "reading": reading, **around_of(request, reading)})


def around_of(request: ProjectRequest, reading: entry_detail.Reading) -> dict[str, object]:
    beside = neighbours.in_trace(reading.entry, request.project)
    return {"around": entry_links.around(reading.entry, request.project, beside)}


@project_view()
def log_json(request: ProjectRequest, key: UUID) -> HttpResponse:
    """The whole entry as it was sent, cleaned."""
    return HttpResponse(payload.as_json(entry_of(request, key).context()), content_type="application/json")
