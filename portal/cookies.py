"""The portal's cookies: their names, their attributes, and what is believed of what a browser sends back."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import asdict, dataclass, replace
from functools import cache
from secrets import compare_digest, token_urlsafe
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

ACCESS, REFRESH, FLOW = "insighta_at", "insighta_rt", "insighta_flow_"
NOTE, HOST, ZONE = "insighta_note", "insighta_host", "insighta_zone"
REFRESH_SECONDS = 30 * 24 * 3600
# Longer than the backend waits for GitHub and then begins again, so that the destination is still known.
FLOW_SECONDS = 2 * 3600
NOTE_SECONDS = 120
# A browser keeps 4096 bytes of a cookie, its attributes included.
LONGEST_NOTE = 3800
FLOWS_AT_ONCE = 6

_ACCESS_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_REFRESH_SHAPE = re.compile(r"insr_[A-Za-z0-9_.-]{16,500}")
_ZONE_SHAPE = re.compile(r"[A-Z][A-Za-z_]{1,30}(/[A-Za-z0-9_+-]{1,30}){1,2}")
_STATE_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, repr=False)
class Tokens:
    """One token response; `expires_in` is the access token's remaining life in seconds."""

    access: str
    refresh: str
    expires_in: int


@dataclass(frozen=True, repr=False)
class Flow:
    """One sign-in of this browser: what the callback must match, and where the person wanted to go.

    One that is done is kept for its destination: its callback's address may come again.
    """

    state: str
    verifier: str
    next: str
    is_done: bool = False

    @property
    def cookie(self) -> str:
        """A name of its own for each flow, so that two tabs do not overwrite each other's."""
        return cookie_name(FLOW + self.state[:12])

    @property
    def challenge(self) -> str:
        """The verifier's S256 challenge (RFC 7636 section 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def cookie_name(name: str) -> str:
    """`name` as the browser knows it: host-bound where the portal is served over https."""
    return f"__Host-{name}" if _secure() else name


def _secure() -> bool:
    return settings.PORTAL_URL.startswith("https://")


def _set(response: HttpResponseBase, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, max_age=seconds, path="/", secure=_secure(), httponly=True, samesite="Lax")


def _delete(response: HttpResponseBase, name: str) -> None:
    response.delete_cookie(name, path="/", samesite="Lax")


def find_zone(request: HttpRequest) -> str:
    """The zone that a browser without a sign-in wants times in: the name of a place, not yet looked up, or UTC."""
    value = request.COOKIES.get(cookie_name(ZONE), "")
    return value if _ZONE_SHAPE.fullmatch(value) else "UTC"


def set_zone(response: HttpResponseBase, zone: str) -> None:
    """Remember the zone for a browser without a sign-in."""
    _set(response, cookie_name(ZONE), zone, REFRESH_SECONDS)


def is_access_token(value: str) -> bool:
    """Whether `value` has the shape of a signed access token and is safe to put into a header."""
    return len(value) <= 4096 and _ACCESS_SHAPE.fullmatch(value) is not None


def is_refresh_token(value: str) -> bool:
    """Whether `value` has the shape of a refresh token."""
    return _REFRESH_SHAPE.fullmatch(value) is not None


def find_access_token(request: HttpRequest) -> str | None:
    """The access token the browser sent; None when there is none or it is garbage."""
    value = request.COOKIES.get(cookie_name(ACCESS), "")
    return value if is_access_token(value) else None


def find_refresh_token(request: HttpRequest) -> str | None:
    """The refresh token the browser sent; None when there is none or it is garbage."""
    value = request.COOKIES.get(cookie_name(REFRESH), "")
    return value if is_refresh_token(value) else None


def sign_in_of(access_token: str | None) -> str:
    """The id of the sign-in that a token names (`sid`), not verified; empty for a token of another form."""
    try:
        payload = (access_token or "").split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return ""
    return str(claims.get("sid", "")) if isinstance(claims, dict) else ""


def set_tokens(response: HttpResponseBase, tokens: Tokens) -> None:
    """Keep both tokens in the browser. The access token's cookie goes a little before the token does."""
    allowance = min(10, tokens.expires_in // 4)
    _set(response, cookie_name(ACCESS), tokens.access, max(1, tokens.expires_in - allowance))
    _set(response, cookie_name(REFRESH), tokens.refresh, REFRESH_SECONDS)


def delete_tokens(response: HttpResponseBase) -> None:
    """Make the browser forget both tokens, and that they were a host's."""
    for name in (ACCESS, REFRESH, HOST):
        _delete(response, cookie_name(name))


def is_host(request: HttpRequest) -> bool:
    """Whether the last page said that this person hosts. It decides about a link, never about a right."""
    return cookie_name(HOST) in request.COOKIES


def set_host(response: HttpResponseBase, is_host: bool) -> None:
    """Remember for pages that ask the backend nothing whether the person hosts."""
    if is_host:
        _set(response, cookie_name(HOST), "1", REFRESH_SECONDS)
    else:
        _delete(response, cookie_name(HOST))


def new_flow(*, next_path: str) -> Flow:
    """A fresh `state` and PKCE verifier (RFC 7636 section 4.1: 43 characters), 256 random bits each."""
    return Flow(state=token_urlsafe(32), verifier=token_urlsafe(32), next=next_path)


def set_flow(request: HttpRequest, response: HttpResponseBase, flow: Flow) -> None:
    """Keep `flow` in this browser; the oldest of too many go."""
    others = [name for name in _flows(request) if name != flow.cookie]
    for name in others[: -(FLOWS_AT_ONCE - 1)]:
        _delete(response, name)
    _set(response, flow.cookie, signing.dumps(asdict(flow), salt=FLOW), FLOW_SECONDS)


def _flows(request: HttpRequest) -> list[str]:
    return [name for name in request.COOKIES if name.startswith(cookie_name(FLOW))]


def find_flow(request: HttpRequest, state: str) -> Flow | None:
    """The flow of this browser that `state` belongs to; None if there is none, it is forged or too old."""
    if not _STATE_SHAPE.fullmatch(state):
        return None
    signed = request.COOKIES.get(Flow(state=state, verifier="", next="").cookie, "")
    try:
        flow = Flow(**signing.loads(signed, salt=FLOW, max_age=FLOW_SECONDS))
    except (signing.BadSignature, TypeError):
        return None
    return flow if compare_digest(flow.state, state) else None


def finish_flow(request: HttpRequest, response: HttpResponseBase, flow: Flow) -> None:
    """Make the flow one that redeems nothing any more and only knows its destination."""
    set_flow(request, response, replace(flow, verifier="", is_done=True))


def set_note(response: HttpResponseBase, note: dict[str, Any]) -> bool:
    """Carry something over a redirect to the one page that shows it; False, and nothing done, where it is too long.

    It is encrypted: a secret or what somebody typed must not lie readable in a browser's store.
    """
    sealed = _box().encrypt(json.dumps(note).encode()).decode()
    if len(sealed) > LONGEST_NOTE:
        return False
    _set(response, cookie_name(NOTE), sealed, NOTE_SECONDS)
    return True


def find_note(request: HttpRequest) -> dict[str, Any] | None:
    """The note that waits to be shown, if any; delete it with the answer that shows it."""
    sealed = request.COOKIES.get(cookie_name(NOTE))
    try:
        return dict(json.loads(_box().decrypt(sealed.encode(), ttl=NOTE_SECONDS))) if sealed else None
    except InvalidToken:
        return None


def delete_note(response: HttpResponseBase) -> None:
    """Make the browser forget a note that has been shown."""
    _delete(response, cookie_name(NOTE))


@cache
def _box() -> MultiFernet:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    digests = (hmac.digest(key.encode(), b"insighta: notes of the portal", hashlib.sha256) for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
