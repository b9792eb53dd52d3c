import calendar
from collections.abc import Mapping
from datetime import datetime
from typing import Any

SCOPES = {
    "bookings:read": "See sessions, bookings and credits",
    "bookings:write": "Book, move and cancel; for hosts also open and cancel sessions",
    "account:read": "See the account and its signed-in devices",
    "account:write": "Change the account, its signed-in devices and its tokens",
}
_SEES = {
    "openid": "who you are",
    "profile": "your name, picture, time zone",
    "email": "your email address",
    "account:read": "your account",
    "bookings:read": "your bookings",
}
_CHANGES = {"account:write": "your account", "bookings:write": "your bookings"}
_CLIENTS = {"insighta-portal": "Portal, in a browser", "insighta-cli": "Command line", "insighta-ci": "CI job"}
_REASONS = {
    "welcome": "Welcome credits",
    "grant": "Added by our staff",
    "booking": "Booking",
    "refund": "Refund",
    "goodwill": "Given back",
    "difference": "Moved to another price",
    "adjustment": "Adjusted by the staff",
    "plan": "Plan started",
    "renewal": "Plan renewed",
}

_REFUSALS = {
    "slot_cancelled": "Cancelled by its host",
    "slot_started": "Too late to book",
    "own_slot": "Your own session",
    "already_booked": "You are booked",
    "slot_full": "Full",
    "overlapping_booking": "You are booked elsewhere then",
    "insufficient_credits": "Too few credits",
}


def refusal(code: str) -> str:
    """Why a session of a series is not booked with it."""
    return _REFUSALS.get(code, "Cannot be booked")


def scope_words(scopes: list[str]) -> list[str]:
    """What each of these scopes allows, in words."""
    return [SCOPES.get(scope, scope) for scope in scopes]


def may_do(scopes: list[str]) -> str:
    """`Sees and changes your bookings`: what a program may do, in short."""
    sees, changes = (_listed([words[one] for one in words if one in scopes]) for words in (_SEES, _CHANGES))
    if sees == changes:
        sentence = f"sees and changes {sees}" if sees else ""
    else:
        sentence = ", ".join(f"{verb} {what}" for verb, what in (("sees", sees), ("changes", changes)) if what)
    stays = ["stays signed in"] if "offline_access" in scopes else []
    unknown = [one for one in scopes if one not in {*_SEES, *_CHANGES, "offline_access"}]
    words = ", ".join([one for one in [sentence, *stays, *unknown] if one])
    return words[:1].upper() + words[1:]


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def person_name(person: dict[str, Any]) -> str:
    """The name a person chose, or else the login."""
    return str(person.get("display_name") or person.get("login") or "")


def initials(person: dict[str, Any]) -> str:
    """One or two letters for a person."""
    words = person_name(person).replace("-", " ").replace("_", " ").split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def client_name(client_id: str, registered: str | None = None) -> str:
    """What people call an OAuth client; `registered` is the name of an application."""
    return _CLIENTS.get(client_id) or registered or client_id


def is_own_program(client_id: str) -> bool:
    """Whether it is a program of Insighta's own, not a registered application."""
    return client_id in _CLIENTS


def offered_terms(offering: Mapping[str, Any]) -> str:
    """`60 minutes, 3 seats, 1 credit`."""
    seats, price = offering["capacity"], offering["price_credits"]
    cost = credits(price) if price else "free of charge"
    return f"{offering['minutes']} minutes, {seats} seat{'' if seats == 1 else 's'}, {cost}"


def credits(number: int) -> str:
    """`1 credit`, `3 credits`."""
    return f"{number} credit" if number == 1 else f"{number} credits"


def signed(number: int) -> str:
    """A change with its sign; the minus is as wide as the plus."""
    return f"+{number}" if number > 0 else f"\N{MINUS SIGN}{-number}" if number else "0"


def reason(code: str) -> str:
    """What a ledger entry was for."""
    return _REASONS.get(code, code.replace("_", " ").capitalize())


def entry_title(entry: Mapping[str, Any]) -> str:
    """`Compilers`, `Compilers: you cancelled`, or what else a ledger entry was for."""
    session = entry.get("session")
    if not session:
        return reason(entry["reason"])
    title = str(session["title"])
    if entry["reason"] != "refund":
        return title
    by_others = {"host": f"{person_name(session['host'])} cancelled", "staff": "cancelled by our staff"}
    return f"{title}: {by_others.get(session['cancelled_by'], 'you cancelled')}"


def entry_verb(entry: Mapping[str, Any]) -> str:
    """What was done on the day of a ledger entry about a session."""
    return {"booking": "booked", "refund": "back on", "goodwill": "given back"}.get(entry["reason"], "moved")


# What an event of the trail is to its person; `%s` is the device, token or repository.
_EVENTS = {
    "person.created": "You signed in for the first time",
    "person.deactivated": "Your account was closed",
    "session.opened": "Signed in on %s",
    "session.ended": "A device was signed out",
    "session.others_ended": "Everything else was signed out",
    "session.all_ended": "Every device was signed out",
    "session.replayed": "A sign-in was used from two places and was ended",
    "token.created": "Access token made: %s",
    "token.revoked": "An access token was revoked",
    "device.approved": "You let a device in: %s",
    "device.denied": "You refused a device: %s",
    "publisher.added": "You trusted a publisher: %s",
    "publisher.removed": "You stopped trusting a publisher: %s",
    "application.withdrawn": "An application was disconnected",
    "calendar_feed.rotated": "Your calendar got a new address",
    "booking.made": "You booked",
    "booking.promoted": "A seat came free and was booked for you",
    "booking.rescheduled": "You moved a booking",
    "booking.cancelled": "You cancelled a booking",
    "booking.no_show": "Your host noted that you did not come",
    "booking.no_show_undone": "Your host noted that you came after all",
    "booking.credits_given_back": "Credits were given back",
}
_BY_OTHERS = {"booking.made": "Your host booked you in", "booking.cancelled": "Your booking was cancelled"}


def event_title(event: Mapping[str, Any]) -> str:
    """`Signed in on Firefox on Linux`: what an event of the trail says."""
    kind = str(event["kind"])
    words = _EVENTS.get(kind, kind.replace(".", " ").replace("_", " ").capitalize())
    if not event["by_you"]:
        words = _BY_OTHERS.get(kind, words)
    return words.replace("%s", str(event["name"] or "an unnamed device"))


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}th" if number % 100 in {11, 12, 13} else f"{number}{ending}"


def credits_kept(booking: Mapping[str, Any]) -> int:
    """What was charged for a booking of the API and has not come back."""
    return int(booking["credits_charged"]) - credits_back(booking)


def credits_back(booking: Mapping[str, Any]) -> int:
    """What has come back of a booking of the API, by its cancellation or besides."""
    return int(booking["credits_refunded"]) + int(booking.get("credits_given_back", 0))


def weekday(number: int) -> str:
    """ISO 8601's weekday as a word; Monday is 1."""
    return calendar.day_name[number - 1]


def made_late(booking: dict[str, Any]) -> str:
    """`booked` or `moved here` if that was after the refund deadline, so that there never was a refund; else empty."""
    deadline, moves = datetime.fromisoformat(booking["refund_deadline"]), booking.get("history")
    if datetime.fromisoformat(booking["created_at"]) >= deadline:
        return "moved here" if moves else "booked"
    return "moved here" if moves and datetime.fromisoformat(moves[-1]["moved_at"]) >= deadline else ""
