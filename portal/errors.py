from collections.abc import ItemsView
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class PortalError(Exception):
    """Anything that is answered with a page of its own."""


class SignInNeeded(PortalError):
    """The page is for people who are signed in, and this browser brought no tokens."""


class InvalidGrant(PortalError):
    """The backend refused a refresh token or a code for good; `reason` is its `error_description`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignedOut(PortalError):
    """The session of this browser has ended; `was` names the refused refresh token without telling it.

    `why` is a reason of the page /signed-out; empty where none is known.
    """

    def __init__(self, was: str, *, why: str = "") -> None:
        super().__init__("signed out")
        self.was, self.why = was, why


class BackendUnreachable(PortalError):
    """No answer, a late one, or one that makes no sense. Nothing is known about the sign-in: its cookies stay."""


class PortalRefused(BackendUnreachable):
    """The backend refuses the portal itself: trying again does not help until an operator has mended the set-up."""


class AccessRefused(PortalError):
    """The backend did not accept the access token (401)."""


@dataclass
class Problem(PortalError):
    """A refusal by the API (RFC 9457); `errors` maps fields to messages, `retry_after` is in seconds.

    `is_there`: what was to be added is there, exactly so.
    """

    status: int
    code: str
    detail: str = ""
    errors: dict[str, list[str]] = field(default_factory=dict)
    retry_after: int | None = None
    is_there: bool = False


class QuietReporter(SafeExceptionReporterFilter):
    """Keeps tokens out of error reports: no local variables, no cookies, no query or body."""

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: Any) -> ItemsView[str, Any]:
        """None of the variables."""
        return {}.items()

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        """None of the form."""
        return {}

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        """The cookies' names."""
        return dict.fromkeys(request.COOKIES, self.cleansed_substitute)

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        """The headers without the query."""
        return super().get_safe_request_meta(request) | {"QUERY_STRING": self.cleansed_substitute}
