"""A stand-in for pgbouncer: it passes everything on and, like pgbouncer, announces a process id of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_KEY_DATA = b"K"


@contextmanager
def pooler(database: dict[str, Any]) -> Iterator[int]:
    """The port of 127.0.0.1 at which the pooler answers for the server of a Django database."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, database), daemon=True).start()
        yield listener.getsockname()[1]


def _serve(listener: socket.socket, database: dict[str, Any]) -> None:
    while True:
        try:
            client, _address = listener.accept()
        except OSError:
            return
        server = _connect(database)
        threading.Thread(target=_pump, args=(client, server), daemon=True).start()
        threading.Thread(target=_announce, args=(server, client), daemon=True).start()


def _connect(database: dict[str, Any]) -> socket.socket:
    host, port = database["OPTIONS"].get("host") or database["HOST"], database["PORT"] or 5432
    if not host.startswith("/"):
        return socket.create_connection((host, int(port)))
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"{host}/.s.PGSQL.{port}")
    return server


def _pump(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
    target.close()


def _announce(server: socket.socket, client: socket.socket) -> None:
    """Pass messages on until the one that names the process; that one is changed, the rest flows."""
    stream = server.makefile("rb")
    while True:
        kind, size = stream.read(1), stream.read(4)
        body = stream.read(int.from_bytes(size, "big") - 4)
        if kind == _KEY_DATA:
            body = (4_000_000).to_bytes(4, "big") + body[4:]
        client.sendall(kind + size + body)
        if kind == _KEY_DATA:
            break
    while data := stream.read1(65536):
        client.sendall(data)
    client.close()
