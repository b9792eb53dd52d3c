"""What reads give: plain dictionaries under the API's names, made from one query, with no model objects.

What the API does not show stands last in each.
"""

from datetime import date, datetime, timedelta
from typing import NamedTuple, TypedDict
from uuid import UUID


class ReachRow(NamedTuple):
    """Somebody, and whether mails reach them: they have an address and have not switched mails off."""

    id: UUID
    login: str
    gets_mails: bool


class HostRow(TypedDict):
    id: UUID
    login: str
    display_name: str
    time_zone: str


class OfferingRow(TypedDict):
    """What a host offers, as one viewer sees it: `link` is None for all but the host."""

    id: UUID
    host: HostRow
    title: str
    description: str
    place: str
    link: str | None
    minutes: int
    capacity: int
    price_credits: int
    refund_window_hours: int | None
    public: bool
    archived_at: datetime | None


class SlotRow(TypedDict):
    """A slot as one viewer sees it: `booking_id` is the viewer's booking of it, `waiting` the place in its queue.

    `link` is None for those who are neither booked nor the host.
    """

    id: UUID
    host: HostRow
    offering_id: UUID | None
    title: str
    description: str
    place: str
    link: str | None
    starts_at: datetime
    ends_at: datetime
    bookings_close_at: datetime
    capacity: int
    seats_taken: int
    seats_left: int
    status: str
    price_credits: int
    refund_deadline: datetime
    booking_id: UUID | None
    waiting: bool


class SlotsCount(TypedDict):
    """What can be booked: slots with a free seat, slots without one, and the free seats."""

    open_slots: int
    full_slots: int
    seats_left: int


class DayRow(SlotsCount):
    date: date


class HostedSlotRow(SlotRow):
    """A slot as its host sees it; `now` is the instant that it was asked for."""

    now: datetime
    created_at: datetime
    cancelled_at: datetime | None


class FeedSlotRow(NamedTuple):
    """As much of a slot as its host's calendar shows; `revision` and `changed_at` rise with every change of it."""

    id: UUID
    title: str
    description: str
    place: str
    link: str
    starts_at: datetime
    ends_at: datetime
    capacity: int
    seats_taken: int
    status: str
    revision: int
    changed_at: datetime


class BookingRow(TypedDict):
    """`status` is `completed` for an active booking that is over. `now` is the database's clock when it was read.

    Title, description, place and link are the slot's as it is now; a cancelled booking has no link.
    """

    id: UUID
    slot_id: UUID
    host: HostRow
    title: str
    description: str
    place: str
    link: str | None
    status: str
    scheduled_start_time: datetime
    scheduled_end_time: datetime
    refund_deadline: datetime
    credits_charged: int
    credits_refunded: int
    credits_given_back: int
    free_to_leave_until: datetime | None
    created_at: datetime
    cancelled_at: datetime | None
    cancelled_by: str | None
    subscription_id: UUID | None
    usable_until: datetime | None
    client_id: UUID
    refund_window: timedelta
    revision: int
    changed_at: datetime
    now: datetime


class ClientRow(TypedDict):
    id: UUID
    login: str
    display_name: str


class RosterClientRow(ClientRow):
    """`email` is None for those who do not show it to hosts, and once they are cancelled."""

    email: str | None


class RosterRow(BookingRow):
    client: RosterClientRow


class MoveRow(TypedDict):
    """Where a booking was before it was moved."""

    slot_id: UUID
    scheduled_start_time: datetime
    scheduled_end_time: datetime
    moved_at: datetime


class HeldRow(TypedDict):
    """When somebody is booked elsewhere."""

    slot_id: UUID
    scheduled_start_time: datetime
    scheduled_end_time: datetime


class EntrySession(TypedDict):
    """The session that an entry is about, as it is now."""

    title: str
    host: HostRow
    scheduled_start_time: datetime
    cancelled_by: str | None


class EntryRow(TypedDict):
    id: UUID
    subscription_id: UUID
    booking_id: UUID | None
    amount: int
    reason: str
    note: str
    balance_after: int
    created_at: datetime
    session: EntrySession | None


class TrailRow(TypedDict):
    """One thing that happened to a person's account or bookings."""

    id: UUID
    kind: str
    created_at: datetime
    by_you: bool
    address: str | None
    client_id: str
    name: str
    booking_id: UUID | None
    session: EntrySession | None


class SubscriptionRow(TypedDict):
    id: UUID
    plan: str
    credits_remaining: int
    starts_at: datetime
    ends_at: datetime
    active: bool
    renews: bool


class WaitingRow(TypedDict):
    """A place in a queue: `position` 1 is next; `passed_over` is why a free seat did not go to its client."""

    slot_id: UUID
    title: str
    host_login: str
    host: HostRow
    position: int
    starts_at: datetime
    ends_at: datetime
    joined_at: datetime
    passed_over: str | None


class WaitRow(TypedDict):
    """As WaitingRow, without what the slot says."""

    slot_id: UUID
    position: int
    joined_at: datetime
    passed_over: str | None


class PlaceRow(WaitRow):
    slot: SlotRow


class RecipientRow(TypedDict):
    """Whom a mail goes to; `hosting_notifications` is `each`, `daily` or `none`."""

    email: str
    login: str
    display_name: str
    time_zone: str
    hosting_notifications: str
