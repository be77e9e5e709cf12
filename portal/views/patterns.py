"""Pattern page: every component on one page, for developers and accessibility tests. Shows no data."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.access.projects import ProjectRequest, project_view
from synclogs.catalogue import Level, SyncStatus, Tone

VERDICTS = (
    (
        Tone.ERROR,
        "Stopped since 14:02 UTC: the customer's account no longer lets us in.",
        "The customer has to reconnect Google Drive; after that the sync has to be re-enabled.",
    ),
    (Tone.WARNING, "Slowed down by the integration's rate limit for 42 minutes.", "It resumes by itself."),
    (Tone.ACTIVE, "The first sync is running: 12,400 records so far.", "It usually takes 20 to 40 minutes."),
    (Tone.OK, "Up to date: the last run finished 40 seconds ago.", "4 created, 11 updated."),
    (Tone.UNKNOWN, "Nothing has been heard from this sync yet.", "It is not known whether it was ever started."),
)


@project_view()
def patterns(request: ProjectRequest) -> HttpResponse:
    context = {
        "verdicts": VERDICTS,
        "statuses": SyncStatus.values,
        "levels": Level.values,
        "tones": list(Tone),
        "moment": timezone.now(),
        "hostile": "<b>bold</b> \u202egnp.exe \x1b[31mred\x00 zero\u200bwidth",
    }
    return render(request, "patterns.html", context)
