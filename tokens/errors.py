import math


class TokensError(Exception):
    """A refusal with a stable `code`; `str()` is a sentence that says what is wrong or what to do next.

    In `/oauth/` the code is RFC 6749 §5.2's `error` and the sentence its `error_description`.
    """

    code = "tokens_error"
    sentence = "This did not work."

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)


class InvalidRequest(TokensError):
    code = "invalid_request"
    sentence = "A parameter is missing, repeated or malformed."


class InvalidClient(TokensError):
    code = "invalid_client"
    sentence = "Client authentication failed."


class InvalidGrant(TokensError):
    code = "invalid_grant"
    sentence = "This grant is unknown, expired, revoked or was given to another client. Sign in again."


class InvalidScope(TokensError):
    code = "invalid_scope"
    sentence = "An unknown scope was asked for."


class UnauthorizedClient(TokensError):
    code = "unauthorized_client"
    sentence = "This client may not use this grant type."


class UnsupportedGrantType(TokensError):
    code = "unsupported_grant_type"
    sentence = "Use authorization_code, refresh_token or urn:ietf:params:oauth:grant-type:device_code."


class UnsupportedResponseType(TokensError):
    code = "unsupported_response_type"
    sentence = "This client may not use this response type."


class AccessDenied(TokensError):
    code = "access_denied"
    sentence = "The person said no."


class UnknownClient(TokensError):
    """Shown as a page: without a known client and redirect URI there is nowhere to send the browser."""

    code = "unknown_client"
    sentence = "The program that sent you here is not known. Start again from the portal or the terminal."


class UnknownRedirectUri(TokensError):
    """Shown as a page, never a redirect (RFC 6749 §4.1.2.1)."""

    code = "unknown_redirect_uri"
    sentence = "The program that sent you here named an address that is not registered. Nothing was sent to it."


class NotAuthenticated(TokensError):
    code = "not_authenticated"
    sentence = "The access token is missing, expired or revoked. Refresh it or sign in again."


class NotFound(TokensError):
    code = "not_found"
    sentence = "There is no such thing, or it is not yours."


class PermissionDenied(TokensError):
    code = "permission_denied"
    sentence = "This credential may not do that."


class AlreadyDecided(TokensError):
    code = "already_decided"
    sentence = "This sign-in request has been decided already. Start again on the device if you changed your mind."


class TooManyTokens(TokensError):
    code = "validation_error"
    sentence = "You have 100 personal access tokens. Revoke one that you no longer need."


class NamelessToken(TokensError):
    code = "validation_error"
    sentence = "Give the token a name that can be read."


class NotStaff(TokensError):
    code = "permission_denied"
    sentence = "The admin is for the staff, and you are not among them. Use the portal instead."


class Busy(TokensError):
    code = "busy"
    sentence = "The service is busy. Try again in a second."


class AuthorizationPending(TokensError):
    code = "authorization_pending"
    sentence = "The person has not decided yet."


class SlowDown(TokensError):
    code = "slow_down"
    sentence = "Poll less often: wait five seconds longer between polls from now on."


class ExpiredToken(TokensError):
    code = "expired_token"
    sentence = "The device code has expired, start again."


class Throttled(TokensError):
    """Too many requests; `wait` is the number of seconds until the next one is answered."""

    code = "throttled"
    sentence = "Too many requests. Wait a moment and try again."

    def __init__(self, wait: float | None = None) -> None:
        super().__init__()
        self.wait = wait

    @property
    def retry_after_seconds(self) -> int:
        """Whole seconds for `Retry-After`."""
        return max(1, math.ceil(self.wait or 1))
