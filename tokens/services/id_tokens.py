"""ID tokens (OpenID Connect Core §2) and what they are good for later: hints at sign-out."""

import base64
import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jwt
from django.conf import settings
from jwt.types import Options

from tokens.policies.claims import Subject
from tokens.policies.clients import Client
from tokens.policies.scopes import OPENID
from tokens.services import signing_keys
from tokens.services.sessions import TokenPair

if TYPE_CHECKING:
    from accounts.models import User

TYPE = "JWT"
_REQUIRED = ["iss", "sub", "aud", "exp", "iat", "sid"]
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Hint:
    """Whose ID token this is, of which sign-in, for which application."""

    user_id: UUID
    session_id: UUID
    client_id: str


def subject_of(person: "User") -> Subject:
    return Subject(
        person.pk, person.login, person.display_name, person.email or "", person.avatar_url or "", person.time_zone
    )


def add_id_token(
    pair: TokenPair, *, client: Client, subject: Subject, auth_time: datetime | None, nonce: str = "", now: datetime
) -> TokenPair:
    """The token response with an ID token, if its scope has `openid` and the client is an application.

    It lives as long as the access token. `nonce` is for the redemption of a code, not for a refresh (§12.2).
    """
    if client.is_built_in or OPENID not in pair.scope.split():
        return pair
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        **subject.claims(pair.scope),
        "iss": settings.BACKEND_URL,
        "aud": client.client_id,
        "iat": issued_at,
        "exp": issued_at + pair.expires_in,
        "sid": str(pair.session_id),
        "at_hash": _half_hash(pair.access_token),
    }
    if auth_time is not None:
        claims["auth_time"] = int(auth_time.timestamp())
    if nonce:
        claims["nonce"] = nonce
    algorithm = client.id_token_algorithm
    token = signing_keys.sign(claims=claims, typ=TYPE, now=now, algorithm=algorithm)
    return replace(pair, id_token=token)


def find_hint(token: str, *, now: datetime) -> Hint | None:
    """What an ID token of ours says, expired or not; None for any other text, also where its key has leaked."""
    try:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        if header.get("typ") != TYPE or not isinstance(kid, str) or not _KID.fullmatch(kid):
            return None
        key = signing_keys.find_key_of_hint(kid, now=now)
        return _read_hint(token, key) if key else None
    except (jwt.PyJWTError, ValueError, TypeError):
        return None


def _read_hint(token: str, key: signing_keys.PublishedKey) -> Hint:
    options: Options = {"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_aud": False}
    claims = jwt.decode(token, key.public_key, algorithms=[key.algorithm], issuer=settings.BACKEND_URL, options=options)
    return Hint(UUID(claims["sub"]), UUID(claims["sid"]), str(claims["aud"]))


def _half_hash(access_token: str) -> str:
    """§3.1.3.6; SHA-256 is the hash of both algorithms."""
    return base64.urlsafe_b64encode(hashlib.sha256(access_token.encode()).digest()[:16]).decode().rstrip("=")
