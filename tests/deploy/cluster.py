"""The compose file's services as processes of this machine, from the same files of `deploy/`, DEBUG off.

Processes by name: `redis`, `pgbouncer`, `github` (the stand-in, with an environment of its own), `backend-1`,
`backend-2`, `portal-1`, `portal-2`, `worker`, `nginx`. PostgreSQL is the test run's server, in which a cluster has a
role and a database of its own.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psycopg
import trustme
from psycopg.conninfo import conninfo_to_dict

from config.development import embedded_postgres
from tests.deploy.configuration import DEPLOY, environment_file, fill, image_contents, service_environment, services
from tests.processes import ROOT, Process, accepts, free_port

HOSTS = ("api.insighta.test", "app.insighta.test")
SERVERS = ("backend-1", "backend-2", "portal-1", "portal-2")
PRODUCT = (*SERVERS, "worker")
# The order of starting: each finds there what it needs.
NAMES = ("redis", "pgbouncer", "github", *SERVERS, "worker", "nginx")
PACKAGES = {"redis-server": "redis-server", "pgbouncer": "pgbouncer", "nginx": "nginx-light"}


class Cluster:
    """Used as a context manager. `settings` are environment variables for every process of the product.

    `environments[name]` is what the process is given at its next start: change it to deploy a change to that process.
    """

    def __init__(self, **settings: str) -> None:
        self.ports = {name: free_port() for name in ("http", "https", *NAMES)}
        self.backend_url, self.portal_url = (f"https://{host}:{self.ports['https']}" for host in HOSTS)
        self.github_url = f"http://127.0.0.1:{self.ports['github']}"
        self.name = f"cluster_{os.getpid()}_{self.ports['nginx']}"
        # Not pytest's directory: nginx and pgbouncer run under accounts that may not enter it.
        self.directory = Path(tempfile.mkdtemp(prefix="insighta-cluster-"))
        self.directory.chmod(0o755)
        self.release, self.secrets = self.directory / "release", self.directory / "secrets"
        self.settings = settings
        self.environments: dict[str, dict[str, str]] = {}
        self.processes: dict[str, Process] = {}

    def __enter__(self) -> "Cluster":
        try:
            self._prepare()
            for name in NAMES:
                self.processes[name].begin()
            for name in NAMES:
                self.processes[name].wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.stop(signal.SIGKILL)
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')
            connection.execute(f'DROP ROLE IF EXISTS "{self.name}"')
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self, name: str) -> None:
        """Start it with its environment and wait until it answers."""
        self.processes[name].environment = self.environments[name]
        self.processes[name].start()

    def stop(self, name: str) -> int:
        """Ask it to end, as a deployment does, and wait; its exit code."""
        self.processes[name].terminate()
        return self.processes[name].wait()

    def reload(self, name: str) -> None:
        """Have it read its configuration again, as `systemctl reload` does."""
        popen = self.processes[name].popen
        assert popen is not None
        popen.send_signal(signal.SIGHUP)

    def kill(self, name: str) -> None:
        """SIGKILL, for the process and its workers."""
        self.processes[name].stop(signal.SIGKILL)

    def logs(self, name: str) -> str:
        """All the process has printed, over all its lives."""
        return self.processes[name].text()

    def manage(self, *arguments: str, role: str = "worker", **changes: str) -> str:
        """A management command with the environment of `role` and `changes`; its output. Raises RuntimeError."""
        command = [sys.executable, "manage.py", *arguments]
        environment = self.environments[role] | changes
        done = subprocess.run(command, env=environment, cwd=self.release, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"manage.py {arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    @contextmanager
    def connect(self) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
        """A connection of the test's own to the database, not through pgbouncer, in autocommit."""
        with psycopg.connect(self.environments["worker"]["DATABASE_URL"], autocommit=True) as connection:
            yield connection

    def _prepare(self) -> None:
        self._install_release()
        write_certificates(self.directory, list(HOSTS))
        self._make_secrets()
        self._create_database()
        for name in (*PRODUCT, "pgbouncer", "nginx"):
            self.environments[name] = self._environment(name)
        for name in NAMES:
            self.processes[name] = getattr(self, f"_{name.partition('-')[0]}")(name)
            self.environments.setdefault(name, self.processes[name].environment)
        self.manage(*services()["migrate"]["command"][2:], "-v0")
        for role in ("backend-1", "portal-1"):
            self.manage("collectstatic", "--no-input", "-v0", role=role)

    def _install_release(self) -> None:
        """What the image holds and nothing else."""
        for item in image_contents():
            source, target = ROOT / item, self.release / item
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copy2(source, target)

    def _make_secrets(self) -> None:
        addresses = ["--database", self._database_address(), "--pooler", f"127.0.0.1:{self.ports['pgbouncer']}"]
        command = [sys.executable, str(DEPLOY / "make_secrets.py"), str(self.secrets), *addresses, "--name", self.name]
        subprocess.run(command, check=True, capture_output=True)
        # The part of a path that tells a socket's directory cannot stand before the database's name.
        for name in ("direct.env", "pooled.env"):
            path = self.secrets / name
            path.write_text(_socket_as_parameter(path.read_text()))
        mail = f"EMAIL_URL=filemail://{self.directory}/mail\n"
        given = {"GITHUB_CLIENT_ID": "deployed", "GITHUB_CLIENT_SECRET": secrets.token_urlsafe(48)}
        filled = "".join(f"{name}={value}\n" for name, value in given.items()) + mail
        with (self.secrets / "backend.env").open("a") as file:
            file.write(filled)

    def _database_address(self) -> str:
        server = conninfo_to_dict(os.environ["DATABASE_URL"])
        return f"{server.get('host') or '127.0.0.1'}:{server.get('port') or 5432}"

    def _create_database(self) -> None:
        password = (self.secrets / "database-password").read_text()
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(f"CREATE ROLE \"{self.name}\" LOGIN PASSWORD '{password}'")
            connection.execute(f'CREATE DATABASE "{self.name}" OWNER "{self.name}"')

    def _environment(self, name: str) -> dict[str, str]:
        """What compose gives the service, with this machine's addresses, and the settings of this cluster."""
        clean = {k: os.environ[k] for k in ("PATH", "HOME", "LANG", "TMPDIR") if k in os.environ}
        given = service_environment(services()[name], secrets=self.secrets)
        environment = clean | {variable: self._here(str(value)) for variable, value in given.items()}
        if name in PRODUCT:
            environment |= {
                "READ_DOT_ENV": "false",
                "PYTHONUNBUFFERED": "1",
                "PYTHONPATH": str(Path(__file__).parent / "names"),
                "SSL_CERT_FILE": str(self.directory / "authority.pem"),
                "METRICS_DIR": str(self.directory / f"metrics-{name}"),
                "GITHUB_URL": self.github_url,
                "GITHUB_API_URL": f"{self.github_url}/",
                "THROTTLE_SCALE": "1000",
                "GRANIAN_PORT": str(self.ports[name]),
                # One each, because they share two cores with everything else of a test run.
                "GRANIAN_WORKERS": "1",
                **self.settings,
            }
        return environment

    def _here(self, value: str) -> str:
        """A value of the compose file, with this machine's addresses for those of containers and the example's."""
        value = re.sub(r"(https://\w+\.insighta\.)example", rf"\1test:{self.ports['https']}", value)
        value = value.replace("insighta.example", "insighta.test").replace("redis:6379", self._at("redis"))
        value = re.sub(r"^((?:backend|portal)-[12]):8000$", lambda found: self._at(found[1]), value)
        return re.sub(r"0\.0\.0\.0|172\.30\.0\.\d+(?:/31)?", "127.0.0.1", value)

    def _at(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"

    def _process(self, name: str, command: list[str], **options: Any) -> Process:
        options = {"environment": self.environments.get(name, {}), "directory": self.directory, **options}
        options.setdefault("is_ready", partial(accepts, self.ports[name]))
        return Process(command, **options)

    def _redis(self, name: str) -> Process:
        command = [*services()[name]["command"], "--port", str(self.ports[name]), "--bind", "127.0.0.1"]
        return self._process(name, [program(command[0], PACKAGES[command[0]]), *command[1:]])

    def _pgbouncer(self, name: str) -> Process:
        host, _, port = self._database_address().rpartition(":")
        values = self.environments[name] | {
            "DATABASE_NAME": self.name,
            "DATABASE_HOST": host,
            "DATABASE_PORT": port,
            "PGBOUNCER_PORT": str(self.ports[name]),
            "PGBOUNCER_USERLIST": str(self.directory / "userlist.txt"),
        }
        shutil.copy(self.secrets / "userlist.txt", self.directory)
        (self.directory / "userlist.txt").chmod(0o644)
        configuration = self.directory / "pgbouncer.ini"
        configuration.write_text(fill(DEPLOY / "pgbouncer" / "pgbouncer.ini.template", values))
        command = [program(name, PACKAGES[name]), str(configuration)]
        return self._process(name, command, account=_account() if os.geteuid() == 0 else None)

    def _github(self, name: str) -> Process:
        app = environment_file(self.secrets / "backend.env")
        environment = self._environment("nginx") | {
            "DEBUG": "true",
            "GITHUB_PORT": str(self.ports[name]),
            "BACKEND_URL": self.backend_url,
            "GITHUB_CLIENT_ID": app["GITHUB_CLIENT_ID"],
            "GITHUB_CLIENT_SECRET": app["GITHUB_CLIENT_SECRET"],
        }
        return self._process(name, [sys.executable, "-m", "sandbox"], environment=environment, directory=ROOT)

    def _backend(self, name: str) -> Process:
        return self._server(name, "/readyz")

    def _portal(self, name: str) -> Process:
        return self._server(name, "/healthz")

    def _server(self, name: str, probe: str) -> Process:
        granian, *arguments = services()[name]["command"]
        command = [str(Path(sys.executable).parent / granian), *arguments]
        host = HOSTS[1] if name.startswith("portal") else HOSTS[0]
        is_ready = partial(_answers, self.ports[name], probe, host)
        return self._process(name, command, directory=self.release, is_ready=is_ready)

    def _worker(self, name: str) -> Process:
        command = [sys.executable, *services()[name]["command"][1:]]
        return self._process(name, command, directory=self.release, is_ready=self._has_worker)

    def _has_worker(self) -> bool:
        recent = "SELECT 1 FROM procrastinate_workers WHERE last_heartbeat > now() - interval '5 seconds'"
        with self.connect() as connection:
            return connection.execute(recent).fetchone() is not None

    def _nginx(self, name: str) -> Process:
        values = self.environments[name] | {
            "HTTP_PORT": str(self.ports["http"]),
            "HTTPS_PORT": str(self.ports["https"]),
            "NGINX_STATE": str(self.directory),
            "NGINX_ACCESS_LOG": str(self.directory / "access.log"),
            "BACKEND_AUTHORITY": self.backend_url.removeprefix("https://"),
            "PORTAL_AUTHORITY": self.portal_url.removeprefix("https://"),
        }
        return self._process(
            name,
            nginx_command(self.directory, values),
            is_ready=partial(accepts, self.ports["https"]),
        )


def write_certificates(directory: Path, hosts: list[str]) -> None:
    """Write `authority.pem`, and for all of `hosts` `tls-certificate.pem` and `tls-key.pem`."""
    authority = trustme.CA()
    certificate = authority.issue_cert(*hosts)
    authority.cert_pem.write_to_path(directory / "authority.pem")
    certificate.cert_chain_pems[0].write_to_path(directory / "tls-certificate.pem")
    certificate.private_key_pem.write_to_path(directory / "tls-key.pem")


def program(name: str, package: str) -> str:
    """The path of a Debian program. Raises RuntimeError that says what to install."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if path is None:
        raise RuntimeError(f"This test needs {name}. On Debian: apt-get install --no-install-recommends {package}")
    return path


def nginx_command(directory: Path, values: dict[str, str]) -> list[str]:
    """Write nginx's configuration into `directory`, which holds the certificates; the command that runs it."""
    values = values | {
        "NGINX_PAGES": str(directory),
        "NGINX_PROXY_SETTINGS": str(directory / "proxy.conf"),
        "TLS_CERTIFICATE": str(directory / "tls-certificate.pem"),
        "TLS_KEY": str(directory / "tls-key.pem"),
    }
    for file in ("proxy.conf", "unavailable.html"):
        shutil.copy(DEPLOY / "nginx" / file, directory)
    configuration = directory / "nginx.conf"
    configuration.write_text(fill(DEPLOY / "nginx" / "nginx.conf.template", values))
    return [program("nginx", PACKAGES["nginx"]), "-e", "stderr", "-c", str(configuration), "-g", "daemon off;"]


def _account() -> str:
    """Whom pgbouncer runs as, which refuses to be root: the embedded server's account, which may open its socket."""
    names = [account.pw_name for account in pwd.getpwall()]
    return embedded_postgres.ACCOUNT if embedded_postgres.ACCOUNT in names else "nobody"


def _socket_as_parameter(line: str) -> str:
    """libpq takes a socket's directory as a parameter; an address has no place for its slashes."""
    return re.sub(r"@(/[^\n]*):(\d+)/(\w+)", r"@/\3?host=\1&port=\2", line)


def _answers(port: int, path: str, host: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
