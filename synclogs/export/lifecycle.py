"""Lifecycle of an export: permission, expected size, the chunks of the file, its end.

Input: a LogFilter. Output: bytes, an Export with the progress, and two audit rows. A broken-off file never looks whole: its
iterator ends with an exception.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from urllib.parse import urlencode

import structlog
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction
from django.utils import timezone

from synclogs.access import audit
from synclogs.access.actors import Actor, allow
from synclogs.export import formats, stream
from synclogs.export.formats import Row
from synclogs.models import Action, Export, ExportFormat, ExportState, Project, Role
from synclogs.models.export import SILENCE
from synclogs.query.filters import LogFilter
from synclogs.reading import saved_views
from synclogs.storage.connections import release

logger = structlog.get_logger(__name__)

MOST = 1_000_000  # entries a file
AT_ONCE = 2  # running exports a person
LINES_AT_ONCE = 200  # about ten milliseconds of work, after which other requests of the process have their turn
PROGRESS_SECONDS = 1.0
RETENTION = timedelta(days=90)
COUNT_SECONDS = 1.5
WRITERS: Mapping[str, Callable[[Iterable[Row]], bytes]] = {
    ExportFormat.NDJSON: formats.ndjson,
    ExportFormat.CSV: formats.csv_lines,
}


class Busy(Exception):
    """The person has as many exports running as allowed."""


def expected(log_filter: LogFilter, project: Project, *, seconds: float = COUNT_SECONDS) -> int | None:
    """How many entries there are; MOST + 1 may stand for any larger number. None when they could not be counted in time."""
    return saved_views.tally(log_filter, project, seconds=seconds, most=MOST)


def start(
    log_filter: LogFilter, project: Project, person: User, *, actor: Actor, format: ExportFormat, now: datetime
) -> Export:
    """Notes that the export begins. Raises NotAllowed, Busy."""
    allow(actor, Role.OPERATOR)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=person.pk)  # two starts at once take turns
        if Export.objects.filter(person=person).running(now).count() >= AT_ONCE:
            raise Busy
        export = Export.objects.create(
            project=project,
            person=person,
            format=format,
            query=urlencode(log_filter.parameters()),
            since=log_filter.since,
            until=log_filter.until,
            started_at=now,
            moved_at=now,
        )
        _record(Action.EXPORT_STARTED, export, actor)
    export.total = expected(log_filter, project)
    export.save(update_fields=["total"])
    return export


def pieces(export: Export, log_filter: LogFilter, *, actor: Actor) -> Iterator[bytes]:
    """The file. The export ends with the last piece, with an error, or when whoever reads it goes away (close)."""
    course = Progress(export, actor)
    try:
        yield from _written(export, log_filter, course)
    except GeneratorExit:
        course.end(ExportState.STOPPED)
        raise
    except BaseException as error:
        logger.warning("export broke off", export=export.pk, error=type(error).__name__)
        with suppress(DatabaseError):  # it may be the reason; the row then says so by its silence
            course.end(ExportState.FAILED)
        raise
    course.end(ExportState.FINISHED)


def _written(export: Export, log_filter: LogFilter, progress: "Progress") -> Iterator[bytes]:
    write = WRITERS[export.format]
    if export.format == ExportFormat.CSV:
        yield formats.csv_head()
    remaining = MOST
    for rows in stream.chunks(log_filter, export.project, received_until=export.started_at):
        progress.is_cut = len(rows) > remaining
        for part in batched(rows[:remaining], LINES_AT_ONCE):
            yield write(part)
            progress.moved(len(part))
            time.sleep(0)
        remaining -= min(remaining, len(rows))
        if progress.is_cut:
            return


def settle(*, now: datetime) -> None:
    """Ends the exports whose process died, and forgets the old ones; the audit keeps both."""
    for export in Export.objects.filter(state=ExportState.RUNNING, moved_at__lte=now - SILENCE).select_related(
        "person"
    ):
        actor = Actor(export.person, export.person.get_username(), Role.OPERATOR)
        Progress(export, actor, export.entries).end(ExportState.FAILED)
    Export.objects.filter(started_at__lt=now - RETENTION).delete()


@dataclass(slots=True)
class Progress:
    """Tells the Export how far it is, not oftener than every second."""

    export: Export
    actor: Actor
    entries: int = 0
    is_cut: bool = False
    written_at: float = 0.0

    def moved(self, entries: int) -> None:
        self.entries += entries
        if time.monotonic() - self.written_at >= PROGRESS_SECONDS:
            self.written_at = time.monotonic()
            self._update(moved_at=timezone.now(), entries=self.entries)
            release()

    def end(self, state: ExportState) -> None:
        now = timezone.now()
        with transaction.atomic():
            self._update(moved_at=now, finished_at=now, entries=self.entries, is_cut=self.is_cut, state=state)
            _record(Action.EXPORT_ENDED, self.export, self.actor)
        release()

    def _update(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self.export, name, value)
        self.export.save(update_fields=list(values))


def _record(action: Action, export: Export, actor: Actor) -> None:
    format = ExportFormat(export.format).label
    query = export.query or "the default filter"
    text = f"{format}: {query}"
    after: dict[str, object] = {"export": export.pk, "format": export.format, "query": export.query}
    if action == Action.EXPORT_STARTED:
        after |= {"since": export.since.isoformat(), "until": export.until.isoformat() if export.until else None}
    else:
        state = ExportState(export.state).label.lower()
        text = f"{export.entries:,} entries as {format}, {state}{' at the limit' if export.is_cut else ''}: {query}"
        after |= {"entries": export.entries, "state": export.state, "is_cut": export.is_cut}
    audit.record(
        action,
        project=export.project,
        object_type="export",
        object_text=text,
        after=after,
        **actor.audited(),
    )
