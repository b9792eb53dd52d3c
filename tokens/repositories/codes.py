from datetime import datetime
from uuid import UUID

from tokens.models import AuthorizationCode


def insert_code(code: AuthorizationCode) -> None:
    code.save(force_insert=True)


def find_code(code_hash: bytes) -> AuthorizationCode | None:
    return AuthorizationCode.objects.select_related("user").filter(code_hash=code_hash).first()


def redeem_code(code_id: UUID, *, now: datetime) -> bool:
    """Mark the code used; true for the one caller that did. Others wait for that caller's transaction."""
    unused = AuthorizationCode.objects.filter(id=code_id, redeemed_at=None, expires_at__gt=now)
    return bool(unused.update(redeemed_at=now))


def attach_session(code_id: UUID, session_id: UUID) -> None:
    AuthorizationCode.objects.filter(id=code_id).update(session_id=session_id)


def find_session_id(code_id: UUID) -> UUID | None:
    """The session that this code's redemption gave, if it has been redeemed."""
    return AuthorizationCode.objects.filter(id=code_id).values_list("session_id", flat=True).first()


def void_codes_of(user_id: UUID, *, now: datetime, client_id: str | None = None) -> int:
    """Use up a person's codes that nobody has redeemed, of one client where it is given; how many."""
    unused = AuthorizationCode.objects.filter(user_id=user_id, redeemed_at=None)
    if client_id is not None:
        unused = unused.filter(client_id=client_id)
    return unused.update(redeemed_at=now)


def build_code(**columns: object) -> AuthorizationCode:
    """A code that is not stored yet."""
    return AuthorizationCode(**columns)
