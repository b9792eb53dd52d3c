"""What a host offers, over HTTP: slots and rules made from it, what follows its changes, and what is refused."""

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.services import erasure
from bookings import errors
from bookings.models import AvailabilityRule, Offering, Slot, UnfinishedUpgrade
from bookings.repositories import clock
from bookings.services.booking import book_slot
from bookings.services.front_desk import book_as_staff
from bookings.services.waiting import join_waitlist
from tests.bookings.api import Caller
from tests.bookings.jobs import run_jobs
from tests.bookings.people import make_person, make_slot

YOGA = {
    "title": "Yoga",
    "description": "Slow.\n\nBring a mat.",
    "place": "Studio 2, Hauptstr. 5",
    "link": "https://meet.example/yoga",
    "minutes": 60,
    "capacity": 2,
    "price_credits": 3,
    "refund_window_hours": 24,
    "public": True,
}
SAID = ("title", "description", "place", "link", "capacity", "price_credits")


@pytest.fixture
def host(grace: User) -> Caller:
    return Caller(grace)


@pytest.fixture
def yoga(host: Caller) -> dict[str, Any]:
    return host.post("/offerings", YOGA, status=201)


def in_days(days: int) -> str:
    return (clock.read_now() + timedelta(days=days)).isoformat()


def add_slot(host: Caller, yoga: dict[str, Any], *, days: int = 3, **values: Any) -> dict[str, Any]:
    return host.post("/slots", {"offering_id": yoga["id"], "starts_at": in_days(days), **values}, status=201)


def add_hours(host: Caller, yoga: dict[str, Any], **values: Any) -> dict[str, Any]:
    hours = {"kind": "weekly", "weekday": 3, "start_time": "09:00", "end_time": "11:00", "offering_id": yoga["id"]}
    return host.post("/availability-rules", hours | values, status=201)


def problems(host: Caller, method: str, path: str, body: dict[str, Any]) -> set[str]:
    send = getattr(host.client, method)
    response = send(f"/api/v1{path}", body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "validation_error"), response.content
    return set(response.json().get("errors", {}))


def test_the_same_key_offers_once(grace: User) -> None:
    caller, body, key = Caller(grace), {"title": "Yoga", "minutes": 60}, {"Idempotency-Key": "a-key"}
    made = [caller.post("/offerings", body, status=201, **key)["id"] for _ in range(2)]
    assert made[0] == made[1]
    assert caller.refused("POST", "/offerings", body | {"minutes": 45}, **key) == (409, "idempotency_conflict")
    assert caller.post("/offerings", body, status=201)["id"] != made[0]


def test_an_offering_is_what_its_host_has_said(host: Caller, yoga: dict[str, Any], grace: User, mallory: User) -> None:
    assert {name: yoga[name] for name in YOGA} == YOGA
    assert (yoga["host"]["id"], yoga["archived_at"]) == (str(grace.id), None)
    (seen,) = Caller(mallory).get("/offerings", host=str(grace.id))["results"]
    assert seen == yoga | {"link": None}
    assert Caller(mallory).get("/offerings", host=str(mallory.id))["results"] == []


def test_an_offering_needs_a_title_and_a_length_alone(host: Caller) -> None:
    made = host.post("/offerings", {"title": "Chess", "minutes": 30}, status=201)
    assert (made["capacity"], made["price_credits"], made["refund_window_hours"]) == (1, 1, None)
    assert (made["place"], made["link"], made["description"], made["public"]) == ("", "", "", False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "x" * 101),
        ("title", "\u202e\u200b"),
        ("description", "x" * 2001),
        ("place", "x" * 201),
        ("link", "http://meet.example/yoga"),
        ("link", "javascript:alert(1)"),
        ("link", "https://grace@meet.example/"),
        ("link", "https://meet.example/" + "x" * 500),
        ("link", "https://meet.example/\ud800"),
        ("minutes", 4),
        ("minutes", 1441),
        ("capacity", 0),
        ("capacity", 501),
        ("price_credits", -1),
        ("price_credits", 101),
        ("price_credits", 10**400),
        ("refund_window_hours", -1),
        ("refund_window_hours", 721),
        ("public", "perhaps"),
    ],
)
def test_what_an_offering_cannot_say_is_refused_by_name(
    host: Caller, yoga: dict[str, Any], field: str, value: Any
) -> None:
    assert problems(host, "post", "/offerings", YOGA | {field: value}) == {field}
    assert problems(host, "patch", f"/offerings/{yoga['id']}", {field: value}) == {field}
    (same,) = host.get("/offerings")["results"]
    assert same == yoga


