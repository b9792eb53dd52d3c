import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from uuid6 import uuid7

from accounts.services.events import has_event_from, record_event
from tokens.policies.clients import Client
from tokens.policies.networks import neighbourhood_of
from tokens.policies.refresh_tokens import SECRET_BYTES, RefreshToken, make_token
from tokens.policies.sessions import OPENED, STAFF_OPENED
from tokens.repositories import jobs, sessions
from tokens.services.access_tokens import mint_access_token

if TYPE_CHECKING:
    from accounts.models import User
    from tokens.models import Session

JOB_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True)
class TokenPair:
    """A token response (RFC 6749 §5.1). The secrets are returned once and stay out of `repr`."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    """Empty where the sign-in cannot be refreshed."""
    expires_in: int
    scope: str
    session_id: UUID
    id_token: str = field(default="", repr=False)
    issued_token_type: str = ""
    """Of a token exchange (RFC 8693 §2.2.1)."""


def open_session(
    *,
    person: "User",
    client: Client,
    scope: str,
    label: str,
    auth_time: datetime | None,
    now: datetime,
    address: str | None = None,
    handoff_challenge: str = "",
    first: RefreshToken | None = None,
    is_device: bool = False,
    publisher_id: UUID | None = None,
) -> TokenPair:
    """A new sign-in, inside the caller's transaction, of a person whom the caller has locked and found allowed.

    With a `handoff_challenge` its first tokens travel in a URL: unredeemed they die after 60 seconds. The owner gets a
    mail where `is_device` (approved by its code, RFC 8628), and where no earlier sign-in had this client and label, or
    none came from about this network. The sign-in of a job, with `publisher_id`, is as long as its one access token;
    of it nobody gets a mail.
    """
    ends_at = now + (JOB_LIFETIME if publisher_id else settings.SESSION_LIFETIME)
    # What cannot be refreshed cannot show that it is used: it lasts as long as one that is.
    idle = settings.REFRESH_TOKEN_LIFETIME if client.gives_refresh_token(scope) else settings.SESSION_LIFETIME
    if handoff_challenge:
        idle = settings.HANDOFF_LIFETIME
    first = first or _first_token()
    session = sessions.build_session(
        id=first.session_id,
        user_id=person.pk,
        client_id=client.client_id,
        label=label,
        scope=scope,
        auth_time=auth_time,
        publisher_id=publisher_id,
        last_address=address,
        current_hash=first.digest,
        handoff_challenge=handoff_challenge,
        expires_at=min(now + idle, ends_at),
        ends_at=ends_at,
    )
    mail = None if publisher_id else mail_about(session, is_device=is_device, address=address)
    sessions.insert_session(session)
    if mail:
        jobs.defer_security_mail(mail, user_id=person.pk, subject_id=session.id)
    record_event(
        kind=OPENED,
        user_id=person.pk,
        actor_id=person.pk,
        session_id=session.id,
        client_id=client.client_id,
        address=address,
        detail={"label": label, **({"publisher_id": str(publisher_id)} if publisher_id else {})},
    )
    return issue_tokens(
        first,
        user_id=person.pk,
        client_id=client.client_id,
        scope=scope,
        ends_at=session.expires_at,
        is_only_one=publisher_id is not None,
        now=now,
    )


def find_first_tokens(first: RefreshToken, *, now: datetime) -> TokenPair | None:
    """The tokens that a session was opened with, where `first` is its first token and it has rotated once at most."""
    session = sessions.find_session(first.session_id)
    if session is None or first.digest not in {bytes(session.current_hash), bytes(session.previous_hash or b"")}:
        return None
    return issue_tokens(
        first,
        user_id=session.user_id,
        client_id=session.client_id,
        scope=session.scope,
        ends_at=session.expires_at,
        now=now,
    )


def issue_tokens(
    refresh_token: RefreshToken,
    *,
    user_id: UUID,
    client_id: str,
    scope: str,
    ends_at: datetime,
    is_only_one: bool = False,
    now: datetime,
) -> TokenPair:
    """A refresh token with a fresh access token of its generation beside it."""
    access_token, expires_in = mint_access_token(
        session_id=refresh_token.session_id,
        user_id=user_id,
        client_id=client_id,
        scope=scope,
        generation=refresh_token.generation,
        now=now,
        ends_at=ends_at,
        is_only_one=is_only_one,
    )
    return TokenPair(access_token, refresh_token.text, expires_in, scope, refresh_token.session_id)


def list_sessions(*, user_id: UUID, now: datetime) -> "list[Session]":
    """A person's sessions that can still be used, newest first."""
    return sessions.list_live_sessions(user_id, now=now)


def mail_about(session: "Session", *, is_device: bool = False, address: str | None) -> str | None:
    """The kind of security mail that a session causes, before it is stored. The first of all is news to nobody."""
    if is_device:
        return "session_device_approved"
    if not sessions.has_signed_in(session.user_id):
        return None
    is_known = sessions.has_signed_in(session.user_id, client_id=session.client_id, label=session.label)
    # A label is easily the same by chance, and is what the other side says; an address is not.
    if is_known and (address is None or _has_come_from(address, user_id=session.user_id)):
        return None
    return "session_new_device"


def _has_come_from(address: str, *, user_id: UUID) -> bool:
    network = neighbourhood_of(address)
    return any(has_event_from(network=network, kind=kind, user_id=user_id) for kind in (OPENED, STAFF_OPENED))


def _first_token() -> RefreshToken:
    secret = secrets.token_bytes(SECRET_BYTES)
    return make_token(session_id=uuid7(), generation=0, secret=secret, key=settings.TOKEN_KEYS[0])
