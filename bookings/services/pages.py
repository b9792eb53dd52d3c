"""What the portal's pages show, each composed in one call and a constant number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bookings.repositories import bookings, clock, ledger, people, slots, subscriptions, waitlist
from bookings.repositories.pages import Page, read_page
from bookings.repositories.rows import Row
from bookings.services.availability import list_rules
from bookings.services.bookings import get_booking, list_bookings, list_roster
from bookings.services.cancellations import RefundPreview, describe_refund, list_open_on
from bookings.services.slots import add_refund_window, get_slot, list_slots
from bookings.services.subscriptions import list_entries, list_subscriptions

if TYPE_CHECKING:
    from bookings.models import AvailabilityRule

MOST_UPCOMING = 100


@dataclass(frozen=True)
class BookingDetail:
    """A booking with its refund now (None where it cannot be cancelled), its earlier times and its ledger entries."""

    row: Row
    preview: RefundPreview | None
    moves: Sequence[Row]
    entries: Sequence[Row]


def get_booking_detail(*, client_id: UUID, booking_id: UUID) -> BookingDetail:
    """The client's own booking with all that its page shows. Raises NotFound."""
    row = get_booking(booking_id=booking_id, client_id=client_id)
    return BookingDetail(
        row=row,
        preview=_preview(row),
        moves=list(bookings.move_rows(booking_id)),
        entries=list(ledger.entry_rows(user_id=client_id, booking_id=booking_id)),
    )


def _preview(row: Row) -> RefundPreview | None:
    is_ahead = row["status"] == "active" and row["now"] < row["scheduled_start_time"]
    return describe_refund(row) if is_ahead else None


def count_credits(*, user_id: UUID) -> int:
    """The credits that the person can spend now."""
    return subscriptions.usable_credits(user_id, now=clock.read_now())


@dataclass(frozen=True)
class HomePage:
    upcoming: Sequence[Row]
    credits_available: int


def compose_home(*, client_id: UUID) -> HomePage:
    """The client's next five bookings and the credits to spend."""
    upcoming = list_bookings(client_id=client_id, when="upcoming", size=5).rows
    return HomePage(upcoming, count_credits(user_id=client_id))


@dataclass(frozen=True)
class SlotsPage:
    slots: Page
    hosts: Sequence[Row]
    credits_available: int


def compose_slots(*, viewer_id: UUID, cursor: str = "", **filters: Any) -> SlotsPage:
    """Slots to choose from and the hosts to filter by; `filters` are those of `list_slots`. Raises NotValid."""
    return SlotsPage(
        slots=list_slots(viewer_id=viewer_id, cursor=cursor, **filters),
        hosts=list(people.host_rows()),
        credits_available=count_credits(user_id=viewer_id),
    )


@dataclass(frozen=True)
class SlotPage:
    """A slot, what could pay for it, and the viewer's place in its queue: 1 is next, None is not waiting."""

    slot: Row
    subscriptions: Page
    position: int | None


def compose_slot(*, viewer_id: UUID, slot_id: UUID) -> SlotPage:
    """One slot to book or to wait for. Raises NotFound."""
    slot = get_slot(slot_id=slot_id, viewer_id=viewer_id)
    entry = waitlist.find_waiting(slot_id=slot_id, client_id=viewer_id) if slot["waiting"] else None
    return SlotPage(
        slot=slot,
        subscriptions=list_subscriptions(user_id=viewer_id),
        position=waitlist.count_before(entry) + 1 if entry else None,
    )


@dataclass(frozen=True)
class BookingsPage:
    upcoming: Sequence[Row]
    past: Page
    waiting: Sequence[Row]
    credits_available: int


def compose_bookings(*, client_id: UUID, cursor: str = "") -> BookingsPage:
    """The client's next hundred bookings, a page of past ones, and what they wait for. Raises NotValid."""
    return BookingsPage(
        upcoming=list_bookings(client_id=client_id, when="upcoming", size=MOST_UPCOMING).rows,
        past=list_bookings(client_id=client_id, when="past", cursor=cursor),
        waiting=list(waitlist.waiting_rows(client_id, now=clock.read_now())),
        credits_available=count_credits(user_id=client_id),
    )


