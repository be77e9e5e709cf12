"""Generated entries outside of runs: other types, unknown events, failed sync creations."""

from random import Random

from synclogs.demo.generate.entry_parts import Entry, event_id, random_uuid, stamp, unknown_keys
from synclogs.demo.generate.world import INTEGRATIONS, Person, World

_STEPS = ("Post a message", "Update the deal", "Create a ticket", "Look up the contact", "Send the invoice")
_TOOLS = ("CREATE_CONTACT", "SEARCH_FILES", "UPDATE_TICKET", "GET_RECORD", "LIST_FOLDERS")
_STRANGE = (
    ("SYNC_CURSOR_RESET", "Change cursor was renewed after the integration let it expire"),
    ("SYNC_SCHEMA_CHANGED", "The integration reported new fields; they are kept as custom fields"),
    ("RECORD_BATCH_SKIPPED", "A batch of records was skipped because nothing in it had changed"),
    ("SYNC_TOKEN_REFRESHED", "The access token of the connected account was refreshed"),
)
_LEVELS = ("INFO", "WARN", "ERROR")


def entry(rng: Random, cast: World, moment: int) -> Entry:
    """One entry of a workflow, of ActionKit, or of a sync with an event that the catalogue does not know."""
    draw = rng.random()
    if draw < 0.5:
        return _workflow(rng, cast, moment)
    return _strange(rng, cast, moment) if draw < 0.7 and cast.steady else _actionkit(rng, cast, moment)


def _someone(rng: Random, cast: World) -> Person:
    return cast.people[int(len(cast.people) * rng.random() ** 2)]


def _workflow(rng: Random, cast: World, moment: int) -> Entry:
    level = rng.choices(_LEVELS, cum_weights=(0.88, 0.95, 1.0))[0]
    step = rng.choice(_STEPS)
    made: Entry = {
        "id": event_id(rng, moment),
        "timestamp": stamp(moment),
        "level": level,
        "type": "workflow",
        "message": f"Step '{step}' {'finished' if level == 'INFO' else 'did not finish'}",
        "endUserId": _someone(rng, cast).user_id,
        "integrationId": rng.choice(tuple(INTEGRATIONS)),
        "traceId": random_uuid(rng),
        "workflowId": f"wf_{rng.randint(10, 60)}",
        "eventName": step,
        "status": "EVENT_STATUS.SUCCEEDED" if level == "INFO" else "EVENT_STATUS.FAILED",
    }
    if level != "INFO":
        made["error"] = {
            "httpStatus": rng.choice((400, 404, 500, 503)),
            "message": "The step's request was not answered",
        }
    return made


def _actionkit(rng: Random, cast: World, moment: int) -> Entry:
    level = rng.choices(_LEVELS, cum_weights=(0.9, 0.95, 1.0))[0]
    tool = rng.choice(_TOOLS)
    made: Entry = {
        "id": event_id(rng, moment),
        "timestamp": stamp(moment),
        "level": level,
        "type": "actionkit",
        "message": f"Tool {tool} {'ran' if level == 'INFO' else 'failed'}",
        "userId": _someone(rng, cast).user_id,
        "integration": rng.choice(tuple(INTEGRATIONS)),
        "traceId": random_uuid(rng),
        "tool": {"name": tool, "durationMs": rng.randint(80, 4000), "input": {"limit": rng.choice((10, 50, 100))}},
    }
    if level == "ERROR":
        made["error"] = {"errorCode": "41070", "httpStatus": 422, "message": "A required field was missing"}
    return made


def _strange(rng: Random, cast: World, moment: int) -> Entry:
    plan = rng.choice(cast.steady)
    event, message = rng.choice(_STRANGE)
    return {
        "id": event_id(rng, moment),
        "timestamp": stamp(moment),
        "level": "INFO",
        "type": "managed_sync",
        "syncEvent": event,
        "syncId": plan.sync_id,
        "userId": plan.person.user_id,
        "integration": plan.integration,
        "pipeline": plan.pipeline,
        "credentialId": plan.credential_id,
        "message": message,
        **unknown_keys(rng),
    }


def failed_creation(rng: Random, person: Person, moment: int) -> Entry:
    """A sync that could not be set up: no syncId, because there is none."""
    code, status, message = rng.choice(
        (
            ("DUPLICATE_SYNC", 409, "A sync with this integration, pipeline and configuration name exists already"),
            ("INVALID_CONFIGURATION", 400, "configuration.customObjectName is required for custom_objects"),
        )
    )
    return {
        "id": event_id(rng, moment),
        "timestamp": stamp(moment),
        "level": "ERROR",
        "type": "managed_sync",
        "syncEvent": "SYNC_CREATION_FAILED",
        "userId": person.user_id,
        "integration": "custom.fieldops",
        "pipeline": "custom_objects",
        "message": message,
        "error": {"recoverability": "NON_RECOVERABLE", "errorCode": code, "httpStatus": status, "message": message},
        "request": {"path": "/api/syncs", "configurationName": "field-reports"},
    }
