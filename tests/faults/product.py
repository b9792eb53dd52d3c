"""The whole product as processes behind proxies: two backends, two portals, a worker, the stand-in, one database."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.clocks import Clocks
from tests.faults.cluster import Cluster
from tests.faults.proxy import Classify, Network, tcp, unix
from tests.processes import ROOT, Process, free_port

ACCESS_SECONDS = 10
TERMINAL = "terminal"
PAIRS = ("browser-portal", "client-backend", "portal-backend", "backend-database")


class Product:
    """Used as a context manager. The public addresses are those of proxies, so no client sees a server by itself."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.cluster, self.network = Cluster(), Network()
        self.ports = {name: free_port() for name in ("github", "backend", "portal", "database")}
        self.github_url = f"http://127.0.0.1:{self.ports['github']}"
        self.backend_url = f"http://127.0.0.1:{self.ports['backend']}"
        self.portal_url = f"http://localhost:{self.ports['portal']}"
        self.clocks = Clocks(directory)
        self.environment = self._environment() | settings
        self.processes: dict[str, Process] = {}
        self.ended_by_themselves: list[str] = []
        self._away: set[str] = set()
        self._guard = threading.Thread(target=self._restart_the_dead, daemon=True)
        self._is_closing = threading.Event()

    def __enter__(self) -> "Product":
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        self.cluster.__enter__()
        self.network.listen(self.ports["database"], [unix(self.cluster.socket)], lambda _: "backend-database")
        self.manage("migrate", "-v0")
        self.processes["github"] = self._process([sys.executable, "-m", "sandbox"], f"{self.github_url}/")
        self._add_servers("backend", _who_calls_the_backend)
        self._add_servers("portal", lambda _: "browser-portal")
        self.processes["worker"] = self._process([sys.executable, "manage.py", "procrastinate", "worker"], "", "worker")
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda process: process.start(seconds=120), self.processes.values()))
        self._guard.start()

    def __exit__(self, *_: object) -> None:
        self._is_closing.set()
        if self._guard.is_alive():
            self._guard.join()
        for name, process in self.processes.items():
            process.stop(signal.SIGKILL)
            (self.directory / f"{name.replace(' ', '-')}.log").write_text(process.text())
        self.network.close()
        self.cluster.__exit__()

    def manage(self, *arguments: str) -> str:
        """Run a management command past the proxies; its standard output. Raises RuntimeError where it fails."""
        environment = self.environment | {"DATABASE_URL": self.cluster.address}
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"manage.py {arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def kill(self, name: str) -> None:
        """SIGKILL to the process and all its workers; it stays away until `revive`."""
        self._away.add(name)
        self.processes[name].stop(signal.SIGKILL)

    def revive(self, name: str) -> None:
        """Start a killed process and wait until it answers."""
        self.processes[name].start(seconds=90)
        self._away.discard(name)

    def _environment(self) -> dict[str, str]:
        clean = {k: os.environ[k] for k in ("PATH", "HOME", "LANG", "TMPDIR") if k in os.environ}
        return clean | {
            "READ_DOT_ENV": "false",
            "DEBUG": "true",
            "LOG_FORMAT": "json",
            "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{self.ports['database']}/postgres?sslmode=disable",
            "BACKEND_PORT": str(self.ports["backend"]),
            "PORTAL_PORT": str(self.ports["portal"]),
            "GITHUB_PORT": str(self.ports["github"]),
            "THROTTLE_SCALE": "100000",
            "ACCESS_TOKEN_SECONDS": str(ACCESS_SECONDS),
            "DATABASE_POOL_MAX": "4",
            "EMAIL_URL": "dummymail://",
            "METRICS_DIR": str(self.directory / "metrics"),
        }

    def _add_servers(self, room: str, classify: Classify) -> None:
        ports = [free_port(), free_port()]
        for number, port in enumerate(ports, 1):
            self.processes[f"{room} {number}"] = self._server(room, port, f"{room} {number}")
        self.network.listen(self.ports[room], [tcp(port) for port in ports], classify)

    def _server(self, room: str, port: int, name: str) -> Process:
        granian = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
        sizes = ["--port", str(port), "--workers", "1", "--blocking-threads", "72", "--log-level", "warning"]
        process = self._process([*granian, *sizes, "config.wsgi:application"], f"http://127.0.0.1:{port}/healthz", name)
        process.environment["DJANGO_SETTINGS_MODULE"] = f"config.settings.{room}"
        process.environment["ALLOWED_HOSTS"] = "127.0.0.1,localhost"
        return process

    def _process(self, command: list[str], answers_at: str, name: str = "") -> Process:
        return Process(command, self.environment | (self.clocks.environment_of(name) if name else {}), answers_at)

    def _restart_the_dead(self) -> None:
        """What a supervisor does: a process that has ended by itself is started again."""
        while not self._is_closing.wait(0.3):
            for name, process in self.processes.items():
                if name not in self._away and process.popen and process.popen.poll() is not None:
                    self.ended_by_themselves.append(f"{name} ({process.popen.returncode}): {process.text()[-300:]}")
                    process.popen = subprocess.Popen(
                        process.command, env=process.environment, cwd=ROOT,
                        stdout=process.output, stderr=process.output, start_new_session=True,
                    )  # fmt: skip
                    time.sleep(0.5)


def _who_calls_the_backend(first: bytes) -> str:
    """Every client of a run names itself; the portal does not."""
    return "client-backend" if re.search(rb"\r\nuser-agent: ", first, re.IGNORECASE) else "portal-backend"
