"""Catalogue: every known name has words, an unknown one gets an entry that says so, nothing is guessed."""

import ast
import dataclasses
import itertools
import re
from pathlib import Path

import pytest

from synclogs import catalogue
from synclogs.catalogue import Category, Level, Side, Step, SyncStatus, SyncType, Tone

DOMAIN_EVENTS = {
    "INITIAL_SYNC_STARTED": (Category.LIFECYCLE, Step.STARTED, "ACTIVE", "INITIAL"),
    "INITIAL_SYNC_COMPLETED": (Category.LIFECYCLE, Step.COMPLETED, "IDLE", "INITIAL"),
    "INCREMENTAL_SYNC_STARTED": (Category.LIFECYCLE, Step.STARTED, "ACTIVE", "INCREMENTAL"),
    "INCREMENTAL_SYNC_COMPLETED": (Category.LIFECYCLE, Step.COMPLETED, "IDLE", "INCREMENTAL"),
    "FULL_SYNC_STARTED": (Category.LIFECYCLE, Step.STARTED, "ACTIVE", "FULL"),
    "FULL_SYNC_COMPLETED": (Category.LIFECYCLE, Step.COMPLETED, "IDLE", "FULL"),
    "SYNC_RUN_RATE_LIMITED": (Category.RETRY, Step.LIMITED, "RATE_LIMITED", ""),
    "SYNC_RUN_WARNING": (Category.RETRY, Step.WARNED, "", ""),
    "FULL_SYNC_INTERRUPTED": (Category.RETRY, Step.INTERRUPTED, "", "FULL"),
    "SYNC_CREATION_FAILED": (Category.ERROR, Step.FAILED, "", ""),
    "SYNC_RUN_ERROR": (Category.ERROR, Step.FAILED, "ERRORED", ""),
    "SYNC_WEBHOOK_FAILED": (Category.WEBHOOK, Step.NONE, "", ""),
    "sync_complete": (Category.LIFECYCLE, Step.COMPLETED, "IDLE", "INITIAL"),
    "sync_completed": (Category.LIFECYCLE, Step.COMPLETED, "IDLE", "INITIAL"),
    "sync_errored": (Category.ERROR, Step.FAILED, "ERRORED", ""),
    "record_created": (Category.OTHER, Step.NONE, "", ""),
    "record_updated": (Category.OTHER, Step.NONE, "", ""),
    "record_deleted": (Category.OTHER, Step.NONE, "", ""),
    "record_errored": (Category.RETRY, Step.WARNED, "", ""),
    "webhook_verification": (Category.OTHER, Step.NONE, "", ""),
}


@pytest.mark.parametrize("name", DOMAIN_EVENTS)
def test_known_event(name: str) -> None:
    entry = catalogue.event(name)
    assert (entry.category, entry.step, entry.status, entry.sync_type) == DOMAIN_EVENTS[name]
    assert entry.name == name
    assert entry.words
    assert entry.meaning
    assert entry.action
    assert entry.levels


def test_every_event_of_the_table_is_tested() -> None:
    assert set(catalogue.EVENTS) == set(DOMAIN_EVENTS)


@pytest.mark.parametrize(
    ("name", "words", "step", "sync_type", "category"),
    [
        ("PERMISSION_SYNC_STARTED", "Permission sync started", Step.STARTED, "PERMISSION", Category.LIFECYCLE),
        ("PERMISSION_SYNC_COMPLETED", "Permission sync completed", Step.COMPLETED, "PERMISSION", Category.LIFECYCLE),
        (
            "INCREMENTAL_SYNC_INTERRUPTED",
            "Incremental sync interrupted",
            Step.INTERRUPTED,
            "INCREMENTAL",
            Category.RETRY,
        ),
        ("SINGLE_RECORD_SYNC_FAILED", "Single record sync failed", Step.FAILED, "SINGLE_RECORD", Category.ERROR),
        ("POLL_RATE_LIMITED", "Poll rate limited", Step.LIMITED, "", Category.RETRY),
        ("QUOTA_WARNING", "Quota warning", Step.WARNED, "", Category.RETRY),
        ("FETCH_ERROR", "Fetch error", Step.FAILED, "", Category.ERROR),
        ("batch_errored", "Batch errored", Step.FAILED, "", Category.ERROR),
        ("RECORD_WEBHOOK_FAILED", "Record webhook failed", Step.NONE, "", Category.WEBHOOK),
        ("SYNC_CURSOR_RESET", "Sync cursor reset", Step.NONE, "", Category.OTHER),
        ("actionkit", "ActionKit", Step.NONE, "", Category.OTHER),  # what an entry without an event is called by
        ("restarted", "Restarted", Step.NONE, "", Category.OTHER),
        ("", "Event without a name", Step.NONE, "", Category.OTHER),
    ],
)
def test_unknown_event_is_read_by_its_spelling(
    name: str, words: str, step: Step, sync_type: str, category: Category
) -> None:
    entry = catalogue.event(name)
    assert (entry.words, entry.step, entry.sync_type, entry.category) == (words, step, sync_type, category)
    assert entry.status == ""  # an unknown event never moves the state of a sync
    assert entry.levels == ()


