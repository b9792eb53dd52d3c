"""What people have allowed applications, and its withdrawal."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from accounts.services import people
from accounts.services.events import record_event
from tokens import errors
from tokens.policies.scopes import KNOWN_SCOPES
from tokens.repositories import codes, consents, sessions
from tokens.services.ending_access import end_session

if TYPE_CHECKING:
    from tokens.repositories.consents import UsedApplication

WITHDRAWN = "withdrawn by the person"


def is_remembered(*, user_id: UUID, client_id: str, scope: str, redirect_uri: str) -> bool:
    """Whether a person has allowed an application these scopes before.

    Never for a redirect URI on loopback, where another program may answer in the application's name (RFC 8252 §8.6).
    """
    if not redirect_uri.startswith("https://"):
        return False
    consent = consents.find_consent(user_id, client_id)
    return consent is not None and set(scope.split()) <= set(consent.scope.split())


def note_consent(*, user_id: UUID, client_id: str, scope: str, now: datetime) -> None:
    """Remember what a person allows, inside the caller's transaction, which has locked the person."""
    consent = consents.find_consent(user_id, client_id)
    allowed = {*scope.split(), *(consent.scope.split() if consent else ())}
    scope = " ".join(name for name in KNOWN_SCOPES if name in allowed)
    consents.note_consent(user_id, client_id, scope=scope, now=now)


def list_applications(*, user_id: UUID) -> "list[UsedApplication]":
    """The applications that a person has allowed and not withdrawn, newest first."""
    return consents.list_used_applications(user_id)


@transaction.atomic(durable=True)
def withdraw_application(*, user_id: UUID, client_id: str, now: datetime) -> None:
    """Forget what a person has allowed an application; its sign-ins and unredeemed codes end. Raises NotFound."""
    people.lock_person(user_id=user_id)
    if not consents.remove_consent(user_id, client_id):
        raise errors.NotFound
    codes.void_codes_of(user_id, client_id=client_id, now=now)
    for session in sessions.list_sessions_in(user_id, client_id=client_id):
        end_session(session, because=WITHDRAWN, actor_id=user_id, now=now)
    record_event(kind="application.withdrawn", user_id=user_id, actor_id=user_id, client_id=client_id)
