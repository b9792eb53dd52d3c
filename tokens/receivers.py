"""What a person's change means for their sessions: it happens inside the transaction that changes the person."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.dispatch import receiver

from accounts import signals
from tokens.services.erasure import erase_access, export_access
from tokens.services.personal_tokens import revoke_tokens_of
from tokens.services.sessions import revoke_sessions_of


@receiver(signals.person_deactivated)
def end_access_of_leaver(sender: object, user_id: UUID, now: datetime, **_: object) -> None:
    revoke_tokens_of(user_id=user_id, now=now)
    revoke_sessions_of(user_id=user_id, because="account deactivated", now=now)


@receiver(signals.person_suspended)
def end_sessions_of_suspended(sender: object, user_id: UUID, now: datetime, **_: object) -> None:
    revoke_sessions_of(user_id=user_id, because="account suspended", now=now)


@receiver(signals.person_erased)
def remove_access_of_erased(sender: object, user_id: UUID, **_: object) -> None:
    erase_access(user_id=user_id)


@receiver(signals.person_exported)
def export_access_of(sender: object, user_id: UUID, **_: object) -> dict[str, Any]:
    return export_access(user_id=user_id)
