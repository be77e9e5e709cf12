"""Search page: redirects to the page of what was pasted, offers a choice of several, or says what was looked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.http import urlencode

from portal.access.projects import ProjectRequest, project_view
from portal.links import paths
from portal.syncs import sync_rows
from synclogs import explain
from synclogs.catalogue import integration_words
from synclogs.explain import plural, times
from synclogs.lookup import matches, paste
from synclogs.lookup.matches import BY_SPECIFICITY, Hit
from synclogs.lookup.paste import LONGEST_VALUE, Candidate, Link, Pasted
from synclogs.lookup.pasted_json import Kind
from synclogs.models import Project
from synclogs.query.tree import quote

# An address of this length passes every proxy; what is longer is answered at once instead of by a redirect.
LONGEST_QUERY = 4000
SHOWN = 12
PAGE = "List"
PAGES = ("logs", "syncs", "traces", "users", "integrations")
MOST_PAIRS = 40
ICONS = {
    Kind.ENTRY: "list",
    Kind.TRACE: "trace",
    Kind.SYNC: "refresh",
    Kind.USER: "user",
    Kind.CODE: "error",
    Kind.INTEGRATION: "plug",
}
LABELS = {
    Kind.ENTRY: "Log entry",
    Kind.TRACE: "Trace",
    Kind.SYNC: "Sync",
    Kind.USER: "User",
    Kind.CODE: "Error code",
    Kind.INTEGRATION: "Integration",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is offered. `why` says where the text named it."""

    label: str
    icon: str
    words: str
    note: str
    why: str
    url: str
    is_id: bool  # whether the note is an identifier and nothing else


@dataclass(frozen=True, slots=True)
class Missed:
    """A candidate that nothing carries, and where else to look for it."""

    value: str
    why: str
    in_logs: str


@project_view(methods=("GET", "HEAD", "POST"))
def search(request: ProjectRequest) -> HttpResponse:
    """One thing opens, unless the text had to be cut: then the page says so first. Long texts come by POST."""
    now, project = timezone.now(), request.project
    typed = (request.POST if request.method == "POST" else request.GET).get("q", "")
    pasted = paste.read(typed, project=project.slug)
    found = matches.find(project, pasted, now=now)
    pages = list(_pages(pasted.links, request))
    best = matches.most_specific(found, is_log=pasted.is_log)
    if not pasted.is_cut:
        if pasted.is_link and pages and pages[0].label == PAGE:
            return redirect(pages[0].url)
        if best:
            return redirect(_url(project, best))
        if request.method == "POST" and len(query := urlencode({"q": typed})) <= LONGEST_QUERY:
            return redirect(f"{reverse('search', args=(project.slug,))}?{query}")
    bare = pasted.text.strip()
    people = (
        matches.like(project, bare) if not found.hits and not pages and "\n" not in bare and len(bare) <= 256 else []
    )
    alike = [Hit(Kind.USER, person, pasted.candidates[0]) for person in people if pasted.candidates]
    context = {
        "now": now,
        "search_text": pasted.text.replace("\n", f" {paste.BREAK} "),
        "looked_for": bare,
        "is_short": "\n" not in bare and len(bare) <= LONGEST_VALUE,
        "cut": paste.LONGEST if pasted.is_cut else 0,
        "hits": [
            *pages,
            *(_row(project, hit, pasted) for kind in BY_SPECIFICITY for hit in found.hits if hit.kind == kind),
        ],
        "alike": [_row(project, hit, pasted) for hit in alike],
        **_elsewhere(project, pasted, found.missed),
    }
    return render(request, "search.html", context)


def _row(project: Project, hit: Hit, pasted: Pasted) -> Row:
    words, note = _words(hit)
    why = _why(hit.candidate, pasted, how=hit.how)
    is_id = hit.kind in (Kind.SYNC, Kind.INTEGRATION)
    return Row(LABELS[hit.kind], ICONS[hit.kind], words, note, why, _url(project, hit), is_id=is_id)


