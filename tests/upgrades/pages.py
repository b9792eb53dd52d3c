"""Commands of the pages of `docs/`, to be run as they are printed there."""

import os
import re
import subprocess
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
    return blocks[number]


def run(commands: str, *, as_server: bool = False, **variables: str | Path) -> str:
    """What the commands print. `as_server`: under the account that PostgreSQL runs under. Raises RuntimeError."""
    account = embedded_postgres.server_account() if as_server else None
    path = os.pathsep.join(map(str, (PROGRAMS, embedded_postgres.programs(), os.environ["PATH"])))
    environment = {"PATH": path, "HOME": os.environ.get("HOME", "/"), "READ_DOT_ENV": "false", "DEBUG": "true"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env=environment | {name: str(value) for name, value in variables.items()},
        cwd="/" if as_server else ROOT,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"ended with {done.returncode}: {commands}\n{done.stdout}{done.stderr}")
    return done.stdout
