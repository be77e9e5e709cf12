"""Log list over a small and a big store: database time beside bare SQL, server time beside both.

Measured on GET /api/v1/logs; the page shows the same rows with counts, chart and live tail around them, so its database time is
measured by bench.explorer, and here what it takes beyond that. Interleaved rounds, medians. Bare SQL is the same question as
literal text through psycopg, with its rows fetched.
"""

import itertools
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.test import Client

from bench import store
from synclogs.access import keys
from synclogs.models import LogEntry, Membership, Project, Role, Scope
from synclogs.query.filters import LogFilter

SMALL = 1_000_000
WITHIN, OVERHEAD_MS, GROWTH = 2.0, 30.0, 1.3


@dataclass
class Door:
    """One way to ask for the list: milliseconds of each answer, and of its statements in the database."""

    client: Client
    url: str
    whole: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    queries: int = 0

    @property
    def beyond(self) -> float:
        """What an answer takes beside its statements, the median without the first round."""
        return statistics.median(
            whole - database for whole, database in zip(self.whole[1:], self.database[1:], strict=True)
        )


@dataclass
class Timing:
    bare: list[float]
    rows: Door
    page: Door


def measure(*, entries: int, rounds: int) -> bool:
    today = datetime.now(UTC).date()
    projects = [store.fill(min(SMALL, entries), today=today), store.fill(entries, today=today)]
    user, _ = User.objects.get_or_create(username="bench")
    for project in projects:
        Membership.objects.get_or_create(user=user, project=project, defaults={"role": Role.VIEWER})
    questions = [_questions(project) for project in projects]
    timings: dict[tuple[int, str], Timing] = {}
    for size, project in enumerate(projects):
        # A session each: changing the project writes the session, which is not what a list costs.
        person = Client(SERVER_NAME="localhost")
        person.force_login(user)
        _, text = keys.create(project, "bench", scopes=[Scope.LOGS_READ])
        machine = Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {text}"})
        for name, parameters in questions[size].items():
            query = urlencode(parameters)
            timings[size, name] = Timing(
                [], Door(machine, f"/api/v1/logs?limit=50&{query}"), Door(person, f"/p/{project.slug}/logs?{query}")
            )
    for _ in range(rounds + 1):  # the first round warms up and is dropped
        for size, project in enumerate(projects):
            for name, parameters in questions[size].items():
                statement = _statement(project, parameters)
                timing = timings[size, name]
                timing.bare.append(_timed(partial(_bare, statement)))
                _ask(timing.rows)
                _ask(timing.page)
    return _report(timings, list(questions[0]))


def _questions(project: Project) -> dict[str, dict[str, str]]:
    """Newest 50 by each facet and by any two, in the newest seven full days.

    A much used sync, so that every question but those of a trace has fifty answers in the small store too: otherwise
    growth would compare lists of different length.
    """
    end = store.midnight(datetime.now(UTC).date())
    entry = LogEntry.objects.of(project).filter(occurred_at__lt=end, level=40, **store.BUSY).newest_first()[0]
    single = {
        "level": "error",
        "integration": entry.integration,
        "user": entry.user_id,
        "sync": str(entry.sync_id),
        "trace": entry.trace_id,
    }
    since = {"since": (end - timedelta(days=7)).isoformat(), "until": end.isoformat()}
    found = {"newest": since}
    found |= {name: {name: value, **since} for name, value in single.items()}
    for first, second in itertools.combinations(single, 2):
        found[f"{first} + {second}"] = {first: single[first], second: single[second], **since}
    return found


def _ask(door: Door) -> None:
    spent: list[float] = []

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent.append((time.perf_counter() - began) * 1000)

    def timed(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        try:
            return answer(request)
        finally:
            door.whole.append((time.perf_counter() - began) * 1000)

    # The server's part: what the client does to ask and to check is not of it.
    answer = door.client.handler.get_response
    with connection.execute_wrapper(watch), patch.object(door.client.handler, "get_response", timed):
        response = door.client.get(door.url)
    assert response.status_code == 200, response.status_code
    assert b"data-log-key" in response.content or b'"results":[{' in response.content, door.url
    door.database.append(sum(spent))
    door.queries = len(spent)


def _statement(project: Project, parameters: dict[str, str]) -> str:
    """The question as a person would write it: the columns shown, the conditions, newest first, fifty."""
    log_filter = LogFilter.parse([(name, [value]) for name, value in parameters.items()], now=datetime.now(UTC))
    query = log_filter.entries(project).newest_first()[:50].query
    sql, params = query.sql_with_params()
    with connection.cursor() as cursor:
        return str(re.sub(r"\s+", " ", cursor.mogrify(sql, params)))


def _bare(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.cursor.execute(statement)
        cursor.cursor.fetchall()


def _timed(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def _report(timings: dict[tuple[int, str], Timing], names: list[str]) -> bool:
    median = statistics.median
    print(
        f"\nLists, newest 50 (medians; target: database ≤ {WITHIN} times bare, answer and page ≤ their database time + {OVERHEAD_MS:.0f} ms, growth ≤ {GROWTH})"
    )
    print(
        f"{'question':<24}{'bare ms':>9}{'database ms':>12}{'answer ms':>10}{'db/bare':>9}{'growth':>8}{'queries':>9}{'page ms':>9}{'- its db':>9}"
    )
    good = True
    for name in names:
        small, big = timings[0, name], timings[1, name]
        bare, database, answer = median(big.bare[1:]), median(big.rows.database[1:]), median(big.rows.whole[1:])
        growth = bare / median(small.bare[1:])
        beyond = max(door.beyond for door in (big.rows, big.page))
        met = database <= WITHIN * bare and beyond <= OVERHEAD_MS and growth <= GROWTH
        good &= met
        page = median(big.page.whole[1:])
        print(
            f"{name:<24}{bare:>9.2f}{database:>12.2f}{answer:>10.2f}{database / bare:>9.2f}{growth:>8.2f}{big.rows.queries:>9}"
            f"{page:>9.2f}{big.page.beyond:>9.2f}{'' if met else '   missed'}"
        )
    return good
