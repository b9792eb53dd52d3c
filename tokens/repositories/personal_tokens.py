from datetime import datetime
from uuid import UUID

from django.db.models import Q

from tokens.models import PersonalAccessToken


def build_token(**columns: object) -> PersonalAccessToken:
    """A token that is not stored yet."""
    return PersonalAccessToken(**columns)


def insert_token(token: PersonalAccessToken) -> None:
    token.save(force_insert=True)
    token.refresh_from_db(fields=["created_at"])


def find_by_hash(token_hash: bytes) -> PersonalAccessToken | None:
    """The token with its person, in one query."""
    return PersonalAccessToken.objects.select_related("user").filter(token_hash=token_hash).first()


def find_token(token_id: UUID) -> PersonalAccessToken | None:
    return PersonalAccessToken.objects.filter(id=token_id).first()


def list_tokens(user_id: UUID, *, now: datetime) -> list[PersonalAccessToken]:
    """A person's tokens that can still be used, newest first."""
    live = PersonalAccessToken.objects.filter(_is_unexpired(now), user_id=user_id, revoked_at=None)
    return list(live.order_by("-id"))


def _is_unexpired(now: datetime) -> Q:
    return Q(expires_at=None) | Q(expires_at__gt=now)


def revoke_token(token_id: UUID, *, user_id: UUID, now: datetime) -> bool:
    """End one token of this person; true for the call that ended it."""
    live = PersonalAccessToken.objects.filter(id=token_id, user_id=user_id, revoked_at=None)
    return bool(live.update(revoked_at=now))


def revoke_tokens_of(user_id: UUID, *, now: datetime) -> int:
    """End every token of a person; how many of them could still be used."""
    ended = PersonalAccessToken.objects.filter(user_id=user_id, revoked_at=None)
    usable = ended.filter(_is_unexpired(now)).count()
    ended.update(revoked_at=now)
    return usable


def end_endless_tokens(*, expires_at: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """Set the end of up to `limit` live tokens that have none; their ids with those of their owners."""
    endless = PersonalAccessToken.objects.filter(expires_at=None, revoked_at=None)
    found = list(endless.select_for_update(skip_locked=True).values_list("id", "user_id")[:limit])
    endless.filter(id__in=[token_id for token_id, _ in found]).update(expires_at=expires_at)
    return found


def note_use(token_id: UUID, *, before: datetime, now: datetime, address: str | None) -> None:
    """Write when and from where the token was used last, unless that was written after `before`."""
    stale = Q(last_used_at=None) | Q(last_used_at__lt=before)
    PersonalAccessToken.objects.filter(stale, id=token_id).update(last_used_at=now, last_address=address)
