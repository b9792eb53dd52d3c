from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from portal.errors import Problem
from portal.links import url


@dataclass(frozen=True)
class Message:
    """A page of one sentence and the one link that leads on, to a route or an `href`; to the same address without.

    `help` is shown where support has an address, which follows it.
    """

    status: int
    title: str
    text: str
    label: str = "Try again"
    route: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    href: str = ""
    icon: str = "alert"
    help: str = ""

    @property
    def address(self) -> str:
        """Where the link leads."""
        return url(self.route, **self.query) if self.route else self.href


_START = ("Go to the start", "home")
_BOOKINGS = ("See your bookings", "bookings")
_HOSTING = ("See your hosting", "hosting")
_OTHERS = ("See other times", "slots")

UNREACHABLE = Message(
    503,
    "Insighta cannot be reached",
    "Our service did not answer. You are still signed in and nothing was lost. Please try again in a moment.",
    icon="cloud-off",
)
REFUSED = Message(
    503,
    "These pages are not set up right",
    "Our service does not accept these pages as its own. Trying again does not help until the people who run Insighta "
    "have mended that. You are still signed in and nothing was lost.",
    icon="cloud-off",
    help="Please tell them:",
)
OVERLOADED = Message(
    503,
    "Many people are here right now",
    "We could not get to your request. You are still signed in and nothing was lost. Please try again in a moment.",
    icon="clock",
)
NOT_FOUND = Message(404, "This page does not exist", "The address is wrong, or what it showed is gone.", *_START)
NOT_YOURS_TO_END = Message(
    404,
    "Nothing of yours is here",
    "It ended long ago, or the mail was written to another account. You can sign in as the person it was written to.",
    "Use another account",
    "login",
    icon="person",
)
FAILED = Message(
    500,
    "Something went wrong on our side",
    "The mistake has been recorded. Trying again may help.",
    *_START,
    help="If it does not, write to",
)
STALE_LIST = Message(400, "This list has moved on", "Start from the first page.", "Go to the first page")
BAD_REQUEST = Message(400, "We could not read that request", "Go back and try again.", *_START)
FORM_EXPIRED = Message(
    403,
    "This form is too old",
    "It was opened before you last signed in or out, so nothing was changed. Go back, reload the page and try again.",
    *_START,
)
SIGN_IN_NEEDED = Message(
    401,
    "Sign in to continue",
    "This page is for people who are signed in.",
    "Sign in with GitHub",
    "login",
    icon="person",
)

# The API's codes; a code that is not here is shown with the API's own words.
MESSAGES: dict[str, Message] = {
    "step_up_required": Message(
        403,
        "Sign in once more to go on",
        "What you are about to do lets something else act for you, so we ask GitHub again who you are. Nothing has "
        "been changed yet; afterwards you come back to this page.",
        "Continue with GitHub",
        "login",
        icon="person",
    ),
    "account_pending": Message(
        403,
        "Your account waits for approval",
        "Your GitHub sign-in worked. A member of our staff approves new accounts; try again after they have.",
        "Check again",
        "login",
        icon="clock",
        help="If it takes long, write to",
    ),
    "account_suspended": Message(
        403,
        "Your account is suspended",
        "A member of our staff has suspended it. Your bookings are kept.",
        "Sign in as someone else",
        "login",
        {"switch": "1"},
        help="If you think this is a mistake, write to",
    ),
    "not_found": NOT_FOUND,
    "permission_denied": Message(403, "This page is not yours to see", "Your account may not do this.", *_START),
    "not_a_host": Message(
        403,
        "This page is for hosts",
        "Our staff say who hosts.",
        "Find a session",
        "slots",
        help="If you would like to host, write to",
    ),
    "throttled": Message(
        429, "Too many requests", "You were faster than we allow. Wait a little, then try again.", icon="clock"
    ),
    "busy": Message(
        409, "A lot is going on right now", "Somebody else was changing the same thing. Nothing was lost: try again."
    ),
    "slot_full": Message(
        409, "The last seat has just gone", "Somebody else took it while this page was open.", *_OTHERS
    ),
    "slot_cancelled": Message(409, "This session was cancelled", "Its host cancelled it meanwhile.", *_OTHERS),
    "slot_started": Message(409, "This session has already started", "It can no longer be booked.", *_OTHERS),
    "already_booked": Message(409, "You have already booked this", "One seat each is enough.", *_BOOKINGS),
    "overlapping_booking": Message(
        409, "You are booked at that time", "Another booking of yours overlaps it.", *_BOOKINGS
    ),
    "cannot_book_person": Message(
        409, "This person cannot be booked", "Check the name, or ask them to book it themselves.", *_HOSTING
    ),
    "no_show_stays": Message(409, "They are booked elsewhere at that time", "It stays a no-show.", *_HOSTING),
    "own_slot": Message(409, "This is your own session", "Hosts cannot book themselves.", *_HOSTING),
    "insufficient_credits": Message(
        409,
        "You have too few credits for this",
        "One plan has to hold all that it costs.",
        "See your credits",
        "credits",
        help="For more, write to",
    ),
    "price_changed": Message(
        409, "The price has changed meanwhile", "Nothing was done. Look at the new price and decide again."
    ),
    "preview_changed": Message(
        409, "This has changed meanwhile", "Nothing was done. Look at what is so now and decide again."
    ),
    "hours_changed": Message(
        409,
        "Your hours have changed since you opened this page",
        "Nothing was saved. What you entered is below, and what saving it changes now.",
    ),
    "no_series": Message(409, "This session does not repeat", "It does not take place every week.", *_OTHERS),
    "series_refused": Message(
        422, "Choose another last day", "A series has at most 26 sessions, the first of them on its day or before."
    ),
    "booking_not_active": Message(409, "This booking is no longer active", "It was cancelled or is over.", *_BOOKINGS),
    "session_started": Message(409, "This session has already started", "It can no longer be cancelled.", *_BOOKINGS),
    "nothing_chosen": Message(422, "Choose a new time", "Nothing has been changed yet."),
    "late_reschedule": Message(
        409, "It is too late to move this booking", "Its refund deadline has passed.", *_BOOKINGS
    ),
    "refund_changed": Message(
        409,
        "The refund has changed meanwhile",
        "A deadline passed while the page was open. Nothing was done: look again.",
    ),
    "idempotency_conflict": Message(409, "This form was already used", "It booked something else before.", *_BOOKINGS),
    "hours_use_it": Message(
        409, "Hours are made from this", "Remove them, or make them from something else first.", "Weekly hours", "hours"
    ),
    "slot_overlaps": Message(409, "Two of your sessions would overlap", "Choose another time.", *_HOSTING),
}


def message_for(problem: Problem) -> Message:
    """What a refusal by the API is to a person."""
    known = MESSAGES.get(problem.code)
    if known and problem.status == 429 and problem.retry_after:
        return replace(
            known, text=f"You were faster than we allow. Wait {problem.retry_after} seconds, then try again."
        )
    return known or Message(problem.status, "That did not work", problem.detail or "Please try again.", *_START)
