from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.policies import clean_text, digest
from accounts.services import people
from accounts.services.events import record_event
from accounts.services.lookup import get_person_called
from tokens import errors
from tokens.policies.personal_tokens import SHOWN_LENGTH, latest_end, make_keyed_secret, make_secret, say_latest_end
from tokens.repositories import jobs, personal_tokens
from tokens.services.callers import Credential
from tokens.services.giving_access import lock_recent_sign_in

if TYPE_CHECKING:
    from tokens.models import PersonalAccessToken

MAX_TOKENS = 100


@transaction.atomic(durable=True)
def create_token(
    *,
    creator: Credential,
    name: str,
    scopes: frozenset[str],
    expires_at: datetime | None,
    now: datetime,
    idempotency_key: str = "",
) -> "tuple[PersonalAccessToken, str]":
    """A new token and its secret. The same key, name and scopes of the same sign-in give the same token again.

    Raises PermissionDenied when a personal access token asks or more scopes are asked for than the creator has,
    TokenMadeBefore where that token was revoked, TooManyTokens, StepUpRequired, and NotAuthenticated for a sign-in
    that has ended.
    """
    session = lock_recent_sign_in(creator, now=now)
    secret = make_secret()
    if idempotency_key:
        parts = (str(session.id), idempotency_key, name, *sorted(scopes))
        secret = make_keyed_secret(*parts, key=settings.TOKEN_KEYS[0])
        if made := personal_tokens.find_by_hash(digest(secret)):
            if made.revoked_at is not None:
                raise errors.TokenMadeBefore
            return made, secret
    if scopes - creator.scopes:
        raise errors.PermissionDenied("A token cannot have more scopes than the sign-in that creates it.")
    if len(personal_tokens.list_tokens(creator.person.pk, now=now)) >= MAX_TOKENS:
        raise errors.TooManyTokens
    return add_token(
        user_id=creator.person.pk,
        name=name,
        scopes=scopes,
        expires_at=expires_at,
        session_id=creator.session_id,
        secret=secret,
        now=now,
    )


@transaction.atomic
def add_token(
    *,
    user_id: UUID,
    name: str,
    scopes: frozenset[str],
    expires_at: datetime | None,
    now: datetime,
    session_id: UUID | None = None,
    secret: str = "",
) -> "tuple[PersonalAccessToken, str]":
    """A new token of this person, for whoever may decide it, and its secret, returned once. Its owner gets a mail.

    `session_id` is the sign-in that makes it. Without `expires_at` it ends on the last day that a token may have.
    Raises NamelessToken and ExpiryTooFar.
    """
    last = latest_end(now=now, days=settings.PERSONAL_TOKEN_DAYS)
    if expires_at is not None and expires_at > last:
        raise errors.ExpiryTooFar(say_latest_end(last))
    cleaned = clean_text(name, limit=100)
    if not cleaned:
        raise errors.NamelessToken
    secret = secret or make_secret()
    token = personal_tokens.build_token(
        user_id=user_id,
        name=cleaned,
        prefix=secret[:SHOWN_LENGTH],
        token_hash=digest(secret),
        scope=" ".join(sorted(scopes)),
        expires_at=expires_at or last,
    )
    personal_tokens.insert_token(token)
    jobs.defer_security_mail("token_created", user_id=user_id, subject_id=token.id)
    detail = {"token_id": str(token.id), "name": token.name, "scopes": sorted(scopes)}
    record_event(kind="token.created", user_id=user_id, actor_id=user_id, session_id=session_id, detail=detail)
    return token, secret


def list_tokens(*, user_id: UUID, now: datetime) -> "list[PersonalAccessToken]":
    """A person's tokens that can still be used, newest first."""
    return personal_tokens.list_tokens(user_id, now=now)


@transaction.atomic(durable=True)
def revoke_token(*, user_id: UUID, token_id: UUID, now: datetime) -> None:
    """End one of a person's own tokens at once. Raises NotFound, also for somebody else's."""
    if not end_token(user_id=user_id, token_id=token_id, actor_id=user_id, now=now):
        raise errors.NotFound


@transaction.atomic
def end_token(*, user_id: UUID, token_id: UUID, actor_id: UUID, now: datetime) -> bool:
    """End a token, whoever asks; false where this person has no such token that is still live."""
    if not personal_tokens.revoke_token(token_id, user_id=user_id, now=now):
        return False
    record_event(kind="token.revoked", user_id=user_id, actor_id=actor_id, detail={"token_id": str(token_id)})
    return True


def revoke_tokens_of(*, user_id: UUID, now: datetime) -> int:
    """End all of a person's tokens inside the caller's transaction; how many."""
    return personal_tokens.revoke_tokens_of(user_id, now=now)


@transaction.atomic(durable=True)
def create_token_for(
    *, login_or_id: str, name: str, scopes: frozenset[str], expires_at: datetime | None, now: datetime
) -> str:
    """A token that the staff make for somebody: its secret, returned once.

    Raises PersonNotFound or LoginAmbiguous, AccountPending, AccountSuspended or AccountInactive, and what `add_token`
    raises.
    """
    person = people.lock_allowed_person(user_id=get_person_called(login_or_id=login_or_id).pk)
    _, secret = add_token(user_id=person.pk, name=name, scopes=scopes, expires_at=expires_at, now=now)
    return secret


@transaction.atomic(durable=True)
def end_endless_tokens(*, now: datetime, limit: int) -> int:
    """Give up to `limit` tokens of an earlier release, which have no end, the last day that a new one may have."""
    last = latest_end(now=now, days=settings.PERSONAL_TOKEN_DAYS)
    ended = personal_tokens.end_endless_tokens(expires_at=last, limit=limit)
    for token_id, user_id in ended:
        jobs.defer_security_mail("token_end_set", user_id=user_id, subject_id=token_id)
    return len(ended)
