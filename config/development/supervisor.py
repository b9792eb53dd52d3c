import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from types import FrameType

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10
NAME_WIDTH = 8
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """On Linux, this process gets SIGTERM when its parent ends, even if the parent is killed (prctl(2))."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Runs processes together: relays their output line by line and stops all of them when one ends.

    A context manager: SIGINT, SIGTERM and SIGHUP end `relay_until`, and leaving the context stops every process.
    """

    def __init__(self) -> None:
        # The reason to stop: a sentence, empty for a signal, None while everything runs.
        self.stopped_because: str | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._may_end: set[str] = set()
        self._partial_lines: dict[str, bytes] = {}
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> "Supervisor":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._handle_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def start(self, name: str, command: list[str], environment: Mapping[str, str], *, may_end: bool = False) -> None:
        """Start a process. With `may_end`, its exit code 0 does not stop the others."""
        process = subprocess.Popen(  # noqa: S603 - commands of the Procfile
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # The leader of its own process group.
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        self._processes[name], self._partial_lines[name] = process, b""
        self._may_end |= {name} if may_end else set()
        self._selector.register(process.stdout, selectors.EVENT_READ, name)  # type: ignore[arg-type]  # it is a pipe

    def relay_until(self, is_reached: Callable[[], bool]) -> bool:
        """Relay output until `is_reached`; False if a process ended or a signal came first."""
        while self.stopped_because is None:
            if is_reached():
                return True
            self._relay()
            self._check_processes()
        return False

    def have_ended(self, *names: str) -> bool:
        """Whether all of these have ended, and well."""
        return all(self._processes[name].poll() == 0 for name in names)

    def say(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        self.stopped_because = self.stopped_because or ""

    def _check_processes(self) -> None:
        for name, process in self._processes.items():
            code = process.poll()
            if code is not None and not (code == 0 and name in self._may_end) and self.stopped_because is None:
                how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
                self.stopped_because = f"The process {name!r} ended {how}, so everything stops."

    def _relay(self) -> None:
        for key, _ in self._selector.select(0.05):
            chunk = os.read(key.fd, 65_536)
            if not chunk:
                self._selector.unregister(key.fileobj)
            *lines, self._partial_lines[key.data] = (self._partial_lines[key.data] + chunk).split(b"\n")
            for line in lines:
                self.say(f"{key.data:{NAME_WIDTH}}| {line.decode(errors='replace')}")

    def _stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and any(process.poll() is None for process in self._processes.values()):
            self._relay()
        for process in self._processes.values():
            # The group: a killed server leaves its workers behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
