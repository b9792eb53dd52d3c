"""Mallory has an account like everybody: what an own, valid credential can be bent into."""

import base64
import itertools
import json
from uuid import uuid4

import pytest
from django.test import Client as Http

from accounts.models import User
from bookings.models import Booking, Slot
from bookings.services import booking
from tests.bookings.people import make_person, make_slot
from tests.tokens.in_process import EVERY_SCOPE, call, post, sign_in
from tokens.models import PersonalAccessToken, Session

RAISED = {
    "is_staff": True, "is_superuser": True, "is_host": True, "is_active": False, "standing": "approved",
    "login": "root", "id": str(uuid4()), "pk": str(uuid4()), "github_id": 1, "email": "root@example.org",
    "password": "x", "scopes": ["x"], "user_permissions": [1], "groups": [1], "credits_remaining": 99,
    "avatar_url": "http://169.254.169.254/", "__proto__": {"is_staff": True}, "user": {"is_staff": True},
}  # fmt: skip


@pytest.fixture
def ada(db: None) -> User:
    return make_person("ada")


@pytest.fixture
def grace(db: None) -> User:
    return make_person("grace", is_host=True)


@pytest.fixture
def mallory(db: None) -> User:
    return make_person("mallory")


@pytest.fixture
def token(mallory: User) -> str:
    return sign_in(mallory).access_token


@pytest.fixture
def slot(grace: User) -> Slot:
    return make_slot(grace)


# Mass assignment


def test_no_field_of_the_person_but_the_three_can_be_set(client: Http, mallory: User, token: str) -> None:
    before: dict[str, object] = dict(User.objects.filter(id=mallory.id).values().get())
    answer = call(client, "/me", token, "PATCH", RAISED | {"display_name": "Mallory II"})
    assert answer.status_code == 200
    after: dict[str, object] = dict(User.objects.filter(id=mallory.id).values().get())
    assert {name for name in after if after[name] != before[name]} == {"display_name"}


def test_a_booking_is_made_for_oneself_whatever_is_sent(
    client: Http, ada: User, mallory: User, token: str, slot: Slot
) -> None:
    body = {"slot_id": str(slot.id), "client_id": str(ada.id), "client": str(ada.id), "user_id": str(ada.id)}
    body |= {"status": "completed", "credits_charged": 0, "refund_window": 0}  # type: ignore[dict-item]  # numbers, on purpose
    assert call(client, "/bookings", token, "POST", body).status_code == 201
    made = Booking.objects.get(slot=slot)
    assert (made.client_id, made.status, made.credits_charged) == (mallory.id, "active", 1)


def test_a_slot_is_ones_own_and_empty_whatever_is_sent(client: Http, ada: User, grace: User) -> None:
    body = {"title": "x", "starts_at": "2098-01-01T10:00Z", "ends_at": "2098-01-01T11:00Z", "capacity": 1}
    more = {"host": str(ada.id), "host_id": str(ada.id), "seats_taken": -5, "status": "cancelled", "id": str(uuid4())}
    made = call(client, "/slots", sign_in(grace).access_token, "POST", body | more).json()
    assert (made["host"]["id"], made["seats_taken"], made["status"]) == (str(grace.id), 0, "open")
    assert made["id"] != more["id"]


def test_a_token_is_ones_own_whatever_is_sent(client: Http, ada: User, mallory: User, token: str) -> None:
    body = {"name": "x", "scopes": ["account:read"], "user_id": str(ada.id), "user": str(ada.id), "token": "insp_mine"}
    made = call(client, "/personal-access-tokens", token, "POST", body)
    assert made.status_code == 201
    assert made.json()["token"] != "insp_mine"
    assert PersonalAccessToken.objects.get().user_id == mallory.id


# Scopes


@pytest.mark.parametrize("scope", ["account:write", "account:read account:write bookings:read"])
def test_no_way_leads_from_few_scopes_to_more(client: Http, mallory: User, scope: str) -> None:
    """By tokens, by devices, by refreshing with another scope, by asking again."""
    pair = sign_in(mallory, scope=scope)
    body = {"name": "x", "scopes": EVERY_SCOPE.split()}
    assert call(client, "/personal-access-tokens", pair.access_token, "POST", body).status_code == 403
    code = post(client, "device_authorization", scope=EVERY_SCOPE).json()["user_code"]
    assert call(client, f"/device-requests/{code}/approve", pair.access_token, "POST").status_code == 403
    renewed = post(client, "token", grant_type="refresh_token", refresh_token=pair.refresh_token, scope=EVERY_SCOPE)
    assert (renewed.status_code, renewed.json()["error"]) == (400, "invalid_scope")
    renewed = post(client, "token", grant_type="refresh_token", refresh_token=pair.refresh_token)
    assert set(renewed.json()["scope"].split()) == set(scope.split())


def test_a_personal_token_makes_nothing_that_outlives_it(client: Http, mallory: User, token: str) -> None:
    made = call(client, "/personal-access-tokens", token, "POST", {"name": "x", "scopes": EVERY_SCOPE.split()}).json()
    body = {"name": "child", "scopes": ["account:read"]}
    assert call(client, "/personal-access-tokens", made["token"], "POST", body).status_code == 403
    code = post(client, "device_authorization").json()["user_code"]
    assert call(client, f"/device-requests/{code}/approve", made["token"], "POST").status_code == 403
    assert post(client, "token", grant_type="refresh_token", refresh_token=made["token"]).status_code == 400
    assert Session.objects.filter(user=mallory).count() == 1