def test_others_change_and_use_nothing(host: Caller, yoga: dict[str, Any], ada: User) -> None:
    linus = make_person("linus", is_host=True)
    for caller in (Caller(ada), Caller(linus)):
        assert problems_of(caller, "patch", f"/offerings/{yoga['id']}", {"title": "Mine"}) == (404, "not_found")
        assert caller.refused("POST", f"/offerings/{yoga['id']}/archive") == (404, "not_found")
    assert Caller(ada).refused("POST", "/offerings", YOGA) == (403, "not_a_host")
    slot = {"offering_id": yoga["id"], "starts_at": in_days(3)}
    assert problems(Caller(linus), "post", "/slots", slot) == {"offering_id"}


def problems_of(caller: Caller, method: str, path: str, body: dict[str, Any]) -> tuple[int, str]:
    response = getattr(caller.client, method)(f"/api/v1{path}", body, content_type="application/json")
    return response.status_code, response.json()["code"]


def test_a_slot_says_what_its_offering_says_or_something_else(host: Caller, yoga: dict[str, Any]) -> None:
    same = add_slot(host, yoga)
    assert {name: same[name] for name in SAID} == {name: YOGA[name] for name in SAID}
    assert same["offering_id"] == yoga["id"]
    starts_at, ends_at, deadline = (
        Slot.objects.get(id=same["id"]).starts_at,
        Slot.objects.get(id=same["id"]).ends_at,
        same["refund_deadline"],
    )
    assert ends_at - starts_at == timedelta(hours=1)
    assert deadline == (starts_at - timedelta(hours=24)).isoformat().replace("+00:00", "Z")
    other = add_slot(host, yoga, days=4, title="Yoga outside", place="The park", price_credits=0)
    assert (other["title"], other["place"], other["price_credits"]) == ("Yoga outside", "The park", 0)
    assert other["link"] == YOGA["link"]


def test_a_slot_of_no_offering_says_all_itself(host: Caller) -> None:
    assert problems(host, "post", "/slots", {"starts_at": in_days(3)}) == {"title", "ends_at", "capacity"}
    ends_at = (clock.read_now() + timedelta(days=3, hours=1)).isoformat()
    alone = {"title": "Alone", "starts_at": in_days(3), "ends_at": ends_at, "capacity": 1, "place": "Here"}
    made = host.post("/slots", alone, status=201)
    assert (made["offering_id"], made["place"], made["price_credits"]) == (None, "Here", 1)


def test_the_link_is_for_those_booked_and_the_host(
    host: Caller, yoga: dict[str, Any], ada: User, mallory: User
) -> None:
    slot = add_slot(host, yoga)
    booking = Caller(ada).post("/bookings", {"slot_id": slot["id"]}, status=201)
    assert (booking["link"], booking["place"]) == (YOGA["link"], YOGA["place"])
    assert Caller(ada).get(f"/slots/{slot['id']}")["link"] == YOGA["link"]
    assert Caller(mallory).get(f"/slots/{slot['id']}")["link"] is None
    assert [one["link"] for one in Caller(mallory).get("/slots")["results"]] == [None]
    assert Caller(ada).post(f"/bookings/{booking['id']}/cancel")["link"] is None
    assert Caller(ada).get(f"/slots/{slot['id']}")["link"] is None


