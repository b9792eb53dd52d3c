"""Repositories and jobs of the CI stand-in: what GitHub says of them, with ids that a test may change."""

import secrets
import threading
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.people import People, is_login

KID = "stand-in-ci"


class Jobs:
    """Jobs that have begun, by their bearer token, and the key that signs what they ask for."""

    def __init__(self, *, address: str) -> None:
        self.issuer = address
        self._lock = threading.Lock()
        self._key: rsa.RSAPrivateKey | None = None
        self._jobs: dict[str, dict[str, Any]] = {}

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """Made at its first use, so that a sign-in does not wait for it."""
        with self._lock:
            self._key = self._key or rsa.generate_private_key(public_exponent=65_537, key_size=2048)
            return self._key

    def begin(self, claims: dict[str, Any]) -> str:
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._jobs[token] = claims
        return token

    def find(self, token: str) -> dict[str, Any] | None:
        with self._lock:
            return self._jobs.get(token)

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": KID})


class Repositories:
    """Every name is a repository: as described, or derived from the name."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._described: dict[str, dict[str, Any]] = {}

    def get_repository(self, name: str) -> dict[str, Any]:
        """The response of `GET /repos/{owner}/{name}`, with the fields that are read."""
        owner = self._people.get_user(name.partition("/")[0])
        number = 2**40 + int.from_bytes(sha256(name.lower().encode()).digest()[4:8])
        found = {"id": number, "full_name": name, "private": False} | self._described.get(name.lower(), {})
        return found | {"owner": {"login": owner["login"], "id": owner["id"]}}

    def describe(self, name: str, fields: dict[str, Any]) -> None:
        """Replace `id` or `private`. Another `id` is a repository that was deleted and made anew."""
        self._described[name.lower()] = fields


def make_claims(jobs: Jobs, repositories: Repositories, said: dict[str, Any]) -> dict[str, Any]:
    """What GitHub says of such a job; `said` may replace any claim, and one that is null is left out."""
    name = str(said["repository"])
    repository, ref = repositories.get_repository(name), str(said.get("ref", "refs/heads/main"))
    defined = f"{name}/.github/workflows/{said.pop('workflow_file', 'ci.yml')}@{ref}"
    claims = {
        "iss": jobs.issuer,
        "sub": f"repo:{name}:ref:{ref}",
        "repository_owner": repository["owner"]["login"],
        "repository_id": str(repository["id"]),
        "repository_owner_id": str(repository["owner"]["id"]),
        "ref": ref,
        "sha": sha256(ref.encode()).hexdigest()[:40],
        "event_name": "push",
        "workflow": "CI",
        "workflow_ref": defined,
        "job_workflow_ref": defined,
        "runner_environment": "github-hosted",
        **said,
    }
    return {name: value for name, value in claims.items() if value is not None}


def is_repository(text: str) -> bool:
    owner, slash, name = text.partition("/")
    return bool(slash) and is_login(owner) and bool(name) and "/" not in name and name.isprintable()
