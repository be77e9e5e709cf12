"""The API is what its document says (F6): schemathesis asks a served portal what the document allows, and what it does not.

Every check it has, with data of both kinds; tests/contract.toml says the three places where the contract asks for another answer
than the check. More cases, or others: CONTRACT_EXAMPLES (an operation) and CONTRACT_SEED.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import timezone

from portal.api import json_schemas, schema
from synclogs.models import Scope
from synclogs.query.filters import moment
from tests import server

ROOT = server.ROOT
# Of one operation; with the fixed cases at the bounds of every value more than 2,000 in all.
EXAMPLES = os.environ.get("CONTRACT_EXAMPLES", "50")
SEED = os.environ.get("CONTRACT_SEED", "8")


def manage(database_url: str, *arguments: str) -> str:
    environment = {**os.environ, **server.PRODUCTION, "DATABASE_URL": database_url, "DATABASE_POOL": "0"}
    command = [sys.executable, "-W", "ignore", "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
def test_the_api_is_what_its_document_says(tmp_path: Path) -> None:
    with (
        server.own_database("contract") as url,
        server.serve(tmp_path, database_url=url, INGEST_REQUESTS_PER_MINUTE="1000000") as served,
    ):
        scopes = [word for scope in Scope.values for word in ("--scope", scope)]
        key = manage(url, "create_api_key", "--project", "alpha", "--name", "every", *scopes)
        manage(url, "generate_logs", "--project", "alpha", "--entries", "300", "--days", "2", "--seed", "7")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(ROOT / "tests" / "contract.toml")),
            *("run", f"http://127.0.0.1:{served.port}/api/v1/schema"),
            *("--header", f"Authorization: Bearer {key}", "--mode", "all", "--max-examples", EXAMPLES, "--seed", SEED),
            *("--workers", "2", "--warnings", "off", "--no-color", "--no-shrink", "--generation-database", "none"),
        ]
        # In a place of its own: what it has found once, it would try again.
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    assert int(re.findall(r"(\d+) generated", said)[0]) >= 2000, said[-1000:]


def test_blank_is_what_python_strips() -> None:
    blank = re.compile(f"[{json_schemas.BLANK}]")
    assert all(bool(blank.match(chr(code))) is chr(code).isspace() for code in range(0x110000) if chr(code) != "\x00")


DAYS = (*(f"{month:02}-{day:02}" for month in range(14) for day in range(33)), "1-01", "01-1")
TIMES = (
    "00:00",
    "23:59",
    "24:00",
    "12:60",
    "12:30:59.123456789",
    "12:30:60",
    "12:30Z",
    "12:30+23:59",
    "12:30+24:00",
    "12",
)


@pytest.mark.parametrize("year", [1999, 2000, 2001, 2096, 2100, 2104, 2199, 2200])
def test_the_document_takes_the_moments_that_the_filters_take(year: int) -> None:
    texts = [f"{year}-{day}T12:30Z" for day in DAYS] + [
        f"{year}-06-30{mark}{time}" for time in TIMES for mark in "Tt _"
    ]
    for text in texts:
        assert bool(re.fullmatch(json_schemas.SINCE["pattern"], text)) is is_taken(text), text


def is_taken(text: str) -> bool:
    try:
        moment(text, now=timezone.now())
    except ValueError:
        return False
    return True


def test_the_document_says_nothing_of_our_code() -> None:
    said = schema.document().decode()
    for word in ("`self", "Serializer", "Shape", "queryset", "REST framework", "docstring", "portal.api"):
        assert word not in said, word
    told = json.loads(said)
    for parameter in told["paths"]["/api/v1/logs"]["get"]["parameters"]:
        assert {"pattern", "enum", "maximum", "format"} & {*parameter["schema"], *parameter["schema"].get("items", ())}
