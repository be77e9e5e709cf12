"""The search box of every page: an exact identifier in, its page out; several are offered, none says so."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from portal import paths, things
from portal.access import ProjectRequest, project_view
from synclogs import explain, lookup
from synclogs.catalogue import integration_words
from synclogs.lookup import Found
from synclogs.models import Project


@dataclass(frozen=True, slots=True)
class Hit:
    kind: str
    icon: str
    words: str
    note: str
    url: str


@project_view()
def search(request: ProjectRequest) -> HttpResponse:
    """One hit opens it, unless the text had to be cut: then the page says so first."""
    now, project = timezone.now(), request.project
    typed = request.GET.get("q", "")
    text = typed[: lookup.LONGEST]
    found = hits(project, lookup.find(project, text, now=now))
    if len(found) == 1 and text == typed:
        return redirect(found[0].url)
    part = {"q": text.strip()}
    context = {
        "now": now,
        "search_text": text,
        "looked_for": text.strip(),
        "cut": lookup.LONGEST if text != typed else 0,
        "hits": found,
        "in_syncs": f"{reverse('syncs', args=(project.slug,))}?{urlencode(part)}",
        "in_users": f"{reverse('users', args=(project.slug,))}?{urlencode(part)}",
    }
    return render(request, "search.html", context)


def hits(project: Project, found: Found) -> list[Hit]:
    """What was found, the more telling first."""
    slug = project.slug
    return [
        *(
            Hit("Sync", "refresh", things.sync_words(sync), str(sync.sync_id), things.sync_url(project, sync))
            for sync in found.syncs
        ),
        *(
            Hit(
                "User", "user", person.name or person.user_id, person.user_id, paths.thing(slug, "user", person.user_id)
            )
            for person in found.users
        ),
        *(
            Hit("Trace", "trace", trace.trace_id, str(trace.first_at), paths.thing(slug, "trace", trace.trace_id))
            for trace in found.traces
        ),
        *(
            Hit(
                "Log entry",
                "list",
                explain.entry_headline(entry),
                entry.entry_id,
                reverse("log", args=(slug, entry.key)),
            )
            for entry in found.entries
        ),
        *(
            Hit("Integration", "plug", integration_words(name), name, paths.thing(slug, "integration", name))
            for name in found.integrations
        ),
    ]
