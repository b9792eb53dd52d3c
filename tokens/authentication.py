"""How an API call says who it is: the Authorization header, the session behind it, the scopes it has.

Headers are read from `META`: Django's `headers` looks through the whole environment of the process, at each request.
"""

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tokens.services import credentials

if TYPE_CHECKING:
    from rest_framework.views import APIView

    from accounts.models import User

METHODS_LIKE_GET = {"HEAD": "GET", "OPTIONS": "GET"}


class BearerAuthentication(BaseAuthentication):
    """RFC 6750 §2.1. One indexed query that also loads the person; `request.auth` is the credential."""

    def authenticate(self, request: Request) -> "tuple[User, credentials.Credential] | None":
        """None without an Authorization header; raises NotAuthenticated for a credential that is no good."""
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        credential = credentials.get_credential(token=token.strip(), now=timezone.now())
        return credential.person, credential

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="insighta"'


class HasScope(BasePermission):
    """The view's `required_scopes` names one scope for each method; a method it does not name needs only a sign-in."""

    code = "insufficient_scope"
    message = "This token lacks the scope that this call needs."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        credential = cast("credentials.Credential | None", request.auth)
        if credential is None:
            return False
        method = METHODS_LIKE_GET.get(request.method or "", request.method)
        needed = getattr(view, "required_scopes", {}).get(method)
        return needed is None or needed in credential.scopes


def client_address(request: HttpRequest, *, is_vouched_for: bool = False) -> str | None:
    """The caller's address.

    `X-Forwarded-For` is believed from a proxy named in `TRUSTED_PROXIES`, and where an authenticated client of our
    own vouches for it.
    """
    peer = request.META.get("REMOTE_ADDR") or None
    if is_vouched_for or (peer and _is_in(peer, settings.TRUSTED_PROXIES)):
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")[-1].strip()
        return _address(forwarded) or peer
    return _address(peer or "")


@lru_cache(maxsize=1024)
def _is_in(peer: str, networks: "tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]") -> bool:
    address = _address(peer)
    return address is not None and any(ipaddress.ip_address(address) in network for network in networks)


@lru_cache(maxsize=1024)
def _address(value: str) -> str | None:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return None


def credential_of(request: Request) -> credentials.Credential:
    """The caller's credential. The permission class has made sure that there is one."""
    return cast(credentials.Credential, request.auth)
