"""Entries into the store, batch by batch, by the same path as every intake.

Goes in: a project and entries as they come over the wire. Comes out: how many were stored. Each batch is committed by itself.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import batched
from typing import Any

import msgspec
from django.core.management.base import CommandError
from django.utils import timezone

from synclogs import ingest, records
from synclogs.management.progress import Progress
from synclogs.models import Project

BATCH = 4000


@dataclass(frozen=True, slots=True)
class Loaded:
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(self.accepted + other.accepted, self.duplicates + other.duplicates, self.refused + other.refused)

    @property
    def seen(self) -> int:
        return self.accepted + self.duplicates + self.refused


def as_name(text: str) -> str:
    """An argument that names something: the shell also hands over bytes that are no text and cannot be stored."""
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError("has to be a text in UTF-8 without control characters")
    return text


def whole(most: int) -> Callable[[str], int]:
    """An argument that is a whole number from 1 to `most`."""

    def number(text: str) -> int:
        found = int(text)
        if not 1 <= found <= most:
            raise argparse.ArgumentTypeError(f"has to be from 1 to {most}")
        return found

    return number


def project_named(slug: str) -> Project:
    """The project; raises CommandError that says how to make it."""
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise CommandError(f"There is no project '{slug}'. Make it with: manage.py create_project {slug}", returncode=2)
    return project


def lines(entries: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    return (encode(entry) for entry in entries)


def store(project: Project, entries: Iterable[dict[str, Any]]) -> Loaded:
    """One batch, read and written as if it had been posted."""
    now = timezone.now()
    reading = records.read_lines(b"\n".join(lines(entries)), now=now)
    written = ingest.write(project, reading.records, now=now)
    return Loaded(written.accepted, written.duplicates, len(written.refusals) + len(reading.refusals))


def load(project: Project, entries: Iterable[dict[str, Any]], *, progress: Progress) -> Loaded:
    loaded = Loaded()
    for batch in batched(entries, BATCH):
        loaded += store(project, batch)
        progress.to(loaded.seen)
    return loaded
