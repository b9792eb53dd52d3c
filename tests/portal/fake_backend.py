"""A backend made of a few dictionaries: it counts what the portal asks, and fails in the ways a test wants."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.processes import free_port

ADA = {
    "id": "0193a000-0000-7000-8000-000000000001",
    "login": "ada",
    "display_name": "Ada Lovelace",
    "email": "ada@example.org",
    "email_notifications": True,
    "avatar_url": "",
    "time_zone": "Africa/Lagos",
    "standing": "approved",
    "is_host": False,
    "is_staff": False,
    "scopes": ["account:read", "account:write", "bookings:read", "bookings:write"],
}

# What is there without a test's doing: Ada, who has booked nothing.
ALWAYS = {
    "/pages/home": {"person": ADA, "credits_available": 5, "upcoming": []},
    "/pages/device": {"person": ADA},
    "/pages/settings": {"person": ADA},
}


@dataclass
class Call:
    """One request that reached the backend."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Answer:
    """What a route gives back; `drop` closes the connection without a word."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0
    wait_for: Callable[[], object] | None = None
    drop: bool = False
    raw: bytes | None = None


def problem(status: int, code: str, **more: Any) -> Answer:
    """A refusal as the API words it."""
    return Answer(status, {"type": "about:blank", "title": code, "status": status, "code": code, "detail": "", **more})


Route = Callable[[Call], Answer]


class FakeBackend:
    """Hands tokens over, rotates them with the retry rule, and serves whatever resources a test puts into `routes`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.reset()

    def reset(self) -> None:
        """Forget everything, between two tests."""
        self.calls: list[Call] = []
        self.routes: dict[tuple[str, str], Route | Answer] = {}
        self.public: dict[str, Route | Answer] = {}
        self.fault: Answer | None = None
        self.challenges: dict[str, str] = {}
        self.successors: dict[str, tuple[str, str]] = {}
        self.live: set[str] = set()
        self.access: set[str] = set()
        self.expires_in = 180

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def hand_off(self, challenge: str) -> tuple[str, str]:
        """The tokens that the redirect to the callback carries: access, refresh."""
        refresh = f"insr_{token_urlsafe(48)}"
        self.challenges[refresh] = challenge
        self.live.add(refresh)
        return _access(), refresh

    def sign_in(self) -> tuple[str, str]:
        """Live tokens of a session that the portal holds already: access, refresh."""
        refresh, access = f"insr_{token_urlsafe(48)}", _access()
        self.live.add(refresh)
        self.access.add(access)
        return access, refresh

    def made(self, method: str, path: str) -> list[Call]:
        """The calls of one kind, in order."""
        return [call for call in self.calls if (call.method, call.path) == (method, path)]

    def body(self, path: str) -> dict[str, Any]:
        """The answer that waits at `path`, to be changed in place."""
        answer = self.routes["GET", path]
        assert isinstance(answer, Answer)
        body: dict[str, Any] = answer.body
        return body

    def answer(self, call: Call) -> Answer:
        """The answer to `call`, recorded."""
        with self._lock:
            self.calls.append(call)
            if self.fault:
                return self.fault
            if call.path == "/oauth/token":
                return self._token(call)
            if call.path == "/oauth/revoke":
                self.live.discard(call.body.get("token", ""))
                self.access.clear()
                return Answer()
            return self._resource(call)

    def _token(self, call: Call) -> Answer:
        presented, key = call.body.get("refresh_token", ""), call.headers.get("idempotency-key", "")
        challenge = self.challenges.get(presented)
        if challenge is not None and challenge != s256(call.body.get("code_verifier", "")):
            return _invalid("verifier mismatch")
        if presented in self.live:
            self.live.remove(presented)
            self.successors[presented] = (key, f"insr_{token_urlsafe(48)}")
            self.live.add(self.successors[presented][1])
        if presented not in self.successors:
            return _invalid("the refresh token is unknown, sign in again")
        known_key, successor = self.successors[presented]
        if successor not in self.live or known_key != key:
            return _invalid("refresh token reused")
        access = _access()
        self.access.add(access)
        return Answer(200, {"access_token": access, "refresh_token": successor, "expires_in": self.expires_in})

    def _resource(self, call: Call) -> Answer:
        """By token; `public` is what the portal may read for a browser without one."""
        if call.headers.get("authorization", "").startswith("Basic "):
            route = self.public.get(call.path.removeprefix("/api/v1"), problem(401, "not_authenticated"))
            return route if isinstance(route, Answer) else route(call)
        if call.headers.get("authorization", "").removeprefix("Bearer ") not in self.access:
            return problem(401, "not_authenticated")
        return self._route(call)

    def _route(self, call: Call) -> Answer:
        path = call.path.removeprefix("/api/v1")
        route = self.routes.get((call.method, path))
        if route is None and call.method == "GET" and path in ALWAYS:
            route = Answer(200, ALWAYS[path])
        if route is None:
            return problem(404, "not_found")
        return route if isinstance(route, Answer) else route(call)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                give(self, backend.answer(read(self)))

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def read(handler: BaseHTTPRequestHandler) -> Call:
    """The request as a Call."""
    parts, length = urlsplit(handler.path), int(handler.headers.get("Content-Length") or 0)
    text = handler.rfile.read(length).decode()
    is_json = "json" in handler.headers.get("Content-Type", "")
    body = json.loads(text) if is_json and text else {k: v[0] for k, v in parse_qs(text).items()}
    headers = {name.lower(): value for name, value in handler.headers.items()}
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return Call(handler.command, parts.path, query, headers, body)


def give(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    """Send `answer`."""
    time.sleep(answer.wait)
    if answer.wait_for:
        answer.wait_for()
    if answer.drop:
        handler.close_connection = True
        handler.connection.close()
        return
    content = answer.raw if answer.raw is not None else b"" if answer.body is None else json.dumps(answer.body).encode()
    handler.send_response(answer.status)
    for name, value in {
        "Content-Length": str(len(content)),
        "Content-Type": "application/json",
        **answer.headers,
    }.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(content)


def s256(verifier: str) -> str:
    """The PKCE challenge of `verifier`."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _access() -> str:
    return f"e30.{token_urlsafe(24)}.{token_urlsafe(24)}"


def _invalid(reason: str) -> Answer:
    return Answer(400, {"error": "invalid_grant", "error_description": reason})


def answer_of(backend: FakeBackend, path: str) -> dict[str, Any]:
    """What a page that depends on its query answers without one."""
    route = backend.routes["GET", path]
    assert not isinstance(route, Answer)
    body: dict[str, Any] = route(Call("GET", path, {}, {}, {})).body
    return body