# Other ways to say a method or an address


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_header_makes_no_other_method_of_a_request(client: Http, token: str, header: str) -> None:
    answer = client.post("/api/v1/me", headers={"Authorization": f"Bearer {token}", header: "PATCH"})
    assert answer.status_code == 405
    read = client.get("/api/v1/sessions", headers={"Authorization": f"Bearer {token}", header: "DELETE"})
    assert read.status_code == 200
    assert call(client, "/me", token).status_code == 200


def test_a_field_makes_no_other_method_of_a_request(client: Http, token: str) -> None:
    assert call(client, "/me?_method=PATCH", token, "POST", {"_method": "PATCH"}).status_code == 405


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "MOVE"])
def test_an_odd_method_changes_nothing(client: Http, ada: User, token: str, slot: Slot, method: str) -> None:
    mine = booking.book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    answer = call(client, f"/bookings/{mine}", token, method)
    assert answer.status_code in {200, 404, 405}
    assert str(mine) not in answer.content.decode()
    assert Booking.objects.get(id=mine).status == "active"


@pytest.mark.parametrize("place", ["access_token", "token", "bearer"])
def test_a_token_counts_in_the_header_only(client: Http, token: str, place: str) -> None:
    assert client.get(f"/api/v1/me?{place}={token}").status_code == 401
    client.cookies["insighta_at"] = token
    client.cookies[place] = token
    assert client.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_what_another_site_can_send_unasked_is_no_call(client: Http, mallory: User, token: str, kind: str) -> None:
    """A page elsewhere sends these types without a preflight; the API takes JSON, and no cookie is a credential."""
    body = b'{"display_name": "owned"}'
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.generic("PATCH", "/api/v1/me", body, kind, headers=bearer).status_code == 415
    User.objects.filter(id=mallory.id).update(is_staff=True)
    client.force_login(mallory, backend="accounts.authentication.StaffBackend")
    assert client.generic("PATCH", "/api/v1/me", body, "application/json").status_code == 401


# What belongs to others


@pytest.mark.parametrize(("seats", "status"), [(2, 201), (1, 409)], ids=["a seat is left", "none is left"])
def test_the_idempotency_keys_of_two_people_are_two_keys(
    client: Http, ada: User, grace: User, mallory: User, token: str, seats: int, status: int
) -> None:
    slot = make_slot(grace, capacity=seats)
    mine = booking.book_slot(client_id=ada.id, slot_id=slot.id, idempotency_key="the-same-key")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "the-same-key"}
    body = json.dumps({"slot_id": str(slot.id)})
    answer = client.post("/api/v1/bookings", body, content_type="application/json", headers=headers)
    assert answer.status_code == status
    assert str(mine["id"]) not in answer.text
    assert Booking.objects.filter(client_id=mallory.id).count() == (status == 201)


def test_a_cursor_of_somebody_elses_list_shows_ones_own(client: Http, ada: User, grace: User, token: str) -> None:
    for hours in range(24, 24 * 55, 24):
        make_slot(grace, hours=hours)
    cursor = call(client, "/slots", sign_in(ada).access_token).json()["next"].rpartition("cursor=")[2]
    for path in ("/bookings", "/credit-entries", "/subscriptions", "/pages/bookings", "/pages/credits"):
        answer = call(client, f"{path}?cursor={cursor}", token)
        assert answer.status_code in {200, 400}
        assert str(ada.id) not in answer.text


@pytest.mark.parametrize(
    "text", ["null", "[]", "{}", "[1]", '["2026-01-01", "x"]', '["\\u0000", null]', "[[[[]]]]", '"x"', "1e999"]
)
def test_a_made_up_cursor_is_refused(client: Http, token: str, text: str) -> None:
    cursor = base64.urlsafe_b64encode(text.encode()).decode()
    for path in ("/slots", "/bookings", "/credit-entries", "/hosts", "/subscriptions"):
        answer = call(client, f"{path}?cursor={cursor}", token)
        assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")


def test_nothing_can_be_found_by_counting(client: Http, ada: User, token: str, slot: Slot) -> None:
    """Neighbours of a known id are as unknown as any other, and ids of one second differ in 62 random bits or more."""
    mine = booking.book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    for step in (-2, -1, 1, 2):
        near = type(mine)(int=mine.int + step)
        assert call(client, f"/bookings/{near}", token).status_code == 404
    made = [make_person(f"many-{number}").id.int & (2**62 - 1) for number in range(20)]
    assert all(abs(a - b) > 2**30 for a, b in itertools.pairwise(sorted(made)))


# A calendar's address


def test_a_rotated_calendar_address_is_as_unknown_as_a_forged_one(client: Http, ada: User) -> None:
    token = sign_in(ada).access_token
    address = call(client, "/calendar-feed", token).json()["url"]
    call(client, "/calendar-feed/rotate", token, "POST")
    old, forged = client.get(address), client.get(f"{address.rpartition('_')[0]}_{'A' * 54}.ics")
    assert (old.status_code, old.content) == (forged.status_code, forged.content) == (404, forged.content)
