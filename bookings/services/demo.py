"""The demo of a development database. Everything goes through the services that people use, except the past."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from uuid import UUID

from accounts.services import people
from bookings import errors
from bookings.repositories import demo, rules, slots, subscriptions
from bookings.services import availability, transactions
from bookings.services.bookings import book_slot
from bookings.services.seats import seat_client
from bookings.services.slots import create_slot
from bookings.services.subscriptions import open_plan
from bookings.services.waitlist import join_waitlist

PLAN = "Monthly"
PLAN_BEGAN = timedelta(days=14)
NEAR_HOURS, NEAR_SEATS = (2, 6, 10), 4
PAST = (("grace", 3), ("margaret", 5), ("grace", 9))


@dataclass(frozen=True)
class Week:
    """What a host's week looks like, in the host's zone; weekdays are ISO 8601's."""

    time_zone: str
    title: str
    capacity: int
    weekdays: tuple[int, ...]
    start: time
    end: time


HOSTS = {
    "grace": Week("America/New_York", "Compilers, office hours", 3, (1, 2, 3, 4, 5, 6, 7), time(9), time(12)),
    "linus": Week("Europe/Helsinki", "Code review, one to one", 1, (1, 2, 3, 4, 5), time(13), time(16)),
    "margaret": Week("Africa/Lagos", "Mission software, workshop", 12, (1, 3, 5, 7), time(10), time(13)),
}
CLIENTS = ("ada", "alan", "barbara", "edsger", "katherine")
STAFF = "admin"


def github_id_of(login: str) -> int:
    """The id that the GitHub stand-in has for this name, so that signing in there is the same person."""
    return 2**40 + int.from_bytes(hashlib.sha256(login.lower().encode()).digest()[:4])


def seed_demo(*, now: datetime) -> list[str]:
    """Add what the demo promises and does not hold at `now`; a line for each thing done.

    A second run adds only what is missing by then: sessions have started, seats have been taken.
    """
    done = _seed_people(now)
    ids = _known()
    done += _seed_weeks(ids)
    done += _seed_promised(ids, now)
    done += _seed_past(ids, now)
    done += _seed_bookings(ids, now)
    done += _seed_queue(ids, now)
    return done or ["The demo is complete."]


def _known() -> dict[str, UUID]:
    numbers = {github_id_of(login): login for login in (*HOSTS, *CLIENTS, STAFF)}
    return {numbers[number]: user_id for number, user_id in demo.find_people(numbers).items()}


def _seed_people(now: datetime) -> list[str]:
    known = _known()
    missing = [login for login in (*HOSTS, *CLIENTS, STAFF) if login not in known]
    for login in missing:
        _add_person(login, now)
    return [f"People: {', '.join(missing)}."] if missing else []


def _add_person(login: str, now: datetime) -> None:
    """No address is given, so the demo writes to nobody until they sign in themselves."""
    person = people.upsert_person(github_id=github_id_of(login), login=login, display_name=login.capitalize(), now=now)
    if login == STAFF:
        people.grant_staff(user_id=person.id)
    if login in CLIENTS:
        subscriptions.ensure_plan(name=PLAN, credits=10, period_days=30)
        transactions.run(partial(_grant_past_plan, person.id, now - PLAN_BEGAN))
    if login in HOSTS:
        people.mark_host(user_id=person.id, is_host=True)
        people.update_profile(user_id=person.id, changes={"time_zone": HOSTS[login].time_zone})


def _grant_past_plan(user_id: UUID, began_at: datetime, _: datetime) -> None:
    """Before the demo's past bookings, so that the ledger reads in order."""
    open_plan(user_id=user_id, plan_name=PLAN, renews=True, actor_id=None, now=began_at)


def _seed_weeks(ids: dict[str, UUID]) -> list[str]:
    added = 0
    for login, week in HOSTS.items():
        if not rules.list_rules(ids[login]):
            _add_rules(week, ids[login])
            added += 1
        added += availability.expand_host(host_id=ids[login])
    return ["Slots: two weeks of them."] if added else []


def _add_rules(week: Week, host_id: UUID) -> None:
    hours = {"start_time": week.start, "end_time": week.end, "title": week.title, "capacity": week.capacity}
    for weekday in week.weekdays:
        availability.add_rule(
            host_id=host_id, values={"kind": "weekly", "weekday": weekday, "horizon_days": 15, **hours}
        )


