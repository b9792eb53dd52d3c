"""Sign-in on any device with a short code (RFC 8628)."""

import sys
import time

from .. import oauth
from ..errors import BackendUnreachable, Cancelled, CliError, GrantRefused, UnexpectedAnswer
from ..terminal import can_ask, paint, say
from .method import make_device_label
from .qr import format_qr

SECONDS_SLOWER = 5
LONGEST_PAUSE = 60


def sign_in_with_code(api: str) -> oauth.Grant:
    """Show the code and wait for the person. Raises Cancelled, CliError when the code expires, BackendUnreachable."""
    oauth.read_issuer(api)
    request = oauth.request_device(api, device_label=make_device_label())
    _show(request)
    return _poll(api, request)


def _show(request: oauth.DeviceRequest) -> None:
    say("", f"  Open   {paint(request.verification_uri, 'cyan')}", f"  Code   {paint(request.user_code, 'bold')}", "")
    if request.verification_uri_complete and can_ask():
        sys.stderr.write(format_qr(request.verification_uri_complete))
    say(f"Waiting for you to approve it there. The code works for {max(1, request.expires_in // 60)} minutes.")


def _poll(api: str, request: oauth.DeviceRequest) -> oauth.Grant:
    pause = request.interval
    deadline = time.monotonic() + request.expires_in
    while time.monotonic() < deadline:
        time.sleep(pause)
        try:
            return oauth.redeem_device_code(api, request.device_code)
        except GrantRefused as refusal:
            pause += _judge(refusal)
        except (BackendUnreachable, UnexpectedAnswer):
            pause = min(pause * 2, LONGEST_PAUSE)  # RFC 8628 section 3.5: back off while there is no connection.
    raise _expired()


def _judge(refusal: GrantRefused) -> int:
    """Seconds to add to the pause. Raises when there is nothing to wait for any more."""
    if refusal.error == "authorization_pending":
        return 0
    if refusal.error == "slow_down":
        return SECONDS_SLOWER
    if refusal.error == "access_denied":
        raise Cancelled("You did not allow this terminal to sign in.")
    if refusal.error == "expired_token":
        raise _expired()
    raise CliError(f"The backend did not sign you in: {refusal.sentence}.", "Run it again: insighta login")


def _expired() -> CliError:
    return CliError("The code has expired before anyone approved it.", "Get a new one: insighta login")
