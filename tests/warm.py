"""`python manage.py …` without the second that it takes to start: a process that has Django ready runs each in a fork.

    python -m tests.warm serve SOCKET        until it is ended
    python tests/warm.py ask SOCKET ARGS…    what stands in for `python` where pages are typed

The fork has the environment of the server and the standard streams of whoever asks.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence


def ask(path: str, arguments: Sequence[str], streams: Sequence[int] = (0, 1, 2)) -> int:
    """The exit code of the command, 1 where it was killed. Its input, output and errors are the three `streams`."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(arguments).encode()], list(streams))
        return int(connection.recv(16) or 1)


def serve(path: str) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.backend")
    django.setup()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen()
        # Whoever sees the file may connect.
        os.rename(f"{path}.new", path)
        while True:
            connection, _ = listener.accept()
            with connection:
                message, descriptors, *_ = socket.recv_fds(connection, 65_536, 3)
                if os.fork() == 0:
                    _run(json.loads(message), descriptors, connection)
                for descriptor in descriptors:
                    os.close(descriptor)


def _run(arguments: list[str], descriptors: list[int], connection: socket.socket) -> None:
    from django.core.management import execute_from_command_line

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
    code = 1
    try:
        execute_from_command_line(arguments)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:  # noqa: BLE001  # as the interpreter does at its top
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        connection.sendall(str(code).encode())
        os._exit(0)


if __name__ == "__main__":
    what, path, *rest = sys.argv[1:]
    if what == "serve":
        serve(path)
    sys.exit(ask(path, rest))
