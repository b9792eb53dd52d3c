"""A small world to shoot at: a client, a host and a member of the staff, with one of everything that has an id."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from bookings.services import availability, booking
from tests.bookings.people import make_offering, make_person, make_slot, shift_start
from tests.tokens.in_process import CLI, client_called, now, sign_in
from tokens.models import Session
from tokens.policies.scopes import ALL_SCOPES
from tokens.services import devices, personal_tokens

KINDS = ("client", "host", "staff")
WEEKLY: dict[str, Any] = {
    "kind": "weekly",
    "weekday": 1,
    "start_time": time(9),
    "end_time": time(12),
    "title": "Office hours",
}


@dataclass(frozen=True)
class World:
    """A bearer token of each kind of person, the values that exist of each thing a request can name, and bodies."""

    bearers: dict[str, str]
    known: dict[str, list[str]]
    bodies: dict[str, list[dict[str, Any]]]


def make_world() -> World:
    people = {
        "client": make_person("ada", credits=50),
        "host": make_person("grace", is_host=True, time_zone="Europe/Berlin"),
        "staff": make_person("margaret", is_host=True, credits=5),
    }
    User.objects.filter(id=people["staff"].id).update(is_staff=True)
    bearers = {kind: sign_in(person).access_token for kind, person in people.items()}
    known = _bookings_of(people) | _access_of(people)
    return World(bearers, known, _bodies(known["slot_id"]))


@contextmanager
def taken_back() -> Iterator[None]:
    """Whatever is done inside is undone. Durable services may run in it, as in the test that it is part of."""
    attempt = transaction.atomic()
    attempt._from_testcase = True  # type: ignore[attr-defined]  # what Django's own TestCase says of its transactions
    with attempt:
        yield
        transaction.set_rollback(True)


def _bookings_of(people: dict[str, User]) -> dict[str, list[str]]:
    ada, grace, margaret = people["client"], people["host"], people["staff"]
    later, full, past, free = (
        make_slot(
            grace,
            hours=72 + 2 * number,
            capacity=1 + number % 3,
            title=f"Session {number}",
            offering=make_offering(grace),
        )
        for number in range(4)
    )
    hers = make_slot(margaret, hours=300)
    made = [booking.book_slot(client_id=ada.id, slot_id=slot.id) for slot in (later, past, hers)]
    made += [booking.book_slot(client_id=margaret.id, slot_id=slot.id) for slot in (full, past)]
    shift_start(past, hours=-0.5)
    rule = availability.add_rule(host_id=grace.id, values=WEEKLY).rule
    return {
        "booking_id": [str(row["id"]) for row in made],
        "slot_id": [str(slot.id) for slot in (later, full, past, free, hers)],
        "rule_id": [str(rule.id)],
        "offering_id": [str(rule.offering_id)],
        "host": [str(grace.id)],
        "login": ["grace", "MARGARET"],
    }


def _bodies(slots: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Bodies that are meant, of each operation whose random ones would hardly ever be."""
    day = (now() + timedelta(days=20)).replace(hour=9, minute=0, second=0, microsecond=0)
    slot = {
        "title": "Extra",
        "starts_at": day.isoformat(),
        "ends_at": (day + timedelta(hours=1)).isoformat(),
        "capacity": 2,
    }
    weekly = {"kind": "weekly", "weekday": 2, "start_time": "14:00", "end_time": "16:00", "title": "Afternoon"}
    choices = [{"slot_id": slot_id} for slot_id in reversed(slots)]
    return {
        "POST /api/v1/slots": [slot, slot | {"starts_at": "0001-01-01T00:00:00+14:00"}, *_at_the_ends_of_time(slot)],
        "POST /api/v1/availability-rules": [weekly, {"kind": "day_off", "date": "9999-12-31"}],
        "POST /api/v1/offerings": [
            {"title": "Yoga", "minutes": 60, "link": "https://meet.example/", "price_credits": 2}
        ],
        "PATCH /api/v1/offerings/{offering_id}": [{"price_credits": 0, "place": "Here"}, {"minutes": 30}],
        "POST /api/v1/bookings": [*choices, *(choice | {"expected_credits_charged": 1} for choice in choices)],
        "POST /api/v1/bookings/{booking_id}/reschedule": choices,
        "POST /api/v1/bookings/{booking_id}/cancel": [{}, {"expected_credits_refunded": 1}],
        "POST /api/v1/hosts/me/cancel-day": [
            {"date": day.date().isoformat()},
            {"date": "0001-01-01"},
            {"date": "9999-12-31"},
        ],
        "POST /api/v1/personal-access-tokens": [{"name": "ci", "scopes": ["account:read"]}],
        "POST /api/v1/trusted-publishers": [
            {"repository": "ada/site", "workflow": "ci.yml", "scopes": ["bookings:read"]},
            {"repository": "ada/site", "workflow": "ci.yml", "scopes": ["bookings:read"], "ref": "refs/heads/\u0000"},
        ],
        "PATCH /api/v1/me": [
            {"time_zone": zone} for zone in ("Africa/Lagos", "../../etc/passwd", "\x00", "Etc/GMT+12")
        ],
    }


def _at_the_ends_of_time(slot: dict[str, Any]) -> list[dict[str, Any]]:
    ends = [
        ("0001-01-01T00:00:00Z", "0001-01-01T01:00:00Z"),
        ("9999-12-31T22:00:00-14:00", "9999-12-31T23:00:00-14:00"),
        ("9999-12-31T22:00:00+14:00", "9999-12-31T23:00:00+14:00"),
        ("9999-12-31T22:00:00Z", "9999-12-31T23:59:59.999999Z"),
    ]
    return [slot | {"starts_at": starts_at, "ends_at": ends_at} for starts_at, ends_at in ends]


def _access_of(people: dict[str, User]) -> dict[str, list[str]]:
    tokens = [
        personal_tokens.add_token(
            user_id=person.id, name="ci", scopes=frozenset(ALL_SCOPES), expires_at=None, now=timezone.now()
        )[0]
        for person in people.values()
    ]
    codes = [
        devices.authorize_device(client=client_called(CLI), scope="", label="", address=None, now=now()).user_code
        for _ in range(2)
    ]
    owned = Session.objects.filter(user__in=people.values()).values_list("id", flat=True)
    return {
        "token_id": [str(token.id) for token in tokens],
        "user_code": codes,
        "session_id": [str(session_id) for session_id in owned],
    }
