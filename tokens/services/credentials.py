from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from accounts.policies import digest
from accounts.services import people
from tokens import errors
from tokens.policies.personal_tokens import PREFIX, is_well_formed
from tokens.policies.sessions import is_live
from tokens.repositories import personal_tokens, sessions
from tokens.services.access_tokens import Claims, find_claims
from tokens.services.callers import Credential

if TYPE_CHECKING:
    from tokens.models import PersonalAccessToken, Session

LAST_USED_EVERY = timedelta(minutes=1)


def get_credential(*, token: str, now: datetime, address: str | None = None) -> Credential:
    """The credential behind an access token or personal access token, with its person as of now, in one query.

    `address` is noted as the one that a personal access token was used from last. Raises NotAuthenticated,
    AccountPending, AccountSuspended or AccountInactive.
    """
    if token.startswith(PREFIX):
        return _personal_credential(token, now=now, address=address)
    claims = find_claims(token, now=now)
    session = sessions.find_session(claims.session_id) if claims else None
    if claims is None or session is None:
        raise errors.NotAuthenticated
    people.check_allowed(session.user)
    if not _accepts(session, claims, now=now):
        raise errors.NotAuthenticated
    return Credential(
        session.user,
        session.client_id,
        frozenset(claims.scope.split()),
        session_id=session.id,
        expires_at=claims.expires_at,
        auth_time=session.auth_time,
    )


def find_personal_token(*, text: str) -> "PersonalAccessToken | None":
    """The personal access token with its person, in one query, revoked or expired ones included; None if forged."""
    return personal_tokens.find_by_hash(digest(text)) if is_well_formed(text) else None


def is_usable(token: "PersonalAccessToken", *, now: datetime) -> bool:
    """Whether a personal access token is neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def _personal_credential(text: str, *, now: datetime, address: str | None) -> Credential:
    token = find_personal_token(text=text)
    if token is None:
        raise errors.NotAuthenticated
    people.check_allowed(token.user)
    if not is_usable(token, now=now):
        raise errors.NotAuthenticated
    if token.last_used_at is None or token.last_used_at < now - LAST_USED_EVERY:
        personal_tokens.note_use(token.id, before=now - LAST_USED_EVERY, now=now, address=address)
    expires_at = int(token.expires_at.timestamp()) if token.expires_at else None
    return Credential(token.user, "", frozenset(token.scope.split()), token_id=token.id, expires_at=expires_at)


def _accepts(session: "Session", claims: Claims, *, now: datetime) -> bool:
    # A hand-off's access token has been in a URL: whoever saw it could make something lasting of it.
    was_in_url = bool(session.handoff_challenge) and claims.generation == 0
    return not was_in_url and not session.client_is_disabled and is_live(session, now=now)