def test_hours_are_made_from_an_offering_or_become_one(host: Caller, yoga: dict[str, Any]) -> None:
    rule = add_hours(host, yoga, place="The park")
    assert (rule["offering_id"], rule["title"], rule["place"], rule["slot_minutes"]) == (
        yoga["id"], "Yoga", "The park", 60,
    )  # fmt: skip
    slots = Slot.objects.filter(rule_id=rule["id"])
    assert len(slots) == rule["opened"] > 0
    assert {(str(one.offering_id), one.place, one.link, one.price_credits) for one in slots} == {
        (yoga["id"], "The park", YOGA["link"], 3)
    }
    old = {"kind": "weekly", "start_time": "14:00", "end_time": "16:00", "title": "Clinic", "capacity": 4}
    first, second = (host.post("/availability-rules", old | {"weekday": day}, status=201) for day in (1, 2))
    assert first["offering_id"] == second["offering_id"] != yoga["id"]
    clinic = Offering.objects.get(id=first["offering_id"])
    assert (clinic.title, clinic.minutes, clinic.capacity, clinic.public) == ("Clinic", 60, 4, False)
    off = host.post("/availability-rules", {"kind": "day_off", "date": in_days(30)[:10]}, status=201)
    assert off["offering_id"] is None


def test_a_change_of_hours_reaches_their_slots(host: Caller, yoga: dict[str, Any]) -> None:
    rule = add_hours(host, yoga)
    changed = host.patch(f"/availability-rules/{rule['id']}", {"place": "The park", "price_credits": 2})
    assert (changed["coming_slots"], changed["opened"], changed["closed"]) == (rule["opened"], 0, 0)
    assert set(Slot.objects.filter(status="open").values_list("place", "price_credits")) == {("The park", 2)}


def test_what_says_what_the_offering_said_follows_it(host: Caller, yoga: dict[str, Any], ada: User) -> None:
    rule = add_hours(host, yoga)
    same, outside = add_slot(host, yoga), add_slot(host, yoga, days=4, place="The park")
    booking = Caller(ada).post("/bookings", {"slot_id": same["id"]}, status=201)
    changed = host.patch(
        f"/offerings/{yoga['id']}", {"place": "Studio 3", "price_credits": 1, "refund_window_hours": None}
    )
    assert (changed["coming_slots"], changed["booked_slots"]) == (rule["opened"] + 2, 1)
    assert (changed["opened"], changed["closed"]) == (0, 0)
    assert Caller(ada).get(f"/slots/{same['id']}")["place"] == "Studio 3"
    assert Caller(ada).get(f"/slots/{outside['id']}")["place"] == "The park"
    assert set(Slot.objects.values_list("price_credits", "refund_window_hours")) == {(1, None)}
    assert AvailabilityRule.objects.get(id=rule["id"]).place == "Studio 3"
    kept = Caller(ada).get(f"/bookings/{booking['id']}")
    assert (kept["credits_charged"], kept["refund_deadline"]) == (3, booking["refund_deadline"])
    assert (kept["place"], kept["free_to_leave_until"]) == ("Studio 3", booking["scheduled_start_time"])
    mail.outbox.clear()
    run_jobs()
    (told,) = [one for one in mail.outbox if "Studio 2" in one.body]
    assert told.to == ["ada@example.org"]
    assert host.patch(f"/offerings/{yoga['id']}", {"place": "Studio 3"})["coming_slots"] == 0


