"""The portal's cookies: their names, their attributes, and what is believed of what a browser sends back."""

import base64
import hashlib
import re
from dataclasses import asdict, dataclass
from secrets import compare_digest, token_urlsafe

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

ACCESS, REFRESH, SECRET_ONCE, FLOW = "insighta_at", "insighta_rt", "insighta_once", "insighta_flow_"
REFRESH_SECONDS = 30 * 24 * 3600
FLOW_SECONDS = 600
ONCE_SECONDS = 120
FLOWS_AT_ONCE = 6

_ACCESS_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_REFRESH_SHAPE = re.compile(r"insr_[A-Za-z0-9_.-]{16,500}")
_STATE_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, repr=False)
class Tokens:
    """One token response; `expires_in` is the access token's remaining life in seconds."""

    access: str
    refresh: str
    expires_in: int


@dataclass(frozen=True, repr=False)
class Flow:
    """One sign-in under way in this browser: what the callback must match, and where the person wanted to go."""

    state: str
    verifier: str
    next: str

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


def set_tokens(response: HttpResponseBase, tokens: Tokens) -> None:
    """Keep both tokens in the browser. The access token's cookie goes a little before the token does."""
    allowance = min(10, tokens.expires_in // 4)
    _set(response, cookie_name(ACCESS), tokens.access, max(1, tokens.expires_in - allowance))
    _set(response, cookie_name(REFRESH), tokens.refresh, REFRESH_SECONDS)


def delete_tokens(response: HttpResponseBase) -> None:
    """Make the browser forget both tokens."""
    _delete(response, cookie_name(ACCESS))
    _delete(response, cookie_name(REFRESH))


def new_flow(*, next_path: str) -> Flow:
    """A fresh `state` and PKCE verifier (RFC 7636 section 4.1: 43 characters), 256 random bits each."""
    return Flow(state=token_urlsafe(32), verifier=token_urlsafe(32), next=next_path)


def set_flow(request: HttpRequest, response: HttpResponseBase, flow: Flow) -> None:
    """Keep `flow` in this browser for ten minutes; the oldest of too many unfinished ones go."""
    for name in _unfinished(request)[: -(FLOWS_AT_ONCE - 1)]:
        _delete(response, name)
    _set(response, flow.cookie, signing.dumps(asdict(flow), salt=FLOW), FLOW_SECONDS)


def _unfinished(request: HttpRequest) -> list[str]:
    return [name for name in request.COOKIES if name.startswith(cookie_name(FLOW))]


def find_flow(request: HttpRequest, state: str) -> Flow | None:
    """The flow of this browser that `state` belongs to; None if there is none, it is forged or past ten minutes."""
    if not _STATE_SHAPE.fullmatch(state):
        return None
    signed = request.COOKIES.get(Flow(state=state, verifier="", next="").cookie, "")
    try:
        flow = Flow(**signing.loads(signed, salt=FLOW, max_age=FLOW_SECONDS))
    except (signing.BadSignature, TypeError):
        return None
    return flow if compare_digest(flow.state, state) else None


def delete_flow(response: HttpResponseBase, flow: Flow) -> None:
    """Make the browser forget a finished flow."""
    _delete(response, flow.cookie)


def set_secret_once(response: HttpResponseBase, secret: dict[str, str]) -> None:
    """Carry a secret over the redirect to the one page that shows it."""
    _set(response, cookie_name(SECRET_ONCE), signing.dumps(secret, salt=SECRET_ONCE), ONCE_SECONDS)


def find_secret_once(request: HttpRequest) -> dict[str, str] | None:
    """The secret that waits to be shown, if any; delete it with the answer that shows it."""
    try:
        found = signing.loads(request.COOKIES.get(cookie_name(SECRET_ONCE), ""), salt=SECRET_ONCE, max_age=ONCE_SECONDS)
    except signing.BadSignature:
        return None
    return dict(found)


def delete_secret_once(response: HttpResponseBase) -> None:
    """Make the browser forget a secret that has been shown."""
    _delete(response, cookie_name(SECRET_ONCE))
