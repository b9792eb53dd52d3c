"""Insighta under test: backend and portal as they are deployed, over a database filled with people and sessions."""

import contextlib
import os
import secrets
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import httpx
import psycopg
from uuid6 import uuid7

from bench.database import Cluster
from bench.servers import ROOT, granian, run_to_end, running
from bench.wrk import RefreshRequest
from tests.processes import Process, free_port
from tokens.policies.refresh_tokens import make_token

CLI = "insighta-cli"
SCOPES = "account:read account:write bookings:read bookings:write"
BACKEND, DATABASE = "processor of the backend", "processor of PostgreSQL"
_TICKS = os.sysconf("SC_CLK_TCK")
# Every product's database is a copy of it.
_MIGRATED = "migrated"
_INSERT_SESSION = """
INSERT INTO tokens_session (id, user_id, client_id, label, scope, generation, current_hash, handoff_challenge,
                            expires_at, ends_at, revoked_because)
VALUES (%s, %s, %s, 'bench', %s, 0, %s, '', %s, %s, '')
"""


@dataclass(frozen=True)
class SignIn:
    """One session of one person; `refresh_token` is its first."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    refresh_token: str


class Product:
    """Used as a context manager: a migrated database and a backend over it, which throttles and turns away nobody.

    `root` is the checkout whose code and environment run.
    """

    def __init__(self, cluster: Cluster, root: Path = ROOT, /, *, database: str = "insighta", **settings: str) -> None:
        self.cluster, self.database, self.root = cluster, database, root
        self.python = Path(sys.executable) if root == ROOT else root / ".venv/bin/python"
        self.ports = {name: free_port() for name in ("backend", "portal", "github")}
        self.backend_url = f"http://127.0.0.1:{self.ports['backend']}"
        self.portal_url = f"http://localhost:{self.ports['portal']}"
        self.github_url = f"http://127.0.0.1:{self.ports['github']}"
        self.token_key = secrets.token_urlsafe(32)
        self.environment = {
            "READ_DOT_ENV": "false",
            "DATABASE_URL": cluster.url(database),
            "BACKEND_PORT": str(self.ports["backend"]),
            "PORTAL_PORT": str(self.ports["portal"]),
            "GITHUB_PORT": str(self.ports["github"]),
            "GITHUB_URL": self.github_url,
            "GITHUB_API_URL": f"{self.github_url}/",
            "GITHUB_CLIENT_ID": "insighta-development",
            "GITHUB_CLIENT_SECRET": "development-only-github-client-secret",
            "SECRET_KEY": secrets.token_urlsafe(32),
            "TOKEN_KEY": self.token_key,
            "PORTAL_CLIENT_SECRET": secrets.token_urlsafe(32),
            "PORTAL_RETRY_KEY": secrets.token_urlsafe(32),
            "THROTTLE_SCALE": "1000000",
            "REQUESTS_WAITING": "1000",
            # The tokens of a long run must not end before it.
            "ACCESS_TOKEN_SECONDS": "14400",
            **settings,
        }
        self._stack = ExitStack()

    def __enter__(self) -> "Product":
        self.make_database()
        backend = self._stack.enter_context(self._server("backend"))
        self.backend_group = backend.popen.pid if backend.popen else 0
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def make_database(self) -> None:
        """A database of its own, migrated: a copy of one that is made for the first product of the server."""
        migrated = _MIGRATED if self.root == ROOT else f"{_MIGRATED}_{self.root.name}"
        if not self.cluster.has(migrated):
            self.manage("migrate", "-v0", DATABASE_URL=self.cluster.create(migrated))
        self.cluster.create(self.database, like=migrated)

    def start_portal(self) -> None:
        """Serve the portal, too, with its static files as they are deployed."""
        self.manage("collectstatic", "--noinput", "-v0", DJANGO_SETTINGS_MODULE="config.settings.portal")
        self._stack.enter_context(self._server("portal"))

    def start_stand_in(self) -> None:
        """Serve the stand-in for GitHub, which a sign-in needs. It refuses to run outside development."""
        command = [sys.executable, "-m", "sandbox"]
        environment = self.environment | {"DEBUG": "true"}
        self._stack.enter_context(running(command, environment, answers_at=f"{self.github_url}/"))

    def manage(self, *arguments: str, **environment: str) -> str:
        """Run a management command; its standard output."""
        return run_to_end(self.python, ["manage.py", *arguments], self.environment | environment, directory=self.root)

    def connect(self) -> "contextlib.AbstractContextManager[psycopg.Connection[tuple[object, ...]]]":
        return self.cluster.connect(self.database)

    def processor_seconds(self) -> dict[str, float]:
        """What the backend's processes, and PostgreSQL's for its connections, have used so far."""
        used = {BACKEND: 0.0, DATABASE: 0.0}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                is_ours = int(fields[2]) == self.backend_group
                serves_us = f" {self.database} " in (process / "cmdline").read_text()
            except OSError:
                continue
            if is_ours or serves_us:
                used[BACKEND if is_ours else DATABASE] += (int(fields[11]) + int(fields[12])) / _TICKS
        return used

    @cached_property
    def refresh_request(self) -> RefreshRequest:
        """How the command line refreshes: with a retry key that is new each time."""
        body = f"grant_type=refresh_token&client_id={CLI}&refresh_token={{token}}"
        return RefreshRequest(f"{self.backend_url}/oauth/token", body, is_keyed=True)

    def add_people(self, count: int) -> list[uuid.UUID]:
        """New approved people who notify nobody; their ids."""
        ids: list[uuid.UUID] = [uuid7() for _ in range(count)]
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO accounts_user (id, password, is_superuser, github_id, login, display_name, email,"
                " email_notifications, avatar_url, time_zone, is_active, standing, standing_reason, is_host, is_staff)"
                " VALUES (%s, '', false, %s, %s, 'Ada of the benchmark', 'ada@users.example.test', false,"
                " 'https://avatars.example.test/u/1', 'Africa/Lagos', true, 'approved', '', false, false)",
                [(id_, id_.int >> 66, f"bench-{id_.hex[-12:]}") for id_ in ids],
            )
        return ids

    def sign_in(self, people: Sequence[uuid.UUID]) -> list[SignIn]:
        """A new session for each of `people`."""
        now = datetime.now(UTC)
        tokens = [
            make_token(session_id=uuid7(), generation=0, secret=secrets.token_bytes(32), key=self.token_key)
            for _ in people
        ]
        rows = [
            (token.session_id, person, CLI, SCOPES, token.digest, now + timedelta(days=30), now + timedelta(days=90))
            for token, person in zip(tokens, people, strict=True)
        ]
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.executemany(_INSERT_SESSION, rows)
        return [SignIn(person, token.session_id, token.text) for token, person in zip(tokens, people, strict=True)]

    def refresh_tokens(self, count: int) -> list[str]:
        """The refresh tokens of `count` new sessions, each of a new person."""
        return [signed_in.refresh_token for signed_in in self.sign_in(self.add_people(count))]

    def access_tokens(self, sign_ins: Sequence[SignIn]) -> list[str]:
        """An access token for each session, by refreshing it once."""
        with httpx.Client() as http:
            return [self._access_token(http, signed_in.refresh_token) for signed_in in sign_ins]

    def _access_token(self, http: httpx.Client, refresh_token: str) -> str:
        form = {"grant_type": "refresh_token", "client_id": CLI, "refresh_token": refresh_token}
        response = http.post(f"{self.backend_url}/oauth/token", data=form).raise_for_status()
        return str(response.json()["access_token"])

    @contextlib.contextmanager
    def _server(self, room: str) -> Iterator[Process]:
        command = granian("config.wsgi:application", port=self.ports[room], python=self.python)
        environment = self.environment | {"DJANGO_SETTINGS_MODULE": f"config.settings.{room}"}
        answers_at = f"http://127.0.0.1:{self.ports[room]}/healthz"
        with running(command, environment, answers_at=answers_at, directory=self.root) as process:
            yield process
