"""Log entries as lines of a list: every text ready for the template, which then only writes it down.

Entries come in, frozen Rows come out; no query. Fifty lines are most of what a page costs, so a line has no tags, no
filters and no URL to work out when it is rendered.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.urls import reverse
from django.utils.safestring import SafeString

from portal import entries
from portal.querystring import value_words
from portal.templatetags.portal import level_badge, level_slug, short_id, stamp, visible, visible_text
from synclogs import catalogue, explain
from synclogs.models import LogEntry, Project

Shown = SafeString | str


@dataclass(frozen=True, slots=True)
class Place:
    """A thing that a line names: its page, what is shown of it, and the whole of it for the title."""

    url: str
    short: Shown
    whole: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `day` is "" unless it differs from the line above; a Place is None where the entry names no such thing."""

    entry: LogEntry
    key: str
    url: str
    level: str
    badge: SafeString
    day: str
    clock: str
    stamp: str
    title: str
    name: str
    event: Shown
    label: str
    sync: Place | None
    user: Place | None
    integration: Place | None
    text: Shown


def lines(found: Iterable[LogEntry], project: Project, *, now: datetime) -> tuple[Row, ...]:
    """The entries as rows, in the order given."""
    base = reverse("logs", args=(project.slug,))
    places = Places(project)
    rows: list[Row] = []
    last: date | None = None
    for entry in found:
        moment = entry.occurred_at.astimezone(UTC)
        day = moment.date()
        rows.append(_row(entry, moment, base=base, places=places, is_new_day=day != last, now=now))
        last = day
    return tuple(rows)


def _row(entry: LogEntry, moment: datetime, *, base: str, places: "Places", is_new_day: bool, now: datetime) -> Row:
    name = entry.event or entry.type
    words = catalogue.event(name).words
    clock = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
    return Row(
        entry=entry,
        key=str(entry.key),
        url=f"{base}/{entry.key}",
        level=level_slug(entry.level),
        badge=level_badge(entry.level),
        day=f"{moment:%A}, {moment.day} {moment:%B %Y}" if is_new_day else "",
        clock=clock,
        stamp=stamp(moment),
        title=f"{moment:%Y-%m-%d %H:%M:%S} UTC, {explain.ago(moment, now)}",
        name=name,
        event=visible(words),
        label=visible_text(f"Context of {words}, {clock[:8]}"),
        sync=places.sync(entry),
        user=places.user(entry),
        integration=places.integration(entry),
        text=visible(entries.message_cell(entry)),
    )


class Places:
    """The pages that lines name, each worked out once: a list names few users and integrations, over and over."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.known: dict[tuple[str, str], Place | None] = {}

    def sync(self, entry: LogEntry) -> Place | None:
        return self.place("sync", str(entry.sync_id or ""), short_id(entry.sync_id))

    def user(self, entry: LogEntry) -> Place | None:
        return self.place("user", entry.user_id, short_id(entry.user_id))

    def integration(self, entry: LogEntry) -> Place | None:
        return self.place("integration", entry.integration, value_words("integration", entry.integration))

    def place(self, name: str, value: str, short: str) -> Place | None:
        if not value:
            return None
        if (name, value) not in self.known:
            url = entries.page_of(name, self.project, value)
            self.known[name, value] = Place(url, visible(short), visible_text(value))
        return self.known[name, value]
