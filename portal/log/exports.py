"""Exports for a page: what each contains in words, its progress and outcome. No query, no markup."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs

from portal.links import querystring
from synclogs.catalogue import Tone
from synclogs.explain import phrases
from synclogs.export.lifecycle import MOST
from synclogs.models import Export, ExportFormat, ExportState
from synclogs.query.fields import FIELDS
from synclogs.query.filters import FilterError, LogFilter

TONES = {
    ExportState.RUNNING: Tone.ACTIVE,
    ExportState.FINISHED: Tone.OK,
    ExportState.STOPPED: Tone.WARNING,
    ExportState.FAILED: Tone.ERROR,
}
LABELS = {field.label for field in FIELDS.values()}
PURPOSES = {
    ExportFormat.NDJSON: (
        "One entry a line as JSON, whole and exactly as it was sent.",
        "For programs, jq and scripts, and for import_logs, which makes the same entries of it again.",
    ),
    ExportFormat.CSV: (
        "One entry a line in fixed columns, times in UTC, what has no column as JSON in the last one.",
        "For Excel, Numbers, LibreOffice and Google Sheets. Text that would run as a formula gets an apostrophe.",
    ),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A format to choose: its name, what it is, what it is for, and the link that starts it."""

    format: ExportFormat
    what: str
    purpose: str
    url: str


@dataclass(frozen=True, slots=True)
class Line:
    """An export in the list. `share` of 1000 is None where the whole is not known; `announcement` is said aloud once it has ended."""

    export: Export
    state: ExportState
    tone: Tone
    filter_words: str
    progress: str
    share: int | None
    announcement: str

    @property
    def is_running(self) -> bool:
        return self.state == ExportState.RUNNING


def choices(query: querystring.Pairs) -> list[Choice]:
    return [
        Choice(format, *PURPOSES[format], querystring.link((*query, ("format", format.value))))
        for format in ExportFormat
    ]


def expected_words(total: int | None) -> str:
    """12,345 entries; more than 1,000,000 entries."""
    if total is None:
        return "a number of entries that could not be counted in time"
    return f"more than {MOST:,} entries" if total == MOST + 1 else phrases.plural(total, "entry", "entries")


def line(export: Export, *, now: datetime) -> Line:
    state = export.state_at(now)
    entries = phrases.plural(export.entries, "entry", "entries")
    announcement = ""
    if state == ExportState.RUNNING:
        progress = running_words(export)
    elif state == ExportState.FINISHED:
        limit = "the newest only, since a file holds no more: " if export.is_cut else ""
        progress = announcement = f"{limit}{entries} in {duration_words(export)}".capitalize()
    elif state == ExportState.STOPPED:
        progress = announcement = f"The file is not whole: its download was stopped after {entries}"
    else:
        progress = announcement = f"The file is not whole: it broke off after {entries}. Start it again."
    return Line(export, state, TONES[state], of_export(export), progress, share(export), announcement)


def running_words(export: Export) -> str:
    """124,000 of about 1,200,000 entries, 23,000/s."""
    seconds = (export.moved_at - export.started_at).total_seconds()
    rate = f", {export.entries / seconds:,.0f}/s" if seconds > 0 and export.entries else ""
    if export.total is None:
        return f"{phrases.plural(export.entries, 'entry', 'entries')} so far{rate}"
    about = "" if export.total > MOST else "about "
    return f"{export.entries:,} of {about}{phrases.plural(min(export.total, MOST), 'entry', 'entries')}{rate}"


def duration_words(export: Export) -> str:
    ended = export.finished_at or export.moved_at
    return phrases.duration_ms(int((ended - export.started_at).total_seconds() * 1000))


def share(export: Export) -> int | None:
    if export.total is None:
        return None
    return min(1000, export.entries * 1000 // max(1, min(export.total, MOST)))


def of_export(export: Export) -> str:
    """The filter of an export in one line: Level is Error, Last 7 days."""
    try:
        log_filter = LogFilter.parse(parse_qs(export.query, max_num_fields=1000).items(), now=export.started_at)
    except (FilterError, ValueError):  # a filter that an older version knew
        return export.query
    return ", ".join(filter_words(log_filter))


def filter_words(log_filter: LogFilter) -> list[str]:
    """Each term, the query and the range, as people say them."""
    found = [
        f"{chip.label} {chip.verb} {' or '.join(value.words for value in chip.values)}"
        for chip in querystring.chips(log_filter)
        if chip.label in LABELS
    ]
    if log_filter.q:
        found.append(f"Query: {log_filter.q}")
    return [*found, querystring.range_words(log_filter.since_text, log_filter.until_text)]
