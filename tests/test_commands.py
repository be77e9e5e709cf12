"""Commands: what they write, what they print, and with which exit code they end."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from synclogs.demo import live_entries
from synclogs.demo.generate import DEMO
from synclogs.demo.generate.sizes import Sizes
from synclogs.management import loading
from synclogs.management.commands import generate_logs, import_logs, load_demo
from synclogs.management.progress import Progress
from synclogs.models import ApiKey, AuditEvent, ConnectedUser, HourCount, LogEntry, Membership, Project, Role, Sync
from tests.factories import ProjectFactory, entry, key_of, rfc3339

ROOT = Path(__file__).resolve().parent.parent
MANAGE = [sys.executable, str(ROOT / "manage.py")]


@pytest.fixture
def project(db: None) -> Project:
    return ProjectFactory(slug="acme")


def call(*arguments: str, **more: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err, **more)
    return out.getvalue(), err.getvalue()


# Projects and keys


@pytest.mark.django_db
def test_project_is_made_once() -> None:
    assert "made" in call("create_project", "eu-production")[1]
    assert Project.objects.get().name == "Eu production"
    assert "exists already" in call("create_project", "eu-production", "--name", "Other")[1]
    assert Project.objects.get().name == "Eu production"
    assert AuditEvent.objects.get().actor_text == "manage.py create_project"


@pytest.mark.django_db
def test_project_with_a_name_and_a_bad_slug() -> None:
    call("create_project", "staging", "--name", "Staging (EU)")
    assert Project.objects.get().name == "Staging (EU)"
    with pytest.raises(CommandError, match="slug"):
        call("create_project", "not a slug")
    for arguments in (("caf\udce9",), ("cafe", "--name", "caf\udce9")):  # bytes that are no UTF-8
        with pytest.raises(CommandError, match="UTF-8"):
            call("create_project", *arguments)


def test_a_key_may_live_for_a_century(project: Project) -> None:
    call("create_api_key", "--project", "acme", "--name", "old", "--scope", "logs:read", "--expires", "36500")
    assert ApiKey.objects.get().expires_at is not None


def test_key_is_alone_on_standard_output(project: Project) -> None:
    out, err = call(
        "create_api_key", "--project", "acme", "--name", "shipper", "--scope", "logs:write", "--scope", "logs:read",
        "--scope", "logs:write", "--expires", "30",
    )  # fmt: skip
    assert err == ""
    assert out.endswith("\n")
    key = key_of(out.strip(), now=timezone.now())
    assert key is not None
    assert (key.name, key.scopes, key.project) == ("shipper", ["logs:write", "logs:read"], project)
    assert key.expires_at is not None
    assert timedelta(days=29) < key.expires_at - timezone.now() < timedelta(days=31)
    audited = AuditEvent.objects.get()
    assert out.strip().split("_")[2] not in str((audited.object_text, audited.after))


def test_key_without_an_end(project: Project) -> None:
    call("create_api_key", "--project", "acme", "--name", "reader", "--scope", "logs:read")
    assert ApiKey.objects.get().expires_at is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--project", "acme", "--name", "x"), "--scope"),
        (("--project", "acme", "--name", "x", "--scope", "logs:delete"), "invalid choice"),
        (("--project", "acme", "--name", "x", "--scope", "logs:read", "--expires", "0"), "from 1 to"),
        (("--project", "acme", "--name", "x", "--scope", "logs:read", "--expires", "36501"), "from 1 to 36500"),
        (("--project", "acme", "--name", " ", "--scope", "logs:read"), "UTF-8"),
        (("--project", "acme", "--name", "x\udcff", "--scope", "logs:read"), "UTF-8"),
        (("--project", "\udcff", "--name", "x", "--scope", "logs:read"), "UTF-8"),
        (("--project", "none", "--name", "x", "--scope", "logs:read"), "create_project none"),
    ],
)
def test_key_refuses(project: Project, arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call("create_api_key", *arguments)


# Made-up entries


def test_generate_into_the_store(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = call("generate_logs", "--entries", "500", "--days", "2", "--users", "10", "--project", "acme")
    assert "500 entries stored" in err
    assert LogEntry.objects.of(project).count() == 500
    assert sum(HourCount.objects.of(project).filter(facet=0).values_list("count", flat=True)) == 500
    assert Sync.objects.of(project).exists()
    assert "500 of 500 entries" in capsys.readouterr().err


def test_generate_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "entries.ndjson"
    call("generate_logs", "--entries", "2100", "--seed", "4", "--output", str(path))
    lines = path.read_bytes().splitlines()
    assert len(lines) == 2100
    assert all("timestamp" in json.loads(line) for line in lines[:50])


def test_generate_to_standard_output() -> None:
    environment = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = subprocess.run(
        [*MANAGE, "generate_logs", "--entries", "60", "--output", "-"], capture_output=True, env=environment, check=True
    )
    assert len([json.loads(line) for line in done.stdout.splitlines()]) == 60
    assert b"60 of 60" in done.stderr


def test_generate_for_a_reader_that_goes_away() -> None:
    command = f"{sys.executable} {ROOT / 'manage.py'} generate_logs --entries 60000 --output - | head -n 2"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--project", "none", "--entries", "5"), "create_project none"),
        (("--entries", "0"), "from 1 to"),
        (("--entries", "5", "--users", "100001"), "from 1 to 100000"),
        (("--entries", "5", "--project", "\udcff"), "UTF-8"),
        (("--entries", "5", "--days", "400"), "less than 400"),
        (("--entries", "5", "--days", "0"), "more than 0"),
        ((), "--entries N, or --follow"),
        (("--follow", "--output", "-"), "leave --output"),
        (("--follow", "--entries", "5"), "leave --output"),
        (("--entries", "5", "--output", "/nowhere/at/all"), "cannot be written"),
        (("--entries", "5", "--output", "-", "--project", "x"), "not allowed with"),
    ],
)
def test_generate_refuses(arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call("generate_logs", *arguments)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_follow_writes_until_it_is_told_to_stop(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    project = ProjectFactory(slug="acme")
    before = signal.getsignal(number)
    stored = loading.Loaded()

    def store(into: Project, batch: list[dict[str, Any]]) -> loading.Loaded:
        nonlocal stored
        stored += loading.store(into, batch)
        os.kill(os.getpid(), number)
        return stored

    monkeypatch.setattr(generate_logs, "store", store)
    _, err = call("generate_logs", "--follow", "--project", "acme")
    assert signal.getsignal(number) == before
    assert "until stopped" in err
    moments = LogEntry.objects.of(project).values_list("occurred_at", flat=True)
    assert len(moments) == stored.accepted > 0
    assert all(timezone.now() - moment < timedelta(minutes=1) for moment in moments)


START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Stage:
    """A clock, a database that may be away, and a world with one entry a second."""

    def __init__(self) -> None:
        self.now = START
        self.fails: Exception | None = None
        self.stored: list[str] = []
        self.said: list[str] = []
        self.follower = live_entries.Follower(self.live, self.store, clock=lambda: self.now, say=self.said.append)

    def live(self, now: datetime) -> Any:
        number = 0
        while True:
            number += 1
            moment = now + timedelta(seconds=number)
            yield moment, {"id": rfc3339(moment)}

    def store(self, batch: list[dict[str, Any]]) -> None:
        if self.fails:
            raise self.fails
        self.stored += [entry["id"] for entry in batch]

    def turn(self, seconds: float) -> float:
        self.now += timedelta(seconds=seconds)
        return self.follower.turn()


def test_follower_writes_each_entry_when_it_is_due() -> None:
    stage = Stage()
    assert stage.turn(0.5) == live_entries.LOOK_EVERY
    assert stage.stored == []
    stage.turn(2)
    assert stage.stored == ["2026-05-04T12:00:01Z", "2026-05-04T12:00:02Z"]


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
def test_follower_outlives_the_database(error: Exception) -> None:
    stage = Stage()
    stage.fails = error
    waits = [stage.turn(1) for _ in range(8)]
    assert waits[:3] == [1, 2, 4]
    assert max(waits) == live_entries.WAIT_AT_MOST
    stage.fails = None
    stage.turn(1)
    assert len(stage.stored) == len(set(stage.stored)) == 9
    assert len(stage.said) == 2
    assert stage.said[1] == "The database is back."


def test_follower_does_not_make_up_for_hours() -> None:
    stage = Stage()
    stage.turn(3600 * 8)
    assert stage.stored == []
    stage.turn(2)
    assert stage.stored == ["2026-05-04T20:00:01Z", "2026-05-04T20:00:02Z"]


@pytest.mark.django_db
def test_follower_drops_what_waited_too_long() -> None:
    stage = Stage()
    stage.fails = OperationalError("gone")
    stage.turn(5)
    stage.turn(3600)
    stage.fails = None
    stage.turn(3)
    assert stage.stored == ["2026-05-04T13:00:06Z", "2026-05-04T13:00:07Z", "2026-05-04T13:00:08Z"]


# Import


def ndjson(*entries: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(values).encode() + b"\n" for values in entries)


def test_import_takes_files_plain_and_packed(project: Project, tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.ndjson", tmp_path / "b.ndjson.gz"
    plain.write_bytes(b"\xef\xbb\xbf" + ndjson(entry(id="a"), entry(id="b")) + b"\r\n  \n")
    packed.write_bytes(gzip.compress(ndjson(entry(id="c"))) + gzip.compress(ndjson(entry(id="d"))))
    out, err = call("import_logs", str(plain), str(packed), "--project", "acme")
    assert out == "4 stored, 0 already there, 0 refused.\n"
    assert err == ""
    assert set(LogEntry.objects.of(project).values_list("entry_id", flat=True)) == {"a", "b", "c", "d"}


def test_import_again_changes_nothing(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(ndjson(entry(id="a"), entry(id="b")))
    call("import_logs", str(path), "--project", "acme")
    assert call("import_logs", str(path), "--project", "acme")[0] == "0 stored, 2 already there, 0 refused.\n"


@pytest.mark.django_db(transaction=True)
def test_a_year_into_a_project_that_keeps_less_says_what_is_missing_and_what_to_set(tmp_path: Path) -> None:
    """Of what was said to be stored, nothing is gone after the next round of retention."""
    project, now = ProjectFactory(slug="acme"), timezone.now()
    path = tmp_path / "year.ndjson"
    path.write_bytes(
        ndjson(*(entry(id=f"{number}", timestamp=now - timedelta(days=365 * number / 100)) for number in range(100)))
    )
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("import_logs", str(path), "--project", "acme", stdout=out, stderr=err)
    assert ended.value.code == 1
    summary, missing = out.getvalue().splitlines()
    assert summary == "25 stored, 0 already there, 75 refused."
    oldest = now - timedelta(days=90)
    assert missing.startswith(
        f"75 were left out: they are older than the 90 days that project acme keeps (now from {oldest:%Y-%m-%d}"
    )
    assert "Its retention can be changed in the administration, under Projects, up to 400 days" in missing
    assert err.getvalue().count("beyond_retention at /timestamp") == 20
    call("maintain")
    assert LogEntry.objects.of(project).count() == 25
    Project.objects.update(retention_days=400)
    assert call("import_logs", str(path), "--project", "acme")[0] == "75 stored, 25 already there, 0 refused.\n"
    call("maintain")
    assert LogEntry.objects.of(project).count() == 100


def test_made_entries_that_the_project_would_not_keep_are_told(project: Project) -> None:
    Project.objects.update(retention_days=1)
    _, err = call("generate_logs", "--entries", "500", "--days", "4", "--users", "10", "--project", "acme")
    stored = LogEntry.objects.of(project).count()
    assert 0 < stored < 500
    assert f"{stored:,} entries stored in project acme." in err
    assert f"{500 - stored:,} were left out: they are older than the 1 day that project acme keeps" in err


def test_bad_lines_cost_only_themselves(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(
        ndjson(entry(id="a"))
        + b"\n{broken\n"
        + ndjson(entry(id="b", level="LOUD"), entry(id="c"))
        + b'{"id": "long", "message": "'
        + b"x" * 2_000_000
        + b'"}\n'
        + ndjson(entry(id="d"))
    )
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("import_logs", str(path), "--project", "acme", stdout=out, stderr=err)
    assert ended.value.code == 1
    assert out.getvalue() == "3 stored, 0 already there, 3 refused.\n"
    told = err.getvalue().splitlines()
    assert [line.split(": ")[0] for line in told] == [f"{path}:{number}" for number in (3, 4, 6)]
    assert "at /level" in told[1]


def test_many_refusals_are_counted_not_listed(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(ndjson(entry(id="a")) + b'{"id": "\\u001b[31m"}\n' * 50)
    err = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("import_logs", str(path), "--project", "acme", stdout=io.StringIO(), stderr=err)
    told = err.getvalue().splitlines()
    assert len(told) == import_logs.SHOWN + 1
    assert told[-1] == "… and 30 more refused lines."
    assert "\x1b" not in err.getvalue()


def test_conflicts_are_refused_with_their_line(project: Project, tmp_path: Path) -> None:
    moment = timezone.now() - timedelta(hours=1)
    path = tmp_path / "a.ndjson"
    path.write_bytes(
        ndjson(entry(id="a", timestamp=moment), entry(id="a", timestamp=moment, message="another"), entry(id="b"))
    )
    err = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("import_logs", str(path), "--project", "acme", stdout=io.StringIO(), stderr=err)
    assert f"{path}:2: id_conflict at /id" in err.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        (gzip.compress(b"x" * 5000)[:-20], "damaged or cut off"),
        (b"\x1f\x8bnot gzip at all", "cannot be read"),
        (b"\x00\x01\x02 binary\n", "does not look like NDJSON"),
        (b'[\n{"id": 1},\n]', "does not look like NDJSON"),
    ],
    ids=["missing", "cut off", "bad gzip", "binary", "an array"],
)
def test_unreadable_files(project: Project, tmp_path: Path, content: bytes | None, says: str) -> None:
    bad, good = tmp_path / "bad", tmp_path / "good"
    if content is not None:
        bad.write_bytes(content)
    good.write_bytes(ndjson(entry(id="a")))
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("import_logs", str(bad), str(good), "--project", "acme", stdout=out, stderr=err)
    assert ended.value.code == 2
    assert says in err.getvalue()
    assert out.getvalue().startswith("1 stored")  # the good file is taken all the same


def test_import_from_a_named_pipe(project: Project, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"echo '{json.dumps(entry())}' > {pipe}"]):
        assert "1 stored" in call("import_logs", str(pipe), "--project", "acme")[0]
    assert LogEntry.objects.count() == 1


def test_import_of_an_empty_file(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b"\n \n")
    assert call("import_logs", str(path), "--project", "acme")[0] == "0 stored, 0 already there, 0 refused.\n"


def test_import_into_no_project(db: None) -> None:
    with pytest.raises(CommandError) as refused:
        call("import_logs", "-", "--project", "none")
    assert refused.value.returncode == 2


def test_import_while_the_database_is_away(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("the connection was closed")

    monkeypatch.setattr("synclogs.ingestion.ingest.write", away)
    path = tmp_path / "a.ndjson"
    path.write_bytes(ndjson(entry(id="a")))
    with pytest.raises(CommandError, match="run the same command again") as refused:
        call("import_logs", str(path), "--project", "acme")
    assert refused.value.returncode == 2


def test_import_from_standard_input(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    body = gzip.compress(ndjson(entry(id="a"), entry(id="b")))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(body))))
    assert call("import_logs", "-", "--project", "acme")[0].startswith("2 stored")


# The demo


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> Sizes:
    settings.DEMO = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setenv("DEMO_PASSWORD", "a password for the demo")
    small = Sizes(entries=1500, days=2, users=45)
    monkeypatch.setattr(load_demo, "DEMO", small)
    monkeypatch.setattr("synclogs.demo.generate.sizes.DEMO", small)
    return small


@pytest.mark.django_db
def test_demo_is_loaded_once(small_demo: Sizes, client: Any) -> None:
    out, _ = call("load_demo")
    project = Project.objects.get(slug="demo")
    assert "1,500 entries added" in out
    assert "Logins: viewer, operator, lead, admin; password: a password for the demo" in out
    assert LogEntry.objects.of(project).count() == 1500
    assert ConnectedUser.objects.of(project).exclude(company="").count() == 45
    assert dict(Membership.objects.values_list("user__username", "role")) == {
        "viewer": Role.VIEWER,
        "operator": Role.OPERATOR,
        "lead": Role.LEAD,
        "admin": Role.ADMIN,
    }
    assert list(User.objects.filter(is_staff=True).values_list("username", flat=True)) == ["admin"]
    assert client.login(username="lead", password="a password for the demo")
    assert "0 entries added" in call("load_demo")[0]
    assert LogEntry.objects.of(project).count() == 1500


@pytest.mark.django_db
def test_demo_that_was_cut_off_is_completed(small_demo: Sizes, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def cut_off(*arguments: Any) -> loading.Loaded:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return store(*arguments)

    store = loading.store
    monkeypatch.setattr(loading, "BATCH", 600)
    monkeypatch.setattr(loading, "store", cut_off)
    with pytest.raises(KeyboardInterrupt):
        call("load_demo")
    monkeypatch.undo()
    monkeypatch.setattr(load_demo, "DEMO", small_demo)
    call("load_demo")
    assert LogEntry.objects.count() == 1500


@pytest.mark.django_db
def test_demo_catches_up_after_a_break(small_demo: Sizes) -> None:
    project = Project.objects.create(slug="demo", name="Demo")
    Project.objects.update(created_at=timezone.now() - timedelta(hours=12))
    call("load_demo")
    newest = LogEntry.objects.of(project).newest_first()[0]
    assert timezone.now() - newest.occurred_at < timedelta(minutes=20)
    later = LogEntry.objects.of(project).filter(occurred_at__gt=timezone.now() - timedelta(hours=12)).count()
    assert 200 < later < 700  # 1500 in two days


@pytest.mark.django_db
def test_demo_leaves_other_people_alone(small_demo: Sizes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_demo, "fill", lambda project: loading.Loaded())
    User.objects.create_user("admin", "boss@acme.example", "the password of a person")
    monkeypatch.delenv("DEMO_PASSWORD")
    out, _ = call("load_demo")
    assert "Logins: viewer, operator, lead;" in out
    assert len(out.split("password: ")[1].strip()) >= 12
    admin = User.objects.get(username="admin")
    assert admin.check_password("the password of a person")
    assert not admin.is_staff


@pytest.mark.django_db
def test_demo_without_a_name_left_prints_no_password(small_demo: Sizes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_demo, "fill", lambda project: loading.Loaded())
    for name in ("viewer", "operator", "lead", "admin"):
        User.objects.create_user(name, f"{name}@acme.example", "the password of a person")
    assert "password" not in call("load_demo")[0]


@pytest.mark.django_db
def test_demo_mends_a_login_whose_password_changed(small_demo: Sizes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_demo, "fill", lambda project: loading.Loaded())
    call("load_demo")
    monkeypatch.setenv("DEMO_PASSWORD", "another password of the demo")
    call("load_demo")
    assert User.objects.get(username="viewer").check_password("another password of the demo")


@pytest.mark.django_db
def test_no_demo_in_production(settings: LazySettings) -> None:
    settings.DEBUG = settings.DEMO = False
    with pytest.raises(CommandError, match="PORTAL_DEMO=1"):
        call("load_demo")
    assert not User.objects.exists()


def test_the_demo_is_as_large_as_the_contract_says() -> None:
    assert DEMO.entries >= 20_000
    assert DEMO.users >= 40
    assert DEMO.days == 7


# Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synclogs.management.progress.EVERY_SECONDS", 0)
    stream = Terminal()
    with Progress(stream, "Writing", total=200) as progress:
        progress.to(50)
        progress.to(200)
    shown = stream.getvalue()
    assert shown.count("\r") == 3
    assert " 25%  50 of 200 entries" in shown
    assert shown.endswith("\n")


def test_progress_in_a_file_is_one_line_when_it_was_quick() -> None:
    stream = io.StringIO()
    with Progress(stream, "Writing", total=None, unit="bytes") as progress:
        progress.to(1234)
    assert stream.getvalue().startswith("Writing 1,234 bytes")
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("maintain",), ("create_project", "x"), ("import_logs", "manage.py", "--project", "x")]
)
def test_without_a_database_a_command_says_so_in_a_line(arguments: tuple[str, ...]) -> None:
    environment = {**os.environ, "DATABASE_URL": "postgresql://nobody:hunter2@127.0.0.1:1/none"}
    done = subprocess.run([*MANAGE, *arguments], capture_output=True, env=environment, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"The database cannot be used: ")
    assert len(done.stderr.splitlines()) == 1
    assert b"hunter2" not in done.stderr
