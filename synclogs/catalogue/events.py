"""Catalogue of log events: names, categories and explanations for support staff.

An unknown name gets an entry that says so; nothing is guessed. No database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from synclogs.catalogue.names import humanise
from synclogs.catalogue.terms import Category, Level, Step, SyncStatus, SyncType, Tone

SYNC_LOG = "managed_sync"
SYNC_WEBHOOK = "managed_sync_webhook"


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    words: str
    category: Category
    levels: tuple[Level, ...]
    step: Step
    status: str  # the state of the sync that the event implies when the log carries none; "" = implies nothing
    sync_type: str
    meaning: str
    action: str
    type: str = SYNC_LOG  # of the entries that carry it; "" = not known
    is_creation: bool = False  # about setting up a sync, which has never run


@dataclass(frozen=True, slots=True)
class Status:
    words: str
    meaning: str
    leaves_by: str
    tone: Tone


def _run(sync_type: SyncType, step: Step, meaning: str) -> Event:
    started = step == Step.STARTED
    return Event(
        name=f"{sync_type.value}_SYNC_{step.name}",
        words=f"{sync_type.label} sync {step.value}",
        category=Category.LIFECYCLE,
        levels=(Level.INFO,),
        step=step,
        status=SyncStatus.ACTIVE if started else SyncStatus.IDLE,
        sync_type=sync_type,
        meaning=meaning,
        action="Nothing to do.",
    )


_LIFECYCLE = (
    _run(
        SyncType.INITIAL,
        Step.STARTED,
        "The very first pull of this sync began: everything the customer selected is being read once.",
    ),
    _run(
        SyncType.INITIAL,
        Step.COMPLETED,
        "The first pull is through. From here on only changes are picked up.",
    ),
    _run(
        SyncType.INCREMENTAL,
        Step.STARTED,
        "A routine look for changes since the last run began.",
    ),
    _run(
        SyncType.INCREMENTAL,
        Step.COMPLETED,
        "A routine look for changes finished; the data is current.",
    ),
    _run(
        SyncType.FULL,
        Step.STARTED,
        "The regular complete comparison began. It finds deletions and anything that the quick runs missed.",
    ),
    _run(
        SyncType.FULL,
        Step.COMPLETED,
        "The regular complete comparison finished; deletions are now reflected too.",
    ),
)

_WARNINGS_AND_ERRORS = (
    Event(
        name="SYNC_RUN_RATE_LIMITED",
        words="Slowed down by a rate limit",
        category=Category.RETRY,
        levels=(Level.WARNING,),
        step=Step.LIMITED,
        status=SyncStatus.RATE_LIMITED,
        sync_type="",
        meaning="The integration allows only so many requests and the limit is used up. The sync waits, then goes on.",
        action="Wait: it resumes by itself. If it lasts for days, ask the customer what else uses the same account.",
    ),
    Event(
        name="SYNC_RUN_WARNING",
        words="Sync run had a temporary problem",
        category=Category.RETRY,
        levels=(Level.WARNING,),
        step=Step.WARNED,
        status="",
        sync_type="",
        meaning="Something went wrong that usually passes, such as a timeout or a short failure of the integration.",
        action="Wait for the next attempt. Look closer if the warnings go on and no run completes in between.",
    ),
    Event(
        name="FULL_SYNC_INTERRUPTED",
        words="Full sync interrupted",
        category=Category.RETRY,
        levels=(Level.WARNING,),
        step=Step.INTERRUPTED,
        status="",
        sync_type=SyncType.FULL,
        meaning="The complete comparison was cut short. It will be tried again; until then deletions may be missing.",
        action="Wait for the next full sync. Routine runs for changes are not affected.",
    ),
    Event(
        name="SYNC_CREATION_FAILED",
        words="Sync could not be created",
        category=Category.ERROR,
        levels=(Level.ERROR,),
        step=Step.FAILED,
        status="",
        sync_type="",
        meaning="The request to set up this sync was refused, so there may be no working sync behind it. Known causes "
        "are settings that are not valid and a sync that exists already.",
        action="Correct the request that enables the sync and send it again. Re-enabling does not apply.",
        is_creation=True,
    ),
    Event(
        name="SYNC_RUN_ERROR",
        words="Sync stopped with an error",
        category=Category.ERROR,
        levels=(Level.ERROR,),
        step=Step.FAILED,
        status=SyncStatus.ERRORED,
        sync_type="",
        meaning="The run failed for a reason that does not pass by itself. The sync stays stopped.",
        action="Remove the cause first, then re-enable the sync. Neither step replaces the other.",
    ),
    Event(
        name="SYNC_WEBHOOK_FAILED",
        words="Webhook could not be delivered",
        category=Category.WEBHOOK,
        levels=(Level.WARNING, Level.ERROR),
        step=Step.NONE,
        status="",
        sync_type="",
        meaning="Data was synced, but our application did not take the notification about it. As a warning it is still "
        "being retried; as an error the retries are used up and the notification is lost.",
        action="Check our webhook endpoint: is it up, does it answer 2xx, does it answer quickly? The sync itself "
        "needs nothing; do not re-enable it for this.",
    ),
)


def _hook(
    name: str,
    words: str,
    meaning: str,
    *,
    action: str = "Nothing to do.",
    category: Category = Category.OTHER,
    level: Level = Level.INFO,
    step: Step = Step.NONE,
    status: str = "",
    sync_type: str = "",
) -> Event:
    return Event(name, words, category, (level,), step, status, sync_type, meaning, action, SYNC_WEBHOOK)


def _first_sync_done(name: str) -> Event:
    return _hook(
        name,
        "First sync complete",
        "The platform told us that the first pull is done.",
        category=Category.LIFECYCLE,
        step=Step.COMPLETED,
        status=SyncStatus.IDLE,
        sync_type=SyncType.INITIAL,
    )


_HOOKS = (
    _first_sync_done("sync_complete"),
    _first_sync_done("sync_completed"),  # both spellings are in use
    _hook(
        "sync_errored",
        "Sync stopped with an error",
        "The platform told us that the sync was suspended by an error that does not pass by itself.",
        action="Remove the cause first, then re-enable the sync.",
        category=Category.ERROR,
        level=Level.ERROR,
        step=Step.FAILED,
        status=SyncStatus.ERRORED,
    ),
    _hook("record_created", "Record created", "A new record was found and is ready to be fetched."),
    _hook("record_updated", "Record updated", "A record changed and is ready to be fetched again."),
    _hook("record_deleted", "Record deleted", "A record is gone, or the connected account may no longer see it."),
    _hook(
        "record_errored",
        "One record failed",
        "A single record could not be synced. The sync goes on with all the others.",
        action="Look at the record in the integration. The sync itself needs nothing.",
        category=Category.RETRY,
        level=Level.WARNING,
        step=Step.WARNED,
    ),
    _hook("webhook_verification", "Webhook address checked", "The platform checked that our address answers."),
)

EVENTS: Mapping[str, Event] = MappingProxyType(
    {entry.name: entry for entry in (*_LIFECYCLE, *_WARNINGS_AND_ERRORS, *_HOOKS)}
)

STATUSES: Mapping[str, Status] = MappingProxyType(
    {
        SyncStatus.INITIALIZING: Status(
            words="Starting up",
            meaning="The sync was created and its first run has not finished.",
            leaves_by="By itself, when the first run gets going.",
            tone=Tone.ACTIVE,
        ),
        SyncStatus.ACTIVE: Status(
            words="Syncing now",
            meaning="Data is being fetched at this moment.",
            leaves_by="By itself, when the run ends.",
            tone=Tone.ACTIVE,
        ),
        SyncStatus.IDLE: Status(
            words="Up to date, waiting",
            meaning="The last run is done and the sync waits for the next one.",
            leaves_by="By itself, with the next run.",
            tone=Tone.OK,
        ),
        SyncStatus.RATE_LIMITED: Status(
            words="Waiting for a rate limit",
            meaning="The integration asked for a pause because too many requests were made.",
            leaves_by="By itself, when the pause is over.",
            tone=Tone.WARNING,
        ),
        SyncStatus.DISABLED: Status(
            words="Paused on purpose",
            meaning="Somebody, or our application, switched this sync off.",
            leaves_by="Re-enabling, when whoever paused it agrees.",
            tone=Tone.PAUSED,
        ),
        SyncStatus.ERRORED: Status(
            words="Stopped by an error",
            meaning="The sync was suspended and does nothing until it is re-enabled.",
            leaves_by="Re-enabling, after the cause is gone.",
            tone=Tone.ERROR,
        ),
    }
)

TYPES: Mapping[str, str] = MappingProxyType(
    {
        SYNC_LOG: "Managed Sync",
        SYNC_WEBHOOK: "Managed Sync webhook",
        "workflow": "Workflow",
        "actionkit": "ActionKit",
    }
)

_UNKNOWN_MEANING = "This event is not in the list of known ones. All that was sent is shown in its context."


def status(name: str) -> Status:
    """The entry of a status; unknown ones keep their name, no status at all says so."""
    known = STATUSES.get(name)
    if known:
        return known
    if not name:
        return Status(
            "State not known",
            "No log has said what state this sync is in.",
            "Not known.",
            Tone.UNKNOWN,
        )
    return Status(
        humanise(name),
        "This state is not in the list of known ones.",
        "Not known.",
        Tone.UNKNOWN,
    )


def type_words(name: str) -> str:
    return TYPES.get(name) or humanise(name)


def sync_type_words(name: str) -> str:
    return str(SyncType(name).label) if name in SyncType.values else humanise(name)


# The first that fits an unknown name says what it means.
SUFFIXES: tuple[tuple[str, Step, Category | None], ...] = (
    ("WEBHOOK_FAILED", Step.NONE, Category.WEBHOOK),
    ("STARTED", Step.STARTED, None),
    ("COMPLETED", Step.COMPLETED, None),
    ("INTERRUPTED", Step.INTERRUPTED, Category.RETRY),
    ("RATE_LIMITED", Step.LIMITED, Category.RETRY),
    ("WARNING", Step.WARNED, Category.RETRY),
    ("FAILED", Step.FAILED, Category.ERROR),
    ("ERRORED", Step.FAILED, Category.ERROR),
    ("ERROR", Step.FAILED, Category.ERROR),
)


def _read_suffix(name: str) -> tuple[Step, Category | None]:
    upper = name.upper()
    for suffix, step, category in SUFFIXES:
        if upper == suffix or upper.endswith("_" + suffix):
            return step, category
    return Step.NONE, None


@lru_cache(maxsize=2048)
def event(name: str) -> Event:
    """The entry of an event; an unknown name gets words and a step from its spelling, and implies no state.

    An entry without an event is called by its type, so a type's name has the words of the type.
    """
    known = EVENTS.get(name)
    if known:
        return known
    step, category = _read_suffix(name)
    prefix = name.upper().partition("_SYNC_")[0]
    if category is None:
        category = Category.LIFECYCLE if step in (Step.STARTED, Step.COMPLETED) else Category.OTHER
    return Event(
        name=name,
        words=type_words(name) or "Event without a name",
        category=category,
        levels=(),
        step=step,
        status="",
        sync_type=prefix if prefix in SyncType.values else "",
        meaning=_UNKNOWN_MEANING,
        action="",
        type="",
    )


def category_of(*, type: str, name: str, level: int) -> Category:
    """The category of an entry; only logs of syncs have one, all other types are OTHER."""
    return _category(type, name, level)


@lru_cache(maxsize=4096)
def _category(type_: str, name: str, level: int) -> Category:
    if type_ not in (SYNC_LOG, SYNC_WEBHOOK):
        return Category.OTHER
    known = EVENTS.get(name)
    if known:
        return known.category
    by_name = _read_suffix(name)[1]
    if by_name is not None:
        return by_name
    if level >= Level.ERROR:
        return Category.ERROR
    if level >= Level.WARNING:
        return Category.RETRY
    return event(name).category
