"""The peers as servers: their environments, a database and tokens for each, and how its clients refresh."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from psycopg.conninfo import conninfo_to_dict

from bench.database import Cluster
from bench.harness import LOCAL, BenchError
from bench.load import Refreshing
from bench.servers import WORKERS, free_port, granian, run_python, running
from bench.terminal import say

PEERS = Path(__file__).resolve().parent / "peers"
_OAUTH_BODY = "grant_type=refresh_token&client_id=bench&refresh_token={token}"


@dataclass(frozen=True)
class Kind:
    """`tables` are those that a refresh writes; `how` says how the peer is configured."""

    name: str
    label: str
    how: str
    tables: tuple[str, ...] = ()
    token_path: str = "/token"  # noqa: S105  # an address


KINDS = {
    kind.name: kind
    for kind in (
        Kind("empty", "an empty DRF view", "no authentication, no permission, no query: answers `{}`"),
        Kind(
            "simplejwt",
            "djangorestframework-simplejwt",
            "`ROTATE_REFRESH_TOKENS`, `BLACKLIST_AFTER_ROTATION`, its blacklist app",
            ("token_blacklist_outstandingtoken", "token_blacklist_blacklistedtoken"),
        ),
        Kind(
            "toolkit",
            "django-oauth-toolkit",
            "public client, `ROTATE_REFRESH_TOKEN`, `REFRESH_TOKEN_REUSE_PROTECTION`, no grace",
            ("oauth2_provider_accesstoken", "oauth2_provider_refreshtoken"),
        ),
        Kind(
            "toolkit_with_grace",
            "django-oauth-toolkit, 60 s grace",
            "the same with `REFRESH_TOKEN_GRACE_PERIOD_SECONDS = 60`",
            ("oauth2_provider_accesstoken", "oauth2_provider_refreshtoken"),
        ),
        Kind(
            "allauth",
            "django-allauth OIDC provider",
            "public client, rotation as by default, RSA key of 2048 bits, its rate limits off",
            ("allauth_idp_oidc_token",),
            "/identity/o/api/token",
        ),
        Kind(
            "oidc_provider",
            "oidc-provider (Node.js)",
            "public client, `rotateRefreshToken: true`, PostgreSQL adapter with prepared statements, ES256",
            ("oidc",),
        ),
    )
}


@dataclass
class Peer:
    """A running peer. Tokens are taken from the front, each once: a chain that was broken off is not taken up again."""

    kind: Kind
    url: str
    database: str
    refresh_tokens: list[str] = field(repr=False)
    access_tokens: list[str] = field(repr=False)

    @property
    def refreshing(self) -> Refreshing:
        url = self.url + self.kind.token_path
        if self.kind.name == "simplejwt":
            return Refreshing(url, '{"refresh": "{token}"}', field="refresh", content_type="application/json")
        return Refreshing(url, _OAUTH_BODY)

    def take(self, count: int) -> list[str]:
        """Refresh tokens that nobody has used. Raises BenchError when too few were made."""
        if len(self.refresh_tokens) < count:
            raise BenchError(f"{self.kind.label} has no unused refresh tokens left")
        taken, self.refresh_tokens = self.refresh_tokens[:count], self.refresh_tokens[count:]
        return taken


@contextlib.contextmanager
def serving(name: str, cluster: Cluster, *, tokens: int) -> Iterator[Peer]:
    """The peer called `name` over a new database, with `tokens` sessions of as many people."""
    with _node(cluster, tokens) if name == "oidc_provider" else _django(name, cluster, tokens) as peer:
        yield peer


@contextlib.contextmanager
def _django(name: str, cluster: Cluster, tokens: int) -> Iterator[Peer]:
    python, port, database = python_of_peers(), free_port(), f"peer_{name}"
    environment = {
        "PEER": name,
        "DJANGO_SETTINGS_MODULE": "peer_settings",
        "DATABASE_URL": cluster.create(database),
        "SECRET_KEY": secrets.token_urlsafe(48),
        "OIDC_PRIVATE_KEY": _rsa_key() if name == "allauth" else "",
        "PYTHONPATH": str(PEERS / "django"),
    }
    pairs = json.loads(run_python(python, ["-m", "django", "seed", str(tokens)], environment))
    url = f"http://127.0.0.1:{port}"
    # The product writes a line for each request; the peers' is the server's own, which costs them less.
    command = granian("entry:application", port=port, python=python, access_log=True)
    with running(command, environment, answers_at=f"{url}/empty"):
        yield _peer(name, url, database, pairs)


@contextlib.contextmanager
def _node(cluster: Cluster, tokens: int) -> Iterator[Peer]:
    modules, port, database = node_modules(), free_port(), "peer_oidc_provider"
    where = conninfo_to_dict(cluster.create(database))
    environment = {
        "PORT": str(port),
        "WORKERS": str(WORKERS),
        "DATABASE_HOST": str(where["host"]),
        "DATABASE_NAME": database,
        "KEY_FILE": str(cluster.directory / "oidc-provider-key.json"),
        "NODE_ENV": "production",
    }
    program = str(modules.parent / "server.mjs")
    node = Path(shutil.which("node") or "node")
    pairs = json.loads(run_python(node, [program, "seed", str(tokens)], environment))
    url = f"http://127.0.0.1:{port}"
    with running([str(node), program], environment, answers_at=f"{url}/.well-known/openid-configuration"):
        yield _peer("oidc_provider", url, database, pairs)


def _peer(name: str, url: str, database: str, pairs: list[Mapping[str, str]]) -> Peer:
    refresh, access = ([pair[kind] for pair in pairs] for kind in ("refresh", "access"))
    return Peer(KINDS[name], url, database, refresh, access)


def _rsa_key() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def install_peers() -> None:
    """Make the environments of all peers, where they are not there yet; that takes minutes."""
    python_of_peers()
    node_modules()


def python_of_peers() -> Path:
    """The Python of the peers' own environment, which is made and filled when its requirements have changed."""
    requirements = PEERS / "requirements.txt"
    python = LOCAL / "peers" / "bin" / "python"
    if _is_stale(LOCAL / "peers.installed", requirements):
        say("    installing the peers …")
        run_python(Path(sys.executable), ["-m", "venv", str(LOCAL / "peers")], {})
        quiet = ["--quiet", "--disable-pip-version-check"]
        # The caller's environment: it says where packages come from.
        run_python(python, ["-m", "pip", "install", *quiet, "--requirement", str(requirements)], os.environ)
        _mark(LOCAL / "peers.installed", requirements)
    return python


def node_modules() -> Path:
    """The installed packages of the Node.js peer, beside a copy of its programs."""
    source, target = PEERS / "node", LOCAL / "node"
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        if file.is_file():
            shutil.copyfile(file, target / file.name)
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
