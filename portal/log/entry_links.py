"""Links from one entry to its surroundings: previous and next in its trace, the whole run, its sync and its user at that time.

The lists that they open are positioned at the entry. No query, no markup.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.urls import reverse

from portal.links import paths
from portal.links.querystring import link
from portal.log.entry_detail import NEIGHBOURHOOD
from synclogs import explain
from synclogs.models import LogEntry, Project
from synclogs.moments import rfc3339
from synclogs.reading.neighbours import Neighbours

MILLISECOND = timedelta(milliseconds=1)
AT = "at"


@dataclass(frozen=True, slots=True)
class Step:
    """Another entry of the trace; `distance` as "3.2 s earlier"."""

    url: str
    words: str
    distance: str


@dataclass(frozen=True, slots=True)
class Around:
    """Addresses are "" where the entry names no such thing."""

    before: Step | None
    after: Step | None
    run: str
    sync: str
    user: str


def around(entry: LogEntry, project: Project, beside: Neighbours) -> Around:
    return Around(
        before=step(entry, beside.before, project),
        after=step(entry, beside.after, project),
        run=paths.detail(project.slug, "trace", entry.trace_id) if entry.trace_id else "",
        sync=at_that_time(entry, project, "sync", str(entry.sync_id or "")),
        user=at_that_time(entry, project, "user", entry.user_id),
    )


def step(entry: LogEntry, other: LogEntry | None, project: Project) -> Step | None:
    if other is None:
        return None
    words = explain.one_line(explain.entry_headline(other), limit=100)
    apart = abs(entry.occurred_at - other.occurred_at)
    side = "later" if other.occurred_at > entry.occurred_at else "earlier"
    distance = f"{explain.duration_ms(apart // MILLISECOND)} {side}" if apart >= MILLISECOND else "at the same moment"
    return Step(reverse("log", args=(project.slug, other.key)), words, distance)


def at_that_time(entry: LogEntry, project: Project, name: str, value: str) -> str:
    """The list of one thing, a quarter of an hour to both sides, at the page that has the entry."""
    if not value:
        return ""
    query = (
        (name, value),
        ("since", rfc3339(entry.occurred_at - NEIGHBOURHOOD, "seconds")),
        ("until", rfc3339(entry.occurred_at + NEIGHBOURHOOD, "seconds")),
        (AT, entry.key.hex),
    )
    return f"{reverse('logs', args=(project.slug,))}{link(query)}#log-{entry.key}"
