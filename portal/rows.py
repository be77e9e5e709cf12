"""Log entries as lines of a list: every text ready for the template, which then only writes it down.

Entries come in, frozen Rows come out; no query. Fifty lines are most of what a page costs, so a line has no tags, no
filters and no URL to work out when it is rendered: portal.cells draws what stands behind time and level.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.safestring import SafeString

from portal import entries
from portal.cells import Cells
from portal.columns import Column
from portal.templatetags.portal import level_badge, level_slug, stamp, visible, visible_text
from synclogs import catalogue, explain
from synclogs.explain import times
from synclogs.models import LogEntry, Project

Shown = SafeString | str


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `day` is "" unless it or the zone differs from the line above; `cells` are the columns after time and level."""

    entry: LogEntry
    key: str
    url: str
    level: str
    badge: SafeString
    day: str
    clock: str
    stamp: str
    title: str
    label: str
    cells: SafeString

    @property
    def text(self) -> Shown:
        """What the line says beyond its event."""
        return visible(entries.message_cell(self.entry))


def lines(
    found: Iterable[LogEntry], project: Project, *, now: datetime, chosen: Sequence[Column] | None = None
) -> tuple[Row, ...]:
    """The entries as rows, in the order given, with the chosen columns or those of a page that offers no choice."""
    base = reverse("logs", args=(project.slug,))
    cells = Cells(project, chosen)
    rows: list[Row] = []
    above: datetime | None = None
    for entry in found:
        moment = times.local(entry.occurred_at)
        rows.append(_row(entry, moment, base=base, cells=cells, day=head(moment, above), now=now))
        above = moment
    return tuple(rows)


def head(moment: datetime, above: datetime | None) -> str:
    """What stands above a line: its day and zone, where a new day begins or clocks were changed."""
    if above is not None and (moment.date(), moment.utcoffset()) == (above.date(), above.utcoffset()):
        return ""
    return f"{times.day(moment)}, {times.zone(moment)}"


def _row(entry: LogEntry, moment: datetime, *, base: str, cells: Cells, day: str, now: datetime) -> Row:
    name = entry.event or entry.type
    words = catalogue.event(name).words
    clock = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
    return Row(
        entry=entry,
        key=str(entry.key),
        url=f"{base}/{entry.key}",
        level=level_slug(entry.level),
        badge=level_badge(entry.level),
        day=day,
        clock=clock,
        stamp=stamp(moment),
        title=f"{times.exact(moment)}, {explain.ago(moment, now)}",
        label=visible_text(f"Context of {words}, {clock[:8]}"),
        cells=cells.of(entry),
    )
