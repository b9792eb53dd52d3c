"""What the portal's pages show, each composed in one call and a constant number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from bookings.repositories import booked_sessions, clock, people, slots, subscriptions, waitlist
from bookings.repositories.keyset import Page
from bookings.repositories.rows import (
    BookingRow,
    EntryRow,
    HeldRow,
    HostedSlotRow,
    HostRow,
    OfferingRow,
    RosterRow,
    SlotRow,
    SubscriptionRow,
    WaitingRow,
)
from bookings.repositories.slot_filters import Moved
from bookings.services.booking import list_bookings, refund_window
from bookings.services.booking_detail import BookingDetail, find_refund_preview, get_booking_detail
from bookings.services.browsing import ChosenDay, find_day, get_host, get_slot, list_slots
from bookings.services.calendar_feed import find_own_feed_secret
from bookings.services.credits import list_entries, list_subscriptions
from bookings.services.hosting import list_hosted_slots, list_open_on, list_roster
from bookings.services.needs import Need, list_needs_of_host, list_passed_over
from bookings.services.offerings import list_offerings
from bookings.services.series import SeriesPreview, has_series, preview_series
from tokens.services.callers import Credential

MOST_UPCOMING = 100


def count_credits(*, user_id: UUID) -> int:
    """The credits that the person can spend now."""
    return subscriptions.usable_credits(user_id, now=clock.read_now())


@dataclass(frozen=True)
class HomePage:
    upcoming: Sequence[BookingRow]
    credits_available: int
    passed_over: Sequence[WaitingRow]


def compose_home(*, client_id: UUID) -> HomePage:
    """The client's next five bookings, the credits to spend, and the queues in which a seat did not become theirs."""
    upcoming = list_bookings(client_id=client_id, when="upcoming", size=5).rows
    return HomePage(upcoming, count_credits(user_id=client_id), list_passed_over(client_id=client_id))


@dataclass(frozen=True)
class HostingPage:
    slots: Page[SlotRow]
    needs: Sequence[Need]


def compose_hosting(*, host_id: UUID, when: str = "upcoming", cursor: str = "") -> HostingPage:
    """A page of the host's own slots; above the first of the upcoming ones what needs them. Raises NotAHost, NotValid.

    `when` is that of `list_hosted_slots`.
    """
    found = list_hosted_slots(host_id=host_id, when=when, cursor=cursor)
    is_first = when == "upcoming" and not cursor
    return HostingPage(found, list_needs_of_host(host_id=host_id, upcoming=found.rows) if is_first else [])


@dataclass(frozen=True)
class SlotsPage:
    slots: Page[SlotRow]
    hosts: Sequence[HostRow]
    credits_available: int | None


def compose_slots(*, viewer_id: UUID | None, cursor: str = "", **filters: Any) -> SlotsPage:
    """Slots to choose from and the hosts to filter by; `filters` are those of `list_slots`. Raises NotValid."""
    return SlotsPage(
        slots=list_slots(viewer_id=viewer_id, cursor=cursor, **filters),
        hosts=people.list_hosts(public=viewer_id is None),
        credits_available=None if viewer_id is None else count_credits(user_id=viewer_id),
    )


@dataclass(frozen=True)
class DaysPage:
    """`offerings` are the first fifty to filter by, of the host where one is asked for.

    `held` says when the viewer is booked in the time that the slots take.
    """

    chosen: ChosenDay
    held: Sequence[HeldRow]
    hosts: Sequence[HostRow]
    offerings: Sequence[OfferingRow]


def compose_days(*, viewer_id: UUID | None, zone: ZoneInfo, now: datetime, **asked: Any) -> DaysPage:
    """A day to book on and what to filter by; `asked` is what `find_day` takes. Raises NotValid."""
    offered = list_offerings(viewer_id=viewer_id, host_id=asked.get("host_id")).rows
    chosen = find_day(viewer_id=viewer_id, zone=zone, now=now, **asked)
    return DaysPage(
        chosen=chosen,
        held=_held_during(viewer_id, [*chosen.slots.rows, *chosen.next_free]),
        hosts=people.list_hosts(public=viewer_id is None),
        offerings=[one for one in offered if one["archived_at"] is None],
    )