def _seed_promised(ids: dict[str, UUID], now: datetime) -> list[str]:
    """Sessions near enough to be cancelled late, and untouched ones far enough to be cancelled in time."""
    near, far, end = now + timedelta(minutes=30), now + timedelta(hours=26), now + timedelta(days=20)
    wanted: list[tuple[timedelta, int]] = []
    if demo.count_bookable(starts_from=near, starts_before=now + timedelta(hours=11)) < len(NEAR_HOURS):
        wanted += [(timedelta(hours=hours), NEAR_SEATS) for hours in NEAR_HOURS]
    for capacity in (3, 12):
        if not demo.count_bookable(starts_from=far, starts_before=end, capacity=capacity):
            wanted.append((timedelta(days=2), capacity))
    return [_add_slot(ids, starts_at=now + ahead, capacity=capacity) for ahead, capacity in wanted]


def _add_slot(ids: dict[str, UUID], *, starts_at: datetime, capacity: int) -> str:
    """A slot on the first quarter of an hour from `starts_at` on at which one of the hosts is free."""
    first = starts_at.replace(minute=starts_at.minute // 15 * 15, second=0, microsecond=0)
    for minutes in (15, 30, 45):
        for login in HOSTS:
            start = first + timedelta(minutes=minutes)
            try:
                create_slot(
                    host_id=ids[login],
                    title="Drop-in",
                    starts_at=start,
                    ends_at=start + timedelta(minutes=30),
                    capacity=capacity,
                )
            except errors.SlotOverlaps:
                continue
            return f"Slot: {capacity} seats with {login} at {start:%d %b %H:%M} UTC."
    return f"No host is free at {first:%d %b %H:%M} UTC."


def _seed_past(ids: dict[str, UUID], now: datetime) -> list[str]:
    clients = [ids[login] for login in CLIENTS]
    if demo.has_past(clients, now=now):
        return []
    for host, days in PAST:
        starts_at = (now - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
        transactions.run(partial(_add_past_session, ids[host], HOSTS[host].title, clients[:3], starts_at))
    return ["Bookings: three sessions that are over."]


def _add_past_session(host_id: UUID, title: str, client_ids: list[UUID], starts_at: datetime, _: datetime) -> None:
    """As if it had been booked two days before; nobody can book the past through the product."""
    booked_at = starts_at - timedelta(days=2)
    slot = slots.insert_slot(
        host_id=host_id,
        title=title,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        capacity=12,
    )
    purses = subscriptions.by_user(subscriptions.lock_for(user_ids=client_ids))
    for client_id in client_ids:
        purse = max(purses[client_id], key=lambda s: s.credits_remaining)
        taken = slots.take_seat(slot.id, client_id=client_id, now=booked_at)
        if taken and purse.credits_remaining:
            seat_client(slot=taken, subscription=purse, client_id=client_id, now=booked_at)


def _seed_bookings(ids: dict[str, UUID], now: datetime) -> list[str]:
    upcoming = demo.count_upcoming([ids[login] for login in CLIENTS], now=now)
    poor = [login for login in CLIENTS if upcoming.get(ids[login], 0) < 2]
    tomorrow = now + timedelta(days=1)
    free = demo.list_free_ids(host_ids=[ids["grace"]], starts_from=tomorrow, limit=2)
    free += demo.list_free_ids(host_ids=[ids["margaret"]], starts_from=tomorrow, limit=8)
    made = sum(_book_any(ids[login], free, wanted=2) for login in poor)
    return [f"Bookings: {made} ahead."] if made else []


def _book_any(client_id: UUID, slot_ids: list[UUID], *, wanted: int) -> int:
    made = 0
    for slot_id in slot_ids:
        if made == wanted:
            break
        try:
            book_slot(client_id=client_id, slot_id=slot_id)
        except errors.BookingsError:
            continue
        made += 1
    return made


def _seed_queue(ids: dict[str, UUID], now: datetime) -> list[str]:
    if demo.has_queue(now=now):
        return []
    free = demo.list_free_ids(host_ids=[ids["linus"]], starts_from=now + timedelta(days=3), limit=8)
    for slot_id in free:
        if _book_any(ids["alan"], [slot_id], wanted=1):
            for login in ("barbara", "katherine"):
                join_waitlist(client_id=ids[login], slot_id=slot_id)
            return ["Waitlist: barbara and katherine wait for a session with linus."]
    return []
