from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from bookings.models import Slot
from bookings.repositories import clock
from bookings.serializers import answers as shapes
from bookings.serializers.waiting import PlaceSerializer
from tests.bookings.api import Caller
from tests.bookings.people import make_person, make_slot, shift_start

CONTRACT: dict[str, set[str]] = {
    "host": {"id", "login", "display_name", "time_zone"},
    "slot": {
        "id",
        "host",
        "title",
        "starts_at",
        "ends_at",
        "capacity",
        "seats_taken",
        "seats_left",
        "status",
        "refund_deadline",
    },
    "booking": {
        "id",
        "slot_id",
        "host",
        "title",
        "status",
        "scheduled_start_time",
        "scheduled_end_time",
        "refund_deadline",
        "credits_charged",
        "credits_refunded",
        "created_at",
        "cancelled_at",
        "cancelled_by",
    },
    "preview": {"refund_deadline", "refundable", "credits", "subscription_id", "usable_until", "now"},
    "subscription": {"id", "plan", "credits_remaining", "starts_at", "ends_at", "active"},
    "entry": {"id", "subscription_id", "booking_id", "amount", "reason", "balance_after", "created_at"},
}


def fits(body: dict[str, Any], serializer: type[shapes.RowSerializer], promised: str = "") -> bool:
    """The answer has exactly the fields of the schema, and those of the contract among them."""
    assert CONTRACT.get(promised, set()) <= body.keys()
    return set(serializer().fields) == set(body)


@pytest.fixture
def a(ada: User) -> Caller:
    return Caller(ada)


@pytest.fixture
def g(grace: User) -> Caller:
    return Caller(grace)


@pytest.fixture
def m(mallory: User) -> Caller:
    return Caller(mallory)


def book(caller: Caller, slot: Slot) -> dict[str, Any]:
    return caller.post("/bookings", {"slot_id": str(slot.id)}, status=201)


def test_ada_books_looks_moves_and_cancels(a: Caller, grace: User, slot: Slot) -> None:
    booking = book(a, slot)
    assert fits(booking, shapes.BookingSerializer, "booking")
    listed = a.get("/bookings")["results"]
    assert [b["id"] for b in listed] == [booking["id"]]
    detail = a.get(f"/bookings/{booking['id']}")
    assert fits(detail, shapes.BookingDetailSerializer, "booking")
    preview = a.get(f"/bookings/{booking['id']}/refund-preview")
    assert fits(preview, shapes.RefundPreviewSerializer, "preview")
    assert (preview["refundable"], preview["credits"]) == (True, 1)
    other = make_slot(grace, hours=100)
    moved = a.post(f"/bookings/{booking['id']}/reschedule", {"slot_id": str(other.id)})
    assert (moved["id"], moved["slot_id"]) == (booking["id"], str(other.id))
    history = a.get(f"/bookings/{booking['id']}")["history"]
    assert [h["slot_id"] for h in history] == [str(slot.id)]
    done = a.post(f"/bookings/{booking['id']}/cancel", {"expected_credits_refunded": 1})
    assert (done["status"], done["credits_refunded"], done["cancelled_by"]) == ("cancelled", 1, "client")
    entries = a.get("/credit-entries")["results"]
    assert [e["amount"] for e in entries] == [1, -1, 5]
    assert all(fits(e, shapes.EntrySerializer, "entry") for e in entries)
    (subscription,) = a.get("/subscriptions")["results"]
    assert fits(subscription, shapes.SubscriptionSerializer, "subscription")
    assert (subscription["plan"], subscription["credits_remaining"], subscription["active"]) == ("Welcome", 5, True)


def test_grace_hosts(a: Caller, g: Caller, ada: User) -> None:
    start = clock.read_now() + timedelta(days=2)
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
    made = g.post("/slots", {"title": "Clinic", "capacity": 2, **times}, status=201)
    assert fits(made, shapes.SlotSerializer, "slot")
    assert g.refused("POST", "/slots", {"title": "Again", "capacity": 2, **times}) == (409, "slot_overlaps")
    assert g.post("/slots", made, status=409)["is_there"]
    booking = a.post("/bookings", {"slot_id": made["id"]}, status=201)
    (roster,) = g.get(f"/slots/{made['id']}/bookings")["results"]
    assert fits(roster, shapes.RosterSerializer, "booking")
    assert roster["client"]["login"] == "ada"
    shift_start(Slot.objects.get(id=made["id"]), hours=-0.5)
    assert g.post(f"/bookings/{booking['id']}/no-show")["status"] == "no_show"


def test_grace_cancels_a_slot_and_a_day(a: Caller, g: Caller, grace: User, slot: Slot) -> None:
    book(a, slot)
    done = g.post(f"/slots/{slot.id}/cancel")
    assert done == {"slot_ids": [str(slot.id)], "bookings_cancelled": 1, "credits_refunded": 1}
    assert a.refused("POST", "/bookings", {"slot_id": str(slot.id)}) == (409, "slot_cancelled")
    assert g.refused("POST", f"/slots/{slot.id}/cancel") == (409, "slot_cancelled")
    empty = {"slot_ids": [], "bookings_cancelled": 0, "credits_refunded": 0}
    assert g.post("/hosts/me/cancel-day", {"date": "2020-02-02"}) == empty | {"rule_id": None}
    assert a.refused("POST", "/hosts/me/cancel-day", {"date": "2020-02-02"}) == (403, "not_a_host")


