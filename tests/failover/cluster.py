"""Three nodes as `deploy/postgresql/` describes them, on this machine: each in a network namespace of its own."""

import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

from config.development import embedded_postgres
from tests.deploy.configuration import DEPLOY, fill, read_environment
from tests.processes import Process, wait_until

NODES = ("node1", "node2", "node3")
PATRONI = Path(__file__).parents[2] / ".local" / "patroni" / "bin"
DISK_MEGABYTES = 700
PRIMARY_PORT, STANDBY_PORT = 5000, 5001


class NotPossibleError(RuntimeError):
    """This machine lacks what the cluster needs; the message says what."""


@dataclass
class Node:
    """One node: its namespace, its address and its processes."""

    name: str
    namespace: str
    link: str
    address: str
    directory: Path
    etcd: Process = field(init=False)
    patroni: Process = field(init=False)

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def kill(self) -> None:
        """SIGKILL to everything that runs on the node."""
        for _ in range(3):
            for pid in _output("ip", "netns", "pids", self.namespace).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        wait_until(lambda: not _output("ip", "netns", "pids", self.namespace).split())
        for process in (self.etcd, self.patroni):
            process.stop(signal.SIGKILL)

    def kill_postmaster(self) -> None:
        """SIGKILL to PostgreSQL's first process: its children end by themselves, and nothing is written out."""
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def fill_disk(self) -> None:
        with contextlib.suppress(OSError), (self.directory / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(1 << 16))

    def free_disk(self) -> None:
        (self.directory / "ballast").unlink(missing_ok=True)