def test_another_length_changes_the_calendar_and_leaves_what_is_booked(
    host: Caller, yoga: dict[str, Any], ada: User
) -> None:
    rule = add_hours(host, yoga)
    booked = Slot.objects.filter(rule_id=rule["id"]).order_by("starts_at")[0]
    book_slot(client_id=ada.id, slot_id=booked.id)
    changed = host.patch(f"/offerings/{yoga['id']}", {"minutes": 30})
    assert changed["closed"] == rule["opened"] - 1
    assert changed["opened"] == 2 * rule["opened"] - 2
    assert [one["id"] for one in changed["left"]] == [str(booked.id)]
    lengths = {slot.ends_at - slot.starts_at for slot in Slot.objects.filter(status="open", seats_taken=0)}
    assert lengths == {timedelta(minutes=30)}
    assert problems(host, "patch", f"/offerings/{yoga['id']}", {"minutes": 300}) == {"minutes"}
    assert Offering.objects.get(id=yoga["id"]).minutes == 30


def test_seats_follow_up_to_those_who_wait_and_never_below_those_taken(
    host: Caller, yoga: dict[str, Any], ada: User
) -> None:
    slot, empty = add_slot(host, yoga), add_slot(host, yoga, days=4)
    linus, waiting = make_person("linus"), make_person("waiting")
    for client in (ada, linus):
        book_slot(client_id=client.id, slot_id=Slot.objects.get(id=slot["id"]).id)
    join_waitlist(client_id=waiting.id, slot_id=Slot.objects.get(id=slot["id"]).id)
    assert problems_of(host, "patch", f"/offerings/{yoga['id']}", {"capacity": 1}) == (409, "capacity_below_seats")
    assert host.patch(f"/offerings/{yoga['id']}", {"capacity": 3})["promoted"] == 1
    assert [host.get(f"/slots/{one['id']}")["capacity"] for one in (slot, empty)] == [3, 3]
    assert host.get(f"/slots/{slot['id']}")["seats_taken"] == 3


def test_an_archived_offering_makes_nothing_new(host: Caller, yoga: dict[str, Any], mallory: User) -> None:
    slot, rule = add_slot(host, yoga), add_hours(host, yoga)
    assert host.refused("POST", f"/offerings/{yoga['id']}/archive") == (400, "validation_error")
    host.delete(f"/availability-rules/{rule['id']}", status=200)
    archived = host.post(f"/offerings/{yoga['id']}/archive")
    assert archived["archived_at"] is not None
    assert host.post(f"/offerings/{yoga['id']}/archive") == archived
    assert host.get(f"/slots/{slot['id']}")["status"] == "open"
    assert problems(host, "post", "/slots", {"offering_id": yoga["id"], "starts_at": in_days(5)}) == {"offering_id"}
    assert Caller(mallory).get("/offerings")["results"] == []
    assert host.get("/offerings")["results"] == [archived]


def test_hours_of_the_release_before_become_offerings(host: Caller, grace: User) -> None:
    """Those that agree in title, length and seats are one; what no rule made stays without. A second run adds none."""
    hours = {"kind": "weekly", "start_time": "09:00", "end_time": "11:00", "title": "Clinic"}
    for weekday, seats in ((1, 4), (2, 4), (3, 5)):
        host.post("/availability-rules", hours | {"weekday": weekday, "capacity": seats}, status=201)
    host.post("/availability-rules", {"kind": "day_off", "date": in_days(40)[:10]}, status=201)
    # On the day off: at any other time it might meet one of those.
    alone = make_slot(grace, hours=40 * 24, minutes=5)
    AvailabilityRule.objects.update(offering=None)
    Slot.objects.update(offering=None)
    Offering.objects.all().delete()
    migration = import_module("bookings.migrations.0018_rules_become_offerings")
    for _ in range(2):
        migration.note_upgrade(apps, SimpleNamespace(connection=connection))
        migration.adopt_in_batches(apps, SimpleNamespace(connection=connection), batch=2)
    assert sorted(Offering.objects.values_list("title", "minutes", "capacity", "public")) == [
        ("Clinic", 60, 4, False),
        ("Clinic", 60, 5, False),
    ]
    for rule in AvailabilityRule.objects.exclude(kind="day_off"):
        assert rule.offering is not None
        assert rule.offering.capacity == rule.capacity
        assert set(rule.slots.values_list("offering_id", flat=True)) == {rule.offering_id}
    assert Slot.objects.get(id=alone.id).offering is None
    assert UnfinishedUpgrade.objects.count() == 1