def _held_during(viewer_id: UUID | None, shown: Sequence[SlotRow]) -> Sequence[HeldRow]:
    if viewer_id is None or not shown:
        return ()
    begins, ends = min(slot["starts_at"] for slot in shown), max(slot["ends_at"] for slot in shown)
    return booked_sessions.list_held(viewer_id, begins=begins, ends=ends)


@dataclass(frozen=True)
class HostPage:
    host: HostRow
    slots: Page[SlotRow]
    offerings: Sequence[OfferingRow]


def compose_host(*, viewer_id: UUID | None, login: str, cursor: str = "") -> HostPage:
    """A host, the slots with a free seat there, and the first fifty offerings. Raises NotFound, NotValid."""
    found = get_host(login=login, viewer_id=viewer_id)
    free = list_slots(viewer_id=viewer_id, host_id=found["id"], is_open=True, has_seat=True, cursor=cursor)
    offered = list_offerings(viewer_id=viewer_id, host_id=found["id"]).rows
    return HostPage(found, free, [row for row in offered if row["archived_at"] is None])


@dataclass(frozen=True)
class SlotPage:
    """A slot, what could pay for it, the viewer's place in its queue (1 is next, None is not waiting), and whether
    its sessions of the weeks after it can be booked with it."""

    slot: SlotRow
    subscriptions: Page[SubscriptionRow] | None
    position: int | None
    repeats: bool


def compose_slot(*, viewer_id: UUID | None, slot_id: UUID) -> SlotPage:
    """One slot to book or to wait for. Raises NotFound."""
    slot = get_slot(slot_id=slot_id, viewer_id=viewer_id)
    if viewer_id is None:
        return SlotPage(slot, subscriptions=None, position=None, repeats=False)
    entry = waitlist.find_waiting(slot_id=slot_id, client_id=viewer_id) if slot["waiting"] else None
    return SlotPage(
        slot=slot,
        subscriptions=list_subscriptions(user_id=viewer_id),
        position=waitlist.count_before(entry) + 1 if entry else None,
        repeats=has_series(slot_id=slot_id),
    )


@dataclass(frozen=True)
class SeriesPage:
    preview: SeriesPreview
    credits_available: int


def compose_series(*, client_id: UUID, slot_id: UUID, until: date) -> SeriesPage:
    """What booking a series would do, and the credits to spend. Raises what `preview_series` raises."""
    preview = preview_series(client_id=client_id, slot_id=slot_id, until=until)
    return SeriesPage(preview, count_credits(user_id=client_id))


@dataclass(frozen=True)
class BookingsPage:
    upcoming: Sequence[BookingRow]
    past: Page[BookingRow]
    waiting: Sequence[WaitingRow]
    credits_available: int
    feed_secret: str | None


def compose_bookings(*, reader: Credential, cursor: str = "") -> BookingsPage:
    """The next hundred bookings, a page of past ones, the waitlist, and the calendar feed's secret. Raises NotValid."""
    client_id = reader.person.pk
    return BookingsPage(
        upcoming=list_bookings(client_id=client_id, when="upcoming", size=MOST_UPCOMING).rows,
        past=list_bookings(client_id=client_id, when="past", cursor=cursor),
        waiting=waitlist.list_rows(client_id, now=clock.read_now()),
        credits_available=count_credits(user_id=client_id),
        feed_secret=find_own_feed_secret(reader=reader),
    )


@dataclass(frozen=True)
class ReschedulePage:
    """`same` are other times of the session that is booked, with the first page of slots only."""

    detail: BookingDetail
    slots: Page[SlotRow]
    same: Sequence[SlotRow]
    upcoming: Sequence[BookingRow]


def compose_reschedule(*, client_id: UUID, booking_id: UUID, cursor: str = "", **filters: Any) -> ReschedulePage:
    """The booking to move, the open slots to choose from and what they may overlap. Raises NotFound, NotValid."""
    detail, wanted = get_booking_detail(client_id=client_id, booking_id=booking_id), {"is_open": True, **filters}
    session = {"host_id": detail.row["host"]["id"], "title": detail.row["title"]}
    return ReschedulePage(
        detail=detail,
        slots=list_slots(viewer_id=client_id, cursor=cursor, **wanted),
        same=() if cursor else list_slots(viewer_id=client_id, **(wanted | session)).rows,
        upcoming=list_bookings(client_id=client_id, when="upcoming", size=MOST_UPCOMING).rows,
    )


