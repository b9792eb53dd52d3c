"""The peers: their environments, and each as a server over a database of its own with tokens to refresh."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from psycopg.conninfo import conninfo_to_dict

from bench.database import Cluster
from bench.harness import LOCAL, BenchError
from bench.servers import WORKERS, granian, run_to_end, running
from bench.terminal import say
from bench.token_servers import TokenServer
from bench.wrk import RefreshRequest
from tests.processes import free_port

PEERS = Path(__file__).resolve().parent / "peers"
_FORM = "grant_type=refresh_token&client_id=bench&refresh_token={token}"
_TOOLKIT_TABLES = ("oauth2_provider_accesstoken", "oauth2_provider_refreshtoken")


@dataclass(frozen=True)
class Peer:
    """`tables` are those that a refresh writes; `configuration` says how the peer is set up."""

    label: str
    configuration: str
    tables: tuple[str, ...] = ()
    token_path: str = "/token"  # noqa: S105  # an address

    def refresh_request(self, url: str) -> RefreshRequest:
        if self is PEER_KINDS["simplejwt"]:
            body = '{"refresh": "{token}"}'
            return RefreshRequest(url + self.token_path, body, field="refresh", content_type="application/json")
        return RefreshRequest(url + self.token_path, _FORM)


PEER_KINDS = {
    "empty": Peer("an empty DRF view", "no authentication, no permission, no query: answers `{}`"),
    "simplejwt": Peer(
        "djangorestframework-simplejwt",
        "`ROTATE_REFRESH_TOKENS`, `BLACKLIST_AFTER_ROTATION`, its blacklist app",
        ("token_blacklist_outstandingtoken", "token_blacklist_blacklistedtoken"),
    ),
    "toolkit": Peer(
        "django-oauth-toolkit",
        "public client, `ROTATE_REFRESH_TOKEN`, `REFRESH_TOKEN_REUSE_PROTECTION`, no grace",
        _TOOLKIT_TABLES,
    ),
    "toolkit_with_grace": Peer(
        "django-oauth-toolkit, 60 s grace",
        "the same with `REFRESH_TOKEN_GRACE_PERIOD_SECONDS = 60`",
        _TOOLKIT_TABLES,
    ),
    "allauth": Peer(
        "django-allauth OIDC provider",
        "public client, rotation as by default, RSA key of 2048 bits, its rate limits off",
        ("allauth_idp_oidc_token",),
        "/identity/o/api/token",
    ),
    "oidc_provider": Peer(
        "oidc-provider (Node.js)",
        "public client, `rotateRefreshToken: true`, PostgreSQL adapter with prepared statements, ES256",
        ("oidc",),
    ),
}


@contextlib.contextmanager
def serving(name: str, cluster: Cluster, *, tokens: int) -> Iterator[TokenServer]:
    """The peer called `name` over a new database, with `tokens` sessions of as many people."""
    port, database = free_port(), f"peer_{name}"
    url, address = f"http://127.0.0.1:{port}", cluster.create(database)
    prepare = _node if name == "oidc_provider" else _django
    seed, serve, environment, answers_at = prepare(name, address, port, cluster.directory)
    pairs = json.loads(run_to_end(Path(seed[0]), [*seed[1:], str(tokens)], environment))
    kind = PEER_KINDS[name]
    with running(serve, environment, answers_at=url + answers_at):
        server = TokenServer(
            kind.label,
            kind.configuration,
            kind.refresh_request(url),
            database,
            kind.tables,
            f"{url}/me",
            [pair["refresh"] for pair in pairs],
            [pair["access"] for pair in pairs],
        )
        # Processes that have not answered yet load their modules now, one request at a time.
        for token in server.take(8) if pairs else []:
            server.refresh(token)
        yield server


_Prepared = tuple[list[str], list[str], dict[str, str], str]
"""The commands that seed and serve, their environment, and the path that says that the server is there."""


def _django(name: str, address: str, port: int, directory: Path) -> _Prepared:
    python = python_of_peers()
    environment = {
        "PEER": name,
        "DJANGO_SETTINGS_MODULE": "peer_settings",
        "DATABASE_URL": address,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "OIDC_PRIVATE_KEY": _rsa_key() if name == "allauth" else "",
        "PYTHONPATH": str(PEERS / "django"),
    }
    # The product writes a line for each request; the peers' is the server's own, which costs them less.
    serve = granian("entry:application", port=port, python=python, access_log=True)
    return [str(python), "-m", "django", "seed"], serve, environment, "/empty"


def _node(name: str, address: str, port: int, directory: Path) -> _Prepared:
    command = [shutil.which("node") or "node", str(node_modules().parent / "server.mjs")]
    where = conninfo_to_dict(address)
    environment = {
        "PORT": str(port),
        "WORKERS": str(WORKERS),
        "DATABASE_HOST": str(where["host"]),
        "DATABASE_NAME": str(where["dbname"]),
        "KEY_FILE": str(directory / "oidc-provider-key.json"),
        "NODE_ENV": "production",
    }
    return [*command, "seed"], command, environment, "/.well-known/openid-configuration"


def _rsa_key() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def install_peers() -> None:
    """Make the environments of all peers, where they are not there yet; that takes minutes."""
    python_of_peers()
    node_modules()


def python_of_peers() -> Path:
    """The Python of the peers' own environment."""
    return _python_with("peers", PEERS / "requirements.txt")


def python_with_pretix() -> Path:
    """The Python of pretix's environment."""
    return _python_with("pretix", PEERS / "pretix" / "requirements.txt")


def _python_with(name: str, requirements: Path) -> Path:
    """The Python of an environment that is made and filled when its requirements have changed."""
    python, mark = LOCAL / name / "bin" / "python", LOCAL / f"{name}.installed"
    if _is_stale(mark, requirements):
        say(f"    installing {'the peers' if name == 'peers' else name} …")
        run_to_end(Path(sys.executable), ["-m", "venv", str(LOCAL / name)], {})
        quiet = ["--quiet", "--disable-pip-version-check"]
        # The caller's environment: it says where packages come from.
        run_to_end(python, ["-m", "pip", "install", *quiet, "--requirement", str(requirements)], os.environ)
        _mark(mark, requirements)
    return python


def node_modules() -> Path:
    """The installed packages of the Node.js peer, beside a copy of its programs."""
    source, target = PEERS / "node", LOCAL / "node"
    shutil.copytree(source, target, dirs_exist_ok=True)
    if _is_stale(LOCAL / "node.installed", source / "package-lock.json"):
        if shutil.which("npm") is None:
            raise BenchError("npm is not installed. On Debian: apt-get install nodejs npm")
        say("    installing oidc-provider …")
        subprocess.run(["npm", "ci", "--silent"], cwd=target, check=True)  # noqa: S607  # npm of the machine
        _mark(LOCAL / "node.installed", source / "package-lock.json")
    return target / "node_modules"


def _is_stale(mark: Path, requirements: Path) -> bool:
    return not mark.exists() or mark.read_text() != _digest(requirements)


def _mark(mark: Path, requirements: Path) -> None:
    mark.write_text(_digest(requirements))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
