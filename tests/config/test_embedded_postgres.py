import multiprocessing
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.development import embedded_postgres
from tests.processes import ROOT, wait_until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who can become somebody else")
HOLD = (
    "import sys, pathlib; from config.development import embedded_postgres as e;"
    " s = e.start(pathlib.Path(sys.argv[1]));"
)


@pytest.fixture(scope="session")
def ready_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data that was made once, to be copied: making it takes longer than everything else here."""
    data = tmp_path_factory.mktemp("ready") / "data"
    embedded_postgres.start(data).cleanup()
    return data


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory for data that is gone at the end, with whatever still runs over it."""
    directory = Path(tempfile.mkdtemp(prefix="insighta test "))
    yield directory
    for pid in postmasters(directory):
        os.kill(pid, signal.SIGQUIT)
    wait_until_gone(directory)
    shutil.rmtree(directory)


@pytest.fixture
def data(home: Path, ready_made: Path) -> Path:
    return copy_of(ready_made, home / "data")


def copy_of(ready_made: Path, data: Path) -> Path:
    data.parent.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", ready_made, data], check=True)
    return data


def hold(data: Path) -> "subprocess.Popen[bytes]":
    """Another process that uses the server until its standard input is closed."""
    code = HOLD + "print(flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(data)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"\n"
    return process


def answer(server: embedded_postgres.Server, question: str = "SELECT 1") -> object:
    with psycopg.connect(server.get_uri()) as connection:
        row = connection.execute(question).fetchone()
    return row and row[0]


def serve(data: Path) -> None:
    """Start, ask and stop."""
    server = embedded_postgres.start(data)
    assert answer(server) == 1
    server.cleanup()


@pytest.mark.parametrize("name", ["l" * 120, "quote's and space"])
def test_it_serves_from_any_path_and_stops_without_a_trace(home: Path, ready_made: Path, name: str) -> None:
    data = copy_of(ready_made, home / name / "data")
    server = embedded_postgres.start(data)
    sockets = embedded_postgres._socket_directory(data)
    assert sockets.is_dir()
    assert answer(server, "SELECT lower('ÄÖ')") == "äö"
    assert postmasters(home)
    server.cleanup()
    wait_until_gone(home)
    assert sockets.exists() == sockets.is_relative_to(home)


def test_only_its_owner_can_reach_the_socket(data: Path) -> None:
    server = embedded_postgres.start(data)
    assert data.stat().st_mode & 0o077 == 0
    assert answer(server, "SHOW listen_addresses") == ""
    server.cleanup()


@as_root
def test_directories_that_are_closed_to_the_servers_account_stay_closed(home: Path, ready_made: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    serve(copy_of(ready_made, closed / "data"))
    assert stat.S_IMODE(closed.stat().st_mode) == stat.S_IMODE(home.stat().st_mode) == 0o700


@as_root
def test_an_ordinary_user_can_run_it(home: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    process = multiprocessing.get_context("fork").Process(target=_serve_as, args=(nobody, home / "data"))
    process.start()
    process.join(timeout=120)
    assert process.exitcode == 0
    assert (home / "data/PG_VERSION").stat().st_uid == nobody.pw_uid


def _serve_as(account: pwd.struct_passwd, data: Path) -> None:
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    serve(data)
    os._exit(0)


def test_the_last_of_several_users_stops_it(data: Path) -> None:
    first, second = embedded_postgres.start(data), hold(data)
    first.cleanup()
    assert postmasters(data)
    second.communicate()
    wait_until_gone(data)


def test_a_user_that_was_killed_does_not_keep_it_running(data: Path) -> None:
    killed = hold(data)
    killed.kill()
    killed.wait()
    running = postmasters(data)
    server = embedded_postgres.start(data)
    assert postmasters(data) == running
    assert answer(server) == 1
    server.cleanup()
    wait_until_gone(data)


def test_it_recovers_after_the_server_was_killed(data: Path) -> None:
    server = embedded_postgres.start(data)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        os.kill(postmasters(data)[0], signal.SIGKILL)
    # Until the kernel has ended it, its socket accepts.
    wait_until_gone(data)
    again = embedded_postgres.start(data)
    assert answer(again, "SELECT count(*) FROM kept") == 0
    again.cleanup()
    server.cleanup()


def test_it_starts_where_another_program_got_the_process_id_of_a_killed_server(data: Path) -> None:
    account = embedded_postgres.server_account()
    with subprocess.Popen(["sleep", "600"], user=account.pw_uid if account else None) as other:
        old = [str(other.pid), str(data), "1", "5432", str(data), "", "0 0", "ready"]
        (data / "postmaster.pid").write_text("\n".join(old) + "\n")
        try:
            serve(data)
            assert other.poll() is None
        finally:
            other.kill()


def test_it_recovers_where_a_running_server_has_lost_its_socket(home: Path, ready_made: Path) -> None:
    data = copy_of(ready_made, home / ("l" * 120) / "data")
    server = embedded_postgres.start(data)
    lost = postmasters(home)
    shutil.rmtree(embedded_postgres._socket_directory(data))
    again = embedded_postgres.start(data)
    assert answer(again) == 1
    assert postmasters(home) != lost
    again.cleanup()
    server.cleanup()


def test_an_interrupted_first_start_leaves_no_half_made_data(home: Path) -> None:
    starting = subprocess.Popen([sys.executable, "-c", HOLD, str(home / "data")], cwd=ROOT, start_new_session=True)
    wait_until((home / "data.new").exists)
    os.killpg(starting.pid, signal.SIGKILL)
    starting.wait()
    assert not (home / "data").exists()
    serve(home / "data")


def test_data_it_cannot_serve_is_an_error_that_quotes_the_log(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "PG_VERSION").write_text("12\n")
    monkeypatch.setattr(embedded_postgres, "START_SECONDS", 3)
    with pytest.raises(embedded_postgres.EmbeddedPostgresError, match=r"its log .* ends with: .*version 12"):
        embedded_postgres.start(data)


def test_management_commands_bring_their_own_database(data: Path) -> None:
    code = f"""
import pathlib, sys, config.development.embedded_postgres as embedded, manage
embedded.start.__defaults__ = (pathlib.Path({str(data)!r}),)
sys.argv[1:] = ["shell", "-v0", "-c", "from django.db import connection as c; c.ensure_connection(); print(c.vendor)"]
manage.main()
"""
    environment = {"PATH": os.environ["PATH"], "DEBUG": "true", "READ_DOT_ENV": "false"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "postgresql\n", done.stderr
    wait_until_gone(data)


def wait_until_gone(directory: Path) -> None:
    """A server that has stopped removes its process id first and ends a moment later."""
    wait_until(lambda: not postmasters(directory))


def postmasters(directory: Path) -> list[int]:
    """The servers that run over data in `directory`, without the copies of themselves that they have just forked."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if words[0].endswith(b"/postgres") and any(os.fsencode(directory) in word for word in words):
            parents[int(process.name)] = int(parent)
    return [pid for pid, parent in parents.items() if parent not in parents]
