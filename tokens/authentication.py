"""Authentication of API calls: the Authorization header (RFC 6750), the session behind it, its scopes.

Headers are read from `META`: Django's `headers` looks through the whole environment of the process, at each request.
"""

import ipaddress
from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from tokens import errors
from tokens.policies.clients import is_basic, read_basic
from tokens.policies.labels import browser_label
from tokens.policies.rotation import is_retry_key
from tokens.services import clients, credentials, staff, staff_sessions
from tokens.services.callers import Credential
from tokens.signals import client_refused

if TYPE_CHECKING:
    from rest_framework.views import APIView

    from accounts.models import User

PERSON_FIELDS = ("id", "login", "display_name", "avatar_url", "time_zone", "is_host")
# Only for a credential that could ask `/me`.
ACCOUNT_FIELDS = ("email", "email_notifications", "hosting_notifications", "email_for_hosts", "standing", "is_staff")
STAFF_SESSION_KEY = "staff_session"
# In the environment of a request that the portal makes for a browser. No header can have this name.
VOUCHED_FOR = "insighta.is_vouched_for"
METHODS_LIKE_GET = {"HEAD": "GET", "OPTIONS": "GET"}


class BearerAuthentication(BaseAuthentication):
    """RFC 6750 §2.1. One indexed query that also loads the person; `request.auth` is the credential."""

    def authenticate(self, request: Request) -> "tuple[User, Credential] | None":
        """None without an Authorization header; raises NotAuthenticated for a credential that is no good."""
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            if is_public(request.parser_context["view"]):
                _read_reader(request)
            return None
        credential = credentials.get_credential(
            token=token.strip(), now=timezone.now(), address=client_address(request)
        )
        return credential.person, credential

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="insighta"'


def _read_reader(request: Request) -> None:
    """Note who reads the public calendar without a token: nobody, or the portal for a browser that it vouches for.

    Any other Authorization header is refused, for a bad credential is never nobody's. Raises NotAuthenticated,
    Throttled.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if header and not _is_of_portal(header):
        client_refused.send(None, request=request)
        raise errors.NotAuthenticated
    request.META[VOUCHED_FOR] = bool(header)


def is_public(view: object) -> bool:
    """Whether the view is a part of the public calendar, and there is one."""
    return bool(settings.PUBLIC_CALENDAR) and getattr(view, "is_public_calendar", False)


def is_made_by_portal(request: Request) -> bool:
    """Whether the portal proves by its secret, in `Client-Authorization`, that it makes this call of a person's.

    The token alone proves nothing: whoever it belongs to can send it from anywhere. A proof that is no good is counted
    as a guess of the secret. Raises Throttled.
    """
    header = request.META.get("HTTP_CLIENT_AUTHORIZATION", "")
    if not header or _is_of_portal(header):
        return bool(header)
    client_refused.send(None, request=request)
    return False


def _is_of_portal(header: str) -> bool:
    client_id, secret = (read_basic(header) if is_basic(header) else None) or ("", "")
    try:
        return clients.authenticate_client(client_id=client_id, secret=secret).vouches_for_address
    except errors.InvalidClient:
        return False


class HasScope(BasePermission):
    """The view's `required_scopes` names one scope for each method; a method it does not name needs only a sign-in.

    With `refuses_applications` a registered application is refused whatever its scopes; with `own_sign_ins_only`
    everything is but a sign-in of the portal or the terminal. Raises PermissionDenied for those. With
    `is_public_calendar` everybody may read where `PUBLIC_CALENDAR` says so.
    """

    code = "insufficient_scope"
    message = "This token lacks the scope that this call needs."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        credential = cast("Credential | None", request.auth)
        if credential is None:
            return is_public(view) and request.method in SAFE_METHODS
        is_open = credential.is_own_sign_in or not getattr(view, "own_sign_ins_only", False)
        if not is_open or (credential.is_of_application and getattr(view, "refuses_applications", False)):
            raise errors.PermissionDenied("This is for sign-ins of the portal and the terminal only.")
        method = METHODS_LIKE_GET.get(request.method or "", request.method)
        needed = getattr(view, "required_scopes", {}).get(method)
        return needed is None or needed in credential.scopes


class StaffSessionMiddleware:
    """Signs somebody out of the admin whose staff session has ended, wherever it was ended."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_admin_path()):
            user_id = request.user.pk
            if user_id is not None and not _is_staff_session_live(request, user_id):
                logout(request)
        return self.get_response(request)


@cache
def _admin_path() -> str:
    return reverse("admin:index")


def begin_staff_session(request: HttpRequest, user_id: UUID) -> None:
    """Open a staff session and store its id in Django's session, which only the admin has.

    The view says in `request.verification` how and when the person was verified. Raises what `open_staff_session`
    raises.
    """
    session_id = staff_sessions.open_staff_session(
        user_id=user_id,
        verified=getattr(request, "verification", None)
        or staff_sessions.Verification("", staff.read_verification_time()),
        label=browser_label(request.META.get("HTTP_USER_AGENT", "")),
        address=client_address(request),
        now=timezone.now(),
    )
    # Django keeps the key of its session where the same person signs in over an earlier sign-in.
    end_staff_session(request, user_id)
    request.session.cycle_key()
    request.session[STAFF_SESSION_KEY] = str(session_id)


def end_staff_session(request: HttpRequest, user_id: UUID) -> None:
    """End the staff session that Django's session names, before that is flushed."""
    session_id = _staff_session_id(request)
    if session_id is not None:
        staff_sessions.end_staff_session(session_id=session_id, user_id=user_id, now=timezone.now())


def _is_staff_session_live(request: HttpRequest, user_id: UUID) -> bool:
    session_id = _staff_session_id(request)
    return session_id is not None and staff_sessions.use_staff_session(
        session_id=session_id, user_id=user_id, now=timezone.now()
    )


def _staff_session_id(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.session.get(STAFF_SESSION_KEY, ""))
    except ValueError:
        return None


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


def read_retry_key(request: HttpRequest | Request) -> str:
    """The Idempotency-Key, or empty. Raises InvalidRequest."""
    retry_key = request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if retry_key and not is_retry_key(retry_key):
        raise errors.InvalidRequest("Idempotency-Key must be 16 to 255 visible ASCII characters")
    return str(retry_key)


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


def credential_of(request: Request) -> Credential:
    """The caller's credential. The permission class has made sure that there is one."""
    return cast(Credential, request.auth)


def visible_person(request: Request) -> dict[str, Any]:
    """The caller as in `/me`, without another query and as far as the credential's scopes go."""
    credential = credential_of(request)
    fields = PERSON_FIELDS + (ACCOUNT_FIELDS if "account:read" in credential.scopes else ())
    return {name: getattr(credential.person, name) for name in fields}
