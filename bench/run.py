"""Runs the chosen benchmarks and prints their tables."""

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from bench import doors, explorer, export, ingest, lists, reenable, reenables_beside_ingest, searches  # noqa: E402 - needs Django set up


def run(*, entries: int, rounds: int, only: str | None) -> int:
    """0 when every ratio meets its target, else 1."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    good = True
    if only in (None, "ingest"):
        good &= ingest.measure(rounds=rounds)
    if only in (None, "lists"):
        good &= lists.measure(entries=entries, rounds=rounds)
    if only in (None, "explorer"):
        good &= explorer.measure(entries=entries, rounds=rounds)
    if only in (None, "export"):
        good &= export.measure(entries=entries, rounds=rounds)
    if only in (None, "reenable"):
        good &= reenable.measure(rounds=rounds)
        good &= reenables_beside_ingest.measure(rounds=min(rounds, 5))
    if only in (None, "searches"):
        good &= searches.measure(entries=entries, rounds=min(rounds, 5))
    if only in (None, "doors"):
        good &= doors.measure(rounds=min(rounds, 5))
    return 0 if good else 1
