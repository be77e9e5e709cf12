"""`python -m tests.mutants [pattern of a name]`: runs each mutant's tests against the broken code; exit code 1 when one survives.

The working tree is copied and only the copies are changed. Two mutants run at a time, each in a copy and a database of its own.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from portal.runner import devdb
from tests.database import ENVIRONMENT
from tests.mutants.every import MUTANTS
from tests.mutants.mutant import ROOT, Mutant, faults, path_of

AT_ONCE = 2
SECONDS = 300  # for the tests of one mutant; all tests without a change have longer
PYTEST = (sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "--reuse-db")
# The form of the names by which tests.database finds what dead runs have left; pytest-django puts test_ before them.
DATABASE = f"{devdb.DATABASE}_{os.getpid()}"
say = partial(print, flush=True)


@dataclass(frozen=True, slots=True)
class Place:
    """A copy of the working tree, and the name of the database that its tests use."""

    directory: Path
    database: str
    server: devdb.Server

    def tests(self, *arguments: str, seconds: int = SECONDS) -> tuple[int | None, str]:
        """pytest's exit code (None when it took too long) and output, in a new database."""
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", f"test_{self.database}")
        self.execute("CREATE DATABASE {} TEMPLATE {}", f"test_{self.database}", DATABASE)
        return self.run(*PYTEST, *arguments, database=self.database, seconds=seconds)

    def run(self, *command: str, database: str, seconds: int = SECONDS) -> tuple[int | None, str]:
        url = self.server.url.replace(f"/{devdb.DATABASE}?", f"/{database}?")
        options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        options |= {"cwd": self.directory, "env": {**os.environ, **ENVIRONMENT, "DATABASE_URL": url}}
        process = subprocess.Popen(command, start_new_session=True, **options)
        try:
            output, _ = process.communicate(timeout=seconds)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def execute(self, statement: LiteralString, *names: str) -> None:
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def verdict(self, module: str, mutant: Mutant) -> tuple[str, str]:
        """A word, and the reason where it is another than "killed"."""
        path = self.directory / path_of(module)
        whole = path.read_text()
        compiled = Path(cache_from_source(str(path)))  # which Python tells apart by seconds and size alone
        try:
            path.write_text(whole.replace(mutant.before, mutant.after))
            compiled.unlink(missing_ok=True)
            code, output = self.tests("-x", *mutant.selection)
        finally:
            path.write_text(whole)
            compiled.unlink(missing_ok=True)
        if code == 1 and re.search("^FAILED ", output, re.MULTILINE):
            return "killed", ""
        why = {0: ("SURVIVED", f"not one test fails: {mutant.rule}"), None: ("HUNG", f"for more than {SECONDS} s")}
        return why.get(code, ("BROKEN", f"the tests could not be run (exit code {code}):\n{output[-2000:]}"))


@contextmanager
def places(server: devdb.Server) -> Iterator[list[Place]]:
    """AT_ONCE of them, beside a database that is migrated and empty, of which each run gets a copy."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        made = [Place(Path(scratch, str(number)), f"{DATABASE}_{number}", server) for number in range(AT_ONCE)]
        for place in made:
            for name in filter(lambda name: (ROOT / name).is_file(), listed.split("\0")):
                (place.directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, place.directory / name)
        try:
            made[0].execute("CREATE DATABASE {}", DATABASE)
            made[0].run(sys.executable, "manage.py", "migrate", "-v0", database=DATABASE)
            yield made
        finally:
            for name in (*(f"test_{place.database}" for place in made), DATABASE):
                made[0].execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def run(chosen: Sequence[tuple[str, Mutant]], made: Sequence[Place]) -> int:
    """How many mutants were not killed; all of them where the tests fail without any change."""
    selection = sorted({test for _, mutant in chosen for test in mutant.selection})
    say(f"{len(selection)} tests have to pass without any change …")
    code, output = made[0].tests(*selection, seconds=5 * SECONDS)
    if code != 0:
        say(f"They do not (exit code {code}), so nothing can be said of {len(chosen)} mutants:\n{output[-4000:]}")
        return len(chosen)
    waiting = iter(enumerate(chosen, 1))

    def work(place: Place) -> int:
        left = 0
        for number, (module, mutant) in waiting:
            began = time.monotonic()
            word, why = place.verdict(module, mutant)
            left += word != "killed"
            head = f"{number:3}/{len(chosen)}  {word:8} {time.monotonic() - began:5.1f} s"
            say(f"{head}  {mutant.name}{why and f': {why}'}")
        return left

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            return sum(pool.map(work, made))
        finally:
            list(waiting)  # nothing more is begun after Ctrl-C


def main(pattern: str) -> int:
    chosen = [one for one in MUTANTS if re.search(pattern, one[1].name)]
    useless = [fault for module, mutant in chosen for fault in faults(module, mutant)]
    if useless or not chosen:
        say("\n".join(useless) or "No mutant has such a name.")
        return 1
    began = time.monotonic()
    with devdb.running_server(devdb.TEST_DIRECTORY, settings=devdb.FOR_TESTS) as server, places(server) as made:
        left = run(chosen, made)
    say(f"{len(chosen) - left} of {len(chosen)} mutants killed in {time.monotonic() - began:.0f} s.")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
