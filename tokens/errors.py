from typing import ClassVar


class TokensError(Exception):
    """A refusal. `str()` is a sentence that says what is wrong or what to do next.

    Each subclass has a stable `code` and a `kind`; the API's status follows from the kind (config/http/problems.py).
    In `/oauth/` the code is RFC 6749 §5.2's `error` and the sentence its `error_description`.
    """

    code: ClassVar[str]
    kind: ClassVar[str]
    in_api: ClassVar[bool] = True
    sentence: ClassVar[str] = "This did not work."

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)


class OAuthError(TokensError):
    """A refusal by an OAuth endpoint or one of its pages; the API never answers with it."""

    in_api = False


class InvalidRequest(TokensError):
    code = "invalid_request"
    kind = "invalid"
    sentence = "A parameter is missing, repeated or malformed."


class InvalidClient(OAuthError):
    code = "invalid_client"
    kind = "unauthenticated"
    sentence = "Client authentication failed."


class InvalidGrant(OAuthError):
    code = "invalid_grant"
    kind = "invalid"
    sentence = "This grant is unknown, expired, revoked or was given to another client. Sign in again."


class InvalidScope(OAuthError):
    code = "invalid_scope"
    kind = "invalid"
    sentence = "A scope was asked for that is unknown, or that this client may not have."


class InvalidTarget(OAuthError):
    """RFC 8693 §2.2.2."""

    code = "invalid_target"
    kind = "invalid"
    sentence = "The token is for another service."


class UnauthorizedClient(OAuthError):
    code = "unauthorized_client"
    kind = "forbidden"
    sentence = "This client may not use this grant type."


class UnsupportedGrantType(OAuthError):
    code = "unsupported_grant_type"
    kind = "invalid"
    sentence = "This grant type is not supported. The server's metadata lists those that are (RFC 8414)."


class UnsupportedResponseType(OAuthError):
    code = "unsupported_response_type"
    kind = "invalid"
    sentence = "This client may not use this response type."


class AccessDenied(OAuthError):
    code = "access_denied"
    kind = "forbidden"
    sentence = "The person said no."


class LoginRequired(OAuthError):
    code = "login_required"
    kind = "forbidden"
    sentence = "Nobody is signed in at a browser here: every sign-in goes through GitHub. Ask without prompt=none."


class RequestNotSupported(OAuthError):
    code = "request_not_supported"
    kind = "invalid"
    sentence = "Request objects are not supported. Send the parameters themselves."


class RequestUriNotSupported(OAuthError):
    code = "request_uri_not_supported"
    kind = "invalid"
    sentence = "Request objects are not supported. Send the parameters themselves."


class ConsentNeeded(OAuthError):
    """The person is asked again: they have withdrawn what was remembered."""

    code = "consent_required"
    kind = "forbidden"
    sentence = "The person has to be asked."


class UnknownClient(OAuthError):
    """Shown as a page: without a known client and redirect URI there is nowhere to send the browser."""

    code = "unknown_client"
    kind = "invalid"
    sentence = (
        "The program that sent you here is not known. Start again from the portal or the terminal. If you did, tell "
        "the people who run this service."
    )


class UnknownRedirectUri(OAuthError):
    """Shown as a page, never a redirect (RFC 6749 §4.1.2.1)."""

    code = "unknown_redirect_uri"
    kind = "invalid"
    sentence = (
        "The program that sent you here named an address that is not registered. Nothing was sent to it. Update the "
        "program, or tell those who made it."
    )


class NotAuthenticated(TokensError):
    code = "not_authenticated"
    kind = "unauthenticated"
    sentence = "The access token is missing, expired or revoked. Refresh it or sign in again."


class NotFound(TokensError):
    code = "not_found"
    kind = "missing"
    sentence = "There is no such thing, or it is not yours."


class PermissionDenied(TokensError):
    code = "permission_denied"
    kind = "forbidden"
    sentence = "This credential may not do that."


class StepUpRequired(TokensError):
    """RFC 9470: the sign-in is older than `max_age` seconds.

    Programs that do not know the code show the sentence alone, to somebody who is signed in.
    """

    code = "step_up_required"
    kind = "forbidden"
    sentence = "This needs a more recent sign-in. Nothing has been changed. Sign out, sign in again, then repeat it."

    def __init__(self, *, max_age: int) -> None:
        super().__init__()
        self.extra: dict[str, object] = {"max_age": max_age}


class AlreadyDecided(TokensError):
    code = "already_decided"
    kind = "conflict"
    sentence = "This sign-in request has been decided already. Start again on the device if you changed your mind."


class TooManyTokens(TokensError):
    code = "validation_error"
    kind = "invalid"
    sentence = "You have 100 personal access tokens. Revoke one that you no longer need."


class TokenMadeBefore(TokensError):
    code = "idempotency_conflict"
    kind = "conflict"
    sentence = "This request made a token before, which has been revoked. Send another Idempotency-Key for a new one."


class ExpiryTooFar(TokensError):
    code = "validation_error"
    kind = "invalid"
    sentence = "A token cannot live so long. Choose an earlier day."


class NamelessToken(TokensError):
    code = "validation_error"
    kind = "invalid"
    sentence = "Give the token a name that can be read."


class InvalidPublisher(TokensError):
    code = "validation_error"
    kind = "invalid"
    sentence = "The trusted publisher cannot be added so."


class Unavailable(TokensError):
    code = "unavailable"
    kind = "unavailable"
    sentence = "GitHub does not answer. Try again in a moment."


class InvalidApplication(TokensError):
    code = "validation_error"
    kind = "invalid"
    sentence = "The application cannot be registered so."


class ApplicationNotFound(TokensError):
    code = "not_found"
    kind = "missing"
    sentence = "There is no such application. `manage.py list_clients` lists those that there are."


class NotStaff(TokensError):
    code = "permission_denied"
    kind = "forbidden"
    sentence = "The admin is for the staff, and you are not among them. Use the portal instead."


class Busy(TokensError):
    code = "busy"
    kind = "busy"
    sentence = "The service is busy. Try again in a second."
    retry_after_seconds = 1


class AuthorizationPending(OAuthError):
    code = "authorization_pending"
    kind = "conflict"
    sentence = "The person has not decided yet."


class SlowDown(OAuthError):
    code = "slow_down"
    kind = "throttled"
    sentence = "Poll less often: wait five seconds longer between polls from now on."


class ExpiredToken(OAuthError):
    code = "expired_token"
    kind = "invalid"
    sentence = "The device code has expired, start again."


class LogoutNotDelivered(OAuthError):
    """Of the worker's job: it is tried again."""

    code = "logout_not_delivered"
    kind = "unavailable"


class LogoutRefused(OAuthError):
    """Of the worker's job: it is not tried again."""

    code = "logout_refused"
    kind = "conflict"


class Throttled(TokensError):
    """Too many requests; `wait` is the number of seconds until another one is allowed."""

    code = "throttled"
    kind = "throttled"
    sentence = "Too many requests. Wait a moment and try again."

    def __init__(self, wait: float = 0) -> None:
        super().__init__()
        self.wait = wait

    @property
    def retry_after_seconds(self) -> int:
        """The first whole second after `wait`, for `Retry-After`."""
        return max(0, int(self.wait)) + 1
