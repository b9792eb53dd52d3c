"""The demo of a development database. Everything goes through the services that people use, the past too."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from accounts.services import people, roles
from bookings import errors
from bookings.repositories import demo, subscriptions, transactions
from bookings.services import availability, expansion, offerings
from bookings.services.booking import book_slot
from bookings.services.credits import grant_plan
from bookings.services.demo_history import BEGAN, tell_history
from bookings.services.hosting import create_slot
from bookings.services.operations import operation
from bookings.services.waiting import join_waitlist

# Name, credits, and days of a period. The plan renews itself, the trial ends.
PLAN, TRIAL = ("Monthly", 10, 30), ("Trial", 3, 30)
DROP_IN: dict[str, Any] = {"title": "Drop-in", "minutes": 30, "capacity": 4, "public": True}
NEAR_HOURS, NEAR_SEATS = (2, 6, 10), 4


@dataclass(frozen=True)
class Week:
    """What a host's week looks like, in the host's zone; weekdays are ISO 8601's."""

    time_zone: str
    title: str
    capacity: int
    weekdays: tuple[int, ...]
    start: time
    end: time
    place: str
    description: str


HOSTS = {
    "grace": Week(
        "America/New_York", "Compilers, office hours", 3, (1, 2, 3, 4, 5, 6, 7), time(9), time(12), "Online",
        "Bring a question about lexers, types or code generation. Up to three people, one whiteboard.",
    ),
    "linus": Week(
        "Europe/Helsinki", "Code review, one to one", 1, (1, 2, 3, 4, 5), time(13), time(16), "Online",
        "We read one change of yours, line by line. Send a link to it before.",
    ),
    "margaret": Week(
        "Africa/Lagos", "Mission software, workshop", 12, (1, 3, 5, 7), time(10), time(13), "Room 4, Kepler House",
        "We read one piece of flight software together, and look for what would fail on the far side of the Moon.",
    ),
}  # fmt: skip
CLIENTS = ("ada", "alan", "barbara", "edsger", "katherine")
ON_TRIAL, STAFF = "edsger", "admin"


def github_id_of(login: str) -> int:
    """The id that the GitHub stand-in has for this name, so that signing in there is the same person."""
    return 2**40 + int.from_bytes(hashlib.sha256(login.lower().encode()).digest()[:4])


def seed_demo(*, now: datetime) -> list[str]:
    """Add what the demo promises and does not hold at `now`; a line for each thing done.

    A second run adds only what is missing by then: sessions have started, seats have been taken.
    """
    done = _seed_people(now)
    ids = _known()
    done += _seed_past(ids, now)
    done += _seed_weeks(ids)
    done += _seed_promised(ids, now)
    done += _seed_bookings(ids, now)
    done += _seed_queue(ids, now)
    return done or ["The demo is complete."]


def _known() -> dict[str, UUID]:
    numbers = {github_id_of(login): login for login in (*HOSTS, *CLIENTS, STAFF)}
    return {numbers[number]: user_id for number, user_id in demo.find_people(numbers).items()}


def _seed_people(now: datetime) -> list[str]:
    known = _known()
    missing = [login for login in (*HOSTS, *CLIENTS, STAFF) if login not in known]
    with transactions.at_demo_time(now - BEGAN):
        for login in missing:
            _add_person(login, now)
    return [f"People: {', '.join(missing)}."] if missing else []


def _add_person(login: str, now: datetime) -> None:
    """No address is given, so the demo writes to nobody until they sign in themselves."""
    person = people.upsert_person(github_id=github_id_of(login), login=login, display_name=login.capitalize(), now=now)
    _admit(user_id=person.id)
    if login == STAFF:
        roles.grant_staff(user_id=person.id)
    if login in CLIENTS:
        name, credits, days = TRIAL if login == ON_TRIAL else PLAN
        subscriptions.ensure_plan(name=name, credits=credits, period_days=days)
        grant_plan(user_id=person.id, plan_name=name, renews=login != ON_TRIAL)
    if login in HOSTS:
        people.mark_host(user_id=person.id, is_host=True)
        people.update_profile(user_id=person.id, changes={"time_zone": HOSTS[login].time_zone})


@operation
def _admit(_: datetime, /, *, user_id: UUID) -> None:
    """As their next sign-in would, where they have left since."""
    people.admit_person(user_id=user_id, answered_at=people.read_verification_time())


def _seed_weeks(ids: dict[str, UUID]) -> list[str]:
    added = 0
    for login, week in HOSTS.items():
        if not availability.list_rules(host_id=ids[login]):
            _add_rules(week, ids[login])
            added += 1
        _publish(ids[login])
        added += expansion.expand_host(host_id=ids[login])
    return ["Slots: two weeks of them."] if added else []


def _add_rules(week: Week, host_id: UUID) -> None:
    says = {"title": week.title, "capacity": week.capacity, "place": week.place, "description": week.description}
    offering = offerings.add_offering(host_id=host_id, values={"minutes": 60, "public": True, **says})
    hours = {"start_time": week.start, "end_time": week.end, "offering_id": offering["id"]}
    for weekday in week.weekdays:
        availability.add_rule(
            host_id=host_id, values={"kind": "weekly", "weekday": weekday, "horizon_days": 15, **hours}
        )


def _publish(host_id: UUID) -> None:
    """Show a demo of the release before, whose offerings are made from its rules, to everybody."""
    own = offerings.list_offerings(viewer_id=host_id, host_id=host_id).rows
    if not any(one["public"] for one in own):
        for one in own:
            offerings.change_offering(host_id=host_id, offering_id=one["id"], values={"public": True})


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


def _drop_in(host_id: UUID) -> UUID:
    """What the host's promised sessions are made from: everybody sees it."""
    own = offerings.list_offerings(viewer_id=host_id, host_id=host_id).rows
    found = [one["id"] for one in own if one["title"] == DROP_IN["title"] and one["archived_at"] is None]
    return found[0] if found else offerings.add_offering(host_id=host_id, values=DROP_IN)["id"]


def _add_slot(ids: dict[str, UUID], *, starts_at: datetime, capacity: int) -> str:
    """A slot on the first quarter of an hour from `starts_at` on at which one of the hosts is free."""
    first = starts_at.replace(minute=starts_at.minute // 15 * 15, second=0, microsecond=0)
    for minutes in (15, 30, 45):
        for login in HOSTS:
            host_id, start = ids[login], first + timedelta(minutes=minutes)
            try:
                create_slot(host_id=host_id, offering_id=_drop_in(host_id), starts_at=start, capacity=capacity)
            except errors.SlotOverlaps:
                continue
            return f"Slot: {capacity} seats with {login} at {start.day} {start:%b %H:%M} UTC."
    return f"No host is free at {first.day} {first:%b %H:%M} UTC."


def _seed_past(ids: dict[str, UUID], now: datetime) -> list[str]:
    if demo.has_past([ids[login] for login in CLIENTS], now=now):
        return []
    tell_history(ids=ids, now=now)
    return ["History: sessions that are over, moved, cancelled and missed."]


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