def test_until_the_upgrade_is_finished_everything_costs_one(host: Caller, grace: User) -> None:
    UnfinishedUpgrade.objects.create(name="offerings")
    body = {"title": "Chess", "minutes": 30}
    assert problems(host, "post", "/offerings", body | {"price_credits": 2}) == {"price_credits"}
    assert problems(host, "post", "/offerings", body | {"refund_window_hours": 0}) == {"refund_window_hours"}
    chess = host.post("/offerings", body | {"place": "The park", "price_credits": 1}, status=201)
    assert problems(host, "patch", f"/offerings/{chess['id']}", {"price_credits": 0}) == {"price_credits"}
    assert problems(host, "patch", f"/offerings/{chess['id']}", {"place": "The hall"}) == {"place"}
    slot = host.post("/slots", {"offering_id": chess["id"], "starts_at": in_days(3)}, status=201)
    assert problems(host, "patch", f"/slots/{slot['id']}", {"starts_at": in_days(4)}) == {"starts_at"}
    assert host.patch(f"/slots/{slot['id']}", {"title": "Blitz"})["title"] == "Blitz"
    ada, roster = make_person("ada"), f"/slots/{slot['id']}/bookings"
    for charge in (True, False):
        assert problems(host, "post", roster, {"login": "ada", "charge": charge}) == {"charge"}
        with pytest.raises(errors.NotValid, match="upgraded"):
            book_as_staff(person="ada", slot_id=UUID(slot["id"]), charge=charge)
    assert Caller(ada).post("/bookings", {"slot_id": slot["id"]}, status=201)["credits_charged"] == 1
    assert problems(
        host, "post", "/slots", {"offering_id": chess["id"], "starts_at": in_days(3), "price_credits": 0}
    ) == {"price_credits"}
    rule = add_hours(host, chess)
    AvailabilityRule.objects.filter(id=rule["id"]).update(offering=None)
    Slot.objects.filter(rule_id=rule["id"]).update(offering=None)
    call_command("finish_upgrade", yes=True)
    adopted = AvailabilityRule.objects.get(id=rule["id"])
    assert str(adopted.offering_id) == chess["id"]
    assert set(Slot.objects.filter(rule=adopted).values_list("offering_id", flat=True)) == {adopted.offering_id}
    assert host.patch(f"/offerings/{chess['id']}", {"price_credits": 0})["price_credits"] == 0


def test_everybody_reads_what_is_public_and_nothing_of_the_link(
    host: Caller, yoga: dict[str, Any], settings: Settings
) -> None:
    settings.PUBLIC_CALENDAR = True
    host.post("/offerings", YOGA | {"public": False}, status=201)
    archived = host.post("/offerings", YOGA, status=201)
    host.post(f"/offerings/{archived['id']}/archive")
    answer = Client().get("/api/v1/offerings")
    (seen,) = answer.json()["results"]
    assert seen["id"] == yoga["id"]
    assert set(seen) == {
        "id", "host", "title", "description", "place", "minutes", "capacity", "price_credits", "refund_window_hours",
    }  # fmt: skip
    assert set(seen["host"]) == {"id", "login", "display_name"}
    assert answer["Cache-Control"].startswith("public")


def test_erasure_blanks_where_a_host_received(host: Caller, yoga: dict[str, Any], grace: User) -> None:
    add_hours(host, yoga)
    erasure.erase_person(login_or_id=str(grace.id), now=clock.read_now())
    for model in (Offering, AvailabilityRule, Slot):
        assert set(model.objects.values_list("description", "place", "link")) <= {("", "", "")}
    assert Offering.objects.get().public is False
