"""A backend over real HTTP that loses answers, dawdles and talks nonsense when told to.

It keeps to the rotation rules of the contract: one successor per token, the same again for the same key, and the end of
the session for everything else. `tests/cli/test_live.py` runs the same terminal against the real one.
"""

import base64
import json
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

HTML = b"<!doctype html><title>Welcome to the hotel network</title><p>Please accept the terms."


@dataclass
class Session:
    """One sign-in and its token family."""

    login: str
    refresh_token: str
    spent: dict[str, tuple[str, str]] = field(default_factory=dict)
    access_tokens: set[str] = field(default_factory=set)
    revoked: bool = False
    rotations: int = 0


class FakeBackend(ThreadingHTTPServer):
    """Start it with `with`; `faults` maps a path to what goes wrong there, one entry per request to come."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.sessions: list[Session] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.device: dict[str, str] = {}
        self.personal_tokens: dict[str, str] = {}
        self.faults: dict[str, list[str]] = {}
        self.requests: list[tuple[str, str, dict[str, str], dict[str, Any]]] = []
        self.answers: dict[tuple[str, str], Callable[[dict[str, str], Any], tuple[int, Any]]] = {}
        self.access_token_seconds = 180
        self.issuer = self.url
        self.padding = ""
        self.skew_seconds = 0.0
        self.lock = threading.Lock()

    def __enter__(self) -> "FakeBackend":
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Killed clients are the point of these tests."""

    def sign_in(self, login: str = "ada") -> Session:
        """A session as if its person had signed in."""
        session = Session(login, f"insr_{secrets.token_urlsafe(24)}")
        self.sessions.append(session)
        return session

    def make_access_token(self, session: Session) -> str:
        """A token whose claims can be read; nobody checks the signature."""
        now = int(time.time() + self.skew_seconds)
        claims = {"iat": now, "exp": now + self.access_token_seconds, "jti": secrets.token_hex(8), "pad": self.padding}
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({}, claims)]
        token = ".".join([*parts, "signature"])
        session.access_tokens.add(token)
        return token

    def store_for(self, session: Session, *, seconds_left: float) -> dict[str, Any]:
        """What a terminal of this session has in its credentials file."""
        expires_at = datetime.now(UTC) + timedelta(seconds=seconds_left)
        account = {
            "login": session.login,
            "access_token": self.make_access_token(session),
            "access_token_expires_at": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "refresh_token": session.refresh_token,
            "retry_key": None,
        }
        return {"version": 1, "accounts": {self.url: account}}

    def authorize(self, query: str, login: str = "ada") -> str:
        """What the browser is sent back to when its person approves."""
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        code = f"insc_{secrets.token_urlsafe(16)}"
        self.codes[code] = asked | {"login": login}
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.url})}"

    def paths(self) -> list[str]:
        """The paths asked for, in order."""
        return [path for _, path, _, _ in self.requests]

    def find_session(self, access_token: str) -> Session | None:
        """The living session an access token belongs to."""
        found = (s for s in self.sessions if access_token in s.access_tokens and not s.revoked)
        return next(found, None)

    def rotate(self, token: str, key: str) -> tuple[int, dict[str, Any]]:
        """The contract's section 3, refresh."""
        with self.lock:
            for session in self.sessions:
                if session.refresh_token == token and not session.revoked:
                    session.spent[token] = (key, f"insr_{secrets.token_urlsafe(24)}")
                    session.refresh_token = session.spent[token][1]
                    session.rotations += 1
                    return 200, self.grant(session)
                if token in session.spent and not session.revoked:
                    used_key, successor = session.spent[token]
                    if used_key == key and successor == session.refresh_token:
                        return 200, self.grant(session)
                    session.revoked = True
                    return 400, {"error": "invalid_grant", "error_description": "refresh token reused"}
        return 400, {"error": "invalid_grant", "error_description": "session revoked"}

    def grant(self, session: Session) -> dict[str, Any]:
        """A token response."""
        return {
            "access_token": self.make_access_token(session),
            "token_type": "Bearer",
            "expires_in": self.access_token_seconds,
            "refresh_token": session.refresh_token,
            "scope": "account:read",
        }


