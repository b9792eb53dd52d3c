import base64
import hashlib
import hmac
import json
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote_plus, urlencode

from django.conf import settings
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, PoolManager, Timeout
from urllib3.exceptions import HTTPError, ProtocolError

from portal.cookies import Tokens, is_access_token, is_refresh_token
from portal.errors import AccessRefused, BackendUnreachable, InvalidGrant, PortalRefused, Problem

CLIENT_ID = "insighta-portal"
CONNECT_SECONDS = 2.0
MOST_IDLE = 16
# RFC 6749 section 5.2: what the token endpoint says to a client that is not set up as it expects.
_SET_UP_WRONG = {"invalid_client", "invalid_request", "unauthorized_client", "unsupported_grant_type"}

_log = logging.getLogger("portal.client")


@dataclass(frozen=True)
class Caller:
    """Whom a call is made for: the id that joins both sides' log lines, and the browser's address."""

    request_id: str
    address: str

    @property
    def headers(self) -> dict[str, str]:
        """What the backend is told about the caller."""
        return {"X-Request-ID": self.request_id, "X-Forwarded-For": self.address}


@cache
def _pool() -> HTTPConnectionPool:
    """The kept-alive connections of this process."""
    seconds = float(getattr(settings, "BACKEND_TIMEOUT_SECONDS"))  # noqa: B009  # no such name in the settings that the type checker reads
    limits = Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)
    # The machine's authorities are read once: that takes longer than a call.
    manager = PoolManager(maxsize=MOST_IDLE, timeout=limits, retries=False, ssl_context=ssl.create_default_context())
    return manager.connection_from_url(settings.BACKEND_URL)


def keyed_digest(label: str, value: str) -> str:
    """HMAC-SHA256 under the portal's retry key, base64url without padding (43 characters)."""
    key = str(getattr(settings, "PORTAL_RETRY_KEY"))  # noqa: B009  # no such name in the settings that the type checker reads
    digest = hmac.digest(key.encode(), f"{label}{value}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def refresh_tokens(*, refresh_token: str, caller: Caller, verifier: str = "") -> Tokens:
    """Rotate `refresh_token`. Its retry key is derived from it, so every tab and worker is given the same successor.

    `verifier` is needed for the first rotation of a hand-off. Raises InvalidGrant, PortalRefused and
    BackendUnreachable.
    """
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    if verifier:
        form["code_verifier"] = verifier
    return _ask_for_tokens(form, caller, {"Idempotency-Key": keyed_digest("", refresh_token)})


def redeem_code(*, code: str, redirect_uri: str, verifier: str, caller: Caller) -> Tokens:
    """Exchange an authorization code (RFC 6749 section 4.1.3, RFC 7636). Raises InvalidGrant and BackendUnreachable."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    # Derived as for a refresh: a callback that the browser delivers twice is given the same tokens.
    return _ask_for_tokens(form, caller, {"Idempotency-Key": keyed_digest("code:", code)})


def _ask_for_tokens(form: Mapping[str, str], caller: Caller, headers: Mapping[str, str]) -> Tokens:
    response = _post_form("/oauth/token", form, caller, headers)
    answer = _json_object(response)
    if response.status == 200:
        return _tokens(answer)
    if answer.get("error") == "invalid_grant":
        raise InvalidGrant(str(answer.get("error_description", "")))
    _log.error("token endpoint answered %s %s (docs/portal.md)", response.status, answer.get("error"))
    raise PortalRefused if answer.get("error") in _SET_UP_WRONG else BackendUnreachable


def _tokens(answer: dict[str, Any]) -> Tokens:
    access, refresh, seconds = (answer.get(name) for name in ("access_token", "refresh_token", "expires_in"))
    if not (isinstance(access, str) and isinstance(refresh, str) and isinstance(seconds, int)):
        raise BackendUnreachable
    if not (is_access_token(access) and is_refresh_token(refresh)):
        raise BackendUnreachable
    return Tokens(access=access, refresh=refresh, expires_in=seconds)


def revoke_token(*, token: str, caller: Caller) -> None:
    """End the session that `token` belongs to (RFC 7009). Raises BackendUnreachable when that is not certain."""
    if _post_form("/oauth/revoke", {"token": token}, caller, {}).status != 200:
        raise BackendUnreachable


def _post_form(path: str, form: Mapping[str, str], caller: Caller, headers: Mapping[str, str]) -> BaseHTTPResponse:
    kind = {"Authorization": _basic(), "Content-Type": "application/x-www-form-urlencoded"}
    headers = {**caller.headers, **headers, **kind}
    return _send("POST", path, headers, urlencode(form).encode(), repeatable=True)


def _basic() -> str:
    return _basic_of(settings.PORTAL_CLIENT_SECRETS[0])


@cache
def _basic_of(secret: str) -> str:
    """RFC 6749 section 2.3.1: id and secret are form-encoded before they become RFC 7617's pair."""
    pair = f"{quote_plus(CLIENT_ID)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def call_api(
    method: str,
    path: str,
    *,
    access_token: str | None,
    caller: Caller,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    idempotency_key: str = "",
) -> dict[str, Any]:
    """One call of `/api/v1`; an answer without a body gives an empty dict. Without a token the portal asks for itself.

    Raises AccessRefused for 401, Problem for every other refusal, BackendUnreachable when there is no usable answer.
    """
    # Beside a person's token the portal proves itself apart: limits count the browser that it names.
    headers = {**caller.headers, "Client-Authorization" if access_token else "Authorization": _basic()}
    if access_token:
        headers["Authorization"] = f"Bearer {access_token}"
    if idempotency_key:
        headers["Idempotency-Key"] = idempotency_key
    address = f"/api/v1{path}{'&' if '?' in path else '?'}{urlencode(query)}" if query else f"/api/v1{path}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    content = None if body is None else json.dumps(body).encode()
    response = _send(method, address, headers, content, repeatable=method == "GET")
    if response.status == 401:
        raise AccessRefused
    if 200 <= response.status < 300:
        return _json_object(response) if response.data else {}
    raise _problem(response)


def _problem(response: BaseHTTPResponse) -> Problem:
    answer, wait = _json_object(response), response.headers.get("Retry-After", "")
    errors = answer.get("errors")
    return Problem(
        status=response.status,
        code=str(answer.get("code", "")),
        detail=str(answer.get("detail", "")),
        errors=errors if isinstance(errors, dict) else {},
        retry_after=int(wait) if wait.isdecimal() else None,
        is_there=answer.get("is_there") is True,
    )


def _send(
    method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, repeatable: bool
) -> BaseHTTPResponse:
    """One request and its answer. It is sent once more where the connection broke, never where time ran out."""
    try:
        return _send_once(method, path, headers, body)
    except ProtocolError as failure:
        # A kept connection may have been closed by the other side at the very moment of the request.
        if not repeatable:
            raise BackendUnreachable from failure
    try:
        return _send_once(method, path, headers, body)
    except ProtocolError as failure:
        raise BackendUnreachable from failure


def _send_once(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> BaseHTTPResponse:
    try:
        answer = _pool().urlopen(method, path, body=body, headers=headers, redirect=False)
    except ProtocolError:
        raise
    except HTTPError as failure:
        _log.warning("%s %s has no answer: %s", method, path.partition("?")[0], type(failure).__name__)
        raise BackendUnreachable from failure
    if answer.status >= 500:
        _log.warning("%s %s answered %s", method, path.partition("?")[0], answer.status)
        raise BackendUnreachable
    return answer


def _json_object(response: BaseHTTPResponse) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        raise BackendUnreachable from error
    if not isinstance(answer, dict):
        raise BackendUnreachable
    return answer
