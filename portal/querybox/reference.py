"""Reference of the query language: fields with notes, payload keys, comparisons, examples.

Tables only; help page, suggestions and tests use the same rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

HELP = "queries"  # the section of the help page


@dataclass(frozen=True, slots=True)
class FieldWords:
    name: str
    label: str
    note: str


@dataclass(frozen=True, slots=True)
class Example:
    query: str
    words: str


# In the order in which people need them.
FIELD_WORDS: tuple[FieldWords, ...] = (
    FieldWords("level", "Level", "error, warning, info or debug"),
    FieldWords("status", "Sync status", "The state in the log, such as ERRORED or IDLE"),
    FieldWords("event", "Event", "What happened, such as SYNC_RUN_ERROR"),
    FieldWords("user", "User", "The connected user's ID, as your application calls it"),
    FieldWords("integration", "Integration", "Such as googledrive or salesforce"),
    FieldWords("error_code", "Error code", "Such as invalid_grant or 10007"),
    FieldWords("http_status", "HTTP status", "A number from 100 to 599; >=500 for all from there"),
    FieldWords("message", "Message", "Words of the message only, or a phrase in quotes"),
    FieldWords("sync", "Sync", "The sync's whole ID"),
    FieldWords("trace", "Trace", "The ID of one run"),
    FieldWords("category", "Category", "lifecycle, warning, error, webhook or other"),
    FieldWords("pipeline", "Pipeline", "Such as files or contacts"),
    FieldWords("sync_type", "Sync type", "INITIAL, INCREMENTAL, FULL and others"),
    FieldWords("recoverability", "Recoverability", "RECOVERABLE, or what else the error says"),
    FieldWords("type", "Type", "managed_sync, or another kind of log"),
    FieldWords("credential", "Credential", "The ID of the connected account's credential"),
    FieldWords("id", "ID of the entry", "As its sender named it"),
)
PATHS: tuple[FieldWords, ...] = (
    FieldWords("summary.created", "New records of a run", ""),
    FieldWords("summary.updated", "Changed records of a run", ""),
    FieldWords("summary.deleted", "Deleted records of a run", ""),
    FieldWords("summary.totalProcessed", "Records that a run looked at", ""),
    FieldWords("summary.totalChanges", "Changes of a run", ""),
    FieldWords("summary.durationMs", "Milliseconds that a run took", ""),
    FieldWords("error.message", "Message of the error", ""),
    FieldWords("error.attempt", "Number of the attempt", ""),
    FieldWords("error.maxAttempts", "Attempts allowed", ""),
    FieldWords("error.backoffMs", "Milliseconds until the next attempt", ""),
    FieldWords("error.nextRetryAt", "Time of the next attempt", ""),
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