SPELLINGS = [
    f"{start}{kind}{end}"
    for start in (
        "",
        "PERMISSION_",
        "SINGLE_RECORD_SYNC_",
        "permission_sync_",
        "INITIAL_SYNC_",
        "POLL_",
        "RE",
        "X_WEBHOOK_",
    )
    for kind in ("STARTED", "completed", "COMPLETED", "RESTARTED", "FAILED", "COMPLETE", "RATE_LIMITED")
    for end in ("", "_X")
]


@pytest.mark.parametrize("name", [*DOMAIN_EVENTS, *map(str.upper, DOMAIN_EVENTS), *SPELLINGS])
def test_names_for_statements_say_what_the_entry_says(name: str) -> None:
    entry = catalogue.event(name)
    is_known = name in catalogue.EVENTS

    def named(names: catalogue.Names) -> bool:
        return name in names.known or (not is_known and bool(re.search(names.pattern, name, re.IGNORECASE)))

    assert named(catalogue.STARTS) == (entry.step == Step.STARTED)
    assert named(catalogue.COMPLETIONS) == (entry.step == Step.COMPLETED)
    assert named(catalogue.ASIDE) >= (entry.sync_type in catalogue.SIDE_RUNS)
    assert (name in catalogue.LIMITS) == (is_known and entry.step == Step.LIMITED)
    assert (name in catalogue.STOPS) == (entry.step == Step.FAILED and entry.status == SyncStatus.ERRORED)
    assert (name in catalogue.CREATION_FAILURES) == entry.is_creation == (name == "SYNC_CREATION_FAILED")
    assert entry.type == ("" if not is_known else "managed_sync" if name.isupper() else "managed_sync_webhook")


# Examples for people: of the API and of the query language.
EXAMPLES = {"portal/api/json_schemas.py", "synclogs/parsing/entry_keys.py"}


def test_no_other_room_knows_an_event_by_its_name() -> None:
    """What an event means, its entry says: so a new event is an entry of the catalogue and nothing else."""
    root = Path(__file__).resolve().parent.parent
    places = itertools.chain((root / "synclogs").rglob("*.py"), (root / "portal").rglob("*.py"))
    names = re.compile("|".join(catalogue.EVENTS), re.IGNORECASE)
    found = {
        str(path.relative_to(root))
        for path in places
        if not {"catalogue", "demo", "migrations"} & set(path.parts)  # the demo sends events
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and names.search(node.value)
    }
    assert found == EXAMPLES


@pytest.mark.parametrize(
    ("type_", "name", "level", "category"),
    [
        ("managed_sync", "SYNC_WEBHOOK_FAILED", Level.WARNING, Category.WEBHOOK),
        ("managed_sync", "SYNC_WEBHOOK_FAILED", Level.ERROR, Category.WEBHOOK),
        ("managed_sync", "INCREMENTAL_SYNC_COMPLETED", Level.ERROR, Category.LIFECYCLE),
        ("managed_sync", "SYNC_PAUSED", Level.INFO, Category.OTHER),
        ("managed_sync", "SYNC_PAUSED", Level.DEBUG, Category.OTHER),
        ("managed_sync", "SYNC_PAUSED", Level.WARNING, Category.RETRY),
        ("managed_sync", "SYNC_PAUSED", Level.ERROR, Category.ERROR),
        ("managed_sync", "PERMISSION_SYNC_STARTED", Level.INFO, Category.LIFECYCLE),
        ("managed_sync", "PERMISSION_SYNC_STARTED", Level.ERROR, Category.ERROR),
        ("managed_sync", "PERMISSION_SYNC_FAILED", Level.INFO, Category.ERROR),
        ("managed_sync", "PERMISSION_SYNC_INTERRUPTED", Level.ERROR, Category.RETRY),
        ("managed_sync_webhook", "sync_errored", Level.ERROR, Category.ERROR),
        ("workflow", "SYNC_RUN_ERROR", Level.ERROR, Category.OTHER),
        ("actionkit", "", Level.INFO, Category.OTHER),
    ],
)
def test_category(type_: str, name: str, level: Level, category: Category) -> None:
    assert catalogue.category_of(type=type_, name=name, level=level) is category


def test_slugs_name_every_category_and_level() -> None:
    assert set(catalogue.CATEGORY_SLUGS.values()) == set(Category)
    assert set(catalogue.LEVEL_SLUGS.values()) == set(Level)
    assert catalogue.LEVEL_SLUGS["warn"] is catalogue.LEVEL_SLUGS["warning"]


def test_every_status_has_words() -> None:
    assert set(catalogue.STATUSES) == set(SyncStatus.values)
    for entry in catalogue.STATUSES.values():
        assert all(dataclasses.astuple(entry))


