"""`python -m tests.installation`: follow docs/deployment.md, the systemd way, on a bare Debian.

Every command is typed as it is printed, in the order of the page, to the first requests that are answered through nginx
with TLS; then an upgrade, the way back, and a reload or restart of each other part, each while people use the
installation. Exit code 1 where a command failed or a request was lost, 2 where this machine cannot run it.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.docs.pages import Block, Page
from tests.installation.root import NotPossibleError, Root
from tests.processes import ROOT

DOMAIN = "your-name.example"
HOSTS = (f"api.{DOMAIN}", f"app.{DOMAIN}")
FIRST, NEXT = "v1", "v2"
PAGE = Page(ROOT / "docs" / "deployment.md")
# What the page asks its reader to fill in.
FILLED = {
    "GITHUB_CLIENT_ID": "registered",
    "GITHUB_CLIENT_SECRET": "a-secret-of-nobody",
    "EMAIL_URL": "smtp+tls://user:password@mail.your-name.example:587",
    "DEFAULT_FROM_EMAIL": f"insighta@{DOMAIN}",
}
# Beside the processes of the product, which an upgrade restarts.
PARTS = {
    "nginx reloads": "systemctl reload nginx",
    "pgbouncer reloads": "systemctl kill --signal=HUP pgbouncer",
    "Redis restarts": "systemctl restart redis-server",
}


@dataclass
class Operator:
    """Somebody who types the page's commands as root of the machine, each block where the one before has led."""

    machine: Root
    certificates: Path
    directory: str = "/root"

    def type(self, block: Block, release: str) -> None:
        sys.stdout.write(f"{PAGE.name}:{block.line}\n")
        script = re.sub(
            r"\b(RELEASE|ADDRESS)\b", lambda found: {"RELEASE": release}.get(found[0], "/repository"), block.text
        )
        self._prepare(script)
        said = self.machine.run(f"{script}\nprintf '\\n%s' \"$PWD\"", self.directory)
        self.directory = said.rpartition("\n")[2]
        if "make_secrets" in script:
            self._fill_in()
        if "cp deploy/environment" in script:
            # The visitors are many, and all of one address.
            self.machine.run("echo THROTTLE_SCALE=1000 >> /etc/insighta/insighta.env")

    def _prepare(self, script: str) -> None:
        """The two files that a certificate authority sends."""
        if "fullchain.pem" in script:
            for name in ("fullchain.pem", "privkey.pem"):
                (self._here() / name).write_bytes((self.certificates / name).read_bytes())

    def _fill_in(self) -> None:
        path = self._here() / "deploy" / "secrets" / "backend.env"
        text = path.read_text()
        for name, value in FILLED.items():
            assert f"\n{name}=\n" in text
            text = text.replace(f"\n{name}=\n", f"\n{name}={value}\n")
        path.write_text(text)

    def _here(self) -> Path:
        return self.machine.path / self.directory.lstrip("/")


