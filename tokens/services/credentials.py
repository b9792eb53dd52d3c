from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services import people
from tokens import errors
from tokens.repositories import sessions
from tokens.services import access_tokens

if TYPE_CHECKING:
    from accounts.models import User
    from tokens.models import Session
    from tokens.services.access_tokens import Claims


@dataclass(frozen=True)
class Credential:
    """Who calls, by what, and what that may do."""

    person: "User"
    client_id: str
    scopes: frozenset[str]
    session_id: UUID | None = None
    token_id: UUID | None = None


def get_credential(*, token: str, now: datetime) -> Credential:
    """The credential behind an access token: its signature, then its session and person as they are now, in one query.

    Raises NotAuthenticated, AccountPending, AccountSuspended or AccountInactive.
    """
    claims = access_tokens.find_claims(token, now=now)
    session = sessions.find_session(claims.session_id) if claims else None
    if claims is None or session is None:
        raise errors.NotAuthenticated
    people.check_allowed(session.user)
    if not _is_live(session, claims, now=now):
        raise errors.NotAuthenticated
    return Credential(session.user, session.client_id, frozenset(claims.scope.split()), session_id=session.id)


def _is_live(session: "Session", claims: "Claims", *, now: datetime) -> bool:
    if session.revoked_at is not None or min(session.expires_at, session.ends_at) <= now:
        return False
    # A hand-off's access token has been in a URL: it dies with the first rotation.
    was_in_url = bool(session.handoff_challenge) and claims.generation == 0
    return not (was_in_url and session.generation > 0)
