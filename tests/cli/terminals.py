"""The installed command as a process, with and without a terminal."""

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path
from typing import Any, Self

from tests.cli.fake_backend import FakeBackend, Session


@dataclass
class Done:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


@dataclass
class Machine:
    """One person's machine: the command, a home of its own and an environment without the tester's variables."""

    command: Path
    home: Path
    api: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What the command sees."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        own = {"HOME": str(self.home), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "TZ": "Africa/Lagos"}
        return kept | own | ({"INSIGHTA_API": self.api} if self.api else {}) | self.variables

    @property
    def folder(self) -> Path:
        return Path(self.variables.get("INSIGHTA_HOME", self.home / ".insighta"))

    @property
    def credentials(self) -> Path:
        return self.folder / "credentials.json"

    def store(self, content: dict[str, Any] | str | bytes) -> None:
        """Put credentials there as an earlier run would have left them."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        text = json.dumps(content) if isinstance(content, dict) else content
        self.credentials.write_bytes(text.encode() if isinstance(text, str) else text)
        self.credentials.chmod(0o600)

    def account(self) -> dict[str, Any]:
        """What is stored as current for this machine's backend."""
        return dict(json.loads(self.credentials.read_text())["accounts"].get(self.api, {}))

    def start(self, *words: str, before: Callable[[], None] | None = None, **variables: str) -> "subprocess.Popen[str]":
        """A run that goes on, without a terminal. `before` runs in the child before the command."""
        pipe = subprocess.PIPE
        streams: dict[str, Any] = {"stdin": pipe, "stdout": pipe, "stderr": pipe, "text": True}
        return subprocess.Popen([self.command, *words], env=self.environment | variables, preexec_fn=before, **streams)

    def run(self, *words: str, typed: str = "", before: Callable[[], None] | None = None, **variables: str) -> Done:
        """A run from start to end, without a terminal."""
        process = self.start(*words, before=before, **variables)
        out, err = process.communicate(typed, timeout=300)
        return Done(process.returncode, out, err)

    def terminal(self, *words: str, size: tuple[int, int] = (40, 120), **variables: str) -> "Terminal":
        """A run under a pseudo-terminal of `size` lines and columns."""
        return Terminal([str(self.command), *words], self.environment | variables, size)

    def shell(self, name: str) -> "Machine":
        """The same machine's shell, which finds the command."""
        path = f"{self.command.parent}{os.pathsep}{os.environ['PATH']}"
        return Machine(Path(name), self.home, self.api, self.variables | {"PATH": path})


@dataclass
class Pointed(Machine):
    """A machine that is pointed at a fake backend; `session` is that of who is signed in."""

    backend: FakeBackend = field(default_factory=FakeBackend)
    session: Session = field(default_factory=lambda: Session(""))

    def sign_in(self, login: str = "ada", *, seconds_left: float = 170) -> Session:
        """As an earlier login would have left it."""
        self.session = self.backend.sign_in(login)
        self.store(self.backend.store_for(self.session, seconds_left=seconds_left))
        return self.session

    def is_signed_in(self) -> bool:
        return self.run("whoami").out == "ada\n"


class Terminal:
    """What a person at a terminal sees and types. Use with `with`."""

    def __init__(self, command: list[str], environment: dict[str, str], size: tuple[int, int]) -> None:
        self.text = ""
        self._code: int | None = None
        self._pid, self._descriptor = pty.fork()
        if self._pid == 0:
            ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
            # What is ignored where the tests run, in the background of a script or under nohup, would be ignored here.
            for number in (signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.execvpe(command[0], command, environment)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._code is None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._descriptor)

    @property
    def plain(self) -> str:
        """The text without colours."""
        return re.sub(r"\x1b\[[0-9;]*[mK]", "", self.text).replace("\r\n", "\n")

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def signal(self, number: int) -> None:
        os.kill(self._pid, number)

    def see(self, pattern: str, seconds: float = 300) -> "re.Match[str]":
        """Wait until the pattern is on the screen."""
        deadline = time.monotonic() + seconds
        while not (match := re.search(pattern, self.plain)):
            assert self._read(deadline), f"{pattern!r} is not in:\n{self.plain}"
        return match

    def end(self, seconds: float = 300) -> int:
        """Wait for the exit code."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            pass
        self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._code

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"Nothing more came after:\n{self.plain}"
        try:
            chunk = os.read(self._descriptor, 65536)
        except OSError:  # EIO: nobody has the other end any more.
            return False
        self.text += chunk.decode(errors="replace")
        return bool(chunk)