@pytest.mark.parametrize(
    ("name", "words", "tone"),
    [
        ("IDLE", "Up to date, waiting", Tone.OK),
        ("ERRORED", "Stopped by an error", Tone.ERROR),
        ("ON_HOLD", "On hold", Tone.UNKNOWN),
        ("", "State not known", Tone.UNKNOWN),
    ],
)
def test_status(name: str, words: str, tone: Tone) -> None:
    entry = catalogue.status(name)
    assert (entry.words, entry.tone) == (words, tone)


@pytest.mark.parametrize(
    ("code", "http_status", "recoverability", "event", "side", "part", "cures"),
    [
        ("10007", 404, "NON_RECOVERABLE", "SYNC_RUN_ERROR", Side.CUSTOMER, "folder, drive or project", False),
        ("invalid_grant", 400, "TERMINAL", "SYNC_RUN_ERROR", Side.CUSTOMER, "no longer valid", True),
        ("insufficient_scope", None, "TERMINAL", "SYNC_RUN_ERROR", Side.CUSTOMER, "lacks a permission", True),
        ("ETIMEDOUT", None, "RECOVERABLE", "SYNC_RUN_WARNING", Side.PROVIDER, "did not answer", False),
        ("", 400, "", "", Side.UNKNOWN, "rejected", True),
        ("", 401, "", "", Side.CUSTOMER, "no longer valid", True),
        ("", 402, "", "", Side.CUSTOMER, "payment", True),
        ("", 403, "", "", Side.CUSTOMER, "lacks a permission", True),
        ("", 404, "", "", Side.CUSTOMER, "not found", True),
        ("", 408, "", "", Side.PROVIDER, "did not answer", True),
        ("", 410, "", "", Side.CUSTOMER, "not found", True),
        ("", 429, "RECOVERABLE", "", Side.PROVIDER, "rate limit", False),
        ("", 451, "", "", Side.UNKNOWN, "rejected", True),
        ("", 500, "", "", Side.PROVIDER, "internal failure", True),
        ("", 504, "", "", Side.PROVIDER, "did not answer", True),
        ("", 599, "", "", Side.PROVIDER, "internal failure", True),
        ("", 302, "", "", Side.UNKNOWN, "not known", True),
        ("", 600, "", "", Side.UNKNOWN, "not known", True),
        ("", None, "", "", Side.UNKNOWN, "not known", True),
        ("made-up", None, "", "SYNC_RUN_ERROR", Side.UNKNOWN, "not known", True),
        ("made-up", 401, "", "SYNC_RUN_ERROR", Side.CUSTOMER, "no longer valid", True),
        ("", None, "RECOVERABLE", "SYNC_RUN_WARNING", Side.UNKNOWN, "being retried", False),
        ("", None, "", "SYNC_RUN_RATE_LIMITED", Side.PROVIDER, "rate limit", False),
        ("DUPLICATE", 409, "TERMINAL", "SYNC_CREATION_FAILED", Side.US, "set up the sync", False),
        ("", 401, "TERMINAL", "SYNC_CREATION_FAILED", Side.CUSTOMER, "no longer valid", False),
        ("10007", 404, "TERMINAL", "SYNC_CREATION_FAILED", Side.CUSTOMER, "no longer accessible", False),
        ("", None, "", "SYNC_CREATION_FAILED", Side.US, "set up the sync", False),
        ("", 503, "RECOVERABLE", "SYNC_WEBHOOK_FAILED", Side.US, "our webhook endpoint", False),
        ("10007", 401, "", "SYNC_WEBHOOK_FAILED", Side.US, "our webhook endpoint", False),
    ],
)
def test_error_code(
    code: str, http_status: int | None, recoverability: str, event: str, side: Side, part: str, cures: bool
) -> None:
    cause = catalogue.error_code(code, http_status=http_status, recoverability=recoverability, event=event)
    assert cause.side is side
    assert part in cause.words
    assert cause.reenable_cures is cures
    assert cause.meaning
    assert cause.action


def test_nobody_is_asked_to_act_while_it_is_retried() -> None:
    cause = catalogue.error_code("", http_status=401, recoverability="RECOVERABLE")
    assert cause.action == "Wait for the next attempt."
    assert not cause.reenable_cures


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("googledrive", "Google Drive"),
        ("microsoftDynamics", "Dynamics 365 Sales"),
        ("custom.acme", "acme (custom)"),
        ("custom.", "Custom"),
        ("brandNew_crm", "Brand new crm"),
        ("", ""),
    ],
)
def test_integration_words(slug: str, words: str) -> None:
    assert catalogue.integration_words(slug) == words


def test_other_words() -> None:
    assert catalogue.pipeline_words("custom_objects") == "Custom objects"
    assert catalogue.pipeline_words("call-notes") == "Call notes"
    assert catalogue.type_words("managed_sync") == "Managed Sync"
    assert catalogue.type_words("nightly_report") == "Nightly report"
    assert catalogue.sync_type_words("SINGLE_RECORD") == "Single record"
    assert catalogue.sync_type_words("PARTIAL_SYNC") == "Partial sync"
    assert SyncType("FULL").label == "Full"
