import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.product import Product as DeployedProduct
from bench.servers import clean_environment, granian
from tests.fault_injection.postgres import Postgres
from tests.fault_injection.proxy import Classify, Network, tcp, unix
from tests.processes import Process, free_port

ACCESS_SECONDS = 10
WELCOME_CREDITS = 6
LINKS = ("browser-portal", "client-backend", "portal-backend", "backend-database")


class Product(DeployedProduct):
    """Two backends, two portals, a worker, the stand-in for GitHub and PostgreSQL, each behind a proxy.

    Used as a context manager. The log of each process is written into `directory`.
    """

    def __init__(self, postgres: Postgres, directory: Path, **settings: str) -> None:
        super().__init__(postgres, DEBUG="true", ALLOWED_HOSTS="127.0.0.1,localhost", LOG_FORMAT="json", **settings)
        self.postgres, self.directory, self.network = postgres, directory, Network()
        self.ports["database"] = free_port()
        self.environment |= clean_environment() | {
            "DATABASE_URL": self.database_url(),
            "DATABASE_POOL_MAX": "4",
            "WELCOME_CREDITS": str(WELCOME_CREDITS),
            "ACCESS_TOKEN_SECONDS": str(ACCESS_SECONDS),
            "EMAIL_URL": "dummymail://",
            "METRICS_DIR": str(directory / "metrics"),
        }
        # As many requests wait as where it is deployed.
        del self.environment["REQUESTS_WAITING"]
        self.can_set_clocks = self._compile_clock()
        self.processes: dict[str, Process] = {}
        self.crashes: list[str] = []
        self._killed: set[str] = set()
        self._supervisor = threading.Thread(target=self._restart_crashed, daemon=True)
        self._is_closing = threading.Event()

    def __enter__(self) -> "Product":
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closing.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        for name, process in self.processes.items():
            process.stop(signal.SIGKILL)
            (self.directory / f"{name.replace(' ', '-')}.log").write_text(process.text())
        self.network.close()

    def kill(self, name: str) -> None:
        """SIGKILL to the process and all its workers; it stays down until `restart`."""
        self._killed.add(name)
        self.processes[name].stop(signal.SIGKILL)

    def restart(self, name: str) -> None:
        """Start a killed process and wait until it answers."""
        self.processes[name].start(seconds=90)
        self._killed.discard(name)

    def set_clock(self, name: str, seconds: int) -> None:
        """Let the wall clock of one process be wrong by so much, at once: it reads the file by a shared mapping."""
        with self._clock_file(name).open("r+b") as file:
            file.write(struct.pack("@l", seconds))

    def database_url(self) -> str:
        """Where everything connects: to the proxy before PostgreSQL."""
        return f"postgresql://postgres@127.0.0.1:{self.ports['database']}/{self.database}?sslmode=disable"

    def _start(self) -> None:
        self.make_database()
        self._add("github", [sys.executable, "-m", "sandbox"], f"{self.github_url}/")
        self._add_servers("backend", _link_of_backend_caller)
        self._add_servers("portal", lambda _: "browser-portal")
        self._add("worker", [sys.executable, "manage.py", "procrastinate", "worker"])
        self._lead_to_database()
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda process: process.start(seconds=120), self.processes.values()))
        self._supervisor.start()

    def _lead_to_database(self) -> None:
        self.network.listen(self.ports["database"], [unix(self.postgres.socket)], lambda _: "backend-database")

    def _add_servers(self, room: str, classify: Classify) -> None:
        ports = [free_port(), free_port()]
        for number, port in enumerate(ports, 1):
            command = granian("config.wsgi:application", port=port, workers=1, threads=72)
            process = self._add(f"{room} {number}", command, f"http://127.0.0.1:{port}/healthz")
            process.environment["DJANGO_SETTINGS_MODULE"] = f"config.settings.{room}"
        self.network.listen(self.ports[room], [tcp(port) for port in ports], classify)

    def _add(self, name: str, command: list[str], answers_at: str = "") -> Process:
        environment = dict(self.environment)
        if self.can_set_clocks:
            self._clock_file(name).write_bytes(bytes(8))
            environment |= {"LD_PRELOAD": str(self._clock_library), "WRONG_CLOCK": str(self._clock_file(name))}
        self.processes[name] = Process(command, environment, answers_at)
        return self.processes[name]

    def _compile_clock(self) -> bool:
        """Whether this machine has a C compiler."""
        self._clock_library, source = self.directory / "clock.so", Path(__file__).with_name("clock.c")
        compiler = shutil.which("cc")
        command = [str(compiler), "-shared", "-fPIC", "-O2", "-o", str(self._clock_library), str(source)]
        return bool(compiler) and subprocess.run(command, capture_output=True).returncode == 0

    def _clock_file(self, name: str) -> Path:
        return self.directory / f"clock-{name.replace(' ', '-')}"

    def _restart_crashed(self) -> None:
        """A supervisor: a process that ends by itself is started again."""
        while not self._is_closing.wait(0.5):
            for name, process in self.processes.items():
                if name not in self._killed and process.popen and process.popen.poll() is not None:
                    self.crashes.append(f"{name} ({process.popen.returncode}): {process.text()[-300:]}")
                    process.begin()


def _link_of_backend_caller(first: bytes) -> str:
    """Every client of a run sends a User-Agent; the portal does not."""
    return "client-backend" if re.search(rb"\r\nuser-agent: ", first, re.IGNORECASE) else "portal-backend"
