"""A backend over real HTTP that loses answers, is slow and sends other things than answers when told to.

It keeps to the rotation rules of the contract: one successor per token, the same again for the same key, and the end of
the session for everything else. `tests/cli/test_live.py` runs the same terminal against the real one.
"""

import base64
import hashlib
import json
import secrets
import socket
import struct
import threading
import time
import uuid
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
    refresh_token: str = field(default_factory=lambda: f"insr_{secrets.token_urlsafe(24)}")
    spent: dict[str, tuple[str, str]] = field(default_factory=dict)
    access_tokens: set[str] = field(default_factory=set)
    revoked: bool = False
    rotations: int = 0


def person_id(login: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, login))


class FakeBackend(ThreadingHTTPServer):
    """Start it with `with`.

    `faults` maps a path or `*` to what goes wrong there, one entry per request to come; one that begins with `always `
    stays. `answers` maps a method and a path to what is answered; `headers` go with every answer.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self.sessions: list[Session] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.device: dict[str, str] = {}
        self.personal_tokens: dict[str, str] = {}
        self.faults: dict[str, list[str]] = {}
        self.requests: list[tuple[str, str, dict[str, str], dict[str, Any]]] = []
        self.answers: dict[tuple[str, str], Callable[[dict[str, str], Any], tuple[int, Any]]] = {}
        self.access_token_seconds = 180
        self.headers: dict[str, str] = {}
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

    def answer(self, path: str, value: Any, *, method: str = "GET", status: int = 200) -> None:
        """What the API answers there from now on."""
        self.answers[method, f"/api/v1{path}"] = lambda query, body: (status, value)

    def paths(self, method: str | None = None) -> list[str]:
        """The paths asked for, in order."""
        return [path for asked, path, _, _ in self.requests if method in {None, asked}]

    def keys(self, path: str) -> list[str]:
        """The idempotency keys sent there."""
        return [headers["idempotency-key"] for _, asked, headers, _ in self.requests if asked == path]

    def sign_in(self, login: str = "ada") -> Session:
        """A session as if its person had signed in."""
        self.sessions.append(Session(login))
        return self.sessions[-1]

    def make_access_token(self, session: Session) -> str:
        """A token whose claims can be read; nobody checks the signature."""
        now = int(time.time() + self.skew_seconds)
        claims = {"iat": now, "exp": now + self.access_token_seconds, "sub": person_id(session.login)}
        claims |= {"jti": secrets.token_hex(8), "pad": self.padding}
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({}, claims)]
        token = ".".join([*parts, "signature"])
        session.access_tokens.add(token)
        return token

    def store_for(self, session: Session, *, seconds_left: float = 170) -> dict[str, Any]:
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

    def find_session(self, access_token: str) -> Session | None:
        """The living session an access token belongs to."""
        return next((s for s in self.sessions if access_token in s.access_tokens and not s.revoked), None)

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
                    if session.spent[token] == (key, session.refresh_token):
                        return 200, self.grant(session)
                    session.revoked = True
                    return 400, {"error": "invalid_grant", "error_description": "refresh token reused"}
        return 400, {"error": "invalid_grant", "error_description": "session revoked"}

    def grant(self, session: Session) -> dict[str, Any]:
        """A token response."""
        tokens = {"access_token": self.make_access_token(session), "refresh_token": session.refresh_token}
        return tokens | {"token_type": "Bearer", "expires_in": self.access_token_seconds, "scope": "account:read"}

    def take_fault(self, path: str) -> str:
        """What goes wrong with this request, if anything."""
        with self.lock:
            faults = self.faults.get(path) or self.faults.get("*") or [""]
            stays = len(faults) == 1 and (not faults[0] or faults[0].startswith("always "))
            return (faults[0] if stays else faults.pop(0)).removeprefix("always ")


class Handler(BaseHTTPRequestHandler):
    server: FakeBackend
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def __getattr__(self, name: str) -> Any:
        """`do_GET` and its kin."""
        if name.startswith("do_"):
            return lambda: self._serve(name.removeprefix("do_"))
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header, by this backend's clock."""
        return super().date_time_string(time.time() + self.server.skew_seconds)

    def _serve(self, method: str) -> None:
        parts = urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        is_json = self.headers.get("Content-Type", "").startswith("application/json")
        body = json.loads(text) if is_json else {name: values[0] for name, values in parse_qs(text).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((method, parts.path, headers, body))
        fault, _, detail = self.server.take_fault(parts.path).partition(" ")
        if fault == "slow":
            time.sleep(float(detail))
        if fault == "cut" and detail == "before":
            return self._cut()
        if fault == "redirect":
            return self._send(307, HTML, "text/html", Location=detail)
        if fault == "html" or fault.isdigit():
            return self._send(200 if fault == "html" else int(fault), HTML, "text/html")
        if fault == "overloaded":
            problem = {"code": "unavailable", "detail": "We cannot answer at this moment."}
            refusal = {"error": "temporarily_unavailable"} if parts.path.startswith("/oauth/") else problem
            return self._send(503, json.dumps(refusal).encode(), "application/json", **{"Retry-After": "1"})
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, answer = self._answer(method, parts.path, query, headers, body)
        if fault == "cut":
            return self._cut()
        lacks_scope = isinstance(answer, dict) and answer.get("code") == "permission_denied"
        challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'} if lacks_scope else {}
        content = b"" if answer is None else answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return self._send(status, content, "application/json", **challenge)

    def _answer(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: Any
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
            page = "http://localhost:8001/device"
            codes = {"device_code": "insd_secret", "user_code": "BCDF-GHJK", "interval": 1}
            pages = {"verification_uri": page, "verification_uri_complete": f"{page}?user_code=BCDF-GHJK"}
            return 200, codes | pages | {"expires_in": int(self.server.device.get("expires_in", 900))}
        return self._api(method, path, query, headers, body)

    def _token(self, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if body["grant_type"] == "refresh_token":
            return self.server.rotate(body["refresh_token"], headers.get("idempotency-key", ""))
        if body["grant_type"] == "authorization_code":
            asked = self.server.codes.pop(body["code"], None)
            digest = hashlib.sha256(body["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if not asked or (asked["redirect_uri"], asked["code_challenge"]) != (body["redirect_uri"], challenge):
                return 400, {"error": "invalid_grant", "error_description": "code is not valid"}
            return 200, self.server.grant(self.server.sign_in(asked["login"]))
        decision = self.server.device.get("decision", "authorization_pending")
        if decision != "approve":
            return 400, {"error": decision, "error_description": decision}
        return 200, self.server.grant(self.server.sign_in(self.server.device.get("login", "ada")))

    def _api(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: Any
    ) -> tuple[int, Any]:
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
            return answer(query, body)
        if path == "/api/v1/me":
            return 200, {"id": person_id(login), "login": login, "scopes": []}
        return 404, {"code": "not_found", "detail": "There is nothing here.", "status": 404}

    def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        sent = (
            self.server.headers
            | headers
            | {"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close"}
        )
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _cut(self) -> None:
        """Reset the connection without a byte of an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
