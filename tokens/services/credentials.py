from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services import people
from tokens import errors
from tokens.policies.personal_tokens import PREFIX
from tokens.repositories import sessions
from tokens.services import access_tokens, personal_tokens

if TYPE_CHECKING:
    from accounts.models import User
    from tokens.models import Session
    from tokens.services.access_tokens import Claims


@dataclass(frozen=True)
class Credential:
    """Who calls, and what that may do. A session's access token has `session_id`, a personal one `token_id`."""

    person: "User"
    client_id: str
    scopes: frozenset[str]
    session_id: UUID | None = None
    token_id: UUID | None = None
    expires_at: int | None = None
    """Seconds since 1970; None for a personal access token without an expiry."""


def get_credential(*, token: str, now: datetime) -> Credential:
    """The credential behind an access token or personal access token, with its person as of now, in one query.

    Raises NotAuthenticated, AccountPending, AccountSuspended or AccountInactive.
    """
    if token.startswith(PREFIX):
        return _personal_credential(token, now=now)
    claims = access_tokens.find_claims(token, now=now)
    session = sessions.find_session(claims.session_id) if claims else None
    if claims is None or session is None:
        raise errors.NotAuthenticated
    people.check_allowed(session.user)
    if not _is_live(session, claims, now=now):
        raise errors.NotAuthenticated
    scopes = frozenset(claims.scope.split())
    return Credential(session.user, session.client_id, scopes, session_id=session.id, expires_at=claims.expires_at)


def _personal_credential(text: str, *, now: datetime) -> Credential:
    token = personal_tokens.find_live_token(text=text, now=now)
    if token is None:
        raise errors.NotAuthenticated
    people.check_allowed(token.user)
    personal_tokens.note_use(token, now=now)
    expires_at = int(token.expires_at.timestamp()) if token.expires_at else None
    return Credential(token.user, "", frozenset(token.scope.split()), token_id=token.id, expires_at=expires_at)


def _is_live(session: "Session", claims: "Claims", *, now: datetime) -> bool:
    if session.revoked_at is not None or min(session.expires_at, session.ends_at) <= now:
        return False
    # A hand-off's access token has been in a URL: it dies with the first rotation.
    was_in_url = bool(session.handoff_challenge) and claims.generation == 0
    return not (was_in_url and session.generation > 0)
