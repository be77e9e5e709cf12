"""Reference of the query language: fields with notes, payload keys, comparisons, examples.

Tables only; help page, suggestions and tests use the same rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from synclogs.parsing.entry_keys import ERROR, NAMED, RETRY, SUMMARY


@dataclass(frozen=True, slots=True)
class FieldWords:
    name: str
    label: str
    note: str


@dataclass(frozen=True, slots=True)
class Example:
    query: str
    words: str


# In the order in which people need them; what is not listed comes last.
FIRST = (
    "level", "status", "event", "user", "integration", "error_code", "http_status", "message", "sync", "trace", "category",
    "pipeline", "sync_type", "recoverability", "type", "credential",
)  # fmt: skip
FIELD_WORDS: tuple[FieldWords, ...] = tuple(
    FieldWords(name, NAMED[name].label, NAMED[name].note) for name in dict.fromkeys((*FIRST, *NAMED))
)
# Keys that are named by their path; those of a retry at the end, in the order in which they are spelled out.
PATHS: tuple[FieldWords, ...] = tuple(
    FieldWords(".".join(key.path), key.note, "")
    for key in (*SUMMARY, *(key for key in ERROR if key not in RETRY), *RETRY)
    if not key.name
)
# Field -> values with an order, offered before any other.
COMPARISONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "level": ((">=warning", "Warnings and errors"),),
    "http_status": ((">=500", "All server errors"), (">=400", "All errors")),
}
# What always has a value: "any" would be everything.
ALWAYS_THERE = ("level", "category", "type", "id")

EXAMPLES: tuple[Example, ...] = (
    Example("token", "The word anywhere in an entry, in upper or lower case"),
    Example("token expired", "Both words, wherever they stand"),
    Example('"token expired"', "Exactly these words, side by side"),
    Example("limit*", "Words that begin so: limit, limits, limited"),
    Example("*limit*", "The letters anywhere, also inside a word"),
    Example("level:error", "A field with this value"),
    Example("level:error,warning", "A field with one of several values"),
    Example("integration:jira level:error", "Both conditions; a blank means AND"),
    Example("-integration:jira", "Everything but this; it works before words, phrases and parentheses too"),
    Example("timeout OR throttled", "Either of the two; OR is written in capitals"),
    Example("level:error (integration:jira OR integration:box)", "Parentheses say what belongs together"),
    Example("level:error NOT invalid_grant", "NOT is another way to write the minus sign"),
    Example("http_status:>=500", "Comparisons: > >= < <= for HTTP status, level and numbers of the payload"),
    Example("user:*", "Entries that have any user"),
    Example("-user:*", "Entries without a user"),
    Example('message:"sign in"', "Only in the message"),
    Example("event:FULL_SYNC_*", "A value that begins so"),
    Example("summary.created:>0", "A value of the payload: the keys from outside to inside, joined by dots"),
    Example("error.attempt:>=3", "The same inside the error"),
    Example(".region:eu", "A key at the top of the payload begins with a dot"),
    Example('."cost centre":4711', "Keys with blanks or dots stand in quotes"),
)