@dataclass(frozen=True)
class MoveDaysPage:
    """`is_filtered`: only other times of the session that is booked are there."""

    detail: BookingDetail
    chosen: ChosenDay
    is_filtered: bool


def compose_move_days(
    *, client_id: UUID, booking_id: UUID, zone: ZoneInfo, now: datetime, others: bool = False, **asked: Any
) -> MoveDaysPage:
    """The booking to move and a day to move it to, with what it can move to. Raises NotFound, NotValid.

    Only other times of the same session, unless `others`. `asked` is what `find_day` takes.
    """
    detail = get_booking_detail(client_id=client_id, booking_id=booking_id)
    asked |= {"fits": Moved(booking_id, client_id, detail.row["slot_id"])}
    if not others:
        asked |= {"host_id": detail.row["host"]["id"], "title": detail.row["title"]}
    return MoveDaysPage(
        detail=detail,
        chosen=find_day(viewer_id=client_id, zone=zone, now=now, **asked),
        is_filtered=not others,
    )


@dataclass(frozen=True)
class MovePage:
    detail: BookingDetail
    slot: SlotRow


def compose_move(*, client_id: UUID, booking_id: UUID, slot_id: UUID) -> MovePage:
    """A booking and the slot that it would move to. Raises NotFound for either."""
    detail = get_booking_detail(client_id=client_id, booking_id=booking_id)
    return MovePage(detail, get_slot(slot_id=slot_id, viewer_id=client_id))


@dataclass(frozen=True)
class CreditsPage:
    subscriptions: Page[SubscriptionRow]
    entries: Page[EntryRow]
    credits_available: int


def compose_credits(*, user_id: UUID, cursor: str = "") -> CreditsPage:
    """Where the person's credits are and a page of what became of them. Raises NotValid."""
    return CreditsPage(
        subscriptions=list_subscriptions(user_id=user_id),
        entries=list_entries(user_id=user_id, cursor=cursor),
        credits_available=count_credits(user_id=user_id),
    )


@dataclass(frozen=True)
class HostedSlotPage:
    slot: SlotRow
    roster: Page[RosterRow]
    waiting: int


def compose_hosted_slot(*, host_id: UUID, slot_id: UUID, cursor: str = "") -> HostedSlotPage:
    """The host's own slot, who comes and how many wait. Raises NotFound, NotValid."""
    roster = list_roster(host_id=host_id, slot_id=slot_id, cursor=cursor)
    waiting = waitlist.count_waiting(slot_id)
    return HostedSlotPage(get_slot(slot_id=slot_id, viewer_id=host_id), roster, waiting)


@dataclass(frozen=True)
class HostedDayPage:
    """`people` who have booked any of the slots would get `credits` back, all together."""

    slots: Sequence[HostedSlotRow]
    people: int
    credits: int


def compose_hosted_day(*, host_id: UUID, day: date) -> HostedDayPage:
    """What cancelling a day of the host's would cancel. Raises NotAHost."""
    wanted = list_open_on(host_id=host_id, day=day)
    found = slots.list_hosted(host_id, now=clock.read_now(), refund_window=refund_window(), slot_ids=wanted)
    ahead = [row for row in found if row["now"] < row["starts_at"]]
    return HostedDayPage(ahead, *slots.count_booked(row["id"] for row in ahead))


@dataclass(frozen=True)
class LeavingPage:
    bookings: Sequence[tuple[BookingRow, int]]
    slots: Sequence[HostedSlotRow]


def compose_leaving(*, user_id: UUID) -> LeavingPage:
    """What deactivating would cancel: upcoming bookings, each with its refund, and the person's own open slots."""
    upcoming = list_bookings(client_id=user_id, when="upcoming", size=MOST_UPCOMING).rows
    previews = [(row, find_refund_preview(row)) for row in upcoming]
    hosted = slots.list_hosted(user_id, now=clock.read_now(), refund_window=refund_window())
    return LeavingPage(
        bookings=[(row, preview.credits) for row, preview in previews if preview],
        slots=[row for row in hosted if row["status"] == "open" and row["starts_at"] > row["now"]],
    )
