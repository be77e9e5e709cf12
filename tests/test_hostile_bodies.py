"""Hostile request bodies: reading is linear in time and bounded in memory, whatever the content."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from synclogs.parsing.records import Unreadable, read_json, read_lines

MIB = 1024 * 1024
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

ENTRY = {
    "id": "e",
    "timestamp": "2026-11-23T11:00:00Z",
    "level": "INFO",
    "type": "workflow",
    "message": "😀" + "x" * 1900,
}
HOSTILE = {
    "texts that take four bytes a character": json.dumps([ENTRY] * 10_000, ensure_ascii=False).encode(),
    "brackets": b"[" + b"[]," * (20 * MIB // 3 - 2) + b"[]]",
    "one array of arrays": b"[[" + b"[]," * (20 * MIB // 3 - 2) + b"[]]]",
    "one object of objects": b'[{"a":[' + b"{}," * (20 * MIB // 3 - 5) + b"{}]}]",
    "one open bracket after the other": b"[" * (20 * MIB),
    "deep": b"[" * (10 * MIB) + b"]" * (10 * MIB),
    "one array of texts": b"[[" + b'"",' * (20 * MIB // 3 - 2) + b'""]]',
    "one text": b'["' + b"a" * (20 * MIB - 4) + b'"]',
    "one text of backslashes": b'["' + b"\\" * (20 * MIB - 4) + b'"]',
    "one text of escapes": b'[["' + b"\\u0000" * (20 * MIB // 6 - 2) + b'"]]',
    "one number": b"[" + b"1" * (20 * MIB - 2) + b"]",
    "blanks": b" " * (20 * MIB),
    "a text that never ends": b'["' + b'\\"' * (10 * MIB - 1),
    "bytes that continue nothing": b"\x80" * (20 * MIB),
    "deep items, not ASCII": b'["\xc3\xa9",' + (b"[" * 1_100 + b"]" * 1_100 + b",") * 9_000 + b"0]",
    "deep items": b"[" + (b"[" * 9_000 + b"]" * 9_000 + b",") * 1_100 + b"0]",
}


EXPECTED = {
    "brackets": "too_many_entries",
    "one open bracket after the other": "bad_json",
    "a text that never ends": "bad_json",
    "blanks": "empty_body",
    "bytes that continue nothing": "bad_utf8",
    "deep items": "not_an_object too_deep",
    "deep items, not ASCII": "not_an_object too_deep",
    "texts that take four bytes a character": "",
}


def peak() -> int:
    """The most memory this process has held since the mark was set, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def run() -> None:
    """Reads all of them and says what was found, and by how many MiB the peak of this process grew."""
    # Making the bodies had a peak of its own, so the mark is taken back first. `getrusage` would not do: its peak
    # survives fork and exec, and so is that of the process that started this one when that was larger.
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    found = {}
    for name, body in HOSTILE.items():
        for read in (read_json, read_lines):
            try:
                codes = sorted({refusal.code for refusal in read(body, now=NOW).refusals})
            except Unreadable as error:
                codes = [error.code]
            found[f"{name}, {read.__name__}"] = " ".join(codes)
    sys.stdout.write(json.dumps({"grown": peak() - before, "found": found}))


@pytest.mark.slow
def test_hostile_bodies_take_little_memory() -> None:
    """In a process of its own, since a peak never comes down. How long it takes is not judged: no timed tests."""
    done = subprocess.run([sys.executable, "-m", "tests.test_hostile_bodies"], capture_output=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["grown"] < 192
    found = answer["found"]
    assert {name: found[f"{name}, read_json"] for name in HOSTILE} == {
        name: EXPECTED.get(name, "entry_too_large") for name in HOSTILE
    }
    assert {name: found[f"{name}, read_lines"] for name in HOSTILE} == {
        name: "empty_body" if name == "blanks" else "entry_too_large" for name in HOSTILE
    }


if __name__ == "__main__":
    run()
