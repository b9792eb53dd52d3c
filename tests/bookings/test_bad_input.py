"""What a host may not say, at every door where it can be said: refused by name, and nothing is half done."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from bookings.models import Offering, Slot
from bookings.repositories import clock
from bookings.services.booking import book_slot
from tests.bookings.api import Caller
from tests.bookings.people import make_offering, make_person, make_slot, make_weekly, state

LINKS = [
    "http://meet.example/", "javascript:alert(1)", "//meet.example/", "meet.example", "https://", "https:///x",
    "https://grace@meet.example/", "https://meet.example/\u202ex", "ftp://meet.example/",
    "https://meet.example/" + "x" * 500,
]  # fmt: skip
OFFERED: list[tuple[str, Any]] = [
    *(("link", link) for link in LINKS),
    ("place", "x" * 201),
    ("description", "x" * 2001),
    ("title", "\u200b\u202e"),
    ("title", "x" * 201),
    ("capacity", 0),
    ("capacity", 501),
    ("capacity", "many"),
]
TERMS: list[tuple[str, Any]] = [
    ("price_credits", -1),
    ("price_credits", 101),
    ("price_credits", 1.5),
    ("refund_window_hours", -1),
    ("refund_window_hours", 721),
]
MESSAGE: list[tuple[str, Any]] = [("message", "x" * 1001), ("message", ["x"])]
# By door: its method, and what can be said there.
DOORS: dict[str, tuple[str, list[tuple[str, Any]]]] = {
    "new offering": ("post", OFFERED + TERMS),
    "offering": ("patch", OFFERED + TERMS + MESSAGE),
    "new slot": ("post", OFFERED + TERMS),
    "slot": ("patch", OFFERED + MESSAGE),
    "new rule": ("post", OFFERED + TERMS + MESSAGE),
    "rule": ("patch", OFFERED + TERMS + MESSAGE),
    "week": ("put", MESSAGE),
}
SCRIPTS = ["Йога для начинающих", "瑜伽課程", "يوجا للمبتدئين", "योग", "שיעור", "Ñandú ẞ", "👩‍🏫 Yoga", "ﷺ", "a\u0301"]


@pytest.fixture
def host(grace: User) -> Caller:
    return Caller(grace)


@pytest.fixture
def doors(grace: User, ada: User) -> dict[str, tuple[str, dict[str, Any]]]:
    """Address and a body that is right of each; what there is has been booked."""
    weekly, offering, slot = make_weekly(grace)[0], make_offering(grace), make_slot(grace)
    for one in (weekly, slot):
        book_slot(client_id=ada.id, slot_id=one.id)
    start = clock.read_now() + timedelta(days=4)
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
    hours = {"kind": "weekly", "weekday": 1, "start_time": "20:00", "end_time": "21:00"}
    return {
        "new offering": ("/offerings", {"title": "New", "minutes": 60}),
        "offering": (f"/offerings/{offering.id}", {}),
        "new slot": ("/slots", {"title": "New", "capacity": 1, **times}),
        "slot": (f"/slots/{slot.id}", {}),
        "new rule": ("/availability-rules", {"title": "New", **hours}),
        "rule": (f"/availability-rules/{weekly.rule_id}", {}),
        "week": (f"/offerings/{weekly.offering_id}/weekly-hours", {"hours": []}),
    }


def send(caller: Caller, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = getattr(caller.client, method)(f"/api/v1{path}", body, content_type="application/json")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("door", DOORS)
def test_what_cannot_be_said_is_refused_by_name(
    host: Caller, doors: dict[str, tuple[str, dict[str, Any]]], door: str
) -> None:
    (method, wrong), (path, right), before = DOORS[door], doors[door], state()
    for field, value in wrong:
        status, answer = send(host, method, path, right | {field: value})
        assert (status, answer["code"], set(answer["errors"])) == (400, "validation_error", {field}), (field, value)
    assert state() == before


@pytest.mark.parametrize("door", [door for door in DOORS if door != "week"])
def test_texts_of_any_script_are_kept_as_they_are_written(
    host: Caller, doors: dict[str, tuple[str, dict[str, Any]]], door: str
) -> None:
    method, (path, right) = DOORS[door][0], doors[door]
    for number, text in enumerate(SCRIPTS):
        body = right | {"title": text, "place": text, "description": f"{text}\n{text}"}
        if door == "new slot":
            # Two at one time would overlap, and the weekly sessions begin in eight days.
            start = clock.read_now() + timedelta(days=5, hours=2 * number)
            body |= {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
        if door == "new rule":
            body |= {"weekday": number % 7 + 1, "start_time": f"{20 + number // 7}:00", "end_time": "22:00"}
        status, answer = send(host, method, path, body)
        assert status in {200, 201}, answer
        assert (answer["title"], answer["place"], answer["description"]) == (text, text, f"{text}\n{text}")


def test_the_offering_of_another_host_is_none(
    host: Caller, doors: dict[str, tuple[str, dict[str, Any]]], mallory: User
) -> None:
    theirs = make_offering(make_person("linus", is_host=True))
    before = state()
    for door in ("new slot", "new rule", "rule"):
        path, right = doors[door]
        status, answer = send(host, DOORS[door][0], path, right | {"offering_id": str(theirs.id)})
        assert (status, set(answer["errors"])) == (400, {"offering_id"}), door
    for method, path, body in (
        ("patch", f"/offerings/{theirs.id}", {"title": "Mine", "preview": True}),
        ("patch", f"/offerings/{theirs.id}", {"capacity": 0}),
        ("put", f"/offerings/{theirs.id}/weekly-hours", {"hours": [], "message": "x"}),
    ):
        assert send(host, method, path, body)[0] == (400 if "capacity" in body else 404)
    assert state() == before
    assert Offering.objects.get(id=theirs.id).title == "Offered"


def test_a_session_beside_another_at_the_same_time_is_refused(host: Caller, grace: User, ada: User) -> None:
    first, second = make_slot(grace, hours=50), make_slot(grace, hours=60)
    book_slot(client_id=ada.id, slot_id=first.id)
    times = {"starts_at": second.starts_at.isoformat(), "ends_at": second.ends_at.isoformat()}
    before = state()
    for preview in (True, False):
        body = times | {"place": "Room 2", "preview": preview}
        assert host.refused("PATCH", f"/slots/{first.id}", body) == (409, "slot_overlaps")
    assert host.refused("POST", "/slots", {"title": "New", "capacity": 1, **times}) == (409, "slot_overlaps")
    assert state() == before
    assert Slot.objects.get(id=first.id).starts_at == first.starts_at
