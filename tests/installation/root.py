"""A bare Debian of this machine's release, booted with systemd in a container with a network of its own."""

import os
import shutil
import signal
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from tests.processes import wait_until

PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "slirp4netns": "slirp4netns",
    "nsenter": "util-linux",
    "pgrep": "procps",
}
# The account and the shell of whoever is told "as root".
SHELL = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "DEBIAN_FRONTEND": "noninteractive",
}
AUTHORITIES = "/registry.pem"


class NotPossibleError(Exception):
    """This machine cannot run the container."""


class Root:
    """Used as a context manager: boots the machine, and removes it at the end.

    `shared` are directories of this machine that it sees, by their path there. What pip is told here about its registry
    (`PIP_*`) it is told there.
    """

    def __init__(self, suite: str, shared: dict[str, Path]) -> None:
        missing = {package for program, package in PACKAGES.items() if shutil.which(program) is None}
        if os.geteuid() or missing:
            raise NotPossibleError(f"root is needed, and these packages: {' '.join(sorted(PACKAGES.values()))}")
        self.suite, self.shared = suite, shared
        self.directory = Path(tempfile.mkdtemp(prefix="insighta-installation-", dir="/var/tmp"))
        self.path = self.directory / "root"
        self.environment = SHELL | {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        if "PIP_CERT" in os.environ:
            self.shared = shared | {AUTHORITIES: Path(os.environ["PIP_CERT"])}
            self.environment["PIP_CERT"] = AUTHORITIES
        self.log = (self.directory / "console.log").open("wb")
        self._processes: list[subprocess.Popen[bytes]] = []
        self.leader = 0

    def __enter__(self) -> "Root":
        try:
            self._install()
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, script: str, directory: str = "/root") -> str:
        """What root's shell prints. Raises RuntimeError with it where a command fails."""
        shell = ["bash", "-euo", "pipefail", "-c", f"cd {directory}\n{script}"]
        done = subprocess.run(
            ["nsenter", f"--target={self.leader}", "--all", "--", *shell],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"ended with {done.returncode}:\n{script}\n{done.stdout}")
        return done.stdout

    def beside(self, *command: str) -> list[str]:
        """The command of a program of this machine that speaks on the network of that one."""
        return ["nsenter", f"--net=/proc/{self.leader}/ns/net", "--", *command]

    def _install(self) -> None:
        sources = [
            path for path in Path("/etc/apt/sources.list.d").glob("debian*") if path.suffix in {".sources", ".list"}
        ]
        same = f"Suites: {self.suite}" in "".join(path.read_text() for path in sources)
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=systemd-sysv,dbus", self.suite]
        subprocess.run([*command, str(self.path), *(map(str, sources) if same else [])], check=True)

    def _boot(self) -> None:
        binds = [f"--bind-ro={here}:{there}" for there, here in self.shared.items()]
        command = ["systemd-nspawn", "--quiet", f"--directory={self.path}", "--register=no", "--keep-unit"]
        options = ["--private-network", "--hostname=insighta", "--resolv-conf=off", *binds, "--boot"]
        container = self._begin([*command, *options])
        wait_until(partial(self._finds_leader, container.pid), tell=self.console)
        wait_until(self._is_running, tell=self.console)
        self._begin(["slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback", str(self.leader), "tap0"])
        # The name server of slirp4netns.
        (self.path / "etc" / "resolv.conf").write_text("nameserver 10.0.2.3\n")
        wait_until(lambda: "tap0" in self.run("cat /proc/net/route"), tell=self.console)

    def _finds_leader(self, container: int) -> bool:
        """Whether systemd runs there, as the only child of the container's process."""
        found = subprocess.run(["pgrep", "--parent", str(container), "systemd"], capture_output=True, text=True)
        self.leader = int(found.stdout.split()[0]) if found.stdout else 0
        return bool(self.leader)

    def _is_running(self) -> bool:
        try:
            return self.run("systemctl is-system-running").strip() == "running"
        except RuntimeError:
            return False

    def _begin(self, command: list[str]) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True
        )
        self._processes.append(process)
        return process

    def console(self) -> str:
        return (self.directory / "console.log").read_text(errors="replace")[-4000:]
