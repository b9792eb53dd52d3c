"""A CI job's own identity in the place of a stored sign-in: exchanged for a token of 15 minutes (RFC 8693)."""

from __future__ import annotations

import os

from .credentials import CredentialStore
from .errors import BackendUnreachable, GrantRefused, SignInNeeded, UnexpectedAnswer
from .settings import Settings

REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
PERMISSION = "In GitHub Actions, give the job an identity: permissions: id-token: write"

# One exchange for each run of the command: an identity is good for one.
_exchanged: dict[str, str] = {}


def is_in_actions() -> bool:
    """Whether this runs in a job of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def uses_job(settings: Settings) -> bool:
    """Whether a job's identity is used: it has one, and neither a token nor a stored sign-in is meant instead."""
    has_identity = is_in_actions() and os.environ.get(REQUEST_URL) and os.environ.get(REQUEST_TOKEN)
    if not has_identity or settings.token or settings.account:
        return False
    return CredentialStore(settings.home).find_account(settings.api, None) is None


def get_job_token(settings: Settings, *, renew: bool = False) -> str:
    """An access token for this job. Raises SignInNeeded, BackendUnreachable, UnexpectedAnswer."""
    if renew or settings.api not in _exchanged:
        _exchanged[settings.api] = _exchange(settings.api)
    return _exchanged[settings.api]


def _exchange(api: str) -> str:
    from . import oauth

    try:
        return oauth.exchange_job_token(
            api, subject_token=_ask_identity(api), publisher=os.environ.get("INSIGHTA_PUBLISHER", "").strip()
        )
    except GrantRefused as refusal:
        raise SignInNeeded(
            f"{api} does not accept this job: {refusal.sentence}.",
            "Add a trusted publisher that means it: insighta publishers add OWNER/NAME FILE.yml\n"
            "Where an organisation owns the repository, set INSIGHTA_PUBLISHER to the publisher's id.",
        ) from None


def _ask_identity(api: str) -> str:
    """The job's ID token, with the backend as its audience."""
    from urllib.parse import quote

    from .transport import send

    url = os.environ[REQUEST_URL]
    headers = {"Authorization": f"Bearer {os.environ[REQUEST_TOKEN]}"}
    try:
        answer = send("GET", url, f"&audience={quote(api, safe='')}", headers=headers)
    except BackendUnreachable as error:
        raise BackendUnreachable("GitHub Actions cannot be asked for the job's identity.", error.advice) from error
    identity = answer.read_object().get("value")
    if answer.status != 200 or not isinstance(identity, str):
        raise UnexpectedAnswer(f"GitHub Actions gave the job no identity (status {answer.status}).", PERMISSION)
    return identity
