"""The closed lists of the trade: levels, categories, states, kinds and steps of syncs, tones. Read through the catalogue."""

from collections.abc import Mapping
from types import MappingProxyType

from django.db.models import IntegerChoices, TextChoices


class Level(IntegerChoices):
    DEBUG = 10, "Debug"
    INFO = 20, "Info"
    WARNING = 30, "Warning"
    ERROR = 40, "Error"


class Category(IntegerChoices):
    OTHER = 0, "Other"
    LIFECYCLE = 1, "Lifecycle"
    RETRY = 2, "Warning and retry"
    ERROR = 3, "Error"
    WEBHOOK = 4, "Webhook delivery"


class SyncStatus(TextChoices):
    INITIALIZING = "INITIALIZING", "Initializing"
    ACTIVE = "ACTIVE", "Active"
    IDLE = "IDLE", "Idle"
    RATE_LIMITED = "RATE_LIMITED", "Rate limited"
    DISABLED = "DISABLED", "Disabled"
    ERRORED = "ERRORED", "Errored"


class SyncType(TextChoices):
    INITIAL = "INITIAL", "Initial"
    INCREMENTAL = "INCREMENTAL", "Incremental"
    FULL = "FULL", "Full"
    PERMISSION = "PERMISSION", "Permission"
    SINGLE_RECORD = "SINGLE_RECORD", "Single record"


# Of these runs the data as a whole comes; the others run beside them and say nothing of it.
DATA_RUNS = (SyncType.INITIAL, SyncType.INCREMENTAL, SyncType.FULL)
SIDE_RUNS = tuple(kind for kind in SyncType if kind not in DATA_RUNS)


class Step(TextChoices):
    """What an event does to the run that it belongs to."""

    STARTED = "started", "Started"
    COMPLETED = "completed", "Completed"
    INTERRUPTED = "interrupted", "Interrupted"
    FAILED = "failed", "Failed"
    LIMITED = "limited", "Rate limited"
    WARNED = "warned", "Warned"
    NONE = "none", "No step"


class Tone(TextChoices):
    OK = "ok", "Well"
    ACTIVE = "active", "Working"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"
    PAUSED = "paused", "Paused"
    UNKNOWN = "unknown", "Not known"


CATEGORY_SLUGS: Mapping[str, Category] = MappingProxyType(
    {
        "lifecycle": Category.LIFECYCLE,
        "warning": Category.RETRY,
        "error": Category.ERROR,
        "webhook": Category.WEBHOOK,
        "other": Category.OTHER,
    }
)
LEVEL_SLUGS: Mapping[str, Level] = MappingProxyType(
    {
        "debug": Level.DEBUG,
        "info": Level.INFO,
        "warn": Level.WARNING,
        "warning": Level.WARNING,
        "error": Level.ERROR,
    }
)
