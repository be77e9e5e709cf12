"""One log entry as plain text for a ticket or a mail: what happened, when, to whom, what to do, and the link.

No value of a sender can break or forge a line. No query, no markup.
"""

from collections.abc import Iterable, Iterator

from portal.drawing.values import visible_text
from portal.links.querystring import value_words
from portal.log.entry_detail import figures
from synclogs import explain
from synclogs.catalogue import Level
from synclogs.explain import times
from synclogs.models import LogEntry

LABEL_WIDTH = 14
LONGEST_VALUE = 300
LONGEST_MESSAGE = 2000
MOST_LINES = 30
BETWEEN = f"\n{'-' * 60}\n\n"


def tickets(found: Iterable[tuple[LogEntry, str, str]]) -> str:
    """Several entries with their person and link, in the order given."""
    return BETWEEN.join(ticket(entry, person=person, link=link) for entry, person, link in found)


def ticket(entry: LogEntry, *, person: str, link: str) -> str:
    """The entry; `person` is the connected user's name ("" when not known), `link` the whole address of its page."""
    lines = [visible_text(explain.entry_headline(entry)), ""]
    for label, value in facts(entry, person):
        if line := one_line(value):
            lines.append(f"{label + ':':<{LABEL_WIDTH}} {line}")
    if message := list(quoted(entry.message)):
        lines += ["Message:", *message]
    return "\n".join((*lines, f"{'Link:':<{LABEL_WIDTH}} {link}", ""))


def facts(entry: LogEntry, person: str) -> Iterator[tuple[str, str]]:
    explanation = explain.entry_explanation(entry)
    yield "Time", times.exact(entry.occurred_at, is_fine=True)
    yield "Level", Level(entry.level).label if entry.level in Level.values else str(entry.level)
    yield "User", named(person, entry.user_id)
    yield "Integration", named(value_words("integration", entry.integration), entry.integration)
    yield "Pipeline", named(value_words("pipeline", entry.pipeline), entry.pipeline)
    yield "Sync", str(entry.sync_id or "")
    yield "Run (trace)", entry.trace_id
    yield "Status", named(value_words("status", entry.status), entry.status)
    yield "Counts", counts(entry)
    yield "Error", ", ".join(part for part in (explanation.code, entry.recoverability) if part)
    if explanation.cause:
        yield "Cause", f"{explanation.cause[:1].upper()}{explanation.cause[1:]}. {explanation.side_words}."
    yield "It means", explanation.meaning
    yield "To do", explanation.action


def named(words: str, identifier: str) -> str:
    """Acme (acct_4471); the identifier alone where words say no more."""
    return f"{words} ({identifier})" if words and words != identifier else identifier


def counts(entry: LogEntry) -> str:
    detail = entry.detail if isinstance(entry.detail, dict) else {}
    return ", ".join(
        f"{figure.label.lower()} {explain.duration_ms(figure.value) if figure.is_duration else f'{figure.value:,}'}"
        for figure in figures(detail.get("summary"))
    )


def one_line(text: str) -> str:
    return visible_text(explain.one_line(text, limit=LONGEST_VALUE))


def quoted(text: str) -> Iterator[str]:
    """A sender's text, indented, so that a line of it is never taken for one of ours."""
    lines = text[:LONGEST_MESSAGE].strip().splitlines()
    for line in lines[:MOST_LINES]:
        yield f"  {visible_text(line.replace('\t', ' ')).rstrip()}".rstrip()
    if len(text) > LONGEST_MESSAGE or len(lines) > MOST_LINES:
        yield "  … (cut here; the link has all of it)"
