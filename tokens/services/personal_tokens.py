import hashlib
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from accounts.policies import clean_text
from accounts.services.events import record_event
from accounts.services.lookup import get_person_called
from tokens import errors
from tokens.policies import personal_tokens as form
from tokens.repositories import personal_tokens

if TYPE_CHECKING:
    from tokens.models import PersonalAccessToken
    from tokens.services.credentials import Credential

LAST_USED_EVERY = timedelta(minutes=1)
MAX_TOKENS = 100


@transaction.atomic(durable=True)
def create_token(
    *, creator: "Credential", name: str, scopes: frozenset[str], expires_at: datetime | None, now: datetime
) -> "tuple[PersonalAccessToken, str]":
    """A new token and its secret, returned once.

    Raises PermissionDenied when a personal access token asks or more scopes are asked for than the creator has,
    and TooManyTokens.
    """
    if creator.token_id is not None:
        raise errors.PermissionDenied("A personal access token cannot create tokens. Sign in instead.")
    if scopes - creator.scopes:
        raise errors.PermissionDenied("A token cannot have more scopes than the sign-in that creates it.")
    if len(personal_tokens.list_tokens(creator.person.pk, now=now)) >= MAX_TOKENS:
        raise errors.TooManyTokens
    return add_token(user_id=creator.person.pk, name=name, scopes=scopes, expires_at=expires_at)


@transaction.atomic
def add_token(
    *, user_id: UUID, name: str, scopes: frozenset[str], expires_at: datetime | None, actor_id: UUID | None = None
) -> "tuple[PersonalAccessToken, str]":
    """A new token of this person, for whoever may decide it, and its secret, returned once."""
    cleaned = clean_text(name, limit=100)
    if not cleaned:
        raise errors.NamelessToken
    secret = form.add_checksum("".join(secrets.choice(form.ALPHABET) for _ in range(form.SECRET_LENGTH)))
    token = personal_tokens.build_token(
        user_id=user_id,
        name=cleaned,
        prefix=secret[: form.SHOWN_LENGTH],
        token_hash=digest(secret),
        scope=" ".join(sorted(scopes)),
        expires_at=expires_at,
    )
    personal_tokens.insert_token(token)
    detail: dict[str, object] = {"token_id": str(token.id), "name": token.name, "scopes": sorted(scopes)}
    record_event(kind="token.created", user_id=user_id, actor_id=actor_id or user_id, detail=detail)
    return token, secret


def list_tokens(*, user_id: UUID, now: datetime) -> "list[PersonalAccessToken]":
    """A person's tokens that can still be used, newest first."""
    return personal_tokens.list_tokens(user_id, now=now)


@transaction.atomic(durable=True)
def revoke_token(*, user_id: UUID, token_id: UUID, now: datetime) -> None:
    """End one of a person's own tokens at once. Raises NotFound, also for somebody else's."""
    end_token(user_id=user_id, token_id=token_id, now=now)


def end_token(*, user_id: UUID, token_id: UUID, now: datetime) -> None:
    """End a token inside the caller's transaction. Raises NotFound."""
    if not personal_tokens.revoke_token(token_id, user_id=user_id, now=now):
        raise errors.NotFound
    record_event(kind="token.revoked", user_id=user_id, actor_id=user_id, detail={"token_id": str(token_id)})


def revoke_tokens_of(*, user_id: UUID, now: datetime) -> int:
    """End all of a person's tokens inside the caller's transaction; how many."""
    return personal_tokens.revoke_tokens_of(user_id, now=now)


def find_live_token(*, text: str, now: datetime) -> "PersonalAccessToken | None":
    """The token behind a secret, with its person, in one query; None if forged, revoked or expired."""
    if not form.is_well_formed(text):
        return None
    token = personal_tokens.find_by_hash(digest(text))
    if token is None or token.revoked_at is not None or (token.expires_at and token.expires_at <= now):
        return None
    return token


def note_use(token: "PersonalAccessToken", *, now: datetime) -> None:
    """Remember that the token was used, to the minute."""
    if token.last_used_at is None or token.last_used_at < now - LAST_USED_EVERY:
        personal_tokens.note_use(token.id, before=now - LAST_USED_EVERY, now=now)


def digest(text: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(text.encode()).digest()


@transaction.atomic(durable=True)
def create_token_for(*, login_or_id: str, name: str, scopes: frozenset[str], expires_at: datetime | None) -> str:
    """A token that the staff make for somebody: its secret, returned once. Raises PersonNotFound or LoginAmbiguous."""
    person = get_person_called(login_or_id=login_or_id)
    _, secret = add_token(user_id=person.pk, name=name, scopes=scopes, expires_at=expires_at)
    return secret
