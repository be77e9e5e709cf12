"""Phrases for numbers, durations and counts, as parts of sentences. The current time is an argument."""

from datetime import datetime, timedelta

from synclogs.explain import times

_MINUTE = 60
_HOUR = 3600
_DAY = 86400


def plural(count: int, one: str, many: str = "") -> str:
    """1 entry, 2 entries, 1,204 entries; `many` defaults to one + "s"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def span(length: timedelta) -> str:
    """A length of time in its largest sensible unit: 42 seconds, 90 minutes, 47 hours, 3 days."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 2 * _MINUTE:
        return plural(seconds, "second")
    if seconds < 2 * _HOUR:
        return plural(seconds // _MINUTE, "minute")
    if seconds < 2 * _DAY:
        return plural(seconds // _HOUR, "hour")
    return plural(seconds // _DAY, "day")


def about(length: timedelta) -> str:
    """Like span, but to the nearest minute or hour: for what is usual, not for what was measured."""
    seconds = length.total_seconds()
    unit = next((unit for unit in (_DAY, _HOUR, _MINUTE) if seconds >= 2 * unit), 1)
    return span(timedelta(seconds=round(seconds / unit) * unit))


def ago(then: datetime, now: datetime) -> str:
    """3 hours ago, just now, in 5 minutes."""
    if then > now:
        return f"in {span(then - now)}"
    if (now - then).total_seconds() < 1:
        return "just now"
    return f"{span(now - then)} ago"


def clock(moment: datetime, *, now: datetime) -> str:
    """14:02 UTC today; yesterday and every other day carry the date, another year the year too."""
    time, moment, now = times.hour(moment), times.local(moment), times.local(now)
    if moment.date() == now.date():
        return time
    if moment.date() == now.date() - timedelta(days=1):
        return f"{time} yesterday"
    year = "" if moment.year == now.year else f" {moment.year}"
    return f"{time} on {moment.day} {moment:%b}{year}"


def moment_words(moment: datetime, *, now: datetime) -> str:
    """14:02 UTC, 6 minutes ago."""
    return f"{clock(moment, now=now)}, {ago(moment, now)}"


def duration_ms(milliseconds: int | None) -> str:
    """812 ms, 8.2 s, 1 min 15 s, 2 h 5 min; "" when not known."""
    if milliseconds is None or milliseconds < 0:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    tenths = round(milliseconds / 100)
    if tenths < 600:
        return f"{tenths // 10} s" if tenths % 10 == 0 else f"{tenths / 10:.1f} s"
    seconds = round(milliseconds / 1000)
    if seconds < _HOUR:
        return _two(seconds // _MINUTE, "min", seconds % _MINUTE, "s")
    minutes = round(seconds / _MINUTE)
    return _two(minutes // _MINUTE, "h", minutes % _MINUTE, "min")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def joined(parts: list[str], *, word: str = "and") -> str:
    """a, b and c."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def one_line(text: str, *, limit: int = 160) -> str:
    """Free text of a sender on one line, cut at `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def run_counts(
    created: int | None,
    updated: int | None,
    deleted: int | None,
    *,
    total_processed: int | None = None,
    total_changes: int | None = None,
    duration: int | None = None,
) -> str:
    """4 created, 11 updated in 8.2 s; no changes in 0.8 s; "" when the run said nothing of itself.

    A zero is left out; "no changes" is said only when the run reported counts and all of them are zero.
    """
    named = ((created, "created"), (updated, "updated"), (deleted, "deleted"))
    text = ", ".join(f"{count:,} {word}" for count, word in named if count)
    if not text and total_changes:
        text = plural(total_changes, "change")
    if not text and any(count == 0 for count in (created, updated, deleted, total_changes)):
        text = "no changes"
        if total_processed:
            text += f" among {plural(total_processed, 'record')}"
    if not text and total_processed is not None:
        text = f"{plural(total_processed, 'record')} processed"
    length = duration_ms(duration)
    return f"{text} in {length}".strip() if length else text


def with_counts(text: str, counts: str) -> str:
    """Run completed: 4 created in 8.2 s; without any count only Run completed in 8.2 s."""
    if not counts:
        return text
    return f"{text} {counts}" if counts.startswith("in ") else f"{text}: {counts}"
