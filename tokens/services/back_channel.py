"""Logout tokens (OpenID Connect Back-Channel Logout 1.0): an application learns that one of its sign-ins has ended."""

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from cachetools import TTLCache
from django.conf import settings
from django.db import transaction
from uuid6 import uuid7

from accounts.services.events import record_event
from tokens import errors
from tokens.repositories import applications
from tokens.services import signing_keys
from tokens.services.outgoing import Unreachable, send_request

if TYPE_CHECKING:
    from tokens.models import Application

TYPE = "logout+jwt"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFETIME_SECONDS = 120
# Tries of one logout: with the backoff of the job, about a day.
ATTEMPTS = 40
_DELIVERED = frozenset({200, 204})

# Applications that did not answer just now: their next logouts wait without a request, so that the worker goes on.
_silent: TTLCache[str, str] = TTLCache(maxsize=1_000, ttl=30)
_silent_lock = threading.Lock()


@dataclass(frozen=True)
class Ended:
    """A sign-in that has ended. Its row may be gone."""

    client_id: str
    user_id: UUID
    session_id: UUID


def send_logout(ended: Ended, *, attempt: int, now: datetime) -> None:
    """Tell the application, outside any transaction: it may call us before it answers. `attempt` counts from 1.

    Raises LogoutNotDelivered where it is to be tried again, and LogoutRefused where it is not.
    """
    application = applications.find_application(ended.client_id)
    if application is None or not application.backchannel_logout_uri:
        return
    answered = _post(application, ended, now=now)
    if answered in _DELIVERED:
        _record("delivered", ended, status=answered, attempts=attempt)
        return
    # 429 and 5xx may pass; for anything else the application has made up its mind, or is not there.
    may_pass = isinstance(answered, str) or answered == 429 or answered >= 500
    if may_pass and attempt < ATTEMPTS:
        raise errors.LogoutNotDelivered(f"{ended.client_id} did not take a logout: {answered}")
    _record("failed", ended, status=answered, attempts=attempt)
    raise errors.LogoutRefused(f"{ended.client_id} was not told of a logout: {answered}")


def _post(application: "Application", ended: Ended, *, now: datetime) -> int | str:
    """The status of the answer, or the kind of failure."""
    with _silent_lock:
        silence = _silent.get(ended.client_id)
    if silence is not None:
        return silence
    token = make_logout_token(ended, algorithm=application.id_token_algorithm, now=now)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        return send_request(
            url=application.backchannel_logout_uri,
            method="POST",
            limit=0,
            networks=settings.BACKCHANNEL_NETWORKS,
            body=urlencode({"logout_token": token}),
            headers=headers,
        ).status
    except Unreachable as error:
        with _silent_lock:
            _silent[ended.client_id] = str(error)
        return str(error)


def make_logout_token(ended: Ended, *, algorithm: str, now: datetime) -> str:
    """§2.4, for this one try: applications refuse a `jti` that they have seen, and an old token."""
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": settings.BACKEND_URL,
        "aud": ended.client_id,
        "iat": issued_at,
        "exp": issued_at + LIFETIME_SECONDS,
        "jti": uuid7().hex,
        "sub": str(ended.user_id),
        "sid": str(ended.session_id),
        "events": {EVENT: {}},
    }
    return signing_keys.sign(claims=claims, typ=TYPE, now=now, algorithm=algorithm)


@transaction.atomic(durable=True)
def _record(what: str, ended: Ended, **detail: object) -> None:
    record_event(
        kind=f"application.logout_{what}",
        user_id=ended.user_id,
        session_id=ended.session_id,
        client_id=ended.client_id,
        detail=detail,
    )
