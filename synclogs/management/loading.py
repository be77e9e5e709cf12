"""Writes generated or imported entries to the store in batches, by the same code as the API's ingest.

Input: a project and entries as they come over the wire. Returns how many were stored. Each batch is committed by itself.
"""

import argparse
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import batched
from typing import Any

import msgspec
from django.core.management.base import CommandError
from django.utils import timezone

from synclogs.ingestion import ingest
from synclogs.ingestion.ingest import Written
from synclogs.management.progress import Progress
from synclogs.models import Project
from synclogs.parsing import records
from synclogs.parsing.limits import LIMITS, Code
from synclogs.parsing.records import Refusal

BATCH = 4000


@dataclass(frozen=True, slots=True)
class Loaded:
    """`beyond_retention` of the refused ones are older than the project keeps."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    beyond_retention: int = 0

    @classmethod
    def of(cls, written: Written, refusals: Sequence[Refusal]) -> "Loaded":
        """`refusals`: all of them, those of `written` included."""
        beyond = sum(refusal.code == Code.BEYOND_RETENTION for refusal in refusals)
        return cls(written.accepted, written.duplicates, len(refusals), beyond)

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(*map(operator.add, astuple(self), astuple(other)))

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
    return Loaded.of(written, [*reading.refusals, *written.refusals])


def beyond_retention(project: Project, loaded: Loaded) -> str:
    """How many entries are missing because the project would not keep them, and what to do; "" when none is."""
    if not loaded.beyond_retention:
        return ""
    oldest = project.oldest_accepted(timezone.now())
    return (
        f"{loaded.beyond_retention:,} were left out: they are older than the {project.retention_words} that project"
        f" {project.slug} keeps (now from {oldest:%Y-%m-%d %H:%M} UTC on). Its retention can be changed in the administration,"
        f" under Projects, up to {LIMITS.past_days} days; then run this again."
    )


def load(project: Project, entries: Iterable[dict[str, Any]], *, progress: Progress) -> Loaded:
    loaded = Loaded()
    for batch in batched(entries, BATCH):
        loaded += store(project, batch)
        progress.to(loaded.seen)
    return loaded
