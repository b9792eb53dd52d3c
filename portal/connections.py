"""Kept-alive HTTP connections to one server: the standard library's, which take a third of httpx's time for a call."""

import select
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

MOST_IDLE = 16


class ConnectionFailed(Exception):
    """There is no answer. `was_sent` says whether the server may have seen the request, `is_late` that time ran out."""

    def __init__(self, reason: str, *, was_sent: bool, is_late: bool = False) -> None:
        super().__init__(reason)
        self.was_sent, self.is_late = was_sent, is_late


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Message
    content: bytes


@dataclass
class Pool:
    """Connections to `url` (an origin), for the threads of one process; both time limits are in seconds."""

    url: str
    connect_seconds: float
    answer_seconds: float
    _idle: deque[HTTPConnection] = field(default_factory=deque)

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """One request and its answer, redirects included as they are. Raises ConnectionFailed."""
        connection = self._take()
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except (OSError, HTTPException) as error:
            connection.close()
            raise ConnectionFailed(repr(error), was_sent=True, is_late=isinstance(error, TimeoutError)) from error
        if response.will_close or len(self._idle) >= MOST_IDLE:
            connection.close()
        else:
            self._idle.append(connection)
        return answer

    def _take(self) -> HTTPConnection:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._connect()
            if not _has_ended(connection):
                return connection
            connection.close()

    def _connect(self) -> HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            made: HTTPConnection = HTTPSConnection(parts.netloc, timeout=self.connect_seconds, context=_trust())
        else:
            made = HTTPConnection(parts.netloc, timeout=self.connect_seconds)
        try:
            made.connect()
        except OSError as error:
            raise ConnectionFailed(repr(error), was_sent=False) from error
        made.sock.settimeout(self.answer_seconds)
        return made


@cache
def _trust() -> ssl.SSLContext:
    """The machine's authorities, read once: that takes longer than a call."""
    return ssl.create_default_context()


def _has_ended(connection: HTTPConnection) -> bool:
    """Whether the other side has closed it while it lay idle: then there is something to read, the end."""
    if connection.sock is None:
        return True
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    return bool(waiting.poll(0))
