from dataclasses import dataclass

from bookings.policies.counts import count_credits
from bookings.services.effects import Effects, Seats, StaffRow

_TOLD = {
    "booking_made_by_staff": "that they are booked in",
    "booking_rescheduled": "that the booking is moved",
    "booking_cancelled_by_client": "that the booking is cancelled, as they asked",
    "booking_cancelled_by_staff": "that the staff have cancelled",
    "booking_cancelled_by_host": "that the host has cancelled",
    "booking_promoted": "that they have a seat now",
    "passed_over": "why a free seat has not become theirs",
    "seat_free": "that a seat is free",
    "credits_given_back": "that credits came back, with the note",
    "slot_cancelled_by_staff": "as the host, that the session is cancelled",
    "waitlist_closed": "that they wait in vain",
}
Lines = list[tuple[str, list[str]]]
"""What is shown of an operation: headings, each with its sentences."""


@dataclass(frozen=True)
class Done:
    """An operation that has been carried out, or tried: in a sentence, and what it does to whom."""

    sentence: str
    lines: Lines
    seen: str
    address: str


def describe_done(sentence: str, effects: Effects, *, credits: str, address: str) -> Done:
    lines = [("Credits", [credits]), ("Seats", [_seats(one) for one in effects.seats])]
    lines += [("Waitlist", _waitlist(effects)), ("Told by mail", _told(effects))]
    if silent := sorted({one.login for one in effects.told if not one.gets_mails}):
        lines.append(("Not reached", [f"{', '.join(silent)}: no address, or mails switched off"]))
    return Done(sentence, [(heading, said) for heading, said in lines if said], effects.seen, address)


def describe_booking_done(sentence: str, row: StaffRow, *, credits: str, address: str) -> Done:
    """As `describe_done`, with what the client can spend afterwards."""
    effects = row["effects"]
    balance = f"{row['client']['login']} can spend {count_credits(effects.credits or 0)} afterwards"
    return describe_done(sentence, effects, credits=f"{credits}; {balance}", address=address)


def _seats(seats: Seats) -> str:
    if seats.status == "cancelled":
        return f"{seats.session}: cancelled"
    return f"{seats.session}: {seats.taken} of {seats.capacity} taken afterwards"


def _waitlist(effects: Effects) -> list[str]:
    promoted = [one.login for one in effects.told if one.kind == "booking_promoted"]
    moved_up = [f"{login} gets the seat, for {count_credits(effects.seats[0].price_credits)}" for login in promoted]
    still = [f"{one.session}: {one.waiting} still waiting" for one in effects.seats if one.waiting]
    return moved_up + still


def _told(effects: Effects) -> list[str]:
    by_kind: dict[str, list[str]] = {}
    for one in effects.told:
        if one.gets_mails:
            by_kind.setdefault(one.kind, []).append(one.login)
    return [f"{', '.join(logins)}: {_TOLD.get(kind, kind)}" for kind, logins in by_kind.items()]