class Handler(BaseHTTPRequestHandler):
    server: FakeBackend
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header, by this backend's clock."""
        return super().date_time_string(time.time() + self.server.skew_seconds)

    def _serve(self, method: str) -> None:
        parts = urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        body = self._read(text)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((method, parts.path, headers, body))
        with self.server.lock:
            faults = self.server.faults.get(parts.path) or self.server.faults.get("*") or []
            fault = (
                faults.pop(0)
                if len(faults) > 1 or (faults and not faults[0].startswith("always "))
                else "".join(faults)
            )
        fault = fault.removeprefix("always ")
        if fault == "cut before":
            return self._cut()
        if fault.startswith("slow"):
            time.sleep(float(fault.split()[1]))
        if fault == "html":
            return self._send(200, HTML, "text/html")
        if fault.startswith("redirect"):
            return self._send(307, HTML, "text/html", Location=fault.split()[1])
        if fault.isdigit():
            return self._send(int(fault), HTML, "text/html")
        if fault == "overloaded":
            problem = {"code": "unavailable", "detail": "We cannot answer at this moment."}
            refusal = {"error": "temporarily_unavailable"} if parts.path.startswith("/oauth/") else problem
            return self._send(503, json.dumps(refusal).encode(), "application/json", **{"Retry-After": "1"})
        status, answer = self._answer(method, parts.path, parts.query, headers, body)
        if fault == "cut after":
            return self._cut()
        kind = "application/json" if status < 400 or "error" in (answer or {}) else "application/problem+json"
        return self._send(status, b"" if answer is None else json.dumps(answer).encode(), kind)

    def _read(self, text: str) -> dict[str, Any]:
        if self.headers.get("Content-Type", "").startswith("application/json"):
            return dict(json.loads(text))
        return {name: values[0] for name, values in parse_qs(text).items()}

    def _answer(
        self, method: str, path: str, query: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, Any]:
        if path == "/.well-known/oauth-authorization-server":
            return 200, {"issuer": self.server.issuer}
        if path == "/oauth/token":
            return self._token(headers, body)
        if path == "/oauth/revoke":
            for session in self.server.sessions:
                session.revoked |= body["token"] == session.refresh_token or body["token"] in session.spent
            return 200, {}
        if path == "/oauth/device_authorization":
            return self._device()
        return self._api(method, path, query, headers, body)

    def _token(self, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if body["grant_type"] == "refresh_token":
            return self.server.rotate(body["refresh_token"], headers.get("idempotency-key", ""))
        if body["grant_type"] == "authorization_code":
            asked = self.server.codes.pop(body["code"], None)
            if asked is None or asked["redirect_uri"] != body["redirect_uri"] or not _proves(body, asked):
                return 400, {"error": "invalid_grant", "error_description": "code is not valid"}
            return 200, self.server.grant(self.server.sign_in(asked["login"]))
        decision = self.server.device.get("decision", "authorization_pending")
        if decision != "approve":
            return 400, {"error": decision, "error_description": decision}
        return 200, self.server.grant(self.server.sign_in())

    def _device(self) -> tuple[int, Any]:
        return 200, {
            "device_code": "insd_secret",
            "user_code": "BCDF-GHJK",
            "verification_uri": "http://localhost:8001/device",
            "verification_uri_complete": "http://localhost:8001/device?user_code=BCDF-GHJK",
            "expires_in": int(self.server.device.get("expires_in", 900)),
            "interval": 1,
        }

    def _api(self, method: str, path: str, query: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        session = self.server.find_session(token)
        login = session.login if session else self.server.personal_tokens.get(token)
        if login is None:
            return 401, {
                "code": "not_authenticated",
                "title": "Not signed in",
                "detail": "Sign in first.",
                "status": 401,
            }
        answer = self.server.answers.get((method, path))
        if answer:
            return answer({name: values[0] for name, values in parse_qs(query).items()}, body)
        if path == "/api/v1/me":
            return 200, {"id": "019a0000-0000-7000-8000-000000000001", "login": login, "scopes": []}
        return 404, {"code": "not_found", "title": "Not found", "detail": "There is nothing here.", "status": 404}

    def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _cut(self) -> None:
        """Reset the connection without a byte of an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


def _proves(body: dict[str, Any], asked: dict[str, str]) -> bool:
    import hashlib

    digest = hashlib.sha256(body["code_verifier"].encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
