from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.errors import PersonNotFound
from accounts.policies import describe_instant
from accounts.services.lookup import get_person
from tokens.errors import NotFound
from tokens.policies.clients import STAFF
from tokens.policies.scopes import describe_scope
from tokens.services.clients import find_client
from tokens.services.origins import describe_session, describe_token
from tokens.services.publishers import list_publishers, warnings_about

STAFF_NAME, STAFF_MAY = "the admin of Insighta", "Use the admin, as far as your role allows"


@dataclass(frozen=True)
class SecurityMail:
    """What `tokens/mail/<kind>.txt` is filled with, and for whom. The same mail has the same `message_id`."""

    recipient: str
    message_id: str
    context: dict[str, Any]


def find_mail(*, kind: str, user_id: UUID, subject_id: UUID, now: datetime) -> SecurityMail | None:
    """The mail about a token or session. None where it has ended already, or its owner has no address."""
    describe = _DESCRIBE[kind.partition("_")[0]]
    try:
        person = get_person(user_id=user_id)
        context = describe(user_id, subject_id, now=now)
    except (PersonNotFound, NotFound):
        return None
    if context is None or not person.email:
        return None
    zone = ZoneInfo(person.time_zone)
    return SecurityMail(
        recipient=person.email,
        message_id=f"<{kind}.{subject_id}@{urlsplit(settings.BACKEND_URL).hostname}>",
        context={
            "name": person.display_name or person.login,
            "login": person.login,
            "devices_url": f"{settings.PORTAL_URL}/sessions",
            **{name: _for_reader(value, zone) for name, value in context.items()},
        },
    )


def _about_token(user_id: UUID, token_id: UUID, *, now: datetime) -> dict[str, Any] | None:
    known = describe_token(user_id=user_id, token_id=token_id, now=now)
    if known.ended_at:
        return None
    token, maker = known.token, known.made_by
    return {
        "title": token.name,
        "allows": describe_scope(token.scope, is_of_application=False),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "device": maker.session.label if maker else "",
        "address": maker.address if maker else None,
        "url": f"{settings.PORTAL_URL}/tokens/{token_id}/revoke",
    }


def _about_session(user_id: UUID, session_id: UUID, *, now: datetime) -> dict[str, Any] | None:
    known = describe_session(user_id=user_id, session_id=session_id, now=now)
    if known.ended_at:
        return None
    session, client = known.session, find_client(known.session.client_id)
    is_of_application = client is not None and not client.is_built_in
    program = STAFF_NAME if session.client_id == STAFF else client.name if client else session.client_id
    allows = describe_scope(session.scope, is_of_application=is_of_application)
    title, program = (program, session.label) if is_of_application else (session.label, program)
    return {
        "title": title,
        "program": program,
        "allows": [STAFF_MAY] if session.client_id == STAFF else allows,
        "created_at": session.created_at,
        "address": known.address,
        "url": f"{settings.PORTAL_URL}/sessions/{session_id}/revoke",
    }


def _about_publisher(user_id: UUID, publisher_id: UUID, *, now: datetime) -> dict[str, Any] | None:
    publisher = next((one for one in list_publishers(user_id=user_id) if one.id == publisher_id), None)
    if publisher is None:
        return None
    return {
        "title": publisher.repository,
        "workflow": publisher.workflow,
        "environment": publisher.environment,
        "ref": publisher.ref,
        "repository_id": publisher.repository_id,
        "allows": describe_scope(publisher.scope, is_of_application=False),
        "created_at": publisher.created_at,
        "warnings": warnings_about(publisher),
        "url": f"{settings.PORTAL_URL}/tokens",
    }


_DESCRIBE = {"token": _about_token, "session": _about_session, "publisher": _about_publisher}


def _for_reader(value: Any, zone: ZoneInfo) -> Any:
    return describe_instant(value, zone=zone) if isinstance(value, datetime) else value
