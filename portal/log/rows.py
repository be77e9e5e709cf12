"""Log entries as lines of a list, drawn.

Entries come in, frozen Rows with finished markup come out; no query. Fifty lines are most of what a page costs, so a template
has nothing to work out for them: portal.log.cells draws what stands behind time and level.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.safestring import SafeString

from portal.drawing.markup import fill
from portal.drawing.values import icon, level_badge, level_slug, visible_text
from portal.log.cells import Cells
from portal.log.columns import Column
from synclogs import catalogue, explain
from synclogs.explain import times
from synclogs.models import LogEntry, Project
from synclogs.moments import rfc3339

LINE = """\
<li class="row" data-log-key="{key}" data-level="{level}" id="log-{key}">
<div class="row-line">
<input class="row-tick" type="checkbox" autocomplete="off" aria-label="Tick the entry of {clock}">
<button class="row-open" type="button" aria-expanded="false" aria-controls="context-{key}" aria-label="{label}" \
hx-get="{url}/context" hx-trigger="expand">{chevron}</button>
<a class="row-time" href="{url}" data-permalink><time datetime="{stamp}" title="{title}">{clock}</time></a>
{badge}
{cells}
</div>
<div class="row-panel" id="context-{key}" hidden></div>
</li>
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line, drawn. `day` is "" unless it or the zone differs from the line above, and stands in it."""

    entry: LogEntry
    day: str
    drawn: SafeString


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
    words = catalogue.event(entry.event or entry.type).words
    clock = moment.isoformat(timespec="milliseconds")[11:23]
    key = str(entry.key)
    line = fill(
        LINE,
        key=key,
        level=level_slug(entry.level),
        clock=clock,
        label=visible_text(f"Context of {words}, {clock[:8]}"),
        url=f"{base}/{key}",
        chevron=icon("chevron"),
        stamp=rfc3339(moment),
        title=f"{times.exact_of(moment)}, {explain.ago(moment, now)}",
        badge=level_badge(entry.level),
        cells=cells.of(entry),
    )
    return Row(entry, day, fill('<li class="rows-day">{}</li>{}', day, line) if day else line)
