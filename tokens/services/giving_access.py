from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from accounts.services import people
from tokens import errors
from tokens.policies.sessions import is_live
from tokens.repositories import sessions
from tokens.services.callers import Credential

if TYPE_CHECKING:
    from tokens.models import Session


def lock_sign_in(credential: Credential, *, now: datetime) -> "Session":
    """The sign-in behind a credential, its person locked until the caller's transaction ends.

    Ending access takes the same lock: a sign-in that has ended while this waited gives nothing. Raises PermissionDenied
    for a personal access token and an application, NotAuthenticated for a sign-in that has ended, and AccountPending,
    AccountSuspended or AccountInactive.
    """
    if credential.session_id is None:
        raise errors.PermissionDenied("A personal access token cannot give access. Sign in instead.")
    if credential.is_of_application:
        raise errors.PermissionDenied("An application cannot give access. Use the portal or the terminal instead.")
    people.lock_allowed_person(user_id=credential.person.pk)
    session = sessions.find_session(credential.session_id)
    if session is None or not is_live(session, now=now):
        raise errors.NotAuthenticated
    return session


def lock_recent_sign_in(credential: Credential, *, now: datetime) -> "Session":
    """`lock_sign_in` for what makes a credential: GitHub must have answered within `STEP_UP_SECONDS`.

    Raises StepUpRequired (RFC 9470) besides.
    """
    session = lock_sign_in(credential, now=now)
    if session.auth_time is None or session.auth_time < now - timedelta(seconds=settings.STEP_UP_SECONDS):
        raise errors.StepUpRequired(max_age=settings.STEP_UP_SECONDS)
    return session
