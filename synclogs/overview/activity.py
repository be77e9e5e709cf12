"""What goes wrong in a project or an integration: entries by hour and level, and errors by cause.

A range comes in, numbers go out. Counts come from the hour counts; causes from the newest errors themselves, a bounded
number of them, because the counts do not know which error belongs to which integration.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Sum

from synclogs import catalogue
from synclogs.catalogue import ErrorCode, Event, Level
from synclogs.explain import Explanation, entry_explanation
from synclogs.models import Facet, HourCount, LogEntry, Project, Sync
from synclogs.moments import HOUR, floor

READ = 2000
SHOWN = 20
NAMED = 3
INTEGRATIONS = 500
SYNC_ERRORS_BACK = timedelta(days=7)
SYNC_ERRORS_READ = 50


@dataclass(frozen=True, slots=True)
class Hour:
    """Entries of one hour by level; levels without entries are absent."""

    start: datetime
    levels: Mapping[int, int]

    @property
    def total(self) -> int:
        return sum(self.levels.values())

    @property
    def errors(self) -> int:
        return self.levels.get(Level.ERROR, 0)

    @property
    def warnings(self) -> int:
        return self.levels.get(Level.WARNING, 0)

    @property
    def rest(self) -> int:
        return self.total - self.errors - self.warnings


@dataclass(slots=True)
class Cause:
    """Errors of one kind. `integrations` and `users` are those among the entries read."""

    type: str
    event: Event
    error_code: str
    http_status: int | None
    words: ErrorCode
    last_at: datetime
    entries: int = 0
    integrations: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)

    @property
    def title(self) -> str:
        """The event in words; entries without one are known by their type only."""
        return self.event.words if self.event.name else f"{catalogue.type_words(self.type)} error"

    @property
    def code(self) -> str:
        """code 10007, HTTP 404; "" when the entries name neither."""
        code = self.error_code if self.error_code != str(self.http_status) else ""
        parts = (f"code {code}" if code else "", "" if self.http_status is None else f"HTTP {self.http_status}")
        return ", ".join(part for part in parts if part)

    @property
    def named(self) -> list[str]:
        return sorted(self.integrations)[:NAMED]

    @property
    def more_integrations(self) -> int:
        return max(0, len(self.integrations) - NAMED)


@dataclass(frozen=True, slots=True)
class Causes:
    """The most frequent first. `cut` says that there were more errors than were read, so the counts are of the newest."""

    rows: tuple[Cause, ...]
    read: int
    cut: bool

    @property
    def users(self) -> int:
        return len(set().union(*(row.users for row in self.rows))) if self.rows else 0


def first_hour(now: datetime, *, hours: int = 24) -> datetime:
    """The start of the `hours` hours that end with the present one."""
    return floor(now, HOUR) - (hours - 1) * HOUR


def hourly(
    project: Project, *, now: datetime, hours: int = 24, facet: Facet = Facet.TOTAL, value: str = ""
) -> list[Hour]:
    """The last `hours` hours, oldest first, empty ones included; the last one is the present hour."""
    since = first_hour(now, hours=hours)
    found: dict[datetime, dict[int, int]] = defaultdict(dict)
    rows = HourCount.objects.of(project).filter(facet=facet, value=value, hour__gte=since, hour__lte=now)
    for hour, level, count in rows.values_list("hour", "level", "count"):
        found[hour][level] = count
    return [Hour(start, found.get(start, {})) for start in (since + HOUR * step for step in range(hours))]


def errors_by_integration(project: Project, *, since: datetime, until: datetime) -> dict[str, int]:
    """integration -> errors in the hours from `since`, most first; bounded."""
    rows = (
        HourCount.objects.of(project)
        .filter(facet=Facet.INTEGRATION, level=Level.ERROR, hour__gte=since, hour__lte=until)
        .values("value")
        .annotate(entries=Sum("count"))
        .order_by("-entries", "value")[:INTEGRATIONS]
    )
    return {row["value"]: row["entries"] for row in rows}


def causes(project: Project, *, since: datetime, until: datetime, integration: str = "", read: int = READ) -> Causes:
    """What the errors since `since` were about, from the newest `read` of them."""
    entries = LogEntry.objects.of(project).filter(level__gte=Level.ERROR, occurred_at__gte=since, occurred_at__lt=until)
    if integration:
        entries = entries.filter(integration=integration)
    columns = ("type", "event", "error_code", "http_status", "recoverability", "integration", "user_id", "occurred_at")
    rows = list(entries.newest_first().values_list(*columns)[: read + 1])
    found: dict[tuple[str, str, str, int | None], Cause] = {}
    for kind, event, code, http_status, recoverability, slug, user_id, at in rows[:read]:
        cause = found.get((kind, event, code, http_status))
        if cause is None:
            words = catalogue.error_code(code, http_status=http_status, recoverability=recoverability, event=event)
            cause = Cause(kind, catalogue.event(event), code, http_status, words, at)
            found[kind, event, code, http_status] = cause
        cause.entries += 1
        if slug:
            cause.integrations.add(slug)
        if user_id:
            cause.users.add(user_id)
    most = sorted(found.values(), key=lambda cause: -cause.entries)
    return Causes(tuple(most[:SHOWN]), min(len(rows), read), len(rows) > read)


def seen_codes(project: Project, *, since: datetime, until: datetime) -> set[str]:
    """The error codes counted in whole hours of a range: tells a new one from an old acquaintance."""
    rows = HourCount.objects.of(project).filter(facet=Facet.ERROR_CODE, hour__gte=since, hour__lt=until)
    return set(rows.values_list("value", flat=True).distinct()[:1000])


@dataclass(frozen=True, slots=True)
class SyncError:
    """The newest of several errors of a sync that have the same event, code and HTTP status."""

    entry: LogEntry
    explanation: Explanation
    times: int

    @property
    def message(self) -> str:
        """The entry's own text, else the one of its error."""
        error = self.entry.detail.get("error") if isinstance(self.entry.detail, dict) else None
        text = error.get("message") if isinstance(error, dict) else None
        return self.entry.message or (text if isinstance(text, str) else "")


def last_errors(sync: Sync, project: Project) -> tuple[SyncError, ...]:
    """The kinds of error that a sync had in the week up to its last one, newest first; webhook delivery included."""
    moments = [moment for moment in (sync.last_error_at, sync.webhook_failed_at) if moment is not None]
    if not moments:
        return ()
    last = max(moments)
    entries = LogEntry.objects.of(project).filter(
        sync_id=sync.sync_id,
        level__gte=Level.ERROR,
        occurred_at__gte=max(sync.first_seen_at, last - SYNC_ERRORS_BACK),
        occurred_at__lte=last,
    )
    found: dict[tuple[str, str, int | None], list[LogEntry]] = defaultdict(list)
    for entry in entries.newest_first()[:SYNC_ERRORS_READ]:
        found[entry.event, entry.error_code, entry.http_status].append(entry)
    return tuple(SyncError(group[0], entry_explanation(group[0]), len(group)) for group in found.values())
