import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction
from uuid6 import uuid7

from accounts.policies import digest
from accounts.services import people
from tokens import errors
from tokens.policies import pkce
from tokens.policies.clients import Client
from tokens.policies.refresh_tokens import RefreshToken, make_redeemed
from tokens.policies.sessions import is_live
from tokens.repositories import codes, sessions
from tokens.services.clients import retry_window_seconds
from tokens.services.ending_access import end_session
from tokens.services.id_tokens import add_id_token, subject_of
from tokens.services.sessions import TokenPair, issue_tokens, open_session

if TYPE_CHECKING:
    from accounts.models import User
    from tokens.models import AuthorizationCode


@dataclass(frozen=True)
class Redemption:
    """What a client sends to redeem an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5)."""

    client: Client
    code: str
    redirect_uri: str
    code_verifier: str
    retry_key: str
    address: str | None


def issue_code(
    text: str,
    *,
    person: "User",
    client: Client,
    redirect_uri: str,
    code_challenge: str,
    nonce: str = "",
    scope: str,
    label: str,
    auth_time: datetime | None,
    now: datetime,
) -> None:
    """Make `text` an authorization code, inside the caller's transaction; stored as SHA-256."""
    codes.insert_code(
        codes.build_code(
            code_hash=digest(text),
            user_id=person.pk,
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            code_challenge=code_challenge,
            nonce=nonce,
            scope=scope,
            label=label,
            auth_time=auth_time,
            expires_at=now + settings.AUTHORIZATION_CODE_LIFETIME,
        )
    )


def is_issued(text: str) -> bool:
    """Whether `text` is a code that has not been purged, redeemed or not."""
    return codes.find_code(digest(text)) is not None


def redeem_code(*, redemption: Redemption, now: datetime) -> TokenPair:
    """Exchange a code for a session, once (RFC 6749 §4.1.2).

    The same code with the same retry key gives the same tokens again, within the client's retry window and while they
    are unused; any other second attempt has revoked what the first one gave. Raises InvalidGrant, and AccountPending,
    AccountSuspended or AccountInactive.
    """
    code = codes.find_code(digest(redemption.code))
    if code is None or code.client_id != redemption.client.client_id:
        raise errors.InvalidGrant("the authorization code is unknown, sign in again")
    _check_binding(code, redemption)
    opened = _open(code, redemption, now=now) or _answer_retry(code, redemption, now=now)
    return opened or _refuse_used(code, redemption, now=now)


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
        first=_first_token(redemption, session_id=uuid7(), key=settings.TOKEN_KEYS[0]),
        scope=code.scope,
        label=code.label,
        auth_time=code.auth_time,
        address=redemption.address,
        now=now,
    )
    codes.attach_session(code.id, pair.session_id)
    return _complete(pair, code, redemption.client, person, now=now)


def _complete(
    pair: TokenPair, code: "AuthorizationCode", client: Client, person: "User", *, now: datetime
) -> TokenPair:
    """For an application: with an ID token, and without a refresh token unless it asked for `offline_access`."""
    if not client.gives_refresh_token(code.scope):
        pair = replace(pair, refresh_token="")
    subject = subject_of(person)
    return add_id_token(pair, client=client, subject=subject, auth_time=code.auth_time, nonce=code.nonce, now=now)


def _first_token(redemption: Redemption, *, session_id: UUID, key: str) -> RefreshToken:
    # Without a retry key nobody can ask for the token again, so that it is made of a random one.
    retry_key = redemption.retry_key or secrets.token_urlsafe(32)
    return make_redeemed(session_id, code=redemption.code, retry_key=retry_key, key=key)


def _answer_retry(code: "AuthorizationCode", redemption: Redemption, *, now: datetime) -> TokenPair | None:
    """What the first redemption gave, for the same retry key; None where this is no honest retry."""
    session_id = codes.find_session_id(code.id) if redemption.retry_key else None
    session = sessions.find_session(session_id) if session_id else None
    if session is None or not is_live(session, now=now):
        return None
    window = timedelta(seconds=retry_window_seconds(redemption.client, is_keyed=True))
    if now > session.created_at + window:
        return None
    for key in settings.TOKEN_KEYS:
        first = _first_token(redemption, session_id=session.id, key=key)
        if hmac.compare_digest(first.digest, bytes(session.current_hash)):
            pair = issue_tokens(
                first,
                user_id=session.user_id,
                client_id=session.client_id,
                scope=session.scope,
                ends_at=session.ends_at,
                now=now,
            )
            return _complete(pair, code, redemption.client, session.user, now=now)
    return None


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
    session = sessions.find_session(session_id) if session_id else None
    if session is None:
        return False
    because = "authorization code reused"
    kind = "session.code_reused"
    end_session(session, because=because, actor_id=None, now=now, kind=kind, address=redemption.address)
    return True