class Visitors:
    """The processes of `visitors.py`, on the machine's own network."""

    def __init__(self, machine: Root, authority: Path, token: str) -> None:
        command = machine.beside(sys.executable, "-m", "tests.installation.visitors", DOMAIN, str(authority), token)
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def go_on(self) -> None:
        """Let everybody finish some more rounds. Raises RuntimeError where somebody was not answered."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        if told["failures"]:
            raise RuntimeError(f"lost: {told['failures']}")
        sys.stdout.write(f"  answered: {told['rounds']}\n")

    def leave(self) -> None:
        self.process.communicate()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.installation", description=__doc__)
    parser.add_argument("--suite", default=_own_suite(), help="Debian's release (%(default)s)")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is a terminal, a file or a pipe
    with tempfile.TemporaryDirectory(prefix="insighta-walk-") as temporary:
        directory = Path(temporary)
        authority = _write_certificates(directory)
        try:
            repository = _publish(directory / "repository")
            with Root(arguments.suite, {"/repository": repository}) as machine:
                walk(machine, directory, authority)
        except NotPossibleError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        except RuntimeError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    sys.stdout.write("Every command worked, and no request was lost.\n")
    return 0


def walk(machine: Root, directory: Path, authority: Path) -> None:
    operator = Operator(machine, directory)
    # As if a public authority had signed: the portal calls the backend by its public name.
    trusted = machine.path / "usr" / "local" / "share" / "ca-certificates" / "walk.crt"
    trusted.parent.mkdir(parents=True, exist_ok=True)
    trusted.write_bytes(authority.read_bytes())
    for block in blocks("", "build"):
        operator.type(block, FIRST)
    _ask_from_outside(machine, authority)
    with _visitors(machine, authority) as visitors:
        visitors.go_on()
        for what in ("upgrade", "build", "upgrade switch"):
            for block in blocks(what):
                operator.type(block, NEXT)
        assert machine.run("readlink /srv/insighta").strip().endswith(NEXT)
        visitors.go_on()
        for part, command in PARTS.items():
            sys.stdout.write(f"{part}\n")
            machine.run(command)
            visitors.go_on()
        for block in blocks("rollback"):
            operator.type(block, FIRST)
        assert machine.run("readlink /srv/insighta").strip().endswith(FIRST)
        visitors.go_on()
    assert machine.run("systemctl --failed --no-legend") == ""
    said = machine.run("journalctl --no-pager --unit='insighta-*'")
    if "Traceback" in said:
        raise RuntimeError(said)


def blocks(*options: str) -> list[Block]:
    """The blocks of the systemd way that are marked so; without a mark also those that every way begins with."""
    marks = {f"systemd {option}".strip() for option in options}
    return [
        block for block in PAGE.blocks if block.options.strip() in marks or (block.language == "sh" and "" in options)
    ]


def _ask_from_outside(machine: Root, authority: Path) -> None:
    """What section 6 of the page says is seen from outside."""
    expected = [("api", "/healthz", 200), ("app", "/healthz", 200), ("app", "/", 200)]
    expected += [("api", "/metrics", 404), ("api", "/readyz", 404), ("app", "/metrics", 404)]
    script = f"from tests.installation.visitors import Installation as I; at = I({DOMAIN!r}, {str(authority)!r})\n"
    script += "".join(
        f"assert at.ask('GET', {host!r}, {path!r}).status == {status}\n" for host, path, status in expected
    )
    done = subprocess.run(machine.beside(sys.executable, "-c", script), cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    sys.stdout.write(f"answered from outside: {expected}\n")


@contextmanager
def _visitors(machine: Root, authority: Path) -> Iterator[Visitors]:
    person = "from accounts.models import User; User.objects.create(github_id=1, login='ada', standing='approved')"
    command = f"""
        set -a
        . /etc/insighta/insighta.env; . /etc/insighta/worker.env
        . /etc/insighta/secrets/backend.env; . /etc/insighta/secrets/direct.env
        /opt/insighta/bin/python manage.py shell --verbosity 0 --command "{person}"
        /opt/insighta/bin/python manage.py create_token ada --name walk --scope account:read | tail -1
    """
    visitors = Visitors(machine, authority, machine.run(command, "/srv/insighta").split()[-1])
    try:
        yield visitors
    finally:
        visitors.leave()


def _publish(repository: Path) -> Path:
    """A clone of this one whose tag v1 is what is checked out here, changes included, and v2 another style sheet."""
    git = ["git", "-c", "safe.directory=*", "-c", "user.name=walk", "-c", "user.email=walk@localhost"]

    def do(*arguments: str, at: Path = ROOT) -> str:
        return subprocess.run([*git, *arguments], cwd=at, check=True, capture_output=True, text=True).stdout.strip()

    changes = do("stash", "create") or "HEAD"
    commit = do("rev-parse", changes)
    do("clone", "--quiet", "--no-checkout", str(ROOT), str(repository), at=repository.parent)
    do("fetch", "--quiet", str(ROOT), commit, at=repository) if changes != "HEAD" else ""
    do("checkout", "--quiet", "-b", "walk", commit, at=repository)
    do("tag", FIRST, at=repository)
    sheet = next(path for path in sorted((repository / "portal" / "static").rglob("*.css")))
    sheet.write_text(sheet.read_text() + "\n/* the next release */\n")
    do("commit", "--quiet", "--all", "--message", NEXT, at=repository)
    do("tag", NEXT, at=repository)
    return repository


def _write_certificates(directory: Path) -> Path:
    authority = trustme.CA()
    certificate = authority.issue_cert(*HOSTS)
    authority.cert_pem.write_to_path(directory / "authority.pem")
    certificate.cert_chain_pems[0].write_to_path(directory / "fullchain.pem")
    certificate.private_key_pem.write_to_path(directory / "privkey.pem")
    return directory / "authority.pem"


def _own_suite() -> str:
    found = re.search(r"^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text(), re.MULTILINE)
    return found[1] if found else "stable"


if __name__ == "__main__":
    sys.exit(main())
