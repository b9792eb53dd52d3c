from datetime import datetime

from django.conf import settings
from django.db import transaction

from tokens import errors
from tokens.policies.clients import Client
from tokens.policies.personal_tokens import PREFIX
from tokens.policies.refresh_tokens import read_token
from tokens.repositories import sessions
from tokens.services import access_tokens, personal_tokens
from tokens.services.credentials import find_personal_token, is_usable
from tokens.services.ending_access import sign_out


def revoke_token(*, client: Client, token: str, now: datetime) -> None:
    """RFC 7009: any refresh token of a session, current or past, or its access token, ends the session.

    A personal access token ends too, for any client: whoever holds it may give it up.

    An unknown token is no error (§2.2). Raises InvalidGrant for a token of another client (§2.1).
    """
    if token.startswith(PREFIX):
        _revoke_personal(token, now=now)
        return
    refresh_token = read_token(token, keys=settings.TOKEN_KEYS)
    claims = None if refresh_token else access_tokens.find_claims(token, now=now, allow_expired=True)
    known = refresh_token or claims
    session = sessions.find_session(known.session_id) if known else None
    if session is None:
        return
    if session.client_id != client.client_id:
        raise errors.InvalidGrant("the token was issued to another client")
    sign_out(session_id=session.id, because="signed out", now=now)


@transaction.atomic(durable=True)
def _revoke_personal(text: str, *, now: datetime) -> None:
    token = find_personal_token(text=text)
    if token is not None and is_usable(token, now=now):
        personal_tokens.end_token(user_id=token.user_id, token_id=token.id, actor_id=token.user_id, now=now)
