"""Help page: the catalogue of events, states, causes and keys, and how to send the first log. Shows no data."""

from dataclasses import replace

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from portal.access.projects import ProjectRequest, project_view
from portal.querybox import reference
from synclogs import catalogue
from synclogs.catalogue import Category, ErrorCode, Event
from synclogs.parsing.limits import LIMITS

ORDER = (Category.LIFECYCLE, Category.RETRY, Category.ERROR, Category.WEBHOOK, Category.OTHER)
# Field of Limits -> what it limits and in which unit; Limits itself has the numbers.
LIMIT_WORDS = {
    "wire_bytes": ("A body as it is sent", "bytes"),
    "inflated_bytes": ("A body once it is unpacked", "bytes"),
    "entries": ("Entries in a body", ""),
    "entry_bytes": ("One entry", "bytes"),
    "depth": ("Objects and arrays inside each other, the entry being the first", ""),
    "keys": ("Keys of an entry, nested ones included", ""),
    "key_bytes": ("One key", "bytes"),
    "number": ("A number, either sign", ""),
    "number_characters": ("A number as it is written", "characters"),
    "id_characters": ("id", "characters"),
    "type_characters": ("type", "characters"),
    "text_characters": ("syncEvent, traceId, integration and the other short texts", "characters"),
    "recoverability_characters": ("error.recoverability, as a filter", "characters"),
    "user_id_bytes": ("userId", "bytes"),
    "message_bytes": ("message", "bytes"),
    "past_days": ("How old a timestamp may be: as long as this project keeps entries", "days"),
    "ahead_hours": ("How far ahead a timestamp may be", "hours"),
    "errors_listed": ("Errors that an answer lists", ""),
}
HTTP_STATUSES = (401, 402, 403, 404, 408, 410, 429, 500, 504)


@project_view()
def help_page(request: ProjectRequest) -> HttpResponse:
    limits = replace(LIMITS, past_days=request.project.retention_days)
    context = {
        "now": timezone.now(),
        "categories": [(category, events_of(category)) for category in ORDER],
        "statuses": catalogue.STATUSES.items(),
        "codes": catalogue.ERROR_CODES.items(),
        "http_statuses": [(status, by_http(status)) for status in HTTP_STATUSES],
        "unknown": by_http(None),
        "limits": [(words, getattr(limits, name), unit) for name, (words, unit) in LIMIT_WORDS.items()],
        "examples": [
            (example, f"{reverse('logs', args=(request.project.slug,))}?{urlencode({'q': example.query})}")
            for example in reference.EXAMPLES
        ],
        "query_fields": reference.FIELD_WORDS,
        "query_paths": reference.PATHS,
        "origin": f"{request.scheme}://{request.get_host()}",
    }
    return render(request, "help.html", context)


def events_of(category: Category) -> list[Event]:
    return [event for event in catalogue.EVENTS.values() if event.category == category]


def by_http(status: int | None) -> ErrorCode:
    return catalogue.error_code("", http_status=status, recoverability="")
