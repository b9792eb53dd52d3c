"""All that the stand-in knows; it is kept in memory and gone when the process ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sandbox.faults import Faults
from sandbox.grants import Grants
from sandbox.people import People

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class World:
    """One registered OAuth app, its callback hosts, and the people who may sign in to it."""

    port: int
    client_id: str
    client_secret: str
    callback_hosts: frozenset[str]
    people: People
    grants: Grants = field(default_factory=Grants)
    faults: Faults = field(default_factory=Faults)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], port: int) -> "World":
        """The app that the backend's development settings describe, unless the environment names another."""
        backend = urlsplit(environment.get("BACKEND_URL", "")).hostname
        return cls(
            port=port,
            client_id=environment.get("GITHUB_CLIENT_ID") or "insighta-development",
            client_secret=environment.get("GITHUB_CLIENT_SECRET") or "development-only-github-client-secret",
            callback_hosts=LOOPBACK | ({backend} if backend else set()),
            people=People(address=f"http://127.0.0.1:{port}"),
        )

    def knows_callback(self, redirect_uri: str) -> bool:
        """Whether codes may be sent to this address: only to this machine or the backend's own host."""
        try:
            parts = urlsplit(redirect_uri)
        except ValueError:
            return False
        return parts.scheme in {"http", "https"} and parts.hostname in self.callback_hosts and not parts.fragment
