"""Exports over HTTP with one web process, beside a bare COPY of the same rows, with their memory.

A day of the big store, rounds interleaved; then one file of the greatest length, for the memory alone.
"""

import http.client
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from bench import store
from bench.ingest import web
from synclogs.export.lifecycle import MOST
from synclogs.models import Export, Membership, Project, Role

FORMATS = ("ndjson", "csv")
TARGET = 20_000  # entries a second
GROWTH = 40  # MiB
COPY = (
    "COPY (SELECT * FROM synclogs_logentry WHERE project_id = {project} AND occurred_at >= '{since}' AND occurred_at < '{until}'"
    " ORDER BY occurred_at DESC, key DESC) TO STDOUT"
)


def measure(*, entries: int, rounds: int) -> bool:
    today = datetime.now(UTC).date()
    project = store.fill(entries, today=today)
    user, _ = User.objects.get_or_create(username="bench-export")
    Membership.objects.update_or_create(user=user, project=project, defaults={"role": Role.OPERATOR})
    client = Client()
    client.force_login(user)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    end = store.midnight(today)
    day = {"since": f"{end - timedelta(days=1):%Y-%m-%dT%H:%MZ}", "until": f"{end:%Y-%m-%dT%H:%MZ}"}
    rates: dict[str, list[float]] = {name: [] for name in ("copy", *FORMATS)}
    with web() as port:
        for number in range(rounds + 1):
            for name in rates:
                if name == "copy":
                    rate = _rate(lambda: _copied(project, day))
                else:
                    rate = _rate(lambda: _exported(port, cookie, project, {**day, "format": name}))  # noqa: B023
                if number:  # the first round warms up
                    rates[name].append(rate)
        before = _memory(port)
        whole = {format: _exported(port, cookie, project, {"since": "30d", "format": format}) for format in FORMATS}
        after = _memory(port)
    Export.objects.filter(person=user).delete()
    return _report(rates, whole, before, after)


def _rate(take: Callable[[], int]) -> float:
    began = time.perf_counter()
    entries = take()
    return entries / (time.perf_counter() - began)


def _copied(project: Project, day: dict[str, str]) -> int:
    lines = 0
    with connection.cursor() as cursor, cursor.copy(COPY.format(project=project.pk, **day)) as copy:
        for part in copy:
            lines += bytes(part).count(b"\n")
    return lines


def _exported(port: int, cookie: str, project: Project, parameters: dict[str, str]) -> int:
    """Downloads a file and throws it away; its lines (no entry of this store has a line feed in a text)."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("GET", f"/p/{project.slug}/logs/export?{urlencode(parameters)}", headers={"Cookie": cookie})
    response = client.getresponse()
    assert response.status == 200, response.read(2000)
    lines = 0
    while part := response.read(256 * 1024):
        lines += part.count(b"\n")
    client.close()
    return lines - (parameters["format"] == "csv")


def _memory(port: int) -> int:
    """The most memory that the web process has held, in MiB; each /healthz is answered by the same and only worker."""
    workers = [
        path.parent
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if b"portal.wsgi:application" in _bytes(path)
        and f"PORT={port}".encode() in _bytes(path.parent / "environ").split(b"\0")
    ]
    peaks = [_bytes(path / "status").decode().partition("VmHWM:")[2].split() for path in workers]
    return max(int(peak[0]) for peak in peaks if peak) // 1024


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _report(rates: dict[str, list[float]], whole: dict[str, int], before: int, after: int) -> bool:
    median = statistics.median
    good = after - before <= GROWTH
    print(f"\nExport over HTTP, one web process, one day, medians (target: {TARGET:,} entries/s)")
    print(f"bare COPY TO STDOUT of the same rows: {median(rates['copy']):,.0f} entries/s")
    for name in FORMATS:
        ratios = [exported / copied for exported, copied in zip(rates[name], rates["copy"], strict=True)]
        met = median(rates[name]) >= TARGET
        good &= met
        print(
            f"{name:<7}{median(rates[name]):>9,.0f} entries/s, {median(ratios):.2f} of bare COPY"
            f" (rounds {min(rates[name]):,.0f} to {max(rates[name]):,.0f}){'' if met else '   missed'}"
        )
    for name, lines in whole.items():
        print(f"{name:<7}{lines:>9,} entries in the longest file{'' if lines <= MOST else '   too many'}")
    print(
        f"memory of the web process at its peak: {before} MiB after the rounds, {after} MiB after the longest files"
        f" (target: {GROWTH} MiB more at most){'' if after - before <= GROWTH else '   missed'}"
    )
    return good
