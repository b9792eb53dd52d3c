"""Requests to addresses that other people have named.

urllib3 neither connects to an address that was judged before nor bounds the time of a whole answer.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tokens.policies.networks import Network, is_reachable

SECONDS = 5.0
"""How long connecting may take, and again the answer as a whole."""


class Unreachable(Exception):
    """There is no answer. `str()` names the kind of failure and nothing that the other side has said."""


@dataclass(frozen=True)
class Answer:
    """Status and body, cut off one byte after the limit. A redirect is an answer: nothing follows it."""

    status: int
    body: bytes = field(repr=False)


def send_request(
    *,
    url: str,
    method: str = "GET",
    limit: int,
    networks: Sequence[Network] | None,
    body: str = "",
    headers: dict[str, str] | None = None,
) -> Answer:
    """One request over http or https, to an address that is public or in `networks`; to any where that is None.

    The name is resolved once: what was judged is what is connected to. Raises Unreachable.
    """
    parts = urlsplit(url)
    target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    sent = {"Host": parts.netloc, "Accept-Encoding": "identity", "Connection": "close", **(headers or {})}
    try:
        with _connected(parts.hostname or "", parts.port, is_tls=parts.scheme == "https", networks=networks) as sock:
            connection = http.client.HTTPConnection(parts.netloc)
            connection.sock = sock
            connection.request(method, target, body=body.encode() or None, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, response.read(limit + 1))
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise Unreachable(type(error).__name__) from error


@contextmanager
def _connected(
    host: str, port: int | None, *, is_tls: bool, networks: Sequence[Network] | None
) -> Iterator[socket.socket]:
    """A socket that is shut after SECONDS, however slowly the other side goes on to send."""
    sock = _connect(host, port or (443 if is_tls else 80), networks=networks)
    if is_tls:
        context = ssl.create_default_context()
        sock = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    cut_off = threading.Event()
    timer = threading.Timer(SECONDS, _shut, [sock, cut_off])
    timer.daemon = True
    timer.start()
    try:
        if isinstance(sock, ssl.SSLSocket):
            sock.do_handshake()
        yield sock
        if cut_off.is_set():
            # What was cut off looks like the end of an answer.
            raise TimeoutError
    finally:
        timer.cancel()
        sock.close()


def _connect(host: str, port: int, *, networks: Sequence[Network] | None) -> socket.socket:
    found = dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    allowed = [address for address in found if networks is None or is_reachable(address, networks=networks)]
    failure: OSError = PermissionError("no address that may be reached")
    for address in allowed[:3]:
        try:
            return socket.create_connection((address, port), timeout=SECONDS)
        except OSError as error:
            failure = error
    raise failure


def _shut(sock: socket.socket, cut_off: threading.Event) -> None:
    cut_off.set()
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