def _words(hit: Hit) -> tuple[str, str]:
    """What the thing is called, and what tells it from others of that name."""
    row = hit.row
    match hit.kind:
        case Kind.ENTRY:
            return explain.entry_headline(row), f"{times.exact(row.occurred_at)} · {row.entry_id}"
        case Kind.TRACE:
            return row.trace_id, f"{sync_rows.sync_words(row)} · {times.exact(row.first_at)}"
        case Kind.SYNC:
            return sync_rows.sync_words(row), str(row.sync_id)
        case Kind.USER:
            more = " · ".join(text for text in (row.user_id, row.email, row.company) if text)
            return row.name or row.user_id, more
        case Kind.CODE:
            return row, f"{plural(hit.count, 'entry', 'entries')} in the last {matches.CODES_SEEN.days} days"
        case _:
            return integration_words(row), row


def _url(project: Project, hit: Hit) -> str:
    slug, row = project.slug, hit.row
    match hit.kind:
        case Kind.ENTRY:
            return reverse("log", args=(slug, row.key))
        case Kind.TRACE:
            return paths.detail(slug, "trace", row.trace_id)
        case Kind.SYNC:
            return sync_rows.sync_url(project, row)
        case Kind.USER:
            return paths.detail(slug, "user", row.user_id)
        case Kind.CODE:
            return paths.logs(slug, error_code=row, since=f"{matches.CODES_SEEN.days}d")
        case _:
            return paths.detail(slug, "integration", row)


def _why(candidate: Candidate, pasted: Pasted, *, how: str = "") -> str:
    """Named in line 3 as syncId; their e-mail, in line 1; "" when the text is nothing but this."""
    name = {"link": "by a link"}.get(candidate.name, f"as {candidate.name}" if candidate.name else "")
    place = f"in line {candidate.line}" if pasted.lines > 1 else ""
    phrase = " ".join(part for part in ("named" if name or place else "", place, name) if part)
    text = ", ".join(part for part in (how, phrase) if part)
    return text[:1].upper() + text[1:]


def _pages(links: Iterable[Link], request: ProjectRequest) -> Iterable[Row]:
    """Links to lists of this project, and into other projects of this person; of projects of others nothing is said."""
    projects = {project.slug: project for project in request.projects}
    seen = set()
    for link in links:
        project = projects.get(link.project)
        is_here = link.project == request.project.slug
        if project is None or (is_here and (link.identifier or not link.query)):
            continue
        url = _address(link)
        if url and url not in seen:
            seen.add(url)
            label = PAGE if is_here else f"In {project.name}"
            words = f"{link.page.capitalize()}, filtered" if is_here else link.identifier or link.page.capitalize()
            note = "Named by a link" if is_here else f"The link leads to the project {project.name}"
            yield Row(label, "link", words or project.name, url, note, url, is_id=True)


def _address(link: Link) -> str:
    """The page of ours that a link names, put together anew; "" when there is none."""
    if not link.page:
        return reverse("overview", args=(link.project,))
    if link.page not in PAGES:
        return ""
    try:
        if not link.identifier:
            pairs = parse_qsl(link.query, keep_blank_values=True)[:MOST_PAIRS]
            return reverse(link.page, args=(link.project,)) + (f"?{urlencode(pairs)}" if pairs else "")
        name = link.page.removesuffix("s")
        if name in paths.LISTS:
            return paths.detail(link.project, name, link.identifier)
        return reverse(name, args=(link.project, link.identifier.partition("/")[0]))
    except NoReverseMatch:
        return ""


def _elsewhere(project: Project, pasted: Pasted, missed: Iterable[Candidate]) -> dict[str, object]:
    """What was looked for without a hit, and the lists that find parts and words."""
    shown = [candidate for candidate in missed if not candidate.is_guess]
    bare = pasted.text.strip()
    part = {"q": bare[:LONGEST_VALUE]}
    return {
        "missed": [
            Missed(candidate.value, _why(candidate, pasted), _in_logs(project, candidate.value))
            for candidate in shown[:SHOWN]
        ],
        "shows_missed": len(shown) > 1 or bool(shown and "\n" in bare),
        "more_missed": max(0, len(shown) - SHOWN),
        "in_syncs": f"{reverse('syncs', args=(project.slug,))}?{urlencode(part)}",
        "in_users": f"{reverse('users', args=(project.slug,))}?{urlencode(part)}",
        "in_logs": _in_logs(project, bare),
    }


def _in_logs(project: Project, text: str) -> str:
    """The log list of the last 30 days searched for these words; "" when they are too long to ask for."""
    query = quote(" ".join(text.split()))
    return paths.logs(project.slug, since="30d", q=query) if len(query) <= LONGEST_VALUE else ""
