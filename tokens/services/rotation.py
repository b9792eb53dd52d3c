import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.errors import AccountsError
from accounts.services import people
from tokens import errors, signals
from tokens.policies import rotation
from tokens.policies.clients import Client
from tokens.policies.refresh_tokens import RefreshToken, make_successor
from tokens.policies.scopes import KNOWN_SCOPES, parse_scope
from tokens.repositories import sessions
from tokens.services.clients import retry_window_seconds
from tokens.services.ending_access import end_session
from tokens.services.id_tokens import add_id_token, subject_of
from tokens.services.sessions import TokenPair, issue_tokens

if TYPE_CHECKING:
    from tokens.models import Session

NONCE_BYTES = 32
_COPIED = "the session was ended because it was used from two places: somebody may hold a copy, sign in again"
_UNKNOWN = "the refresh token is unknown, sign in again"


@dataclass(frozen=True)
class Refresh:
    """One refresh request of an authenticated client."""

    client: Client
    presented: RefreshToken
    retry_key: str
    challenge: str
    scope: str
    address: str | None


def rotate_session(
    *,
    client: Client,
    presented: RefreshToken | None,
    retry_key: str,
    challenge: str,
    scope: str = "",
    address: str | None,
    now: datetime,
) -> TokenPair:
    """Exchange a refresh token for its one successor (RFC 6749 §6, RFC 9700 §4.14.2).

    The successful path is one statement and its own transaction. `presented` is None for a token that this service
    has not made, `retry_key` the Idempotency-Key or empty, `challenge` the S256 of the `code_verifier` or empty.
    `scope` narrows the access token; empty leaves it as wide as the session. Raises InvalidGrant, InvalidScope, and
    AccountPending, AccountSuspended or AccountInactive; a replay has revoked the session before it raises.
    """
    try:
        if presented is None:
            raise errors.InvalidGrant(_UNKNOWN)
        refresh = Refresh(client, presented, retry_key, challenge, _narrowed(scope), address)
        return _rotate(refresh, now=now) or _answer_unrotated(refresh, now=now)
    except (errors.InvalidGrant, errors.InvalidScope, AccountsError) as error:
        _announce_refusal(error, client, presented)
        raise


def _narrowed(scope: str) -> str:
    """The scopes asked for in their fixed order (RFC 6749 §6); empty for none. Raises InvalidScope."""
    scopes = parse_scope(scope, allowed=KNOWN_SCOPES)
    if scopes is None:
        raise errors.InvalidScope
    return " ".join(scopes) if scope.split() else ""


def _announce_refusal(error: errors.TokensError | AccountsError, client: Client, token: RefreshToken | None) -> None:
    cause = error.code if isinstance(error, AccountsError) else str(error)
    signals.refresh_answered.send(
        None,
        outcome="replayed" if cause in rotation.REPLAYS else "refused",
        cause=cause,
        client_id=client.client_id,
        session_id=token.session_id if token else None,
    )


def _announce_answer(outcome: str, refresh: Refresh, *, user_id: UUID) -> None:
    session_id = refresh.presented.session_id
    client_id = refresh.client.client_id
    signals.refresh_answered.send(None, outcome=outcome, client_id=client_id, session_id=session_id, user_id=user_id)


def _rotate(refresh: Refresh, *, now: datetime) -> TokenPair | None:
    nonce = secrets.token_bytes(NONCE_BYTES)
    presented, key = refresh.presented, settings.TOKEN_KEYS[0]
    successor = make_successor(presented, nonce=nonce, retry_key=refresh.retry_key, key=key)
    rotated = sessions.rotate(
        sessions.Rotation(
            session_id=presented.session_id,
            client_id=refresh.client.client_id,
            presented_hash=presented.digest,
            new_hash=successor.digest,
            nonce=nonce,
            retry_key_hash=rotation.hash_retry_key(refresh.retry_key),
            challenge=refresh.challenge,
            scope=refresh.scope,
            address=refresh.address,
            expires_at=now + settings.REFRESH_TOKEN_LIFETIME,
            now=now,
        )
    )
    if rotated is None:
        return None
    _announce_answer("rotated", refresh, user_id=rotated.user_id)
    pair = issue_tokens(
        successor,
        user_id=rotated.user_id,
        client_id=refresh.client.client_id,
        scope=refresh.scope or rotated.scope,
        ends_at=rotated.ends_at,
        now=now,
    )
    if rotated.subject is None:
        return pair
    return add_id_token(pair, client=refresh.client, subject=rotated.subject, auth_time=rotated.auth_time, now=now)


def _answer_unrotated(refresh: Refresh, *, now: datetime) -> TokenPair:
    """Judge a refresh whose compare-and-swap matched no row, by the database's clock, which wrote `rotated_at`."""
    found = sessions.find_session_to_judge(refresh.presented.session_id)
    if found is None or found[0].client_id != refresh.client.client_id:
        raise errors.InvalidGrant(_UNKNOWN)
    session, judged_at = found
    if session.client_is_disabled:
        raise errors.InvalidGrant(rotation.Refusal.ENDED.value)
    if set(refresh.scope.split()) - set(session.scope.split()):
        raise errors.InvalidScope("The sign-in has not been given every scope that was asked for.")
    refused = _judge(session, refresh, now=judged_at)
    if refused in rotation.REPLAYS:
        _revoke_replayed(session, refresh, refused=refused, now=now)
    if refused in {None, rotation.Refusal.EXPIRED, rotation.Refusal.ENDED}:
        people.check_allowed(session.user)
    if refused is rotation.Refusal.ENDED and session.revoked_because in rotation.REPLAYS:
        raise errors.InvalidGrant(_COPIED)
    if refused is not None:
        raise errors.InvalidGrant(refused.value)
    return _answer_retry(session, refresh, now=now)


def _judge(session: "Session", refresh: Refresh, *, now: datetime) -> rotation.Refusal | None:
    seconds = retry_window_seconds(refresh.client, is_keyed=bool(refresh.retry_key))
    return rotation.judge(
        sessions.family_of(session),
        refresh.presented,
        retry_key=refresh.retry_key,
        challenge=refresh.challenge,
        window=timedelta(seconds=seconds),
        now=now,
    )


@transaction.atomic(durable=True)
def _revoke_replayed(session: "Session", refresh: Refresh, *, refused: rotation.Refusal, now: datetime) -> None:
    # Committed before the refusal is raised: raising inside would roll the revocation back.
    end_session(
        session,
        because=refused.value,
        actor_id=None,
        now=now,
        kind="session.replayed",
        address=refresh.address,
        cause=refused.value,
        generation=refresh.presented.generation,
    )


def _answer_retry(session: "Session", refresh: Refresh, *, now: datetime) -> TokenPair:
    """The same successor again, made with whichever key the rotation used."""
    nonce, current = bytes(session.rotation_nonce or b""), bytes(session.current_hash)
    for key in settings.TOKEN_KEYS:
        successor = make_successor(refresh.presented, nonce=nonce, retry_key=refresh.retry_key, key=key)
        if secrets.compare_digest(successor.digest, current):
            _announce_answer("retried", refresh, user_id=session.user_id)
            pair = issue_tokens(
                successor,
                user_id=session.user_id,
                client_id=session.client_id,
                scope=refresh.scope or session.scope,
                ends_at=session.ends_at,
                now=now,
            )
            subject = subject_of(session.user)
            return add_id_token(pair, client=refresh.client, subject=subject, auth_time=session.auth_time, now=now)
    raise errors.InvalidGrant("the answer can no longer be given again, sign in again")
