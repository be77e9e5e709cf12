"""The catalogue as a page to read: events, states, causes, keys, and how to send the first log. Shows no data."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.access import ProjectRequest, project_view
from synclogs import catalogue
from synclogs.catalogue import Category, ErrorCode, Event

ORDER = (Category.LIFECYCLE, Category.RETRY, Category.ERROR, Category.WEBHOOK, Category.OTHER)
HTTP_STATUSES = (401, 402, 403, 404, 408, 410, 429, 500, 504)


@project_view()
def help_page(request: ProjectRequest) -> HttpResponse:
    context = {
        "now": timezone.now(),
        "categories": [(category, events_of(category)) for category in ORDER],
        "statuses": catalogue.STATUSES.items(),
        "codes": catalogue.ERROR_CODES.items(),
        "http_statuses": [(status, by_http(status)) for status in HTTP_STATUSES],
        "unknown": by_http(None),
        "origin": f"{request.scheme}://{request.get_host()}",
    }
    return render(request, "help.html", context)


def events_of(category: Category) -> list[Event]:
    return [event for event in catalogue.EVENTS.values() if event.category == category]


def by_http(status: int | None) -> ErrorCode:
    return catalogue.error_code("", http_status=status, recoverability="")
