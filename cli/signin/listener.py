"""The loopback address that the browser comes back to (RFC 8252 section 7.3).

Strangers, prefetching browsers and requests for icons get an answer and change nothing.
"""

import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import result_pages
from .callback import Callback, Expectation

CALLBACK = "/callback"
DONE = "/done"
SECONDS_PER_CONNECTION = 30
SECONDS_TO_SHOW_PAGE = 10


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Windows lets a second program take an address that was bound with SO_REUSEADDR.
    allow_reuse_address = sys.platform != "win32"

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up early is no news for the terminal."""


class Listener:
    """Bound when it is made, so that no browser can come back too early."""

    def __init__(self, server: _Server, expectation: Expectation, on_answer: Callable[[Callback], None]) -> None:
        self._server = server
        self._expectation = expectation
        self._on_answer = on_answer
        self._lock = threading.Lock()
        self._answered = False
        self._result = ""
        self._decided = threading.Event()
        self._shown = threading.Event()
        server.RequestHandlerClass = self._make_handler()
        self._thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def receive(self, query: str) -> bool:
        """Whether the callback was ours. Only the first one is passed on."""
        answer = self._expectation.read_query(query)
        if answer is None:
            return False
        with self._lock:
            is_first, self._answered = not self._answered, True
        if is_first:
            self._on_answer(answer)
        return True

    def wait_for_result(self) -> str:
        """The last page, as soon as the terminal knows what became of the sign-in; empty before any answer."""
        if self._answered:
            self._decided.wait(SECONDS_PER_CONNECTION)
        return self._result

    def mark_shown(self) -> None:
        """The browser has the last page."""
        self._shown.set()

    def close(self, result: str = "") -> None:
        """Show the browser the result, if it is there to see it, and stop listening."""
        self._result = result
        self._decided.set()
        if result and self._answered:
            self._shown.wait(SECONDS_TO_SHOW_PAGE)
        self._server.shutdown()
        self._server.server_close()

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        return type("Handler", (_Handler,), {"listener": self})


class _Handler(BaseHTTPRequestHandler):
    listener: Listener
    timeout = SECONDS_PER_CONNECTION
    server_version = "insighta"
    sys_version = ""
    wbufsize = -1

    def do_GET(self) -> None:
        """The callback, the page after it, or nothing."""
        path, _, query = self.path.partition("?")
        if path == CALLBACK:
            self._receive(query)
        elif path == DONE:
            self._show_result()
        else:
            self._answer(404, result_pages.make_missing_page())

    def log_message(self, *_: object) -> None:
        """Nothing is logged: the address holds the code."""

    def _receive(self, query: str) -> None:
        try:
            is_ours = self.listener.receive(query)
        except ValueError:
            is_ours = False
        if is_ours:
            # The code leaves the address bar before anything is shown.
            self._answer(303, "", Location=DONE)
        else:
            self._answer(400, result_pages.make_stranger_page())

    def _show_result(self) -> None:
        result = self.listener.wait_for_result()
        self._answer(200 if result else 404, result or result_pages.make_missing_page())
        if result:
            self.listener.mark_shown()

    def _answer(self, status: int, text: str, **headers: str) -> None:
        content = text.encode()
        self.send_response(status)
        own = {"Content-Length": str(len(content)), "Connection": "close"}
        for name, value in (result_pages.HEADERS | headers | own).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        # The process may end as soon as the page counts as shown.
        self.wfile.flush()


def bind(port: int) -> tuple[_Server, int]:
    """A server on 127.0.0.1 at `port`, or at any free port when that is taken. Raises OSError without a loopback."""
    try:
        server = _Server(("127.0.0.1", port), _Handler)
    except OSError:
        server = _Server(("127.0.0.1", 0), _Handler)
    return server, int(server.server_address[1])
