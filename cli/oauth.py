"""The backend's OAuth endpoints, as the public client `insighta-cli` uses them."""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from .errors import GrantRefused, UnexpectedAnswer
from .settings import suggest_address
from .times import format_instant, read_now
from .transport import TIMEOUT_SECONDS, Answer, send

CLIENT_ID = "insighta-cli"
LONGEST_DEVICE_SECONDS = 3600
LONGEST_INTERVAL_SECONDS = 60
EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105  # a URN, not a password
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Grant(NamedTuple):
    """A token response. The expiry is this machine's clock plus the lifetime: a wrong but steady clock does no harm."""

    access_token: str
    access_token_expires_at: datetime
    refresh_token: str

    def as_fields(self) -> dict[str, str | None]:
        """What the credentials file keeps of it."""
        return {
            "access_token": self.access_token,
            "access_token_expires_at": format_instant(self.access_token_expires_at),
            "refresh_token": self.refresh_token,
            "retry_key": None,
        }


class DeviceRequest(NamedTuple):
    """RFC 8628 section 3.2; `expires_in` and `interval` are seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class Verifier(NamedTuple):
    """RFC 7636: the verifier stays in memory, its S256 challenge goes through the browser."""

    verifier: str
    challenge: str


def make_verifier() -> Verifier:
    """A new one for one sign-in."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return Verifier(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode())


def make_retry_key() -> str:
    """43 random characters for `Idempotency-Key`."""
    return secrets.token_urlsafe(32)


def read_issuer(api: str) -> str:
    """The backend's name for itself (RFC 8414). Raises BackendUnreachable, UnexpectedAnswer."""
    answer = send("GET", api, "/.well-known/oauth-authorization-server")
    issuer = answer.read_object().get("issuer")
    if answer.status == 200 and issuer == api:
        return api
    if answer.status == 200 and isinstance(issuer, str):
        raise UnexpectedAnswer(
            f"The backend at {api} calls itself {issuer}.", f"Use its own name. {suggest_address(issuer)}"
        )
    raise UnexpectedAnswer(f"{api} is not an Insighta backend.", "Check INSIGHTA_API.")


def make_authorize_url(
    api: str, *, redirect_uri: str, state: str, challenge: str, device_label: str, prompt: str = ""
) -> str:
    """Where the browser starts (RFC 6749 section 4.1.1, RFC 7636 section 4.3).

    `prompt` is `select_account` where GitHub is to ask who it is.
    """
    parameters = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "device_label": device_label,
    } | ({"prompt": prompt} if prompt else {})
    return f"{api}/oauth/authorize?{urlencode(parameters)}"


def redeem_code(api: str, *, code: str, verifier: str, redirect_uri: str) -> Grant:
    """Raises GrantRefused, BackendUnreachable, UnexpectedAnswer."""
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": redirect_uri}
    return _request_grant(api, form, headers={})


def rotate(api: str, *, refresh_token: str, retry_key: str, timeout: float = TIMEOUT_SECONDS) -> Grant:
    """The successor of a refresh token; the same key gives the same successor again. `timeout` is in seconds.

    Raises GrantRefused, and BackendUnreachable or UnexpectedAnswer when it is unknown whether the backend has rotated.
    """
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _request_grant(api, form, headers={"Idempotency-Key": retry_key}, timeout=timeout)


def request_device(api: str, *, device_label: str) -> DeviceRequest:
    """Raises GrantRefused, BackendUnreachable, UnexpectedAnswer."""
    form = {"client_id": CLIENT_ID, "device_label": device_label}
    answer = send("POST", api, "/oauth/device_authorization", form=form)
    if answer.status != 200:
        raise _refusal(answer)
    fields = answer.read_object()
    try:
        return DeviceRequest(
            device_code=str(fields["device_code"]),
            user_code=str(fields["user_code"]),
            verification_uri=str(fields["verification_uri"]),
            verification_uri_complete=str(fields.get("verification_uri_complete") or ""),
            expires_in=min(int(fields["expires_in"]), LONGEST_DEVICE_SECONDS),
            interval=max(1, min(int(fields.get("interval", 5)), LONGEST_INTERVAL_SECONDS)),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UnexpectedAnswer(
            f"{api} gave a device code that cannot be read.", "Upgrade insighta and try again."
        ) from None


def redeem_device_code(api: str, device_code: str) -> Grant:
    """Raises GrantRefused: `authorization_pending` or `slow_down` while the person has not decided (RFC 8628 3.5)."""
    return _request_grant(api, {"grant_type": DEVICE_GRANT, "device_code": device_code}, headers={})


def exchange_job_token(api: str, *, subject_token: str, publisher: str) -> str:
    """An access token for a CI job's ID token (RFC 8693). Raises GrantRefused, BackendUnreachable, UnexpectedAnswer."""
    form = {"grant_type": EXCHANGE_GRANT, "subject_token_type": ID_TOKEN, "subject_token": subject_token}
    answer = send("POST", api, "/oauth/token", form=form | ({"publisher": publisher} if publisher else {}))
    if answer.status != 200:
        raise _refusal(answer)
    token = answer.read_object().get("access_token")
    if not isinstance(token, str):
        raise UnexpectedAnswer(f"{api} gave a token that cannot be read.", "Upgrade insighta and try again.")
    return token


def revoke(api: str, token: str) -> None:
    """End the session that the token belongs to (RFC 7009). Raises BackendUnreachable, UnexpectedAnswer."""
    answer = send(
        "POST", api, "/oauth/revoke", form={"token": token, "client_id": CLIENT_ID}, timeout=TIMEOUT_SECONDS / 2
    )
    if answer.status != 200:
        raise UnexpectedAnswer(f"{api} did not end the session (status {answer.status}).", "")
    if answer.body:  # The backend sends none, and a network's sign-in page would say 200, too.
        answer.read_json()


def _request_grant(
    api: str, form: dict[str, str], *, headers: dict[str, str], timeout: float = TIMEOUT_SECONDS
) -> Grant:
    answer = send("POST", api, "/oauth/token", form=form | {"client_id": CLIENT_ID}, headers=headers, timeout=timeout)
    if answer.status != 200:
        raise _refusal(answer)
    fields = answer.read_object()
    try:
        lifetime = timedelta(seconds=int(fields["expires_in"]))
        return Grant(str(fields["access_token"]), read_now() + lifetime, str(fields["refresh_token"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UnexpectedAnswer(f"{api} gave tokens that cannot be read.", "Upgrade insighta and try again.") from None


def _refusal(answer: Answer) -> GrantRefused | UnexpectedAnswer:
    fields = answer.read_object()
    if not isinstance(fields.get("error"), str):
        return UnexpectedAnswer(
            f"{answer.address} could not answer (status {answer.status}).", "Try again in a moment."
        )
    description = str(fields.get("error_description") or "")
    return GrantRefused(fields["error"], description, retry_after=answer.retry_after())