class PatroniCluster:
    """Used as a context manager. To the product it is what `bench.database.Cluster` is: databases by name.

    Clients reach the primary through HAProxy, or through pgbouncer before it. Raises NotPossibleError.

    With `lease_seconds` a busy machine may keep the primary waiting for etcd longer than with the shipped settings.
    """

    # No fault of `tests.fault_injection` fills the disk of this cluster.
    has_own_disk = False

    def __init__(self, *, is_synchronous: bool = True, lease_seconds: int | None = None) -> None:
        _check_machine()
        self.is_synchronous, self.lease_seconds = is_synchronous, lease_seconds
        self.password = secrets.token_urlsafe(16)
        self.directory = Path(tempfile.mkdtemp(prefix="insighta-failover-"))
        self.directory.chmod(0o755)
        number = os.getpid() % 65536
        self._prefix = f"ig{number:04x}"
        self._network = f"10.{64 + (number >> 8) % 128}.{number & 255}"
        self.host = f"{self._network}.254"
        self.nodes = [self._node(number, name) for number, name in enumerate(NODES, 1)]
        self.haproxy: Process | None = None
        self.pgbouncer: Process | None = None

    def __enter__(self) -> Self:
        try:
            self._make_network()
            self._render()
            with ThreadPoolExecutor() as threads:
                list(threads.map(lambda node: self.start(node), self.nodes))
            self._start_proxies()
            self.wait_until_whole()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.haproxy, self.pgbouncer):
            if process:
                process.stop(signal.SIGKILL)
        for node in self.nodes:
            if self._has_namespace(node):
                node.kill()
                subprocess.run(["ip", "netns", "del", node.namespace], check=False)
            subprocess.run(["umount", "--lazy", node.directory], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", self._prefix], check=False, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    # What the product asks of a cluster.

    def pooled_url(self, name: str) -> str:
        """The address of one database through pgbouncer, for backends."""
        return f"postgresql://postgres:{self.password}@{self.host}:6432/{name}"

    def url(self, name: str = "postgres") -> str:
        """The address of one database through HAProxy, for the worker and for commands."""
        return f"postgresql://postgres:{self.password}@{self.host}:{PRIMARY_PORT}/{name}"

    def hosts_url(self, name: str = "postgres") -> str:
        """The same without HAProxy: all three nodes, and which of them is wanted."""
        hosts = ",".join(f"{node.address}:5432" for node in self.nodes)
        return f"postgresql://postgres:{self.password}@{hosts}/{name}?target_session_attrs=read-write"

    def create(self, name: str, *, like: str = "template1") -> str:
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
        return self.url(name)

    def has(self, name: str) -> bool:
        with self.connect() as connection:
            return bool(connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount)

    @contextlib.contextmanager
    def connect(self, name: str = "postgres") -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
        with psycopg.connect(self.url(name), autocommit=True, connect_timeout=10) as connection:
            yield connection

    # What happens to it.

    def start(self, node: Node) -> None:
        """Start etcd and Patroni; both return to what they were where they have been before."""
        node.etcd.begin()
        node.patroni.begin()

    def primary(self) -> Node:
        """The node that the others follow. Raises AssertionError where there is none for a minute."""
        wait_until(lambda: self._find("primary") is not None, tell=self.describe)
        found = self._find("primary")
        assert found
        return found

    def wait_until_whole(self, *, seconds: float = 300) -> None:
        """Until one node is primary, the others stream from it, and as many are synchronous as there should be."""
        wait_until(self._is_whole, seconds=seconds, tell=self.describe)

    def switch_over(self) -> None:
        """As an operator does it: another node becomes primary, planned."""
        self.patronictl("switchover", "--force")

    def patronictl(self, *arguments: str) -> str:
        """Run it on the first node whose Patroni answers."""
        return self.operate(shlex.join(["patronictl", "-c", "/etc/insighta/postgresql/patroni.yml", *arguments]))

    def operate(self, commands: str) -> str:
        """What commands of a page print on the first node whose Patroni answers. Raises RuntimeError."""
        node = next(node for node in self.nodes if self._members_at(node))
        here = commands.replace("/etc/insighta/postgresql", str(self.directory))
        for number, other in enumerate(self.nodes, 1):
            here = here.replace(f"10.0.0.1{number}:", f"{other.address}:")
        path = {"PATH": f"{PATRONI}:{os.environ['PATH']}"}
        done = subprocess.run(
            [*self._inside(node), "bash", "-euo", "pipefail", "-c", here],
            env=node.patroni.environment | path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout

    def isolate(self, node: Node, *, is_isolated: bool) -> None:
        """No packet passes between this node and the other two; everybody else still reaches it."""
        verb = "add" if is_isolated else "del"
        for other in self.nodes:
            if other is not node:
                _run(*self._inside(node), "ip", "route", verb, "blackhole", other.address)
                _run(*self._inside(other), "ip", "route", verb, "blackhole", node.address)

    def swallow(self, node: Node, *, is_swallowed: bool) -> None:
        """Packets from and to the node vanish, and nobody is told."""
        _run("ip", "link", "set", node.link, "down" if is_swallowed else "up")

    def forget(self, node: Node) -> None:
        """The node's disk is lost with everything of PostgreSQL on it."""
        shutil.rmtree(node.data)

    def describe(self) -> str:
        """What each node says of the cluster, and the ends of its logs."""
        said = []
        for node in self.nodes:
            logs = [node.patroni.text(), *(log.read_text() for log in (node.data / "log").glob("*.log"))]
            roles = [(member["name"], member["role"], member["state"]) for member in self._members_at(node)]
            said.append("\n".join([f"{node.name}: {roles}", *(log[-1500:] for log in logs)]))
        return "\n".join(said)

    def write_logs(self, directory: Path) -> None:
        for name, proxy in (("haproxy", self.haproxy), ("pgbouncer", self.pgbouncer)):
            if proxy:
                (directory / f"{name}.log").write_text(proxy.text())
        for node in self.nodes:
            (directory / f"{node.name}-patroni.log").write_text(node.patroni.text())
            (directory / f"{node.name}-etcd.log").write_text(node.etcd.text())
            for log in (node.data / "log").glob("*.log"):
                shutil.copy(log, directory / f"{node.name}-{log.name}")

    def _node(self, number: int, name: str) -> Node:
        address = f"{self._network}.{number}"
        return Node(name, f"{self._prefix}-{name}", f"{self._prefix}v{number}", address, self.directory / name)

    def _make_network(self) -> None:
        _run("ip", "link", "add", self._prefix, "type", "bridge")
        _run("ip", "addr", "add", f"{self.host}/24", "dev", self._prefix)
        _run("ip", "link", "set", self._prefix, "up")
        for node in self.nodes:
            _run("ip", "netns", "add", node.namespace)
            _run("ip", "link", "add", node.link, "type", "veth", "peer", "name", "eth0", "netns", node.namespace)
            _run("ip", "link", "set", node.link, "master", self._prefix, "up")
            for step in ("addr add {}/24 dev eth0", "link set eth0 up", "link set lo up"):
                _run(*self._inside(node), "ip", *step.format(node.address).split())

    def _render(self) -> None:
        # The nodes share this machine's directory of sockets.
        text = (DEPLOY / "postgresql" / "patroni.yml").read_text().replace("/run/postgresql", "..")
        if not self.is_synchronous:
            text = text.replace("synchronous_mode: true", "synchronous_mode: false")
        if self.lease_seconds:
            text = text.replace("ttl: 20", f"ttl: {self.lease_seconds}")
            text = text.replace("retry_timeout: 4", f"retry_timeout: {self.lease_seconds // 3}")
        (self.directory / "patroni.yml").write_text(text)
        for node in self.nodes:
            node.directory.mkdir()
            options = f"size={DISK_MEGABYTES}m,mode=755"
            _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(node.directory))
            account = embedded_postgres.server_account()
            assert account
            os.chown(node.directory, account.pw_uid, account.pw_gid)
            etcd = read_environment(fill(DEPLOY / "postgresql" / "etcd.env.template", self._values(node)))
            patroni = read_environment(fill(DEPLOY / "postgresql" / "patroni.env.template", self._values(node)))
            path = {"PATH": os.environ["PATH"], "HOME": str(node.directory), "LANG": "C.UTF-8"}
            node.etcd = Process([*self._inside(node), "etcd"], path | etcd)
            as_account = embedded_postgres.as_server_account(node.directory, PATRONI / "python")
            patroni_command = [str(PATRONI / "patroni"), str(self.directory / "patroni.yml")]
            # tini takes note of a PostgreSQL that has ended at once, as systemd does and the init of a sandbox may not.
            command = [*self._inside(node), "tini", "-s", "--", *as_account, *patroni_command]
            node.patroni = Process(command, path | patroni)

    def _values(self, node: Node) -> dict[str, str]:
        return {
            "NODE_NAME": node.name,
            "NODE_ADDRESS": node.address,
            "DATA_DIRECTORY": str(node.data),
            # Not on the disk that is filled.
            "ETCD_DIRECTORY": str(self.directory / f"etcd-{node.name}"),
            "POSTGRESQL_PROGRAMS": str(embedded_postgres.programs()),
            "RESTAPI_PASSWORD": self.password,
            "SUPERUSER_PASSWORD": self.password,
            "REPLICATION_PASSWORD": self.password,
            "REWIND_PASSWORD": self.password,
            **self._addresses(),
        }

    def _addresses(self) -> dict[str, str]:
        return {"HAPROXY_ADDRESS": self.host} | {f"{n.name.upper()}_ADDRESS": n.address for n in self.nodes}

    def _start_proxies(self) -> None:
        configuration = self.directory / "haproxy.cfg"
        configuration.write_text(fill(DEPLOY / "postgresql" / "haproxy.cfg.template", self._addresses()))
        environment = {"PATH": os.environ["PATH"]}
        self.haproxy = Process(["haproxy", "-db", "-f", str(configuration)], environment)
        self.haproxy.begin()
        users = self.directory / "userlist.txt"
        users.write_text(f'"postgres" "{self.password}"\n')
        values = {
            "DATABASE_NAME": "*",
            "DATABASE_HOST": self.host,
            "DATABASE_PORT": str(PRIMARY_PORT),
            "PGBOUNCER_ADDRESS": self.host,
            "PGBOUNCER_PORT": "6432",
            "PGBOUNCER_USERLIST": str(users),
        }
        configuration = self.directory / "pgbouncer.ini"
        configuration.write_text(fill(DEPLOY / "pgbouncer" / "pgbouncer.ini.template", values))
        account = embedded_postgres.server_account()
        assert account
        self.pgbouncer = Process(["pgbouncer", str(configuration)], environment, account=account.pw_name)
        self.pgbouncer.begin()

    def _inside(self, node: Node) -> list[str]:
        return ["ip", "netns", "exec", node.namespace]

    def _has_namespace(self, node: Node) -> bool:
        return Path(f"/run/netns/{node.namespace}").exists()

    def _find(self, role: str) -> Node | None:
        return next((node for node in self.nodes if self._status(node, role) == 200), None)

    def _status(self, node: Node, path: str) -> int:
        with contextlib.suppress(OSError):
            return int(urlopen(f"http://{node.address}:8008/{path}", timeout=2).status)  # an address of ours
        return 0

    def _members_at(self, node: Node) -> list[dict[str, Any]]:
        try:
            with urlopen(f"http://{node.address}:8008/cluster", timeout=2) as answer:  # an address of ours
                return list(json.load(answer)["members"])
        except (URLError, OSError, ValueError, KeyError):
            return []

    def _is_whole(self) -> bool:
        roles = [sorted((member["role"], member["state"]) for member in self._members_at(node)) for node in self.nodes]
        following = ("sync_standby", "replica") if self.is_synchronous else ("replica", "replica")
        wanted = sorted([("leader", "running"), *((role, "streaming") for role in following)])
        return all(said == wanted for said in roles)


def _check_machine() -> None:
    missing = [name for name in ("ip", "mount", "etcd", "haproxy", "pgbouncer", "tini") if not shutil.which(name)]
    if missing:
        raise NotPossibleError(f"Not installed: {', '.join(missing)}. `make failover` installs what Debian has.")
    if os.geteuid():
        raise NotPossibleError("The nodes get network namespaces and disks of their own, which only root can make.")
    if not (PATRONI / "patroni").exists():
        raise NotPossibleError("Patroni is not installed. `make failover` installs it.")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise NotPossibleError(f"{' '.join(command)}: {done.stderr.strip()}")


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout
