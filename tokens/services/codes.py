import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from accounts.services import people
from accounts.services.events import record_event
from tokens import errors
from tokens.policies import pkce
from tokens.policies.clients import Client
from tokens.repositories import codes, sessions
from tokens.services.sessions import TokenPair, open_session

if TYPE_CHECKING:
    from accounts.models import User
    from tokens.models import AuthorizationCode

PREFIX = "insc_"


@dataclass(frozen=True)
class Redemption:
    """What a client sends to redeem an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5)."""

    client: Client
    code: str
    redirect_uri: str
    code_verifier: str
    address: str | None


def issue_code(
    *, person: "User", client: Client, redirect_uri: str, code_challenge: str, scope: str, label: str, now: datetime
) -> str:
    """An authorization code, inside the caller's transaction; returned once, stored as SHA-256."""
    text = PREFIX + secrets.token_urlsafe(32)
    codes.insert_code(
        codes.build_code(
            code_hash=_digest(text),
            user_id=person.pk,
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            code_challenge=code_challenge,
            scope=scope,
            label=label,
            expires_at=now + settings.AUTHORIZATION_CODE_LIFETIME,
        )
    )
    return text


def redeem_code(*, redemption: Redemption, now: datetime) -> TokenPair:
    """Exchange a code for a session, once (RFC 6749 §4.1.2).

    Raises AccountPending, AccountSuspended, AccountInactive, and InvalidGrant.
    A second attempt with an already used code has revoked what the first one gave.
    """
    code = codes.find_code(_digest(redemption.code))
    if code is None or code.client_id != redemption.client.client_id:
        raise errors.InvalidGrant("the authorization code is unknown, sign in again")
    _check_binding(code, redemption)
    return _open(code, redemption, now=now) or _refuse_used(code, redemption, now=now)


def _check_binding(code: "AuthorizationCode", redemption: Redemption) -> None:
    if not hmac.compare_digest(code.redirect_uri.encode(), redemption.redirect_uri.encode(errors="surrogatepass")):
        raise errors.InvalidGrant("redirect_uri is not the one the code was issued for")
    if not pkce.verifies(redemption.code_verifier, code.code_challenge):
        raise errors.InvalidGrant("code_verifier does not match the code_challenge")


@transaction.atomic(durable=True)
def _open(code: "AuthorizationCode", redemption: Redemption, *, now: datetime) -> TokenPair | None:
    person = people.lock_allowed_person(user_id=code.user_id)
    if not codes.redeem_code(code.id, now=now):
        return None
    pair = open_session(
        person=person,
        client=redemption.client,
        scope=code.scope,
        label=code.label,
        address=redemption.address,
        now=now,
    )
    codes.attach_session(code.id, pair.session_id)
    return pair


def _refuse_used(code: "AuthorizationCode", redemption: Redemption, *, now: datetime) -> TokenPair:
    reused = _revoke_given(code, redemption, now=now)
    raise errors.InvalidGrant(
        "the authorization code was used before; what it gave has been revoked"
        if reused
        else "the authorization code has expired, sign in again"
    )


@transaction.atomic(durable=True)
def _revoke_given(code: "AuthorizationCode", redemption: Redemption, *, now: datetime) -> bool:
    session_id = codes.find_session_id(code.id)
    if session_id is None:
        return False
    if sessions.revoke_session(session_id, because="authorization code reused", now=now):
        record_event(
            kind="session.code_reused",
            user_id=code.user_id,
            session_id=session_id,
            client_id=code.client_id,
            address=redemption.address,
        )
    return True


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
