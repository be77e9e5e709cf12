"""The known keys of a log entry, each once: its place, spellings, name in queries, column, label, unit and meaning.

Decoding, sentences, export, API, help, columns and filters take their keys from here, so that a new key is written down
once. Plain data: no value is read here (synclogs.parsing.fields does).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from synclogs.parsing.limits import LIMITS

# What the API document says of a value.
COUNT = "A whole number from 0 on."
SHORT = f"At most {LIMITS.text_characters} printable ASCII characters, not only blanks."
MILLISECONDS = "ms"
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A known key of an entry.

    `path`: the keys from outside to inside as the contract spells them, () for what the portal makes itself. `aliases`:
    other spellings of the last of them, read in this order where there is nothing under the first. `name`: the field in
    URLs and queries, "" for a key that is named by its path alone. `column`: of synclogs.models.LogEntry, "" for what
    stays in its detail. `note` is for people who write queries, `takes` for programs that send entries.
    """

    path: tuple[str, ...]
    label: str
    aliases: tuple[str, ...] = ()
    name: str = ""
    column: str = ""
    unit: str = ""
    note: str = ""
    takes: str = ""

    @property
    def wire(self) -> str:
        """The last key, as it is sent."""
        return self.path[-1]

    @property
    def spellings(self) -> tuple[str, ...]:
        return (self.wire, *self.aliases)

    @property
    def snake(self) -> str:
        """The last key as columns are spelled: totalProcessed -> total_processed."""
        return snake(self.wire)


def snake(name: str) -> str:
    return _CAPITAL.sub("_", name).lower()


# In the order of the platform's documentation, in which an entry is shown as it was sent.
ENTRY: tuple[Key, ...] = (
    Key(path=("id",), label="ID of the entry", name="id", column="entry_id", note="As its sender named it"),
    Key(path=("timestamp",), label="Time", column="occurred_at"),
    Key(path=("level",), label="Level", name="level", column="level", note="error, warning, info or debug"),
    Key(path=("type",), label="Type", name="type", column="type", note="managed_sync, or another kind of log"),
    Key(
        path=("message",), label="Message", name="message", column="message",
        note="Words of the message only, or a phrase in quotes",
    ),
    Key(
        path=("syncId",), label="Sync", aliases=("syncInstanceId",), name="sync", column="sync_id",
        note="The sync's whole ID",
    ),
    Key(path=("traceId",), label="Trace", name="trace", column="trace_id", note="The ID of one run", takes=SHORT),
    Key(
        path=("userId",), label="User", aliases=("endUserId",), name="user", column="user_id",
        note="The connected user's ID, as your application calls it",
    ),
    Key(
        path=("integration",), label="Integration", aliases=("integrationId",), name="integration", column="integration",
        note="Such as googledrive or salesforce", takes=SHORT,
    ),
    Key(
        path=("pipeline",), label="Pipeline", name="pipeline", column="pipeline", note="Such as files or contacts", takes=SHORT
    ),
    Key(
        path=("syncEvent",), label="Event", name="event", column="event", note="What happened, such as SYNC_RUN_ERROR"
    ),
    Key(
        path=("syncType",), label="Sync type", name="sync_type", column="sync_type",
        note="INITIAL, INCREMENTAL, FULL and others", takes=SHORT,
    ),
    Key(
        path=("syncStatus",), label="Sync status", name="status", column="status",
        note="The state in the log, such as ERRORED or IDLE", takes=SHORT,
    ),
    Key(
        path=("credentialId",), label="Credential", name="credential", column="credential_id",
        note="The ID of the connected account's credential", takes=SHORT,
    ),
)  # fmt: skip
CATEGORY = Key(
    path=(), label="Category", name="category", column="category", note="lifecycle, warning, error, webhook or other"
)

DURATION = Key(
    path=("summary", "durationMs"), label="Took", aliases=("duration_ms", "duration"), unit=MILLISECONDS,
    note="Milliseconds that a run took", takes=COUNT,
)  # fmt: skip
SUMMARY: tuple[Key, ...] = (
    Key(path=("summary", "created"), label="Created", note="New records of a run", takes=COUNT),
    Key(path=("summary", "updated"), label="Updated", note="Changed records of a run", takes=COUNT),
    Key(path=("summary", "deleted"), label="Deleted", note="Deleted records of a run", takes=COUNT),
    Key(
        path=("summary", "totalProcessed"), label="Processed", aliases=("total_processed",),
        note="Records that a run looked at", takes=COUNT,
    ),
    Key(
        path=("summary", "totalChanges"), label="Changes", aliases=("total_changes",), note="Changes of a run", takes=COUNT
    ),
    DURATION,
)  # fmt: skip

ERROR_MESSAGE = Key(path=("error", "message"), label="Message", note="Message of the error", takes="A text.")
# Of another try. They may also stand in an object of their own inside the error.
RETRY_OBJECT = "retry"
ATTEMPT = Key(path=("error", "attempt"), label="Attempt", note="Number of the attempt", takes=COUNT)
MAX_ATTEMPTS = Key(path=("error", "maxAttempts"), label="Attempts", note="Attempts allowed", takes=COUNT)
BACKOFF = Key(
    path=("error", "backoffMs"), label="Pause", unit=MILLISECONDS, note="Milliseconds until the next attempt", takes=COUNT
)  # fmt: skip
NEXT_RETRY = Key(
    path=("error", "nextRetryAt"), label="Next attempt", note="Time of the next attempt",
    takes="When it is tried again, in RFC 3339.",
)  # fmt: skip
RETRY = (ATTEMPT, MAX_ATTEMPTS, BACKOFF, NEXT_RETRY)
RETRY_KEYS = frozenset({RETRY_OBJECT, *(key.wire for key in RETRY)})
ERROR: tuple[Key, ...] = (
    Key(
        path=("error", "recoverability"), label="Recoverability", name="recoverability", column="recoverability",
        note="RECOVERABLE, or what else the error says",
        takes=f"A text of at most {LIMITS.recoverability_characters} characters.",
    ),
    Key(
        path=("error", "httpStatus"), label="HTTP status", name="http_status", column="http_status",
        note="A number from 100 to 599; >=500 for all from there", takes="A number from 100 to 599.",
    ),
    Key(
        path=("error", "errorCode"), label="Error code", name="error_code", column="error_code",
        note="Such as invalid_grant or 10007", takes="A text or a number.",
    ),
    ERROR_MESSAGE,
    BACKOFF,
    NEXT_RETRY,
    ATTEMPT,
    MAX_ATTEMPTS,
)  # fmt: skip

KEYS = (*ENTRY, CATEGORY, *SUMMARY, *ERROR)
NAMED: Mapping[str, Key] = MappingProxyType({key.name: key for key in KEYS if key.name})
# The filters of the log list, in its order: the names that are parameters too. The others are words of queries alone.
PARAMETERS = (
    "type", "category", "level", "event", "sync_type", "status", "integration", "pipeline", "user", "sync", "trace",
    "error_code", "http_status", "recoverability",
)  # fmt: skip


def columns(keys: Iterable[Key]) -> tuple[tuple[str, str], ...]:
    """Wire name and column of each key that has a column."""
    return tuple((key.wire, key.column) for key in keys if key.column)
