"""How tests and people steer the simulator, below `/_simulator/`: what it has seen, how it fails, which syncs it knows.

GET    calls                what was asked so far           DELETE calls      forget it
PUT    mode                 {"mode", "only", "times"} for all that has no mode of its own; "ok" ends it
PUT    syncs/{id}           the same for one sync, and "userId", "integration", "pipeline", "status", "credentialId"
GET    syncs/{id}           the sync as it is here
"""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from synclogs.demo.simulator.api import Asked, Refusal, Told
from synclogs.demo.simulator.memory import Known, Memory, Missing, Mode, Rule
from synclogs.parsing.identifiers import hyphenated_uuid

ROOT = "/_simulator/"
FIELDS = {"userId": "user", "integration": "integration", "pipeline": "pipeline", "status": "status"}


def answer(memory: Memory, asked: Asked) -> Told:
    """Raises nothing: what it does not understand is a 400 or a 404."""
    try:
        what, _, name = asked.path.removeprefix(ROOT).partition("/")
        match asked.method, what, name:
            case "GET", "calls", "":
                return _calls(memory)
            case "DELETE", "calls", "":
                memory.forget_calls()
                return Told(200, {})
            case "PUT", "mode", "":
                _rule(memory, None, _read(asked.body))
                return Told(200, {})
            case "PUT", "syncs", _:
                told, sync_id = _read(asked.body), hyphenated_uuid(name)
                _sync(memory, sync_id, told)
                _rule(memory, sync_id, told)
                return Told(200, _shown(memory, sync_id))
            case "GET", "syncs", _:
                return Told(200, _shown(memory, hyphenated_uuid(name)))
    except (ValueError, TypeError) as error:
        return Told(400, {"message": str(error)})
    except Refusal as refusal:
        return refusal.told
    except Missing:
        pass
    return Told(404, {"message": "Not found"})


def _read(body: bytes) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(body)
    except msgspec.DecodeError:
        told = None
    if not isinstance(told, dict):
        raise Refusal(400, "Send a JSON object")
    return told


def _calls(memory: Memory) -> Told:
    with memory.lock:
        calls = [asdict(call) for call in memory.calls]
        return Told(200, {"total": memory.total_calls, "calls": calls})


def _rule(memory: Memory, sync_id: UUID | None, told: dict[str, Any]) -> None:
    """Without "mode" nothing changes; a sync's "ok" is a rule of its own, so that it also holds when all others fail."""
    if "mode" in told:
        only, times = told.get("only"), told.get("times")
        if not isinstance(only, str | None) or not isinstance(times, int | None):
            raise Refusal(400, "only is a method, times a number")
        rule = Rule(Mode(told["mode"]), only=only, times=times)
        memory.rule(sync_id, None if sync_id is None and rule.mode == Mode.OK else rule)


def _sync(memory: Memory, sync_id: UUID, told: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    try:
        known = memory.sync(sync_id)
        if not {*FIELDS, "credentialId"} & set(told):
            return
    except Missing:
        known = Known(sync_id, "acct_1", "googledrive", pipeline="files", status="IDLE", at=now)
    memory.put(
        replace(
            known,
            user=str(told.get("userId", known.user)),
            integration=str(told.get("integration", known.integration)),
            pipeline=str(told.get("pipeline", known.pipeline)),
            status=str(told.get("status", known.status)),
            credential_id=str(told.get("credentialId", known.credential_id)),
            at=now,
        )
    )


def _shown(memory: Memory, sync_id: UUID) -> dict[str, Any]:
    sync = memory.sync(sync_id)
    rule = memory.rules.get(sync_id)
    shown = {name: getattr(sync, own) for name, own in FIELDS.items()}
    return {"id": str(sync_id), **shown, "reason": sync.reason, "mode": rule.mode if rule else None}
