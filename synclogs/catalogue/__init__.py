"""Catalogue: events, statuses, causes, closed lists, display names. Other rooms import them from here.

The states of a re-enable are imported from their own module, synclogs.catalogue.recovery.
"""

from synclogs.catalogue.causes import CAUSES_IN_EVENT_WORDS, ERROR_CODES, RECOVERABLE, ErrorCode, Side, error_code
from synclogs.catalogue.event_names import ASIDE, COMPLETIONS, CREATION_FAILURES, LIMITS, STARTS, STOPS, Names
from synclogs.catalogue.events import (
    EVENTS,
    STATUSES,
    SYNC_LOG,
    SYNC_WEBHOOK,
    TYPES,
    Event,
    Status,
    category_of,
    event,
    status,
    sync_type_words,
    type_words,
)
from synclogs.catalogue.names import humanise, integration_words, pipeline_words
from synclogs.catalogue.terms import (
    CATEGORY_SLUGS,
    DATA_RUNS,
    LEVEL_SLUGS,
    SIDE_RUNS,
    Category,
    Level,
    Step,
    SyncStatus,
    SyncType,
    Tone,
)

__all__ = [
    "ASIDE",
    "CATEGORY_SLUGS",
    "CAUSES_IN_EVENT_WORDS",
    "COMPLETIONS",
    "CREATION_FAILURES",
    "DATA_RUNS",
    "ERROR_CODES",
    "EVENTS",
    "LEVEL_SLUGS",
    "LIMITS",
    "RECOVERABLE",
    "SIDE_RUNS",
    "STARTS",
    "STATUSES",
    "STOPS",
    "SYNC_LOG",
    "SYNC_WEBHOOK",
    "TYPES",
    "Category",
    "ErrorCode",
    "Event",
    "Level",
    "Names",
    "Side",
    "Status",
    "Step",
    "SyncStatus",
    "SyncType",
    "Tone",
    "category_of",
    "error_code",
    "event",
    "humanise",
    "integration_words",
    "pipeline_words",
    "status",
    "sync_type_words",
    "type_words",
]  # fmt: skip
