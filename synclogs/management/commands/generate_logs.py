"""`manage.py generate_logs`: generated entries into a project or a file, or live ones until it is stopped."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from synclogs.demo.generate import DEMO, generate, live
from synclogs.demo.live_entries import Follower
from synclogs.management.loading import as_name, beyond_retention, lines, load, project_named, store, whole
from synclogs.management.progress import Progress
from synclogs.parsing.limits import LIMITS

CHUNK = 1000
MOST_ENTRIES = 1_000_000_000
MOST_USERS = 100_000  # all are held in memory


def days(text: str) -> float:
    number = float(text)
    if not 0 < number < LIMITS.past_days:
        raise argparse.ArgumentTypeError(f"has to be more than 0 and less than {LIMITS.past_days}")
    return number


class Command(BaseCommand):
    help = "Makes realistic entries: the same for the same seed, with outages, expired accounts and other troubles."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--entries", type=whole(MOST_ENTRIES), metavar="N", help="how many; exactly so many are made"
        )
        parser.add_argument("--days", type=days, default=DEMO.days, metavar="D", help="over the last D days")
        parser.add_argument(
            "--users", type=whole(MOST_USERS), metavar="U", help="connected users (default: by entries)"
        )
        parser.add_argument("--seed", type=int, default=DEMO.seed, metavar="S")
        parser.add_argument("--follow", action="store_true", help="go on in real time, some a minute, until stopped")
        target = parser.add_mutually_exclusive_group()
        target.add_argument(
            "--project", type=as_name, default=DEMO.project, metavar="SLUG", help="into this project's store"
        )
        target.add_argument("--output", metavar="FILE", help="as NDJSON into a file, or - for standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["follow"]:
            if options["output"] or options["entries"]:
                raise CommandError("--follow writes into a project, without end: leave --output and --entries away.")
            self.follow(options)
            return
        if not options["entries"]:
            raise CommandError("Say how many entries: --entries N, or --follow for live ones.")
        entries = generate(
            seed=options["seed"],
            entries=options["entries"],
            days=options["days"],
            users=options["users"],
            now=timezone.now(),
        )
        progress = Progress(sys.stderr, "Writing", total=options["entries"])
        if options["output"]:
            with progress, opened(options["output"]) as file:
                write_lines(file, entries, progress=progress)
            return
        with progress:
            project = project_named(options["project"])
            loaded = load(project, entries, progress=progress)
        self.stderr.write(f"{loaded.accepted:,} entries stored in project {project.slug}.")
        if missing := beyond_retention(project, loaded):
            self.stderr.write(missing)

    def follow(self, options: dict[str, Any]) -> None:
        project = project_named(options["project"])

        def world(now: datetime) -> Iterator[tuple[datetime, dict[str, Any]]]:
            return live(
                seed=options["seed"], entries=DEMO.entries, days=options["days"], users=options["users"], now=now
            )

        self.stderr.write(f"Sending live entries to project {project.slug} until stopped.")
        follower = Follower(world, lambda batch: store(project, batch), clock=timezone.now, say=self.stderr.write)
        with stopped_by_signal() as stop:
            follower.run(stop)


@contextmanager
def stopped_by_signal() -> Iterator[Event]:
    """An event that SIGTERM and Ctrl-C set, so that the batch at hand is finished."""
    stop = Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The file, or standard output for -; a reader that had enough is no error."""
    try:
        if name == "-":
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        else:
            with Path(name).open("wb") as file:
                yield file
    except BrokenPipeError:
        # The interpreter flushes standard output once more at its end; nobody would read that either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise CommandError(f"{name} cannot be written: {error.strerror}", returncode=2) from None


def write_lines(file: BinaryIO, entries: Iterator[dict[str, Any]], *, progress: Progress) -> None:
    done = 0
    for line in lines(entries):
        file.write(line + b"\n")
        done += 1
        if done % CHUNK == 0:
            progress.to(done)
    progress.to(done)