def test_mallory_gets_404_for_what_is_not_hers(a: Caller, m: Caller, slot: Slot) -> None:
    booking = book(a, slot)["id"]
    for method, path in [
        ("GET", f"/bookings/{booking}"),
        ("GET", f"/bookings/{booking}/refund-preview"),
        ("POST", f"/bookings/{booking}/cancel"),
        ("POST", f"/bookings/{booking}/no-show"),
        ("GET", f"/slots/{slot.id}/bookings"),
        ("POST", f"/slots/{slot.id}/cancel"),
        ("GET", f"/pages/bookings/{booking}"),
        ("GET", f"/pages/hosting/slots/{slot.id}"),
    ]:
        assert m.refused(method, path) == (404, "not_found"), path
    body = {"slot_id": str(slot.id)}
    assert m.refused("POST", f"/bookings/{booking}/reschedule", body) == (404, "not_found")
    assert m.get("/bookings")["results"] == []
    assert m.get("/slots")["results"][0]["booking_id"] is None


def test_another_host_gets_404_too(a: Caller, slot: Slot) -> None:
    booking = book(a, slot)["id"]
    linus = Caller(make_person("linus", is_host=True))
    assert linus.refused("GET", f"/slots/{slot.id}/bookings") == (404, "not_found")
    assert linus.refused("POST", f"/slots/{slot.id}/cancel") == (404, "not_found")
    assert linus.refused("POST", f"/bookings/{booking}/no-show") == (404, "not_found")


def test_who_is_no_host_is_told_so(m: Caller) -> None:
    start = clock.read_now() + timedelta(days=2)
    slot = {"title": "x", "capacity": 1, "starts_at": start.isoformat(), "ends_at": (start + timedelta(1)).isoformat()}
    assert m.refused("POST", "/slots", slot) == (403, "not_a_host")
    assert m.refused("GET", "/availability-rules") == (403, "not_a_host")
    assert m.refused("POST", "/availability-rules", {"kind": "day_off", "date": "2027-01-01"}) == (403, "not_a_host")
    assert m.refused("GET", "/pages/hosting") == (403, "not_a_host")


def test_the_queue(a: Caller, m: Caller, grace: User) -> None:
    slot = make_slot(grace, capacity=1)
    assert m.refused("POST", f"/slots/{slot.id}/waitlist") == (400, "validation_error")
    booking = book(a, slot)["id"]
    place = m.post(f"/slots/{slot.id}/waitlist", status=201)
    assert fits(place, PlaceSerializer)
    assert (place["position"], m.get("/slots")["results"][0]["waiting"]) == (1, True)
    m.delete(f"/slots/{slot.id}/waitlist")
    m.post(f"/slots/{slot.id}/waitlist", status=201)
    a.post(f"/bookings/{booking}/cancel")
    (promoted,) = m.get("/bookings")["results"]
    assert (promoted["slot_id"], promoted["status"]) == (str(slot.id), "active")


def test_a_repeated_request_answers_the_same_booking(a: Caller, grace: User, slot: Slot) -> None:
    body, key = {"slot_id": str(slot.id)}, {"Idempotency-Key": "a-key-of-ada"}
    first = a.post("/bookings", body, status=201, **key)
    again = a.post("/bookings", body, status=201, **key)
    assert first["id"] == again["id"]
    other = {"slot_id": str(make_slot(grace, hours=100).id)}
    assert a.refused("POST", "/bookings", other, **key) == (409, "idempotency_conflict")
    assert a.refused("POST", "/bookings", other, **{"Idempotency-Key": "with space"}) == (400, "validation_error")


def test_a_changed_refund_is_told_with_the_amount(a: Caller, slot: Slot) -> None:
    booking = book(a, slot)["id"]
    shift_start(slot, hours=2)
    problem = a.post(f"/bookings/{booking}/cancel", {"expected_credits_refunded": 1}, status=409)
    assert (problem["code"], problem["credits_refunded"]) == ("refund_changed", 0)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/bookings", {}, "slot_id"),
        ("/bookings", {"slot_id": "x"}, "slot_id"),
        ("/slots", {"title": "x", "capacity": 0}, "capacity"),
        ("/slots", {"title": "x", "capacity": 1, "starts_at": "2027-01-01T10:00:00", "ends_at": "2027"}, "starts_at"),
        (
            "/slots",
            {"title": "x", "capacity": 1, "starts_at": "2027-01-01T10:00:00Z", "ends_at": "2027-01-01T10:00:00Z"},
            "ends_at",
        ),
        ("/hosts/me/cancel-day", {"date": "tomorrow"}, "date"),
        ("/availability-rules", {"kind": "weekly", "weekday": 8}, "weekday"),
        ("/availability-rules", {"kind": "day_off"}, "date"),
        ("/availability-rules", {"kind": "day_off", "date": "2027-01-01", "weekday": 1}, "weekday"),
    ],
)
def test_fields_that_are_wrong_are_named(g: Caller, path: str, body: dict[str, Any], field: str) -> None:
    problem = g.post(path, body, status=400)
    assert problem["code"] == "validation_error"
    assert field in problem["errors"]


@pytest.mark.parametrize("cursor", ["x", "W10", "WyIyMDI3IiwgIngiLCAxXQ", "%00", "bnVsbA"])
def test_a_made_up_cursor_is_refused(a: Caller, cursor: str) -> None:
    for path in ("/slots", "/bookings", "/credit-entries", "/subscriptions", "/hosts"):
        assert a.refused("GET", path, {"cursor": cursor}) == (400, "validation_error")


def test_scopes_are_needed(ada: User, slot: Slot) -> None:
    reader, nobody = Caller(ada, frozenset({"bookings:read"})), Caller(ada, frozenset({"account:read"}))
    reader.get("/slots")
    assert reader.refused("POST", "/bookings", {"slot_id": str(slot.id)}) == (403, "permission_denied")
    for path in ("/slots", "/hosts", "/bookings", "/subscriptions", "/credit-entries", "/calendar-feed", "/pages/home"):
        assert nobody.refused("GET", path) == (403, "permission_denied")
