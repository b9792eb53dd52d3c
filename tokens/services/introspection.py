import hmac
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.errors import AccountsError
from accounts.services import people
from tokens import errors
from tokens.policies.clients import Client
from tokens.policies.refresh_tokens import RefreshToken, read_token
from tokens.repositories import sessions
from tokens.services.access_tokens import find_claims
from tokens.services.credentials import get_credential

INACTIVE: dict[str, Any] = {"active": False}


def introspect_token(*, client: Client, token: str, now: datetime) -> dict[str, Any]:
    """RFC 7662 §2.2: what a token is worth now; only `active: false` for anything it is not worth.

    An application is told of its own tokens only. Raises InvalidClient for a public client.
    """
    if not client.is_confidential:
        raise errors.InvalidClient("only a client with a secret may introspect")
    refresh_token = read_token(token, keys=settings.TOKEN_KEYS)
    try:
        described = _describe_refresh(refresh_token, now=now) if refresh_token else _describe_access(token, now=now)
    except (errors.NotAuthenticated, AccountsError):
        return INACTIVE
    is_told = client.is_built_in or described.get("client_id") == client.client_id
    return described if is_told else INACTIVE


def _describe_access(token: str, *, now: datetime) -> dict[str, Any]:
    credential = get_credential(token=token, now=now)
    described: dict[str, Any] = {
        "active": True,
        "token_type": "Bearer",
        "scope": " ".join(sorted(credential.scopes)),
        "sub": str(credential.person.pk),
        "username": credential.person.login,
        "iss": settings.BACKEND_URL,
        "aud": settings.BACKEND_URL,
    }
    if credential.expires_at is not None:
        described["exp"] = credential.expires_at
    described |= _auth_time(credential.auth_time)
    claims = find_claims(token, now=now)
    if claims is None:
        return described
    return {**described, "iat": claims.issued_at, "jti": claims.token_id, "client_id": claims.client_id}


def _describe_refresh(token: RefreshToken, *, now: datetime) -> dict[str, Any]:
    session = sessions.find_session(token.session_id)
    if session is None or not hmac.compare_digest(bytes(session.current_hash), token.digest):
        return INACTIVE
    people.check_allowed(session.user)
    expires_at = min(session.expires_at, session.ends_at)
    if session.revoked_at is not None or expires_at <= now:
        return INACTIVE
    return {
        "active": True,
        "scope": session.scope,
        "client_id": session.client_id,
        "sub": str(session.user_id),
        "username": session.user.login,
        "exp": int(expires_at.timestamp()),
        "iss": settings.BACKEND_URL,
        **_auth_time(session.auth_time),
    }


def _auth_time(moment: datetime | None) -> dict[str, int]:
    """RFC 9470 §6.2; nothing for a sign-in of an earlier release and for a personal access token."""
    return {"auth_time": int(moment.timestamp())} if moment else {}
