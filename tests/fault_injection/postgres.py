import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from bench.database import Cluster
from config.development.embedded_postgres import EmbeddedPostgresError
from tests.processes import wait_until

DISK_MEGABYTES = 400


class Postgres(Cluster):
    """A server that can be killed and whose disk can be filled.

    `has_own_disk` is false where this machine may not mount one.
    """

    def __init__(self) -> None:
        super().__init__({"max_wal_size": "200MB"})
        options = ["-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=755", "tmpfs", str(self.directory)]
        mount = shutil.which("mount")
        self.has_own_disk = bool(mount) and not subprocess.run([str(mount), *options], capture_output=True).returncode

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self.has_own_disk:
            subprocess.run(["umount", "--lazy", self.directory], check=False)
            self.directory.rmdir()

    @property
    def socket(self) -> str:
        """The file that the server listens on."""
        return f"{self._postmaster()[4]}/.s.PGSQL.5432"

    def kill(self) -> None:
        """Stop it in immediate mode: no checkpoint."""
        with contextlib.suppress(FileNotFoundError, IndexError, ProcessLookupError):
            pid = int(self._postmaster()[0])
            os.kill(pid, signal.SIGQUIT)
            wait_until(lambda: not _is_alive(pid))

    def fill_disk(self) -> None:
        """Leave no byte free."""
        with contextlib.suppress(OSError), (self.directory / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(1 << 16))

    def free_disk(self) -> None:
        """Remove what `fill_disk` wrote, and start the server where it has ended, as a supervisor would."""
        (self.directory / "ballast").unlink(missing_ok=True)
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.Error:
            with contextlib.suppress(EmbeddedPostgresError):
                self.start()

    def _postmaster(self) -> list[str]:
        return (self.directory / "data" / "postmaster.pid").read_text().splitlines()


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
