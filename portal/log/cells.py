"""Cells of a log row after time and level: one for each chosen column, or the default columns with their groups.

Returns markup; no query. A list repeats few users, integrations and events, so each cell is rendered once for a value and list.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from django.utils.safestring import SafeString

from portal.drawing.markup import fill, joined
from portal.drawing.values import short_id, status_badge, visible, visible_text
from portal.links import paths
from portal.links.querystring import value_words
from portal.log import columns, entry_detail
from portal.log.columns import COLUMNS, Column
from synclogs import catalogue, explain
from synclogs.explain import phrases, times
from synclogs.models import LogEntry, Project
from synclogs.moments import rfc3339
from synclogs.parsing import entry_keys, fields
from synclogs.parsing.entry_keys import NAMED, Key

Draw = Callable[["Cells", LogEntry, Column], SafeString]
DASH = "\N{EN DASH}"
GROUP, GROUP_END = fill('<span class="row-who">'), fill("</span>\n")
# Shown in the letters of code, since they are copied and compared and not read.
CODES = {"sync", "trace", "error_code", "credential", "id"}
MISSING_WORDS: Mapping[str, str] = {
    "duration": "This entry tells no duration",
    "changes": "This entry counts no changes",
}


class Cells:
    """Draws the cells of one list. Without `chosen` it is the usual line of pages that have no columns menu."""

    def __init__(self, project: Project, chosen: Sequence[Column] | None = None) -> None:
        self.project = project
        self.chosen = columns.DEFAULT if chosen is None else tuple(chosen)
        self.grouped = chosen is None
        self.draws = [(column, DRAW[column.name]) for column in self.chosen]
        self.shows_event = COLUMNS["event"] in self.chosen
        self.known: dict[tuple[str, str], SafeString] = {}

    def of(self, entry: LogEntry) -> SafeString:
        drawn = [draw(self, entry, column) for column, draw in self.draws]
        if self.grouped:
            head, *middle, message_ = drawn
            drawn = [head, GROUP, *middle, GROUP_END, message_]
        return joined(drawn)

    def once(self, column: Column, value: str, make: Callable[[], SafeString]) -> SafeString:
        """The cell of that value, made at most once; a mark where the entry does not have the thing."""
        cell = self.known.get((column.name, value))
        if cell is None:
            cell = self.known[column.name, value] = make() if value else none(column)
        return cell


def none(column: Column) -> SafeString:
    title = MISSING_WORDS.get(column.name, f"This entry names no {column.words.lower()}")
    return fill('<span class="{} row-none" title="{}">{}</span>\n', column.css, title, DASH)


def fact(column: Column, value: str, words: str) -> SafeString:
    """A value with its words, and the column's name for those who hear the line."""
    return fill(
        '<span class="{}" title="{}"><span class="sr-only">{} </span><bdi>{}</bdi></span>\n',
        f"{column.css} id" if column.name in CODES else column.css,
        visible_text(value),
        column.words,
        visible(words),
    )


def event(cells: Cells, entry: LogEntry, column: Column) -> SafeString:
    name = entry.event or entry.type

    def make() -> SafeString:
        words = visible(catalogue.event(name).words)
        return fill('<span class="{} row-event" title="{}">{}</span>\n', column.css, visible_text(name), words)

    return cells.once(column, name, make)


def message(cells: Cells, entry: LogEntry, column: Column) -> SafeString:
    """What the line says beyond its event; all of it where the event has no column."""
    text = entry_detail.message_cell(entry) if cells.shows_event else explain.entry_headline(entry)
    return fill('<span class="cell cell-rest cell-message row-text"><bdi>{}</bdi></span>\n', visible(text))


def link_cell(name: str, attribute: str, cells: Cells, entry: LogEntry, column: Column) -> SafeString:
    """A link to the page of what the line names."""
    value = str(getattr(entry, attribute) or "")

    def make() -> SafeString:
        is_code = column.name in CODES
        return fill(
            '<a class="{}" href="{}" title="{}"><span class="sr-only">{} </span><bdi>{}</bdi></a>\n',
            f"{column.css} id" if is_code else column.css,
            paths.detail(cells.project.slug, name, value),
            f"{column.words} {visible_text(value)}" if is_code else visible_text(value),
            column.words,
            visible(value_words(name, value) if name == "integration" else short_id(value)),
        )

    return cells.once(column, value, make)


def in_words(attribute: str, cells: Cells, entry: LogEntry, column: Column) -> SafeString:
    """A value in words, with the value itself for the title."""
    found = getattr(entry, attribute)
    value = "" if found is None else str(found)
    return cells.once(column, value, lambda: fact(column, value, value_words(column.name, value)))


def category(cells: Cells, entry: LogEntry, column: Column) -> SafeString:
    words = entry.get_category_display()
    return cells.once(column, words, lambda: fact(column, words, words))


def status(cells: Cells, entry: LogEntry, column: Column) -> SafeString:
    def make() -> SafeString:
        badge = status_badge(entry.status, "status-plain")
        return fill('<span class="{}">{}</span>\n', column.css, badge)

    return cells.once(column, entry.status, make)


def number(key: Key, cells: Cells, entry: LogEntry, column: Column) -> SafeString:
    """A whole number of the payload; a length of time in words, with the number for the title."""
    found = fields.nested_count(entry.detail, key)
    if found is None:
        return cells.once(column, "", lambda: none(column))
    if key.unit == entry_keys.MILLISECONDS:
        return fact(column, f"{found:,} ms", phrases.duration_ms(found))
    return fact(column, f"{found:,}", f"{found:,}")


def changes(cells: Cells, entry: LogEntry, column: Column) -> SafeString:
    found = fields.summary(entry.detail)
    counted = [] if found is None else [found.created, found.updated, found.deleted]
    parts = [count for count in counted if count is not None]
    total = None if found is None else found.total_changes
    if total is None and parts:
        total = sum(parts)
    if found is None or total is None:
        return cells.once(column, "", lambda: none(column))
    text = phrases.run_counts(
        found.created,
        found.updated,
        found.deleted,
        total_processed=found.total_processed,
        total_changes=found.total_changes,
    )
    return fill(
        '<span class="{}" title="{}"><bdi>{}</bdi></span>\n',
        column.css,
        text,
        phrases.plural(total, "change") if total else "no changes",
    )


def received(cells: Cells, entry: LogEntry, column: Column) -> SafeString:
    moment = times.local(entry.received_at)
    return fill(
        '<span class="{}"><span class="sr-only">Received </span><time datetime="{}" title="{}">{}</time></span>\n',
        column.css,
        rfc3339(moment),
        times.exact(moment),
        f"{moment:%H:%M:%S}",
    )


DRAW: Mapping[str, Draw] = {
    **{name: partial(in_words, key.column) for name, key in NAMED.items() if name in COLUMNS},
    **{name: partial(link_cell, name, NAMED[name].column) for name in entry_detail.PAGES},
    "event": event,
    "message": message,
    "category": category,
    "status": status,
    "duration": partial(number, entry_keys.DURATION),
    "changes": changes,
    "received": received,
}
