"""Wall clocks that can be set wrong, one for each process, by a library that is compiled for the run."""

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class Clocks:
    """`are_possible` is false where this machine has no C compiler."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._library = directory / "clock.so"
        compiler = shutil.which("cc")
        command = [str(compiler), "-shared", "-fPIC", "-O2", "-o", str(self._library), str(SOURCE)]
        self.are_possible = bool(compiler) and subprocess.run(command, capture_output=True).returncode == 0

    def environment_of(self, name: str) -> dict[str, str]:
        """What the process `name` has to be started with."""
        if not self.are_possible:
            return {}
        self.set(name, 0)
        return {"LD_PRELOAD": str(self._library), "WRONG_CLOCK": str(self._file(name))}

    def set(self, name: str, seconds: int) -> None:
        """Let the clock of one process be wrong by so much, at once."""
        if not self._file(name).exists():
            self._file(name).write_bytes(bytes(8))
        with self._file(name).open("r+b") as file:
            file.write(struct.pack("@l", seconds))

    def _file(self, name: str) -> Path:
        return self._directory / f"clock-{name.replace(' ', '-')}"
