"""Requests that reach the server at one moment: each on a connection of its own, all sent before an answer is read."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.people import CLI
from tests.processes import Live, wait_until
from tests.tokens.rows import session_id

# path, form, headers
Request = tuple[str, dict[str, str], dict[str, str]]
TERMINAL = {"client_id": CLI}


@dataclass(frozen=True)
class Answer:
    """The status and the JSON of one of the racing requests."""

    status: int
    body: dict[str, Any]


class Racers:
    """Open connections to the backend that stay open from race to race."""

    def __init__(self, live: Live, count: int) -> None:
        address = urlsplit(live.backend_url)
        self._connections = [http.client.HTTPConnection(address.hostname or "", address.port) for _ in range(count)]
        for connection in self._connections:
            connection.connect()

    def refresh(self, token: str, *, keys: list[str], form: dict[str, str] = TERMINAL) -> list[Answer]:
        """Refresh one token with each of these retry keys at once ("" for none), a connection a key."""
        return self.send(refreshes(token, keys=keys, form=form))

    def send(self, requests: list[Request]) -> list[Answer]:
        """Send all (path, form, headers), then read all answers, in the same order."""
        self.start(requests)
        return self.answers(len(requests))

    def start(self, requests: list[Request]) -> None:
        """Send all, read nothing yet."""
        for connection, (path, form, headers) in zip(self._connections, requests, strict=False):
            content = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", path, urlencode(form), content | headers)

    def answers(self, count: int) -> list[Answer]:
        """The answers to the requests that were started."""
        return [_read(connection.getresponse()) for connection in self._connections[:count]]

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


def refreshes(token: str, *, keys: list[str], form: dict[str, str] = TERMINAL) -> list[Request]:
    """The refresh of one token with each of these retry keys, by the client that `form` names."""
    fields = form | {"grant_type": "refresh_token", "refresh_token": token}
    return [("/oauth/token", fields, {"Idempotency-Key": key} if key else {}) for key in keys]


@contextlib.contextmanager
def queued(live: Live, refresh_token: str, *, at_least: int) -> Iterator[None]:
    """Hold the token's row until that many of the rotations started in the block wait for it, then let all go."""
    with live.connect() as connection, connection.transaction():
        connection.execute("SELECT 1 FROM tokens_session WHERE id = %s FOR UPDATE", [session_id(refresh_token)])
        yield
        wait_for_blocked(live, at_least)


def wait_for_blocked(live: Live, at_least: int) -> None:
    """Return once that many server connections wait for a session's row."""
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock' AND query LIKE %s"
    with live.connect() as watcher:

        def count() -> int:
            row = watcher.execute(blocked, [live.database, "%UPDATE tokens_session%"]).fetchone()
            return int(str(row[0])) if row else 0

        wait_until(lambda: count() >= at_least)


def _read(response: http.client.HTTPResponse) -> Answer:
    content = response.read()
    return Answer(response.status, json.loads(content) if content else {})
