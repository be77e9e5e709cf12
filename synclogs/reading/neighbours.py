"""What stands beside one entry: the ones before and after it in its trace, and the page of a list that it is on.

An entry comes in; entries or a cursor go out. A few look-ups by index, never a search.
"""

from dataclasses import dataclass
from uuid import UUID

from synclogs.models import LogEntry, Project, Trace
from synclogs.query.filters import LogFilter
from synclogs.reading import keyset, paging


@dataclass(frozen=True, slots=True)
class Neighbours:
    before: LogEntry | None = None
    after: LogEntry | None = None


def in_trace(entry: LogEntry, project: Project) -> Neighbours:
    """The entries before and after in the same trace, whose first and last moment bound what is looked at."""
    trace = Trace.objects.of(project).filter(trace_id=entry.trace_id).first() if entry.trace_id else None
    if trace is None:
        return Neighbours()
    at, key = entry.occurred_at, entry.key
    others = LogEntry.objects.of(project).filter(trace_id=entry.trace_id)
    earlier = others.filter(keyset.older_than("occurred_at", at, key), occurred_at__gte=trace.first_at)
    later = others.filter(keyset.newer_than("occurred_at", at, key), occurred_at__lte=trace.last_at)
    return Neighbours(earlier.newest_first().first(), later.order_by("occurred_at", "key").first())


def page_with(key: UUID, log_filter: LogFilter, project: Project, *, size: int) -> str:
    """The cursor `before` of a page of `size` rows that has the entry in its middle; "" when the first page has it."""
    entry = LogEntry.objects.of(project).at_key(key).only("key", "occurred_at").first()
    if entry is None:
        return ""
    above = paging.page(log_filter, project, size=size // 2, after=paging.cursor_of(entry))
    if not above.newer or not above.rows:
        return ""
    top = above.rows[0]
    return paging.cursor_at(top.occurred_at, UUID(int=top.key.int + 1))  # just above it, so that it is in
