from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Subquery

from tokens.models import Session, TrustedPublisher, UsedJobToken


def build_publisher(**columns: object) -> TrustedPublisher:
    """A publisher that is not stored yet."""
    return TrustedPublisher(**columns)


def insert_publisher(publisher: TrustedPublisher) -> None:
    publisher.save(force_insert=True)
    publisher.refresh_from_db(fields=["created_at"])


def find_publisher(publisher_id: UUID) -> TrustedPublisher | None:
    """The publisher with its person, in one query."""
    return TrustedPublisher.objects.select_related("user").filter(id=publisher_id).first()


def list_publishers(user_id: UUID) -> list[TrustedPublisher]:
    """A person's publishers with that person and with `last_address`, of the newest job, newest first."""
    jobs = Session.objects.filter(user_id=user_id, publisher_id=OuterRef("id")).order_by("-id")
    found = TrustedPublisher.objects.select_related("user").filter(user_id=user_id)
    return list(found.annotate(last_address=Subquery(jobs.values("last_address")[:1])).order_by("-id"))


def list_publishers_of_owner(github_id: int, *, issuer: str) -> list[TrustedPublisher]:
    """Those for repositories of this GitHub account that the person with this account has set up."""
    found = TrustedPublisher.objects.select_related("user").filter(repository_owner_id=github_id, issuer=issuer)
    return list(found.filter(user__github_id=github_id))


def note_use(publisher: TrustedPublisher, *, repository: str, repository_id: int, now: datetime) -> None:
    """Write when it was used, the repository's id and what that is called now."""
    TrustedPublisher.objects.filter(id=publisher.id).update(
        repository=repository, repository_id=repository_id, last_used_at=now
    )


def remove_publisher(publisher_id: UUID, *, user_id: UUID) -> bool:
    return bool(TrustedPublisher.objects.filter(id=publisher_id, user_id=user_id).delete()[0])


def remove_publishers_of(user_id: UUID) -> int:
    """Remove all of a person's; how many."""
    return TrustedPublisher.objects.filter(user_id=user_id).delete()[0]


def use_token(token_hash: bytes, *, expires_at: datetime) -> bool:
    """Whether this is the first use of an ID token. Another's transaction that uses it is waited for."""
    used = UsedJobToken(token_hash=token_hash, expires_at=expires_at)
    UsedJobToken.objects.bulk_create([used], ignore_conflicts=True)
    return UsedJobToken.objects.filter(id=used.id).exists()
