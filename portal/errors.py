"""What can go wrong between a browser and the backend, and the page each of these becomes."""

from collections.abc import ItemsView
from dataclasses import dataclass, field, replace
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
    """The session of this browser has ended; `was` names the refused refresh token without telling it."""

    def __init__(self, was: str) -> None:
        super().__init__("signed out")
        self.was = was


class BackendUnreachable(PortalError):
    """No answer, a late one, or one that makes no sense. Nothing is known about the sign-in: its cookies stay."""


class AccessRefused(PortalError):
    """The backend did not accept the access token (401)."""


@dataclass
class Problem(PortalError):
    """A refusal by the API (RFC 9457); `errors` maps fields to messages, `retry_after` is in seconds."""

    status: int
    code: str
    detail: str = ""
    errors: dict[str, list[str]] = field(default_factory=dict)
    retry_after: int | None = None


@dataclass(frozen=True)
class Page:
    """A sentence for the person, and the one link that leads on. An empty `href` repeats the same address."""

    status: int
    title: str
    text: str
    label: str = "Try again"
    href: str = ""
    icon: str = "alert"


UNREACHABLE = Page(
    503,
    "Insighta cannot be reached",
    "Our service did not answer. You are still signed in and nothing was lost. Please try again in a moment.",
    icon="cloud-off",
)
OVERLOADED = Page(
    503,
    "Many people are here right now",
    "We could not get to your request. You are still signed in and nothing was lost. Please try again in a moment.",
    icon="clock",
)
NOT_FOUND = Page(
    404, "This page does not exist", "The address is wrong, or what it showed is gone.", "Go to the start", "/"
)
FAILED = Page(
    500,
    "Something went wrong on our side",
    "The mistake has been recorded. Trying again may help.",
    "Go to the start",
    "/",
)
STALE_LIST = Page(400, "This list has moved on", "Start from the first page.", "Go to the first page")
BAD_REQUEST = Page(400, "We could not read that request", "Go back and try again.", "Go to the start", "/")
FORM_EXPIRED = Page(
    403,
    "This form is too old",
    "It was opened before you last signed in or out, so nothing was changed. Go back, reload the page and try again.",
    "Go to the start",
    "/",
)
_PENDING = Page(
    403,
    "Your account waits for approval",
    "Your GitHub sign-in worked. A member of our staff approves new accounts; try again after they have.",
    "Check again",
    "/login",
    icon="clock",
)
_SUSPENDED = Page(
    403,
    "Your account is suspended",
    "A member of our staff has suspended it. Your bookings are kept. Write to support if you think this is a mistake.",
    "Sign in as someone else",
    "/login?switch=1",
)

PAGES: dict[str, Page] = {
    "account_pending": _PENDING,
    "account_suspended": _SUSPENDED,
    "not_found": NOT_FOUND,
    "permission_denied": Page(
        403, "This page is not yours to see", "Your account may not do this.", "Go to the start", "/"
    ),
    "not_a_host": Page(
        403, "This page is for hosts", "Ask our staff if you would like to host.", "Find a session", "/slots"
    ),
    "throttled": Page(
        429, "Too many requests", "You were faster than we allow. Wait a little, then try again.", icon="clock"
    ),
    "busy": Page(
        409, "A lot is going on right now", "Somebody else was changing the same thing. Nothing was lost: try again."
    ),
    "slot_full": Page(
        409,
        "The last seat has just gone",
        "Somebody else took it while this page was open.",
        "See other times",
        "/slots",
    ),
    "slot_cancelled": Page(
        409, "This session was cancelled", "Its host cancelled it meanwhile.", "See other times", "/slots"
    ),
    "slot_started": Page(
        409, "This session has already started", "It can no longer be booked.", "See other times", "/slots"
    ),
    "already_booked": Page(
        409, "You have already booked this", "One seat each is enough.", "See your bookings", "/bookings"
    ),
    "overlapping_booking": Page(
        409, "You are booked at that time", "Another booking of yours overlaps it.", "See your bookings", "/bookings"
    ),
    "own_slot": Page(409, "This is your own session", "Hosts cannot book themselves.", "See your hosting", "/hosting"),
    "insufficient_credits": Page(
        409, "You have no credit left for this", "A session costs one credit.", "See your credits", "/credits"
    ),
    "booking_not_active": Page(
        409, "This booking is no longer active", "It was cancelled or is over.", "See your bookings", "/bookings"
    ),
    "session_started": Page(
        409, "This session has already started", "It can no longer be cancelled.", "See your bookings", "/bookings"
    ),
    "nothing_chosen": Page(422, "Choose a new time", "Nothing has been changed yet."),
    "late_reschedule": Page(
        409, "It is too late to move this booking", "Its refund deadline has passed.", "See your bookings", "/bookings"
    ),
    "refund_changed": Page(
        409,
        "The refund has changed meanwhile",
        "A deadline passed while the page was open. Nothing was done: look again.",
    ),
    "idempotency_conflict": Page(
        409, "This form was already used", "It booked something else before.", "See your bookings", "/bookings"
    ),
    "slot_overlaps": Page(
        409, "Two of your sessions would overlap", "Choose another time.", "See your hosting", "/hosting"
    ),
}


def page_for(problem: Problem) -> Page:
    """The page a problem becomes; one with an unknown code shows the backend's own sentence."""
    known = PAGES.get(problem.code)
    if known and problem.status == 429 and problem.retry_after:
        return replace(
            known, text=f"You were faster than we allow. Wait {problem.retry_after} seconds, then try again."
        )
    return known or Page(
        problem.status, "That did not work", problem.detail or "Please try again.", "Go to the start", "/"
    )


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
