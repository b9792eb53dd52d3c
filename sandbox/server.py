import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from sandbox import api, ci, control, oauth
from sandbox.http_messages import NoResponse, Request, Response, page
from sandbox.pages import message_page
from sandbox.state import State

Endpoint = Callable[[State, Request], Response]
LARGEST_BODY = 64 * 1024


HOME = message_page("GitHub stand-in", "It replaces GitHub in development. Sign in from the portal.")
MISSING = message_page("404", "This page does not exist here. The stand-in knows only the sign-in.")
ROUTES: dict[tuple[str, str], Endpoint] = {
    ("GET", "/"): lambda state, request: page(HOME),
    ("GET", "/login/oauth/authorize"): oauth.ask,
    ("POST", "/login/oauth/authorize"): oauth.answer,
    ("POST", "/login/oauth/access_token"): oauth.exchange,
    ("GET", "/user"): api.user,
    ("GET", "/user/emails"): api.emails,
    ("GET", "/.well-known/openid-configuration"): ci.discovery,
    ("GET", "/.well-known/jwks"): ci.jwks,
    ("GET", "/actions/id-token"): ci.id_token,
    ("POST", "/_sandbox/jobs"): ci.begin_job,
    ("POST", "/_sandbox/repositories"): ci.describe_repository,
    ("GET", "/_sandbox/faults"): control.list_faults,
    ("POST", "/_sandbox/faults"): control.add_fault,
    ("DELETE", "/_sandbox/faults"): control.clear_faults,
    ("POST", "/_sandbox/people"): control.describe_person,
    ("DELETE", "/_sandbox/people"): control.forget_people,
}
PREFIXES: dict[tuple[str, str], Endpoint] = {
    ("GET", "/users/"): api.public_user,
    ("GET", "/repos/"): ci.repository,
    ("GET", "/avatars/"): api.avatar,
}


def find_endpoint(method: str, path: str) -> Endpoint:
    prefix = path[: path.find("/", 1) + 1]
    found = ROUTES.get((method, path)) or PREFIXES.get((method, prefix))
    return found or (lambda state, request: page(MISSING, 404))


class GitHubHandler(BaseHTTPRequestHandler):
    server: "GitHubServer"
    protocol_version = "HTTP/1.1"
    server_version = "github-stand-in"
    # Headers and body are two writes; Nagle's algorithm would delay the second until the first is acknowledged.
    disable_nagle_algorithm = True
    timeout = 60

    def handle_any(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > LARGEST_BODY:
            self.close_connection = True
            return self._send(Response(413))
        request = Request(self.command, self.path, self.headers, self.rfile.read(int(length)), time.monotonic())
        try:
            self._send(find_endpoint(request.method, request.path)(self.server.state, request))
        except NoResponse:
            self.close_connection = True

    do_GET = do_POST = do_DELETE = handle_any

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.body:
            self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Without the query, which holds codes and states."""
        self.log_message("%s %s %s", self.command, self.path.partition("?")[0], getattr(code, "value", code))


class GitHubServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1 only. Raises OSError if the port cannot be used."""

    request_queue_size = 128

    def __init__(self, state: State) -> None:
        self.state = state
        super().__init__(("127.0.0.1", state.port), GitHubHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up early, as a look whether it answers yet does, is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def server_bind(self) -> None:
        # HTTPServer's own resolves this machine's name, which may take seconds, and never uses it.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.state.port
