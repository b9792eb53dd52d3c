"""Several processes as one: their output together, and none of them without the others."""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Ask Linux to send this process SIGTERM when its parent ends, even if the parent is killed."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One running process, the leader of its own process group."""

    name: str
    popen: "subprocess.Popen[bytes]"
    output: int
    may_end: bool
    unfinished_line: bytes = b""

    def read_lines(self) -> Iterator[str] | None:
        """The lines printed since the last call; None when it has closed its output."""
        chunk = os.read(self.output, 65_536)
        *lines, self.unfinished_line = (self.unfinished_line + chunk).split(b"\n")
        if chunk:
            return (line.decode(errors="replace") for line in lines)
        return None

    def kill_group(self) -> None:
        """End it and all that it has started; a killed server leaves its workers behind in its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)


@dataclass
class Supervisor:
    """Used as a context manager: SIGINT, SIGTERM and SIGHUP end `relay_until`, and leaving stops every process."""

    width: int = 8
    children: dict[str, Child] = field(default_factory=dict)
    # Why everything is to stop: the sentence to show, empty when a person asked for it, None while all is well.
    stopped_because: str | None = None
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def __enter__(self) -> "Supervisor":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def start(self, name: str, command: list[str], environment: Mapping[str, str], *, may_end: bool = False) -> None:
        """Start a process. Unless it `may_end` well, its end is everybody's end."""
        output, childs_end = os.pipe()
        popen = subprocess.Popen(  # noqa: S603 - commands of the Procfile
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=childs_end,
            stderr=childs_end,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        os.close(childs_end)
        child = self.children[name] = Child(name, popen, output, may_end)
        self._selector.register(output, selectors.EVENT_READ, child)

    def relay_until(self, is_reached: Callable[[], bool]) -> bool:
        """Show what the processes print until `is_reached`; False when one of them ended or a person asked to stop."""
        while self.stopped_because is None:
            if is_reached():
                return True
            self._relay(seconds=0.05)
            self._look_for_ended()
        return False

    def has_ended(self, name: str) -> bool:
        return self.children[name].popen.poll() is not None

    def say(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stopped_because = self.stopped_because or ""

    def _look_for_ended(self) -> None:
        for child in self.children.values():
            code = child.popen.poll()
            if code is not None and not (child.may_end and code == 0) and self.stopped_because is None:
                how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
                self.stopped_because = f"The process {child.name!r} ended {how}, so everything stops."

    def _relay(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            child: Child = key.data
            lines = child.read_lines()
            if lines is None:
                self._selector.unregister(child.output)
            for line in lines or ():
                self.say(f"{child.name:{self.width}}| {line}")

    def _stop(self) -> None:
        for child in self.children.values():
            child.popen.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and not all(map(self.has_ended, self.children)):
            self._relay(seconds=0.05)
        for child in self.children.values():
            child.kill_group()
            child.popen.wait()
            os.close(child.output)
