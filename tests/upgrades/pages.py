"""Commands of the pages of `docs/`, to be run as they are printed there."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from config.development import embedded_postgres
from tests.processes import ROOT
from tests.upgrades.commands import PROGRAMS


def command_of(page: str, heading: str, number: int = 0) -> str:
    """One block of commands, the first unless told otherwise, under a heading of `docs/<page>`."""
    text = (ROOT / "docs" / page).read_text()
    _, _, rest = text.partition(f"# {heading}\n")
    section = re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    blocks: list[str] = re.findall(r"^ *```console\n(.*?)^ *```$", section, re.MULTILINE | re.DOTALL)
    assert len(blocks) > number, f"{page} has {len(blocks)} blocks of commands under {heading!r}"
    return textwrap.dedent(blocks[number])


# Where the pages have the repository and the programs, and where a test has them.
PLACES = {
    "/srv/insighta": str(ROOT),
    "/opt/insighta/bin/python": sys.executable,
}
BARMAN = ROOT / ".local" / "barman" / "bin"


def run(commands: str, *, as_server: bool = False, **variables: str | Path) -> str:
    """What the commands print. `as_server`: under the account that PostgreSQL runs under. Raises RuntimeError."""
    account = embedded_postgres.as_server_account(Path(sys.executable)) if as_server else []
    path = os.pathsep.join(map(str, (PROGRAMS, embedded_postgres.programs(), BARMAN, os.environ["PATH"])))
    environment = {"PATH": path, "HOME": os.environ.get("HOME", "/"), "READ_DOT_ENV": "false", "DEBUG": "true"}
    for there, here in PLACES.items():
        commands = commands.replace(there, here)
    done = subprocess.run(
        [*account, "bash", "-euo", "pipefail", "-c", commands],
        env=environment | {name: str(value) for name, value in variables.items()},
        cwd="/" if as_server else ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"ended with {done.returncode}: {commands}\n{done.stdout}{done.stderr}")
    return done.stdout
