"""nginx with the configuration of `deploy/`, and servers behind it that write down what they are asked."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.deploy.cluster import HOSTS, nginx_command, write_certificates
from tests.deploy.configuration import services
from tests.processes import Process, accepts, free_port


@dataclass
class Asked:
    """One request as a server behind saw it."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Recorder:
    """What all servers together were asked.

    `lost` answers from now on never arrive: the connection ends instead. `missing` answers are 404. Each says
    `cache_control`, if there is one.
    """

    asked: list[Asked] = field(default_factory=list)
    lost: int = 0
    missing: int = 0
    cache_control: str = ""


@dataclass
class Proxy:
    """A running nginx; `refused` is a port on which no server listens."""

    directory: Path
    ports: dict[str, int]
    recorder: Recorder
    process: Process

    def log(self) -> str:
        """Everything nginx has written anywhere."""
        return (self.directory / "access.log").read_text() + self.process.text()


def _handler(recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            recorder.asked.append(Asked(self.command, self.path, dict(self.headers.items())))
            if recorder.lost:
                recorder.lost -= 1
                return
            self.send_response(404 if recorder.missing else 200)
            recorder.missing = max(0, recorder.missing - 1)
            self.send_header("Content-Length", "2")
            if recorder.cache_control:
                self.send_header("Cache-Control", recorder.cache_control)
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            """Nothing: what was asked is in the recorder."""

    return Handler


@contextmanager
def _server(recorder: Recorder) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(recorder)) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@contextmanager
def proxy(*, is_one_backend_down: bool = False) -> Iterator[Proxy]:
    """nginx before two backends and two portals, which share a recorder."""
    directory = Path(tempfile.mkdtemp(prefix="insighta-proxy-"))
    directory.chmod(0o755)
    recorder, ports = Recorder(), {name: free_port() for name in ("http", "https", "refused")}
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        write_certificates(directory, list(HOSTS))
        behind = [stack.enter_context(_server(recorder)) for _ in range(4)]
        if is_one_backend_down:
            behind[0] = ports["refused"]
        process = stack.enter_context(serve_through_nginx(directory, ports, behind))
        yield Proxy(directory, ports, recorder, process)


def serve_through_nginx(directory: Path, ports: dict[str, int], behind: list[int]) -> Process:
    behind_nginx = dict(
        zip(("BACKEND_1", "BACKEND_2", "PORTAL_1", "PORTAL_2"), map("127.0.0.1:{}".format, behind), strict=True)
    )
    values = services()["nginx"]["environment"] | behind_nginx
    values |= {"HTTP_PORT": str(ports["http"]), "HTTPS_PORT": str(ports["https"]), "NGINX_ADDRESS": "127.0.0.1"}
    values |= {"NGINX_STATE": str(directory), "NGINX_ACCESS_LOG": str(directory / "access.log")}
    values |= dict.fromkeys(["BACKEND_HOST", "BACKEND_AUTHORITY"], HOSTS[0])
    values |= dict.fromkeys(["PORTAL_HOST", "PORTAL_AUTHORITY"], HOSTS[1]) | {"PORTAL_ADDRESS": "127.0.0.1"}
    is_ready = partial(accepts, ports["https"])
    return Process(nginx_command(directory, values), {}, directory=directory, is_ready=is_ready)