@dataclass(frozen=True)
class ReschedulePage:
    """`same` are other times of the session that is booked, with the first page of slots only."""

    detail: BookingDetail
    slots: Page
    same: Sequence[Row]


def compose_reschedule(*, client_id: UUID, booking_id: UUID, cursor: str = "", **filters: Any) -> ReschedulePage:
    """The booking to move and the open slots to choose from. Raises NotFound, NotValid."""
    detail, wanted = get_booking_detail(client_id=client_id, booking_id=booking_id), {"is_open": True, **filters}
    session = {"host_id": detail.row["host_id"], "title": detail.row["slot__title"]}
    return ReschedulePage(
        detail=detail,
        slots=list_slots(viewer_id=client_id, cursor=cursor, **wanted),
        same=() if cursor else list_slots(viewer_id=client_id, **(wanted | session)).rows,
    )


@dataclass(frozen=True)
class CreditsPage:
    subscriptions: Page
    entries: Page
    credits_available: int


def compose_credits(*, user_id: UUID, cursor: str = "") -> CreditsPage:
    """Where the person's credits are and a page of what became of them. Raises NotValid."""
    return CreditsPage(
        subscriptions=list_subscriptions(user_id=user_id),
        entries=list_entries(user_id=user_id, cursor=cursor),
        credits_available=count_credits(user_id=user_id),
    )


@dataclass(frozen=True)
class HostingPage:
    slots: Page
    rules: "Sequence[AvailabilityRule]"


def compose_hosting(*, host_id: UUID, cursor: str = "") -> HostingPage:
    """The host's own slots that are not over, by start, and the host's rules. Raises NotAHost, NotValid."""
    host_rules = list_rules(host_id=host_id)
    page = read_page(slots.hosted_rows(host_id, now=clock.read_now()), cursor=cursor)
    add_refund_window(page.rows)
    return HostingPage(page, host_rules)


@dataclass(frozen=True)
class HostedSlotPage:
    slot: Row
    roster: Page
    waiting: int


def compose_hosted_slot(*, host_id: UUID, slot_id: UUID, cursor: str = "") -> HostedSlotPage:
    """The host's own slot, who comes and how many wait. Raises NotFound, NotValid."""
    roster = list_roster(host_id=host_id, slot_id=slot_id, cursor=cursor)
    waiting = waitlist.count_waiting(slot_id)
    return HostedSlotPage(get_slot(slot_id=slot_id, viewer_id=host_id), roster, waiting)


@dataclass(frozen=True)
class HostedDayPage:
    """`people` who have booked any of the slots would get `credits` back, all together."""

    slots: Sequence[Row]
    people: int
    credits: int


def compose_hosted_day(*, host_id: UUID, day: date) -> HostedDayPage:
    """What cancelling a day of the host's would cancel. Raises NotAHost."""
    wanted = list_open_on(host_id=host_id, day=day)
    found = slots.hosted_rows(host_id, now=clock.read_now(), slot_ids=wanted)
    ahead = [row for row in found if row["now"] < row["starts_at"]]
    add_refund_window(ahead)
    return HostedDayPage(ahead, *slots.count_booked(row["id"] for row in ahead))


@dataclass(frozen=True)
class LeavingPage:
    bookings: Sequence[tuple[Row, int]]
    slots: Sequence[Row]


def compose_leaving(*, user_id: UUID) -> LeavingPage:
    """What deactivating would cancel: upcoming bookings, each with its refund, and the person's own open slots."""
    upcoming = list_bookings(client_id=user_id, when="upcoming", size=MOST_UPCOMING).rows
    previews = [(row, _preview(row)) for row in upcoming]
    hosted = list(slots.hosted_rows(user_id, now=clock.read_now()))
    add_refund_window(hosted)
    return LeavingPage(
        bookings=[(row, preview.credits) for row, preview in previews if preview],
        slots=[row for row in hosted if row["status"] == "open" and row["starts_at"] > row["now"]],
    )
