"""Sign-out that an application begins (OpenID Connect RP-Initiated Logout 1.0)."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from tokens import errors
from tokens.policies.clients import Client
from tokens.repositories import sessions
from tokens.services.clients import find_client
from tokens.services.ending_access import sign_out
from tokens.services.id_tokens import find_hint

BECAUSE = "signed out by the application"


@dataclass(frozen=True)
class SignedOut:
    """Whether a sign-in was named and has ended, in which application, and where the browser goes; empty for a page."""

    is_ended: bool
    client: Client | None
    redirect_to: str = ""


def sign_out_of_application(*, hint: str, client_id: str, redirect_uri: str, state: str, now: datetime) -> SignedOut:
    """End the sign-in that the hint names, and no other; without a valid hint nothing ends.

    The hint may have expired, and its sign-in may have ended. Raises InvalidRequest for a hint of another application
    than `client_id`, and UnknownRedirectUri for an address that is not registered: pages, never redirects.
    """
    told = find_hint(hint, now=now) if hint else None
    if told is None:
        return SignedOut(is_ended=False, client=None)
    if client_id and client_id != told.client_id:
        raise errors.InvalidRequest("The id_token_hint was issued to another application.")
    client = find_client(told.client_id)
    if redirect_uri and (client is None or redirect_uri not in client.post_logout_redirect_uris):
        raise errors.UnknownRedirectUri
    session = sessions.find_session(told.session_id)
    if session is not None and (session.user_id, session.client_id) == (told.user_id, told.client_id):
        sign_out(session_id=session.id, because=BECAUSE, now=now)
    return SignedOut(is_ended=True, client=client, redirect_to=_with_state(redirect_uri, state))


def _with_state(redirect_uri: str, state: str) -> str:
    if not redirect_uri or not state:
        return redirect_uri
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode({'state': state})}"
