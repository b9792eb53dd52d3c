"""ID tokens of CI jobs: who has signed them, for whom, when, and that each is used once."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from django.conf import settings
from jwt.types import Options

from tokens import errors
from tokens.policies.publishers import JobIdentity, read_identity
from tokens.repositories import publishers
from tokens.services import issuer_keys

LEEWAY_SECONDS = 30
LONGEST_LIFETIME_SECONDS = 3600
LONGEST_TOKEN = 16 * 1024
# Also of other types a JWT may have: an access token (RFC 9068) or a logout token is no ID token.
_TYPES = frozenset({None, "JWT"})
_REFUSED = "The subject_token is not an ID token of a CI service that is believed here, or it has expired."


@dataclass(frozen=True)
class JobToken:
    """A verified ID token."""

    identity: JobIdentity
    used_as: bytes
    """What marks it as used: SHA-256 of issuer and `jti`."""
    expires_at: datetime


def verify_job_token(*, text: str, now: datetime) -> JobToken:
    """Raises InvalidRequest, and InvalidTarget for a token whose audience is not exactly this backend.

    Before the signature is known to be good the refusal says nothing of what the token holds.
    """
    claims = _verify(text, now=now)
    # A token that is for others too could be used here by them.
    if claims.get("aud") != settings.BACKEND_URL:
        raise errors.InvalidTarget(f"aud is {claims.get('aud')!r:.200}; expected {settings.BACKEND_URL}")
    identity = read_identity(claims)
    if identity is None:
        raise errors.InvalidRequest("repository_id and repository_owner_id are missing")
    used_as = hashlib.sha256(f"{identity.issuer}\n{claims['jti']}".encode(errors="surrogatepass")).digest()
    return JobToken(identity, used_as, datetime.fromtimestamp(claims["exp"], UTC))


def use_job_token(*, token: JobToken) -> None:
    """Mark it as used, inside the transaction that issues for it. Raises InvalidRequest where it is already."""
    expires_at = token.expires_at + timedelta(seconds=2 * LEEWAY_SECONDS)
    if not publishers.use_token(token.used_as, expires_at=expires_at):
        raise errors.InvalidRequest("this ID token has been used before; ask the CI service for another")


def _verify(text: str, *, now: datetime) -> dict[str, Any]:
    refusal = errors.InvalidRequest(_REFUSED)
    if len(text) > LONGEST_TOKEN:
        raise refusal
    try:
        header = jwt.get_unverified_header(text)
        unverified = jwt.decode(text, options={"verify_signature": False})
        issuer, kid = unverified.get("iss"), header.get("kid")
        # Only chooses whose keys are asked; the header's own (`jku`, `jwk`, `x5c`) are never looked at.
        if issuer not in settings.CI_ISSUERS or not isinstance(kid, str) or header.get("typ") not in _TYPES:
            raise refusal
        key = issuer_keys.find_key(issuer=issuer, kid=kid)
        if key is None:
            raise refusal
        # Times and audience are compared below; `sub` is not read at all, of whatever type it is.
        options: Options = {
            "verify_aud": False,
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
            "verify_sub": False,
        }
        claims = jwt.decode(text, key, algorithms=[issuer_keys.ALGORITHM], issuer=issuer, options=options)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise refusal from error
    if not _is_timely(claims, now=now.timestamp()):
        raise refusal
    return claims


def _is_timely(claims: dict[str, Any], *, now: float) -> bool:
    """`exp` and `iat` are required, an hour apart at most, and `jti` is."""
    times: list[Any] = [claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)]
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in times):
        return False
    expires_at, issued_at, begins_at = map(float, times)
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        return False
    is_short = 0 < expires_at - issued_at <= LONGEST_LIFETIME_SECONDS
    has_begun = max(issued_at, begins_at) <= now + LEEWAY_SECONDS
    return is_short and has_begun and now < expires_at + LEEWAY_SECONDS
