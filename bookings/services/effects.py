"""What an operation of the staff does to others: shown before, and named by what confirms it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.policies import describe_instant
from bookings.errors import NotFound
from bookings.policies.previews import digest_of
from bookings.repositories import people, slots, subscriptions, waitlist
from bookings.repositories.jobs import Order
from bookings.repositories.rows import RosterRow

# What a row of a booking that is shown says of what was done; the id of one that is only a preview is nobody's.
_SHOWN = (
    "slot_id", "status", "scheduled_start_time", "scheduled_end_time", "credits_charged", "credits_refunded",
    "credits_given_back", "cancelled_by", "free_to_leave_until",
)  # fmt: skip


@dataclass(frozen=True)
class Seats:
    """A slot as it is afterwards, named in words; `waiting` counts those who wait for it."""

    session: str
    status: str
    price_credits: int
    taken: int
    capacity: int
    waiting: int


@dataclass(frozen=True)
class Told:
    """Somebody who is told; `kind` is the mail's. Without `gets_mails` none is sent."""

    login: str
    kind: str
    gets_mails: bool


@dataclass(frozen=True)
class Effects:
    """`credits` is what the client can spend afterwards, None where many are concerned. `seen` names all of it."""

    credits: int | None
    seats: Sequence[Seats]
    told: Sequence[Told]
    seen: str


class StaffRow(RosterRow):
    """A booking after an operation of the staff, with what that does."""

    effects: Effects


def find_effects(
    *,
    orders: Iterable[Order],
    slot_ids: Iterable[UUID],
    now: datetime,
    row: RosterRow | None = None,
    also_shown: object = None,
) -> Effects:
    """What the running transaction has done until now: `orders` are its mails, `row` the booking that it is about."""
    credits = subscriptions.usable_credits(row["client_id"], now=now) if row else None
    seats = [_seats(slot_id) for slot_id in dict.fromkeys(slot_ids)]
    told = _told(list(orders))
    shown = [row[name] for name in _SHOWN] if row else None  # type: ignore[literal-required]  # names of its columns
    return Effects(credits, seats, told, digest_of((shown, credits, [str(one) for one in (*seats, *told)], also_shown)))


def _seats(slot_id: UUID) -> Seats:
    slot = slots.find_slot(slot_id)
    if slot is None:
        raise NotFound
    session = f"“{slot.title}”, {describe_instant(slot.starts_at, zone=people.zone_of(slot.host_id))}"
    waiting = waitlist.count_waiting(slot_id)
    return Seats(session, slot.status, slot.price_credits, slot.seats_taken, slot.capacity, waiting)


def _told(orders: Sequence[Order]) -> list[Told]:
    kinds: dict[UUID, set[str]] = {}
    for order in orders:
        kinds.setdefault(order.user_id, set()).add(order.kind)
    return [Told(one.login, kind, one.gets_mails) for one in people.list_reach(kinds) for kind in sorted(kinds[one.id])]
