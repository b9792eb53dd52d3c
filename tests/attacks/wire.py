"""Bytes on a connection, for requests that no HTTP client would send."""

import contextlib
import re
import socket
import ssl

CLIENT = ssl.create_default_context()
CLIENT.check_hostname = False
CLIENT.verify_mode = ssl.CERT_NONE


def connect(port: int, *, server_name: str = "") -> socket.socket:
    """A connection to this machine; with `server_name` over TLS."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=120)
    return CLIENT.wrap_socket(plain, server_hostname=server_name) if server_name else plain


def exchange(
    port: int, request: bytes, *, server_name: str = "", seconds: float = 120, answers: int | None = None
) -> bytes:
    """Send these bytes; what comes back until the other side hangs up, is silent or has given so many answers."""
    received = b""
    with connect(port, server_name=server_name) as connection:
        connection.settimeout(seconds)
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            connection.sendall(request)
            while len(statuses(received)) != answers and (chunk := connection.recv(65536)):
                received += chunk
    return received


def statuses(answers: bytes) -> list[int]:
    """The status of every answer on a connection."""
    return [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3})", answers, re.MULTILINE)]
