from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sandbox.faults import Faults
from sandbox.grants import Grants
from sandbox.jobs import Jobs, Repositories
from sandbox.people import People

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class State:
    """The registered OAuth app, people, grants, CI jobs, repositories and faults; kept in memory only."""

    port: int
    client_id: str
    client_secret: str
    callback_hosts: frozenset[str]
    people: People
    jobs: Jobs
    repositories: Repositories
    grants: Grants = field(default_factory=Grants)
    faults: Faults = field(default_factory=Faults)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], port: int) -> "State":
        """The OAuth app of the backend's development settings, unless the environment names another."""
        backend = urlsplit(environment.get("BACKEND_URL", "")).hostname
        address = f"http://127.0.0.1:{port}"
        people = People(address=address)
        return cls(
            port=port,
            client_id=environment.get("GITHUB_CLIENT_ID") or "insighta-development",
            client_secret=environment.get("GITHUB_CLIENT_SECRET") or "development-only-github-client-secret",
            callback_hosts=LOOPBACK | ({backend} if backend else set()),
            people=people,
            jobs=Jobs(address=address),
            repositories=Repositories(people),
        )

    def knows_callback(self, redirect_uri: str) -> bool:
        """Whether codes may be sent to this address: loopback and the backend's host."""
        try:
            parts = urlsplit(redirect_uri)
        except ValueError:
            return False
        return parts.scheme in {"http", "https"} and parts.hostname in self.callback_hosts and not parts.fragment
