"""What a person's change means for their sessions, inside the transaction that changes the person; refused clients."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import signals
from tokens import throttles
from tokens.authentication import begin_staff_session, end_staff_session
from tokens.services.ending_access import end_access
from tokens.services.erasure import erase_access, export_access
from tokens.signals import client_refused


@receiver(user_logged_in)
def open_session_in_the_admin(sender: object, request: HttpRequest, user: Any, **_: object) -> None:
    """Django's own session is for the admin alone; whoever signs in there, by password or GitHub, gets a row."""
    begin_staff_session(request, user.pk)


@receiver(user_logged_out)
def end_session_in_the_admin(sender: object, request: HttpRequest, user: Any, **_: object) -> None:
    """Django's session ends after this; its row ends with it."""
    if user is not None:
        end_staff_session(request, user.pk)


@receiver(client_refused)
def count_refused_client(sender: object, request: HttpRequest, **_: object) -> None:
    """A guess of a client's secret. Raises Throttled."""
    throttles.CLIENT_SECRET.count_address(request)


@receiver(signals.person_deactivated)
def end_access_of_leaver(sender: object, user_id: UUID, now: datetime, **_: object) -> None:
    end_access(user_id=user_id, because="account deactivated", with_personal_tokens=True, now=now)


@receiver(signals.person_suspended)
def end_access_of_suspended(sender: object, user_id: UUID, now: datetime, **_: object) -> None:
    end_access(user_id=user_id, because="account suspended", with_personal_tokens=True, now=now)


@receiver(signals.person_erased)
def remove_access_of_erased(sender: object, user_id: UUID, now: datetime, **_: object) -> None:
    end_access(user_id=user_id, because="account erased", with_personal_tokens=True, now=now)
    erase_access(user_id=user_id)


@receiver(signals.person_exported)
def export_access_of(sender: object, user_id: UUID, **_: object) -> dict[str, Any]:
    return export_access(user_id=user_id)
