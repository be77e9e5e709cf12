"""The whole log page over the last 24 hours of the big store: list, counts, chart, and the late counts.

Interleaved rounds, medians. Beside it bare SQL for the same answers from entries alone, as literal text: the cost of a page without
hour and minute counts.
"""

import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from bench import store
from synclogs.models import Membership, Project, Role
from synclogs.query.fields import FACETS
from synclogs.query.filters import LogFilter
from synclogs.reading import count_sql, histogram

MEDIAN_MS, MOST_MS = 250.0, 2000.0
QUESTIONS: dict[str, dict[str, str]] = {
    "nothing": {},
    "type": {"type": "managed_sync"},
    "level": {"level": "error"},
    "integration": {"integration": store.INTEGRATIONS[0]},
    "integration + level": {"integration": store.INTEGRATIONS[0], "level": "error"},
    "user": {"user": store.BUSY["user_id"]},
    "a rare word": {"q": store.RARE},
    "a middling word": {"q": store.MIDDLING},
    "a frequent word": {"q": store.FREQUENT},
}


@dataclass
class Timing:
    page: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    later: list[float] = field(default_factory=list)  # of the follow-up, where the page needs one
    is_late: bool = False  # not counted by the follow-up either


def measure(*, entries: int, rounds: int) -> bool:
    project = store.fill(entries, today=datetime.now(UTC).date())
    user, _ = User.objects.get_or_create(username="bench")
    Membership.objects.get_or_create(user=user, project=project, defaults={"role": Role.VIEWER})
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    timings = {name: Timing() for name in QUESTIONS}
    for _ in range(rounds + 1):  # the first round warms up and is dropped
        for name, parameters in QUESTIONS.items():
            _once(client, project, parameters, timings[name])
    return _report(timings)


def _once(client: Client, project: Project, parameters: dict[str, str], timing: Timing) -> None:
    for statement in _statements(project, parameters):
        began = time.perf_counter()
        _fetch(statement)
        timing.bare.append((time.perf_counter() - began) * 1000)
    spent: list[float] = []

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent.append((time.perf_counter() - began) * 1000)

    with connection.execute_wrapper(watch):
        began = time.perf_counter()
        page = _page(client, f"/p/{project.slug}/logs?{urlencode(parameters)}")
        timing.page.append((time.perf_counter() - began) * 1000)
    timing.database.append(sum(spent))
    assert "data-log-key" in page, parameters
    again = re.search(r'id="counting" hx-get="([^"]*)"', page)
    if again:
        began = time.perf_counter()
        answer = _page(client, unescape(again[1]))
        timing.later.append((time.perf_counter() - began) * 1000)
        timing.is_late |= "ot counted in time" in answer


def _page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)
    return response.content.decode()


def _statements(project: Project, parameters: dict[str, str]) -> tuple[str, ...]:
    """The list, and every number around it from the entries: one reading for the facets and the bars together, which is kind
    to it, since the counts of a facet that is narrowed itself would need a reading of their own.
    """
    now = datetime.now(UTC)
    log_filter = LogFilter.parse([(name, [value]) for name, value in parameters.items()], now=now)
    newest = log_filter.entries(project).newest_first()[:50].query.sql_with_params()
    names, bars = list(FACETS), histogram.bars(log_filter, now=now)
    parts = [count_sql.kinds(log_filter, project, names, bars=bars)]
    numbers = count_sql.facet_statement(None, parts, names, (), bars=bars)
    with connection.cursor() as cursor:
        return str(cursor.mogrify(*newest)), str(cursor.mogrify(numbers.sql, numbers.parameters))


def _fetch(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.cursor.execute(statement)
        cursor.cursor.fetchall()


def _report(timings: dict[str, Timing]) -> bool:
    median = statistics.median
    print(
        f"\nThe log page with its numbers, last 24 hours (medians; target: page ≤ {MEDIAN_MS:.0f} ms, never over"
        f" {MOST_MS / 1000:.0f} s; list and numbers are bare SQL over entries)"
    )
    print(
        f"{'question':<22}{'list ms':>9}{'numbers ms':>12}{'database ms':>13}{'page ms':>9}{'slowest':>9}{'later ms':>10}"
    )
    good = True
    for name, timing in timings.items():
        lists, numbers = timing.bare[2::2], timing.bare[3::2]
        page, slowest, later = median(timing.page[1:]), max(timing.page[1:]), timing.later[1:]
        met = page <= MEDIAN_MS and slowest <= MOST_MS and not timing.is_late and max(later, default=0) <= MOST_MS
        good &= met
        print(
            f"{name:<22}{median(lists):>9.2f}{median(numbers):>12.2f}{median(timing.database[1:]):>13.2f}{page:>9.2f}"
            f"{slowest:>9.2f}{f'{median(later):.2f}' if later else '-':>10}{'' if met else '   missed'}"
        )
    return good
