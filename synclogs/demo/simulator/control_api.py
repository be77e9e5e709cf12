"""Control API of the simulated provider, below `/_simulator/`, for tests and people.

GET    calls                the requests so far             DELETE calls      clears them
PUT    mode                 {"mode", "only", "times"} for all that has no mode of its own; "ok" ends it
PUT    syncs/{id}           the same for one sync, and "userId", "integration", "pipeline", "status", "credentialId"
GET    syncs/{id}           the sync as the simulator has it
"""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from synclogs.demo.simulator.api import Refusal, Reply, Request
from synclogs.demo.simulator.state import Memory, Missing, Mode, Rule, SyncRecord
from synclogs.parsing.identifiers import hyphenated_uuid

ROOT = "/_simulator/"
FIELDS = {"userId": "user", "integration": "integration", "pipeline": "pipeline", "status": "status"}


def answer(memory: Memory, request: Request) -> Reply:
    """Raises nothing: what it does not understand is a 400 or a 404."""
    try:
        what, _, name = request.path.removeprefix(ROOT).partition("/")
        match request.method, what, name:
            case "GET", "calls", "":
                return _calls(memory)
            case "DELETE", "calls", "":
                memory.forget_calls()
                return Reply(200, {})
            case "PUT", "mode", "":
                _rule(memory, None, _read(request.body))
                return Reply(200, {})
            case "PUT", "syncs", _:
                values, sync_id = _read(request.body), hyphenated_uuid(name)
                _sync(memory, sync_id, values)
                _rule(memory, sync_id, values)
                return Reply(200, _shown(memory, sync_id))
            case "GET", "syncs", _:
                return Reply(200, _shown(memory, hyphenated_uuid(name)))
    except (ValueError, TypeError) as error:
        return Reply(400, {"message": str(error)})
    except Refusal as refusal:
        return refusal.reply
    except Missing:
        pass
    return Reply(404, {"message": "Not found"})


def _read(body: bytes) -> dict[str, Any]:
    try:
        values = msgspec.json.decode(body)
    except msgspec.DecodeError:
        values = None
    if not isinstance(values, dict):
        raise Refusal(400, "Send a JSON object")
    return values


def _calls(memory: Memory) -> Reply:
    with memory.lock:
        calls = [asdict(call) for call in memory.calls]
        return Reply(200, {"total": memory.total_calls, "calls": calls})


def _rule(memory: Memory, sync_id: UUID | None, values: dict[str, Any]) -> None:
    """Without "mode" nothing changes; a sync's "ok" is a rule of its own, so that it also holds when all others fail."""
    if "mode" in values:
        only, times = values.get("only"), values.get("times")
        if not isinstance(only, str | None) or not isinstance(times, int | None):
            raise Refusal(400, "only is a method, times a number")
        rule = Rule(Mode(values["mode"]), only=only, times=times)
        memory.rule(sync_id, None if sync_id is None and rule.mode == Mode.OK else rule)


def _sync(memory: Memory, sync_id: UUID, values: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    try:
        known = memory.sync(sync_id)
        if not {*FIELDS, "credentialId"} & set(values):
            return
    except Missing:
        known = SyncRecord(sync_id, "acct_1", "googledrive", pipeline="files", status="IDLE", at=now)
    memory.put(
        replace(
            known,
            user=str(values.get("userId", known.user)),
            integration=str(values.get("integration", known.integration)),
            pipeline=str(values.get("pipeline", known.pipeline)),
            status=str(values.get("status", known.status)),
            credential_id=str(values.get("credentialId", known.credential_id)),
            at=now,
        )
    )


def _shown(memory: Memory, sync_id: UUID) -> dict[str, Any]:
    sync = memory.sync(sync_id)
    rule = memory.rules.get(sync_id)
    shown = {name: getattr(sync, own) for name, own in FIELDS.items()}
    return {"id": str(sync_id), **shown, "reason": sync.reason, "mode": rule.mode if rule else None}
