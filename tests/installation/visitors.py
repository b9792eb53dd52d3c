"""Visitors of an installation, each in a thread. Every line on standard input asks for ten more rounds of each.

Then one line of JSON tells the rounds of each, and what was not answered as it should be.
"""

import contextlib
import http.client
import json
import re
import socket
import ssl
import sys
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from tests.load import Load

ROUNDS = 10


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


@dataclass(frozen=True)
class Installation:
    """Where the two names are served: at this machine, with a certificate of `authority`."""

    domain: str
    authority: str

    def ask(self, method: str, host: str, path: str, *, body: str = "", **headers: str) -> Answer:
        """One request in a connection of its own, sent once."""
        name = f"{host}.{self.domain}"
        trusted = ssl.create_default_context(cafile=self.authority)
        connection = http.client.HTTPSConnection(name, context=trusted, timeout=60)
        plain = socket.create_connection(("127.0.0.1", 443), timeout=60)
        connection.sock = trusted.wrap_socket(plain, server_hostname=name)
        try:
            connection.request(method, path, body=body or None, headers=headers | {"Connection": "close"})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode(errors="replace"))
        finally:
            connection.close()


def _expect(status: int, answer: Answer) -> Answer:
    assert answer.status == status, (answer.status, answer.text[:300])
    return answer


def read_own(at: Installation, token: str) -> None:
    _expect(200, at.ask("GET", "api", "/api/v1/me", Authorization=f"Bearer {token}"))


def begin_on_device(at: Installation) -> None:
    """A POST that writes and has no key: nothing repeats it."""
    form = urlencode({"client_id": "insighta-cli", "scope": "account:read"})
    _expect(
        200,
        at.ask(
            "POST",
            "api",
            "/oauth/device_authorization",
            body=form,
            **{"Content-Type": "application/x-www-form-urlencoded"},
        ),
    )


def read_pages(at: Installation) -> None:
    """The portal's first page with the style sheet that it names, which another portal may have to have."""
    page = _expect(200, at.ask("GET", "app", "/")).text
    sheets = re.findall(r'href="(/static/[^"]+\.css)"', page)
    assert sheets, page[:300]
    for sheet in sheets:
        _expect(200, at.ask("GET", "app", sheet))


def main() -> None:
    domain, authority, token = sys.argv[1:]
    at = Installation(domain, authority)
    people = {
        "own": partial(read_own, at, token),
        "device": partial(begin_on_device, at),
        "page": partial(read_pages, at),
    }
    load = Load(pause=0.1)
    with load.of(**people):
        for _line in sys.stdin:
            # What went wrong is told below.
            with contextlib.suppress(AssertionError):
                load.wait_for_rounds(ROUNDS)
            sys.stdout.write(json.dumps({"rounds": load.rounds, "failures": load.failures}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
