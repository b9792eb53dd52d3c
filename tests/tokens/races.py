"""Requests that reach the server at one moment: each on a connection of its own, all sent before an answer is read."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.people import CLI
from tests.processes import Live


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

    def refresh(self, token: str, *, keys: list[str]) -> list[Answer]:
        """Refresh one token with each of these retry keys at once ("" for none), a connection a key."""
        form = {"grant_type": "refresh_token", "client_id": CLI, "refresh_token": token}
        requests = [("/oauth/token", form, {"Idempotency-Key": key} if key else {}) for key in keys]
        return self.send(requests)

    def send(self, requests: list[tuple[str, dict[str, str], dict[str, str]]]) -> list[Answer]:
        """Send all (path, form, headers), then read all answers, in the same order."""
        self.start(requests)
        return self.answers(len(requests))

    def start(self, requests: list[tuple[str, dict[str, str], dict[str, str]]]) -> None:
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


def _read(response: http.client.HTTPResponse) -> Answer:
    content = response.read()
    return Answer(response.status, json.loads(content) if content else {})
