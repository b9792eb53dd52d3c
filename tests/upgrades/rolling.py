"""A product behind a balancer whose processes are replaced one by one, while people use it."""

import contextlib
import itertools
import signal
import socket
import threading
import time

from tests.processes import Live, Process, free_port

# A connection that was opened before its server left the balancer has this long to say what it wants.
DRAIN_SECONDS = 0.5


class Balancer:
    """Passes each connection to `port` on to one of `targets`, in turn."""

    def __init__(self, port: int) -> None:
        self.targets: tuple[int, ...] = ()
        self._turns = itertools.count()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._pass_on(client)

    def _pass_on(self, client: socket.socket) -> None:
        """Join the client with the next target; a client whose target does not listen is sent away."""
        targets = self.targets
        try:
            server = socket.create_connection(("127.0.0.1", targets[next(self._turns) % len(targets)]))
        except OSError:
            client.close()
            return
        for ends in ((client, server), (server, client)):
            threading.Thread(target=_pump, args=ends, daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    # Both directions end together: whoever waits for the other one's words wakes up.
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    source.close()


class Rolling(Live):
    """Two backends and a portal with a worker process each, behind the addresses that everybody knows."""

    def __init__(self, **settings: str) -> None:
        super().__init__(workers=1, **settings)
        self.balancers = {name: Balancer(self.ports[name]) for name in ("backend", "portal")}
        self.backend, self.portal = self._beside("backend"), self._beside("portal")
        self.running = {"backend": [self.backend, self._beside("backend")], "portal": [self.portal]}

    def __enter__(self) -> "Rolling":
        super().__enter__()
        self.running["backend"][1].start()
        self._balance()
        return self

    def __exit__(self, *reason: object) -> None:
        for process in itertools.chain(*self.running.values()):
            process.stop(signal.SIGKILL)
        for balancer in self.balancers.values():
            balancer.close()
        super().__exit__(*reason)

    def change(self, **settings: str) -> None:
        """Bring settings to every process, one after the other."""
        self.environment |= settings
        for name in ("backend", "backend", "portal"):
            self._replace_oldest(name)

    def restart_portal(self, **settings: str) -> None:
        """Stop the only portal, and start another with these settings: for a moment there is none."""
        self.environment |= settings
        _end(self.running["portal"][0])
        self.running["portal"] = [self._beside("portal").start()]
        self._balance()

    def _replace_oldest(self, name: str) -> None:
        """Another takes its place, and when nobody is sent to it any more it is asked to end."""
        self.running[name].append(self._beside(name).start())
        old, *others = self.running[name]
        self.balancers[name].targets = tuple(process.port for process in others)
        time.sleep(DRAIN_SECONDS)
        _end(old)
        self.running[name] = others

    def _balance(self) -> None:
        for name, processes in self.running.items():
            self.balancers[name].targets = tuple(process.port for process in processes)

    def _beside(self, name: str) -> Process:
        port = free_port()
        host = "localhost" if name == "portal" else "127.0.0.1"
        return self._server(name, f"http://{host}:{port}/healthz", "127.0.0.1", port=port)


def _end(process: Process) -> None:
    process.terminate()
    assert process.wait() == 0, process.text()
