"""`manage.py import_logs`: imports NDJSON files into a project. A bad line costs only itself.

Exit code 0: all lines were stored (or were there before); 1: some were refused; 2: something could not be read or written at all.
"""

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from synclogs.ingestion import ingest
from synclogs.management.loading import BATCH, Loaded, as_name, beyond_retention, project_named
from synclogs.management.progress import Progress
from synclogs.models import Project
from synclogs.parsing import records
from synclogs.parsing.limits import LIMITS, Code
from synclogs.parsing.records import Record, Refusal

SHOWN = 20
GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
LONGEST_LINE = LIMITS.entry_bytes * 2  # room for white space; the reader decides about the entry itself
Line = tuple[int, bytes]


@dataclass(slots=True)
class Report:
    """What became of all files."""

    loaded: Loaded = field(default_factory=Loaded)
    shown: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def refuse(self, name: str, refusal: Refusal) -> None:
        if len(self.shown) < SHOWN:
            where = f" at {refusal.pointer}" if refusal.pointer else ""
            self.shown.append(printable(f"{name}:{refusal.index}: {refusal.code}{where}: {refusal.detail}"))


class Command(BaseCommand):
    help = "Imports NDJSON files (also .gz; - is standard input) into a project; safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", nargs="+", metavar="FILE", help="NDJSON, one entry a line; .gz too; - = standard input"
        )
        parser.add_argument("--project", type=as_name, required=True, metavar="SLUG")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        report = Report()
        for name in options["files"]:
            try:
                import_file(project, name, report=report)
            except (OSError, EOFError, zlib.error) as error:
                report.unreadable.append(f"{printable(name)} cannot be read: {reason(error)}")
            except (OperationalError, InterfaceError) as error:
                raise CommandError(
                    f"The database cannot be written ({type(error).__name__}). What was reported as stored is stored; "
                    "run the same command again, lines that are there already are passed over.",
                    returncode=2,
                ) from None
        self.print_report(project, report)

    def print_report(self, project: Project, report: Report) -> None:
        for line in (*report.shown, *report.unreadable):
            self.stderr.write(line)
        if report.loaded.refused > len(report.shown):
            self.stderr.write(f"… and {report.loaded.refused - len(report.shown):,} more refused lines.")
        loaded = report.loaded
        self.stdout.write(
            f"{loaded.accepted:,} stored, {loaded.duplicates:,} already there, {loaded.refused:,} refused."
        )
        if missing := beyond_retention(project, loaded):
            self.stdout.write(missing)
        if report.unreadable or loaded.refused:
            raise SystemExit(2 if report.unreadable else 1)


def import_file(project: Project, name: str, *, report: Report) -> None:
    """Reads and stores one file in batches. Raises OSError, EOFError or zlib.error when it cannot be read on."""
    good = unclear = 0
    with ExitStack() as stack:
        raw = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb"))
        total = (
            Path(name).stat().st_size if name != "-" and raw.seekable() else None
        )  # a pipe has a name too: <(zcat …)
        source = unpacked(raw, stack)
        progress = stack.enter_context(Progress(sys.stderr, printable(name), total=total, unit="bytes"))
        for batch in batched(numbered(source), BATCH):
            written, refusals = write(project, list(batch))
            report.loaded += written
            for refusal in refusals:
                report.refuse(name, refusal)
            good += len(batch) - len(refusals)
            unclear += sum(refusal.code in (Code.BAD_JSON, Code.BAD_UTF8) for refusal in refusals)
            progress.to(raw.tell() if total is not None else progress.done + sum(len(line) for _, line in batch))
    if unclear and not good:
        report.unreadable.append(f"{printable(name)} does not look like NDJSON: no line of it can be read.")


def write(project: Project, lines: list[Line]) -> tuple[Loaded, list[Refusal]]:
    now = timezone.now()
    reader = records.Reader(now=now)
    read = [reader.line(line, number) for number, line in lines]
    accepted = [item for item in read if isinstance(item, Record)]
    refusals = [item for item in read if isinstance(item, Refusal)]
    written = ingest.write(project, accepted, now=now)
    refusals = sorted([*refusals, *written.refusals], key=lambda refusal: refusal.index)
    return Loaded.of(written, refusals), refusals


def unpacked(raw: BinaryIO, stack: ExitStack) -> BinaryIO:
    """The content, unpacked when the file begins like gzip, whatever it is called."""
    if raw.peek(2)[:2] != GZIP:  # type: ignore[attr-defined]
        return raw
    return cast(BinaryIO, stack.enter_context(gzip.open(raw, "rb")))


def numbered(source: BinaryIO) -> Iterator[Line]:
    """Lines with text and their numbers from 1; a line that is far too long comes cut off, so that it is refused."""
    number = 0
    while line := source.readline(LONGEST_LINE):
        number += 1
        rest = line
        while not rest.endswith(b"\n") and len(rest) == LONGEST_LINE:
            rest = source.readline(LONGEST_LINE)
        if number == 1:
            line = line.removeprefix(BOM)
        line = line.strip(b" \t\r\n")
        if line:
            yield number, line


def printable(text: str) -> str:
    """Text of a file or its name, without anything that a terminal would act on."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}, the file is damaged or cut off"
